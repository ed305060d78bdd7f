//! Sizes and times of one card, as the model takes them.

use super::Mutation;

/// Parameters of a [`Site`](super::Site). Both sites of a link have the same.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Slots for own operations, and records for the peer's slots. 1 to 4096.
    pub slots: u16,
    /// Whole-block gather buffers for blocks that arrive from the peer. 1 to 255.
    pub bufs: u8,
    /// Blocks of the LUN.
    pub blocks: u32,
    /// log2 of the blocks in an extent.
    pub extent_shift: u8,
    /// Buckets of the lock table, a power of two.
    pub buckets: u16,
    /// Frames that carry a block: 1 (MTU 9000) or [`PARTS`](super::PARTS) (MTU 1500).
    pub parts: u8,
    /// Last sequence number of a slot; the slot then rests until the numbers are renewed at a link-up.
    pub seq_max: u32,
    /// Last epoch of an extent in one LUN generation; the extent then stays where it is.
    pub epoch_max: u16,
    /// Last LUN generation; the LUN then stays where it is until the numbers are renewed at a link-up.
    pub lun_max: u16,
    /// Time without an answer after which a frame is sent again.
    pub repeat: u64,
    /// Time that a sender waits after BUSY without a turn, and after NOT_OWNER.
    pub backoff: u64,
    /// Time that a COMMIT waits for a frame that can carry it.
    pub commit_delay: u64,
    /// Repeats after which a command ends with `PeerTimeout` and the link is fenced; 0: never.
    pub repeats: u16,
    /// COMMITs ride in the trailers of other frames.
    pub trailer: bool,
    /// As the cards do: a compare-and-write at the site that does not own the block takes the extent over, and is decided
    /// there. Otherwise it is requested of the owner.
    pub take_over: bool,
    /// The one thing that this card does wrong, if any.
    pub mutation: Option<Mutation>,
}

impl Config {
    /// A card for the search: no times, so that whatever may be repeated may be repeated now.
    pub fn small(slots: u16, blocks: u32, extent_shift: u8) -> Self {
        Config {
            slots,
            bufs: 2,
            blocks,
            extent_shift,
            buckets: 1,
            parts: 1,
            seq_max: u32::MAX,
            epoch_max: u16::MAX,
            lun_max: u16::MAX,
            repeat: 0,
            backoff: 0,
            commit_delay: 0,
            repeats: 0,
            trailer: false,
            take_over: false,
            mutation: None,
        }
    }

    /// Extents of the LUN.
    pub fn extents(&self) -> usize {
        (self.blocks as usize).div_ceil(1 << self.extent_shift)
    }

    /// Whether the card has this defect.
    pub fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}
