//! `offload::pending` against a map: every block that is handed over is given back once, for a reason, and every request that
//! finds its block locked is answered, and gets its turn.

mod common;

use common::{EventOut, Pulses};
use dyad_hdl::bundle::{Ask, Hold, LockGrant, LockRel, LockReq, SlotUse, TxCtl, Verdict};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::pending::{FIRST_HOLDER, TURNS, pending};
use dyad_hdl::params::Params;
use dyad_spec::FrameType;
use dyad_spec::wire::commit_word;
use dyad_tests::{Dut, Sink, Source, Stall, Trial, field, pack, prove, trial};
use std::collections::{HashMap, VecDeque};

const ASK: u64 = 3000;

/// A pending block: sequence, LUN, address, since when.
type Held = (u64, u64, u64, u64);

/// A turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    seq: u64,
    lun: u64,
    lba: u64,
    /// It has the lock, since then.
    won: Option<u64>,
    generation: u64,
}

struct Bench {
    dut: Dut,
    p: Params,
    sources: [(&'static str, Source); 6],
    lock: Sink,
    verdict: EventOut,
    requested: HashMap<u64, bool>,
    turns: HashMap<u64, Turn>,
    /// Turns that wait in the lock table, with the block's name.
    queued: VecDeque<(u64, u64, u64)>,
    /// What must be said: type, code, slot, sequence; and what becomes of buffers: buffer, go.
    says: VecDeque<(FrameType, u64, u64, u64)>,
    verdicts: VecDeque<(u64, bool)>,
    granted: Vec<Bits>,
    waiting: u64,
    kept: u64,
    handed: u64,
    release: Sink,
    ctl: Sink,
    events: Pulses,
    held: HashMap<u64, Held>,
    /// Locks that must come back.
    due: Vec<(u64, u64)>,
    now: u64,
    generation: u64,
    link: bool,
    /// When the link came up or went down.
    changed: u64,
    asked: Vec<(u64, u64, u64)>,
    committed: u64,
    stale: u64,
}

impl Bench {
    fn new(t: &mut Trial, stall: Stall) -> Self {
        let p = Params { slots: 64, period: 128, ..Params::new(64) };
        let dut = t.fast_dut(&pending(&p));
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
            ctl: Sink::new(&dut, "m_ctl", stall),
            events: Pulses::new(&dut, &["committed", "stale", "turn_kept", "turn_dropped"]),
            dut,
            p,
            held: HashMap::new(),
            due: Vec::new(),
            now: (1 << 32) - 2000,
            generation: 7,
            link: true,
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

    fn hold(&mut self, slot: u64, seq: u64, lun: u64, lba: u64) {
        self.push("s_hold", pack(Hold::FIELDS, &[("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba)]));
    }

    /// Hands over a block that the peer requested.
    fn hold_request(&mut self, slot: u64, seq: u64, lun: u64, lba: u64) {
        let block = [("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba), ("request", 1)];
        self.push("s_hold", pack(Hold::FIELDS, &block));
    }

    /// A request in mirror buffer `buf` found its block locked.
    fn ask(&mut self, buf: u64, slot: u64, seq: u64, lba: u64) {
        let fields = [("buf", buf), ("slot", slot), ("seq", seq), ("lun", 2), ("lba", lba), ("t_last", 5)];
        self.push("s_ask", pack(Ask::FIELDS, &fields));
    }

    /// The lock table grants the turn that waits for longest.
    fn grant(&mut self) {
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
            let same_link = self.link && turn.generation == self.generation;
            if ahead(turn.seq) == 0 && turn.won.is_some() && same_link {
                (answer, go) = (None, true);
                self.turns.remove(&slot);
                self.handed += 1;
            } else if ahead(turn.seq) == 0 && turn.won.is_none() {
                answer = Some((FrameType::Busy, 1));
            } else if later(turn.seq) && turn.won.is_some() {
                self.due.push((turn.lun, turn.lba));
                self.turns.remove(&slot);
                free = true;
            } else if ahead(turn.seq) != 0 && !later(turn.seq) {
                answer = None;
            }
        }
        if free && self.link && self.waiting < TURNS as u64 {
            let turn = Turn { seq, lun: of("lun"), lba: of("lba"), won: None, generation: self.generation };
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
        match self.turns.get_mut(&slot).filter(|t| t.won.is_none() && (t.lun, t.lba) == (of("lun"), of("lba"))) {
            Some(turn) => turn.won = Some(now),
            None => self.due.push((of("lun"), of("lba"))),
        }
    }

    fn say(&mut self, stream: &'static str, slot: u64, seq: u64) {
        let word = match stream {
            "s_trail" => Bits::from_u64(commit_word(slot as u16, seq as u32).into(), 32),
            _ => pack(SlotUse::FIELDS, &[("slot", slot), ("seq", seq & 0xffff_ffff)]),
        };
        self.push(stream, word);
    }

    fn give_back(&mut self, slot: u64) {
        let (_, lun, lba, _) = self.held.remove(&slot).expect("it is held");
        self.due.push((lun, lba));
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
                let passed = |turn: &Turn| {
                    turn.won.is_some() && (1..1 << 31).contains(&(seq.wrapping_sub(turn.seq) & 0xffff_ffff))
                };
                if let Some(turn) = self.turns.get(&slot).copied().filter(passed) {
                    self.turns.remove(&slot);
                    self.due.push((turn.lun, turn.lba));
                }
            }
            _ => self.stale += 1,
        }
    }

    fn cycle(&mut self, t: &mut Trial) {
        self.now += 1;
        self.dut.poke("now", self.now & 0xffff_ffff);
        self.dut.poke("generation", self.generation);
        self.dut.poke("link_ok", self.link.into());
        self.dut.poke("resend_cycles", ASK);
        for (_, source) in &mut self.sources {
            source.drive(&mut self.dut, &mut t.rng);
        }
        self.release.drive(&mut self.dut, &mut t.rng);
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
                let gone = !self.link || turn.generation != self.generation;
                assert!(gone || self.now >= since + ASK, "{turn:?} is dropped for no reason");
                let slot = *slot;
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

    fn run(&mut self, t: &mut Trial, cycles: u64) {
        (0..cycles).for_each(|_| self.cycle(t));
    }

    fn settle(&mut self, t: &mut Trial) {
        let open = |b: &Self| b.due.len() + b.says.len() + b.verdicts.len();
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

/// Every way in which a block is committed, and every near miss.
#[test]
fn pending_ends_when_the_owner_says_so() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        let seq = 0xffff_fffe;
        for (stream, said, ends) in [
            ("s_commit", seq, true),
            ("s_commit", seq + 1, false),
            ("s_commit", seq - 1, false),
            ("s_commit", seq ^ 1 << 31, false),
            ("s_trail", seq, true),
            ("s_trail", seq ^ 1 << 20, true),
            ("s_trail", seq ^ 1 << 19, false),
            ("s_trail", seq ^ 1, false),
            ("s_use", seq, false),
            ("s_use", seq - 1, false),
            ("s_use", seq + 1, true),
            ("s_use", seq + 3, true),
            ("s_use", seq + (1 << 30), true),
            ("s_use", seq ^ 1 << 31, false),
        ] {
            b.hold(5, seq, 3, 77);
            b.settle(t);
            b.say(stream, 6, said);
            b.say(stream, 5, said);
            b.settle(t);
            assert_eq!(b.held.is_empty(), ends, "{stream} {said:#x}");
            if !ends {
                b.say("s_commit", 5, seq);
                b.settle(t);
            }
            assert!(b.held.is_empty());
        }
        // The next use of the slot commits the one before.
        b.hold(9, 1, 1, 10);
        b.hold(9, 2, 1, 11);
        b.settle(t);
        assert_eq!(b.held[&9].2, 11);
    });
}

/// A COMMIT that does not come is asked for, again and again; at once when the link has gone, all is given back.
#[test]
fn pending_asks_and_lets_go() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        b.hold(5, 100, 3, 77);
        b.hold(63, 8, 0, 1);
        b.run(t, 5 * ASK);
        let period = b.p.period as u64;
        for slot in [5, 63] {
            let times: Vec<u64> = b.asked.iter().filter(|a| a.0 == slot).map(|a| a.2).collect();
            assert!((3..=5).contains(&times.len()), "{times:?}");
            let late = times.windows(2).find(|w| !(ASK..=ASK + period + 4).contains(&(w[1] - w[0])));
            assert_eq!(late, None);
        }
        assert!(b.asked.iter().all(|a| [(5, 100), (63, 8)].contains(&(a.0, a.1))));
        b.link = false;
        b.run(t, period + 8);
        assert!(b.held.is_empty());
        b.link = true;
        b.run(t, period);
        // Of another generation: given back by the scan, and no COMMIT of the new one ends it before.
        b.hold(7, 1, 2, 2);
        b.settle(t);
        (b.generation, b.link) = (8, false);
        b.run(t, period + 8);
        b.link = true;
        assert!(b.held.is_empty());
    });
}

/// A request that finds its block locked: its turn waits, wins the lock, and is handed over; a repeat before is told to wait.
#[test]
fn pending_keeps_a_turn() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        let mut ask = |b: &mut Bench, goes: u64| {
            b.ask(3, 9, 7, 50);
            let before = b.handed;
            b.settle(t);
            assert_eq!(b.handed - before, goes);
        };
        ask(&mut b, 0);
        ask(&mut b, 0);
        assert_eq!((b.queued.len(), b.kept), (1, 1), "one turn");
        b.grant();
        ask(&mut b, 1);
        // It goes home, and is held; a repeat of it is told so, in another generation as well.
        b.hold_request(9, 7, 2, 50);
        ask(&mut b, 0);
        b.link = false;
        b.run(t, 300);
        (b.generation, b.link) = (8, true);
        b.run(t, 300);
        assert_eq!(b.held.len(), 1, "it stays");
        b.ask(3, 9, 7, 50);
        b.settle(t);
        b.say("s_commit", 9, 7);
        b.settle(t);
        assert!(b.held.is_empty() && b.turns.is_empty());
        // A turn that nobody uses is dropped in time; one whose slot goes on, at once.
        b.ask(1, 11, 100, 60);
        b.settle(t);
        b.grant();
        b.run(t, ASK + 400);
        assert!(b.turns.is_empty());
        b.ask(1, 12, 100, 61);
        b.settle(t);
        b.grant();
        b.settle(t);
        b.say("s_use", 12, 101);
        b.settle(t);
        assert_eq!((b.turns.len(), b.events.of("turn_dropped")), (0, 2));
    });
}

/// So many turns and no more: the next is told to wait, without one.
#[test]
fn pending_keeps_so_many_turns() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        (0..64).for_each(|slot| b.ask(1, slot, 5, 100 + slot));
        b.settle(t);
        assert_eq!((b.kept, b.waiting), (TURNS as u64, TURNS as u64));
        b.ask(1, 3, 6, 300);
        b.settle(t);
        assert_eq!(b.kept, TURNS as u64, "a turn of an older use waits still");
        (0..TURNS).for_each(|_| b.grant());
        b.settle(t);
        assert_eq!(b.turns.values().filter(|turn| turn.won.is_some()).count(), TURNS);
        b.run(t, ASK + 400);
        assert!(b.turns.is_empty());
    });
}

