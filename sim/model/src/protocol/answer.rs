//! The peer's answers to own operations, and its question for a COMMIT.

use super::lock::Holder;
use super::site::{Phase, Site, Staged};
use super::{Frame, Io, Mutation, Status};

impl Site {
    pub(super) fn on_ack(&mut self, f: &Frame, io: &mut Io) {
        let slot = self.slots[f.slot as usize];
        let fits = slot.seq == f.seq || self.is(Mutation::AnySequence);
        let owner = self.dir.lookup(self.dir.index(slot.lba())).owner == self.id;
        match slot.phase {
            Phase::Mirrored | Phase::Flushing if fits && !slot.acked => {
                let s = &mut self.slots[f.slot as usize];
                (s.acked, s.asked) = (true, s.asked || f.code == 1);
                if slot.stored && slot.phase == Phase::Mirrored {
                    self.complete(f.slot, io);
                } else if slot.stored {
                    self.done(f.slot, Status::Ok, None, io);
                    self.release_slot(f.slot);
                }
            }
            // R11: after a GRANT this site is the owner, and the request is none any more.
            Phase::Requested if fits && (!owner || self.is(Mutation::StayRequester)) => {
                let s = &mut self.slots[f.slot as usize];
                (s.phase, s.asked) = (Phase::Granted, s.asked || f.code == 1);
                self.on_granted(f.slot, io);
            }
            _ => self.stats.unexpected += 1,
        }
    }

    /// The owner has the block: so the write before it, that it mirrored here, is complete.
    fn on_granted(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        if slot.is_range() {
            return self.enter_granted_range(s, io);
        }
        if let Some(e) = self.find(slot.lba())
            && let Holder::Peer(p) = self.locks.get(e).excl
            && !self.records[p as usize].busy()
        {
            self.commit(p, io);
        }
        self.copy_home(s, io);
    }

    /// BUSY and NOT_OWNER only delay the next repeat (R12).
    pub(super) fn on_delay(&mut self, f: &Frame, back_off: bool, io: &mut Io) {
        let slot = &mut self.slots[f.slot as usize];
        if slot.seq != f.seq || !matches!(slot.phase, Phase::Requested | Phase::Mirrored | Phase::Flushing) {
            self.stats.unexpected += 1;
            return;
        }
        slot.tries = 0;
        slot.due = io.now + if back_off { self.cfg.backoff } else { 0 };
        self.wake |= !back_off;
    }

    pub(super) fn on_refused(&mut self, f: &Frame, io: &mut Io) {
        let slot = self.slots[f.slot as usize];
        if slot.seq != f.seq && !self.is(Mutation::AnySequence) {
            self.stats.unexpected += 1;
            return;
        }
        match slot.phase {
            // On record as refused at the owner: it will never be applied, and nothing was written here.
            Phase::Requested if slot.staged == Staged::Begun => {}
            Phase::Requested => {
                self.done(f.slot, Status::of(f.code), None, io);
                if !slot.is_range() {
                    self.unlock(f.slot, io);
                }
                self.release_slot(f.slot);
            }
            // The home write here may have begun: the block stays locked and is sent until it is acknowledged.
            Phase::Mirrored if !slot.acked => {
                self.done(f.slot, Status::of(f.code), None, io);
                let slot = &mut self.slots[f.slot as usize];
                (slot.due, slot.tries) = (io.now + self.cfg.backoff, 0);
            }
            Phase::Acquiring | Phase::Taking => {
                self.done(f.slot, Status::of(f.code), None, io);
                self.release_slot(f.slot);
            }
            _ => self.stats.unexpected += 1,
        }
    }

    pub(super) fn on_ask(&mut self, f: &Frame, io: &mut Io) {
        let slot = self.slots[f.slot as usize];
        let past = slot.seq > f.seq || self.is(Mutation::CommitTooEarly);
        let ended = slot.seq == f.seq && matches!(slot.phase, Phase::Free | Phase::Spent | Phase::Complete);
        if past || ended {
            self.send_commit(f.slot, f.seq, io);
        } else if slot.seq == f.seq {
            self.slots[f.slot as usize].asked = true;
        } else {
            self.stats.unexpected += 1;
        }
    }
}
