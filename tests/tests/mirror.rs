//! `offload::mirror`: each row of its table, the races around a frame's end, and a sender with a bad line in between.

mod common;
#[path = "common/mirror_bench.rs"]
mod mirror_bench;
#[path = "common/mirror_peer.rs"]
mod mirror_peer;

use common::{builds, random_block};
use dyad_hdl::params::Params;
use dyad_spec::{BLOCK_BYTES, FrameType, Status};
use dyad_tests::{Stall, Trial, trial};
use mirror_bench::{BLOCKS, Bench, Ctl, Frame, LOCAL_LUN, OWN_LUN, SITE, Seen};
use mirror_peer::{Line, Peer};

fn each_width(body: impl Fn(&mut Trial, &Params)) {
    trial(|t| builds().iter().for_each(|p| body(t, p)));
}

/// What a short frame says.
fn says(ctl: &Ctl) -> (FrameType, u64, u64) {
    (ctl.ftype, ctl.slot, ctl.seq)
}

/// Parts in each order, both MTUs: whole, byte-exact, acknowledged once, with the time of the last part.
#[test]
fn mirror_gathers_parts_in_any_order() {
    each_width(|t, p| {
        for stall in Stall::ALL {
            let mut b = Bench::new(t, p, stall);
            let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
            for (n, order) in orders.into_iter().enumerate() {
                for jumbo in [false, true] {
                    let (slot, lba) = (2 * n as u64 + u64::from(jumbo), t.rng.below(BLOCKS));
                    let block = random_block(&mut t.rng);
                    let frames = Frame::of(slot, 5, lba, &block, jumbo);
                    let pick = |i: &usize| frames[*i].clone();
                    let frames: Vec<Frame> = if jumbo { frames } else { order.iter().map(pick).collect() };
                    for f in frames {
                        let gap = t.rng.below(30) as usize;
                        b.send(t, f, gap, 3);
                    }
                    let seen = b.settle(t);
                    let homed: Vec<_> = seen.iter().filter_map(|s| s.homed.as_ref()).collect();
                    assert_eq!(homed.len(), 1, "{order:?}");
                    assert_eq!((homed[0].block, &homed[0].bytes), (Bench::place(1, lba), &block));
                    let ctl: Vec<_> = seen.iter().filter_map(|s| s.ctl).collect();
                    let last = seen.iter().filter_map(|s| s.ended.as_ref()).next_back().expect("a frame ended").1;
                    assert_eq!(ctl, [Ctl { ftype: FrameType::Ack, code: 0, slot, seq: 5, t_ref: last }]);
                    let at = |what: fn(&Seen) -> bool| seen.iter().position(what).expect("it happened");
                    assert!(at(|s| s.ctl.is_some()) > at(|s| s.done.is_some()), "no ACK before the store's answer");
                    assert!(b.quiet() && b.held.is_empty());
                }
            }
            assert_eq!(b.events.seen(), [("mirrored", 12)]);
        }
    });
}

