//! Every block: the interpreter against the Verilated text.

use dyad_hdl::ir::Module;
use dyad_hdl::params::Params;
use dyad_hdl::prim::arbiter::{Fixed, RoundRobin, chosen_mux, stream_mux};
use dyad_hdl::prim::fifo::{fifo, fifo_ram};
use dyad_hdl::prim::skid::{half_slice, skid};
use dyad_hdl::prim::width::{narrow, widen};
use dyad_hdl::top::dyad_core;
use dyad_tests::differential::{compare, modules_of};
use dyad_tests::{Trial, trial};

const CYCLES: u64 = 4000;

/// A card whose memories are small, so that short runs fill them, and its tables are cleared soon after a reset.
fn small(data_w: usize) -> Params {
    Params {
        slots: 64,
        period: 128,
        queues: 2,
        extents: 64,
        local_bufs: 2,
        mirror_bufs: 2,
        queue_log2: 4,
        ..Params::new(data_w)
    }
}

fn prims() -> Vec<Module> {
    vec![
        fifo(5, 70),
        fifo(16, 32),
        fifo_ram(37, 130),
        fifo_ram(512, 64),
        skid(77),
        half_slice(77),
        stream_mux(3, 33, RoundRobin),
        stream_mux(3, 33, Fixed),
        chosen_mux(3, 33, RoundRobin),
        chosen_mux(3, 33, Fixed),
        widen(64, 256),
        widen(512, 1024),
        narrow(256, 64),
        narrow(1024, 512),
    ]
}

fn compare_all(t: &Trial, modules: &[Module]) {
    for module in modules {
        compare(module, t.seed, t.power_up, CYCLES);
    }
}

#[test]
fn prims_agree() {
    trial(|t| compare_all(t, &prims()));
}

/// Every module of the card, the whole one included.
fn card_agrees(data_w: usize) {
    trial(|t| {
        let modules = modules_of(&dyad_core(&small(data_w)));
        assert!(modules.len() > 30, "only {} modules", modules.len());
        compare_all(t, &modules);
    });
}

#[test]
fn blocks_agree_at_64_bits() {
    card_agrees(64);
}

#[test]
fn blocks_agree_at_512_bits() {
    card_agrees(512);
}
