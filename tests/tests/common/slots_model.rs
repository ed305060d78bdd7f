//! What the slots know, in plain Rust: every event that `slots` takes is applied in order; what leaves is held against it.
//!
//! Only time is not modelled: when a repeat or a time-out comes. Those are checked for being allowed.

#![allow(dead_code, reason = "each test takes what it needs")]

use crate::common::Pulses;
use crate::slots_use::{Copy, Op, Use};
use dyad_hdl::bundle::op_kind::{FLUSH, OWN, READ, WRITE};
use dyad_hdl::bundle::{Admit, Answer, LocalDone, OpEnd, Sent};
use dyad_hdl::ir::Bits;
use dyad_spec::{FrameType, Status};
use dyad_tests::field;
use std::collections::{HashMap, HashSet, VecDeque};

/// All slots.
pub struct Model {
    pub uses: Vec<Option<Use>>,
    seqs: Vec<u64>,
    pub now: u64,
    /// Cycles from the taking of an event to its decision.
    pub decides: u64,
    pub link: bool,
    /// There is a staging area.
    pub staging: bool,
    /// When the link last went up or down.
    pub link_changed: u64,
    pub told: HashMap<u64, Status>,
    told_kinds: HashMap<(u64, u8), u64>,
    /// Told before their slots were known.
    early: HashSet<u64>,
    launches: VecDeque<u64>,
    unexpected: u64,
    /// Last sequence that left, of each slot; and whether the model's own is only near it, after a reset.
    shown: Vec<u64>,
    loose: Vec<bool>,
    was_reset: bool,
    /// COMMITs that must leave, in order: slot, sequence.
    pub commits: VecDeque<(u64, u64)>,
    /// Repeats: slot, cycles since it was last sent.
    pub repeats: Vec<(u64, u64)>,
    resent: HashSet<(u64, u64)>,
    /// NOT_OWNER answers that were taken; those who looked again; what became of them: own writes, requests, parked.
    pub turned_away: u64,
    pub looks: u64,
    pub became: [u64; 3],
    /// Slots that were counted, and have ended.
    pub resolves: u64,
    /// Writes that were told NOT_OWNER without a staging area.
    foreign: u64,
}

impl Model {
    pub fn new(slots: usize) -> Self {
        Self {
            uses: vec![None; slots],
            seqs: vec![0; slots],
            now: 0,
            decides: 1,
            link: true,
            staging: false,
            link_changed: 0,
            told: HashMap::new(),
            told_kinds: HashMap::new(),
            early: HashSet::new(),
            launches: VecDeque::new(),
            unexpected: 0,
            shown: vec![0; slots],
            loose: vec![false; slots],
            was_reset: false,
            commits: VecDeque::new(),
            repeats: Vec::new(),
            resent: HashSet::new(),
            turned_away: 0,
            looks: 0,
            became: [0; 3],
            resolves: 0,
            foreign: 0,
        }
    }

    /// A slot's present or last sequence.
    pub fn seq(&self, slot: u64) -> u64 {
        self.seqs[slot as usize]
    }

    /// All slots become free. What was about to leave has no effect but on sequences.
    pub fn reset(&mut self) {
        self.uses.iter_mut().for_each(|u| *u = None);
        self.loose.iter_mut().for_each(|l| *l = true);
        self.launches.clear();
        self.commits.clear();
        self.early.clear();
        self.was_reset = true;
    }

    /// A sequence left: after a reset it may have passed a few that did not.
    fn show(&mut self, slot: u64, seq: u64) {
        let place = slot as usize;
        if std::mem::take(&mut self.loose[place]) {
            let ahead = seq.wrapping_sub(self.shown[place]) & 0xffff_ffff;
            assert!((1..6).contains(&ahead), "slot {slot}: sequence {seq} after {}", self.shown[place]);
            self.seqs[place] = seq;
            self.at(slot).seq = seq;
        }
        self.shown[place] = seq;
    }

    fn at(&mut self, slot: u64) -> &mut Use {
        self.uses[slot as usize].as_mut().unwrap_or_else(|| panic!("slot {slot} is not in use"))
    }