/// Repeats of a block in each of its states.
#[test]
fn mirror_answers_repeats_from_the_table() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let block = random_block(&mut t.rng);
        let parts = Frame::of(3, 100, 7, &block, false);
        let whole = Frame::of(3, 100, 7, &block, true).remove(0);
        // While it gathers: a part that is there already.
        assert_eq!(b.play(t, &[parts[0].clone(), parts[0].clone(), parts[2].clone(), parts[0].clone()]), []);
        assert_eq!(b.events.seen(), [("duplicate", 2)]);
        // While it waits for its lock, and for the store.
        b.locks_open = false;
        assert_eq!(b.play(t, &[parts[1].clone(), parts[1].clone(), whole.clone()]), []);
        assert_eq!(b.events.seen(), [("duplicate", 4)]);
        assert!(!b.quiet());
        (b.locks_open, b.store_open) = (true, false);
        assert_eq!(b.play(t, &[whole.clone(), parts[0].clone()]), []);
        assert_eq!(b.events.seen(), [("duplicate", 6)]);
        b.store_open = true;
        let acks = b.play(t, &[]);
        assert_eq!(acks.iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 3, 100)]);
        // Once answered: again, for each good frame, with that frame's time.
        b.send(t, whole.with(|f| f.bytes[9] ^= 1), 0, 0);
        b.send(t, parts[1].clone(), 5, 0);
        b.send(t, parts[1].with(|f| f.good = false), 5, 0);
        let seen = b.settle(t);
        let ends: Vec<u64> = seen.iter().filter_map(|s| s.ended.as_ref()).map(|e| e.1).collect();
        let acks: Vec<_> = seen.iter().filter_map(|s| s.ctl).map(|c| (says(&c), c.t_ref)).collect();
        assert_eq!(acks, [((FrameType::Ack, 3, 100), ends[0]), ((FrameType::Ack, 3, 100), ends[1])]);
        assert_eq!(b.events.seen(), [("duplicate", 8), ("mirrored", 1)]);
        // Older ones say nothing, newer ones are new; across the wrap, too.
        let mut seq = 100;
        for (step, back) in [(1, 1), (0x7fff_fffe, 0x7fff_ffff), (0x7fff_fffe, 5), (0x1000_0000, 0x2000_0000)] {
            seq = (seq + step) & 0xffff_ffff;
            let block = random_block(&mut t.rng);
            let acks = b.play(t, &Frame::of(3, seq, 7, &block, true));
            assert_eq!(acks.iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 3, seq)]);
            let before = b.events.of("stale");
            let old = (seq + (1 << 32) - back) & 0xffff_ffff;
            assert_eq!(b.play(t, &Frame::of(3, old, 7, &block, false)), []);
            assert_eq!(b.events.of("stale"), before + 3);
        }
        assert!(b.quiet() && b.held.is_empty());
    });
}

/// A frame that is bad marks nothing. If it began a block, its buffer is free again; if not, the block goes on.
#[test]
fn mirror_bad_frames_mark_nothing() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let n = p.mirror_bufs as u64;
        let bad = |f: &Frame| f.with(|f| (f.good, f.bytes[17]) = (false, !f.bytes[17]));
        // More beginnings than buffers, back to back: none is kept, so nothing is evicted.
        for slot in 0..3 * n {
            let block = random_block(&mut t.rng);
            b.send(t, bad(&Frame::of(slot, 1, slot, &block, slot % 2 == 0)[0]), 0, 0);
        }
        b.settle(t);
        assert!(b.events.seen().is_empty() && b.quiet());
        // A bad copy right behind the good one that completes or continues a block must not touch it.
        for hit in 0..3 {
            let block = random_block(&mut t.rng);
            let slot = 100 + hit as u64;
            for (i, part) in Frame::of(slot, 1, slot, &block, false).iter().enumerate() {
                b.send(t, part.clone(), 0, 0);
                if i == hit {
                    b.send(t, bad(part), 0, 0);
                }
            }
            let seen = b.settle(t);
            let homed: Vec<_> = seen.iter().filter_map(|s| s.homed.as_ref()).collect();
            assert!(homed.len() == 1 && homed[0].bytes == block, "a bad copy of part {hit}");
        }
        // A whole block, and a bad copy of it at once; a bad one, and the good one at once.
        for first_bad in [false, true] {
            let block = random_block(&mut t.rng);
            let whole = Frame::of(200 + u64::from(first_bad), 1, 5, &block, true).remove(0);
            let pair = if first_bad { [bad(&whole), whole] } else { [whole.clone(), bad(&whole)] };
            pair.into_iter().for_each(|f| b.send(t, f, 0, 0));
            let seen = b.settle(t);
            let homed: Vec<_> = seen.iter().filter_map(|s| s.homed.as_ref()).collect();
            assert!(homed.len() == 1 && homed[0].bytes == block, "first bad: {first_bad}");
        }
        // Parts that are there, then a bad part, then a bad whole block, then the good rest.
        let block = random_block(&mut t.rng);
        let parts = Frame::of(300, 1, 9, &block, false);
        let whole = Frame::of(300, 1, 9, &block, true).remove(0);
        assert_eq!(b.play(t, &[parts[0].clone(), bad(&parts[1]), parts[2].clone()]), []);
        let seen: Vec<_> = b.play(t, &[bad(&whole), parts[0].clone(), parts[2].clone()]);
        assert_eq!(seen, []);
        b.send(t, parts[1].clone(), 0, 0);
        let seen = b.settle(t);
        let homed: Vec<_> = seen.iter().filter_map(|s| s.homed.as_ref()).collect();
        assert!(homed.len() == 1 && homed[0].bytes == block);
    });
}

