//! `offload::admin` with a host memory, a directory and a register file in plain Rust.

mod common;

use common::{addresses, words};
use dyad_hdl::bundle::{AdminCmd, AdminDone, DirUpdate, HostBurst, LBA_W, Lookup, LunUpdate};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::admin::{DirAddress, admin};
use dyad_hdl::offload::directory::LATENCY;
use dyad_hdl::params::Params;
use dyad_spec::entry::lookup::LookupAnswer;
use dyad_spec::{MAGIC, Opcode, SPEC_VERSION, Status, regs};
use dyad_tests::{Dut, Rng, Scoreboard, Sink, Source, Stall, Trial, field, pack, trial};
use std::collections::{HashMap, HashSet, VecDeque};

const PAGE: u64 = 4096;

/// The highest address.
const LAST: u64 = (1 << LBA_W) - 1;

/// Blocks of each LUN, and log2 of its extents' blocks.
const LUNS: [(u64, u32); 8] =
    [(0, 0), (1 << 20, 4), (1000, 3), (LAST, 31), (17, 0), (1 << 38, 25), (4096, 12), (65536, 0)];

/// What the directory says of an address: a function that the engine does not know.
fn owner_of(lun: u64, lba: u64) -> LookupAnswer {
    let mut answer = LookupAnswer::new();
    if lba < LUNS[lun as usize].0 {
        let hash = (lba.wrapping_mul(0x9e37_79b9) ^ lun << 7) & 0xffff_ffff;
        answer.set_epoch(hash).set_owner(hash >> 5 & 1).set_valid(1);
    }
    answer
}

/// A burst on its way: when it may be answered, where, beats.
type Burst = (u64, u64, u64);

/// Memory of the host behind `m_rd`, `s_rdata`, `m_wr`, `m_wdata`, `s_b`.
struct Host {
    pages: HashMap<u64, Vec<u8>>,
    /// Pages that fault.
    bad_reads: HashSet<u64>,
    bad_writes: HashSet<u64>,
    latency: u64,
    beat: usize,
    rd: Sink,
    rdata: Source,
    wr: Sink,
    wdata: Sink,
    reads: VecDeque<Burst>,
    writes: VecDeque<Burst>,
    /// Beats that came, not yet of a finished burst.
    beats: VecDeque<Bits>,
    answers: VecDeque<(u64, bool)>,
    /// Bytes written.
    written: HashMap<u64, u8>,
}

impl Host {
    fn new(dut: &Dut, p: &Params, stall: Stall, latency: u64) -> Self {
        Self {
            pages: HashMap::new(),
            bad_reads: HashSet::new(),
            bad_writes: HashSet::new(),
            latency,
            beat: p.data_w / 8,
            rd: Sink::new(dut, "m_rd", stall),
            rdata: Source::new(dut, "s_rdata", stall),
            wr: Sink::new(dut, "m_wr", stall),
            wdata: Sink::new(dut, "m_wdata", stall),
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            beats: VecDeque::new(),
            answers: VecDeque::new(),
            written: HashMap::new(),
        }
    }

    fn burst(&self, dut: &Dut, bits: &Bits) -> Burst {
        let (addr, beats) = (field(HostBurst::FIELDS, bits, "addr"), field(HostBurst::FIELDS, bits, "beats"));
        let bytes = beats * self.beat as u64;
        assert!((1..=256).contains(&beats), "a burst of {beats} beats");
        assert!(addr.is_multiple_of(self.beat as u64), "address {addr:#x}");
        assert_eq!(addr / PAGE, (addr + bytes - 1) / PAGE, "{beats} beats at {addr:#x} cross a 4 KiB boundary");
        (dut.cycle() + self.latency, addr, beats)
    }

    fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        while self.reads.front().is_some_and(|r| r.0 <= dut.cycle()) {
            let (_, addr, beats) = self.reads.pop_front().expect("just seen");
            let err = self.bad_reads.contains(&(addr / PAGE));
            for beat in 0..beats {
                let at = (addr % PAGE) as usize + beat as usize * self.beat;
                let data = match self.pages.get(&(addr / PAGE)) {
                    Some(page) if !err => Bits::from_bytes_le(&page[at..at + self.beat]),
                    _ => rng.bits(8 * self.beat),
                };
                let mut word = data.resize(8 * self.beat + 2);
                word.set(8 * self.beat, &Bits::from_u64(u64::from(beat + 1 == beats), 1));
                word.set(8 * self.beat + 1, &Bits::from_u64(err.into(), 1));
                self.rdata.push(word);
            }
        }
        let answer = self.answers.front().is_some_and(|a| a.0 <= dut.cycle());
        dut.poke("s_b_valid", answer.into());
        dut.poke("s_b_data", rng.below(2));
        if answer {
            let (_, err) = self.answers.pop_front().expect("just seen");
            dut.poke("s_b_data", err.into());
        }
        self.rdata.drive(dut, rng);
        self.rd.drive(dut, rng);
        self.wr.drive(dut, rng);
        self.wdata.drive(dut, rng);
    }

    fn sample(&mut self, dut: &Dut) {
        if let Some(bits) = self.rd.sample(dut) {
            self.reads.push_back(self.burst(dut, &bits));
        }
        if let Some(bits) = self.wr.sample(dut) {
            self.writes.push_back(self.burst(dut, &bits));
        }
        self.beats.extend(self.wdata.sample(dut));
        self.rdata.sample(dut);
        while self.writes.front().is_some_and(|w| w.2 <= self.beats.len() as u64) {
            let (_, addr, beats) = self.writes.pop_front().expect("just seen");
            let err = self.bad_writes.contains(&(addr / PAGE));
            for beat in 0..beats {
                let bytes = self.beats.pop_front().expect("enough came").to_bytes_le();
                let at = addr + beat * self.beat as u64;
                if !err {
                    self.written.extend(bytes.iter().enumerate().map(|(i, b)| (at + i as u64, *b)));
                }
            }
            self.answers.push_back((dut.cycle() + self.latency, err));
        }
    }

    /// Takes away what was written from `addr` on, `count` bytes.
    fn take(&mut self, addr: u64, count: usize) -> Option<Vec<u8>> {
        (0..count as u64).map(|i| self.written.remove(&(addr + i))).collect()
    }
}

/// A command as the test knows it.
#[derive(Clone, Debug)]
struct Command {
    opcode: Opcode,
    lun: u64,
    whole: bool,
    owner: u64,
    blocks: u64,
    lba: u64,
    iova: u64,
    aux: u64,
}

impl Command {
    fn new(opcode: Opcode) -> Self {
        Self { opcode, lun: 1, whole: false, owner: 0, blocks: 0, lba: 0, iova: 0, aux: 0 }
    }

    fn pack(&self, cmd: u64) -> Bits {
        let fields = [
            ("cmd", cmd),
            ("opcode", self.opcode.code()),
            ("flags", u64::from(self.whole) << 1),
            ("lun", self.lun),
            ("owner", self.owner),
            ("blocks", self.blocks & 0xffff),
            ("lba", self.lba),
            ("iova", self.iova),
            ("aux", self.aux),
        ];
        pack(AdminCmd::FIELDS, &fields)
    }

    /// Addresses of the updates, one an extent; none when the range is bad.
    fn updates(&self) -> Option<Vec<u64>> {
        let (blocks, shift) = LUNS[self.lun as usize];
        let count = if self.blocks == 0 { 65536 } else { self.blocks };
        (self.lba + count <= blocks)
            .then(|| (self.lba >> shift..=(self.lba + count - 1) >> shift).map(|extent| extent << shift).collect())
    }
}

struct Bench {
    dut: Dut,
    p: Params,
    host: Host,
    cmd: Source,
    done: Sink,
    dir: Sink,
    flying: VecDeque<(u64, Bits)>,
    dones: Scoreboard<(u64, Status)>,
    updates: Scoreboard<(u64, u64, u64, u64)>,
    lun_updates: Scoreboard<(u64, u64, u64)>,
    lookups: u64,
    asked: Vec<u64>,
    /// Cycle in which each kind of thing happened last.
    last: HashMap<&'static str, u64>,
    pages: u64,
}

