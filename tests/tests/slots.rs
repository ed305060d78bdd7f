//! `offload::slots` in a world of locks, engines and a peer, held against a model; and its time-outs, to the cycle.

mod common;
#[path = "common/slots_model.rs"]
mod slots_model;
#[path = "common/slots_use.rs"]
mod slots_use;
#[path = "common/slots_world.rs"]
mod slots_world;

use dyad_hdl::bundle::Launch;
use dyad_hdl::bundle::op_kind::{FLUSH, OWN, READ, WRITE};
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_spec::{FrameType, Status};
use dyad_tests::{Rng, Stall, Trial, field, trial};
use slots_world::{Odds, World, answer, calm_world, each_build, end_of, run, world};

fn ask_any(t: &mut Trial, w: &mut World, blocks: u64) {
    let kind = *t.rng.pick(&[WRITE, WRITE, WRITE, WRITE, READ, READ, READ, FLUSH, OWN]);
    let (local, lba) = (t.rng.one_in(6), 0xa5_0000_0000 + t.rng.below(blocks));
    // Blocks that a store has lost are not asked for: their LUN is fenced.
    if !w.model.has_lost(u64::from(local), lba) {
        w.ask(kind, local, u64::from(local), lba);
    }
}

fn odds() -> Odds {
    Odds {
        frame_lost: 10,
        answer_lost: 10,
        answer_doubled: 5,
        busy: 8,
        turned_away: 12,
        closing: 20,
        own_locked: 3,
        forged: 60,
        aborted: 12,
        dma_fault: 20,
        not_owner: 30,
        bad_lba: 30,
        read_error: 20,
        engine: 60,
        line: 300,
        ..Odds::default()
    }
}

/// Everything at once, with a link that comes and goes; in the end each operation was told once, each lock came back once,
/// and only what the stores have lost is kept.
#[test]
fn slots_live_and_die() {
    each_build(|t, p| {
        let lossy = odds();
        let mut seen = std::collections::HashSet::new();
        let cruel = Odds { refused: 15, store_error: 150, bad_again: 30, frame_lost: 3, ..lossy };
        for (stall, odds, blocks) in [
            (Stall::None, lossy, 6),
            (Stall::Quarter, cruel, 200),
            (Stall::Random, lossy, 200),
            (Stall::Random, cruel, 1000),
        ] {
            let mut w = world(t, p, stall, odds);
            w.limit = 1 + t.rng.below(6);
            for _ in 0..60_000 {
                if w.open_ops() < 100 && t.rng.one_in(12) {
                    ask_any(t, &mut w, blocks);
                }
                if t.rng.one_in(if w.link { 6000 } else { 400 }) {
                    let up = !w.link;
                    w.set_link(up);
                }
                w.cycle(t);
            }
            w.heal(t);
            assert!(w.model.told.len() > 500, "{} operations", w.model.told.len());
            seen.extend(w.events.seen().iter().map(|e| e.0.to_string()));
        }
        for name in slots_world::EVENTS {
            assert!(seen.contains(name), "{name} never happened");
        }
    });
}

/// The same where the peer owns half of the blocks: requests, their turns, and copies from the staging area.
#[test]
fn slots_request_what_the_peer_owns() {
    each_build(|t, p| {
        let lossy = Odds { not_owner: 2, ..odds() };
        let cruel = Odds { refused: 15, store_error: 150, bad_again: 30, frame_lost: 3, ..lossy };
        for (stall, odds, blocks) in [
            (Stall::None, lossy, 6),
            (Stall::Quarter, cruel, 200),
            (Stall::Random, lossy, 200),
            (Stall::Random, Odds { busy: 2, ..lossy }, 30),
        ] {
            let mut w = world(t, p, stall, odds);
            w.stage();
            w.limit = 1 + t.rng.below(6);
            for _ in 0..60_000 {
                if w.open_ops() < 100 && t.rng.one_in(12) {
                    ask_any(t, &mut w, blocks);
                }
                if t.rng.one_in(if w.link { 6000 } else { 400 }) {
                    let up = !w.link;
                    w.set_link(up);
                }
                w.cycle(t);
            }
            w.heal(t);
            assert!(w.model.told.len() > 500, "{} operations", w.model.told.len());
            assert_eq!(w.events.of("not_owner"), 0);
            let copies = w.log.iter().filter(|l| l.1 == "m_copy").count();
            assert!(copies > 80, "only {copies} copies");
            let m = &w.model;
            assert!(m.looks > 8 && m.turned_away > 8 && m.became.iter().all(|n| *n > 0), "{} {:?}", m.looks, m.became);
            assert!(m.resolves > 200, "{} writes were counted", m.resolves);
        }
    });
}

