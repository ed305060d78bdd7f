//! Simplification as nodes are made: constants are computed, slices and concatenations merged, operations with a
//! constant that decides the result dropped. Printed comparisons are never trivially true or false.

use super::bits::Bits;
use super::builder::Builder;
use super::data::*;
use super::eval::eval;

impl Builder {
    fn op(&self, id: NodeId) -> &NodeOp {
        &self.data.nodes[id as usize].op
    }

    fn w(&self, id: NodeId) -> u32 {
        self.data.nodes[id as usize].w
    }

    /// The value of a constant node.
    pub(super) fn const_of(&self, id: NodeId) -> Option<&Bits> {
        match self.op(id) {
            NodeOp::Const(v) => Some(v),
            _ => None,
        }
    }

    /// Makes a node, simplified unless folding is off.
    pub(crate) fn node(&mut self, op: NodeOp, w: u32) -> NodeId {
        match &op {
            NodeOp::Slice(a, 0) if self.w(*a) == w => return *a,
            NodeOp::Cat(parts) if parts.len() == 1 => return parts[0],
            NodeOp::Rep(a, 1) => return *a,
            _ => {}
        }
        if !self.fold {
            return self.intern(op, w);
        }
        let mut constant = true;
        op.operands(|a| constant &= self.const_of(a).is_some());
        if constant {
            let mut v = Bits::zero(w as usize);
            let arg = |a| {
                let c = self.const_of(a).expect("checked above");
                (c.words(), c.width())
            };
            eval(&op, w as usize, v.words_mut(), &arg);
            return self.constant(v);
        }
        match op {
            NodeOp::Slice(a, lsb) => self.fold_slice(a, lsb, w),
            NodeOp::Cat(parts) => self.fold_cat(parts, w),
            NodeOp::Not(a) => match *self.op(a) {
                NodeOp::Not(b) => b,
                NodeOp::Cmp(CmpOp::Eq, x, y) => self.intern(NodeOp::Cmp(CmpOp::Ne, x, y), 1),
                NodeOp::Cmp(CmpOp::Ne, x, y) => self.intern(NodeOp::Cmp(CmpOp::Eq, x, y), 1),
                _ => self.intern(op, w),
            },
            NodeOp::Red(_, a) if self.w(a) == 1 => a,
            NodeOp::Bin(op, a, b) => self.fold_bin(op, a, b, w),
            NodeOp::Cmp(op, a, b) => self.fold_cmp(op, a, b),
            NodeOp::Mux(c, a, b) => self.fold_mux(c, a, b, w),
            NodeOp::Select(i, items) => self.fold_select(i, items, w),
            NodeOp::Shl(a, n) | NodeOp::Shr(a, n) => {
                if self.const_of(a).is_some_and(Bits::is_zero) {
                    return a;
                }
                let Some(by) = self.const_of(n) else {
                    return self.intern(op, w);
                };
                let by = by.to_u64().map_or(w, |n| n.min(w.into()) as u32);
                if by == w {
                    return self.zero_id(w);
                }
                if by == 0 {
                    return a;
                }
                let pad = self.zero_id(by);
                if matches!(op, NodeOp::Shl(..)) {
                    let kept = self.slice_id(a, 0, w - by);
                    self.cat_ids(vec![kept, pad])
                } else {
                    let kept = self.slice_id(a, by, w - by);
                    self.cat_ids(vec![pad, kept])
                }
            }
            NodeOp::SliceDyn(a, i) => match self.const_of(i) {
                Some(at) => {
                    let units = self.w(a) / w;
                    let at = at.to_u64().map_or(units, |n| n.min(units.into()) as u32);
                    if at == units { self.zero_id(w) } else { self.slice_id(a, at * w, w) }
                }
                None => self.intern(op, w),
            },
            _ => self.intern(op, w),
        }
    }

    fn fold_slice(&mut self, a: NodeId, lsb: u32, w: u32) -> NodeId {
        match self.op(a).clone() {
            NodeOp::Slice(b, l) => self.slice_id(b, l + lsb, w),
            NodeOp::Rep(b, n) if self.w(b) == 1 => {
                debug_assert!(lsb + w <= n);
                self.node(NodeOp::Rep(b, w), w)
            }
            NodeOp::Cat(parts) => {
                let mut picked = Vec::new();
                let mut at = 0;
                for &p in parts.iter().rev() {
                    let pw = self.w(p);
                    let (from, to) = (lsb.max(at), (lsb + w).min(at + pw));
                    if from < to {
                        picked.insert(0, self.slice_id(p, from - at, to - from));
                    }
                    at += pw;
                }
                self.cat_ids(picked)
            }
            _ => self.intern(NodeOp::Slice(a, lsb), w),
        }
    }

    /// Flattens, joins neighbouring constants and neighbouring slices.
    fn fold_cat(&mut self, parts: Vec<NodeId>, w: u32) -> NodeId {
        let mut flat: Vec<NodeId> = Vec::with_capacity(parts.len());
        for p in parts {
            let inner = match self.op(p) {
                NodeOp::Cat(inner) => inner.clone(),
                _ => vec![p],
            };
            for p in inner {
                match flat.last().and_then(|&high| self.join(high, p)) {
                    Some(joined) => *flat.last_mut().expect("has a last") = joined,
                    None => flat.push(p),
                }
            }
        }
        match flat[..] {
            [one] => one,
            _ => self.intern(NodeOp::Cat(flat), w),
        }
    }

