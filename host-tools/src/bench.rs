//! `dyad bench`: what commands cost, by the card's own time stamps.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dyad_driver::{Backing, Mode, Queue, Stages};
use dyad_sim::Site;
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::cli::{self, print_json};
use crate::cost::Floor;
use crate::measure::{self, Direction, Transfer};
use crate::open::{Origin, TargetArgs};
use crate::summary::Summary;
use crate::target::{self, AnyBacking, Cards};
use crate::wire_log::{Goodput, WireLog};

/// Measure commands by the card's own time stamps
///
/// At depth 1 each command runs on an idle card; deeper, the queue is kept full. On a simulator of this process's own, the
/// cycles that the cards add and the goodput over the line rate are computed, too: both need to know the surroundings.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// What the commands do
    #[arg(long, value_enum, default_value_t = Pattern::Write)]
    pattern: Pattern,
    /// In which order addresses come; random: each place once before any comes again
    #[arg(long, value_enum, default_value_t = Order::Sequential)]
    order: Order,
    /// Commands under way at a time, up to 4095; a card may have less room, which is said
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4095))]
    depth: u16,
    /// Blocks of each read or write, 1 to 64
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    blocks: u16,
    /// Commands
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Pattern {
    Write,
    Read,
    Lookup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Sequential,
    Random,
}

#[derive(Serialize)]
struct Outcome {
    pattern: Pattern,
    order: Order,
    depth: u16,
    blocks: u16,
    count: u32,
    simulated: bool,
    data_w: u32,
    clock_mhz: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
    /// Cycles after the doorbell; `mirror` is a duration. Stages that no command had are left out.
    stage_cycles: Vec<(&'static str, Summary)>,
    latency_ns: Summary,
    commands_per_second: f64,
    retries: u64,
    /// What the measured card counted meanwhile: counters that moved.
    counters: BTreeMap<&'static str, u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_cycles: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor_cycles: Option<Floor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goodput_fraction: Option<f64>,
    /// The same over equal parts of the stream's time: (middle in cycles since the first frame, fraction).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    goodput_over_time: Vec<(u64, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_cycles: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lookups_per_cycle: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sim_khz: Option<f64>,
}

#[derive(Serialize)]
struct Link {
    km: f64,
    mtu: usize,
    loss: f64,
}

/// Parts of a stream's time that goodput is told for.
const PARTS: u64 = 40;

/// Stamps and repeats of one command.
type Told = (Stages, u8);
/// One figure of a command.
type Get<'a> = &'a dyn Fn(&Told) -> i64;

/// Runs `dyad bench`.
///
/// # Errors
/// What link-up and the commands can give.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        args.pattern != Pattern::Write || args.overwrite || args.target.origin() == Origin::Fresh,
        "measuring writes: what is on LUN {} would be lost; give --overwrite if it may be",
        args.lun
    );
    let mut cards = args.target.cards_with_lun(args.lun)?;
    cards.link_up(Mode::Serve)?;
    let log = cards
        .simulator()
        .map(|simulator| WireLog::watch(&simulator.bench, if args.site == 0 { Site::A } else { Site::B }));
    let outcome = measure_site(args, &mut cards, log.as_ref());
    let closed = cards.close();
    let outcome = outcome?;
    closed?;
    if args.json {
        print_json(&outcome)?;
    } else {
        print(&outcome);
    }
    Ok(ExitCode::SUCCESS)
}

