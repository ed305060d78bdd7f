//! A reset synchroniser: makes a clock domain's reset from a pin, a PLL's lock, or another domain's reset.
//!
//! ```text
//!              ┌────────────────────────────┐
//!   rst_async ─► reset_sync_<STAGES>_<HOLD_W> ├─► rst_sync
//!              └────────────────────────────┘
//! ```
//!
//! **Interface.** `rst_async`, active high, may change at any time. `rst_sync`, active high, comes from a flip-flop of
//! `clk`: it is the `rst` of everything on that clock.
//!
//! **Parameters.** `STAGES`, 2 to 8: flip-flops of the synchroniser, see [`BitSync`]. `HOLD_W`, 1 to 32: the reset ends
//! when `rst_async` has been inactive for 2^`HOLD_W` cycles, without a break.
//!
//! **Latency.** `STAGES` + 1 cycles until `rst_sync` is active; `STAGES` + 2^`HOLD_W` until it ends. Up to one more
//! for an edge near one of `clk`.
//!
//! **Throughput.** Does not apply.
//!
//! **Backpressure.** None.
//!
//! **Reset.** It has none itself. At power-up `rst_sync` is active. Resets are synchronous here: they need a running clock.
//!
//! **Clocks.** `clk`; the constraint is that of [`BitSync`], for `sync.stage_0`.
//!
//! **Ordering.** Does not apply.
//!
//! **Errors.** A pulse of `rst_async` that is shorter than a period may be missed.
//!
//! **Source.** C. Cummings et al., Asynchronous and Synchronous Reset Design Techniques, SNUG 2003, section 7.
//!
//! **Proof and test.** `hdl/tests/front_kernels.rs`, `reset_sync_*`.

use rust_hdl::prelude::*;

use super::{BitSync, imported};
use crate::front::Tag;
use crate::ir::Module;

/// The kernel. Its state is 0 while the reset is active, which is how it powers up.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct ResetSync<const STAGES: usize, const HOLD_W: usize> {
    /// The clock that `rst_sync` belongs to.
    pub clock: Signal<In, Clock>,
    /// The reset from elsewhere, active high.
    pub rst_async: Signal<In, Bit>,
    /// The clock domain's reset, active high.
    pub rst_sync: Signal<Out, Bit>,
    sync: BitSync<STAGES>,
    hold: DFF<Bits<HOLD_W>>,
    released: DFF<Bit>,
    tag: Tag<Self>,
}

impl<const STAGES: usize, const HOLD_W: usize> Logic for ResetSync<STAGES, HOLD_W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, hold, released);
        clock!(self, clock, sync);
        // Inverted, so that the flip-flops power up active.
        self.sync.d.next = !self.rst_async.val();
        if !self.sync.q.val() {
            self.hold.d.next = 0.into();
        } else if !self.hold.q.val().all() {
            self.hold.d.next = self.hold.q.val() + 1;
        }
        self.released.d.next = self.sync.q.val() & self.hold.q.val().all();
        self.rst_sync.next = !self.released.q.val();
    }
}

/// The reset synchroniser as a module: ports `rst_async` and `rst_sync`.
pub fn reset_sync<const STAGES: usize, const HOLD_W: usize>() -> Module {
    imported(&format!("reset_sync_{STAGES}_{HOLD_W}"), ResetSync::<STAGES, HOLD_W>::default())
}
