//! What a run found. Programs rely on the names of its fields.

use std::collections::BTreeMap;

use dyad_sim::Config;
use serde::Serialize;

use crate::bench::board::Board;
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
    /// Blocks of each read or write.
    pub blocks: u16,
    /// Commands that were counted.
    pub count: u32,
    /// Commands before them that were not.
    pub warmup: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// The site whose card was measured, or `both`.
    pub site: &'static str,
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
    /// What the mean command's time was spent on, in cycles.
    pub segment_cycles: Vec<(&'static str, f64)>,
    /// The same for the slowest one in a hundred.
    pub slowest_segment_cycles: Vec<(&'static str, f64)>,
    /// Of `mixed`: reads and writes by themselves.
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
    /// Cycles that both cards together added to a write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_cycles: Option<Summary>,
    /// What no card can save, for a write of one block.
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
    /// `write` or `read`.
    pub kind: &'static str,
    /// How many.
    pub count: u64,
    /// As of the whole run.
    pub stage_cycles: Vec<(&'static str, Summary)>,
    /// As of the whole run.
    pub segment_cycles: Vec<(&'static str, f64)>,
}

impl KindOutcome {
    /// Of what commands of the kind told.
    pub fn new(kind: &'static str, record: &Record) -> Self {
        Self {
            kind,
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
        let mut text = format!("{} x {:?}", self.count, self.pattern);
        if let Some(percent) = self.read_percent {
            text += &format!(" ({percent} % reads)");
        }
        text += &format!(", {:?}", self.order);
        if let Some(theta) = self.zipf_theta {
            text += &format!(" {theta}");
        }
        text + &format!(", {} blocks each, depth {}", self.blocks, self.depth)
    }
}

/// The distribution of a record's latency.
pub fn distribution(record: &Record) -> Vec<(i64, i64, u64)> {
    let summary = record.latency().summary();
    summary.map(|s| plot::bins(s.min, s.max, record.latency().values())).unwrap_or_default()
}
