//! Sender's MAC, wire and receiver's MAC, cycle by cycle.

use dyad_sim::card::AxisBeat;
use dyad_sim::mac::{RxMac, TxMac};
use dyad_sim::wire::Wire;
use dyad_sim::{Fcs, LineRate, OnViolation, Verdict, WireConfig};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    /// Cycles of the first and the last beat.
    span: (u64, u64),
    bytes: Vec<u8>,
    bad: bool,
}

/// A card that sends frames as fast as the MAC takes them and keeps what it receives.
struct Bench {
    tx: TxMac,
    wire: Wire,
    rx: RxMac,
    bytes: usize,
    cycle: u64,
    to_send: VecDeque<Vec<u8>>,
    /// Bytes of the first frame that have been taken.
    taken: usize,
    /// Spans of the frames sent.
    sent: Vec<(u64, u64)>,
    got: Vec<Got>,
    partial: Vec<u8>,
    first: u64,
    /// No beat is valid in these cycles.
    holes: Vec<u64>,
    /// The receiver is not ready in these cycles.
    deaf: Vec<u64>,
}

impl Bench {
    fn new(rate: LineRate, bytes: usize, config: WireConfig) -> Self {
        Self {
            tx: TxMac::new(rate, bytes, OnViolation::Record),
            wire: Wire::new(config, rate, bytes, 7),
            rx: RxMac::default(),
            bytes,
            cycle: 0,
            to_send: VecDeque::new(),
            taken: 0,
            sent: Vec::new(),
            got: Vec::new(),
            partial: Vec::new(),
            first: 0,
            holes: Vec::new(),
            deaf: Vec::new(),
        }
    }

    fn ten_gig(config: WireConfig) -> Self {
        Self::new(LineRate::TEN_GIG, 8, config)
    }

    fn step(&mut self) {
        let cycle = self.cycle;
        let shown = *self.rx.present(cycle, &mut self.wire);
        let ready = !self.deaf.contains(&cycle);
        self.rx.step(ready);
        if shown.valid && ready {
            if self.partial.is_empty() {
                self.first = cycle;
            }
            self.partial.extend_from_slice(&shown.data[..shown.keep.count_ones() as usize]);
            if shown.last {
                let bytes = std::mem::take(&mut self.partial);
                self.got.push(Got { span: (self.first, cycle), bytes, bad: shown.user });
            }
        }
        let mut beat = AxisBeat::default();
        if let Some(frame) = self.to_send.front().filter(|_| !self.holes.contains(&cycle)) {
            let part = &frame[self.taken..frame.len().min(self.taken + self.bytes)];
            beat.valid = true;
            beat.last = self.taken + part.len() == frame.len();
            beat.keep = u64::MAX >> (64 - part.len());
            beat.data[..part.len()].copy_from_slice(part);
        }
        if self.tx.ready(cycle) && beat.valid {
            if self.taken == 0 {
                self.sent.push((cycle, cycle));
            }
            self.taken += self.bytes;
            if beat.last {
                self.to_send.pop_front();
                self.taken = 0;
                self.sent.last_mut().unwrap().1 = cycle;
            }
        }
        self.tx.step(cycle, &beat, &mut self.wire);
        self.cycle += 1;
    }

    fn run(&mut self, cycles: u64) {
        (0..cycles).for_each(|_| self.step());
    }

    fn send(&mut self, len: usize, tag: u8) {
        self.to_send.push_back(frame(len, tag));
    }

    /// Sends `count` frames and lets everything arrive.
    fn send_many(&mut self, count: usize, len: usize) {
        (0..count).for_each(|index| self.send(len, index as u8));
        let line = LineRate::line_bytes(len as u64).div_ceil(8) + 2;
        self.run(count as u64 * line + self.wire.config().delay + 2 * self.wire.config().reorder_cycles + 2000);
        assert_eq!(self.wire.next_event(self.cycle), None);
    }

    fn good(&self) -> Vec<u8> {
        self.got.iter().filter(|got| !got.bad).map(|got| got.bytes[0]).collect()
    }
}

fn frame(len: usize, tag: u8) -> Vec<u8> {
    (0..len).map(|index| tag.wrapping_add(index as u8)).collect()
}

fn wire(delay: u64) -> WireConfig {
    WireConfig { delay, ..WireConfig::default() }
}

