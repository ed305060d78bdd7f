//! The combinational dependencies within a module: loops, and which outputs depend on which inputs.

use super::builder::Res;
use super::data::*;

/// For each signal, the nodes that its statement tree reads: values and the conditions above them.
pub(crate) fn tree_reads(data: &ModuleData) -> Vec<Vec<NodeId>> {
    fn walk(stmts: &[Stmt], above: &mut Vec<NodeId>, reads: &mut [Vec<NodeId>]) {
        for s in stmts {
            match s {
                Stmt::Assign { sig, value, .. } => {
                    let to = &mut reads[*sig as usize];
                    to.push(*value);
                    to.extend(above.iter());
                }
                Stmt::If { arms, otherwise } => {
                    let depth = above.len();
                    for (cond, body) in arms {
                        above.push(*cond);
                        walk(body, above, reads);
                    }
                    walk(otherwise, above, reads);
                    above.truncate(depth);
                }
                Stmt::Switch { on, arms, default } => {
                    above.push(*on);
                    arms.iter().for_each(|(_, body)| walk(body, above, reads));
                    walk(default, above, reads);
                    above.pop();
                }
            }
        }
    }
    let mut reads = vec![Vec::new(); data.sigs.len()];
    walk(&data.body, &mut Vec::new(), &mut reads);
    for r in &mut reads {
        r.sort_unstable();
        r.dedup();
    }
    reads
}

/// A depth-first order of a graph in which each vertex comes after what it depends on; or the vertices of a loop.
pub(crate) fn order<F>(count: usize, roots: impl Iterator<Item = usize>, deps: F) -> Result<Vec<usize>, Vec<usize>>
where
    F: Fn(usize) -> Vec<usize>,
{
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut mark = vec![Mark::New; count];
    let mut out = Vec::new();
    let mut stack: Vec<(usize, Vec<usize>)> = Vec::new();
    for root in roots {
        if mark[root] == Mark::New {
            mark[root] = Mark::Open;
            stack.push((root, deps(root)));
        }
        while let Some((v, rest)) = stack.last_mut() {
            let v = *v;
            match rest.pop() {
                None => {
                    mark[v] = Mark::Done;
                    out.push(v);
                    stack.pop();
                }
                Some(d) => match mark[d] {
                    Mark::Done => {}
                    Mark::New => {
                        mark[d] = Mark::Open;
                        stack.push((d, deps(d)));
                    }
                    Mark::Open => {
                        let from = stack.iter().position(|(x, _)| *x == d).expect("open vertices are stacked");
                        return Err(stack[from..].iter().map(|(x, _)| *x).collect());
                    }
                },
            }
        }
    }
    Ok(out)
}

/// For each data port that is an output, the inputs it depends on; an error that names the signals of a loop.
pub(super) fn input_deps(data: &ModuleData) -> Res<Vec<Vec<usize>>> {
    let reads = tree_reads(data);
    let nodes = data.nodes.len();
    let deps = |v: usize| -> Vec<usize> {
        let mut out = Vec::new();
        if v < nodes {
            match &data.nodes[v].op {
                NodeOp::Sig(s) => out.push(nodes + *s as usize),
                op => op.operands(|a| out.push(a as usize)),
            }
            return out;
        }
        let sig = v - nodes;
        match data.sigs[sig].kind {
            SigKind::Input | SigKind::Reg { .. } => {}
            SigKind::Output | SigKind::Wire => out.extend(reads[sig].iter().map(|&n| n as usize)),
            SigKind::InstOut { inst, port } => {
                let inst = &data.insts[inst];
                let through = &inst.child.data().comb_deps[port];
                out.extend(through.iter().map(|&i| inst.inputs[i].expect("inputs are set") as usize));
            }
            SigKind::RamOut { ram, read } => {
                let read = &data.rams[ram].reads[read];
                if read.kind == ReadKind::Async {
                    out.push(read.addr as usize);
                }
            }
        }
        out
    };
    let roots = nodes..nodes + data.sigs.len();
    let sorted = order(nodes + data.sigs.len(), roots, deps).map_err(|cycle| {
        let names = cycle.iter().filter(|&&v| v >= nodes).map(|&v| data.sigs[v - nodes].name.as_str());
        format!("combinational loop: {}", names.collect::<Vec<_>>().join(" <- "))
    })?;
    // A bit per port, in topological order.
    let words = data.ports.len().div_ceil(64);
    let mut support = vec![0u64; (nodes + data.sigs.len()) * words];
    for &v in &sorted {
        for d in deps(v) {
            for k in 0..words {
                support[v * words + k] |= support[d * words + k];
            }
        }
        if v >= nodes
            && matches!(data.sigs[v - nodes].kind, SigKind::Input)
            && let Some(port) = data.ports.iter().position(|p| p.1 as usize == v - nodes)
        {
            support[v * words + port / 64] |= 1 << (port % 64);
        }
    }
    let of_port = |&(dir, sig): &(Dir, SigId)| match dir {
        Dir::Input => Vec::new(),
        Dir::Output => {
            let set = &support[(nodes + sig as usize) * words..][..words];
            (0..data.ports.len()).filter(|i| set[i / 64] >> (i % 64) & 1 == 1).collect()
        }
    };
    Ok(data.ports.iter().map(of_port).collect())
}
