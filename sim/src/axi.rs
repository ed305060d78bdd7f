//! An AXI4 slave with latency, stalls and faults in front of a memory.

use crate::axi_check::{AxiChecker, OnViolation};
use crate::card::{AxiAddress, AxiMasterPins, AxiSlavePins, AxiWriteData, MAX_AXI_BYTES, Response};
use crate::faults::{Access, FaultPlan, Unit};
use crate::rng::Noise;
use std::collections::VecDeque;
use std::ops::Range;

/// What is behind an [`AxiSlave`].
pub trait Target {
    /// Reads `bytes` from `addr` on, in `cycle`.
    fn read(&mut self, cycle: u64, addr: u64, bytes: &mut [u8]) -> Response;

    /// Writes those of `bytes` whose bit in `strb` is set (bit 0 for the first) from `addr` on.
    fn write(&mut self, cycle: u64, addr: u64, bytes: &[u8], strb: u128) -> Response;
}

/// How an [`AxiSlave`] behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxiConfig {
    /// Cycles from the acceptance of a read address to the first beat of its data, at least 1.
    pub read_latency: u64,
    /// Cycles from the acceptance of a burst's last data beat to its response, at least 1. The memory changes then.
    pub write_latency: u64,
    /// Up to so many cycles are added to each latency, at random.
    pub jitter: u64,
    /// Each channel is not ready, or not valid anew, in so many of 65,536 cycles, at random.
    pub stall_per_65536: u32,
    /// Bursts with different identifiers may overtake one another when jitter makes them.
    pub reorder: bool,
    /// Bursts that may be under way, in each direction.
    pub outstanding: usize,
}

impl Default for AxiConfig {
    fn default() -> Self {
        Self { read_latency: 128, write_latency: 32, jitter: 0, stall_per_65536: 0, reorder: false, outstanding: 64 }
    }
}

/// What an [`AxiSlave`] has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxiCounts {
    /// Read bursts accepted.
    pub read_bursts: u64,
    /// Read beats handed over.
    pub read_beats: u64,
    /// Write bursts answered.
    pub write_bursts: u64,
    /// Write beats accepted.
    pub write_beats: u64,
    /// Read beats and write bursts that were answered with an error.
    pub errors: u64,
}

/// Write data that may run ahead of its address, in beats.
const EARLY_BEATS: usize = 16;

/// An AXI4 slave: one beat a cycle in each direction, latencies and stalls as configured.
///
/// In each cycle, the master sees [`pins`](Self::pins); [`step`](Self::step) is given what the master drives.
pub struct AxiSlave {
    config: AxiConfig,
    data_bytes: usize,
    noise: Noise,
    bursts: u64,
    pins: AxiSlavePins,
    checker: AxiChecker,
    counts: AxiCounts,
    /// Faults to come.
    pub faults: FaultPlan,
    reads: VecDeque<Burst>,
    serving: Option<Burst>,
    held_until: u64,
    /// The beat that waits for `held_until` has met its faults already; this is what they made of it.
    struck: Option<Response>,
    writes: VecDeque<WriteBurst>,
    /// How many of `writes`, from the front, have all their data.
    filled: usize,
    early: VecDeque<AxiWriteData>,
    answers: VecDeque<(u8, Response)>,
    spare: Vec<WriteBurst>,
}

#[derive(Clone, Debug)]
struct Burst {
    address: AxiAddress,
    beat: u64,
    due: u64,
    response: Response,
}

impl Burst {
    fn beats(&self) -> u64 {
        u64::from(self.address.len) + 1
    }

    /// The bytes that beat number `beat` is about.
    fn bytes(&self, beat: u64) -> Range<u64> {
        let size = 1u64 << self.address.size;
        let aligned = self.address.addr & !(size - 1);
        let start = if beat == 0 { self.address.addr } else { aligned.wrapping_add(beat * size) };
        start..aligned.wrapping_add((beat + 1) * size)
    }
}

struct WriteBurst {
    burst: Burst,
    beats: Vec<AxiWriteData>,
}