#[test]
fn every_beat_arrives_one_delay_after_it_left() {
    for (rate, bytes) in [(LineRate::TEN_GIG, 8), (LineRate::HUNDRED_GIG, 64)] {
        for delay in [1, 2, 500, 76_521] {
            let mut bench = Bench::new(rate, bytes, wire(delay));
            let lens = [4168, 64, 72, 61, 65, 1500, 4161, 64, 64];
            for (index, len) in lens.into_iter().enumerate() {
                bench.send(len, index as u8);
            }
            bench.run(delay + 3000);
            let spans: Vec<_> = bench.sent.iter().map(|span| (span.0 + delay, span.1 + delay)).collect();
            let arrived: Vec<_> = bench.got.iter().map(|got| got.span).collect();
            assert_eq!(arrived, spans, "{bytes} {delay}");
            for (index, len) in lens.into_iter().enumerate() {
                assert_eq!(bench.got[index].bytes, frame(len, index as u8));
                assert!(!bench.got[index].bad);
            }
            assert_eq!(bench.rx.counts().frames, lens.len() as u64);
        }
    }
}

#[test]
fn ten_gig_takes_a_beat_a_cycle_and_leaves_the_gap() {
    let mut bench = Bench::ten_gig(wire(1));
    (0..10).for_each(|_| bench.send(4168, 0));
    (0..10).for_each(|_| bench.send(42, 0));
    bench.run(8000);
    let starts: Vec<_> = bench.sent.iter().map(|span| span.0).collect();
    // 4168 bytes and 24 of overhead: 524 cycles.
    assert!((0..10).all(|index| starts[index] == 524 * index as u64));
    assert!((0..10).all(|index| bench.sent[index].1 - starts[index] == 520));
    // 42 bytes padded to 60 and 24 of overhead: 10.5 cycles.
    let short: Vec<_> = starts[10..].iter().map(|start| start - starts[10]).collect();
    assert_eq!(short, [0, 11, 21, 32, 42, 53, 63, 74, 84, 95]);
    assert_eq!(bench.tx.counts().line_bytes, 10 * 4192 + 10 * 84);
    assert_eq!(bench.tx.counts().underruns, 0);
}

#[test]
fn hundred_gig_takes_400_bits_a_cycle_on_the_average() {
    let mut bench = Bench::new(LineRate::HUNDRED_GIG, 64, wire(1));
    (0..1000).for_each(|_| bench.send(4168, 0));
    bench.run(1000 * 4192 * 8 / 400 + 100);
    assert_eq!(bench.sent.len(), 1000);
    let ideal = |index: u64| index as f64 * 4192.0 * 8.0 / 400.0;
    for (index, span) in bench.sent.iter().enumerate() {
        let late = span.0 as f64 - ideal(index as u64);
        assert!((0.0..2.5).contains(&late), "frame {index} is {late} cycles late");
    }
    assert_eq!(bench.got.len(), 1000);
}

#[test]
fn a_beat_that_comes_late_costs_the_frame() {
    for delay in [1, 1000] {
        for hole in 1..20 {
            let mut bench = Bench::ten_gig(wire(delay));
            bench.holes.push(hole);
            (0..3).for_each(|tag| bench.send(160, tag));
            bench.run(delay + 200);
            assert_eq!(bench.tx.counts().underruns, 1);
            assert_eq!(bench.got.iter().map(|got| got.bad).collect::<Vec<_>>(), [true, false, false], "hole {hole}");
            assert_eq!(bench.got[1].bytes, frame(160, 1));
            assert_eq!(bench.got[0].bytes[..hole as usize * 8], frame(160, 0)[..hole as usize * 8]);
        }
    }
    let mut bench = Bench::ten_gig(wire(1));
    // Between frames nothing is needed.
    bench.holes.extend(20..60);
    (0..2).for_each(|tag| bench.send(160, tag));
    bench.run(200);
    assert_eq!((bench.tx.counts().underruns, bench.got.len()), (0, 2));
}

#[test]
fn broken_stream_rules_are_recorded() {
    let mut wire = Wire::new(wire(1), LineRate::TEN_GIG, 8, 1);
    let mut tx = TxMac::new(LineRate::TEN_GIG, 8, OnViolation::Record);
    let beat = AxisBeat { valid: true, keep: 0x7f, ..AxisBeat::default() };
    assert!(tx.ready(0));
    tx.step(0, &beat, &mut wire);
    assert!(tx.broken()[0].contains("tkeep 0x7f, tlast false"), "{:?}", tx.broken());
    let end = AxisBeat { valid: true, keep: 0xff, last: true, ..AxisBeat::default() };
    assert!(tx.ready(1));
    tx.step(1, &end, &mut wire);
    assert!(!tx.ready(2), "the gap");
    tx.step(2, &end, &mut wire);
    assert!(!tx.ready(3));
    tx.step(3, &AxisBeat { keep: 1, ..end }, &mut wire);
    assert!(tx.broken()[1].contains("changed before tready"), "{:?}", tx.broken());
}

