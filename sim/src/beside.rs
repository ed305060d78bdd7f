//! A card on a thread of its own, so that two cards run on two processors.
//!
//! Within a cycle the cards of a [`World`](crate::World) have nothing to do with each other: whatever one sends takes at
//! least a cycle to arrive. So one of them can be evaluated beside the other, and the result is the same to the bit.
//!
//! A cycle takes some microseconds; to sleep and be woken would take longer. Both threads therefore watch a number in
//! memory for a while before they let others run. On a machine that has something else to do that is wasted: when the
//! thread was late too often, the card runs on the caller's thread for a time.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use crate::card::{Card, CardInputs, CardOutputs};

/// How often a thread looks for the other before it lets others run: some ten microseconds, several cycles' worth.
const LOOKS: u32 = 1 << 9;
/// Cycles of which so many may be late.
const JUDGED: u32 = 1 << 12;
/// Late cycles of [`JUDGED`] after which the card runs on the caller's thread.
const LATE_MAX: u32 = JUDGED / 16;
/// For so many cycles at first; twice as many each time, up to [`ALONE_MAX`].
const ALONE_MIN: u32 = 1 << 14;
/// The longest time on the caller's thread, in cycles: some seconds.
const ALONE_MAX: u32 = 1 << 20;
/// What is asked of the thread at the end.
const STOP: u64 = u64::MAX;

/// A [`Card`] that runs beside its caller.
pub struct Beside {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    data_bytes: usize,
    store_bytes: usize,
    /// Cycles asked of the thread.
    asked: u64,
    /// Those of them whose outputs were taken.
    taken: u64,
    pace: Pace,
}

struct Shared {
    work: Mutex<Work>,
    /// The number of the cycle that is wanted.
    asked: AtomicU64,
    /// The number of the last that is done. While it is `asked`, `work` is the caller's.
    done: AtomicU64,
    /// The thread sleeps, or is about to.
    asleep: AtomicBool,
}

struct Work {
    card: Box<dyn Card>,
    inputs: CardInputs,
    outputs: CardOutputs,
}

/// Decides where the card runs.
#[derive(Debug)]
struct Pace {
    judged: u32,
    late: u32,
    /// Cycles left on the caller's thread.
    alone: u32,
    /// How long the next time there is.
    alone_next: u32,
}

impl Pace {
    const START: Self = Self { judged: 0, late: 0, alone: 0, alone_next: ALONE_MIN };

    /// Whether this cycle runs on the caller's thread.
    fn alone(&mut self) -> bool {
        let alone = self.alone > 0;
        self.alone = self.alone.saturating_sub(1);
        alone
    }

    /// A cycle has run beside the caller.
    fn ran(&mut self, late: bool) {
        self.judged += 1;
        self.late += u32::from(late);
        if self.late > LATE_MAX {
            let alone_next = (2 * self.alone_next).min(ALONE_MAX);
            *self = Self { alone: self.alone_next, alone_next, ..Self::START };
        } else if self.judged == JUDGED {
            *self = Self::START;
        }
    }
}

impl Beside {
    /// Gives `card` a thread.
    ///
    /// # Panics
    /// When no thread can be made.
    pub fn new(card: Box<dyn Card>) -> Self {
        let (data_bytes, store_bytes) = (card.data_bytes(), card.store_bytes());
        let work = Work { card, inputs: CardInputs::default(), outputs: CardOutputs::default() };
        let shared = Arc::new(Shared {
            work: Mutex::new(work),
            asked: AtomicU64::new(0),
            done: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let builder = thread::Builder::new().name("card".into());
        let thread = builder.spawn(move || theirs.serve()).expect("a thread for a card");
        Self { shared, thread: Some(thread), data_bytes, store_bytes, asked: 0, taken: 0, pace: Pace::START }
    }

    fn ask(&mut self, number: u64) {
        // In this order, so that one of the two sees the other: the thread sets `asleep`, then looks at `asked`.
        self.shared.asked.store(number, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }
}

impl Shared {
    /// What the caller and the thread have in common; one of them at a time has it.
    ///
    /// # Panics
    /// When the card panicked before.
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().expect("the card panicked; its message is above")
    }

    /// The thread: one cycle after the other, until it is stopped.
    fn serve(&self) {
        let mut last = 0;
        loop {
            let number = self.next(last);
            if number == STOP {
                return;
            }
            // A card that panics has done its cycle too: the caller finds out when it wants the outputs.
            let _done = Done { shared: self, number };
            let mut work = self.work();
            let Work { card, inputs, outputs } = &mut *work;
            card.cycle(inputs, outputs);
            drop(work);
            last = number;
        }
    }

    /// Waits until something other than `last` is asked for.
    fn next(&self, last: u64) -> u64 {
        for _ in 0..LOOKS {
            let number = self.asked.load(Ordering::Acquire);
            if number != last {
                return number;
            }
            spin_loop();
        }
        self.asleep.store(true, Ordering::SeqCst);
        loop {
            let number = self.asked.load(Ordering::SeqCst);
            if number != last {
                self.asleep.store(false, Ordering::SeqCst);
                return number;
            }
            thread::park();
        }
    }
}

/// Says that a cycle is done when it goes out of scope.
struct Done<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.shared.done.store(self.number, Ordering::Release);
    }
}

