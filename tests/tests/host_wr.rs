//! `host_wr` against a slave in plain Rust.

use dyad_hdl::bundle::HostBurst;
use dyad_hdl::dma::host_wr::{CLIENTS, OUTSTANDING, host_wr};
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_tests::{Dut, Rng, Scoreboard, Source, Stall, pack, prove, trial};
use std::collections::VecDeque;

/// A burst that does not cross a 4 KiB boundary: address and beats.
fn burst(rng: &mut Rng, data_w: usize) -> (u64, u64) {
    let bytes = data_w as u64 / 8;
    let first = rng.below(4096 / bytes);
    let most = (4096 / bytes - first).min(256);
    let beats = if rng.one_in(3) { most } else { 1 + rng.below(most.min(8)) };
    (rng.next_u64() << 12 | (first * bytes), beats)
}

/// A burst as the bus saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    addr: u64,
    data: Vec<Bits>,
}

/// The slave: takes addresses and data at its own pace each, answers in order.
struct Slave {
    stall: Stall,
    /// It accepts an address only when it sees data, too, and data only with or after their address.
    shy: bool,
    ready: [bool; 2],
    held_aw: Option<(u64, u64)>,
    held_w: Option<(Bits, u64, u64)>,
    addresses: VecDeque<(u64, u64)>,
    /// Addresses accepted.
    taken: usize,
    /// Bursts whose address has stood at the port.
    stood: u64,
    data: Vec<Bits>,
    strobes: Vec<u64>,
    bursts: Vec<(Vec<Bits>, Vec<u64>)>,
    written: Vec<(Written, Vec<u64>)>,
    answers: VecDeque<u64>,
    answered: Vec<bool>,
    answering: bool,
}

impl Slave {
    fn new(stall: Stall, shy: bool) -> Self {
        Self {
            stall,
            shy,
            ready: [false; 2],
            held_aw: None,
            held_w: None,
            addresses: VecDeque::new(),
            taken: 0,
            stood: 0,
            data: Vec::new(),
            strobes: Vec::new(),
            bursts: Vec::new(),
            written: Vec::new(),
            answers: VecDeque::new(),
            answered: Vec::new(),
            answering: false,
        }
    }

    fn go(&self, rng: &mut Rng) -> bool {
        match self.stall {
            Stall::None => true,
            Stall::Quarter => !rng.one_in(4),
            Stall::Random => rng.one_in(3),
        }
    }

    fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        dut.settle();
        let both = dut.peek("m_axi_awvalid") & dut.peek("m_axi_wvalid") == 1;
        let aw = self.go(rng) && (both || !self.shy);
        let opened = self.taken > self.bursts.len() || aw;
        self.ready = [aw, self.go(rng) && (opened || !self.shy)];
        dut.poke("m_axi_awready", u64::from(self.ready[0]));
        dut.poke("m_axi_wready", u64::from(self.ready[1]));
        self.answering = self.answers.front().is_some_and(|t| *t <= dut.cycle()) && self.go(rng);
        let err = rng.one_in(5);
        dut.poke("m_axi_bvalid", u64::from(self.answering));
        dut.poke("m_axi_bresp", if err { 2 + rng.below(2) } else { rng.below(2) });
        if self.answering {
            self.answers.pop_front();
            self.answered.push(err);
        }
    }

    fn sample(&mut self, dut: &Dut, rng: &mut Rng, data_w: usize) {
        assert_eq!(dut.peek("m_axi_bready"), 1);
        if dut.peek("m_axi_awvalid") == 1 {
            let aw = (dut.peek("m_axi_awaddr"), dut.peek("m_axi_awlen") + 1);
            assert!(self.held_aw.is_none_or(|h| h == aw), "an address changed before it was accepted");
            assert_eq!(dut.peek("m_axi_awsize"), (data_w / 8).ilog2() as u64);
            assert_eq!(dut.peek("m_axi_awburst"), 1, "INCR");
            self.stood += u64::from(self.held_aw.is_none());
            self.held_aw = Some(aw);
            if self.ready[0] {
                self.held_aw = None;
                self.addresses.push_back(aw);
                self.taken += 1;
            }
        } else {
            assert!(self.held_aw.is_none(), "an address was taken back");
        }
        if dut.peek("m_axi_wvalid") == 1 {
            let w = (dut.peek_bits("m_axi_wdata"), dut.peek("m_axi_wstrb"), dut.peek("m_axi_wlast"));
            assert!(self.held_w.as_ref().is_none_or(|h| *h == w), "data changed before they were accepted");
            assert!(self.stood > self.bursts.len() as u64, "data before their address");
            self.held_w = Some(w.clone());
            if self.ready[1] {
                self.held_w = None;
                self.data.push(w.0);
                self.strobes.push(w.1);
                if w.2 == 1 {
                    self.bursts.push((std::mem::take(&mut self.data), std::mem::take(&mut self.strobes)));
                }
            }
        } else {
            assert!(self.held_w.is_none(), "data were taken back");
        }
        while self.written.len() < self.bursts.len() && !self.addresses.is_empty() {
            let (addr, beats) = self.addresses.pop_front().unwrap();
            let (data, strobes) = self.bursts[self.written.len()].clone();
            assert_eq!(data.len() as u64, beats, "beats of a burst");
            self.written.push((Written { addr, data }, strobes));
            self.answers.push_back(dut.cycle() + 1 + rng.below(10));
        }
    }
}

