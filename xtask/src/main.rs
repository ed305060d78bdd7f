//! Repository tasks: `cargo xtask <verb>`, one file a verb in `cmd/`.
//!
//! | file | holds |
//! |---|---|
//! | `cmd/` | the verbs |
//! | `debian.rs`, `venv.rs`, `rustup.rs` | what `setup` installs, each with its "what is missing?" |
//! | `tools.rs` | where the installed tools are, and how to call them |
//! | `rtl.rs` | the Verilog that `dyad-hdl` prints, as text |
//! | `linters.rs` | the three lint tools over one file |
//! | `synth/` | what the card costs in a chip, by block, and the committed budgets |
//! | `boards/` | the boards of `constraints/`, checked without their vendors' tools |
//! | `kernel/` | the driver on a real kernel: a virtual machine with both Verilated cards |
//! | `nextpnr.rs` | what place and route reports |
//! | `peers/` | Dyad beside what a user would pick instead |
//! | `process.rs` | child processes: each has a deadline, each failure says what was run |
//! | `progress.rs`, `table.rs` | what the user sees |
//! | `vm/` | a virtual machine that moves between two hosts |
//! | `repo.rs` | paths of the checkout |
//!
//! It must never hold anything that the programs need at run time.

mod boards;
mod cmd;
mod debian;
mod handoff;
mod kernel;
mod linters;
mod nextpnr;
mod peers;
mod process;
mod progress;
mod repo;
mod rtl;
mod rustup;
mod synth;
mod table;
mod tools;
mod venv;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::repo::Repo;

/// Sets up, checks and runs Dyad.
///
/// A verb that needs tools first installs those that are missing (Debian packages; Python wheels into .tools/, which git
/// ignores) and says so. Nothing has to be installed by hand.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Setup(cmd::setup::Args),
    Demo(cmd::demo::Args),
    DemoVm(cmd::demo_vm::Args),
    Test(cmd::test::Args),
    Soak(cmd::soak::Args),
    Agree(cmd::agree::Args),
    Formal(cmd::formal::Args),
    Mutants(cmd::mutants::Args),
    Lint(cmd::lint::Args),
    Gen(cmd::generate::Args),
    Verilog(cmd::verilog::Args),
    Synth(cmd::synth::Args),
    Constraints(cmd::constraints::Args),
    Bitstream(cmd::bitstream::Args),
    Peers(cmd::peers::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Repo::find().and_then(|repo| match cli.verb {
        Verb::Setup(args) => cmd::setup::run(&repo, args),
        Verb::Demo(args) => cmd::demo::run(&repo, args),
        Verb::DemoVm(args) => cmd::demo_vm::run(&repo, args),
        Verb::Test(args) => cmd::test::run(&repo, args),
        Verb::Soak(args) => cmd::soak::run(&repo, args),
        Verb::Agree(args) => cmd::agree::run(&repo, args),
        Verb::Formal(args) => cmd::formal::run(&repo, args),
        Verb::Mutants(args) => cmd::mutants::run(&repo, args),
        Verb::Lint(args) => cmd::lint::run(&repo, args),
        Verb::Gen(args) => cmd::generate::run(&repo, args),
        Verb::Verilog(args) => cmd::verilog::run(&repo, args),
        Verb::Synth(args) => cmd::synth::run(&repo, args),
        Verb::Constraints(args) => cmd::constraints::run(&repo, args),
        Verb::Bitstream(args) => cmd::bitstream::run(&repo, args),
        Verb::Peers(args) => cmd::peers::run(&repo, args),
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
