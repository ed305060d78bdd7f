//! The peer's operations: from the frame, through record, buffer, directory and lock, to ACK and COMMIT.

use super::gather::Placed;
use super::io::{Io, Status, StoreOp, Tag};
use super::lock::{Holder, NIL};
use super::site::{Record, Site, Stage};
use super::{Frame, Gate, Kind, Mutation, WHOLE};

impl Site {
    /// Takes a frame that has passed its checks: length, CRC, addresses.
    pub fn receive(&mut self, f: &Frame, io: &mut Io) {
        if !self.up || f.link != self.link && !self.is(Mutation::AnyGeneration) {
            self.stats.bad_generation += 1;
            return;
        }
        let slots = self.cfg.slots;
        if f.slot >= slots || f.commit.is_some_and(|(s, _)| s >= slots) || !self.is_sound(f) {
            self.stats.bad_slot += 1;
            return;
        }
        if let Some((slot, seq)) = f.commit {
            self.on_commit(slot, seq, f.lba, io);
        }
        match f.kind {
            k if k.is_operation() => self.on_operation(f, io),
            Kind::Ack => self.on_ack(f, io),
            Kind::Busy => self.on_delay(f, f.code == 0, io),
            Kind::NotOwner => {
                if self.is(Mutation::NotOwnerMoves) {
                    self.dir.give(self.dir.index(f.lba), f.owner, f.epoch);
                }
                self.on_delay(f, true, io);
                self.heard(f, io);
            }
            Kind::Refused => self.on_refused(f, io),
            Kind::Commit => self.on_commit(f.slot, f.seq, f.lba, io),
            Kind::Ask => self.on_ask(f, io),
            Kind::OwnReq => self.on_own_req(f, io),
            Kind::Grant => self.on_grant(f, io),
            _ => self.on_taken(f),
        }
    }

    /// Addresses inside the LUN, parts that there are.
    fn is_sound(&self, f: &Frame) -> bool {
        let end = u64::from(f.lba) + u64::from(f.count.max(1));
        let inside = end <= u64::from(self.cfg.blocks);
        let part = if self.cfg.parts == 1 { f.part == WHOLE } else { f.part < self.cfg.parts || f.part == WHOLE };
        inside && part && (f.count == 0 || self.dir.index(f.lba) == self.dir.index((end - 1) as u32))
    }

    fn answer(&mut self, kind: Kind, code: u8, f: &Frame, io: &mut Io) {
        let l = self.dir.lookup(self.dir.index(f.lba));
        let (owner, epoch) = if kind == Kind::NotOwner { (l.owner, l.epoch) } else { Default::default() };
        let lba = if kind == Kind::NotOwner { f.lba } else { 0 };
        self.send(Frame { code, slot: f.slot, seq: f.seq, lba, owner, epoch, ..Frame::new(kind) }, io);
    }

    fn busy(&mut self, turn: bool, f: &Frame, io: &mut Io) {
        self.stats.busy += 1;
        self.answer(Kind::Busy, u8::from(turn), f, io);
    }

    fn not_owner(&mut self, f: &Frame, io: &mut Io) {
        self.stats.not_owner += 1;
        self.answer(Kind::NotOwner, 0, f, io);
        self.heard(f, io);
    }

    /// An operation of the peer's: R1 and R2, then buffer, directory and lock.
    fn on_operation(&mut self, f: &Frame, io: &mut Io) {
        let rec = self.records[f.slot as usize];
        if self.is(Mutation::DirectoryFirst) && f.kind != Kind::Flush && !self.may_enter(f) {
            return self.not_owner(f, io);
        }
        let again = self.is(Mutation::CompareAgain) && matches!(rec.stage, Stage::Refused(3)) && f.seq == rec.seq;
        if !self.is(Mutation::SkipSequence) && !again {
            if f.seq < rec.seq {
                self.stats.stale += 1;
                return;
            }
            if f.seq == rec.seq && rec.stage != Stage::Empty {
                return self.on_known(rec, f, io);
            }
        }
        if rec.busy() {
            self.stats.unexpected += 1;
            return;
        }
        // R3: the slot is used anew, so its earlier use is complete.
        if rec.held {
            if self.is(Mutation::LaterImpliesNothing) {
                return self.busy(false, f, io);
            }
            self.commit(f.slot, io);
        }
        self.drop_older_turn(f.slot, f.seq, io);
        if f.kind == Kind::Flush {
            self.record(f, Stage::Writing, false);
            return io.store(Tag::Peer(f.slot), StoreOp::Flush);
        }
        if !self.live {
            // A request that is refused is refused for good, so that no copy of it is ever applied.
            if matches!(f.kind, Kind::Request | Kind::RequestZero) {
                self.record(f, Stage::Refused(Status::NotLive as u8), false);
                if !self.is(Mutation::TurnAfterLater) {
                    self.drop_turn(f.slot, io);
                }
            }
            return self.answer(Kind::Refused, Status::NotLive as u8, f, io);
        }
        match f.kind {
            Kind::Write | Kind::Request => self.on_block(f, io),
            _ => self.on_range(f, io),
        }
    }

