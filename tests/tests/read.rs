//! `offload::read`: blocks from a store that pauses and fails, to a host memory that pauses and faults.

mod common;

use common::{EventIn, Pulses, Streams, addresses, beats, builds, random_block, wrapped};
use dyad_hdl::bundle::{HostBurst, Launch, OpEnd};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::read::read;
use dyad_hdl::params::Params;
use dyad_spec::{BLOCK_BYTES, Status};
use dyad_tests::{Dut, Rng, Scoreboard, Stall, Trial, field, pack, trial};
use std::collections::VecDeque;

const BASES: [u64; 8] = [7, 100, 0x20_0000, 3, 0xff_ffff_ff00, 5, 0x12_0000_0000, 0];

/// A read under way.
struct Read {
    slot: u64,
    place: u64,
    block: Vec<u8>,
    store_bad: bool,
}

struct Bench {
    dut: Dut,
    p: Params,
    streams: Streams,
    b: EventIn,
    events: Pulses,
    /// Reads that the store has not been asked for; all, for their ends.
    to_ask: VecDeque<Read>,
    ends: Scoreboard<(u64, u64)>,
    bursts: Scoreboard<(u64, u64)>,
    data: Scoreboard<Bits>,
    /// Bursts of host memory: beats to come, fault; and answers that are due.
    open: VecDeque<(u64, bool)>,
    answers: VecDeque<(u64, bool)>,
    /// Of each block: which bursts fault.
    faults: VecDeque<bool>,
    moved: Vec<u64>,
    /// Beats whose bursts have been answered.
    answered: u64,
    bad: (u64, u64),
    odds: u64,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall, odds: u64) -> Self {
        let mut dut = t.fast_dut(&read(p));
        dut.poke_bits("lun_store_base", &addresses(&BASES));
        Self {
            streams: Streams::new(&dut, &["s_read", "s_rdata"], &["m_rd", "m_wr", "m_wdata", "m_end"], stall),
            b: EventIn::new(&dut, "s_b"),
            events: Pulses::new(&dut, &["store_error", "dma_fault"]),
            dut,
            p: p.clone(),
            to_ask: VecDeque::new(),
            ends: Scoreboard::new("end"),
            bursts: Scoreboard::new("burst"),
            data: Scoreboard::new("host beat"),
            open: VecDeque::new(),
            answers: VecDeque::new(),
            faults: VecDeque::new(),
            moved: Vec::new(),
            answered: 0,
            bad: (0, 0),
            odds,
        }
    }

    fn bursts_of(&self) -> u64 {
        if self.p.data_w == 64 { 2 } else { 1 }
    }

    fn ask(&mut self, t: &mut Trial, slot: u64) {
        let mut hit = || self.odds > 0 && t.rng.one_in(self.odds);
        let (store_bad, faults) = (hit(), [hit(), hit()]);
        let count = self.bursts_of() as usize;
        let host_bad = faults[..count].contains(&true);
        let lun = t.rng.below(8);
        let (lba, page) = (t.rng.next_u64() >> 24, t.rng.next_u64() >> 12);
        let fields = [("slot", slot), ("lun", lun), ("lba", lba), ("page", page), ("seq", t.rng.next_u64() >> 32)];
        self.streams.push("s_read", pack(Launch::FIELDS, &fields));
        let part = BLOCK_BYTES as u64 / count as u64;
        for n in 0..count as u64 {
            self.bursts.expect((page << 12 | (n * part), part * 8 / self.p.data_w as u64));
        }
        let block = random_block(&mut t.rng);
        beats(&block, self.p.data_w).into_iter().for_each(|b| self.data.expect(b));
        let status = match (store_bad, host_bad) {
            (true, _) => Status::StoreError,
            (_, true) => Status::DmaWriteFault,
            _ => Status::Ok,
        };
        self.ends.expect((slot, status.code()));
        self.bad = (self.bad.0 + u64::from(store_bad), self.bad.1 + u64::from(host_bad));
        self.faults.extend(&faults[..count]);
        let place = wrapped(BASES[lun as usize] + lba);
        self.to_ask.push_back(Read { slot, place, block, store_bad });
    }

    fn cycle(&mut self, rng: &mut Rng) {
        self.streams.drive(&mut self.dut, rng);
        let due = self.answers.front().is_some_and(|a| a.0 <= self.dut.cycle());
        let answer = due.then(|| Bits::from_u64(self.answers.pop_front().expect("one is due").1.into(), 1));
        self.b.put(&mut self.dut, answer.as_ref(), rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        let (came, _) = self.streams.sample(&self.dut);
        for (name, word) in came {
            match name {
                "m_rd" => {
                    let r = self.to_ask.pop_front().expect("a read waits");
                    assert_eq!(word.low_u64(), r.place, "slot {}", r.slot);
                    self.store_answers(rng, &r);
                }
                "m_wr" => {
                    let of = |name: &str| field(HostBurst::FIELDS, &word, name);
                    self.bursts.got(&(of("addr"), of("beats")));
                    self.open.push_back((of("beats"), self.faults.pop_front().expect("a burst")));
                }
                "m_wdata" => {
                    self.moved.push(self.dut.cycle());
                    self.data.got(&word);
                }
                _ => {
                    let of = |name: &str| field(OpEnd::FIELDS, &word, name);
                    self.ends.got(&(of("slot"), of("status")));
                }
            }
        }
        // Data may come before or after their burst; when a burst has all of its data, host memory answers.
        let mut taken = self.moved.len() as u64 - self.answered;
        while let Some((beats, fault)) = self.open.front().copied().filter(|o| o.0 <= taken) {
            taken -= beats;
            self.answered += beats;
            self.open.pop_front();
            let last = self.answers.back().map_or(0, |a| a.0);
            let at = (self.dut.cycle() + 1 + rng.below(40)).max(last + 1);
            self.answers.push_back((at, fault));
        }
        self.dut.edge();
    }

    fn store_answers(&mut self, rng: &mut Rng, r: &Read) {
        let w = self.p.store_w;
        let data = beats(&r.block, w);
        let at = rng.below(data.len() as u64) as usize;
        for (i, beat) in data.iter().enumerate() {
            let mut word = beat.resize(w + 2);
            word.set(w, &Bits::from_u64((i + 1 == data.len()).into(), 1));
            word.set(w + 1, &Bits::from_u64((r.store_bad && i == at).into(), 1));
            self.streams.push("s_rdata", word);
        }
    }

    fn drain(&mut self, t: &mut Trial) {
        while self.ends.missing() > 0 {
            self.cycle(&mut t.rng);
            assert!(self.dut.cycle() < 1_000_000, "it never ends");
        }
        (0..10).for_each(|_| self.cycle(&mut t.rng));
        self.ends.finish();
        self.bursts.finish();
        self.data.finish();
        assert_eq!(self.dut.peek("quiet"), 1);
        assert_eq!((self.events.of("store_error"), self.events.of("dma_fault")), self.bad);
    }
}

