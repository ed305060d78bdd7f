//! The scenarios that break designs that look right, by name, on the model.

mod pair;

use dyad_model::protocol::{Block, Config, Epoch, Frame, Kind, Mutation, Op, Status, StoreOp, WHOLE};
use pair::{Pair, read, write};

const ACQUIRE: Op = Op::Acquire { lba: 0, lun: false };

fn one_block() -> Pair {
    Pair::new(Config::small(4, 1, 0), &[0])
}

#[test]
fn both_sites_write_one_block_while_the_messages_of_an_owner_change_are_lost() {
    for lost in [Kind::OwnReq, Kind::Grant, Kind::Taken, Kind::NotOwner] {
        let mut p = one_block();
        let cmds = [p.submit(0, write(0, 1)), p.submit(1, write(0, 2)), p.submit(1, ACQUIRE), p.submit(0, write(0, 3))];
        for _ in 0..6 {
            for site in 0..2 {
                p.take(site, lost);
                p.answer(site);
                p.deliver(site);
                p.scan(site);
            }
        }
        p.settle();
        assert!(cmds.iter().all(|c| p.status(*c) == Some(Status::Ok)), "{lost:?} lost");
        assert_eq!(p.sites[0].directory().lookup(0), p.sites[1].directory().lookup(0));
    }
}

#[test]
fn a_request_whose_payload_faults_half_way_writes_nothing() {
    let mut p = Pair::new(Config { parts: 3, ..Config::small(4, 1, 0) }, &[0]);
    let cmd = p.submit(1, Op::Write { lba: 0, data: Block::of(9), fault: Some(2) });
    assert_eq!(p.status(cmd), Some(Status::DmaReadFault));
    assert_eq!(p.frames[0].len(), 2);
    let good = p.submit(1, write(0, 1));
    p.settle();
    assert_eq!((p.status(good), p.value(0, 0), p.value(1, 0)), (Some(Status::Ok), Some(1), Some(1)));
    assert_eq!(p.look(0, 0), Some(1));
}

#[test]
fn a_write_waits_on_a_lock_while_its_extent_changes_owner() {
    let mut p = one_block();
    let first = p.submit(0, write(0, 1));
    let waits = p.submit(0, write(0, 2));
    let taken = p.submit(1, ACQUIRE);
    p.deliver_where(0, |f| f.kind == Kind::OwnReq);
    // The extent drains with the first write; the second has not been admitted and is requested of the new owner.
    p.answer(0);
    p.deliver(1);
    p.answer(1);
    p.deliver_where(0, |f| f.kind == Kind::Ack);
    p.deliver_where(1, |f| f.kind == Kind::Grant);
    assert_eq!((p.status(first), p.status(waits)), (Some(Status::Ok), None));
    p.settle();
    assert_eq!((p.status(waits), p.status(taken)), (Some(Status::Ok), Some(Status::Ok)));
    assert_eq!(p.value(1, 0), Some(2));
    assert_eq!(p.sites[1].directory().lookup(0).owner, 1);
}

#[test]
fn a_refusal_arrives_after_the_local_home_write() {
    let mut p = one_block();
    p.sites[1].set_live(false);
    let cmd = p.submit(0, write(0, 1));
    p.answer(0);
    p.deliver(1);
    p.deliver(0);
    assert_eq!(p.status(cmd), Some(Status::NotLive));
    // The block is written here alone: nobody may see it before both have it.
    let look = p.submit(0, read(0));
    p.answer(0);
    assert_eq!(p.status(look), None);
    p.sites[1].set_live(true);
    p.settle();
    assert_eq!((p.value(1, 0), p.done[&look].1), (Some(1), Some(Block::of(1))));
}

#[test]
fn link_up_with_writes_unresolved() {
    let mut p = Pair::new(Config::small(4, 2, 0), &[0, 0]);
    let own = p.submit(0, write(0, 1));
    let asked = p.submit(1, write(1, 2));
    // The owner's write has reached its own store alone; the request is admitted, and its ACK lost.
    p.answer(0);
    p.deliver(0);
    p.answer(0);
    p.relink();
    assert_eq!((p.status(own), p.status(asked)), (None, None));
    p.settle();
    assert_eq!((p.status(own), p.status(asked)), (Some(Status::Ok), Some(Status::Ok)));
    assert_eq!((p.value(1, 0), p.value(1, 1)), (Some(1), Some(2)));
}

