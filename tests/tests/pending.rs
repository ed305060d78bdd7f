//! `offload::pending` against a map: every block that is handed over is given back once, for a reason, and every request that
//! finds its block locked is answered, and gets its turn.

mod common;
#[path = "common/pending_bench.rs"]
mod pending_bench;

use common::each_pipeline;
use dyad_hdl::offload::pending::{TURNS, pending};
use dyad_hdl::params::Params;
use dyad_tests::{Stall, Trial, prove};
use pending_bench::{ASK, Bench};

fn each_build(body: impl Fn(&mut Trial, &Params)) {
    each_pipeline(&Params { slots: 64, period: 128, ..Params::new(64) }, body);
}

/// Every way in which a block is committed, and every near miss.
#[test]
fn pending_ends_when_the_owner_says_so() {
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
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
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
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
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let ask = |b: &mut Bench, t: &mut Trial, goes: u64| {
            b.ask(3, 9, 7, 50);
            let before = b.handed;
            b.settle(t);
            assert_eq!(b.handed - before, goes);
        };
        ask(&mut b, t, 0);
        ask(&mut b, t, 0);
        assert_eq!((b.queued.len(), b.kept), (1, 1), "one turn");
        b.grant();
        b.settle(t);
        ask(&mut b, t, 1);
        // It goes home, and is held; a repeat of it is told so, in another generation as well.
        b.hold_request(9, 7, 2, 50);
        ask(&mut b, t, 0);
        b.link = false;
        b.run(t, 300);
        (b.generation, b.link) = (8, true);
        b.run(t, 300);
        assert_eq!((b.held.len(), b.resolves), (1, 0), "it stays");
        b.ask(3, 9, 7, 50);
        b.settle(t);
        b.say("s_commit", 9, 7);
        b.settle(t);
        assert!(b.held.is_empty() && b.turns.is_empty());
        assert_eq!(b.resolves, 1, "it has ended, once");
        // A turn that nobody uses is dropped in time; one whose slot goes on, at once.
        b.ask(1, 11, 100, 60);
        b.settle(t);
        b.grant();
        b.run(t, ASK + 3 * p.period as u64 + 16);
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

/// A request is resolved when its block is given back, whatever ends it; what the peer owns never is.
#[test]
fn pending_tells_when_requests_end() {
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        for (n, stream) in ["s_commit", "s_trail", "s_use", "s_hold", "s_ask"].into_iter().enumerate() {
            let lba = 10 * n as u64;
            b.hold_request(5, 7, 2, lba);
            b.hold(6, 7, 3, lba + 1);
            b.settle(t);
            assert_eq!(b.resolves, n as u64, "{stream}");
            for slot in [5, 6] {
                match stream {
                    "s_use" => b.say(stream, slot, 8),
                    "s_hold" => b.hold(slot, 8, 2, lba + slot),
                    "s_ask" => b.ask(1, slot, 8, lba + slot),
                    _ => b.say(stream, slot, 7),
                }
            }
            b.settle(t);
            assert_eq!(b.resolves, n as u64 + 1, "{stream}");
            b.say("s_commit", 5, 8);
            b.say("s_commit", 6, 8);
            b.settle(t);
            (0..b.queued.len()).for_each(|_| b.grant());
            b.run(t, ASK + 3 * p.period as u64 + 16);
            assert!(b.held.is_empty() && b.turns.is_empty());
        }
        assert_eq!(b.resolves, 5);
    });
}

