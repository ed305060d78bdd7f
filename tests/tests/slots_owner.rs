//! `offload::slots` where owners change: NOT_OWNER, step by step; writes that wait for another owner; commands about owners.

mod common;
#[path = "common/slots_model.rs"]
mod slots_model;
#[path = "common/slots_use.rs"]
mod slots_use;
#[path = "common/slots_world.rs"]
mod slots_world;

use common::Streams;
use dyad_hdl::bundle::op_kind::{OWN, READ, WRITE};
use dyad_hdl::bundle::own_code::{RELEASE, UNASKED};
use dyad_hdl::bundle::{LocalDone, OpInfo, OwnJob};
use dyad_hdl::offload::slots::slots;
use dyad_spec::Status;
use dyad_tests::{Stall, Trial, field, pack};
use slots_world::{Odds, World, calm_world, each_build, end_of, run, world};

/// NOT_OWNER, step by step: at the next scan the request takes its lock and looks again. It is a request again at once, or
/// waits while this site is about to hand the block over, or becomes an own write: home from the staging area under a number
/// of its own, and then to the peer, read from the store.
#[test]
fn slots_look_again() {
    each_build(|t, p| {
        for waits in [false, true] {
            let mut w = calm_world(t, p);
            w.stage();
            (w.odds.not_owner, w.odds.turned_away) = (1, 1);
            let id = w.ask(WRITE, false, 0, 77);
            let looks = |w: &mut World, t: &mut Trial, n: u64| {
                let until = w.now + 2 * w.p.period as u64 + 100;
                while w.model.looks < n {
                    w.cycle(t);
                    assert!(w.now < until, "it looks at the next scan");
                }
                // Those that must wait look at each scan.
                let soon = w.p.period as u64 / 2;
                run(t, w, soon);
            };
            run(t, &mut w, 100);
            for n in 1..4 {
                looks(&mut w, t, n);
                assert_eq!((w.model.became, w.locked()), ([0, n, 0], 0), "a request again, without a lock");
            }
            assert_eq!(w.events.of("resent"), 3, "as soon as it has looked");
            assert_eq!(w.events.of("turned_away"), w.model.turned_away);
            w.odds.not_owner = 0;
            w.odds.closing = u64::from(waits);
            if waits {
                for n in 4..7 {
                    looks(&mut w, t, n);
                    assert_eq!((w.model.became[2], w.locked(), end_of(&w, id)), (n - 3, 0, None), "it waits");
                }
                w.odds.closing = 0;
            }
            w.odds.turned_away = 0;
            w.log.clear();
            run(t, &mut w, 600);
            let order: Vec<&str> = w.log.iter().map(|l| l.1).collect();
            assert_eq!(order, ["m_lock", "m_copy", "m_resend", "m_done", "m_release", "m_resolved"]);
            assert_eq!(end_of(&w, id), Some(Status::Ok));
            assert_eq!(
                (w.model.became[0], w.model.resolves, w.committed, w.locked(), w.model.in_use()),
                (1, 1, 1, 0, 0)
            );
            w.heal(t);
        }
    });
}

/// A new write of a block that this site is about to hand over waits, without its lock, and is given up with the link; an
/// own write that is told NOT_OWNER is repeated in time.
#[test]
fn slots_wait_for_another_owner() {
    each_build(|t, p| {
        for cut in [false, true] {
            let mut w = calm_world(t, p);
            w.stage();
            w.odds.closing = 1;
            let (write, read) = (w.ask(WRITE, false, 0, 7), w.ask(READ, false, 0, 7));
            run(t, &mut w, 2000);
            assert_eq!((end_of(&w, write), end_of(&w, read)), (None, Some(Status::Ok)), "who reads does not wait");
            // It has its lock for as long as a look takes.
            let parked = w.model.became[2];
            while w.model.became[2] == parked {
                w.cycle(t);
            }
            run(t, &mut w, 20);
            assert_eq!((w.model.resolves, w.locked()), (0, 0));
            assert!(parked > 1000 / p.period as u64, "it looks in each scan: {parked}");
            w.odds.closing = 0;
            if cut {
                w.set_link(false);
            } else {
                w.odds.turned_away = 1;
            }
            run(t, &mut w, 2 * p.period as u64 + 44);
            if !cut {
                let looks = w.model.looks;
                assert_eq!((w.model.turned_away, w.locked()), (1, 1));
                w.odds.turned_away = 0;
                let wait = w.resend_cycles + 2 * w.p.period as u64;
                run(t, &mut w, wait);
                assert_eq!((w.model.looks, w.events.of("resent")), (looks, 1), "an own write looks at nothing again");
            }
            assert_eq!(end_of(&w, write), Some(if cut { Status::LinkDown } else { Status::Ok }));
            assert_eq!((w.model.resolves, w.locked(), w.model.in_use()), (u64::from(!cut), 0, 0));
            w.heal(t);
        }
    });
}

