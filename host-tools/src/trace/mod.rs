//! `dyad trace`: the life of commands, stage by stage, and the frames that they sent.

mod capture;
mod life;
mod lua;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use dyad_driver::Mode;

use crate::cli::{self, print_json};
use crate::open::{Origin, TargetArgs};
use crate::target::{self, Cards};
use crate::trace::capture::Capture;
use crate::trace::life::{Setting, Trace};
use crate::workload::{Area, Done, Seeds, Workload, WorkloadArgs};

/// Show the life of commands stage by stage, and capture the frames that they sent
///
/// The card stamps each command at every stage. This runs a small workload and tells of its last commands when each stage was
/// reached, how long it took, and what part of the whole that is. On a simulator of this call's own, --pcap writes the frames
/// of both directions, link-up included, with nanosecond time stamps; --dissector prints what Wireshark needs to read them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    work: WorkloadArgs,
    /// Commands
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// How many of the last ones are told
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    last: u16,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// The site whose card is asked
    #[arg(long, default_value = "a", value_parser = cli::site)]
    site: u8,
    /// Allow writes to a LUN that this call has not made: what is on it is lost
    #[arg(long)]
    overwrite: bool,
    /// File for the frames of the simulated link
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print Wireshark's dissector for the frames, and do nothing else
    #[arg(long, exclusive = true)]
    dissector: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad trace --km 1                               single writes over 1 km
  dyad trace --pattern mixed --depth 8 --last 2
  dyad trace --pcap link.pcap --mtu 1500          the frames, three to a block
  dyad trace --dissector > ~/.local/lib/wireshark/plugins/dyad.lua
  dyad trace --overwrite --socket run/a.sock --socket run/b.sock";

/// Runs `dyad trace`.
///
/// # Errors
/// What link-up and the commands can give; when the capture cannot be made.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.dissector {
        outln!("{}", lua::dissector().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        !args.work.writes() || args.overwrite || args.target.origin() == Origin::Fresh,
        "tracing writes: what is on LUN {} would be lost; give --overwrite if it may be, or --pattern read",
        args.lun
    );
    ensure!(
        args.pcap.is_none() || args.target.origin() != Origin::Outside,
        "capturing frames: only a simulator of this call's own shows them; capture a board's at its switch, and give neither \
         --device nor --socket here"
    );
    args.work.for_one_site()?;
    let mut cards = args.target.cards_with_lun(args.lun)?;
    let capture = match (&args.pcap, cards.simulator()) {
        (Some(path), Some(simulator)) => Some(Capture::begin(path, simulator)?),
        _ => None,
    };
    cards.link_up(Mode::Serve)?;
    let traced = trace(args, &mut cards);
    let closed = cards.close();
    let trace = traced?;
    closed?;
    let frames = capture.map(Capture::finish).transpose()?;
    if args.json {
        print_json(&trace)?;
    } else {
        outln!("{}", trace.text().trim_end());
        if let (Some(path), Some(frames)) = (&args.pcap, frames) {
            outln!("\n{frames} frames are in {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn trace(args: &Args, cards: &mut Cards) -> Result<Trace> {
    let simulated_khz = cards.simulator().map(|simulator| simulator.config.clock_khz);
    let site = cards.site(args.site)?;
    site.need_live(args.lun)?;
    let area = Area::whole(site.superblock()?.lun(args.lun).context("the LUN is live")?);
    let info = site.device().info().clone();
    let mut queue = target::queue(site)?;
    let mut work = Workload::new(&args.work, &queue, area, Seeds::of(args.target.sim.seed))?;
    work.prepare(&mut queue, args.count)?;
    let mut last: VecDeque<Done> = VecDeque::new();
    work.run(&mut queue, args.count, |done| {
        if last.len() == usize::from(args.last) {
            last.pop_front();
        }
        last.push_back(*done);
    })?;
    let setting = Setting {
        simulated: args.target.is_simulated(),
        site: cli::site_name(args.site),
        data_w: info.data_width_bits,
        clock_mhz: simulated_khz.map_or(f64::from(info.clock_khz), |khz| khz as f64) / 1000.0,
    };
    Ok(Trace::new(setting, &last))
}
