//! `cargo xtask demo`

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cmd::setup;
use crate::process::Process;
use crate::repo::Repo;

/// Longest time to build the simulator.
const BUILD_DEADLINE: Duration = Duration::from_secs(1800);
/// Longest time for a demo: a large image over a long link is slow, but nobody waits for a day.
const RUN_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// Write a disk image through two simulated cards, and show that both copies are right and what it cost
///
/// Builds the program `dyad` with the Verilated card (once, a few minutes) and calls `dyad demo` with the arguments
/// given here:
///
///   --image FILE    disk image to write at site A; without it, an ext4 file system made from this repository
///   --km N          distance between the sites [default: 100]
///   --mtu N         1500 or 9000 [default: 9000]
///   --loss P        fraction of the frames that the link loses [default: 0]
///   --data-w N      datapath width of the cards, 64 or 512 [default: 64]
///   --report DIR    where report.json and report.html go
///
/// `cargo xtask demo -- --help` lists all that `dyad demo` takes.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Arguments for `dyad demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    if !repo.target_dir().join("release/dyad").exists() {
        eprintln!("xtask: building dyad and, with it, compiling the Verilated card: once, a few minutes");
    }
    let mut build = repo.cargo("build");
    build.args(["--release", "--package", "dyad"]);
    Process::new(build, BUILD_DEADLINE).show()?;
    let mut demo = repo.cargo("run");
    demo.args(["--quiet", "--release", "--package", "dyad", "--", "demo"]).args(args.args);
    let status = Process::new(demo, RUN_DEADLINE).show_status()?;
    // The program has said what went wrong; its exit code is ours.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
