//! What the chip gets is what was written: small builds of the foundation blocks against their netlists of ECP5 and UltraScale+
//! cells, in every state. Where yosys sees that both are the same gates, it joins them, and one state is left.

use dyad_hdl::ir::Module;
use dyad_hdl::prim::arbiter::{Fixed, RoundRobin, chosen_mux, stream_mux};
use dyad_hdl::prim::fifo::{fifo, fifo_ram};
use dyad_hdl::prim::free_list::free_list;
use dyad_hdl::prim::skid::{half_slice, skid};
use dyad_hdl::prim::width::{narrow, widen};
use dyad_tests::{Family, same_netlist};

fn blocks() -> Vec<Module> {
    vec![
        fifo(3, 2),
        fifo_ram(5, 1),
        skid(2),
        half_slice(2),
        stream_mux(3, 1, RoundRobin),
        stream_mux(3, 1, Fixed),
        chosen_mux(3, 1, RoundRobin),
        chosen_mux(3, 1, Fixed),
        widen(2, 6),
        narrow(6, 2),
        free_list(4, 2),
    ]
}

fn compare(family: Family) {
    for block in blocks() {
        println!("{} and its netlist, {family:?}: {}", block.name(), same_netlist(&block, family, 1_000_000));
    }
}

#[test]
fn netlists_of_ecp5_properties() {
    compare(Family::Ecp5);
}

#[test]
fn netlists_of_ultrascale_properties() {
    compare(Family::Xcup);
}
