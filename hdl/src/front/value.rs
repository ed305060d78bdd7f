//! Values of expressions: of known width, or integers.

use rust_hdl::core::ast::{VerilogLiteral, VerilogOp};

use super::error::Reason;
use crate::ir::{Bits, E, lit_big};

/// The value of an expression.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// A bare literal, a loop index, or arithmetic of such: it takes the width of its surroundings.
    Int(u128),
    /// A value of known width.
    E(E),
}

/// The value of a literal; negative ones don't exist in kernels without `Signed`.
pub(super) fn literal(l: &VerilogLiteral) -> Result<u128, Reason> {
    let text = format!("{l:x}");
    let digits = text.split_once("'h").map_or("", |(_, d)| d);
    u128::from_str_radix(digits, 16).map_err(|_| Reason::IntegerRange)
}

/// The value of a literal of `w` bits: a constant, or an initial value.
pub(super) fn literal_bits(l: &VerilogLiteral, w: usize) -> Result<Bits, Reason> {
    let text = format!("{l:x}");
    let digits = text.split_once("'h").map_or("", |(_, d)| d);
    let mut words = vec![0_u64; digits.len().div_ceil(16).max(1)];
    for (i, c) in digits.chars().rev().enumerate() {
        let digit = c.to_digit(16).ok_or(Reason::Unsupported("a negative constant"))?;
        words[i / 16] |= u64::from(digit) << (i % 16 * 4);
    }
    let bits = Bits::from(&words[..]);
    if bits.significant() > w {
        return Err(Reason::DoesNotFit { value: u128::from(bits.low_u64()), w });
    }
    Ok(bits.resize(w))
}

/// `value` in `w` bits.
pub(super) fn sized(value: u128, w: usize) -> Result<Bits, Reason> {
    let bits = Bits::from([value as u64, (value >> 64) as u64]);
    if bits.significant() > w {
        return Err(Reason::DoesNotFit { value, w });
    }
    Ok(bits.resize(w))
}

impl Value {
    /// The value in `w` bits; what has a width must have that.
    pub fn of_width(self, w: usize) -> Result<E, Reason> {
        match self {
            Value::Int(v) => Ok(lit_big(sized(v, w)?, w)),
            Value::E(e) if e.width() == w => Ok(e),
            Value::E(e) => Err(Reason::WidthMismatch(e.width(), w)),
        }
    }

    /// The value, which must have a width of its own.
    pub fn of_own_width(self) -> Result<E, Reason> {
        match self {
            Value::Int(_) => Err(Reason::UnknownWidth),
            Value::E(e) => Ok(e),
        }
    }
}

/// Arithmetic of two integers, as Rust does it in `u64` or `usize`; what would overflow there is an error.
pub(super) fn integers(op: &VerilogOp, a: u128, b: u128) -> Result<u128, Reason> {
    let v = match op {
        VerilogOp::Add => a.checked_add(b),
        VerilogOp::Sub => a.checked_sub(b),
        VerilogOp::Mul => a.checked_mul(b),
        VerilogOp::BitAnd => Some(a & b),
        VerilogOp::BitOr => Some(a | b),
        VerilogOp::BitXor => Some(a ^ b),
        VerilogOp::Shl if b < 64 && a >> 64 == 0 => Some(a << b),
        VerilogOp::Shr if b < 64 => Some(a >> b),
        VerilogOp::Shl | VerilogOp::Shr => None,
        VerilogOp::LogicalAnd => Some(u128::from(a != 0 && b != 0)),
        VerilogOp::LogicalOr => Some(u128::from(a != 0 || b != 0)),
        VerilogOp::Eq => Some(u128::from(a == b)),
        VerilogOp::Ne => Some(u128::from(a != b)),
        VerilogOp::Lt => Some(u128::from(a < b)),
        VerilogOp::Le => Some(u128::from(a <= b)),
        VerilogOp::Gt => Some(u128::from(a > b)),
        VerilogOp::Ge => Some(u128::from(a >= b)),
    };
    v.filter(|v| v >> 64 == 0).ok_or(Reason::IntegerRange)
}