    /// Slot and sequence are on record: answered from there.
    fn on_known(&mut self, rec: Record, f: &Frame, io: &mut Io) {
        self.stats.duplicate += 1;
        if self.is(Mutation::DuplicateImplies)
            && let Some(e) = self.find(f.lba)
            && let Holder::Peer(p) = self.locks.get(e).excl
            && p != f.slot
        {
            self.commit(p, io);
        }
        match rec.stage {
            Stage::Stored if rec.held || rec.kind == Kind::Flush => self.acknowledge(f.slot, io),
            Stage::Refused(code) => self.answer(Kind::Refused, code, f, io),
            _ => {}
        }
    }

    /// The directory lets the peer's operation in: as the owner's, or as a request to the owner, in this epoch.
    pub(super) fn may_enter(&self, f: &Frame) -> bool {
        let x = self.dir.index(f.lba);
        let l = self.dir.lookup(x);
        let epoch = l.epoch == f.epoch || self.is(Mutation::AcceptOldEpoch);
        match f.kind {
            Kind::Write | Kind::Zero => epoch && (l.owner != self.id || self.is(Mutation::AcceptOldEpoch)),
            _ => {
                let open = self.dir.gate(x) != Gate::Closing && !self.dir.lun.closing;
                epoch && (l.owner == self.id || self.is(Mutation::AcceptOldEpoch)) && open
            }
        }
    }

    pub(super) fn record(&mut self, f: &Frame, stage: Stage, held: bool) {
        let rec = &mut self.records[f.slot as usize];
        (rec.seq, rec.kind, rec.stage, rec.held) = (f.seq, f.kind, stage, held);
        (rec.lba, rec.count, rec.buf) = (f.lba, f.count, NIL);
        // `count` of a block's record says whether it is a compare-and-write.
        if f.kind == Kind::Request {
            rec.count = u16::from(f.code);
        }
    }

    /// A block, or a part of one, of a sequence that is not on record.
    fn on_block(&mut self, f: &Frame, io: &mut Io) {
        if self.is(Mutation::WriteThrough) && f.kind == Kind::Write && f.part != WHOLE && self.may_enter(f) {
            io.store(Tag::Again(f.slot, u32::MAX), StoreOp::WritePart(f.lba, f.part, f.data));
        }
        let buf = match self.place(f) {
            Placed::Whole(buf) => buf,
            Placed::Part => return,
            Placed::None => return self.busy(false, f, io),
        };
        if !self.may_enter(f) {
            self.free_buf(buf);
            return self.not_owner(f, io);
        }
        let admitted = match f.kind {
            Kind::Write => self.admit_write(f, buf, io),
            _ => self.admit_request(f, buf, io),
        };
        if !admitted {
            self.free_buf(buf);
        }
    }

    /// The owner's write. It implies the COMMIT of the one before it; readers that waited for that go first.
    fn admit_write(&mut self, f: &Frame, buf: u16, io: &mut Io) -> bool {
        let Some(e) = self.take_entry(f.lba) else {
            self.busy(false, f, io);
            return false;
        };
        let entry = *self.locks.get(e);
        if entry.mirror != NIL || matches!(entry.excl, Holder::Own(_)) {
            self.busy(false, f, io);
            return false;
        }
        match entry.excl {
            Holder::Peer(p) => {
                if self.records[p as usize].busy() {
                    self.busy(false, f, io);
                    return false;
                }
                self.end_hold(p, io);
                self.locks.at(e).excl = Holder::None;
                self.let_readers_in(e, io);
            }
            // Kept for a request to this site, which is not the owner any more.
            Holder::Turn(p) if self.is(Mutation::TurnAfterGrant) && p != f.slot => {
                self.busy(false, f, io);
                return false;
            }
            Holder::Turn(p) => self.unlink_turn(p, e),
            _ => {}
        }
        self.end_range_hold(f, io);
        let Some(e) = self.take_entry(f.lba) else { return false };
        self.locks.at(e).mirror = f.slot;
        self.admitted(f, buf);
        self.pump(f.lba, io);
        true
    }

