//! An AXI4-Lite master: the host's side of the register bus.

use crate::card::{AxilMasterPins, AxilSlavePins};
use std::collections::VecDeque;

/// A register access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read of the word at this offset.
    Read(u16),
    /// Write of a word to this offset.
    Write(u16, u32),
}

/// How an access ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its ticket.
    pub ticket: u64,
    /// What was read; 0 for a write.
    pub data: u32,
    /// The bus's response: 0 is OKAY.
    pub response: u8,
}

/// Carries out register accesses one after the other, in order.
#[derive(Debug, Default)]
pub struct AxilMaster {
    pins: AxilMasterPins,
    queue: VecDeque<(u64, Operation)>,
    busy: Option<(u64, Operation)>,
    next_ticket: u64,
    last: Option<Completion>,
    /// Accesses that ended with an error response.
    pub errors: u64,
}

impl AxilMaster {
    /// What the master drives in this cycle.
    #[inline]
    pub fn pins(&self) -> &AxilMasterPins {
        &self.pins
    }

    /// Appends an access and returns its ticket. Tickets rise.
    pub fn submit(&mut self, operation: Operation) -> u64 {
        self.next_ticket += 1;
        self.queue.push_back((self.next_ticket, operation));
        self.next_ticket
    }

    /// The access that ended last.
    #[inline]
    pub fn last(&self) -> Option<Completion> {
        self.last
    }

    /// Whether nothing is under way or waiting.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.busy.is_none() && self.queue.is_empty()
    }

    /// Accesses under way and waiting.
    pub fn pending(&self) -> usize {
        self.queue.len() + usize::from(self.busy.is_some())
    }

    /// Forgets all accesses, for a reset or a card that does not answer.
    pub fn reset(&mut self) {
        self.pins = AxilMasterPins::default();
        self.queue.clear();
        self.busy = None;
    }

    /// One clock edge: `slave` is what the card drove in this cycle.
    #[inline]
    pub fn step(&mut self, slave: &AxilSlavePins) {
        let pins = &mut self.pins;
        if let Some((ticket, operation)) = self.busy {
            pins.aw_valid &= !slave.aw_ready;
            pins.w_valid &= !slave.w_ready;
            pins.ar_valid &= !slave.ar_ready;
            let (done, response, data) = match operation {
                Operation::Read(_) => (slave.r_valid && pins.r_ready, slave.r_resp, slave.r_data),
                Operation::Write(..) => (slave.b_valid && pins.b_ready, slave.b_resp, 0),
            };
            if done {
                self.errors += u64::from(response != 0);
                self.last = Some(Completion { ticket, data, response });
                *pins = AxilMasterPins::default();
                self.busy = None;
            }
        }
        if self.busy.is_none()
            && let Some((ticket, operation)) = self.queue.pop_front()
        {
            *pins = match operation {
                Operation::Read(offset) => {
                    AxilMasterPins { ar_valid: true, ar_addr: offset, r_ready: true, ..Default::default() }
                }
                Operation::Write(offset, word) => AxilMasterPins {
                    aw_valid: true,
                    aw_addr: offset,
                    w_valid: true,
                    w_data: word,
                    w_strb: 0xf,
                    b_ready: true,
                    ..Default::default()
                },
            };
            self.busy = Some((ticket, operation));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slave with registers, whose channels are ready when `ready` says so.
    fn run(ready: impl Fn(u64) -> [bool; 3]) -> Vec<Completion> {
        let mut master = AxilMaster::default();
        let tickets = [Operation::Write(4, 7), Operation::Read(4), Operation::Write(4, 9), Operation::Read(4)]
            .map(|operation| master.submit(operation));
        assert_eq!(tickets, [1, 2, 3, 4]);
        let (mut register, mut aw, mut w, mut ar) = (0, false, None, false);
        let mut slave = AxilSlavePins::default();
        let mut ends = Vec::new();
        for cycle in 0..200 {
            [slave.aw_ready, slave.w_ready, slave.ar_ready] = ready(cycle);
            let pins = *master.pins();
            master.step(&slave);
            slave.b_valid &= !pins.b_ready;
            slave.r_valid &= !pins.r_ready;
            aw |= pins.aw_valid && slave.aw_ready;
            if pins.w_valid && slave.w_ready {
                w = Some(pins.w_data);
            }
            ar |= pins.ar_valid && slave.ar_ready;
            if let (true, Some(data)) = (aw, w) {
                (register, aw, w) = (data, false, None);
                slave.b_valid = true;
            }
            if ar {
                (slave.r_valid, slave.r_data, ar) = (true, register, false);
            }
            if let Some(end) = master.last().filter(|end| ends.last() != Some(end)) {
                ends.push(end);
            }
        }
        assert!(master.is_idle());
        ends
    }

    #[test]
    fn accesses_end_in_order_whatever_is_ready_first() {
        let expected: Vec<_> = [(1, 0), (2, 7), (3, 0), (4, 9)]
            .into_iter()
            .map(|(ticket, data)| Completion { ticket, data, response: 0 })
            .collect();
        assert_eq!(run(|_| [true; 3]), expected);
        assert_eq!(run(|cycle| [cycle % 3 == 0, cycle % 4 == 0, cycle % 5 == 0]), expected);
        assert_eq!(run(|cycle| [cycle % 4 == 3, cycle % 3 == 0, cycle % 2 == 0]), expected);
    }
}
