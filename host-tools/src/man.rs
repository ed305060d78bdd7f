//! `dyad man`: manual pages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::Cli;

/// Write manual pages, one a verb, into a folder
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The folder; made when missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

const EXAMPLES: &str = "Examples:
  dyad man ~/.local/share/man/man1                then `man dyad`, `man dyad-bench`";

/// Runs `dyad man`.
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn run(args: &Args) -> Result<ExitCode> {
    let dir = args.dir.display();
    fs::create_dir_all(&args.dir).with_context(|| format!("making the folder {dir} for the manual pages"))?;
    clap_mangen::generate_to(Cli::command(), &args.dir)
        .with_context(|| format!("writing manual pages into {dir}; choose a folder that can be written to"))?;
    outln!("manual pages are in {dir}");
    Ok(ExitCode::SUCCESS)
}
