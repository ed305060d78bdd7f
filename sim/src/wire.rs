//! One direction of the link: fibre with a length, and with faults.

use crate::card::AxisBeat;
use crate::frame::{Frame, Pool, Slot};
use crate::link::{Fcs, Monitor, Seen, Tap, Verdict, WireConfig, WireCounts};
use crate::mac::{LineRate, OVERHEAD_BYTES};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// One direction of a link.
pub struct Wire {
    config: WireConfig,
    rate: LineRate,
    beat_bytes: usize,
    dice: [ChaCha8Rng; 5],
    counts: WireCounts,
    is_cut: bool,
    pool: Pool,
    sending: Sending,
    /// Frames in the order in which they arrive.
    fifo: VecDeque<Slot>,
    /// Frames out of order, sorted by arrival.
    late: Vec<Slot>,
    receiving: Option<Receiving>,
    /// The receiver's line is free from this cycle on.
    line_free: u64,
    monitors: Vec<Monitor>,
    tap: Option<Tap>,
    tap_bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Nothing,
    /// Beats go into this frame.
    Frame(Slot),
    /// The rest of the frame goes nowhere.
    Discard,
}

#[derive(Clone, Copy, Debug)]
struct Receiving {
    slot: Slot,
    beat: usize,
    /// Cycles that this frame had to wait for the line.
    shift: u64,
}

#[derive(Clone, Copy)]
enum Die {
    Loss,
    Duplicate,
    Reorder,
    Corrupt,
    Truncate,
}

