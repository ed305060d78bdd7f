//! WRITE_ZEROES and TRIM: blocks become zeroes at both sites, from either, with short frames and nothing read from the host.

use std::time::Duration;

use dyad_driver::{Error, Mtu, Status};
use dyad_sim::Site;
use dyad_spec::BLOCK_BYTES;
use dyad_spec::counters::Counter;
use dyad_tests::system::{LUN, Pair, Setup, pattern};

/// Blocks that hold something before, with a block on either side that must stay.
const FIRST: u64 = 5;
const COUNT: u64 = 150;

fn filled(setup: &Setup) -> Pair {
    let mut pair = Pair::new(setup);
    for lba in FIRST - 1..=FIRST + COUNT {
        pair.qa.write(LUN, lba, &pattern(lba, 1)).expect("write");
    }
    pair
}

/// All of the range reads as zeroes at both sites, what is around it as it was.
fn zeroed(pair: &mut Pair) {
    for site in [Site::A, Site::B] {
        for lba in FIRST - 1..=FIRST + COUNT {
            let inside = (FIRST..FIRST + COUNT).contains(&lba);
            let want = if inside { vec![0; BLOCK_BYTES] } else { pattern(lba, 1) };
            assert!(pair.stored(site, lba) == want, "store at {site}, block {lba}");
        }
    }
    for queue in [&mut pair.qa, &mut pair.qb] {
        let mut read = vec![1; BLOCK_BYTES];
        queue.read(LUN, FIRST + COUNT - 1, &mut read).expect("read");
        assert!(read == vec![0; BLOCK_BYTES]);
    }
}

/// From the site that owns the blocks, and from the other: one frame a block whatever the MTU, and no payload from the host.
#[test]
fn zeroes_reach_both_stores() {
    for (data_w, mtu) in [(64, Mtu::Jumbo), (64, Mtu::Standard), (512, Mtu::Jumbo), (512, Mtu::Standard)] {
        for from in [Site::A, Site::B] {
            let mut pair = filled(&Setup::new(data_w, mtu));
            let read_bytes =
                |pair: &Pair| pair.bench.world().site(from).host_bus.counts().read_beats * data_w as u64 / 8;
            let sent = |pair: &Pair| {
                let device = [&pair.a, &pair.b][from as usize].device();
                [Counter::tx_zeroes, Counter::tx_write, Counter::tx_request].map(|counter| device.counter(counter))
            };
            let (before, bytes) = (sent(&pair), read_bytes(&pair));
            let queue = if from == Site::A { &mut pair.qa } else { &mut pair.qb };
            if data_w == 64 {
                queue.write_zeroes(LUN, FIRST, COUNT).expect("WRITE_ZEROES");
            } else {
                queue.trim(LUN, FIRST, COUNT).expect("TRIM");
            }
            let after = sent(&pair);
            assert_eq!(after[0], COUNT as u32, "{data_w} {mtu:?} {from}");
            // A block for which the other site had no buffer comes again with its data.
            let again = after[1] + after[2] - before[1] - before[2];
            assert!(again < COUNT as u32 / 10, "{data_w} {mtu:?} {from}: {again}");
            // The three submissions, whose fetches may take entries that are not there yet.
            assert!(read_bytes(&pair) - bytes < BLOCK_BYTES as u64, "{data_w} {mtu:?} {from}");
            zeroed(&mut pair);
            pair.check_rules();
        }
    }
}

/// A frame that is lost comes again, as any block that is sent again: from the local store.
#[test]
fn lost_zeroes_are_sent_again() {
    for from in [Site::A, Site::B] {
        let mut pair =
            filled(&Setup { resend: Duration::from_micros(100), resend_limit: 15, ..Setup::new(64, Mtu::Jumbo) });
        for site in [Site::A, Site::B] {
            pair.bench.world_mut().wire_mut(site).config_mut().loss = 0.1;
        }
        let queue = if from == Site::A { &mut pair.qa } else { &mut pair.qb };
        queue.write_zeroes(LUN, FIRST, COUNT).unwrap_or_else(|error| panic!("{error}"));
        for site in [Site::A, Site::B] {
            pair.bench.world_mut().wire_mut(site).config_mut().loss = 0.0;
        }
        let device = [&pair.a, &pair.b][from as usize].device();
        assert!(device.counter(Counter::blocks_resent) > 0, "nothing was lost");
        pair.bench.world_mut().run(1_000_000);
        zeroed(&mut pair);
    }
}

/// What is wrong gets a status, at the block where it begins to be wrong; and no number of blocks is too large to be told so.
#[test]
fn zeroes_past_the_end_are_refused() {
    let mut pair = filled(&Setup::new(64, Mtu::Jumbo));
    let status = |result: Result<(), Error>| match result {
        Err(Error::Command(failure)) => failure.status,
        other => panic!("{other:?}"),
    };
    let blocks = Setup::new(64, Mtu::Jumbo).lun_blocks;
    assert_eq!(status(pair.qa.write_zeroes(LUN, blocks - 3, 4)), Status::BadLba);
    assert_eq!(status(pair.qa.trim(LUN, blocks, u64::MAX - blocks)), Status::BadLba);
    assert!(matches!(pair.qa.trim(LUN, 2, u64::MAX), Err(Error::Argument { .. })));
    pair.qa.write_zeroes(LUN, 3, 0).expect("nothing to do");
    assert!(pair.stored(Site::A, FIRST) == pattern(FIRST, 1));
}
