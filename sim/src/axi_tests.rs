//! The slave against a master in plain Rust.

use crate::axi::{AxiConfig, AxiSlave, Target};
use crate::axi_check::OnViolation;
use crate::card::{AxiAddress, AxiMasterPins, AxiWriteData, Response};
use crate::faults::{Access, Effect, Fault, Unit};
use crate::host_mem::HostMemory;
use crate::memory::Memory;
use crate::rng::Noise;
use std::collections::VecDeque;

/// A beat of read data or a write response: (cycle, id, response, last, data).
type Answer = (u64, u8, Response, bool, Vec<u8>);

/// Issues queued bursts as fast as the slave takes them.
struct Master {
    slave: AxiSlave,
    host: HostMemory,
    cycle: u64,
    bytes: usize,
    aw: VecDeque<AxiAddress>,
    ar: VecDeque<AxiAddress>,
    w: VecDeque<AxiWriteData>,
    /// The master is ready for answers in so many of 65,536 cycles.
    ready: u32,
    noise: Noise,
    reads: Vec<Answer>,
    writes: Vec<Answer>,
}

impl Master {
    fn new(bytes: usize, config: AxiConfig, reaction: OnViolation) -> Self {
        let mut host = HostMemory::default();
        let memory = Memory::anonymous(0x10000).unwrap();
        let pattern: Vec<u8> = (0..0x10000u32).map(|index| (index ^ index >> 8) as u8).collect();
        memory.write(0, &pattern);
        host.map(0x10000, memory).unwrap();
        Self {
            slave: AxiSlave::new("bus", bytes, config, Noise::new(1, 0), reaction),
            host,
            cycle: 0,
            bytes,
            aw: VecDeque::new(),
            ar: VecDeque::new(),
            w: VecDeque::new(),
            ready: 0x10000,
            noise: Noise::new(2, 0),
            reads: Vec::new(),
            writes: Vec::new(),
        }
    }

    fn address(&self, addr: u64, beats: u64, id: u8) -> AxiAddress {
        let size = self.bytes.ilog2() as u8;
        AxiAddress { valid: true, addr, len: (beats - 1) as u8, size, burst: 1, id }
    }

    fn read(&mut self, addr: u64, beats: u64, id: u8) {
        let address = self.address(addr, beats, id);
        self.ar.push_back(address);
    }

    fn write(&mut self, addr: u64, beats: u64, id: u8, fill: u8) {
        let address = self.address(addr, beats, id);
        self.aw.push_back(address);
        for beat in 0..beats {
            let mut data = AxiWriteData { valid: true, last: beat + 1 == beats, ..AxiWriteData::default() };
            data.strb = u128::MAX >> (128 - self.bytes);
            data.data[..self.bytes].fill(fill + beat as u8);
            self.w.push_back(data);
        }
    }

    fn step(&mut self) {
        let mut pins = AxiMasterPins {
            aw: self.aw.front().copied().unwrap_or_default(),
            w: self.w.front().copied().unwrap_or_default(),
            ar: self.ar.front().copied().unwrap_or_default(),
            ..AxiMasterPins::default()
        };
        pins.r_ready = self.noise.hit(self.cycle, 0, self.ready);
        pins.b_ready = self.noise.hit(self.cycle, 1, self.ready);
        let slave = *self.slave.pins();
        if pins.r_ready && slave.r_valid {
            let data = slave.r_data[..self.bytes].to_vec();
            self.reads.push((self.cycle, slave.r_id, slave.r_resp, slave.r_last, data));
        }
        if pins.b_ready && slave.b_valid {
            self.writes.push((self.cycle, slave.b_id, slave.b_resp, true, Vec::new()));
        }
        self.slave.step(self.cycle, &pins, &mut self.host);
        if slave.ar_ready {
            self.ar.pop_front();
        }
        if slave.aw_ready {
            self.aw.pop_front();
        }
        if slave.w_ready {
            self.w.pop_front();
        }
        self.cycle += 1;
    }

    fn run(&mut self, cycles: u64) {
        (0..cycles).for_each(|_| self.step());
    }

