//! What the commands of a run told, in memory that does not grow with their number.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dyad_driver::Stages;
use serde::Serialize;

use crate::histogram::Histogram;
use crate::stages::{POSTED, SEGMENTS, STAMPS, segments};
use crate::summary::Summary;
use crate::workload::Done;

/// Of so many commands the slowest one is kept for itself, up to [`SLOWEST_MAX`].
const SLOWEST_PART: u64 = 100;
/// Most commands that are kept for themselves.
const SLOWEST_MAX: u64 = 1000;
/// Parts of a run's time that are told apart: at least half of them, at most all.
const PARTS: usize = 80;

/// What commands told.
pub struct Record {
    /// By the order of [`STAMPS`]; a stage that a command did not have is not in it.
    stamps: [Histogram; STAMPS.len()],
    /// Sum of each of the [`SEGMENTS`].
    segments: [u64; SEGMENTS.len()],
    slowest: BinaryHeap<Reverse<(u32, [u32; SEGMENTS.len()])>>,
    keep: usize,
    series: Series,
    /// Times that blocks were sent again.
    pub retries: u64,
    /// Cycle of the first doorbell and of the last completion.
    span: Option<(u64, u64)>,
}

impl Record {
    /// For `commands` commands.
    pub fn new(commands: u64) -> Self {
        Self {
            stamps: Default::default(),
            segments: [0; SEGMENTS.len()],
            slowest: BinaryHeap::new(),
            keep: (commands / SLOWEST_PART).clamp(1, SLOWEST_MAX) as usize,
            series: Series::default(),
            retries: 0,
            span: None,
        }
    }

    /// Adds a command.
    pub fn add(&mut self, done: &Done) {
        self.retries += u64::from(done.retries);
        self.add_stages(&done.stages, done.blocks);
    }

    fn add_stages(&mut self, stages: &Stages, blocks: u16) {
        for ((_, get), histogram) in STAMPS.iter().zip(&mut self.stamps) {
            let cycles = get(stages);
            if cycles > 0 {
                histogram.add(cycles.into());
            }
        }
        let parts = segments(stages);
        for (sum, part) in self.segments.iter_mut().zip(parts) {
            *sum += u64::from(part);
        }
        self.slowest.push(Reverse((stages.posted, parts)));
        if self.slowest.len() > self.keep {
            self.slowest.pop();
        }
        let ended = stages.doorbell + u64::from(stages.posted);
        self.series.add(ended, stages.posted, blocks);
        let (begun, last) = self.span.unwrap_or((stages.doorbell, ended));
        self.span = Some((begun.min(stages.doorbell), last.max(ended)));
    }

    /// The whole latency.
    pub fn latency(&self) -> &Histogram {
        &self.stamps[POSTED]
    }

    /// Each stage that commands had.
    pub fn stages(&self) -> Vec<(&'static str, Summary)> {
        let stages = STAMPS.iter().zip(&self.stamps);
        stages.filter_map(|((name, _), histogram)| Some((*name, histogram.summary()?))).collect()
    }

    /// Mean cycles of each segment, over all commands.
    pub fn mean_segments(&self) -> [f64; SEGMENTS.len()] {
        self.segments.map(|sum| sum as f64 / self.latency().count().max(1) as f64)
    }

    /// Mean cycles of each segment over the slowest commands: one in a hundred.
    pub fn slowest_segments(&self) -> [f64; SEGMENTS.len()] {
        let sum = |index: usize| self.slowest.iter().map(|kept| u64::from(kept.0.1[index])).sum::<u64>();
        std::array::from_fn(|index| sum(index) as f64 / self.slowest.len().max(1) as f64)
    }

    /// Cycles from the first doorbell to the last completion.
    pub fn cycles(&self) -> u64 {
        self.span.map_or(0, |(begun, ended)| ended - begun)
    }

    /// Latency in equal parts of the run's time; parts in which nothing ended are left out.
    pub fn over_time(&self) -> Vec<Part> {
        self.series.parts()
    }
}

