//! A completion, as the program sees it, with the stamps that tell where its time went.

use dyad_spec::entry::completion as layout;
use dyad_spec::{Field, Order, Status};

/// A 64-byte entry as eight little-endian words in this machine's order.
pub(crate) type Words = [u64; 8];

/// Reads a field that lies in one word. Folds to a shift and a mask.
#[inline(always)]
pub(crate) const fn get(words: &Words, field: Field) -> u64 {
    assert!(field.lsb % 64 + field.width <= 64, "the field lies in one word");
    words[field.lsb / 64] >> (field.lsb % 64) & field.mask()
}

/// `value` where `field` has it in its word, which must be zero there. Bits that do not fit are cut off.
#[inline(always)]
pub(crate) const fn put(words: &mut Words, field: Field, value: u64) {
    assert!(field.lsb % 64 + field.width <= 64, "the field lies in one word");
    words[field.lsb / 64] |= (value & field.mask()) << (field.lsb % 64);
}

/// Identifies a command in flight on its queue. It carries a sequence number, so that a completion which comes twice or
/// late is told from that of the command that has the place now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub(crate) u16);

impl CommandId {
    /// The identifier as it stands in the entries.
    pub fn raw(self) -> u16 {
        self.0
    }
}

/// When a command passed each stage of the card: all but the first in cycles after the doorbell. A stage that a command
/// does not have is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stages {
    /// Doorbell accepted: core clock periods of the card's `now` (48 bits).
    pub doorbell: u64,
    /// The submission entry had been read.
    pub fetched: u32,
    /// Owner and lock of the last block were had.
    pub lookup: u32,
    /// The local store had answered.
    pub local: u32,
    /// First beat of the first frame of the last block.
    pub frame: u32,
    /// Last beat of the block's last frame, as first sent.
    pub sent: u32,
    /// The peer's acknowledgement was verified.
    pub ack: u32,
    /// This entry was handed to the host port.
    pub posted: u32,
    /// Not a stage here: cycles that the block spent in the peer's card, counted there.
    pub mirror: u32,
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    pub(crate) words: Words,
    pub(crate) status: Status,
}

impl Completion {
    /// The command.
    #[inline]
    pub fn id(&self) -> CommandId {
        CommandId(get(&self.words, layout::CID) as u16)
    }

    /// How it ended.
    #[inline]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Index, in the command, of the first block that failed.
    pub fn block(&self) -> u16 {
        get(&self.words, layout::BLOCK) as u16
    }

    /// `NotOwner`: the owner.
    pub fn owner(&self) -> u8 {
        get(&self.words, layout::OWNER) as u8
    }

    /// `NotOwner`: the extent's epoch.
    pub fn epoch(&self) -> u32 {
        get(&self.words, layout::EPOCH) as u32
    }

    /// Times that the last block was sent to the peer again.
    pub fn retries(&self) -> u8 {
        get(&self.words, layout::RETRIES) as u8
    }

    /// Where its time went.
    pub fn stages(&self) -> Stages {
        let cycles = |field| get(&self.words, field) as u32;
        Stages {
            doorbell: get(&self.words, layout::T_DOORBELL),
            fetched: cycles(layout::D_FETCHED),
            lookup: cycles(layout::D_LOOKUP),
            local: cycles(layout::D_LOCAL),
            frame: cycles(layout::D_FRAME),
            sent: cycles(layout::D_SENT),
            ack: cycles(layout::D_ACK),
            posted: cycles(layout::D_POSTED),
            mirror: cycles(layout::D_MIRROR),
        }
    }

    /// The entry as the card wrote it.
    pub fn entry(&self) -> layout::Completion {
        let mut entry = layout::Completion::new();
        for (bytes, word) in entry.0.chunks_exact_mut(8).zip(self.words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        entry
    }
}

impl std::fmt::Debug for Completion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completion").field("status", &self.status).field("entry", &self.entry()).finish()
    }
}

// The helpers above take the contract's fields as little-endian; the contract says that they are.
const _: () = assert!(matches!(layout::Completion::ORDER, Order::Little));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accessors_agree_with_the_contract() {
        let mut entry = layout::Completion::new();
        for (i, field) in layout::FIELDS.iter().enumerate() {
            field.write(Order::Little, &mut entry.0, 0x0101_0101_0101_0101u64.wrapping_mul(i as u64 + 1));
        }
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(entry.0.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().unwrap());
        }
        let completion = Completion { words, status: Status::Ok };
        assert_eq!(completion.entry(), entry);
        assert_eq!(u64::from(completion.id().raw()), entry.cid());
        assert_eq!(u64::from(completion.block()), entry.block());
        assert_eq!(u64::from(completion.owner()), entry.owner());
        assert_eq!(u64::from(completion.epoch()), entry.epoch());
        assert_eq!(u64::from(completion.retries()), entry.retries());
        let stages = completion.stages();
        assert_eq!(stages.doorbell, entry.t_doorbell());
        for (ours, theirs) in [
            (stages.fetched, entry.d_fetched()),
            (stages.lookup, entry.d_lookup()),
            (stages.local, entry.d_local()),
            (stages.frame, entry.d_frame()),
            (stages.sent, entry.d_sent()),
            (stages.ack, entry.d_ack()),
            (stages.posted, entry.d_posted()),
            (stages.mirror, entry.d_mirror()),
        ] {
            assert_eq!(u64::from(ours), theirs);
        }
    }

    #[test]
    fn words_of_a_field_are_those_of_the_contract() {
        for field in layout::FIELDS {
            let mut words = [0; 8];
            put(&mut words, *field, u64::MAX);
            let mut entry = layout::Completion::new();
            field.write(Order::Little, &mut entry.0, u64::MAX);
            assert_eq!(words.map(u64::to_le_bytes).concat(), entry.0, "{}", field.name);
            assert_eq!(get(&words, *field), field.mask());
        }
    }
}
