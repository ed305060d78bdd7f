//! From a hierarchy of modules to a store of values, an order of operations, registers and memories.

use std::collections::HashMap;

use super::{InterpError, Slot};
use crate::ir::data::*;
use crate::ir::{Bits, Module, comb, word_count};

/// An assignment tree over slots of the store.
#[derive(Debug)]
pub(super) enum Tree {
    Set { lsb: usize, value: Slot },
    If { arms: Vec<(usize, Vec<Tree>)>, otherwise: Vec<Tree> },
    Switch { on: Slot, arms: Vec<(Vec<u64>, Vec<Tree>)>, default: Vec<Tree> },
}

/// A combinational step; in order.
#[derive(Debug)]
pub(super) enum Step {
    /// An operation whose operands and result have at most 64 bits. Its operands are places in the store.
    Small { op: NodeOp, widths: Vec<usize>, dst: usize, w: usize },
    /// An operation with a wider value. Its operands are indices into `args`.
    Wide { op: NodeOp, args: Vec<Slot>, dst: usize, w: usize },
    /// A wire's statements.
    Wire { dst: Slot, tree: Vec<Tree> },
    /// An asynchronous read.
    MemRead { mem: usize, addr: Slot, dst: Slot },
}

pub(super) struct FlatReg {
    pub cur: Slot,
    pub next: usize,
    pub init: Bits,
    pub reset: bool,
    /// Bits that reset it beside `rst`.
    pub resets: Vec<usize>,
    pub tree: Vec<Tree>,
}

pub(super) struct FlatRead {
    pub en: Option<usize>,
    pub addr: Slot,
    pub dst: Slot,
    pub next: usize,
}

pub(super) struct FlatWrite {
    pub en: Slot,
    pub lane_w: usize,
    pub addr: Slot,
    pub data: Slot,
}

pub(super) struct FlatMem {
    pub path: String,
    pub depth: usize,
    pub w: usize,
    /// Words per entry.
    pub stride: usize,
    pub write: Option<FlatWrite>,
    pub collisions_undefined: bool,
    pub reads: Vec<FlatRead>,
}

pub(super) struct FlatProp {
    pub kind: PropKind,
    pub path: String,
    pub cond: usize,
    /// Bits that suspend it beside `rst`.
    pub resets: Vec<usize>,
}

#[derive(Default)]
pub(super) struct Flat {
    pub clocked: bool,
    pub vals_len: usize,
    pub next_len: usize,
    pub consts: Vec<(usize, Bits)>,
    pub steps: Vec<Step>,
    pub regs: Vec<FlatReg>,
    pub mems: Vec<FlatMem>,
    pub props: Vec<FlatProp>,
    pub top_sigs: Vec<Slot>,
    pub paths: HashMap<String, Slot>,
}

/// An instance in the flattened hierarchy. Vertices of the graph are its nodes, then its signals.
struct Place {
    module: Module,
    /// Path with a final dot; empty for the top.
    prefix: String,
    /// The place and instance index of the parent.
    parent: Option<(usize, usize)>,
    children: Vec<usize>,
    base: usize,
    first_mem: usize,
    reads: Vec<Vec<NodeId>>,
}

impl Place {
    fn data(&self) -> &ModuleData {
        self.module.data()
    }

    fn node(&self, n: NodeId) -> usize {
        self.base + n as usize
    }

    fn sig(&self, s: SigId) -> usize {
        self.base + self.data().nodes.len() + s as usize
    }
}

struct Places {
    all: Vec<Place>,
    vertices: usize,
    mems: usize,
}

impl Places {
    fn add(&mut self, module: &Module, prefix: String, parent: Option<(usize, usize)>) -> usize {
        let index = self.all.len();
        let data = module.data();
        self.all.push(Place {
            module: module.clone(),
            prefix: prefix.clone(),
            parent,
            children: Vec::new(),
            base: self.vertices,
            first_mem: self.mems,
            reads: comb::tree_reads(data),
        });
        self.vertices += data.nodes.len() + data.sigs.len();
        self.mems += data.rams.len();
        for (i, inst) in data.insts.iter().enumerate() {
            let child = self.add(&inst.child, format!("{prefix}{}.", inst.name), Some((index, i)));
            self.all[index].children.push(child);
        }
        index
    }

    fn of(&self, vertex: usize) -> &Place {
        &self.all[self.all.partition_point(|p| p.base <= vertex) - 1]
    }

    /// The vertex that a signal merely stands for: a child's input, an instance's output.
    fn alias(&self, p: &Place, sig: SigId) -> Option<usize> {
        match p.data().sigs[sig as usize].kind {
            SigKind::Input => {
                let (parent, inst) = p.parent?;
                let parent = &self.all[parent];
                let port = p.data().ports.iter().position(|x| x.1 == sig).expect("an input is a port");
                Some(parent.node(parent.data().insts[inst].inputs[port].expect("inputs are set")))
            }
            SigKind::InstOut { inst, port } => {
                let child = &self.all[p.children[inst]];
                Some(child.sig(child.data().ports[port].1))
            }
            _ => None,
        }
    }

