//! The card's AXI4 ports: host memory and the local store, shared among the blocks that use them.
//!
//! Must never hold: anything that knows what the bytes mean.

pub mod home;
pub mod host_rd;
pub mod host_wr;
pub mod store_rd;

use crate::prelude::*;

/// AxBURST of bursts with rising addresses (AXI IHI 0022 A3.4.1).
pub const BURST_INCR: u64 = 0b01;

/// A beat of data read from host memory.
#[derive(Clone, Copy)]
pub struct HostBeat {
    /// Data.
    pub data: E,
    /// Last of its burst.
    pub last: E,
    /// It could not be read: the data mean nothing.
    pub err: E,
}

impl HostBeat {
    /// Bits of the packed vector at a datapath width.
    pub const fn width(data_w: usize) -> usize {
        data_w + 2
    }

    /// Joins the fields: data lowest, then `last`, then `err`.
    #[track_caller]
    pub fn pack(&self) -> E {
        cat(&[self.err, self.last, self.data])
    }

    /// Takes a packed vector apart.
    #[track_caller]
    pub fn unpack(packed: E, data_w: usize) -> Self {
        assert_eq!(packed.width(), Self::width(data_w), "HostBeat: width of the packed vector");
        Self { data: packed.slice(0, data_w), last: packed.bit(data_w), err: packed.bit(data_w + 1) }
    }
}
