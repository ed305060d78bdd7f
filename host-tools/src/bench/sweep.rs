//! The same run with one thing changed, value by value: goodput against distance, against loss.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bench::measure::Run;
use crate::bench::outcome::Outcome;
use crate::bench::round_trips::RoundTrips;
use crate::cli;
use crate::open::STORE_MIB_MAX;
use crate::progress;
use crate::summary::Summary;

/// Most values of a sweep.
const VALUES_MAX: usize = 64;

/// What a sweep changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Length of the link in km.
    Km,
    /// Largest IP packet in bytes.
    Mtu,
    /// Chance that a frame is lost.
    Loss,
    /// Chance that a frame arrives late.
    Reorder,
    /// Commands under way at a time.
    Depth,
    /// Blocks of each command.
    Blocks,
    /// Size of the stores, and with them of the LUN, in MiB.
    #[serde(rename = "store-mib")]
    StoreMib,
}

impl Axis {
    const ALL: [(&'static str, Axis); 7] = [
        ("km", Axis::Km),
        ("mtu", Axis::Mtu),
        ("loss", Axis::Loss),
        ("reorder", Axis::Reorder),
        ("depth", Axis::Depth),
        ("blocks", Axis::Blocks),
        ("store-mib", Axis::StoreMib),
    ];

    /// As the user gives it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, axis)| *axis == self).map_or("", |(name, _)| name)
    }

    /// As a heading has it.
    pub fn title(self) -> &'static str {
        match self {
            Axis::Km => "distance",
            Axis::Mtu => "MTU",
            Axis::Loss => "loss",
            Axis::Reorder => "reordering",
            Axis::Depth => "depth",
            Axis::Blocks => "blocks of a command",
            Axis::StoreMib => "size of the LUN",
        }
    }

    /// A value, by the rules of the option of the same name.
    fn value(self, text: &str) -> Result<f64, String> {
        let whole = |most: u32| match text.parse::<u32>() {
            Ok(value) if (1..=most).contains(&value) => Ok(f64::from(value)),
            _ => Err(format!("give a whole number from 1 to {most}")),
        };
        match self {
            Axis::Km => cli::km(text),
            Axis::Mtu => cli::mtu(text).map(|mtu| mtu as f64),
            Axis::Loss => cli::loss(text),
            Axis::Reorder => cli::fraction(text),
            Axis::Depth => whole(4095),
            Axis::Blocks => whole(64),
            Axis::StoreMib => whole(STORE_MIB_MAX),
        }
    }

    fn set(self, run: &mut Run, value: f64) {
        let sim = &mut run.target.sim;
        match self {
            Axis::Km => sim.km = value,
            Axis::Mtu => sim.mtu = value as usize,
            Axis::Loss => sim.loss = value,
            Axis::Reorder => sim.reorder = value,
            Axis::Depth => run.work.depth = value as u16,
            Axis::Blocks => run.work.blocks = value as u16,
            Axis::StoreMib => run.target.store_mib = value as u32,
        }
    }
}

/// What is changed, and to which values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    axis: Axis,
    values: Vec<f64>,
}

/// A sweep as the user gives it: `km=0,10,100`.
///
/// # Errors
/// When it is none, or a value is none that the option takes.
pub fn parse(text: &str) -> Result<Sweep, String> {
    let form = || "give what changes and its values, as km=0,10,100".to_owned();
    let (name, list) = text.split_once('=').ok_or_else(form)?;
    let axis = Axis::ALL.iter().find(|(known, _)| *known == name).map(|found| found.1);
    let axis = axis.ok_or_else(|| {
        let known: Vec<_> = Axis::ALL.iter().map(|(name, _)| *name).collect();
        format!("`{name}` can't be swept; these can: {}", known.join(", "))
    })?;
    let value = |text: &str| axis.value(text.trim()).map_err(|error| format!("{name} `{text}`: {error}"));
    let values = list.split(',').map(value).collect::<Result<Vec<_>, _>>()?;
    if values.len() > VALUES_MAX {
        return Err(format!("give at most {VALUES_MAX} values"));
    }
    Ok(Sweep { axis, values })
}

impl Sweep {
    /// Runs `base` once for each value, in the order given. Each run is what a call with that value would be.
    ///
    /// # Errors
    /// Of the first run that failed.
    pub fn run(&self, base: &Run) -> Result<SweepOutcome> {
        let bar = progress::bar(self.axis.title(), self.values.len() as u64, base.hide_bar);
        let mut points = Vec::new();
        for value in &self.values {
            let mut run = Run { hide_bar: true, ..base.clone() };
            self.axis.set(&mut run, *value);
            let (outcome, _) = run.measure().with_context(|| format!("with {} {value}", self.axis.name()))?;
            points.push(Point::new(*value, outcome));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(SweepOutcome { axis: self.axis, points })
    }
}

/// What a sweep found.
#[derive(Clone, Debug, Serialize)]
pub struct SweepOutcome {
    /// What was changed.
    pub axis: Axis,
    /// One run for each value.
    pub points: Vec<Point>,
}

/// What one value of a sweep gave: figures of the run of the same names.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The value.
    pub at: f64,
    /// As of a run.
    pub latency_ns: Summary,
    /// As of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trips: Option<RoundTrips>,
    /// The floor of a write, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_ns: Option<f64>,
    /// As of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goodput_fraction: Option<f64>,
    /// As of a run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goodput_by_site: Vec<(&'static str, f64)>,
    /// As of a run.
    pub commands_per_second: f64,
    /// As of a run.
    pub bytes_per_second: f64,
    /// As of a run.
    pub retries: u64,
    /// As of a run.
    pub counters: BTreeMap<&'static str, u32>,
}

impl Point {
    fn new(at: f64, outcome: Outcome) -> Self {
        Self {
            at,
            latency_ns: outcome.latency_ns,
            round_trips: outcome.round_trips,
            floor_ns: outcome.floor_cycles.map(|floor| floor.total() as f64 * 1000.0 / outcome.clock_mhz),
            goodput_fraction: outcome.goodput_fraction,
            goodput_by_site: outcome.goodput_by_site,
            commands_per_second: outcome.commands_per_second,
            bytes_per_second: outcome.bytes_per_second,
            retries: outcome.retries,
            counters: outcome.counters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_read() {
        assert_eq!(parse("km=0,10, 100"), Ok(Sweep { axis: Axis::Km, values: vec![0.0, 10.0, 100.0] }));
        assert_eq!(parse("loss=0,0.0001"), Ok(Sweep { axis: Axis::Loss, values: vec![0.0, 0.0001] }));
        for (text, says) in [
            ("km", "as km=0,10,100"),
            ("km=", "km ``: give a number"),
            ("miles=1", "`miles` can't be swept"),
            ("loss=0,0.5", "loss `0.5`: give a number from 0 to 0.1"),
            ("mtu=1501", "give 1500 or 9000"),
            ("depth=1.5", "whole number"),
            (&format!("km={}0", "0,".repeat(64)), "at most 64"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
