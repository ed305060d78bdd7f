//! The meaning of each operation, on word slices of any width. Constant folding and the interpreter share it.

use super::bits::words;
use super::data::{BinOp, CmpOp, NodeId, NodeOp, RedOp};
use std::cmp::Ordering;

/// Whether `op` holds for operands that compare as `o`.
pub(crate) fn cmp_holds(op: CmpOp, o: Ordering) -> bool {
    match op {
        CmpOp::Eq => o.is_eq(),
        CmpOp::Ne => o.is_ne(),
        CmpOp::Lt => o.is_lt(),
        CmpOp::Le => o.is_le(),
    }
}

/// Computes a node of width `w` into `dst`. `arg` gives an operand's words and width. Signals have no value here: the
/// caller looks them up.
pub(crate) fn eval<'a>(op: &NodeOp, w: usize, dst: &mut [u64], arg: &impl Fn(NodeId) -> (&'a [u64], usize)) {
    match op {
        NodeOp::Const(v) => dst.copy_from_slice(v.words()),
        NodeOp::Sig(_) => unreachable!("a signal is looked up, not computed"),
        NodeOp::Slice(a, lsb) => words::slice(dst, arg(*a).0, *lsb as usize, w),
        NodeOp::Cat(parts) => {
            let mut at = 0;
            for &p in parts.iter().rev() {
                let (v, vw) = arg(p);
                words::insert(dst, at, v, vw);
                at += vw;
            }
        }
        NodeOp::Rep(a, n) => {
            let (v, vw) = arg(*a);
            (0..*n as usize).for_each(|i| words::insert(dst, i * vw, v, vw));
        }
        NodeOp::Not(a) => {
            let v = arg(*a).0;
            dst.iter_mut().zip(v).for_each(|(d, x)| *d = !x);
            words::mask_top(dst, w);
        }
        NodeOp::Red(op, a) => {
            let (v, vw) = arg(*a);
            dst[0] = u64::from(match op {
                RedOp::Any => v.iter().any(|&x| x != 0),
                RedOp::All => words::all(v, vw),
                RedOp::Parity => v.iter().fold(0, |p, x| p ^ x.count_ones()) & 1 == 1,
            });
        }
        NodeOp::Bin(op, a, b) => {
            let (a, b) = (arg(*a).0, arg(*b).0);
            let mut each = |f: fn(u64, u64) -> u64| {
                for (d, (x, y)) in dst.iter_mut().zip(a.iter().zip(b)) {
                    *d = f(*x, *y);
                }
            };
            match op {
                BinOp::And => each(|x, y| x & y),
                BinOp::Or => each(|x, y| x | y),
                BinOp::Xor => each(|x, y| x ^ y),
                BinOp::Add => words::add(dst, a, b, false, w),
                BinOp::Sub => words::sub(dst, a, b, w),
            }
        }
        NodeOp::Cmp(op, a, b) => dst[0] = u64::from(cmp_holds(*op, words::cmp(arg(*a).0, arg(*b).0))),
        NodeOp::Shl(a, n) => words::shl(dst, arg(*a).0, words::saturate(arg(*n).0, w), w),
        NodeOp::Shr(a, n) => words::slice(dst, arg(*a).0, words::saturate(arg(*n).0, w), w),
        NodeOp::Mux(c, a, b) => {
            let from = if arg(*c).0[0] == 1 { a } else { b };
            dst.copy_from_slice(arg(*from).0);
        }
        NodeOp::Select(i, items) => {
            let at = words::saturate(arg(*i).0, items.len() - 1);
            dst.copy_from_slice(arg(items[at]).0);
        }
        NodeOp::SliceDyn(a, i) => {
            let (v, vw) = arg(*a);
            words::slice(dst, v, words::saturate(arg(*i).0, vw / w) * w, w);
        }
    }
}
