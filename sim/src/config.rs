//! How a world is set up.

use crate::axi::AxiConfig;
use crate::axi_check::OnViolation;
use crate::link::WireConfig;
use crate::mac::LineRate;

/// One way through fibre, in nanoseconds a kilometre.
pub const FIBRE_NS_PER_KM: f64 = 4897.0;

/// How a world is set up. Both sites and both directions begin alike; what the world hands out can be changed later.
#[derive(Clone, Debug)]
pub struct Config {
    /// All randomness comes from it.
    pub seed: u64,
    /// Core clock in kHz.
    pub clock_khz: u64,
    /// Line rate.
    pub rate: LineRate,
    /// Length of the link in km; sets `wire.delay`.
    pub km: f64,
    /// Largest IP packet that the link takes, in bytes; sets `wire.max_frame`.
    pub mtu: usize,
    /// The link's faults.
    pub wire: WireConfig,
    /// The host buses.
    pub host: AxiConfig,
    /// The store buses.
    pub store: AxiConfig,
    /// Size of each store in bytes.
    pub store_bytes: u64,
    /// Cycles from a flush request to its answer.
    pub flush_latency: u64,
    /// Jump over idle time.
    pub jump: bool,
    /// What to do when a card breaks a bus's rules.
    pub on_violation: OnViolation,
    /// Cycles of reset at the start.
    pub reset_cycles: u64,
    /// Cycles that a register access may take.
    pub register_deadline: u64,
    /// What each card's `now` is ahead of the world's cycle count.
    pub now_offset: [u64; 2],
}

impl Config {
    /// The build with `DATA_W` 64 at 156.25 MHz with 10G links, or the one with 512 at 250 MHz with 100G links.
    ///
    /// # Panics
    /// When there is no such build.
    pub fn for_data_w(data_w: usize) -> Self {
        let (clock_khz, rate) = match data_w {
            64 => (156_250, LineRate::TEN_GIG),
            512 => (250_000, LineRate::HUNDRED_GIG),
            _ => panic!("there is no build with DATA_W {data_w}"),
        };
        Self {
            seed: 1,
            clock_khz,
            rate,
            km: 0.0,
            mtu: 9000,
            wire: WireConfig::default(),
            host: AxiConfig::default(),
            store: AxiConfig { read_latency: 32, write_latency: 16, ..AxiConfig::default() },
            store_bytes: 1 << 30,
            flush_latency: 64,
            jump: true,
            on_violation: OnViolation::Panic,
            reset_cycles: 16,
            register_deadline: 10_000,
            now_offset: [0, 0],
        }
    }

    /// Propagation delay of the link in cycles, at least 1.
    pub fn delay_cycles(&self) -> u64 {
        ((self.km * FIBRE_NS_PER_KM * self.clock_khz as f64 / 1e6).round() as u64).max(1)
    }

    pub(crate) fn wire(&self) -> WireConfig {
        WireConfig { delay: self.delay_cycles(), max_frame: self.mtu + 14, ..self.wire }
    }
}
