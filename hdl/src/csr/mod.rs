//! What the host sees through BAR 0: the register file and the counters.
//!
//! Must never hold: an offset, a field's position or a counter's number; they come from `dyad_spec`.

pub mod counters;
#[allow(clippy::module_inception, reason = "a block's file has the block's name")]
pub mod csr;
mod map;