    /// Lets the slave come out of its reset state, in which it is not ready.
    fn started(mut self) -> Self {
        self.step();
        self
    }

    fn contents(&mut self, addr: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        assert_eq!(self.host.read(0, addr, &mut bytes), Response::Okay);
        bytes
    }
}

fn quick() -> AxiConfig {
    AxiConfig { read_latency: 10, write_latency: 4, ..AxiConfig::default() }
}

#[test]
fn reads_take_their_latency_and_then_a_beat_a_cycle() {
    for bytes in [8, 32, 64, 128] {
        let mut master = Master::new(bytes, quick(), OnViolation::Panic).started();
        let expected = master.contents(0x10000, 16 * bytes);
        master.read(0x10000, 8, 3);
        master.read(0x10000 + 8 * bytes as u64, 8, 4);
        master.run(40);
        // The address is taken in cycle 1.
        let cycles: Vec<_> = master.reads.iter().map(|read| read.0).collect();
        assert_eq!(cycles, (11..27).collect::<Vec<_>>());
        let data: Vec<u8> = master.reads.iter().flat_map(|read| read.4.clone()).collect();
        assert_eq!(data, expected);
        let last: Vec<_> = master.reads.iter().filter(|read| read.3).map(|read| (read.0, read.1)).collect();
        assert_eq!(last, [(18, 3), (26, 4)]);
        assert_eq!(master.slave.next_event(master.cycle), None);
    }
}

#[test]
fn writes_show_when_they_are_answered() {
    let mut master = Master::new(64, quick(), OnViolation::Panic).started();
    master.write(0x11000, 4, 7, 0x20);
    // Address and first beat in cycle 1, last beat in cycle 4, response in cycle 8.
    master.run(6);
    assert_ne!(master.contents(0x11000, 1), [0x20]);
    master.run(3);
    assert_eq!(master.writes, [(8, 7, Response::Okay, true, Vec::new())]);
    let contents = master.contents(0x11000, 256);
    assert!((0..4).all(|beat| contents[beat * 64..][..64] == [0x20 + beat as u8; 64]));
}

#[test]
fn back_to_back_writes_have_no_bubbles() {
    let mut master = Master::new(8, quick(), OnViolation::Panic).started();
    (0..16).for_each(|index| master.write(0x12000 + index * 64, 8, 0, index as u8));
    master.run(1 + 128 + 4);
    assert_eq!(master.writes.last().map(|write| write.0), Some(1 + 127 + 4));
    assert_eq!(master.writes.len(), 16);
}

#[test]
fn data_may_come_before_its_address() {
    let mut master = Master::new(32, quick(), OnViolation::Panic).started();
    master.write(0x11000, 2, 1, 9);
    let held = std::mem::take(&mut master.aw);
    master.run(10);
    assert!(master.w.is_empty() && master.writes.is_empty());
    master.aw = held;
    master.run(10);
    assert_eq!(master.writes.len(), 1);
    assert_eq!(master.contents(0x11020, 1), [10]);
}

#[test]
fn random_stalls_and_latencies_change_times_only() {
    let run = |config: AxiConfig, ready| {
        let mut master = Master::new(16, config, OnViolation::Panic).started();
        master.ready = ready;
        for index in 0..50 {
            master.read(0x10000 + index * 256, 1 + index % 16, (index % 5) as u8);
            master.write(0x18000 + index * 256, 1 + index % 16, (index % 3) as u8, index as u8);
        }
        master.run(20_000);
        assert!(master.slave.next_event(master.cycle).is_none());
        let memory = master.contents(0x10000, 0x10000);
        let per_id = |id: u8| {
            let of_id = master.reads.iter().filter(move |read| read.1 == id);
            of_id.map(|read| (read.2, read.3, read.4.clone())).collect::<Vec<_>>()
        };
        (memory, (0..5).map(per_id).collect::<Vec<_>>(), master.reads.last().map(|read| read.0), master.writes.len())
    };
    let plain = run(quick(), 0x10000);
    let stalls = run(AxiConfig { stall_per_65536: 30_000, jitter: 100, ..quick() }, 20_000);
    let shuffled = run(AxiConfig { jitter: 300, reorder: true, ..quick() }, 0x10000);
    assert_eq!((&plain.0, &plain.1, plain.3), (&stalls.0, &stalls.1, stalls.3));
    assert_eq!((&plain.0, &plain.1, plain.3), (&shuffled.0, &shuffled.1, shuffled.3));
    assert!(plain.2 < stalls.2);
    assert_eq!(stalls, run(AxiConfig { stall_per_65536: 30_000, jitter: 100, ..quick() }, 20_000));
}

