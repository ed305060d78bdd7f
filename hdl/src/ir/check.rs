//! The checks that end the building of a module: drivers, latches, connections, loops.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::Bits;
use super::builder::{Builder, Res};
use super::comb;
use super::data::*;
use super::tidy;

/// Tidies and checks a module whose closure has run.
pub(super) fn finish(mut b: Builder) -> Res<ModuleData> {
    // What is said, before constant conditions take parts of it away.
    all_are_assigned(&b.data)?;
    defaults_come_first(&b.data)?;
    if b.fold {
        let body = std::mem::take(&mut b.data.body);
        b.data.body = tidy::prune(&b, body);
    }
    latches(&b.data)?;
    connections(&b.data)?;
    if b.fold {
        tidy::join_pieces(&mut b);
    }
    let mut data = b.data;
    data.clocked = data.sigs.iter().any(|s| matches!(s.kind, SigKind::Reg { .. }))
        || !data.rams.is_empty()
        || !data.props.is_empty()
        || data.insts.iter().any(|i| i.child.is_clocked());
    data.comb_deps = comb::input_deps(&data)?;
    Ok(data)
}

/// The bits of each signal that are assigned whatever the conditions are.
type Assigned = BTreeMap<SigId, Bits>;

fn add(to: &mut Assigned, data: &ModuleData, sig: SigId, bits: &Bits) {
    let all = to.entry(sig).or_insert_with(|| Bits::zero(data.sigs[sig as usize].w as usize));
    all.words_mut().iter_mut().zip(bits.words()).for_each(|(a, b)| *a |= b);
}

fn range(data: &ModuleData, sig: SigId, lsb: u32, w: u32) -> Bits {
    let mut bits = Bits::zero(data.sigs[sig as usize].w as usize);
    bits.set(lsb as usize, &Bits::ones(w as usize));
    bits
}

fn assigned(data: &ModuleData, stmts: &[Stmt]) -> Assigned {
    let mut all = Assigned::new();
    for s in stmts {
        let mut bodies: Vec<&[Stmt]> = Vec::new();
        match s {
            Stmt::Assign { sig, lsb, w, .. } => {
                add(&mut all, data, *sig, &range(data, *sig, *lsb, *w));
                continue;
            }
            Stmt::If { arms, otherwise } => {
                bodies.push(otherwise);
                bodies.extend(arms.iter().map(|(_, body)| &body[..]));
            }
            Stmt::Switch { arms, default, .. } => {
                bodies.push(default);
                bodies.extend(arms.iter().map(|(_, body)| &body[..]));
            }
        }
        let mut common = assigned(data, bodies[0]);
        for body in &bodies[1..] {
            if common.is_empty() {
                break;
            }
            let other = assigned(data, body);
            common.retain(|sig, _| other.contains_key(sig));
            for (sig, bits) in &mut common {
                bits.words_mut().iter_mut().zip(other[sig].words()).for_each(|(a, b)| *a &= b);
            }
        }
        for (sig, bits) in common {
            add(&mut all, data, sig, &bits);
        }
    }
    all
}

fn all_are_assigned(data: &ModuleData) -> Res<()> {
    let mut touched = BTreeSet::new();
    tidy::each_assign(&data.body, &mut |sig| {
        touched.insert(sig);
    });
    for (id, sig) in data.sigs.iter().enumerate() {
        let what = match sig.kind {
            SigKind::Wire => "wire",
            SigKind::Output => "output",
            SigKind::Reg { .. } => "register",
            _ => continue,
        };
        if !touched.contains(&(id as SigId)) {
            return Err(format!("{what} {} is never assigned", sig.name));
        }
    }
    Ok(())
}

fn latches(data: &ModuleData) -> Res<()> {
    let all = assigned(data, &data.body);
    for (id, sig) in data.sigs.iter().enumerate() {
        let what = match sig.kind {
            SigKind::Wire => "wire",
            SigKind::Output => "output",
            _ => continue,
        };
        let have = all.get(&(id as SigId));
        if let Some(bit) = (0..sig.w as usize).find(|&i| !have.is_some_and(|h| h.bit(i))) {
            return Err(format!(
                "{what} {}: bit {bit} is not assigned in every case (latch): assign a default first",
                sig.name
            ));
        }
    }
    Ok(())
}

/// An unconditional assignment after a conditional one makes the latter dead text: certainly not what was meant.
fn defaults_come_first(data: &ModuleData) -> Res<()> {
    let mut conditional = BTreeSet::new();
    for s in &data.body {
        match s {
            Stmt::Assign { sig, lsb: 0, w, .. } => {
                let of = &data.sigs[*sig as usize];
                if *w == of.w && conditional.contains(sig) {
                    return Err(format!("{}: an unconditional assignment after a conditional one", of.name));
                }
            }
            Stmt::Assign { .. } => {}
            other => tidy::each_assign(std::slice::from_ref(other), &mut |sig| {
                if !matches!(data.sigs[sig as usize].kind, SigKind::Reg { .. }) {
                    conditional.insert(sig);
                }
            }),
        }
    }
    Ok(())
}

fn connections(data: &ModuleData) -> Res<()> {
    for inst in &data.insts {
        let child = inst.child.data();
        for (i, &(dir, sig)) in child.ports.iter().enumerate() {
            if dir == Dir::Input && inst.inputs[i].is_none() {
                let port = &child.sigs[sig as usize].name;
                return Err(format!("instance {} of {}: input {port} is not set", inst.name, child.name));
            }
        }
    }
    for ram in &data.rams {
        if ram.write.is_none() {
            return Err(format!("ram {} is never written", ram.name));
        }
        if ram.reads.is_empty() {
            return Err(format!("ram {} is never read", ram.name));
        }
    }
    Ok(())
}
