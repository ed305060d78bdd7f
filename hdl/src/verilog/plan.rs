//! What is printed, decided before it is printed: blocks, named expressions, bits that nothing reads.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::expr::Exprs;
use super::stmt;
use crate::ir::Bits;
use crate::ir::data::*;
use crate::ir::names;

/// Registers that share an `always` block.
pub(super) struct RegGroup {
    pub sigs: Vec<SigId>,
    pub reset: bool,
    pub body: Vec<Stmt>,
}

pub(super) struct Plan<'a> {
    pub exprs: Exprs<'a>,
    /// Wires and outputs with their statements.
    pub combs: Vec<(SigId, Vec<Stmt>)>,
    pub regs: Vec<RegGroup>,
    /// Named expressions in order of definition.
    pub temps: Vec<NodeId>,
    /// Named expressions that only properties use.
    pub formal_temps: Vec<NodeId>,
    /// `name`, width, and which bits are read, for everything that has a name.
    pub reads: Vec<(String, Bits)>,
    pub taken: HashSet<String>,
}

/// Expressions of more operations than this are cut by a name.
const INLINE_LIMIT: u32 = 24;

pub(super) fn plan(data: &ModuleData) -> Plan<'_> {
    let mut taken: HashSet<String> = ["clk", "rst"].map(String::from).into();
    taken.extend(data.sigs.iter().map(|s| s.name.clone()));
    taken.extend(data.rams.iter().map(|r| r.name.clone()));
    taken.extend(data.insts.iter().map(|i| i.name.clone()));
    taken.extend(data.props.iter().map(|p| p.name.clone()));
    let (combs, regs) = blocks(data);
    let exprs = Exprs { data, named: vec![None; data.nodes.len()] };
    let mut p = Plan { exprs, combs, regs, temps: Vec::new(), formal_temps: Vec::new(), reads: Vec::new(), taken };
    let (roots, sliced) = p.roots();
    let uses = p.count(&roots);
    p.temps = p.name_temps(&uses, &sliced);
    p.reads = p.read_bits(&roots, &uses);
    let formal_roots: Vec<NodeId> = data.props.iter().map(|p| p.cond).collect();
    let formal_uses = p.count(&formal_roots);
    p.formal_temps = p.name_temps(&formal_uses, &[]);
    p
}

fn blocks(data: &ModuleData) -> (Vec<(SigId, Vec<Stmt>)>, Vec<RegGroup>) {
    let mut combs = Vec::new();
    let mut regs: Vec<RegGroup> = Vec::new();
    let mut groups: HashMap<(String, bool), usize> = HashMap::new();
    for (id, sig) in data.sigs.iter().enumerate() {
        let id = id as SigId;
        match &sig.kind {
            SigKind::Wire | SigKind::Output => combs.push((id, stmt::project(&data.body, &|s| s == id))),
            SigKind::Reg { reset, .. } => {
                let body = stmt::project(&data.body, &|s| s == id);
                if body.is_empty() && !reset {
                    continue; // It keeps its initial value.
                }
                let key = (stmt::skeleton(&body), *reset);
                let group = *groups.entry(key).or_insert_with(|| {
                    regs.push(RegGroup { sigs: Vec::new(), reset: *reset, body: Vec::new() });
                    regs.len() - 1
                });
                regs[group].sigs.push(id);
            }
            _ => {}
        }
    }
    for g in &mut regs {
        g.body = stmt::project(&data.body, &|s| g.sigs.contains(&s));
    }
    (combs, regs)
}

