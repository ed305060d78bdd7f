//! Writes at the site that does not own the block: requested of the owner, one round trip.

use std::time::Duration;

use dyad_driver::Mtu;
use dyad_driver::backing::Backing;
use dyad_sim::Site;
use dyad_spec::counters::Counter;
use dyad_tests::system::{LUN, Pair, Setup, pattern};

fn requested_writes_reach_both_stores(data_w: usize, mtu: Mtu) {
    let mut pair = Pair::new(&Setup::new(data_w, mtu));
    for (version, lba) in [0, 1, 7, 1023, 0].into_iter().enumerate() {
        let data = pattern(lba, version as u64);
        pair.qb.write(LUN, lba, &data).unwrap_or_else(|error| panic!("write at B: {error}\n{}", pair.counters()));
        assert!(pair.stored(Site::A, lba) == data, "store at A, block {lba}");
        assert!(pair.stored(Site::B, lba) == data, "store at B, block {lba}");
        for queue in [&mut pair.qa, &mut pair.qb] {
            let mut read = vec![0; 4096];
            queue.read(LUN, lba, &mut read).expect("read");
            assert!(read == data, "read, block {lba}");
        }
    }
    let (a, b) = (pair.a.device(), pair.b.device());
    let frames = if mtu == Mtu::Jumbo { 5 } else { 15 };
    assert_eq!((a.counter(Counter::blocks_mirrored), b.counter(Counter::tx_request)), (5, frames));
    assert_eq!((b.counter(Counter::tx_write), a.counter(Counter::tx_request)), (0, 0));
    pair.check_rules();
}

#[test]
fn requests_64_jumbo() {
    requested_writes_reach_both_stores(64, Mtu::Jumbo);
}

#[test]
fn requests_64_standard() {
    requested_writes_reach_both_stores(64, Mtu::Standard);
}

#[test]
fn requests_512_jumbo() {
    requested_writes_reach_both_stores(512, Mtu::Jumbo);
}

#[test]
fn requests_512_standard() {
    requested_writes_reach_both_stores(512, Mtu::Standard);
}

/// Cycles from the doorbell to the completion of a write at B of a block that A owns, at 100 km.
fn cycles_of_a_request(pair: &mut Pair, lba: u64) -> u64 {
    let buffer = pair.bench.backing(Site::B).dma_alloc(4096).expect("a buffer");
    buffer.write_at(0, &pattern(lba, 9));
    let begun = pair.bench.world().cycle();
    pair.qb.submit_write(LUN, lba, 1, &buffer.slice(0..4096)).expect("room");
    pair.qb.ring();
    while pair.qb.poll().expect("the card is there").is_none() {
        pair.bench.world_mut().run(1);
    }
    pair.bench.world().cycle() - begun
}

/// One round trip, as for a write at the owner; one more for a write of the owner's that came first.
#[test]
fn a_request_takes_one_round_trip() {
    let setup = Setup { km: 100.0, resend: Duration::from_millis(4), ..Setup::new(64, Mtu::Jumbo) };
    let mut pair = Pair::new(&setup);
    let round_trip = 2 * pair.bench.world().config().delay_cycles();
    let alone = cycles_of_a_request(&mut pair, 7);
    assert!((round_trip..round_trip + 2500).contains(&alone), "{alone} cycles, {round_trip} a round trip");
    // A's write of the block is under way, and has the lock.
    let buffer = pair.bench.backing(Site::A).dma_alloc(4096).expect("a buffer");
    buffer.write_at(0, &pattern(7, 1));
    pair.qa.submit_write(LUN, 7, 1, &buffer.slice(0..4096)).expect("room");
    pair.qa.ring();
    let behind = cycles_of_a_request(&mut pair, 7);
    assert!((2 * round_trip..2 * round_trip + 5000).contains(&behind), "{behind} cycles, {round_trip} a round trip");
    assert!(pair.stored(Site::A, 7) == pattern(7, 9) && pair.stored(Site::B, 7) == pattern(7, 9), "B's came last");
    assert_eq!(pair.a.device().counter(Counter::turns_kept), 1);
    // What is at rest is read with no message.
    let frames = |pair: &Pair| {
        [&pair.a, &pair.b]
            .map(|site| site.device().counter(Counter::tx_frames) + site.device().counter(Counter::rx_frames))
    };
    pair.bench.world_mut().run(4 * round_trip);
    let before = frames(&pair);
    let mut read = vec![0; 4096];
    pair.qb.read(LUN, 7, &mut read).expect("a read");
    assert!(read == pattern(7, 9) && frames(&pair) == before, "a read of a block at rest sends nothing");
}