    fn join(&mut self, high: NodeId, low: NodeId) -> Option<NodeId> {
        let (hw, lw) = (self.w(high), self.w(low));
        match (self.op(high), self.op(low)) {
            (NodeOp::Const(h), NodeOp::Const(l)) => {
                let mut v = l.resize((hw + lw) as usize);
                v.set(lw as usize, h);
                Some(self.constant(v))
            }
            (NodeOp::Slice(a, la), NodeOp::Slice(b, lb)) if a == b && *la == lb + lw => {
                let (a, lsb) = (*a, *lb);
                Some(self.slice_id(a, lsb, hw + lw))
            }
            _ => None,
        }
    }

    fn fold_bin(&mut self, op: BinOp, a: NodeId, b: NodeId, w: u32) -> NodeId {
        if a == b {
            match op {
                BinOp::And | BinOp::Or => return a,
                BinOp::Xor | BinOp::Sub => return self.zero_id(w),
                BinOp::Add => {}
            }
        }
        for (c, x) in [(a, b), (b, a)] {
            let Some(v) = self.const_of(c) else { continue };
            match op {
                BinOp::And if v.is_zero() => return c,
                BinOp::And if v.is_ones() => return x,
                BinOp::Or if v.is_ones() => return c,
                BinOp::Or | BinOp::Xor | BinOp::Add if v.is_zero() => return x,
                BinOp::Sub if v.is_zero() && c == b => return x,
                BinOp::Xor if v.is_ones() => return self.node(NodeOp::Not(x), w),
                _ => {}
            }
        }
        self.intern(NodeOp::Bin(op, a, b), w)
    }

    fn fold_cmp(&mut self, op: CmpOp, a: NodeId, b: NodeId) -> NodeId {
        let known = |this: &mut Self, v: u64| this.constant(Bits::from_u64(v, 1));
        if a == b {
            return known(self, u64::from(matches!(op, CmpOp::Eq | CmpOp::Le)));
        }
        let (zero, ones) = (Bits::is_zero, Bits::is_ones);
        let is = |id, test: fn(&Bits) -> bool| self.const_of(id).is_some_and(test);
        match op {
            CmpOp::Lt if is(b, zero) || is(a, ones) => known(self, 0),
            CmpOp::Le if is(a, zero) || is(b, ones) => known(self, 1),
            // `0 < b` and `a < ones` are inequalities; `a <= 0` and `ones <= b` are equalities.
            CmpOp::Lt if is(a, zero) || is(b, ones) => self.fold_cmp(CmpOp::Ne, a, b),
            CmpOp::Le if is(b, zero) || is(a, ones) => self.fold_cmp(CmpOp::Eq, a, b),
            CmpOp::Eq | CmpOp::Ne if self.w(a) == 1 => {
                for (c, x) in [(a, b), (b, a)] {
                    if let Some(v) = self.const_of(c) {
                        let same = v.bit(0) == (op == CmpOp::Eq);
                        return if same { x } else { self.node(NodeOp::Not(x), 1) };
                    }
                }
                self.intern(NodeOp::Cmp(op, a, b), 1)
            }
            _ => self.intern(NodeOp::Cmp(op, a, b), 1),
        }
    }

    fn fold_mux(&mut self, c: NodeId, a: NodeId, b: NodeId, w: u32) -> NodeId {
        if let Some(v) = self.const_of(c) {
            return if v.bit(0) { a } else { b };
        }
        if a == b {
            return a;
        }
        if let NodeOp::Not(x) = *self.op(c) {
            return self.fold_mux(x, b, a, w);
        }
        if w == 1 {
            let bit = |id| self.const_of(id).map(|v| v.bit(0));
            match (bit(a), bit(b)) {
                (Some(true), Some(false)) => return c,
                (Some(false), Some(true)) => return self.node(NodeOp::Not(c), 1),
                (Some(true), None) => return self.node(NodeOp::Bin(BinOp::Or, c, b), 1),
                (None, Some(false)) => return self.node(NodeOp::Bin(BinOp::And, c, a), 1),
                _ => {}
            }
        }
        self.intern(NodeOp::Mux(c, a, b), w)
    }

    fn fold_select(&mut self, i: NodeId, mut items: Vec<NodeId>, w: u32) -> NodeId {
        if let Some(at) = self.const_of(i) {
            let last = items.len() - 1;
            return items[at.to_u64().map_or(last, |n| n.min(last as u64) as usize)];
        }
        // Items that the index can't reach.
        if let Some(reach) = 1usize.checked_shl(self.w(i)) {
            items.truncate(reach);
        }
        // Equal items at the end are the default.
        while items.len() > 1 && items[items.len() - 1] == items[items.len() - 2] {
            items.pop();
        }
        match items[..] {
            [one] => one,
            [zero, one] if self.w(i) == 1 => self.fold_mux(i, one, zero, w),
            _ => self.intern(NodeOp::Select(i, items), w),
        }
    }
}
