//! Numbers that are free.
//!
//! ```text
//!                ┌──────────────────┐
//!   back_valid ─►│                  ├─► m_valid
//!    back_data ═►│ free_list_<N>x<W>│◄─ m_ready
//!      filling ◄─┤                  ╞═► m_data
//!         next ◄═╡                  │
//!                └──────────────────┘
//! ```
//!
//! **Interface.** The stream `m` gives out numbers, each to one taker; the event `back` returns one. Only a number that is
//! out may be returned. While `filling` is 1, `next` is the number that is put in for the first time.
//!
//! **Parameters.** `count` numbers, 0 to `count - 1`, 4 to 65536; `width` bits, enough for the last.
//!
//! **Latency.** From `back` to `m_valid` 3 cycles, where no other number is free.
//!
//! **Throughput.** One number out and one back per cycle.
//!
//! **Backpressure.** None towards `back`: there is a place for every number. `m_valid` is 0 while filling.
//!
//! **Reset.** All numbers are free; filling takes `count` cycles from then on.
//!
//! **Clocks.** One.
//!
//! **Ordering.** The one that has been free for longest comes first, so that a number is used again as late as can be.
//!
//! **Errors.** None. A number that is returned twice is given out twice: property `free_list_room` fails at the latest when
//! there is no place for it.
//!
//! **Proof and test.** Property `free_list_room`. `tests/tests/proofs`: no number is out twice, and one that is free is
//! offered; in `slots` and in `cmd_table`: `tests/tests/slots.rs`, `tests/tests/cmd_table.rs`.

use super::fifo::fifo_ram;
use crate::prelude::*;
use crate::stream::{event_in, stream_out};

/// The numbers 0 to `count - 1` that are free, of `width` bits each.
///
/// # Panics
/// When a parameter is out of its range.
pub fn free_list(count: usize, width: usize) -> Module {
    assert!(clog2(count) <= width, "free_list: {width} bits do not hold {count} numbers");
    module(format!("free_list_{count}x{width}"), |m| {
        m.doc(format!("Numbers 0 to {} that are free.", count - 1));
        let (back_valid, back_data) = event_in(m, "back", width);
        let out = stream_out(m, "m", width);
        let filling_out = m.output("filling", 1);
        let next_out = m.output("next", width);

        let free = m.inst("u_free", &fifo_ram(count, width));
        let filled_w = clog2(count) + 1;
        let filled = m.reg("filled", filled_w, 0);
        let filling = filled.ne(count).named("is_filling");
        when(filling, || filled.set(filled + 1));
        let next = filled.trunc(filled_w.min(width)).zext(width);
        filling_out.set(filling);
        next_out.set(next);

        free.set("s_valid", filling | back_valid);
        free.set("s_data", mux(filling, next, back_data));
        out.valid.set(free.get("m_valid") & !filling);
        out.data.set(free.get("m_data"));
        free.set("m_ready", out.ready & !filling);
        m.prove("free_list_room", !(filling | back_valid) | free.get("s_ready"));
    })
}
