//! What the small blocks claim, for every input at every time: by k-induction, and, where lists and queues are in RAMs, by
//! visiting every state of a small build.

mod free_list;
mod lock_table;
mod seq_check;
mod streams;

use dyad_hdl::ir::{lit, module, mux};
use dyad_hdl::offload::lock_table::lock_table;
use dyad_hdl::params::Params;
use dyad_hdl::prim::arbiter::{Fixed, RoundRobin, chosen_mux, stream_mux};
use dyad_hdl::prim::fifo::{fifo, fifo_ram};
use dyad_hdl::prim::skid::{half_slice, skid};
use dyad_hdl::prim::width::{narrow, widen};
use dyad_tests::{every_state, prove};
use lock_table::{Uses, watched as locks};
use streams::{Through, watched as stream, watched_mux};

#[test]
fn prims_are_proved() {
    for module in [
        fifo(5, 3),
        fifo(8, 3),
        fifo_ram(6, 3),
        fifo_ram(16, 3),
        skid(3),
        half_slice(3),
        stream_mux(3, 3, RoundRobin),
        stream_mux(4, 3, Fixed),
        chosen_mux(3, 3, RoundRobin),
        chosen_mux(4, 3, Fixed),
        widen(3, 12),
        narrow(12, 3),
    ] {
        prove(&module, 4, 0);
    }
}

/// Order, nothing lost, the stream's rules.
#[test]
fn streams_properties_in_every_state() {
    let words = |block, word, ins, outs, room, latency| Through { block, word, beats: (ins, outs), room, latency };
    for through in [
        words(fifo(3, 2), 2, 1, 1, 3, 0),
        words(fifo(4, 1), 1, 1, 1, 4, 0),
        words(fifo_ram(4, 1), 1, 1, 1, 4, 3),
        words(fifo_ram(5, 1), 1, 1, 1, 5, 3),
        words(skid(2), 2, 1, 1, 2, 0),
        words(half_slice(2), 2, 1, 1, 1, 0),
        words(widen(1, 3), 1, 1, 3, 5, 0),
        words(narrow(3, 1), 1, 3, 1, 3, 0),
    ] {
        println!("{}: {}", through.block.name(), every_state(&stream(&through), 1_000_000));
    }
}

/// An input that asks waits for one beat of each other at most.
#[test]
fn arbiters_properties_in_every_state() {
    for policy in [RoundRobin, Fixed] {
        for (mux_of, late) in [(stream_mux(3, 2, policy), false), (chosen_mux(3, 2, policy), true)] {
            let found = every_state(&watched_mux(&mux_of, policy, late), 1_000_000);
            println!("{}: {found}", mux_of.name());
        }
    }
}

/// Exclusion, and room for every entry and grant, at the size of a card.
#[test]
fn lock_table_is_proved() {
    let p = Params { slots: 64, period: 128, mirror_bufs: 2, ..Params::new(64) };
    prove(&lock_table(&p), 3, 0);
    prove(&lock_table(&p.deeper()), 3, 0);
}

/// Two holders never, no lost waiter, nobody overtaken: two holders with lists, three with queues; and, when `cargo xtask formal
/// --long` asks for it, three with both, which takes minutes and gigabytes.
#[test]
fn locks_properties_in_every_state() {
    let quick = [(2, 2, true, true, false), (3, 1, true, true, false), (2, 2, true, true, true)];
    let long = [(3, 2, false, false, false), (3, 2, false, true, false), (3, 1, true, true, true)];
    let asked = std::env::var_os("DYAD_FORMAL_LONG").map_or(&[][..], |_| &long);
    for (holders, blocks, shared, at_once, deep) in quick.iter().chain(asked).copied() {
        let uses = Uses { holders, blocks, shared, at_once, deep };
        println!("lock table, {uses:?}: {}", every_state(&locks(&uses), 60_000_000));
    }
}

/// No slot and no command number is out twice, and none is lost.
#[test]
fn free_list_properties_in_every_state() {
    println!("free list: {}", every_state(&free_list::watched(), 1_000_000));
}

/// A sequence that was answered is never new again.
#[test]
fn seq_check_properties() {
    prove(&seq_check::watched(), 3, 6);
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
    prove(&counter, 12, 0);
}
