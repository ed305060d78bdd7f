//! Runs a rust-hdl circuit three times in step: in rust-hdl's simulator, and its import in the interpreter and
//! Verilated.

#![allow(dead_code, reason = "each test uses a part of this")]

use dyad_hdl::front;
use dyad_hdl::interp::Interp;
use dyad_hdl::ir::{self, Dir, Module};
use dyad_hdl::verilog;
use dyad_verilator::{Model, Options};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_hdl::prelude::*;

/// A type of signals that goes to and from bit vectors.
pub trait Word: Synth {
    /// The value that has these bits.
    fn from_ir(v: &ir::Bits) -> Self;
    /// The value's bits.
    fn to_ir(self) -> ir::Bits;
}

impl Word for Bit {
    fn from_ir(v: &ir::Bits) -> Self {
        v.bit(0)
    }

    fn to_ir(self) -> ir::Bits {
        ir::Bits::from_u64(self.into(), 1)
    }
}

impl Word for front::Reset {
    fn from_ir(v: &ir::Bits) -> Self {
        v.bit(0).into()
    }

    fn to_ir(self) -> ir::Bits {
        self.rst.to_ir()
    }
}

impl<const N: usize> Word for Bits<N> {
    fn from_ir(v: &ir::Bits) -> Self {
        (0..N).fold(Bits::default(), |b, i| b.replace_bit(i, v.bit(i)))
    }

    fn to_ir(self) -> ir::Bits {
        let mut words = vec![0_u64; N.div_ceil(64)];
        for i in 0..N {
            words[i / 64] |= u64::from(self.get_bit(i)) << (i % 64);
        }
        ir::Bits::from_words(&words, N)
    }
}

/// A circuit whose ports can be reached by their Verilog names. Made by [`ports!`].
pub trait Circuit: Block {
    /// The names of the inputs; the clock is not among them, the reset is when the circuit has one.
    fn inputs(&self) -> &'static [&'static str];
    fn set(&mut self, port: &str, v: &ir::Bits);
    fn get(&self, port: &str) -> ir::Bits;
    fn set_clock(&mut self, level: bool);
    /// Runs rust-hdl's simulator until nothing changes.
    fn settle(&mut self);
}

/// Implements [`Circuit`]: `ports!(Type; clock; in a, x_0 = [x[0]]; out y)`. The clock is left out when there is none.
#[macro_export]
macro_rules! ports {
    ($ty:ty; $($clock:ident)?; in $($i:ident $(= [$($ip:tt)+])?),*; out $($o:ident $(= [$($op:tt)+])?),*) => {
        impl $crate::front_support::Circuit for $ty {
            fn inputs(&self) -> &'static [&'static str] {
                &[$(stringify!($i)),*]
            }

            fn set(&mut self, port: &str, v: &dyad_hdl::ir::Bits) {
                use $crate::front_support::Word;
                let _ = v;
                match port {
                    $(stringify!($i) => $crate::port_path!(self $i $([$($ip)+])?).next = Word::from_ir(v),)*
                    _ => panic!("no input {port}"),
                }
            }

            fn get(&self, port: &str) -> dyad_hdl::ir::Bits {
                use $crate::front_support::Word;
                match port {
                    $(stringify!($o) => $crate::port_path!(self $o $([$($op)+])?).val().to_ir(),)*
                    _ => panic!("no output {port}"),
                }
            }

            fn set_clock(&mut self, level: bool) {
                let _ = level;
                $(self.$clock.next = level.into();)?
            }

            fn settle(&mut self) {
                assert!(rust_hdl::prelude::simulate(self, 1000), "rust-hdl's simulator does not settle");
            }
        }
    };
}

/// The place of a port in its circuit.
#[macro_export]
macro_rules! port_path {
    ($me:ident $name:ident) => { $me.$name };
    ($me:ident $name:ident [$($path:tt)+]) => { $me.$($path)+ };
}

/// A value of `w` bits; often all zeros, all ones, small, or with one bit set.
pub fn random_bits(rng: &mut ChaCha8Rng, w: usize) -> ir::Bits {
    let words: Vec<u64> = (0..w.div_ceil(64)).map(|_| rng.random()).collect();
    let v = ir::Bits::from_words(&words, w);
    match rng.random_range(0..8) {
        0 => ir::Bits::zero(w),
        1 => ir::Bits::ones(w),
        2 => ir::Bits::from_words(&[rng.random_range(0..4)], w),
        3 => {
            let mut one = ir::Bits::zero(w);
            one.set(rng.random_range(0..w), &ir::Bits::ones(1));
            one
        }
        _ => v,
    }
}