/// The peer changes its MTU while a block is under way: a whole block replaces its parts.
#[test]
fn mirror_takes_a_whole_block_for_its_parts() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let block = random_block(&mut t.rng);
        let parts = Frame::of(8, 1, 9, &block, false);
        let whole = Frame::of(8, 1, 9, &block, true).remove(0);
        assert_eq!(b.play(t, &parts[..2]), []);
        let acks = b.play(t, &[whole]);
        assert_eq!(acks.iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 8, 1)]);
        assert_eq!(b.events.seen(), [("mirrored", 1)]);
    });
}

/// Frames that stand for blocks of zeroes, back to back; good and bad ones among the parts of such a block.
#[test]
fn mirror_makes_blocks_of_zeroes() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let nothing = vec![0; BLOCK_BYTES];
        let blank = |slot: u64| Frame::of(slot, 1, slot, &nothing, true)[0].of_zeroes();
        let bad = |f: Frame| f.with(|f| f.good = false);
        (0..p.mirror_bufs as u64).for_each(|slot| b.send(t, blank(slot), 0, 0));
        let parts = Frame::of(30, 1, 30, &nothing, false);
        let seen = b.settle(t);
        assert_eq!(b.play(t, &[parts[0].clone(), bad(blank(30)), parts[1].clone(), parts[2].clone()]), []);
        let ends = |acks: Vec<Ctl>| acks.iter().map(says).collect::<Vec<_>>();
        assert_eq!(ends(b.play(t, &parts[..1])), [(FrameType::Ack, 30, 1)], "the bad frame has undone the first part");
        let acks = ends(b.play(t, &[parts[1].clone(), blank(31), blank(31), blank(30)]));
        assert_eq!(acks, [30, 30, 31].map(|slot| (FrameType::Ack, slot, 1)), "repeats: of what is at rest alone");
        let homed: Vec<_> = seen.iter().filter_map(|s| s.homed.as_ref()).collect();
        assert!(homed.len() == p.mirror_bufs && homed.iter().all(|h| h.bytes == nothing));
    });
}