struct Clients {
    asks: Vec<Source>,
    gives: Vec<Source>,
    /// What each client wrote, in order.
    bursts: Vec<VecDeque<Written>>,
    /// Clients in the order in which they were served.
    served: Vec<usize>,
    errors: Vec<Vec<bool>>,
}

impl Clients {
    fn new(dut: &Dut, stall: Stall) -> Self {
        let sources = |name: &str| (0..CLIENTS).map(|i| Source::new(dut, &format!("{name}{i}"), stall)).collect();
        let bursts = vec![VecDeque::new(); CLIENTS];
        Self {
            asks: sources("s_wr"),
            gives: sources("s_wdata"),
            bursts,
            served: Vec::new(),
            errors: vec![Vec::new(); CLIENTS],
        }
    }

    fn write(&mut self, rng: &mut Rng, client: usize, addr: u64, beats: u64, data_w: usize) {
        let data: Vec<Bits> = (0..beats).map(|_| rng.bits(data_w)).collect();
        self.asks[client].push(pack(HostBurst::FIELDS, &[("addr", addr), ("beats", beats)]));
        data.iter().for_each(|d| self.gives[client].push(d.clone()));
        self.bursts[client].push_back(Written { addr, data });
    }

    fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        self.asks.iter_mut().chain(&mut self.gives).for_each(|s| s.drive(dut, rng));
    }

    fn sample(&mut self, dut: &Dut) {
        let first = (0..CLIENTS).find(|i| dut.peek(&format!("s_wr{i}_valid")) == 1);
        for i in 0..CLIENTS {
            if self.asks[i].sample(dut).is_some() {
                assert_eq!(Some(i), first, "the one that goes first, and one alone");
                self.served.push(i);
            }
            self.gives[i].sample(dut);
            if dut.peek(&format!("m_b{i}_valid")) == 1 {
                self.errors[i].push(dut.peek(&format!("m_b{i}_data")) == 1);
            }
        }
    }
}

#[test]
fn bursts_reach_memory_whole_and_are_answered() {
    trial(|t| {
        for (data_w, stall) in [64, 512].into_iter().flat_map(|w| Stall::ALL.map(|s| (w, s))) {
            let mut dut = t.dut(&host_wr(&Params::new(data_w)));
            let shy = t.rng.one_in(2);
            let mut slave = Slave::new(stall, shy);
            let mut clients = Clients::new(&dut, stall);
            let (mut total, count) = (0, 200);
            for _ in 0..count {
                let (addr, beats) = burst(&mut t.rng, data_w);
                let client = t.rng.below(3) as usize;
                clients.write(&mut t.rng, client, addr, beats, data_w);
                total += beats;
            }
            while slave.answered.len() < count {
                clients.drive(&mut dut, &mut t.rng);
                slave.drive(&mut dut, &mut t.rng);
                dut.settle();
                slave.sample(&dut, &mut t.rng, data_w);
                clients.sample(&dut);
                dut.edge();
                assert!(dut.cycle() < 100 * (total + count as u64), "stuck");
            }
            let mut board = Scoreboard::new("burst");
            let mut errors = vec![Vec::new(); CLIENTS];
            for (client, err) in clients.served.iter().zip(&slave.answered) {
                board.expect(clients.bursts[*client].pop_front().expect("a burst of this client"));
                errors[*client].push(*err);
            }
            let all = if data_w == 64 { 0xff } else { u64::MAX };
            for (written, strobes) in &slave.written {
                board.got(written);
                assert!(strobes.iter().all(|s| *s == all), "all bytes are written");
            }
            board.finish();
            assert_eq!(clients.errors, errors, "answers");
            assert!(errors.iter().all(|e| e.contains(&true) && e.contains(&false)));
            dut.settle();
            assert_eq!(dut.peek("quiet"), 1);
            if stall == Stall::None {
                let limit = total + 2 * count as u64 + 40;
                assert!(dut.cycle() <= limit, "{} cycles for {total} beats in {count} bursts", dut.cycle());
            }
        }
    });
}

