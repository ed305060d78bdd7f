//! The world around `slots`: locks, engines, the resender, a peer, and a line that loses, doubles and delays. What
//! `slots` takes and gives is shown to a [`Model`].

#![allow(dead_code, reason = "each test takes what it needs")]

#[path = "slots_peer.rs"]
mod peer;

use crate::common::{Pulses, each_pipeline};
use crate::slots_model::Model;
use crate::slots_use::Op;
use dyad_hdl::bundle::op_kind::{FLUSH, OWN, WRITE};
use dyad_hdl::bundle::{
    Admit, Answer, BlockDone, CopyJob, Launch, LocalDone, LockRel, LockReq, OwnJob, Resend, Resolved, SlotUse,
};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::slots::slots;
use dyad_hdl::params::Params;
use dyad_spec::{FrameType, Status};
use dyad_tests::{Dut, Rng, Sink, Source, Stall, Trial, field, pack};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

pub const EVENTS: [&str; 12] = [
    "unexpected",
    "busy",
    "refused",
    "turned_away",
    "resent",
    "timed_out",
    "fence",
    "written",
    "read",
    "not_owner",
    "flushed",
    "lun_fence",
];
/// This site.
pub const SITE: u64 = 1;

/// What goes wrong: each is one in how many; 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Odds {
    pub frame_lost: u64,
    pub answer_lost: u64,
    pub answer_doubled: u64,
    pub busy: u64,
    pub refused: u64,
    /// The peer says NOT_OWNER.
    pub turned_away: u64,
    /// This site owns the block and is about to hand it over.
    pub closing: u64,
    /// A command about an owner is told: not yet.
    pub own_locked: u64,
    pub forged: u64,
    /// Frames that end as bad although the block is all right.
    pub aborted: u64,
    pub dma_fault: u64,
    pub store_error: u64,
    pub not_owner: u64,
    pub bad_lba: u64,
    /// The resender cannot read the block, or finds other bytes.
    pub bad_again: u64,
    pub read_error: u64,
    /// Longest delays: of engines, of the line.
    pub engine: u64,
    pub line: u64,
}

