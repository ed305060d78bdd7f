//! One site: a card, its host and its store.

use crate::axi::AxiSlave;
use crate::axil::AxilMaster;
use crate::card::{AxisBeat, Card, CardInputs, CardOutputs};
use crate::host_mem::HostMemory;
use crate::mac::{LineRate, RxMac, TxMac};
use crate::store::{FlushLine, Store};
use crate::wire::Wire;
use std::collections::VecDeque;

/// Interrupt vectors of a card.
pub const VECTOR_COUNT: usize = 8;
/// Pulses kept for each vector; more are only counted.
const KEPT_PULSES: usize = 1 << 16;

/// Interrupts that a card has raised.
#[derive(Debug, Default)]
pub struct Irqs {
    pending: [VecDeque<u64>; VECTOR_COUNT],
    counts: [u64; VECTOR_COUNT],
}

impl Irqs {
    /// The oldest pulse of `vector` that was not taken yet: the cycle in which it came.
    pub fn take(&mut self, vector: usize) -> Option<u64> {
        self.pending[vector].pop_front()
    }

    /// Pulses of `vector` not taken yet.
    pub fn pending(&self, vector: usize) -> usize {
        self.pending[vector].len()
    }

    /// All pulses of `vector` so far.
    pub fn count(&self, vector: usize) -> u64 {
        self.counts[vector]
    }

    #[cold]
    fn record(&mut self, cycle: u64, irq: u8) {
        for vector in (0..VECTOR_COUNT).filter(|vector| irq >> vector & 1 == 1) {
            self.counts[vector] += 1;
            if self.pending[vector].len() < KEPT_PULSES {
                self.pending[vector].push_back(cycle);
            }
        }
    }
}

/// A card with everything around it.
pub struct Station {
    pub(crate) card: Box<dyn Card>,
    pub(crate) inputs: CardInputs,
    pub(crate) outputs: CardOutputs,
    pub(crate) axil: AxilMaster,
    /// The host bus: latencies, stalls and faults.
    pub host_bus: AxiSlave,
    /// What the host has mapped.
    pub host: HostMemory,
    /// The store bus: latencies, stalls and faults.
    pub store_bus: AxiSlave,
    /// What is stored.
    pub store: Store,
    /// The store's flush line.
    pub flush: FlushLine,
    /// Interrupts raised.
    pub irqs: Irqs,
    pub(crate) tx: TxMac,
    pub(crate) rx: RxMac,
    pub(crate) dead: bool,
    /// Cycles for which `rst` stays high.
    pub(crate) reset_left: u64,
    /// What this card's `now` is ahead of the world's cycle count.
    pub(crate) now_offset: u64,
}

impl Station {
    /// The transmitter.
    pub fn tx(&self) -> &TxMac {
        &self.tx
    }

    /// The receiver.
    pub fn rx(&self) -> &RxMac {
        &self.rx
    }

    /// The card.
    pub fn card_mut(&mut self) -> &mut dyn Card {
        &mut *self.card
    }

    /// The card's outputs in the last cycle.
    pub fn outputs(&self) -> &CardOutputs {
        &self.outputs
    }

    /// Whether the card was killed.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Every rule of AXI and of the streams that the card has broken.
    pub fn broken_rules(&self) -> impl Iterator<Item = &String> {
        self.host_bus.broken().iter().chain(self.store_bus.broken()).chain(self.tx.broken())
    }

    /// The first half of a cycle: up to the card's outputs. It takes nothing that is sent in the same cycle.
    #[inline]
    pub(crate) fn begin(&mut self, cycle: u64, incoming: &mut Wire) {
        if self.dead {
            // What arrives is lost, but it must leave the wire.
            incoming.receive(cycle, &mut self.inputs.rx);
            return;
        }
        let inputs = &mut self.inputs;
        inputs.now = cycle + self.now_offset;
        inputs.rst = self.reset_left > 0;
        if inputs.rst {
            self.step_reset(cycle, incoming);
            return;
        }
        inputs.axil = *self.axil.pins();
        inputs.host = *self.host_bus.pins();
        inputs.store = *self.store_bus.pins();
        (inputs.flush_ack, inputs.flush_err) = self.flush.pins();
        inputs.rx = *self.rx.present(cycle, incoming);
        inputs.tx_ready = self.tx.ready(cycle);

        self.card.begin(inputs, &mut self.outputs);
    }

    /// The other half: what the outputs do.
    #[inline]
    pub(crate) fn end(&mut self, cycle: u64, outgoing: &mut Wire) {
        if self.dead || self.inputs.rst {
            return;
        }
        let outputs = &mut self.outputs;
        self.card.end(outputs);
        if outputs.irq != 0 {
            self.irqs.record(cycle, outputs.irq);
        }
        self.axil.step(&outputs.axil);
        self.host_bus.step(cycle, &outputs.host, &mut self.host);
        self.store_bus.step(cycle, &outputs.store, &mut self.store);
        self.flush.step(cycle, outputs.flush_req);
        self.rx.step(outputs.rx_ready);
        self.tx.step(cycle, &outputs.tx, outgoing);
    }

