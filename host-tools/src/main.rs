//! The `dyad` command: one verb a file. Text for people, `--json` for programs.
//!
//! | file | holds |
//! |---|---|
//! | `cli.rs` | the command line, and the exit codes |
//! | `config.rs` | the configuration file |
//! | `open.rs` | from the command line to cards |
//! | `target.rs` | what a verb works on: cards, and the link between them |
//! | `simulator.rs` | the simulated pair |
//! | `measure.rs` | streams of commands, commands one at a time, bursts of lookups |
//! | `workload/` | patterns and orders of commands |
//! | `sample.rs` | what a card shows of itself, and rates |
//! | `cost.rs` | what physics takes of a write, and what the cards add |
//! | `wire_log.rs` | what was on the simulated fibre |
//! | `summary.rs`, `histogram.rs` | distributions |
//! | `stages.rs` | a command's time, cut at the card's stamps |
//! | `plot.rs`, `report.rs` | plots and pages; where reports go |
//! | `bench/` | `dyad bench` |
//! | `progress.rs` | what is told on standard error meanwhile |
//! | `demo/` | `dyad demo` |
//! | `transfer.rs` | `dyad read`, `dyad write` |
//! | `bind/` | `dyad bind`, `dyad unbind` |
//! | `flash/`, `serve/`, `sim/`, `stats/`, `top/`, `trace/` | the verb of that name |
//! | `completions.rs`, `info.rs`, `lookup.rs`, `lun.rs`, `man.rs`, `sync.rs` | the verb of that name |
//!
//! It must never hold an offset, an opcode or a field of the contract, and prints nothing that the library did not return.

/// Prints a line. A reader that has heard enough ends the program, as it does others in a pipe.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::print_line(&format!($($text)*)) };
}

mod bench;
mod bind;
mod cli;
mod completions;
mod config;
mod cost;
mod demo;
mod flash;
mod histogram;
mod info;
mod lookup;
mod lun;
mod man;
mod measure;
mod open;
mod owner;
mod plot;
mod progress;
mod report;
mod sample;
mod serve;
mod sim;
mod simulator;
mod stages;
mod stats;
mod summary;
mod sync;
mod target;
mod top;
mod trace;
mod transfer;
mod wire_log;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match config::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dyad: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
