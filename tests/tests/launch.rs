//! `offload::launch`: payload byte for byte on both legs, faults at every beat, buffers and stores that keep it waiting.

mod common;

use common::{EventIn, Pulses, Reader, Streams, addresses, beats, builds, crc32c, random_block, wrapped};
use dyad_hdl::bundle::{HostBurst, Launch, LocalDone, TxJob};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::launch::launch;
use dyad_hdl::params::Params;
use dyad_spec::wire::ZEROES_BYTES;
use dyad_spec::{BLOCK_BYTES, Status};
use dyad_tests::{Dut, Scoreboard, Stall, Trial, field, pack, trial};
use std::collections::{HashMap, VecDeque};

const STAGING: u64 = 0x5a_0000_0000 + 0x7700_0000;
const BASES: [u64; 8] = [0, 1000, 0x10_0000, 0x31_0000_0003, 0xff_ffff_0000, 5, 6, 7];

/// What host memory has for a write.
#[derive(Clone)]
struct Write {
    block: Vec<u8>,
    /// Beats that cannot be read.
    bad: Vec<usize>,
}

struct Bench {
    dut: Dut,
    p: Params,
    streams: Streams,
    reader: Reader,
    done: EventIn,
    events: Pulses,
    /// Blocks whose payload has not come whole, in order; and how far the first is.
    coming: VecDeque<Write>,
    at: usize,
    bursts: Scoreboard<(u64, u64)>,
    jobs: Scoreboard<Bits>,
    pay: Scoreboard<Bits>,
    homes: Scoreboard<(u64, Vec<u8>)>,
    /// By slot: how its local leg must end.
    ends: HashMap<u64, (Status, u64)>,
    /// By block in the store.
    owners: HashMap<u64, (u64, u64)>,
    storing: VecDeque<(u64, u64, u64)>,
    /// One in how many blocks the store fails; 0 for none.
    store_fails: u64,
    store_open: bool,
    faults: u64,
    errors: u64,
    /// Cycles in which a beat of payload left.
    paid: Vec<u64>,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let mut dut = t.fast_dut(&launch(p));
        dut.poke_bits("lun_store_base", &addresses(&BASES));
        dut.poke("staging_base", STAGING);
        let sources = ["s_write", "s_rdata"];
        let pause = if stall == Stall::None { 0 } else { 3 };
        Self {
            streams: Streams::new(&dut, &sources, &["m_rd", "m_job", "m_pay", "m_local"], stall),
            reader: Reader::new(&dut, p.store_w, pause),
            done: EventIn::new(&dut, "s_done"),
            events: Pulses::new(&dut, &["dma_fault", "store_error"]),
            dut,
            p: p.clone(),
            coming: VecDeque::new(),
            at: 0,
            bursts: Scoreboard::new("burst"),
            jobs: Scoreboard::new("job"),
            pay: Scoreboard::new("beat of payload"),
            homes: Scoreboard::new("block"),
            ends: HashMap::new(),
            owners: HashMap::new(),
            storing: VecDeque::new(),
            store_fails: 0,
            store_open: true,
            faults: 0,
            errors: 0,
            paid: Vec::new(),
        }
    }

    /// A write to a block of its own, with these bad beats.
    fn write(&mut self, t: &mut Trial, slot: u64, local: bool, bad: Vec<usize>) {
        let block = random_block(&mut t.rng);
        self.launch(t, slot, local, Some(Write { block, bad }));
    }

    /// A write to a block of its own; of zeroes, where host memory has nothing for it.
    fn launch(&mut self, t: &mut Trial, slot: u64, local: bool, from: Option<Write>) {
        let lun = t.rng.below(8);
        let mut any = || t.rng.next_u64() >> 32;
        let (seq, epoch, page) = (any(), any(), any() << 12 | slot);
        let lba = 0x3_0000_8000 * lun + slot;
        let request = u64::from(!local && slot % 3 == 1);
        let zeroes = u64::from(from.is_none());
        let block = [("lun", lun), ("lba", lba), ("request", request), ("zeroes", zeroes)];
        let fields = [&[("slot", slot), ("seq", seq), ("epoch", epoch)][..], &block].concat();
        let launch = [&fields[..], &[("local", local.into()), ("page", page)]].concat();
        self.streams.push("s_write", pack(Launch::FIELDS, &launch));
        let count = if self.p.data_w == 64 { 2 } else { 1 };
        for n in (0..count).filter(|_| from.is_some()) {
            self.bursts.expect((page << 12 | (n * BLOCK_BYTES as u64 / count), (self.p.block_beats() as u64) / count));
        }
        if !local {
            self.jobs.expect(pack(TxJob::FIELDS, &fields));
        }
        let data_w = self.p.data_w;
        let asked = from.is_some();
        let w = from.unwrap_or_else(|| Write { block: vec![0; BLOCK_BYTES], bad: vec![] });
        let data = beats(if asked { &w.block } else { &w.block[..ZEROES_BYTES] }, data_w);
        for (i, beat) in data.iter().enumerate() {
            let mut word = beat.resize(data_w + 2);
            word.set(data_w, &Bits::from_u64(w.bad.contains(&i).into(), 1));
            word.set(data_w + 1, &Bits::from_u64((i + 1 == data.len()).into(), 1));
            if !local {
                self.pay.expect(word);
            }
        }
        let home = wrapped(BASES[lun as usize] + lba);
        let place = if request == 1 { STAGING + slot } else { home };
        assert!(self.owners.insert(place, (slot, crc32c(&w.block))).is_none(), "blocks of their own");
        if w.bad.is_empty() {
            self.homes.expect((place, w.block.clone()));
        } else {
            self.faults += 1;
            self.ends.insert(slot, (Status::DmaReadFault, 0));
        }
        if asked {
            self.coming.push_back(w);
        }
    }

    fn cycle(&mut self, t: &mut Trial) {
        let rng = &mut t.rng;
        self.streams.drive(&mut self.dut, rng);
        self.reader.drive(&mut self.dut, rng);
        let due = self.storing.front().is_some_and(|s| self.store_open && s.2 <= self.dut.cycle());
        let done = due.then(|| {
            let (buf, place, _) = self.storing.pop_front().expect("one is due");
            let (slot, crc) = self.owners[&place];
            let err = self.store_fails > 0 && rng.one_in(self.store_fails);
            self.errors += u64::from(err);
            self.ends.insert(slot, (if err { Status::StoreError } else { Status::Ok }, crc));
            Bits::from_u64(buf | u64::from(err) << 4, 5)
        });
        self.done.put(&mut self.dut, done.as_ref(), rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        let (came, _) = self.streams.sample(&self.dut);
        for (name, word) in came {
            match name {
                "m_rd" => {
                    let of = |name: &str| field(HostBurst::FIELDS, &word, name);
                    self.bursts.got(&(of("addr"), of("beats")));
                    self.answer(of("beats") as usize);
                }
                "m_job" => self.jobs.got(&word),
                "m_pay" => {
                    self.paid.push(self.dut.cycle());
                    self.pay.got(&word);
                }
                _ => {
                    let of = |name: &str| field(LocalDone::FIELDS, &word, name);
                    let (status, crc) =
                        self.ends.remove(&of("slot")).expect("a local leg ends once, when it has ended");
                    assert_eq!(of("status"), status.code());
                    if status == Status::Ok {
                        assert_eq!(of("crc"), crc, "CRC32C of the block");
                    }
                }
            }
        }
        if let Some(homed) = self.reader.sample(&self.dut) {
            let delay = if self.store_open { rng.below(200) } else { 0 };
            self.storing.push_back((homed.buf, homed.block, self.dut.cycle() + 1 + delay));
            self.homes.got(&(homed.block, homed.bytes));
        }
        self.dut.edge();
    }

    /// Host memory answers a burst.
    fn answer(&mut self, count: usize) {
        let w = self.coming.front().expect("a write waits").clone();
        let data_w = self.p.data_w;
        for (i, beat) in beats(&w.block, data_w).iter().enumerate().skip(self.at).take(count) {
            let mut word = beat.resize(data_w + 2);
            word.set(data_w, &Bits::from_u64((i + 1 == self.at + count).into(), 1));
            word.set(data_w + 1, &Bits::from_u64(w.bad.contains(&i).into(), 1));
            self.streams.push("s_rdata", word);
        }
        self.at += count;
        if self.at == self.p.block_beats() {
            self.at = 0;
            self.coming.pop_front();
        }
    }

    fn drain(&mut self, t: &mut Trial) {
        let mut calm = 0;
        while calm < 60 {
            let busy = self.streams.all_waiting() + self.storing.len() + self.homes.missing() + self.ends.len();
            calm = if busy == 0 && self.pay.missing() == 0 && self.jobs.missing() == 0 { calm + 1 } else { 0 };
            self.cycle(t);
            assert!(
                self.dut.cycle() < 600_000,
                "it never ends: {} words, {} at the store, {} blocks, {} beats, {} jobs, ends {:?}",
                self.streams.all_waiting(),
                self.storing.len(),
                self.homes.missing(),
                self.pay.missing(),
                self.jobs.missing(),
                self.ends
            );
        }
        assert_eq!(self.dut.peek("quiet"), 1);
        assert_eq!(self.events.of("dma_fault"), self.faults);
        assert_eq!(self.events.of("store_error"), self.errors);
        self.bursts.finish();
    }
}

