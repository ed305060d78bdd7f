//! What a small board needs around the core and no vendor gives for nothing: a gigabit MAC, a FIFO between clocks, memory
//! behind AXI4, registers and memory by a serial line.
//!
//! Must never hold: anything of the protocol, or a chip's own cells. Those stand in the board's top level in `constraints/`.

pub mod axi_ram;
pub mod cdc_fifo;
pub mod gmii_rx;
pub mod gmii_tx;
pub mod serial;

use std::collections::HashSet;

use crate::bundle::STORE_ADDR_W;
use crate::params::Params;
use crate::prelude::*;
use crate::prim::kernels;
use crate::{top, verilog};

/// Bits of a word between the core's stream and a MAC: data 64, keep 8, last, user, from the lowest.
pub const WORD_W: usize = 74;

/// Register of the Ethernet FCS after a good frame and its FCS, before the complement.
pub const FCS_RESIDUE: u64 = 0xdebb_20e3;

/// The FCS register (IEEE 802.3 3.2.9, reflected) after one more byte.
pub(crate) fn fcs_step(state: E, byte: E) -> E {
    let poly = lit(0xedb8_8320, 32);
    (0..8).fold(state ^ byte.zext(32), |c, _| c.shr(1) ^ (poly & rep(c.bit(0), 32)))
}

/// The Verilog of what `constraints/ecp5/ecp5_card.v` is made of, beside itself and the chip's cells: the core and the blocks of
/// this module, each module once. A bit of the serial line takes `serial_div` periods of the core's clock.
///
/// # Panics
/// When the datapath is not 64 bits wide, the store port not 128, or a size is out of its range.
pub fn ecp5_parts(p: &Params, serial_div: usize) -> String {
    assert_eq!((p.data_w, p.store_w), (64, 128), "the card on an ECP5 has 64 bits, and 128 to its store");
    let blocks = [
        top::dyad_core(p),
        gmii_tx::gmii_tx(),
        gmii_rx::gmii_rx(),
        cdc_fifo::cdc_put(4, WORD_W),
        cdc_fifo::cdc_take(4, WORD_W),
        axi_ram::axi_ram(1024, 64, 64),
        axi_ram::axi_store(4 * p.store_beats(), p.store_w, STORE_ADDR_W),
        serial::serial(serial_div),
        kernels::reset_sync::<2, 4>(),
        kernels::reset_sync::<2, 20>(),
    ];
    let mut seen = HashSet::new();
    let mut out = String::new();
    for text in blocks.iter().map(verilog::print) {
        for module in text.split_inclusive("endmodule\n") {
            let name = module.lines().find_map(|line| line.strip_prefix("module ")?.split([' ', '(']).next());
            if name.is_some_and(|name| seen.insert(name.to_owned())) {
                out += module;
            }
        }
    }
    out
}
