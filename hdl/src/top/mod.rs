//! The whole card.
//!
//! Must never hold: logic of its own beyond wiring, arbitration between blocks, and the fence.

mod core;
pub mod guard;
mod wiring;

pub use self::core::dyad_core;

/// The Verilog of the whole card at a datapath width of 64 or 512 bits, as one file.
///
/// # Panics
/// When `data_w` is another width.
pub fn verilog(data_w: usize) -> String {
    crate::verilog::print(&dyad_core(&crate::params::Params::new(data_w)))
}
