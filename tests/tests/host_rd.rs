//! `host_rd` against a slave in plain Rust.

use dyad_hdl::bundle::HostBurst;
use dyad_hdl::dma::HostBeat;
use dyad_hdl::dma::host_rd::{CLIENTS, OUTSTANDING, host_rd};
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_tests::{Dut, Rng, Scoreboard, Sink, Source, Stall, field, pack, prove, trial};
use std::collections::VecDeque;

/// Clients, the first to be served first.
const PRECEDENCE: [usize; CLIENTS] = [0, 2, 3, 1];
const PAYLOAD: usize = 1;

/// What host memory holds at an address, and whether it can be read.
fn memory(addr: u64, data_w: usize) -> (Bits, bool) {
    let mut rng = Rng::new(addr);
    (rng.bits(data_w), rng.one_in(50))
}

fn beat(addr: u64, last: bool, data_w: usize) -> Bits {
    let (data, err) = memory(addr, data_w);
    let mut beat = data.resize(HostBeat::width(data_w));
    beat.set(data_w, &Bits::from_u64(u64::from(last), 1));
    beat.set(data_w + 1, &Bits::from_u64(u64::from(err), 1));
    // What could not be read is not compared.
    if err { beat.get(data_w, 2) } else { beat }
}

/// A burst that does not cross a 4 KiB boundary: address and beats.
fn burst(rng: &mut Rng, data_w: usize) -> (u64, u64) {
    let bytes = data_w as u64 / 8;
    let first = rng.below(4096 / bytes);
    let most = (4096 / bytes - first).min(256);
    let beats = if rng.one_in(3) { most } else { 1 + rng.below(most.min(8)) };
    (rng.next_u64() << 12 | (first * bytes), beats)
}

fn packed(addr: u64, beats: u64) -> Bits {
    pack(HostBurst::FIELDS, &[("addr", addr), ("beats", beats)])
}

/// The slave: answers in order, with pauses, after a latency.
struct Slave {
    stall: Stall,
    latency: u64,
    /// (time from which it may come, address, last).
    beats: VecDeque<(u64, u64, bool)>,
    ar_ready: bool,
    offered: bool,
    held: Option<(u64, u64)>,
    accepted: Vec<(u64, u64)>,
}

impl Slave {
    fn new(stall: Stall, latency: u64) -> Self {
        let (beats, accepted) = Default::default();
        Self { stall, latency, beats, ar_ready: false, offered: false, held: None, accepted }
    }

    fn go(&self, rng: &mut Rng) -> bool {
        match self.stall {
            Stall::None => true,
            Stall::Quarter => !rng.one_in(4),
            Stall::Random => rng.one_in(3),
        }
    }

    fn drive(&mut self, dut: &mut Dut, rng: &mut Rng, data_w: usize) {
        self.ar_ready = self.go(rng);
        dut.poke("m_axi_arready", u64::from(self.ar_ready));
        self.offered |= self.beats.front().is_some_and(|b| b.0 <= dut.cycle()) && self.go(rng);
        dut.poke("m_axi_rvalid", u64::from(self.offered));
        if self.offered {
            let (_, addr, last) = self.beats[0];
            let (data, err) = memory(addr, data_w);
            dut.poke_bits("m_axi_rdata", &data);
            dut.poke("m_axi_rlast", u64::from(last));
            dut.poke("m_axi_rresp", if err { 2 + rng.below(2) } else { rng.below(2) });
        }
    }

    fn sample(&mut self, dut: &Dut, rng: &mut Rng, data_w: usize) {
        if dut.peek("m_axi_arvalid") == 1 {
            let ar = (dut.peek("m_axi_araddr"), dut.peek("m_axi_arlen") + 1);
            assert!(self.held.is_none_or(|h| h == ar), "an address changed before it was accepted");
            assert_eq!(dut.peek("m_axi_arsize"), (data_w / 8).ilog2() as u64);
            assert_eq!(dut.peek("m_axi_arburst"), 1, "INCR");
            self.held = Some(ar);
            if self.ar_ready {
                self.held = None;
                self.accepted.push(ar);
                let from = dut.cycle() + 1 + self.latency + rng.below(self.latency + 1);
                let step = data_w as u64 / 8;
                self.beats.extend((0..ar.1).map(|i| (from, ar.0 + i * step, i + 1 == ar.1)));
            }
        } else {
            assert!(self.held.is_none(), "an address was taken back");
        }
        if self.offered && dut.peek("m_axi_rready") == 1 {
            self.offered = false;
            self.beats.pop_front();
        }
    }
}

