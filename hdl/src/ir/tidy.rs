//! Simplification of the statement tree: branches on constants, and wires that are assigned piece by piece.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::Builder;
use super::data::*;

/// Drops branches that constant conditions rule out, and empty conditionals.
pub(super) fn prune(b: &Builder, stmts: Vec<Stmt>) -> Vec<Stmt> {
    let mut out = Vec::with_capacity(stmts.len());
    for s in stmts {
        match s {
            Stmt::Assign { .. } => out.push(s),
            Stmt::If { arms, mut otherwise } => {
                let mut kept = Vec::new();
                for (cond, body) in arms {
                    match b.const_of(cond).map(|v| v.bit(0)) {
                        Some(false) => {}
                        Some(true) => {
                            otherwise = body;
                            break;
                        }
                        None => kept.push((cond, prune(b, body))),
                    }
                }
                let otherwise = prune(b, otherwise);
                while otherwise.is_empty() && kept.last().is_some_and(|(_, body)| body.is_empty()) {
                    kept.pop();
                }
                if kept.is_empty() {
                    out.extend(otherwise);
                } else {
                    out.push(Stmt::If { arms: kept, otherwise });
                }
            }
            Stmt::Switch { on, arms, default } => {
                if let Some(v) = b.const_of(on) {
                    let hit = arms.into_iter().find(|(keys, _)| v.to_u64().is_some_and(|v| keys.contains(&v)));
                    out.extend(prune(b, hit.map_or(default, |(_, body)| body)));
                    continue;
                }
                let arms: Vec<_> = arms.into_iter().map(|(k, body)| (k, prune(b, body))).collect();
                let default = prune(b, default);
                if !default.is_empty() || arms.iter().any(|(_, body)| !body.is_empty()) {
                    out.push(Stmt::Switch { on, arms, default });
                }
            }
        }
    }
    out
}

/// Calls `f` with every assignment below `stmts`.
pub(super) fn each_assign(stmts: &[Stmt], f: &mut impl FnMut(SigId)) {
    for s in stmts {
        match s {
            Stmt::Assign { sig, .. } => f(*sig),
            Stmt::If { arms, otherwise } => {
                arms.iter().for_each(|(_, body)| each_assign(body, f));
                each_assign(otherwise, f);
            }
            Stmt::Switch { arms, default, .. } => {
                arms.iter().for_each(|(_, body)| each_assign(body, f));
                each_assign(default, f);
            }
        }
    }
}

/// Where every assignment of a wire is unconditional and there are several, they become one assignment of a
/// concatenation. The wires are fully driven.
pub(super) fn join_pieces(b: &mut Builder) {
    let mut conditional = BTreeSet::new();
    let mut pieces: BTreeMap<SigId, Vec<(u32, u32, NodeId)>> = BTreeMap::new();
    for s in &b.data.body {
        match s {
            Stmt::Assign { sig, lsb, w, value } => pieces.entry(*sig).or_default().push((*lsb, *w, *value)),
            other => each_assign(std::slice::from_ref(other), &mut |sig| {
                conditional.insert(sig);
            }),
        }
    }
    pieces.retain(|sig, p| {
        let wire = matches!(b.data.sigs[*sig as usize].kind, SigKind::Wire | SigKind::Output);
        wire && p.len() > 1 && !conditional.contains(sig)
    });
    b.data.body.retain(|s| !matches!(s, Stmt::Assign { sig, .. } if pieces.contains_key(sig)));
    for (sig, pieces) in pieces {
        let w = b.data.sigs[sig as usize].w;
        let mut owner = vec![0; w as usize];
        for (i, (lsb, pw, _)) in pieces.iter().enumerate() {
            owner[*lsb as usize..(*lsb + *pw) as usize].fill(i);
        }
        let mut parts = Vec::new();
        let mut top = owner.len();
        while top > 0 {
            let who = owner[top - 1];
            let from = owner[..top].iter().rposition(|&o| o != who).map_or(0, |i| i + 1);
            let (lsb, _, value) = pieces[who];
            parts.push(b.slice_id(value, from as u32 - lsb, (top - from) as u32));
            top = from;
        }
        let value = b.cat_ids(parts);
        b.data.body.push(Stmt::Assign { sig, lsb: 0, w, value });
    }
}