/// Something that will happen.
#[derive(Clone, Debug)]
enum Due {
    /// A word for a stream.
    Word(&'static str, Bits),
    /// A frame reaches the peer: slot, sequence, is it a flush.
    Frame(u64, u64, bool),
    /// The resender has done: slot, sequence.
    Again(u64, u64),
}

/// A lock: holders, exclusive, and who waits.
#[derive(Default)]
struct Lock {
    holders: u64,
    exclusive: bool,
    queue: VecDeque<(u64, bool)>,
}

pub struct World {
    pub dut: Dut,
    pub p: Params,
    pub odds: Odds,
    pub events: Pulses,
    pub model: Model,
    pub now: u64,
    pub link: bool,
    pub limit: u64,
    pub resend_cycles: u64,
    /// How much longer than other engines a read takes.
    pub read_takes: u64,
    /// Words that left: time, stream, word.
    pub log: Vec<(u64, &'static str, Bits)>,
    /// Cycles in which a word passed a stream, either way.
    pub times: Vec<(u64, &'static str)>,
    pub most_in_use: u64,
    stall: Stall,
    /// Decides what goes wrong; drawn from once for each thing that may.
    fate: Rng,
    /// A stream that takes nothing.
    held: Option<&'static str>,
    sources: Vec<(&'static str, Source)>,
    sinks: Vec<(&'static str, Sink)>,
    due: BTreeMap<(u64, u64), Due>,
    serial: u64,
    locks: HashMap<(u64, u64), Lock>,
    /// Operations asked for, and taken but without a number: those with locks, flushes, and those about owners.
    asked: VecDeque<Op>,
    nameless: [VecDeque<Op>; 3],
    /// How commands about owners must end: done, or refused.
    owns: HashMap<(u64, u64), bool>,
    /// What the resender reads.
    pub resender: Option<(u64, u64)>,
    /// Sendings that end as bad, once the slots have heard why.
    after_local: VecDeque<(u64, Bits)>,
    next_id: u64,
    peer_has: HashSet<(u64, u64)>,
    /// Taken a cycle before it is decided, or two: it meets the link as it is then. The cycles that are left.
    admitted: Option<(Bits, u64)>,
    /// Operations that a reset has forgotten.
    forgotten: u64,
    /// COMMITs that left.
    pub committed: u64,
}

const SOURCES: [&str; 6] = ["s_op", "s_admit", "s_sent", "s_local", "s_answer", "s_end"];
const SINKS: [&str; 11] = [
    "m_done",
    "m_release",
    "m_resolved",
    "m_lock",
    "m_write",
    "m_read",
    "m_copy",
    "m_flush",
    "m_own",
    "m_resend",
    "m_reflush",
];

impl World {
    pub fn new(t: &mut Trial, p: &Params, stall: Stall, odds: Odds) -> Self {
        let dut = t.fast_dut(&slots(p));
        let mut world = Self {
            sources: Vec::new(),
            sinks: Vec::new(),
            events: Pulses::new(&dut, &EVENTS),
            dut,
            p: p.clone(),
            odds,
            model: Model::new(p.slots),
            // The 32 bits that the card sees wrap soon.
            now: (1 << 32) - 5000,
            link: true,
            limit: 4,
            resend_cycles: 600,
            read_takes: 0,
            log: Vec::new(),
            times: Vec::new(),
            most_in_use: 0,
            stall,
            fate: t.rng.fork(),
            held: None,
            due: BTreeMap::new(),
            serial: 0,
            locks: HashMap::new(),
            asked: VecDeque::new(),
            nameless: Default::default(),
            owns: HashMap::new(),
            resender: None,
            after_local: VecDeque::new(),
            next_id: 0,
            peer_has: HashSet::new(),
            admitted: None,
            forgotten: 0,
            committed: 0,
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        self.sources = SOURCES.map(|name| (name, Source::new(&self.dut, name, self.stall))).into();
        self.sinks = SINKS.map(|name| (name, Sink::new(&self.dut, name, self.stall))).into();
        self.dut.poke("site", SITE);
        self.dut.poke("staging_base", if self.model.staging { 4711 } else { 0 });
    }

    /// Gives the site a staging area: it requests what the peer owns.
    pub fn stage(&mut self) {
        self.model.staging = true;
        self.connect();
    }

    /// Resets the slots and all around them.
    pub fn reset(&mut self) {
        self.dut.reset();
        self.connect();
        self.forgotten += self.open_ops();
        self.model.reset();
        self.due.clear();
        self.locks.clear();
        self.asked.clear();
        self.nameless.iter_mut().for_each(VecDeque::clear);
        self.after_local.clear();
        (self.resender, self.admitted) = (None, None);
    }

    /// A stream takes nothing from now on.
    pub fn hold(&mut self, stream: &'static str) {
        self.held = Some(stream);
    }

    /// All streams flow again.
    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// What the resender does takes so many cycles more.
    pub fn slow_resender(&mut self, cycles: u64) {
        let is_again = |d: &Due| matches!(d, Due::Again(..));
        let key = self.due.iter().find(|d| is_again(d.1)).map(|d| *d.0).expect("the resender works");
        let what = self.due.remove(&key).expect("it is there");
        self.due.insert((key.0 + cycles, key.1), what);
    }

    /// Asks for an operation; returns its id.
    pub fn ask(&mut self, kind: u64, local: bool, lun: u64, lba: u64) -> u64 {
        let op = Op { id: self.next_id, kind, local, lun, lba };
        self.next_id += 1;
        assert!(op.id < 1 << 18, "ids are told apart");
        self.offer("s_op", op.pack());
        self.asked.push_back(op);
        op.id
    }

    /// Operations that the host has not been told of.
    pub fn open_ops(&self) -> u64 {
        self.next_id - self.model.told.len() as u64 - self.forgotten
    }

    /// Offers a word at once.
    pub fn offer(&mut self, stream: &str, word: Bits) {
        self.sources.iter_mut().find(|s| s.0 == stream).expect("a stream").1.push(word);
    }

    fn later(&mut self, cycles: u64, what: Due) {
        self.serial += 1;
        self.due.insert((self.now + cycles, self.serial), what);
    }

    fn hit(rng: &mut Rng, one_in: u64) -> bool {
        one_in > 0 && rng.one_in(one_in)
    }

    /// Nothing of the world is under way, and nothing will be before `now + cycles`.
    pub fn calm_for(&self, cycles: u64) -> bool {
        self.sources.iter().all(|s| s.1.waiting() == 0)
            && self.due.keys().next().is_none_or(|d| d.0 > self.now + cycles)
    }

    pub fn quiet(&mut self) -> bool {
        self.dut.settle();
        self.dut.peek("quiet") == 1
    }

    /// Brings the link up or down.
    pub fn set_link(&mut self, up: bool) {
        self.link = up;
        self.model.link_changed = self.now;
    }

    pub fn cycle(&mut self, t: &mut Trial) {
        let rng = &mut t.rng;
        let mut fate = self.fate.clone();
        self.now += 1;
        self.model.link = self.link;
        match self.admitted.take() {
            Some((word, 1)) => self.model.admit(&word),
            Some((word, left)) => self.admitted = Some((word, left - 1)),
            None => {}
        }
        self.model.now = self.now;
        self.model.decides = self.p.stages() as u64;
        self.dut.poke("now", self.now & 0xffff_ffff);
        self.dut.poke("link_ok", self.link.into());
        self.dut.poke("resend_cycles", self.resend_cycles);
        self.dut.poke("resend_limit", self.limit);
        while self.due.first_key_value().is_some_and(|(d, _)| d.0 <= self.now) {
            let (_, what) = self.due.pop_first().expect("it is due");
            self.happen(&mut fate, what);
        }
        if Self::hit(rng, self.odds.forged) {
            self.forge(rng);
        }
        for (_, source) in &mut self.sources {
            source.drive(&mut self.dut, rng);
        }
        let reads = self.resender.is_some();
        for (name, sink) in &mut self.sinks {
            if (*name == "m_resend" && reads) || self.held == Some(*name) {
                sink.drive_as(&mut self.dut, false);
            } else {
                sink.drive(&mut self.dut, rng);
            }
        }
        self.dut.settle();
        let fences = self.events.of("fence");
        self.events.sample(&self.dut);
        if self.events.of("fence") > fences {
            self.set_link(false);
        }
        self.most_in_use = self.most_in_use.max(self.dut.peek("slots_in_use"));
        if self.dut.peek("m_commit_valid") == 1 {
            let word = self.dut.peek_bits("m_commit_data");
            let of = |name: &str| field(SlotUse::FIELDS, &word, name);
            let want = self.model.commits.pop_front();
            assert_eq!(Some((of("slot"), of("seq"))), want, "a COMMIT");
            self.committed += 1;
        }
        // What leaves is of events before those that are taken now.
        let gone: Vec<_> = self.sinks.iter_mut().filter_map(|(n, s)| s.sample(&self.dut).map(|w| (*n, w))).collect();
        for (stream, word) in gone {
            self.log.push((self.now, stream, word.clone()));
            self.times.push((self.dut.cycle(), stream));
            self.left(&mut fate, stream, &word);
        }
        let taken: Vec<_> = self.sources.iter_mut().filter_map(|(n, s)| s.sample(&self.dut).map(|w| (*n, w))).collect();
        assert!(taken.len() < 2, "one event at a time");
        for (stream, word) in taken {
            self.times.push((self.dut.cycle(), stream));
            self.taken(stream, &word);
        }
        self.fate = fate;
        self.dut.edge();
    }

    /// What `slots` has taken.
    fn taken(&mut self, stream: &str, word: &Bits) {
        match stream {
            "s_op" => {
                let op = self.asked.pop_front().expect("it was asked");
                self.nameless[usize::from(op.kind == FLUSH) + 2 * usize::from(op.kind == OWN)].push_back(op);
            }
            "s_admit" => self.admitted = Some((word.clone(), self.model.decides)),
            "s_sent" => self.model.sent(word),
            "s_local" => {
                self.model.local(word);
                let slot = field(LocalDone::FIELDS, word, "slot");
                if let Some(at) = self.after_local.iter().position(|a| a.0 == slot) {
                    let (_, sent) = self.after_local.remove(at).expect("it is there");
                    self.later(5, Due::Word("s_sent", sent));
                }
            }
            "s_answer" => self.model.answer(word),
            "s_end" => self.model.end(word),
            other => panic!("a word was taken from {other}"),
        }
    }

    /// What `slots` has given.
    fn left(&mut self, rng: &mut Rng, stream: &str, word: &Bits) {
        match stream {
            "m_done" => self.model.done(&|name: &str| field(BlockDone::FIELDS, word, name), self.limit),
            "m_release" => {
                let of = |name: &str| field(LockRel::FIELDS, word, name);
                let block = (of("lun"), of("lba"));
                self.model.released(block, of("exclusive") == 1);
                self.release(rng, block);
            }
            "m_resolved" => {
                let of = |name: &str| field(Resolved::FIELDS, word, name);
                self.model.resolved((of("lun"), of("lba")));
            }
            "m_own" => {
                let of = |name: &str| field(OwnJob::FIELDS, word, name);
                if of("again") == 1 {
                    self.model.own_again(of("slot"), &of);
                } else {
                    let op = self.nameless[2].pop_front().expect("a command about an owner was taken");
                    self.model.begin_own(of("slot"), op, &of);
                }
                self.own(rng, of("slot"), of("seq"));
            }
            "m_lock" => {
                let of = |name: &str| field(LockReq::FIELDS, word, name);
                let block = (of("lun"), of("lba"));
                if self.model.asks_again(of("id"), block) {
                    assert_eq!((of("exclusive"), of("at_once")), (1, 0));
                    self.locks.entry(block).or_default().queue.push_back((of("id"), true));
                    return self.grant(rng, block);
                }
                let op = self.nameless[0].pop_front().expect("an operation was taken");
                let asked = (of("lun"), of("lba"), of("exclusive"), of("at_once"));
                assert_eq!(asked, (op.lun, op.lba, u64::from(op.kind == WRITE), 0));
                self.model.begin(of("id"), op);
                let lock = self.locks.entry((op.lun, op.lba)).or_default();
                lock.queue.push_back((of("id"), op.kind == WRITE));
                self.grant(rng, (op.lun, op.lba));
            }
            "m_write" | "m_read" => {
                let of = |name: &str| field(Launch::FIELDS, word, name);
                let u = self.model.launched(of("slot"), stream == "m_write", &of);
                self.launch(rng, of("slot"), &u);
            }
            "m_copy" => {
                let of = |name: &str| field(CopyJob::FIELDS, word, name);
                self.model.copies(of("slot"), (of("lun"), of("lba")));
                let fails = Self::hit(rng, self.odds.store_error);
                let status = if fails { Status::StoreError } else { Status::Ok };
                let done = self.local_word(of("slot"), status, rng.next_u64() >> 32);
                let delay = 1 + rng.below(self.odds.engine + 1);
                self.later(delay, Due::Word("s_local", done));
            }
            "m_flush" => {
                let of = |name: &str| field(Launch::FIELDS, word, name);
                let op = self.nameless[1].pop_front().expect("a flush was taken");
                let u = self.model.begin_flush(of("slot"), op, &of);
                let fails = Self::hit(rng, self.odds.store_error);
                let status = if fails { Status::StoreError } else { Status::Ok };
                let done = self.local_word(of("slot"), status, 0);
                let delay = 1 + rng.below(self.odds.engine + 1);
                self.later(delay, Due::Word("s_local", done));
                if !u.op.local {
                    self.transmit(rng, of("slot"), u.seq, true);
                }
            }
            "m_resend" => {
                let of = |name: &str| field(Resend::FIELDS, word, name);
                self.model.repeated(of("slot"), &of);
                assert!(self.resender.is_none());
                self.resender = Some((of("slot"), of("seq")));
                let delay = 1 + rng.below(self.odds.engine + 1);
                self.later(delay, Due::Again(of("slot"), of("seq")));
            }
            "m_reflush" => {
                let of = |name: &str| field(Resend::FIELDS, word, name);
                self.model.flushed_again(of("slot"), of("seq"));
                self.transmit(rng, of("slot"), of("seq"), true);
            }
            other => panic!("a word left at {other}"),
        }
    }

    /// Lets in whoever may hold the block's lock now, and asks the directory for them.
    fn grant(&mut self, rng: &mut Rng, block: (u64, u64)) {
        loop {
            let lock = self.locks.get_mut(&block).expect("a lock");
            let Some((id, exclusive)) = lock.queue.front().copied() else { return };
            if lock.holders > 0 && (exclusive || lock.exclusive) {
                return;
            }
            lock.queue.pop_front();
            (lock.holders, lock.exclusive) = (lock.holders + 1, exclusive);
            let owner = if Self::hit(rng, self.odds.not_owner) { 1 - SITE } else { SITE };
            let valid = u64::from(!Self::hit(rng, self.odds.bad_lba));
            let epoch = rng.next_u64() >> 32;
            let ours = owner == SITE && valid == 1;
            let closing = ours && Self::hit(rng, self.odds.closing);
            let local = self.model.uses[id as usize].as_ref().expect("who waits is in use").op.local;
            let counted = ours && !closing && exclusive && !local;
            let admission = [("slot", id), ("valid", valid), ("owner", owner), ("epoch", epoch)];
            let more = [("closing", closing.into()), ("counted", counted.into())];
            let word = pack(Admit::FIELDS, &[&admission[..], &more].concat());
            let delay = 6 + rng.below(8);
            self.later(delay, Due::Word("s_admit", word));
        }
    }

    fn release(&mut self, rng: &mut Rng, block: (u64, u64)) {
        let lock = self.locks.get_mut(&block).expect("only a held lock comes back");
        lock.holders -= 1;
        if lock.holders == 0 && lock.queue.is_empty() {
            self.locks.remove(&block);
        } else {
            self.grant(rng, block);
        }
    }

    /// Blocks whose locks are held.
    pub fn locked(&self) -> usize {
        self.locks.len()
    }

    /// Runs until everything has been told and given back, but for what may not; the line is good from now on, and the link
    /// comes up anew.
    pub fn heal(&mut self, t: &mut Trial) {
        let (engine, line) = (self.odds.engine, self.odds.line);
        self.odds = Odds { engine, line, ..Odds::default() };
        // An answer may take a little longer than a repeat waits.
        self.limit = self.limit.max(4);
        self.let_go();
        self.set_link(false);
        // Operations that still come go before the scan, which must see every slot twice.
        let scan = 3 * self.p.period as u64 + 4000;
        (0..scan).for_each(|_| self.cycle(t));
        self.set_link(true);
        let limit = self.now + 400 * (self.resend_cycles + self.p.period as u64) + 40_000;
        let mut calm = 0;
        while calm < 100 {
            self.cycle(t);
            let ended = self.open_ops() == 0 && self.model.all_resolved();
            calm = if ended && self.calm_for(1 << 40) { calm + 1 } else { 0 };
            let stuck = self.model.uses.iter().enumerate().find_map(|(s, u)| u.as_ref().map(|u| (s, u)));
            assert!(self.now < limit, "{} operations are open; one slot in use is {stuck:?}", self.open_ops());
        }
        // Let go of whom it told of a lock that will not come.
        assert_eq!(self.dut.peek("slots_in_use"), self.model.in_use() as u64);
        self.model.check(&self.events);
    }
}

/// An answer from the peer.
pub fn answer(ftype: FrameType, code: u64, slot: u64, seq: u64, aux: u64) -> Bits {
    let fields = [("ftype", ftype.code()), ("code", code), ("slot", slot), ("seq", seq), ("aux", aux)];
    pack(Answer::FIELDS, &fields)
}

/// Runs a test on slots that decide in the second stage, and in the third. They are few, so that each is used often.
pub fn each_build(body: impl Fn(&mut Trial, &Params)) {
    each_pipeline(&Params { slots: 64, period: 128, ..Params::new(64) }, body);
}

/// A world whose slots are ready.
pub fn world(t: &mut Trial, p: &Params, stall: Stall, odds: Odds) -> World {
    let mut w = World::new(t, p, stall, odds);
    for _ in 0..p.slots + 4 {
        w.cycle(t);
    }
    w.dut.settle();
    assert_eq!(w.dut.peek("init_done"), 1);
    w
}

/// A quiet world in which one thing at a time goes wrong.
pub fn calm_world(t: &mut Trial, p: &Params) -> World {
    world(t, p, Stall::None, Odds { engine: 10, line: 20, ..Odds::default() })
}

pub fn run(t: &mut Trial, w: &mut World, cycles: u64) {
    (0..cycles).for_each(|_| w.cycle(t));
}

/// How an operation ended.
pub fn end_of(w: &World, id: u64) -> Option<Status> {
    w.model.told.get(&id).copied()
}
