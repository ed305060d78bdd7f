//! `sq_fetch` against rings in plain Rust.

use dyad_hdl::bundle::{CqDoorbell, HostBurst, SqDoorbell, Sqe};
use dyad_hdl::dma::HostBeat;
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_hdl::queue::sq_fetch::{BURST_ENTRIES, MARKS, sq_fetch};
use dyad_spec::ENTRY_BYTES;
use dyad_spec::regs::{QUEUE_CQ_LOG2, QUEUE_ENABLE, QUEUE_SQ_LOG2};
use dyad_tests::{Dut, Rng, Scoreboard, Sink, Source, Stall, Trial, field, pack, prove, trial};
use std::collections::VecDeque;

const QUEUES: usize = 4;

type Entry = [u8; ENTRY_BYTES];

/// A pair as its host sees it. Counts are of all time since it was set up; indices are counts modulo the ring.
struct Ring {
    base: u64,
    sq_log2: u64,
    cq_log2: u64,
    enabled: bool,
    slots: Vec<Entry>,
    /// Entries that a doorbell has shown.
    shown: u64,
    /// Entries whose last beat came.
    fetched: u64,
    /// Entries asked for.
    asked: u64,
    /// Completions that the host could take, and has taken.
    posted: u64,
    taken: u64,
    /// (entries shown, time) of doorbells that are told apart.
    marks: VecDeque<(u64, u64)>,
}

impl Ring {
    fn new(base: u64, sq_log2: u64, cq_log2: u64) -> Self {
        let slots = vec![[0; ENTRY_BYTES]; 1 << sq_log2];
        let marks = VecDeque::new();
        Self {
            base,
            sq_log2,
            cq_log2,
            enabled: true,
            slots,
            shown: 0,
            fetched: 0,
            asked: 0,
            posted: 0,
            taken: 0,
            marks,
        }
    }

    fn entries(&self) -> u64 {
        1 << self.sq_log2
    }

    fn control(&self) -> u64 {
        let fields =
            [(QUEUE_ENABLE, u64::from(self.enabled)), (QUEUE_SQ_LOG2, self.sq_log2), (QUEUE_CQ_LOG2, self.cq_log2)];
        fields.iter().map(|(f, v)| u64::from(f.put(*v as u32))).sum()
    }
}

/// What is expected of an entry.
type Want = (Vec<u8>, bool, u64, u64, u64);

/// The card's surroundings: hosts, their memory, and the block behind.
struct Bench {
    dut: Dut,
    data_w: usize,
    start: u64,
    rings: Vec<Ring>,
    rd: Sink,
    rdata: Source,
    sqe: Sink,
    latency: u64,
    /// Beats of the burst under way that have not been sent: (time, beats).
    reading: Option<(u64, VecDeque<Bits>)>,
    /// Pair of that burst, entries it brings, beats that came.
    burst: (usize, u64),
    came: u64,
    failed: bool,
    /// Beats of all time that fail.
    faults: Vec<u64>,
    beats: u64,
    board: Scoreboard<Want>,
    out: Vec<(u64, usize)>,
    bursts: Vec<(u64, usize, u64)>,
    events: [u64; 3],
    start_now: u64,
    sq_bell: Option<(u64, u64)>,
    cq_bell: Option<(u64, u64)>,
}

impl Bench {
    fn new(t: &mut Trial, data_w: usize, stall: Stall, latency: u64, rings: Vec<Ring>) -> Self {
        let p = Params { queues: QUEUES, ..Params::new(data_w) };
        let dut = t.dut(&sq_fetch(&p));
        let mut bench = Self {
            data_w,
            start: t.rng.next_u64() >> 20,
            rings,
            rd: Sink::new(&dut, "m_rd", stall),
            rdata: Source::new(&dut, "s_rdata", stall),
            sqe: Sink::new(&dut, "m_sqe", stall),
            latency,
            reading: None,
            burst: (0, 0),
            came: 0,
            failed: false,
            faults: Vec::new(),
            beats: 0,
            board: Scoreboard::new("entry"),
            out: Vec::new(),
            bursts: Vec::new(),
            events: [0; 3],
            start_now: 0,
            sq_bell: None,
            cq_bell: None,
            dut,
        };
        bench.dut.poke("enable", 1);
        bench.configure();
        bench.start_now = (1 << QUEUES) - 1;
        bench.cycle(&mut t.rng);
        bench
    }

