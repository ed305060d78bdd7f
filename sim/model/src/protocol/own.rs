//! Own operations: from the command, through lock and directory, to the completion.

use super::io::{Io, Op, Status, StoreOp, Tag};
use super::lock::{Granted, Holder, NIL};
use super::site::{Phase, Site, Staged};
use super::{Block, Frame, Gate, Kind, Mutation, WHOLE};

impl Site {
    /// Takes a command. False when there is no room: the command stays in its queue.
    pub fn submit(&mut self, cmd: u32, op: Op, io: &mut Io) -> bool {
        if !self.has_room() {
            return false;
        }
        let Some(s) = self.free.pop_front() else { return false };
        let slot = &mut self.slots[s as usize];
        (slot.op, slot.cmd, slot.seq, slot.due) = (op, cmd, slot.seq + 1, io.now + self.cfg.repeat);
        match op {
            Op::Read { .. } | Op::Write { .. } | Op::CompareWrite { .. } => self.queue(s, io),
            Op::Zero { .. } => self.enter_range(s, io),
            Op::Flush => {
                slot.phase = Phase::Flushing;
                io.store(Tag::Own(s), StoreOp::Flush);
                self.send_flush(s, io);
            }
            Op::Acquire { .. } => self.acquire(s, io),
            Op::Release { .. } => self.release(s, io),
        }
        true
    }

    pub(super) fn find(&self, lba: u32) -> Option<u16> {
        self.locks.find(lba, self.is(Mutation::CompareHashes))
    }

    pub(super) fn take_entry(&mut self, lba: u32) -> Option<u16> {
        self.locks.take(lba, self.is(Mutation::CompareHashes))
    }

    /// Puts a slot in the queue of its block.
    pub(super) fn queue(&mut self, s: u16, io: &mut Io) {
        let (lba, reader) = (self.slots[s as usize].lba(), self.slots[s as usize].is_read());
        let looked = self.dir.lookup(self.dir.index(lba));
        let slot = &mut self.slots[s as usize];
        if self.cfg.is(Mutation::NoSecondLookup) && !reader {
            (slot.owner, slot.epoch) = (looked.owner, looked.epoch);
        }
        let Some(e) = self.take_entry(lba) else {
            self.slots[s as usize].phase = Phase::Retry;
            return;
        };
        self.slots[s as usize].bare = false;
        if reader && self.is(Mutation::NoPendingWait) && matches!(self.locks.get(e).excl, Holder::Peer(_)) {
            self.slots[s as usize].bare = true;
            return self.start_read(s, io);
        }
        self.locks.wait(e, s, reader);
        self.slots[s as usize].phase = Phase::Queued;
        self.pump(lba, io);
        if self.slots[s as usize].phase == Phase::Queued {
            self.stats.waits += 1;
            self.ask_holder(lba, io);
        }
    }

    /// Grants a block to all who may have it now.
    pub(super) fn pump(&mut self, lba: u32, io: &mut Io) {
        while let Some(e) = self.find(lba) {
            if let Some(p) = self.locks.turn_at_head(e)
                && !self.turn_holds(p)
            {
                self.locks.pop(e);
                self.records[p as usize].linked = false;
                self.records[p as usize].turn = None;
                continue;
            }
            match self.locks.grant(e, self.cfg.is(Mutation::ManyRequests)) {
                None => break,
                Some(Granted::Read(s)) => self.start_read(s, io),
                Some(Granted::Write(s)) => self.admit(s, io),
                Some(Granted::First(s)) => self.resume(s, io),
                Some(Granted::Mirror(p)) => self.start_peer(p, io),
                Some(Granted::Turn(_)) => {}
            }
        }
        if let Some(e) = self.find(lba) {
            self.locks.drop_if_empty(e);
        }
    }

