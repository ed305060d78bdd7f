//! Operations on one block: from a slot to the engines that carry it out, and back.

use super::{CMD_W, KIND_W, LBA_W, LUN_W, SLOT_W};

bundle! {
    /// An operation on one block, as a command is split into.
    OpInfo {
        /// Command it belongs to.
        cmd: CMD_W,
        /// Index of the block in the command.
        block: 6,
        /// See [`op_kind`].
        kind: KIND_W,
        /// The LUN is not mirrored: no frame, no acknowledgement.
        local: 1,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Page of the block's data in host memory: IOVA over 4096. OWN: its code. COMPARE: of the page that is expected; the
        /// data are in the next one.
        page: 52,
    }
}
/// Kinds of operations in `OpInfo`.
pub mod op_kind {
    /// Read from the local store.
    pub const READ: u64 = 0;
    /// Dual write.
    pub const WRITE: u64 = 1;
    /// Flush of both stores.
    pub const FLUSH: u64 = 2;
    /// An extent, or a LUN, wanted or given up.
    pub const OWN: u64 = 3;
    /// Dual write of a block that is what the host expects.
    pub const COMPARE: u64 = 4;
    /// Dual write of a block of zeroes.
    pub const ZEROES: u64 = 5;
}
bundle! {
    /// An operation under way, as handed to the engine that carries it out.
    Launch {
        /// Slot.
        slot: SLOT_W,
        /// Sequence of this use of the slot.
        seq: 32,
        /// Epoch of the extent.
        epoch: 32,
        /// Not mirrored.
        local: 1,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Page in host memory.
        page: 52,
        /// The peer owns the block: to the staging area, and to the peer as a request.
        request: 1,
        /// The block becomes all zeroes: nothing is read from host memory.
        zeroes: 1,
    }
}
bundle! {
    /// A block to be compared with a page of the host.
    CompareJob {
        /// Slot.
        slot: SLOT_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Page in host memory: IOVA over 4096.
        page: 52,
        /// Epoch of the extent: comes back.
        epoch: 32,
    }
}
bundle! {
    /// The outcome.
    Compared {
        /// Slot.
        slot: SLOT_W,
        /// Status code: Ok when they are equal.
        status: 8,
        /// Epoch of the extent.
        epoch: 32,
    }
}
bundle! {
    /// A block of the staging area to be copied home.
    CopyJob {
        /// Slot.
        slot: SLOT_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
    }
}
bundle! {
    /// A block, or a flush, to send again.
    Resend {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// CRC32C of the block as first sent.
        crc: 32,
        /// It is in the staging area, and a request.
        request: 1,
    }
}
bundle! {
    /// The local leg of a slot has ended.
    LocalDone {
        /// Slot.
        slot: SLOT_W,
        /// Status code: Ok, StoreError, or a DMA fault, which means that nothing was written.
        status: 8,
        /// CRC32C of the block's 4096 bytes. About an owner: the sequence.
        crc: 32,
        /// It is about an owner.
        own: 1,
    }
}
bundle! {
    /// A slot's operation ended, or failed for good.
    OpEnd {
        /// Slot.
        slot: SLOT_W,
        /// Status code.
        status: 8,
    }
}
bundle! {
    /// A whole block in a gather buffer, to be written home.
    HomeJob {
        /// Gather buffer.
        buf: 4,
        /// Block in the store.
        block: LBA_W,
        /// It is all zeroes, whatever the buffer holds.
        zeroes: 1,
    }
}
