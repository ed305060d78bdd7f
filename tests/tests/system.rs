//! Two Verilated cards and their drivers: the main job.

use dyad_driver::Mtu;
use dyad_driver::backing::Backing;
use dyad_sim::Site;
use dyad_spec::counters::Counter;
use dyad_tests::system::{LUN, Pair, Setup, Size, pattern};

fn writes_reach_both_stores_and_read_back(setup: &Setup) -> Pair {
    let mut pair = Pair::new(setup);
    for lba in [0, 1, 7, 1023] {
        pair.qa.write(LUN, lba, &pattern(lba, 1)).expect("write at the owner");
    }
    for lba in [0, 1, 7, 1023] {
        assert_eq!(pair.stored(Site::A, lba), pattern(lba, 1), "store at A, block {lba}");
        assert_eq!(pair.stored(Site::B, lba), pattern(lba, 1), "store at B, block {lba}");
        let mut read = vec![0; 4096];
        pair.qb.read(LUN, lba, &mut read).expect("read at the other site");
        assert_eq!(read, pattern(lba, 1), "read at B, block {lba}");
    }
    pair.qa.flush(LUN).expect("flush");
    for site in [Site::A, Site::B] {
        assert!(pair.bench.world().site(site).flush.count > 0, "the store's flush line at {site}");
    }
    let owners = pair.qb.lookup(LUN, &[0, 1023, 1024]).expect("lookup");
    assert_eq!(owners.iter().map(|o| o.map(|o| o.owner)).collect::<Vec<_>>(), [Some(0), Some(0), None]);
    assert_eq!(pair.b.device().counter(Counter::blocks_mirrored), 4);
    pair.check_rules();
    pair
}

#[test]
fn dual_write_64_jumbo() {
    writes_reach_both_stores_and_read_back(&Setup::new(64, Mtu::Jumbo));
}

#[test]
fn dual_write_64_standard() {
    writes_reach_both_stores_and_read_back(&Setup::new(64, Mtu::Standard));
}

#[test]
fn dual_write_512_jumbo() {
    writes_reach_both_stores_and_read_back(&Setup::new(512, Mtu::Jumbo));
}

#[test]
fn dual_write_512_standard() {
    writes_reach_both_stores_and_read_back(&Setup::new(512, Mtu::Standard));
}

/// A build for a small FPGA: a store port of another width, and two LUNs.
#[test]
fn dual_write_of_a_small_board() {
    for (size, mtu) in [(Size::Board, Mtu::Jumbo), (Size::Board, Mtu::Standard), (Size::Sliced, Mtu::Standard)] {
        let mut pair = writes_reach_both_stores_and_read_back(&Setup { size, ..Setup::new(64, mtu) });
        assert_eq!(pair.a.device().info().lun_count, 2);
        // The driver knows which numbers there are, and so does the card.
        let refused = pair.a.device().lun(2).expect_err("a LUN that is not there");
        assert!(refused.to_string().contains("this card has numbers 0 to 1"), "{refused}");
        pair.qa.read(2, 0, &mut [0; 4096]).expect_err("a LUN that is not there");
        pair.bench.world_mut().run(256);
        assert_eq!(pair.a.device().counter(Counter::bad_lun), 1);
    }
}

/// A frame that has begun gets its payload without a gap, whatever else reads host memory: entries above all.
#[test]
fn no_frame_is_broken_off_on_a_link_without_faults() {
    for mtu in [Mtu::Jumbo, Mtu::Standard] {
        let mut pair = Pair::new(&Setup { km: 1.0, ..Setup::new(64, mtu) });
        let buffer = pair.bench.backing(Site::A).dma_alloc(4096).expect("memory");
        let mut rng = dyad_tests::Rng::new(5);
        let (mut submitted, mut ended) = (0, 0);
        while ended < 400 {
            while submitted < 400 && pair.qa.in_flight() < 16 {
                let lba = rng.below(1024);
                let submit = if rng.one_in(3) {
                    pair.qa.submit_read(LUN, lba, 1, &buffer.whole())
                } else {
                    pair.qa.submit_write(LUN, lba, 1, &buffer.whole())
                };
                submit.expect("room");
                submitted += 1;
            }
            pair.qa.ring();
            let deadline = pair.qa.backing().after(std::time::Duration::from_secs(1));
            let completion = pair.qa.wait_any(deadline).expect("a completion");
            assert_eq!(completion.status(), dyad_driver::Status::Ok);
            ended += 1;
        }
        let counters = [Counter::tx_aborted, Counter::blocks_resent].map(|c| pair.a.device().counter(c));
        assert_eq!(counters, [0, 0], "{mtu:?}\n{}", pair.counters());
    }
}

#[test]
fn a_write_of_64_blocks_and_a_read_of_them() {
    let mut pair = Pair::new(&Setup::new(64, Mtu::Jumbo));
    let data: Vec<u8> = (0..64).flat_map(|i| pattern(100 + i, 3)).collect();
    pair.qa.write(LUN, 100, &data).expect("write");
    let mut read = vec![0; data.len()];
    pair.qb.read(LUN, 100, &mut read).expect("read");
    assert!(read == data, "64 blocks read at B");
    pair.check_rules();
}

