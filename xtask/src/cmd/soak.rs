//! `cargo xtask soak`

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cmd::setup;
use crate::process::Process;
use crate::repo::Repo;

/// Longest time to build.
const BUILD_DEADLINE: Duration = Duration::from_secs(1800);
/// Longest time to run: as long as somebody wants to soak.
const RUN_DEADLINE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Racing clients at both sites on a bad link, judged for linearizability: on the Verilated cards, on the model, or by NBD
///
///   --seed N        first seed; it decides width, MTU, distance and faults, unless they are given [default: 1]
///   --seeds N       seeds, one after the other [default: 1]
///   --ops M         commands a seed
///   --faults NAME   what the link does: none, lossy, storm, blind (model: none, link, storm, all)
///   --waves DIR     waveforms of both cards
///
/// `cargo xtask soak -- --help` lists all. `--model` as the first argument runs the protocol model instead of the cards:
/// it has the whole protocol and is some ten thousand times as fast. `--nbd` as the first argument runs clients of `dyad serve`:
///
///   --seed N        of what the clients ask and what the link does [default: 1]
///   --ops M         requests, of all clients together [default: 10000]
///   --sectors       units of 512 bytes, beside whole blocks
///   --site a        clients at one site only
///   --forge-owner   both cards are told that they own all blocks: it must be found out
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// On the protocol model
    #[arg(long)]
    model: bool,
    /// Through NBD, at the exports of `dyad serve`
    #[arg(long, conflicts_with = "model")]
    nbd: bool,
    /// Arguments for the soak program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    let program: &[&str] = if args.model {
        &["--package", "dyad-model", "--example", "soak"]
    } else if args.nbd {
        // The example starts the program.
        let mut build = repo.cargo("build");
        build.args(["--release", "--package", "dyad", "--bin", "dyad"]);
        Process::new(build, BUILD_DEADLINE).show()?;
        &["--package", "dyad", "--example", "nbd_soak"]
    } else {
        &["--package", "dyad-tests", "--bin", "soak"]
    };
    release(repo, program, args.args)
}

/// Builds a program of this repository for speed, and runs it with `args`, however long that takes. Its exit code is ours.
pub(super) fn release(repo: &Repo, program: &[&str], args: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    let mut build = repo.cargo("build");
    build.arg("--release").args(program);
    Process::new(build, BUILD_DEADLINE).show()?;
    let mut run = repo.cargo("run");
    run.args(["--quiet", "--release"]).args(program).arg("--").args(args).current_dir(repo.root());
    let status = Process::new(run, RUN_DEADLINE).show_status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
