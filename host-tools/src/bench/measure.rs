//! One run: a pair of cards, a workload, an outcome.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use dyad_driver::{Device, Info, Mode, OwnerRange, Queue, Stages};
use dyad_sim::{Config, Site};
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};

use crate::bench::board::Board;
use crate::bench::outcome::{self, KindOutcome, Link, Outcome};
use crate::cli;
use crate::cost::Floor;
use crate::open::TargetArgs;
use crate::progress;
use crate::stages;
use crate::target::{self, AnyBacking, Cards};
use crate::wire_log::{self, Goodput, LoggedFrame, WireLog};
use crate::workload::record::Record;
use crate::workload::{Done, Kind, Order, Pattern, Workload, WorkloadArgs, pair};

/// Parts of a stream's time that goodput is told for.
const PARTS: u64 = 40;
/// Blocks that one SET_OWNER takes at most.
const RANGE_BLOCKS: u64 = 1 << 16;

/// Whose commands are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sites {
    /// Those of site 0 or 1.
    One(u8),
    /// Of both at once, each on the half of the LUN that it owns.
    Both,
}

impl Sites {
    /// As the user gives it.
    pub fn name(self) -> &'static str {
        match self {
            Sites::One(number) => cli::site_name(number),
            Sites::Both => "both",
        }
    }

    fn numbers(self) -> Vec<u8> {
        match self {
            Sites::One(number) => vec![number],
            Sites::Both => vec![0, 1],
        }
    }
}

/// Sites from their name.
///
/// # Errors
/// For another name.
pub fn sites(text: &str) -> Result<Sites, String> {
    match text {
        "both" => Ok(Sites::Both),
        _ => cli::site(text).map(Sites::One).map_err(|_| "give a, b or both".to_owned()),
    }
}

/// What to measure.
#[derive(Clone)]
pub struct Run {
    /// On which cards.
    pub target: TargetArgs,
    /// Which commands.
    pub work: WorkloadArgs,
    /// How many at each site.
    pub count: u32,
    /// How many before them that are not counted.
    pub warmup: u32,
    /// On which LUN.
    pub lun: u8,
    /// Whose.
    pub sites: Sites,
    /// Whether progress is not to be seen.
    pub hide_bar: bool,
}

/// A site that is measured.
struct Side {
    queue: Queue<AnyBacking>,
    work: Workload,
    before: Vec<(&'static str, u32)>,
}

/// What there is to know of the cards.
struct Setting {
    info: Info,
    config: Option<Config>,
    sim_khz: Option<f64>,
    clock_mhz: f64,
}

impl Run {
    /// Makes or opens the cards, runs the commands, closes the link. The outcome, and the `.hgrm` file.
    ///
    /// # Errors
    /// What link-up and the commands can give.
    pub fn measure(&self) -> Result<(Outcome, String)> {
        let mut cards = self.target.cards_with_lun(self.lun)?;
        cards.link_up(Mode::Serve)?;
        let logs = cards.simulator().map(|simulator| {
            let numbers = self.sites.numbers();
            numbers.into_iter().map(|number| WireLog::watch(&simulator.bench, sim_site(number))).collect::<Vec<_>>()
        });
        let measured = self.commands(&mut cards, &logs.unwrap_or_default());
        let closed = cards.close();
        let outcome = measured?;
        closed?;
        Ok(outcome)
    }

