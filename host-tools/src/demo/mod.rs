//! `dyad demo`

mod html;
mod image;
mod report;
mod run;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::SimArgs;
use crate::demo::image::Image;
use crate::report as report_files;

/// Write a disk image through two simulated cards, and show that both copies are right and what it cost
///
/// Two sites are simulated in this process: two Verilated cards, their hosts and stores, and the link. The image is written
/// through the driver at site a, its extents' owner is looked up at site b, and it is read back there through b's driver.
/// Both stores and what was read back are compared with the image. Then the LUN's first writes are repeated one at a time,
/// and each tells by the card's time stamps where its time went.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Disk image to write; without it, an ext4 file system made from this repository's own files
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    #[command(flatten)]
    sim: SimArgs,
    /// Size of the LUN in MiB; without it, that of the image
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    lun_mib: Option<u32>,
    /// Writes that are timed one at a time; without it, 300, and 10000 at 0 km
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    latency_writes: Option<u32>,
    /// Blocks of each command of the streams, 1 to 64
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    blocks: u16,
    /// Where report.json and report.html go
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad demo                                       100 km apart; a file system made from this repository
  dyad demo --image disk.img --km 10 --mtu 1500   your own image, another link
  dyad demo --loss 0.001 --report out             with losses; plots in out/report.html";

impl Args {
    fn latency_writes(&self) -> u64 {
        self.latency_writes.map_or(if self.sim.km == 0.0 { 10_000 } else { 300 }, u64::from)
    }
}

/// Runs the demo.
///
/// # Errors
/// When a step fails; a copy that differs is told by the exit code.
pub fn run(args: &Args) -> Result<ExitCode> {
    // What can be wrong with the command line is found before anything takes time.
    if let Some(dir) = &args.report {
        report_files::make_folder(dir)?;
    }
    let scratch = Scratch::new()?;
    let image = match &args.image {
        Some(path) => Image::open(path)?,
        None => Image::make(scratch.path())?,
    };
    let report = run::run(args, image, scratch.path())?;
    if let Some(dir) = &args.report {
        report_files::write(dir, &report, &html::page(&report))?;
    }
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        outln!("{}", text::table(&report).trim_end());
        if let Some(dir) = &args.report {
            outln!("\nreport: {0}/report.json, {0}/report.html", dir.display());
        }
    }
    Ok(if report.right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A folder that is there as long as the demo runs.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("dyad-demo-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("making the temporary folder {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left over is in the temporary folder, and named after the process.
        let _ = fs::remove_dir_all(&self.0);
    }
}
