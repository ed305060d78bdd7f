//! Both ends of streams, with random pauses, and a check that the order is kept.

use crate::{Dut, Rng};
use dyad_hdl::ir::Bits;
use dyad_verilator::PortId;
use std::collections::VecDeque;
use std::fmt::Debug;

/// When an end of a stream pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Never.
    None,
    /// In one of four cycles.
    Quarter,
    /// In runs of random length, on and off.
    Random,
}

impl Stall {
    /// Every kind, to run a test with each.
    pub const ALL: [Stall; 3] = [Stall::None, Stall::Quarter, Stall::Random];
}

/// Decides each cycle whether to pause.
#[derive(Clone, Debug)]
struct Pace {
    stall: Stall,
    paused: bool,
    run: u64,
}

impl Pace {
    fn new(stall: Stall) -> Self {
        Self { stall, paused: true, run: 0 }
    }

    fn go(&mut self, rng: &mut Rng) -> bool {
        match self.stall {
            Stall::None => true,
            Stall::Quarter => !rng.one_in(4),
            Stall::Random => {
                if self.run == 0 {
                    self.paused = !self.paused;
                    let longest = if rng.one_in(8) { 40 } else { 4 };
                    self.run = 1 + rng.below(longest);
                }
                self.run -= 1;
                !self.paused
            }
        }
    }
}

/// The sending end: drives `name_valid` and `name_data`.
#[derive(Clone, Debug)]
pub struct Source {
    valid: PortId,
    ready: PortId,
    data: PortId,
    queue: VecDeque<Bits>,
    pace: Pace,
    offered: bool,
}

impl Source {
    /// The sender of stream `name`.
    pub fn new(dut: &Dut, name: &str, stall: Stall) -> Self {
        let [valid, ready, data] = ["valid", "ready", "data"].map(|p| dut.port(&format!("{name}_{p}")));
        Self { valid, ready, data, queue: VecDeque::new(), pace: Pace::new(stall), offered: false }
    }

    /// Queues a word.
    pub fn push(&mut self, word: Bits) {
        self.queue.push_back(word);
    }

    /// Words that have not been taken.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Before settle: offers the next word, or pauses. Once offered, a word stays. Without a word, data are random.
    pub fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        let go = self.pace.go(rng);
        self.offered |= go && !self.queue.is_empty();
        dut.set(self.valid, u64::from(self.offered));
        if self.offered {
            dut.set_bits(self.data, &self.queue[0]);
        } else {
            dut.set(self.data, rng.next_u64());
        }
    }

    /// Between settle and edge: the word that is taken in this cycle.
    pub fn sample(&mut self, dut: &Dut) -> Option<Bits> {
        if self.offered && dut.get(self.ready) == 1 {
            self.offered = false;
            return self.queue.pop_front();
        }
        None
    }
}

/// The receiving end: drives `name_ready`, and checks that valid and data hold until ready.
#[derive(Clone, Debug)]
pub struct Sink {
    name: String,
    valid: PortId,
    ready: PortId,
    data: PortId,
    pace: Pace,
    go: bool,
    held: Option<Bits>,
}

impl Sink {
    /// The receiver of stream `name`.
    pub fn new(dut: &Dut, name: &str, stall: Stall) -> Self {
        let [valid, ready, data] = ["valid", "ready", "data"].map(|p| dut.port(&format!("{name}_{p}")));
        Self { name: name.to_string(), valid, ready, data, pace: Pace::new(stall), go: false, held: None }
    }

    /// Before settle: is ready, or pauses.
    pub fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        self.go = self.pace.go(rng);
        dut.set(self.ready, u64::from(self.go));
    }

    /// Before settle: is ready as told, whatever the pace.
    pub fn drive_as(&mut self, dut: &mut Dut, ready: bool) {
        self.go = ready;
        dut.set(self.ready, u64::from(ready));
    }

    /// Between settle and edge: the word that comes in this cycle.
    ///
    /// # Panics
    /// When a word that was offered is taken back or changed.
    pub fn sample(&mut self, dut: &Dut) -> Option<Bits> {
        let cycle = dut.cycle();
        if dut.get(self.valid) == 0 {
            assert!(self.held.is_none(), "cycle {cycle}: {} took back its valid", self.name);
            return None;
        }
        let word = dut.get_bits(self.data);
        if let Some(held) = &self.held {
            assert_eq!(*held, word, "cycle {cycle}: {} changed its data before ready", self.name);
        }
        self.held = (!self.go).then(|| word.clone());
        self.go.then_some(word)
    }
}

/// What is expected to come, in order.
#[derive(Clone, Debug)]
pub struct Scoreboard<T> {
    what: String,
    expected: VecDeque<T>,
    seen: u64,
}

impl<T: PartialEq + Debug> Scoreboard<T> {
    /// An empty one; `what` is for messages.
    pub fn new(what: &str) -> Self {
        Self { what: what.to_string(), expected: VecDeque::new(), seen: 0 }
    }

    /// Says what comes next.
    pub fn expect(&mut self, item: T) {
        self.expected.push_back(item);
    }

    /// Checks what came.
    ///
    /// # Panics
    /// When it is not what was expected next.
    #[track_caller]
    pub fn got(&mut self, item: &T) {
        match self.expected.pop_front() {
            Some(want) => assert_eq!(*item, want, "{} number {}", self.what, self.seen),
            None => panic!("{} number {}: {item:?} came, nothing was expected", self.what, self.seen),
        }
        self.seen += 1;
    }

    /// How many came.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How many have not come.
    pub fn missing(&self) -> usize {
        self.expected.len()
    }

    /// Checks that all came, and that there was at least one.
    ///
    /// # Panics
    /// When something is missing.
    #[track_caller]
    pub fn finish(&self) {
        assert!(self.expected.is_empty(), "{}: {} came, {} are missing", self.what, self.seen, self.expected.len());
        assert!(self.seen > 0, "{}: nothing came at all", self.what);
    }
}