    /// Gives up the block that a slot holds alone.
    pub(super) fn unlock(&mut self, s: u16, io: &mut Io) {
        let lba = self.slots[s as usize].lba();
        if let Some(e) = self.find(lba)
            && !self.slots[s as usize].bare
        {
            let entry = self.locks.at(e);
            if entry.excl == Holder::Own(s) {
                entry.excl = Holder::None;
            }
            if entry.first == s {
                (entry.first, entry.wants) = (NIL, false);
            }
            self.pump(lba, io);
        }
    }

    /// Gives up the block, but keeps the slot's place at it.
    fn keep_place(&mut self, s: u16, io: &mut Io) {
        let lba = self.slots[s as usize].lba();
        if let Some(e) = self.find(lba) {
            let entry = self.locks.at(e);
            (entry.first, entry.wants, entry.excl) = (s, false, Holder::None);
            self.pump(lba, io);
        }
    }

    /// A reader holds its block.
    pub(super) fn start_read(&mut self, s: u16, io: &mut Io) {
        let lba = self.slots[s as usize].lba();
        let x = self.dir.index(lba);
        let barred = matches!(self.dir.gate(x), Gate::Own(_) | Gate::Peer(_)) && !self.is(Mutation::ZeroUnderReaders);
        if barred || !self.up || self.slots[s as usize].reported {
            self.end_read(s, io);
            if self.slots[s as usize].reported {
                self.release_slot(s);
            } else {
                self.slots[s as usize].phase = Phase::Retry;
            }
            return;
        }
        self.dir.at(x).reads += 1;
        self.slots[s as usize].phase = Phase::Reading;
        io.store(Tag::Own(s), StoreOp::Read(lba));
    }

    fn end_read(&mut self, s: u16, io: &mut Io) {
        let lba = self.slots[s as usize].lba();
        if let Some(e) = self.find(lba) {
            if !self.slots[s as usize].bare {
                self.locks.at(e).shared -= 1;
            }
            self.pump(lba, io);
        }
    }

    /// A writer holds its block: looked up and admitted in one step, after any wait.
    pub(super) fn admit(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        let lba = slot.lba();
        let x = self.dir.index(lba);
        if slot.reported && slot.staged == Staged::No {
            self.unlock(s, io);
            return self.release_slot(s);
        }
        let mut owner = self.dir.lookup(x).owner == self.id;
        let mut open = self.dir.gate(x) == Gate::Open && !self.dir.lun.closing;
        if self.is(Mutation::NoSecondLookup) {
            // Once admitted by the early lookup, later waits look again as they should.
            owner = slot.owner == self.id;
            open |= owner;
        }
        // A block that is being staged waits for that; without a link nothing starts.
        if !self.up || owner && (!open || slot.staged == Staged::Begun) {
            self.slots[s as usize].phase = Phase::Parked;
            return self.keep_place(s, io);
        }
        if !owner {
            return match slot.op {
                Op::CompareWrite { .. } if self.cfg.take_over => self.take_over(s, io),
                _ => self.request(s, io),
            };
        }
        self.dir.at(x).writes += 1;
        self.dir.lun.writes += 1;
        if let Op::CompareWrite { .. } = slot.op {
            self.slots[s as usize].phase = Phase::Comparing;
            io.store(Tag::Own(s), StoreOp::Read(lba));
        } else {
            self.launch(s, io);
        }
    }

    /// Both legs of a write at the owner start.
    fn launch(&mut self, s: u16, io: &mut Io) {
        let slot = &mut self.slots[s as usize];
        (slot.phase, slot.acked, slot.stored) = (Phase::Mirrored, false, false);
        slot.due = io.now + self.cfg.repeat;
        let (lba, data) = (slot.lba(), slot.data().0);
        if slot.staged == Staged::Yes {
            io.store(Tag::Own(s), StoreOp::Copy(s, lba));
        } else if let Op::Write { fault: Some(parts), .. } = slot.op {
            self.send_parts(s, Kind::Write, data, parts.min(self.cfg.parts - 1), io);
            // No home write has begun here, and the peer can't have the block whole.
            return self.fail(s, Status::DmaReadFault, io);
        } else {
            io.store(Tag::Own(s), StoreOp::Write(lba, data));
        }
        self.send_parts(s, Kind::Write, data, self.cfg.parts, io);
    }

