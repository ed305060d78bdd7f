//! The card's AXI4 ports: host memory and the local store, shared among the blocks that use them.
//!
//! Must never hold: anything that knows what the bytes mean.

pub mod home;
pub mod store_rd;
