//! `cq_post` against completion rings in plain Rust.

use dyad_hdl::bundle::{Cqe, HostBurst};
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_hdl::queue::cq_post::cq_post;
use dyad_spec::ENTRY_BYTES;
use dyad_spec::entry::completion::Completion;
use dyad_spec::regs::{QUEUE_CQ_LOG2, QUEUE_ENABLE, QUEUE_SQ_LOG2, QUEUE_VECTOR, VECTOR_COUNT, VECTOR_CYCLES};
use dyad_tests::{Dut, Rng, Scoreboard, Sink, Source, Stall, Trial, field, pack, prove, trial};
use std::collections::VecDeque;

const QUEUES: usize = 4;
const VECTORS: usize = 8;

#[derive(Clone, Copy)]
struct Ring {
    base: u64,
    log2: u64,
    vector: u64,
    enabled: bool,
    posted: u64,
    failed: bool,
}

/// An entry as it should stand in memory; `d_posted` is filled in when the burst is taken.
struct Expected {
    pair: usize,
    addr: u64,
    entry: Completion,
    t_doorbell: u64,
}

struct Bench {
    dut: Dut,
    data_w: usize,
    start: u64,
    rings: [Ring; QUEUES],
    cqe: Source,
    wr: Sink,
    wdata: Sink,
    /// Entries that were taken in and should be written.
    due: VecDeque<Expected>,
    /// The entry whose data come.
    open: Option<Expected>,
    bytes: Vec<u8>,
    /// Answers to come: (time, pair).
    answers: VecDeque<(u64, usize)>,
    /// Of so many answers one is an error; 0: none.
    faulty: u64,
    entries: Scoreboard<Vec<u8>>,
    /// (cycle, vector) of answers without error, and of interrupts.
    good: Vec<(u64, u64)>,
    irqs: Vec<(u64, u64)>,
    faults: u64,
    /// Cycles in which an entry was taken in, its burst taken, its last beat taken.
    cycles: [Vec<u64>; 3],
    events: [u64; 3],
    moderation: [(u64, u64); VECTORS],
}

impl Bench {
    fn new(t: &mut Trial, data_w: usize, stall: Stall, rings: [Ring; QUEUES]) -> Self {
        let p = Params { queues: QUEUES, ..Params::new(data_w) };
        let dut = t.dut(&cq_post(&p));
        let mut bench = Self {
            data_w,
            start: t.rng.next_u64() >> 20,
            rings,
            cqe: Source::new(&dut, "s_cqe", stall),
            wr: Sink::new(&dut, "m_wr", stall),
            wdata: Sink::new(&dut, "m_wdata", stall),
            due: VecDeque::new(),
            open: None,
            bytes: Vec::new(),
            answers: VecDeque::new(),
            faulty: 0,
            entries: Scoreboard::new("completion entry"),
            good: Vec::new(),
            irqs: Vec::new(),
            faults: 0,
            cycles: Default::default(),
            events: [0; 3],
            moderation: [(0, 0); VECTORS],
            dut,
        };
        bench.configure();
        bench.dut.poke("queue_start", (1 << QUEUES) - 1);
        bench.dut.tick();
        bench.dut.poke("queue_start", 0);
        bench
    }

    fn configure(&mut self) {
        let mut control = Bits::zero(32 * QUEUES);
        let mut bases = Bits::zero(64 * QUEUES);
        let mut heads = Bits::zero(16 * QUEUES);
        for (i, r) in self.rings.iter().enumerate() {
            let fields = [
                (QUEUE_ENABLE, u64::from(r.enabled)),
                (QUEUE_SQ_LOG2, 3),
                (QUEUE_CQ_LOG2, r.log2),
                (QUEUE_VECTOR, r.vector),
            ];
            let word = fields.iter().map(|(f, v)| u64::from(f.put(*v as u32))).sum();
            control.set(32 * i, &Bits::from_u64(word, 32));
            bases.set(64 * i, &Bits::from_u64(r.base, 64));
            heads.set(16 * i, &Bits::from_u64(0x100 * i as u64 + 7, 16));
        }
        self.dut.poke_bits("queue_control", &control);
        self.dut.poke_bits("cq_base", &bases);
        self.dut.poke_bits("queue_head", &heads);
        let mut settings = Bits::zero(32 * VECTORS);
        for (i, (count, cycles)) in self.moderation.iter().enumerate() {
            let word = VECTOR_COUNT.put(*count as u32) | VECTOR_CYCLES.put(*cycles as u32);
            settings.set(32 * i, &Bits::from_u64(u64::from(word), 32));
        }
        self.dut.poke_bits("vector_moderation", &settings);
    }