/// The oldest unfinished block is thrown out for a new one, however long ago; with none to throw out: BUSY.
#[test]
fn mirror_evicts_the_oldest_unfinished() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let n = p.mirror_bufs as u64;
        let blocks: Vec<Vec<u8>> = (0..2 * n).map(|_| random_block(&mut t.rng)).collect();
        let parts = |slot: u64| Frame::of(slot, 1, slot, &blocks[slot as usize], false);
        let acked = |acks: Vec<Ctl>| acks.iter().map(says).map(|(f, s, _)| (f, s)).collect::<Vec<_>>();
        // Slot 0 begins, then others come and go for longer than any small counter lasts; then the rest begin.
        b.play(t, &parts(0)[..1]);
        for round in 0..252 {
            let whole = Frame::of(500, round, 600, &blocks[0], true);
            assert_eq!(acked(b.play(t, &whole)), [(FrameType::Ack, 500)]);
        }
        (1..n).for_each(|slot| drop(b.play(t, &parts(slot)[1..2])));
        assert_eq!(b.events.of("evicted"), 0);
        // Two more: slots 0 and 1 go, and only they.
        b.play(t, &parts(n)[..1]);
        b.play(t, &parts(n + 1)[..1]);
        assert_eq!(b.events.of("evicted"), 2);
        for slot in (2..n).rev() {
            assert_eq!(acked(b.play(t, &[parts(slot)[0].clone(), parts(slot)[2].clone()])), [(FrameType::Ack, slot)]);
        }
        for slot in [n, n + 1] {
            assert_eq!(acked(b.play(t, &parts(slot)[1..])), [(FrameType::Ack, slot)]);
        }
        // Of the first two nothing is left: they need all parts again.
        assert_eq!(acked(b.play(t, &parts(0)[1..])), []);
        assert_eq!(acked(b.play(t, &parts(0)[..1])), [(FrameType::Ack, 0)]);
        assert_eq!(b.events.of("evicted"), 2);
        // All whole: one more is told BUSY, part by part, and nothing is thrown out.
        b.locks_open = false;
        for slot in 0..n {
            assert_eq!(b.play(t, &Frame::of(slot, 2, slot, &blocks[slot as usize], true)), []);
        }
        let bad = parts(n)[0].with(|f| (f.seq, f.good) = (2, false));
        assert_eq!(b.play(t, &[bad]), []);
        let frames: Vec<Frame> = parts(n).iter().map(|f| f.with(|f| f.seq = 2)).collect();
        assert_eq!(acked(b.play(t, &frames)), [(FrameType::Busy, n); 3]);
        b.locks_open = true;
        assert_eq!(b.play(t, &[]).len(), n as usize);
        assert_eq!(b.events.of("evicted"), 2);
        assert!(b.quiet());
    });
}

/// What is not the peer's to write is not taken, once whole; nothing is locked or written. Where it is the other's, or the
/// epoch is another: NOT_OWNER, with the owner as the directory has it.
#[test]
fn mirror_refuses() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let block = random_block(&mut t.rng);
        let good = Frame::of(4, 1, 7, &block, false);
        type Change = fn(&mut Frame);
        let (refused, own, other) = ((FrameType::Refused, Status::PeerRefused.code()), SITE, 1 - SITE);
        let not_owner = |owner| (FrameType::NotOwner, owner);
        let cases: [(&str, (FrameType, u64), Change); 12] = [
            ("bad_epoch", not_owner(other), |f| f.epoch += 1),
            ("bad_epoch", not_owner(other), |f| f.epoch -= 1),
            ("bad_epoch", not_owner(other), |f| f.epoch ^= 1 << 16),
            ("bad_epoch", not_owner(other), |f| f.request = true),
            ("bad_epoch", not_owner(own), |f| f.lun = OWN_LUN),
            ("bad_epoch", not_owner(own), |f| (f.lun, f.request, f.epoch) = (OWN_LUN, true, f.epoch + 1)),
            ("bad_lun", refused, |f| f.lun = 7),
            ("bad_lun", refused, |f| f.lun = 8),
            ("bad_lun", refused, |f| f.lun = 129),
            ("bad_lun", refused, |f| f.lun = LOCAL_LUN),
            ("bad_lun", refused, |f| f.lba = BLOCKS),
            ("bad_lun", refused, |f| (f.lba, f.request, f.epoch) = (BLOCKS, true, 0)),
        ];
        for (event, (ftype, code), change) in cases {
            let before = b.events.of(event);
            for f in &good {
                b.send(t, f.with(change), 0, 0);
            }
            let seen = b.settle(t);
            let last = seen.iter().filter_map(|s| s.ended.as_ref()).next_back().expect("a frame ended").1;
            let told: Vec<Ctl> = seen.into_iter().filter_map(|s| s.ctl).collect();
            assert_eq!(told, [Ctl { ftype, code, slot: 4, seq: 1, t_ref: last }], "{:?}", good[0].with(change));
            assert_eq!(b.events.of(event), before + 1);
            assert!(b.wanted.is_empty() && b.empty());
        }
        assert_eq!((b.events.seen(), b.claims_seen), (vec![("bad_lun", 6), ("bad_epoch", 6)], 0));
        // The same slot and sequence, put right, is taken.
        assert_eq!(b.play(t, &good).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 4, 1)]);
    });
}