    /// Readers at the head of the queue hold the block before the peer's next write does.
    fn let_readers_in(&mut self, e: u16, io: &mut Io) {
        let lba = self.locks.get(e).lba;
        // Keeps the entry while readers that may not read give it back at once.
        self.locks.at(e).shared += 1;
        while let Some(s) = self.find(lba).and_then(|e| self.locks.reader(e)) {
            self.start_read(s, io);
        }
        self.locks.at(e).shared -= 1;
    }

    /// A request to this site as the owner. When the block is not free, its turn is kept.
    fn admit_request(&mut self, f: &Frame, buf: u16, io: &mut Io) -> bool {
        let x = self.dir.index(f.lba);
        let Some(e) = self.take_entry(f.lba) else {
            self.busy(false, f, io);
            return false;
        };
        let rec = self.records[f.slot as usize];
        let entry = *self.locks.get(e);
        let mine = entry.excl == Holder::Turn(f.slot)
            && (rec.turn.is_some_and(|t| t.0 == f.seq) || self.is(Mutation::TurnAfterLater));
        let gate = matches!(self.dir.gate(x), Gate::Own(_) | Gate::Peer(_));
        if gate || !(mine || self.locks.open_to_peer(e)) {
            let turn = mine || self.keep_turn(f, e);
            self.busy(turn, f, io);
            self.ask_holder(f.lba, io);
            self.pump(f.lba, io);
            return false;
        }
        if mine {
            self.unlink_turn(f.slot, e);
        }
        self.dir.at(x).writes += 1;
        self.dir.lun.writes += 1;
        self.locks.at(e).excl = Holder::Peer(f.slot);
        self.admitted(f, buf);
        self.start_peer(f.slot, io);
        true
    }

    fn admitted(&mut self, f: &Frame, buf: u16) {
        self.record(f, Stage::Waiting, true);
        self.records[f.slot as usize].buf = buf;
        self.take_buf(buf);
    }

    /// The peer's block has its lock: home, or compared first.
    pub(super) fn start_peer(&mut self, p: u16, io: &mut Io) {
        let rec = &mut self.records[p as usize];
        let data = self.bufs[rec.buf as usize].data;
        if rec.kind == Kind::Request && rec.count == 1 {
            rec.stage = Stage::Comparing;
            io.store(Tag::Peer(p), StoreOp::Read(rec.lba));
        } else {
            let early = self.cfg.mutation == Some(Mutation::AckBeforeStore);
            rec.stage = if early { Stage::Stored } else { Stage::Writing };
            io.store(Tag::Peer(p), StoreOp::Write(rec.lba, data));
            if early {
                self.acknowledge(p, io);
            }
        }
    }

    pub(super) fn peer_stored(&mut self, p: u16, data: Option<super::Block>, io: &mut Io) {
        let rec = self.records[p as usize];
        if rec.stage == Stage::Comparing {
            let buf = self.bufs[rec.buf as usize];
            if data != Some(buf.expect) {
                let code = Status::Miscompare as u8;
                self.free_buf(rec.buf);
                let r = &mut self.records[p as usize];
                (r.stage, r.buf) = (Stage::Refused(code), NIL);
                self.commit(p, io);
                return self.send(Frame { code, slot: p, seq: rec.seq, ..Frame::new(Kind::Refused) }, io);
            }
            self.records[p as usize].stage = Stage::Writing;
            return io.store(Tag::Peer(p), StoreOp::Write(rec.lba, buf.data));
        }
        self.free_buf(rec.buf);
        let r = &mut self.records[p as usize];
        (r.stage, r.buf) = (Stage::Stored, NIL);
        if !self.is(Mutation::AckBeforeStore) || rec.kind == Kind::Flush {
            self.acknowledge(p, io);
        }
        if self.is(Mutation::UnlockWithoutCommit)
            && rec.kind == Kind::Request
            && let Some(e) = self.find(rec.lba)
        {
            self.locks.at(e).excl = Holder::None;
            self.pump(rec.lba, io);
        }
        if self.is(Mutation::DrainForgetsCommit) && rec.kind == Kind::Request {
            self.resolve(self.dir.index(rec.lba), io);
        }
    }