    fn next_seq(&mut self, slot: u64) -> u64 {
        let seq = &mut self.seqs[slot as usize];
        *seq = (*seq + 1) & 0xffff_ffff;
        *seq
    }

    /// A slot was taken for an operation with a lock.
    pub fn begin(&mut self, slot: u64, op: Op) {
        let (place, now) = (&mut self.uses[slot as usize], self.now);
        assert!(place.is_none(), "slot {slot} is taken for {op:?} but still in use: {place:?}");
        *place = Some(Use { reported: self.early.remove(&op.id), ..Use::new(op, now) });
    }

    /// A flush began.
    pub fn begin_flush(&mut self, slot: u64, op: Op, of: &dyn Fn(&str) -> u64) -> Use {
        self.begin(slot, op);
        self.next_seq(slot);
        self.show(slot, of("seq"));
        let seq = self.seq(slot);
        assert_eq!((of("seq"), of("local"), of("lun")), (seq, op.local.into(), op.lun), "the flush of slot {slot}");
        let u = self.at(slot);
        (u.active, u.sent, u.seq) = (true, true, seq);
        u.clone()
    }

    /// A command about an owner began.
    pub fn begin_own(&mut self, slot: u64, op: Op, of: &dyn Fn(&str) -> u64) {
        self.begin(slot, op);
        self.next_seq(slot);
        self.show(slot, of("seq"));
        let seq = self.seq(slot);
        let u = self.at(slot);
        (u.active, u.sent, u.local_done, u.seq) = (true, true, true, seq);
        self.own_job(slot, of);
    }

    /// A job about an owner left, maybe of a command that has just ended.
    pub fn own_job(&mut self, slot: u64, of: &dyn Fn(&str) -> u64) {
        let Some(u) = self.uses[slot as usize].as_ref().filter(|u| u.op.kind == OWN && u.seq == of("seq")) else {
            assert_eq!(of("again"), 1);
            return;
        };
        let want = (u.op.lun, u.op.lba, u64::from(u.op.local), u.op.id * 3 & 3);
        assert_eq!((of("lun"), of("lba"), of("local"), of("code")), want, "the job of slot {slot}");
    }

    /// A command about an owner goes to `admit` again.
    pub fn own_again(&mut self, slot: u64, of: &dyn Fn(&str) -> u64) {
        self.own_job(slot, of);
        self.flushed_again(slot, of("seq"));
    }

    pub fn admit(&mut self, word: &Bits) {
        let of = |name: &str| field(Admit::FIELDS, word, name);
        // It is told in the cycle in which the decision falls.
        let (slot, now, link, staging) = (of("slot"), self.now, self.link, self.staging);
        let decided = now + 1;
        let u = self.at(slot);
        assert!(of("counted") == 0 || !u.counted, "slot {slot} is counted twice");
        u.counted |= of("counted") == 1;
        if u.copy == Copy::Asked {
            u.copy = Copy::Granted;
            return;
        }
        assert!(!u.active, "slot {slot} is admitted twice");
        let ours = of("owner") == super::slots_world::SITE && of("valid") == 1;
        if u.op.kind == WRITE && !u.op.local && ours && of("closing") == 1 {
            (u.parked, u.looks, u.unlocks) = (true, false, true);
            self.became[2] += 1;
            return;
        }
        if std::mem::take(&mut u.looks) {
            u.active = true;
            if u.acked {
                u.copy = Copy::Granted;
            } else if ours {
                (u.copy, u.request, u.staged, u.local_done) = (Copy::Granted, false, true, false);
                let seq = self.next_seq(slot);
                self.at(slot).seq = seq;
                self.became[0] += 1;
            } else {
                u.unlocks = true;
                self.became[1] += 1;
            }
            return;
        }
        (u.owner, u.epoch) = (of("owner"), of("epoch"));
        if u.reported {
            u.gone = true;
            self.tidy(slot);
            return;
        }
        let foreign = u.op.kind == WRITE && !u.op.local && of("owner") != super::slots_world::SITE;
        let refusal = if of("valid") == 0 {
            Some(Status::BadLba)
        } else if u.mirrored() && !link {
            Some(Status::LinkDown)
        } else if foreign && !staging {
            Some(Status::NotOwner)
        } else {
            None
        };
        if let Some(status) = refusal {
            u.end(status.code());
            u.gone = true;
            self.foreign += u64::from(status == Status::NotOwner);
            return;
        }
        (u.active, u.t_lookup, u.last) = (true, decided, now);
        (u.request, u.unlocks) = (foreign, foreign);
        let seq = self.next_seq(slot);
        self.at(slot).seq = seq;
        self.launches.push_back(slot);
    }

