//! The whole world around a stand-in for the card (`stand_in.v`).

use dyad_sim::rtl::compile;
use dyad_sim::site::Arrived;
use dyad_sim::world::{JUMP_MAX, PERIOD, QUIET};
use dyad_sim::{Access, Action, AxiConfig, Card, Config, Fault, Memory, Response, RtlCard, Site, WireConfig, World};
use dyad_verilator::{Design, Options};

fn card(seed: u64) -> Option<Box<dyn Card>> {
    Some(Box::new(RtlCard::new(compile(include_str!("stand_in.v"), false).unwrap().instance(seed))))
}

fn config() -> Config {
    Config { store_bytes: 1 << 20, ..Config::for_data_w(64) }
}

fn two_cards(config: Config) -> World {
    let mut world = World::new(config, [card(1), card(2)]).unwrap();
    world.run(20);
    world
}

fn one_card(config: Config) -> World {
    let mut world = World::new(config, [card(1), None]).unwrap();
    world.run(20);
    world
}

fn wait_irq(world: &mut World, site: Site, vector: usize) -> u64 {
    world.run_until("an interrupt", 2_000_000, |world| world.site(site).irqs.pending(vector) > 0).unwrap();
    world.site_mut(site).irqs.take(vector).unwrap()
}

#[test]
fn registers_are_read_and_written() {
    let mut world = two_cards(config());
    assert_eq!(world.read32(Site::A, 0), 0x5374_616e);
    assert!(world.write32(Site::A, 4, 0x1234_5678));
    assert!(world.write32(Site::B, 4, 7));
    assert_eq!(world.read32(Site::A, 4), 0x1234_5678);
    assert_eq!(world.read32(Site::B, 4), 7);
    world.post32(Site::A, 4, 1);
    world.post32(Site::A, 4, 2);
    assert_eq!(world.registers_pending(Site::A), 2);
    assert_eq!(world.read32(Site::A, 4), 2, "writes posted before a read come before it");
    assert_eq!(world.read32(Site::A, 0x24), u32::MAX, "a bus error");
    world.reset(Site::A, 4);
    assert_eq!(world.read32(Site::A, 4), 0);
}

#[test]
fn a_register_that_never_answers_has_a_deadline() {
    let mut world = two_cards(config());
    let before = world.cycle();
    assert_eq!(world.read32(Site::A, 0x18), u32::MAX);
    assert_eq!(world.cycle() - before, world.config().register_deadline);
    assert_eq!(world.register_timeouts(), 1);
    assert_eq!(world.read32(Site::B, 0), 0x5374_616e, "the other card is not concerned");
    world.reset(Site::A, 4);
    assert_eq!(world.read32(Site::A, 0), 0x5374_616e);
}

#[test]
fn dead_cards_read_as_all_ones() {
    let mut world = two_cards(config());
    world.write32(Site::A, 8, 400);
    world.at(world.cycle() + 50, Action::Kill(Site::A));
    world.run(1000);
    assert!(world.site(Site::A).is_dead());
    assert_eq!(world.read32(Site::A, 0), u32::MAX);
    assert!(!world.write32(Site::A, 4, 1));
    assert_eq!(world.site(Site::B).rx().counts().bad, 1, "the frame that it was sending ends as bad");
    assert_eq!(world.read32(Site::B, 0), 0x5374_616e);
    world.replace_card(Site::A, card(3).unwrap());
    world.run(20);
    assert_eq!(world.read32(Site::A, 0), 0x5374_616e);
}

#[test]
fn a_frame_arrives_after_the_length_of_the_fibre() {
    for (km, cycles) in [(0.0, 1), (1.0, 765), (100.0, 76_516)] {
        let mut world = two_cards(Config { km, ..config() });
        world.write32(Site::A, 8, 521);
        let irq = wait_irq(&mut world, Site::B, 0);
        let sent = world.read32(Site::A, 0x20);
        assert_eq!(world.read32(Site::B, 0x1c) - sent, cycles, "{km} km");
        // The last beat comes 520 cycles after the first; two registers later the interrupt is seen.
        assert_eq!(irq, u64::from(sent) + cycles as u64 + 520 + 2);
        assert_eq!(world.site(Site::B).rx().counts().frames, 1);
        assert_eq!(world.site(Site::A).tx().counts().bytes, 521 * 8);
    }
}

