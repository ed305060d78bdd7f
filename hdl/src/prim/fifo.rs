//! A FIFO in distributed RAM.
//!
//! ```text
//!             ┌────────────────┐
//!   s_valid ─►│                ├─► m_valid
//!   s_ready ◄─┤ fifo_<D>x<W>   │◄─ m_ready
//!    s_data ═►│                ╞═► m_data
//!             │                ╞═► count
//!             └────────────────┘
//! ```
//!
//! **Interface.** Streams of `width` bits; `m_data` is there together with `m_valid` (first word falls through).
//! `count`, of `clog2(depth + 1)` bits, is the number of words inside, from a register.
//!
//! **Parameters.** `depth` 2 to 1024 words, any number; `width` at least 1 bit. Above some 64 words take
//! [`fifo_ram`](fn@super::fifo_ram::fifo_ram).
//!
//! **Latency.** A word written in cycle t is at the output in cycle t+1.
//!
//! **Throughput.** One word in and one out per cycle. A full FIFO takes no word in the cycle in which one leaves.
//!
//! **Backpressure.** `s_ready` and `m_valid` come from registers; nothing is dropped.
//!
//! **Reset.** Empties it. The words stay in the RAM and are not shown.
//!
//! **Clocks.** One.
//!
//! **Ordering.** First in, first out.
//!
//! **Errors.** None.
//!
//! **Source.** The stream's rules: AXI IHI 0051 2.2.1.
//!
//! **Proof and test.** Properties `fifo_count`, `fifo_flags`, `fifo_pointers`; order in every state: `tests/tests/proofs`; `tests/tests/fifo.rs`.

use super::{count_width, in_range, wrap_add, wrap_inc};
use crate::prelude::*;
use crate::stream::{stream_in, stream_out};

pub use super::fifo_ram::fifo_ram;

/// A FIFO of `depth` words of `width` bits in distributed RAM.
///
/// # Panics
/// When a parameter is out of its range.
pub fn fifo(depth: usize, width: usize) -> Module {
    assert!((2..=1024).contains(&depth), "fifo: depth 2 to 1024, not {depth}");
    module(format!("fifo_{depth}x{width}"), |m| {
        m.doc(format!("FIFO of {depth} words of {width} bits in distributed RAM, first word falls through."));
        let s = stream_in(m, "s", width);
        let out = stream_out(m, "m", width);
        let count_out = m.output("count", count_width(depth));

        let ram = m.ram("words", depth, width);
        let head = m.reg("head", clog2(depth), 0);
        let tail = m.reg("tail", clog2(depth), 0);
        let count = m.reg("level", count_width(depth), 0);
        let filled = m.reg("filled", 1, 0);
        let room = m.reg("room", 1, 1);

        // Forward.
        let put = s.valid & room;
        ram.write(put, tail, s.data);
        when(put, || tail.set(wrap_inc(tail, depth)));
        out.valid.set(filled);
        out.data.set(ram.read_async(head));

        // Backward.
        let take = filled & out.ready;
        when(take, || head.set(wrap_inc(head, depth)));
        s.ready.set(room);

        let next = count + put.zext(count.width()) - take.zext(count.width());
        count.set(next);
        filled.set(next.any());
        room.set(next.ne(depth));
        count_out.set(count);

        m.prove("fifo_count", count.le(depth));
        m.prove("fifo_flags", filled.eq(count.any()) & room.eq(count.ne(depth)));
        m.prove("fifo_pointers", tail.eq(wrap_add(head.get(), count.get(), depth)) & in_range(head.get(), depth));
    })
}
