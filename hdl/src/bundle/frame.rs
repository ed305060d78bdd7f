//! Frames: what goes to the wire and what has come from it.

use super::{LBA_W, LUN_W, SLOT_W};

bundle! {
    /// A short frame to send.
    TxCtl {
        /// Frame type.
        ftype: 4,
        /// Code, for REFUSED and BUSY.
        code: 8,
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// ACK: `now` from which the time spent here is counted. OWN_REQ, GRANT, TAKEN: the address, bits 31:0.
        t_ref: 32,
        /// OWN_REQ, GRANT, TAKEN: LUN.
        lun: LUN_W,
        /// OWN_REQ, GRANT, TAKEN: epoch.
        epoch: 32,
        /// OWN_REQ, GRANT, TAKEN: the address, from bit 32 up.
        lba_high: LBA_W - 32,
    }
}
/// Bits of a [`TxCtl`] that is not about owners: the rest is zero.
pub const TX_SHORT_W: usize = TxCtl::WIDTH - LUN_W - LBA_W;
bundle! {
    /// A frame about an owner: OWN_REQ, GRANT, TAKEN, or the REFUSED of an OWN_REQ.
    OwnFrame {
        /// Frame type.
        ftype: 4,
        /// See [`own_code`](super::own_code); of a REFUSED, the status.
        code: 8,
        /// Slot of the command that it is about.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// OWN_REQ: the epoch that the sender knows. GRANT, TAKEN: the new one.
        epoch: 32,
    }
}
bundle! {
    /// A block to send; its payload comes beside it.
    TxJob {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Epoch at the sender.
        epoch: 32,
        /// The peer owns the block: REQUEST, not WRITE.
        request: 1,
        /// The block is all zeroes; its payload is [`ZEROES_BYTES`](dyad_spec::wire::ZEROES_BYTES).
        zeroes: 1,
    }
}
bundle! {
    /// A block has left, or was given up.
    Sent {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// `now` at the first beat of its first frame.
        t_first: 32,
        /// `now` at the last beat of its last frame.
        t_last: 32,
        /// A frame of it was ended as bad.
        aborted: 1,
        /// It was a repeat.
        resend: 1,
    }
}
bundle! {
    /// An answer from the peer.
    Answer {
        /// Frame type: ACK, BUSY, REFUSED, NOT_OWNER, or a question for the COMMIT of a slot and sequence.
        ftype: 4,
        /// Code of REFUSED and BUSY.
        code: 8,
        /// Slot answered.
        slot: SLOT_W,
        /// Sequence answered.
        seq: 32,
        /// ACK: cycles spent at the peer.
        aux: 32,
    }
}
bundle! {
    /// The use of a slot: in a COMMIT, the write that is complete.
    SlotUse {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
    }
}
bundle! {
    /// A block of the peer that is in the store and waits for its COMMIT.
    Hold {
        /// The peer's slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// The peer asked for it: this site owns the block.
        request: 1,
    }
}
bundle! {
    /// A request of the peer's, whole, in a mirror buffer, whose block is locked.
    Ask {
        /// Mirror buffer.
        buf: 4,
        /// The peer's slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// `now` at the last beat of its last frame.
        t_last: 32,
    }
}
bundle! {
    /// What becomes of it.
    Verdict {
        /// Mirror buffer.
        buf: 4,
        /// It has the lock: write it home. Otherwise it has been answered.
        go: 1,
    }
}
bundle! {
    /// The head of a WRITE or REQUEST frame, or of one of zeroes, that passed its header checks.
    RxHead {
        /// Sender's slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: 8,
        /// Block.
        lba: LBA_W,
        /// Epoch at the sender.
        epoch: 32,
        /// Offset in the block, in units of 64 bytes.
        offset: 8,
        /// Payload in units of 64 bytes.
        length: 8,
        /// REQUEST, not WRITE.
        request: 1,
        /// It stands for a whole block of zeroes.
        zeroes: 1,
    }
}
bundle! {
    /// The end of such a frame.
    RxEnd {
        /// It was whole and its checksum right.
        good: 1,
        /// `now` at its last beat.
        t_last: 32,
    }
}