    fn configure(&mut self) {
        let mut control = Bits::zero(32 * QUEUES);
        let mut bases = Bits::zero(64 * QUEUES);
        for (i, ring) in self.rings.iter().take(QUEUES).enumerate() {
            control.set(32 * i, &Bits::from_u64(ring.control(), 32));
            bases.set(64 * i, &Bits::from_u64(ring.base, 64));
        }
        self.dut.poke_bits("queue_control", &control);
        self.dut.poke_bits("sq_base", &bases);
    }

    /// Gives a pair a new ring in the next cycle. The old one stays behind the others: its burst, if one is under way,
    /// brings nothing any more.
    fn set_up_anew(&mut self, pair: usize, ring: Ring) {
        let old = std::mem::replace(&mut self.rings[pair], ring);
        if self.burst.0 == pair {
            self.burst.0 = self.rings.len();
        }
        self.rings.push(old);
        self.configure();
        self.start_now = 1 << pair;
    }

    fn now(&self) -> u64 {
        self.start + self.dut.cycle()
    }

    /// Writes `n` entries into a ring; [`Bench::ring`] shows them.
    fn write(&mut self, rng: &mut Rng, pair: usize, n: u64) {
        let ring = &mut self.rings[pair];
        for i in 0..n {
            let mut entry: Entry = std::array::from_fn(|_| rng.next_u64() as u8);
            if !rng.one_in(4) {
                entry[32..].fill(0);
                if rng.one_in(4) {
                    entry[32 + rng.below(32) as usize] = 1 << rng.below(8);
                }
            }
            let slot = (ring.shown + i) % ring.entries();
            ring.slots[slot as usize] = entry;
        }
    }

    /// Rings the doorbell of `n` more entries in the next cycle.
    fn ring(&mut self, pair: usize, n: u64) {
        let time = self.now().wrapping_sub(1);
        let ring = &mut self.rings[pair];
        ring.shown += n;
        if ring.marks.len() == MARKS {
            ring.marks.back_mut().unwrap().0 = ring.shown;
        } else {
            ring.marks.push_back((ring.shown, time));
        }
        self.sq_bell = Some((pair as u64, ring.shown % ring.entries()));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        let d = &mut self.dut;
        let now = self.start + d.cycle();
        d.poke("now", now);
        d.poke("queue_start", std::mem::take(&mut self.start_now));
        for (name, fields, bell) in
            [("s_sqdb", SqDoorbell::FIELDS, self.sq_bell.take()), ("s_cqdb", CqDoorbell::FIELDS, self.cq_bell.take())]
        {
            d.poke(&format!("{name}_valid"), u64::from(bell.is_some()));
            let (pair, value) = bell.unwrap_or_else(|| (rng.below(8), rng.below(1 << 16)));
            d.poke_bits(&format!("{name}_data"), &pack(fields, &[("queue", pair), (fields[1].0, value)]));
        }
        if self.reading.as_ref().is_some_and(|r| r.0 <= d.cycle()) {
            let (_, beats) = self.reading.take().unwrap();
            beats.into_iter().for_each(|b| self.rdata.push(b));
        }
        self.rd.drive(d, rng);
        self.rdata.drive(d, rng);
        self.sqe.drive(d, rng);
        d.settle();
        for (event, name) in self.events.iter_mut().zip(["ev_sq_fetched", "ev_bad_doorbell", "ev_sq_fetch_fault"]) {
            *event += d.peek(name);
        }
        if let Some(word) = self.sqe.sample(d) {
            let get = |name: &str| field(Sqe::FIELDS, &word, name);
            let pair = get("queue");
            self.out.push((d.cycle(), pair as usize));
            let bytes = word.get(0, 256).to_bytes_le();
            self.board.got(&(bytes, get("reserved") == 1, pair, get("t_doorbell"), get("d_fetched")));
        }
        if let Some(word) = self.rd.sample(d) {
            self.read(&word, rng);
        }
        if self.rdata.sample(&self.dut).is_some() {
            self.beat(now);
        }
        self.dut.edge();
    }

