//! `cargo xtask mutants`

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cmd::setup;
use crate::cmd::soak::release;
use crate::process::Process;
use crate::repo::Repo;

/// Longest time for the searches.
const DEADLINE: Duration = Duration::from_secs(3600);

/// The card and the protocol with one rule left out at a time: each defect must be noticed
///
/// First the Verilated cards, under racing clients: for each mutant the seed that kills it, and what the judge says. The card
/// as it is must survive the same seed. `cargo xtask soak --mutant NAME` runs one, `--mutant list` shows them.
///
/// Then the protocol model: racing clients, which name the seed that notices each defect; one that makes commands late and
/// not wrong lives through that. Then the tests that must notice each: exhaustive searches of small scenarios, and the
/// scenarios of fairness. `cargo run --release -p dyad-model --example explore -- quick --mutants --trace` prints the shortest
/// ways to what goes wrong.
#[derive(clap::Args)]
pub struct Args {
    /// The cards only
    #[arg(long, conflicts_with = "model")]
    rtl: bool,
    /// The protocol model only
    #[arg(long)]
    model: bool,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    let mut cards = ExitCode::SUCCESS;
    if !args.model {
        setup::ensure(repo)?;
        println!("=== the cards");
        cards = release(repo, &["--package", "dyad-tests", "--bin", "soak"], [OsString::from("--mutants")])?;
    }
    if !args.rtl {
        println!("=== the model: racing clients");
        let _late = release(repo, &["--package", "dyad-model", "--example", "soak"], [OsString::from("--mutants")])?;
        println!("=== the model: searches and scenarios");
        let mut test = repo.cargo("test");
        test.args(["--release", "--package", "dyad-model", "--test", "mutants", "--test", "scenarios"]);
        Process::new(test, DEADLINE).show()?;
    }
    Ok(cards)
}