    /// Ends a write of the owner's that has not touched a store.
    fn fail(&mut self, s: u16, status: Status, io: &mut Io) {
        let x = self.dir.index(self.slots[s as usize].lba());
        self.done(s, status, None, io);
        self.unlock(s, io);
        self.resolve(x, io);
        self.release_slot(s);
    }

    /// Sends a write to its owner, for the first time or stamped anew. Its block is free for others meanwhile.
    pub(super) fn request(&mut self, s: u16, io: &mut Io) {
        let slot = &mut self.slots[s as usize];
        slot.phase = Phase::Requested;
        slot.due = io.now + self.cfg.repeat;
        let (data, expect) = slot.data();
        let lba = slot.lba();
        if slot.staged == Staged::No {
            if let Op::Write { fault: Some(parts), .. } = slot.op {
                self.send_parts(s, Kind::Request, data, parts.min(self.cfg.parts - 1), io);
                self.done(s, Status::DmaReadFault, None, io);
                self.unlock(s, io);
                return self.release_slot(s);
            }
            slot.staged = Staged::Begun;
            io.store(Tag::Stage(s), StoreOp::Stage(s, data, expect));
            if self.is(Mutation::RequestHomeFirst) {
                io.store(Tag::Again(s, u32::MAX), StoreOp::Write(lba, data));
            }
        }
        self.send_parts(s, Kind::Request, data, self.cfg.parts, io);
        self.keep_place(s, io);
    }

    /// Sends the first `parts` frames of a slot's block, stamped with the extent's epoch as of now.
    pub(super) fn send_parts(&mut self, s: u16, kind: Kind, data: Block, parts: u8, io: &mut Io) {
        let slot = self.slots[s as usize];
        let epoch = match self.is(Mutation::NoSecondLookup) && kind == Kind::Write {
            true => slot.epoch,
            false => self.dir.lookup(self.dir.index(slot.lba())).epoch,
        };
        for p in 0..parts {
            let mut f = Frame { slot: s, seq: slot.seq, lba: slot.lba(), epoch, ..Frame::new(kind) };
            f.part = if self.cfg.parts == 1 { WHOLE } else { p };
            f.code = u8::from(kind == Kind::Request && matches!(slot.op, Op::CompareWrite { .. }));
            let only = |b: Block| match f.part {
                WHOLE => b,
                p => {
                    let mut part = Block::ZERO;
                    part.0[p as usize] = b.0[p as usize];
                    part
                }
            };
            f.data = only(data);
            f.expect = only(slot.data().1);
            self.send(f, io);
        }
    }

    pub(super) fn send_flush(&mut self, s: u16, io: &mut Io) {
        let seq = self.slots[s as usize].seq;
        self.send(Frame { slot: s, seq, ..Frame::new(Kind::Flush) }, io);
    }

    /// The slot that kept its place holds the block again.
    fn resume(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        match slot.phase {
            Phase::Granted => {
                self.slots[s as usize].phase = Phase::Copying;
                io.store(Tag::Own(s), StoreOp::Copy(s, slot.lba()));
            }
            _ => self.admit(s, io),
        }
    }

    /// The slot that keeps its place goes next at its block.
    pub(super) fn want(&mut self, s: u16, io: &mut Io) {
        let lba = self.slots[s as usize].lba();
        if let Some(e) = self.find(lba)
            && self.locks.get(e).first == s
        {
            self.locks.at(e).wants = true;
            self.pump(lba, io);
            self.ask_holder(lba, io);
        }
    }

