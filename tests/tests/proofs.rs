//! Properties of the small blocks and of the lock table, proved by k-induction.

use dyad_hdl::ir::{lit, module, mux};
use dyad_hdl::offload::lock_table::lock_table;
use dyad_hdl::params::Params;
use dyad_hdl::prim::arbiter::{Fixed, RoundRobin, stream_mux};
use dyad_hdl::prim::fifo::{fifo, fifo_ram};
use dyad_hdl::prim::skid::skid;
use dyad_hdl::prim::width::{narrow, widen};
use dyad_tests::prove;

#[test]
fn prims_are_proved() {
    for module in [
        fifo(5, 3),
        fifo(8, 3),
        fifo_ram(6, 3),
        fifo_ram(16, 3),
        skid(3),
        stream_mux(3, 3, RoundRobin),
        stream_mux(4, 3, Fixed),
        widen(3, 12),
        narrow(12, 3),
    ] {
        prove(&module, 4);
    }
}

/// Exclusion, and room for every entry and grant.
#[test]
fn lock_table_is_proved() {
    prove(&lock_table(&Params { slots: 64, period: 128, mirror_bufs: 2, ..Params::new(64) }), 3);
}

/// The prover does say no: a counter that is claimed to stay below what it reaches.
#[test]
#[should_panic(expected = "below_nine")]
fn a_false_property_is_not_proved() {
    let counter = module("counter", |m| {
        let count = m.reg("count", 4, 0);
        count.set(mux(count.eq(9), lit(0, 4), count + 1));
        m.output("q", 4).set(count);
        m.prove("below_nine", count.lt(9));
    });
    prove(&counter, 12);
}
