//! `dyad read` and `dyad write`: blocks out of a LUN, and into it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use dyad_driver::Mode;
use dyad_spec::BLOCK_BYTES;
use serde_json::json;

use crate::cli::{self, print_json};
use crate::open::{Origin, TargetArgs};
use crate::target;

const WRITE_EXAMPLES: &str = "Examples:
  dyad write disk.img --store-a a.img --store-b b.img
  dyad write - --lba 100 --socket run/a.sock --socket run/b.sock";
const READ_EXAMPLES: &str = "Examples:
  dyad read --blocks 1024 --out copy.img --store-a a.img --store-b b.img
  dyad read --lba 100 --site b --socket run/a.sock --socket run/b.sock | xxd";

/// Write a file to both stores of a LUN
#[derive(clap::Args)]
#[command(after_help = WRITE_EXAMPLES)]
pub struct WriteArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// First block
    #[arg(long, default_value_t = 0)]
    lba: u64,
    /// The site that writes; it must be the owner
    #[arg(long, default_value = "a", value_parser = cli::site)]
    site: u8,
    /// What to write; `-` for standard input. The last block is padded with zeroes
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Read blocks of a LUN at a site
#[derive(clap::Args)]
#[command(after_help = READ_EXAMPLES)]
pub struct ReadArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// First block
    #[arg(long, default_value_t = 0)]
    lba: u64,
    /// Blocks to read
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1 << 18))]
    blocks: u32,
    /// The site that reads
    #[arg(long, default_value = "b", value_parser = cli::site)]
    site: u8,
    /// Where to; `-` for standard output
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Print a summary as JSON, on standard error when the blocks go to standard output
    #[arg(long)]
    json: bool,
}

/// Runs `dyad write`.
///
/// # Errors
/// When the file cannot be read; what link-up and the commands can give.
pub fn write(args: &WriteArgs) -> Result<ExitCode> {
    ensure!(
        args.target.origin() != Origin::Fresh,
        "writing to a simulator that ends with this call: the data would be lost; give --store-a and --store-b"
    );
    let name = args.file.display();
    let mut data = Vec::new();
    if args.file.as_os_str() == "-" {
        io::stdin().read_to_end(&mut data).context("reading standard input")?;
    } else {
        let file = File::open(&args.file).with_context(|| format!("opening {name}; give the path of a file"))?;
        (&file).read_to_end(&mut data).with_context(|| format!("reading {name}"))?;
    }
    ensure!(!data.is_empty(), "writing {name}: it is empty; give a file with something in it");
    let padding = data.len().next_multiple_of(BLOCK_BYTES) - data.len();
    data.resize(data.len() + padding, 0);

    let mut cards = args.target.cards()?;
    cards.link_up(Mode::Serve)?;
    let site = cards.site(args.site)?;
    site.need_live(args.lun)?;
    let written = target::queue(site)?.write(args.lun, args.lba, &data);
    // The link is closed whatever came of the write; the write's error says more.
    let closed = cards.close();
    written?;
    closed?;
    let blocks = data.len() / BLOCK_BYTES;
    if args.json {
        print_json(&json!({ "lun": args.lun, "lba": args.lba, "blocks": blocks, "padding_bytes": padding }))?;
    } else {
        outln!("{blocks} blocks from block {} of LUN {} are in both stores", args.lba, args.lun);
        if padding > 0 {
            outln!("{name} is not a multiple of {BLOCK_BYTES} bytes: padded with {padding} zeroes");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `dyad read`.
///
/// # Errors
/// When the output cannot be written; what link-up and the commands can give.
pub fn read(args: &ReadArgs) -> Result<ExitCode> {
    let mut cards = args.target.cards_with_lun(args.lun)?;
    cards.link_up(Mode::Serve)?;
    let site = cards.site(args.site)?;
    site.need_live(args.lun)?;
    let mut data = vec![0; args.blocks as usize * BLOCK_BYTES];
    let got = target::queue(site)?.read(args.lun, args.lba, &mut data);
    let closed = cards.close();
    got?;
    closed?;
    let to_stdout = args.out.as_os_str() == "-";
    if to_stdout {
        io::stdout().write_all(&data).context("writing to standard output")?;
    } else {
        std::fs::write(&args.out, &data).with_context(|| format!("writing {}", args.out.display()))?;
    }
    let summary = json!({ "lun": args.lun, "lba": args.lba, "blocks": args.blocks, "site": cli::site_name(args.site) });
    match (args.json, to_stdout) {
        (true, true) => eprintln!("{summary}"),
        (true, false) => print_json(&summary)?,
        (false, false) => outln!("{} blocks are in {}", args.blocks, args.out.display()),
        (false, true) => {}
    }
    Ok(ExitCode::SUCCESS)
}