impl Card for Beside {
    fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    fn store_bytes(&self) -> usize {
        self.store_bytes
    }

    fn cycle(&mut self, inputs: &CardInputs, outputs: &mut CardOutputs) {
        self.shared.work().card.cycle(inputs, outputs);
    }

    fn begin(&mut self, inputs: &CardInputs, outputs: &mut CardOutputs) {
        if self.pace.alone() {
            return self.cycle(inputs, outputs);
        }
        self.shared.work().inputs = *inputs;
        self.asked += 1;
        self.ask(self.asked);
    }

    fn end(&mut self, outputs: &mut CardOutputs) {
        let done = || self.shared.done.load(Ordering::Acquire) == self.asked;
        if self.asked == self.taken {
            return;
        }
        let in_time = (0..LOOKS).any(|_| {
            let done = done();
            if !done {
                spin_loop();
            }
            done
        });
        while !done() {
            thread::yield_now();
        }
        self.taken = self.asked;
        *outputs = self.shared.work().outputs;
        self.pace.ran(!in_time);
    }

    fn trace_open(&mut self, path: &std::path::Path) -> std::io::Result<()> {
        self.shared.work().card.trace_open(path)
    }

    fn trace_close(&mut self) {
        self.shared.work().card.trace_close();
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.ask(STOP);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds up what it sees of `now`, and shows the sum on the transmit stream; panics at 77.
    struct Adder(u64);

    impl Card for Adder {
        fn data_bytes(&self) -> usize {
            8
        }

        fn store_bytes(&self) -> usize {
            64
        }

        fn cycle(&mut self, inputs: &CardInputs, outputs: &mut CardOutputs) {
            assert_ne!(inputs.now, 77, "seventy-seven");
            self.0 = self.0.wrapping_mul(3) + inputs.now;
            outputs.tx.keep = self.0;
        }
    }

    fn run(card: &mut dyn Card, cycles: std::ops::Range<u64>) -> Vec<u64> {
        let mut outputs = CardOutputs::default();
        let mut step = |now| {
            card.begin(&CardInputs { now, ..CardInputs::default() }, &mut outputs);
            card.end(&mut outputs);
            outputs.tx.keep
        };
        cycles.map(&mut step).collect()
    }

    #[test]
    fn the_same_as_on_one_thread() {
        let mut beside = Beside::new(Box::new(Adder(1)));
        let mut alone = Adder(1);
        for cycles in [100..20_000, 30_000..30_010, 40_000..90_000] {
            assert_eq!(run(&mut beside, cycles.clone()), run(&mut alone, cycles));
            // Long enough for the thread to fall asleep.
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    #[test]
    fn a_thread_that_is_late_is_left_alone_for_longer_and_longer() {
        let mut pace = Pace::START;
        let mut spent = Vec::new();
        for _ in 0..10 {
            while pace.alone == 0 {
                assert!(!pace.alone());
                pace.ran(true);
            }
            spent.push(pace.alone);
            while pace.alone() {}
        }
        assert_eq!((spent[0], spent[1], spent[9]), (ALONE_MIN, 2 * ALONE_MIN, ALONE_MAX));
        for cycle in 0..JUDGED {
            pace.ran(cycle % 32 == 0);
        }
        assert_eq!((pace.alone, pace.alone_next), (0, ALONE_MIN));
    }

    #[test]
    #[should_panic(expected = "the card panicked")]
    fn a_panic_reaches_the_caller() {
        run(&mut Beside::new(Box::new(Adder(0))), 70..80);
    }
}