/// With a smaller table than the peer's: its slots beyond are refused, and do not stand for others.
#[test]
fn mirror_refuses_slots_beyond_its_table() {
    trial(|t| {
        let p = Params { slots: 64, period: 128, ..Params::new(64) };
        let mut b = Bench::new(t, &p, Stall::None);
        let block = random_block(&mut t.rng);
        let of = |slot, seq| Frame::of(slot, seq, 7, &block, true);
        assert_eq!(b.play(t, &of(5, 10)).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 5, 10)]);
        for seq in [9, 10, 11] {
            let seen = b.play(t, &of(64 + 5, seq));
            assert_eq!(seen.iter().map(says).collect::<Vec<_>>(), [(FrameType::Refused, 69, seq)]);
        }
        assert_eq!(b.events.seen(), [("bad_lun", 3), ("mirrored", 1)]);
    });
}

/// The store fails: REFUSED, not noted as answered, so that the block is taken again.
#[test]
fn mirror_store_errors() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let block = random_block(&mut t.rng);
        let frames = Frame::of(4, 1, 7, &block, false);
        b.store_fails = 1;
        let seen = b.play(t, &frames);
        assert_eq!(seen.iter().map(says).collect::<Vec<_>>(), [(FrameType::Refused, 4, 1)]);
        assert_eq!(seen[0].code, Status::PeerStoreError.code());
        assert!(b.held.is_empty() && b.quiet());
        b.store_fails = 0;
        assert_eq!(b.play(t, &frames).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 4, 1)]);
        assert_eq!((b.events.seen(), b.resolves), (vec![("mirrored", 1), ("store_error", 1)], 0));
        // A request that the store has failed is over: whoever counts it is told, once.
        let frames = Frame::asks(4, 2, 7, &block, false);
        b.store_fails = 1;
        assert_eq!(b.play(t, &frames).iter().map(says).collect::<Vec<_>>(), [(FrameType::Refused, 4, 2)]);
        assert!(b.empty() && b.resolves == 1);
        b.store_fails = 0;
        assert_eq!(b.play(t, &frames).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 4, 2)]);
        assert_eq!((b.claims_seen, b.resolves), (2, 1));
    });
}

/// Requests: for what this site owns. Where the lock is free, as every block; where it is not, `pending` is asked, and says
/// whether the block may go home.
#[test]
fn mirror_requests() {
    each_width(|t, p| {
        for jumbo in [false, true] {
            let mut b = Bench::new(t, p, Stall::None);
            let block = random_block(&mut t.rng);
            let frames = Frame::asks(4, 1, 7, &block, jumbo);
            let again = Frame::asks(4, 2, 7, &block, jumbo);
            let ack = |seq| vec![(FrameType::Ack, 4, seq)];
            assert_eq!(b.play(t, &frames).iter().map(says).collect::<Vec<_>>(), ack(1));
            assert_eq!((b.asked.len(), b.handed.pop()), (0, Some((4, 1, OWN_LUN, 7))));
            b.nacks = 1;
            assert_eq!(b.play(t, &again), [], "it is answered by whoever was asked");
            assert!(b.held.is_empty() && b.quiet() && b.handed.is_empty());
            b.goes = 1;
            assert_eq!(b.play(t, &again).iter().map(says).collect::<Vec<_>>(), ack(2));
            assert_eq!((&b.asked[..], b.handed.pop()), (&[(4, 2), (4, 2)][..], Some((4, 2, OWN_LUN, 7))));
            // A request for what the peer owns, a WRITE to what this site owns.
            for frames in [Frame::of(5, 1, 9, &block, jumbo), Frame::asks(5, 1, 9, &block, jumbo)] {
                let wrong: Vec<_> = frames.iter().map(|f| f.with(|f| f.request = !f.request)).collect();
                assert_eq!(b.play(t, &wrong).iter().map(says).collect::<Vec<_>>(), [(FrameType::NotOwner, 5, 1)]);
            }
            assert!(b.empty() && b.claims_seen == 2);
            assert_eq!(b.events.seen(), [("bad_epoch", 2), ("mirrored", 2)]);
        }
    });
}

