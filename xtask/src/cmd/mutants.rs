//! `cargo xtask mutants`

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cmd::soak::release;
use crate::process::Process;
use crate::repo::Repo;

/// Longest time for the searches.
const DEADLINE: Duration = Duration::from_secs(3600);

/// The protocol with one rule left out at a time: each defect must be noticed
///
/// First racing clients on the model, which name the seed that notices each defect; one that makes commands late and not
/// wrong lives through that. Then the tests that must notice each: exhaustive searches of small scenarios, and the scenarios
/// of fairness. `cargo run --release -p dyad-model --example explore -- quick --mutants --trace` prints the shortest ways to
/// what goes wrong.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(repo: &Repo, _: Args) -> Result<ExitCode> {
    println!("=== racing clients");
    let _late = release(repo, &["--package", "dyad-model", "--example", "soak"], [OsString::from("--mutants")])?;
    println!("=== searches and scenarios");
    let mut test = repo.cargo("test");
    test.args(["--release", "--package", "dyad-model", "--test", "mutants", "--test", "scenarios"]);
    Process::new(test, DEADLINE).show()?;
    Ok(ExitCode::SUCCESS)
}
