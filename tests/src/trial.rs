//! A test's run: its seed, its power-up state, and the line that replays it.

use crate::{Dut, Rng};
use dyad_hdl::ir::Module;
use dyad_verilator::Optimize;

/// Power-up seeds of Verilated models: what has no initial value differs between them, results must not.
const POWER_UPS: [u64; 2] = [1, 0x5eed];

/// Seed of a run that was told none.
const DEFAULT_SEED: u64 = 0xd1ad;

/// What a test body gets.
#[derive(Debug)]
pub struct Trial {
    /// Seed of everything random in the test.
    pub seed: u64,
    /// Seed of the power-up state.
    pub power_up: u64,
    /// The test's random numbers.
    pub rng: Rng,
}

impl Trial {
    /// A Verilated instance of `module`, after reset.
    pub fn dut(&self, module: &Module) -> Dut {
        Dut::with(module, self.power_up, Optimize::Build)
    }

    /// The same from a longer build that runs faster: for 10⁵ cycles and more of a large block.
    pub fn fast_dut(&self, module: &Module) -> Dut {
        Dut::with(module, self.power_up, Optimize::Speed)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let exe = std::env::current_exe().ok();
            let stem = exe.as_ref().and_then(|p| p.file_stem()).and_then(|s| s.to_str()).unwrap_or("?");
            let target = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("?");
            let (seed, power_up) = (self.seed, self.power_up);
            eprintln!("power-up seed {power_up}\nDYAD_SEED={seed} cargo test -p dyad-tests --test {target} {name}");
        }
    }
}

/// Runs a test body once for each power-up seed, with the same random numbers. The seed is that of `DYAD_SEED`, a
/// decimal number, or a fixed one. When the body panics, the line that replays it is printed.
///
/// # Panics
/// With the body, and when `DYAD_SEED` is not a number.
pub fn trial(body: impl Fn(&mut Trial)) {
    let seed = match std::env::var("DYAD_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("DYAD_SEED={text}: not a decimal number")),
        Err(_) => DEFAULT_SEED,
    };
    for power_up in POWER_UPS {
        body(&mut Trial { seed, power_up, rng: Rng::new(seed) });
    }
}
