//! A card that is reset in the middle of commands and frames: its buses keep their rules, no block is torn at either site,
//! nobody hangs, and the pair goes on after a sync.

use std::time::Duration;

use dyad_driver::{DmaBuffer, Mtu, backing::Backing};
use dyad_sim::{Action, Site};
use dyad_spec::regs;
use dyad_tests::system::{LUN, Pair, Setup, pattern};

const BLOCKS: u64 = 4;

/// How a card is reset.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `CONTROL_RESET`: the bus ports finish what they have begun.
    Register,
    /// `rst`, as after a bus reset: what was under way on the buses is forgotten.
    Pin,
}

/// Everything under way at once: a WRITE of several blocks and a READ of them at A, a READ and a LOOKUP at B.
fn start(pair: &mut Pair, written: &DmaBuffer, read: &[DmaBuffer; 2], asked: &DmaBuffer) {
    pair.qa.submit_write(LUN, 0, BLOCKS as u16, &written.whole()).expect("submit");
    pair.qa.submit_read(LUN, 0, BLOCKS as u16, &read[0].whole()).expect("submit");
    pair.qb.submit_read(LUN, BLOCKS, BLOCKS as u16, &read[1].whole()).expect("submit");
    let half = asked.len() / 2;
    pair.qb.submit_lookup(LUN, 256, &asked.slice(0..half), &asked.slice(half..2 * half)).expect("submit");
    pair.qa.ring();
    pair.qb.ring();
}

fn reset_at(data_w: usize, mtu: Mtu, kind: Kind, site: Site, cycle: u64) {
    let what = format!("{kind:?} reset of {site} at cycle {cycle}, DATA_W {data_w}, {mtu:?}");
    let mut pair = Pair::new(&Setup { lun_blocks: 16, resend_limit: 2, ..Setup::new(data_w, mtu) });
    for lba in 0..2 * BLOCKS {
        pair.qa.write(LUN, lba, &pattern(lba, 1)).expect("a write");
    }
    let (at_a, at_b) = (pair.bench.backing(Site::A), pair.bench.backing(Site::B));
    let written = at_a.dma_alloc(BLOCKS as usize * 4096).expect("a buffer");
    (0..BLOCKS).for_each(|lba| written.write_at(lba as usize * 4096, &pattern(lba, 2)));
    let read = [&at_a, &at_b].map(|at| at.dma_alloc(BLOCKS as usize * 4096).expect("a buffer"));
    let asked = at_b.dma_alloc(2 * 4096).expect("a buffer");
    start(&mut pair, &written, &read, &asked);
    {
        let mut world = pair.bench.world_mut();
        match kind {
            Kind::Register => {
                world.run(cycle);
                let control = regs::CONTROL_RESET.put(1) | regs::CONTROL_ENABLE.put(1);
                world.post32(site, regs::CONTROL.offset as u16, control);
            }
            Kind::Pin => {
                let now = world.cycle();
                world.at(now + cycle, Action::Reset(site, 4));
            }
        }
        world.run(20_000);
    }
    pair.check_rules();
    let stored = |pair: &Pair, site, lba| {
        let stored = pair.stored(site, lba);
        let version = [1, 2].into_iter().find(|v| stored == pattern(lba, *v));
        version.unwrap_or_else(|| panic!("{what}: block {lba} is torn at {site}"))
    };
    for lba in 0..2 * BLOCKS {
        let versions = [Site::A, Site::B].map(|site| stored(&pair, site, lba));
        assert!(lba < BLOCKS || versions == [1, 1], "{what}: block {lba}, which nobody wrote");
    }
    // The driver hears of every command, or finds out by its deadline; the other card is not disturbed.
    while pair.qa.in_flight() > 0 {
        let deadline = at_a.after(Duration::from_millis(20));
        match pair.qa.wait_any(deadline) {
            Ok(_) => {}
            Err(_) if site == Site::A => break,
            Err(error) => panic!("{what}: A was not told: {error}"),
        }
    }
    while site == Site::A && pair.qb.in_flight() > 0 {
        let deadline = at_b.after(Duration::from_millis(20));
        let completion = pair.qb.wait_any(deadline).unwrap_or_else(|error| panic!("{what}: B was not told: {error}"));
        assert_eq!(completion.status(), dyad_driver::Status::Ok, "{what}: reads and lookups of the other site");
    }
    let mut pair = pair.reopen();
    for lba in 0..BLOCKS {
        assert_eq!(stored(&pair, Site::A, lba), stored(&pair, Site::B, lba), "{what}: block {lba} after the sync");
    }
    pair.qa.write(LUN, 1, &pattern(1, 2)).expect("a write after all");
    assert_eq!(pair.stored(Site::B, 1), pattern(1, 2));
    pair.check_rules();
}

/// Points spread over the time from the doorbell to the last acknowledgement.
fn over_time(data_w: usize, mtu: Mtu, first: u64, step: u64) {
    let last = if data_w == 64 { 3200 } else { 900 };
    let kinds = [(Kind::Register, Site::A), (Kind::Pin, Site::A), (Kind::Register, Site::B), (Kind::Pin, Site::B)];
    for (n, cycle) in (first..last).step_by(step as usize).enumerate() {
        let (kind, site) = kinds[n % kinds.len()];
        reset_at(data_w, mtu, kind, site, cycle);
    }
}

#[test]
fn reset_mid_frame_and_mid_command_64_jumbo() {
    over_time(64, Mtu::Jumbo, 20, 397);
}

#[test]
fn reset_mid_frame_and_mid_command_64_standard() {
    over_time(64, Mtu::Standard, 97, 613);
}

#[test]
fn reset_mid_frame_and_mid_command_512_jumbo() {
    over_time(512, Mtu::Jumbo, 120, 197);
}
