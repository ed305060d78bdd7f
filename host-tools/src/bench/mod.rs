//! `dyad bench`: what commands cost, by the card's own time stamps.

mod compare;
mod html;
mod outcome;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use dyad_driver::{Mode, Stages};
use dyad_sim::{Config, Site};
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};

use crate::bench::outcome::{KindOutcome, Link, Outcome};
use crate::cli::{self, print_json};
use crate::cost::Floor;
use crate::open::{Origin, TargetArgs};
use crate::progress;
use crate::report;
use crate::stages;
use crate::target::{self, Cards};
use crate::wire_log::{Goodput, WireLog};
use crate::workload::record::Record;
use crate::workload::{Done, Kind, Order, Pattern, Workload, WorkloadArgs};

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
    /// Commands
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// Commands before them that are not counted
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    warmup: u32,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// The site whose card is measured
    #[arg(long, default_value = "a", value_parser = cli::site)]
    site: u8,
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
  dyad bench --pattern mixed --read-percent 70 --order zipf --depth 32 --report out
  dyad bench --json > before.json                        keep a run
  dyad bench compare before.json after.json              what changed, for people and for CI
  dyad bench --device 0000:01:00.0 --overwrite           a board; what is on its LUN 1 is lost";

/// Parts of a stream's time that goodput is told for.
const PARTS: u64 = 40;

/// Runs `dyad bench`.
///
/// # Errors
/// What link-up and the commands can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(What::Compare(args)) = &args.what {
        return compare::run(args);
    }
    ensure!(
        !args.work.writes() || args.overwrite || args.target.origin() == Origin::Fresh,
        "measuring writes: what is on LUN {} would be lost; give --overwrite if it may be",
        args.lun
    );
    // What can be wrong with the command line is found before anything takes time.
    if let Some(dir) = &args.report {
        report::make_folder(dir)?;
    }
    let mut cards = args.target.cards_with_lun(args.lun)?;
    cards.link_up(Mode::Serve)?;
    let log = cards
        .simulator()
        .map(|simulator| WireLog::watch(&simulator.bench, if args.site == 0 { Site::A } else { Site::B }));
    let measured = measure_site(args, &mut cards, log.as_ref());
    let closed = cards.close();
    let (outcome, hgrm) = measured?;
    closed?;
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

/// What commands told, together and by kind.
struct Told {
    all: Record,
    /// Of `mixed`: writes and reads.
    kinds: Option<[(Kind, Record); 2]>,
}

impl Told {
    fn new(work: &WorkloadArgs, count: u32) -> Self {
        let of = |kind| (kind, Record::new(count.into()));
        let kinds = (work.pattern == Pattern::Mixed).then(|| [of(Kind::Write), of(Kind::Read)]);
        Self { all: Record::new(count.into()), kinds }
    }

    fn add(&mut self, done: &Done) {
        self.all.add(done);
        let kinds = self.kinds.iter_mut().flatten();
        kinds.filter(|(kind, _)| *kind == done.kind).for_each(|(_, record)| record.add(done));
    }
}

