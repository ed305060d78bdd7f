//! Compare-and-write, from either site: one step that no other write comes between.

use std::time::Duration;

use dyad_driver::backing::Backing;
use dyad_driver::{Extents, Mtu, Status};
use dyad_sim::Site;
use dyad_spec::counters::Counter;
use dyad_tests::system::{LUN, Pair, Setup, pattern};

fn at_either_site(data_w: usize, mtu: Mtu) {
    let mut pair = Pair::new(&Setup::new(data_w, mtu));
    let zero = vec![0; 4096];
    let mut now = zero.clone();
    for round in 0..6 {
        for site in [Site::A, Site::B] {
            let new = pattern(9, 2 * round + u64::from(site == Site::B));
            let queue = if site == Site::A { &mut pair.qa } else { &mut pair.qb };
            let mut wrong = now.clone();
            wrong[(round * 700) as usize] ^= 0x10;
            assert!(!queue.compare_write(LUN, 9, &wrong, &new).expect("an answer"), "round {round}, {site}");
            assert!(queue.compare_write(LUN, 9, &now, &new).expect("an answer"), "round {round}, {site}");
            assert!(!queue.compare_write(LUN, 9, &now, &zero).expect("an answer"), "round {round}, {site}");
            now = new;
            for site in [Site::A, Site::B] {
                assert!(pair.stored(site, 9) == now, "store at {site}, round {round}");
            }
        }
    }
    // Each site takes the extent over when it comes to its turn, but for A the first time.
    // What has just been counted shows a little later.
    pair.bench.world_mut().run(200);
    let (a, b) = (pair.a.device(), pair.b.device());
    assert_eq!((a.counter(Counter::owners_taken), b.counter(Counter::owners_taken)), (5, 6));
    assert_eq!((a.counter(Counter::miscompares), b.counter(Counter::miscompares)), (12, 12));
    let error = pair.qa.compare_write(LUN, 1 << 20, &now, &zero).expect_err("past the end").to_string();
    assert!(error.contains("BadLba"), "{error}");
    pair.check_rules();
}

#[test]
fn compare_write_64_jumbo() {
    at_either_site(64, Mtu::Jumbo);
}

#[test]
fn compare_write_64_standard() {
    at_either_site(64, Mtu::Standard);
}

#[test]
fn compare_write_512_jumbo() {
    at_either_site(512, Mtu::Jumbo);
}

/// One round trip where the block is owned, two elsewhere, and one from then on.
#[test]
fn compare_write_takes_one_round_trip_at_the_owner() {
    let setup = Setup { km: 100.0, resend: Duration::from_millis(4), ..Setup::new(64, Mtu::Jumbo) };
    let mut pair = Pair::new(&setup);
    let round_trip = 2 * pair.bench.world().config().delay_cycles();
    let mut now = vec![0; 4096];
    for (site, trips) in [(Site::A, 1), (Site::B, 2), (Site::B, 1)] {
        let begun = pair.bench.world().cycle();
        let new = pattern(3, begun);
        let buffer = pair.bench.backing(site).dma_alloc(8192).expect("a buffer");
        buffer.write_at(0, &now);
        buffer.write_at(4096, &new);
        let queue = if site == Site::A { &mut pair.qa } else { &mut pair.qb };
        queue.submit_compare_write(LUN, 3, &buffer.whole()).expect("room");
        queue.ring();
        let completion = loop {
            if let Some(completion) = queue.poll().expect("the card is there") {
                break completion;
            }
            pair.bench.world_mut().run(1);
        };
        assert_eq!(completion.status(), Status::Ok);
        let took = pair.bench.world().cycle() - begun;
        let (least, most) = (trips * round_trip, trips * round_trip + 4000);
        assert!((least..most).contains(&took), "{took} cycles at {site}, {round_trip} a round trip");
        now = new;
        // Until its COMMIT has come, the block is locked at the other site.
        pair.bench.world_mut().run(round_trip);
    }
    pair.qa.acquire(LUN, Extents::From { lba: 3, count: 1 }).expect("A takes it");
    assert!(pair.qa.compare_write(LUN, 3, &now, &pattern(3, 1)).expect("an answer"));
    pair.check_rules();
}

/// Both sites count in one block, each at its own place, as two programs do that share a block: no count is lost.
#[test]
fn two_sites_count_in_one_block() {
    let mut pair = Pair::new(&Setup { km: 1.0, ..Setup::new(64, Mtu::Jumbo) });
    const COUNT: u64 = 40;
    struct Counter {
        site: Site,
        seen: Vec<u8>,
        buffer: dyad_driver::DmaBuffer,
        counted: u64,
        /// It reads the block; otherwise it swaps.
        reads: bool,
    }
    let mut sites = [Site::A, Site::B].map(|site| Counter {
        site,
        seen: vec![0; 4096],
        buffer: pair.bench.backing(site).dma_alloc(8192).expect("a buffer"),
        counted: 0,
        reads: true,
    });
    let mut lost = 0;
    for (i, queue) in [&mut pair.qa, &mut pair.qb].into_iter().enumerate() {
        queue.submit_read(LUN, 7, 1, &sites[i].buffer.slice(0..4096)).expect("room");
        queue.ring();
    }
    let limit = pair.bench.world().cycle() + 20_000_000;
    while sites.iter().any(|s| s.counted < COUNT) {
        assert!(pair.bench.world().cycle() < limit, "one of them starves\n{}", pair.counters());
        for (i, queue) in [&mut pair.qa, &mut pair.qb].into_iter().enumerate() {
            let me = &mut sites[i];
            let Some(completion) = queue.poll().expect("the card is there") else { continue };
            if me.reads {
                assert_eq!(completion.status(), Status::Ok, "a read at {}", me.site);
                me.buffer.read_at(0, &mut me.seen);
                let mut new = me.seen.clone();
                let at = i * 512;
                let count = u64::from_le_bytes(new[at..at + 8].try_into().expect("eight bytes"));
                assert_eq!(count, me.counted, "what {} has counted", me.site);
                new[at..at + 8].copy_from_slice(&(count + 1).to_le_bytes());
                me.buffer.write_at(4096, &new);
                queue.submit_compare_write(LUN, 7, &me.buffer.whole()).expect("room");
            } else {
                match completion.status() {
                    Status::Ok => me.counted += 1,
                    Status::Miscompare => lost += 1,
                    other => panic!("{other:?} at {}", me.site),
                }
                if me.counted == COUNT {
                    continue;
                }
                queue.submit_read(LUN, 7, 1, &me.buffer.slice(0..4096)).expect("room");
            }
            me.reads = !me.reads;
            queue.ring();
        }
        pair.bench.world_mut().run(20);
    }
    assert!(lost > 0, "they never met");
    let end = pair.stored(Site::A, 7);
    assert!(end == pair.stored(Site::B, 7));
    for at in [0, 512] {
        assert_eq!(u64::from_le_bytes(end[at..at + 8].try_into().expect("eight bytes")), COUNT);
    }
    pair.check_rules();
}