    fn deps(&self, v: usize) -> Vec<usize> {
        let p = self.of(v);
        let data = p.data();
        let local = v - p.base;
        let mut out = Vec::new();
        if local < data.nodes.len() {
            match &data.nodes[local].op {
                NodeOp::Sig(s) => out.push(p.sig(*s)),
                op => op.operands(|a| out.push(p.node(a))),
            }
            return out;
        }
        let sig = local - data.nodes.len();
        match data.sigs[sig].kind {
            SigKind::Wire | SigKind::Output => out.extend(p.reads[sig].iter().map(|&n| p.node(n))),
            SigKind::RamOut { ram, read } => {
                let read = &data.rams[ram].reads[read];
                if read.kind == ReadKind::Async {
                    out.push(p.node(read.addr));
                }
            }
            _ => out.extend(self.alias(p, sig as SigId)),
        }
        out
    }
}

pub(super) fn flatten(top: &Module) -> Result<Flat, InterpError> {
    let mut places = Places { all: Vec::new(), vertices: 0, mems: 0 };
    places.add(top, String::new(), None);
    let sorted = comb::order(places.vertices, 0..places.vertices, |v| places.deps(v)).map_err(|cycle| {
        let names = cycle.into_iter().filter_map(|v| {
            let p = places.of(v);
            let sig = (v - p.base).checked_sub(p.data().nodes.len())?;
            Some(format!("{}{}", p.prefix, p.data().sigs[sig].name))
        });
        InterpError::CombLoop(names.collect())
    })?;
    let mut f = Flattener { flat: Flat::default(), slots: vec![None; places.vertices], places: &places };
    sorted.iter().for_each(|&v| f.place(v));
    f.finish();
    f.flat.clocked = top.is_clocked();
    Ok(f.flat)
}

struct Flattener<'a> {
    flat: Flat,
    slots: Vec<Option<Slot>>,
    places: &'a Places,
}