/// One circuit in three simulators.
pub struct Trio<C> {
    pub rust_hdl: C,
    pub interp: Interp,
    pub model: Model,
    pub module: Module,
    inputs: Vec<ir::Port>,
    outputs: Vec<ir::Port>,
    cycle: u64,
}

/// Sets an input of a Verilated model.
pub fn poke(model: &mut Model, port: &str, v: &ir::Bits) {
    let id = model.expect_port(port);
    if v.width() <= 64 {
        return model.set_u64(id, v.low_u64());
    }
    let halves = v.words().iter().flat_map(|&x| [x as u32, (x >> 32) as u32]);
    let words: Vec<u32> = halves.take(v.width().div_ceil(32)).collect();
    model.set_words(id, &words);
}

/// The value of a port of a Verilated model.
pub fn peek(model: &Model, port: &str) -> ir::Bits {
    let id = model.expect_port(port);
    let w = model.width(id) as usize;
    if w <= 64 {
        return ir::Bits::from_u64(model.get_u64(id), w);
    }
    let mut words = vec![0_u32; w.div_ceil(32)];
    model.get_words(id, &mut words);
    let joined: Vec<u64> =
        words.chunks(2).map(|c| u64::from(c[0]) | u64::from(*c.get(1).unwrap_or(&0)) << 32).collect();
    ir::Bits::from_words(&joined, w)
}

impl<C: Circuit> Trio<C> {
    /// Imports the circuit that `make` makes, under `name`, and starts all three.
    pub fn new(name: &str, make: impl Fn() -> C) -> Self {
        let module = front::import(name, make()).unwrap_or_else(|e| panic!("{e}"));
        let interp = Interp::new(&module).unwrap_or_else(|e| panic!("{e}"));
        let text = verilog::print(&module);
        let model = Model::compile(name, &text, &Options::default()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let mut rust_hdl = make();
        rust_hdl.connect_all();
        check_connected(&rust_hdl).unwrap_or_else(|e| panic!("{e:?}"));
        // Modules with state have a clock and a reset, whether the circuit has a reset or not.
        let resets = rust_hdl.inputs().contains(&"rst");
        let data = |p: &ir::Port| p.name != "clk" && (resets || p.name != "rst");
        let (inputs, outputs) = module.ports().into_iter().filter(data).partition(|p| p.dir == Dir::Input);
        let mut trio = Trio { rust_hdl, interp, model, module, inputs, outputs, cycle: 0 };
        trio.rust_hdl.settle();
        trio
    }

    /// Sets an input of all three.
    pub fn set(&mut self, port: &str, v: &ir::Bits) {
        self.rust_hdl.set(port, v);
        self.interp.poke(port, v);
        poke(&mut self.model, port, v);
    }

    /// Random values at all inputs; `rst`, when the circuit has one, rarely.
    pub fn randomize(&mut self, rng: &mut ChaCha8Rng) {
        for p in self.inputs.clone() {
            let v = match p.name.as_str() {
                "rst" => ir::Bits::from_u64(rng.random_bool(0.02).into(), 1),
                _ => random_bits(rng, p.w),
            };
            self.set(&p.name, &v);
        }
    }

    /// Lets all three come to rest and compares all outputs.
    pub fn compare(&mut self) {
        self.rust_hdl.settle();
        self.model.eval();
        for p in self.outputs.clone() {
            let want = self.rust_hdl.get(&p.name);
            let interp = self.interp.peek(&p.name);
            let verilated = peek(&self.model, &p.name);
            let (name, cycle) = (&p.name, self.cycle);
            assert_eq!(interp, want, "{name} in cycle {cycle}: interpreter against rust-hdl");
            assert_eq!(verilated, want, "{name} in cycle {cycle}: Verilated against rust-hdl");
        }
    }

    /// A clock edge in all three.
    pub fn tick(&mut self) {
        self.rust_hdl.set_clock(true);
        self.rust_hdl.settle();
        self.rust_hdl.set_clock(false);
        self.rust_hdl.settle();
        self.interp.step().unwrap_or_else(|e| panic!("{e}"));
        if self.module.is_clocked() {
            self.model.tick();
        }
        self.cycle += 1;
    }

    /// `cycles` cycles with random inputs.
    pub fn run(&mut self, cycles: u64, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..cycles {
            self.randomize(&mut rng);
            self.compare();
            self.tick();
        }
        self.compare();
    }
}
