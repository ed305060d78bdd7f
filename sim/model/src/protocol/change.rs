//! Change of owner: OWN_REQ, drain, GRANT, TAKEN, for an extent and for the whole LUN (R9, R10).
//!
//! An extent's owner alone may grant it, to the peer, with the next epoch. A LUN's generation is raised by its default
//! owner, unless that one has itself asked the peer for what the peer owns in it (`asked`): then the peer raises it. So
//! one site at a time can raise a number, and two grants of one epoch can't exist.

use super::io::{Io, Op, Status};
use super::site::{Phase, Site};
use super::{Epoch, Frame, Gate, Kind, Mutation};

impl Site {
    /// A block of the extent, or the LUN, that a slot's command names.
    fn target(&self, s: u16) -> (usize, bool) {
        match self.slots[s as usize].op {
            Op::Acquire { lba, lun } | Op::Release { lba, lun } => (self.dir.index(lba), lun),
            _ => (0, false),
        }
    }

    fn known(&self, x: usize, lun: bool) -> Epoch {
        if lun { Epoch { lun: self.dir.lun.generation, ext: 0 } } else { self.dir.lookup(x).epoch }
    }

    fn end(&mut self, s: u16, status: Status, io: &mut Io) {
        self.done(s, status, None, io);
        self.release_slot(s);
    }

    pub(super) fn acquire(&mut self, s: u16, io: &mut Io) {
        let (x, lun) = self.target(s);
        let slot = &mut self.slots[s as usize];
        (slot.phase, slot.due) = (Phase::Acquiring, io.now);
        self.slots[s as usize].epoch = self.known(x, lun);
        self.poll_acquire(s, io);
    }

    /// Is it ours by now, or has it been ours since? Otherwise ask, from time to time.
    pub(super) fn poll_acquire(&mut self, s: u16, io: &mut Io) {
        let (x, lun) = self.target(s);
        let slot = self.slots[s as usize];
        let now = self.known(x, lun);
        let ours = match lun {
            true => self.dir.lun.taken > slot.epoch.lun,
            // The epochs of one generation go to the two sites in turn.
            false => self.dir.lookup(x).owner == self.id || now.lun == slot.epoch.lun && now > slot.epoch,
        };
        if ours {
            return self.end(s, Status::Ok, io);
        }
        self.slots[s as usize].epoch = now;
        // The default owner hands the right to raise the generation to the peer, once and for this generation.
        let closing = lun && self.dir.lun.owner == self.id && self.dir.lun.closing;
        if self.up && slot.due <= io.now && !closing {
            self.slots[s as usize].due = io.now + self.cfg.repeat;
            self.slots[s as usize].tries += u16::from(self.cfg.repeats > 0);
            if lun && self.dir.lun.owner == self.id {
                self.dir.lun.asked = true;
            }
            self.send_own_req(x, lun, (s, slot.seq), io);
        }
    }

    /// A block that has to be compared is the peer's: gives the block up, and asks for its extent.
    pub(super) fn take_over(&mut self, s: u16, io: &mut Io) {
        let slot = &mut self.slots[s as usize];
        (slot.phase, slot.due) = (Phase::Taking, io.now);
        self.unlock(s, io);
        self.poll_taking(s, io);
    }

    /// Is the block ours by now? Then it is locked and looked up again. Otherwise its extent is asked for, from time to time.
    pub(super) fn poll_taking(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        let x = self.dir.index(slot.lba());
        if slot.reported {
            self.release_slot(s);
        } else if self.dir.lookup(x).owner == self.id {
            self.queue(s, io);
        } else if self.up && slot.due <= io.now {
            self.slots[s as usize].due = io.now + self.cfg.repeat;
            self.send_own_req(x, false, (s, slot.seq), io);
        }
    }

    fn send_own_req(&mut self, x: usize, lun: bool, (slot, seq): (u16, u32), io: &mut Io) {
        let lba = if lun { 0 } else { self.dir.first(x) };
        let epoch = self.known(x, lun);
        self.send(Frame { code: u8::from(lun), slot, seq, lba, epoch, ..Frame::new(Kind::OwnReq) }, io);
    }

    pub(super) fn release(&mut self, s: u16, io: &mut Io) {
        let (x, lun) = self.target(s);
        self.slots[s as usize].phase = Phase::Releasing;
        self.slots[s as usize].epoch = self.known(x, lun);
        let owner = if lun { self.dir.lun.owner } else { self.dir.lookup(x).owner };
        if owner != self.id {
            return self.end(s, if lun { Status::NotOwner } else { Status::Ok }, io);
        }
        self.poll_release(s, io);
    }

    /// Is it the peer's by now, and does the peer know? Otherwise close, as soon as that is possible.
    pub(super) fn poll_release(&mut self, s: u16, io: &mut Io) {
        let (x, lun) = self.target(s);
        let (then, now) = (self.slots[s as usize].epoch, self.known(x, lun));
        if now > then {
            let unheard = if lun { self.dir.lun.unheard } else { self.dir.at(x).unheard };
            if !unheard {
                self.end(s, Status::Ok, io);
            }
            return;
        }
        if now.lun >= self.cfg.lun_max && lun || now.ext >= self.cfg.epoch_max && !lun {
            return self.end(s, Status::EpochSpent, io);
        }
        if lun {
            self.close_lun(io);
        } else {
            self.close(x, io);
        }
    }

    fn close(&mut self, x: usize, io: &mut Io) {
        if self.up && self.dir.gate(x) == Gate::Open {
            self.dir.at(x).gate = Gate::Closing;
            self.drained(x, io);
        }
    }

