//! `dyad lookup`: who owns a block.

use std::process::ExitCode;

use anyhow::Result;
use dyad_driver::Mode;
use serde_json::json;

use crate::cli::{self, print_json};
use crate::open::TargetArgs;
use crate::target;

/// Ask a card's directory who owns blocks
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// The site that is asked
    #[arg(long, default_value = "a", value_parser = cli::site)]
    site: u8,
    /// Block addresses
    #[arg(required = true, value_name = "LBA")]
    lbas: Vec<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad lookup 0 4095 --store-a a.img --store-b b.img
  dyad lookup 0 --site b --json --socket run/a.sock --socket run/b.sock";

/// Runs `dyad lookup`.
///
/// # Errors
/// What link-up and the command can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut cards = args.target.cards_with_lun(args.lun)?;
    cards.link_up(Mode::Serve)?;
    let answers = target::queue(cards.site(args.site)?)?.lookup(args.lun, &args.lbas);
    cards.close()?;
    let answers = answers?;
    if args.json {
        let list = args.lbas.iter().zip(&answers).map(|(lba, answer)| match answer {
            Some(answer) => {
                json!({ "lba": lba, "valid": true, "owner": cli::site_name(answer.owner), "epoch": answer.epoch })
            }
            None => json!({ "lba": lba, "valid": false }),
        });
        print_json(&list.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for (lba, answer) in args.lbas.iter().zip(&answers) {
        match answer {
            Some(answer) => outln!(
                "block {lba}: site {}, epoch {} in LUN generation {}",
                cli::site_name(answer.owner),
                answer.epoch & 0xffff,
                answer.epoch >> 16
            ),
            None => outln!("block {lba}: past the end of LUN {}", args.lun),
        }
    }
    Ok(ExitCode::SUCCESS)
}