/// Completions and time stamps of a story with repeats, with or without jumps over idle time.
fn story(data_w: usize, jump: bool) -> (Vec<(u64, dyad_driver::Stages)>, u64) {
    let resend = std::time::Duration::from_millis(1);
    let setup = Setup { km: 40.0, resend, resend_limit: 7, lun_blocks: 16, ..Setup::new(data_w, Mtu::Standard) };
    let mut pair = Pair::new(&setup);
    pair.bench.world_mut().set_jump(jump);
    let before = pair.bench.world().speed().jumped;
    let mut told = Vec::new();
    for version in 0..4 {
        if version == 1 {
            // The second of three frames is lost, and found by the scan.
            let mut world = pair.bench.world_mut();
            let now = world.cycle();
            world.at(now + 600, dyad_sim::Action::CutLink);
            world.at(now + 700, dyad_sim::Action::MendLink);
        }
        let backing = pair.bench.backing(Site::A);
        let buffer = backing.dma_alloc(2 * 4096).expect("a buffer");
        buffer.write_at(0, &[version; 2 * 4096]);
        pair.qa.submit_write(LUN, u64::from(version), 2, &buffer.whole()).expect("submit");
        pair.qa.ring();
        let completion = pair.qa.wait_any(backing.after(std::time::Duration::from_millis(50))).expect("a completion");
        assert_eq!(completion.status(), dyad_driver::Status::Ok);
        told.push((completion.retries().into(), completion.stages()));
    }
    pair.check_rules();
    let jumped = pair.bench.world().speed().jumped - before;
    (told, jumped)
}

#[test]
fn stamps_do_not_depend_on_jumps() {
    for data_w in [64, 512] {
        let (with, without) = (story(data_w, true), story(data_w, false));
        assert_eq!(with.0, without.0);
        assert!(with.0.iter().any(|told| told.0 > 0), "nothing was sent again");
        assert!(with.1 > 100_000 && without.1 == 0, "{} cycles jumped over", with.1);
    }
}

/// A block that the peer has stored is shown there when its write is complete, and not before; the COMMIT ends that, by a frame
/// or in the trailer of another, and when it is lost, the peer asks.
#[test]
fn the_mirror_shows_a_block_when_its_write_is_complete() {
    for data_w in [64, 512] {
        let setup = Setup { km: 20.0, ..Setup::new(data_w, Mtu::Jumbo) };
        let mut pair = Pair::new(&setup);
        let (at_a, at_b) = (pair.bench.backing(Site::A), pair.bench.backing(Site::B));
        let (written, read) = (at_a.dma_alloc(4096).expect("a buffer"), at_b.dma_alloc(4096).expect("a buffer"));
        let one_way = pair.bench.world().config().delay_cycles();
        for (version, lost) in [(1, false), (2, false), (3, true)] {
            written.write_at(0, &pattern(7, version));
            let write = pair.qa.submit_write(LUN, 7, 1, &written.whole()).expect("submit");
            pair.qa.ring();
            // Until the block is in B's store, and its ACK on the way.
            let stored = pair.bench.world_mut().run_until("the block at B", 40 * one_way, |world| {
                let base = (dyad_spec::superblock::RESERVED_BLOCKS + 7) * 4096;
                world.site(Site::B).store.bytes(base..base + 4096) == pattern(7, version)
            });
            stored.expect("it comes");
            if lost {
                // The ACK passes; what A sends afterwards, the COMMIT, does not.
                let mut world = pair.bench.world_mut();
                let now = world.cycle();
                world.at(now + one_way + 50, dyad_sim::Action::CutLink);
                world.at(now + one_way + 2000, dyad_sim::Action::MendLink);
            }
            let asked = pair.b.device().now_cycles();
            let look = pair.qb.submit_read(LUN, 7, 1, &read.whole()).expect("submit");
            pair.qb.ring();
            let completion =
                pair.qb.wait(look, at_b.after(std::time::Duration::from_millis(60))).expect("a completion");
            assert_eq!(completion.status(), dyad_driver::Status::Ok);
            let mut block = vec![0; 4096];
            read.read_at(0, &mut block);
            assert!(block == pattern(7, version), "the old block");
            let waited = pair.b.device().now_cycles() - asked;
            // The rest of the ACK's flight, and the COMMIT's.
            assert!(
                waited >= 2 * one_way - 400,
                "version {version}: shown after {waited} cycles, one way is {one_way}"
            );
            let most = if lost { 60 * one_way } else { 2 * one_way + 3000 };
            assert!(waited < most, "version {version}: shown after {waited} cycles, one way is {one_way}");
            let done = pair.qa.wait(write, at_a.after(std::time::Duration::from_millis(60))).expect("a completion");
            assert_eq!(done.status(), dyad_driver::Status::Ok);
        }
        pair.bench.world_mut().run(4 * one_way);
        let b = pair.b.device();
        assert_eq!((b.counter(Counter::blocks_committed), b.counter(Counter::blocks_mirrored)), (3, 3));
        assert!(b.counter(Counter::tx_ask_commit) > 0, "nobody asked");
        pair.check_rules();
    }
}
