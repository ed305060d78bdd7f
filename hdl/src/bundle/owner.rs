//! Owners and locks: what the directory, the lock table and the admission of writes say to each other.

use super::{HOLDER_W, INDEX_W, LBA_W, LUN_W, SLOT_W};

bundle! {
    /// A lookup's answer.
    Lookup {
        /// The asker's tag.
        tag: 4,
        /// The address is inside a LUN that exists.
        valid: 1,
        /// Owner: site 0 or 1.
        owner: 1,
        /// LUN generation and extent epoch.
        epoch: 32,
        /// The owner is about to hand the extent over: nothing new is admitted.
        closing: 1,
        /// Number of the extent's entry.
        index: INDEX_W,
    }
}
bundle! {
    /// A lookup's question.
    LookupReq {
        /// LUN.
        lun: LUN_W,
        /// Address.
        lba: LBA_W,
        /// Comes back with the answer.
        tag: 4,
    }
}
bundle! {
    /// A change of one directory entry.
    DirUpdate {
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// New owner.
        owner: 1,
        /// New extent epoch.
        epoch: 16,
        /// About to be handed over.
        closing: 1,
    }
}
bundle! {
    /// A change of a LUN's default owner and generation.
    LunUpdate {
        /// LUN.
        lun: LUN_W,
        /// New default owner.
        owner: 1,
        /// New generation.
        generation: 16,
    }
}
bundle! {
    /// A lock wanted.
    LockReq {
        /// Who: a slot, 4096 plus a mirror buffer, or 8192 plus a slot of the peer.
        id: HOLDER_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Alone, rather than shared with other readers.
        exclusive: 1,
        /// Now or not at all: does not wait.
        at_once: 1,
    }
}
bundle! {
    /// A lock given back.
    LockRel {
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// How it was held.
        exclusive: 1,
    }
}
bundle! {
    /// A lock that was won.
    LockGrant {
        /// Who: a slot, 4096 plus a mirror buffer, or 8192 plus a slot of the peer.
        id: HOLDER_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Alone.
        exclusive: 1,
    }
}
bundle! {
    /// An owner wanted, or given up, by a command.
    OwnJob {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// The LUN is not mirrored.
        local: 1,
        /// See [`own_code`].
        code: 2,
        /// Not for the first time.
        again: 1,
    }
}
/// Bits of the code of [`OwnFrame`](super::OwnFrame) and [`OwnJob`].
pub mod own_code {
    /// The whole LUN.
    pub const WHOLE: usize = 0;
    /// Given up, not wanted.
    pub const RELEASE: usize = 1;
    /// No command is told of its end; of an operation only.
    pub const UNASKED: usize = 2;
}
bundle! {
    /// A write that was admitted in an extent of this site's.
    Note {
        /// Number of the extent's entry in the directory.
        index: INDEX_W,
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// It is a request of the peer's.
        theirs: 1,
    }
}
bundle! {
    /// The address of a write that is resolved: its extent may be handed over when it was the last.
    Resolved {
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
    }
}
bundle! {
    /// A request of the peer's that has its lock and wants to be admitted.
    Claim {
        /// Mirror buffer.
        buf: 4,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Epoch that its frames name.
        epoch: 32,
    }
}
bundle! {
    /// Whether it is.
    Claimed {
        /// Mirror buffer.
        buf: 4,
        /// This site owns the block, in that epoch, and is not about to hand it over.
        go: 1,
    }
}
bundle! {
    /// A slot whose lock was won, with the directory's answer.
    Admit {
        /// Slot.
        slot: SLOT_W,
        /// The address is inside the LUN.
        valid: 1,
        /// Owner.
        owner: 1,
        /// Epoch.
        epoch: 32,
        /// This site owns it and is about to hand it over: not now.
        closing: 1,
        /// Counted as a write of an owner: its end must be told.
        counted: 1,
    }
}
