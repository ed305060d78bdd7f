//! Submission and completion queues in host memory.
//!
//! Must never hold: what an entry asks for; that is `decode`'s.

pub mod cq_post;
pub mod sq_fetch;

use dyad_spec::Field;
use dyad_spec::regs::{QUEUE_CQ_LOG2, QUEUE_ENABLE, QUEUE_SQ_LOG2};

use crate::fields::field;
use crate::prelude::*;

/// The setting of one pair, from its QUEUE_CONTROL.
#[derive(Clone, Copy)]
struct Ring {
    /// In use, and both sizes are legal.
    usable: E,
    /// Entries of the submission queue, less one.
    sq_mask: E,
    /// Entries of the completion queue, less one.
    cq_mask: E,
}

impl Ring {
    /// Takes a QUEUE_CONTROL word apart; queues have up to `1 << log2` entries.
    fn of(control: E, log2: usize) -> Self {
        let size = |f: Field| field(control, f);
        let legal = |f: Field| size(f).any() & size(f).le(log2);
        let mask = |f: Field| array_bits((0..log2).map(|bit| size(f).gt(bit)));
        Self {
            usable: field(control, QUEUE_ENABLE) & legal(QUEUE_SQ_LOG2) & legal(QUEUE_CQ_LOG2),
            sq_mask: mask(QUEUE_SQ_LOG2),
            cq_mask: mask(QUEUE_CQ_LOG2),
        }
    }
}

/// Joins bits, the first one lowest.
fn array_bits(bits: impl Iterator<Item = E>) -> E {
    crate::fields::array(&bits.collect::<Vec<_>>())
}

/// Which of `n` pairs a queue number means: one bit each, none when there is no such pair.
fn which(number: E, n: usize) -> Vec<E> {
    (0..n).map(|i| number.eq(i)).collect()
}
