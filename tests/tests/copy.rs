//! `offload::copy`: each block comes home whole from its place in the staging area, or not at all.

mod common;

use common::{EventIn, Pulses, Reader, Streams, addresses, beats, builds, random_block, wrapped};
use dyad_hdl::bundle::{CopyJob, LocalDone};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::copy::copy;
use dyad_hdl::params::Params;
use dyad_spec::Status;
use dyad_tests::{Dut, Scoreboard, Stall, Trial, field, pack, trial};
use std::collections::{HashMap, VecDeque};

const STAGING: u64 = 0x5a_0000_0000 + 0x12_3400;
const BASES: [u64; 8] = [7, 100, 0x20_0000, 3, 0xff_ffff_ff00, 5, 0x12_0000_0000, 0];

struct Bench {
    dut: Dut,
    p: Params,
    streams: Streams,
    reader: Reader,
    done: EventIn,
    events: Pulses,
    /// Jobs not taken up: slot, place at home, block, beat that can't be read.
    jobs: VecDeque<(u64, u64, Vec<u8>, Option<usize>)>,
    homes: Scoreboard<(u64, Vec<u8>)>,
    /// Slot by place.
    slots: HashMap<u64, u64>,
    storing: VecDeque<(u64, u64, u64)>,
    store_fails: u64,
    delay: u64,
    /// How each slot must end.
    ends: HashMap<u64, u64>,
    failed: u64,
    began: Vec<u64>,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let mut dut = t.fast_dut(&copy(p));
        dut.poke_bits("lun_store_base", &addresses(&BASES));
        dut.poke("staging_base", STAGING);
        Self {
            streams: Streams::new(&dut, &["s_copy", "s_rdata"], &["m_rd", "m_local"], stall),
            reader: Reader::new(&dut, p.store_w, if stall == Stall::None { 0 } else { 3 }),
            done: EventIn::new(&dut, "s_done"),
            events: Pulses::new(&dut, &["store_error"]),
            dut,
            p: p.clone(),
            jobs: VecDeque::new(),
            homes: Scoreboard::new("block at home"),
            slots: HashMap::new(),
            storing: VecDeque::new(),
            store_fails: 0,
            delay: 60,
            ends: HashMap::new(),
            failed: 0,
            began: Vec::new(),
        }
    }

    /// A block to be copied; the beat cannot be read.
    fn copy(&mut self, t: &mut Trial, slot: u64, bad: Option<usize>) {
        let lun = t.rng.below(8);
        let lba = 0x8000 * lun + slot;
        let block = random_block(&mut t.rng);
        self.streams.push("s_copy", pack(CopyJob::FIELDS, &[("slot", slot), ("lun", lun), ("lba", lba)]));
        let place = wrapped(BASES[lun as usize] + lba);
        if bad.is_some() {
            self.ends.insert(slot, Status::StoreError.code());
            self.failed += 1;
        } else {
            self.homes.expect((place, block.clone()));
        }
        assert!(self.slots.insert(place, slot).is_none(), "a place of its own");
        self.jobs.push_back((slot, place, block, bad));
    }

    fn cycle(&mut self, t: &mut Trial) {
        let rng = &mut t.rng;
        self.streams.drive(&mut self.dut, rng);
        self.reader.drive(&mut self.dut, rng);
        let due = self.storing.front().is_some_and(|s| s.2 <= self.dut.cycle());
        let done = due.then(|| {
            let (buf, slot, _) = self.storing.pop_front().expect("one is due");
            let fails = self.store_fails > 0 && rng.one_in(self.store_fails);
            self.failed += u64::from(fails);
            self.ends.insert(slot, if fails { Status::StoreError.code() } else { Status::Ok.code() });
            Bits::from_u64(buf | u64::from(fails) << 4, 5)
        });
        self.done.put(&mut self.dut, done.as_ref(), rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        let (came, _) = self.streams.sample(&self.dut);
        for (name, word) in came {
            if name == "m_rd" {
                let (slot, _, block, bad) = self.jobs.pop_front().expect("a job waits");
                assert_eq!(word.low_u64(), STAGING + slot, "where slot {slot} is staged");
                self.began.push(self.dut.cycle());
                let w = self.p.store_w;
                let data = beats(&block, w);
                for (i, beat) in data.iter().enumerate() {
                    let mut word = beat.resize(w + 2);
                    word.set(w, &Bits::from_u64((i + 1 == data.len()).into(), 1));
                    word.set(w + 1, &Bits::from_u64((bad == Some(i)).into(), 1));
                    self.streams.push("s_rdata", word);
                }
            } else {
                let of = |name: &str| field(LocalDone::FIELDS, &word, name);
                assert_eq!(self.ends.remove(&of("slot")), Some(of("status")), "end of slot {}", of("slot"));
            }
        }
        if let Some(homed) = self.reader.sample(&self.dut) {
            let slot = self.slots[&homed.block];
            self.homes.got(&(homed.block, homed.bytes));
            self.storing.push_back((homed.buf, slot, self.dut.cycle() + 1 + rng.below(self.delay + 1)));
        }
        self.dut.edge();
    }

    fn drain(&mut self, t: &mut Trial) {
        loop {
            self.dut.settle();
            let open = self.streams.all_waiting() + self.jobs.len() + self.storing.len() + self.ends.len();
            if open + self.homes.missing() == 0 && self.dut.peek("quiet") == 1 {
                break;
            }
            self.cycle(t);
            assert!(self.dut.cycle() < 1_000_000, "it never ends");
        }
        assert_eq!(self.events.of("store_error"), self.failed);
    }
}

/// Blocks that go well, blocks that cannot be read at some beat, home writes that fail: every slot hears how it ended.
#[test]
fn copies_blocks_home() {
    trial(|t| {
        for p in builds() {
            for stall in Stall::ALL {
                let mut b = Bench::new(t, &p, stall);
                b.store_fails = 6;
                let last = p.store_beats() - 1;
                for slot in 0..60 {
                    let beat = t.rng.below(p.store_beats() as u64) as usize;
                    let bad = *t.rng.pick(&[None, None, None, Some(beat), Some(0), Some(last)]);
                    b.copy(t, slot, bad);
                }
                b.drain(t);
                b.homes.finish();
                assert!(b.failed > 10 && b.homes.seen() > 20);
            }
        }
    });
}

/// With a store that answers at once, reads and home writes overlap: the store's read port is never idle for long.
#[test]
fn copies_at_the_pace_of_the_store() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::None);
            b.delay = 0;
            (0..40).for_each(|slot| b.copy(t, slot, None));
            b.drain(t);
            let beats = p.store_beats() as u64;
            let pace = (b.began[39] - b.began[9]) / 30;
            assert!((beats..=beats + 16).contains(&pace), "a block each {pace} cycles, {beats} beats a block");
        }
    });
}

/// Answers that nobody listens to do not get lost, and hold up only the blocks behind.
#[test]
fn copies_wait_to_be_heard() {
    trial(|t| {
        let p = Params::new(64);
        let mut b = Bench::new(t, &p, Stall::None);
        b.streams.closed = vec!["m_local"];
        (0..6).for_each(|slot| b.copy(t, slot, (slot % 2 == 0).then_some(1)));
        (0..10 * p.store_beats()).for_each(|_| b.cycle(t));
        assert_eq!(b.began.len(), 2, "as many as there are buffers");
        b.streams.closed.clear();
        b.drain(t);
    });
}
