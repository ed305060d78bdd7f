//! `cargo xtask verilog`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;

use crate::repo::Repo;
use crate::rtl;

/// Write the card's Verilog, one file: dyad_core.v
///
/// Plain Verilog-2005, for synthesis in any tool; the top module is dyad_core.
#[derive(clap::Args)]
pub struct Args {
    /// Datapath width in bits: 64 for 1G and 10G boards, 512 for 100G boards
    #[arg(long, value_parser = PossibleValuesParser::new(["64", "512"]).map(|text| text.parse::<u32>().unwrap_or(64)))]
    data_w: u32,
    /// Directory to write into; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(_: &Repo, args: Args) -> Result<ExitCode> {
    let text = rtl::core(args.data_w)?;
    fs::create_dir_all(&args.out).with_context(|| format!("can't create {}", args.out.display()))?;
    let path = args.out.join("dyad_core.v");
    fs::write(&path, &text).with_context(|| format!("can't write {}", path.display()))?;
    println!("{}: DATA_W {}, {} lines, {} bytes", path.display(), args.data_w, text.lines().count(), text.len());
    Ok(ExitCode::SUCCESS)
}
