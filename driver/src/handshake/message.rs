//! Messages between the two drivers: 256 bytes, little-endian, with a CRC32C. This is their only definition.
//!
//! Every message begins with magic, version, kind, flags and checksum, so that drivers of different versions can still
//! tell each other so; then come the two nonces, the round, and what the kind has to say. The rest is zero.

use dyad_spec::wire::MAILBOX_BYTES;

use super::offer::{LunOffer, Mode, Offer};
use super::{Mismatch, MismatchField};
use crate::device::Mtu;

/// Version of these messages. Drivers of different versions refuse each other.
pub const PROTOCOL_VERSION: u16 = 2;
/// "DYHM", least significant byte first.
const MAGIC: u32 = u32::from_le_bytes(*b"DYHM");
/// Where the checksum is: after magic, version, kind and flags.
const CRC_AT: usize = 8;
/// Of a LUN: log2 of the blocks of an extent, in the low bits of one byte.
const SHIFT: u8 = 0x1f;
/// In the same byte: site b is the default owner.
const OWNER_B: u8 = 0x40;
/// In the same byte: both stores held the same.
const SYNCED: u8 = 0x80;
/// Flag: the sender has heard the receiver's message of this kind and round.
const SEEN: u8 = 1;
/// Flag: the sender does not know yet that it was heard, and asks for an answer.
const WANTS: u8 = 2;
/// Most bytes of a text in a refusal.
const TEXT_BYTES: usize = 64;

const CRC32C: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// What the sender has and wants.
    Hello(Box<Offer>),
    /// Sent in a frame of the largest size.
    Probe,
    /// The sender has marked its store as open in this generation.
    Ready {
        /// Link generation.
        generation: u16,
    },
    /// The two do not go together.
    Refuse(Box<Mismatch>),
    /// The sender has drained and flushed, and writes nothing more in this generation.
    Bye {
        /// Link generation.
        generation: u16,
    },
    /// The sender is at work on a sync; only to show that it lives.
    Progress {
        /// LUN number.
        lun: u8,
        /// Blocks done.
        blocks: u64,
    },
    /// The sender has copied the LUN; from the other side: it waits for that.
    Copied {
        /// LUN number.
        lun: u8,
    },
    /// SHA-256 of the sender's copy of the LUN.
    Digest {
        /// LUN number.
        lun: u8,
        /// The digest.
        sha256: [u8; 32],
    },
}

impl Body {
    fn kind(&self) -> u8 {
        match self {
            Body::Hello(_) => 1,
            Body::Probe => 2,
            Body::Ready { .. } => 3,
            Body::Refuse(_) => 4,
            Body::Bye { .. } => 5,
            Body::Progress { .. } => 6,
            Body::Copied { .. } => 7,
            Body::Digest { .. } => 8,
        }
    }

    /// Whether the two are of one kind, whatever they say.
    pub fn same_kind(&self, other: &Body) -> bool {
        self.kind() == other.kind()
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's nonce, never 0.
    pub from: u64,
    /// The receiver's nonce as the sender knows it; 0 when it does not.
    pub to: u64,
    /// Tells apart several exchanges of one kind.
    pub round: u32,
    /// The sender has heard the receiver's message of this kind and round.
    pub seen: bool,
    /// The sender asks for an answer.
    pub wants: bool,
    /// What it says.
    pub body: Body,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMessage {
    /// Not one at all: noise, or damaged.
    Noise,
    /// One of another version.
    Version(u16),
}

/// Writes one after the other.
struct Writer {
    bytes: [u8; MAILBOX_BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        self
    }
    fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }
    fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
    fn u40(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes()[..5])
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
    fn u128(&mut self, value: u128) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
    fn text(&mut self, text: &str) -> &mut Self {
        let mut end = text.len().min(TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.u8(end as u8).put(&text.as_bytes()[..end])
    }
}

/// Reads one after the other; `None` past the end.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|b| b[0])
    }
    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn u40(&mut self) -> Option<u64> {
        Some(u64::from(self.u32()?) | u64::from(self.u8()?) << 32)
    }
    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
    fn u128(&mut self) -> Option<u128> {
        self.take().map(u128::from_le_bytes)
    }
    fn text(&mut self) -> Option<String> {
        let len = usize::from(self.u8()?);
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        String::from_utf8(head.to_vec()).ok()
    }
}