#[test]
fn latency_is_one_cycle_for_the_address_and_two_for_data() {
    trial(|t| {
        let mut dut = t.dut(&host_wr(&Params::new(512)));
        for port in ["s_wr0_valid", "s_wdata0_valid", "m_axi_awready", "m_axi_wready"] {
            dut.poke(port, 1);
        }
        dut.poke_bits("s_wr0_data", &pack(HostBurst::FIELDS, &[("addr", 0x40), ("beats", 1)]));
        dut.settle();
        assert_eq!((dut.peek("s_wr0_ready"), dut.peek("m_axi_awvalid"), dut.peek("m_axi_wvalid")), (1, 0, 0));
        dut.edge();
        dut.poke("s_wr0_valid", 0);
        dut.settle();
        assert_eq!((dut.peek("s_wdata0_ready"), dut.peek("m_axi_awvalid"), dut.peek("m_axi_wvalid")), (1, 1, 0));
        dut.edge();
        dut.settle();
        assert_eq!((dut.peek("m_axi_awvalid"), dut.peek("m_axi_wvalid"), dut.peek("m_axi_wlast")), (0, 1, 1));
    });
}

#[test]
fn no_more_bursts_wait_than_have_tags() {
    trial(|t| {
        let mut dut = t.dut(&host_wr(&Params::new(64)));
        let mut clients = Clients::new(&dut, Stall::None);
        (0..50).for_each(|i| clients.write(&mut t.rng, i % 3, 0, 1, 64));
        dut.poke("m_axi_awready", 1);
        dut.poke("m_axi_wready", 1);
        for _ in 0..300 {
            clients.drive(&mut dut, &mut t.rng);
            dut.settle();
            clients.sample(&dut);
            dut.edge();
        }
        assert_eq!(clients.served.len(), OUTSTANDING);
    });
}

/// Soft reset in the middle of a burst: the bus gets the rest of it without bytes, the clients hear nothing.
#[test]
fn drain_ends_a_burst_without_writing() {
    trial(|t| {
        let mut masked = 0;
        for round in 0..24 {
            let mut dut = t.dut(&host_wr(&Params::new(64)));
            let mut slave = Slave::new(Stall::Random, round % 2 == 0);
            let mut clients = Clients::new(&dut, Stall::Quarter);
            for _ in 0..20 {
                let (addr, beats) = burst(&mut t.rng, 64);
                let client = t.rng.below(3) as usize;
                clients.write(&mut t.rng, client, addr, beats, 64);
            }
            for _ in 0..10 + 12 * round {
                clients.drive(&mut dut, &mut t.rng);
                slave.drive(&mut dut, &mut t.rng);
                dut.settle();
                slave.sample(&dut, &mut t.rng, 64);
                clients.sample(&dut);
                dut.edge();
            }
            dut.poke("drain", 1);
            for i in 0..CLIENTS {
                dut.poke(&format!("s_wr{i}_valid"), t.rng.below(2));
                dut.poke(&format!("s_wdata{i}_valid"), t.rng.below(2));
            }
            let deadline = dut.cycle() + 20_000;
            loop {
                slave.drive(&mut dut, &mut t.rng);
                dut.settle();
                slave.sample(&dut, &mut t.rng, 64);
                for i in 0..CLIENTS {
                    let heard = ["s_wr", "s_wdata"].map(|s| dut.peek(&format!("{s}{i}_ready")));
                    assert_eq!((heard, dut.peek(&format!("m_b{i}_valid"))), ([0, 0], 0));
                }
                let quiet = dut.peek("quiet") == 1;
                dut.edge();
                if quiet {
                    break;
                }
                assert!(dut.cycle() < deadline, "does not become quiet");
            }
            assert!(slave.data.is_empty() && slave.addresses.is_empty() && slave.answers.is_empty());
            assert_eq!(slave.written.len(), clients.served.len(), "every burst that was taken was ended");
            // Bytes that were written are the clients' own.
            for ((written, strobes), client) in slave.written.iter().zip(&clients.served) {
                let want = clients.bursts[*client].pop_front().unwrap();
                assert_eq!((written.addr, written.data.len()), (want.addr, want.data.len()));
                for (i, strobe) in strobes.iter().enumerate() {
                    assert!(*strobe == 0 || (*strobe == 0xff && written.data[i] == want.data[i]));
                    masked += usize::from(*strobe == 0);
                }
            }
        }
        assert!(masked > 100, "{masked} beats without bytes: too few to have tried it");
    });
}

#[test]
fn properties_are_proved() {
    prove(&host_wr(&Params::new(64)), 3, 0);
}
