//! Frames on their way, as beats with their times. Slots are used again, so that a steady stream allocates nothing.

use crate::card::{AxisBeat, MAX_AXIS_BYTES};

/// Index of a frame in a [`Pool`].
pub(crate) type Slot = u32;

/// A frame that is being sent, is in flight, or is being received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Whole beats, one after the other.
    data: Vec<u8>,
    /// For each beat, cycles since the first.
    offsets: Vec<u32>,
    /// Valid bytes of the last beat.
    last_bytes: usize,
    /// Cycle in which the first beat was sent.
    pub(crate) start: u64,
    /// Cycle in which the first beat arrives.
    pub(crate) due: u64,
    /// Nothing more will be added.
    pub(crate) complete: bool,
    /// Its end carries a bad FCS.
    pub(crate) bad: bool,
    /// It does not arrive.
    pub(crate) lost: bool,
    /// It is in a queue towards the receiver, or being received.
    pub(crate) queued: bool,
    /// A second copy follows so many cycles after.
    pub(crate) duplicate_after: Option<u64>,
    /// It ends early, after so many beats.
    pub(crate) cut_at: Option<usize>,
    /// A bit is flipped in this beat, or in the last one, if that comes first.
    pub(crate) flip: Option<(usize, u64)>,
}

impl Frame {
    fn clear(&mut self) {
        let (mut data, mut offsets) = (std::mem::take(&mut self.data), std::mem::take(&mut self.offsets));
        data.clear();
        offsets.clear();
        *self = Self { data, offsets, ..Self::default() };
    }

    pub(crate) fn beats(&self) -> usize {
        self.offsets.len()
    }

    /// Length in bytes, without FCS.
    pub(crate) fn len(&self, beat_bytes: usize) -> usize {
        (self.beats().max(1) - 1) * beat_bytes + self.last_bytes
    }

    /// The frame's bytes so far.
    pub(crate) fn bytes(&self, beat_bytes: usize) -> &[u8] {
        &self.data[..self.len(beat_bytes)]
    }

    /// Cycles from the first beat to beat `index`.
    pub(crate) fn offset(&self, index: usize) -> u64 {
        u64::from(self.offsets[index])
    }

    /// Appends a beat that was sent in `cycle`.
    pub(crate) fn push(&mut self, cycle: u64, data: &[u8], bytes: usize) {
        self.data.extend_from_slice(data);
        self.offsets.push((cycle - self.start) as u32);
        self.last_bytes = bytes;
    }

    /// Flips a bit of the last beat.
    pub(crate) fn flip_in_last_beat(&mut self, beat_bytes: usize, choice: u64) {
        let bit = choice as usize % (self.last_bytes.max(1) * 8);
        let start = (self.beats() - 1) * beat_bytes;
        self.data[start + bit / 8] ^= 1 << (bit % 8);
    }

    /// Takes bytes off the last beat until `bytes` are left in it.
    pub(crate) fn shorten_last_beat(&mut self, bytes: usize) {
        self.last_bytes = bytes.min(self.last_bytes);
    }

    /// Ends the frame as bad with beat `index`; adds that beat if there is none yet.
    pub(crate) fn end_at(&mut self, cycle: u64, index: usize, beat_bytes: usize) {
        if self.beats() <= index {
            self.push(cycle.max(self.start), &[0; MAX_AXIS_BYTES][..beat_bytes], beat_bytes);
        } else {
            self.data.truncate((index + 1) * beat_bytes);
            self.offsets.truncate(index + 1);
            self.last_bytes = beat_bytes;
        }
        self.bad = true;
        self.complete = true;
    }

    /// Puts beat `index` on a stream.
    pub(crate) fn show(&self, index: usize, beat_bytes: usize, beat: &mut AxisBeat) {
        let start = index * beat_bytes;
        beat.data[..beat_bytes].copy_from_slice(&self.data[start..start + beat_bytes]);
        beat.valid = true;
        beat.last = self.complete && index + 1 == self.beats();
        beat.user = beat.last && self.bad;
        beat.keep = u64::MAX >> (64 - if beat.last { self.last_bytes } else { beat_bytes });
    }

    /// Replaces the contents; beats beyond those that it had follow at `beat_cycles` from one another.
    pub(crate) fn replace(&mut self, bytes: &[u8], beat_bytes: usize, beat_cycles: u32) {
        let beats = bytes.len().div_ceil(beat_bytes).max(1);
        self.data.clear();
        self.data.extend_from_slice(bytes);
        self.data.resize(beats * beat_bytes, 0);
        self.offsets.truncate(beats);
        while self.offsets.len() < beats {
            let next = self.offsets.last().map_or(0, |offset| offset + beat_cycles);
            self.offsets.push(next);
        }
        self.last_bytes = bytes.len().max(1) - (beats - 1) * beat_bytes;
    }
}

/// Frames by slot.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    frames: Vec<Frame>,
    free: Vec<Slot>,
}

impl Pool {
    /// An empty frame.
    pub(crate) fn take(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.frames.push(Frame::default());
            self.frames.len() as Slot - 1
        })
    }

    /// A copy of a frame.
    pub(crate) fn copy(&mut self, slot: Slot) -> Slot {
        let copy = self.take();
        let [to, from] = self.frames.get_disjoint_mut([copy as usize, slot as usize]).expect("two frames");
        to.clone_from(from);
        copy
    }

    /// Gives the slot back when neither sender nor receiver needs it.
    pub(crate) fn release(&mut self, slot: Slot) {
        let frame = &mut self.frames[slot as usize];
        if frame.complete && !frame.queued {
            frame.clear();
            self.free.push(slot);
        }
    }
}

impl std::ops::Index<Slot> for Pool {
    type Output = Frame;
    fn index(&self, slot: Slot) -> &Frame {
        &self.frames[slot as usize]
    }
}

impl std::ops::IndexMut<Slot> for Pool {
    fn index_mut(&mut self, slot: Slot) -> &mut Frame {
        &mut self.frames[slot as usize]
    }
}
