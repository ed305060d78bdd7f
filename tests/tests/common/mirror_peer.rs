//! A peer that writes blocks through a bad line until each is acknowledged.

use crate::common::random_block;
use crate::mirror_bench::{Bench, Frame, OWN_LUN, SITE, Seen};
use dyad_spec::{BLOCK_BYTES, FrameType, Status};
use dyad_tests::Trial;
use std::collections::{HashMap, HashSet};

/// What the line does: each is one in how many frames; 0 for never.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub loss: u64,
    pub double: u64,
    pub corrupt: u64,
    /// Copies of frames of long ago.
    pub old: u64,
    pub jumbo: bool,
    /// The blocks are this site's own: the peer requests them.
    pub request: bool,
    /// Answers that are lost.
    pub lost_answers: u64,
}

impl Line {
    fn hits(t: &mut Trial, one_in: u64) -> bool {
        one_in > 0 && t.rng.one_in(one_in)
    }
}

/// A write under way.
struct Write {
    seq: u64,
    lba: u64,
    block: Vec<u8>,
    /// Cycle of its next repeat.
    repeat: u64,
}

pub struct Peer {
    line: Line,
    seqs: Vec<u64>,
    writes: Vec<Option<Write>>,
    /// Frames that may leave in any order.
    pool: Vec<Frame>,
    /// Frames that were sent.
    past: Vec<Frame>,
    /// What the peer's store holds.
    store: HashMap<u64, Vec<u8>>,
    /// Last acknowledged content of each address.
    acked: HashMap<u64, Vec<u8>>,
    /// Slot and sequence that the store has, without error.
    applied: HashSet<(u64, u64)>,
    /// Slot and sequence of the block that each buffer has sent home.
    buffers: HashMap<u64, (u64, u64)>,
    /// Ends of good frames.
    ends: HashSet<(u64, u64, u64)>,
    /// Addresses whose requests were not admitted, and have not been told so.
    refused: HashSet<u64>,
    written: usize,
    /// Times that it was told NOT_OWNER.
    pub turned_away: usize,
}

impl Peer {
    /// A peer with so many slots; sequences begin before the wrap.
    pub fn new(t: &mut Trial, slots: usize, line: Line) -> Self {
        Self {
            line,
            seqs: (0..slots).map(|_| (1 << 32) - 1 - t.rng.below(4)).collect(),
            writes: (0..slots).map(|_| None).collect(),
            pool: Vec::new(),
            past: Vec::new(),
            store: HashMap::new(),
            acked: HashMap::new(),
            applied: HashSet::new(),
            buffers: HashMap::new(),
            ends: HashSet::new(),
            refused: HashSet::new(),
            written: 0,
            turned_away: 0,
        }
    }

    /// Writes so many blocks; returns when all are acknowledged and nothing moves.
    pub fn run(&mut self, t: &mut Trial, b: &mut Bench, count: usize) {
        let period = 40 * b.p.block_beats() as u64;
        let limit = b.dut.cycle() + 100 * count as u64 * b.p.block_beats() as u64;
        while self.written < count || self.writes.iter().any(Option::is_some) {
            let now = b.dut.cycle();
            assert!(now < limit, "{} blocks of {count} after {now} cycles", self.written);
            for slot in 0..self.writes.len() {
                if self.writes[slot].is_none() && self.written < count && t.rng.one_in(b.p.block_beats() as u64) {
                    self.begin(t, slot);
                }
                if self.writes[slot].as_ref().is_some_and(|w| w.repeat <= now) {
                    self.send(t, slot);
                    let wait = period / 2 + t.rng.below(period);
                    self.writes[slot].as_mut().expect("a write").repeat = now + wait;
                }
            }
            if !b.on_the_wire() && !self.pool.is_empty() {
                self.put(t, b);
            }
            let seen = b.cycle(t);
            self.look(t, seen);
        }
        for seen in b.settle(t) {
            self.look(t, seen);
        }
        assert!(self.refused.is_empty(), "{:?} were not told", self.refused);
        for (lba, block) in &self.acked {
            assert!(self.store[lba] == *block, "block {lba} is not the last one that was acknowledged");
        }
    }

    fn begin(&mut self, t: &mut Trial, slot: usize) {
        let lba = t.rng.below(40);
        let taken = self.writes.iter().flatten().any(|w| w.lba == lba);
        if taken {
            return;
        }
        self.seqs[slot] = (self.seqs[slot] + 1 + t.rng.below(2)) & 0xffff_ffff;
        let block = if t.rng.one_in(4) { vec![0; BLOCK_BYTES] } else { random_block(&mut t.rng) };
        self.writes[slot] = Some(Write { seq: self.seqs[slot], lba, block, repeat: 0 });
        self.written += 1;
    }

