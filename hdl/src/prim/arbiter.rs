//! Several streams into one.
//!
//! ```text
//!               ┌────────────────┐
//!   s0_valid ─► │                ├─► m_valid
//!   s0_ready ◄─ │ stream_mux_rr_ │◄─ m_ready
//!    s0_data ═► │    <N>x<W>     ╞═► m_data
//!        ...    │                ╞═► sel
//!   sN-1_... ─► │                │
//!               └────────────────┘
//! ```
//!
//! **Interface.** Streams of `width` bits; `sel` is the number of the input whose beat is at the output, valid with
//! `m_valid`. `m_data` and `sel` hold from `m_valid` to `m_ready`, whoever else asks meanwhile. Each beat is granted by
//! itself: a burst that must stay together is for the block around this one.
//!
//! **Parameters.** `n` 1 to 16 inputs; `width` at least 1 bit; [`Policy`].
//!
//! **Latency.** 0: a path of logic from valid and data to the output.
//!
//! **Throughput.** One beat per cycle, without bubbles when the input changes.
//!
//! **Backpressure.** `s<i>_ready` is `m_ready` and the grant, a path of logic; put a [`skid`](fn@super::skid::skid) behind
//! it to cut it. Nothing is dropped.
//!
//! **Reset.** Takes back a grant that waits; the round starts with input 0.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Beats of one input keep their order. `RoundRobin`: an input that asks waits for at most one beat of each
//! other input. `Fixed`: input 0 first; a busy input 0 keeps the others waiting for ever.
//!
//! **Errors.** None.
//!
//! **Source.** The stream's rules: AXI IHI 0051 2.2.1.
//!
//! [`chosen_mux`] is the same with the choice in a register: an input is chosen in one cycle and its beat passes in the next, so a
//! beat takes a cycle more, and there is one at most in every second cycle. No path of logic leads from a valid to an output,
//! and data goes through gates of AND and OR alone. `sel` is none of its ports.
//!
//! **Proof and test.** Property `mux_one_grant`; fairness in every state: `tests/tests/proofs`; `tests/tests/arbiter.rs`.

use super::index_width;
use crate::prelude::*;
use crate::stream::{StreamIn, stream_in, stream_out};

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The one after the last that was served.
    RoundRobin,
    /// The lowest number.
    Fixed,
}

pub use Policy::{Fixed, RoundRobin};

/// The number of the one signal of `onehot` that is 1; 0 when none is.
pub fn onehot_index(onehot: &[E]) -> E {
    let w = index_width(onehot.len());
    let numbers: Vec<E> = (0..onehot.len()).map(|i| lit(i as u64, w)).collect();
    onehot_mux(onehot, &numbers)
}

/// One-hot grants to the first request after number `last`, round the end; as [`priority`] for one request.
pub fn round_robin(requests: &[E], last: E) -> Vec<E> {
    let after: Vec<E> = requests.iter().enumerate().map(|(i, r)| *r & last.lt(i)).collect();
    let (first, any) = (priority(&after), any_of(&after));
    let around = priority(requests);
    first.iter().zip(&around).map(|(f, a)| mux(any, *f, *a)).collect()
}

impl Policy {
    /// Part of a module's name.
    fn tag(self) -> &'static str {
        match self {
            RoundRobin => "rr",
            Fixed => "fixed",
        }
    }

    /// One-hot grants to the first of `requests`; `last` is the number of the last that was served.
    fn first(self, requests: &[E], last: Var) -> Vec<E> {
        match self {
            RoundRobin => round_robin(requests, last.get()),
            Fixed => priority(requests),
        }
    }
}

/// Joins `n` streams of `width` bits.
///
/// # Panics
/// When `n` is out of its range.
pub fn stream_mux(n: usize, width: usize, policy: Policy) -> Module {
    assert!((1..=16).contains(&n), "stream_mux: 1 to 16 inputs, not {n}");
    module(format!("stream_mux_{}_{n}x{width}", policy.tag()), |m| {
        m.doc(format!("Joins {n} streams of {width} bits, {policy:?}; a beat that waits keeps its grant."));
        let inputs: Vec<StreamIn> = (0..n).map(|i| stream_in(m, &format!("s{i}"), width)).collect();
        let out = stream_out(m, "m", width);
        let sel_out = m.output("sel", index_width(n));

        let valids: Vec<E> = inputs.iter().map(|s| s.valid).collect();
        let data: Vec<E> = inputs.iter().map(|s| s.data).collect();
        let any = any_of(&valids);
        if n == 1 {
            out.valid.set(any);
            out.data.set(data[0]);
            sel_out.set(0);
            inputs[0].ready.set(out.ready);
            return;
        }

        // Forward.
        let last = m.reg("last", index_width(n), n as u64 - 1);
        let waits = m.reg("waits", 1, 0);
        let fresh = policy.first(&valids, last);
        let grants: Vec<E> = fresh.iter().enumerate().map(|(i, g)| mux(waits, last.eq(i), *g)).collect();
        let sel = onehot_index(&grants);
        out.valid.set(any);
        out.data.set(onehot_mux(&grants, &data));
        sel_out.set(sel);
        when(any, || last.set(sel));
        waits.set(any & !out.ready);

        // Backward.
        for (s, g) in inputs.iter().zip(&grants) {
            s.ready.set(out.ready & *g);
        }

        let twice: Vec<E> =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| grants[i] & grants[j]).collect();
        m.prove("mux_one_grant", !any_of(&twice));
    })
}

/// Joins `n` streams of `width` bits, each beat chosen in one cycle and passed in the next.
///
/// # Panics
/// When `n` is out of its range.
pub fn chosen_mux(n: usize, width: usize, policy: Policy) -> Module {
    assert!((2..=16).contains(&n), "chosen_mux: 2 to 16 inputs, not {n}");
    module(format!("chosen_mux_{}_{n}x{width}", policy.tag()), |m| {
        m.doc(format!("Joins {n} streams of {width} bits, {policy:?}; chosen in one cycle, passed in the next."));
        let inputs: Vec<StreamIn> = (0..n).map(|i| stream_in(m, &format!("s{i}"), width)).collect();
        let out = stream_out(m, "m", width);
        let last = m.reg("last", index_width(n), n as u64 - 1);
        let chosen: Vec<Var> = (0..n).map(|i| m.reg(format!("chosen_{i}"), 1, 0)).collect();
        let grants: Vec<E> = chosen.iter().map(|c| c.get()).collect();
        let has = any_of(&grants).named("has");

        let valids: Vec<E> = inputs.iter().map(|s| s.valid).collect();
        let first = policy.first(&valids, last);
        for (c, f) in chosen.iter().zip(&first) {
            when(!has, || c.set(*f)).elsewhen(out.ready, || c.set(0));
        }
        when(!has & any_of(&valids), || last.set(onehot_index(&first)));

        let data: Vec<E> = inputs.iter().map(|s| s.data).collect();
        out.valid.set(has);
        out.data.set(onehot_mux(&grants, &data));
        for (s, g) in inputs.iter().zip(&grants) {
            s.ready.set(out.ready & *g);
        }

        let twice: Vec<E> =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| grants[i] & grants[j]).collect();
        m.prove("mux_one_grant", !any_of(&twice));
    })
}
