//! Operations on a range inside one extent: write-zeroes and trim.
//!
//! The extent's gate is its lock, and the operations that are inside are counted. The owner shuts the gate, waits until
//! its admitted writes are resolved and its readers are gone, applies, and tells the other site, which does the same
//! with its readers. A requester gets the ACK when the owner has applied, and applies then. Gates open with completion
//! and COMMIT, as locks do for blocks.

use super::io::{Io, Op, StoreOp, Tag};
use super::site::{Phase, Site, Stage, Staged};
use super::{Frame, Gate, Kind, Mutation};

impl Site {
    fn range(&self, s: u16) -> (u32, u16) {
        match self.slots[s as usize].op {
            Op::Zero { lba, count } => (lba, count),
            _ => (0, 0),
        }
    }

    /// A range operation looks for its place: the gate at the owner, the owner elsewhere.
    pub(super) fn enter_range(&mut self, s: u16, io: &mut Io) {
        let x = self.dir.index(self.slots[s as usize].lba());
        let gate = self.dir.gate(x);
        let owner = self.dir.lookup(x).owner == self.id;
        self.slots[s as usize].phase = Phase::Retry;
        if !self.up {
            return;
        }
        if !owner {
            let slot = &mut self.slots[s as usize];
            (slot.phase, slot.staged, slot.due) = (Phase::Requested, Staged::Yes, io.now + self.cfg.repeat);
            return self.send_range(s, Kind::RequestZero, io);
        }
        if let Gate::Peer(p) = gate {
            self.ask(p, io);
        }
        if gate == Gate::Open && !self.dir.lun.closing {
            self.slots[s as usize].phase = Phase::Draining;
            self.dir.at(x).gate = Gate::Own(s);
            self.dir.lun.writes += 1;
            self.drained(x, io);
        }
    }

    pub(super) fn send_range(&mut self, s: u16, kind: Kind, io: &mut Io) {
        let (lba, count) = self.range(s);
        let seq = self.slots[s as usize].seq;
        let epoch = self.dir.lookup(self.dir.index(lba)).epoch;
        self.send(Frame { slot: s, seq, lba, count, epoch, ..Frame::new(kind) }, io);
    }

    /// A range operation of the peer's.
    pub(super) fn on_range(&mut self, f: &Frame, io: &mut Io) {
        if !self.may_enter(f) {
            self.stats.not_owner += 1;
            let l = self.dir.lookup(self.dir.index(f.lba));
            let to = Frame { slot: f.slot, seq: f.seq, lba: f.lba, ..Frame::new(Kind::NotOwner) };
            self.send(Frame { owner: l.owner, epoch: l.epoch, ..to }, io);
            return self.heard(f, io);
        }
        self.end_range_hold(f, io);
        let x = self.dir.index(f.lba);
        if self.dir.gate(x) != Gate::Open {
            self.stats.busy += 1;
            return self.send(Frame { slot: f.slot, seq: f.seq, ..Frame::new(Kind::Busy) }, io);
        }
        self.record(f, Stage::Waiting, true);
        self.dir.at(x).gate = Gate::Peer(f.slot);
        if f.kind == Kind::RequestZero {
            self.dir.lun.writes += 1;
        }
        self.drained(x, io);
    }

    /// The owner goes on to its next operation in the extent: the range operation before it is complete.
    pub(super) fn end_range_hold(&mut self, f: &Frame, io: &mut Io) {
        if let Gate::Peer(p) = self.dir.gate(self.dir.index(f.lba))
            && p != f.slot
        {
            let rec = self.records[p as usize];
            if rec.kind == Kind::Zero && !rec.busy() && f.kind != Kind::RequestZero {
                self.commit(p, io);
            } else {
                self.ask(p, io);
            }
        }
    }

    /// The owner has applied the range: apply it here, as soon as this site's readers are gone.
    pub(super) fn enter_granted_range(&mut self, s: u16, io: &mut Io) {
        let x = self.dir.index(self.slots[s as usize].lba());
        if let Gate::Peer(p) = self.dir.gate(x)
            && !self.records[p as usize].busy()
        {
            self.commit(p, io);
        }
        if self.dir.gate(x) == Gate::Open {
            self.dir.at(x).gate = Gate::Own(s);
            self.drained(x, io);
        }
    }

    /// One write that this site admitted as the owner is resolved (R6).
    pub(super) fn resolve(&mut self, x: usize, io: &mut Io) {
        let sound = self.cfg.mutation.is_none();
        let extent = self.dir.at(x);
        assert!(extent.writes > 0 || !sound, "more writes resolved than admitted");
        extent.writes = extent.writes.saturating_sub(1);
        self.leave_lun();
        self.drained(x, io);
    }

    pub(super) fn leave_lun(&mut self) {
        assert!(self.dir.lun.writes > 0 || self.cfg.mutation.is_some(), "more operations resolved than admitted");
        self.dir.lun.writes = self.dir.lun.writes.saturating_sub(1);
    }

    /// Something has left an extent, or begun to wait for it: whoever waits for the rest to leave goes on.
    pub(super) fn drained(&mut self, x: usize, io: &mut Io) {
        let now = *self.dir.at(x);
        let readers = now.reads != 0 && !self.is(Mutation::ZeroUnderReaders);
        let writes = now.writes != 0 && !self.is(Mutation::ZeroWithoutDrain);
        match now.gate {
            Gate::Closing if now.writes == 0 || self.is(Mutation::GrantWithoutDrain) => self.grant(x, io),
            Gate::Own(s) if !readers => {
                let (lba, count) = self.range(s);
                match self.slots[s as usize].phase {
                    Phase::Draining if !writes => {
                        let slot = &mut self.slots[s as usize];
                        (slot.phase, slot.acked, slot.stored) = (Phase::Mirrored, false, false);
                        slot.due = io.now + self.cfg.repeat;
                        io.store(Tag::Own(s), StoreOp::Zero(lba, count));
                        self.send_range(s, Kind::Zero, io);
                    }
                    Phase::Granted => {
                        self.slots[s as usize].phase = Phase::Copying;
                        io.store(Tag::Own(s), StoreOp::Zero(lba, count));
                    }
                    _ => {}
                }
            }
            Gate::Peer(p) if !readers => {
                let rec = &mut self.records[p as usize];
                if rec.stage == Stage::Waiting && (rec.kind == Kind::Zero || !writes) {
                    rec.stage = Stage::Writing;
                    io.store(Tag::Peer(p), StoreOp::Zero(rec.lba, rec.count));
                }
            }
            _ => {}
        }
        if self.dir.lun.closing && (self.dir.lun.writes == 0 || self.is(Mutation::GrantWithoutDrain)) {
            self.grant_lun(io);
        }
    }
}
