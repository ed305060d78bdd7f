//! A pulse synchroniser: takes events from another clock into this one.
//!
//! ```text
//!           ┌─────────────────────┐
//!   toggle ─► pulse_sync_<STAGES>  ├─► pulse
//!           └─────────────────────┘
//! ```
//!
//! **Interface.** `toggle` comes from a flip-flop of the other clock, which changes it once for each event; it must hold
//! each level for more than one period of `clk`. `pulse` is 1 for one cycle of `clk` per change.
//!
//! **Parameters.** `STAGES`, 2 to 8: flip-flops of the synchroniser, see [`BitSync`].
//!
//! **Latency.** `STAGES` cycles, and up to one more.
//!
//! **Throughput.** One event in two cycles of the slower clock.
//!
//! **Backpressure.** None: events that come faster are lost in pairs.
//!
//! **Reset.** `rst` clears what the block last saw of the synchronised `toggle`. When that is 1, one `pulse` follows the
//! reset: reset both sides, the sender first.
//!
//! **Clocks.** `clk`; the constraint is that of [`BitSync`], for `sync.stage_0`.
//!
//! **Ordering.** Events keep their order.
//!
//! **Errors.** None.
//!
//! **Source.** C. Cummings, Clock Domain Crossing Design and Verification Techniques, SNUG 2008, section 4.
//!
//! **Proof and test.** `hdl/tests/front_kernels.rs`, `pulse_sync_*`.

use rust_hdl::prelude::*;

use super::{BitSync, imported};
use crate::front::{Reset, ResetDff, Tag};
use crate::ir::Module;

/// The kernel: a synchroniser and an edge detector.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct PulseSync<const STAGES: usize> {
    /// The clock that `pulse` belongs to.
    pub clock: Signal<In, Clock>,
    /// Reset.
    pub rst: Signal<In, Reset>,
    /// Changes once per event.
    pub toggle: Signal<In, Bit>,
    /// One cycle per event.
    pub pulse: Signal<Out, Bit>,
    sync: BitSync<STAGES>,
    seen: ResetDff<Bit>,
    tag: Tag<Self>,
}

impl<const STAGES: usize> Logic for PulseSync<STAGES> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, sync, seen);
        self.seen.rst.next = self.rst.val();
        self.sync.d.next = self.toggle.val();
        self.seen.d.next = self.sync.q.val();
        self.pulse.next = self.sync.q.val() ^ self.seen.q.val();
    }
}

/// The pulse synchroniser as a module: ports `toggle` and `pulse`.
pub fn pulse_sync<const STAGES: usize>() -> Module {
    imported(&format!("pulse_sync_{STAGES}"), PulseSync::<STAGES>::default())
}
