//! A FIFO in block RAM.
//!
//! ```text
//!             ┌──────────────────┐
//!   s_valid ─►│                  ├─► m_valid
//!   s_ready ◄─┤ fifo_ram_<D>x<W> │◄─ m_ready
//!    s_data ═►│                  ╞═► m_data
//!             │                  ╞═► count
//!             └──────────────────┘
//! ```
//!
//! **Interface.** Streams of `width` bits; `m_data` is there together with `m_valid` (first word falls through).
//! `count`, of `clog2(depth + 1)` bits, is the number of words inside, from a register.
//!
//! **Parameters.** `depth` 4 to 65536 words, any number; `width` at least 1 bit.
//!
//! **Latency.** A word written in cycle t into an empty FIFO is at the output in cycle t+3: one cycle to be in the RAM,
//! one to be read, one for the output register, without which the RAM's access time would add to the receiver's logic.
//!
//! **Throughput.** One word in and one out per cycle. A full FIFO takes no word in the cycle in which one leaves.
//!
//! **Backpressure.** `s_ready` and `m_valid` come from registers; `m_ready` goes to the enables of the RAM's read port
//! and of the output register. Nothing is dropped.
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
//! **Proof and test.** Properties `fifo_ram_count`, `fifo_ram_room`, `fifo_ram_pointers`; order in every state:
//! `tests/tests/proofs`; `tests/tests/fifo.rs`.

use super::{count_width, in_range, wrap_add, wrap_inc};
use crate::prelude::*;
use crate::stream::{stream_in, stream_out};

/// A FIFO of `depth` words of `width` bits in block RAM.
///
/// # Panics
/// When a parameter is out of its range.
pub fn fifo_ram(depth: usize, width: usize) -> Module {
    assert!((4..=65536).contains(&depth), "fifo_ram: depth 4 to 65536, not {depth}");
    module(format!("fifo_ram_{depth}x{width}"), |m| {
        m.doc(format!("FIFO of {depth} words of {width} bits in block RAM, first word falls through."));
        let s = stream_in(m, "s", width);
        let out = stream_out(m, "m", width);
        let count_out = m.output("count", count_width(depth));

        let ram = m.ram("words", depth, width).collisions_undefined();
        let head = m.reg("head", clog2(depth), 0);
        let tail = m.reg("tail", clog2(depth), 0);
        // All words, and those that have not been read from the RAM.
        let count = m.reg("level", count_width(depth), 0);
        let unread = m.reg("unread", count_width(depth), 0);
        let room = m.reg("room", 1, 1);
        let read_valid = m.reg("read_valid", 1, 0);
        let out_valid = m.reg("out_valid", 1, 0);
        let out_data = m.reg_nr("out_data", width);

        // Backward: a stage moves on when the one after it is empty or moves on.
        let out_moves = !out_valid | out.ready;
        let read_moves = !read_valid | out_moves;
        s.ready.set(room);

        // Forward.
        let put = s.valid & room;
        ram.write(put, tail, s.data);
        when(put, || tail.set(wrap_inc(tail, depth)));
        let fetch = read_moves & unread.any();
        let word = ram.read_en(fetch, head);
        when(fetch, || head.set(wrap_inc(head, depth)));
        when(read_moves, || read_valid.set(fetch));
        when(out_moves, || {
            out_valid.set(read_valid);
            out_data.set(word);
        });
        out.valid.set(out_valid);
        out.data.set(out_data);

        let w = count.width();
        let take = out_valid & out.ready;
        let next = count + put.zext(w) - take.zext(w);
        count.set(next);
        room.set(next.ne(depth));
        unread.set(unread + put.zext(w) - fetch.zext(w));
        count_out.set(count);

        let held = unread.zext(w + 1) + read_valid.zext(w + 1) + out_valid.zext(w + 1);
        m.prove("fifo_ram_count", count.le(depth) & held.eq(count.zext(w + 1)));
        m.prove("fifo_ram_room", room.eq(count.ne(depth)));
        m.prove("fifo_ram_pointers", tail.eq(wrap_add(head.get(), unread.get(), depth)) & in_range(head.get(), depth));
    })
}