    fn push(&mut self, rng: &mut Rng, pair: usize) {
        let values: Vec<(&str, u64)> =
            Cqe::FIELDS.iter().map(|(name, w)| (*name, rng.next_u64() >> (64 - *w.min(&64)))).collect();
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, if *n == "queue" { pair as u64 } else { *v })).collect();
        self.cqe.push(pack(Cqe::FIELDS, &values));
    }

    /// What a taken entry should become; none for one that is dropped.
    fn expect(&mut self, cqe: &Bits) {
        let get = |name: &str| field(Cqe::FIELDS, cqe, name);
        let pair = get("queue") as usize;
        let Some(ring) = self.rings.get_mut(pair).filter(|r| r.enabled && !r.failed && (1..=12).contains(&r.log2))
        else {
            self.faults += 1;
            return;
        };
        let size = 1 << ring.log2;
        let mut entry = Completion::new();
        entry.set_t_doorbell(get("t_doorbell")).set_d_fetched(get("d_fetched")).set_d_lookup(get("d_lookup"));
        entry.set_d_local(get("d_local")).set_d_frame(get("d_frame")).set_d_ack(get("d_ack"));
        entry.set_d_mirror(get("d_mirror")).set_d_sent(get("d_sent")).set_epoch(get("epoch"));
        entry.set_owner(get("owner")).set_retries(get("retries")).set_block(get("block")).set_cid(get("cid"));
        entry.set_status(get("status")).set_sqid(pair as u64).set_sq_head(0x100 * pair as u64 + 7);
        entry.set_phase(1 ^ (ring.posted / size & 1));
        let addr = ring.base + ring.posted % size * ENTRY_BYTES as u64;
        ring.posted += 1;
        self.due.push_back(Expected { pair, addr, entry, t_doorbell: get("t_doorbell") });
    }

    fn cycle(&mut self, rng: &mut Rng) {
        let d = &mut self.dut;
        let (cycle, now) = (d.cycle(), self.start + d.cycle());
        d.poke("now", now);
        let answer = if self.answers.front().is_some_and(|a| a.0 <= cycle) { self.answers.pop_front() } else { None };
        let err = self.faulty > 0 && rng.one_in(self.faulty);
        d.poke("s_b_valid", u64::from(answer.is_some()));
        d.poke("s_b_data", u64::from(err));
        self.cqe.drive(d, rng);
        self.wr.drive(d, rng);
        self.wdata.drive(d, rng);
        d.settle();
        let irq = d.peek("irq");
        assert!(irq.count_ones() <= 1 && u64::from(irq != 0) == d.peek("ev_interrupts"), "one vector at a time");
        if irq != 0 {
            self.irqs.push((cycle, u64::from(irq.trailing_zeros())));
        }
        for (event, name) in self.events.iter_mut().zip(["ev_cq_posted", "ev_cq_post_fault", "ev_interrupts"]) {
            *event += d.peek(name);
        }
        if let Some(word) = self.wdata.sample(d) {
            self.bytes.extend(word.to_bytes_le());
            if self.bytes.len() == ENTRY_BYTES {
                let mut want = self.open.take().expect("data before their burst");
                self.entries.expect(want.entry.0.to_vec());
                self.entries.got(&std::mem::take(&mut self.bytes));
                want.t_doorbell = 0;
                self.cycles[2].push(cycle);
                self.answers.push_back((cycle + 2 + rng.below(30), want.pair));
            }
        }
        if let Some(word) = self.wr.sample(d) {
            let mut want = self.due.pop_front().expect("a burst that nobody wants");
            let got = (field(HostBurst::FIELDS, &word, "addr"), field(HostBurst::FIELDS, &word, "beats"));
            assert_eq!(got, (want.addr, (ENTRY_BYTES * 8 / self.data_w) as u64), "burst");
            want.entry.set_d_posted(now.wrapping_sub(want.t_doorbell));
            assert!(self.open.is_none(), "two bursts at once");
            self.open = Some(want);
            self.cycles[1].push(cycle);
        }
        if let Some(word) = self.cqe.sample(d) {
            self.cycles[0].push(cycle);
            self.expect(&word);
        }
        if let Some((_, pair)) = answer {
            // An error shows from the next cycle on.
            if err {
                self.rings[pair].failed = true;
                self.faults += 1;
            } else {
                self.good.push((cycle, self.rings[pair].vector));
            }
        }
        self.dut.edge();
    }

    fn until_idle(&mut self, rng: &mut Rng) {
        let deadline = self.dut.cycle() + 200_000;
        loop {
            self.cycle(rng);
            self.dut.settle();
            if self.dut.peek("quiet") == 1 && self.cqe.waiting() == 0 {
                break;
            }
            assert!(self.dut.cycle() < deadline, "does not become quiet");
        }
        // Faults are counted a cycle later.
        (0..3).for_each(|_| self.cycle(rng));
    }
}