#[test]
fn a_receiver_that_is_not_ready_loses_the_frame() {
    for deaf in 0..20 {
        let mut bench = Bench::ten_gig(wire(50));
        bench.deaf.push(50 + deaf);
        (0..3).for_each(|tag| bench.send(160, tag));
        bench.run(300);
        assert_eq!(bench.rx.counts().overruns, 1);
        let bad: Vec<_> = bench.got.iter().map(|got| got.bad).collect();
        match deaf {
            // Nobody has seen the frame begin.
            0 => assert_eq!(bad, [false, false]),
            _ => assert_eq!(bad, [true, false, false], "deaf in beat {deaf}"),
        }
        assert_eq!(bench.got.last().unwrap().bytes, frame(160, 2));
    }
    // Deaf until after the next frame has begun: that one is lost, too.
    let mut bench = Bench::ten_gig(wire(50));
    bench.deaf.extend(55..80);
    (0..3).for_each(|tag| bench.send(160, tag));
    bench.run(300);
    assert_eq!(bench.rx.counts().overruns, 2);
    assert_eq!(bench.got.iter().map(|got| got.bad).collect::<Vec<_>>(), [true, false]);
    assert_eq!(bench.got[1].bytes, frame(160, 2));
}

fn with_faults(config: WireConfig) -> Bench {
    let mut bench = Bench::ten_gig(config);
    bench.send_many(2000, 200);
    bench
}

#[test]
fn loss_is_as_often_as_configured_and_the_same_for_the_same_seed() {
    let bench = with_faults(WireConfig { loss: 0.1, ..wire(100) });
    let lost = bench.wire.counts().lost;
    assert!((150..250).contains(&lost), "{lost}");
    assert_eq!(bench.got.len() as u64, 2000 - lost);
    assert!(bench.got.iter().all(|got| !got.bad && got.bytes.len() == 200));
    let again = with_faults(WireConfig { loss: 0.1, ..wire(100) });
    assert_eq!(bench.got, again.got);
    // Another fault does not change which frames are lost.
    let both = with_faults(WireConfig { loss: 0.1, corrupt: 0.1, ..wire(100) });
    assert_eq!(both.wire.counts().lost, lost);
    assert_eq!(
        both.got.iter().map(|got| got.span).collect::<Vec<_>>(),
        bench.got.iter().map(|got| got.span).collect::<Vec<_>>()
    );
}

#[test]
fn duplicates_and_late_frames_are_whole() {
    let bench = with_faults(WireConfig { duplicate: 0.1, reorder: 0.1, reorder_cycles: 300, ..wire(100) });
    let counts = bench.wire.counts();
    assert!((150..250).contains(&counts.duplicated), "{counts:?}");
    assert!((150..250).contains(&counts.reordered), "{counts:?}");
    assert_eq!(bench.got.len() as u64, 2000 + counts.duplicated);
    let mut seen = [0; 256];
    for got in &bench.got {
        assert_eq!(got.bytes, frame(200, got.bytes[0]));
        assert!(!got.bad);
        seen[usize::from(got.bytes[0])] += 1;
    }
    assert!(seen.iter().all(|&count| count >= 7));
    let order = bench.good();
    let swaps = order.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) > 128).count();
    assert!(swaps > 50, "{swaps} frames came late");
}

#[test]
fn corruption_and_truncation_are_flagged_dropped_or_missed() {
    let faults = WireConfig { corrupt: 0.1, truncate: 0.1, ..wire(100) };
    let whole = |got: &Got| got.bytes == frame(200, got.bytes[0]);

    let flagged = with_faults(faults);
    let counts = flagged.wire.counts();
    assert!((150..250).contains(&counts.corrupted) && (80..250).contains(&counts.truncated), "{counts:?}");
    assert_eq!(flagged.got.len(), 2000);
    assert!(flagged.got.iter().all(|got| got.bad != whole(got)));

    let missed = with_faults(WireConfig { fcs: Fcs::Miss, ..faults });
    assert_eq!(missed.got.len(), 2000);
    assert!(missed.got.iter().all(|got| !got.bad));
    let damaged = missed.got.iter().filter(|got| !whole(got)).count();
    assert_eq!(damaged, flagged.got.iter().filter(|got| got.bad).count());
    let flips = missed.got.iter().filter(|got| got.bytes.len() == 200 && !whole(got)).count();
    assert!(flips > 100, "{flips}");

    let dropped = with_faults(WireConfig { fcs: Fcs::Drop, ..faults });
    assert_eq!(dropped.got.len() as u64, 2000 - dropped.wire.counts().fcs_dropped);
    assert_eq!(dropped.got.len(), 2000 - damaged);
    assert!(dropped.got.iter().all(|got| !got.bad && whole(got)));
}

