//! `csr` against a plain map of words.

use dyad_hdl::bundle::{CqDoorbell, LunUpdate, SqDoorbell};
use dyad_hdl::csr::csr::{SOFT_RESET_CYCLES, csr};
use dyad_hdl::params::Params;
use dyad_spec::counters::Counter;
use dyad_spec::regs::{self, Access, BAR_BYTES, REGISTERS, Register};
use dyad_spec::{Field, MAGIC, SPEC_VERSION};
use dyad_tests::{Dut, Rng, Scoreboard, Trial, field, pack, prove, trial};
use std::collections::{BTreeMap, VecDeque};

const QUEUES: usize = 4;

/// Bits of a register that a write changes.
fn writable(p: &Params, r: &Register) -> u32 {
    let width = |w: usize| (1u64 << w).wrapping_sub(1) as u32;
    // Of numbers in two words.
    let (lower, upper) = (|w: usize| width(w.min(32)), |w: usize| width(w.saturating_sub(32)));
    match r.name {
        _ if r.access != Access::Rw => 0,
        "CONTROL" => regs::CONTROL_ENABLE.put(1),
        "SITE" => 1,
        "LINK_GENERATION" | "MAC_HI" | "PEER_MAC_HI" | "UDP_PORT" | "PEER_SLOTS" => width(16),
        "LUN_BLOCKS" | "LUN_STORE_BASE" | "STAGING_BASE" => lower(p.lba_w),
        "LUN_HIGH" if p.lba_w <= 32 => 0,
        "STAGING_BASE_HIGH" => upper(p.lba_w),
        "SQ_BASE_HI" | "CQ_BASE_HI" => upper(p.iova_w),
        "RESEND_LIMIT" => width(4),
        "HAND_OVER_AFTER" => width(8),
        "MAILBOX_VECTOR" => width(3),
        "SQ_BASE_LO" | "CQ_BASE_LO" => !0xfff,
        _ if r.fields.is_empty() => u32::MAX,
        _ => r.fields.iter().fold(0, |mask, f| mask | f.put(u32::MAX)),
    }
}

/// Registers of the card: those of pairs, LUNs and vectors past the last are reserved.
fn present(p: &Params, r: &Register) -> usize {
    let within = |from: usize, to: usize| r.count > 1 && (from..to).contains(&r.offset);
    match r.count {
        _ if within(regs::SQ_BASE_LO.offset, regs::VECTORS_BLOCK.offset) => p.queues,
        _ if within(regs::LUNS_BLOCK.offset, regs::SQ_BASE_LO.offset) => p.luns,
        _ if within(regs::VECTOR_MODERATION.offset, regs::VECTOR_MODERATION.offset + 1) => p.vectors,
        count => count,
    }
}

/// What the register file should hold: value and writable bits of every word that is not reserved.
struct Model {
    words: BTreeMap<usize, (u32, u32)>,
    p: Params,
}

impl Model {
    fn new(p: &Params) -> Self {
        let mut words = BTreeMap::new();
        for r in REGISTERS {
            (0..present(p, r)).for_each(|i| assert!(words.insert(r.at(i), (0, writable(p, r))).is_none()));
        }
        let mut model = Self { words, p: p.clone() };
        for (offset, kind, version, next) in regs::BLOCKS {
            model.put(*offset, kind | version << 16);
            model.put(*offset + 4, *next as u32);
        }
        for (r, value) in [
            (regs::MAGIC, MAGIC as usize),
            (regs::VERSION, SPEC_VERSION as usize),
            (regs::CAP_WIDTH, p.data_w | p.store_w << 16),
            (regs::CAP_SLOTS, p.slots),
            (regs::CAP_COUNTS, p.queues | p.vectors << 8 | p.luns << 16 | p.queue_log2 << 24),
            (regs::CAP_EXTENTS, p.extents),
            (regs::CAP_CLOCK_KHZ, p.clock_khz),
            (regs::CAP_PERIOD, p.period),
            (regs::CAP_BUFFERS, p.local_bufs | p.mirror_bufs << 8),
            (regs::CAP_ADDRESS, p.lba_w | p.iova_w << 8),
            (regs::COUNTERS_COUNT, Counter::ALL.len()),
        ] {
            model.put(r.offset, value as u32);
        }
        model
    }

