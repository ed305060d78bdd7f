//! The parts of the Rust toolchain that a minimal installation lacks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::debian::find_program;
use crate::process::Process;
use crate::progress::Step;

/// Component and the program that shows its presence.
const COMPONENTS: [(&str, &str); 2] = [("clippy", "cargo-clippy"), ("rustfmt", "cargo-fmt")];
const INSTALL_DEADLINE: Duration = Duration::from_secs(600);

/// The components whose programs are neither beside cargo nor on PATH.
pub fn missing() -> Vec<&'static str> {
    let cargo = std::env::var_os("CARGO").unwrap_or_default();
    let beside = Path::new(&cargo).parent();
    let present = |program: &str| match beside {
        // A toolchain of rustup's: what is on PATH is rustup's own stub, which proves nothing.
        Some(dir) if dir.join("rustc").is_file() => dir.join(program).is_file(),
        _ => find_program(program).is_some(),
    };
    COMPONENTS.iter().filter(|(_, program)| !present(program)).map(|(name, _)| *name).collect()
}

/// Adds `components` to the toolchain in use.
pub fn install(components: &[&str]) -> Result<()> {
    let step = Step::start("adding components to the Rust toolchain", &components.join(", "));
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add"]).args(components);
    let outcome = Process::new(rustup, INSTALL_DEADLINE).output();
    outcome.with_context(|| format!("the Rust toolchain lacks {}: install them", components.join(" and ")))?;
    step.done();
    Ok(())
}

/// Adds the standard library for `target`, where it is missing.
///
/// # Errors
/// When it is missing and rustup can't add it.
pub fn ensure_target(target: &str) -> Result<()> {
    let mut libdir = Command::new("rustc");
    libdir.args(["--print", "target-libdir", "--target", target]);
    let there =
        |command| Process::new(command, INSTALL_DEADLINE).output().is_ok_and(|dir| Path::new(dir.trim()).is_dir());
    if there(libdir) {
        return Ok(());
    }
    let step = Step::start("adding a target to the Rust toolchain", target);
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", target]);
    Process::new(rustup, INSTALL_DEADLINE)
        .output()
        .with_context(|| format!("the Rust toolchain lacks {target}: add it"))?;
    step.done();
    Ok(())
}
