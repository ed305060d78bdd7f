//! The text of expressions.

use crate::ir::data::*;
use crate::ir::{Bits, clog2};

/// Expressions of a module, with the names of those that have one.
pub(super) struct Exprs<'a> {
    pub data: &'a ModuleData,
    /// By node: the name under which it is declared.
    pub named: Vec<Option<String>>,
}

/// A sized literal.
pub(super) fn literal(v: &Bits) -> String {
    if v.width() == 1 { format!("1'b{}", v.low_u64()) } else { v.to_string() }
}

/// `[7:0] `, or nothing for one bit.
pub(super) fn dimension(w: u32) -> String {
    if w == 1 { String::new() } else { format!("[{}:0] ", w - 1) }
}

/// `name[7:4]`, `name[3]`, or `name` when that is all of it.
pub(super) fn part(name: &str, of: u32, lsb: u32, w: u32) -> String {
    match w {
        _ if w == of => name.to_string(),
        1 => format!("{name}[{lsb}]"),
        _ => format!("{name}[{}:{lsb}]", lsb + w - 1),
    }
}

impl Exprs<'_> {
    fn w(&self, n: NodeId) -> u32 {
        self.data.nodes[n as usize].w
    }

    /// Left side of an assignment.
    pub fn target(&self, sig: SigId, lsb: u32, w: u32) -> String {
        let s = &self.data.sigs[sig as usize];
        part(&s.name, s.w, lsb, w)
    }

    /// A value of a switch, in the selector's width.
    pub fn key(&self, on: NodeId, k: u64) -> String {
        literal(&Bits::from_words(&[k], self.w(on) as usize))
    }

    /// The name of a node that has one.
    pub fn name(&self, n: NodeId) -> &str {
        match &self.data.nodes[n as usize].op {
            NodeOp::Sig(s) => &self.data.sigs[*s as usize].name,
            _ => self.named[n as usize].as_deref().expect("what is sliced is named"),
        }
    }

    /// A node where it is used: its name, or its expression.
    pub fn text(&self, n: NodeId) -> String {
        match &self.named[n as usize] {
            Some(name) => name.clone(),
            None => self.definition(n),
        }
    }

    /// A node's expression.
    pub fn definition(&self, n: NodeId) -> String {
        let Node { op, w } = &self.data.nodes[n as usize];
        let t = |a: &NodeId| self.text(*a);
        match op {
            NodeOp::Const(v) => literal(v),
            NodeOp::Sig(s) => self.data.sigs[*s as usize].name.clone(),
            NodeOp::Slice(a, lsb) => part(self.name(*a), self.w(*a), *lsb, *w),
            NodeOp::Cat(parts) => format!("{{{}}}", parts.iter().map(t).collect::<Vec<_>>().join(", ")),
            NodeOp::Rep(a, n) => format!("{{{n}{{{}}}}}", t(a)),
            NodeOp::Not(a) => format!("(~{})", t(a)),
            NodeOp::Red(op, a) => {
                let sign = match op {
                    RedOp::Any => '|',
                    RedOp::All => '&',
                    RedOp::Parity => '^',
                };
                format!("({sign}{})", t(a))
            }
            NodeOp::Bin(op, a, b) => {
                let sign = match op {
                    BinOp::Add => '+',
                    BinOp::Sub => '-',
                    BinOp::And => '&',
                    BinOp::Or => '|',
                    BinOp::Xor => '^',
                };
                format!("({} {sign} {})", t(a), t(b))
            }
            NodeOp::Cmp(op, a, b) => {
                let sign = match op {
                    CmpOp::Eq => "==",
                    CmpOp::Ne => "!=",
                    CmpOp::Lt => "<",
                    CmpOp::Le => "<=",
                };
                format!("({} {sign} {})", t(a), t(b))
            }
            NodeOp::Shl(a, n) => format!("({} << {})", t(a), t(n)),
            NodeOp::Shr(a, n) => format!("({} >> {})", t(a), t(n)),
            NodeOp::Mux(c, a, b) => format!("({} ? {} : {})", t(c), t(a), t(b)),
            NodeOp::Select(..) => unreachable!("a select is always named and printed as a case"),
            NodeOp::SliceDyn(a, i) => self.slice_dyn(*a, *i, *w),
        }
    }

    /// An indexed part select whose index has exactly the bits that the operand's width asks for, guarded where the
    /// index can point past the end.
    fn slice_dyn(&self, a: NodeId, i: NodeId, unit: u32) -> String {
        let (of, idx_w) = (self.w(a), self.w(i));
        let units = of / unit;
        let name = self.name(a);
        let part = if of == 1 {
            name.to_string()
        } else {
            let want = clog2(of as usize) as u32;
            let low = if unit.is_power_of_two() { unit.trailing_zeros() } else { 0 };
            let mut parts = Vec::new();
            if idx_w + low < want {
                parts.push(literal(&Bits::zero((want - idx_w - low) as usize)));
            }
            parts.push(self.text(i));
            if low > 0 {
                parts.push(literal(&Bits::zero(low as usize)));
            }
            let mut index = match &parts[..] {
                [one] => one.clone(),
                _ => format!("{{{}}}", parts.join(", ")),
            };
            if !unit.is_power_of_two() {
                index = format!("({index} * {})", literal(&Bits::from_u64(unit.into(), want.max(idx_w) as usize)));
            }
            if unit == 1 { format!("{name}[{index}]") } else { format!("{name}[{index} +: {unit}]") }
        };
        let reaches_past = idx_w >= 32 || 1u64 << idx_w > u64::from(units);
        if reaches_past {
            let end = literal(&Bits::from_words(&[units.into()], idx_w as usize));
            format!("(({} < {end}) ? {part} : {})", self.text(i), literal(&Bits::zero(unit as usize)))
        } else {
            part
        }
    }
}
