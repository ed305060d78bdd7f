//! The scan: what time, and the end of something else, make possible. One slot, one record and some extents a call.

use super::io::{Io, Status, StoreOp, Tag};
use super::lock::Holder;
use super::site::{Phase, Site, Stage, Staged};
use super::{Gate, Kind, Mutation};

impl Site {
    /// Looks at slot and record `i`, 0 to `slots - 1`, and at every `slots`th extent from `i` on. With `i` 0, also at
    /// the LUN and at COMMITs that have waited for a frame.
    pub fn scan(&mut self, i: u16, io: &mut Io) {
        if i == 0 {
            self.flush_commits(io);
            if self.dir.lun.unheard && self.dir.lun.due <= io.now && !self.is(Mutation::GrantOnce) {
                self.send_grant(0, true, io);
            }
        }
        // The others wait for nothing that a scan could find.
        use Phase::{Complete, Copying, Free, Queued, Reading};
        if !matches!(self.slots[i as usize].phase, Free | Queued | Reading | Copying | Complete) {
            self.scan_slot(i, io);
        }
        if self.records[i as usize].held || self.records[i as usize].turn.is_some() {
            self.scan_record(i, io);
        }
        let mut x = i as usize;
        while x < self.dir.count() {
            if self.dir.lun.closing || !self.dir.is_quiet(x) {
                self.scan_extent(x, io);
            }
            x += self.cfg.slots as usize;
        }
    }

    /// All that waits for a time has waited long enough: its scan finds it due. For a search, whose time stands still.
    pub fn elapse(&mut self) {
        self.commit_due = 0;
        self.slots.iter_mut().for_each(|slot| slot.due = 0);
        self.records.iter_mut().for_each(|record| record.ask_due = 0);
        self.dir.elapse();
    }

    fn scan_extent(&mut self, x: usize, io: &mut Io) {
        let e = *self.dir.at(x);
        if e.unheard && e.due <= io.now && !self.is(Mutation::GrantOnce) {
            self.send_grant(x, false, io);
        }
        if e.gate != Gate::Open || self.dir.lun.closing {
            self.drained(x, io);
        }
    }

    /// Sends COMMITs that no frame has carried.
    fn flush_commits(&mut self, io: &mut Io) {
        while self.up
            && self.commit_due <= io.now
            && let Some(s) = self.commits.front().copied()
        {
            let lba = self.slots[s as usize].lba();
            let Some((slot, seq)) = self.next_commit(io) else { return };
            self.send_commit_of(slot, seq, lba, io);
            if self.cfg.repeat > 0 {
                // All that wait go now.
                self.commit_due = io.now;
            }
        }
    }

    fn scan_slot(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        let x = self.dir.index(slot.lba());
        let owner = self.dir.lookup(x).owner == self.id;
        let due = self.up && slot.due <= io.now;
        match slot.phase {
            Phase::Retry if slot.reported => self.release_slot(s),
            Phase::Retry if slot.is_range() => self.enter_range(s, io),
            Phase::Retry if self.up => self.queue(s, io),
            Phase::Parked if slot.reported && slot.staged == Staged::No => {
                self.unlock(s, io);
                self.release_slot(s);
            }
            Phase::Parked => {
                let open = self.dir.gate(x) == Gate::Open && !self.dir.lun.closing && slot.staged != Staged::Begun;
                if self.up && (!owner || open) {
                    self.want(s, io);
                }
                if let Gate::Peer(p) = self.dir.gate(x) {
                    self.ask(p, io);
                }
            }
            Phase::Mirrored if due && !slot.acked && (slot.stored || self.is(Mutation::ResendBeforeStore)) => {
                self.send_again(s, Kind::Zero, StoreOp::Read(slot.lba()), io);
            }
            // R11: granted to this site meanwhile. It is not admitted anywhere, and starts anew; with the next sequence
            // (R14), since the peer may have this one on record as refused.
            Phase::Requested if owner && slot.staged == Staged::Yes && !self.is(Mutation::StayRequester) => {
                self.slots[s as usize].again = false;
                self.slots[s as usize].seq += u32::from(!self.is(Mutation::SameSequence));
                if slot.is_range() {
                    self.enter_range(s, io);
                } else {
                    self.slots[s as usize].phase = Phase::Parked;
                    self.want(s, io);
                }
            }
            Phase::Requested if due && slot.staged == Staged::Yes => {
                self.send_again(s, Kind::RequestZero, StoreOp::ReadStage(s), io);
            }
            Phase::Granted if slot.is_range() => self.enter_granted_range(s, io),
            Phase::Granted => self.copy_home(s, io),
            Phase::Flushing if due && !slot.acked && self.try_again(s, io) => self.send_flush(s, io),
            Phase::Acquiring => {
                self.poll_acquire(s, io);
                let slot = self.slots[s as usize];
                if slot.phase == Phase::Acquiring && self.cfg.repeats > 0 && slot.tries > self.cfg.repeats {
                    self.give_up_slot(s, io);
                }
            }
            Phase::Taking => self.poll_taking(s, io),
            Phase::Releasing => self.poll_release(s, io),
            _ => {}
        }
    }