#[test]
fn frames_over_the_mtu_do_not_pass() {
    let near = WireConfig { max_frame: 1514, ..wire(1) };
    let mut bench = Bench::ten_gig(near);
    [1514, 1515, 4168, 1514].into_iter().for_each(|len| bench.send(len, 1));
    bench.run(3000);
    assert_eq!(bench.got.iter().map(|got| got.bad).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(bench.wire.counts().oversized, 2);
    // When the wire is longer than the frame, nothing of it shows.
    let mut bench = Bench::ten_gig(WireConfig { delay: 1000, ..near });
    [1514, 1515, 4168, 1514].into_iter().for_each(|len| bench.send(len, 1));
    bench.run(4000);
    assert_eq!(bench.got.iter().map(|got| (got.bad, got.bytes.len())).collect::<Vec<_>>(), [(false, 1514); 2]);
}

#[test]
fn a_cut_at_any_cycle_leaves_whole_frames_bad_frames_or_none() {
    for delay in [1, 30] {
        for at in 0..150 {
            let mut bench = Bench::ten_gig(wire(delay));
            (0..10).for_each(|tag| bench.send(160, tag));
            bench.run(at);
            bench.wire.cut(bench.cycle);
            assert!(bench.wire.is_cut());
            bench.run(40);
            bench.wire.mend();
            bench.run(400);
            assert!(bench.rx.is_idle(), "a frame has no end");
            assert_eq!(bench.wire.next_event(bench.cycle), None);
            let bad = bench.got.iter().filter(|got| got.bad).count();
            assert!(bad <= 1 && bench.got.len() < 10 + bad, "cut at {at}");
            assert!(bench.got.iter().all(|got| got.bad || got.bytes == frame(160, got.bytes[0])));
            assert_eq!(bench.good().last(), Some(&9), "the last frame passes, the cut was at {at}");
            assert_eq!(bench.good().len() as u64 + bench.wire.counts().cut, 10);
        }
    }
}

#[test]
fn a_tap_decides_about_frames() {
    for delay in [1, 1000] {
        let mut bench = Bench::ten_gig(wire(delay));
        bench.wire.set_tap(Some(Box::new(|_, bytes, bad| match bytes[0] {
            1 => Verdict::Drop,
            2 => Verdict::Delay(500),
            3 => Verdict::Duplicate(200),
            4 => {
                bytes[100] ^= 0xff;
                Verdict::Pass
            }
            5 => {
                bytes.resize(300, 0xaa);
                Verdict::Pass
            }
            6 => {
                bytes.truncate(61);
                *bad = true;
                Verdict::Pass
            }
            _ => Verdict::Pass,
        })));
        (0..8).for_each(|tag| bench.send(160, tag));
        bench.run(delay + 3000);
        let tags: Vec<_> = bench.got.iter().map(|got| got.bytes[0]).collect();
        let mut sorted = tags.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 2, 3, 3, 4, 5, 6, 7]);
        assert_eq!(tags.last(), Some(&2));
        let find = |tag: u8| bench.got.iter().find(|got| got.bytes[0] == tag).unwrap();
        assert_eq!(find(4).bytes[100], frame(160, 4)[100] ^ 0xff);
        assert_eq!(find(5).bytes[..160], frame(160, 5));
        assert_eq!(find(5).bytes[160..], [0xaa; 140]);
        assert_eq!((find(6).bytes.len(), find(6).bad), (61, true));
        assert_eq!(bench.wire.counts().tapped, 1);
    }
}

#[test]
fn injected_frames_share_the_line() {
    let mut bench = Bench::new(LineRate::HUNDRED_GIG, 64, wire(20));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    bench.wire.monitor(Box::new(move |seen| log.lock().unwrap().push((seen.bytes[0], seen.bytes.len(), seen.bad))));
    bench.send(1000, 1);
    bench.run(5);
    bench.wire.inject(bench.cycle, &frame(333, 2), false);
    bench.wire.inject(bench.cycle, &frame(60, 3), true);
    bench.run(200);
    let got: Vec<_> = bench.got.iter().map(|got| (got.bytes[0], got.bytes.len(), got.bad)).collect();
    assert_eq!(got, [(1, 1000, false), (2, 333, false), (3, 60, true)]);
    assert!(bench.got.windows(2).all(|pair| pair[0].span.1 < pair[1].span.0));
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, got);
}