/// Writes of every kind, with pauses everywhere.
#[test]
fn launch_feeds_both_legs() {
    trial(|t| {
        for p in builds() {
            for stall in Stall::ALL {
                let mut b = Bench::new(t, &p, stall);
                b.store_fails = 5;
                for slot in 0..40 {
                    let local = t.rng.one_in(3);
                    let beat = t.rng.below(p.block_beats() as u64) as usize;
                    let bad = if t.rng.one_in(4) { vec![beat] } else { vec![] };
                    if t.rng.one_in(4) {
                        b.launch(t, slot, local, None);
                    } else {
                        b.write(t, slot, local, bad);
                    }
                }
                b.drain(t);
                assert!(b.faults > 0 && b.errors > 0);
                b.jobs.finish();
                b.homes.finish();
            }
        }
    });
}

/// A fault at each beat, and at several of one block: nothing goes home, the next block is whole.
#[test]
fn launch_faults_at_every_beat() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::None);
            let beats = p.block_beats();
            // At 64 bits every 13th beat and the ends of both bursts.
            let chosen = (0..beats).filter(|i| p.data_w == 512 || i % 13 == 0 || [1, 255, 256, 510, 511].contains(i));
            let mut slot = 0;
            for i in chosen {
                for bad in [vec![i], vec![]] {
                    b.write(t, slot, slot % 3 == 0, bad);
                    slot += 1;
                }
            }
            b.write(t, slot, false, (0..beats).collect());
            b.drain(t);
            assert_eq!(b.homes.seen() + b.faults, slot + 1);
        }
    });
}

