//! Frames to and from the MAC.
//!
//! - [`eth_tx`]: builds frames and sends them, payload cut through.
//! - [`eth_rx`]: checks frames and takes them apart.
//! - [`mailbox`]: messages between the two drivers.
//! - [`header`], [`checksum`], [`crc`]: the parts both are made of.
//!
//! Must never hold: anything that knows of slots, locks or stores beyond the numbers that frames carry.

pub mod checksum;
pub mod crc;
pub mod eth_rx;
pub mod eth_tx;
pub mod header;
pub mod mailbox;
mod rx_checks;
mod rx_verdict;
mod tx_blocks;
