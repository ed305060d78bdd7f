//! `dyad bench`: what commands cost, by the card's own time stamps.

mod board;
mod compare;
mod html;
mod measure;
mod outcome;
mod round_trips;
mod sides;
mod sweep;
mod text;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::bench::measure::Run;
use crate::bench::sides::Sites;
use crate::bench::sweep::Sweep;
use crate::cli::print_json;
use crate::open::{Origin, TargetArgs};
use crate::report;
use crate::workload::WorkloadArgs;

/// Measure commands by the card's own time stamps
///
/// At depth 1 each command runs on an idle card; deeper, the queue is kept full. On a simulator of this process's own, the
/// cycles that the cards add and the goodput over the line rate are computed, too: both need to know the surroundings.
/// The same seed gives the same commands, and on the simulator the same cycles.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    work: WorkloadArgs,
    /// Commands, at each site that is measured; of race, blocks that are raced for
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// Commands before them that are not counted
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    warmup: u32,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// The site whose card is measured, a when nothing is given; with both, each site has half of the LUN, which it is made
    /// the owner of. Migrate with both: each site takes the LUN in turn. Bounce and race are always of both
    #[arg(long, value_name = "a|b|both", value_parser = sides::sites)]
    site: Option<Sites>,
    /// Meanwhile the site that is not measured keeps so many writes under way, and with both each of them does; nobody measures
    /// these
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=4095))]
    busy: u16,
    /// Then run again with each of these values of km, mtu, loss, reorder, depth, blocks or store-mib, the rest as given; may be given
    /// more than once
    #[arg(long, value_name = "WHAT=V,V,...", value_parser = sweep::parse)]
    sweep: Vec<Sweep>,
    /// Allow writes to a LUN that this call has not made: what is on it is lost
    #[arg(long)]
    overwrite: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// File for the distribution of the latency in µs, as plotters of HDR histograms read it
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,
    /// Where report.json and report.html go
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum What {
    Compare(compare::Args),
}

const EXAMPLES: &str = "Examples:
  dyad bench --km 100                                    one write at a time over 100 km
  dyad bench --depth 256 --count 20000 --order random    a full queue: goodput
  dyad bench --depth 512 --count 5000 --sweep km=0,10,100 --sweep loss=0,0.001,0.01 --report out   goodput against both
  dyad bench --depth 512 --count 5000 --site both        both directions of the link at once
  dyad bench --pattern migrate --busy 32                 the whole LUN changes its owner while the other site writes
  dyad bench --pattern bounce                            one extent, taken by both sites in turn
  dyad bench --pattern race                              one block, written by both sites at once
  dyad bench --pattern mixed --read-percent 70 --order zipf --depth 32 --report out
  dyad bench --json > before.json                        keep a run
  dyad bench compare before.json after.json              what changed, for people and for CI
  dyad bench --device 0000:01:00.0 --overwrite           a board; what is on its LUN 1 is lost";

/// Runs `dyad bench`.
///
/// # Errors
/// What link-up and the commands can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(What::Compare(args)) = &args.what {
        return compare::run(args);
    }
    let fresh = args.target.origin() == Origin::Fresh;
    ensure!(
        !(args.work.writes() || args.busy > 0) || args.overwrite || fresh,
        "measuring writes: what is on LUN {} would be lost; give --overwrite if it may be",
        args.lun
    );
    ensure!(
        args.sweep.is_empty() || fresh,
        "sweeping: each value needs a simulated pair of its own; leave out --device, --socket, --store-a and --store-b"
    );
    // What can be wrong with the command line is found before anything takes time.
    if let Some(dir) = &args.report {
        report::make_folder(dir)?;
    }
    let run = Run {
        target: args.target.clone(),
        work: args.work.clone(),
        count: args.count,
        warmup: args.warmup,
        lun: args.lun,
        sites: Sites::of(args.work.pattern, args.site)?,
        busy: args.busy,
        hide_bar: args.json,
    };
    let (mut outcome, hgrm) = run.measure()?;
    for sweep in &args.sweep {
        outcome.sweeps.push(sweep.run(&run)?);
    }
    if let Some(path) = &args.hgrm {
        report::write_file(path, &hgrm)?;
    }
    if let Some(dir) = &args.report {
        report::write(dir, &outcome, &html::page(&outcome))?;
    }
    if args.json {
        print_json(&outcome)?;
    } else {
        outln!("{}", text::table(&outcome).trim_end());
        if let Some(dir) = &args.report {
            outln!("report: {0}/report.json, {0}/report.html", dir.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
