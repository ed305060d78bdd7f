//! The counters: one event line each, 32 bits each, read one at a time.
//!
//! ```text
//!             ┌──────────┐
//!   events ══►│          │
//!     addr ══►│ counters ╞═► data
//!             └──────────┘
//! ```
//!
//! **Interface.** `events` has a bit for each of [`Counter::ALL`], in their order: a counter rises by one for each cycle
//! in which its bit is 1. `data` is the counter `addr`, modulo 2³²; 0 where there is none.
//!
//! **Theory.** A counter's low bits are a shift register that steps with each event through a de Bruijn sequence: one
//! LUT a counter, where an adder would take one a bit. A pointer goes round; where it stands, the state is turned into
//! a number. When that is below the number of the round before, it has wrapped, and the high bits, which are in
//! distributed RAM together with that number, rise by one. A round is shorter than the sequence: no wrap is missed.
//!
//! **Parameters.** None; the contract's table of counters.
//!
//! **Latency.** `addr` to `data` 2 cycles. An event is in `data` after at most `Counter::ALL.len() + 5` cycles.
//!
//! **Throughput.** Every counter every cycle; a read a cycle.
//!
//! **Backpressure.** None: no event is lost.
//!
//! **Reset.** All counters are 0. During the first round after it, all read as 0; events of that round are counted.
//!
//! **Clocks.** One.
//!
//! **Ordering.** None between counters: two that rise in one cycle show at different times.
//!
//! **Errors.** None.
//!
//! **Source.** Shift register sequences of full length: Golomb, Shift Register Sequences (1967), VI.
//!
//! **Proof and test.** `tests/tests/counters.rs`.

use dyad_spec::counters::Counter;
use dyad_spec::regs::COUNTERS_MAX;

use crate::prelude::*;
use crate::prim::{count_width, wrap_inc};

/// `t` of the primitive polynomials xⁿ + xᵗ⁺¹ + 1 for n of 5, 6, 7: the state's bits n-1 and t give the next one.
const TAPS: [usize; 3] = [2, 4, 5];

/// The next bit of a sequence through all states of `w` bits: that of the polynomial, turned over where all bits but the
/// highest are 0, which takes in the state 0.
fn next_bit(state: u64, w: usize) -> u64 {
    let bit = |i: usize| state >> i & 1;
    bit(w - 1) ^ bit(TAPS[w - 5]) ^ u64::from(state & ((1 << (w - 1)) - 1) == 0)
}

/// The number of each state: how many steps it is from the state 0.
fn numbers(w: usize) -> Vec<u64> {
    let mut numbers = vec![u64::MAX; 1 << w];
    let mut state = 0;
    for number in 0..1 << w {
        assert_eq!(numbers[state as usize], u64::MAX, "the sequence of {w} bits is short");
        numbers[state as usize] = number;
        state = (state << 1 | next_bit(state, w)) & ((1 << w) - 1);
    }
    numbers
}

/// The counters of a card.
pub fn counters() -> Module {
    let n = Counter::ALL.len();
    let (index_w, low_w) = (clog2(n), count_width(n));
    let high_w = 32 - low_w;
    module("counters", |m| {
        m.doc("Counters: low bits in shift registers, totals in distributed RAM.");
        let events = m.input("events", n);
        let addr = m.input("addr", clog2(COUNTERS_MAX));
        let data = m.output("data", 32);
        let totals = m.ram("totals", n, 32);

        let state = |i: usize| {
            let q = m.reg(format!("low_{i}"), low_w, 0);
            let turn = !q.slice(0, low_w - 1).any();
            let bit = q.bit(low_w - 1) ^ q.bit(TAPS[low_w - 5]) ^ turn;
            when(events.bit(i), || q.set(cat(&[q.slice(0, low_w - 1), bit])));
            q.get()
        };
        let states: Vec<E> = (0..n).map(state).collect();

        // First cycle: the state where the pointer stands.
        let here = m.reg("here", index_w, 0);
        here.set(wrap_inc(here, n));
        let first_round = m.reg("first_round", 1, 1);
        when(here.eq(n - 1), || first_round.set(0));
        let found = m.reg_nr("found", low_w);
        found.set(select(here, &states));

        // Second: its number, and the total of the round before.
        let there = m.reg("there", index_w, 0);
        there.set(here);
        let fresh = m.reg("fresh", 1, 1);
        fresh.set(first_round);
        let low = m.reg_nr("low", low_w);
        let total = m.reg_nr("total", 32);
        low.set(select(found, &numbers(low_w).into_iter().map(|v| lit(v, low_w)).collect::<Vec<_>>()));
        total.set(mux(fresh, 0, totals.read_async(there)));

        // Third: did it wrap?
        let writes = m.reg("writes", 2, 0);
        let last = m.reg("last", index_w, 0);
        writes.set(cat(&[writes.bit(0), ones(1)]));
        last.set(there);
        let wrapped = low.lt(total.slice(0, low_w));
        let high = total.slice(low_w, high_w) + wrapped.zext(high_w);
        totals.write(writes.bit(1), last, cat(&[high, low.get()]));

        // Read, when every total has been written since reset.
        let whole = m.reg("whole", 2, 0);
        whole.set(cat(&[whole.bit(0), !first_round]));
        let known = m.reg("known", 1, 0);
        let word = m.reg_nr("word", 32);
        let answer = m.reg_nr("answer", 32);
        known.set(addr.lt(n) & whole.bit(1));
        word.set(totals.read_async(addr.slice(0, index_w)));
        answer.set(mux(known, word, 0));
        data.set(answer);
    })
}
