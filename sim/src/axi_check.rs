//! The AXI rules that a master must keep (IHI 0022, A3).

use crate::card::{AxiAddress, AxiMasterPins, AxiSlavePins, AxiWriteData};
use std::collections::VecDeque;

/// What to do with a broken rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnViolation {
    /// Panic: the card is at fault, and nothing after this can be believed.
    #[default]
    Panic,
    /// Write it down.
    Record,
}

/// Watches one bus of a card, or its stream.
#[derive(Debug)]
pub struct Referee {
    bus: &'static str,
    reaction: OnViolation,
    /// What was written down; the first thousand.
    broken: Vec<String>,
}

impl Referee {
    /// For the bus called `bus`.
    pub fn new(bus: &'static str, reaction: OnViolation) -> Self {
        Self { bus, reaction, broken: Vec::new() }
    }

    /// The rules broken so far, with cycle and values.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    #[cold]
    pub(crate) fn report(&mut self, cycle: u64, what: &str) {
        const KEPT: usize = 1000;
        let text = format!("cycle {cycle}: {}: {what}", self.bus);
        assert!(self.reaction == OnViolation::Record, "{text}");
        if self.broken.len() < KEPT {
            self.broken.push(text);
        }
    }
}

/// Checks a master's side of an AXI bus cycle by cycle.
#[derive(Debug)]
pub struct AxiChecker {
    referee: Referee,
    data_bytes: usize,
    /// Channels that were valid and not ready in the last cycle must not change.
    held_aw: Option<AxiAddress>,
    held_w: Option<Box<AxiWriteData>>,
    held_ar: Option<AxiAddress>,
    spare: Option<Box<AxiWriteData>>,
    /// Beats of each burst whose write data is not complete; 0 stands for data that came before its address.
    expected: VecDeque<u16>,
    /// Beats seen of the burst whose data comes now.
    seen: u16,
    /// Lengths of bursts whose data was complete before their address came.
    early: VecDeque<u16>,
}

impl AxiChecker {
    /// For a bus of `data_bytes` a beat.
    pub fn new(bus: &'static str, data_bytes: usize, reaction: OnViolation) -> Self {
        Self {
            referee: Referee::new(bus, reaction),
            data_bytes,
            held_aw: None,
            held_w: None,
            held_ar: None,
            spare: Some(Box::default()),
            expected: VecDeque::new(),
            seen: 0,
            early: VecDeque::new(),
        }
    }

    /// The rules broken so far.
    pub fn broken(&self) -> &[String] {
        self.referee.broken()
    }

    /// Forgets what is under way, for a reset.
    pub fn reset(&mut self) {
        self.held_aw = None;
        self.held_ar = None;
        self.spare = self.held_w.take().or(self.spare.take());
        self.expected.clear();
        self.early.clear();
        self.seen = 0;
    }

    /// Looks at the pins of one cycle.
    #[inline]
    pub fn check(&mut self, cycle: u64, master: &AxiMasterPins, slave: &AxiSlavePins) {
        if self.held_aw.is_some() || self.held_w.is_some() || self.held_ar.is_some() {
            self.check_held(cycle, master);
        }
        if master.aw.valid {
            if slave.aw_ready {
                self.check_burst(cycle, "write", &master.aw);
                self.address_accepted(cycle, u16::from(master.aw.len) + 1);
            } else {
                self.held_aw = Some(master.aw);
            }
        }
        if master.ar.valid {
            if slave.ar_ready {
                self.check_burst(cycle, "read", &master.ar);
            } else {
                self.held_ar = Some(master.ar);
            }
        }
        if master.w.valid {
            if slave.w_ready {
                self.data_accepted(cycle, &master.w);
            } else {
                let mut held = self.spare.take().unwrap_or_default();
                *held = master.w;
                self.held_w = Some(held);
            }
        }
    }

    fn check_held(&mut self, cycle: u64, master: &AxiMasterPins) {
        if self.held_aw.take().is_some_and(|held| held != master.aw) {
            self.referee.report(cycle, "awvalid or its payload changed before awready");
        }
        if self.held_ar.take().is_some_and(|held| held != master.ar) {
            self.referee.report(cycle, "arvalid or its payload changed before arready");
        }
        if let Some(held) = self.held_w.take() {
            if *held != master.w {
                self.referee.report(cycle, "wvalid or its payload changed before wready");
            }
            self.spare = Some(held);
        }
    }

    fn check_burst(&mut self, cycle: u64, kind: &str, address: &AxiAddress) {
        let beat_bytes = 1u64 << address.size.min(7);
        let total = beat_bytes * (u64::from(address.len) + 1);
        if address.burst != 1 {
            self.referee.report(cycle, &format!("{kind} burst is not INCR: {address:x?}"));
        }
        if beat_bytes > self.data_bytes as u64 {
            self.referee.report(cycle, &format!("{kind} beat is wider than the bus: {address:x?}"));
        }
        // The last byte counts from the aligned address of the first beat.
        if (address.addr & 0xfff & !(beat_bytes - 1)) + total > 4096 {
            self.referee.report(cycle, &format!("{kind} burst crosses a 4 KiB boundary: {address:x?}"));
        }
    }

    fn address_accepted(&mut self, cycle: u64, beats: u16) {
        match self.early.pop_front() {
            Some(sent) if sent != beats => {
                self.referee.report(cycle, &format!("burst of {beats} beats had {sent} beats of data before it"));
            }
            Some(_) => {}
            None => self.expected.push_back(beats),
        }
    }

    fn data_accepted(&mut self, cycle: u64, data: &AxiWriteData) {
        self.seen += 1;
        match self.expected.front() {
            Some(&beats) => {
                if data.last != (self.seen == beats) {
                    self.referee.report(cycle, &format!("wlast is {} on beat {} of {beats}", data.last, self.seen));
                }
                if self.seen == beats || data.last {
                    self.expected.pop_front();
                    self.seen = 0;
                }
            }
            None if data.last => self.early.push_back(std::mem::take(&mut self.seen)),
            None => {}
        }
    }
}
