//! `offload::flush`: the store's flush line, raised for this host and for the peer.

mod common;

use common::{EventIn, Pulses, Streams};
use dyad_hdl::bundle::{Launch, LocalDone, Resend, SLOT_W, TxCtl};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::flush::flush;
use dyad_hdl::params::Params;
use dyad_spec::{FrameType, Status};
use dyad_tests::{Dut, Rng, Scoreboard, Stall, Trial, field, pack, trial};
use std::collections::VecDeque;

/// A short frame: type, code, slot, sequence, and the time from which an ACK counts.
type Ctl = (u64, u64, u64, u64, Option<u64>);

struct Bench {
    dut: Dut,
    streams: Streams,
    rx: EventIn,
    events: Pulses,
    now: u64,
    /// The store: cycle of its answer.
    due: Option<u64>,
    least: u64,
    delay: u64,
    odds: u64,
    /// Flushes of this host that were taken, and of the peer that came in, in order.
    local: VecDeque<u64>,
    remote: VecDeque<(u64, u64, u64)>,
    to_send: VecDeque<(u64, u64)>,
    ctl: Scoreboard<Ctl>,
    ends: Scoreboard<(u64, u64)>,
    /// What the line was raised for: of the peer.
    raised: Option<bool>,
    dropped: u64,
    failed: u64,
    line_up: u64,
    sent_local: Vec<(u64, bool)>,
    asked: VecDeque<(u64, u64, bool)>,
    again: VecDeque<(u64, u64)>,
}

impl Bench {
    fn new(t: &mut Trial, stall: Stall) -> Self {
        let dut = t.dut(&flush(&Params::small(64)));
        Self {
            streams: Streams::new(&dut, &["s_flush", "s_again"], &["m_ctl", "m_local"], stall),
            rx: EventIn::new(&dut, "s_rx"),
            events: Pulses::new(&dut, &["store_error", "overrun"]),
            dut,
            now: 100,
            due: None,
            least: 0,
            delay: 20,
            odds: 5,
            local: VecDeque::new(),
            remote: VecDeque::new(),
            to_send: VecDeque::new(),
            ctl: Scoreboard::new("frame"),
            ends: Scoreboard::new("end"),
            raised: None,
            dropped: 0,
            failed: 0,
            line_up: 0,
            sent_local: Vec::new(),
            asked: VecDeque::new(),
            again: VecDeque::new(),
        }
    }

    fn ask(&mut self, slot: u64, seq: u64, local: bool) {
        let fields = [("slot", slot), ("seq", seq), ("local", local.into())];
        self.streams.push("s_flush", pack(Launch::FIELDS, &fields));
        self.asked.push_back((slot, seq, local));
    }

    fn repeat(&mut self, slot: u64, seq: u64) {
        self.streams.push("s_again", pack(Resend::FIELDS, &[("slot", slot), ("seq", seq)]));
        self.again.push_back((slot, seq));
    }

