//! `offload::commits`: each write that is complete is told of once, in order, in a trailer or a frame of its own.

mod common;

use common::Pulses;
use dyad_hdl::bundle::{SlotUse, TxCtl};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::commits::{DEPTH, commits, wait};
use dyad_hdl::params::Params;
use dyad_spec::FrameType;
use dyad_tests::{Dut, Sink, Stall, Trial, field, pack, trial};
use std::collections::VecDeque;

/// Cycles that a COMMIT waits for a trailer.
const WAIT: u64 = 1042;

struct Bench {
    dut: Dut,
    ctl: Sink,
    events: Pulses,
    told: VecDeque<(u64, u64)>,
    now: u64,
    alone: bool,
    /// Frames flow: a trailer comes along in one of so many cycles, 0 for none.
    trailers: u64,
    /// How many went which way, and when the last one left.
    rode: u64,
    framed: u64,
    last: u64,
}

impl Bench {
    fn new(t: &mut Trial, stall: Stall) -> Self {
        assert_eq!(wait(&Params::new(64)) as u64, WAIT);
        let dut = t.fast_dut(&commits(&Params::new(64)));
        Self {
            ctl: Sink::new(&dut, "m_ctl", stall),
            events: Pulses::new(&dut, &["dropped"]),
            dut,
            told: VecDeque::new(),
            now: (1 << 32) - 20_000,
            alone: false,
            trailers: 0,
            rode: 0,
            framed: 0,
            last: 0,
        }
    }

    fn cycle(&mut self, t: &mut Trial, done: Option<(u64, u64)>) {
        self.now += 1;
        self.dut.poke("now", self.now & 0xffff_ffff);
        self.dut.poke("link_ok", 1);
        self.dut.poke("alone", self.alone.into());
        self.dut.poke("s_done_valid", done.is_some().into());
        if let Some((slot, seq)) = done {
            let word: Bits = pack(SlotUse::FIELDS, &[("slot", slot), ("seq", seq)]);
            self.dut.poke_bits("s_done_data", &word);
        }
        let comes = self.trailers > 0 && t.rng.one_in(self.trailers);
        self.dut.poke("ride_taken", comes.into());
        self.ctl.drive(&mut self.dut, &mut t.rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        if self.dut.peek("ev_dropped") == 0 {
            self.told.extend(done);
        }
        // What waits in the output of frames was chosen before what rides now.
        let frame = self.ctl.sample(&self.dut).map(|word| {
            let of = |name: &str| field(TxCtl::FIELDS, &word, name);
            assert_eq!((of("ftype"), of("code")), (FrameType::Commit.code(), 0));
            (of("slot"), of("seq"))
        });
        let rides = (comes && self.dut.peek("ride_valid") == 1).then(|| {
            let word = self.dut.peek_bits("ride_data");
            let of = |name: &str| field(SlotUse::FIELDS, &word, name);
            (of("slot"), of("seq"))
        });
        for (told, count) in [(frame, &mut self.framed), (rides, &mut self.rode)] {
            if let Some(told) = told {
                // One that rides may pass one that waits for its frame.
                let at = self.told.iter().take(2).position(|w| *w == told).expect("a COMMIT once, in its order");
                self.told.remove(at);
                *count += 1;
                self.last = self.dut.cycle();
            }
        }
        self.dut.edge();
    }

    fn run(&mut self, t: &mut Trial, cycles: u64) {
        (0..cycles).for_each(|_| self.cycle(t, None));
    }
}

#[test]
fn commits_ride_where_frames_flow() {
    trial(|t| {
        for stall in Stall::ALL {
            let mut b = Bench::new(t, stall);
            b.trailers = 30;
            for n in 0..20_000u64 {
                let done = t.rng.one_in(40).then_some((n % 4096, n * 3));
                b.cycle(t, done);
            }
            b.run(t, 4000);
            assert!(b.told.is_empty() && b.rode > 300 && b.framed == 0, "{} rode, {} alone", b.rode, b.framed);
            assert_eq!(b.dut.peek("quiet"), 1);
        }
    });
}

#[test]
fn commits_leave_by_themselves_when_no_frame_comes() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        let start = b.dut.cycle();
        b.cycle(t, Some((5, 9)));
        b.run(t, WAIT - 2);
        assert_eq!(b.framed, 0);
        b.run(t, 10);
        assert_eq!((b.framed, b.rode), (1, 0));
        assert!((WAIT..WAIT + 6).contains(&(b.last - start)), "after {} cycles", b.last - start);
        // With nothing else under way at once.
        b.alone = true;
        let start = b.dut.cycle();
        b.cycle(t, Some((6, 10)));
        b.run(t, 10);
        assert_eq!((b.framed, b.last - start), (2, 5));
        // Many: each as soon as the one before has gone.
        for n in 0..100 {
            b.cycle(t, Some((n, 1)));
        }
        b.run(t, 300);
        assert!(b.told.is_empty());
    });
}

#[test]
fn commits_that_find_no_room_are_counted() {
    trial(|t| {
        let mut b = Bench::new(t, Stall::None);
        let more = 50;
        for n in 0..DEPTH as u64 + more {
            b.cycle(t, Some((n % 4096, n)));
        }
        let dropped = b.events.of("dropped");
        assert!((more - 2..=more).contains(&dropped), "{dropped} dropped");
        assert_eq!(b.dut.peek("quiet"), 0);
        // A link that goes down takes them all.
        b.dut.poke("link_ok", 0);
        b.dut.poke("s_done_valid", 0);
        b.dut.ticks(DEPTH as u64 + 10);
        b.dut.settle();
        assert_eq!((b.dut.peek("quiet"), b.dut.peek("ride_valid"), b.dut.peek("m_ctl_valid")), (1, 0, 0));
    });
}
