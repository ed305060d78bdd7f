//! What the demo found.

use serde::Serialize;

use crate::cost::Floor;
use crate::summary::Summary;

/// Stamps of the writes that were timed one at a time, in cycles after the doorbell; `mirror` is a duration.
#[derive(Clone, Debug, Serialize)]
pub struct StageCycles {
    /// The submission entry had been read.
    pub fetched: Summary,
    /// Owner and lock were had.
    pub lookup: Summary,
    /// First beat of the first frame.
    pub frame: Summary,
    /// Last beat of the last frame.
    pub sent: Summary,
    /// Cycles that the block spent in the peer's card and store.
    pub mirror: Summary,
    /// The local store had answered.
    pub local: Summary,
    /// The peer's acknowledgement was verified.
    pub ack: Summary,
    /// The completion entry was handed to the host port.
    pub posted: Summary,
}

/// The report. Programs rely on the names of its fields.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was written.
    pub image: String,
    /// Its size in bytes, without padding.
    pub image_bytes: u64,
    /// Bytes of zeroes after it.
    pub padding_bytes: u64,
    /// Of the image, padded to whole blocks.
    pub image_sha256: String,
    /// Of the same blocks in site a's store.
    pub site_a_sha256: String,
    /// Of the same blocks in site b's store.
    pub site_b_sha256: String,
    /// Of what b's driver read.
    pub readback_sha256: String,
    /// Blocks at which one of the three copies differs from the image, by the SHA-256 of each.
    pub differing_blocks: u64,
    /// What e2fsck says of b's copy, when it is a file system that it knows.
    pub e2fsck: Option<String>,
    /// Whether it found b's copy clean.
    pub e2fsck_clean: Option<bool>,
    /// Datapath width in bits.
    pub data_w: u64,
    /// Core clock at which cycles are turned into nanoseconds.
    pub clock_mhz: f64,
    /// Line rate in Gb/s.
    pub line_gbps: f64,
    /// Length of the link.
    pub km: f64,
    /// Largest IP packet.
    pub mtu: usize,
    /// Chance that a frame was lost.
    pub loss: f64,
    /// Seed of the run.
    pub seed: u64,
    /// Writes of one block that were timed one at a time.
    pub writes: u64,
    /// Blocks of the image, written in a stream.
    pub stream_blocks: u64,
    /// Round trips through the link that a write took.
    pub round_trips_per_write: f64,
    /// How that was found.
    pub round_trips_method: &'static str,
    /// Cycles that both cards together added to a write: everything but `floor_cycles`.
    pub added_cycles: Summary,
    /// From the doorbell until the completion entry was handed to the host port.
    pub write_latency_cycles: Summary,
    /// The same at the clock stated.
    pub write_latency_ns: Summary,
    /// Where a write's time went.
    pub stage_cycles: StageCycles,
    /// What no card can save.
    pub floor_cycles: Floor,
    /// Cycles from the hand-over of the completion entry until the host port has accepted it, counted as added.
    pub posting_cycles: u64,
    /// Payload bits per bit of the line while the image was streamed.
    pub goodput_fraction: f64,
    /// The same over time: cycles since the first frame, fraction.
    pub goodput_over_time: Vec<(u64, f64)>,
    /// Addresses that were looked up in bursts.
    pub lookups: u64,
    /// Lookups a cycle while a burst was under way, by the card's counter and clock.
    pub lookups_per_cycle: f64,
    /// Lookups a cycle from the first doorbell to the last completion.
    pub lookups_per_cycle_whole_burst: f64,
    /// Cycles from an address at the directory to its answer, by design: a test bench shows it.
    pub lookup_latency_cycles: u64,
    /// Cycles that a write took from its entry's last beat until owner and lock were had, by the card's stamps.
    pub lookup_and_lock_cycles: Summary,
    /// Extents that were looked up at b.
    pub extents: u64,
    /// Of these, owned by site a.
    pub extents_owned_by_a: u64,
    /// Frames that site a's card sent.
    pub frames_sent: u64,
    /// `WRITE` frames that it sent again.
    pub frames_retried: u64,
    /// Frames that the link lost, both ways.
    pub frames_lost: u64,
    /// Simulated cycles in a millisecond, both cards and their surroundings, without what was jumped over.
    pub sim_khz: f64,
    /// Cycles that were simulated.
    pub sim_cycles: u64,
    /// Idle cycles that were jumped over.
    pub jumped_cycles: u64,
    /// Latency of each timed write, in cycles.
    #[serde(skip)]
    pub latencies: Vec<i64>,
}

impl Report {
    /// All copies are the image, byte for byte, and the file system is clean.
    pub fn right(&self) -> bool {
        let copies = [&self.site_a_sha256, &self.site_b_sha256, &self.readback_sha256];
        copies.iter().all(|copy| **copy == self.image_sha256)
            && self.differing_blocks == 0
            && self.e2fsck_clean != Some(false)
    }

    /// Cycles as nanoseconds at the clock stated.
    pub fn ns(&self, cycles: i64) -> i64 {
        (cycles as f64 * 1000.0 / self.clock_mhz).round() as i64
    }

    /// The median write, cut into what follows what: name, cycles.
    pub fn path(&self) -> [(&'static str, i64); 7] {
        let stages = &self.stage_cycles;
        let link = self.floor_cycles.link as i64;
        let [fetched, lookup, frame, sent, ack, posted] =
            [stages.fetched, stages.lookup, stages.frame, stages.sent, stages.ack, stages.posted]
                .map(|stage| stage.p50);
        [
            ("fetch the entry", fetched),
            ("owner and lock", lookup - fetched),
            ("payload to the first frame", frame - lookup),
            ("frames", sent - frame),
            ("link, both ways", link),
            ("peer's card, store, ACK", ack - sent - link),
            ("post the completion", posted - ack + self.posting_cycles as i64),
        ]
    }
}
