//! `dyad owner`: which site owns the blocks that a server serves, and which is to.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cli::{self, print_json};
use crate::serve::control::{self, Ask};

/// Show which site owns the blocks that `dyad serve` serves, or move them
///
/// The owner puts the writes of both sites in order. Its own compare-and-writes take one round trip, those of the other site
/// two. A move takes one round trip when nothing is being written there, two when something is; no request of any client fails
/// for it, and no data are copied: both sites have them. Without --lba it is the whole LUN that moves, in one step.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The server's control socket: what its --control says
    #[arg(long, value_name = "PATH")]
    control: PathBuf,
    /// The site that is to own
    #[arg(long, value_name = "a|b", value_parser = cli::site)]
    move_to: Option<u8>,
    /// First block; extents move as a whole
    #[arg(long, value_name = "N", requires = "blocks")]
    lba: Option<u64>,
    /// Number of blocks
    #[arg(long, value_name = "N", requires = "lba", value_parser = clap::value_parser!(u64).range(1..))]
    blocks: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad serve --size 64M --site-a nbd://127.0.0.1:10809 --site-b nbd://127.0.0.1:10810 --control dyad.sock
  dyad owner --control dyad.sock
  dyad owner --control dyad.sock --move-to b
  dyad owner --control dyad.sock --move-to a --lba 0 --blocks 4096";

/// Runs `dyad owner`.
///
/// # Errors
/// When no server listens there, or the cards do not do it.
pub fn run(args: &Args) -> Result<ExitCode> {
    let to = args.move_to.map(|site| cli::site_name(site).to_owned());
    let blocks = args.lba.zip(args.blocks).map(|(first, count)| [first, count]);
    let owned = control::ask(&args.control, &Ask { to: to.clone(), blocks })?;
    if args.json {
        let mut value = json!(owned);
        value["by_site"] = json!({ "a": owned.by_site[0], "b": owned.by_site[1] });
        print_json(&value)?;
    } else {
        let [a, b] = owned.by_site;
        outln!("{} extents of {} blocks: {a} owned by site a, {b} by site b", owned.extents, owned.extent_blocks);
        if args.move_to.is_some() {
            let us = owned.ns as f64 / 1000.0;
            outln!("{} have moved, in {} cycles of the card ({us:.1} us)", owned.moved, owned.cycles);
        }
    }
    // What the other site takes back at the same time is its own affair; but it is not what was asked for.
    let there = args.move_to.map_or(owned.extents, |site| owned.by_site[usize::from(site)]);
    ensure!(
        there == owned.extents,
        "{} of {} extents have gone back to the other site meanwhile",
        owned.extents - there,
        owned.extents
    );
    Ok(ExitCode::SUCCESS)
}
