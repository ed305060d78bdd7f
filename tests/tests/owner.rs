//! Changes of owner: extents and whole LUNs that move from site to site, while their blocks are written.

use std::time::Duration;

use dyad_driver::backing::Backing;
use dyad_driver::{CommandId, Completion, Extents, Mtu, Queue, Status};
use dyad_sim::{SimBacking, Site};
use dyad_spec::counters::Counter;
use dyad_tests::system::{LUN, Pair, Setup, pattern};

const OTHER: [u64; 4] = [0, 5, 64, 1023];

fn extent(lba: u64) -> Extents {
    Extents::From { lba, count: 1 }
}

/// Owner and epoch of a block, as both sites have it.
fn owner(pair: &mut Pair, lba: u64) -> (u8, u32) {
    let [a, b] = [&mut pair.qa, &mut pair.qb].map(|q| q.lookup(LUN, &[lba]).expect("a lookup")[0].expect("a block"));
    assert_eq!(a, b, "block {lba}");
    (a.owner, a.epoch)
}

/// Runs until the command at one of the sites has ended, and says when it did.
fn until(pair: &mut Pair, site: Site, id: CommandId) -> (u64, Completion) {
    for _ in 0..30_000_000 {
        let queue = if site == Site::A { &mut pair.qa } else { &mut pair.qb };
        if let Some(completion) = queue.poll().expect("the card is there") {
            assert_eq!(completion.id(), id);
            return (pair.bench.world().cycle(), completion);
        }
        pair.bench.world_mut().run(1);
    }
    panic!("it never ends\n{}", pair.counters());
}

fn submitted(queue: &mut Queue<SimBacking>, submit: impl FnOnce(&mut Queue<SimBacking>) -> CommandId) -> CommandId {
    let id = submit(queue);
    queue.ring();
    id
}

/// Cycles of a command at B.
fn cycles_at_b(pair: &mut Pair, submit: impl FnOnce(&mut Queue<SimBacking>) -> CommandId) -> u64 {
    let begun = pair.bench.world().cycle();
    let id = submitted(&mut pair.qb, submit);
    let (ended, completion) = until(pair, Site::B, id);
    assert_eq!(completion.status(), Status::Ok, "{}", pair.counters());
    ended - begun
}

/// An extent goes to B and back, and its blocks are written at both sites at each stop.
fn there_and_back(data_w: usize, mtu: Mtu) {
    let mut pair = Pair::new(&Setup { extent_shift: 2, ..Setup::new(data_w, mtu) });
    let mut version = 0;
    let mut write = |pair: &mut Pair, site: Site, lba: u64| {
        version += 1;
        let data = pattern(lba, version);
        let queue = if site == Site::A { &mut pair.qa } else { &mut pair.qb };
        queue.write(LUN, lba, &data).unwrap_or_else(|e| panic!("write of {lba} at {site}: {e}\n{}", pair.counters()));
        for site in [Site::A, Site::B] {
            assert!(pair.stored(site, lba) == data, "store at {site}, block {lba}, version {version}");
        }
    };
    let generation = owner(&mut pair, 4).1;
    for round in 0..3 {
        let epoch = generation + 2 * round;
        assert_eq!(owner(&mut pair, 4), (0, epoch));
        pair.qb.acquire(LUN, extent(6)).expect("B takes it");
        for lba in 4..8 {
            assert_eq!(owner(&mut pair, lba), (1, epoch + 1), "block {lba}");
            write(&mut pair, Site::B, lba);
            write(&mut pair, Site::A, lba);
        }
        assert_eq!(owner(&mut pair, 3).0 + owner(&mut pair, 8).0, 0, "its neighbours stay");
        if round == 1 {
            pair.qb.release(LUN, extent(4)).expect("B gives it back");
        } else {
            pair.qa.acquire(LUN, extent(4)).expect("A takes it");
        }
        write(&mut pair, Site::A, 5);
        write(&mut pair, Site::B, 5);
    }
    // What one has already costs nothing, nor does what the other has.
    let frames = pair.a.device().counter(Counter::tx_frames);
    pair.qa.acquire(LUN, extent(4)).expect("A has it");
    pair.qb.release(LUN, extent(4)).expect("B has it not");
    assert_eq!(pair.a.device().counter(Counter::tx_frames), frames);
    let (a, b) = (pair.a.device(), pair.b.device());
    assert_eq!((a.counter(Counter::owners_taken), a.counter(Counter::owners_granted)), (3, 3));
    assert_eq!((b.counter(Counter::owners_taken), b.counter(Counter::owners_granted)), (3, 3));
    assert_eq!((a.counter(Counter::rx_own_stale), b.counter(Counter::rx_own_stale)), (0, 0));
    pair.check_rules();
}

#[test]
fn there_and_back_64_jumbo() {
    there_and_back(64, Mtu::Jumbo);
}

#[test]
fn there_and_back_64_standard() {
    there_and_back(64, Mtu::Standard);
}

#[test]
fn there_and_back_512_jumbo() {
    there_and_back(512, Mtu::Jumbo);
}

