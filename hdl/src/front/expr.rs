//! Expressions, with rust-hdl's meaning.

use rust_hdl::core::ast::{VerilogExpression, VerilogOp, VerilogOpUnary};

use super::error::{Reason, Stop};
use super::names;
use super::probe::Role;
use super::stmt::Kernel;
use super::value::{Value, integers, literal, sized};
use crate::ir::{E, lit, lit_big, rep, zero};

/// Widest value that rust-hdl keeps in one word. Integers that do not fit in wider ones are cut there; they are an
/// error in narrower ones, except where `.index()` was compared.
const SHORT: usize = 32;

type Res<T> = Result<T, Stop>;

impl Kernel {
    pub(super) fn expr(&mut self, e: &VerilogExpression) -> Res<Value> {
        match e {
            VerilogExpression::Signal(name) => self.signal(name),
            VerilogExpression::Literal(l) => Ok(Value::Int(literal(l)?)),
            VerilogExpression::Paren(e) => self.expr(e),
            VerilogExpression::Cast(e, w) => match (self.expr(e)?, *w) {
                (_, 0) => Err(Reason::Width(0).into()),
                (Value::Int(v), w) => Ok(Value::E(lit_big(sized(v, w)?, w))),
                (Value::E(e), w) => Ok(Value::E(e.resize(w))),
            },
            VerilogExpression::Binary(a, op, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                binary(op, a, b)
            }
            VerilogExpression::Unary(op, e) => {
                let e = self.expr(e)?.of_own_width()?;
                match op {
                    VerilogOpUnary::Not => Ok(Value::E(!e)),
                    VerilogOpUnary::All => Ok(Value::E(e.all())),
                    VerilogOpUnary::Any => Ok(Value::E(e.any())),
                    VerilogOpUnary::Xor => Ok(Value::E(e.parity())),
                    VerilogOpUnary::Neg => Err(Reason::Unsupported("a negation").into()),
                }
            }
            VerilogExpression::Index(e, i) => {
                let e = self.expr(e)?.of_own_width()?;
                Ok(Value::E(match self.index(i)? {
                    Value::Int(i) => e.bit(within(i, e.width(), e.width())?),
                    Value::E(i) => e.at(i),
                }))
            }
            VerilogExpression::Slice(e, w, i) => {
                let e = self.expr(e)?.of_own_width()?;
                if *w == 0 {
                    return Err(Reason::Width(0).into());
                }
                Ok(Value::E(match self.index(i)? {
                    Value::Int(i) => e.shr(within(i, e.width() + 1, e.width())?).resize(*w),
                    Value::E(i) => e.shr_by(i).resize(*w),
                }))
            }
            VerilogExpression::IndexReplace(e, i, v) => {
                let e = self.expr(e)?.of_own_width()?;
                let (i, v) = (self.index(i)?, self.expr(v)?.of_width(1)?);
                let place = match i {
                    Value::Int(i) => lit(1, e.width()).shl(within(i, e.width(), e.width())?),
                    Value::E(i) => lit(1, e.width()).shl_by(i),
                };
                Ok(Value::E((e & !place) | (rep(v, e.width()) & place)))
            }
            VerilogExpression::Signed(_) | VerilogExpression::Unsigned(_) => {
                Err(Reason::Unsupported("a cast from or to Signed").into())
            }
        }
    }

    /// A loop index, the value of a signal, or an enum value.
    fn signal(&mut self, name: &str) -> Res<Value> {
        if let Some(v) = self.loops.get(name) {
            return Ok(Value::Int(v));
        }
        let path = names::path(name, &self.loops)?;
        let Some(id) = self.nets.find(&path) else {
            return match self.nets.enum_value(&path) {
                Some((v, w)) => Ok(Value::E(lit(v, w))),
                None => Err(Reason::UnknownName(path.replace('$', ".")).into()),
            };
        };
        let net = &self.nets[id];
        if net.role != Role::Data {
            return Err(Reason::ClockOrReset("a clock or reset is used as data").into());
        }
        if net.immediate {
            self.flow.read(id, net.w);
        }
        match net.read {
            Some(e) => Ok(Value::E(e)),
            None => Err(Stop::NextState(path)),
        }
    }

    /// An index. In Rust it is a `usize`, made from bits by `.index()`, which the tree does not show: so the tree of
    /// `x.index() + 1`, which does not wrap, is that of `(x + 1).index()`, which does.
    fn index(&mut self, e: &VerilogExpression) -> Res<Value> {
        let value = self.expr(e)?;
        if matches!(value, Value::E(_)) && self.may_wrap(e) {
            return Err(Reason::IndexArithmetic.into());
        }
        Ok(value)
    }