impl Bench {
    fn new(t: &Trial, p: &Params, stall: Stall, latency: u64) -> Self {
        let mut dut = t.dut(&admin(p));
        let control = |(_, shift): (u64, u32)| regs::LUN_VALID.put(1) | regs::LUN_EXTENT_SHIFT.put(shift);
        dut.poke_bits("lun_control", &words(&LUNS.map(control)));
        dut.poke_bits("lun_blocks", &addresses(&LUNS.map(|l| l.0)));
        let host = Host::new(&dut, p, stall, latency);
        let (cmd, done) = (Source::new(&dut, "s_cmd", stall), Sink::new(&dut, "m_done", stall));
        let dir = Sink::new(&dut, "m_dir", stall);
        Self {
            dut,
            p: p.clone(),
            host,
            cmd,
            done,
            dir,
            flying: VecDeque::new(),
            dones: Scoreboard::new("end of a command"),
            updates: Scoreboard::new("update"),
            lun_updates: Scoreboard::new("LUN update"),
            lookups: 0,
            asked: Vec::new(),
            last: HashMap::new(),
            pages: 1,
        }
    }

    /// A page that nobody has, in the middle of a large address space.
    fn page(&mut self) -> u64 {
        self.pages += 1;
        (0x7_0000_0000 + self.pages * 3) * PAGE
    }

    /// Sends a command with the status it must end with.
    fn send(&mut self, number: u64, command: &Command, status: Status) {
        self.cmd.push(command.pack(number));
        self.dones.expect((number, status));
        if command.opcode == Opcode::SetOwner {
            let (lun, owner) = (command.lun, command.owner);
            if command.whole {
                self.lun_updates.expect((lun, owner, command.aux >> 16 & 0xffff));
            } else if let Some(list) = command.updates() {
                list.into_iter().for_each(|lba| self.updates.expect((lun, lba, owner, command.aux & 0xffff)));
            }
        }
    }

    fn cycle(&mut self, rng: &mut Rng) {
        let dut = &mut self.dut;
        dut.poke("now", dut.cycle() + 0x5_0000_0000);
        self.host.drive(dut, rng);
        self.cmd.drive(dut, rng);
        self.done.drive(dut, rng);
        self.dir.drive(dut, rng);
        let answer = self.flying.front().is_some_and(|f| f.0 == dut.cycle());
        dut.poke("s_dir_valid", answer.into());
        if answer {
            let (_, asked) = self.flying.pop_front().expect("just seen");
            let get = |name| field(DirAddress::FIELDS, &asked, name);
            let answer = owner_of(get("lun"), get("lba"));
            // An address that is not valid gets an owner and an epoch, too: the engine must not pass them on.
            let junk = if answer.valid() == 1 { answer.epoch() } else { rng.next_u64() & 0xffff_ffff };
            let owner = if answer.valid() == 1 { answer.owner() } else { rng.below(2) };
            let fields = [("tag", rng.below(16)), ("valid", answer.valid()), ("owner", owner), ("epoch", junk)];
            dut.poke_bits("s_dir_data", &pack(Lookup::FIELDS, &fields));
        }
        dut.settle();
        for port in ["s_cmd", "m_rd", "s_rdata", "m_dir", "s_dir", "m_wr", "s_b", "m_done"] {
            if dut.peek(&format!("{port}_valid")) == 1 {
                self.last.insert(port, dut.cycle());
            }
        }
        self.host.sample(dut);
        self.cmd.sample(dut);
        if let Some(asked) = self.dir.sample(dut) {
            self.flying.push_back((dut.cycle() + LATENCY as u64, asked));
            self.asked.push(dut.cycle());
        }
        self.lookups += dut.peek("ev_lookups");
        assert_eq!(dut.peek("ev_directory_updates"), dut.peek("m_update_valid"));
        if dut.peek("m_update_valid") == 1 {
            let bits = dut.peek_bits("m_update_data");
            let get = |name| field(DirUpdate::FIELDS, &bits, name);
            self.updates.got(&(get("lun"), get("lba"), get("owner"), get("epoch")));
        }
        if dut.peek("lun_update_valid") == 1 {
            let bits = dut.peek_bits("lun_update_data");
            let get = |name| field(LunUpdate::FIELDS, &bits, name);
            self.lun_updates.got(&(get("lun"), get("owner"), get("generation")));
        }
        if let Some(bits) = self.done.sample(dut) {
            let get = |name| field(AdminDone::FIELDS, &bits, name);
            let status = Status::try_from(get("status") as u8).expect("a status");
            self.dones.got(&(get("cmd"), status));
        }
        dut.edge();
    }

