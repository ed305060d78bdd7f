//! `dyad sync`: makes two stores equal.

use std::process::ExitCode;

use anyhow::{Context, Result};
use dyad_driver::Mode;
use dyad_driver::lun::{Progress, Stage, SyncReport};
use serde_json::json;

use crate::cli::{self, print_json};
use crate::open::TargetArgs;
use crate::progress;
use crate::target::Cards;

/// Copy all LUNs that are not known equal from one site to the other, and verify
///
/// With one card, call it at both sites at the same time.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// The site whose copy is kept
    #[arg(long, value_name = "a|b", value_parser = cli::site)]
    from: u8,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad sync --from a --store-a a.img --store-b b.img
  dyad sync --from b --device 0000:01:00.0        at both sites at the same time";

/// Runs `dyad sync`.
///
/// # Errors
/// What link-up, sync and close can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut cards = args.target.cards()?;
    cards.link_up(Mode::SyncFrom(args.from))?;
    let bar = progress::bar("", 0, args.json);
    let show = |progress: Progress| {
        let stage = match progress.stage {
            Stage::Copy => "copy",
            Stage::Wait => "wait for the other site",
            Stage::Verify => "verify",
        };
        bar.set_message(format!("LUN {} {stage}", progress.lun));
        bar.set_length(progress.total_blocks);
        bar.set_position(progress.done_blocks);
    };
    let reports: Vec<SyncReport> = match &mut cards {
        Cards::One(site) => dyad_driver::run(site.sync(show)?)?,
        Cards::Both(pair) => {
            let (a, b) = (pair.a.sync(show)?, pair.b.sync(|_| ())?);
            let (a, b) = match &pair.simulator {
                Some(simulator) => simulator.run_both(a, b),
                None => dyad_driver::run_both(a, b),
            };
            b.context("at site b")?;
            a.context("at site a")?
        }
    };
    bar.finish_and_clear();
    cards.close()?;
    let hex = |hash: &[u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if args.json {
        let list = reports.iter().map(|r| json!({ "lun": r.lun, "blocks": r.blocks, "sha256": hex(&r.sha256) }));
        print_json(&list.collect::<Vec<_>>())?;
    } else if reports.is_empty() {
        outln!("nothing to do: all LUNs are known equal");
    } else {
        for report in &reports {
            outln!("LUN {}: {} blocks are equal, SHA-256 {}", report.lun, report.blocks, hex(&report.sha256));
        }
    }
    Ok(ExitCode::SUCCESS)
}
