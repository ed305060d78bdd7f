//! Small parts that every block is built from: FIFOs, register slices, stream arbiters, width converters.
//!
//! Must never hold: anything that knows what the bits of a stream mean.

pub mod arbiter;
pub mod crc32c;
pub mod fifo;
pub mod fifo_ram;
pub mod skid;
pub mod width;

use crate::prelude::*;

/// Bits that count from 0 to `n`.
pub fn count_width(n: usize) -> usize {
    clog2(n + 1)
}

/// Bits of an index into `n` items, at least 1.
pub fn index_width(n: usize) -> usize {
    clog2(n).max(1)
}

/// `index + 1`, and 0 after `n - 1`.
pub fn wrap_inc(index: impl Into<E>, n: usize) -> E {
    let index = index.into();
    if n == 1 << index.width() { index + 1 } else { mux(index.eq(n - 1), 0, index + 1) }
}