fn measure_site(args: &Args, cards: &mut Cards, log: Option<&WireLog>) -> Result<Outcome> {
    let config = cards.simulator().map(|simulator| simulator.config.clone());
    let bench = cards.simulator().map(|simulator| simulator.bench.clone());
    let site = cards.site(args.site)?;
    site.need_live(args.lun)?;
    let lun_blocks: u64 = site.superblock()?.lun(args.lun).context("the LUN is live")?.blocks.into();
    let info = site.device().info().clone();
    let clock_mhz = config.as_ref().map_or(f64::from(info.clock_khz), |c| c.clock_khz as f64) / 1000.0;
    let mut queue = target::queue(site)?;
    let before = site.device().counters()?;
    let started = queue.backing().now();
    let told = match args.pattern {
        Pattern::Lookup => lookups(args, &mut queue, lun_blocks)?,
        _ => transfers(args, &mut queue, lun_blocks)?,
    };
    let elapsed_ns = queue.backing().now().saturating_sub(started).max(1);
    drop(queue);
    let after = site.device().counters()?;
    let moved = before.iter().zip(&after).map(|(b, a)| (a.0.name(), a.1.wrapping_sub(b.1)));
    let counters = moved.filter(|(_, moved)| *moved > 0).collect();

    let of = |get: Get| Summary::of(told.iter().map(get)).context("no command was timed");
    let latency = of(&|t| t.0.posted.into())?;
    let stages: [(_, Get); 8] = [
        ("fetched", &|t| t.0.fetched.into()),
        ("lookup", &|t| t.0.lookup.into()),
        ("frame", &|t| t.0.frame.into()),
        ("sent", &|t| t.0.sent.into()),
        ("mirror", &|t| t.0.mirror.into()),
        ("local", &|t| t.0.local.into()),
        ("ack", &|t| t.0.ack.into()),
        ("posted", &|t| t.0.posted.into()),
    ];
    let mut stage_cycles = Vec::new();
    for (name, get) in stages {
        let summary = of(get)?;
        if summary.max > 0 {
            stage_cycles.push((name, summary));
        }
    }
    let single_write = args.pattern == Pattern::Write && args.depth == 1 && args.blocks == 1;
    let (data_w, store_w) = (u64::from(info.data_width_bits), u64::from(info.store_width_bits));
    let floor = config.as_ref().filter(|_| single_write).map(|config| Floor::new(config, data_w, store_w));
    let added = floor.map(|floor| of(&|t| floor.added(&t.0, data_w))).transpose()?;
    let goodput = match (log, &config) {
        (Some(log), Some(config)) if args.depth > 1 => Goodput::of(&log.take(), config.rate, PARTS),
        _ => None,
    };
    let begun = told.iter().map(|t| t.0.doorbell).min().unwrap_or(0);
    let ended = told.iter().map(|t| t.0.doorbell + u64::from(t.0.posted)).max().unwrap_or(0);
    let addresses = told.len() as u64 * MAX_LOOKUPS;
    Ok(Outcome {
        pattern: args.pattern,
        order: args.order,
        depth: args.depth,
        blocks: args.blocks,
        count: args.count,
        simulated: bench.is_some(),
        data_w: info.data_width_bits,
        clock_mhz,
        link: config.as_ref().map(|config| Link { km: config.km, mtu: config.mtu, loss: args.target.sim.loss }),
        stage_cycles,
        latency_ns: latency.map(|cycles| (cycles as f64 * 1000.0 / clock_mhz).round() as i64),
        commands_per_second: told.len() as f64 * 1e9 / elapsed_ns as f64,
        retries: told.iter().map(|t| u64::from(t.1)).sum(),
        counters,
        added_cycles: added,
        floor_cycles: floor,
        stream_cycles: goodput.as_ref().map(|goodput| goodput.cycles),
        goodput_fraction: goodput.as_ref().map(|goodput| goodput.fraction),
        goodput_over_time: goodput.map(|goodput| goodput.over_time).unwrap_or_default(),
        lookups_per_cycle: (args.pattern == Pattern::Lookup && args.depth > 1)
            .then(|| addresses as f64 / ended.saturating_sub(begun).max(1) as f64),
        sim_khz: bench.map(|bench| bench.world().speed().khz()),
    })
}

fn transfers(args: &Args, queue: &mut Queue<AnyBacking>, lun_blocks: u64) -> Result<Vec<Told>> {
    let each = u64::from(args.blocks);
    let places = lun_blocks / each;
    ensure!(
        places > 0,
        "measuring LUN {}: it has {lun_blocks} blocks, less than a command; give fewer --blocks",
        args.lun
    );
    let mut random = ChaCha8Rng::seed_from_u64(args.target.sim.seed);
    // Commands under way must not share memory.
    let depth = usize::from(args.depth);
    ensure!(
        depth <= queue.room(),
        "keeping {depth} commands under way: the card's queues have room for {}; give a lower --depth",
        queue.room()
    );
    let buffer = queue.backing().dma_alloc((depth + 1) * usize::from(args.blocks) * BLOCK_BYTES)?;
    let mut pattern = vec![0; buffer.len()];
    random.fill(&mut pattern[..]);
    buffer.write_at(0, &pattern);
    let mut order: Vec<u64> = Vec::new();
    let list: Vec<Transfer> = (0..u64::from(args.count))
        .map(|index| {
            if index % places == 0 {
                order = (0..places).collect();
                if args.order == Order::Random {
                    order.shuffle(&mut random);
                }
            }
            let at = order[(index % places) as usize];
            let place = index as usize % (depth + 1) * usize::from(args.blocks);
            Transfer { lba: at * each, blocks: args.blocks, place }
        })
        .collect();
    let direction = if args.pattern == Pattern::Read { Direction::Read } else { Direction::Write };
    if depth == 1 {
        let timed = measure::one_by_one(queue, args.lun, direction, &list, &buffer, |_| ())?;
        return Ok(timed.iter().map(|t| (t.stages, t.retries)).collect());
    }
    let completions = measure::stream(queue, args.lun, direction, &list, &buffer, depth, |_| ())?;
    Ok(completions.iter().map(|c| (c.stages(), c.retries())).collect())
}

