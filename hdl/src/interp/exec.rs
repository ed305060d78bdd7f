//! One evaluation of the combinational steps, one clock edge.

use super::flatten::{Step, Tree};
use super::{Interp, InterpError, Slot};
use crate::ir::data::*;
use crate::ir::{cmp_holds, eval, word_count, words};

/// The lowest `w` bits (at most 64).
fn mask(w: usize) -> u64 {
    if w >= 64 { u64::MAX } else { (1 << w) - 1 }
}

/// The words of a slot.
fn get(vals: &[u64], s: Slot) -> &[u64] {
    &vals[s.at..s.at + word_count(s.w)]
}

/// An operation on values of at most 64 bits; operands are places in `vals`, `widths` are theirs.
pub(super) fn small(op: &NodeOp, widths: &[usize], w: usize, vals: &[u64]) -> u64 {
    let v = |a: &NodeId| vals[*a as usize];
    let r = match op {
        NodeOp::Const(_) | NodeOp::Sig(_) => unreachable!("constants and signals are no steps"),
        NodeOp::Slice(a, lsb) => v(a) >> lsb,
        NodeOp::Cat(parts) => parts.iter().zip(widths).fold(0, |r, (a, w)| if *w == 64 { v(a) } else { r << w | v(a) }),
        NodeOp::Rep(a, n) => (0..*n).fold(0, |r, _| if widths[0] == 64 { v(a) } else { r << widths[0] | v(a) }),
        NodeOp::Not(a) => !v(a),
        NodeOp::Red(RedOp::Any, a) => u64::from(v(a) != 0),
        NodeOp::Red(RedOp::All, a) => u64::from(v(a) == mask(widths[0])),
        NodeOp::Red(RedOp::Parity, a) => u64::from(v(a).count_ones() & 1),
        NodeOp::Bin(BinOp::Add, a, b) => v(a).wrapping_add(v(b)),
        NodeOp::Bin(BinOp::Sub, a, b) => v(a).wrapping_sub(v(b)),
        NodeOp::Bin(BinOp::And, a, b) => v(a) & v(b),
        NodeOp::Bin(BinOp::Or, a, b) => v(a) | v(b),
        NodeOp::Bin(BinOp::Xor, a, b) => v(a) ^ v(b),
        NodeOp::Cmp(op, a, b) => u64::from(cmp_holds(*op, v(a).cmp(&v(b)))),
        NodeOp::Shl(a, n) => v(a).checked_shl(v(n).min(64) as u32).unwrap_or(0),
        NodeOp::Shr(a, n) => v(a).checked_shr(v(n).min(64) as u32).unwrap_or(0),
        NodeOp::Mux(c, a, b) => v(if v(c) == 1 { a } else { b }),
        NodeOp::Select(i, items) => v(&items[v(i).min(items.len() as u64 - 1) as usize]),
        NodeOp::SliceDyn(a, i) => {
            let by = v(i).saturating_mul(w as u64).min(64) as u32;
            v(a).checked_shr(by).unwrap_or(0)
        }
    };
    r & mask(w)
}

/// Runs an assignment tree on `dst`.
fn assign(tree: &[Tree], vals: &[u64], dst: &mut [u64]) {
    for t in tree {
        match t {
            Tree::Set { lsb, value } => words::insert(dst, *lsb, get(vals, *value), value.w),
            Tree::If { arms, otherwise } => {
                let hit = arms.iter().find(|(cond, _)| vals[*cond] == 1);
                assign(hit.map_or(otherwise, |(_, body)| body), vals, dst);
            }
            Tree::Switch { on, arms, default } => {
                let v = get(vals, *on);
                let high = v[1..].iter().any(|&x| x != 0);
                let hit = arms.iter().find(|(keys, _)| !high && keys.contains(&v[0]));
                assign(hit.map_or(default, |(_, body)| body), vals, dst);
            }
        }
    }
}

