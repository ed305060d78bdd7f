//! What a small board needs around the core and no vendor gives for nothing: a gigabit MAC, a FIFO between clocks, memory
//! behind AXI4, registers and memory by a serial line.
//!
//! Must never hold: anything of the protocol, or a chip's own cells. Those stand in the board's top level in `constraints/`.

pub mod axi_ram;
pub mod cdc_fifo;
pub mod gmii_rx;
pub mod gmii_tx;
pub mod serial;

use crate::prelude::*;

/// Bits of a word between the core's stream and a MAC: data 64, keep 8, last, user, from the lowest.
pub const WORD_W: usize = 74;

/// Register of the Ethernet FCS after a good frame and its FCS, before the complement.
pub const FCS_RESIDUE: u64 = 0xdebb_20e3;

/// The FCS register (IEEE 802.3 3.2.9, reflected) after one more byte.
pub(crate) fn fcs_step(state: E, byte: E) -> E {
    let poly = lit(0xedb8_8320, 32);
    (0..8).fold(state ^ byte.zext(32), |c, _| c.shr(1) ^ (poly & rep(c.bit(0), 32)))
}
