//! A two-state, cycle-based simulator of modules: the reference against which the printed text is held.
//!
//! The hierarchy is flattened, combinational logic is put in order once, and each cycle evaluates all of it. Values of
//! up to 64 bits take a fast path.

mod exec;
mod flatten;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use crate::ir::{Bits, Dir, Module, PropKind, word_count};
use flatten::Flat;

/// What can go wrong in a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterpError {
    /// Signals depend on themselves without a clock edge between; their paths, each depending on the next.
    CombLoop(Vec<String>),
    /// A property that is proved or assumed did not hold at a clock edge.
    Property {
        /// Kind of the property.
        kind: PropKind,
        /// Path of the property.
        path: String,
        /// Number of clock edges before this one.
        cycle: u64,
    },
}

impl fmt::Display for InterpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InterpError::CombLoop(path) => write!(f, "combinational loop: {}", path.join(" <- ")),
            InterpError::Property { kind, path, cycle } => {
                write!(f, "{kind:?} property {path} does not hold in cycle {cycle}")
            }
        }
    }
}

impl std::error::Error for InterpError {}

/// Where a value lies in the store.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: usize,
    w: usize,
}

/// A simulation of a module. Time zero is power-up: registers hold their initial values, inputs and `rst` are 0.
pub struct Interp {
    flat: Flat,
    /// All values; an operation's result lies behind its operands.
    vals: Vec<u64>,
    /// Next states of the registers.
    next: Vec<u64>,
    mems: Vec<Vec<u64>>,
    rst: bool,
    dirty: bool,
    cycle: u64,
    inputs: HashMap<String, Slot>,
    outputs: HashMap<String, Slot>,
}

impl Interp {
    /// Flattens the module and everything below it.
    pub fn new(top: &Module) -> Result<Self, InterpError> {
        let flat = flatten::flatten(top)?;
        let (mut inputs, mut outputs) = (HashMap::new(), HashMap::new());
        for &(dir, sig) in &top.data().ports {
            let map = if dir == Dir::Input { &mut inputs } else { &mut outputs };
            map.insert(top.data().sigs[sig as usize].name.clone(), flat.top_sigs[sig as usize]);
        }
        let mut vals = vec![0; flat.vals_len];
        for (at, v) in &flat.consts {
            vals[*at..*at + v.words().len()].copy_from_slice(v.words());
        }
        for r in &flat.regs {
            vals[r.cur.at..r.cur.at + r.init.words().len()].copy_from_slice(r.init.words());
        }
        let next = vec![0; flat.next_len];
        let mems = flat.mems.iter().map(|m| vec![0; m.depth * m.stride]).collect();
        Ok(Interp { flat, vals, next, mems, rst: false, dirty: true, cycle: 0, inputs, outputs })
    }

    /// Sets an input, or `rst`. Panics when there is no such input or the width differs.
    #[track_caller]
    pub fn poke(&mut self, port: &str, v: &Bits) {
        self.dirty = true;
        if port == "rst" && self.flat.clocked {
            assert_eq!(v.width(), 1, "poke rst");
            self.rst = v.bit(0);
            return;
        }
        let Some(slot) = self.inputs.get(port) else { panic!("no input {port}") };
        assert_eq!(v.width(), slot.w, "poke {port}: width");
        self.vals[slot.at..slot.at + v.words().len()].copy_from_slice(v.words());
    }

    /// Sets an input, or `rst`. Panics when there is no such input or the value does not fit.
    #[track_caller]
    pub fn poke_u64(&mut self, port: &str, v: u64) {
        let w = match self.inputs.get(port) {
            Some(slot) => slot.w,
            None => 1,
        };
        self.poke(port, &Bits::from_u64(v, w));
    }

    fn read(&self, slot: Slot) -> Bits {
        Bits::from_words(&self.vals[slot.at..slot.at + word_count(slot.w)], slot.w)
    }

    /// The value of a port. Panics when there is none of that name.
    #[track_caller]
    pub fn peek(&mut self, port: &str) -> Bits {
        self.eval();
        match self.outputs.get(port).or_else(|| self.inputs.get(port)) {
            Some(&slot) => self.read(slot),
            None => panic!("no port {port}"),
        }
    }

    /// The value of a port. Panics when there is none of that name, or the value does not fit.
    #[track_caller]
    pub fn peek_u64(&mut self, port: &str) -> u64 {
        match self.peek(port).to_u64() {
            Some(v) => v,
            None => panic!("{port} does not fit in 64 bits"),
        }
    }

    /// The value of an internal signal or named expression: instance names and the signal's, joined by dots. Panics
    /// when there is none.
    #[track_caller]
    pub fn peek_path(&mut self, path: &str) -> Bits {
        self.eval();
        match self.flat.paths.get(path) {
            Some(&slot) => self.read(slot),
            None => panic!("no signal {path}"),
        }
    }

    /// A word of a memory: instance names and the memory's, joined by dots. Panics when there is none.
    #[track_caller]
    pub fn peek_mem(&self, path: &str, addr: usize) -> Bits {
        let Some(i) = self.flat.mems.iter().position(|m| m.path == path) else { panic!("no memory {path}") };
        let m = &self.flat.mems[i];
        assert!(addr < m.depth, "address {addr} of memory {path}");
        Bits::from_words(&self.mems[i][addr * m.stride..(addr + 1) * m.stride], m.w)
    }

    /// Clock edges so far.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Brings the combinational signals up to date. Peeks and steps do so by themselves.
    pub fn eval(&mut self) {
        if self.dirty {
            self.run_steps();
            self.dirty = false;
        }
    }

    /// One clock edge. Properties are checked just before it, outside reset; when one does not hold the edge does not
    /// happen.
    pub fn step(&mut self) -> Result<(), InterpError> {
        self.eval();
        self.check_properties()?;
        self.clock();
        self.cycle += 1;
        self.dirty = true;
        self.eval();
        Ok(())
    }
}
