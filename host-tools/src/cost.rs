//! What a command costs whoever carries it, and what the cards add to that: a write of one block, a flush, a change of owner.
//!
//! The definition is the design's: from the doorbell's last beat to the acceptance of the completion entry's write, less
//! the frames' serialization (once), the block's write into the mirror's store (once), the ACK's serialization, the link
//! both ways, and the latency of host memory and stores. All of it is computed from the simulator's configuration here; the
//! rest is from the stamps of the card.

use dyad_driver::Stages;
use dyad_sim::Config;
use dyad_sim::mac::LineRate;
use dyad_spec::{BLOCK_BYTES, ENTRY_BYTES, wire};
use serde::Serialize;

use crate::plot::Part;

/// Cycles that no card can save, on an idle link; what a command does not have is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Floor {
    /// Reading the submission entry: latency of host memory.
    pub entry_read: u64,
    /// Reading the payload: latency of host memory.
    pub payload_read: u64,
    /// The frames, from the first's first beat to the last's last, at the line's rate and at least a beat a cycle.
    pub serialization: u64,
    /// The link, both ways.
    pub link: u64,
    /// The block into the mirror's store, at the store port's width.
    pub mirror_write: u64,
    /// Latency of the mirror's store.
    pub store_latency: u64,
    /// The ACK.
    pub ack: u64,
}

impl Floor {
    /// Of a write of one block by its owner, for cards of `data_w` and `store_w` bits.
    pub fn new(config: &Config, data_w: u64, store_w: u64) -> Self {
        let frame = |payload: usize| frame_cycles(config.rate, data_w, (wire::SHORT_FRAME_BYTES + payload) as u64);
        let parts = if config.mtu < wire::MTU_JUMBO { wire::PARTS_STANDARD } else { wire::PARTS_JUMBO };
        let gap = line_cycles(config.rate, wire::LINE_OVERHEAD_BYTES as u64);
        let frames: u64 = parts.iter().map(|part| frame(part.1)).sum();
        Self {
            entry_read: config.host.read_latency,
            payload_read: config.host.read_latency,
            serialization: frames + gap * (parts.len() as u64 - 1),
            link: 2 * config.delay_cycles(),
            mirror_write: (BLOCK_BYTES as u64 * 8).div_ceil(store_w),
            store_latency: config.store.write_latency,
            ack: frame(0),
        }
    }

    /// Of a question to the peer and its answer, which carry no block: a change of owner.
    pub fn of_exchange(config: &Config, data_w: u64) -> Self {
        let short = frame_cycles(config.rate, data_w, wire::SHORT_FRAME_BYTES as u64);
        Self {
            entry_read: config.host.read_latency,
            payload_read: 0,
            serialization: short,
            link: 2 * config.delay_cycles(),
            mirror_write: 0,
            store_latency: 0,
            ack: short,
        }
    }

    /// Of a flush: an exchange, and the latency of the stores' flush lines.
    pub fn of_flush(config: &Config, data_w: u64) -> Self {
        Self { store_latency: config.flush_latency, ..Self::of_exchange(config, data_w) }
    }

    /// The parts by name, in the order in which a command meets them; without those that it does not have.
    pub fn parts(&self) -> Vec<(&'static str, u64)> {
        self.all().into_iter().filter(|part| part.1 > 0).collect()
    }

    fn all(&self) -> [(&'static str, u64); 7] {
        [
            ("entry read", self.entry_read),
            ("payload read", self.payload_read),
            ("serialization", self.serialization),
            ("link, both ways", self.link),
            ("mirror's store write", self.mirror_write),
            ("mirror's store latency", self.store_latency),
            ("ACK serialization", self.ack),
        ]
    }

    /// The parts as a bar, in the colours that the stages have which they belong to.
    pub fn bar(&self) -> Vec<Part> {
        let colours = [0, 2, 3, 4, 5, 5, 5];
        let parts = self.all().into_iter().zip(colours).filter(|((_, cycles), _)| *cycles > 0);
        parts.map(|((name, cycles), colour)| Part { name, cycles: cycles as i64, colour }).collect()
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.all().iter().map(|part| part.1).sum()
    }

    /// Cycles that both cards together added to a command with these stamps.
    pub fn added(&self, stages: &Stages, data_w: u64) -> i64 {
        (u64::from(stages.posted) + posting_cycles(data_w)) as i64 - self.total() as i64
    }
}

/// Cycles from the hand-over of a completion entry until the host port has accepted it: its address and its beats.
pub fn posting_cycles(data_w: u64) -> u64 {
    1 + (ENTRY_BYTES as u64 * 8).div_ceil(data_w)
}

fn line_cycles(rate: LineRate, bytes: u64) -> u64 {
    (bytes * 8 * rate.cycles).div_ceil(rate.bits)
}

fn frame_cycles(rate: LineRate, data_w: u64, bytes: u64) -> u64 {
    line_cycles(rate, bytes).max((bytes * 8).div_ceil(data_w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_of_the_default_build() {
        let floor = Floor::new(&Config::for_data_w(64), 64, 256);
        assert_eq!((floor.serialization, floor.mirror_write, floor.ack, floor.link), (521, 128, 9, 2));
        assert_eq!(floor.total(), 128 + 128 + 521 + 2 + 128 + 16 + 9);
        let stages = Stages { posted: 980, ..Stages::default() };
        assert_eq!(floor.added(&stages, 64), 57);
        let standard = Floor::new(&Config { mtu: 1500, ..Config::for_data_w(64) }, 64, 256);
        assert_eq!(standard.serialization, 185 + 3 + 185 + 3 + 169);
    }

    #[test]
    fn floor_of_what_carries_no_block() {
        let config = Config { km: 100.0, ..Config::for_data_w(64) };
        let (change, flush) = (Floor::of_exchange(&config, 64), Floor::of_flush(&config, 64));
        assert_eq!(change.total(), 128 + 9 + 153_032 + 9);
        assert_eq!(flush.total(), change.total() + 64);
        let names: Vec<_> = change.parts().iter().map(|part| part.0).collect();
        assert_eq!(names, ["entry read", "serialization", "link, both ways", "ACK serialization"]);
        assert_eq!(change.bar().iter().map(|part| part.colour).collect::<Vec<_>>(), [0, 3, 4, 5]);
    }

    #[test]
    fn a_line_that_is_slower_than_the_stream_sets_the_pace() {
        let floor = Floor::new(&Config::for_data_w(512), 512, 1024);
        assert_eq!((floor.serialization, floor.mirror_write, floor.ack), (84, 32, 2));
    }
}
