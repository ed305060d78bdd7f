//! The two halves of a strict cut-through Ethernet MAC, at the card's streams.

use crate::axi_check::{OnViolation, Referee};
use crate::card::AxisBeat;
use crate::wire::Wire;

/// Preamble, start delimiter, FCS and inter-frame gap, in bytes.
pub const OVERHEAD_BYTES: u64 = 8 + 4 + 12;
/// A shorter frame (without FCS) is padded on the wire.
pub const MIN_FRAME_BYTES: u64 = 60;

/// Line rate in bits per core clock period, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRate {
    /// Bits ...
    pub bits: u64,
    /// ... in so many cycles.
    pub cycles: u64,
}

impl LineRate {
    /// 10G at 156.25 MHz.
    pub const TEN_GIG: Self = Self { bits: 64, cycles: 1 };
    /// 100G at 250 MHz.
    pub const HUNDRED_GIG: Self = Self { bits: 400, cycles: 1 };

    /// Whole cycles that `bytes` take on the line, rounded down.
    pub fn cycles_of(self, bytes: u64) -> u64 {
        bytes * 8 * self.cycles / self.bits
    }

    /// Bytes that a frame of `bytes` (without FCS) takes up on the line, everything counted.
    pub fn line_bytes(bytes: u64) -> u64 {
        bytes.max(MIN_FRAME_BYTES) + OVERHEAD_BYTES
    }
}

/// What a transmitter has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxCounts {
    /// Frames begun.
    pub frames: u64,
    /// Frames that the card ended as bad (`tuser`).
    pub aborted: u64,
    /// Frames lost because a beat was not there in time.
    pub underruns: u64,
    /// Bytes of whole frames, without FCS and overhead.
    pub bytes: u64,
    /// Bytes of line time taken, everything counted.
    pub line_bytes: u64,
}

/// The transmitting half: takes a frame's beats at the line rate. Once a frame has begun, a beat that is not there when
/// the line needs it ends the frame as bad.
#[derive(Debug)]
pub struct TxMac {
    rate: LineRate,
    data_bytes: usize,
    referee: Referee,
    counts: TxCounts,
    /// When the line is free again, in units of 1/`rate.bits` cycles.
    free: u64,
    ready: bool,
    in_frame: bool,
    /// The rest of an underrun frame is thrown away.
    discarding: bool,
    frame_bytes: u64,
    held: Option<Box<AxisBeat>>,
}

impl TxMac {
    /// For a stream of `data_bytes` a beat.
    pub fn new(rate: LineRate, data_bytes: usize, reaction: OnViolation) -> Self {
        let referee = Referee::new("m_axis_tx", reaction);
        let counts = TxCounts::default();
        Self {
            rate,
            data_bytes,
            referee,
            counts,
            free: 0,
            ready: false,
            in_frame: false,
            discarding: false,
            frame_bytes: 0,
            held: None,
        }
    }

    /// What it has seen.
    pub fn counts(&self) -> TxCounts {
        self.counts
    }

    /// The stream rules that the card has broken.
    pub fn broken(&self) -> &[String] {
        self.referee.broken()
    }

    /// `tready` in `cycle`.
    #[inline]
    pub fn ready(&mut self, cycle: u64) -> bool {
        self.ready = self.discarding || self.free <= cycle * self.rate.bits;
        self.ready
    }

    /// Whether a frame is under way.
    pub fn in_frame(&self) -> bool {
        self.in_frame || self.discarding
    }

    /// Ends the frame under way as bad: the card was reset or has died.
    pub fn reset(&mut self, cycle: u64, wire: &mut Wire) {
        if self.in_frame {
            wire.abort(cycle);
            self.end_frame();
        }
        self.discarding = false;
        self.held = None;
    }

    /// One clock edge, at the end of `cycle`, in which the card drove `beat`.
    #[inline]
    pub fn step(&mut self, cycle: u64, beat: &AxisBeat, wire: &mut Wire) {
        if let Some(held) = &self.held {
            if **held != *beat {
                self.referee.report(cycle, "tvalid or its payload changed before tready");
            }
            self.held = None;
        }
        if !beat.valid {
            if self.in_frame && self.ready {
                self.counts.underruns += 1;
                wire.abort(cycle);
                self.end_frame();
                self.discarding = true;
            }
            return;
        }
        if !self.ready {
            self.held = Some(Box::new(*beat));
            return;
        }
        if self.discarding {
            self.discarding = !beat.last;
            return;
        }
        self.take(cycle, beat, wire);
    }

