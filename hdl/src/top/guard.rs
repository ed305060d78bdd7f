//! `axis_guard`: ends an open frame properly when the block behind the stream is reset.
//!
//! ```text
//!             +------------+
//! s_axis_* ==>| axis_guard |==> m_axis_*
//!    drain -->|            |--> hold
//!             +------------+
//! ```
//!
//! While `drain` is 0 everything passes through. `drain` comes from a register and resets the block behind at the next
//! edge. From then on the guard plays its part: the beat that was offered is offered until it is taken, and a frame that
//! is open gets one more beat, its last, marked bad (`tuser`), which the MAC turns into a frame that no receiver takes.
//! `hold` is 1 while anything is owed; the reset must last that long.
//!
//! - Parameter: width of the data. Latency 0; throughput and backpressure those of the stream.
//! - Its own reset is that of the whole card.
//! - Source: AXI IHI 0051 2.2.1 (valid and payload hold until ready). Tests: `tests/tests/guard.rs`.

use crate::prelude::*;

/// A guard for a stream of frames.
pub fn axis_guard(name: &str, data_w: usize) -> Module {
    let keep_w = data_w / 8;
    module(name, |m| {
        m.doc("Ends a frame as bad when the block behind the stream is reset inside it.");
        let drain = m.input("drain", 1);
        let hold = m.output("hold", 1);
        let draining = m.reg("draining", 1, 0);
        draining.set(drain);
        let valid = m.input("s_axis_tvalid", 1);
        let ready = m.input("m_axis_tready", 1);
        let last = m.input("s_axis_tlast", 1);
        let beat =
            cat(&[last, m.input("s_axis_tuser", 1), m.input("s_axis_tkeep", keep_w), m.input("s_axis_tdata", data_w)]);
        // The beat that was offered when the drain began is offered on; an open frame gets one more beat, a bad end.
        let inside = m.reg("inside", 1, 0);
        let kept = m.reg("kept", 1, 0);
        let owed = m.reg("owed", 1, 0);
        let left = m.reg_nr("left", beat.width());
        let bad_end = cat(&[ones(2), zero(keep_w - 1), ones(1), zero(data_w)]);
        when(draining, || {
            inside.set(0);
            when(ready & kept, || kept.set(0)).elsewhen(ready, || owed.set(0));
        })
        .otherwise(|| {
            when(valid & ready, || inside.set(!last));
            when(drain, || {
                kept.set(valid & !ready);
                owed.set(mux(valid, !last, inside));
                left.set(beat);
            });
        });
        let out = mux(draining, mux(kept, left.get(), bad_end), beat).named("out");
        m.output("m_axis_tvalid", 1).set(mux(draining, kept | owed, valid));
        m.output("m_axis_tlast", 1).set(out.bit(data_w + keep_w + 1));
        m.output("m_axis_tuser", 1).set(out.bit(data_w + keep_w));
        m.output("m_axis_tkeep", keep_w).set(out.slice(data_w, keep_w));
        m.output("m_axis_tdata", data_w).set(out.slice(0, data_w));
        m.output("s_axis_tready", 1).set(ready & !draining);
        hold.set(draining & (kept | owed));
    })
}
