//! `dyad stats`: every counter by name.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::print_json;
use crate::open::TargetArgs;

/// Show every counter of the cards by name
///
/// The counters count since the card's reset. A simulator that this call starts has counted nothing yet: name the socket of
/// one that runs, or a board.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Leave out counters that are 0
    #[arg(long)]
    nonzero: bool,
    /// Say what each counts
    #[arg(long)]
    explain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad stats --socket run/a.sock --nonzero
  dyad stats --explain                            what each counter counts
  dyad stats --json --device 0000:01:00.0";

/// Runs `dyad stats`.
///
/// # Errors
/// What opening a card and reading it can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (devices, _simulator) = args.target.devices()?;
    let mut list = Vec::new();
    for device in &devices {
        let mut counters = device.counters()?;
        counters.retain(|(_, value)| !args.nonzero || *value != 0);
        if args.json {
            let map: Map<String, Value> =
                counters.iter().map(|(c, value)| (c.name().into(), (*value).into())).collect();
            list.push(json!({ "name": device.info().name, "counters": map }));
            continue;
        }
        outln!("{}", device.info().name);
        for (counter, value) in counters {
            let meaning = if args.explain { counter.doc() } else { "" };
            outln!("{}", format!("  {:24}{value:>10} {meaning}", counter.name()).trim_end());
        }
    }
    if args.json {
        print_json(&list)?;
    }
    Ok(ExitCode::SUCCESS)
}