    /// A write or a read was handed to its engine.
    pub fn launched(&mut self, slot: u64, write: bool, of: &dyn Fn(&str) -> u64) -> Use {
        let expected = self.launches.iter().position(|s| *s == slot).expect("an admitted slot is launched, once");
        self.launches.remove(expected);
        self.show(slot, of("seq"));
        let u = self.at(slot);
        assert_eq!((u.op.kind == WRITE, u64::from(u.op.zeroes())), (write, of("zeroes")));
        let want = (u.seq, u.epoch, u64::from(u.op.local), u.op.lun, u.op.lba, u.op.id * 3, u64::from(u.request));
        assert_eq!(
            (of("seq"), of("epoch"), of("local"), of("lun"), of("lba"), of("page"), of("request")),
            want,
            "launch of slot {slot}"
        );
        u.clone()
    }

    pub fn sent(&mut self, word: &Bits) {
        let of = |name: &str| field(Sent::FIELDS, word, name);
        let (slot, now) = (of("slot"), self.now);
        let decided = now + self.decides;
        let Some(u) = self.uses[slot as usize].as_mut().filter(|u| u.active && u.seq == of("seq")) else { return };
        (u.sent, u.last) = (true, decided);
        if of("resend") == 0 {
            u.stamps = (of("t_first"), of("t_last"));
        } else {
            u.resending = false;
            if u.resolved() && u.request {
                u.copy = Copy::Wanted;
            } else if u.resolved() {
                u.gone = true;
                self.commit(slot);
            }
        }
    }

    pub fn local(&mut self, word: &Bits) {
        let of = |name: &str| field(LocalDone::FIELDS, word, name);
        let (slot, now) = (of("slot"), self.now);
        let decided = now + self.decides;
        let u = self.uses[slot as usize].as_mut().filter(|u| u.active);
        // A second answer about an owner, for a slot that does something else by now.
        if of("own") == 1 && u.as_ref().is_none_or(|u| u.op.kind != OWN) {
            return;
        }
        let u = u.unwrap_or_else(|| panic!("an engine answers for slot {slot}, which is not under way"));
        let flush = u.op.kind == FLUSH;
        let status = of("status");
        let of_staged = u.staged && u.copy == Copy::Running;
        if of_staged {
            u.copy = Copy::No;
        }
        if u.op.kind == OWN {
            // What is said of an earlier use of the slot has no effect.
            if of("crc") == u.seq && status == Status::Locked.code() {
                u.put_off();
            } else if of("crc") == u.seq {
                u.end(status);
                (u.gone, u.t_local) = (true, decided);
            }
        } else if u.copy == Copy::Running {
            u.t_local = decided;
            u.end(status);
            if status == Status::Ok.code() {
                u.gone = true;
                self.commit(slot);
            } else {
                u.broken = true;
            }
        } else if status == Status::Ok.code() {
            assert!(!u.local_done, "one local leg a use");
            (u.local_done, u.t_local) = (true, decided);
            u.crc = if u.staged { u.crc } else { of("crc") };
            if u.acked && u.request {
                u.copy = Copy::Wanted;
            } else if u.acked || u.op.local || (flush && u.reported) {
                u.end(Status::Ok.code());
                u.gone = true;
                self.commit(slot);
            }
        } else if status == Status::DmaReadFault.code() || flush || u.op.local {
            u.end(status);
            (u.gone, u.t_local) = (true, decided);
        } else {
            u.end(status);
            (u.broken, u.gone, u.resending, u.t_local) = (true, false, false, decided);
        }
        self.tidy(slot);
    }

