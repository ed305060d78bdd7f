//! `dma::store_rd` between its three clients and an AXI4 slave that pauses.

mod common;

use common::{Streams, beats, builds, random_block};
use dyad_hdl::bundle::LBA_W;
use dyad_hdl::dma::store_rd::store_rd;
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_spec::BLOCK_BYTES;
use dyad_tests::{Dut, Rng, Scoreboard, Stall, Trial, trial};
use std::collections::VecDeque;

const RD: [&str; 4] = ["s_rd0", "s_rd1", "s_rd2", "s_rd3"];
const OUT: [&str; 4] = ["m_rdata0", "m_rdata1", "m_rdata2", "m_rdata3"];

fn number(names: &[&str; 4], name: &str) -> usize {
    names.iter().position(|n| *n == name).expect("a client")
}

struct Bench {
    dut: Dut,
    p: Params,
    streams: Streams,
    pause: u64,
    /// Blocks asked for and not taken, by client.
    asked: [VecDeque<u64>; 4],
    addresses: Scoreboard<u64>,
    /// Of each request taken: client.
    open: VecDeque<usize>,
    /// Beats to send: data, response, last.
    beats: VecDeque<(Bits, u64, bool)>,
    offered: bool,
    got: [Scoreboard<Bits>; 4],
    served: Vec<usize>,
    bursts: usize,
    draining: bool,
    moved: Vec<u64>,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let dut = t.fast_dut(&store_rd(p));
        Self {
            streams: Streams::new(&dut, &RD, &OUT, stall),
            dut,
            p: p.clone(),
            pause: if stall == Stall::None { 0 } else { 3 },
            asked: Default::default(),
            addresses: Scoreboard::new("address"),
            open: VecDeque::new(),
            beats: VecDeque::new(),
            offered: false,
            got: OUT.map(Scoreboard::new),
            served: Vec::new(),
            bursts: 0,
            draining: false,
            moved: Vec::new(),
        }
    }

    fn ask(&mut self, client: usize, block: u64) {
        self.asked[client].push_back(block);
        self.streams.push(RD[client], Bits::from_u64(block, LBA_W));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        let go = |rng: &mut Rng, pause: u64| pause == 0 || !rng.one_in(pause);
        self.streams.drive(&mut self.dut, rng);
        let ar_ready = go(rng, self.pause);
        self.dut.poke("m_axi_arready", ar_ready.into());
        self.offered |= !self.beats.is_empty() && go(rng, self.pause);
        self.dut.poke("m_axi_rvalid", self.offered.into());
        if self.offered {
            let (data, resp, last) = &self.beats[0];
            self.dut.poke_bits("m_axi_rdata", data);
            self.dut.poke("m_axi_rresp", *resp);
            self.dut.poke("m_axi_rlast", (*last).into());
        } else {
            self.dut.poke("m_axi_rlast", rng.below(2));
        }
        self.dut.settle();
        let (came, taken) = self.streams.sample(&self.dut);
        for (name, word) in came {
            assert!(!self.draining, "data came while it drained");
            self.moved.push(self.dut.cycle());
            self.got[number(&OUT, name)].got(&word);
        }
        for (name, word) in taken {
            let client = number(&RD, name);
            assert_eq!(self.asked[client].pop_front(), Some(word.low_u64()));
            self.open.push_back(client);
            self.served.push(client);
            self.addresses.expect(word.low_u64() * BLOCK_BYTES as u64);
        }
        if self.offered && self.dut.peek("m_axi_rready") == 1 {
            self.beats.pop_front();
            self.offered = false;
        }
        if ar_ready && self.dut.peek("m_axi_arvalid") == 1 {
            assert_eq!(self.dut.peek("m_axi_arlen") as usize, self.p.store_beats() - 1);
            assert_eq!(1 << self.dut.peek("m_axi_arsize"), self.p.store_w / 8);
            assert_eq!(self.dut.peek("m_axi_arburst"), 1);
            self.addresses.got(&self.dut.peek("m_axi_araddr"));
            self.bursts += 1;
            self.answer(rng);
        }
        self.dut.edge();
    }

    /// The slave's answer to the burst that was asked for.
    fn answer(&mut self, rng: &mut Rng) {
        let client = self.open.pop_front().expect("a request was taken");
        let w = self.p.store_w;
        let data = beats(&random_block(rng), w);
        for (i, beat) in data.iter().enumerate() {
            let resp = if rng.one_in(40) { 2 + rng.below(2) } else { 0 };
            let last = i + 1 == data.len();
            self.beats.push_back((beat.clone(), resp, last));
            let mut word = beat.resize(w + 2);
            word.set(w, &Bits::from_u64(last.into(), 1));
            word.set(w + 1, &Bits::from_u64((resp != 0).into(), 1));
            if !self.draining {
                self.got[client].expect(word);
            }
        }
    }

    fn missing(&self) -> usize {
        self.got.iter().map(Scoreboard::missing).sum::<usize>() + self.asked.iter().map(VecDeque::len).sum::<usize>()
    }
}

