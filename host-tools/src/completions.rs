//! `dyad completions`: what a shell needs to complete calls of this program.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Print what a shell needs to complete calls of this program
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "Examples:
  dyad completions bash > ~/.local/share/bash-completion/completions/dyad
  dyad completions zsh > ~/.zfunc/_dyad           with ~/.zfunc in fpath
  dyad completions fish > ~/.config/fish/completions/dyad.fish";

/// Runs `dyad completions`.
///
/// # Errors
/// None.
pub fn run(args: &Args) -> Result<ExitCode> {
    // By way of memory: the generator takes a reader that goes away for a fault.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dyad", &mut script);
    // Nobody is there to be told that nobody reads.
    let _ = io::stdout().write_all(&script);
    Ok(ExitCode::SUCCESS)
}