    /// Repeats an operation: a range as `kind`, a block when `read` has been answered.
    fn send_again(&mut self, s: u16, kind: Kind, read: StoreOp, io: &mut Io) {
        let slot = self.slots[s as usize];
        if !self.try_again(s, io) {
            return;
        }
        if slot.is_range() {
            self.send_range(s, kind, io);
        } else if !slot.again {
            self.slots[s as usize].again = true;
            io.store(Tag::Again(s, slot.seq), read);
        }
    }

    /// Counts a repeat. After the last one the command ends, and the link is fenced.
    fn try_again(&mut self, s: u16, io: &mut Io) -> bool {
        let slot = &mut self.slots[s as usize];
        slot.due = io.now + self.cfg.repeat;
        if self.cfg.repeats == 0 {
            return true;
        }
        slot.tries += 1;
        if slot.tries <= self.cfg.repeats {
            return true;
        }
        self.give_up_slot(s, io);
        false
    }

    fn give_up_slot(&mut self, s: u16, io: &mut Io) {
        self.slots[s as usize].tries = 0;
        self.expire(s, io);
        self.link_down();
        io.out.push(super::Output::Fenced);
    }

    /// Ends the command in a slot before its time. What has touched a store, or may have been admitted by the peer, goes
    /// on until it is resolved; the rest is given up.
    pub fn expire(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        if slot.reported || matches!(slot.phase, Phase::Free | Phase::Spent | Phase::Complete) {
            return;
        }
        self.done(s, Status::PeerTimeout, None, io);
        match slot.phase {
            Phase::Acquiring | Phase::Releasing => self.release_slot(s),
            Phase::Draining => {
                let x = self.dir.index(slot.lba());
                self.dir.at(x).gate = Gate::Open;
                self.leave_lun();
                self.release_slot(s);
                self.drained(x, io);
            }
            // The others see `reported` when they come to the point where they can stop.
            _ => {}
        }
    }

    fn scan_record(&mut self, p: u16, io: &mut Io) {
        let rec = self.records[p as usize];
        if self.up && rec.stage == Stage::Stored && rec.ask_due <= io.now && (self.settling || self.is_waited_for(p)) {
            self.ask(p, io);
        }
        // A turn that was reserved before its owner granted.
        if let Some((_, _, lba)) = rec.turn
            && !self.turn_holds(p)
            && let Some(e) = self.find(lba)
            && self.locks.get(e).excl == Holder::Turn(p)
        {
            self.drop_turn(p, io);
        }
    }

    /// Slots whose command has not ended, for a host that gives up.
    pub fn open_commands(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        let open =
            |s: &super::site::Slot| !s.reported && !matches!(s.phase, Phase::Free | Phase::Spent | Phase::Complete);
        self.slots.iter().enumerate().filter(move |(_, s)| open(s)).map(|(i, s)| (i as u16, s.cmd))
    }
}
