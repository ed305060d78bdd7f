//! `cargo xtask formal`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cmd::setup;
use crate::process::Process;
use crate::repo::Repo;

/// Longest time for all proofs.
const DEADLINE: Duration = Duration::from_secs(3600);

/// Prove what the small blocks claim: for every input at every time
///
/// By k-induction: FIFOs, arbiters, register slices, width converters, lock table, acceptance of sequences, queues, host port,
/// mailbox, pending blocks. By visiting every state of a small build: FIFOs, slices, converters (order, nothing lost, the stream's
/// rules), arbiters (fairness), the lock table (two holders never, no lost waiter, nobody overtaken), the list of free slots.
/// The same proofs are part of `cargo xtask test`, but for those of `--long`.
#[derive(clap::Args)]
pub struct Args {
    /// The lock table with three holders and more blocks, too: two minutes, and some gigabytes of memory
    #[arg(long)]
    long: bool,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    let mut test = repo.cargo("test");
    test.args(["--package", "dyad-tests", "--tests", "--", "prove", "properties", "--nocapture"]);
    if args.long {
        test.env("DYAD_FORMAL_LONG", "1");
    }
    Process::new(test, DEADLINE).show()?;
    Ok(ExitCode::SUCCESS)
}
