//! Commands: from the doorbell to the completion entry, and the words of host memory between them.

use super::{CMD_W, LBA_W, LUN_W, QUEUE_W};

bundle! {
    /// A doorbell of a submission queue.
    SqDoorbell {
        /// Queue pair.
        queue: QUEUE_W,
        /// New tail.
        tail: 16,
    }
}
bundle! {
    /// A doorbell of a completion queue.
    CqDoorbell {
        /// Queue pair.
        queue: QUEUE_W,
        /// New head.
        head: 16,
    }
}
bundle! {
    /// A burst to read or write in host memory; never crosses a 4 KiB boundary.
    HostBurst {
        /// First byte, a multiple of the beat's size.
        addr: 64,
        /// Beats, 1 to 256.
        beats: 9,
    }
}
bundle! {
    /// A submission entry as fetched.
    Sqe {
        /// The first 32 bytes of the entry.
        entry: 256,
        /// One of the other 32 bytes was not zero.
        reserved: 1,
        /// Queue pair it came from.
        queue: QUEUE_W,
        /// `now` when its doorbell was accepted.
        t_doorbell: 48,
        /// Cycles from then to its last beat.
        d_fetched: 32,
    }
}
bundle! {
    /// What is known of a command when it ends, on the way to its completion entry.
    Cqe {
        /// Queue pair.
        queue: QUEUE_W,
        /// Command identifier.
        cid: 16,
        /// Status code.
        status: 8,
        /// Owner, for NotOwner.
        owner: 1,
        /// Epoch, for NotOwner.
        epoch: 32,
        /// Index of the first block that failed.
        block: 16,
        /// Repeats of the last block.
        retries: 8,
        /// `now` at the doorbell.
        t_doorbell: 48,
        /// Cycles from the doorbell; see the completion entry.
        d_fetched: 32,
        /// Owner and lock had.
        d_lookup: 32,
        /// Local store has answered.
        d_local: 32,
        /// First beat of the first frame.
        d_frame: 32,
        /// Last beat of the last frame.
        d_sent: 32,
        /// Acknowledgement verified.
        d_ack: 32,
        /// Cycles spent at the peer.
        d_mirror: 32,
    }
}
bundle! {
    /// LOOKUP, IDENTIFY or SET_OWNER, checked.
    AdminCmd {
        /// Command number.
        cmd: CMD_W,
        /// Opcode.
        opcode: 8,
        /// Flags.
        flags: 8,
        /// LUN.
        lun: LUN_W,
        /// New owner.
        owner: 1,
        /// Count.
        blocks: 16,
        /// First address.
        lba: LBA_W,
        /// Host address.
        iova: 64,
        /// Second host address, or epoch.
        aux: 64,
    }
}
bundle! {
    /// End of an `AdminCmd`.
    AdminDone {
        /// Command number.
        cmd: CMD_W,
        /// Status code.
        status: 8,
    }
}
bundle! {
    /// A command that was taken in.
    CmdNew {
        /// Command number.
        cmd: CMD_W,
        /// Command identifier.
        cid: 16,
        /// Queue pair.
        queue: QUEUE_W,
        /// Blocks to wait for.
        blocks: 7,
        /// `now` at the doorbell.
        t_doorbell: 48,
        /// Cycles from then to the entry's last beat.
        d_fetched: 32,
    }
}
bundle! {
    /// What a block tells its command when it ends.
    BlockDone {
        /// Command.
        cmd: CMD_W,
        /// Status code.
        status: 8,
        /// Owner, for NotOwner.
        owner: 1,
        /// Epoch, for NotOwner.
        epoch: 32,
        /// Index in the command.
        block: 6,
        /// Repeats.
        retries: 4,
        /// `now` when owner and lock were had.
        t_lookup: 32,
        /// `now` when the local store had answered.
        t_local: 32,
        /// `now` at the first beat of the first frame.
        t_frame: 32,
        /// `now` at the last beat of the last frame.
        t_sent: 32,
        /// `now` when the acknowledgement was verified.
        t_ack: 32,
        /// Cycles spent at the peer.
        mirror: 32,
    }
}