    fn put(&mut self, offset: usize, value: u32) {
        self.words.get_mut(&offset).expect("a register").0 = value;
    }

    fn write(&mut self, offset: usize, data: u32, strobes: u32) {
        let lanes = (0..4).fold(0, |m, i| if strobes >> i & 1 == 1 { m | 0xff << (8 * i) } else { m });
        if let Some((value, mask)) = self.words.get_mut(&(offset & !3)) {
            let mask = *mask & lanes;
            *value = *value & !mask | data & mask;
        }
    }

    fn read(&self, offset: usize) -> u32 {
        self.words.get(&(offset & !3)).map_or(0, |w| w.0)
    }

    fn of(&self, r: &Register, i: usize) -> u64 {
        u64::from(self.read(r.at(i)))
    }

    /// The levels that should stand at the outputs.
    fn settings(&self) -> Vec<(&'static str, Vec<u64>)> {
        let list = |r: &Register| (0..present(&self.p, r)).map(|i| self.of(r, i)).collect::<Vec<u64>>();
        let wide = |low: &Register, high: &Register| {
            (0..present(&self.p, low)).map(|i| self.of(low, i) | self.of(high, i) << 32).collect::<Vec<u64>>()
        };
        // Block addresses: 40 bits each.
        let high = |low: &Register, field: Field| {
            let part = |i| u64::from(field.of(self.read(regs::LUN_HIGH.at(i))));
            (0..present(&self.p, low)).map(|i| self.of(low, i) | part(i) << 32).collect::<Vec<u64>>()
        };
        vec![
            ("enable", list(&regs::CONTROL)),
            ("site", list(&regs::SITE)),
            ("link_up", vec![self.of(&regs::LINK_CONTROL, 0) & 1]),
            ("jumbo", vec![self.of(&regs::LINK_CONTROL, 0) >> 1 & 1]),
            ("generation", list(&regs::LINK_GENERATION)),
            ("mac", wide(&regs::MAC_LO, &regs::MAC_HI)),
            ("peer_mac", wide(&regs::PEER_MAC_LO, &regs::PEER_MAC_HI)),
            ("ip", list(&regs::IP)),
            ("peer_ip", list(&regs::PEER_IP)),
            ("udp_port", list(&regs::UDP_PORT)),
            ("resend_cycles", list(&regs::RESEND_CYCLES)),
            ("resend_limit", list(&regs::RESEND_LIMIT)),
            ("peer_slots", list(&regs::PEER_SLOTS)),
            ("staging_base", wide(&regs::STAGING_BASE, &regs::STAGING_BASE_HIGH)),
            ("mailbox_vector", list(&regs::MAILBOX_VECTOR)),
            ("lun_control", list(&regs::LUN_CONTROL)),
            ("lun_blocks", high(&regs::LUN_BLOCKS, regs::LUN_BLOCKS_HIGH)),
            ("lun_store_base", high(&regs::LUN_STORE_BASE, regs::LUN_STORE_BASE_HIGH)),
            ("lun_extent_base", list(&regs::LUN_EXTENT_BASE)),
            ("sq_base", wide(&regs::SQ_BASE_LO, &regs::SQ_BASE_HI)),
            ("cq_base", wide(&regs::CQ_BASE_LO, &regs::CQ_BASE_HI)),
            ("queue_control", list(&regs::QUEUE_CONTROL)),
            ("vector_moderation", list(&regs::VECTOR_MODERATION)),
        ]
    }
}