/// A request in a quiet world: the lock comes back at once, and is taken again for the copy. BUSY with a turn is followed by a
/// repeat at once, without one by a repeat in time.
#[test]
fn slots_request_step_by_step() {
    each_build(|t, p| {
        for (turn, later) in [(None, 0), (Some(1), 0), (Some(0), 1)] {
            let mut w = calm_world(t, p);
            w.stage();
            w.odds.not_owner = 1;
            w.odds.frame_lost = u64::from(turn.is_some());
            let id = w.ask(WRITE, false, 0, 77);
            run(t, &mut w, 200);
            if let Some(code) = turn {
                assert_eq!((end_of(&w, id), w.locked()), (None, 0), "it waits without a lock");
                w.odds.frame_lost = 0;
                let (slot, seq) =
                    w.log.iter().find(|l| l.1 == "m_write").map(|l| slot_and_seq(&l.2)).expect("launched");
                w.offer("s_answer", answer(FrameType::Busy, code, slot, seq, 0));
                run(t, &mut w, 200);
                assert_eq!(end_of(&w, id).is_some(), later == 0, "a repeat at once");
                let wait = w.resend_cycles + 2 * w.p.period as u64 + 200;
                run(t, &mut w, wait);
            }
            assert_eq!(end_of(&w, id), Some(Status::Ok));
            let order: Vec<&str> = w.log.iter().map(|l| l.1).filter(|n| *n != "m_resend").collect();
            assert_eq!(order, ["m_lock", "m_release", "m_write", "m_lock", "m_copy", "m_done", "m_release"]);
            assert_eq!((w.locked(), w.model.in_use(), w.committed), (0, 0, 1));
        }
    });
}

fn slot_and_seq(launch: &Bits) -> (u64, u64) {
    let of = |name: &str| field(Launch::FIELDS, launch, name);
    (of("slot"), of("seq"))
}

/// No answer ever: as many repeats as allowed, each after `resend_cycles` and at most a scan more; then the time-out, one
/// fence, and the lock stays. When the link has been down and up, the block is sent again, and its lock comes back once.
#[test]
fn slots_time_out_and_recover() {
    each_build(|t, p| {
        for limit in [0, 1, 4, 15] {
            let mut w = calm_world(t, p);
            (w.limit, w.odds.frame_lost) = (limit, 1);
            let id = w.ask(WRITE, false, 0, 77);
            let wait = (limit + 2) * (w.resend_cycles + 2 * w.p.period as u64);
            run(t, &mut w, wait);
            assert_eq!(end_of(&w, id), Some(Status::PeerTimeout));
            assert_eq!((w.events.of("fence"), w.events.of("timed_out"), w.events.of("resent")), (1, 1, limit));
            let (least, most) = (w.resend_cycles, w.resend_cycles + w.p.period as u64 + 8);
            let late = w.model.repeats.iter().find(|r| !(least..=most).contains(&r.1));
            assert_eq!((w.model.repeats.len() as u64, late), (limit, None), "a repeat after {least} to {most} cycles");
            assert_eq!(w.locked(), 1);
            // A reader of the block waits, and is told that it may wait for ever.
            w.set_link(false);
            run(t, &mut w, 300);
            w.set_link(true);
            w.odds.frame_lost = 0;
            w.heal(t);
            assert_eq!((w.locked(), w.model.in_use()), (0, 0));
            assert_eq!((w.events.of("fence"), w.events.of("written")), (1, 0));
        }
    });
}

/// BUSY puts off the next repeat, and does not count as one, however often it comes.
#[test]
fn slots_busy_is_no_loss() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        (w.limit, w.odds.busy) = (2, 1);
        let ids = [w.ask(WRITE, false, 0, 1), w.ask(FLUSH, false, 0, 0)];
        let wait = 10 * (w.resend_cycles + 2 * w.p.period as u64);
        run(t, &mut w, wait);
        assert!(w.events.of("busy") > 12 && w.events.of("resent") > 12 && w.events.of("fence") == 0);
        w.odds.busy = 0;
        run(t, &mut w, 2000);
        assert_eq!(ids.map(|id| end_of(&w, id)), [Some(Status::Ok); 2]);
        w.heal(t);
    });
}

/// REFUSED ends the command at once, with the peer's code, or with `PeerRefused` when that is no failure. Nothing is
/// repeated, nothing is fenced, the lock stays, until the link has been down.
#[test]
fn slots_refused() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.odds.refused = 1;
        let ids: Vec<u64> = (0..12).map(|n| w.ask(if n % 4 == 0 { FLUSH } else { WRITE }, false, 0, n)).collect();
        let wait = 10 * (w.resend_cycles + 2 * w.p.period as u64);
        run(t, &mut w, wait);
        for id in ids {
            let end = end_of(&w, id).expect("it ended");
            assert!(matches!(end, Status::PeerRefused | Status::PeerStoreError), "{end:?}");
        }
        assert_eq!((w.events.of("resent"), w.events.of("fence"), w.events.of("refused")), (0, 0, 12));
        assert_eq!((w.locked(), w.model.in_use()), (9, 9));
        w.heal(t);
        assert_eq!((w.locked(), w.model.in_use()), (0, 0));
    });
}

