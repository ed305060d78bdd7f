//! The interpreter against the Verilated text: same inputs, same outputs, every cycle.
//!
//! Random inputs are made to reach deep states: streams keep their rules (an offered word stays until it is taken), each
//! one-bit input has spells in which it is mostly 0, even, or mostly 1, data come from a small pool as often as from all
//! values, and inputs that are neither streams nor events change seldom, as configuration does.

use crate::{Dut, Rng};
use dyad_hdl::interp::{Interp, InterpError};
use dyad_hdl::ir::{Bits, Dir, Module, Port};

/// Cycles of a spell.
const SPELL: u64 = 64;
/// Values that an input likes to come back to.
const POOL: usize = 6;
/// Tries to find inputs with which the module's properties hold.
const TRIES: usize = 32;
/// Cycles from one reset to the next, in the mean.
const RESET_EVERY: u64 = 800;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One bit that comes and goes.
    Flag,
    /// Valid of a stream; the index of its `ready` among the outputs.
    Valid(usize),
    /// Data, and the index of its `valid` among the inputs.
    Data(usize),
    /// What is written once and then stays.
    Config,
}

struct Input {
    port: Port,
    kind: Kind,
    pool: Vec<Bits>,
    now: Bits,
    /// Of 16, in this spell.
    ones: u64,
}

/// Random inputs for a module.
struct Stimulus {
    inputs: Vec<Input>,
    rng: Rng,
}

impl Stimulus {
    fn new(ports: &[Port], outputs: &[Port], mut rng: Rng) -> Self {
        let named = |list: &[Port], base: &str, what: &str| list.iter().position(|p| p.name == format!("{base}{what}"));
        let mut inputs = Vec::new();
        for port in ports {
            let base = |suffix: &str| port.name.strip_suffix(suffix);
            let kind = if let Some(stem) = base("valid") {
                named(outputs, stem, "ready").map_or(Kind::Flag, Kind::Valid)
            } else if let Some(valid) = base("data").and_then(|stem| named(ports, stem, "valid")) {
                Kind::Data(valid)
            } else if port.w == 1 {
                Kind::Flag
            } else {
                Kind::Config
            };
            let mut pool = vec![Bits::zero(port.w), Bits::ones(port.w)];
            while pool.len() < POOL {
                // Some values that are sparse, so that counts and lengths are small.
                let word = rng.bits(port.w);
                pool.push(if pool.len().is_multiple_of(2) { word } else { Bits::from_words(&[rng.below(8)], port.w) });
            }
            inputs.push(Input { port: port.clone(), kind, pool, now: Bits::zero(port.w), ones: 8 });
        }
        Self { inputs, rng }
    }

    /// Begins a spell.
    fn spell(&mut self) {
        let rng = &mut self.rng;
        self.inputs.iter_mut().for_each(|i| i.ones = *rng.pick(&[0, 1, 4, 8, 12, 15, 16]));
    }

    /// Nothing comes and goes: for a block that can stand nothing else now.
    fn calm(&mut self) {
        for input in self.inputs.iter_mut().filter(|i| matches!(i.kind, Kind::Flag | Kind::Valid(_))) {
            (input.now, input.ones) = (Bits::zero(1), 0);
        }
    }

    /// Draws the next inputs; `outputs` are those of the cycle before.
    fn next(&mut self, cycle: u64, outputs: &[Bits]) {
        if cycle.is_multiple_of(SPELL) {
            self.spell();
        }
        let rng = &mut self.rng;
        let waits: Vec<bool> = self.inputs.iter().map(|i| waits(i, outputs)).collect();
        for index in 0..self.inputs.len() {
            let input = &mut self.inputs[index];
            let flag = |rng: &mut Rng, ones| Bits::from_u64(u64::from(rng.below(16) < ones), 1);
            match input.kind {
                Kind::Flag => input.now = flag(rng, input.ones),
                Kind::Valid(_) if waits[index] => {}
                Kind::Valid(_) => input.now = flag(rng, input.ones),
                Kind::Data(valid) if waits[valid] => {}
                Kind::Data(_) => input.now = value(rng, input),
                Kind::Config if rng.one_in(SPELL) || cycle == 0 => input.now = value(rng, input),
                Kind::Config => {}
            }
        }
    }
}

/// A word was offered and not taken.
fn waits(input: &Input, outputs: &[Bits]) -> bool {
    match input.kind {
        Kind::Valid(ready) => input.now.bit(0) && outputs.get(ready).is_none_or(|r| !r.bit(0)),
        _ => false,
    }
}

