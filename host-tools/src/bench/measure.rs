//! One run: a pair of cards, a workload, an outcome.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use dyad_driver::{Info, Mode, Stages};
use dyad_sim::Config;
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};

use crate::bench::board::Board;
use crate::bench::outcome::{self, KindOutcome, Link, Outcome};
use crate::bench::round_trips::RoundTrips;
use crate::bench::sides::{self, Sides, Sites};
use crate::bench::told::Told;
use crate::cli;
use crate::cost::Floor;
use crate::open::TargetArgs;
use crate::progress;
use crate::stages;
use crate::target::Cards;
use crate::wire_log::{self, Goodput, LoggedFrame, WireLog};
use crate::workload::{Order, Pattern, WorkloadArgs};

/// Parts of a stream's time that goodput is told for.
const PARTS: u64 = 40;

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
    /// Writes under way meanwhile at the site that is not measured; when both are, at each.
    pub busy: u16,
    /// Whether progress is not to be seen.
    pub hide_bar: bool,
}

/// What there is to know of the cards.
struct Setting {
    info: Info,
    config: Option<Config>,
    sim_khz: Option<f64>,
    clock_mhz: f64,
    lun_blocks: u64,
    /// Owners change one at a time.
    in_turn: bool,
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
            numbers
                .into_iter()
                .map(|number| WireLog::watch(&simulator.bench, sides::sim_site(number)))
                .collect::<Vec<_>>()
        });
        let measured = self.commands(&mut cards, &logs.unwrap_or_default());
        let closed = cards.close();
        let outcome = measured?;
        closed?;
        Ok(outcome)
    }

    fn commands(&self, cards: &mut Cards, logs: &[WireLog]) -> Result<(Outcome, String)> {
        let mut sides = Sides::new(self, cards)?;
        if self.warmup > 0 {
            sides.prepare(self.warmup)?;
            sides.run(cards, self.warmup, |_| ())?;
        }
        sides.prepare(self.count)?;
        for log in logs {
            log.take();
        }
        let mut before = Vec::new();
        for number in self.sites.numbers() {
            before.push(sides::counters(cards.site(number)?.device())?);
        }
        let total = sides.total(self.count);
        let mut told = Told::new(&self.work, self.sites, total);
        let bar = progress::bar("measure", total.into(), self.hide_bar);
        sides.run(cards, self.count, |done| {
            told.add(done);
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        let (lun_blocks, in_turn) = (sides.lun_blocks, sides.in_turn());
        drop(sides);
        let mut moved = BTreeMap::new();
        for (before, number) in before.iter().zip(self.sites.numbers()) {
            let after = sides::counters(cards.site(number)?.device())?;
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
            lun_blocks,
            in_turn,
        };
        self.outcome(&told, &setting, moved, logs)
    }

    /// What no card can save of a command, where that is known.
    fn floor(&self, setting: &Setting) -> Option<Floor> {
        let (data_w, store_w) = (u64::from(setting.info.data_width_bits), u64::from(setting.info.store_width_bits));
        let config = setting.config.as_ref()?;
        match self.work.pattern {
            Pattern::Write if self.work.blocks == 1 => Some(Floor::new(config, data_w, store_w)),
            Pattern::Flush => Some(Floor::of_flush(config, data_w)),
            Pattern::Acquire | Pattern::Migrate | Pattern::Bounce => Some(Floor::of_exchange(config, data_w)),
            _ => None,
        }
    }

    /// Changes of owner that were measured, as the cards counted them.
    fn owner_changes(&self, counters: &BTreeMap<&'static str, u32>) -> Option<u32> {
        let count = |name| counters.get(name).copied().unwrap_or(0);
        match (self.work.pattern, self.sites) {
            (Pattern::Migrate, Sites::One(_)) => Some(count("owners_taken") + count("owners_granted")),
            (Pattern::Acquire | Pattern::Migrate | Pattern::Bounce, _) => Some(count("owners_taken")),
            _ => None,
        }
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
        let data_w = u64::from(info.data_width_bits);
        let floor = self.floor(setting);
        // A write that the block's owner was asked for has a floor of its own, which nobody has worked out; and what waits for
        // other commands waits for more than the cards.
        let asked = counters.contains_key("tx_request");
        let one_at_a_time = work.depth == 1 && (self.sites != Sites::Both || setting.in_turn);
        let alone = one_at_a_time && self.busy == 0 && !asked;
        let added = |floor: Floor| {
            let posted = |posted: i64| Stages { posted: posted as u32, ..Stages::default() };
            latency.map(|cycles| floor.added(&posted(cycles), data_w))
        };
        let streams = matches!(work.pattern, Pattern::Write | Pattern::Mixed);
        let streams = match config {
            Some(config) if work.depth > 1 && streams => goodput(logs.iter().map(WireLog::take).collect(), config),
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
        let kinds = told.apart.iter().map(|(kind, record)| KindOutcome::new(kind, record, config.as_ref()));
        let changes = self.owner_changes(&counters);
        let changes_per_second = changes.map(|count| per_second(count.into()));
        let link_seconds = config.as_ref().map(|c| 2.0 * c.delay_cycles() as f64 / (clock_mhz * 1e6));
        let bound = link_seconds.filter(|_| setting.in_turn).and_then(|each| Some(changes_per_second? * each));
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
            busy: (self.busy > 0).then_some(self.busy),
            lun_blocks: setting.lun_blocks,
            simulated: self.target.is_simulated(),
            data_w: info.data_width_bits,
            clock_mhz,
            link: config.as_ref().map(Link::new),
            stage_cycles: all.stages(),
            latency_ns: latency.map(|cycles| (cycles as f64 * 1000.0 / clock_mhz).round() as i64),
            segment_cycles: stages::named(all.mean_segments()),
            slowest_segment_cycles: stages::named(all.slowest_segments()),
            round_trips: RoundTrips::of(&latency, config.as_ref()),
            owner_changes_per_second: changes_per_second,
            owner_changes_of_bound: bound,
            kinds: kinds.filter(|kind| kind.count > 0).collect(),
            distribution_cycles: outcome::distribution(all),
            percentile_cycles: all.latency().percentiles(),
            over_time: all.over_time(),
            commands_per_second: per_second(count),
            bytes_per_second: per_second(blocks * BLOCK_BYTES as u64),
            retries: all.retries,
            counters,
            added_cycles: floor.filter(|_| alone).map(added),
            floor_cycles: floor,
            board: floor.filter(|_| work.pattern == Pattern::Write).map(|floor| Board::new(&floor, data_w, clock_mhz)),
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
