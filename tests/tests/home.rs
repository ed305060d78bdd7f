//! `dma::home` between the gather RAMs of its three clients and an AXI4 slave that pauses in every way it may.

mod common;

use common::{EventOut, Streams, builds};
use dyad_hdl::bundle::HomeJob;
use dyad_hdl::dma::home::home;
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_spec::BLOCK_BYTES;
use dyad_tests::{Dut, Rng, Scoreboard, Stall, Trial, pack, trial};
use std::collections::VecDeque;

/// When the slave takes addresses and data.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slave {
    /// Always.
    Eager,
    /// Now and then, each by itself.
    Random,
    /// An address alone first, then its data (AXI IHI 0022 A3.3.1 allows each of these).
    AddressFirst,
    /// An address when its first data are offered, too.
    BothTogether,
    /// All data of a burst before its address.
    DataFirst,
}

const SLAVES: [Slave; 5] = [Slave::Eager, Slave::Random, Slave::AddressFirst, Slave::BothTogether, Slave::DataFirst];

/// The clients' jobs.
const JOBS: [&str; 3] = ["s_job0", "s_job1", "s_job2"];

struct Bench {
    dut: Dut,
    p: Params,
    streams: Streams,
    slave: Slave,
    done: [EventOut; 3],
    /// The clients' gather RAMs: by client and buffer, and what is at their outputs.
    rams: [Vec<Vec<u8>>; 3],
    q: [Bits; 3],
    /// Addresses taken, data taken.
    addresses: VecDeque<u64>,
    data: VecDeque<(Bits, bool)>,
    held: [Option<Bits>; 2],
    blocks: Scoreboard<(u64, Vec<u8>)>,
    /// Jobs taken and not answered: client, buffer.
    open: VecDeque<(usize, u64)>,
    /// Whole bursts, and the cycle of their answer.
    answers: VecDeque<(u64, bool)>,
    answer: Option<bool>,
    delay: u64,
    /// Jobs offered and not taken, by client: buffer, block.
    jobs: [VecDeque<(u64, u64)>; 3],
    served: Vec<usize>,
    w_cycles: Vec<u64>,
    aw_count: usize,
    w_bursts: usize,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, slave: Slave, stall: Stall) -> Self {
        let dut = t.fast_dut(&home(p));
        Self {
            streams: Streams::new(&dut, &JOBS, &[], stall),
            done: ["m_done0", "m_done1", "m_done2"].map(|name| EventOut::new(&dut, name)),
            dut,
            p: p.clone(),
            slave,
            rams: [0, 1, 2].map(|_| (0..16).map(|_| common::random_block(&mut t.rng)).collect()),
            q: [0, 1, 2].map(|_| Bits::zero(p.store_w)),
            addresses: VecDeque::new(),
            data: VecDeque::new(),
            held: [None, None],
            blocks: Scoreboard::new("block"),
            open: VecDeque::new(),
            answers: VecDeque::new(),
            answer: None,
            delay: 60,
            jobs: Default::default(),
            served: Vec::new(),
            w_cycles: Vec::new(),
            aw_count: 0,
            w_bursts: 0,
        }
    }

    fn job(&mut self, client: usize, buf: u64, block: u64) {
        let zeroes = block % 5 == 2;
        self.jobs[client].push_back((buf, block));
        let name = JOBS[client];
        self.streams.push(name, pack(HomeJob::FIELDS, &[("buf", buf), ("block", block), ("zeroes", zeroes.into())]));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        let dut = &mut self.dut;
        self.streams.drive(dut, rng);
        for (client, q) in self.q.iter().enumerate() {
            dut.poke_bits(["rd_data0", "rd_data1", "rd_data2"][client], q);
        }
        dut.settle();
        // Readies may hang on the valids of this cycle.
        let (aw_valid, w_valid) = (dut.peek("m_axi_awvalid") == 1, dut.peek("m_axi_wvalid") == 1);
        assert!(!w_valid || aw_valid || self.aw_count > self.w_bursts, "data stand before their address");
        let whole = self.w_bursts > self.aw_count;
        let (aw_ready, w_ready) = match self.slave {
            Slave::Eager => (true, true),
            Slave::Random => (rng.one_in(3), rng.one_in(2)),
            Slave::AddressFirst => (rng.one_in(3), self.aw_count > self.w_bursts && !rng.one_in(4)),
            Slave::BothTogether => {
                let both = aw_valid && w_valid && rng.one_in(3);
                (both, self.aw_count > self.w_bursts && rng.one_in(2))
            }
            Slave::DataFirst => (whole && rng.one_in(2), !whole && !rng.one_in(4)),
        };
        dut.poke("m_axi_awready", aw_ready.into());
        dut.poke("m_axi_wready", w_ready.into());
        if self.answer.is_none() && self.answers.front().is_some_and(|a| a.0 <= dut.cycle()) {
            self.answer = self.answers.pop_front().map(|a| a.1);
        }
        dut.poke("m_axi_bvalid", self.answer.is_some().into());
        dut.poke("m_axi_bresp", if self.answer == Some(true) { 2 + rng.below(2) } else { 0 });
        dut.settle();

        let idle = self.open.is_empty() && self.data.is_empty() && self.addresses.is_empty();
        assert!(idle || dut.peek("quiet") == 0, "quiet, yet busy");
        let (_, taken) = self.streams.sample(dut);
        for (name, _) in taken {
            let client = JOBS.iter().position(|job| *job == name).expect("a client");
            let (buf, block) = self.jobs[client].pop_front().expect("a job waits");
            self.served.push(client);
            self.open.push_back((client, buf));
            let bytes = &self.rams[client][buf as usize];
            self.blocks.expect((block, if block % 5 == 2 { vec![0; BLOCK_BYTES] } else { bytes.clone() }));
        }
        // Stable until taken.
        let shown = [
            aw_valid.then(|| dut.peek_bits("m_axi_awaddr")),
            w_valid.then(|| {
                let mut word = dut.peek_bits("m_axi_wdata").resize(self.p.store_w + 1);
                word.set(self.p.store_w, &dut.peek_bits("m_axi_wlast"));
                word
            }),
        ];
        for (channel, ready) in [aw_ready, w_ready].into_iter().enumerate() {
            if let Some(held) = &self.held[channel] {
                assert_eq!(shown[channel].as_ref(), Some(held), "channel {channel} changed before ready");
            }
            self.held[channel] = if ready { None } else { shown[channel].clone() };
        }
        if aw_valid && aw_ready {
            assert_eq!(dut.peek("m_axi_awlen") as usize, self.p.store_beats() - 1);
            assert_eq!(1 << dut.peek("m_axi_awsize"), self.p.store_w / 8);
            assert_eq!(dut.peek("m_axi_awburst"), 1);
            self.addresses.push_back(dut.peek("m_axi_awaddr"));
            self.aw_count += 1;
        }
        if let Some(word) = shown[1].as_ref().filter(|_| w_ready) {
            assert!(dut.peek_bits("m_axi_wstrb").is_ones());
            let last = word.bit(self.p.store_w);
            self.w_cycles.push(dut.cycle());
            self.data.push_back((word.resize(self.p.store_w), last));
            self.w_bursts += usize::from(last);
            assert_eq!(last, self.w_cycles.len().is_multiple_of(self.p.store_beats()), "WLAST");
        }
        if !self.addresses.is_empty() && self.data.len() >= self.p.store_beats() {
            let address = self.addresses.pop_front().expect("an address");
            let burst = self.data.drain(..self.p.store_beats()).flat_map(|(word, _)| word.to_bytes_le()).collect();
            assert_eq!(address % BLOCK_BYTES as u64, 0);
            self.blocks.got(&(address / BLOCK_BYTES as u64, burst));
            self.answers.push_back((dut.cycle() + 1 + rng.below(self.delay + 1), rng.one_in(4)));
        }
        let mut answered = None;
        for (client, done) in self.done.iter().enumerate() {
            if let Some(word) = done.sample(dut) {
                assert!(answered.is_none());
                answered = Some((client, word.low_u64()));
            }
        }
        if dut.peek("m_axi_bready") == 1
            && let Some(err) = self.answer.take()
        {
            let (client, buf) = self.open.pop_front().expect("a burst was open");
            assert_eq!(answered, Some((client, buf | u64::from(err) << 4)), "who is answered");
        } else {
            assert_eq!(answered, None);
        }
        // The RAMs.
        if dut.peek("rd_en") == 1 {
            let words = self.p.store_beats();
            let addr = dut.peek("rd_addr") as usize;
            let bytes = self.p.store_w / 8;
            for (client, q) in self.q.iter_mut().enumerate() {
                let block = &self.rams[client][addr / words];
                let at = addr % words * bytes;
                *q = Bits::from_bytes_le(&block[at..at + bytes]);
            }
        }
        dut.edge();
    }

    fn waiting(&self) -> usize {
        self.jobs[0].len() + self.jobs[1].len() + self.open.len()
    }
}