    fn take(&mut self, cycle: u64, beat: &AxisBeat, wire: &mut Wire) {
        let bytes = u64::from(beat.keep.count_ones());
        let full = bytes == self.data_bytes as u64;
        // `keep` must be ones from bit 0 on, and all ones but in the last beat.
        if beat.keep.trailing_ones() != beat.keep.count_ones() || bytes == 0 || !(full || beat.last) {
            self.referee.report(cycle, &format!("tkeep {:#x}, tlast {}", beat.keep, beat.last));
        }
        if !self.in_frame {
            self.counts.frames += 1;
            self.frame_bytes = 0;
            self.in_frame = true;
            // A frame that follows within two cycles loses no time to the clock's grid, nor to a last beat that has few
            // bytes: a MAC has that much of a buffer.
            if self.free + 2 * self.rate.bits <= cycle * self.rate.bits {
                self.free = cycle * self.rate.bits;
            }
        }
        self.frame_bytes += bytes;
        self.free += bytes * 8 * self.rate.cycles;
        wire.send(cycle, beat);
        if beat.last {
            self.counts.aborted += u64::from(beat.user);
            self.counts.bytes += self.frame_bytes;
            self.end_frame();
        }
    }

    /// Leaves the line busy for padding, FCS, gap and the next preamble.
    fn end_frame(&mut self) {
        let line = LineRate::line_bytes(self.frame_bytes);
        self.counts.line_bytes += line;
        self.free += (line - self.frame_bytes) * 8 * self.rate.cycles;
        self.in_frame = false;
    }
}

/// What a receiver has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxCounts {
    /// Frames whose last beat the card took, good ones.
    pub frames: u64,
    /// Frames whose last beat the card took with `tuser`.
    pub bad: u64,
    /// Frames cut off or lost because the card was not ready.
    pub overruns: u64,
}

/// The receiving half: shows the card each beat for one cycle, ready or not. A beat that the card does not take is lost
/// and with it the rest of its frame, which then ends as bad.
#[derive(Debug, Default)]
pub struct RxMac {
    beat: AxisBeat,
    counts: RxCounts,
    /// The card has seen the beginning of a frame.
    in_frame: bool,
    /// The rest of the frame on the wire is thrown away.
    discarding: bool,
    /// The card must still see the end of a frame that was cut off.
    owes_end: bool,
}

impl RxMac {
    /// What it has seen.
    pub fn counts(&self) -> RxCounts {
        self.counts
    }

    /// `s_axis_rx_*` in `cycle`.
    #[inline]
    pub fn present(&mut self, cycle: u64, wire: &mut Wire) -> &AxisBeat {
        self.beat.valid = false;
        let arrived = wire.receive(cycle, &mut self.beat);
        if self.owes_end {
            // Whatever comes meanwhile has nowhere to go.
            if arrived {
                self.counts.overruns += u64::from(!self.discarding);
                self.discarding = !self.beat.last;
            }
            self.beat = AxisBeat { valid: true, last: true, user: true, keep: 1, ..AxisBeat::default() };
        } else if arrived && self.discarding {
            self.discarding = !self.beat.last;
            self.beat.valid = false;
        }
        &self.beat
    }

    /// One clock edge, at the end of a cycle in which the card drove `ready`.
    #[inline]
    pub fn step(&mut self, ready: bool) {
        if !self.beat.valid {
            return;
        }
        if ready {
            self.in_frame = !self.beat.last;
            if self.beat.last {
                self.owes_end = false;
                self.counts.frames += u64::from(!self.beat.user);
                self.counts.bad += u64::from(self.beat.user);
            }
        } else if !self.owes_end {
            self.counts.overruns += 1;
            self.owes_end = self.in_frame;
            self.discarding = !self.beat.last;
        }
    }

    /// Whether the card may still see something of a frame.
    pub fn is_idle(&self) -> bool {
        !self.in_frame && !self.owes_end && !self.discarding
    }

    /// The card was reset: the rest of the frame under way is thrown away.
    pub fn reset(&mut self) {
        self.discarding |= self.in_frame;
        self.in_frame = false;
        self.owes_end = false;
        self.beat.valid = false;
    }
}
