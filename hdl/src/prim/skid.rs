//! A register slice: cuts both directions of a stream without costing rate.
//!
//! ```text
//!             ┌──────────┐
//!   s_valid ─►│          ├─► m_valid
//!   s_ready ◄─┤ skid_<W> │◄─ m_ready
//!    s_data ═►│          ╞═► m_data
//!             └──────────┘
//! ```
//!
//! **Interface.** Streams of `width` bits. No combinational path from any input to any output.
//!
//! **Parameters.** `width` at least 1 bit.
//!
//! **Latency.** One cycle.
//!
//! **Throughput.** One beat per cycle, without bubbles.
//!
//! **Backpressure.** `s_ready` comes from a register. The beat that comes in the cycle in which `m_ready` falls is kept in
//! a second register; nothing is dropped.
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
//! **Proof and test.** Property `skid_order`; order in every state: `tests/tests/proofs`; `tests/tests/skid.rs`.

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
