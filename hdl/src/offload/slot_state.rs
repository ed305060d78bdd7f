//! What `slots` keeps for each slot, and the word after an event.

use crate::prelude::*;

crate::bundle! {
    /// What is kept for each slot.
    SlotState {
        /// 0 free, 1 waiting for its lock, 2 under way.
        phase: 2,
        /// The command was told already: end silently.
        reported: 1,
        /// The local store has the block.
        local_done: 1,
        /// The local store failed: this slot can only be cleared by a reset.
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

/// The state after an event, as a set of wires that start from the state before it.
pub(super) struct Next(Vec<(&'static str, Var)>);

impl Next {
    pub(super) fn new(m: &M, cur: E) -> Self {
        let mut lsb = 0;
        Self(
            SlotState::FIELDS
                .iter()
                .map(|(name, w)| {
                    let var = m.wire_or(format!("next_{name}"), *w, cur.slice(lsb, *w));
                    lsb += w;
                    (*name, var)
                })
                .collect(),
        )
    }

    pub(super) fn set(&self, field: &str, value: impl Into<Op>) {
        self.0.iter().find(|f| f.0 == field).expect("a field of SlotState").1.set(value);
    }

    pub(super) fn pack(&self) -> E {
        let parts: Vec<E> = self.0.iter().rev().map(|f| f.1.get()).collect();
        cat(&parts)
    }
}