    /// A burst is asked for.
    fn read(&mut self, word: &Bits, rng: &mut Rng) {
        let (addr, beats) = (field(HostBurst::FIELDS, word, "addr"), field(HostBurst::FIELDS, word, "beats"));
        let size = ENTRY_BYTES as u64;
        let per_entry = size * 8 / self.data_w as u64;
        let count = beats / per_entry;
        let pair = self.rings.iter().position(|r| (r.base..r.base + r.entries() * size).contains(&addr));
        let pair = pair.unwrap_or_else(|| panic!("{addr:#x} is in no ring"));
        let ring = &mut self.rings[pair];
        let first = (addr - ring.base) / size;
        assert!(count >= 1 && count <= BURST_ENTRIES as u64 && beats % per_entry == 0, "{beats} beats");
        assert_eq!((addr % size, first), (0, ring.asked % ring.entries()), "address");
        assert_eq!(addr >> 12, (addr + count * size - 1) >> 12, "crosses a page");
        assert!(first + count <= ring.entries(), "crosses the ring's end");
        ring.asked += count;
        assert!(ring.asked <= ring.shown, "past the tail");
        assert!(ring.asked - ring.taken < 1 << ring.cq_log2, "no place for the completion");
        assert!(self.reading.is_none(), "one read at a time");
        let mut words = VecDeque::new();
        for i in 0..count {
            let entry = Bits::from_bytes_le(&ring.slots[(first + i) as usize]);
            for part in 0..per_entry {
                let mut beat = entry.get(part as usize * self.data_w, self.data_w).resize(HostBeat::width(self.data_w));
                let last = i + 1 == count && part + 1 == per_entry;
                let err = self.faults.contains(&self.beats);
                beat.set(self.data_w, &Bits::from_u64(u64::from(last) | u64::from(err) << 1, 2));
                words.push_back(beat);
                self.beats += 1;
            }
        }
        self.failed = false;
        self.burst = (pair, first);
        self.came = 0;
        self.bursts.push((self.dut.cycle(), pair, count));
        self.reading = Some((self.dut.cycle() + 1 + rng.below(self.latency + 1), words));
    }

    /// A beat has come in: what does it complete?
    fn beat(&mut self, now: u64) {
        let per_entry = (ENTRY_BYTES * 8 / self.data_w) as u64;
        let first_beat = self.beats - self.bursts.last().unwrap().2 * per_entry;
        self.failed |= self.faults.contains(&(first_beat + self.came));
        self.came += 1;
        let (pair, first) = self.burst;
        let ring = &mut self.rings[pair];
        if !self.came.is_multiple_of(per_entry) || self.failed || self.burst.0 >= QUEUES {
            return;
        }
        let slot = first + self.came / per_entry - 1;
        let entry = ring.slots[slot as usize];
        let time = ring.marks.front().expect("a doorbell showed it").1;
        ring.fetched += 1;
        if ring.marks[0].0 == ring.fetched {
            ring.marks.pop_front();
        }
        let reserved = entry[32..].iter().any(|b| *b != 0);
        let time = time & ((1 << 48) - 1);
        self.board.expect((entry[..32].to_vec(), reserved, pair as u64, time, u64::from((now - time) as u32)));
        ring.posted += 1;
    }

    fn idle(&mut self) -> bool {
        self.dut.settle();
        self.dut.peek("quiet") == 1 && self.reading.is_none() && self.rdata.waiting() == 0
    }

    fn run(&mut self, rng: &mut Rng, cycles: u64) {
        (0..cycles).for_each(|_| self.cycle(rng));
    }