#[test]
fn a_world_is_idle_when_nothing_is_under_way() {
    let mut world = two_cards(config());
    world.run(QUIET);
    assert!(world.is_idle());
    world.post32(Site::A, 4, 1);
    assert!(!world.is_idle(), "a register access waits");
    world.run(QUIET);
    assert!(world.is_idle());
    world.inject(Site::A, &[0; 64], false);
    assert!(!world.is_idle(), "a frame is on the wire");
    world.run_until("the frame's end", 1_000_000, |world| world.is_idle()).unwrap();
    world.at(world.cycle() + 10, Action::CutLink);
    assert!(!world.is_idle(), "something is planned");
}

#[test]
fn a_card_that_leaves_a_hole_in_a_frame_underruns() {
    let mut world = two_cards(config());
    world.write32(Site::A, 0x3c, 20);
    world.run(200);
    assert_eq!(world.site(Site::A).tx().counts().underruns, 1);
    assert_eq!(world.site(Site::B).rx().counts().bad, 1);
    world.write32(Site::A, 8, 20);
    world.run(200);
    assert_eq!(world.site(Site::B).rx().counts().frames, 1);
}

#[test]
fn a_card_that_is_not_ready_overruns() {
    let mut world = two_cards(config());
    world.write32(Site::B, 0x38, 0);
    world.write32(Site::A, 8, 20);
    world.run(200);
    assert_eq!(world.site(Site::B).rx().counts().overruns, 1);
    assert_eq!(world.site(Site::B).rx().counts().frames, 0);
}

#[test]
fn dma_reaches_what_is_mapped_and_nothing_else() {
    let mut world = two_cards(config());
    let (from, to) = (Memory::anonymous(4096).unwrap(), Memory::anonymous(4096).unwrap());
    let data: Vec<u8> = (1..=64).collect();
    from.write(0, &data);
    world.site_mut(Site::A).host.map(0x1000, from).unwrap();
    world.site_mut(Site::A).host.map(0x2000, to.clone()).unwrap();
    let posted = world.cycle();
    world.write32(Site::A, 0x10, 0);
    let done = wait_irq(&mut world, Site::A, 1);
    let mut read = [0; 64];
    to.read(0, &mut read);
    assert_eq!(read[..], data);
    let latencies = world.config().host.read_latency + world.config().host.write_latency;
    assert!((latencies + 16..latencies + 32).contains(&(done - posted)), "{}", done - posted);

    world.site_mut(Site::A).host_bus.faults.add(Fault::on_beat(Access::Read, 0x1000..0x1040, 5, Response::SlvErr));
    world.write32(Site::A, 0x10, 0);
    wait_irq(&mut world, Site::A, 1);
    assert_eq!(world.read32(Site::A, 0x14) >> 30, 2);

    assert_eq!(world.site_mut(Site::A).host.unmap(0x2000, 4096), 4096);
    world.write32(Site::A, 0x10, 0);
    wait_irq(&mut world, Site::A, 1);
    assert_eq!(world.read32(Site::A, 0x14) >> 30, 3);
    assert_eq!(world.site(Site::A).host.violation_count(), 8);
    assert_eq!(world.site(Site::B).host.violation_count(), 0);
    assert_eq!(world.read32(Site::A, 0x14) & 0xff, 3);
}

#[test]
fn the_store_takes_writes_and_flushes() {
    let mut world = two_cards(config());
    world.site_mut(Site::A).flush.failing.push(1);
    world.write32(Site::A, 0x30, 0x0403_0201);
    wait_irq(&mut world, Site::A, 4);
    assert_eq!(world.site(Site::A).store.bytes(0x7f..0xa1)[..6], [0, 1, 2, 3, 4, 1]);
    assert_eq!(world.site(Site::A).store.first_difference(&world.site(Site::B).store, 0..1 << 20), Some(0x80));
    for failed in [0, 1] {
        let begin = world.cycle();
        world.write32(Site::A, 0x28, 0);
        assert!(wait_irq(&mut world, Site::A, 3) - begin >= 64);
        assert_eq!(world.read32(Site::A, 0x2c), failed);
    }
    // Power fails before the write is answered: all of it or nothing, it is one beat.
    world.write32(Site::B, 0x30, 5);
    world.power_cut(Site::B);
    assert!(matches!(world.site(Site::B).store.bytes(0x80..0x81)[0], 0 | 5));
    assert!(world.site(Site::B).is_dead());
}

