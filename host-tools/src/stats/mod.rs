//! `dyad stats`: every counter by name.

mod prometheus;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use dyad_driver::Device;
use serde_json::{Map, Value, json};

use crate::cli::print_json;
use crate::open::{Origin, TargetArgs};
use crate::sample::Sample;

/// Show every counter of the cards by name
///
/// The counters count since the card's reset. A simulator that this call starts has counted nothing yet: name the socket of
/// one that runs, or a board. `dyad sim` has a socket for each card that shows counters while another program drives it.
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
    /// Print what Prometheus scrapes: counters, and the state of link and slots
    #[arg(long, conflicts_with_all = ["json", "nonzero", "explain"])]
    prometheus: bool,
    /// Show what moves, and how fast by the card's clock, every so many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "1",
        value_parser = seconds,
        conflicts_with_all = ["prometheus", "explain", "nonzero"]
    )]
    watch: Option<Duration>,
    /// With --watch: end after so many times
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u32).range(1..))]
    times: Option<u32>,
    /// Print JSON; with --watch, a line each time
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "give seconds, from 0.01 to 86400".to_owned())
}

const EXAMPLES: &str = "Examples:
  dyad stats --socket run/a.sock --nonzero
  dyad stats --watch 5 --socket run/a.watch.sock --socket run/b.watch.sock
  dyad stats --prometheus --device 0000:01:00.0 > /var/lib/node_exporter/dyad.prom
  dyad stats --explain                            what each counter counts
  dyad stats --json --device 0000:01:00.0";

/// Runs `dyad stats`.
///
/// # Errors
/// What opening a card and reading it can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (devices, _simulator) = args.target.devices()?;
    if let Some(interval) = args.watch {
        ensure!(
            args.target.origin() == Origin::Outside,
            "watching cards that this call has just made: nothing happens on them; name a board, or a socket of `dyad sim`"
        );
        watch::run(&devices, interval, args.times, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.prometheus {
        let card = |device: &Device<_>| -> Result<prometheus::Card> {
            Ok(prometheus::Card { info: device.info().clone(), sample: Sample::take(device)? })
        };
        let cards = devices.iter().map(card).collect::<Result<Vec<_>>>()?;
        outln!("{}", prometheus::text(&cards).trim_end());
        return Ok(ExitCode::SUCCESS);
    }
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
