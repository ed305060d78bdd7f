//! Small parts that every block is built from: FIFOs, register slices, stream arbiters, width converters.
//!
//! Must never hold: anything that knows what the bits of a stream mean.

pub mod arbiter;
pub mod crc32c;
pub mod fifo;
pub mod fifo_ram;
pub mod free_list;
pub mod kernels;
pub(crate) mod next;
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

/// `index + count`, round after `n - 1`; `count` is at most `n`.
pub fn wrap_add(index: E, count: E, n: usize) -> E {
    let w = count_width(n) + 1;
    let sum = index.zext(w) + count.zext(w);
    mux(sum.ge(n), sum - n, sum).trunc(index.width())
}

/// Whether an index into `n` items is below `n`.
pub fn in_range(index: E, n: usize) -> E {
    if n == 1 << index.width() { lit(1, 1) } else { index.lt(n) }
}
