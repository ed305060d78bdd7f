//! The parts in `prim/kernels`: rust-hdl's simulator, the interpreter and the Verilated text in step with random inputs,
//! the interpreter against plain functions, and the lint tools on the printed text.

mod front_support;
#[allow(dead_code, reason = "each test uses a part of this")]
mod support;

use std::collections::VecDeque;

use dyad_hdl::interp::Interp;
use dyad_hdl::ir::Module;
use dyad_hdl::prim::kernels::*;
use dyad_hdl::verilog;
use front_support::Trio;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CYCLES: u64 = 20_000;

ports!(BitSync<3>; clock; in d; out q);
ports!(PulseSync<2>; clock; in rst, toggle; out pulse);
ports!(ResetSync<2, 3>; clock; in rst_async; out rst_sync);
ports!(SatCounter<3>; clock; in rst, up, clear; out count, full);
ports!(SatCounter<40>; clock; in rst, up, clear; out count, full);
ports!(GrayCounter<5>; clock; in rst, en; out bin, gray);

#[test]
fn bit_sync_differential() {
    Trio::new("bit_sync_3", BitSync::<3>::default).run(CYCLES, 1);
}

#[test]
fn pulse_sync_differential() {
    Trio::new("pulse_sync_2", PulseSync::<2>::default).run(CYCLES, 2);
}

#[test]
fn reset_sync_differential() {
    Trio::new("reset_sync_2_3", ResetSync::<2, 3>::default).run(CYCLES, 3);
}

#[test]
fn sat_counter_differential() {
    Trio::new("sat_counter_3", SatCounter::<3>::default).run(CYCLES, 4);
    Trio::new("sat_counter_40", SatCounter::<40>::default).run(2_000, 5);
}

#[test]
fn gray_counter_differential() {
    Trio::new("gray_counter_5", GrayCounter::<5>::default).run(CYCLES, 6);
}

/// Steps a module through random one-bit inputs; `expect` gets their values, and gives the outputs before the edge.
fn against<const I: usize, const O: usize>(
    module: &Module,
    inputs: [&str; I],
    outputs: [&str; O],
    mut expect: impl FnMut([bool; I]) -> [u64; O],
) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut sim = Interp::new(module).unwrap();
    for cycle in 0..4_000 {
        // Phases in which inputs are mostly 0, even, mostly 1.
        let p = [0.05, 0.5, 0.95][cycle / 100 % 3];
        let values = inputs.map(|name| {
            let v = rng.random_bool(p);
            sim.poke_u64(name, v.into());
            v
        });
        let want = expect(values);
        assert_eq!(outputs.map(|name| sim.peek_u64(name)), want, "cycle {cycle}, {outputs:?}");
        sim.step().unwrap();
    }
}

#[test]
fn bit_sync_delays_by_its_stages() {
    let mut line = VecDeque::from([false; 4]);
    against(&bit_sync::<4>(), ["d"], ["q"], |[d]| {
        line.push_back(d);
        [line.pop_front().unwrap().into()]
    });
}

#[test]
fn pulse_sync_gives_one_pulse_per_change() {
    let mut line = VecDeque::from([false; 4]);
    against(&pulse_sync::<3>(), ["toggle"], ["pulse"], |[toggle]| {
        line.push_back(toggle);
        let older = line.pop_front().unwrap();
        [(older ^ line[0]).into()]
    });
}

#[test]
fn reset_sync_ends_after_its_hold() {
    const STAGES: usize = 2;
    const HOLD: usize = 1 << 2;
    // The reset ends when the input was inactive in as many cycles in a row, and begins when it has passed the stages.
    let mut history: Vec<bool> = vec![true; STAGES + HOLD + 1];
    against(&reset_sync::<STAGES, 2>(), ["rst_async"], ["rst_sync"], |[r]| {
        let seen = &history[history.len() - STAGES - HOLD..history.len() - STAGES];
        let active = seen.contains(&true);
        history.push(r);
        [active.into()]
    });
}

#[test]
fn sat_counter_stays_at_its_end() {
    let mut count = 0;
    against(&sat_counter::<3>(), ["up", "clear", "rst"], ["count", "full"], |[up, clear, rst]| {
        let shown = [count, u64::from(count == 7)];
        count = match (rst, clear) {
            (true, _) => 0,
            (_, true) => u64::from(up),
            _ => (count + u64::from(up)).min(7),
        };
        shown
    });
}

#[test]
fn gray_counter_changes_one_bit_per_step() {
    let (mut n, mut last) = (0_u64, 0_u64);
    against(&gray_counter::<4>(), ["en"], ["bin", "gray"], |[en]| {
        let gray = n ^ n >> 1;
        assert!((gray ^ last).count_ones() <= 1);
        last = gray;
        let shown = [n, gray];
        n = (n + u64::from(en)) % 16;
        shown
    });
}

#[test]
fn reset_sync_powers_up_active() {
    let mut sim = Interp::new(&reset_sync::<2, 2>()).unwrap();
    assert_eq!(sim.peek_u64("rst_sync"), 1);
}

#[test]
fn hierarchy_and_names_are_kept() {
    let text = verilog::print(&pulse_sync::<2>());
    assert!(text.contains("module bit_sync_2 ("), "{text}");
    assert!(text.contains("bit_sync_2 sync ("), "{text}");
    assert!(text.contains("reg stage_0;"), "{text}");
    assert!(!text.contains('$'), "{text}");
    assert_eq!(text, verilog::print(&pulse_sync::<2>()), "not deterministic");
}

#[test]
fn kernels_are_clean_for_the_lint_tools() {
    let modules = [
        bit_sync::<2>(),
        bit_sync::<4>(),
        pulse_sync::<2>(),
        pulse_sync::<3>(),
        reset_sync::<2, 4>(),
        reset_sync::<3, 8>(),
        sat_counter::<1>(),
        sat_counter::<64>(),
        gray_counter::<2>(),
        gray_counter::<17>(),
    ];
    for m in &modules {
        let text = verilog::print(m);
        for lint in [support::verilator, support::yosys, support::slang] {
            lint(m.name(), &text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", m.name()));
        }
    }
}