    fn close_lun(&mut self, io: &mut Io) {
        let lun = &mut self.dir.lun;
        if self.up && !lun.closing && (lun.owner != self.id || !lun.asked) {
            lun.closing = true;
            self.drained(0, io);
        }
    }

    /// The extent has drained: it is the peer's, from the next epoch on.
    pub(super) fn grant(&mut self, x: usize, io: &mut Io) {
        if !self.up {
            return;
        }
        let mut epoch = self.dir.lookup(x).epoch;
        epoch.ext += u16::from(!self.is(Mutation::SameEpoch));
        self.dir.give(x, self.peer(), epoch);
        self.dir.at(x).unheard = true;
        self.stats.grants += 1;
        self.wake = true;
        self.send_grant(x, false, io);
    }

    /// The LUN has drained: it is the peer's, from the next generation on.
    pub(super) fn grant_lun(&mut self, io: &mut Io) {
        if !self.up {
            return;
        }
        self.dir.give_lun(self.peer(), self.dir.lun.generation + u16::from(!self.is(Mutation::SameEpoch)));
        self.dir.lun.unheard = true;
        self.stats.grants += 1;
        self.wake = true;
        self.send_grant(0, true, io);
    }

    pub(super) fn send_grant(&mut self, x: usize, lun: bool, io: &mut Io) {
        let due = io.now + self.cfg.repeat;
        if lun {
            self.dir.lun.due = due;
        } else {
            self.dir.at(x).due = due;
        }
        self.send_change(Kind::Grant, x, lun, io);
    }

    fn send_change(&mut self, kind: Kind, x: usize, lun: bool, io: &mut Io) {
        let lba = if lun { 0 } else { self.dir.first(x) };
        let epoch = self.known(x, lun);
        self.send(Frame { code: u8::from(lun), lba, epoch, ..Frame::new(kind) }, io);
    }

    /// A frame names an epoch. If it is later than this site's, a GRANT was lost: ask for it (R10).
    pub(super) fn heard(&mut self, f: &Frame, io: &mut Io) {
        let x = self.dir.index(f.lba);
        let known = self.dir.lookup(x).epoch;
        if f.epoch > known {
            self.send_own_req(x, f.epoch.lun > known.lun, (0, 0), io);
        }
    }

    pub(super) fn on_own_req(&mut self, f: &Frame, io: &mut Io) {
        let (x, lun) = (self.dir.index(f.lba), f.code == 1);
        let known = self.known(x, lun);
        let lost = !self.is(Mutation::GrantOnce);
        if f.epoch.lun.checked_add(1) == Some(self.dir.lun.generation) {
            // Older than the LUN's last change: that is what the peer lacks, if it was given to the peer.
            if self.dir.lun.owner != self.id && lost {
                self.send_grant(x, true, io);
            }
        } else if f.epoch > known {
            self.heard(f, io);
        } else if f.epoch == known {
            self.give_up(x, lun, f, io);
        } else if !lun && f.epoch.lun == known.lun && f.epoch.ext + 1 == known.ext && lost {
            if self.dir.lookup(x).owner != self.id {
                self.send_grant(x, false, io);
            }
        } else {
            self.stats.unexpected += 1;
        }
    }

    /// The peer asks, in the present epoch.
    fn give_up(&mut self, x: usize, lun: bool, f: &Frame, io: &mut Io) {
        let spent = if lun { f.epoch.lun >= self.cfg.lun_max } else { f.epoch.ext >= self.cfg.epoch_max };
        if !lun && self.dir.lookup(x).owner != self.id {
            self.stats.unexpected += 1;
        } else if spent {
            let code = Status::EpochSpent as u8;
            self.send(Frame { code, slot: f.slot, seq: f.seq, ..Frame::new(Kind::Refused) }, io);
        } else if lun {
            self.close_lun(io);
        } else {
            self.close(x, io);
        }
    }

    pub(super) fn on_grant(&mut self, f: &Frame, io: &mut Io) {
        let (x, lun) = (self.dir.index(f.lba), f.code == 1);
        let known = self.known(x, lun);
        let owner = if lun { self.dir.lun.owner } else { self.dir.lookup(x).owner };
        // Only a site that could raise the number can have granted, and only the next number.
        let from_owner = owner != self.id || lun && self.dir.lun.asked;
        let next = match lun {
            true => f.epoch.lun == known.lun.saturating_add(1),
            false => f.epoch.lun == known.lun && f.epoch.ext == known.ext.saturating_add(1),
        };
        let next = next || self.is(Mutation::SameEpoch) && f.epoch == known;
        if next && from_owner || self.is(Mutation::AnyGrant) {
            if lun {
                self.dir.give_lun(self.id, f.epoch.lun);
                self.dir.lun.taken = f.epoch.lun;
            } else {
                self.dir.give(x, self.id, f.epoch);
            }
            self.wake = true;
        } else if f.epoch != known || owner != self.id {
            self.stats.unexpected += 1;
            return self.heard(f, io);
        }
        self.send_change(Kind::Taken, x, lun, io);
    }

    pub(super) fn on_taken(&mut self, f: &Frame) {
        let (x, lun) = (self.dir.index(f.lba), f.code == 1);
        if f.epoch != self.known(x, lun) {
            self.stats.unexpected += u64::from(f.epoch > self.known(x, lun));
            return;
        }
        if lun {
            self.dir.lun.unheard = false;
        } else {
            self.dir.at(x).unheard = false;
        }
        self.wake = true;
    }
}