/// Copies an entry of a memory; zero past the end.
fn fetch(dst: &mut [u64], mem: &[u64], addr: &[u64]) {
    let n = dst.len();
    let at = words::saturate(addr, mem.len() / n) * n;
    match mem.get(at..at + n) {
        Some(entry) => dst.copy_from_slice(entry),
        None => dst.fill(0),
    }
}

impl Interp {
    pub(super) fn run_steps(&mut self) {
        for step in &self.flat.steps {
            match step {
                Step::Small { op, widths, dst, w } => self.vals[*dst] = small(op, widths, *w, &self.vals),
                Step::Wide { op, args, dst, w } => {
                    let (vals, rest) = self.vals.split_at_mut(*dst);
                    let arg = |i: NodeId| {
                        let s = args[i as usize];
                        (get(vals, s), s.w)
                    };
                    eval(op, *w, &mut rest[..word_count(*w)], &arg);
                }
                Step::Wire { dst, tree } => {
                    let (vals, rest) = self.vals.split_at_mut(dst.at);
                    assign(tree, vals, &mut rest[..word_count(dst.w)]);
                }
                Step::MemRead { mem, addr, dst } => {
                    let (vals, rest) = self.vals.split_at_mut(dst.at);
                    fetch(&mut rest[..word_count(dst.w)], &self.mems[*mem], get(vals, *addr));
                }
            }
        }
    }

    pub(super) fn check_properties(&self) -> Result<(), InterpError> {
        match self
            .flat
            .props
            .iter()
            .find(|p| !self.rst && self.vals[p.cond] != 1 && p.resets.iter().all(|r| self.vals[*r] == 0))
        {
            None => Ok(()),
            Some(p) => Err(InterpError::Property { kind: p.kind, path: p.path.clone(), cycle: self.cycle }),
        }
    }

    /// The clock edge: all next states from the old values, then all of them at once.
    pub(super) fn clock(&mut self) {
        let (vals, next) = (&self.vals, &mut self.next);
        for r in &self.flat.regs {
            let to = &mut next[r.next..r.next + word_count(r.cur.w)];
            if r.reset && (self.rst || r.resets.iter().any(|x| vals[*x] == 1)) {
                to.copy_from_slice(r.init.words());
            } else {
                to.copy_from_slice(get(vals, r.cur));
                assign(&r.tree, vals, to);
            }
        }
        for (m, mem) in self.flat.mems.iter().zip(&self.mems) {
            for r in m.reads.iter() {
                let to = &mut next[r.next..r.next + m.stride];
                if r.en.is_none_or(|en| vals[en] == 1) {
                    fetch(to, mem, get(vals, r.addr));
                    if let (true, Some(w)) = (m.collisions_undefined, &m.write)
                        && get(vals, w.en).iter().any(|&x| x != 0)
                        && get(vals, w.addr) == get(vals, r.addr)
                    {
                        to.iter_mut().for_each(|x| *x = !*x);
                        words::mask_top(to, m.w);
                    }
                } else {
                    to.copy_from_slice(get(vals, r.dst));
                }
            }
        }
        for (m, mem) in self.flat.mems.iter().zip(&mut self.mems) {
            let Some(w) = &m.write else { continue };
            let at = words::saturate(get(vals, w.addr), m.depth);
            if at == m.depth {
                continue;
            }
            let entry = &mut mem[at * m.stride..(at + 1) * m.stride];
            let (en, data, lane_w) = (get(vals, w.en), get(vals, w.data), w.lane_w);
            let mut lane = vec![0; word_count(lane_w)];
            for i in (0..m.w / lane_w).filter(|i| en[i / 64] >> (i % 64) & 1 == 1) {
                words::slice(&mut lane, data, i * lane_w, lane_w);
                words::insert(entry, i * lane_w, &lane, lane_w);
            }
        }
        for r in &self.flat.regs {
            let n = word_count(r.cur.w);
            self.vals[r.cur.at..r.cur.at + n].copy_from_slice(&self.next[r.next..r.next + n]);
        }
        for m in &self.flat.mems {
            for r in &m.reads {
                self.vals[r.dst.at..r.dst.at + m.stride].copy_from_slice(&self.next[r.next..r.next + m.stride]);
            }
        }
    }
}