    /// Runs until all commands have ended and nothing moves any more.
    fn run(&mut self, rng: &mut Rng) {
        let start = self.dut.cycle();
        while self.dones.missing() > 0 {
            self.cycle(rng);
            assert!(self.dut.cycle() - start < 400_000, "{} commands never ended", self.dones.missing());
        }
        (0..100).for_each(|_| self.cycle(rng));
        self.dut.settle();
        assert_eq!(self.dut.peek("quiet"), 1, "all commands have ended");
        self.dones.finish();
        assert_eq!(self.updates.missing() + self.lun_updates.missing(), 0, "updates that did not come");
        assert_eq!(self.lookups, self.asked.len() as u64, "ev_lookups");
        assert!(self.host.beats.is_empty() && self.host.writes.is_empty(), "data without a burst, or the reverse");
    }

    /// A LOOKUP with its addresses in memory; most of them near a LUN's end.
    fn lookup(&mut self, rng: &mut Rng, count: u64) -> (Command, Vec<u64>) {
        let lun = rng.below(8);
        let blocks = LUNS[lun as usize].0;
        let near = |rng: &mut Rng| (blocks + rng.below(5)).saturating_sub(2);
        let list: Vec<u64> = (0..count)
            .map(|_| match rng.below(6) {
                0 => near(rng),
                1 => near(rng) | 1 << (LBA_W as u64 + rng.below(64 - LBA_W as u64)),
                2 => LAST,
                3 => rng.next_u64(),
                _ => rng.below(blocks.max(1)),
            })
            .collect();
        let mut page: Vec<u8> = list.iter().flat_map(|a| a.to_le_bytes()).collect();
        page.resize_with(PAGE as usize, || rng.next_u64() as u8);
        let (iova, aux) = (self.page(), self.page());
        self.host.pages.insert(iova / PAGE, page);
        (Command { lun, blocks: count, iova, aux, ..Command::new(Opcode::Lookup) }, list)
    }

    /// Checks a LOOKUP's answers, and that the rest of the last beat is zero.
    fn check_lookup(&mut self, command: &Command, list: &[u64]) {
        let bytes = (list.len() * 8).next_multiple_of(self.p.data_w / 8);
        let got = self.host.take(command.aux, bytes).expect("all answers are written");
        for (i, address) in list.iter().enumerate() {
            let want = if *address >> LBA_W == 0 { owner_of(command.lun, *address) } else { LookupAnswer::new() };
            assert_eq!(got[8 * i..8 * i + 8], want.0, "address {i}: LUN {}, {address:#x}", command.lun);
        }
        assert!(got[8 * list.len()..].iter().all(|b| *b == 0), "zeroes after the answers");
    }

    /// Nothing was written that was not checked.
    fn nothing_else(&self) {
        assert!(self.host.written.is_empty(), "{} bytes written where nobody asked", self.host.written.len());
    }
}

/// Both widths, each with every kind of pause.
fn everywhere(body: impl Fn(&mut Trial, &Params, Stall)) {
    trial(|t| {
        for data_w in [64, 512] {
            for stall in Stall::ALL {
                body(t, &Params::new(data_w), stall);
            }
        }
    });
}

#[test]
fn aux_lookup_answers_every_count() {
    everywhere(|t, p, stall| {
        let mut bench = Bench::new(t, p, stall, 30);
        let mut sent = Vec::new();
        for (number, count) in [1, 2, 7, 8, 9, 63, 64, 65, 71, 128, 500, 511, 512, 512, 3].into_iter().enumerate() {
            let (command, list) = bench.lookup(&mut t.rng, count);
            bench.send(number as u64, &command, Status::Ok);
            sent.push((command, list));
        }
        bench.run(&mut t.rng);
        sent.iter().for_each(|(command, list)| bench.check_lookup(command, list));
        bench.nothing_else();
        assert_eq!(bench.lookups, sent.iter().map(|s| s.1.len() as u64).sum::<u64>());
    });
}