    pub fn answer(&mut self, word: &Bits) {
        let of = |name: &str| field(Answer::FIELDS, word, name);
        let (slot, now) = (of("slot"), self.now);
        let decided = now + self.decides;
        if of("ftype") == FrameType::AskCommit.code() {
            let past = self.seq(slot).wrapping_sub(of("seq")) & 0xffff_ffff;
            let under_way = self.uses[slot as usize].as_ref().is_some_and(|u| u.out() && !u.gone);
            if if past == 0 { !under_way } else { past < 1 << 31 } {
                self.commits.push_back((slot, of("seq")));
            }
            return;
        }
        let matches = |u: &&mut Use| u.out() && u.mirrored() && !u.acked && u.sent && u.seq == of("seq") && !u.gone;
        let Some(u) = self.uses[slot as usize].as_mut().filter(matches) else {
            self.unexpected += 1;
            return;
        };
        match FrameType::try_from(of("ftype") as u8) {
            Ok(FrameType::Ack) => {
                (u.acked, u.t_ack, u.mirror) = (true, decided, of("aux"));
                if u.looks || u.parked {
                    // It has looked already: it goes on when it has its lock.
                } else if u.resolved() && u.request {
                    u.copy = if u.resending { Copy::No } else { Copy::Wanted };
                } else if u.resolved() {
                    u.end(Status::Ok.code());
                    u.gone = !u.resending;
                    if u.gone {
                        self.commit(slot);
                    }
                }
            }
            Ok(FrameType::Busy) => {
                u.last = decided;
                if u.op.kind == OWN {
                    u.put_off();
                }
            }
            Ok(FrameType::NotOwner) => {
                u.not_owner = true;
                u.put_off();
                self.turned_away += 1;
            }
            _ => {
                u.end(if of("code") == 0 { Status::PeerRefused.code() } else { of("code") });
                u.gone = u.op.kind == OWN || (u.op.kind == FLUSH && u.local_done);
                u.refused = true;
            }
        }
        self.tidy(slot);
    }

    /// The peer must be told that a dual write is complete.
    fn commit(&mut self, slot: u64) {
        let u = self.at(slot);
        if u.op.kind == WRITE && u.mirrored() {
            let seq = u.seq;
            self.commits.push_back((slot, seq));
        }
    }

    pub fn end(&mut self, word: &Bits) {
        let of = |name: &str| field(OpEnd::FIELDS, word, name);
        let now = self.now;
        let decided = now + self.decides;
        let u = self.at(of("slot"));
        assert!(u.active && u.op.kind == READ);
        (u.gone, u.t_local) = (true, decided);
        u.end(of("status"));
    }