/// An AXI4-Lite host: every channel has pauses of its own.
struct Bus {
    dut: Dut,
    /// One cycle in so many goes; 1: always.
    pace: u64,
    aw: VecDeque<usize>,
    w: VecDeque<(u32, u32)>,
    ar: VecDeque<usize>,
    offered: [bool; 3],
    /// Cycles in which address, data and answers passed.
    passed: [Vec<u64>; 3],
    reads: VecDeque<u32>,
    read_cycles: Vec<(u64, u64)>,
    /// (cycle, pair, value) of both kinds of doorbell.
    bells: [Vec<(u64, u64, u64)>; 2],
    /// (cycle, name, value) of pulses.
    pulses: Vec<(u64, &'static str, u64)>,
}

impl Bus {
    fn new(dut: Dut, pace: u64) -> Self {
        Self {
            dut,
            pace,
            aw: VecDeque::new(),
            w: VecDeque::new(),
            ar: VecDeque::new(),
            offered: [false; 3],
            passed: Default::default(),
            reads: VecDeque::new(),
            read_cycles: Vec::new(),
            bells: Default::default(),
            pulses: Vec::new(),
        }
    }

    fn write(&mut self, offset: usize, data: u32) {
        self.write_lanes(offset, data, 0xf);
    }

    fn write_lanes(&mut self, offset: usize, data: u32, strobes: u32) {
        self.aw.push_back(offset);
        self.w.push_back((data, strobes));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        let pace = self.pace;
        let go = |rng: &mut Rng| rng.one_in(pace);
        let waiting = [!self.aw.is_empty(), !self.w.is_empty(), !self.ar.is_empty()];
        for (offered, waiting) in self.offered.iter_mut().zip(waiting) {
            *offered |= waiting && go(rng);
        }
        let (b_ready, r_ready) = (go(rng), go(rng));
        let d = &mut self.dut;
        for (name, value) in [
            ("awvalid", u64::from(self.offered[0])),
            ("awaddr", if self.offered[0] { self.aw[0] as u64 } else { rng.next_u64() }),
            ("wvalid", u64::from(self.offered[1])),
            ("wdata", if self.offered[1] { u64::from(self.w[0].0) } else { rng.next_u64() }),
            ("wstrb", if self.offered[1] { u64::from(self.w[0].1) } else { rng.next_u64() }),
            ("arvalid", u64::from(self.offered[2])),
            ("araddr", if self.offered[2] { self.ar[0] as u64 } else { rng.next_u64() }),
            ("bready", u64::from(b_ready)),
            ("rready", u64::from(r_ready)),
        ] {
            d.poke(&format!("s_axil_{name}"), value);
        }
        d.settle();
        let now = d.cycle();
        let get = |name: &str| d.peek(&format!("s_axil_{name}"));
        if self.offered[0] && get("awready") == 1 {
            self.offered[0] = false;
            self.aw.pop_front();
            self.passed[0].push(now);
        }
        if self.offered[1] && get("wready") == 1 {
            self.offered[1] = false;
            self.w.pop_front();
            self.passed[1].push(now);
        }
        if self.offered[2] && get("arready") == 1 {
            self.offered[2] = false;
            self.ar.pop_front();
            self.read_cycles.push((now, u64::MAX));
        }
        if b_ready && get("bvalid") == 1 {
            assert_eq!(get("bresp"), 0, "writes are answered OKAY");
            self.passed[2].push(now);
        }
        if get("rvalid") == 1 {
            let open = self.read_cycles.last_mut().expect("nothing was asked for");
            open.1 = open.1.min(now);
            if r_ready {
                assert_eq!(get("rresp"), 0, "reads are answered OKAY");
                self.reads.push_back(get("rdata") as u32);
            }
        }
        for (kind, name, fields) in [(0, "m_sqdb", SqDoorbell::FIELDS), (1, "m_cqdb", CqDoorbell::FIELDS)] {
            if d.peek(&format!("{name}_valid")) == 1 {
                let event = d.peek_bits(&format!("{name}_data"));
                self.bells[kind].push((now, field(fields, &event, "queue"), field(fields, &event, fields[1].0)));
            }
        }
        for name in ["queue_start", "mb_send", "mb_take", "mb_tx_we", "soft_rst"] {
            let value = match (d.peek(name), name) {
                (0, _) => continue,
                (we, "mb_tx_we") => we | d.peek("mb_tx_addr") << 4 | d.peek("mb_tx_data") << 16,
                (_, "mb_send") => d.peek("mb_send_bytes"),
                (value, _) => value,
            };
            self.pulses.push((now, name, value));
        }
        d.edge();
    }