impl Wire {
    /// A wire for beats of `beat_bytes` at `rate`. Each kind of fault has a random stream of its own.
    ///
    /// # Panics
    /// When the delay is 0.
    pub fn new(config: WireConfig, rate: LineRate, beat_bytes: usize, seed: u64) -> Self {
        assert!(config.delay > 0, "a beat takes at least a cycle");
        let dice = std::array::from_fn(|stream| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream as u64);
            rng
        });
        Self {
            config,
            rate,
            beat_bytes,
            dice,
            counts: WireCounts::default(),
            is_cut: false,
            pool: Pool::default(),
            sending: Sending::Nothing,
            fifo: VecDeque::new(),
            late: Vec::new(),
            receiving: None,
            line_free: 0,
            monitors: Vec::new(),
            tap: None,
            tap_bytes: Vec::new(),
        }
    }

    /// What has happened so far.
    pub fn counts(&self) -> WireCounts {
        self.counts
    }

    /// The configuration.
    pub fn config(&self) -> &WireConfig {
        &self.config
    }

    /// The configuration, to be changed for frames that begin from now on.
    pub fn config_mut(&mut self) -> &mut WireConfig {
        &mut self.config
    }

    /// Adds a monitor. It changes nothing, timing included.
    pub fn monitor(&mut self, monitor: Monitor) {
        self.monitors.push(monitor);
    }

    /// Sets or removes the tap. With a tap, a frame is shown to the receiver only when it is complete; this changes the
    /// timing where the wire is shorter than the frame.
    pub fn set_tap(&mut self, tap: Option<Tap>) {
        self.tap = tap;
    }

    /// Whether the link is cut.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Cuts the wire: all that is on it is lost, a frame whose beginning has arrived ends as bad.
    pub fn cut(&mut self, cycle: u64) {
        self.is_cut = true;
        if let Sending::Frame(slot) = self.sending {
            self.pool[slot].complete = true;
            if !self.pool[slot].queued {
                // It was lost already.
                self.pool.release(slot);
            }
            self.sending = Sending::Discard;
        }
        for slot in self.fifo.drain(..).chain(self.late.drain(..)) {
            self.counts.cut += 1;
            self.pool[slot].queued = false;
            self.pool.release(slot);
        }
        if let Some(receiving) = self.receiving {
            self.counts.cut += 1;
            self.pool[receiving.slot].end_at(cycle, receiving.beat, self.beat_bytes);
        }
    }

    /// Mends the wire. A frame that is being sent at that time is still lost.
    pub fn mend(&mut self) {
        self.is_cut = false;
    }

    /// Takes a beat that the sender's MAC sends in `cycle`.
    #[inline]
    pub fn send(&mut self, cycle: u64, beat: &AxisBeat) {
        if self.sending == Sending::Nothing {
            self.begin(cycle);
        }
        let bytes = beat.keep.count_ones() as usize;
        if let Sending::Frame(slot) = self.sending {
            self.append(cycle, slot, &beat.data[..self.beat_bytes], bytes, beat.last, beat.user);
        }
        if beat.last {
            self.sending = Sending::Nothing;
        }
    }

    /// Ends the frame that is being sent as bad: the sender failed.
    pub fn abort(&mut self, cycle: u64) {
        if let Sending::Frame(slot) = self.sending {
            let beats = self.pool[slot].beats();
            self.pool[slot].end_at(cycle, beats, self.beat_bytes);
            self.finish(cycle, slot);
        }
        self.sending = Sending::Nothing;
    }

    /// Puts a frame on the wire as if it had been sent from `cycle` on, beside what the sender sends. `bad` gives it a
    /// wrong FCS. The faults of the link apply to it.
    ///
    /// # Panics
    /// When it has no bytes.
    pub fn inject(&mut self, cycle: u64, bytes: &[u8], bad: bool) {
        assert!(!bytes.is_empty(), "a frame has at least one byte");
        let under_way = std::mem::replace(&mut self.sending, Sending::Nothing);
        self.begin(cycle);
        let mut padded = [0; crate::card::MAX_AXIS_BYTES];
        let beats = bytes.len().div_ceil(self.beat_bytes);
        for (index, chunk) in bytes.chunks(self.beat_bytes).enumerate() {
            let Sending::Frame(slot) = self.sending else { break };
            padded[..chunk.len()].copy_from_slice(chunk);
            padded[chunk.len()..].fill(0);
            let at = cycle + self.rate.cycles_of((index * self.beat_bytes) as u64);
            let last = index + 1 == beats;
            self.append(at, slot, &padded[..self.beat_bytes], chunk.len(), last, last && bad);
        }
        self.sending = under_way;
    }

    /// Puts the beat that arrives in `cycle` into `beat` and returns true, if there is one. To be called once for each
    /// cycle, except for cycles that [`next_event`](Self::next_event) allows to leave out.
    #[inline]
    pub fn receive(&mut self, cycle: u64, beat: &mut AxisBeat) -> bool {
        if self.receiving.is_none() && (self.fifo.is_empty() && self.late.is_empty() || !self.start_receiving(cycle)) {
            return false;
        }
        let Some(receiving) = &mut self.receiving else { return false };
        let frame = &self.pool[receiving.slot];
        if receiving.beat >= frame.beats() || frame.due + receiving.shift + frame.offset(receiving.beat) > cycle {
            return false;
        }
        frame.show(receiving.beat, self.beat_bytes, beat);
        receiving.beat += 1;
        if beat.last {
            let slot = receiving.slot;
            self.counts.delivered += 1;
            self.line_free = cycle + self.rate.cycles_of(OVERHEAD_BYTES).max(1);
            self.receiving = None;
            self.pool[slot].queued = false;
            self.pool.release(slot);
        }
        true
    }

    /// The first cycle in which something may arrive, if nothing more is sent: `None` when the wire is empty.
    pub fn next_event(&self, cycle: u64) -> Option<u64> {
        if self.receiving.is_some() || self.sending != Sending::Nothing {
            return Some(cycle);
        }
        let first = self.fifo.front().into_iter().chain(self.late.first());
        first.map(|&slot| self.pool[slot].due.max(cycle)).min()
    }

    fn roll(&mut self, die: Die, chance: f64) -> Option<u64> {
        let rng = &mut self.dice[die as usize];
        (chance > 0.0 && rng.random_bool(chance.min(1.0))).then(|| rng.random())
    }

    /// Starts a frame and decides its fate.
    fn begin(&mut self, cycle: u64) {
        self.counts.sent += 1;
        let config = self.config;
        let lost = self.roll(Die::Loss, config.loss).is_some();
        let duplicate = self.roll(Die::Duplicate, config.duplicate);
        let reorder = self.roll(Die::Reorder, config.reorder);
        let corrupt = self.roll(Die::Corrupt, config.corrupt);
        let truncate = self.roll(Die::Truncate, config.truncate);
        self.counts.lost += u64::from(lost);
        self.counts.cut += u64::from(self.is_cut && !lost);
        let slot = self.pool.take();
        let extra = reorder.map_or(0, |choice| 1 + choice % config.reorder_cycles.max(1));
        let frame = &mut self.pool[slot];
        frame.start = cycle;
        frame.due = cycle + config.delay + extra;
        frame.lost = lost || self.is_cut;
        frame.duplicate_after = duplicate.map(|choice| 1 + choice % config.reorder_cycles.max(1));
        // Short and long frames are hit alike: the place is uniform in its logarithm.
        let place = |choice: u64| (1usize << (choice % 10)) | ((choice >> 16) as usize & ((1 << (choice % 10)) - 1));
        frame.flip = corrupt.map(|choice| (place(choice) - 1, choice >> 32));
        frame.cut_at = truncate.map(place);
        self.sending = Sending::Frame(slot);
        if !frame.lost {
            frame.queued = true;
            if extra == 0 {
                self.fifo.push_back(slot);
            } else {
                self.counts.reordered += 1;
                self.insert_late(slot);
            }
        }
    }

    fn append(&mut self, cycle: u64, slot: Slot, data: &[u8], bytes: usize, last: bool, bad: bool) {
        let beat_bytes = self.beat_bytes;
        let miss = self.config.fcs == Fcs::Miss;
        let frame = &mut self.pool[slot];
        frame.push(cycle, data, bytes);
        if let Some((beat, choice)) = frame.flip
            && (last || beat + 1 == frame.beats())
        {
            frame.flip = None;
            frame.flip_in_last_beat(beat_bytes, choice);
            frame.bad |= !miss;
            self.counts.corrupted += 1;
        }
        if frame.len(beat_bytes) > self.config.max_frame {
            self.counts.oversized += 1;
            self.give_up(cycle, slot);
        } else if last {
            frame.bad |= bad;
            frame.complete = true;
            self.finish(cycle, slot);
        } else if frame.cut_at == Some(frame.beats()) {
            self.counts.truncated += 1;
            frame.bad |= !miss;
            frame.shorten_last_beat(1 + cycle as usize % beat_bytes);
            frame.complete = true;
            self.finish(cycle, slot);
            self.sending = Sending::Discard;
        }
    }

    /// A frame turns out to be too large: it vanishes, or ends as bad when the receiver has seen its beginning.
    fn give_up(&mut self, cycle: u64, slot: Slot) {
        self.sending = Sending::Discard;
        let frame = &mut self.pool[slot];
        frame.complete = true;
        match self.receiving {
            Some(receiving) if receiving.slot == slot => frame.end_at(cycle, receiving.beat, self.beat_bytes),
            _ => {
                frame.lost = true;
                self.pool.release(slot);
            }
        }
    }

    /// The sender is done with a frame.
    fn finish(&mut self, cycle: u64, slot: Slot) {
        let frame = &self.pool[slot];
        let seen = Seen { start: frame.start, end: cycle, bytes: frame.bytes(self.beat_bytes), bad: frame.bad };
        for monitor in &mut self.monitors {
            monitor(&seen);
        }
        let being_received = self.receiving.is_some_and(|receiving| receiving.slot == slot);
        if !frame.lost && !being_received {
            self.judge(slot);
        }
        if let Some(after) = self.pool[slot].duplicate_after.take()
            && !self.pool[slot].lost
        {
            self.counts.duplicated += 1;
            self.copy_later(slot, cycle - self.pool[slot].start + after);
        }
        self.pool.release(slot);
    }

    /// Asks the tap, and drops what has a wrong FCS.
    fn judge(&mut self, slot: Slot) {
        let frame = &mut self.pool[slot];
        if let Some(tap) = &mut self.tap {
            self.tap_bytes.clear();
            self.tap_bytes.extend_from_slice(frame.bytes(self.beat_bytes));
            let verdict = tap(frame.start, &mut self.tap_bytes, &mut frame.bad);
            if self.tap_bytes != frame.bytes(self.beat_bytes) {
                let beat_cycles = (self.beat_bytes as u64 * 8 * self.rate.cycles).div_ceil(self.rate.bits);
                frame.replace(&self.tap_bytes, self.beat_bytes, beat_cycles as u32);
            }
            match verdict {
                Verdict::Pass => {}
                Verdict::Drop => {
                    frame.lost = true;
                    self.counts.tapped += 1;
                }
                Verdict::Delay(cycles) => {
                    self.copy_later(slot, cycles);
                    self.pool[slot].lost = true;
                }
                Verdict::Duplicate(cycles) => self.copy_later(slot, cycles),
            }
        }
        let frame = &mut self.pool[slot];
        if frame.bad && !frame.lost && self.config.fcs == Fcs::Drop {
            frame.lost = true;
            self.counts.fcs_dropped += 1;
        }
    }

    /// Queues a copy of a complete frame, to arrive `after` cycles later than it.
    fn copy_later(&mut self, slot: Slot, after: u64) {
        let copy = self.pool.copy(slot);
        let frame = &mut self.pool[copy];
        frame.due += after;
        frame.queued = true;
        frame.complete = true;
        frame.duplicate_after = None;
        self.insert_late(copy);
    }

    fn insert_late(&mut self, slot: Slot) {
        let due = self.pool[slot].due;
        let at = self.late.partition_point(|&other| self.pool[other].due <= due);
        self.late.insert(at, slot);
    }

    /// Picks the frame that arrives now, if any does.
    fn start_receiving(&mut self, cycle: u64) -> bool {
        let holds = self.tap.is_some() || self.config.fcs == Fcs::Drop;
        while cycle >= self.line_free {
            let arrives = |pool: &Pool, slot: Slot| {
                let frame: &Frame = &pool[slot];
                (frame.due <= cycle && (frame.complete || !holds)).then_some(frame.due)
            };
            let in_order = self.fifo.front().and_then(|&slot| arrives(&self.pool, slot));
            let out_of_order = self.late.first().and_then(|&slot| arrives(&self.pool, slot));
            let slot = match (in_order, out_of_order) {
                (None, None) => return false,
                (Some(first), Some(late)) if late < first => self.late.remove(0),
                (None, Some(_)) => self.late.remove(0),
                _ => self.fifo.pop_front().unwrap_or_default(),
            };
            if self.pool[slot].lost {
                self.pool[slot].queued = false;
                self.pool.release(slot);
                continue;
            }
            let shift = cycle - self.pool[slot].due;
            self.receiving = Some(Receiving { slot, beat: 0, shift });
            return true;
        }
        false
    }
}