/// Lookups of 512 addresses each.
fn lookups(args: &Args, queue: &mut Queue<AnyBacking>, lun_blocks: u64) -> Result<Vec<Told>> {
    let each = MAX_LOOKUPS as usize;
    let addresses = queue.backing().dma_alloc(each * 8)?;
    let answers = queue.backing().dma_alloc(each * 8)?;
    let mut random = ChaCha8Rng::seed_from_u64(args.target.sim.seed);
    for index in 0..each as u64 {
        let lba = match args.order {
            Order::Sequential => index % lun_blocks,
            Order::Random => random.random_range(0..lun_blocks),
        };
        addresses.write_at(index as usize * 8, &lba.to_le_bytes());
    }
    let mut told = Vec::new();
    let mut submitted = 0;
    while told.len() < args.count as usize {
        while submitted < args.count && queue.in_flight() < args.depth.into() && queue.room() > 0 {
            queue.submit_lookup(args.lun, MAX_LOOKUPS as u16, &addresses.whole(), &answers.whole())?;
            submitted += 1;
        }
        let completion = queue.wait_any(queue.backing().after(Duration::from_secs(8)))?;
        dyad_driver::io::check(&completion, "LOOKUP", args.lun, 0)?;
        told.push((completion.stages(), 0));
    }
    Ok(told)
}

fn print(outcome: &Outcome) {
    let Outcome { pattern, order, depth, blocks, count, data_w, clock_mhz, .. } = outcome;
    let kind = if outcome.simulated { "SIMULATED" } else { "measured" };
    outln!(
        "{count} x {pattern:?}, {order:?}, {blocks} blocks each, depth {depth}; {kind}, DATA_W {data_w}, {clock_mhz} MHz"
    );
    if let Some(link) = &outcome.link {
        outln!("link: {} km, MTU {}, loss {}", link.km, link.mtu, link.loss);
    }
    outln!("  {:12}{:>9}{:>9}{:>9}{:>9}{:>9}", "cycles", "min", "p50", "p99", "p99.9", "max");
    let added = outcome.added_cycles.iter().map(|summary| ("ADDED", *summary));
    for (name, summary) in outcome.stage_cycles.iter().copied().chain(added) {
        let row: String = summary.row().iter().map(|value| format!("{value:>9}")).collect();
        outln!("  {name:12}{row}");
    }
    outln!("latency p50 {} ns, p99.9 {} ns", outcome.latency_ns.p50, outcome.latency_ns.p999);
    outln!("{:.0} commands a second, {} blocks sent again", outcome.commands_per_second, outcome.retries);
    let counted: Vec<String> = outcome.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
    outln!("counted: {}", counted.join(", "));
    if let Some(floor) = &outcome.floor_cycles {
        let parts: Vec<String> = floor.parts().iter().map(|(name, cycles)| format!("{name} {cycles}")).collect();
        outln!("floor {} cycles: {}", floor.total(), parts.join(", "));
    }
    if let (Some(goodput), Some(cycles)) = (outcome.goodput_fraction, outcome.stream_cycles) {
        outln!("goodput over line rate {:.2} % in {cycles} cycles", goodput * 100.0);
    }
    if let Some(rate) = outcome.lookups_per_cycle {
        outln!("{rate:.3} lookups a cycle, first doorbell to last completion");
    }
    if let Some(khz) = outcome.sim_khz {
        outln!("simulation {khz:.0} kHz");
    }
}