#[test]
fn reordering_lets_other_identifiers_overtake() {
    let config = AxiConfig { jitter: 500, reorder: true, ..quick() };
    let mut master = Master::new(8, config, OnViolation::Panic).started();
    (0..16).for_each(|id| master.read(0x10000, 1, id));
    master.run(2000);
    let ids: Vec<_> = master.reads.iter().map(|read| read.1).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..16).collect::<Vec<_>>());
    assert_ne!(ids, sorted);
}

#[test]
fn unmapped_beats_fail_one_by_one() {
    let mut master = Master::new(64, quick(), OnViolation::Panic).started();
    assert_eq!(master.host.unmap(0x10080, 0x40), 0x40);
    master.read(0x10000, 4, 0);
    master.write(0x10000, 4, 0, 0x77);
    master.run(40);
    let responses: Vec<_> = master.reads.iter().map(|read| read.2).collect();
    assert_eq!(responses, [Response::Okay, Response::Okay, Response::DecErr, Response::Okay]);
    assert_eq!(master.reads[2].4, [0xee; 64]);
    assert_eq!(master.writes[0].2, Response::DecErr);
    assert_eq!(master.contents(0x100c0, 1), [0x7a], "the mapped beats are written");
    assert_eq!(master.host.violation_count(), 2);
    assert_eq!(master.slave.counts().errors, 2);
}

#[test]
fn planned_faults_strike_where_planned() {
    let mut master = Master::new(8, quick(), OnViolation::Panic).started();
    master.slave.faults.add(Fault::on_beat(Access::Read, 0x10040..0x10080, 3, Response::SlvErr));
    master.slave.faults.add(Fault::on_burst(Access::Write, 1, Response::SlvErr));
    (0..3).for_each(|index| master.read(0x10000 + index * 64, 8, 0));
    (0..3).for_each(|index| master.write(0x11000 + index * 64, 8, 0, 0x50));
    let before = master.contents(0x11040, 64);
    master.run(100);
    let failed: Vec<_> = (0..24).filter(|&index| master.reads[index].2 != Response::Okay).collect();
    assert_eq!(failed, [8 + 3]);
    let responses: Vec<_> = master.writes.iter().map(|write| write.2).collect();
    assert_eq!(responses, [Response::Okay, Response::SlvErr, Response::Okay]);
    assert_eq!(master.contents(0x11040, 64), before, "a failed burst writes nothing");
    assert_eq!(master.slave.faults.hits(), 2);
}

#[test]
fn planned_delays_hold_the_data_back() {
    let mut master = Master::new(8, quick(), OnViolation::Panic).started();
    let delay = Effect::Delay(50);
    let range = 0x10000..0x10040;
    master.slave.faults.add(Fault { access: Access::Read, unit: Unit::Beat, range, skip: 2, times: 1, effect: delay });
    master.read(0x10000, 4, 0);
    master.run(100);
    let cycles: Vec<_> = master.reads.iter().map(|read| read.0).collect();
    assert_eq!(cycles, [11, 12, 63, 64]);
}

#[test]
fn a_power_cut_applies_part_of_what_was_not_answered() {
    let mut torn = [false; 9];
    for cycle in 0..200 {
        let mut master = Master::new(64, AxiConfig { write_latency: 50, ..quick() }, OnViolation::Panic).started();
        let before = master.contents(0x11000, 512);
        master.cycle = cycle * 1000;
        master.write(0x11000, 8, 0, 0x80);
        master.run(20);
        master.slave.tear(master.cycle, &mut master.host);
        let after = master.contents(0x11000, 512);
        let written = (0..8).take_while(|&beat| after[beat * 64..][..64] == [0x80 + beat as u8; 64]).count();
        assert_eq!(after[written * 64..], before[written * 64..]);
        torn[written] = true;
        assert_eq!(master.slave.next_event(master.cycle), None);
    }
    assert_eq!(torn, [true; 9], "every length of the torn part comes up");
}

