//! The world around `pending`: a map of what it holds, the lock table, and who listens.

use crate::common::{EventOut, Pulses};
use dyad_hdl::bundle::{Ask, Hold, LockGrant, LockRel, LockReq, Resolved, SlotUse, TxCtl, Verdict};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::pending::{FIRST_HOLDER, TURNS, pending};
use dyad_hdl::params::Params;
use dyad_spec::FrameType;
use dyad_spec::wire::commit_word;
use dyad_tests::{Dut, Sink, Source, Stall, Trial, field, pack};
use std::collections::{HashMap, VecDeque};

/// Cycles after which a COMMIT is asked for.
pub const ASK: u64 = 12_000;

/// A pending block: sequence, LUN, address, since when.
pub type Held = (u64, u64, u64, u64);

/// A turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub seq: u64,
    pub lun: u64,
    pub lba: u64,
    /// It has the lock, since then.
    pub won: Option<u64>,
    /// How many times this site had handed something over, or lost its link, when it came.
    pub era: u64,
    /// Its slot has shown a later use: it is not wanted any more.
    pub late: bool,
}

pub struct Bench {
    pub dut: Dut,
    pub p: Params,
    pub sources: [(&'static str, Source); 6],
    pub lock: Sink,
    pub verdict: EventOut,
    pub requested: HashMap<u64, bool>,
    pub turns: HashMap<u64, Turn>,
    /// Turns that wait in the lock table, with the block's name.
    pub queued: VecDeque<(u64, u64, u64)>,
    /// What must be said: type, code, slot, sequence; and what becomes of buffers: buffer, go.
    pub says: VecDeque<(FrameType, u64, u64, u64)>,
    pub verdicts: VecDeque<(u64, bool)>,
    pub granted: Vec<Bits>,
    pub waiting: u64,
    pub kept: u64,
    pub handed: u64,
    pub release: Sink,
    pub resolved: Sink,
    pub ctl: Sink,
    pub events: Pulses,
    pub held: HashMap<u64, Held>,
    /// Locks that must come back.
    pub due: Vec<(u64, u64)>,
    /// Requests that have ended and of which `admit` has not heard.
    pub ended: Vec<(u64, u64)>,
    pub resolves: u64,
    pub now: u64,
    pub generation: u64,
    pub link: bool,
    pub was_up: bool,
    pub era: u64,
    /// In the next cycle this site hands something over.
    pub hands_over: bool,
    /// Turns that were dropped because of it, or because they were late.
    pub outlived: u64,
    /// When the link came up or went down.
    pub changed: u64,
    pub asked: Vec<(u64, u64, u64)>,
    pub committed: u64,
    pub stale: u64,
}

impl Bench {
    pub fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let dut = t.fast_dut(&pending(p));
        let sources =
            ["s_hold", "s_ask", "s_grant", "s_commit", "s_trail", "s_use"].map(|n| (n, Source::new(&dut, n, stall)));
        let mut bench = Self {
            sources,
            lock: Sink::new(&dut, "m_lock", stall),
            verdict: EventOut::new(&dut, "m_verdict"),
            requested: HashMap::new(),
            turns: HashMap::new(),
            queued: VecDeque::new(),
            says: VecDeque::new(),
            verdicts: VecDeque::new(),
            granted: Vec::new(),
            waiting: 0,
            kept: 0,
            handed: 0,
            release: Sink::new(&dut, "m_release", stall),
            resolved: Sink::new(&dut, "m_resolved", stall),
            ctl: Sink::new(&dut, "m_ctl", stall),
            events: Pulses::new(&dut, &["committed", "stale", "turn_kept", "turn_dropped"]),
            dut,
            p: p.clone(),
            held: HashMap::new(),
            due: Vec::new(),
            ended: Vec::new(),
            resolves: 0,
            now: (1 << 32) - 2000,
            generation: 7,
            link: true,
            was_up: true,
            era: 0,
            hands_over: false,
            outlived: 0,
            changed: 0,
            asked: Vec::new(),
            committed: 0,
            stale: 0,
        };
        (0..70).for_each(|_| bench.cycle(t));
        assert_eq!(bench.dut.peek("init_done"), 1);
        bench
    }

    fn push(&mut self, name: &str, word: Bits) {
        self.sources.iter_mut().find(|s| s.0 == name).expect("a stream").1.push(word);
    }

    pub fn hold(&mut self, slot: u64, seq: u64, lun: u64, lba: u64) {
        self.push("s_hold", pack(Hold::FIELDS, &[("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba)]));
    }

    /// Hands over a block that the peer requested.
    pub fn hold_request(&mut self, slot: u64, seq: u64, lun: u64, lba: u64) {
        let block = [("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba), ("request", 1)];
        self.push("s_hold", pack(Hold::FIELDS, &block));
    }

    /// A request in mirror buffer `buf` found its block locked.
    pub fn ask(&mut self, buf: u64, slot: u64, seq: u64, lba: u64) {
        let fields = [("buf", buf), ("slot", slot), ("seq", seq), ("lun", 2), ("lba", lba), ("t_last", 5)];
        self.push("s_ask", pack(Ask::FIELDS, &fields));
    }

    /// The lock table grants the turn that waits for longest.
    pub fn grant(&mut self) {
        let (id, lun, lba) = self.queued.pop_front().expect("a turn waits");
        self.push("s_grant", pack(LockGrant::FIELDS, &[("id", id), ("lun", lun), ("lba", lba)]));
    }

    fn take_ask(&mut self, word: &Bits) {
        let of = |name: &str| field(Ask::FIELDS, word, name);
        let (slot, seq) = (of("slot"), of("seq"));
        let ahead = |from: u64| seq.wrapping_sub(from) & 0xffff_ffff;
        let later = |from: u64| (1..1 << 31).contains(&ahead(from));
        let (mut answer, mut go) = (Some((FrameType::Busy, 0)), false);
        let (held, turn) = (self.held.get(&slot).copied(), self.turns.get(&slot).copied());
        let mut free = held.is_none() && turn.is_none();
        if let Some(h) = held {
            let request = self.requested[&slot];
            if ahead(h.0) == 0 && request {
                answer = Some((FrameType::Ack, 0));
            } else if later(h.0) {
                self.committed += u64::from(self.link);
                self.give_back(slot);
                free = true;
            } else if ahead(h.0) != 0 {
                answer = None;
            }
        }
        if let Some(turn) = turn {
            let same_era = self.link && turn.era == self.era;
            if ahead(turn.seq) == 0 && turn.won.is_some() && same_era {
                (answer, go) = (None, true);
                self.turns.remove(&slot);
                self.handed += 1;
            } else if ahead(turn.seq) == 0 && turn.won.is_some() {
                // It is told to come again, without a turn.
                self.due.push((turn.lun, turn.lba));
                self.turns.remove(&slot);
                self.outlived += 1;
            } else if ahead(turn.seq) == 0 && turn.won.is_none() {
                answer = Some((FrameType::Busy, 1));
            } else if later(turn.seq) && turn.won.is_some() {
                self.due.push((turn.lun, turn.lba));
                self.turns.remove(&slot);
                free = true;
            } else if later(turn.seq) {
                self.turns.get_mut(&slot).expect("it waits").late = true;
            } else if ahead(turn.seq) != 0 {
                answer = None;
            }
        }
        if free && self.link && self.waiting < TURNS as u64 {
            let turn = Turn { seq, lun: of("lun"), lba: of("lba"), won: None, era: self.era, late: false };
            self.turns.insert(slot, turn);
            (self.waiting, self.kept) = (self.waiting + 1, self.kept + 1);
            answer = Some((FrameType::Busy, 1));
        }
        if let Some((ftype, code)) = answer.filter(|_| self.link) {
            self.says.push_back((ftype, code, slot, seq));
        }
        self.verdicts.push_back((of("buf"), go));
    }

    fn take_grant(&mut self, word: &Bits) {
        let of = |name: &str| field(LockGrant::FIELDS, word, name);
        let (slot, now) = (of("id") - FIRST_HOLDER, self.now);
        self.waiting -= 1;
        let (era, link) = (self.era, self.link);
        let outlived = |t: &Turn| t.late || t.era != era || !link;
        let waits = self.turns.get_mut(&slot).filter(|t| t.won.is_none());
        match waits.filter(|t| !outlived(t) && (t.lun, t.lba) == (of("lun"), of("lba"))) {
            Some(turn) => turn.won = Some(now),
            None => {
                self.due.push((of("lun"), of("lba")));
                if self.turns.get(&slot).is_some_and(|t| t.won.is_none() && outlived(t)) {
                    self.turns.remove(&slot);
                    self.outlived += 1;
                }
            }
        }
    }

    pub fn say(&mut self, stream: &'static str, slot: u64, seq: u64) {
        let word = match stream {
            "s_trail" => Bits::from_u64(commit_word(slot as u16, seq as u32).into(), 32),
            _ => pack(SlotUse::FIELDS, &[("slot", slot), ("seq", seq & 0xffff_ffff)]),
        };
        self.push(stream, word);
    }

    fn give_back(&mut self, slot: u64) {
        let (_, lun, lba, _) = self.held.remove(&slot).expect("it is held");
        self.due.push((lun, lba));
        if self.requested[&slot] {
            self.ended.push((lun, lba));
        }
    }

    /// What an event that was taken must do.
    fn apply(&mut self, stream: &str, word: &Bits) {
        if stream == "s_ask" {
            return self.take_ask(word);
        }
        let of = |name: &str| field(SlotUse::FIELDS, word, name);
        let (slot, seq) = match stream {
            "s_trail" => (word.low_u64() >> 20, word.low_u64() & 0xf_ffff),
            _ => (of("slot"), of("seq")),
        };
        let held = self.held.get(&slot).copied();
        let named = held.is_some_and(|h| match stream {
            "s_commit" => h.0 == seq,
            "s_trail" => h.0 & 0xf_ffff == seq,
            _ => (1..1 << 31).contains(&(seq.wrapping_sub(h.0) & 0xffff_ffff)),
        });
        match stream {
            "s_hold" => {
                let of = |name: &str| field(Hold::FIELDS, word, name);
                if held.is_some() {
                    self.give_back(of("slot"));
                    self.committed += u64::from(self.link);
                }
                if let Some(turn) = self.turns.remove(&of("slot")).filter(|turn| turn.won.is_some()) {
                    self.due.push((turn.lun, turn.lba));
                }
                self.requested.insert(of("slot"), of("request") == 1);
                self.held.insert(of("slot"), (of("seq"), of("lun"), of("lba"), self.now));
            }
            _ if named && self.link => {
                self.give_back(slot);
                self.committed += 1;
            }
            "s_use" => {
                let passed = |turn: &&mut Turn| (1..1 << 31).contains(&(seq.wrapping_sub(turn.seq) & 0xffff_ffff));
                if let Some(turn) = self.turns.get_mut(&slot).filter(passed) {
                    turn.late = true;
                    let Turn { lun, lba, won, .. } = *turn;
                    if won.is_some() {
                        self.turns.remove(&slot);
                        self.due.push((lun, lba));
                    }
                }
            }
            _ => self.stale += 1,
        }
    }

    pub fn cycle(&mut self, t: &mut Trial) {
        self.now += 1;
        self.dut.poke("now", self.now & 0xffff_ffff);
        self.dut.poke("generation", self.generation);
        self.dut.poke("link_ok", self.link.into());
        self.dut.poke("owner_granted", self.hands_over.into());
        self.dut.poke("resend_cycles", ASK);
        let over = std::mem::take(&mut self.hands_over);
        self.era += u64::from(over || (self.was_up && !self.link));
        self.was_up = self.link;
        for (_, source) in &mut self.sources {
            source.drive(&mut self.dut, &mut t.rng);
        }
        self.release.drive(&mut self.dut, &mut t.rng);
        self.resolved.drive(&mut self.dut, &mut t.rng);
        self.ctl.drive(&mut self.dut, &mut t.rng);
        self.lock.drive(&mut self.dut, &mut t.rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        if let Some(word) = self.release.sample(&self.dut) {
            let of = |name: &str| field(LockRel::FIELDS, &word, name);
            assert_eq!(of("exclusive"), 1);
            let block = (of("lun"), of("lba"));
            if let Some(at) = self.due.iter().position(|b| *b == block) {
                self.due.swap_remove(at);
            } else if let Some((slot, turn)) = self.turns.iter().find(|t| (t.1.lun, t.1.lba) == block) {
                // By the scan: the link has gone, or nobody came.
                let since = turn.won.expect("a turn that waits has nothing to give back");
                let gone = !self.link || turn.era != self.era;
                assert!(gone || self.now >= since + ASK, "{turn:?} is dropped for no reason");
                let slot = *slot;
                self.outlived += u64::from(gone);
                self.turns.remove(&slot);
            } else {
                // By the scan, because the link has gone.
                let slot = self.held.iter().find(|h| (h.1.1, h.1.2) == block).map(|h| *h.0);
                let slot = slot.expect("only what is held is given back");
                assert!(!self.requested[&slot], "a block that was requested stays, whatever becomes of the link");
                self.held.remove(&slot);
                let down = !self.link || self.now < self.changed + 200;
                assert!(down, "{block:?} is given back for no reason");
            }
        }
        if let Some(word) = self.resolved.sample(&self.dut) {
            let of = |name: &str| field(Resolved::FIELDS, &word, name);
            let at = self.ended.iter().position(|b| *b == (of("lun"), of("lba")));
            self.ended.swap_remove(at.expect("a request has ended, and it was not told before"));
            self.resolves += 1;
        }
        if let Some(word) = self.ctl.sample(&self.dut) {
            let of = |name: &str| field(TxCtl::FIELDS, &word, name);
            if of("ftype") == FrameType::AskCommit.code() {
                self.asked.push((of("slot"), of("seq"), self.now));
            } else {
                let ftype = FrameType::try_from(of("ftype") as u8).expect("a type");
                let said = (ftype, of("code"), of("slot"), of("seq"));
                assert_eq!(Some(said), self.says.pop_front(), "what the peer is told");
                assert_eq!(of("t_ref"), 5);
            }
        }
        if let Some(word) = self.verdict.sample(&self.dut) {
            let of = |name: &str| field(Verdict::FIELDS, &word, name);
            assert_eq!(Some((of("buf"), of("go") == 1)), self.verdicts.pop_front(), "a verdict");
        }
        if let Some(word) = self.lock.sample(&self.dut) {
            let of = |name: &str| field(LockReq::FIELDS, &word, name);
            assert_eq!((of("exclusive"), of("at_once")), (1, 0));
            self.queued.push_back((of("id"), of("lun"), of("lba")));
        }
        let taken: Vec<_> = self.sources.iter_mut().filter_map(|(n, s)| s.sample(&self.dut).map(|w| (*n, w))).collect();
        // Grants wait inside for their turn, which comes before that of all that is taken later.
        for word in std::mem::take(&mut self.granted) {
            self.take_grant(&word);
        }
        let (grants, taken): (Vec<_>, Vec<_>) = taken.into_iter().partition(|t| t.0 == "s_grant");
        self.granted.extend(grants.into_iter().map(|g| g.1));
        assert!(taken.len() < 2, "one event at a time");
        for (stream, word) in taken {
            self.apply(stream, &word);
        }
        self.dut.edge();
    }

    pub fn run(&mut self, t: &mut Trial, cycles: u64) {
        (0..cycles).for_each(|_| self.cycle(t));
    }

    pub fn settle(&mut self, t: &mut Trial) {
        let open = |b: &Self| b.due.len() + b.ended.len() + b.says.len() + b.verdicts.len();
        while self.sources.iter().any(|s| s.1.waiting() > 0) || open(self) > 0 {
            self.cycle(t);
            assert!(self.now < 1 << 40, "it never ends");
        }
        self.run(t, 10);
        assert_eq!(self.events.of("committed"), self.committed);
        assert_eq!(self.events.of("stale"), self.stale);
        assert_eq!(self.events.of("turn_kept"), self.kept);
    }
}