#[test]
fn aux_identify_tells_the_core_registers() {
    everywhere(|t, p, stall| {
        let mut bench = Bench::new(t, p, stall, 30);
        for (name, value) in [("enable", 1), ("idle", 0), ("link_up", 1), ("fenced", 1), ("ready", 1)] {
            bench.dut.poke(name, value);
        }
        let commands: Vec<Command> =
            (0..3).map(|_| Command { iova: bench.page(), ..Command::new(Opcode::Identify) }).collect();
        commands.iter().enumerate().for_each(|(n, c)| bench.send(n as u64, c, Status::Ok));
        bench.run(&mut t.rng);
        for command in &commands {
            let got = bench.host.take(command.iova, PAGE as usize).expect("a whole block");
            let word =
                |r: &regs::Register| u32::from_le_bytes(got[r.offset..r.offset + 4].try_into().expect("4 bytes"));
            assert_eq!(word(&regs::CORE_BLOCK), regs::block::CORE | 1 << 16);
            assert_eq!(word(&regs::CORE_NEXT), 0x100);
            assert_eq!(word(&regs::MAGIC), MAGIC);
            assert_eq!(word(&regs::VERSION), SPEC_VERSION);
            assert_eq!(word(&regs::CAP_WIDTH), (p.data_w | p.store_w << 16) as u32);
            assert_eq!(word(&regs::CAP_SLOTS), p.slots as u32);
            assert_eq!(word(&regs::CAP_COUNTS), (p.queues | p.vectors << 8 | p.luns << 16 | p.queue_log2 << 24) as u32);
            assert_eq!(word(&regs::CAP_EXTENTS), p.extents as u32);
            assert_eq!(word(&regs::CAP_CLOCK_KHZ), p.clock_khz as u32);
            assert_eq!(word(&regs::CAP_PERIOD), p.period as u32);
            assert_eq!(word(&regs::CAP_BUFFERS), (p.local_bufs | p.mirror_bufs << 8) as u32);
            assert_eq!(word(&regs::CAP_ADDRESS), (p.lba_w | p.iova_w << 8) as u32);
            assert_eq!(word(&regs::CONTROL), 1);
            assert_eq!(word(&regs::STATUS), 0b1110);
            let now = u64::from(word(&regs::NOW_LO)) | u64::from(word(&regs::NOW_HI)) << 32;
            assert!((0x5_0000_0000..0x5_0000_0000 + bench.dut.cycle()).contains(&now), "now {now:#x}");
            assert!(got[64..].iter().all(|b| *b == 0), "zeroes after the registers");
        }
        bench.nothing_else();
    });
}

#[test]
fn aux_set_owner_updates_each_extent_once() {
    everywhere(|t, p, stall| {
        let mut bench = Bench::new(t, p, stall, 10);
        let mut number = 0;
        let mut refused = 0;
        for lun in 1..8 {
            let (blocks, shift) = LUNS[lun as usize];
            let end = blocks;
            let extent = 1u64 << shift;
            let mut ranges = vec![(0, 1), (end - 1, 1), (end - 1, 2), (end, 1), (LAST, 65535), (0, 0)];
            ranges.push((extent.min(end) - 1, 2));
            for _ in 0..6 {
                ranges.push((t.rng.below(end), 1 + t.rng.below(200)));
            }
            for (lba, count) in ranges {
                let aux = t.rng.next_u64();
                let command =
                    Command { lun, lba, blocks: count, owner: aux >> 60 & 1, aux, ..Command::new(Opcode::SetOwner) };
                let status = if command.updates().is_some() { Status::Ok } else { Status::BadLba };
                refused += u64::from(status == Status::BadLba);
                bench.send(number, &command, status);
                number += 1;
            }
            let aux = t.rng.next_u64();
            let whole = Command { lun, whole: true, owner: lun & 1, aux, ..Command::new(Opcode::SetOwner) };
            bench.send(number, &whole, Status::Ok);
            number += 1;
        }
        bench.run(&mut t.rng);
        assert!(refused >= 14, "only {refused} ranges were bad");
        bench.lun_updates.finish();
        bench.updates.finish();
        bench.nothing_else();
    });
}

