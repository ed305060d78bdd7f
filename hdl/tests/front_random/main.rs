//! Random kernels: 480 outputs, each a nested expression of widths from 1 to 64, some under conditions. The kernels are
//! source text (`kernels.rs`, made by `generate.rs`), so that rust-hdl's macro makes the trees and rust-hdl's simulator,
//! which runs their `update()`, is the reference; the interpreter and the Verilated text are held against it.
//!
//! `kernels.rs` is long because it is made, and edited by nobody: a test compares it with what the generator writes. It is
//! committed, and not made by a build script, since that would run for every user of the crate.

mod generate;
#[allow(unused_parens, clippy::all, reason = "generated; redundant parentheses are part of the test")]
#[rustfmt::skip]
mod kernels;
#[path = "../front_support/mod.rs"]
mod front_support;

use std::collections::BTreeSet;
use std::{env, fs};

use dyad_hdl::interp::Interp;
use dyad_hdl::prelude::{Dir, Module, module};
use dyad_hdl::verilog;
use dyad_verilator::{Model, Options};
use front_support::{peek, poke, random_bits};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const VECTORS: usize = 500;

#[test]
fn committed_kernels_are_what_the_generator_writes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_random/kernels.rs");
    let text = generate::source();
    if env::var_os("DYAD_BLESS").is_some() {
        fs::write(path, &text).expect("write kernels.rs");
    }
    assert!(fs::read_to_string(path).expect("read kernels.rs") == text, "kernels.rs is stale: set DYAD_BLESS=1");
    let widths: BTreeSet<usize> = (0..generate::BLOCKS).flat_map(generate::widths).collect();
    assert_eq!(widths, (1..=64).collect());
    const { assert!(generate::BLOCKS * generate::OUTPUTS >= 480) };
}

/// All kernels side by side; ports of kernel `n` begin with `k<n>_`.
fn side_by_side(kernels: &[Module]) -> Module {
    module("kernels", |m| {
        for k in kernels {
            let inst = m.inst(format!("u_{}", k.name()), k);
            for p in k.ports() {
                let name = format!("{}_{}", k.name(), p.name);
                match p.dir {
                    Dir::Input => inst.set(&p.name, m.input(name, p.w)),
                    Dir::Output => m.output(name, p.w).set(inst.get(&p.name)),
                }
            }
        }
    })
}

#[test]
fn random_kernels_agree_with_rust_hdl() {
    let (modules, mut circuits): (Vec<_>, Vec<_>) = kernels::all().into_iter().unzip();
    let top = side_by_side(&modules);
    let mut interp = Interp::new(&top).unwrap();
    let mut model = Model::compile("kernels", &verilog::print(&top), &Options::default()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for vector in 0..VECTORS {
        for (k, circuit) in modules.iter().zip(&mut circuits) {
            for p in k.ports().iter().filter(|p| p.dir == Dir::Input) {
                let v = random_bits(&mut rng, p.w);
                let name = format!("{}_{}", k.name(), p.name);
                circuit.set(&p.name, &v);
                interp.poke(&name, &v);
                poke(&mut model, &name, &v);
            }
            circuit.settle();
        }
        model.eval();
        for (k, circuit) in modules.iter().zip(&circuits) {
            for p in k.ports().iter().filter(|p| p.dir == Dir::Output) {
                let (want, name) = (circuit.get(&p.name), format!("{}_{}", k.name(), p.name));
                assert_eq!(interp.peek(&name), want, "{name}, vector {vector}: interpreter against rust-hdl");
                assert_eq!(peek(&model, &name), want, "{name}, vector {vector}: Verilated against rust-hdl");
            }
        }
    }
}