    /// A FLUSH frame of the peer comes in this cycle.
    fn comes(&mut self, slot: u64, seq: u64) {
        self.to_send.push_back((slot, seq));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        self.now += 1;
        self.dut.poke("now", self.now);
        self.streams.drive(&mut self.dut, rng);
        let rx = self.to_send.pop_front();
        let word = rx.map(|(slot, seq)| Bits::from_u64(slot | seq << SLOT_W, SLOT_W + 32));
        self.rx.put(&mut self.dut, word.as_ref(), rng);
        let ack = self.due.is_some_and(|d| d <= self.dut.cycle());
        let err = ack && self.odds > 0 && rng.one_in(self.odds);
        self.dut.poke("store_flush_ack", ack.into());
        self.dut.poke("store_flush_err", if ack { err.into() } else { rng.below(2) });
        self.dut.settle();
        let req = self.dut.peek("store_flush_req") == 1;
        let overruns = self.events.of("overrun");
        self.events.sample(&self.dut);
        let (came, taken) = self.streams.sample(&self.dut);
        for (name, word) in came {
            if name == "m_ctl" {
                let of = |name: &str| field(TxCtl::FIELDS, &word, name);
                let answers = of("ftype") != FrameType::Flush.code();
                let t_ref = answers.then(|| of("t_ref"));
                self.ctl.got(&(of("ftype"), of("code"), of("slot"), of("seq"), t_ref));
            } else {
                let of = |name: &str| field(LocalDone::FIELDS, &word, name);
                self.ends.got(&(of("slot"), of("status")));
            }
        }
        assert!(req || !ack, "the line falls before its answer");
        if req && self.due.is_none() {
            self.line_up += 1;
            self.due = Some(self.dut.cycle() + 1 + self.least + rng.below(self.delay));
            // The peer's flush that waits goes first, unless this host's was taken before.
            let local = self.local.front().is_some();
            self.raised = Some(!local);
        }
        for (name, _) in taken {
            if name == "s_flush" {
                let (slot, seq, local) = self.asked.pop_front().expect("it was asked");
                self.local.push_back(slot);
                self.sent_local.push((slot, local));
                if !local {
                    self.ctl.expect((FrameType::Flush.code(), 0, slot, seq, None));
                }
            } else {
                let (slot, seq) = self.again.pop_front().expect("it was asked");
                self.ctl.expect((FrameType::Flush.code(), 0, slot, seq, None));
            }
        }
        if ack {
            self.due = None;
            self.failed += u64::from(err);
            match self.raised.take() {
                Some(true) => {
                    let (slot, seq, at) = self.remote.pop_front().expect("the line is up for somebody");
                    let (ftype, code) = match err {
                        true => (FrameType::Refused, Status::PeerStoreError.code()),
                        false => (FrameType::Ack, 0),
                    };
                    self.ctl.expect((ftype.code(), code, slot, seq, Some(at)));
                }
                _ => {
                    let slot = self.local.pop_front().expect("a flush was taken");
                    let status = if err { Status::StoreError } else { Status::Ok };
                    self.ends.expect((slot, status.code()));
                }
            }
        }
        if let Some((slot, seq)) = rx {
            if self.events.of("overrun") > overruns {
                self.dropped += 1;
            } else {
                self.remote.push_back((slot, seq, self.now));
            }
        }
        self.dut.edge();
    }

    fn drain(&mut self, t: &mut Trial) {
        let mut calm = 0;
        while calm < 60 {
            let busy = self.streams.all_waiting() + self.local.len() + self.remote.len() + self.to_send.len();
            calm = if busy + self.ctl.missing() + self.ends.missing() == 0 { calm + 1 } else { 0 };
            self.cycle(&mut t.rng);
            assert!(self.dut.cycle() < 200_000, "it never ends");
        }
        assert_eq!(self.dut.peek("quiet"), 1);
        assert_eq!(self.events.of("store_error"), self.failed);
    }
}

/// Flushes of both hosts and repeats at random, stores that fail: each is answered once, as the store did.
#[test]
fn flush_answers_each() {
    trial(|t| {
        for stall in Stall::ALL {
            let mut b = Bench::new(t, stall);
            for n in 0..300 {
                match t.rng.below(4) {
                    0 => b.ask(n & 0xfff, n << 20, t.rng.one_in(3)),
                    1 => b.repeat(n & 0xfff, n << 20),
                    2 if b.remote.len() < 12 => b.comes(n & 0xfff, n << 20),
                    _ => {}
                }
                (0..t.rng.below(30)).for_each(|_| b.cycle(&mut t.rng));
            }
            b.drain(t);
            b.ctl.finish();
            b.ends.finish();
            assert!(b.failed > 0 && b.dropped == 0 && b.sent_local.iter().any(|s| s.1));
        }
    });
}

/// The peer's flushes beyond 16 are dropped and counted; the others are answered, this host's included.
#[test]
fn flush_overrun() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        (b.least, b.odds) = (100, 0);
        b.ask(1, 2, false);
        (0..20).for_each(|n| b.comes(n, n));
        (0..25).for_each(|_| b.cycle(&mut t.rng));
        b.least = 0;
        b.ask(3, 4, true);
        b.drain(t);
        assert_eq!((b.dropped, b.events.of("overrun")), (4, 4));
        assert_eq!((b.line_up, b.ends.seen()), (18, 2));
    });
}

/// `s_flush` to the line: 1 cycle.
#[test]
fn flush_latency() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        b.ask(1, 2, false);
        let mut up = None;
        for _ in 0..10 {
            b.dut.settle();
            if b.dut.peek("store_flush_req") == 1 {
                up.get_or_insert(b.dut.cycle());
            }
            b.cycle(&mut t.rng);
        }
        assert_eq!(up, Some(1), "s_flush was offered in cycle 0");
    });
}
