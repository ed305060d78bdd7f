//! `cargo xtask peers`

use std::process::ExitCode;

use anyhow::Result;

use crate::cmd::setup;
use crate::debian;
use crate::peers::{self, Effort};
use crate::repo::Repo;

/// Dyad beside what a user would pick instead: QEMU's quorum and mirror over two NBD legs, and a dual write by UDP
///
/// The others are measured on this machine; Dyad's cards are simulated, and their figures stand in columns of their own. All are
/// asked the same: each write on both copies before it is acknowledged, both copies read back and compared, flushes and FUA
/// counted at the legs, and hosts at both sites that write the same blocks at the same time.
#[derive(clap::Args)]
pub struct Args {
    /// Writes that are timed
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    writes: u32,
    /// Rounds of the races, of 64 blocks each
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    setup::ensure_packages(repo, &debian::PEERS)?;
    let (others, cards) = peers::run(repo, Effort { writes: args.writes, rounds: args.rounds })?;
    print!("{}", peers::text(&others, &cards));
    Ok(ExitCode::SUCCESS)
}
