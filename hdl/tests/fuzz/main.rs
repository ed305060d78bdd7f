//! Random modules: the interpreter against Verilator on the printed text.
//!
//! The interpreter runs the module both as it was said (without folding) and folded; the printed text is folded. So
//! a fault in the simplification, in the printer, or in one simulator shows as a difference, and the text must be
//! clean under all lint tools besides.
//!
//! `DYAD_SEED=<n>` runs one seed, `DYAD_SEEDS=<n>` runs the first `n`.

mod random;
#[path = "../support/mod.rs"]
mod support;

use std::env;

use dyad_hdl::interp::Interp;
use dyad_hdl::ir::without_folding;
use dyad_hdl::prelude::*;
use dyad_hdl::verilog;
use dyad_verilator::{Design, Model, Options, PortId};
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use random::{Shape, random_module};

/// Clock cycles for each seed.
const CYCLES: usize = 3000;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

/// Seeds to run: the first `few`, unless the environment says otherwise.
fn seeds(few: u64) -> Vec<u64> {
    match number("DYAD_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("DYAD_SEEDS").unwrap_or(few)).collect(),
    }
}

/// A value of `w` bits: corners as often as noise.
fn stimulus(rng: &mut ChaCha8Rng, w: usize) -> Bits {
    match rng.random_range(0..6) {
        0 => Bits::zero(w),
        1 => Bits::ones(w),
        2 => Bits::from_words(&[rng.random_range(0..4)], w),
        3 => {
            let mut v = Bits::zero(w);
            v.set(rng.random_range(0..w), &Bits::ones(1));
            v
        }
        _ => Bits::from_words(&[rng.random(), rng.random(), rng.random()], w),
    }
}

/// A Verilated module with its ports.
struct Rtl {
    model: Model,
    ports: Vec<(Port, PortId)>,
}

impl Rtl {
    fn new(m: &Module, text: &str, seed: u64) -> Self {
        let design = Design::compile(m.name(), text, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
        let model = design.instance(seed);
        let ports = m.ports().into_iter().map(|p| (p.clone(), model.expect_port(&p.name))).collect();
        Rtl { model, ports }
    }

    fn set(&mut self, id: PortId, v: &Bits) {
        self.model.set_bytes(id, &v.to_bytes_le());
    }

    fn get(&self, p: &Port, id: PortId) -> Bits {
        let mut bytes = vec![0; p.w.div_ceil(8)];
        self.model.get_bytes(id, &mut bytes);
        let v = Bits::from_bytes_le(&bytes);
        assert!(v.significant() <= p.w, "{} of the model has bits above its width", p.name);
        v.resize(p.w)
    }
}

/// Runs one seed; the error says where the two differ.
fn compare(seed: u64, shape: Shape) -> Result<(), String> {
    let name = format!("fuzz_{}_{seed}", if shape.registers > 0 { "sequential" } else { "expressions" });
    let folded = random_module(&name, seed, shape);
    let plain = without_folding(|| random_module(&name, seed, shape));
    let text = verilog::print(&folded);
    let mut rtl = Rtl::new(&folded, &text, seed);
    let mut sims = [("as said", Interp::new(&plain)), ("folded", Interp::new(&folded))]
        .map(|(what, sim)| (what, sim.unwrap_or_else(|e| panic!("{e}"))));
    let mut rng = ChaCha8Rng::seed_from_u64(!seed);
    for cycle in 0..CYCLES {
        for (p, id) in rtl.ports.clone() {
            let v = match (p.name.as_str(), p.dir) {
                ("clk", _) | (_, Dir::Output) => continue,
                ("rst", _) => Bits::from_u64(u64::from(rng.random_ratio(1, 60)), 1),
                _ => stimulus(&mut rng, p.w),
            };
            rtl.set(id, &v);
            sims.iter_mut().for_each(|(_, sim)| sim.poke(&p.name, &v));
        }
        rtl.model.settle();
        for (p, id) in rtl.ports.iter().filter(|(p, _)| p.dir == Dir::Output) {
            let got = rtl.get(p, *id);
            for (what, sim) in &mut sims {
                let want = sim.peek(&p.name);
                if got != want {
                    return Err(format!("{} in cycle {cycle}: Verilog {got}, interpreter ({what}) {want}", p.name));
                }
            }
        }
        rtl.model.edge();
        for (_, sim) in &mut sims {
            sim.step().map_err(|e| e.to_string())?;
        }
    }
    support::verilator(&name, &text)?;
    support::yosys(&name, &text)?;
    support::slang(&name, &text)
}

fn run(test: &str, few: u64, shape: Shape) {
    for seed in seeds(few) {
        if let Err(e) = compare(seed, shape) {
            panic!("seed {seed}: {e}\nreplay: DYAD_SEED={seed} cargo test -p dyad-hdl --test fuzz {test}");
        }
    }
}

#[test]
fn expressions() {
    run("expressions", 4, Shape { operations: 200, registers: 0, wires: 6, memories: 0, levels: 0 });
}

#[test]
fn sequential() {
    run("sequential", 4, Shape { operations: 60, registers: 8, wires: 5, memories: 2, levels: 1 });
}
