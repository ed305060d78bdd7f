//! A counter that shows its value in gray code too: one bit changes per step, so that it can cross to another clock.
//!
//! ```text
//!       ┌─────────────────┐
//!   en ─► gray_counter_<W> ╞═► bin
//!       │                 ╞═► gray
//!       └─────────────────┘
//! ```
//!
//! **Interface.** Counts the cycles in which `en` is 1, modulo 2^`W`. `bin` and `gray`, of `W` bits, come from registers
//! and belong together. Each bit of `gray` may pass a [`BitSync`](super::BitSync) of another clock: what comes out there
//! is a value that `gray` has had, not older than the synchroniser's latency.
//!
//! **Parameters.** `W`, 2 to 32 bits: for the pointer of a FIFO of 2^n words, n + 1.
//!
//! **Latency.** One cycle.
//!
//! **Throughput.** One step per cycle.
//!
//! **Backpressure.** None.
//!
//! **Reset.** Clears both. Several bits of `gray` may change at once then: reset both sides of a crossing.
//!
//! **Clocks.** One. For a crossing: the skew between the bits of `gray` must be less than a period of either clock.
//!
//! **Ordering.** Does not apply.
//!
//! **Errors.** None.
//!
//! **Source.** C. Cummings, Simulation and Synthesis Techniques for Asynchronous FIFO Design, SNUG 2002, section 3.
//!
//! **Proof and test.** `hdl/tests/front_kernels.rs`, `gray_counter_*`.

use rust_hdl::prelude::*;

use super::imported;
use crate::front::{Reset, ResetDff, Tag};
use crate::ir::Module;

/// The kernel.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct GrayCounter<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Reset.
    pub rst: Signal<In, Reset>,
    /// Steps.
    pub en: Signal<In, Bit>,
    /// The value.
    pub bin: Signal<Out, Bits<W>>,
    /// The value in gray code.
    pub gray: Signal<Out, Bits<W>>,
    after: Signal<Local, Bits<W>>,
    bin_q: ResetDff<Bits<W>>,
    gray_q: ResetDff<Bits<W>>,
    tag: Tag<Self>,
}

impl<const W: usize> Logic for GrayCounter<W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, bin_q, gray_q);
        self.bin_q.rst.next = self.rst.val();
        self.gray_q.rst.next = self.rst.val();
        self.after.next = self.bin_q.q.val() + self.en.val();
        self.bin_q.d.next = self.after.val();
        self.gray_q.d.next = self.after.val() ^ self.after.val() >> 1;
        self.bin.next = self.bin_q.q.val();
        self.gray.next = self.gray_q.q.val();
    }
}

/// The counter as a module: ports `en`, `bin` and `gray`.
pub fn gray_counter<const W: usize>() -> Module {
    imported(&format!("gray_counter_{W}"), GrayCounter::<W>::default())
}