/// Runs the commands; the outcome, and the `.hgrm` file.
fn measure_site(args: &Args, cards: &mut Cards, log: Option<&WireLog>) -> Result<(Outcome, String)> {
    let config = cards.simulator().map(|simulator| simulator.config.clone());
    let bench = cards.simulator().map(|simulator| simulator.bench.clone());
    let site = cards.site(args.site)?;
    site.need_live(args.lun)?;
    let lun_blocks: u64 = site.superblock()?.lun(args.lun).context("the LUN is live")?.blocks.into();
    let info = site.device().info().clone();
    let clock_mhz = config.as_ref().map_or(f64::from(info.clock_khz), |c| c.clock_khz as f64) / 1000.0;
    let mut queue = target::queue(site)?;
    let mut work = Workload::new(&args.work, &queue, (args.lun, lun_blocks), args.target.sim.seed)?;
    work.run(&mut queue, args.warmup, |_| ())?;
    if let Some(log) = log {
        log.take();
    }
    let before = site.device().counters()?;
    let mut told = Told::new(&args.work, args.count);
    let bar = progress::bar("measure", args.count.into(), args.json);
    work.run(&mut queue, args.count, |done| {
        told.add(done);
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    drop(work);
    drop(queue);
    let after = site.device().counters()?;
    let moved = before.iter().zip(&after).map(|(b, a)| (a.0.name(), a.1.wrapping_sub(b.1)));
    let counters = moved.filter(|(_, moved)| *moved > 0).collect();

    let all = &told.all;
    let latency = all.latency().summary().context("no command was timed")?;
    let (data_w, store_w) = (u64::from(info.data_width_bits), u64::from(info.store_width_bits));
    let single_writes = args.work.pattern == Pattern::Write && args.work.blocks == 1;
    let floor = config.as_ref().filter(|_| single_writes).map(|config| Floor::new(config, data_w, store_w));
    let added = floor
        .filter(|_| args.work.depth == 1)
        .map(|floor| latency.map(|posted| floor.added(&Stages { posted: posted as u32, ..Stages::default() }, data_w)));
    let goodput = match (log, &config) {
        (Some(log), Some(config)) if args.work.depth > 1 => Goodput::of(&log.take(), config.rate, PARTS),
        _ => None,
    };
    // By the card's clock: behind a socket, this machine's has nothing to do with it.
    let per_second = |count: u64| count as f64 * clock_mhz * 1e6 / all.cycles().max(1) as f64;
    let count = all.latency().count();
    let blocks: u64 = all.over_time().iter().map(|part| part.blocks).sum();
    let kinds = told.kinds.iter().flatten().map(|(kind, record)| KindOutcome::new(kind.name(), record));
    let outcome = Outcome {
        pattern: args.work.pattern,
        order: args.work.order,
        zipf_theta: (args.work.order == Order::Zipf).then_some(args.work.zipf_theta),
        read_percent: (args.work.pattern == Pattern::Mixed).then_some(args.work.read_percent),
        depth: args.work.depth,
        blocks: args.work.blocks,
        count: args.count,
        warmup: args.warmup,
        seed: args.target.sim.seed,
        site: cli::site_name(args.site),
        simulated: args.target.is_simulated(),
        data_w: info.data_width_bits,
        clock_mhz,
        link: config.as_ref().map(|config: &Config| Link { km: config.km, mtu: config.mtu, loss: config.wire.loss }),
        stage_cycles: all.stages(),
        latency_ns: latency.map(|cycles| (cycles as f64 * 1000.0 / clock_mhz).round() as i64),
        segment_cycles: stages::named(all.mean_segments()),
        slowest_segment_cycles: stages::named(all.slowest_segments()),
        kinds: kinds.filter(|kind| kind.count > 0).collect(),
        distribution_cycles: outcome::distribution(all),
        percentile_cycles: all.latency().percentiles(),
        over_time: all.over_time(),
        commands_per_second: per_second(count),
        bytes_per_second: per_second(blocks * BLOCK_BYTES as u64),
        retries: all.retries,
        counters,
        added_cycles: added,
        floor_cycles: floor,
        stream_cycles: goodput.as_ref().map(|goodput| goodput.cycles),
        goodput_fraction: goodput.as_ref().map(|goodput| goodput.fraction),
        goodput_over_time: goodput.map(|goodput| goodput.over_time).unwrap_or_default(),
        lookups_per_cycle: (args.work.pattern == Pattern::Lookup && args.work.depth > 1)
            .then(|| (count * MAX_LOOKUPS) as f64 / all.cycles().max(1) as f64),
        sim_khz: bench.map(|bench| bench.world().speed().khz()),
    };
    let hgrm = all.latency().hgrm(1.0 / clock_mhz);
    Ok((outcome, hgrm))
}