#[test]
fn a_resend_asked_for_before_the_store_has_answered() {
    let mut p = one_block();
    p.submit(0, write(0, 1));
    p.frames[1].clear();
    p.scan(0);
    assert!(p.frames[1].is_empty(), "nothing may be read before the store has answered");
    assert!(p.pending[0].iter().all(|(_, op)| !matches!(op, StoreOp::Read(_))));
    p.answer(0);
    p.scan(0);
    p.answer(0);
    assert_eq!(p.take(1, Kind::Write).pop().map(|f| f.data), Some(Block::of(1)));
    p.settle();
}

#[test]
fn lun_generation_changes_with_writes_in_flight_and_wraps() {
    let cfg = Config { lun_max: 3, ..Config::small(4, 2, 0) };
    let mut p = Pair::new(cfg, &[0, 1]);
    for round in 0..2u32 {
        let taker = 1 - round as usize;
        let writes = [p.submit(0, write(0, 10 + round)), p.submit(1, write(1, 20 + round))];
        let take = p.submit(taker, Op::Acquire { lba: 0, lun: true });
        p.deliver(1 - taker);
        p.settle();
        assert!(writes.iter().chain([&take]).all(|c| p.status(*c) == Some(Status::Ok)));
        assert!((0..2).all(|x| usize::from(p.sites[0].directory().lookup(x).owner) == taker));
    }
    // The generation is used up: refused, until the numbers are renewed at a link-up.
    let spent = p.submit(1, Op::Acquire { lba: 0, lun: true });
    p.settle();
    assert_eq!(p.status(spent), Some(Status::EpochSpent));
}

#[test]
fn a_burst_of_64_blocks_from_the_other_site() {
    let mut p = Pair::new(Config { bufs: 4, ..Config::small(64, 64, 6) }, &[0]);
    let cmds: Vec<u32> = (0..64).map(|n| p.submit(1, write(n, 100 + n))).collect();
    p.settle();
    assert!(cmds.iter().all(|c| p.status(*c) == Some(Status::Ok)));
    assert!(p.sites[0].stats().busy > 0, "four buffers can't hold it all");
    assert!((0..64).all(|n| p.value(0, n) == Some(100 + n)));
}

#[test]
fn a_commit_is_lost_with_no_later_frame_to_carry_it() {
    let mut p = one_block();
    p.submit(0, write(0, 1));
    p.answer(0);
    p.deliver(1);
    p.answer(1);
    p.deliver(0);
    p.scan(0);
    assert_eq!(p.take(1, Kind::Commit).len(), 1);
    // A reader at the mirror asks for it.
    let look = p.submit(1, read(0));
    assert_eq!(p.frames[0].last().map(|f| f.kind), Some(Kind::Ask));
    p.settle();
    assert_eq!(p.done[&look].1, Some(Block::of(1)));
}

#[test]
fn a_commit_of_an_old_use_of_a_slot_arrives_late() {
    let mut p = Pair::new(Config::small(1, 1, 0), &[0]);
    p.submit(0, write(0, 1));
    p.settle();
    p.scan(0);
    let mut late = p.take(1, Kind::Commit);
    late.push(Frame { slot: 0, seq: 1, link: 1, ..Frame::new(Kind::Commit) });
    // The slot's next use, pending at the mirror and not complete.
    p.submit(0, write(0, 2));
    p.deliver(1);
    p.answer(1);
    for f in late {
        p.receive(1, &f);
    }
    let look = p.submit(1, read(0));
    p.answer(1);
    assert_eq!(p.status(look), None, "a late COMMIT must not end the wait for another write");
    p.settle();
    assert_eq!(p.done[&look].1, Some(Block::of(2)));
}

#[test]
fn two_blocks_of_one_lock_table_set_written_from_both_sites() {
    let mut p = Pair::new(Config { buckets: 1, ..Config::small(2, 2, 0) }, &[0, 1]);
    let cmds = [p.submit(0, write(0, 1)), p.submit(0, write(1, 2)), p.submit(1, write(0, 3)), p.submit(1, write(1, 4))];
    p.settle();
    assert!(cmds.iter().all(|c| p.status(*c) == Some(Status::Ok)));
}

