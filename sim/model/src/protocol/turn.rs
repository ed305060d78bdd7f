//! Turns: a place in the queue of a block for a request of the peer's that found the block locked (R7).
//!
//! A turn is a word in the block's queue and a note in the record of the peer's slot: sequence, epoch, block. When the
//! word comes to the head, the block is reserved until the peer repeats the request. The note is dropped when the slot
//! shows a later sequence, and means nothing in another epoch; the word is then skipped when it comes to the head.

use super::io::Io;
use super::lock::Holder;
use super::site::Site;
use super::{Frame, Mutation};

impl Site {
    /// Keeps the next turn for a request. False when the slot's word is still in another queue.
    pub(super) fn keep_turn(&mut self, f: &Frame, e: u16) -> bool {
        let rec = &mut self.records[f.slot as usize];
        if let Some((seq, epoch, lba)) = rec.turn {
            return seq == f.seq && epoch == f.epoch && lba == f.lba;
        }
        if rec.linked || self.cfg.is(Mutation::NoTurn) {
            return false;
        }
        rec.turn = Some((f.seq, f.epoch, f.lba));
        rec.linked = true;
        self.stats.turns += 1;
        self.locks.wait_turn(e, f.slot);
        true
    }

    /// Whether the turn of the peer's slot still means something.
    pub(super) fn turn_holds(&self, p: u16) -> bool {
        let Some((_, epoch, lba)) = self.records[p as usize].turn else { return false };
        let l = self.dir.lookup(self.dir.index(lba));
        l.owner == self.id && l.epoch == epoch || self.is(Mutation::TurnAfterGrant)
    }

    /// Ends a turn for which the block of entry `e` is reserved.
    pub(super) fn unlink_turn(&mut self, p: u16, e: u16) {
        self.locks.at(e).excl = Holder::None;
        let rec = &mut self.records[p as usize];
        (rec.turn, rec.linked) = (None, false);
    }

    /// The slot shows sequence `seq`: a turn of an earlier one is dropped.
    pub(super) fn drop_older_turn(&mut self, p: u16, seq: u32, io: &mut Io) {
        if self.records[p as usize].turn.is_some_and(|t| t.0 < seq) && !self.is(Mutation::TurnAfterLater) {
            self.drop_turn(p, io);
        }
    }

    /// Drops a turn that means nothing any more. Its word is skipped later if it is not at the head yet.
    pub(super) fn drop_turn(&mut self, p: u16, io: &mut Io) {
        let Some((_, _, lba)) = self.records[p as usize].turn else { return };
        self.records[p as usize].turn = None;
        if let Some(e) = self.find(lba) {
            if self.locks.get(e).excl == Holder::Turn(p) {
                self.unlink_turn(p, e);
            }
            self.pump(lba, io);
        }
    }
}