/// All clients get their blocks, beat for beat, with every kind of pause.
#[test]
fn store_rd_reads_blocks() {
    trial(|t| {
        for p in builds() {
            for stall in Stall::ALL {
                let mut b = Bench::new(t, &p, stall);
                for _ in 0..40 {
                    let client = t.rng.below(4) as usize;
                    b.ask(client, t.rng.next_u64() >> 24);
                }
                while b.missing() > 0 {
                    b.cycle(&mut t.rng);
                    assert!(b.dut.cycle() < 200_000, "it never ends");
                }
                b.addresses.finish();
                b.got.iter().for_each(Scoreboard::finish);
                b.dut.settle();
                assert_eq!(b.dut.peek("quiet"), 1);
            }
        }
    });
}

/// With all clients waiting they take turns, and beats follow each other without a pause.
#[test]
fn store_rd_is_fair_and_fast() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::None);
            (0..40).for_each(|n| b.ask(n % 4, n as u64));
            while b.missing() > 0 {
                b.cycle(&mut t.rng);
            }
            assert!(b.served[..39].windows(2).all(|w| w[1] == (w[0] + 1) % 4), "{:?}", b.served);
            assert_eq!(b.moved.last().expect("beats") - b.moved[0] + 1, 40 * p.store_beats() as u64);
        }
    });
}

/// A client that does not take its data does not make the others' come out of turn, nor data vanish.
#[test]
fn store_rd_waits_for_a_slow_client() {
    trial(|t| {
        let p = Params::new(64);
        let mut b = Bench::new(t, &p, Stall::None);
        (0..8).for_each(|n| b.ask(n % 4, n as u64));
        b.streams.closed = vec![OUT[0]];
        (0..2000).for_each(|_| b.cycle(&mut t.rng));
        assert!(b.got[1].seen() + b.got[2].seen() <= 2 * p.store_beats() as u64);
        b.streams.closed.clear();
        while b.missing() > 0 {
            b.cycle(&mut t.rng);
        }
    });
}

/// While it drains, bursts under way come in and go nowhere, and no request is taken; afterwards all is as before.
#[test]
fn store_rd_drains() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::Quarter);
            for _ in 0..5 {
                (0..10).for_each(|n| b.ask(n % 4, n as u64));
                let run = t.rng.below(4 * p.store_beats() as u64);
                (0..run).for_each(|_| b.cycle(&mut t.rng));
                // The clients are reset with it: they forget what they asked for and what they were to get.
                b.draining = true;
                b.dut.poke("drain", 1);
                b.streams = Streams::new(&b.dut, &RD, &OUT, Stall::Quarter);
                b.asked = Default::default();
                b.got = OUT.map(Scoreboard::new);
                b.dut.settle();
                while b.dut.peek("quiet") == 0 {
                    b.cycle(&mut t.rng);
                    b.dut.settle();
                }
                assert!(b.beats.is_empty() && b.open.is_empty(), "quiet, yet data are to come");
                b.draining = false;
                b.dut.poke("drain", 0);
            }
            (0..10).for_each(|n| b.ask(n % 4, n as u64));
            while b.missing() > 0 {
                b.cycle(&mut t.rng);
            }
        }
    });
}
