//! Latencies as round trips of the link, and what is over.

use dyad_sim::Config;
use serde::Serialize;

use crate::summary::Summary;

/// Least round trip that commands are told in, in cycles: with a shorter one, what the cards and stores do takes as long.
const LEAST: u64 = 10_000;

/// A time, as whole round trips and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Trips {
    /// Whole round trips.
    pub round_trips: u64,
    /// Cycles beyond them.
    pub cycles: u64,
}

impl Trips {
    fn of(cycles: i64, link_cycles: u64) -> Self {
        let cycles = cycles.max(0) as u64;
        Self { round_trips: cycles / link_cycles, cycles: cycles % link_cycles }
    }
}

impl std::fmt::Display for Trips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} + {} cycles", self.round_trips, self.cycles)
    }
}

/// The latency of commands in round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RoundTrips {
    /// Cycles that light in the fibre takes there and back.
    pub link_cycles: u64,
    /// Of the fastest command.
    pub min: Trips,
    /// Of the median.
    pub p50: Trips,
    /// Of the one that 99 % are no slower than.
    pub p99: Trips,
    /// Of the slowest.
    pub max: Trips,
}

impl RoundTrips {
    /// Of latencies in cycles over the simulated link; `None` when that is too short to tell.
    pub fn of(cycles: &Summary, config: Option<&Config>) -> Option<Self> {
        let link_cycles = 2 * config?.delay_cycles();
        let trips = |cycles| Trips::of(cycles, link_cycles);
        let Summary { min, p50, p99, max, .. } = *cycles;
        let [min, p50, p99, max] = [min, p50, p99, max].map(trips);
        (link_cycles >= LEAST).then_some(Self { link_cycles, min, p50, p99, max })
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let Self { link_cycles, p50, p99, max, .. } = self;
        format!("round trips: p50 {p50}, p99 {p99}, max {max} (one is {link_cycles} cycles)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_ones_and_the_rest() {
        let config = Config { km: 100.0, ..Config::for_data_w(64) };
        let cycles = Summary { min: 200, p50: 154_010, p99: 2 * 153_032, p999: 400_000, max: 500_000 };
        let trips = RoundTrips::of(&cycles, Some(&config)).unwrap();
        assert_eq!((trips.min, trips.link_cycles), (Trips { round_trips: 0, cycles: 200 }, 153_032));
        assert!(
            trips.text().starts_with("round trips: p50 1 + 978 cycles, p99 2 + 0 cycles, max 3 + 40904"),
            "{trips:?}"
        );
        assert_eq!(RoundTrips::of(&cycles, Some(&Config::for_data_w(64))), None, "a link of no length");
        assert_eq!(RoundTrips::of(&cycles, None), None);
    }
}