    fn until_idle(&mut self, rng: &mut Rng) {
        let deadline = self.dut.cycle() + 100_000;
        while !self.idle() {
            self.cycle(rng);
            assert!(self.dut.cycle() < deadline, "does not become quiet");
        }
    }

    fn errors(&self) -> u64 {
        self.dut.peek("queue_error")
    }
}

/// Rings at random places, of random sizes; the first one is large.
fn rings(rng: &mut Rng) -> Vec<Ring> {
    let ring = |i| {
        let (sq_log2, cq_log2) = if i == 0 { (9, 8) } else { (1 + rng.below(9), 1 + rng.below(7)) };
        Ring::new(i << 40 | rng.below(1 << 20) << 12, sq_log2, cq_log2)
    };
    (0..QUEUES as u64).map(ring).collect()
}

#[test]
fn entries_of_all_pairs_come_once_and_in_order() {
    trial(|t| {
        let cases = [
            (64, Stall::None, 0),
            (64, Stall::Random, 40),
            (64, Stall::Quarter, 5),
            (512, Stall::None, 60),
            (512, Stall::Random, 3),
        ];
        for (data_w, stall, latency) in cases {
            let rings = rings(&mut t.rng);
            let mut bench = Bench::new(t, data_w, stall, latency, rings);
            let goal = 1500;
            while bench.board.seen() < goal {
                let pair = t.rng.below(QUEUES as u64) as usize;
                let ring = &mut bench.rings[pair];
                let free = ring.entries() - 1 - (ring.shown - ring.fetched);
                let there = ring.posted - ring.taken;
                match t.rng.below(12) {
                    0 | 1 if free > 0 => {
                        let most = if t.rng.one_in(2) { free.min(3) } else { free };
                        let n = 1 + t.rng.below(most);
                        bench.write(&mut t.rng, pair, n);
                        bench.ring(pair, n);
                    }
                    // The same tail again shows nothing.
                    2 => bench.sq_bell = Some((pair as u64, ring.shown % ring.entries())),
                    3 | 4 if there > 0 => {
                        ring.taken += 1 + t.rng.below(there);
                        bench.cq_bell = Some((pair as u64, ring.taken % (1 << ring.cq_log2)));
                    }
                    _ => {}
                }
                bench.cycle(&mut t.rng);
                assert!(bench.dut.cycle() < 200_000, "stuck at {} entries", bench.board.seen());
            }
            bench.until_idle(&mut t.rng);
            bench.run(&mut t.rng, 3);
            bench.board.finish();
            assert_eq!((bench.events, bench.errors()), ([bench.board.seen(), 0, 0], 0));
            let heads = bench.dut.peek_bits("queue_head");
            for (i, ring) in bench.rings.iter().enumerate() {
                assert_eq!(heads.get(16 * i, 16).low_u64(), ring.fetched % ring.entries(), "head of pair {i}");
            }
            let long = bench.bursts.iter().filter(|b| b.2 == BURST_ENTRIES as u64).count();
            assert!(long > 0, "no burst of full length was tried");
        }
    });
}

#[test]
fn a_doorbell_becomes_a_read_in_three_cycles_and_an_entry_one_after_its_last_beat() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut bench = Bench::new(t, data_w, Stall::None, 10, rings(&mut Rng::new(1)));
            for pair in (0..QUEUES).chain(0..QUEUES) {
                bench.until_idle(&mut t.rng);
                bench.write(&mut t.rng, pair, 1);
                bench.ring(pair, 1);
                let rung = bench.dut.cycle();
                let before = bench.out.len();
                let mut last_beat = 0;
                while bench.out.len() == before {
                    let missing = bench.board.missing();
                    last_beat = if missing == 0 { bench.dut.cycle() } else { last_beat };
                    bench.cycle(&mut t.rng);
                }
                assert_eq!(bench.bursts.last().unwrap().0 - rung, 3, "doorbell to read");
                assert_eq!(bench.out.last().unwrap().0 - last_beat, 1, "last beat to entry");
                bench.rings[pair].taken += 1;
                let head = bench.rings[pair].taken % (1 << bench.rings[pair].cq_log2);
                bench.cq_bell = Some((pair as u64, head));
            }
        }
    });
}