    fn send(&mut self, t: &mut Trial, slot: usize) {
        let w = self.writes[slot].as_ref().expect("a write");
        let of = if self.line.request { Frame::asks } else { Frame::of };
        let mut frames = of(slot as u64, w.seq, w.lba, &w.block, self.line.jumbo);
        // A block of zeroes may come as such, or as any other.
        if w.block.iter().all(|byte| *byte == 0) && t.rng.one_in(2) {
            frames = vec![frames[0].of_zeroes()];
        }
        for frame in frames {
            if !Line::hits(t, self.line.loss) {
                self.pool.push(frame.clone());
            }
            if Line::hits(t, self.line.double) {
                self.pool.push(frame);
            }
        }
    }

    /// A handful of frames back to back, mostly in order.
    fn put(&mut self, t: &mut Trial, b: &mut Bench) {
        for _ in 0..1 + t.rng.below(4) {
            if self.pool.is_empty() {
                return;
            }
            let index = if t.rng.one_in(4) { t.rng.below(self.pool.len() as u64) as usize } else { 0 };
            let mut frame = self.pool.remove(index);
            if Line::hits(t, self.line.old) && !self.past.is_empty() {
                let old = t.rng.pick(&self.past).clone();
                self.pool.push(old);
            }
            self.past.push(frame.clone());
            if Line::hits(t, self.line.corrupt) {
                let at = t.rng.below(frame.bytes.len() as u64) as usize;
                frame.bytes[at] ^= 1 + t.rng.below(255) as u8;
                frame.good = false;
            }
            let gap = if t.rng.one_in(3) { t.rng.below(50) as usize } else { 0 };
            let stall = *t.rng.pick(&[0, 0, 5]);
            b.send(t, frame, gap, stall);
        }
    }

    fn look(&mut self, t: &mut Trial, seen: Seen) {
        if let Some((frame, at)) = seen.ended.filter(|e| e.0.good) {
            self.ends.insert((frame.slot, frame.seq, at));
        }
        if let Some(homed) = seen.homed {
            let lba = homed.block - Bench::place(if self.line.request { OWN_LUN } else { 1 }, 0);
            let writer = self.writes.iter().position(|w| w.as_ref().is_some_and(|w| w.lba == lba));
            let slot = writer.expect("a block goes home while its writer waits");
            let w = self.writes[slot].as_ref().expect("it waits");
            assert!(homed.bytes == w.block, "slot {slot}, sequence {:#x}: the block is not what was sent", w.seq);
            assert!(!self.applied.contains(&(slot as u64, w.seq)), "applied twice");
            self.buffers.insert(homed.buf, (slot as u64, w.seq));
            self.store.insert(lba, homed.bytes);
        }
        if let Some((buf, err)) = seen.done {
            let key = self.buffers.remove(&buf).expect("the store answers for a block");
            if !err {
                self.applied.insert(key);
            }
        }
        if let Some(lba) = seen.refused {
            assert!(self.refused.insert(lba), "block {lba} is not admitted twice");
        }
        let Some(ctl) = seen.ctl else { return };
        match ctl.ftype {
            FrameType::Ack => {
                assert!(self.applied.contains(&(ctl.slot, ctl.seq)), "no ACK before the store's answer");
                assert!(self.ends.contains(&(ctl.slot, ctl.seq, ctl.t_ref)), "the ACK's time is that of a frame's end");
                let current = self.writes[ctl.slot as usize].as_ref().is_some_and(|w| w.seq == ctl.seq);
                if current && !Line::hits(t, self.line.lost_answers) {
                    let w = self.writes[ctl.slot as usize].take().expect("it waits");
                    self.acked.insert(w.lba, w.block);
                }
            }
            FrameType::Busy => {}
            FrameType::NotOwner => {
                let writer = self.writes[ctl.slot as usize].as_ref().filter(|w| w.seq == ctl.seq).expect("it waits");
                assert!(self.refused.remove(&writer.lba), "block {} was not refused", writer.lba);
                assert!(self.ends.contains(&(ctl.slot, ctl.seq, ctl.t_ref)) && ctl.code == 1 - SITE);
                self.turned_away += 1;
            }
            FrameType::Refused => assert_eq!(ctl.code, Status::PeerStoreError.code()),
            other => panic!("a frame of type {other:?}"),
        }
    }
}