/// A fault of host memory, in any place, is the status of its own command and of no other.
#[test]
fn aux_faults_end_their_own_command() {
    everywhere(|t, p, stall| {
        let mut bench = Bench::new(t, p, stall, 20);
        let mut good = Vec::new();
        for number in 0..40 {
            let count = *t.rng.pick(&[1, 5, 8, 64, 100, 512]);
            let (command, list) = bench.lookup(&mut t.rng, count);
            let status = match t.rng.below(4) {
                0 => {
                    bench.host.bad_reads.insert(command.iova / PAGE);
                    Status::DmaReadFault
                }
                1 => {
                    bench.host.bad_writes.insert(command.aux / PAGE);
                    Status::DmaWriteFault
                }
                _ => {
                    good.push((command.clone(), list.clone()));
                    Status::Ok
                }
            };
            if status == Status::Ok && t.rng.one_in(2) {
                // Between two others: one that writes a block, and fails or not.
                let identify = Command { iova: bench.page(), ..Command::new(Opcode::Identify) };
                let fails = t.rng.one_in(2);
                if fails {
                    bench.host.bad_writes.insert(identify.iova / PAGE);
                }
                bench.send(100 + number, &identify, if fails { Status::DmaWriteFault } else { Status::Ok });
            }
            bench.send(number, &command, status);
        }
        bench.run(&mut t.rng);
        assert!(good.len() > 10);
        good.iter().for_each(|(command, list)| bench.check_lookup(command, list));
    });
}

/// Lookups at one a cycle: within a command, and from command to command.
#[test]
fn aux_looks_up_one_address_a_cycle() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut bench = Bench::new(t, &Params::new(data_w), Stall::None, 60);
            let commands: Vec<_> = (0..8).map(|_| bench.lookup(&mut t.rng, 512)).collect();
            commands.iter().enumerate().for_each(|(n, c)| bench.send(n as u64, &c.0, Status::Ok));
            bench.run(&mut t.rng);
            let took = bench.asked[8 * 512 - 1] - bench.asked[0] + 1;
            let first = bench.asked[511] - bench.asked[0] + 1;
            assert_eq!(first, 512, "DATA_W {data_w}: cycles of the first command's lookups");
            assert!(took <= 4096 + 2 * 7 + 8, "DATA_W {data_w}: 4096 lookups took {took} cycles");
        }
    });
}

/// The latencies that the block's page states.
#[test]
fn aux_latencies() {
    trial(|t| {
        for (data_w, count, to_write) in [(64, 1, 2), (512, 8, 3)] {
            let mut bench = Bench::new(t, &Params::new(data_w), Stall::None, 20);
            let (command, _) = bench.lookup(&mut t.rng, count);
            bench.send(0, &command, Status::Ok);
            bench.run(&mut t.rng);
            let cycles = |from, to| bench.last[to] - bench.last[from];
            assert_eq!(cycles("s_cmd", "m_rd"), 1, "DATA_W {data_w}");
            assert_eq!(cycles("s_rdata", "m_dir"), 2 + count, "DATA_W {data_w}: the last of {count} addresses");
            assert_eq!(cycles("m_dir", "s_dir"), LATENCY as u64, "the test's directory");
            assert_eq!(cycles("s_dir", "m_wr"), to_write, "DATA_W {data_w}");
            assert_eq!(cycles("s_b", "m_done"), 1, "DATA_W {data_w}");
        }
    });
}

/// A command with an opcode that is not this engine's ends, with a status.
#[test]
fn aux_refuses_other_opcodes() {
    trial(|t| {
        let mut bench = Bench::new(t, &Params::new(64), Stall::None, 5);
        let flush = Command::new(Opcode::Flush);
        bench.send(7, &flush, Status::BadOpcode);
        bench.run(&mut t.rng);
        bench.nothing_else();
    });
}