    fn commands(&self, cards: &mut Cards, logs: &[WireLog]) -> Result<(Outcome, String)> {
        let places = self.places(cards)?;
        let mut sides = Vec::new();
        for (number, (first, blocks)) in self.sites.numbers().into_iter().zip(places) {
            let site = cards.site(number)?;
            let queue = target::queue(site)?;
            // Each site has commands of its own.
            let seed = self.target.sim.seed ^ u64::from(number) << 32;
            let seed = if self.sites == Sites::Both { seed } else { self.target.sim.seed };
            let work = Workload::new(&self.work, &queue, (self.lun, blocks), seed)?.starting_at(first);
            sides.push(Side { queue, work, before: Vec::new() });
        }
        run(&mut sides, cards, self.warmup, |_| ())?;
        for log in logs {
            log.take();
        }
        for (side, number) in sides.iter_mut().zip(self.sites.numbers()) {
            side.before = counters(cards.site(number)?.device())?;
        }
        let total = self.count * sides.len() as u32;
        let mut told = Told::new(&self.work, total);
        let bar = progress::bar("measure", total.into(), self.hide_bar);
        run(&mut sides, cards, self.count, |done| {
            told.add(done);
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        let before: Vec<_> = sides.into_iter().map(|side| side.before).collect();
        let mut moved = BTreeMap::new();
        for (before, number) in before.iter().zip(self.sites.numbers()) {
            let after = counters(cards.site(number)?.device())?;
            for (before, after) in before.iter().zip(after).filter(|(before, after)| before.1 != after.1) {
                *moved.entry(after.0).or_insert(0) += after.1.wrapping_sub(before.1);
            }
        }
        let info = cards.site(self.sites.numbers()[0])?.device().info().clone();
        let config = cards.simulator().map(|simulator| simulator.config.clone());
        let setting = Setting {
            clock_mhz: config.as_ref().map_or(f64::from(info.clock_khz), |c| c.clock_khz as f64) / 1000.0,
            sim_khz: cards.simulator().map(|simulator| simulator.bench.world().speed().khz()),
            info,
            config,
        };
        self.outcome(&told, &setting, moved, logs)
    }

    /// First block and number of blocks for each site. With both sites, the second half of the LUN becomes site b's.
    fn places(&self, cards: &mut Cards) -> Result<Vec<(u64, u64)>> {
        let mut lun = None;
        for number in self.sites.numbers() {
            let site = cards.site(number)?;
            site.need_live(self.lun)?;
            lun = site.superblock()?.lun(self.lun).copied();
        }
        let lun = lun.context("the LUN is live")?;
        let blocks = u64::from(lun.blocks);
        if self.sites != Sites::Both {
            return Ok(vec![(0, blocks)]);
        }
        let half = blocks / 2 >> lun.extent_shift << lun.extent_shift;
        ensure!(half > 0, "giving each site half of LUN {}: it has a single extent; make a larger one", self.lun);
        for number in self.sites.numbers() {
            let site = cards.site(number)?;
            let mut queue = target::queue(site)?;
            for lba in (half..blocks).step_by(RANGE_BLOCKS as usize) {
                let range = OwnerRange::Blocks { lba, blocks: RANGE_BLOCKS.min(blocks - lba) as u32 };
                queue.set_owner(self.lun, range, 1, 1)?;
            }
        }
        Ok(vec![(0, half), (half, blocks - half)])
    }

    fn outcome(
        &self,
        told: &Told,
        setting: &Setting,
        counters: BTreeMap<&'static str, u32>,
        logs: &[WireLog],
    ) -> Result<(Outcome, String)> {
        let Setting { info, config, clock_mhz, .. } = setting;
        let (work, all, clock_mhz) = (&self.work, &told.all, *clock_mhz);
        let latency = all.latency().summary().context("no command was timed")?;
        let (data_w, store_w) = (u64::from(info.data_width_bits), u64::from(info.store_width_bits));
        let single_writes = work.pattern == Pattern::Write && work.blocks == 1;
        let floor = config.as_ref().filter(|_| single_writes).map(|config| Floor::new(config, data_w, store_w));
        let added = |floor: Floor| {
            let posted = |posted: i64| Stages { posted: posted as u32, ..Stages::default() };
            latency.map(|cycles| floor.added(&posted(cycles), data_w))
        };
        let streams = match config {
            Some(config) if work.depth > 1 => goodput(logs.iter().map(WireLog::take).collect(), config),
            _ => Vec::new(),
        };
        let by_site = self.sites.numbers().into_iter().map(cli::site_name);
        let goodput_by_site = if self.sites == Sites::Both {
            by_site.zip(&streams).map(|(name, stream)| (name, stream.fraction)).collect()
        } else {
            Vec::new()
        };
        let stream = streams.into_iter().min_by(|a, b| a.fraction.total_cmp(&b.fraction));
        // By the card's clock: behind a socket, this machine's has nothing to do with it.
        let per_second = |count: u64| count as f64 * clock_mhz * 1e6 / all.cycles().max(1) as f64;
        let count = all.latency().count();
        let blocks: u64 = all.over_time().iter().map(|part| part.blocks).sum();
        let kinds = told.kinds.iter().flatten().map(|(kind, record)| KindOutcome::new(kind.name(), record));
        let outcome = Outcome {
            pattern: work.pattern,
            order: work.order,
            zipf_theta: (work.order == Order::Zipf).then_some(work.zipf_theta),
            read_percent: (work.pattern == Pattern::Mixed).then_some(work.read_percent),
            depth: work.depth,
            blocks: work.blocks,
            count: self.count,
            warmup: self.warmup,
            seed: self.target.sim.seed,
            site: self.sites.name(),
            simulated: self.target.is_simulated(),
            data_w: info.data_width_bits,
            clock_mhz,
            link: config.as_ref().map(Link::new),
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
            added_cycles: floor.filter(|_| work.depth == 1 && self.sites != Sites::Both).map(added),
            floor_cycles: floor,
            board: floor.map(|floor| Board::new(&floor, data_w, clock_mhz)),
            stream_cycles: stream.as_ref().map(|stream| stream.cycles),
            goodput_fraction: stream.as_ref().map(|stream| stream.fraction),
            goodput_by_site,
            goodput_over_time: stream.map(|stream| stream.over_time).unwrap_or_default(),
            lookups_per_cycle: (work.pattern == Pattern::Lookup && work.depth > 1)
                .then(|| (count * MAX_LOOKUPS) as f64 / all.cycles().max(1) as f64),
            sim_khz: setting.sim_khz,
            sweeps: Vec::new(),
        };
        let hgrm = all.latency().hgrm(1.0 / clock_mhz);
        Ok((outcome, hgrm))
    }
}

/// How much of its direction of the line each stream used; of two, while both were sent.
fn goodput(frames: Vec<Vec<LoggedFrame>>, config: &Config) -> Vec<Goodput> {
    let frames = match <[_; 2]>::try_from(frames) {
        Ok(both) => wire_log::while_both_send(both).into(),
        Err(frames) => frames,
    };
    frames.iter().filter_map(|frames| Goodput::of(frames, config.rate, PARTS)).collect()
}

/// Carries out the next `count` commands of each side.
fn run(sides: &mut [Side], cards: &Cards, count: u32, mut done: impl FnMut(&Done)) -> Result<()> {
    match sides {
        [side] => side.work.run(&mut side.queue, count, done),
        [a, b] => {
            let (works, queues) = ([&mut a.work, &mut b.work], [&mut a.queue, &mut b.queue]);
            pair::run(works, queues, count, cards.simulator(), |_, one| done(one))
        }
        _ => Ok(()),
    }
}

fn sim_site(number: u8) -> Site {
    if number == 0 { Site::A } else { Site::B }
}

fn counters(device: &Device<AnyBacking>) -> Result<Vec<(&'static str, u32)>> {
    Ok(device.counters()?.into_iter().map(|(counter, value)| (counter.name(), value)).collect())
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