    /// The owner has the block of a request: copy it home as soon as block and staging allow.
    pub(super) fn copy_home(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        if slot.phase != Phase::Granted || slot.staged != Staged::Yes {
            return;
        }
        self.want(s, io);
    }

    /// Both sites have it: complete, unlock, COMMIT.
    pub(super) fn complete(&mut self, s: u16, io: &mut Io) {
        let slot = self.slots[s as usize];
        let x = self.dir.index(slot.lba());
        self.done(s, Status::Ok, None, io);
        self.slots[s as usize].phase = Phase::Complete;
        if slot.is_range() {
            self.dir.at(x).gate = Gate::Open;
            self.wake = true;
            if slot.phase == Phase::Mirrored {
                self.leave_lun();
            }
            self.drained(x, io);
        } else {
            self.unlock(s, io);
            if slot.phase == Phase::Mirrored {
                self.resolve(x, io);
            }
        }
        if slot.asked {
            self.send_commit(s, slot.seq, io);
            return self.release_slot(s);
        }
        if self.commits.is_empty() {
            self.commit_due = io.now + self.cfg.commit_delay;
        }
        self.commits.push_back(s);
    }

    pub(super) fn send_commit(&mut self, slot: u16, seq: u32, io: &mut Io) {
        self.send_commit_of(slot, seq, self.slots[slot as usize].lba(), io);
    }

    pub(super) fn send_commit_of(&mut self, slot: u16, seq: u32, lba: u32, io: &mut Io) {
        self.send(Frame { slot, seq, lba, ..Frame::new(Kind::Commit) }, io);
    }

    /// A store access has ended.
    pub fn stored(&mut self, tag: Tag, data: Option<Block>, io: &mut Io) {
        match tag {
            Tag::Own(s) => self.own_stored(s, data, io),
            Tag::Peer(p) => self.peer_stored(p, data, io),
            Tag::Stage(s) => {
                self.slots[s as usize].staged = Staged::Yes;
                self.copy_home(s, io);
            }
            Tag::Again(s, seq) => self.again(s, seq, data.unwrap_or_default(), io),
        }
    }

    fn own_stored(&mut self, s: u16, data: Option<Block>, io: &mut Io) {
        let slot = self.slots[s as usize];
        let x = self.dir.index(slot.lba());
        match slot.phase {
            Phase::Reading => {
                self.done(s, Status::Ok, data, io);
                self.dir.at(x).reads -= 1;
                self.end_read(s, io);
                self.release_slot(s);
                self.drained(x, io);
            }
            Phase::Comparing if data != Some(slot.data().1) => self.fail(s, Status::Miscompare, io),
            Phase::Comparing => self.launch(s, io),
            Phase::Mirrored => {
                self.slots[s as usize].stored = true;
                if self.is(Mutation::UnlockBeforeAck) && !slot.is_range() {
                    self.unlock(s, io);
                    self.slots[s as usize].bare = true;
                }
                if slot.acked {
                    self.complete(s, io);
                }
            }
            Phase::Copying => self.complete(s, io),
            Phase::Flushing => {
                self.slots[s as usize].stored = true;
                if slot.acked {
                    self.done(s, Status::Ok, None, io);
                    self.release_slot(s);
                }
            }
            _ => self.stats.unexpected += 1,
        }
    }

    /// A block read for a repeat is here: sent, if it is still wanted and is what was written.
    fn again(&mut self, s: u16, seq: u32, data: Block, io: &mut Io) {
        let slot = self.slots[s as usize];
        if slot.seq != seq || !slot.again {
            return;
        }
        self.slots[s as usize].again = false;
        let kind = match slot.phase {
            Phase::Mirrored if !slot.acked => Kind::Write,
            Phase::Requested => Kind::Request,
            _ => return,
        };
        // The CRC in the slot.
        if data != slot.data().0 && !self.is(Mutation::ResendBeforeStore) {
            return;
        }
        self.stats.repeats += 1;
        self.send_parts(s, kind, data, self.cfg.parts, io);
    }
}