/// A part of a run's time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Its middle, in cycles since the first completion.
    pub cycle: u64,
    /// Its length in cycles.
    pub cycles: u64,
    /// Commands that ended in it.
    pub commands: u64,
    /// Their blocks.
    pub blocks: u64,
    /// Least latency in cycles.
    pub min: u32,
    /// Mean latency in cycles.
    pub mean: f64,
    /// Greatest latency in cycles.
    pub max: u32,
}

#[derive(Clone, Copy, Default)]
struct Bin {
    commands: u64,
    blocks: u64,
    min: u32,
    max: u32,
    sum: u64,
}

impl Bin {
    fn merge(self, other: Bin) -> Bin {
        let min = match (self.commands, other.commands) {
            (_, 0) => self.min,
            (0, _) => other.min,
            _ => self.min.min(other.min),
        };
        Bin {
            commands: self.commands + other.commands,
            blocks: self.blocks + other.blocks,
            min,
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
        }
    }
}

/// Bins of equal length, which becomes twice as long whenever they do not reach.
#[derive(Default)]
struct Series {
    start: Option<u64>,
    width_log2: u32,
    bins: Vec<Bin>,
}

impl Series {
    fn add(&mut self, cycle: u64, latency: u32, blocks: u16) {
        let since = cycle.saturating_sub(*self.start.get_or_insert(cycle));
        while (since >> self.width_log2) >= PARTS as u64 {
            self.width_log2 += 1;
            let pair = |pair: &[Bin]| pair.iter().copied().fold(Bin::default(), Bin::merge);
            self.bins = self.bins.chunks(2).map(pair).collect();
        }
        let index = (since >> self.width_log2) as usize;
        if self.bins.len() <= index {
            self.bins.resize(index + 1, Bin::default());
        }
        let one = Bin { commands: 1, blocks: blocks.into(), min: latency, max: latency, sum: latency.into() };
        self.bins[index] = self.bins[index].merge(one);
    }

    fn parts(&self) -> Vec<Part> {
        let width = 1 << self.width_log2;
        let bins = self.bins.iter().enumerate().filter(|(_, bin)| bin.commands > 0);
        bins.map(|(index, bin)| Part {
            cycle: index as u64 * width + width / 2,
            cycles: width,
            commands: bin.commands,
            blocks: bin.blocks,
            min: bin.min,
            mean: bin.sum as f64 / bin.commands as f64,
            max: bin.max,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(doorbell: u64, posted: u32) -> Stages {
        Stages { doorbell, fetched: 10, lookup: 15, posted, ..Stages::default() }
    }

    #[test]
    fn a_long_run_is_told_in_few_parts_that_lose_nothing() {
        let mut record = Record::new(10_000);
        for index in 0..10_000u64 {
            record.add_stages(&stages(index * 1000, 100 + (index % 7) as u32), 2);
        }
        let parts = record.over_time();
        assert!((PARTS / 2..=PARTS).contains(&parts.len()), "{}", parts.len());
        assert_eq!(parts.iter().map(|part| part.commands).sum::<u64>(), 10_000);
        assert_eq!(parts.iter().map(|part| part.blocks).sum::<u64>(), 20_000);
        assert!(parts.iter().all(|part| (part.min, part.max) == (100, 106)), "{parts:?}");
        assert_eq!(record.cycles(), 9_999_000 + 100 + 9999 % 7);
    }

    #[test]
    fn the_slowest_are_told_by_themselves() {
        let mut record = Record::new(1000);
        for index in 0..1000 {
            record.add_stages(&stages(index, if index % 100 == 3 { 5000 } else { 100 }), 1);
        }
        assert_eq!(record.slowest_segments()[7], 4985.0);
        assert!((record.mean_segments()[7] - (85.0 * 0.99 + 4985.0 * 0.01)).abs() < 1e-6);
        let names: Vec<_> = record.stages().iter().map(|stage| stage.0).collect();
        assert_eq!(names, ["fetched", "lookup", "posted"], "stages that no command had are left out");
    }
}
