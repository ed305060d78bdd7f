//! Every block: the interpreter against the Verilated text.

use dyad_hdl::ir::Module;
use dyad_hdl::prim::arbiter::{Fixed, RoundRobin, stream_mux};
use dyad_hdl::prim::fifo::{fifo, fifo_ram};
use dyad_hdl::prim::skid::skid;
use dyad_hdl::prim::width::{narrow, widen};
use dyad_tests::{differential, trial};

const CYCLES: u64 = 4000;

fn prims() -> Vec<Module> {
    vec![
        fifo(5, 70),
        fifo(16, 32),
        fifo_ram(37, 130),
        fifo_ram(512, 64),
        skid(77),
        stream_mux(3, 33, RoundRobin),
        stream_mux(3, 33, Fixed),
        widen(64, 256),
        widen(512, 1024),
        narrow(256, 64),
        narrow(1024, 512),
    ]
}

#[test]
fn prims_agree() {
    trial(|t| {
        for module in prims() {
            differential::compare(&module, t.seed, t.power_up, CYCLES);
        }
    });
}
