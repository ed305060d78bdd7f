//! What is told of a command's life.

use std::fmt::Write;

use dyad_driver::Stages;
use serde::Serialize;

use crate::stages::{self, STAMPS};
use crate::workload::{Done, Kind};

/// Columns of the drawing.
const COLUMNS: u32 = 32;

/// Where the commands ran.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Whether cards and time were simulated; otherwise they were a board's.
    pub simulated: bool,
    /// The site whose card was asked.
    pub site: &'static str,
    /// Datapath width in bits.
    pub data_w: u32,
    /// Core clock at which cycles are turned into nanoseconds.
    pub clock_mhz: f64,
}

/// The lives of commands. Programs rely on the names of its fields.
#[derive(Debug, Serialize)]
pub struct Trace {
    #[serde(flatten)]
    setting: Setting,
    commands: Vec<Life>,
}

/// The life of a command.
#[derive(Clone, Debug, Serialize)]
struct Life {
    kind: Kind,
    lba: u64,
    blocks: u16,
    /// Times that a block of it was sent again.
    retries: u8,
    /// The card's time at the doorbell, in core clock periods.
    doorbell_cycle: u64,
    /// Stages in the order in which they were reached.
    events: Vec<Event>,
    /// Cycles that the block spent in the peer's card and store, by the peer's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror_cycles: Option<u32>,
    /// What the time was spent on, in cycles; it adds up to the whole.
    segment_cycles: Vec<(&'static str, f64)>,
}

/// A stage that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Event {
    stage: &'static str,
    /// Cycles after the doorbell.
    cycle: u32,
    /// Cycles after the stage before.
    took: u32,
}

impl Trace {
    /// Of commands that have ended.
    pub fn new<'a>(setting: Setting, done: impl IntoIterator<Item = &'a Done>) -> Self {
        Self { setting, commands: done.into_iter().map(Life::new).collect() }
    }

    /// The lives as lines.
    pub fn text(&self) -> String {
        let Setting { simulated, site, data_w, clock_mhz } = &self.setting;
        let kind = if *simulated { "SIMULATED" } else { "measured" };
        let mut out = format!(
            "the last {} commands at site {site}; {kind}, DATA_W {data_w}, {clock_mhz} MHz\n",
            self.commands.len()
        );
        for life in &self.commands {
            // Writing to a string does not fail.
            let _ = life.draw(&mut out, *clock_mhz);
        }
        out
    }
}

impl Life {
    fn new(done: &Done) -> Self {
        let Done { kind, lba, blocks, stages, retries } = *done;
        Self {
            kind,
            lba,
            blocks,
            retries,
            doorbell_cycle: stages.doorbell,
            events: events(&stages),
            mirror_cycles: (stages.mirror > 0).then_some(stages.mirror),
            segment_cycles: stages::named(stages::segments(&stages).map(f64::from)),
        }
    }

    fn draw(&self, out: &mut String, clock_mhz: f64) -> std::fmt::Result {
        let what = match self.kind {
            Kind::Lookup => "lookup of 512 addresses".to_owned(),
            Kind::Flush => "flush of both stores".to_owned(),
            Kind::Acquire | Kind::Release => format!("{} from block {}", self.kind.name(), self.lba),
            kind => format!("{} of {} blocks at block {}", kind.name(), self.blocks, self.lba),
        };
        write!(out, "\n{what}, doorbell at cycle {}", self.doorbell_cycle)?;
        if self.retries > 0 {
            write!(out, ", sent again {} times", self.retries)?;
        }
        writeln!(out, "\n  {:>9}{:>9}{:>10}", "cycle", "took", "ns")?;
        let whole = self.events.last().map_or(0, |event| event.cycle).max(1);
        for event in &self.events {
            let column = |cycle: u32| (u64::from(cycle) * u64::from(COLUMNS) / u64::from(whole)) as usize;
            let (from, to) = (column(event.cycle - event.took), column(event.cycle));
            let mut bar = vec![b' '; COLUMNS as usize];
            bar[from..to].fill(b'#');
            // What is too short to be seen is at least marked.
            if from == to {
                bar[from.min(COLUMNS as usize - 1)] = b'|';
            }
            let ns = f64::from(event.cycle) * 1000.0 / clock_mhz;
            let bar = String::from_utf8_lossy(&bar);
            writeln!(out, "  {:>9}{:>+9}{ns:>10.0}  {bar}  {}", event.cycle, event.took, meaning(event.stage))?;
        }
        if let Some(mirror) = self.mirror_cycles {
            writeln!(out, "  of which {mirror} cycles in the peer's card and store")?;
        }
        Ok(())
    }
}

/// Stages by when they were reached. A duration is none.
fn events(stages: &Stages) -> Vec<Event> {
    let stamps = STAMPS.iter().filter(|stamp| stamp.0 != "mirror");
    let mut reached: Vec<_> = stamps.map(|(stage, get)| (get(stages), *stage)).filter(|stamp| stamp.0 > 0).collect();
    // Stable: stages of one cycle stay in the order in which a write meets them.
    reached.sort_by_key(|stamp| stamp.0);
    let before = std::iter::once(0).chain(reached.iter().map(|stamp| stamp.0));
    before.zip(&reached).map(|(before, (cycle, stage))| Event { stage, cycle: *cycle, took: cycle - before }).collect()
}

fn meaning(stage: &str) -> &'static str {
    match stage {
        "fetched" => "entry fetched",
        "lookup" => "owner and lock had",
        "frame" => "first beat on the wire",
        "sent" => "last beat on the wire",
        "local" => "own store answered",
        "ack" => "peer's ACK verified",
        _ => "completion posted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_told_in_the_order_in_which_they_were_reached() {
        let stages = Stages {
            doorbell: 5000,
            fetched: 140,
            lookup: 154,
            frame: 287,
            sent: 807,
            local: 946,
            ack: 900,
            posted: 950,
            mirror: 60,
        };
        let told = events(&stages);
        assert_eq!(told.iter().map(|event| event.took).sum::<u32>(), 950);
        let order: Vec<_> = told.iter().map(|event| event.stage).collect();
        assert_eq!(order, ["fetched", "lookup", "frame", "sent", "ack", "local", "posted"]);
        let done = Done { kind: Kind::Write, lba: 7, blocks: 1, stages, retries: 2 };
        let setting = Setting { simulated: true, site: "a", data_w: 64, clock_mhz: 250.0 };
        let text = Trace::new(setting, [&done]).text();
        for part in
            ["SIMULATED", "at block 7", "sent again 2 times", "own store answered", "3800", "60 cycles in the peer"]
        {
            assert!(text.contains(part), "no {part}: {text}");
        }
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }
}