/// This site hands something over: turns of before are worth nothing. One that waits gives its lock back as soon as it wins
/// it; one that has won it, when it is asked about, or at the next scan. So does one that waits and whose slot goes on.
#[test]
fn pending_drops_turns_when_an_owner_changes() {
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let period = b.p.period as u64;
        let hand_over = |b: &mut Bench, t: &mut Trial| {
            b.hands_over = true;
            b.cycle(t);
        };
        // It waits.
        b.ask(1, 9, 7, 50);
        b.settle(t);
        hand_over(&mut b, t);
        b.grant();
        b.settle(t);
        assert_eq!((b.turns.len(), b.outlived, b.kept), (0, 1, 1));
        // A turn that comes after is as good as any.
        b.ask(1, 9, 7, 51);
        b.settle(t);
        b.grant();
        b.settle(t);
        b.ask(1, 9, 7, 51);
        b.settle(t);
        assert_eq!((b.turns.len(), b.handed, b.kept), (0, 1, 2));
        // It has won, and nobody asks.
        b.ask(1, 10, 7, 52);
        b.settle(t);
        b.grant();
        b.settle(t);
        hand_over(&mut b, t);
        b.run(t, period + 8);
        assert_eq!((b.turns.len(), b.outlived), (0, 2));
        // It has won, and is asked about before the scan.
        for slot in 11..19 {
            b.ask(1, slot, 7, 42 + slot);
            b.settle(t);
            b.grant();
            b.settle(t);
            hand_over(&mut b, t);
            b.ask(1, slot, 7, 42 + slot);
            b.settle(t);
            assert_eq!(b.handed, 1, "it is not handed over");
            (0..b.queued.len()).for_each(|_| b.grant());
            b.run(t, ASK + 3 * p.period as u64 + 16);
            assert!(b.turns.is_empty());
        }
        // It waits, and its slot goes on.
        for stream in ["s_use", "s_ask"] {
            let (kept, outlived) = (b.kept, b.outlived);
            b.ask(1, 20, 7, 70);
            b.settle(t);
            if stream == "s_use" {
                b.say(stream, 20, 8);
            } else {
                b.ask(2, 20, 8, 71);
            }
            b.settle(t);
            assert_eq!((b.turns.len(), b.kept), (1, kept + 1), "its place in the queue is taken still");
            b.grant();
            b.settle(t);
            assert_eq!((b.turns.len(), b.outlived), (0, outlived + 1));
            b.ask(2, 20, 8, 71);
            b.settle(t);
            assert_eq!(b.kept, kept + 2);
            b.grant();
            b.run(t, ASK + 3 * p.period as u64 + 16);
        }
    });
}

/// So many turns and no more: the next is told to wait, without one.
#[test]
fn pending_keeps_so_many_turns() {
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        (0..64).for_each(|slot| b.ask(1, slot, 5, 100 + slot));
        b.settle(t);
        assert_eq!((b.kept, b.waiting), (TURNS as u64, TURNS as u64));
        b.ask(1, 3, 6, 300);
        b.settle(t);
        assert_eq!(b.kept, TURNS as u64, "a turn of an older use waits still");
        (0..TURNS).for_each(|_| b.grant());
        b.settle(t);
        let won = b.turns.values().filter(|turn| turn.won.is_some()).count();
        assert_eq!((won, b.outlived), (TURNS - 1, 1), "but for the one whose slot goes on");
        b.run(t, ASK + 3 * p.period as u64 + 16);
        assert!(b.turns.is_empty());
    });
}

/// A quiet card may sleep, but not past the time to ask.
#[test]
fn pending_is_quiet_when_nothing_is_near() {
    each_build(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
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
    each_build(|t, p| {
        for stall in Stall::ALL {
            let mut b = Bench::new(t, p, stall);
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
                            let lba = b.now << 8 & 0xff_ffff_ffff;
                            b.hold(slot, seq, lun, lba);
                        }
                        2 => b.say("s_use", slot, seq + t.rng.below(3)),
                        6 | 7 => {
                            // Often for the turn that has its lock.
                            let won = b.turns.iter().filter(|turn| turn.1.won.is_some()).map(|turn| *turn.0).min();
                            let slot = won.filter(|_| t.rng.one_in(2)).unwrap_or(slot);
                            let seq = b.turns.get(&slot).map_or(seq, |turn| turn.seq) + u64::from(t.rng.one_in(4));
                            b.ask(t.rng.below(8), slot, seq, b.now & 0xffff_ffff);
                        }
                        8 => {
                            let (seq, lba) = (seq + 1, b.now << 8 & 0xff_ffff_ffff);
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
                b.hands_over = t.rng.one_in(800);
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
            assert!(b.resolves > 50 && b.outlived > 20, "{} requests, {} old turns", b.resolves, b.outlived);
            assert!(b.committed > 200 && b.stale > 100, "{} committed, {} stale", b.committed, b.stale);
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&pending(&Params::small(64)), 4, 0);
    prove(&pending(&Params::small(64).deeper()), 6, 0);
}