#[test]
fn pairs_take_turns() {
    trial(|t| {
        let rings = (0..4).map(|i| Ring::new(i << 20, 8, 8)).collect();
        let mut bench = Bench::new(t, 64, Stall::None, 20, rings);
        for pair in 0..QUEUES {
            bench.write(&mut t.rng, pair, 80);
            bench.ring(pair, 80);
            bench.cycle(&mut t.rng);
        }
        bench.until_idle(&mut t.rng);
        bench.board.finish();
        let pairs: Vec<usize> = bench.bursts.iter().map(|b| b.1).collect();
        let order: Vec<usize> = (0..QUEUES).cycle().take(40).collect();
        assert_eq!(pairs, order, "8 entries of each in turn");
    });
}

/// A host that takes no completions, and one whose card is not enabled, stop themselves alone.
#[test]
fn completion_space_and_enable_hold_the_fetching() {
    trial(|t| {
        let rings = (0..4).map(|i| Ring::new(i << 20, 6, 2 + i)).collect();
        let mut bench = Bench::new(t, 512, Stall::Quarter, 5, rings);
        bench.dut.poke("enable", 0);
        for pair in 0..QUEUES {
            bench.write(&mut t.rng, pair, 60);
            bench.ring(pair, 60);
            bench.cycle(&mut t.rng);
        }
        bench.run(&mut t.rng, 50);
        assert!(bench.bursts.is_empty(), "fetches although it is not enabled");
        bench.dut.poke("enable", 1);
        bench.run(&mut t.rng, 5);
        bench.until_idle(&mut t.rng);
        let fetched: Vec<u64> = bench.rings.iter().map(|r| r.fetched).collect();
        assert_eq!(fetched, [3, 7, 15, 31], "one less than the completion queue's size");
        // All that was posted is taken in one step.
        bench.rings[1].taken = 7;
        bench.cq_bell = Some((1, 7));
        bench.run(&mut t.rng, 5);
        bench.until_idle(&mut t.rng);
        assert_eq!(bench.rings[1].fetched, 14);
        bench.board.finish();
        assert_eq!(bench.errors(), 0);
    });
}

#[test]
fn a_bad_doorbell_stops_its_pair_alone() {
    trial(|t| {
        // Doorbell of pair 1 (or none), and what makes it bad.
        let cases: [(&str, bool, u64, u64, fn(&mut Ring)); 8] = [
            ("tail at the ring's size", true, 1, 16, |_| {}),
            ("tail far past", true, 1, 0xffff, |_| {}),
            ("head at the ring's size", false, 1, 8, |_| {}),
            ("head past what was posted", false, 1, 3, |_| {}),
            ("pair that is not enabled", true, 1, 1, |r| r.enabled = false),
            ("no entries", true, 1, 0, |r| r.sq_log2 = 0),
            ("too many entries", true, 1, 5, |r| r.cq_log2 = 13),
            ("no such pair", true, 5, 1, |_| {}),
        ];
        for (what, submission, pair, value, change) in cases {
            let mut rings: Vec<Ring> = (0..4).map(|i| Ring::new(i << 20, 4, 3)).collect();
            change(&mut rings[1]);
            let mut bench = Bench::new(t, 64, Stall::Quarter, 5, rings);
            if submission {
                bench.sq_bell = Some((pair, value));
            } else {
                bench.cq_bell = Some((pair, value));
            }
            bench.run(&mut t.rng, 6);
            let flag = if pair < 4 { 1 << pair } else { 0 };
            assert_eq!((bench.events[1], bench.errors()), (1, flag), "{what}");
            // It is stopped: more doorbells change nothing.
            if pair < 4 {
                bench.sq_bell = Some((pair, 2));
                bench.run(&mut t.rng, 1);
                bench.cq_bell = Some((pair, 9));
                bench.run(&mut t.rng, 50);
                assert_eq!((bench.events[1], bench.errors()), (1, flag), "{what}");
                assert!(bench.bursts.is_empty(), "{what}: it reads");
            }
            // Its neighbour goes on; it does after it is set up anew.
            bench.set_up_anew(1, Ring::new(9 << 20, 4, 3));
            for pair in [2, 1] {
                bench.write(&mut t.rng, pair, 5);
                bench.ring(pair, 5);
                bench.cycle(&mut t.rng);
            }
            bench.until_idle(&mut t.rng);
            bench.board.finish();
            assert_eq!((bench.rings[1].fetched, bench.rings[2].fetched, bench.errors()), (5, 5, 0), "{what}");
        }
    });
}