    /// A cycle with `rst` high: what the card drives means nothing.
    fn step_reset(&mut self, cycle: u64, incoming: &mut Wire) {
        self.reset_left -= 1;
        let quiet = CardInputs { rst: true, now: self.inputs.now, ..CardInputs::default() };
        self.card.cycle(&quiet, &mut self.outputs);
        self.outputs = CardOutputs::default();
        self.rx.present(cycle, incoming);
        self.rx.step(true);
        self.rx.reset();
    }

    /// Raises `rst` for some cycles; everything under way on the buses is forgotten.
    pub(crate) fn reset(&mut self, cycle: u64, cycles: u64, outgoing: &mut Wire) {
        self.reset_left = cycles;
        self.axil.reset();
        self.host_bus.reset();
        self.store_bus.reset();
        self.flush.reset();
        self.tx.reset(cycle, outgoing);
        self.rx.reset();
    }

    /// Whether the card and what moves only with it are at rest.
    #[inline]
    pub(crate) fn may_sleep(&self) -> bool {
        let idle = self.outputs.idle && self.reset_left == 0 && self.axil.is_idle();
        self.dead || idle && self.rx.is_idle() && !self.tx.in_frame()
    }

    /// When something may next happen on the buses of a card at rest; `None` when nothing is under way.
    pub(crate) fn next_event(&self, cycle: u64) -> Option<u64> {
        if self.dead {
            return None;
        }
        let events = [self.host_bus.next_event(cycle), self.store_bus.next_event(cycle), self.flush.next_event(cycle)];
        events.into_iter().flatten().min()
    }

    /// Goes on at `cycle` after a jump.
    pub(crate) fn resume(&mut self, cycle: u64) {
        self.host_bus.resume(cycle);
        self.store_bus.resume(cycle);
    }
}

/// A frame that arrived at a site without a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Cycle of its first beat.
    pub start: u64,
    /// Cycle of its last beat.
    pub end: u64,
    /// The frame without FCS.
    pub bytes: Vec<u8>,
    /// Its FCS is wrong.
    pub bad: bool,
}

/// What a scripted peer answers to a frame: frames, which are sent in order at the line rate.
pub type Script = Box<dyn FnMut(&Arrived) -> Vec<Vec<u8>> + Send>;

/// In place of a card: a peer that a test plays.
pub struct ScriptedPeer {
    /// Frames that arrived and that the test has not taken, oldest first.
    pub arrived: VecDeque<Arrived>,
    script: Option<Script>,
    rate: LineRate,
    data_bytes: usize,
    beat: AxisBeat,
    start: u64,
    bytes: Vec<u8>,
    line_free: u64,
}

impl ScriptedPeer {
    pub(crate) fn new(rate: LineRate, data_bytes: usize) -> Self {
        Self {
            arrived: VecDeque::new(),
            script: None,
            rate,
            data_bytes,
            beat: AxisBeat::default(),
            start: 0,
            bytes: Vec::new(),
            line_free: 0,
        }
    }

    /// Answers each frame by `script`, in place of keeping it in `arrived`.
    pub fn set_script(&mut self, script: Option<Script>) {
        self.script = script;
    }

    /// Sends a frame as soon as the line is free; `bad` with a wrong FCS.
    pub(crate) fn send(&mut self, cycle: u64, bytes: &[u8], bad: bool, outgoing: &mut Wire) {
        let start = cycle.max(self.line_free);
        let line = LineRate::line_bytes(bytes.len() as u64);
        self.line_free = start + (line * 8 * self.rate.cycles).div_ceil(self.rate.bits);
        outgoing.inject(start, bytes, bad);
    }

    pub(crate) fn step(&mut self, cycle: u64, outgoing: &mut Wire, incoming: &mut Wire) {
        if !incoming.receive(cycle, &mut self.beat) {
            return;
        }
        if self.bytes.is_empty() {
            self.start = cycle;
        }
        let count = (self.beat.keep.count_ones() as usize).min(self.data_bytes);
        self.bytes.extend_from_slice(&self.beat.data[..count]);
        if self.beat.last {
            let bytes = std::mem::take(&mut self.bytes);
            let arrived = Arrived { start: self.start, end: cycle, bytes, bad: self.beat.user };
            match &mut self.script {
                Some(script) => {
                    for answer in script(&arrived) {
                        self.send(cycle + 1, &answer, false, outgoing);
                    }
                }
                None => self.arrived.push_back(arrived),
            }
        }
    }
}