    /// Tells the peer that slot and sequence are in the store, and whether something waits for the COMMIT.
    pub(super) fn acknowledge(&mut self, p: u16, io: &mut Io) {
        let rec = self.records[p as usize];
        let code = u8::from(rec.kind != Kind::Flush && self.is_waited_for(p) && !self.is(Mutation::NeverAsk));
        self.send(Frame { code, slot: p, seq: rec.seq, ..Frame::new(Kind::Ack) }, io);
    }

    fn on_commit(&mut self, slot: u16, seq: u32, lba: u32, io: &mut Io) {
        let rec = self.records[slot as usize];
        if self.is(Mutation::CommitByBlock) {
            if let Some(e) = self.find(lba)
                && let Holder::Peer(p) = self.locks.get(e).excl
                && !self.records[p as usize].busy()
            {
                self.commit(p, io);
            }
        } else if rec.held && rec.seq == seq && rec.stage == Stage::Stored {
            self.commit(slot, io);
            if self.is(Mutation::ForgetAfterCommit) {
                self.records[slot as usize].seq = 0;
                self.records[slot as usize].stage = Stage::Empty;
            }
        } else {
            self.stats.unexpected += u64::from(seq > rec.seq);
        }
    }

    /// What a slot of the peer's holds is complete at both sites, or refused: readers and writers may go on.
    pub(super) fn commit(&mut self, p: u16, io: &mut Io) {
        let rec = self.records[p as usize];
        self.end_hold(p, io);
        let x = self.dir.index(rec.lba);
        match rec.kind {
            Kind::Zero | Kind::RequestZero => {
                if self.dir.gate(x) == Gate::Peer(p) {
                    self.dir.at(x).gate = Gate::Open;
                    self.wake = true;
                }
                self.drained(x, io);
            }
            _ => {
                if let Some(e) = self.find(rec.lba)
                    && self.locks.get(e).excl == Holder::Peer(p)
                {
                    self.locks.at(e).excl = Holder::None;
                    self.pump(rec.lba, io);
                }
            }
        }
    }

    /// Marks a record as no longer held. A requested operation is resolved by that (R6).
    pub(super) fn end_hold(&mut self, p: u16, io: &mut Io) {
        let rec = self.records[p as usize];
        if !std::mem::replace(&mut self.records[p as usize].held, false) {
            return;
        }
        match rec.kind {
            Kind::Request if !self.is(Mutation::DrainForgetsCommit) => self.resolve(self.dir.index(rec.lba), io),
            Kind::Request if matches!(rec.stage, Stage::Refused(_)) => self.resolve(self.dir.index(rec.lba), io),
            Kind::RequestZero => self.leave_lun(),
            _ => {}
        }
    }

    /// Asks for the COMMIT of what a slot of the peer's holds (R4).
    pub(super) fn ask(&mut self, p: u16, io: &mut Io) {
        let rec = self.records[p as usize];
        if rec.held && rec.stage == Stage::Stored && !self.is(Mutation::NeverAsk) {
            self.records[p as usize].ask_due = io.now + self.cfg.repeat;
            self.stats.asks += 1;
            self.send(Frame { slot: p, seq: rec.seq, ..Frame::new(Kind::Ask) }, io);
        }
    }

    /// Asks for the COMMIT that a block waits for.
    pub(super) fn ask_holder(&mut self, lba: u32, io: &mut Io) {
        if let Some(e) = self.find(lba)
            && let Holder::Peer(p) = self.locks.get(e).excl
        {
            self.ask(p, io);
        }
    }

    /// Something waits for the end of what a slot of the peer's holds: a reader, a writer, a turn, a drain.
    pub(super) fn is_waited_for(&self, p: u16) -> bool {
        let rec = &self.records[p as usize];
        if !rec.held {
            return false;
        }
        let x = self.dir.index(rec.lba);
        let drain = self.dir.gate(x) != Gate::Open || self.dir.lun.closing;
        drain || self.find(rec.lba).is_some_and(|e| self.locks.somebody_waits(e))
    }
}
