//! A counter that stays at its largest value.
//!
//! ```text
//!          ┌────────────────┐
//!      up ─►                ╞═► count
//!   clear ─► sat_counter_<W> ├─► full
//!          └────────────────┘
//! ```
//!
//! **Interface.** Each cycle in which `up` is 1 counts. `clear` makes the counter 0, or 1 when `up` is 1 with it: no event
//! is lost. `count` has `W` bits; `full` is 1 where it stands at 2^`W` - 1. Both come from registers.
//!
//! **Parameters.** `W`, 1 to 64 bits.
//!
//! **Latency.** One cycle.
//!
//! **Throughput.** One event per cycle.
//!
//! **Backpressure.** None.
//!
//! **Reset.** Clears it.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Does not apply.
//!
//! **Errors.** Events at 2^`W` - 1 are not counted: `full` says that there may have been some.
//!
//! **Source.** None.
//!
//! **Proof and test.** `hdl/tests/front_kernels.rs`, `sat_counter_*`.

use rust_hdl::prelude::*;

use super::imported;
use crate::front::{Reset, ResetDff, Tag};
use crate::ir::Module;

/// The kernel.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct SatCounter<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Reset.
    pub rst: Signal<In, Reset>,
    /// Counts one.
    pub up: Signal<In, Bit>,
    /// Starts again.
    pub clear: Signal<In, Bit>,
    /// Events since the last clear.
    pub count: Signal<Out, Bits<W>>,
    /// At the largest value.
    pub full: Signal<Out, Bit>,
    value: ResetDff<Bits<W>>,
    tag: Tag<Self>,
}

impl<const W: usize> Logic for SatCounter<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, value);
        self.value.rst.next = self.rst.val();
        self.full.next = self.value.q.val().all();
        if self.clear.val() {
            self.value.d.next = bits::<W>(0) + self.up.val();
        } else if self.up.val() && !self.full.val() {
            self.value.d.next = self.value.q.val() + 1;
        }
        self.count.next = self.value.q.val();
    }
}

/// The counter as a module: ports `up`, `clear`, `count` and `full`.
pub fn sat_counter<const W: usize>() -> Module {
    imported(&format!("sat_counter_{W}"), SatCounter::<W>::default())
}
