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
//! Each counter has a few flip-flops that gather its events. A pointer goes round; where it stands, what was gathered is
//! added to the total in distributed RAM. So an event can be read at most two rounds after it came.
//!
//! **Parameters.** None; the contract's table of counters.
//!
//! **Latency.** `addr` to `data` 2 cycles. An event is in `data` after at most `Counter::ALL.len() + 4` cycles.
//!
//! **Throughput.** Every counter every cycle; a read a cycle.
//!
//! **Backpressure.** None: no event is lost.
//!
//! **Reset.** All counters are 0. During the first round after it, all read as 0; events of that round are counted.
//!
//! **Clocks.** One.
//!
//! **Ordering.** None between counters: two that rise in one cycle are added at different times.
//!
//! **Errors.** None.
//!
//! **Source.** None.
//!
//! **Proof and test.** Property `counters_gathered`; `tests/tests/counters.rs`.

use dyad_spec::counters::Counter;
use dyad_spec::regs::COUNTERS_MAX;

use crate::prelude::*;
use crate::prim::{count_width, wrap_inc};

/// The counters of a card.
pub fn counters() -> Module {
    let n = Counter::ALL.len();
    let (index_w, gathered_w) = (clog2(n), count_width(n));
    module("counters", |m| {
        m.doc("Counters: events gathered in flip-flops, totals in distributed RAM.");
        let events = m.input("events", n);
        let addr = m.input("addr", clog2(COUNTERS_MAX));
        let data = m.output("data", 32);
        let totals = m.ram("totals", n, 32);

        // Take what was gathered where the pointer stands; the events of this cycle start the next sum.
        let here = m.reg("here", index_w, 0);
        here.set(wrap_inc(here, n));
        let gathered: Vec<Var> = (0..n).map(|i| m.reg(format!("gathered_{i}"), gathered_w, 0)).collect();
        for (i, sum) in gathered.iter().enumerate() {
            sum.set(mux(here.eq(i), 0, sum.get()) + events.bit(i).zext(gathered_w));
        }
        let first_round = m.reg("first_round", 1, 1);
        let more = m.reg_nr("more", gathered_w);
        let total = m.reg_nr("total", 32);
        more.set(select(here, &gathered.iter().map(|g| g.get()).collect::<Vec<_>>()));
        total.set(mux(first_round, 0, totals.read_async(here)));

        // Add it one cycle later.
        let there = m.reg("there", index_w, 0);
        let adds = m.reg("adds", 1, 0);
        there.set(here);
        adds.set(1);
        totals.write(adds, there, total + more.zext(32));
        when(here.eq(n - 1), || first_round.set(0));
        let written = m.reg("written", 1, 0);
        written.set(!first_round);

        // Read.
        let found = m.reg("found", 1, 0);
        let word = m.reg_nr("word", 32);
        let answer = m.reg_nr("answer", 32);
        found.set(addr.lt(n) & written);
        word.set(totals.read_async(addr.slice(0, index_w)));
        answer.set(mux(found, word, 0));
        data.set(answer);

        let sane: Vec<E> = gathered.iter().map(|g| g.le(n)).collect();
        m.prove("counters_gathered", all_of(&sane));
    })
}
