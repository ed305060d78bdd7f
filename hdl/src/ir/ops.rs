//! Operators, and the free functions that make expressions.

use std::ops::{Add, BitAnd, BitOr, BitXor, Not, Sub};

use super::bits::Bits;
use super::builder::with;
use super::data::*;
use super::expr::{E, Op, Var};

macro_rules! operators {
    ($($Trait:ident $method:ident $op:ident;)*) => {$(
        impl<R: Into<Op>> $Trait<R> for E {
            type Output = E;
            #[track_caller]
            fn $method(self, rhs: R) -> E {
                let rhs = rhs.into();
                with(|b| b.binary(BinOp::$op, self, rhs))
            }
        }

        impl<R: Into<Op>> $Trait<R> for Var {
            type Output = E;
            #[track_caller]
            fn $method(self, rhs: R) -> E {
                let rhs = rhs.into();
                with(|b| b.binary(BinOp::$op, self.e, rhs))
            }
        }
    )*};
}

operators! {
    Add add Add;
    Sub sub Sub;
    BitAnd bitand And;
    BitOr bitor Or;
    BitXor bitxor Xor;
}

impl Not for E {
    type Output = E;
    #[track_caller]
    fn not(self) -> E {
        with(|b| {
            let id = b.own(self)?;
            let id = b.node(NodeOp::Not(id), self.w);
            Ok(b.e(id))
        })
    }
}

impl Not for Var {
    type Output = E;
    #[track_caller]
    fn not(self) -> E {
        !self.e
    }
}

/// The constant `v` in `w` bits; must fit.
#[track_caller]
pub fn lit(v: u64, w: usize) -> E {
    lit_big(v, w)
}

/// A constant from words (least significant first) or [`Bits`], in `w` bits; must fit.
#[track_caller]
pub fn lit_big(v: impl Into<Bits>, w: usize) -> E {
    let v = v.into();
    with(|b| {
        if w == 0 || v.significant() > w {
            return Err(format!("constant {v:#x} does not fit in {w} bits"));
        }
        let id = b.constant(v.resize(w));
        Ok(b.e(id))
    })
}

/// `w` bits of 0.
#[track_caller]
pub fn zero(w: usize) -> E {
    lit_big(Bits::zero(w), w)
}

/// `w` bits of 1.
#[track_caller]
pub fn ones(w: usize) -> E {
    lit_big(Bits::ones(w), w)
}

/// `a` where `c` (one bit) is 1, else `b`. At least one of `a` and `b` is an expression.
#[track_caller]
pub fn mux(c: impl Into<E>, a: impl Into<Op>, b: impl Into<Op>) -> E {
    let (c, x, y) = (c.into(), a.into(), b.into());
    with(|b| {
        let c = b.own_bit(c, "the condition of mux")?;
        let w = match (x, y) {
            (Op::E(x), Op::E(y)) if x.w != y.w => return Err(format!("mux: {} bits against {} bits", x.w, y.w)),
            (Op::E(e), _) | (_, Op::E(e)) => e.width(),
            _ => return Err("mux of two integers: the width is not known".to_string()),
        };
        let (x, y) = (b.resolve(x, w)?, b.resolve(y, w)?);
        let id = b.node(NodeOp::Mux(c, x, y), w as u32);
        Ok(b.e(id))
    })
}

/// Concatenation, most significant part first.
#[track_caller]
pub fn cat(parts: &[E]) -> E {
    with(|b| {
        if parts.is_empty() {
            return Err("cat of nothing".to_string());
        }
        let ids = parts.iter().map(|&p| b.own(p)).collect::<Result<_, _>>()?;
        let id = b.cat_ids(ids);
        Ok(b.e(id))
    })
}

/// `e` repeated `n` times (at least once).
#[track_caller]
pub fn rep(e: impl Into<E>, n: usize) -> E {
    let e = e.into();
    with(|b| {
        let id = b.own(e)?;
        if n == 0 {
            return Err("rep of 0 times".to_string());
        }
        let id = b.node(NodeOp::Rep(id, n as u32), e.w * n as u32);
        Ok(b.e(id))
    })
}

/// The item with number `idx`; the last item when there is none with that number. All items have one width.
#[track_caller]
pub fn select(idx: impl Into<E>, items: &[E]) -> E {
    let idx = idx.into();
    with(|b| {
        let i = b.own(idx)?;
        let Some(first) = items.first() else {
            return Err("select of nothing".to_string());
        };
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            if item.w != first.w {
                return Err(format!("select: {} bits against {} bits", first.w, item.w));
            }
            ids.push(b.own(*item)?);
        }
        let id = b.node(NodeOp::Select(i, ids), first.w);
        Ok(b.e(id))
    })
}

/// The or of all items whose selector (one bit) is 1; 0 when none is. As many selectors as items, at least one.
#[track_caller]
pub fn onehot_mux(sel: &[E], items: &[E]) -> E {
    with(|b| {
        if sel.len() != items.len() || items.is_empty() {
            return Err(format!("onehot_mux: {} selectors, {} items", sel.len(), items.len()));
        }
        let mut sum = None;
        for (s, item) in sel.iter().zip(items) {
            let s = b.own_bit(*s, "a selector of onehot_mux")?;
            if item.w != items[0].w {
                return Err(format!("onehot_mux: {} bits against {} bits", items[0].w, item.w));
            }
            let item_id = b.own(*item)?;
            let mask = b.node(NodeOp::Rep(s, item.w), item.w);
            let term = b.node(NodeOp::Bin(BinOp::And, mask, item_id), item.w);
            sum = Some(sum.map_or(term, |sum| b.or_id(sum, term)));
        }
        Ok(b.e(sum.expect("at least one item")))
    })
}

/// One-hot grants to the first request (one bit each) that is 1: index 0 has the highest priority.
#[track_caller]
pub fn priority(reqs: &[E]) -> Vec<E> {
    with(|b| {
        let mut before: Option<NodeId> = None;
        let mut grants = Vec::with_capacity(reqs.len());
        for r in reqs {
            let r = b.own_bit(*r, "a request of priority")?;
            let grant = match before {
                None => r,
                Some(before) => {
                    let none = b.node(NodeOp::Not(before), 1);
                    b.node(NodeOp::Bin(BinOp::And, r, none), 1)
                }
            };
            before = Some(before.map_or(r, |x| b.or_id(x, r)));
            grants.push(b.e(grant));
        }
        Ok(grants)
    })
}

/// Whether any bit of any item is 1; 0 for no items.
#[track_caller]
pub fn any_of(items: &[E]) -> E {
    if items.is_empty() { zero(1) } else { cat(items).any() }
}

/// Whether all bits of all items are 1; 1 for no items.
#[track_caller]
pub fn all_of(items: &[E]) -> E {
    if items.is_empty() { ones(1) } else { cat(items).all() }
}