#[test]
fn narrow_beats_use_their_lanes() {
    let mut master = Master::new(16, quick(), OnViolation::Panic).started();
    let expected = master.contents(0x10004, 12);
    master.ar.push_back(AxiAddress { valid: true, addr: 0x10004, len: 2, size: 2, burst: 1, id: 0 });
    master.run(20);
    let lanes: Vec<u8> =
        [4, 8, 12].iter().zip(&master.reads).flat_map(|(&lane, read)| read.4[lane..lane + 4].to_vec()).collect();
    assert_eq!(lanes, expected);
}

/// What the referee says when the pins are changed by `spoil` in the cycle that it gets.
fn broken_by(spoil: impl Fn(u64, &mut Master)) -> String {
    let config = AxiConfig { outstanding: 1, ..quick() };
    let mut master = Master::new(8, config, OnViolation::Record).started();
    for cycle in 0..200 {
        spoil(cycle, &mut master);
        master.step();
    }
    master.slave.broken().join("\n")
}

#[test]
fn broken_rules_are_named() {
    let clean = broken_by(|cycle, master| {
        if cycle == 0 {
            (0..4).for_each(|index| master.write(0x10000 + index * 64, 8, 0, 1));
            (0..4).for_each(|index| master.read(0x10000 + index * 64, 8, 0));
        }
    });
    assert_eq!(clean, "");
    let crossing = broken_by(|cycle, master| {
        if cycle == 0 {
            master.read(0x10fc8, 8, 0)
        }
    });
    assert!(crossing.contains("read burst crosses a 4 KiB boundary"), "{crossing}");
    let fixed = broken_by(|cycle, master| {
        if cycle == 0 {
            master.read(0x10000, 8, 0);
            master.ar[0].burst = 0;
        }
    });
    assert!(fixed.contains("is not INCR"), "{fixed}");
    let wide = broken_by(|cycle, master| {
        if cycle == 0 {
            master.read(0x10000, 1, 0);
            master.ar[0].size = 4;
        }
    });
    assert!(wide.contains("wider than the bus"), "{wide}");
    let early_last = broken_by(|cycle, master| {
        if cycle == 0 {
            master.write(0x10000, 8, 0, 1);
            master.w[3].last = true;
        }
    });
    assert!(early_last.contains("wlast is true on beat 4 of 8"), "{early_last}");
    let unstable = broken_by(|cycle, master| {
        if cycle == 0 {
            (0..4).for_each(|_| master.read(0x10000, 8, 0));
        } else if cycle == 4 {
            master.ar[0].addr = 0x10040;
        }
    });
    assert!(unstable.contains("arvalid or its payload changed before arready"), "{unstable}");
    let dropped = broken_by(|cycle, master| {
        if cycle == 0 {
            (0..4).for_each(|_| master.write(0x10000, 1, 0, 1));
        } else if cycle == 4 {
            master.aw.clear();
        }
    });
    assert!(dropped.contains("awvalid or its payload changed"), "{dropped}");
    let wrong_data = broken_by(|cycle, master| {
        if cycle == 0 {
            (0..20).for_each(|_| master.write(0x10000, 8, 0, 1));
            master.aw.clear();
        } else if let Some(data) = master.w.front_mut() {
            data.data[0] = cycle as u8;
        }
    });
    assert!(wrong_data.contains("wvalid or its payload changed before wready"), "{wrong_data}");
}

#[test]
#[should_panic(expected = "bus: read burst crosses a 4 KiB boundary")]
fn a_broken_rule_panics_by_default() {
    let mut master = Master::new(8, quick(), OnViolation::default());
    master.read(0x10fc8, 8, 0);
    master.run(10);
}