impl AxiSlave {
    /// A slave on the bus called `bus`, `data_bytes` wide.
    ///
    /// # Panics
    /// When a latency or the number of outstanding bursts is 0, or the bus is wider than 128 bytes.
    pub fn new(bus: &'static str, data_bytes: usize, config: AxiConfig, noise: Noise, reaction: OnViolation) -> Self {
        assert!(config.read_latency > 0 && config.write_latency > 0 && config.outstanding > 0, "{config:?}");
        assert!(data_bytes.is_power_of_two() && data_bytes <= MAX_AXI_BYTES, "{data_bytes} bytes");
        Self {
            config,
            data_bytes,
            noise,
            bursts: 0,
            pins: AxiSlavePins::default(),
            checker: AxiChecker::new(bus, data_bytes, reaction),
            counts: AxiCounts::default(),
            faults: FaultPlan::default(),
            reads: VecDeque::new(),
            serving: None,
            held_until: 0,
            struck: None,
            writes: VecDeque::new(),
            filled: 0,
            early: VecDeque::new(),
            answers: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// What the slave drives in this cycle.
    #[inline]
    pub fn pins(&self) -> &AxiSlavePins {
        &self.pins
    }

    /// What it has carried.
    pub fn counts(&self) -> AxiCounts {
        self.counts
    }

    /// The rules that the master has broken.
    pub fn broken(&self) -> &[String] {
        self.checker.broken()
    }

    /// The configuration; changes hold for bursts accepted from now on.
    pub fn config_mut(&mut self) -> &mut AxiConfig {
        &mut self.config
    }

    /// One clock edge, at the end of `cycle`: `master` is what the master drove in it.
    #[inline]
    pub fn step(&mut self, cycle: u64, master: &AxiMasterPins, target: &mut impl Target) {
        self.checker.check(cycle, master, &self.pins);
        if master.ar.valid && self.pins.ar_ready {
            self.accept_read(cycle, master.ar);
        }
        if master.aw.valid && self.pins.aw_ready {
            self.accept_write(master.aw);
        }
        if master.w.valid && self.pins.w_ready {
            self.counts.write_beats += 1;
            self.early.push_back(master.w);
        }
        if !self.early.is_empty() {
            self.place_data(cycle);
        }
        let next = cycle + 1;
        if !self.writes.is_empty() {
            self.finish_write(next, target);
        }
        if self.pins.b_valid && master.b_ready {
            self.pins.b_valid = false;
        }
        if !self.pins.b_valid && !self.answers.is_empty() && !self.stalled(next, 0) {
            self.answer_write();
        }
        if self.pins.r_valid && master.r_ready {
            self.pins.r_valid = false;
        }
        if !self.pins.r_valid && (self.serving.is_some() || !self.reads.is_empty()) && !self.stalled(next, 1) {
            self.answer_read(next, target);
        }
        self.resume(next);
    }

    /// Sets the ready pins of `cycle` anew, after time was jumped over.
    #[inline]
    pub fn resume(&mut self, cycle: u64) {
        self.pins.ar_ready = self.reads.len() < self.config.outstanding && !self.stalled(cycle, 2);
        self.pins.aw_ready = self.writes.len() < self.config.outstanding && !self.stalled(cycle, 3);
        let room = self.filled < self.writes.len() || self.early.len() < EARLY_BEATS;
        self.pins.w_ready = room && !self.stalled(cycle, 4);
    }

    /// Forgets all that is under way, as a reset of the master does; unfinished writes have no effect.
    pub fn reset(&mut self) {
        self.pins = AxiSlavePins::default();
        self.checker.reset();
        self.reads.clear();
        self.serving = None;
        self.struck = None;
        self.held_until = 0;
        self.spare.extend(self.writes.drain(..));
        self.filled = 0;
        self.early.clear();
        self.answers.clear();
    }

    /// A power cut: of each write that has not been answered, the first beats, a random number of those that have
    /// arrived, reach the memory. Then as [`reset`](Self::reset).
    pub fn tear(&mut self, cycle: u64, target: &mut impl Target) {
        for (index, write) in self.writes.iter().enumerate() {
            let torn = self.noise.at(cycle, 0x100 + index as u64) % (write.beats.len() as u64 + 1);
            for beat in 0..torn {
                write_beat(cycle, &write.burst, beat, &write.beats[beat as usize], self.data_bytes, target);
            }
        }
        self.reset();
    }

    /// The first cycle in which this slave may change its outputs to the master, if nothing is asked of it before:
    /// `None` when nothing is under way.
    pub fn next_event(&self, cycle: u64) -> Option<u64> {
        let busy = self.pins.r_valid
            || self.pins.b_valid
            || self.serving.is_some()
            || !self.answers.is_empty()
            || !self.early.is_empty()
            || self.filled < self.writes.len();
        if busy {
            return Some(cycle);
        }
        let reads = self.reads.iter().map(|burst| burst.due);
        reads.chain(self.writes.iter().map(|write| write.burst.due)).min().map(|due| due.max(cycle))
    }

    #[inline]
    fn stalled(&self, cycle: u64, channel: u64) -> bool {
        self.noise.hit(cycle, channel, self.config.stall_per_65536)
    }

    fn latency(&mut self, base: u64) -> u64 {
        self.bursts += 1;
        match self.config.jitter {
            0 => base,
            jitter => base + self.noise.at(self.bursts, 7) % (jitter + 1),
        }
    }

    fn strike_burst(&mut self, access: Access, address: AxiAddress) -> Burst {
        let mut burst = Burst { address, beat: 0, due: 0, response: Response::Okay };
        // A beat wider than the bus has been reported; it must not reach the arithmetic.
        burst.address.size = address.size.min(self.data_bytes.ilog2() as u8);
        let bytes = burst.bytes(0).start..burst.bytes(burst.beats() - 1).end;
        (burst.response, burst.due) = self.faults.strike(access, Unit::Burst, bytes);
        burst
    }

    fn accept_read(&mut self, cycle: u64, address: AxiAddress) {
        self.counts.read_bursts += 1;
        let mut burst = self.strike_burst(Access::Read, address);
        burst.due += cycle + self.latency(self.config.read_latency);
        self.reads.push_back(burst);
    }

    fn accept_write(&mut self, address: AxiAddress) {
        let burst = self.strike_burst(Access::Write, address);
        let mut write = self.spare.pop().unwrap_or_else(|| WriteBurst { burst: burst.clone(), beats: Vec::new() });
        write.burst = burst;
        write.beats.clear();
        self.writes.push_back(write);
    }

    /// Moves write data that has arrived to the burst that it belongs to.
    fn place_data(&mut self, cycle: u64) {
        while self.filled < self.writes.len() {
            let Some(data) = self.early.pop_front() else { return };
            let latency = self.config.write_latency;
            let write = &mut self.writes[self.filled];
            write.beats.push(data);
            if data.last || write.beats.len() as u64 == write.burst.beats() {
                self.filled += 1;
                let due = cycle + self.latency(latency);
                self.writes[self.filled - 1].burst.due += due;
            }
        }
    }

    /// Applies one write whose time has come.
    fn finish_write(&mut self, next: u64, target: &mut impl Target) {
        let Some(index) = self.pick(self.writes.iter().take(self.filled).map(|write| &write.burst), next) else {
            return;
        };
        let Some(write) = self.writes.remove(index) else { return };
        self.filled -= 1;
        let mut response = write.burst.response;
        for (beat, data) in write.beats.iter().enumerate() {
            let bytes = write.burst.bytes(beat as u64);
            let (fault, _) = self.faults.strike(Access::Write, Unit::Beat, bytes);
            response = response.max(fault);
            if write.burst.response.max(fault) == Response::Okay {
                let done = write_beat(next, &write.burst, beat as u64, data, self.data_bytes, target);
                response = response.max(done);
            }
        }
        self.counts.write_bursts += 1;
        self.counts.errors += u64::from(response != Response::Okay);
        self.answers.push_back((write.burst.address.id, response));
        self.spare.push(write);
    }

    fn answer_write(&mut self) {
        if let Some((id, response)) = self.answers.pop_front() {
            self.pins.b_valid = true;
            self.pins.b_id = id;
            self.pins.b_resp = response;
        }
    }

    /// Puts the next beat of read data on the pins, if its time has come.
    fn answer_read(&mut self, next: u64, target: &mut impl Target) {
        if self.serving.is_none() {
            let Some(index) = self.pick(self.reads.iter(), next) else { return };
            self.serving = self.reads.remove(index);
        }
        let Some(burst) = &mut self.serving else { return };
        if self.held_until > next {
            return;
        }
        let bytes = burst.bytes(burst.beat);
        let fault = match self.struck.take() {
            Some(fault) => fault,
            None => {
                let (fault, delay) = self.faults.strike(Access::Read, Unit::Beat, bytes.clone());
                if delay > 0 {
                    self.held_until = next + delay;
                    self.struck = Some(fault);
                    return;
                }
                fault
            }
        };
        let lane = bytes.start as usize & (self.data_bytes - 1);
        let count = (bytes.end - bytes.start) as usize;
        let data = &mut self.pins.r_data[lane..lane + count];
        let mut response = burst.response.max(fault);
        if response == Response::Okay {
            response = target.read(next, bytes.start, data);
        }
        if response != Response::Okay {
            data.fill(0xee);
        }
        self.counts.read_beats += 1;
        self.counts.errors += u64::from(response != Response::Okay);
        burst.beat += 1;
        self.pins.r_valid = true;
        self.pins.r_id = burst.address.id;
        self.pins.r_resp = response;
        self.pins.r_last = burst.beat == burst.beats();
        if self.pins.r_last {
            self.serving = None;
        }
    }

    /// The burst to be done next: the first, once it is due; with reordering, the first that is due and has none of
    /// its own identifier before it.
    fn pick<'a>(&self, mut bursts: impl Iterator<Item = &'a Burst>, next: u64) -> Option<usize> {
        if !self.config.reorder {
            return bursts.next().filter(|burst| burst.due <= next).map(|_| 0);
        }
        let mut waiting = 0u16;
        bursts.position(|burst| {
            let id = 1u16 << (burst.address.id & 15);
            let free = waiting & id == 0;
            waiting |= id;
            free && burst.due <= next
        })
    }
}

fn write_beat(
    cycle: u64,
    burst: &Burst,
    beat: u64,
    data: &AxiWriteData,
    data_bytes: usize,
    target: &mut impl Target,
) -> Response {
    let bytes = burst.bytes(beat);
    let lane = bytes.start as usize & (data_bytes - 1);
    let count = (bytes.end - bytes.start) as usize;
    let strb = data.strb >> lane & (u128::MAX >> (128 - count));
    if strb == 0 {
        return Response::Okay;
    }
    target.write(cycle, bytes.start, &data.data[lane..lane + count], strb)
}