#[test]
fn the_first_of_three_frames_arrives_and_the_rest_never() {
    let mut p = Pair::new(Config { parts: 3, bufs: 1, ..Config::small(4, 2, 0) }, &[0, 0]);
    p.submit(0, write(0, 1));
    p.deliver_where(1, |f| f.part == 0);
    p.frames[1].clear();
    let look = p.submit(1, read(0));
    p.answer(1);
    assert_eq!(p.done[&look].1, Some(Block::ZERO), "nothing of it may show");
    // The only buffer is half-filled; another block needs it.
    let other = p.submit(0, write(1, 2));
    p.deliver(1);
    p.answer(1);
    assert_eq!(p.value(1, 1), Some(2));
    p.settle();
    assert_eq!(p.status(other), Some(Status::Ok));
    assert_eq!(p.sites[1].stats().evicted, 1);
    assert_eq!(p.value(1, 0), Some(1));
}

#[test]
fn buffers_are_all_half_filled() {
    let mut p = Pair::new(Config { parts: 3, bufs: 2, ..Config::small(8, 8, 3) }, &[0]);
    let cmds: Vec<u32> = (0..8).map(|n| p.submit(0, write(n, 1 + n))).collect();
    p.deliver_where(1, |f| f.part == 1);
    p.frames[1].clear();
    p.settle();
    assert!(cmds.iter().all(|c| p.status(*c) == Some(Status::Ok)));
    assert!(p.sites[1].stats().evicted >= 6);
}

#[test]
fn a_compare_and_write_is_repeated_after_a_lost_answer() {
    let swap = |expect, value| Op::CompareWrite { lba: 0, expect: Block::of(expect), data: Block::of(value) };
    // One that takes place: decided once, though by the second decision it would not.
    let mut p = one_block();
    let cmd = p.submit(1, swap(0, 1));
    p.deliver(0);
    p.answer(0);
    assert_eq!(p.take(1, Kind::Ack).len(), 1);
    p.settle();
    assert_eq!((p.status(cmd), p.value(0, 0)), (Some(Status::Ok), Some(1)));
    // One that does not: a repeat gets the same answer, although the block holds by then what it expects.
    let miss = p.submit(1, swap(7, 8));
    p.deliver(0);
    p.answer(0);
    assert_eq!(p.take(1, Kind::Refused).len(), 1);
    let seven = p.submit(0, write(0, 7));
    p.settle();
    assert_eq!((p.status(miss), p.status(seven)), (Some(Status::Miscompare), Some(Status::Ok)));
    assert_eq!(p.value(1, 0), Some(7));
}

#[test]
fn forged_and_stale_frames_have_no_effect() {
    let mut p = one_block();
    p.submit(0, write(0, 1));
    p.settle();
    let epoch = |lun, ext| Epoch { lun, ext };
    let f = |kind| Frame { link: 1, ..Frame::new(kind) };
    let forged = [
        Frame { slot: 3, seq: 9, ..f(Kind::Ack) },
        Frame { slot: 3, seq: 9, ..f(Kind::Commit) },
        Frame { slot: 3, seq: 9, code: 3, ..f(Kind::Refused) },
        Frame { slot: 3, seq: 9, ..f(Kind::Busy) },
        Frame { epoch: epoch(1, 1), ..f(Kind::Grant) },
        Frame { epoch: epoch(1, 7), ..f(Kind::Grant) },
        Frame { epoch: epoch(2, 0), code: 1, ..f(Kind::Grant) },
        Frame { epoch: epoch(1, 7), ..f(Kind::Taken) },
        Frame { link: 2, seq: 5, epoch: epoch(1, 0), ..f(Kind::Write) },
        Frame { seq: 5, epoch: epoch(1, 0), data: Block::of(66), ..f(Kind::Write) },
        Frame { seq: 5, epoch: epoch(9, 0), data: Block::of(66), ..f(Kind::Request) },
        Frame { slot: 99, ..f(Kind::Ack) },
        Frame { lba: 1, ..f(Kind::Write) },
        Frame { part: 1, seq: 6, ..f(Kind::Write) },
    ];
    let before = *p.sites[0].stats();
    for f in forged {
        // At the owner: a GRANT of what it owns, a WRITE from the other site, and so on.
        p.receive(0, &f);
    }
    let after = *p.sites[0].stats();
    assert_eq!(after.bad_generation - before.bad_generation, 1);
    assert_eq!(after.bad_slot - before.bad_slot, 3);
    assert!(after.unexpected - before.unexpected >= 7, "{after:?}");
    assert_eq!(after.not_owner - before.not_owner, 2);
    p.frames = [vec![], vec![]];
    assert_eq!(p.sites[0].directory().lookup(0), p.sites[1].directory().lookup(0));
    assert_eq!((p.look(0, 0), p.look(1, 0)), (Some(1), Some(1)));
}

