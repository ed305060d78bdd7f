//! Faults of a memory bus, placed by hand: "the third beat read from this page fails".

use crate::card::Response;
use std::ops::Range;

/// Which accesses a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Those that read.
    Read,
    /// Those that write.
    Write,
}

/// What a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Beats; a failed beat leaves the others of its burst alone.
    Beat,
    /// Bursts, by their first beat; all beats of a failed burst fail.
    Burst,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The access has no effect and gets this response. What a failed read returns is not the memory's contents.
    Error(Response),
    /// The access, and all behind it, comes so many cycles later: a read burst, a write burst or a read beat.
    Delay(u64),
}

/// One planned fault: of the accesses of its kind that touch `range`, the first `skip` are left alone and the next
/// `times` are hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Reads or writes.
    pub access: Access,
    /// Beats or bursts.
    pub unit: Unit,
    /// Byte addresses.
    pub range: Range<u64>,
    /// How many are left alone first.
    pub skip: u64,
    /// How many are hit then.
    pub times: u64,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// An error on beat `beat` (from 0) of those that touch `range`, once.
    pub fn on_beat(access: Access, range: Range<u64>, beat: u64, response: Response) -> Self {
        Self { access, unit: Unit::Beat, range, skip: beat, times: 1, effect: Effect::Error(response) }
    }

    /// An error on burst `nth` (from 0), once, wherever it goes.
    pub fn on_burst(access: Access, nth: u64, response: Response) -> Self {
        Self { access, unit: Unit::Burst, range: 0..u64::MAX, skip: nth, times: 1, effect: Effect::Error(response) }
    }
}

/// The faults that are planned for one bus.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    faults: Vec<Fault>,
    hits: u64,
}

impl FaultPlan {
    /// Adds one; its counting begins now.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Takes all back.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// How often a fault has struck.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// What happens to the access of `bytes`: the worst response and the sum of the delays.
    #[inline]
    pub(crate) fn strike(&mut self, access: Access, unit: Unit, bytes: Range<u64>) -> (Response, u64) {
        if self.faults.is_empty() {
            return (Response::Okay, 0);
        }
        let (mut response, mut delay) = (Response::Okay, 0);
        for fault in &mut self.faults {
            let touched = bytes.start < fault.range.end && fault.range.start < bytes.end;
            if fault.access != access || fault.unit != unit || !touched {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else {
                self.hits += 1;
                fault.times = fault.times.saturating_sub(1);
                match fault.effect {
                    Effect::Error(error) => response = response.max(error),
                    Effect::Delay(cycles) => delay += cycles,
                }
            }
        }
        self.faults.retain(|fault| fault.times > 0);
        (response, delay)
    }
}