    /// Runs until all is answered.
    fn finish(&mut self, rng: &mut Rng) {
        let writes = self.passed[2].len() + self.aw.len() + (self.passed[0].len() - self.passed[2].len());
        let reads = self.reads.len() + self.ar.len();
        let deadline = self.dut.cycle() + 1000 * self.pace + 100 * (writes + reads) as u64 * self.pace;
        while self.passed[2].len() < writes || self.reads.len() < reads || self.dut.peek("quiet") == 0 {
            assert!(self.dut.cycle() < deadline, "the bus is stuck");
            self.cycle(rng);
        }
    }

    fn read(&mut self, offset: usize, rng: &mut Rng) -> u32 {
        self.reads.clear();
        self.ar.push_back(offset);
        self.finish(rng);
        self.reads.pop_front().expect("an answer")
    }
}

fn bus(t: &Trial, p: &Params, pace: u64) -> (Bus, Model) {
    (Bus::new(t.dut(&csr(p)), pace), Model::new(p))
}

fn same_settings(bus: &mut Bus, model: &Model) {
    bus.dut.settle();
    for (name, want) in model.settings() {
        let got = bus.dut.peek_bits(name);
        let w = got.width() / want.len();
        let got: Vec<u64> = (0..want.len()).map(|i| got.get(i * w, w).low_u64()).collect();
        assert_eq!(got, want, "{name}");
    }
}

/// Registers that reads and writes can be tried on without more happening.
fn quiet_words(model: &Model) -> Vec<usize> {
    let loud = [&regs::CONTROL, &regs::STATUS, &regs::NOW_LO, &regs::NOW_HI].map(|r| r.offset);
    let mut words: Vec<usize> = REGISTERS
        .iter()
        .filter(|r| !loud.contains(&r.offset))
        .flat_map(|r| (0..present(&model.p, r)).map(|i| r.at(i)))
        .collect();
    words.retain(|w| model.words.contains_key(w));
    words
}

#[test]
fn registers_read_and_write_as_the_contract_says() {
    trial(|t| {
        let builds = [Params::new(64), Params::board(64), Params::new(512)];
        for (p, pace) in [(0, 1), (0, 3), (1, 1), (2, 2)].map(|(build, pace)| (&builds[build], pace)) {
            let (mut bus, mut model) = bus(t, p, pace);
            let words = quiet_words(&model);
            for _ in 0..60 {
                for _ in 0..1 + t.rng.below(12) {
                    // One in eight goes anywhere below the doorbells, odd addresses included.
                    let offset = if t.rng.one_in(8) { t.rng.below(0x7ffc) as usize } else { *t.rng.pick(&words) };
                    if (offset & !3) == regs::CONTROL.offset {
                        continue;
                    }
                    let data =
                        *t.rng.pick(&[0, u32::MAX, 1]) ^ if t.rng.one_in(4) { 0 } else { t.rng.next_u64() as u32 };
                    let strobes = if t.rng.one_in(3) { t.rng.below(16) as u32 } else { 0xf };
                    bus.write_lanes(offset, data, strobes);
                    model.write(offset, data, strobes);
                }
                bus.finish(&mut t.rng);
                same_settings(&mut bus, &model);
                let asked: Vec<usize> = (0..20).map(|_| *t.rng.pick(&words)).collect();
                bus.reads.clear();
                bus.ar.extend(&asked);
                bus.finish(&mut t.rng);
                for (offset, got) in asked.iter().zip(&bus.reads) {
                    assert_eq!(*got, model.read(*offset), "register {offset:#06x}");
                }
            }
        }
    });
}

#[test]
fn reserved_words_read_as_zero() {
    trial(|t| {
        let (mut bus, model) = bus(t, &Params::new(64), 1);
        bus.dut.poke("now", 0);
        bus.ar.extend((0..BAR_BYTES).step_by(4));
        bus.finish(&mut t.rng);
        assert_eq!(bus.reads.len(), BAR_BYTES / 4);
        for (i, got) in bus.reads.iter().enumerate() {
            assert_eq!(*got, model.read(4 * i), "word {:#06x}", 4 * i);
        }
        let latencies: Vec<u64> = bus.read_cycles.iter().map(|(ask, answer)| answer - ask).collect();
        assert!(latencies.iter().all(|l| *l == 4), "reads take 4 cycles");
    });
}

#[test]
fn doorbells_come_one_cycle_after_their_write() {
    trial(|t| {
        for pace in [1, 2, 4] {
            let (mut bus, _) = bus(t, &Params::new(64), pace);
            let mut boards = [Scoreboard::new("SQ doorbell"), Scoreboard::new("CQ doorbell")];
            let mut which = Vec::new();
            for n in 0..400 {
                let (pair, data, strobes) =
                    (t.rng.below(8), t.rng.next_u64() as u32 >> t.rng.below(32), *t.rng.pick(&[0xf, 3, 1, 2, 0]));
                let (kind, register) = *t.rng.pick(&[(0, regs::SQ_DOORBELL), (1, regs::CQ_DOORBELL)]);
                bus.write_lanes(register.at(pair as usize), data, strobes);
                if strobes & 3 == 3 {
                    boards[kind].expect((pair, u64::from(data).min(0xffff)));
                    which.push((n, kind));
                }
            }
            bus.finish(&mut t.rng);
            for (bells, board) in bus.bells.iter().zip(&mut boards) {
                bells.iter().for_each(|(_, pair, value)| board.got(&(*pair, *value)));
                board.finish();
            }
            // Where no answer waits, the event is one cycle behind the later of address and data.
            let mut seen = [0, 0];
            for (n, kind) in which {
                let event = bus.bells[kind][seen[kind]].0;
                seen[kind] += 1;
                let accepted = bus.passed[0][n].max(bus.passed[1][n]);
                let free = n == 0 || bus.passed[2][n - 1] <= accepted;
                assert!(event > accepted && (!free || event == accepted + 1), "write {n}: {accepted}, event {event}");
                if pace == 1 {
                    assert_eq!(event, accepted + 1);
                    assert_eq!(accepted, n as u64, "a write a cycle");
                }
            }
        }
    });
}

#[test]
fn a_setting_stands_when_the_next_doorbell_comes() {
    trial(|t| {
        let (mut bus, _) = bus(t, &Params::new(64), 1);
        for pair in 0..QUEUES {
            bus.write(regs::QUEUE_CONTROL.at(pair), 0x0003_a501);
            bus.write(regs::SQ_DOORBELL.at(pair), 7);
            bus.finish(&mut t.rng);
            let (at, _, _) = *bus.bells[0].last().expect("a doorbell");
            let starts: Vec<_> = bus.pulses.iter().filter(|p| p.1 == "queue_start").collect();
            assert_eq!(starts.len(), pair + 1, "one pulse");
            assert_eq!((starts[pair].0, starts[pair].2), (at, 1 << pair), "start and doorbell in one cycle");
        }
        // Once more while it is enabled: again a pulse. Without the bit, or its byte: none.
        let before = bus.pulses.len();
        for (data, strobes, pulse) in [(0x0003_a501, 0xf, true), (0x0003_a500, 0xf, false), (1, 0xe, false)] {
            bus.write_lanes(regs::QUEUE_CONTROL.at(1), data, strobes);
            bus.finish(&mut t.rng);
            assert_eq!(bus.pulses.len() > before, pulse);
            bus.pulses.truncate(before);
        }
    });
}

#[test]
fn soft_reset_clears_all_but_control_and_scratch() {
    trial(|t| {
        let (mut bus, mut model) = bus(t, &Params::new(64), 2);
        for hold in [0, 100] {
            for offset in quiet_words(&model) {
                let data = t.rng.next_u64() as u32;
                bus.write(offset, data);
                model.write(offset, data, 0xf);
            }
            bus.finish(&mut t.rng);
            same_settings(&mut bus, &model);
            bus.pulses.clear();
            bus.dut.poke("ready", 1);
            bus.dut.poke("reset_hold", u64::from(hold > 0));
            bus.write(regs::CONTROL.offset, 3);
            let start = bus.dut.cycle();
            while bus.passed[2].len() < bus.passed[0].len() || bus.passed[0].last() < Some(&start) {
                bus.cycle(&mut t.rng);
            }
            // Writes while it lasts are answered and lost.
            bus.write(regs::LUN_BLOCKS.at(2), 0x1234);
            bus.write(regs::QUEUE_CONTROL.at(2), 0x0001_1101);
            (0..10).for_each(|_| bus.cycle(&mut t.rng));
            if hold > 0 {
                (0..hold).for_each(|_| bus.cycle(&mut t.rng));
                bus.reads.clear();
                bus.ar.extend([regs::CONTROL.offset, regs::STATUS.offset]);
                (0..60).for_each(|_| bus.cycle(&mut t.rng));
                assert_eq!(bus.reads, [3, 0], "CONTROL and STATUS while it lasts");
                bus.dut.poke("reset_hold", 0);
            }
            bus.finish(&mut t.rng);
            let lasted = bus.pulses.iter().filter(|p| p.1 == "soft_rst").count();
            assert!(if hold > 0 { lasted > 100 } else { lasted == SOFT_RESET_CYCLES }, "{lasted} cycles of reset");
            assert!(bus.pulses.iter().all(|p| p.1 != "queue_start"), "no pair is set up in reset");
            let kept = [(regs::SITE, 0), (regs::SCRATCH, 0)].map(|(r, i)| (r.at(i), model.read(r.at(i))));
            model = Model::new(&Params::new(64));
            kept.iter().for_each(|(offset, value)| model.put(*offset, *value));
            model.put(regs::CONTROL.offset, 1);
            same_settings(&mut bus, &model);
            for (offset, value) in kept {
                assert_eq!(bus.read(offset, &mut t.rng), value);
            }
            assert_eq!(bus.read(regs::CONTROL.offset, &mut t.rng), 1, "reset is over, enable as written with it");
            assert_eq!(bus.read(regs::STATUS.offset, &mut t.rng), regs::STATUS_READY.put(1));
        }
    });
}

#[test]
fn time_is_read_in_one_piece() {
    trial(|t| {
        let (mut bus, _) = bus(t, &Params::new(64), 3);
        for _ in 0..50 {
            // The low half is about to wrap.
            let mut now = u64::from(t.rng.next_u64() as u32) << 32 | (u32::MAX - t.rng.below(12) as u32) as u64;
            let first = now;
            let mut halves = Vec::new();
            for offset in [regs::NOW_LO.offset, regs::NOW_HI.offset] {
                bus.reads.clear();
                bus.ar.push_back(offset);
                while bus.reads.is_empty() {
                    bus.dut.poke("now", now);
                    bus.cycle(&mut t.rng);
                    now += 1;
                }
                halves.push(u64::from(bus.reads[0]));
            }
            let read = halves[0] | halves[1] << 32;
            assert!((first..now).contains(&read), "{read:#x} is not between {first:#x} and {now:#x}");
        }
    });
}

#[test]
fn status_counters_and_mailbox_are_passed_on() {
    trial(|t| {
        let (mut bus, mut model) = bus(t, &Params::new(64), 2);
        bus.dut.poke("idle", 1);
        bus.dut.poke("fenced", 1);
        bus.dut.poke("slots_in_use", 0x345);
        bus.dut.poke("queue_error", 0b0100);
        bus.dut.poke("queue_head", 0x1111_2222_3333_4444);
        bus.dut.poke("mb_rx_valid", 1);
        bus.dut.poke("mb_rx_bytes", 4096);
        bus.write(regs::LINK_CONTROL.offset, 1);
        bus.finish(&mut t.rng);
        for (offset, want) in [
            (regs::STATUS.offset, 0b0111),
            (regs::SLOTS_IN_USE.offset, 0x345),
            (regs::QUEUE_STATUS.at(2), 0x8000_2222),
            (regs::QUEUE_STATUS.at(3), 0x1111),
            (regs::MAILBOX_STATUS.offset, 0x1000_0002),
        ] {
            assert_eq!(bus.read(offset, &mut t.rng), want, "{offset:#x}");
        }
        // Counters answer 2 cycles after their address, messages 1.
        let mut late = [0u64; 2];
        for i in (0..128).chain(0..128) {
            bus.reads.clear();
            let message = i % 64;
            let (offset, want) = if t.rng.one_in(2) {
                (regs::COUNTER.at(i), 0xc000_0000 + i as u32)
            } else {
                (regs::MAILBOX_RX_DATA.at(message), 0xa000_0000 + message as u32)
            };
            bus.ar.push_back(offset);
            while bus.reads.is_empty() {
                bus.dut.poke("counter_data", 0xc000_0000 + late[1]);
                bus.dut.poke("mb_rx_data", 0xa000_0000 + bus.dut.peek("mb_rx_addr"));
                let asked = bus.dut.peek("counter_addr");
                let rx = bus.dut.peek("mb_rx_addr");
                bus.cycle(&mut t.rng);
                late = [asked, late[0]];
                bus.dut.poke("mb_rx_data", 0xa000_0000 + rx);
            }
            assert_eq!(bus.reads[0], want, "{offset:#x}");
        }
        // Orders to the mailbox.
        bus.pulses.clear();
        bus.write_lanes(regs::MAILBOX_TX_DATA.at(9), 0x1234_5678, 0b0110);
        bus.write(regs::MAILBOX_SEND.offset, 1408);
        bus.write(regs::MAILBOX_TAKE.offset, 1);
        bus.write(regs::MAILBOX_TAKE.offset, 2);
        bus.finish(&mut t.rng);
        let pulses: Vec<_> = bus.pulses.iter().map(|p| (p.1, p.2)).collect();
        let word = 0b0110 | 9 << 4 | 0x1234_5678 << 16;
        assert_eq!(pulses, [("mb_tx_we", word), ("mb_send", 1408), ("mb_take", 1)]);
        // A change of owner of a whole LUN.
        for _ in 0..20 {
            let (lun, owner, generation) = (t.rng.below(8), t.rng.below(2), t.rng.below(1 << 16));
            let update = pack(LunUpdate::FIELDS, &[("lun", lun), ("owner", owner), ("generation", generation)]);
            bus.dut.poke_bits("lun_update_data", &update);
            bus.dut.poke("lun_update_valid", 1);
            bus.cycle(&mut t.rng);
            bus.dut.poke("lun_update_valid", 0);
            let offset = regs::LUN_CONTROL.at(lun as usize);
            let fields = regs::LUN_OWNER.put(owner as u32) | regs::LUN_GENERATION.put(generation as u32);
            let mask = regs::LUN_OWNER.put(1) | regs::LUN_GENERATION.put(u32::MAX);
            model.put(offset, model.read(offset) & !mask | fields);
            assert_eq!(bus.read(offset, &mut t.rng), model.read(offset));
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&csr(&Params::new(64)), 3, 0);
}