#[test]
fn the_wide_build_moves_wide_beats() {
    let options =
        Options { arguments: ["-GDATA_W=512", "-GSTORE_W=1024"].map(String::from).into(), ..Options::default() };
    let design = Design::compile("dyad_core", include_str!("stand_in.v"), &options).unwrap();
    let cards = [1, 2].map(|seed| -> Option<Box<dyn Card>> { Some(Box::new(RtlCard::new(design.instance(seed)))) });
    let config = Config { store_bytes: 1 << 20, km: 1.0, ..Config::for_data_w(512) };
    let mut world = World::new(config, cards).unwrap();
    world.run(20);
    let (from, to) = (Memory::anonymous(4096).unwrap(), Memory::anonymous(4096).unwrap());
    let data: Vec<u8> = (0..512u32).map(|index| (index ^ index >> 3) as u8).collect();
    from.write(0, &data);
    world.site_mut(Site::A).host.map(0x1000, from).unwrap();
    world.site_mut(Site::A).host.map(0x2000, to.clone()).unwrap();
    world.write32(Site::A, 0x10, 0);
    wait_irq(&mut world, Site::A, 1);
    let mut read = [0; 512];
    to.read(0, &mut read);
    assert_eq!(read[..], data);

    world.write32(Site::A, 0x30, 0x0403_0201);
    wait_irq(&mut world, Site::A, 4);
    let stored = world.site(Site::A).store.bytes(0x7f..0x101);
    assert_eq!((stored[0], stored[129]), (0, 0));
    assert!(stored[1..129].chunks(4).all(|word| word == [1, 2, 3, 4]));

    world.write32(Site::A, 8, 65);
    let irq = wait_irq(&mut world, Site::B, 0);
    let (sent, arrived) = (world.read32(Site::A, 0x20), world.read32(Site::B, 0x1c));
    assert_eq!(arrived - sent, 1224, "a kilometre at 250 MHz");
    // 64 beats of 512 bits at 400 bits a cycle lie between the first and the last, rounded up.
    assert_eq!(irq - u64::from(arrived), 82 + 2);
    assert_eq!(world.site(Site::B).rx().counts().frames, 1);
}

#[test]
fn a_world_may_move_to_another_thread() {
    let mut world = two_cards(config());
    let id = std::thread::spawn(move || world.read32(Site::A, 0)).join().unwrap();
    assert_eq!(id, 0x5374_616e);
}

#[test]
fn a_scripted_peer_answers() {
    let mut world = one_card(Config { km: 0.1, ..config() });
    let delay = world.config().delay_cycles();
    world.write32(Site::A, 8, 10);
    world.run(2 * delay + 100);
    let Arrived { start, end, bytes, bad } = world.peer_mut(Site::B).arrived.pop_front().unwrap();
    assert_eq!((end - start, bytes.len(), bad), (9, 80, false));
    assert_eq!(start - u64::from(world.read32(Site::A, 0x20)), delay);
    world.peer_mut(Site::B).set_script(Some(Box::new(|frame| vec![frame.bytes.clone(), vec![1; 60]])));
    world.write32(Site::A, 8, 10);
    world.run(2 * delay + 200);
    assert_eq!(world.site(Site::A).rx().counts().frames, 2);
    world.peer_send(Site::B, &[2; 60], true);
    world.inject(Site::B, &[3; 60], false);
    world.run(2 * delay + 200);
    assert_eq!((world.site(Site::A).rx().counts().frames, world.site(Site::A).rx().counts().bad), (3, 1));
}