/// A value from the pool, a uniform one, or one of the pool with some bits of another.
fn value(rng: &mut Rng, input: &Input) -> Bits {
    let w = input.port.w;
    match rng.below(4) {
        0 => rng.bits(w),
        1 => {
            let mut word = rng.pick(&input.pool).clone();
            let part = (1 + rng.below(w.min(32) as u64)) as usize;
            let lsb = rng.below((w - part + 1) as u64) as usize;
            word.set(lsb, &rng.bits(part));
            word
        }
        _ => rng.pick(&input.pool).clone(),
    }
}

/// All modules of a hierarchy, each name once, children before the modules that use them.
pub fn modules_of(top: &Module) -> Vec<Module> {
    fn walk(module: &Module, found: &mut Vec<Module>) {
        if found.iter().any(|m| m.name() == module.name()) {
            return;
        }
        module.data().insts.iter().for_each(|inst| walk(&inst.child, found));
        found.push(module.clone());
    }
    let mut found = Vec::new();
    walk(top, &mut found);
    found
}

/// Runs `module` for `cycles` cycles in the interpreter and as Verilog, with the same random inputs and now and then a
/// reset.
///
/// Some inputs a block never gets from the blocks around it, and its properties do not hold with them. The interpreter
/// says so before the clock edge; other inputs are then drawn, or the block is reset when none are found.
///
/// # Panics
/// When an output differs.
pub fn compare(module: &Module, seed: u64, power_up: u64, cycles: u64) {
    let name = module.name();
    let mut dut = Dut::with(module, power_up, dyad_verilator::Optimize::Build);
    let mut interp = Interp::new(module).unwrap_or_else(|e| panic!("{name}: {e}"));
    let ports = module.ports();
    let data = ports.iter().filter(|p| !(module.is_clocked() && matches!(p.name.as_str(), "clk" | "rst")));
    let (inputs, outputs): (Vec<Port>, Vec<Port>) = data.cloned().partition(|p| p.dir == Dir::Input);
    assert!(!outputs.is_empty(), "{name} has no outputs");
    let mut rng = Rng::new(seed);
    let mut stimulus = Stimulus::new(&inputs, &outputs, rng.fork());
    if module.is_clocked() {
        interp.poke_u64("rst", 1);
        for _ in 0..2 {
            interp.step().unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    let mut seen = Vec::new();
    let (mut resets, mut changes, mut stuck) = (0, 0, 0);
    for cycle in 0..cycles {
        resets = if resets > 0 { resets - 1 } else { u64::from(rng.one_in(RESET_EVERY)) * rng.below(4) };
        resets *= u64::from(module.is_clocked());
        if module.is_clocked() {
            interp.poke_u64("rst", u64::from(resets > 0));
        }
        if resets > 0 {
            seen.clear();
        }
        stimulus.next(cycle, &seen);
        let before = std::mem::take(&mut seen);
        for attempt in 0.. {
            for input in &stimulus.inputs {
                interp.poke(&input.port.name, &input.now);
            }
            seen = outputs.iter().map(|p| interp.peek(&p.name)).collect();
            match interp.step() {
                Ok(()) => break,
                Err(InterpError::Property { .. }) if attempt < TRIES => {
                    if attempt + 1 == TRIES {
                        stimulus.calm();
                    } else {
                        stimulus.spell();
                        stimulus.next(cycle + 1, &before);
                    }
                }
                Err(InterpError::Property { .. }) if attempt == TRIES => {
                    (resets, stuck) = (1, stuck + 1);
                    interp.poke_u64("rst", 1);
                }
                Err(e) => panic!("{name}: {e}"),
            }
        }
        if module.is_clocked() {
            dut.poke("rst", u64::from(resets > 0));
        }
        for input in &stimulus.inputs {
            dut.poke_bits(&input.port.name, &input.now);
        }
        dut.settle();
        for (port, want) in outputs.iter().zip(&seen) {
            let got = dut.peek_bits(&port.name);
            assert_eq!(got, *want, "{name}, cycle {cycle}: {} in Verilog (left) and in the interpreter", port.name);
            changes += u64::from(!want.is_zero());
        }
        dut.edge();
    }
    assert!(changes > 0, "{name}: every output was 0 all the time");
    assert!(stuck <= cycles / 50, "{name}: {stuck} times in {cycles} cycles, no inputs were found that it allows");
}