/// There is an end to a command's patience: the 256th time that it is put off, it is told; its work goes on.
#[test]
fn slots_are_put_off_for_ever() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.stage();
        (w.limit, w.resend_cycles) = (2, 100);
        (w.odds.not_owner, w.odds.turned_away, w.odds.own_locked) = (1, 1, 1);
        let ids = [w.ask(WRITE, false, 0, 1), w.ask(OWN, false, 0, 2)];
        let period = w.p.period as u64;
        run(t, &mut w, 250 * period);
        assert_eq!((ids.map(|id| end_of(&w, id)), w.events.of("fence")), ([None; 2], 0));
        run(t, &mut w, 300 * period);
        assert_eq!(ids.map(|id| end_of(&w, id)), [Some(Status::NotOwner), Some(Status::Locked)]);
        assert_eq!((w.events.of("fence"), w.model.in_use()), (0, 2));
        w.heal(t);
        assert_eq!((w.locked(), w.model.in_use(), w.events.of("written")), (0, 0, 0));
    });
}

/// A command about an owner: a job for `admit`, again when it was not yet done or the peer has put it off; its end, good or
/// not, is that of this use of its slot alone.
#[test]
fn slots_ask_for_owners() {
    each_build(|t, p| {
        for (odds, again, end) in [
            (Odds::default(), 0, Status::Ok),
            (Odds { bad_lba: 1, ..Odds::default() }, 0, Status::BadLba),
            (Odds { refused: 1, ..Odds::default() }, 0, Status::EpochSpent),
            (Odds { own_locked: 1, ..Odds::default() }, 1, Status::Ok),
            (Odds { busy: 1, ..Odds::default() }, 1, Status::Ok),
            (Odds { frame_lost: 1, ..Odds::default() }, 1, Status::Ok),
        ] {
            let mut w = world(t, p, Stall::None, Odds { engine: 10, line: 20, ..odds });
            let id = w.ask(OWN, false, 3, 77);
            run(t, &mut w, 200);
            assert_eq!(end_of(&w, id), (again == 0).then_some(end));
            w.odds = Odds::default();
            let wait = w.resend_cycles + 2 * w.p.period as u64;
            run(t, &mut w, wait);
            assert_eq!((end_of(&w, id), w.events.of("resent")), (Some(end), again));
            let order: Vec<&str> = w.log.iter().map(|l| l.1).collect();
            let jobs = order.iter().filter(|n| **n == "m_own").count() as u64;
            assert_eq!((jobs, order.len() as u64), (1 + again, 2 + again), "{order:?}");
            assert_eq!((w.model.in_use(), w.committed), (0, 0));
        }
        // Nobody answers: as many jobs as repeats are allowed, and the fence.
        let mut w = calm_world(t, p);
        (w.odds.frame_lost, w.limit) = (1, 3);
        let id = w.ask(OWN, false, 3, 77);
        let wait = 6 * (w.resend_cycles + 2 * w.p.period as u64);
        run(t, &mut w, wait);
        assert_eq!((end_of(&w, id), w.events.of("fence")), (Some(Status::PeerTimeout), 1));
        w.heal(t);
        assert_eq!(w.model.in_use(), 0);
    });
}