/// A request that has its lock, granted or handed over, is not admitted: NOT_OWNER with the time of its last part, its lock is
/// given back, its buffer is free, and nothing of it is remembered.
#[test]
fn mirror_requests_are_not_admitted() {
    each_width(|t, p| {
        for nacks in [0, 1] {
            let mut b = Bench::new(t, p, Stall::Quarter);
            let n = p.mirror_bufs as u64;
            (b.nacks, b.goes, b.delay) = (nacks, 1, 50);
            let blocks: Vec<Vec<u8>> = (0..n).map(|_| random_block(&mut t.rng)).collect();
            let of = |slot: u64| Frame::asks(slot, 1, slot, &blocks[slot as usize], slot.is_multiple_of(2));
            for round in 1..4 {
                // All buffers at once, which have to be free again.
                b.refusals = 1;
                (0..n).flat_map(of).for_each(|f| b.send(t, f, 0, 0));
                let mut ends = std::collections::HashMap::new();
                let mut told = Vec::new();
                for s in b.settle(t) {
                    assert!(s.homed.is_none());
                    ends.extend(s.ended.map(|(f, at)| (f.slot, at)));
                    told.extend(s.ctl);
                }
                told.sort_by_key(|c| c.slot);
                let want = |slot| Ctl { ftype: FrameType::NotOwner, code: 1 - SITE, slot, seq: 1, t_ref: ends[&slot] };
                assert_eq!(told, (0..n).map(want).collect::<Vec<_>>());
                assert!(b.empty() && b.claims_seen == round * n);
            }
            b.refusals = 0;
            let acks = b.play(t, &(0..n).flat_map(of).collect::<Vec<_>>());
            assert!(acks.len() == n as usize && acks.iter().all(|c| c.ftype == FrameType::Ack));
            assert_eq!((b.events.seen(), b.resolves), (vec![("mirrored", n)], 0));
            assert!(b.empty());
        }
    });
}

/// The link ends between a claim and its answer. What is admitted goes home and is handed over, or resolved where the store
/// fails, and what is not is forgotten: neither is told, in this generation or the next.
#[test]
fn mirror_link_ends_under_a_claim() {
    each_width(|t, p| {
        for down in [true, false] {
            for (refusals, store_fails) in [(0, 0), (0, 1), (1, 0)] {
                let mut b = Bench::new(t, p, Stall::None);
                let block = random_block(&mut t.rng);
                let frames = Frame::asks(4, 1, 7, &block, false);
                b.claims_open = false;
                b.play(t, &frames);
                assert_eq!((b.claims_seen, b.held.len()), (1, 1));
                if down {
                    b.dut.poke("link_ok", 0);
                } else {
                    b.dut.poke("generation", 10);
                }
                b.settle(t);
                if t.rng.one_in(2) {
                    b.dut.poke("link_ok", 1);
                    b.dut.poke("generation", 10);
                    b.settle(t);
                }
                (b.claims_open, b.refusals, b.store_fails) = (true, refusals, store_fails);
                let seen = b.settle(t);
                assert!(seen.iter().all(|s| s.ctl.is_none()), "it is not told");
                let homed = seen.iter().filter(|s| s.homed.is_some()).count() as u64;
                assert_eq!(homed, 1 - refusals);
                assert_eq!((b.handed.len() as u64, b.resolves), (homed - store_fails, store_fails));
                assert!(b.empty());
                // It is as good as new in the next link.
                b.dut.poke("link_ok", 1);
                b.dut.poke("generation", 10);
                (b.refusals, b.store_fails) = (0, 0);
                b.settle(t);
                assert_eq!(b.play(t, &frames).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 4, 1)]);
            }
        }
    });
}