impl Plan<'_> {
    fn data(&self) -> &ModuleData {
        self.exprs.data
    }

    /// The nodes that the text uses, as often as it does, and those of them that must be names.
    fn roots(&self) -> (Vec<NodeId>, Vec<NodeId>) {
        let (mut roots, mut sliced) = (Vec::new(), Vec::new());
        let bodies = self.combs.iter().map(|(_, b)| b).chain(self.regs.iter().map(|g| &g.body));
        bodies.for_each(|b| stmt::each_node(b, &mut |n| roots.push(n)));
        for inst in &self.data().insts {
            roots.extend(inst.inputs.iter().chain([&inst.reset]).flatten());
        }
        for ram in &self.data().rams {
            if let Some(w) = &ram.write {
                roots.extend([w.en, w.addr, w.data]);
                // yosys makes a memory that is written at a literal address a list of registers.
                if matches!(self.data().nodes[w.addr as usize].op, NodeOp::Const(_)) {
                    sliced.push(w.addr);
                }
                if w.lane_w != ram.w {
                    // Each lane prints the address once more.
                    roots.push(w.addr);
                    sliced.extend([w.en, w.data]);
                }
            }
            for r in &ram.reads {
                roots.push(r.addr);
                if ram.collisions_undefined
                    && r.kind != ReadKind::Async
                    && let Some(w) = &ram.write
                {
                    // The text detects collisions, too.
                    roots.extend([w.en, w.addr, r.addr, r.addr]);
                }
                if let ReadKind::SyncEn(en) = r.kind {
                    roots.push(en);
                }
            }
        }
        (roots, sliced)
    }

    /// How often each node is printed, if each is printed once wherever a name stands for it.
    fn count(&self, roots: &[NodeId]) -> Vec<u32> {
        let mut uses = vec![0; self.data().nodes.len()];
        roots.iter().for_each(|&r| uses[r as usize] += 1);
        for n in (0..uses.len()).rev() {
            if uses[n] > 0 && self.exprs.named[n].is_none() {
                self.data().nodes[n].op.operands(|a| uses[a as usize] += 1);
            }
        }
        uses
    }

    /// Names those of the used nodes that need one, and returns them in order of definition.
    fn name_temps(&mut self, uses: &[u32], sliced: &[NodeId]) -> Vec<NodeId> {
        let data = self.exprs.data;
        let mut must = vec![false; uses.len()];
        sliced.iter().for_each(|&n| must[n as usize] = true);
        for (n, node) in data.nodes.iter().enumerate() {
            match node.op {
                NodeOp::Slice(a, _) if uses[n] > 0 => must[a as usize] = true,
                NodeOp::SliceDyn(a, i) if uses[n] > 0 => {
                    must[a as usize] = true;
                    // The guard prints the index a second time.
                    must[i as usize] |= !matches!(data.nodes[i as usize].op, NodeOp::Const(_) | NodeOp::Slice(..));
                }
                _ => {}
            }
        }
        let mut size = vec![0u32; uses.len()];
        let mut temps = Vec::new();
        for (n, node) in data.nodes.iter().enumerate() {
            if uses[n] == 0 || matches!(node.op, NodeOp::Sig(_)) || self.exprs.named[n].is_some() {
                continue;
            }
            node.op.operands(|a| size[n] += size[a as usize]);
            let trivial = match node.op {
                NodeOp::Const(_) | NodeOp::Slice(..) => true,
                NodeOp::Not(a) => node.w == 1 && matches!(data.nodes[a as usize].op, NodeOp::Sig(_)),
                _ => {
                    size[n] += 1;
                    false
                }
            };
            let hint = data.hints.get(&(n as NodeId));
            let named = must[n]
                || hint.is_some()
                || matches!(node.op, NodeOp::Select(..))
                || uses[n] > 1 && !trivial
                || size[n] > INLINE_LIMIT;
            if named {
                size[n] = 0;
                let name = match hint {
                    Some(h) => names::unique(h, &self.taken),
                    None => names::unique(&format!("t_{n}"), &self.taken),
                };
                self.taken.insert(name.clone());
                self.exprs.named[n] = Some(name);
                temps.push(n as NodeId);
            }
        }
        temps
    }

    fn read_bits(&self, roots: &[NodeId], uses: &[u32]) -> Vec<(String, Bits)> {
        let data = self.data();
        let mut sigs: Vec<Bits> = data.sigs.iter().map(|s| Bits::zero(s.w as usize)).collect();
        let mut temps: BTreeMap<NodeId, Bits> =
            self.temps.iter().map(|&n| (n, Bits::zero(data.nodes[n as usize].w as usize))).collect();
        let mut mark = |n: NodeId, lsb: u32, w: u32| {
            let bits = match data.nodes[n as usize].op {
                NodeOp::Sig(s) => Some(&mut sigs[s as usize]),
                _ => temps.get_mut(&n),
            };
            if let Some(bits) = bits {
                bits.set(lsb as usize, &Bits::ones(w as usize));
            }
        };
        roots.iter().for_each(|&r| mark(r, 0, data.nodes[r as usize].w));
        for (n, node) in data.nodes.iter().enumerate() {
            match node.op {
                _ if uses[n] == 0 => {}
                NodeOp::Slice(a, lsb) => mark(a, lsb, node.w),
                ref op => op.operands(|a| mark(a, 0, data.nodes[a as usize].w)),
            }
        }
        let read_outside = |s: &Sig| matches!(s.kind, SigKind::Output);
        let of_sigs = data.sigs.iter().zip(sigs).filter(|(s, _)| !read_outside(s)).map(|(s, b)| (s.name.clone(), b));
        let of_temps = temps.into_iter().map(|(n, b)| (self.exprs.name(n).to_string(), b));
        of_sigs.chain(of_temps).collect()
    }
}