/// All clients, every kind of slave and pause: each block whole, in order, answered to whom it belongs.
#[test]
fn home_writes_blocks() {
    trial(|t| {
        for p in builds() {
            for slave in SLAVES {
                for stall in Stall::ALL {
                    let mut b = Bench::new(t, &p, slave, stall);
                    for n in 0..30 {
                        let client = if n < 12 { n % 3 } else { t.rng.below(3) as usize };
                        let (buf, block) = (t.rng.below(16), t.rng.next_u64() >> 24);
                        b.job(client, buf, block);
                    }
                    while b.waiting() > 0 {
                        b.cycle(&mut t.rng);
                        assert!(b.dut.cycle() < 200_000, "{slave:?}, {stall:?}: it never ends");
                    }
                    b.blocks.finish();
                    b.dut.settle();
                    assert_eq!(b.dut.peek("quiet"), 1);
                }
            }
        }
    });
}

/// With all clients waiting they take turns; at full speed one cycle is lost between blocks.
#[test]
fn home_is_fair_and_fast() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Slave::Eager, Stall::None);
            b.delay = 0;
            for n in 0..40 {
                b.job(n % 3, n as u64 % 16, n as u64);
            }
            while b.waiting() > 0 {
                b.cycle(&mut t.rng);
            }
            assert!(b.served[..39].windows(2).all(|w| w[1] == (w[0] + 1) % 3), "{:?}", b.served);
            assert_eq!(b.w_cycles[0], 2, "job to the first data");
            let beats = p.store_beats() as u64;
            assert_eq!(b.w_cycles.last().expect("data") - b.w_cycles[0], 40 * (beats + 1) - 2);
        }
    });
}

/// While it drains no job is taken, and what has begun goes home whole.
#[test]
fn home_drains() {
    trial(|t| {
        for p in builds() {
            for slave in SLAVES {
                let mut b = Bench::new(t, &p, slave, Stall::None);
                for n in 0..20 {
                    b.job(n % 3, n as u64 % 16, n as u64);
                }
                for round in 0..4 {
                    let run = t.rng.below(3 * p.store_beats() as u64);
                    (0..run).for_each(|_| b.cycle(&mut t.rng));
                    b.dut.poke("drain", 1);
                    b.dut.settle();
                    let served = b.served.len();
                    let mut waited = 0;
                    while b.dut.peek("quiet") == 0 {
                        b.cycle(&mut t.rng);
                        b.dut.settle();
                        waited += 1;
                        assert!(waited < 50_000, "{slave:?}: never quiet");
                    }
                    assert_eq!(b.blocks.missing(), 0, "{slave:?}, round {round}");
                    assert_eq!(b.served.len(), served, "a job was taken while it drained");
                    b.dut.poke("drain", 0);
                }
            }
        }
    });
}