struct Clients {
    sources: Vec<Source>,
    sinks: Vec<Sink>,
    boards: Vec<Scoreboard<Bits>>,
    /// Of the payload's page there is more to come.
    begun: bool,
}

impl Clients {
    fn new(dut: &Dut, stall: Stall) -> Self {
        let n = 0..CLIENTS;
        Self {
            sources: n.clone().map(|i| Source::new(dut, &format!("s_rd{i}"), stall)).collect(),
            sinks: n.clone().map(|i| Sink::new(dut, &format!("m_rdata{i}"), stall)).collect(),
            boards: n.map(|i| Scoreboard::new(&format!("beat of client {i}"))).collect(),
            begun: false,
        }
    }

    fn ask(&mut self, client: usize, addr: u64, beats: u64, data_w: usize) {
        self.sources[client].push(packed(addr, beats));
        let step = data_w as u64 / 8;
        for i in 0..beats {
            self.boards[client].expect(beat(addr + i * step, i + 1 == beats, data_w));
        }
    }

    fn missing(&self) -> usize {
        self.boards.iter().map(Scoreboard::missing).sum()
    }

    fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        self.sources.iter_mut().for_each(|s| s.drive(dut, rng));
        self.sinks.iter_mut().for_each(|s| s.drive(dut, rng));
    }

    /// Returns the client whose burst was taken.
    fn sample(&mut self, dut: &Dut, data_w: usize) -> Option<usize> {
        for (sink, board) in self.sinks.iter_mut().zip(&mut self.boards) {
            if let Some(word) = sink.sample(dut) {
                let err = word.bit(data_w + 1);
                board.got(&if err { word.get(data_w, 2) } else { word });
            }
        }
        let mut asking: Vec<usize> =
            PRECEDENCE.into_iter().filter(|i| dut.peek(&format!("s_rd{i}_valid")) == 1).collect();
        // The rest of a payload's page comes first.
        asking.sort_by_key(|i| !(self.begun && *i == PAYLOAD));
        let mut taken = None;
        for i in 0..CLIENTS {
            if let Some(word) = self.sources[i].sample(dut) {
                assert_eq!(Some(&i), asking.first(), "the one that goes first, and one alone");
                let of = |name: &str| field(HostBurst::FIELDS, &word, name);
                self.begun = i == PAYLOAD && !(of("addr") + of("beats") * data_w as u64 / 8).is_multiple_of(4096);
                taken = Some(i);
            }
        }
        taken
    }
}

#[test]
fn each_client_gets_its_beats_in_order() {
    trial(|t| {
        for (data_w, stall) in [64, 512].into_iter().flat_map(|w| Stall::ALL.map(|s| (w, s))) {
            let mut dut = t.dut(&host_rd(&Params::new(data_w)));
            let mut slave = Slave::new(stall, *t.rng.pick(&[0, 20]));
            let mut clients = Clients::new(&dut, stall);
            for _ in 0..50 {
                let (addr, beats) = burst(&mut t.rng, data_w);
                clients.ask(t.rng.below(CLIENTS as u64) as usize, addr, beats, data_w);
            }
            let total = clients.missing() as u64;
            while clients.missing() > 0 {
                clients.drive(&mut dut, &mut t.rng);
                slave.drive(&mut dut, &mut t.rng, data_w);
                dut.settle();
                slave.sample(&dut, &mut t.rng, data_w);
                clients.sample(&dut, data_w);
                dut.edge();
                assert!(dut.cycle() < 100 * total, "stuck");
            }
            clients.boards.iter().for_each(Scoreboard::finish);
            dut.settle();
            assert_eq!(dut.peek("quiet"), 1);
            if stall == Stall::None {
                // Two cycles from the first burst to its first beat, then a beat a cycle, but for what bursts of one beat
                // cost with a latency.
                assert!(dut.cycle() <= total + 100, "{} cycles for {total} beats", dut.cycle());
            }
        }
    });
}