fn checksum(bytes: &[u8; MAILBOX_BYTES]) -> u32 {
    let mut digest = CRC32C.digest();
    digest.update(&bytes[..CRC_AT]);
    digest.update(&[0; 4]);
    digest.update(&bytes[CRC_AT + 4..]);
    digest.finalize()
}

impl Message {
    /// The message as bytes.
    pub fn encode(&self) -> [u8; MAILBOX_BYTES] {
        let mut w = Writer { bytes: [0; MAILBOX_BYTES], at: 0 };
        let flags = (u8::from(self.seen) * SEEN) | (u8::from(self.wants) * WANTS);
        w.u32(MAGIC).u16(PROTOCOL_VERSION).u8(self.body.kind()).u8(flags);
        w.u32(0).u64(self.from).u64(self.to).u32(self.round);
        match &self.body {
            Body::Hello(offer) => put_offer(&mut w, offer),
            Body::Probe => {}
            Body::Ready { generation } | Body::Bye { generation } => drop(w.u16(*generation)),
            Body::Refuse(m) => {
                w.u8(m.field as u8).u8(m.lun.unwrap_or(0)).text(&m.ours).text(&m.theirs);
            }
            Body::Progress { lun, blocks } => drop(w.u8(*lun).u64(*blocks)),
            Body::Copied { lun } => drop(w.u8(*lun)),
            Body::Digest { lun, sha256 } => drop(w.u8(*lun).put(sha256)),
        }
        let crc = checksum(&w.bytes);
        w.bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        w.bytes
    }

    /// Reads a message.
    ///
    /// # Errors
    /// The bytes are no message, or one of another version.
    pub fn decode(bytes: &[u8; MAILBOX_BYTES]) -> Result<Self, NoMessage> {
        let mut r = Reader(bytes);
        let (magic, version) = (r.u32(), r.u16().ok_or(NoMessage::Noise)?);
        let (kind, flags, crc) = (r.u8(), r.u8(), r.u32());
        if magic != Some(MAGIC) || crc != Some(checksum(bytes)) {
            return Err(NoMessage::Noise);
        }
        if version != PROTOCOL_VERSION {
            return Err(NoMessage::Version(version));
        }
        Self::read(&mut r, kind, flags).ok_or(NoMessage::Noise)
    }

    fn read(r: &mut Reader, kind: Option<u8>, flags: Option<u8>) -> Option<Self> {
        let (from, to, round) = (r.u64()?, r.u64()?, r.u32()?);
        let body = match kind? {
            1 => Body::Hello(Box::new(take_offer(r)?)),
            2 => Body::Probe,
            3 => Body::Ready { generation: r.u16()? },
            4 => {
                let (field, lun) = (MismatchField::from_code(r.u8()?)?, r.u8()?);
                let lun = (lun != 0).then_some(lun);
                Body::Refuse(Box::new(Mismatch { field, lun, ours: r.text()?, theirs: r.text()? }))
            }
            5 => Body::Bye { generation: r.u16()? },
            6 => Body::Progress { lun: r.u8()?, blocks: r.u64()? },
            7 => Body::Copied { lun: r.u8()? },
            8 => Body::Digest { lun: r.u8()?, sha256: r.take()? },
            _ => return None,
        };
        let flags = flags?;
        (from != 0).then_some(Self { from, to, round, seen: flags & SEEN != 0, wants: flags & WANTS != 0, body })
    }
}

fn put_offer(w: &mut Writer, o: &Offer) {
    w.u32(o.spec_version).u8(o.site).u128(o.pair).u16(o.generation).u16(o.slots.min(0xffff) as u16);
    w.u32(o.store_rate_mb_s).u16(o.mtu.bytes() as u16);
    w.u8(match o.mode {
        Mode::Serve => 0,
        Mode::SyncFrom(site) => 1 + site,
    });
    w.u32(o.extents).u16(o.last_generation).u8(u8::from(o.clean) | u8::from(o.resumes) << 1).u8(o.luns.len() as u8);
    for l in &o.luns {
        let state = l.extent_shift & SHIFT | if l.owner == 0 { 0 } else { OWNER_B } | if l.synced { SYNCED } else { 0 };
        w.u8(l.lun).u40(l.blocks).u8(state).u16(l.generation).u128(l.uuid);
    }
}

