//! `dyad lun`: formats stores, creates, lists and deletes LUNs.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use dyad_driver::{Mode, NewLun};
use dyad_spec::BLOCK_BYTES;
use rand::Rng;
use serde_json::json;

use crate::cli::{self, print_json};
use crate::open::{Origin, TargetArgs};
use crate::target::Cards;

/// Format stores; create, list and delete LUNs
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "Examples:
  dyad lun create --mib 64 --store-a a.img --store-b b.img
  dyad lun list --store-a a.img --store-b b.img
  dyad lun format --device 0000:01:00.0 --site a --pair c0ffee    at site a; the same at b, with --site b";

#[derive(Subcommand)]
enum What {
    /// Make empty stores of a new pair; what is on them is lost
    Format {
        #[command(flatten)]
        target: TargetArgs,
        /// Identity of the pair, the same at both sites, in hexadecimal; without it, a random one
        #[arg(long, value_name = "HEX", value_parser = hex)]
        pair: Option<u128>,
        /// With one card: which site it is
        #[arg(long, value_parser = cli::site)]
        site: Option<u8>,
    },
    /// Create a LUN on the stores of all cards that are named
    Create {
        #[command(flatten)]
        target: TargetArgs,
        /// Number, 1 to 7; without it, the first that is free
        #[arg(long, value_name = "N")]
        lun: Option<u8>,
        /// Size in MiB
        #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
        mib: u64,
        /// Which site owns it
        #[arg(long, default_value = "a", value_parser = cli::site)]
        owner: u8,
        /// Identity, the same at both sites, in hexadecimal; without it, a random one
        #[arg(long, value_name = "HEX", value_parser = hex)]
        uuid: Option<u128>,
        /// Size of the card's store in MiB; needed on a board, which cannot tell
        #[arg(long, value_name = "MIB")]
        store_size_mib: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the LUNs of each store, and whether the link brings them up live
    List {
        #[command(flatten)]
        target: TargetArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a LUN from the stores of all cards that are named
    Delete {
        #[command(flatten)]
        target: TargetArgs,
        /// Number
        #[arg(long, value_name = "N")]
        lun: u8,
    },
}

fn hex(text: &str) -> Result<u128, String> {
    u128::from_str_radix(text, 16).map_err(|_| "give up to 32 hexadecimal digits".to_owned())
}

/// Runs `dyad lun`.
///
/// # Errors
/// What the stores and cards can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Format { target, pair, site } => {
            let pair = pair.unwrap_or_else(|| rand::rng().random());
            format_stores(&mut target.cards()?, pair, *site)?;
            outln!("formatted for pair {pair:032x}");
        }
        What::Create { target, lun, mib, owner, uuid, store_size_mib, json } => {
            let mut cards = target.cards()?;
            if target.origin() != Origin::Outside && cards.sites().iter().all(|s| s.superblock().is_err()) {
                format_stores(&mut cards, rand::rng().random(), None)?;
            }
            let store_blocks = match (store_size_mib, target.origin()) {
                (Some(mib), _) => mib << 20 >> 12,
                (None, Origin::Outside) => {
                    anyhow::bail!(
                        "creating a LUN: this card's store has a size that only you know; give --store-size-mib"
                    )
                }
                (None, _) => target.known_store_blocks(),
            };
            let uuid = uuid.unwrap_or_else(|| rand::rng().random());
            let blocks = (*mib << 20) / BLOCK_BYTES as u64;
            let new = NewLun { number: *lun, blocks, owner: *owner, uuid, extent_shift_min: 0 };
            let mut made = Vec::new();
            for site in cards.sites() {
                let lun = site.create_lun(&new, store_blocks).with_context(|| site.device().info().name.clone())?;
                made.push((site.device().info().name.clone(), lun));
            }
            for (name, lun) in &made {
                if !json {
                    outln!("{name}: LUN {} of {} blocks, identity {:032x}", lun.number, lun.blocks, lun.uuid);
                }
            }
            if *json {
                let list: Vec<_> = made.iter().map(|(name, lun)| describe(name, lun)).collect();
                print_json(&list)?;
            }
        }
        What::List { target, json } => list(target, *json)?,
        What::Delete { target, lun } => {
            for site in target.cards()?.sites() {
                site.delete_lun(*lun).with_context(|| site.device().info().name.clone())?;
                outln!("{}: LUN {lun} deleted", site.device().info().name);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn format_stores(cards: &mut Cards, pair: u128, site: Option<u8>) -> Result<()> {
    let mut sites = cards.sites();
    ensure!(
        sites.len() == 2 || site.is_some(),
        "formatting one store: which site it is, only you know; give --site a or --site b"
    );
    let numbers = if sites.len() == 2 { vec![0, 1] } else { site.into_iter().collect() };
    for (site, number) in sites.iter_mut().zip(numbers) {
        site.format(pair, number)?;
    }
    Ok(())
}

fn describe(name: &str, lun: &dyad_driver::Lun) -> serde_json::Value {
    json!({
        "card": name, "lun": lun.number, "blocks": lun.blocks, "owner": cli::site_name(lun.owner),
        "extent_blocks": 1u64 << lun.extent_shift, "generation": lun.generation, "uuid": format!("{:032x}", lun.uuid),
        "synced": lun.synced,
    })
}

fn list(target: &TargetArgs, json: bool) -> Result<()> {
    let mut cards = target.cards()?;
    for site in cards.sites() {
        site.superblock()?;
    }
    // With both sites here the link can say which LUNs go live.
    let up = matches!(cards, Cards::Both(_)).then(|| cards.link_up(Mode::Serve));
    let mut all = Vec::new();
    for site in cards.sites() {
        let name = site.device().info().name.clone();
        for state in site.luns()? {
            let live = match state.live {
                Ok(()) => "live".to_owned(),
                Err(reason) => format!("not live: {reason}"),
            };
            if !json {
                let lun = &state.lun;
                outln!(
                    "{name}: LUN {} of {} blocks, owner {}, extents of {} blocks, generation {}, {live}",
                    lun.number,
                    lun.blocks,
                    cli::site_name(lun.owner),
                    1u64 << lun.extent_shift,
                    lun.generation
                );
            }
            let mut entry = describe(&name, &state.lun);
            entry["state"] = live.into();
            all.push(entry);
        }
    }
    match up {
        Some(Ok(_)) => cards.close()?,
        Some(Err(error)) => eprintln!("dyad: the link did not come up: {error:#}"),
        None => {}
    }
    if json {
        print_json(&all)?;
    } else if all.is_empty() {
        outln!("no LUNs; `dyad lun create` makes one");
    }
    Ok(())
}
