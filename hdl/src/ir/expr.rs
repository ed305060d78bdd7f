//! Expressions: the handles [`E`] and [`Var`], operands, and the methods on them.

use std::ops::Deref;

use super::bits::{Bits, clog2};
use super::builder::{Builder, Res, with};
use super::data::*;

/// An expression of the module under construction: a value of a fixed width.
///
/// All arithmetic is unsigned and wraps at the width. Both sides of a binary operation have one width; integer
/// operands take the width of the other side.
#[derive(Clone, Copy, Debug)]
pub struct E {
    pub(crate) id: NodeId,
    pub(crate) w: u32,
    pub(crate) m: u32,
}

/// A signal that is assigned: an output, a wire, or a register. Reads like an [`E`].
#[derive(Clone, Copy, Debug)]
pub struct Var {
    pub(crate) e: E,
    pub(crate) sig: SigId,
}

/// An operand: an expression, or an integer that takes the width the place wants.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// An expression.
    E(E),
    /// An integer; must fit, and must not be negative.
    Int(i128),
}

impl From<Var> for E {
    fn from(v: Var) -> E {
        v.e
    }
}

impl From<&Var> for E {
    fn from(v: &Var) -> E {
        v.e
    }
}

impl From<&E> for E {
    fn from(e: &E) -> E {
        *e
    }
}

macro_rules! op_from {
    ($($t:ty: $v:ident => $e:expr;)*) => {$(
        impl From<$t> for Op {
            fn from($v: $t) -> Op {
                $e
            }
        }
    )*};
}

op_from! {
    E: e => Op::E(e);
    &E: e => Op::E(*e);
    Var: v => Op::E(v.e);
    &Var: v => Op::E(v.e);
    u64: v => Op::Int(v.into());
    u32: v => Op::Int(v.into());
    i32: v => Op::Int(v.into());
    usize: v => Op::Int(v as i128);
    bool: v => Op::Int(v.into());
}

impl Deref for Var {
    type Target = E;

    fn deref(&self) -> &E {
        &self.e
    }
}

impl Builder {
    /// The node of an operand where `w` bits are wanted.
    pub fn resolve(&mut self, op: Op, w: usize) -> Res<NodeId> {
        match op {
            Op::E(e) if e.width() == w => self.own(e),
            Op::E(e) => Err(format!("{} bits where {w} are wanted", e.w)),
            Op::Int(v) if v >= 0 && (w >= 64 || v >> w == 0) => Ok(self.constant(Bits::from_words(&[v as u64], w))),
            Op::Int(v) => Err(format!("{v} does not fit in {w} bits")),
        }
    }

    /// The nodes of two expressions that must have one width.
    fn pair(&mut self, what: &str, a: E, b: Op) -> Res<(NodeId, NodeId)> {
        let a_id = self.own(a)?;
        let b_id = self.resolve(b, a.width()).map_err(|e| match b {
            Op::E(b) if b.w != a.w => format!("{what}: {} bits against {} bits", a.w, b.w),
            _ => format!("{what}: {e}"),
        })?;
        Ok((a_id, b_id))
    }

    pub(super) fn binary(&mut self, op: BinOp, a: E, b: Op) -> Res<E> {
        let (x, y) = self.pair(&format!("{op:?}"), a, b)?;
        let id = self.node(NodeOp::Bin(op, x, y), a.w);
        Ok(self.e(id))
    }

    fn compare(&mut self, op: CmpOp, a: E, b: Op, swap: bool) -> Res<E> {
        let (x, y) = self.pair(&format!("{op:?}"), a, b)?;
        let (x, y) = if swap { (y, x) } else { (x, y) };
        let id = self.node(NodeOp::Cmp(op, x, y), 1);
        Ok(self.e(id))
    }

    pub(super) fn cat_ids(&mut self, parts: Vec<NodeId>) -> NodeId {
        let w = parts.iter().map(|&p| self.data.nodes[p as usize].w).sum();
        self.node(NodeOp::Cat(parts), w)
    }

    pub(super) fn slice_id(&mut self, a: NodeId, lsb: u32, w: u32) -> NodeId {
        self.node(NodeOp::Slice(a, lsb), w)
    }

    pub(super) fn zero_id(&mut self, w: u32) -> NodeId {
        self.constant(Bits::zero(w as usize))
    }

    pub(super) fn or_id(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let w = self.data.nodes[a as usize].w;
        self.node(NodeOp::Bin(BinOp::Or, a, b), w)
    }
}

// `shl` and `shr` are shifts by a number of the host language; no trait is meant.
#[allow(clippy::should_implement_trait)]
impl E {
    /// Width in bits.
    pub fn width(self) -> usize {
        self.w as usize
    }

    #[track_caller]
    fn unary(self, w: usize, f: impl FnOnce(NodeId) -> NodeOp) -> E {
        with(|b| {
            let id = b.own(self)?;
            if w == 0 {
                return Err("an expression of width 0".to_string());
            }
            let id = b.node(f(id), w as u32);
            Ok(b.e(id))
        })
    }