#[test]
fn an_address_leaves_after_one_cycle_and_data_pass_through() {
    trial(|t| {
        let mut dut = t.dut(&host_rd(&Params::new(64)));
        dut.poke("s_rd1_valid", 1);
        dut.poke_bits("s_rd1_data", &packed(0x1_2345_6000, 256));
        dut.settle();
        assert_eq!((dut.peek("s_rd1_ready"), dut.peek("m_axi_arvalid")), (1, 0));
        dut.edge();
        dut.poke("s_rd1_valid", 0);
        dut.settle();
        assert_eq!((dut.peek("m_axi_arvalid"), dut.peek("m_axi_araddr")), (1, 0x1_2345_6000));
        assert_eq!((dut.peek("m_axi_arlen"), dut.peek("quiet")), (255, 0));
        dut.poke("m_axi_arready", 1);
        dut.tick();
        for ready in [0, 1] {
            dut.poke("m_axi_rvalid", 1);
            dut.poke("m_rdata1_ready", ready);
            dut.settle();
            let valids = [0, 1, 2].map(|i| dut.peek(&format!("m_rdata{i}_valid")));
            assert_eq!((valids, dut.peek("m_axi_rready")), ([0, 1, 0], ready));
            dut.edge();
        }
    });
}

#[test]
fn no_more_bursts_are_under_way_than_have_tags() {
    trial(|t| {
        let mut dut = t.dut(&host_rd(&Params::new(64)));
        dut.poke("m_axi_arready", 1);
        let mut clients = Clients::new(&dut, Stall::None);
        (0..50).for_each(|i| clients.ask(i % CLIENTS, 0, 1, 64));
        let mut taken = 0;
        for _ in 0..200 {
            clients.drive(&mut dut, &mut t.rng);
            dut.settle();
            taken += usize::from(clients.sample(&dut, 64).is_some());
            dut.edge();
        }
        assert_eq!(taken, OUTSTANDING);
    });
}

/// Soft reset in the middle of bursts: the bus sees every handshake out, the clients see nothing, and then all is new.
#[test]
fn drain_throws_away_what_is_under_way() {
    trial(|t| {
        for round in 0..20 {
            let mut dut = t.dut(&host_rd(&Params::new(64)));
            let mut slave = Slave::new(Stall::Random, 10);
            let mut clients = Clients::new(&dut, Stall::Quarter);
            for _ in 0..20 {
                let (addr, beats) = burst(&mut t.rng, 64);
                clients.ask(t.rng.below(CLIENTS as u64) as usize, addr, beats, 64);
            }
            for _ in 0..20 + 11 * round {
                clients.drive(&mut dut, &mut t.rng);
                slave.drive(&mut dut, &mut t.rng, 64);
                dut.settle();
                slave.sample(&dut, &mut t.rng, 64);
                clients.sample(&dut, 64);
                dut.edge();
            }
            // Clients in reset: they offer nothing, take nothing.
            dut.poke("drain", 1);
            for i in 0..CLIENTS {
                dut.poke(&format!("s_rd{i}_valid"), t.rng.below(2));
                dut.poke(&format!("m_rdata{i}_ready"), t.rng.below(2));
            }
            let deadline = dut.cycle() + 20_000;
            loop {
                slave.drive(&mut dut, &mut t.rng, 64);
                dut.settle();
                slave.sample(&dut, &mut t.rng, 64);
                for i in 0..CLIENTS {
                    assert_eq!(dut.peek(&format!("m_rdata{i}_valid")) | dut.peek(&format!("s_rd{i}_ready")), 0);
                }
                let quiet = dut.peek("quiet") == 1;
                dut.edge();
                if quiet {
                    break;
                }
                assert!(dut.cycle() < deadline, "does not become quiet");
            }
            assert!(slave.beats.is_empty() && slave.held.is_none(), "quiet although the bus is not");
            dut.poke("drain", 0);
            let mut clients = Clients::new(&dut, Stall::Quarter);
            (0..CLIENTS).for_each(|i| clients.ask(i, 0x7000 + 64 * i as u64, 4, 64));
            while clients.missing() > 0 {
                clients.drive(&mut dut, &mut t.rng);
                slave.drive(&mut dut, &mut t.rng, 64);
                dut.settle();
                slave.sample(&dut, &mut t.rng, 64);
                clients.sample(&dut, 64);
                dut.edge();
                assert!(dut.cycle() < deadline + 2000, "stuck after drain");
            }
            clients.boards.iter().for_each(Scoreboard::finish);
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&host_rd(&Params::new(64)), 3, 0);
}
