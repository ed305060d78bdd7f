//! Which bits of a node are the same whatever the inputs are. A node all of whose bits are known is replaced by the
//! constant: lint tools object to comparisons that can't vary.

use std::cmp::Ordering;

use super::bits::{Bits, words};
use super::data::*;

/// The smallest and the largest value bit by bit: a bit is known where both agree.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    low: Bits,
    high: Bits,
}

impl Known {
    fn constant(v: &Bits) -> Self {
        Known { low: v.clone(), high: v.clone() }
    }

    fn nothing(w: usize) -> Self {
        Known { low: Bits::zero(w), high: Bits::ones(w) }
    }

    fn bit(v: Option<bool>) -> Self {
        v.map_or(Known::nothing(1), |v| Known::constant(&Bits::from_u64(v.into(), 1)))
    }

    /// The value, when there is only one.
    pub fn value(&self) -> Option<&Bits> {
        (self.low == self.high).then_some(&self.low)
    }

    /// What holds for both.
    fn join(&self, other: &Known) -> Known {
        Known { low: zip(&self.low, &other.low, |x, y| x & y), high: zip(&self.high, &other.high, |x, y| x | y) }
    }

    fn each(&self, f: impl Fn(&Bits) -> Bits) -> Known {
        Known { low: f(&self.low), high: f(&self.high) }
    }
}

fn zip(a: &Bits, b: &Bits, f: impl Fn(u64, u64) -> u64) -> Bits {
    let v: Vec<u64> = a.words().iter().zip(b.words()).map(|(x, y)| f(*x, *y)).collect();
    Bits::from_words(&v, a.width())
}

fn not(a: &Bits) -> Bits {
    zip(a, a, |x, _| !x)
}

fn cmp(a: &Bits, b: &Bits) -> Ordering {
    words::cmp(a.words(), b.words())
}

/// `Some` when the comparison has one result for all values within the bounds.
fn compare(op: CmpOp, a: &Known, b: &Known) -> Option<bool> {
    let differ =
        || !zip(&zip(&a.low, &b.high, |x, y| x & !y), &zip(&b.low, &a.high, |x, y| x & !y), |x, y| x | y).is_zero();
    match op {
        CmpOp::Eq => differ().then_some(false),
        CmpOp::Ne => differ().then_some(true),
        CmpOp::Lt if cmp(&a.high, &b.low).is_lt() => Some(true),
        CmpOp::Lt if cmp(&a.low, &b.high).is_ge() => Some(false),
        CmpOp::Le if cmp(&a.high, &b.low).is_le() => Some(true),
        CmpOp::Le if cmp(&a.low, &b.high).is_gt() => Some(false),
        CmpOp::Lt | CmpOp::Le => None,
    }
}

/// What is known of a node of width `w` whose operands are among `of`.
pub(crate) fn known(op: &NodeOp, w: usize, of: &[Known]) -> Known {
    let k = |a: &NodeId| &of[*a as usize];
    match op {
        NodeOp::Const(v) => Known::constant(v),
        NodeOp::Slice(a, lsb) => k(a).each(|v| v.get(*lsb as usize, w)),
        NodeOp::Cat(parts) => {
            let mut r = Known::constant(&Bits::zero(w));
            let mut at = 0;
            for p in parts.iter().rev() {
                r.low.set(at, &k(p).low);
                r.high.set(at, &k(p).high);
                at += k(p).low.width();
            }
            r
        }
        NodeOp::Rep(a, n) => k(a).each(|v| {
            let mut r = Bits::zero(w);
            (0..*n as usize).for_each(|i| r.set(i * v.width(), v));
            r
        }),
        NodeOp::Not(a) => Known { low: not(&k(a).high), high: not(&k(a).low) },
        NodeOp::Red(RedOp::Any, a) if k(a).high.is_zero() => Known::bit(Some(false)),
        NodeOp::Red(RedOp::Any, a) => Known::bit((!k(a).low.is_zero()).then_some(true)),
        NodeOp::Red(RedOp::All, a) => Known::bit((!k(a).high.is_ones()).then_some(false)),
        NodeOp::Bin(BinOp::And, a, b) => {
            Known { low: zip(&k(a).low, &k(b).low, |x, y| x & y), high: zip(&k(a).high, &k(b).high, |x, y| x & y) }
        }
        NodeOp::Bin(BinOp::Or, a, b) => {
            Known { low: zip(&k(a).low, &k(b).low, |x, y| x | y), high: zip(&k(a).high, &k(b).high, |x, y| x | y) }
        }
        NodeOp::Cmp(op, a, b) => Known::bit(compare(*op, k(a), k(b))),
        NodeOp::Mux(_, a, b) => k(a).join(k(b)),
        NodeOp::Select(_, items) => items[1..].iter().fold(k(&items[0]).clone(), |r, i| r.join(k(i))),
        NodeOp::Sig(_) | NodeOp::Red(RedOp::Parity, _) | NodeOp::Bin(..) => Known::nothing(w),
        NodeOp::Shl(..) | NodeOp::Shr(..) | NodeOp::SliceDyn(..) => Known::nothing(w),
    }
}
