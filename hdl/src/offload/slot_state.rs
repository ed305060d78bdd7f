//! What `slots` keeps for each slot.

use crate::prelude::*;
use crate::prim::next::Next;

crate::bundle! {
    /// What is kept for each slot.
    SlotState {
        /// See below.
        phase: 3,
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
        /// A request that has become this site's own write: it comes from the staging area, with the CRC that it has.
        staged: 1,
        /// Counted by `admit` as an owner's write that is not resolved.
        counted: 1,
        /// Times that the peer said NOT_OWNER.
        turned: 8,
        /// It has, since the block was last sent.
        not_owner: 1,
        /// Stands in the queue of slots to send again; maybe for an earlier use.
        queued: 1,
        /// Repeats.
        retries: 4,
        /// Sequence of the slot's present or last use.
        seq: 32,
        /// `now` when the slot was taken, or its block was last sent.
        t_last: 32,
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

/// The slot is free.
pub(super) const FREE: u64 = 0;
/// It waits for its lock.
pub(super) const WAITING: u64 = 1;
/// It is under way.
pub(super) const ACTIVE: u64 = 2;
/// A request that the owner has: waits for its lock, and is copied home.
pub(super) const COPYING: u64 = 3;
/// Looked at again in every scan: this site owns the block and is about to hand it over.
pub(super) const PARKED: u64 = 4;
/// A block that is compared with what the host expects, under its lock.
pub(super) const COMPARING: u64 = 5;
/// The extent of a block to be compared is asked for.
pub(super) const OWNING: u64 = 6;

/// A new operation in a slot: what it begins with. A `flush` and a command about owners (`own`) are under way at once.
pub(super) fn begin(next: &Next, cur: &SlotState, now: E, flush: E, own: E) {
    let at_once = flush | own;
    next.set("phase", mux(at_once, lit(ACTIVE, 3), lit(WAITING, 3)));
    for flag in ["reported", "broken", "acked", "aborted", "busy", "refused", "again", "resending", "request", "staged"]
    {
        next.set(flag, 0);
    }
    for flag in ["counted", "not_owner", "retries", "turned", "mirror"] {
        next.set(flag, 0);
    }
    next.set("local_done", own);
    next.set("sent", at_once);
    next.set("seq", mux(at_once, cur.seq + 1, cur.seq));
    for stamp in ["t_last", "t_lookup", "t_local", "t_frame", "t_sent", "t_ack"] {
        next.set(stamp, now);
    }
}