fn take_offer(r: &mut Reader) -> Option<Offer> {
    let mut offer = Offer {
        spec_version: r.u32()?,
        site: r.u8()?,
        pair: r.u128()?,
        generation: r.u16()?,
        slots: r.u16()?.into(),
        store_rate_mb_s: r.u32()?,
        mtu: match usize::from(r.u16()?) {
            n if n == Mtu::Standard.bytes() => Mtu::Standard,
            n if n == Mtu::Jumbo.bytes() => Mtu::Jumbo,
            _ => return None,
        },
        mode: match r.u8()? {
            0 => Mode::Serve,
            n @ 1..=2 => Mode::SyncFrom(n - 1),
            _ => return None,
        },
        extents: r.u32()?,
        last_generation: r.u16()?,
        clean: false,
        resumes: false,
        luns: Vec::new(),
    };
    let state = r.u8().filter(|state| *state < 4)?;
    (offer.clean, offer.resumes) = (state & 1 != 0, state & 2 != 0);
    let count = r.u8()?;
    for _ in 0..count {
        let (lun, blocks, state) =
            (r.u8()?, r.u40()?, r.u8().filter(|state| state & !(SHIFT | OWNER_B | SYNCED) == 0)?);
        offer.luns.push(LunOffer {
            lun,
            blocks,
            extent_shift: state & SHIFT,
            owner: u8::from(state & OWNER_B != 0),
            generation: r.u16()?,
            uuid: r.u128()?,
            synced: state & SYNCED != 0,
        });
    }
    Some(offer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyad_spec::LBA_BITS;

    fn offer() -> Offer {
        let lun = |lun| LunOffer {
            lun,
            blocks: (1 << LBA_BITS) - 1,
            extent_shift: 31,
            owner: 1,
            generation: 0xffff,
            uuid: u128::MAX - u128::from(lun),
            synced: true,
        };
        Offer {
            spec_version: dyad_spec::SPEC_VERSION,
            site: 1,
            pair: 42 << 100,
            generation: 0xffff,
            slots: 4096,
            store_rate_mb_s: u32::MAX,
            mtu: Mtu::Standard,
            mode: Mode::SyncFrom(1),
            extents: 1 << 16,
            last_generation: 7,
            clean: true,
            resumes: false,
            luns: (1..8).map(lun).collect(),
        }
    }

    fn bodies() -> Vec<Body> {
        let mismatch =
            Mismatch { field: MismatchField::Mtu, lun: Some(3), ours: "9000".to_owned(), theirs: "1500".to_owned() };
        vec![
            Body::Hello(Box::new(offer())),
            Body::Probe,
            Body::Ready { generation: 9 },
            Body::Refuse(Box::new(mismatch)),
            Body::Bye { generation: 65535 },
            Body::Progress { lun: 2, blocks: 1 << 40 },
            Body::Copied { lun: 7 },
            Body::Digest { lun: 1, sha256: [0xab; 32] },
        ]
    }

    #[test]
    fn every_kind_survives_the_way_there() {
        for (i, body) in bodies().into_iter().enumerate() {
            let message =
                Message { from: 1 + i as u64, to: i as u64, round: 77, seen: i % 2 == 0, wants: i % 3 == 0, body };
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = Message { from: 5, to: 6, round: 0, seen: true, wants: false, body: bodies().remove(0) }.encode();
        for bit in 0..MAILBOX_BYTES * 8 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Message::decode(&bad), Err(NoMessage::Noise), "bit {bit}");
        }
    }

    #[test]
    fn another_version_is_told_from_noise() {
        let mut bytes = Message { from: 5, to: 6, round: 0, seen: true, wants: false, body: Body::Probe }.encode();
        bytes[4] = 9;
        let crc = checksum(&bytes);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Message::decode(&bytes), Err(NoMessage::Version(9)));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = Mismatch { field: MismatchField::Pair, lun: None, ours: "ä".repeat(60), theirs: String::new() };
        let message =
            Message { from: 1, to: 2, round: 0, seen: false, wants: false, body: Body::Refuse(Box::new(long)) };
        let Ok(Message { body: Body::Refuse(back), .. }) = Message::decode(&message.encode()) else { panic!() };
        assert_eq!(back.ours, "ä".repeat(32));
    }
}