/// A request that is told of a link that is down while it waits for its lock, to look again who owns its block, is kept from
/// then on, and no longer when it has ended.
#[test]
fn slots_count_what_is_kept_while_it_looks() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.stage();
        (w.odds.not_owner, w.odds.turned_away) = (1, 1);
        let id = w.ask(WRITE, false, 0, 5);
        while w.model.turned_away == 0 {
            w.cycle(t);
        }
        // A reader has the block for longer than the link is down.
        w.read_takes = 2000;
        w.ask(READ, false, 0, 5);
        while w.model.looks == 0 {
            w.cycle(t);
        }
        w.set_link(false);
        run(t, &mut w, 2 * p.period as u64 + 44);
        assert_eq!(end_of(&w, id), Some(Status::LinkDown));
        w.odds.turned_away = 0;
        w.set_link(true);
        run(t, &mut w, 6000);
        assert_eq!((w.locked(), w.model.in_use()), (0, 0));
        // Nothing is kept: who waits for a lock is told of nothing, however long it takes.
        w.read_takes = 20 * w.resend_cycles;
        let ids = [w.ask(READ, false, 0, 6), w.ask(WRITE, false, 0, 6)];
        let wait = 19 * w.resend_cycles;
        run(t, &mut w, wait);
        assert_eq!(ids.map(|id| end_of(&w, id)), [None; 2]);
        run(t, &mut w, wait);
        assert_eq!(ids.map(|id| end_of(&w, id)), [Some(Status::Ok); 2]);
        w.heal(t);
    });
}

/// A write that waits for another owner looks in every scan, and keeps no other slot from being scanned: what this site has
/// admitted is sent again until the peer has it, or the owner would never change.
#[test]
fn slots_are_all_scanned_while_one_waits() {
    each_build(|t, p| {
        let mut w = calm_world(t, p);
        w.limit = 15;
        w.odds.closing = 1;
        w.ask(WRITE, false, 0, 7);
        while w.model.became[2] < 3 {
            w.cycle(t);
        }
        run(t, &mut w, 20);
        // In the next slot, and in some behind it, what the peer never hears of.
        (w.odds.closing, w.odds.frame_lost) = (0, 1);
        for lba in 0..4 {
            w.ask(WRITE, false, 0, lba);
        }
        run(t, &mut w, 70);
        w.odds.closing = 1;
        let wait = 4 * (w.resend_cycles + 2 * w.p.period as u64);
        run(t, &mut w, wait);
        let repeats: Vec<usize> = (0..5).map(|s| w.model.repeats.iter().filter(|r| r.0 == s).count()).collect();
        assert!(repeats[0] == 0 && repeats[1..].iter().all(|n| *n >= 3), "repeats of the first slots: {repeats:?}");
        w.heal(t);
    });
}

/// What nobody has asked for (see `follow`) is done, and gives its slot back, but no command is told of its end.
#[test]
fn slots_tell_nobody_of_what_nobody_asked() {
    each_build(|t, p| {
        for unasked in [false, true] {
            let mut dut = t.dut(&slots(p));
            let mut streams = Streams::new(&dut, &["s_op", "s_local"], &["m_own", "m_done"], Stall::None);
            dut.poke("link_ok", 1);
            dut.poke("resend_cycles", 1 << 20);
            let code = 1 << RELEASE | u64::from(unasked) << UNASKED;
            let op = [("cmd", 9), ("kind", OWN), ("lun", 1), ("lba", 77), ("page", code)];
            streams.push("s_op", pack(OpInfo::FIELDS, &op));
            let (mut jobs, mut told) = (0, 0);
            for _ in 0..2000 {
                streams.drive(&mut dut, &mut t.rng);
                dut.settle();
                for (name, word) in streams.sample(&dut).0 {
                    if name == "m_own" {
                        let of = |name: &str| field(OwnJob::FIELDS, &word, name);
                        assert_eq!((of("lun"), of("lba"), of("code")), (1, 77, 1 << RELEASE));
                        let done = [("slot", of("slot")), ("crc", of("seq")), ("own", 1)];
                        streams.push("s_local", pack(LocalDone::FIELDS, &done));
                        jobs += 1;
                    } else {
                        told += 1;
                    }
                }
                dut.edge();
            }
            dut.settle();
            assert_eq!((jobs, told, dut.peek("slots_in_use")), (1, u32::from(!unasked), 0));
        }
    });
}
