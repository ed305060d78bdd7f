//! The world around the card: what stands in for host, store, MAC and fibre when there is no board.
//!
//! A [`World`] holds two sites and the link between them. At each site there is a [`Card`] (Verilated, or a stand-in),
//! host memory that honours what was mapped, a local store, and a strict cut-through MAC. Everything runs in the calling
//! thread, cycle by cycle, without sleeping, and is the same for the same seed, to the cycle; one card can be given a thread
//! of its own. Idle stretches, such as the flight of a frame over 100 km, are jumped over without changing anything that
//! can be seen.
//!
//! | module | what it models |
//! |---|---|
//! | [`card`] | the card's pins |
//! | [`rtl`], [`mod@core`] | the Verilated card, and the two builds of it |
//! | [`beside`] | a card on a thread of its own |
//! | [`axi`], [`faults`] | an AXI4 slave with latency, stalls and faults; [`axi_check`] referees the master |
//! | [`host_mem`], [`memory`] | host memory behind an IOMMU |
//! | [`store`] | the local store and its flush line |
//! | [`axil`] | the host's side of the register bus |
//! | [`mac`] | line pacing, underrun, overrun |
//! | [`link`], [`wire`] | distance and faults of the fibre; monitors and taps |
//! | [`pcap`] | captures of the link |
//! | [`site`], [`config`], [`world`] | one site; both, and the time |
//!
//! This crate must never hold a register offset, an opcode or a header field: those are `dyad-spec`'s.

pub mod axi;
pub mod axi_check;
#[cfg(test)]
mod axi_tests;
pub mod axil;
pub mod backing;
pub mod beside;
pub mod card;
pub mod config;
pub mod core;
pub mod faults;
mod frame;
pub mod host_mem;
pub mod link;
pub mod mac;
pub mod memory;
pub mod pcap;
pub mod rng;
pub mod rtl;
pub mod site;
mod sparse;
pub mod store;
pub mod wire;
pub mod world;

pub use axi::{AxiConfig, AxiCounts};
pub use axi_check::OnViolation;
pub use backing::{Bench, SimBacking};
pub use beside::Beside;
pub use card::{Card, Response, Site};
pub use config::Config;
pub use faults::{Access, Effect, Fault, Unit};
pub use host_mem::HostMemory;
pub use link::{Fcs, Verdict, WireConfig};
pub use mac::LineRate;
pub use memory::Memory;
pub use rtl::RtlCard;
pub use store::Store;
pub use wire::Wire;
pub use world::{Action, Timeout, World};