    /// A command was told of a block.
    pub fn done(&mut self, of: &dyn Fn(&str) -> u64, limit: u64) {
        let id = of("cmd") << 6 | of("block");
        let slot = self.uses.iter().position(|u| u.as_ref().is_some_and(|u| u.op.id == id));
        let down = !self.link || self.now < self.link_changed + 100;
        let status = Status::try_from(of("status") as u8).expect("a status");
        let Some(slot) = slot.map(|s| s as u64) else {
            // Its request for a lock, or for a flush, stands at a port that pauses.
            assert!(status == Status::LinkDown && down, "operation {id} is told of: {status:?}; it has no slot");
            assert!(self.told.insert(id, status).is_none() && self.early.insert(id), "operation {id} is told twice");
            return;
        };
        let link_changed = self.link_changed;
        let kept = self.uses.iter().flatten().any(|k| k.out() && k.reported && !k.gone);
        let u = self.at(slot);
        assert!(!u.reported, "operation {id} is told twice");
        u.reported = true;
        let waits = u.mirrored() && u.active && u.sent && (u.local_done || u.op.kind == FLUSH) && !u.acked;
        match (u.ends.take(), status) {
            (Some(want), _) => assert_eq!(status.code(), want, "how operation {id} ended"),
            (None, Status::LinkDown) => assert!(down, "the link is up"),
            (None, Status::PeerTimeout) => {
                assert!(waits);
                assert!(u.repeats >= limit || link_changed > u.begun, "a time-out after {} repeats", u.repeats);
            }
            (None, Status::Locked) => {
                let waits = u.waits() || matches!(u.copy, Copy::Asked | Copy::Granted | Copy::Running);
                assert!(waits && kept, "it waits for a lock that is kept");
            }
            (None, other) => panic!("operation {id} ended with {other:?} for no reason: {u:?}"),
        }
        if matches!(status, Status::LinkDown | Status::PeerTimeout) && u.op.kind == FLUSH && u.active {
            u.gone = u.local_done;
        }
        // What waits for nothing but another owner, and was never out, is given up.
        u.gone |= u.parked && !u.request;
        let bits = |t: u64| t & 0xffff_ffff;
        if status == Status::Ok {
            assert_eq!(
                of("t_lookup"),
                bits(if matches!(u.op.kind, FLUSH | OWN) { of("t_lookup") } else { u.t_lookup }),
                "t_lookup"
            );
            assert_eq!(of("t_local"), bits(u.t_local), "t_local");
        }
        if status == Status::Ok && u.op.kind == WRITE && u.mirrored() {
            assert_eq!((of("t_frame"), of("t_sent")), u.stamps, "stamps of the first sending");
            assert_eq!((of("t_ack"), of("mirror")), (bits(u.t_ack), u.mirror), "stamps of the answer");
        }
        if status == Status::NotOwner && u.gone {
            assert_eq!((of("owner"), of("epoch")), (u.owner, u.epoch));
        }
        // A repeat that the link's end has caught was counted and not sent.
        let caught = link_changed > u.begun;
        assert!(caught || of("retries") <= u.repeats + 1, "{} repeats counted, {} seen", of("retries"), u.repeats);
        let kind = u.op.kind;
        self.told.insert(id, status);
        *self.told_kinds.entry((kind, status as u8)).or_default() += 1;
        self.tidy(slot);
    }

    /// A block is handed to the resender.
    pub fn repeated(&mut self, slot: u64, of: &dyn Fn(&str) -> u64) {
        let now = self.now;
        let u = self.at(slot);
        assert!(u.active && u.op.kind == WRITE && u.mirrored(), "what is repeated is a dual write");
        assert!(u.sent && u.local_done && !u.broken, "a block is repeated when the store has it");
        assert!(u.request || !u.released, "a block is repeated while its lock is held");
        assert!(matches!(u.copy, Copy::No | Copy::Wanted), "a request is repeated that the owner has");
        let want = (u.seq, u.op.lun, u.op.lba, u.crc, u64::from(u.request));
        let is = (of("seq"), of("lun"), of("lba"), of("crc"), of("request"));
        assert_eq!(is, want, "repeat of slot {slot}");
        // It may have been acknowledged since it was decided.
        (u.resending, u.gone, u.copy) = (true, false, Copy::No);
        u.repeats += 1;
        // An event that was taken after it was decided may be under way: that counts for the next.
        let since = now.saturating_sub(u.last);
        let key = (slot, u.seq);
        self.show(slot, key.1);
        self.repeats.push((slot, since));
        self.resent.insert(key);
    }

    /// A flush, or a command about an owner, is sent again; maybe one that has just ended.
    pub fn flushed_again(&mut self, slot: u64, seq: u64) {
        if let Some(u) = self.uses[slot as usize].as_mut().filter(|u| u.seq == seq) {
            u.repeats += 1;
        }
    }

    /// A lock came back.
    pub fn released(&mut self, block: (u64, u64), exclusive: bool) {
        let fits = |u: &Use| {
            let free = u.unlocks || (u.gone && !u.released);
            free && (u.op.lun, u.op.lba) == block && (u.op.kind == WRITE) == exclusive
        };
        let slot = self.uses.iter().position(|u| u.as_ref().is_some_and(fits));
        let slot = slot.unwrap_or_else(|| panic!("the lock of {block:?} came back before its operation was resolved"));
        let u = self.at(slot as u64);
        (u.released, u.unlocks) = (true, false);
        self.tidy(slot as u64);
    }