/// The link ends under a request: one that is at the store is handed over with its lock, unanswered, for nobody may see it
/// before the peer has it; one that has not gone home is forgotten, and its lock given back.
#[test]
fn mirror_link_ends_under_a_request() {
    each_width(|t, p| {
        for (nacks, goes) in [(0, 0), (1, 1), (1, 0)] {
            let mut b = Bench::new(t, p, Stall::None);
            let block = random_block(&mut t.rng);
            b.store_open = false;
            b.play(t, &Frame::asks(4, 1, 7, &block, false));
            b.locks_open = false;
            (b.nacks, b.goes) = (nacks, goes);
            b.play(t, &Frame::asks(5, 1, 8, &block, false));
            b.dut.poke("link_ok", 0);
            b.play(t, &[]);
            (b.store_open, b.locks_open) = (true, true);
            let seen = b.settle(t);
            assert!(
                seen.iter().all(|s| s.ctl.is_none() && s.homed.is_none()),
                "nothing is answered, nothing goes home"
            );
            assert_eq!(b.handed, [(4, 1, OWN_LUN, 7)]);
            assert!(b.empty() && b.asked.is_empty());
            assert_eq!((b.claims_seen, b.resolves), (1, 0), "nobody need be told of one that was not admitted");
        }
    });
}

/// The link ends, or gets another generation, between and inside frames: what is unfinished is forgotten, what is whole
/// goes home and is not answered, and the table knows nothing of the new generation.
#[test]
fn mirror_link_ends() {
    each_width(|t, p| {
        for (down, inside) in [(true, false), (true, true), (false, false), (false, true)] {
            let mut b = Bench::new(t, p, Stall::None);
            let blocks: Vec<Vec<u8>> = (0..4).map(|_| random_block(&mut t.rng)).collect();
            let of = |slot: u64| Frame::of(slot, 7, slot, &blocks[slot as usize], false);
            assert_eq!(b.play(t, &of(0)).len(), 1);
            b.store_open = false;
            b.play(t, &of(1));
            b.play(t, &of(2)[..2]);
            if inside {
                b.send(t, of(2)[2].clone(), 0, 0);
                let until = t.rng.below(p.block_beats() as u64 / 4);
                (0..until).for_each(|_| drop(b.cycle(t)));
            }
            if down {
                b.dut.poke("link_ok", 0);
            } else {
                b.dut.poke("generation", 10);
            }
            b.settle(t);
            b.dut.poke("generation", 10);
            b.dut.poke("link_ok", 1);
            b.settle(t);
            b.store_open = true;
            assert_eq!(b.play(t, &[]), [], "whole blocks of the old link are not answered");
            assert!(b.quiet() && b.held.is_empty());
            assert_eq!(b.events.of("mirrored"), 2);
            // One part is not enough now; and blocks that were answered before are new.
            assert_eq!(b.play(t, &of(2)[2..]), []);
            for slot in [0, 1, 3] {
                assert_eq!(b.play(t, &of(slot)).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, slot, 7)]);
            }
            assert_eq!(b.play(t, &of(2)[..2]).iter().map(says).collect::<Vec<_>>(), [(FrameType::Ack, 2, 7)]);
            assert_eq!(b.events.seen(), [("mirrored", 6)]);
        }
    });
}

