//! A block is never torn: host reads that fail and links that are cut at every beat of a block, written by its owner and
//! requested by the other site.

use std::time::Duration;

use dyad_driver::{DmaBuffer, Mtu, Queue, Status, backing::Backing};
use dyad_sim::{Access, Action, Fault, Response, SimBacking, Site};
use dyad_tests::system::{LUN, Pair, Setup, pattern};

const LBA: u64 = 5;

struct Rig {
    pair: Pair,
    buffer: DmaBuffer,
    /// Who writes; A owns the block.
    writer: Site,
}

impl Rig {
    fn new(data_w: usize, mtu: Mtu, writer: Site) -> Self {
        // The driver raises the time-out to the least that the card can do.
        let setup = Setup { resend: Duration::from_micros(1), resend_limit: 7, ..Setup::new(data_w, mtu) };
        let pair = Pair::new(&setup);
        let buffer = pair.bench.backing(writer).dma_alloc(4096).expect("a buffer");
        Self { pair, buffer, writer }
    }

    fn queue(&mut self) -> &mut Queue<SimBacking> {
        match self.writer {
            Site::A => &mut self.pair.qa,
            Site::B => &mut self.pair.qb,
        }
    }

    /// Writes version `version` of the block and returns how the command ended. `between` runs after the doorbell.
    fn write(&mut self, version: u64, between: impl FnOnce(&Pair)) -> Status {
        self.buffer.write_at(0, &pattern(LBA, version));
        let whole = self.buffer.whole();
        let id = self.queue().submit_write(LUN, LBA, 1, &whole).expect("submit");
        self.queue().ring();
        between(&self.pair);
        let deadline = self.pair.bench.backing(self.writer).after(Duration::from_secs(1));
        self.queue().wait(id, deadline).expect("a completion").status()
    }

    /// Which of the versions the store at `site` holds, whole.
    fn version(&self, site: Site, versions: &[u64], what: &str) -> u64 {
        let stored = self.pair.stored(site, LBA);
        *versions.iter().find(|v| stored == pattern(LBA, **v)).unwrap_or_else(|| panic!("{what}: torn at {site}"))
    }
}

fn a_host_read_that_fails(data_w: usize, mtu: Mtu, writer: Site) {
    let mut rig = Rig::new(data_w, mtu, writer);
    assert_eq!(rig.write(1, |_| ()), Status::Ok);
    let iova = rig.buffer.iova();
    for beat in 0..(4096 * 8 / data_w) as u64 {
        let fault = Fault::on_beat(Access::Read, iova..iova + 4096, beat, Response::SlvErr);
        rig.pair.bench.world_mut().site_mut(writer).host_bus.faults.add(fault);
        assert_eq!(rig.write(2 + beat, |_| ()), Status::DmaReadFault, "beat {beat}");
        for site in [Site::A, Site::B] {
            rig.version(site, &[1], &format!("host read fails at beat {beat}"));
        }
    }
    assert_eq!(rig.write(9999, |_| ()), Status::Ok);
    assert_eq!(rig.version(Site::B, &[9999], "after all"), 9999);
    rig.pair.check_rules();
}

fn a_link_that_is_cut(data_w: usize, mtu: Mtu, writer: Site) {
    let mut rig = Rig::new(data_w, mtu, writer);
    assert_eq!(rig.write(1, |_| ()), Status::Ok);
    // The first beat leaves some 280 cycles after the doorbell, of which 200 pass in any case: every cycle of the frames,
    // and every 16th of the time before and after, until the acknowledgement has come. A request is repeated after each cut,
    // which takes long: every 7th cycle.
    let step = if writer == Site::A { 1 } else { 7 };
    let beats = 4096 * 8 / data_w as u64;
    let frames = 60..60 + beats + 80;
    let around = (0..beats + 600).step_by(16).filter(|cut| !frames.contains(cut));
    for (version, cut) in frames.clone().step_by(step).chain(around.step_by(step.min(3))).enumerate() {
        let version = version as u64 + 2;
        let status = rig.write(version, |pair| {
            let mut world = pair.bench.world_mut();
            let now = world.cycle();
            world.at(now + 200 + cut, Action::CutLink);
            world.at(now + 200 + cut + 40, Action::MendLink);
            world.run(3000);
            drop(world);
            for site in [Site::A, Site::B] {
                let stored = pair.stored(site, LBA);
                let whole = [version - 1, version].iter().any(|v| stored == pattern(LBA, *v));
                assert!(whole, "link cut {cut} cycles after the entry was read: torn at {site}");
            }
        });
        assert_eq!(status, Status::Ok, "cut at {cut}\n{}", rig.pair.counters());
        for site in [Site::A, Site::B] {
            rig.version(site, &[version], &format!("cut at {cut}, mended"));
        }
    }
    rig.pair.check_rules();
}

#[test]
fn host_read_fails_at_every_beat_64_jumbo() {
    a_host_read_that_fails(64, Mtu::Jumbo, Site::A);
}

#[test]
fn host_read_fails_at_every_beat_64_standard() {
    a_host_read_that_fails(64, Mtu::Standard, Site::A);
}

#[test]
fn host_read_fails_at_every_beat_512_jumbo() {
    a_host_read_that_fails(512, Mtu::Jumbo, Site::A);
}

#[test]
fn host_read_fails_at_every_beat_512_standard() {
    a_host_read_that_fails(512, Mtu::Standard, Site::A);
}

#[test]
fn link_cut_at_every_beat_64_jumbo() {
    a_link_that_is_cut(64, Mtu::Jumbo, Site::A);
}

#[test]
fn link_cut_at_every_beat_64_standard() {
    a_link_that_is_cut(64, Mtu::Standard, Site::A);
}

#[test]
fn link_cut_at_every_beat_512_jumbo() {
    a_link_that_is_cut(512, Mtu::Jumbo, Site::A);
}

#[test]
fn link_cut_at_every_beat_512_standard() {
    a_link_that_is_cut(512, Mtu::Standard, Site::A);
}

#[test]
fn host_read_fails_at_every_beat_of_a_request_64_standard() {
    a_host_read_that_fails(64, Mtu::Standard, Site::B);
}

#[test]
fn host_read_fails_at_every_beat_of_a_request_512_jumbo() {
    a_host_read_that_fails(512, Mtu::Jumbo, Site::B);
}

#[test]
fn link_cut_at_every_beat_of_a_request_64_standard() {
    a_link_that_is_cut(64, Mtu::Standard, Site::B);
}

#[test]
fn link_cut_at_every_beat_of_a_request_512_jumbo() {
    a_link_that_is_cut(512, Mtu::Jumbo, Site::B);
}
