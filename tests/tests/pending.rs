//! `offload::pending` against a map: every block that is handed over is given back once, for a reason.

mod common;

use common::Pulses;
use dyad_hdl::bundle::{Hold, LockRel, SlotUse, TxCtl};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::pending::pending;
use dyad_hdl::params::Params;
use dyad_spec::FrameType;
use dyad_spec::wire::commit_word;
use dyad_tests::{Dut, Sink, Source, Stall, Trial, field, pack, prove, trial};
use std::collections::HashMap;

const ASK: u64 = 3000;

/// A pending block: sequence, LUN, address, since when.
type Held = (u64, u64, u64, u64);

struct Bench {
    dut: Dut,
    p: Params,
    sources: [(&'static str, Source); 4],
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
        let sources = ["s_hold", "s_commit", "s_trail", "s_use"].map(|n| (n, Source::new(&dut, n, stall)));
        let mut bench = Self {
            sources,
            release: Sink::new(&dut, "m_release", stall),
            ctl: Sink::new(&dut, "m_ctl", stall),
            events: Pulses::new(&dut, &["committed", "stale"]),
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
                self.held.insert(of("slot"), (of("seq"), of("lun"), of("lba"), self.now));
            }
            _ if named && self.link => {
                self.give_back(slot);
                self.committed += 1;
            }
            "s_use" => {}
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
        self.dut.settle();
        self.events.sample(&self.dut);
        if let Some(word) = self.release.sample(&self.dut) {
            let of = |name: &str| field(LockRel::FIELDS, &word, name);
            assert_eq!(of("exclusive"), 1);
            let block = (of("lun"), of("lba"));
            if let Some(at) = self.due.iter().position(|b| *b == block) {
                self.due.swap_remove(at);
            } else {
                // By the scan, because the link has gone.
                let slot = self.held.iter().find(|h| (h.1.1, h.1.2) == block).map(|h| *h.0);
                self.held.remove(&slot.expect("only what is held is given back"));
                let down = !self.link || self.now < self.changed + 200;
                assert!(down, "{block:?} is given back for no reason");
            }
        }
        if let Some(word) = self.ctl.sample(&self.dut) {
            let of = |name: &str| field(TxCtl::FIELDS, &word, name);
            assert_eq!(of("ftype"), FrameType::AskCommit.code());
            self.asked.push((of("slot"), of("seq"), self.now));
        }
        let taken: Vec<_> = self.sources.iter_mut().filter_map(|(n, s)| s.sample(&self.dut).map(|w| (*n, w))).collect();
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
        while self.sources.iter().any(|s| s.1.waiting() > 0) || !self.due.is_empty() {
            self.cycle(t);
            assert!(self.now < 1 << 40, "it never ends");
        }
        self.run(t, 10);
        assert_eq!(self.events.of("committed"), self.committed);
        assert_eq!(self.events.of("stale"), self.stale);
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
                    match t.rng.below(6) {
                        0 | 1 => {
                            seqs[slot as usize] = seq + 1 + t.rng.below(2);
                            let (lun, seq) = (t.rng.below(8), seqs[slot as usize]);
                            // Addresses are all different, so that it is known whose lock comes back.
                            let lba = b.now & 0xffff_ffff;
                            b.hold(slot, seq, lun, lba);
                        }
                        2 => b.say("s_use", slot, seq + t.rng.below(3)),
                        3 => b.say("s_trail", slot, seq),
                        _ => b.say("s_commit", slot, seq.wrapping_sub(t.rng.below(2))),
                    }
                }
                if t.rng.one_in(if b.link { 3000 } else { 400 }) && b.due.is_empty() {
                    b.settle(t);
                    (b.link, b.changed) = (!b.link, b.now);
                    if !b.link {
                        b.generation += 1;
                        let period = b.p.period as u64;
                        b.run(t, 8 * period);
                        assert!(b.held.is_empty());
                    }
                }
                b.cycle(t);
            }
            b.settle(t);
            assert!(b.committed > 200 && b.stale > 100, "{} committed, {} stale", b.committed, b.stale);
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&pending(&Params::small(64)), 4);
}