/// What the host at either site can see, in order.
fn story(config: Config) -> (Vec<(u64, Site, usize)>, Vec<u32>, u64) {
    let mut world = two_cards(config);
    let memory = Memory::anonymous(0x2000).unwrap();
    world.site_mut(Site::B).host.map(0x1000, memory).unwrap();
    world.write32(Site::B, 0x34, 1);
    let mut events = Vec::new();
    for round in 0..7u32 {
        world.write32(Site::A, 0x0c, round * 31_415);
        world.write32(Site::A, 8, 10 + round);
        world.write32(Site::B, 0x10, 0);
        world.write32(Site::B, 0x28, 0);
        world.run(200_001 + u64::from(round));
    }
    for site in Site::ALL {
        for vector in 0..8 {
            while let Some(cycle) = world.site_mut(site).irqs.take(vector) {
                events.push((cycle, site, vector));
            }
        }
    }
    let registers = Site::ALL.iter().flat_map(|&site| [0x1c, 0x20].map(|offset| world.read32(site, offset))).collect();
    assert_eq!(world.cycle(), world.speed().simulated + world.speed().jumped);
    (events, registers, world.speed().jumped)
}

#[test]
fn jumping_over_idle_time_changes_nothing() {
    let wire = WireConfig { loss: 0.1, duplicate: 0.2, reorder: 0.2, reorder_cycles: 50_000, ..WireConfig::default() };
    let host = AxiConfig { read_latency: 20_000, jitter: 5000, stall_per_65536: 10_000, ..AxiConfig::default() };
    for base in [
        Config { km: 100.0, ..config() },
        Config { km: 100.0, wire, now_offset: [5, 1 << 40], ..config() },
        Config { km: 3.0, wire, host, flush_latency: 100_000, ..config() },
    ] {
        let with = story(Config { jump: true, ..base.clone() });
        let without = story(Config { jump: false, ..base });
        assert_eq!((&with.0, &with.1), (&without.0, &without.1));
        assert!(with.0.len() > 30, "{} events", with.0.len());
        assert!(with.2 > 300_000, "{} cycles jumped over", with.2);
        assert_eq!(with.2 % PERIOD, 0);
        assert_eq!(without.2, 0);
    }
}

#[test]
fn jumps_are_short_and_have_pauses() {
    let mut world = two_cards(config());
    world.run(10 * JUMP_MAX);
    let speed = world.speed();
    let jumps = speed.jumped / JUMP_MAX;
    assert!(jumps >= 8 && speed.simulated >= jumps * 2 * PERIOD, "{speed:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let wire = WireConfig { loss: 0.1, reorder: 0.2, corrupt: 0.1, ..WireConfig::default() };
    let run = |seed| {
        let story = story(Config { km: 10.0, wire, seed, ..config() });
        (story.0, story.1)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn power_up_values_do_not_matter() {
    let run = |seeds: [u64; 2]| {
        let mut world = World::new(config(), seeds.map(card)).unwrap();
        world.run(20);
        world.write32(Site::B, 0x34, 1);
        world.write32(Site::A, 8, 10);
        (wait_irq(&mut world, Site::A, 0), world.read32(Site::A, 0x1c))
    };
    assert_eq!(run([1, 2]), run([77, 78]));
}

#[test]
fn what_does_not_come_times_out() {
    let mut world = two_cards(config());
    let timeout = world.run_until("a miracle", 1_000_000, |_| false).unwrap_err();
    assert_eq!(timeout.to_string(), "nothing after 1000000 cycles (at cycle 1000020, seed 1): a miracle");
}

#[test]
fn waves_and_captures() {
    let dir = std::env::temp_dir().join(format!("dyad-sim-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let design = compile(include_str!("stand_in.v"), true).unwrap();
    let traced: Box<dyn Card> = Box::new(RtlCard::new(design.instance(1)));
    let mut world = World::new(config(), [Some(traced), card(2)]).unwrap();
    world.site_mut(Site::A).card_mut().trace_open(&dir.join("a.fst")).unwrap();
    assert!(world.site_mut(Site::B).card_mut().trace_open(&dir.join("b.fst")).is_err());
    world.capture(&dir.join("link.pcap")).unwrap();
    world.run(20);
    world.write32(Site::B, 0x34, 1);
    world.write32(Site::A, 8, 10);
    world.run(1000);
    drop(world);
    let capture = std::fs::read(dir.join("link.pcap")).unwrap();
    assert_eq!(capture.len(), 24 + 16 + 80 + 16 + 72, "a frame each way");
    assert!(std::fs::metadata(dir.join("a.fst")).unwrap().len() > 500);
    std::fs::remove_dir_all(&dir).unwrap();
}