fn rings(rng: &mut Rng) -> [Ring; QUEUES] {
    std::array::from_fn(|i| Ring {
        base: (i as u64) << 40 | rng.below(1 << 20) << 12,
        log2: 1 + rng.below(5),
        vector: rng.below(VECTORS as u64),
        enabled: true,
        posted: 0,
        failed: false,
    })
}

#[test]
fn entries_are_written_as_the_contract_says() {
    trial(|t| {
        for (data_w, stall) in [64, 512].into_iter().flat_map(|w| Stall::ALL.map(|s| (w, s))) {
            let rings = rings(&mut t.rng);
            let mut bench = Bench::new(t, data_w, stall, rings);
            for _ in 0..400 {
                let pair = t.rng.below(QUEUES as u64) as usize;
                bench.push(&mut t.rng, pair);
            }
            bench.until_idle(&mut t.rng);
            bench.entries.finish();
            assert_eq!((bench.entries.seen(), bench.events), (400, [400, 0, bench.irqs.len() as u64]));
            assert_eq!(bench.dut.peek("cq_error"), 0);
            // Without moderation each answer raises its vector, 3 cycles later.
            let due: Vec<_> = bench.good.iter().map(|(cycle, vector)| (cycle + 3, *vector)).collect();
            assert_eq!(bench.irqs, due, "interrupts");
            if stall == Stall::None {
                let [taken, asked, written] = &bench.cycles;
                let beats = (ENTRY_BYTES * 8 / data_w) as u64;
                for i in 0..400 {
                    assert_eq!((asked[i] - taken[i], written[i] - taken[i]), (1, 1 + beats), "entry {i}");
                    assert!(i == 0 || taken[i] - taken[i - 1] <= beats + 40, "an entry in {} cycles", beats + 2);
                }
                let fastest = taken.windows(2).map(|w| w[1] - w[0]).min();
                assert_eq!(fastest, Some(beats + 2), "throughput");
            }
        }
    });
}

#[test]
fn a_fault_stops_its_pair_alone_until_it_is_set_up_anew() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut bench = Bench::new(t, data_w, Stall::Quarter, rings(&mut Rng::new(3)));
            // One pair is not set up, and entries for pairs that the card does not have come, too.
            bench.rings[3].enabled = false;
            bench.configure();
            for round in 0..6 {
                bench.faulty = if round % 2 == 0 { 20 } else { 0 };
                for _ in 0..60 {
                    let pair = t.rng.below(QUEUES as u64 + 1) as usize;
                    bench.push(&mut t.rng, pair);
                }
                bench.until_idle(&mut t.rng);
                let failed = bench.rings.iter().enumerate().map(|(i, r)| u64::from(r.failed) << i).sum::<u64>();
                assert_eq!(bench.dut.peek("cq_error"), failed);
                assert_eq!((bench.events[0], bench.events[1]), (bench.good.len() as u64, bench.faults));
                bench.dut.poke("queue_start", failed);
                bench.cycle(&mut t.rng);
                bench.dut.poke("queue_start", 0);
                for r in bench.rings.iter_mut().filter(|r| r.failed) {
                    (r.failed, r.posted) = (false, 0);
                }
            }
            bench.entries.finish();
            assert!(bench.faults > 50, "{} faults are too few to have tried it", bench.faults);
        }
    });
}

