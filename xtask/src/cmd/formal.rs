//! `cargo xtask formal`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cmd::setup;
use crate::process::Process;
use crate::repo::Repo;

/// Longest time for all proofs.
const DEADLINE: Duration = Duration::from_secs(3600);

/// Prove what the small blocks claim: by k-induction, for every input at every time
///
/// FIFOs (order), arbiters, register slices, width converters, lock table, queues, host port, mailbox, pending blocks. The
/// same proofs are part of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(repo: &Repo, _: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    let mut test = repo.cargo("test");
    test.args(["--package", "dyad-tests", "--", "prove", "properties"]);
    Process::new(test, DEADLINE).show()?;
    Ok(ExitCode::SUCCESS)
}