/// A quiet card may sleep, but not past the time to ask.
#[test]
fn pending_is_quiet_when_nothing_is_near() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        let period = b.p.period as u64;
        b.run(t, 2 * period);
        b.dut.settle();
        assert_eq!(b.dut.peek("quiet"), 1);
        b.hold(5, 100, 3, 77);
        b.run(t, 2 * period);
        b.dut.settle();
        assert_eq!(b.dut.peek("quiet"), 1, "{ASK} cycles are more than the longest jump");
        b.run(t, ASK - 3 * period);
        b.dut.settle();
        assert_eq!(b.dut.peek("quiet"), 0);
    });
}

/// Everything at random, with a link that comes and goes.
#[test]
fn pending_at_random() {
    trial(|t| {
        for stall in Stall::ALL {
            let mut b = Bench::new(t, stall);
            let mut seqs = [0u64; 64];
            for _ in 0..20_000 {
                if t.rng.one_in(12) {
                    let slot = t.rng.below(64);
                    let seq = seqs[slot as usize];
                    match t.rng.below(9) {
                        0 | 1 => {
                            seqs[slot as usize] = seq + 1 + t.rng.below(2);
                            let (lun, seq) = (t.rng.below(8), seqs[slot as usize]);
                            // Addresses are all different, so that it is known whose lock comes back.
                            let lba = b.now & 0xffff_ffff;
                            b.hold(slot, seq, lun, lba);
                        }
                        2 => b.say("s_use", slot, seq + t.rng.below(3)),
                        6 | 7 => b.ask(t.rng.below(8), slot, seq + t.rng.below(2), b.now & 0xffff_ffff),
                        8 => {
                            let (seq, lba) = (seq + 1, b.now & 0xffff_ffff);
                            seqs[slot as usize] = seq;
                            b.hold_request(slot, seq, 1, lba);
                        }
                        3 => b.say("s_trail", slot, seq),
                        _ => b.say("s_commit", slot, seq.wrapping_sub(t.rng.below(2))),
                    }
                }
                if !b.queued.is_empty() && t.rng.one_in(30) {
                    b.grant();
                }
                if t.rng.one_in(if b.link { 3000 } else { 400 }) && b.due.is_empty() {
                    b.settle(t);
                    (b.link, b.changed) = (!b.link, b.now);
                    if !b.link {
                        b.generation += 1;
                        let period = b.p.period as u64;
                        b.run(t, 8 * period);
                        assert!(b.held.keys().all(|slot| b.requested[slot]));
                    }
                }
                b.cycle(t);
            }
            b.settle(t);
            assert!(b.kept > 100 && b.handed > 10, "{} turns kept, {} used", b.kept, b.handed);
            assert!(b.committed > 200 && b.stale > 100, "{} committed, {} stale", b.committed, b.stale);
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&pending(&Params::small(64)), 4);
}