/// Blocks come byte for byte, in order, with the status of each, whatever pauses.
#[test]
fn read_carries_blocks() {
    trial(|t| {
        for p in builds() {
            for stall in Stall::ALL {
                let mut b = Bench::new(t, &p, stall, 4);
                (0..40).for_each(|slot| b.ask(t, slot));
                b.drain(t);
                assert!(b.bad.0 > 0 && b.bad.1 > 0);
            }
        }
    });
}

/// A host beat every cycle while store and host keep up.
#[test]
fn read_rate() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::None, 0);
            (0..30).for_each(|slot| b.ask(t, slot));
            b.drain(t);
            assert_eq!(b.moved.last().expect("data") - b.moved[0] + 1, 30 * p.block_beats() as u64);
        }
    });
}

/// Host memory that does not answer for long: reads stop, none is lost.
#[test]
fn read_waits_for_the_host() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::Quarter, 6);
            (0..60).for_each(|slot| b.ask(t, slot));
            for closed in [["m_wr", "m_wdata"], ["m_end", "m_end"], ["m_wdata", "m_end"]] {
                b.streams.closed = closed.to_vec();
                (0..20 * p.block_beats()).for_each(|_| b.cycle(&mut t.rng));
                b.streams.closed.clear();
                (0..5 * p.block_beats()).for_each(|_| b.cycle(&mut t.rng));
            }
            b.drain(t);
        }
    });
}