/// Checks a vector's interrupts against the answers that it counts. `all` are the answers of all vectors: each takes the
/// cycle in which a vector's time would be looked at.
fn check_moderation(good: &[u64], irqs: &[u64], all: &[u64], count: u64, cycles: u64, end: u64) {
    let mut irqs = irqs.iter().map(|irq| irq - 2).peekable();
    let mut gathered: Vec<u64> = Vec::new();
    // An answer counts in the cycle after it; an interrupt leaves two cycles after it was decided.
    for (i, at) in good.iter().map(|at| at + 1).enumerate() {
        gathered.push(at);
        let next = good.get(i + 1).map_or(end, |n| n + 1);
        if count > 0 && gathered.len() as u64 >= count || count == 0 && cycles == 0 {
            assert_eq!(irqs.next(), Some(at), "after {} answers", gathered.len());
            gathered.clear();
            continue;
        }
        let from = gathered[0] + cycles;
        let to = from + 8;
        let to = to + all.iter().filter(|a| (from..to + 8).contains(&(*a + 1))).count() as u64;
        match irqs.peek().copied().filter(|irq| *irq < next) {
            Some(irq) => {
                assert!(cycles > 0 && irq >= from, "too early: at {irq}, {cycles} cycles after {}", gathered[0]);
                assert!(irq <= to, "too late: at {irq}, {cycles} cycles after {}", gathered[0]);
                irqs.next();
                gathered.clear();
            }
            None => assert!(cycles == 0 || next <= to, "no interrupt by {to}, {cycles} cycles after {}", gathered[0]),
        }
    }
    assert_eq!(irqs.next(), None, "an interrupt for nothing");
}

#[test]
fn vectors_gather_by_count_and_by_time() {
    trial(|t| {
        for (count, cycles) in [(1, 0), (3, 0), (0, 100), (4, 300), (255, 5), (0, 1), (7, 0xff_ffff)] {
            let mut bench = Bench::new(t, 512, Stall::None, rings(&mut Rng::new(5)));
            bench.moderation = [(count, cycles); VECTORS];
            // Pairs 0 and 1 share a vector; the last pair's does not exist.
            (bench.rings[0].vector, bench.rings[1].vector, bench.rings[2].vector) = (6, 6, 2);
            bench.rings[3].vector = 8;
            bench.configure();
            for _ in 0..150 {
                let pair = t.rng.below(QUEUES as u64) as usize;
                bench.push(&mut t.rng, pair);
                // Gaps that are clearly shorter or clearly longer than the time.
                let gap = if t.rng.one_in(5) { cycles.min(400) + 60 } else { t.rng.below(4) };
                (0..gap).for_each(|_| bench.cycle(&mut t.rng));
            }
            (0..cycles.min(400) + 60).for_each(|_| bench.cycle(&mut t.rng));
            let all: Vec<u64> = bench.good.iter().map(|g| g.0).collect();
            let mut total = 0;
            for vector in 0..VECTORS as u64 {
                let of =
                    |list: &[(u64, u64)]| -> Vec<u64> { list.iter().filter(|g| g.1 == vector).map(|g| g.0).collect() };
                let (good, irqs) = (of(&bench.good), of(&bench.irqs));
                check_moderation(&good, &irqs, &all, count, cycles, bench.dut.cycle());
                total += irqs.len();
            }
            assert!(total > 10 && total == bench.irqs.len(), "{total} interrupts with {count} or {cycles} cycles");
        }
    });
}

#[test]
fn the_mailbox_raises_its_vector_without_moderation() {
    trial(|t| {
        let mut bench = Bench::new(t, 64, Stall::None, rings(&mut Rng::new(7)));
        bench.moderation = [(100, 0); VECTORS];
        bench.configure();
        for vector in 0..VECTORS as u64 {
            bench.dut.poke("mailbox_vector", vector);
            bench.dut.poke("mailbox_irq", 1);
            let at = bench.dut.cycle();
            bench.cycle(&mut t.rng);
            bench.dut.poke("mailbox_irq", 0);
            (0..5).for_each(|_| bench.cycle(&mut t.rng));
            assert_eq!(bench.irqs.last(), Some(&(at + 2, vector)));
        }
        assert_eq!(bench.irqs.len(), VECTORS);
    });
}

#[test]
fn properties_are_proved() {
    prove(&cq_post(&Params::new(64)), 3, 0);
}
