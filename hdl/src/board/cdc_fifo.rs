//! A FIFO between two clocks, with gray-coded pointers and the words in flip-flops.
//!
//! ```text
//!             ┌──────────────┐ words      ┌───────────────┐
//!   s_valid ─►│              ╞═══════════►│               ├─► m_valid
//!   s_ready ◄─┤ cdc_put_<N>  │ put_gray   │ cdc_take_<N>  │◄─ m_ready
//!    s_data ═►│ x<W>         ╞═══════════►│ x<W>          ╞═► m_data
//!             │              │ take_gray  │               │
//!             │              │◄═══════════╡               │
//!             └──────────────┘            └───────────────┘
//! ```
//!
//! Two modules, one in each clock domain, since a module here has one clock; whoever joins them gives each its clock.
//!
//! **Interface.** A stream of `width` bits goes in at `cdc_put` and out at `cdc_take`; the three buses between them are
//! wired straight.
//!
//! **Parameters.** `depth` 4, 8 or 16 words; `width` at least 1 bit.
//!
//! **Latency.** A word that goes in is seen at the other side after one cycle of the first clock and two to three of the second.
//!
//! **Throughput.** A word a cycle of the slower clock needs 8 words; 4 do where a word comes in 6 cycles or less often.
//!
//! **Backpressure.** `s_ready` follows from registers of its own clock; nothing is dropped.
//!
//! **Reset.** Empties it; both sides must be reset together, and be in reset together for 4 cycles of the slower clock.
//!
//! **Clocks.** Two, no relation needed. Constraint: the skew between the bits of a pointer is below a period of the faster
//! clock, and the words arrive within two periods of the taking clock after `put_gray` has left.
//!
//! **Ordering.** First in, first out. **Errors.** None.
//!
//! **Source.** C. Cummings, Simulation and Synthesis Techniques for Asynchronous FIFO Design, SNUG 2002, style 1.
//!
//! **Test.** `hdl/tests/board`, `cdc_fifo_*`: all ratios of clocks, against a queue.

use crate::ir::Module;
use crate::prelude::*;
use crate::prim::kernels::{bit_sync, gray_counter};
use crate::stream::{stream_in, stream_out};

/// Bits of a pointer: one more than an index has.
fn pointer_w(depth: usize) -> usize {
    assert!(matches!(depth, 4 | 8 | 16), "cdc_fifo: depth 4, 8 or 16, not {depth}");
    clog2(depth) + 1
}

/// The pointer of one side.
fn pointer(depth: usize) -> Module {
    match depth {
        4 => gray_counter::<3>(),
        8 => gray_counter::<4>(),
        _ => gray_counter::<5>(),
    }
}

/// The other side's pointer, in this clock.
fn synchronised(m: &M, gray: E) -> E {
    let bits: Vec<E> = (0..gray.width())
        .rev()
        .map(|i| {
            let sync = m.inst(format!("sync_{i}"), &bit_sync::<2>());
            sync.set("d", gray.bit(i));
            sync.get("q")
        })
        .collect();
    cat(&bits)
}

/// The side where words go in.
///
/// # Panics
/// When a parameter is out of its range.
pub fn cdc_put(depth: usize, width: usize) -> Module {
    let pw = pointer_w(depth);
    module(format!("cdc_put_{depth}x{width}"), |m| {
        m.doc(format!("Writing side of a FIFO of {depth} words of {width} bits between two clocks."));
        let s = stream_in(m, "s", width);
        let words_out = m.output("words", depth * width);
        let put_gray = m.output("put_gray", pw);
        let take_gray = m.input("take_gray", pw);

        let ptr = m.inst("ptr", &pointer(depth));
        let taken = synchronised(m, take_gray);
        // Full: the pointers differ in their two highest bits and agree in the others.
        let full = (ptr.get("gray") ^ taken).eq(0b11u64 << (pw - 2)).named("full");
        let put = (s.valid & !full).named("put");
        s.ready.set(!full);
        ptr.set("en", put);
        put_gray.set(ptr.get("gray"));
        let index = ptr.get("bin").trunc(pw - 1);
        let words: Vec<E> = (0..depth)
            .rev()
            .map(|i| {
                let word = m.reg_nr(format!("word_{i}"), width);
                when(put & index.eq(i), || word.set(s.data));
                word.get()
            })
            .collect();
        words_out.set(cat(&words));
    })
}

/// The side where words come out.
///
/// # Panics
/// When a parameter is out of its range.
pub fn cdc_take(depth: usize, width: usize) -> Module {
    let pw = pointer_w(depth);
    module(format!("cdc_take_{depth}x{width}"), |m| {
        m.doc(format!("Reading side of a FIFO of {depth} words of {width} bits between two clocks."));
        let words = m.input("words", depth * width);
        let put_gray = m.input("put_gray", pw);
        let take_gray = m.output("take_gray", pw);
        let out = stream_out(m, "m", width);

        let ptr = m.inst("ptr", &pointer(depth));
        let put = synchronised(m, put_gray);
        let valid = (ptr.get("gray").ne(put)).named("some");
        out.valid.set(valid);
        ptr.set("en", valid & out.ready);
        take_gray.set(ptr.get("gray"));
        let items: Vec<E> = (0..depth).map(|i| words.slice(i * width, width)).collect();
        out.data.set(select(ptr.get("bin").trunc(pw - 1), &items));
    })
}