/// All slots wait for answers that were lost, and more operations wait for slots: the repeats come all the same.
#[test]
fn slots_repeat_when_all_are_taken() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.limit = 15;
        w.odds.answer_lost = 1;
        for lba in 0..200 {
            w.ask(WRITE, false, 0, lba);
        }
        run(t, &mut w, 3000);
        w.dut.settle();
        assert_eq!(w.dut.peek("slots_in_use"), 64);
        w.odds.answer_lost = 0;
        run(t, &mut w, 12_000);
        assert_eq!((w.open_ops(), w.events.of("fence")), (0, 0));
        w.heal(t);
    });
}

/// The engines take nothing for long: those that wait for admission do not keep the time-outs from coming.
#[test]
fn slots_repeat_when_engines_stand() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.limit = 15;
        w.odds.answer_lost = 1;
        w.ask(WRITE, false, 0, 500);
        run(t, &mut w, 300);
        w.hold("m_write");
        for lba in 0..5 {
            w.ask(WRITE, false, 0, lba);
        }
        run(t, &mut w, 3000);
        assert!(w.events.of("resent") >= 3, "{} repeats", w.events.of("resent"));
        w.let_go();
        w.odds.answer_lost = 0;
        w.heal(t);
    });
}

/// An acknowledgement that comes while the resender reads the block ends the command; the lock stays until the resender
/// has done.
#[test]
fn slots_keep_the_lock_while_the_resender_reads() {
    each_build(|t, p| {
        for bad_again in [0, 1] {
            let mut w = calm_world(t, p);
            (w.limit, w.odds.answer_lost, w.odds.bad_again) = (15, 1, bad_again);
            let id = w.ask(WRITE, false, 0, 5);
            while w.resender.is_none() {
                w.cycle(t);
            }
            let reader = w.ask(READ, false, 0, 5);
            let (slot, seq) = w.resender.expect("it reads");
            w.slow_resender(2000);
            w.offer("s_answer", answer(FrameType::Ack, 0, slot, seq, 9));
            run(t, &mut w, 1000);
            assert_eq!((end_of(&w, id), end_of(&w, reader)), (Some(Status::Ok), None));
            assert_eq!(w.locked(), 1);
            run(t, &mut w, 2000);
            // If the store has lost the block, its lock is never given back: the reader is told so.
            let read = if bad_again == 0 { Some(Status::Ok) } else { None };
            assert_eq!(end_of(&w, reader), read);
            w.heal(t);
            assert_eq!(w.locked(), bad_again as usize);
        }
    });
}

/// Who waits for a lock that is kept is told after 16 times `resend_cycles`; who waits when the link goes down, at once.
/// Their locks come back when they are granted.
#[test]
fn slots_tell_those_who_wait() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.odds.store_error = 1;
        let lost = w.ask(WRITE, false, 0, 5);
        run(t, &mut w, 300);
        w.odds.store_error = 0;
        let waits = [w.ask(READ, false, 0, 5), w.ask(WRITE, false, 0, 5)];
        let (early, wait) = (15 * w.resend_cycles, 17 * w.resend_cycles);
        run(t, &mut w, early);
        assert_eq!((end_of(&w, lost), waits.map(|id| end_of(&w, id))), (Some(Status::StoreError), [None; 2]));
        run(t, &mut w, wait);
        assert_eq!(waits.map(|id| end_of(&w, id)), [Some(Status::Locked); 2]);
        // A lock that comes back in the end.
        w.odds.answer_lost = 1;
        w.ask(WRITE, false, 0, 6);
        let waits = [w.ask(READ, false, 0, 6), w.ask(READ, false, 0, 6), w.ask(WRITE, false, 0, 6)];
        run(t, &mut w, 100);
        w.set_link(false);
        run(t, &mut w, 300);
        assert_eq!(waits.map(|id| end_of(&w, id)), [Some(Status::LinkDown); 3]);
        w.heal(t);
        assert_eq!((w.locked(), w.model.in_use()), (1, 3));
    });
}

