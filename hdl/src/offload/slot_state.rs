//! What `slots` keeps for each slot.

crate::bundle! {
    /// What is kept for each slot.
    SlotState {
        /// 0 free, 1 waiting for its lock, 2 under way, 3 a request that the owner has: waits for its lock, and is copied home.
        phase: 2,
        /// The command was told already: end silently.
        reported: 1,
        /// The local store has the block.
        local_done: 1,
        /// The local store failed to write the block: only a reset clears this slot.
        broken: 1,
        /// The peer has the block.
        acked: 1,
        /// All frames have left once.
        sent: 1,
        /// A frame was ended as bad: send again as soon as the local store has it.
        aborted: 1,
        /// The peer said BUSY: the next repeat does not count.
        busy: 1,
        /// The peer refused: no repeats until the link comes up anew.
        refused: 1,
        /// Is to be sent again.
        again: 1,
        /// Is being sent again: the resender reads the block, so lock and slot stay.
        resending: 1,
        /// The peer owns the block.
        request: 1,
        /// Stands in the queue of slots to send again; maybe for an earlier use.
        queued: 1,
        /// Repeats.
        retries: 4,
        /// Sequence of the slot's present or last use.
        seq: 32,
        /// `now` when the slot was taken, or its block was last sent.
        t_last: 32,
        /// Epoch at launch.
        epoch: 32,
        /// CRC32C of the block.
        crc: 32,
        /// Stamps.
        t_lookup: 32,
        /// See `BlockDone`.
        t_local: 32,
        /// See `BlockDone`.
        t_frame: 32,
        /// See `BlockDone`.
        t_sent: 32,
        /// See `BlockDone`.
        t_ack: 32,
        /// See `BlockDone`.
        mirror: 32,
    }
}

pub(super) const FREE: u64 = 0;
pub(super) const WAITING: u64 = 1;
pub(super) const ACTIVE: u64 = 2;
pub(super) const COPYING: u64 = 3;
