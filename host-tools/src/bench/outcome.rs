//! What a run found. Programs rely on the names of its fields.

use std::collections::BTreeMap;

use dyad_sim::Config;
use dyad_spec::BLOCK_BYTES;
use serde::Serialize;

use crate::bench::board::Board;
use crate::bench::round_trips::RoundTrips;
use crate::bench::sweep::SweepOutcome;
use crate::cost::Floor;
use crate::plot;
use crate::stages;
use crate::summary::Summary;
use crate::workload::record::{Part, Record};
use crate::workload::{Order, Pattern};

/// The report of a run.
#[derive(Serialize)]
pub struct Outcome {
    /// What the commands did.
    pub pattern: Pattern,
    /// In which order places came.
    pub order: Order,
    /// Exponent of `zipf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zipf_theta: Option<f64>,
    /// Commands of a hundred that were reads, of `mixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_percent: Option<u8>,
    /// Commands under way at a time.
    pub depth: u16,
    /// Blocks of each read or write, extents of each acquire.
    pub blocks: u16,
    /// Commands that were counted.
    pub count: u32,
    /// Commands before them that were not.
    pub warmup: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// The site whose card was measured, or `both`.
    pub site: &'static str,
    /// Writes that were under way meanwhile at the site that was not measured; when both were, at each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<u16>,
    /// Blocks of the LUN.
    pub lun_blocks: u64,
    /// Whether cards and time were simulated; otherwise they were a board's.
    pub simulated: bool,
    /// Datapath width in bits.
    pub data_w: u32,
    /// Core clock at which cycles are turned into nanoseconds.
    pub clock_mhz: f64,
    /// The simulated link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Cycles after the doorbell; `mirror` is a duration. Stages that no command had are left out.
    pub stage_cycles: Vec<(&'static str, Summary)>,
    /// From the doorbell until the completion entry was handed to the host port.
    pub latency_ns: Summary,
    /// The same in round trips of the simulated link, where that is long enough to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trips: Option<RoundTrips>,
    /// What the mean command's time was spent on, in cycles.
    pub segment_cycles: Vec<(&'static str, f64)>,
    /// The same for the slowest one in a hundred.
    pub slowest_segment_cycles: Vec<(&'static str, f64)>,
    /// Of `mixed`: reads and writes by themselves. Of `migrate` at one site: acquires and releases. Of `race`: the writes of a
    /// round, by the order in which they ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<KindOutcome>,
    /// How many commands took how long: first cycle, last cycle, commands.
    pub distribution_cycles: Vec<(i64, i64, u64)>,
    /// Cycles within which a fraction of the commands was done: fraction, cycles.
    pub percentile_cycles: Vec<(f64, i64)>,
    /// Latency in cycles, in equal parts of the time.
    pub over_time: Vec<Part>,
    /// Commands a second by the card's clock, from the first doorbell to the last completion.
    pub commands_per_second: f64,
    /// Bytes read and written a second by the card's clock.
    pub bytes_per_second: f64,
    /// Times that blocks were sent again.
    pub retries: u64,
    /// What the measured card counted meanwhile: counters that moved.
    pub counters: BTreeMap<&'static str, u32>,
    /// Changes of owner a second by the card's clock: of extents, or of the whole LUN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_changes_per_second: Option<f64>,
    /// The same as a part of one change in each round trip of the link; of what both sites take in turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_changes_of_bound: Option<f64>,
    /// Cycles that both cards together added to a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_cycles: Option<Summary>,
    /// What no card can save of a write of one block by its owner, of a flush, of a change of owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_cycles: Option<Floor>,
    /// What a board adds to that, and the floor of a write there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board: Option<Board>,
    /// Payload bits of writes per bit of the line; of both sites, in the direction that had less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goodput_fraction: Option<f64>,
    /// Of both sites: of each direction, while blocks were sent in both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goodput_by_site: Vec<(&'static str, f64)>,
    /// The same over equal parts of the stream's time: (middle in cycles since the first frame, fraction).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goodput_over_time: Vec<(u64, f64)>,
    /// Cycles from the stream's first frame to its last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_cycles: Option<u64>,
    /// Lookups a cycle from the first doorbell to the last completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookups_per_cycle: Option<f64>,
    /// Simulated cycles in a millisecond of this machine's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sim_khz: Option<f64>,
    /// The same run with other values of something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sweeps: Vec<SweepOutcome>,
}

/// The simulated link.
#[derive(Serialize)]
pub struct Link {
    /// Its length.
    pub km: f64,
    /// Largest IP packet.
    pub mtu: usize,
    /// Chance that a frame is lost.
    pub loss: f64,
    /// Chance that a frame arrives late.
    #[serde(skip_serializing_if = "is_zero")]
    pub reorder: f64,
}

impl Link {
    /// Of a simulator.
    pub fn new(config: &Config) -> Self {
        Self { km: config.km, mtu: config.mtu, loss: config.wire.loss, reorder: config.wire.reorder }
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let reorder = if self.reorder > 0.0 { format!(", reordered {}", self.reorder) } else { String::new() };
        format!("{} km, MTU {}, loss {}{reorder}", self.km, self.mtu, self.loss)
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Commands of one kind.
#[derive(Serialize)]
pub struct KindOutcome {
    /// `write`, `read`, `acquire`, `release`; of `race`: `1st`, `2nd`, and so on.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// As of the whole run.
    pub stage_cycles: Vec<(&'static str, Summary)>,
    /// As of the whole run.
    pub segment_cycles: Vec<(&'static str, f64)>,
    /// As of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trips: Option<RoundTrips>,
}

impl KindOutcome {
    /// Of what commands of the kind told.
    pub fn new(kind: &str, record: &Record, config: Option<&Config>) -> Self {
        let latency = record.latency().summary();
        Self {
            kind: kind.to_owned(),
            round_trips: latency.and_then(|cycles| RoundTrips::of(&cycles, config)),
            count: record.latency().count(),
            stage_cycles: record.stages(),
            segment_cycles: stages::named(record.mean_segments()),
        }
    }
}

impl Outcome {
    /// What stands before every figure, since the two are never mixed.
    pub fn nature(&self) -> &'static str {
        if self.simulated { "SIMULATED" } else { "measured" }
    }

    /// The workload in words.
    pub fn workload(&self) -> String {
        let mut text = format!("{} x {}", self.count, self.pattern.name());
        if let Some(percent) = self.read_percent {
            text += &format!(" ({percent} % reads)");
        }
        if !matches!(self.pattern, Pattern::Flush | Pattern::Migrate | Pattern::Bounce) {
            text += &format!(", {:?}", self.order);
        }
        if let Some(theta) = self.zipf_theta {
            text += &format!(" {theta}");
        }
        match self.pattern {
            Pattern::Write | Pattern::Read | Pattern::Mixed => text += &format!(", {} blocks each", self.blocks),
            Pattern::Acquire => text += &format!(", {} extents each", self.blocks),
            _ => {}
        }
        text += &format!(", depth {}", self.depth);
        if let Some(busy) = self.busy {
            text += &format!(", beside {busy} writes at a time");
        }
        text
    }
}

/// The size of a LUN as people read it.
pub fn size(blocks: u64) -> String {
    let mib = (blocks * BLOCK_BYTES as u64) as f64 / f64::from(1 << 20);
    match mib {
        mib if mib < 1024.0 => format!("{mib:.1} MiB"),
        mib if mib < 1024.0 * 1024.0 => format!("{:.1} GiB", mib / 1024.0),
        mib => format!("{:.1} TiB", mib / (1024.0 * 1024.0)),
    }
}

/// The distribution of a record's latency.
pub fn distribution(record: &Record) -> Vec<(i64, i64, u64)> {
    let summary = record.latency().summary();
    summary.map(|s| plot::bins(s.min, s.max, record.latency().values())).unwrap_or_default()
}
