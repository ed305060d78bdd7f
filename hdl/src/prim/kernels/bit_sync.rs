//! A synchroniser: takes one bit from another clock, or from none, into this one.
//!
//! ```text
//!      ┌───────────────────┐
//!   d ─►  bit_sync_<STAGES> ├─► q
//!      └───────────────────┘
//! ```
//!
//! **Interface.** `d` may change at any time; it must come from a flip-flop or a pin, without logic that glitches.
//! What is shorter than a period of `clk` may be missed. `q` is synchronous to `clk`.
//!
//! **Parameters.** `STAGES`, 2 to 8: flip-flops in a row. Two do where `clk` is below some 250 MHz.
//!
//! **Latency.** `STAGES` cycles, and up to one more for an edge of `d` near one of `clk`.
//!
//! **Throughput.** One bit per cycle.
//!
//! **Backpressure.** None.
//!
//! **Reset.** None: the flip-flops are 0 at power-up, and follow `d` in reset.
//!
//! **Clocks.** `clk`. The constraint is: no timing from anywhere to the data input of `stage_0`, and the stages placed
//! together.
//!
//! **Ordering.** Two bits that each pass a synchroniser may swap their order: a counter crosses as a gray code, see
//! [`GrayCounter`](super::GrayCounter).
//!
//! **Errors.** None.
//!
//! **Source.** C. Cummings, Clock Domain Crossing Design and Verification Techniques, SNUG 2008, section 4.
//!
//! **Proof and test.** `hdl/tests/front_kernels.rs`, `bit_sync_*`.

use std::array;

use rust_hdl::prelude::*;

use super::imported;
use crate::front::Tag;
use crate::ir::Module;

/// The kernel. `STAGES` flip-flops in a row.
#[derive(Clone, Debug, LogicBlock)]
pub struct BitSync<const STAGES: usize> {
    /// The clock that `q` belongs to.
    pub clock: Signal<In, Clock>,
    /// The bit from elsewhere.
    pub d: Signal<In, Bit>,
    /// The bit, `STAGES` cycles later.
    pub q: Signal<Out, Bit>,
    stage: [DFF<Bit>; STAGES],
    tag: Tag<Self>,
}

impl<const STAGES: usize> Default for BitSync<STAGES> {
    fn default() -> Self {
        assert!((2..=8).contains(&STAGES), "bit_sync: {STAGES} stages");
        BitSync {
            clock: Signal::default(),
            d: Signal::default(),
            q: Signal::default(),
            stage: array::from_fn(|_| DFF::default()),
            tag: Tag::default(),
        }
    }
}

impl<const STAGES: usize> Logic for BitSync<STAGES> {
    #[hdl_gen]
    fn update(&mut self) {
        self.stage[0].d.next = self.d.val();
        for i in 1..STAGES {
            self.stage[i].d.next = self.stage[i - 1].q.val();
        }
        // Kernels can't say "the last one": the last assignment is what counts.
        for i in 0..STAGES {
            self.stage[i].clock.next = self.clock.val();
            self.q.next = self.stage[i].q.val();
        }
    }
}

/// The synchroniser as a module: ports `d` and `q`.
pub fn bit_sync<const STAGES: usize>() -> Module {
    imported(&format!("bit_sync_{STAGES}"), BitSync::<STAGES>::default())
}