    /// Bits `lsb .. lsb + w`; must lie within the expression.
    #[track_caller]
    pub fn slice(self, lsb: usize, w: usize) -> E {
        with(|b| {
            let id = b.own(self)?;
            if w == 0 || lsb + w > self.width() {
                return Err(format!("slice of bits {lsb} to {lsb}+{w} of {} bits", self.w));
            }
            let id = b.slice_id(id, lsb as u32, w as u32);
            Ok(b.e(id))
        })
    }

    /// Bit `i`; must lie within the expression.
    #[track_caller]
    pub fn bit(self, i: usize) -> E {
        self.slice(i, 1)
    }

    /// The bit that `idx` says; 0 past the end.
    #[track_caller]
    pub fn at(self, idx: impl Into<E>) -> E {
        self.slice_dyn(idx, 1)
    }

    /// Unit number `idx` of `unit_w` bits; bits past the end are 0.
    #[track_caller]
    pub fn slice_dyn(self, idx: impl Into<E>, unit_w: usize) -> E {
        let idx = idx.into();
        with(|b| {
            let (a, i) = (b.own(self)?, b.own(idx)?);
            if unit_w == 0 {
                return Err("an expression of width 0".to_string());
            }
            let past = self.w.next_multiple_of(unit_w as u32) - self.w;
            let a = if past == 0 {
                a
            } else {
                let pad = b.zero_id(past);
                b.cat_ids(vec![pad, a])
            };
            let id = b.slice_dyn_id(a, i, unit_w as u32);
            Ok(b.e(id))
        })
    }

    /// Zero-extended to `w` bits, not fewer than it has.
    #[track_caller]
    pub fn zext(self, w: usize) -> E {
        with(|b| {
            if w < self.width() {
                return Err(format!("zext of {} bits to {w}", self.w));
            }
            b.resize(self, w)
        })
    }

    /// The low `w` bits, not more than it has.
    #[track_caller]
    pub fn trunc(self, w: usize) -> E {
        with(|b| {
            if w > self.width() {
                return Err(format!("trunc of {} bits to {w}", self.w));
            }
            b.resize(self, w)
        })
    }

    /// Cut or zero-extended to `w` bits.
    #[track_caller]
    pub fn resize(self, w: usize) -> E {
        with(|b| b.resize(self, w))
    }

    /// Whether both are equal.
    #[track_caller]
    pub fn eq(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| b.compare(CmpOp::Eq, self, other, false))
    }

    /// Whether they differ.
    #[track_caller]
    pub fn ne(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| b.compare(CmpOp::Ne, self, other, false))
    }

    /// Whether this is below `other`, unsigned.
    #[track_caller]
    pub fn lt(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| b.compare(CmpOp::Lt, self, other, false))
    }

    /// Whether this is at most `other`, unsigned.
    #[track_caller]
    pub fn le(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| b.compare(CmpOp::Le, self, other, false))
    }

    /// Whether this is above `other`, unsigned.
    #[track_caller]
    pub fn gt(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| b.compare(CmpOp::Lt, self, other, true))
    }

    /// Whether this is at least `other`, unsigned.
    #[track_caller]
    pub fn ge(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| b.compare(CmpOp::Le, self, other, true))
    }

    /// Or of all bits.
    #[track_caller]
    pub fn any(self) -> E {
        self.unary(1, |a| NodeOp::Red(RedOp::Any, a))
    }

    /// And of all bits.
    #[track_caller]
    pub fn all(self) -> E {
        self.unary(1, |a| NodeOp::Red(RedOp::All, a))
    }

    /// Exclusive or of all bits.
    #[track_caller]
    pub fn parity(self) -> E {
        self.unary(1, |a| NodeOp::Red(RedOp::Parity, a))
    }

    /// Shifted left by `n` bits, width kept.
    #[track_caller]
    pub fn shl(self, n: usize) -> E {
        with(|b| b.shift_const(self, n, true))
    }

    /// Shifted right by `n` bits, width kept.
    #[track_caller]
    pub fn shr(self, n: usize) -> E {
        with(|b| b.shift_const(self, n, false))
    }

    /// Shifted left by a signal of any width; 0 when it is the width or more.
    #[track_caller]
    pub fn shl_by(self, n: impl Into<E>) -> E {
        let n = n.into();
        with(|b| b.shift_dyn(self, n, true))
    }

    /// Shifted right by a signal of any width; 0 when it is the width or more.
    #[track_caller]
    pub fn shr_by(self, n: impl Into<E>) -> E {
        let n = n.into();
        with(|b| b.shift_dyn(self, n, false))
    }

    /// The sum with one bit more than the operands: nothing is lost.
    #[track_caller]
    pub fn add_wide(self, other: impl Into<Op>) -> E {
        let other = other.into();
        with(|b| {
            let (x, y) = b.pair("add_wide", self, other)?;
            let zero = b.zero_id(1);
            let (x, y) = (b.cat_ids(vec![zero, x]), b.cat_ids(vec![zero, y]));
            let id = b.node(NodeOp::Bin(BinOp::Add, x, y), self.w + 1);
            Ok(b.e(id))
        })
    }

    /// Wishes a name for the expression in the Verilog text. No effect on signals and constants.
    #[track_caller]
    pub fn named(self, name: impl AsRef<str>) -> E {
        with(|b| {
            let id = b.own(self)?;
            super::names::check(name.as_ref())?;
            if !matches!(b.data.nodes[id as usize].op, NodeOp::Const(_) | NodeOp::Sig(_)) {
                b.data.hints.entry(id).or_insert_with(|| name.as_ref().to_string());
            }
            Ok(self)
        })
    }
}