#[test]
fn a_peer_that_answers_nothing() {
    let cfg = Config { repeats: 3, ..Config::small(4, 1, 0) };
    let mut p = Pair::new(cfg, &[0]);
    let cmd = p.submit(0, write(0, 1));
    p.answer(0);
    for _ in 0..8 {
        p.scan(0);
        p.answer(0);
        p.frames = [vec![], vec![]];
    }
    assert_eq!((p.status(cmd), p.sites[0].is_up()), (Some(Status::PeerTimeout), false));
    p.relink();
    p.settle();
    assert_eq!(p.look(1, 0), Some(1), "resolved after the link-up");
}

#[test]
fn a_command_that_ends_early_leaves_its_block_locked() {
    let mut p = one_block();
    let cmd = p.submit(0, write(0, 1));
    p.answer(0);
    p.expire(0, 0);
    assert_eq!(p.status(cmd), Some(Status::PeerTimeout));
    let look = p.submit(0, read(0));
    p.answer(0);
    assert_eq!(p.status(look), None);
    p.settle();
    assert_eq!(p.done[&look].1, Some(Block::of(1)));
}

/// Writes of the owner's that complete while a request of the other site waits for its turn.
fn owner_writes_before_the_request(mutation: Option<Mutation>) -> usize {
    let mut p = Pair::new(Config { mutation, ..Config::small(8, 1, 0) }, &[0]);
    let mut value = 1;
    let mut own = |p: &mut Pair| {
        value += 1;
        while p.sites[0].has_room() && value < 1000 {
            p.submit(0, write(0, value));
            value += 1;
        }
    };
    own(&mut p);
    let cmd = p.submit(1, write(0, 1));
    for _ in 0..200 {
        for site in 0..2 {
            p.answer(site);
            p.deliver(site);
        }
        own(&mut p);
        p.scan(0);
        p.scan(1);
        if let Some(at) = p.order.iter().position(|c| *c == cmd) {
            return at;
        }
    }
    usize::MAX
}

#[test]
fn a_request_that_found_the_block_busy_gets_the_next_turn() {
    // Before it: at most the writes that were waiting when it came, one for each of the owner's slots.
    let before = owner_writes_before_the_request(None);
    assert!(before <= 8, "{before} writes of the owner's went before the request");
    let without = owner_writes_before_the_request(Some(Mutation::NoTurn));
    assert!(without > 50, "without turns only {without} writes went before it");
}

#[test]
fn readers_are_not_starved_by_writers_nor_writers_by_readers() {
    let mut p = Pair::new(Config::small(8, 1, 0), &[0]);
    let mut order = Vec::new();
    for n in 0..8 {
        order.push(p.submit(0, if n % 2 == 0 { write(0, n + 1) } else { read(0) }));
    }
    p.settle();
    let ends: Vec<u32> = p.order.clone();
    assert_eq!(ends, order, "one block's operations go in order of arrival");
    assert_eq!(WHOLE, 0xff);
}

#[test]
fn costs_in_round_trips() {
    // Half round trips of: a write at the owner, a write at the other site, reads of a block at rest.
    let mut p = one_block();
    let own = p.submit(0, write(0, 1));
    assert_eq!(p.half_round_trips(own), 2);
    p.settle();
    let request = p.submit(1, write(0, 2));
    assert_eq!(p.half_round_trips(request), 2);
    p.scan(1);
    p.half_round_trip();
    for site in 0..2 {
        let look = p.submit(site, read(0));
        p.answer(site);
        assert!(p.status(look).is_some(), "a read of a block at rest takes no message");
    }
    // Both at once: the owner's goes first, and the other takes one more round trip.
    let (own, request) = (p.submit(0, write(0, 3)), p.submit(1, write(0, 4)));
    assert_eq!((p.half_round_trips(own), p.half_round_trips(request)), (2, 2), "2, and 2 more");
    p.settle();
    // Change of owner: idle, and with a write under way.
    let take = p.submit(1, ACQUIRE);
    assert_eq!(p.half_round_trips(take), 2);
    p.settle();
    let (busy, take) = (p.submit(1, write(0, 5)), p.submit(0, ACQUIRE));
    assert_eq!((p.half_round_trips(busy), p.half_round_trips(take)), (2, 1), "2, and 1 more");
}