/// A reset at any moment: every slot is free again, nothing of before is heard of, sequences go on.
#[test]
fn slots_reset() {
    each_build(|t, p| {
        let mut w = world(t, p, Stall::Quarter, odds());
        for round in 0..12 {
            for _ in 0..t.rng.below(3000) {
                if w.open_ops() < 100 && t.rng.one_in(8) {
                    ask_any(t, &mut w, 100);
                }
                w.cycle(t);
            }
            w.reset();
            let forged = std::mem::take(&mut w.odds.forged);
            // Nothing happens by itself, for longer than any time-out.
            let log = w.log.len();
            for _ in 0..p.slots + 4 * w.resend_cycles as usize {
                w.cycle(t);
            }
            assert_eq!(w.log.len(), log, "round {round}: after the reset came {:?}", w.log.last());
            assert_eq!((w.dut.peek("slots_in_use"), w.dut.peek("init_done"), w.dut.peek("quiet")), (0, 1, 1));
            w.odds.forged = forged;
        }
        for lba in 0..200 {
            w.ask(WRITE, false, 0, lba);
        }
        w.heal(t);
    });
}

/// `s_op` to `m_lock` and to `m_flush`, `s_admit` to `m_write` and `m_read`, `s_end` to `m_done`.
#[test]
fn slots_latency() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.ask(WRITE, false, 0, 1);
        run(t, &mut w, 200);
        let at = |w: &World, stream: &str| w.times.iter().find(|x| x.1 == stream).expect("it passed").0;
        assert_eq!(at(&w, "m_lock") - at(&w, "s_op"), 1);
        let decides = p.stages() as u64;
        assert_eq!(at(&w, "m_write") - at(&w, "s_admit"), 1 + decides);
        let last = |w: &World, stream: &str| w.times.iter().rfind(|x| x.1 == stream).expect("it passed").0;
        let decided = last(&w, "s_answer").max(last(&w, "s_local"));
        assert_eq!((at(&w, "m_done") - decided, at(&w, "m_release") - decided), (1 + decides, 1 + decides));
        w.times.clear();
        w.ask(FLUSH, false, 0, 1);
        run(t, &mut w, 200);
        assert_eq!(at(&w, "m_flush") - at(&w, "s_op"), 1 + decides);
    });
}

/// With 4096 slots, as many writes at once over a bad line.
#[test]
fn slots_default_size() {
    trial(|t| {
        let p = Params::new(64);
        let mut w = world(t, &p, Stall::None, Odds { engine: 300, line: 3000, ..odds() });
        w.resend_cycles = 30_000;
        (0..5000).for_each(|_| ask_any(t, &mut w, 4000));
        run(t, &mut w, 30_000);
        w.dut.settle();
        assert!(w.most_in_use > 3000, "{} slots in use", w.most_in_use);
        w.heal(t);
        assert_eq!(w.model.in_use(), 0);
    });
}

/// While `quiet` is 1, a jump of the time by up to 8 scans changes nothing that comes after: the same words leave at the same
/// times as without jumps.
#[test]
fn slots_jumps_change_nothing() {
    each_build(|t, p| {
        let logs = [false, true].map(|jump| {
            t.rng = Rng::new(t.seed);
            let mut w = world(
                t,
                p,
                Stall::None,
                Odds { frame_lost: 3, answer_lost: 3, aborted: 5, busy: 5, ..Odds::default() },
            );
            (w.resend_cycles, w.limit) = (4000, 15);
            let (start, mut jumps) = (w.now, 0);
            let script: Vec<(u64, u64, u64)> = (0..60)
                .map(|_| (start + t.rng.below(400_000), t.rng.below(3), t.rng.below(8)))
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect();
            let mut next = 0;
            let mut ready_at = 0;
            while w.now < start + 500_000 {
                if next < script.len() && w.now >= script[next].0 {
                    let (_, kind, lba) = script[next];
                    w.ask([WRITE, READ, FLUSH][kind as usize], false, 0, lba);
                    next += 1;
                }
                // An operation is offered in the cycle after its time: that cycle is not jumped over.
                let until = script.get(next).map_or(u64::MAX, |s| s.0).saturating_sub(w.now + 1);
                let period = p.period as u64;
                let periods = (until / period).min(8);
                if jump && w.now >= ready_at && periods > 0 && w.quiet() && w.calm_for(periods * period) {
                    w.now += periods * period;
                    ready_at = w.now + 2 * period;
                    jumps += 1;
                }
                w.cycle(t);
            }
            assert!(!jump || jumps > 40, "{jumps} jumps");
            w.log
        });
        assert!(logs[0].len() > 200);
        let differs = logs[0].iter().zip(&logs[1]).position(|(a, b)| a != b);
        if let Some(at) = differs {
            panic!("word {at}: {:?} and, with jumps, {:?}", logs[0][at], logs[1][at]);
        }
        assert_eq!(logs[0].len(), logs[1].len());
    });
}