impl Flattener<'_> {
    fn slot(&self, vertex: usize) -> Slot {
        self.slots[vertex].expect("every vertex is placed in order")
    }

    fn alloc(&mut self, w: usize) -> Slot {
        let at = self.flat.vals_len;
        self.flat.vals_len += word_count(w);
        Slot { at, w }
    }

    fn alloc_next(&mut self, w: usize) -> usize {
        let at = self.flat.next_len;
        self.flat.next_len += word_count(w);
        at
    }

    /// Gives a vertex its slot, and its step when it has one. What it depends on has been placed.
    fn place(&mut self, v: usize) {
        let p = self.places.of(v);
        let data = p.data();
        let local = v - p.base;
        let slot = if local < data.nodes.len() {
            self.place_node(p, &data.nodes[local])
        } else {
            self.place_sig(p, (local - data.nodes.len()) as SigId)
        };
        self.slots[v] = Some(slot);
    }

    fn place_node(&mut self, p: &Place, node: &Node) -> Slot {
        let w = node.w as usize;
        if let NodeOp::Sig(s) = node.op {
            return self.slot(p.sig(s));
        }
        let dst = self.alloc(w);
        if let NodeOp::Const(v) = &node.op {
            self.flat.consts.push((dst.at, v.clone()));
            return dst;
        }
        let mut args = Vec::new();
        node.op.operands(|a| args.push(self.slot(p.node(a))));
        let at = dst.at;
        self.flat.steps.push(if w <= 64 && args.iter().all(|a| a.w <= 64) {
            let op = node.op.map_operands(|a| self.slot(p.node(a)).at as NodeId);
            Step::Small { op, widths: args.iter().map(|a| a.w).collect(), dst: at, w }
        } else {
            let mut next = 0..;
            let op = node.op.map_operands(|_| next.next().expect("endless"));
            Step::Wide { op, args, dst: at, w }
        });
        dst
    }

    fn place_sig(&mut self, p: &Place, sig: SigId) -> Slot {
        if let Some(of) = self.places.alias(p, sig) {
            return self.slot(of);
        }
        let s = &p.data().sigs[sig as usize];
        let dst = self.alloc(s.w as usize);
        match s.kind {
            SigKind::Wire | SigKind::Output => {
                let tree = self.tree(p, &p.data().body, sig);
                self.flat.steps.push(Step::Wire { dst, tree });
            }
            SigKind::RamOut { ram, read } => {
                let read = &p.data().rams[ram].reads[read];
                if read.kind == ReadKind::Async {
                    let addr = self.slot(p.node(read.addr));
                    self.flat.steps.push(Step::MemRead { mem: p.first_mem + ram, addr, dst });
                }
            }
            SigKind::Input | SigKind::Reg { .. } | SigKind::InstOut { .. } => {}
        }
        dst
    }

    /// Registers, memories, properties and names, when every vertex has its slot.
    fn finish(&mut self) {
        let places = self.places;
        for (index, p) in places.all.iter().enumerate() {
            let data = p.data();
            for (id, s) in data.sigs.iter().enumerate() {
                let cur = self.slot(p.sig(id as SigId));
                self.flat.paths.insert(format!("{}{}", p.prefix, s.name), cur);
                if index == 0 {
                    self.flat.top_sigs.push(cur);
                }
                if let SigKind::Reg { init, reset } = &s.kind {
                    let resets = self.resets(p);
                    let tree = self.tree(p, &data.body, id as SigId);
                    let next = self.alloc_next(s.w as usize);
                    self.flat.regs.push(FlatReg { cur, next, init: init.clone(), reset: *reset, resets, tree });
                }
            }
            for (&n, hint) in &data.hints {
                let slot = self.slot(p.node(n));
                self.flat.paths.entry(format!("{}{hint}", p.prefix)).or_insert(slot);
            }
            data.rams.iter().for_each(|r| self.memory(p, r));
            for prop in data.props.iter().filter(|x| x.kind != PropKind::Cover) {
                let cond = self.slot(p.node(prop.cond)).at;
                let path = format!("{}{}", p.prefix, prop.name);
                self.flat.props.push(FlatProp { kind: prop.kind, path, cond, resets: self.resets(p) });
            }
        }
    }

    /// The bits that reset a place beside the top's `rst`: its own instance's and those above it.
    fn resets(&self, p: &Place) -> Vec<usize> {
        let mut out = Vec::new();
        let mut above = p.parent;
        while let Some((parent, inst)) = above {
            let place = &self.places.all[parent];
            out.extend(place.data().insts[inst].reset.map(|n| self.slot(place.node(n)).at));
            above = place.parent;
        }
        out
    }

    fn memory(&mut self, p: &Place, r: &RamData) {
        let at = |f: &Self, n: NodeId| f.slot(p.node(n));
        let write = r.write.as_ref().map(|w| FlatWrite {
            en: at(self, w.en),
            lane_w: w.lane_w as usize,
            addr: at(self, w.addr),
            data: at(self, w.data),
        });
        let mut reads = Vec::new();
        for read in &r.reads {
            let en = match read.kind {
                ReadKind::Async => continue,
                ReadKind::Sync => None,
                ReadKind::SyncEn(en) => Some(at(self, en).at),
            };
            let (addr, dst) = (at(self, read.addr), self.slot(p.sig(read.sig)));
            let next = self.alloc_next(dst.w);
            reads.push(FlatRead { en, addr, dst, next });
        }
        let (path, w) = (format!("{}{}", p.prefix, r.name), r.w as usize);
        self.flat.mems.push(FlatMem {
            path,
            depth: r.depth,
            w,
            stride: word_count(w),
            write,
            collisions_undefined: r.collisions_undefined,
            reads,
        });
    }

    fn tree(&self, p: &Place, stmts: &[Stmt], of: SigId) -> Vec<Tree> {
        let at = |n: NodeId| self.slot(p.node(n));
        let mut out = Vec::new();
        for s in stmts {
            match s {
                Stmt::Assign { sig, lsb, value, .. } => {
                    if *sig == of {
                        out.push(Tree::Set { lsb: *lsb as usize, value: at(*value) });
                    }
                }
                Stmt::If { arms, otherwise } => {
                    let mut bodies: Vec<_> = arms.iter().map(|(c, body)| (*c, self.tree(p, body, of))).collect();
                    let otherwise = self.tree(p, otherwise, of);
                    // Arms after the last one that assigns the signal: it does not depend on their conditions.
                    while otherwise.is_empty() && bodies.last().is_some_and(|(_, body)| body.is_empty()) {
                        bodies.pop();
                    }
                    if !otherwise.is_empty() || bodies.iter().any(|(_, body)| !body.is_empty()) {
                        let arms = bodies.into_iter().map(|(c, body)| (at(c).at, body)).collect();
                        out.push(Tree::If { arms, otherwise });
                    }
                }
                Stmt::Switch { on, arms, default } => {
                    let arms: Vec<_> = arms.iter().map(|(k, body)| (k.clone(), self.tree(p, body, of))).collect();
                    let default = self.tree(p, default, of);
                    if !default.is_empty() || arms.iter().any(|(_, body)| !body.is_empty()) {
                        out.push(Tree::Switch { on: at(*on), arms, default });
                    }
                }
            }
        }
        out
    }
}
