//! What a card shows of itself without being asked to do anything: counters, state, slots in use. Two samples make rates.

use anyhow::Result;
use dyad_driver::bar::CardStatus;
use dyad_driver::{Backing, Device};
use dyad_spec::counters::Counter;
use dyad_spec::regs;

/// What a card showed at one time.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The card's time in core clock periods.
    pub cycle: u64,
    /// Every counter.
    pub counters: Vec<(Counter, u32)>,
    /// Its state.
    pub status: CardStatus,
    /// Slots in use.
    pub slots_in_use: u32,
    /// The card's site, 0 or 1, as its driver set it.
    pub site: u8,
}

impl Sample {
    /// Of a card, as it is now.
    ///
    /// # Errors
    /// When the device is gone.
    pub fn take<B: Backing>(device: &Device<B>) -> Result<Self> {
        let cycle = device.now_cycles();
        let counters = device.counters()?;
        let registers = device.registers();
        let (slots_in_use, site) = (registers.get(&regs::SLOTS_IN_USE), registers.get(&regs::SITE) as u8 & 1);
        Ok(Self { cycle, counters, status: device.status()?, slots_in_use, site })
    }

    /// How far each counter moved since an earlier sample. Counters wrap. They are zero after a reset, which shows as a
    /// counter that would have moved by half of its range or more: then what each counted since the reset is what moved.
    pub fn moved_since(&self, before: &Sample) -> Vec<(Counter, u32)> {
        let pairs = before.counters.iter().zip(&self.counters);
        let moved: Vec<_> = pairs.map(|(before, after)| (after.0, after.1.wrapping_sub(before.1))).collect();
        let was_reset = moved.iter().any(|(_, by)| *by >= 1 << 31);
        if was_reset { self.counters.clone() } else { moved }
    }

    /// Seconds of the card's time since an earlier sample.
    pub fn seconds_since(&self, before: &Sample, clock_khz: u32) -> f64 {
        self.cycle.saturating_sub(before.cycle) as f64 / (f64::from(clock_khz.max(1)) * 1000.0)
    }

    /// The link's state in a word.
    pub fn link(&self) -> &'static str {
        match self.status {
            status if status.contains(CardStatus::FENCED) => "fenced",
            status if status.contains(CardStatus::LINK_UP) => "up",
            _ => "down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cycle: u64, tx: u32, rx: u32) -> Sample {
        let counters = vec![(Counter::tx_frames, tx), (Counter::rx_frames, rx)];
        Sample { cycle, counters, status: CardStatus::LINK_UP, slots_in_use: 0, site: 0 }
    }

    #[test]
    fn a_reset_starts_the_count_again() {
        let (before, after) = (sample(1000, 9, 40), sample(2000, 3, 50));
        assert_eq!(after.moved_since(&before), [(Counter::tx_frames, 3), (Counter::rx_frames, 50)]);
    }

    #[test]
    fn rates_survive_a_counter_that_wraps() {
        let (before, after) = (sample(1000, u32::MAX - 1, 7), sample(1000 + 312_500, 3, 7));
        assert_eq!(after.moved_since(&before), [(Counter::tx_frames, 5), (Counter::rx_frames, 0)]);
        assert_eq!(after.seconds_since(&before, 156_250), 0.002);
        assert_eq!(after.link(), "up");
    }
}