    /// `admit` hears that a write that it counts has ended.
    pub fn resolved(&mut self, block: (u64, u64)) {
        let ended = |u: &Use| u.counted && u.gone && (u.op.lun, u.op.lba) == block;
        let slot = self.uses.iter().position(|u| u.as_ref().is_some_and(ended));
        let slot = slot.unwrap_or_else(|| panic!("no counted write of {block:?} has ended")) as u64;
        self.at(slot).counted = false;
        self.resolves += 1;
        self.tidy(slot);
    }

    /// Whether the lock that is asked for is for the copy of a request's block, or to look again who owns it.
    pub fn asks_again(&mut self, slot: u64, block: (u64, u64)) -> bool {
        // The request for a lock stands at a port that may pause.
        let link = self.link || self.now < self.link_changed + 100;
        let Some(u) = self.uses[slot as usize].as_mut() else { return false };
        assert!(
            (u.op.lun, u.op.lba) == block && u.released,
            "slot {slot} asks for a lock that it has, or another: {u:?}"
        );
        if u.copy == Copy::Wanted {
            (u.copy, u.released) = (Copy::Asked, false);
            return true;
        }
        let turned = u.active && u.request && u.not_owner && u.local_done && !u.acked && !u.resending;
        assert!(turned || u.parked, "slot {slot} looks again for no reason: {u:?}");
        assert!(link, "it looks again when the link is up");
        // One that was never out is asked for as at first.
        u.looks = u.request;
        (u.active, u.parked, u.not_owner, u.released) = (false, false, false, false);
        self.looks += 1;
        true
    }

    /// A staged block is to be copied home.
    pub fn copies(&mut self, slot: u64, block: (u64, u64)) {
        let u = self.at(slot);
        assert_eq!((u.copy, (u.op.lun, u.op.lba)), (Copy::Granted, block), "a block is copied under its lock");
        u.copy = Copy::Running;
    }

    /// The resender still reads a block.
    pub fn must_hold(&mut self, slot: u64, seq: u64) {
        let u = self.at(slot);
        assert!(
            u.seq == seq && u.active && (!u.released || u.request) && u.copy == Copy::No,
            "slot {slot}: the lock went while the resender read the block"
        );
    }

    /// Frees a slot that has nothing left to do.
    fn tidy(&mut self, slot: u64) {
        let place = &mut self.uses[slot as usize];
        if place.as_ref().is_some_and(|u| u.gone && u.released && u.reported && !u.counted) {
            *place = None;
        }
    }

    pub fn in_use(&self) -> usize {
        self.uses.iter().flatten().count()
    }

    /// Whether a block's slot and lock are kept because a store has failed.
    pub fn has_lost(&self, lun: u64, lba: u64) -> bool {
        self.uses.iter().flatten().any(|u| u.broken && (u.op.lun, u.op.lba) == (lun, lba))
    }

    /// Every slot is free, but for blocks that the local store has lost, and those that wait for them.
    pub fn all_resolved(&self) -> bool {
        let lost: HashSet<_> = self.uses.iter().flatten().filter(|u| u.broken).map(|u| (u.op.lun, u.op.lba)).collect();
        self.uses.iter().flatten().all(|u| {
            u.broken || ((u.waits() || u.copy == Copy::Asked) && u.reported && lost.contains(&(u.op.lun, u.op.lba)))
        })
    }

    /// Counters against what the model has seen.
    pub fn check(&self, events: &Pulses) {
        let told = |kind, status: Status| self.told_kinds.get(&(kind, status as u8)).copied().unwrap_or(0);
        if self.was_reset {
            return;
        }
        assert_eq!(events.of("unexpected"), self.unexpected, "answers that match nothing");
        assert_eq!(events.of("written"), told(WRITE, Status::Ok));
        assert_eq!(events.of("read"), told(READ, Status::Ok));
        assert_eq!(events.of("flushed"), told(FLUSH, Status::Ok));
        assert_eq!(events.of("not_owner"), self.foreign);
        assert_eq!(events.of("turned_away"), self.turned_away);
        assert_eq!(events.of("timed_out"), events.of("fence"));
    }
}