/// A store that takes nothing: as many blocks as there are buffers flow without a pause, no more are asked for.
#[test]
fn launch_payload_never_waits_for_the_store() {
    trial(|t| {
        for p in builds() {
            for local_bufs in [2, 8, 16] {
                let p = Params { local_bufs, ..p.clone() };
                let mut b = Bench::new(t, &p, Stall::None);
                (b.reader.open, b.store_open) = (false, false);
                (0..2 * local_bufs as u64).for_each(|slot| b.write(t, slot, false, vec![]));
                (0..(2 * local_bufs * p.block_beats()) as u64).for_each(|_| b.cycle(t));
                let wanted = local_bufs * p.block_beats();
                assert_eq!(b.paid.len(), wanted, "the buffers' blocks, and no more");
                assert_eq!(b.paid[wanted - 1] - b.paid[0], wanted as u64 - 1, "without a pause");
                assert_eq!(b.dut.peek("quiet"), 0);
                (b.reader.open, b.store_open) = (true, true);
                b.drain(t);
                b.homes.finish();
            }
        }
    });
}

/// `s_write` to `m_rd` 1 cycle, `s_rdata` to `m_pay` 0, last beat to `m_home` 1.
#[test]
fn launch_latency() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::None);
            b.write(t, 3, false, vec![]);
            let (mut asked, mut home) = (None, None);
            for _ in 0..2 * p.block_beats() {
                b.cycle(t);
                let cycle = b.dut.cycle();
                b.dut.settle();
                if b.dut.peek("m_rd_valid") == 1 {
                    asked.get_or_insert(cycle);
                }
                if b.dut.peek("m_home_valid") == 1 {
                    home.get_or_insert(cycle);
                }
            }
            assert_eq!(asked, Some(1), "s_write was offered in cycle 0");
            assert_eq!(home, b.paid.last().map(|c| c + 1));
            b.drain(t);
        }
    });
}

/// Nobody hears how local legs end, for long: blocks stop, and no end is lost.
#[test]
fn launch_ends_are_heard() {
    trial(|t| {
        for local_bufs in [8, 16] {
            let p = Params { local_bufs, ..Params::new(512) };
            let mut b = Bench::new(t, &p, Stall::None);
            b.store_fails = 4;
            b.streams.closed = vec!["m_local"];
            for slot in 0..40 {
                let bad = if t.rng.one_in(3) { vec![5] } else { vec![] };
                b.write(t, slot, false, bad);
            }
            (0..60 * p.block_beats()).for_each(|_| b.cycle(t));
            b.streams.closed.clear();
            b.drain(t);
        }
    });
}
