//! The `dyad` command: one verb a file. Text for people, `--json` for programs.
//!
//! | file | holds |
//! |---|---|
//! | `cli.rs` | the command line, and the exit codes |
//! | `target.rs` | what a verb works on: the cards that it opens, and the link between them |
//! | `simulator.rs` | the simulated pair |
//! | `measure.rs` | streams of commands, commands one at a time, bursts of lookups |
//! | `cost.rs` | what physics takes of a write, and what the cards add |
//! | `wire_log.rs` | what was on the simulated fibre |
//! | `summary.rs` | distributions |
//! | `demo/` | `dyad demo` |
//!
//! It must never hold an offset, an opcode or a field of the contract, and prints nothing that the library did not return.

mod cli;
mod cost;
mod demo;
mod measure;
mod simulator;
mod summary;
mod target;
mod wire_log;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // A usage error ends the program here, with code 2.
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dyad: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