#[test]
fn an_error_of_the_completion_queue_stops_the_pair() {
    trial(|t| {
        let rings = (0..4).map(|i| Ring::new(i << 20, 4, 3)).collect();
        let mut bench = Bench::new(t, 64, Stall::None, 5, rings);
        bench.dut.poke("cq_error", 0b1000);
        bench.run(&mut t.rng, 2);
        bench.sq_bell = Some((3, 4));
        bench.run(&mut t.rng, 50);
        assert_eq!((bench.errors(), bench.bursts.len(), bench.events), (0b1000, 0, [0; 3]));
    });
}

#[test]
fn a_fault_at_any_beat_drops_what_is_behind_it() {
    trial(|t| {
        for data_w in [64, 512] {
            let per_entry = ENTRY_BYTES * 8 / data_w;
            for fault in 0..3 * per_entry {
                let rings = (0..4).map(|i| Ring::new(i << 20, 4, 4)).collect();
                let mut bench = Bench::new(t, data_w, Stall::Quarter, 5, rings);
                bench.faults.push(fault as u64);
                bench.write(&mut t.rng, 2, 3);
                bench.ring(2, 3);
                bench.cycle(&mut t.rng);
                bench.until_idle(&mut t.rng);
                bench.write(&mut t.rng, 0, 2);
                bench.ring(0, 2);
                bench.cycle(&mut t.rng);
                bench.until_idle(&mut t.rng);
                bench.run(&mut t.rng, 3);
                let good = (fault / per_entry) as u64;
                bench.board.finish();
                assert_eq!(bench.events, [good + 2, 0, 3 - good], "fault in beat {fault}");
                assert_eq!((bench.errors(), bench.rings[2].fetched), (0b0100, good));
                assert_eq!(bench.dut.peek_bits("queue_head").get(32, 16).low_u64(), good);
            }
        }
    });
}

/// A pair that is set up anew at any moment of a fetch: what had come goes on, the rest is dropped.
#[test]
fn a_pair_can_be_set_up_anew_at_any_moment() {
    trial(|t| {
        for data_w in [64, 512] {
            for moment in 1..40 {
                let rings = (0..4).map(|i| Ring::new(i << 20, 4, 4)).collect();
                let mut bench = Bench::new(t, data_w, Stall::None, 3, rings);
                bench.write(&mut t.rng, 1, 3);
                bench.ring(1, 3);
                bench.run(&mut t.rng, moment);
                let before = bench.rings[1].fetched;
                bench.set_up_anew(1, Ring::new(7 << 20, 4, 4));
                // A doorbell may come with the start, or later.
                if moment % 2 == 0 {
                    bench.cycle(&mut t.rng);
                }
                bench.write(&mut t.rng, 1, 6);
                bench.ring(1, 6);
                bench.cycle(&mut t.rng);
                bench.until_idle(&mut t.rng);
                bench.run(&mut t.rng, 3);
                bench.board.finish();
                assert_eq!(bench.rings[1].fetched, 6, "moment {moment}");
                assert_eq!((bench.events, bench.errors()), ([before + 6, 0, 0], 0), "moment {moment}");
            }
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&sq_fetch(&Params::new(64)), 3, 0);
}
