//! Register slices: they cut both directions of a stream, [`skid`] without costing rate, [`half_slice`] with half the registers.
//!
//! ```text
//!             ┌────────────────┐
//!   s_valid ─►│                ├─► m_valid
//!   s_ready ◄─┤ skid_<W>       │◄─ m_ready
//!    s_data ═►│ half_slice_<W> ╞═► m_data
//!             └────────────────┘
//! ```
//!
//! **Interface.** Streams of `width` bits. No combinational path from any input to any output.
//!
//! **Parameters.** `width` at least 1 bit.
//!
//! **Latency.** One cycle.
//!
//! **Throughput.** `skid`: one beat per cycle, without bubbles. `half_slice`: one every second cycle.
//!
//! **Backpressure.** `s_ready` comes from a register. `skid`: the beat that comes in the cycle in which `m_ready` falls is kept in
//! a second register. `half_slice` takes a beat when it holds none. Nothing is dropped.
//!
//! **Reset.** Empties it.
//!
//! **Clocks.** One.
//!
//! **Ordering.** First in, first out.
//!
//! **Errors.** None.
//!
//! **Source.** The stream's rules: AXI IHI 0051 2.2.1.
//!
//! **Proof and test.** Properties `skid_order`, `half_slice_one_way`; order in every state: `tests/tests/proofs`; netlists: `tests/tests/netlists.rs`; `tests/tests/skid.rs`.

use crate::prelude::*;
use crate::stream::{stream_in, stream_out};

/// A register slice for a stream of `width` bits.
pub fn skid(width: usize) -> Module {
    module(format!("skid_{width}"), |m| {
        m.doc(format!("Register slice for a stream of {width} bits: full rate, both directions registered."));
        let s = stream_in(m, "s", width);
        let out = stream_out(m, "m", width);
        let ready = m.reg("s_ready_q", 1, 1);
        let kept = m.reg_nr("kept", width);
        let out_valid = m.reg("m_valid_q", 1, 0);
        let out_data = m.reg_nr("m_data_q", width);

        // Forward. The kept beat, when there is one (`ready` is 0), goes first.
        let moves = !out_valid | out.ready;
        when(ready, || kept.set(s.data));
        when(moves, || {
            out_valid.set(s.valid | !ready);
            out_data.set(mux(ready, s.data, kept));
        });
        out.valid.set(out_valid);
        out.data.set(out_data);

        // Backward.
        ready.set(moves | (ready & !s.valid));
        s.ready.set(ready);

        m.prove("skid_order", ready | out_valid);
    })
}

/// A register slice for a stream of `width` bits, of half the registers and half the rate: a beat every second cycle.
pub fn half_slice(width: usize) -> Module {
    module(format!("half_slice_{width}"), |m| {
        m.doc(format!(
            "Register slice for a stream of {width} bits: a beat every second cycle, both directions registered."
        ));
        let s = stream_in(m, "s", width);
        let out = stream_out(m, "m", width);
        let full = m.reg("full", 1, 0);
        let data = m.reg_nr("data", width);
        full.set(mux(full, !out.ready, s.valid));
        when(!full, || data.set(s.data));
        out.valid.set(full);
        out.data.set(data);
        s.ready.set(!full);
        m.prove("half_slice_one_way", !(s.fire() & out.fire()));
    })
}