    /// Whether the value depends on the width in which it is computed.
    fn may_wrap(&self, e: &VerilogExpression) -> bool {
        match e {
            VerilogExpression::Paren(e) => self.may_wrap(e),
            VerilogExpression::Binary(a, op, b) => match op {
                VerilogOp::Add | VerilogOp::Sub | VerilogOp::Mul | VerilogOp::Shl => {
                    !(self.is_integer(a) && self.is_integer(b))
                }
                VerilogOp::BitAnd | VerilogOp::BitOr | VerilogOp::BitXor => self.may_wrap(a) || self.may_wrap(b),
                VerilogOp::Shr => self.may_wrap(a),
                _ => false,
            },
            VerilogExpression::Unary(VerilogOpUnary::Not, _) => true,
            _ => false,
        }
    }

    fn is_integer(&self, e: &VerilogExpression) -> bool {
        match e {
            VerilogExpression::Literal(_) => true,
            VerilogExpression::Signal(name) => self.loops.get(name).is_some(),
            VerilogExpression::Paren(e) => self.is_integer(e),
            VerilogExpression::Binary(a, _, b) => self.is_integer(a) && self.is_integer(b),
            _ => false,
        }
    }
}

/// `index`, which must be below `end`.
fn within(index: u128, end: usize, w: usize) -> Result<usize, Reason> {
    if index < end as u128 { Ok(index as usize) } else { Err(Reason::PastEnd { index, w }) }
}

fn binary(op: &VerilogOp, a: Value, b: Value) -> Res<Value> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        return Ok(Value::Int(integers(op, a, b)?));
    }
    let e = match op {
        VerilogOp::Shl | VerilogOp::Shr => shift(matches!(op, VerilogOp::Shl), a, b)?,
        VerilogOp::LogicalAnd => a.of_width(1)? & b.of_width(1)?,
        VerilogOp::LogicalOr => a.of_width(1)? | b.of_width(1)?,
        VerilogOp::Mul => {
            let (a, b) = (a.of_own_width()?, b.of_own_width()?);
            product(a, Value::E(b).of_width(a.width())?)
        }
        VerilogOp::Add | VerilogOp::Sub | VerilogOp::BitAnd | VerilogOp::BitOr | VerilogOp::BitXor => {
            let (a, b) = match (op, a, b) {
                // `Bits<N> + bool`.
                (VerilogOp::Add, Value::E(a), Value::E(b)) if b.width() == 1 => (a, b.zext(a.width())),
                _ => pair(a, b)?,
            };
            match op {
                VerilogOp::Add => a + b,
                VerilogOp::Sub => a - b,
                VerilogOp::BitAnd => a & b,
                VerilogOp::BitOr => a | b,
                _ => a ^ b,
            }
        }
        VerilogOp::Eq | VerilogOp::Ne | VerilogOp::Lt | VerilogOp::Le | VerilogOp::Gt | VerilogOp::Ge => {
            compare(op, a, b)?
        }
    };
    Ok(Value::E(e))
}

/// Two operands of one width; an integer takes that of the other.
fn pair(a: Value, b: Value) -> Result<(E, E), Reason> {
    match (a, b) {
        (Value::E(a), b) => Ok((a, b.of_width(a.width())?)),
        (a, Value::E(b)) => Ok((a.of_width(b.width())?, b)),
        _ => Err(Reason::UnknownWidth),
    }
}

/// A shift; zero at and beyond the width. An integer that is shifted has 64 bits.
fn shift(left: bool, a: Value, n: Value) -> Result<E, Reason> {
    let a = match a {
        Value::E(a) => a,
        Value::Int(_) => a.of_width(64)?,
    };
    Ok(match n {
        Value::Int(n) => {
            let n = n.min(a.width() as u128) as usize;
            if left { a.shl(n) } else { a.shr(n) }
        }
        Value::E(n) if n.width() > 64 => return Err(Reason::Unsupported("a shift by more than 64 bits of amount")),
        Value::E(n) if left => a.shl_by(n),
        Value::E(n) => a.shr_by(n),
    })
}

/// The product, twice as wide as the operands: a sum of the first one's multiples.
fn product(a: E, b: E) -> E {
    let w = a.width();
    let wide = a.zext(2 * w);
    (0..w).map(|i| rep(b.bit(i), 2 * w) & wide.shl(i)).fold(zero(2 * w), |sum, term| sum + term)
}

fn compare(op: &VerilogOp, a: Value, b: Value) -> Result<E, Reason> {
    // An integer too large for the other side: the comparison is that of the numbers.
    let (e, v, flipped) = match (a, b) {
        (Value::E(e), Value::Int(v)) => (e, v, false),
        (Value::Int(v), Value::E(e)) => (e, v, true),
        _ => (zero(1), 0, false),
    };
    if e.width() <= SHORT && v >> e.width() != 0 {
        let holds = match op {
            VerilogOp::Eq => false,
            VerilogOp::Ne => true,
            VerilogOp::Lt | VerilogOp::Le => !flipped,
            _ => flipped,
        };
        return Ok(lit(u64::from(holds), 1));
    }
    let (a, b) = pair(a, b)?;
    Ok(match op {
        VerilogOp::Eq => a.eq(b),
        VerilogOp::Ne => a.ne(b),
        VerilogOp::Lt => a.lt(b),
        VerilogOp::Le => a.le(b),
        VerilogOp::Gt => a.gt(b),
        _ => a.ge(b),
    })
}