/// A whole LUN changes hands in one step, also when the other site owns some of it already.
#[test]
fn a_whole_lun_moves_in_one_step() {
    let mut pair = Pair::new(&Setup::new(64, Mtu::Jumbo));
    let before = owner(&mut pair, 0).1;
    pair.qb.acquire(LUN, Extents::From { lba: 5, count: 60 }).expect("B takes some");
    assert_eq!((owner(&mut pair, 5).0, owner(&mut pair, 64).0, owner(&mut pair, 65).0), (1, 1, 0));
    // A, its default owner, asks B for the rest of it.
    pair.qa.acquire(LUN, Extents::WholeLun).expect("A takes all");
    for lba in OTHER {
        assert_eq!(owner(&mut pair, lba), (0, before + (1 << 16)), "block {lba}");
    }
    pair.qb.acquire(LUN, Extents::WholeLun).expect("B takes all");
    for lba in OTHER {
        assert_eq!(owner(&mut pair, lba), (1, before + (2 << 16)), "block {lba}");
        for (queue, version) in [(&mut pair.qa, 1), (&mut pair.qb, 2)] {
            queue.write(LUN, lba, &pattern(lba, version)).expect("a write");
        }
        assert!(pair.stored(Site::A, lba) == pattern(lba, 2) && pair.stored(Site::B, lba) == pattern(lba, 2));
    }
    let error = pair.qa.release(LUN, Extents::WholeLun).expect_err("A does not have it").to_string();
    assert!(error.contains("NotOwner"), "{error}");
    pair.qb.release(LUN, Extents::WholeLun).expect("B hands it over");
    assert_eq!(owner(&mut pair, 0), (0, before + (3 << 16)));
    let error = pair.qa.acquire(LUN, extent(1 << 30)).expect_err("past the end").to_string();
    assert!(error.contains("BadLba"), "{error}");
    let error = pair.qa.acquire(LUN, Extents::From { lba: 0, count: 65 }).expect_err("too many").to_string();
    assert!(error.contains("BadBlocks"), "{error}");
    pair.check_rules();
}

/// One round trip when idle, two when a write has just begun; of an extent and of the LUN.
#[test]
fn a_change_of_owner_takes_one_round_trip() {
    let setup = Setup { km: 100.0, resend: Duration::from_millis(4), ..Setup::new(64, Mtu::Jumbo) };
    let mut pair = Pair::new(&setup);
    let round_trip = 2 * pair.bench.world().config().delay_cycles();
    let alone = cycles_at_b(&mut pair, |q| q.submit_acquire(LUN, extent(9)).expect("room"));
    assert!((round_trip..round_trip + 300).contains(&alone), "{alone} cycles, {round_trip} a round trip");
    let whole = cycles_at_b(&mut pair, |q| q.submit_acquire(LUN, Extents::WholeLun).expect("room"));
    assert!((round_trip..round_trip + 300).contains(&whole), "{whole} cycles, {round_trip} a round trip");
    println!("change of owner, cycles after the round trip: extent {}, LUN {}", alone - round_trip, whole - round_trip);
    pair.qa.acquire(LUN, Extents::WholeLun).expect("A takes it back");
    for (i, extents) in [extent(9), Extents::WholeLun].into_iter().enumerate() {
        let buffer = pair.bench.backing(Site::A).dma_alloc(4096).expect("a buffer");
        buffer.write_at(0, &pattern(9, i as u64));
        // The write reaches the owner's slots just before the question does.
        let id = pair.qb.submit_acquire(LUN, extents).expect("room");
        pair.qb.ring();
        let begun = pair.bench.world().cycle();
        pair.bench.world_mut().run(round_trip / 2 - 2000);
        let write = submitted(&mut pair.qa, |q| q.submit_write(LUN, 9, 1, &buffer.slice(0..4096)).expect("room"));
        let (ended, completion) = until(&mut pair, Site::B, id);
        assert_eq!(completion.status(), Status::Ok);
        let took = ended - begun;
        assert!((round_trip + 100..2 * round_trip + 3000).contains(&took), "{took} cycles, {round_trip} a round trip");
        assert_eq!(until(&mut pair, Site::A, write).1.status(), Status::Ok);
        assert_eq!(owner(&mut pair, 9).0, 1);
        pair.qa.acquire(LUN, extent(9)).expect("A takes it back");
    }
    pair.check_rules();
}

/// Both sites write one block, and both take its extent, again and again: everything ends, and the stores are equal.
#[test]
fn both_sites_take_one_extent_while_both_write_it() {
    let mut pair = Pair::new(&Setup { km: 2.0, ..Setup::new(64, Mtu::Jumbo) });
    let buffers = [Site::A, Site::B].map(|site| pair.bench.backing(site).dma_alloc(8 * 4096).expect("buffers"));
    let (mut under_way, mut ended) = (0, Vec::new());
    for round in 0..40_u64 {
        for (i, queue) in [&mut pair.qa, &mut pair.qb].into_iter().enumerate() {
            let at = (round as usize % 8) * 4096;
            buffers[i].write_at(at, &pattern(3, 1 + 2 * round + i as u64));
            queue.submit_write(LUN, 3, 1, &buffers[i].slice(at..at + 4096)).expect("room");
            queue.submit_acquire(LUN, if round % 7 == 3 { Extents::WholeLun } else { extent(3) }).expect("room");
            queue.ring();
            under_way += 2;
        }
        // Eight rounds' buffers are in use at most.
        let most = if round % 8 == 7 { 0 } else { 32 };
        for _ in 0..200_000 {
            for queue in [&mut pair.qa, &mut pair.qb] {
                while let Some(completion) = queue.poll().expect("the card is there") {
                    ended.push((round, completion.status(), completion.id()));
                    under_way -= 1;
                }
            }
            assert!(ended.iter().all(|e| e.1 == Status::Ok), "{ended:?}\n{}", pair.counters());
            ended.clear();
            if under_way <= most {
                break;
            }
            pair.bench.world_mut().run(50);
        }
        assert!(under_way <= most, "{under_way} under way in round {round}\n{}", pair.counters());
    }
    assert!(pair.stored(Site::A, 3) == pair.stored(Site::B, 3));
    assert!(owner(&mut pair, 3).1 > 10);
    pair.check_rules();
}