/// Short frames that cannot leave: those that the peer would ask for again are dropped and counted, the end of a block
/// waits.
#[test]
fn mirror_short_frames_wait() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let block = random_block(&mut t.rng);
        let parts = Frame::of(1, 1, 1, &block, false);
        assert_eq!(b.play(t, &parts).len(), 1);
        b.ctl_open = false;
        // 64 fill the FIFO.
        (0..70).for_each(|_| drop(b.play(t, &parts[2..])));
        assert_eq!(b.events.of("overrun"), 6);
        b.play(t, &Frame::of(2, 1, 2, &block, true));
        assert!(!b.held.is_empty() && !b.quiet(), "the lock is kept until the ACK has a place");
        b.ctl_open = true;
        let seen = b.play(t, &[]);
        assert_eq!(seen.len(), 65);
        assert_eq!(says(&seen[64]), (FrameType::Ack, 2, 1));
        assert!(b.held.is_empty() && b.quiet());
        assert_eq!(b.events.of("mirrored"), 2);
    });
}

/// Whole blocks back to back at line rate: none is lost while store and locks keep up.
#[test]
fn mirror_line_rate() {
    each_width(|t, p| {
        for jumbo in [true, false] {
            let mut b = Bench::new(t, p, Stall::None);
            let blocks: Vec<Vec<u8>> = (0..60).map(|_| random_block(&mut t.rng)).collect();
            for (slot, block) in blocks.iter().enumerate() {
                for f in Frame::of(slot as u64, 1, slot as u64, block, jumbo) {
                    b.send(t, f, 0, 0);
                }
            }
            let seen = b.settle(t);
            let homed: Vec<_> = seen.iter().filter_map(|s| s.homed.as_ref()).map(|h| &h.bytes).collect();
            assert!(homed == blocks.iter().collect::<Vec<_>>(), "every block, in order");
            assert_eq!(b.events.seen(), [("mirrored", 60)]);
        }
    });
}

/// The latencies that the block's page gives.
#[test]
fn mirror_latency() {
    each_width(|t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let block = random_block(&mut t.rng);
        let frames = Frame::of(1, 1, 1, &block, true);
        let seen: Vec<Seen> = {
            frames.iter().for_each(|f| b.send(t, f.clone(), 0, 0));
            b.settle(t)
        };
        assert_eq!(b.asked_at - b.ended_at, 1, "end to m_lock");
        let done = seen.iter().position(|s| s.done.is_some()).expect("the store answers");
        let ctl = seen.iter().position(|s| s.ctl.is_some()).expect("an ACK");
        assert_eq!(ctl - done, 2, "store's answer to m_ctl");
    });
}

/// A sender that repeats until it is acknowledged, over a line that loses, doubles, reorders, delays and corrupts: in the
/// end the store holds the last write of each block, and nothing was applied after it had been acknowledged.
#[test]
fn mirror_with_a_bad_line() {
    each_width(|t, p| {
        for (stall, jumbo, mirror_bufs, request) in [
            (Stall::None, false, 8, false),
            (Stall::Quarter, true, 4, false),
            (Stall::Random, false, 4, false),
            (Stall::Quarter, false, 4, true),
        ] {
            let p = &Params { mirror_bufs, ..p.clone() };
            let mut b = Bench::new(t, p, stall);
            (b.delay, b.store_fails, b.nacks, b.goes, b.refusals) = (300, 9, 3, 2, 4);
            let line = Line { loss: 12, double: 8, corrupt: 12, old: 6, jumbo, request, lost_answers: 6 };
            let mut peer = Peer::new(t, 24, line);
            peer.run(t, &mut b, 120);
            b.delay = 0;
            assert!(b.empty() && b.wanted.is_empty());
            assert_eq!(peer.turned_away > 5, request, "{} requests were not admitted", peer.turned_away);
            assert_eq!(b.resolves > 2, request, "{} requests that the store has failed", b.resolves);
            let seen: Vec<&str> = b.events.seen().iter().map(|e| e.0).collect();
            for name in ["stale", "duplicate", "evicted", "mirrored", "store_error"] {
                let may_miss = name == "evicted" && (jumbo || mirror_bufs == 8 || request);
                assert!(may_miss || seen.contains(&name), "{name} never happened");
            }
            assert_eq!(b.events.of("overrun") + b.events.of("bad_lun") + b.events.of("bad_epoch"), 0);
        }
    });
}