impl Builder {
    fn resize(&mut self, e: E, w: usize) -> Res<E> {
        let id = self.own(e)?;
        if w == 0 {
            return Err("an expression of width 0".to_string());
        }
        let id = match w.cmp(&e.width()) {
            std::cmp::Ordering::Equal => id,
            std::cmp::Ordering::Less => self.slice_id(id, 0, w as u32),
            std::cmp::Ordering::Greater => {
                let pad = self.zero_id(w as u32 - e.w);
                self.cat_ids(vec![pad, id])
            }
        };
        Ok(self.e(id))
    }

    fn shift_const(&mut self, e: E, n: usize, left: bool) -> Res<E> {
        let id = self.own(e)?;
        let n = n.min(e.width()) as u32;
        let id = if n == 0 {
            id
        } else if n == e.w {
            self.zero_id(n)
        } else {
            let pad = self.zero_id(n);
            let kept = self.slice_id(id, if left { 0 } else { n }, e.w - n);
            self.cat_ids(if left { vec![kept, pad] } else { vec![pad, kept] })
        };
        Ok(self.e(id))
    }

    /// Shift amounts are cut to the bits that can matter, so that no tool sees a wide amount.
    fn shift_dyn(&mut self, e: E, n: E, left: bool) -> Res<E> {
        let (a, n_id) = (self.own(e)?, self.own(n)?);
        let op = |a, n| if left { NodeOp::Shl(a, n) } else { NodeOp::Shr(a, n) };
        let enough = clog2(e.width() + 1) as u32;
        let id = if n.w <= enough || !self.fold {
            self.node(op(a, n_id), e.w)
        } else {
            let (low, high) = (self.slice_id(n_id, 0, enough), self.slice_id(n_id, enough, n.w - enough));
            let far = self.node(NodeOp::Red(RedOp::Any, high), 1);
            let (near, zero) = (self.node(op(a, low), e.w), self.zero_id(e.w));
            self.node(NodeOp::Mux(far, zero, near), e.w)
        };
        Ok(self.e(id))
    }

    /// Indices are cut to the bits that can matter. The operand's width is a multiple of the unit.
    fn slice_dyn_id(&mut self, a: NodeId, idx: NodeId, unit: u32) -> NodeId {
        let units = self.data.nodes[a as usize].w / unit;
        let idx_w = self.data.nodes[idx as usize].w;
        let enough = clog2(units as usize) as u32;
        if !self.fold || idx_w <= enough {
            return self.node(NodeOp::SliceDyn(a, idx), unit);
        }
        let high = self.slice_id(idx, enough, idx_w - enough);
        let far = self.node(NodeOp::Red(RedOp::Any, high), 1);
        let near = if enough == 0 {
            a
        } else {
            let low = self.slice_id(idx, 0, enough);
            self.node(NodeOp::SliceDyn(a, low), unit)
        };
        let zero = self.zero_id(unit);
        self.node(NodeOp::Mux(far, zero, near), unit)
    }
}

impl Var {
    /// The signal's value, as an expression.
    pub fn get(self) -> E {
        self.e
    }

    /// Assigns all bits. For a register this is the next value, and it holds its value where nothing is assigned. The
    /// last assignment wins.
    #[track_caller]
    pub fn set(self, value: impl Into<Op>) {
        let value = value.into();
        with(|b| {
            b.own(self.e)?;
            let id = b.resolve(value, self.e.width()).map_err(|e| b.in_set(self.sig, e))?;
            b.assign(self.sig, 0, self.e.w, id);
            Ok(())
        })
    }

    /// Assigns the bits from `lsb` up, as many as `value` has.
    #[track_caller]
    pub fn set_slice(self, lsb: usize, value: impl Into<E>) {
        let value = value.into();
        with(|b| {
            b.own(self.e)?;
            let id = b.own(value)?;
            if lsb + value.width() > self.e.width() {
                return Err(b.in_set(self.sig, format!("bits {lsb}+{} of {}", value.w, self.e.w)));
            }
            b.assign(self.sig, lsb as u32, value.w, id);
            Ok(())
        })
    }
}

impl Builder {
    fn in_set(&self, sig: SigId, e: String) -> String {
        format!("set of {}: {e}", self.data.sigs[sig as usize].name)
    }

    fn assign(&mut self, sig: SigId, lsb: u32, w: u32, value: NodeId) {
        let frame = self.frames.last_mut().expect("the body's frame");
        frame.stmts.push(Stmt::Assign { sig, lsb, w, value });
    }
}
