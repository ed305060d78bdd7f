//! Linearizability of a register whose values are unique, by zones.
//!
//! P. B. Gibbons and E. Korach, "Testing shared memories", SIAM Journal on Computing 26(4), 1997, sections 3 and 4: with
//! one writer for each value, the write and the reads of a value form a cluster that must stand together in any order.
//! Let `f` be the earliest return and `s` the latest call in a cluster. Two clusters X and Y can't be ordered when
//! something in X returns before something in Y is called and the other way round: `f(X) < s(Y)` and `f(Y) < s(X)`. The
//! history is linearizable if no read returns before its write is called, and no two clusters are in that relation. A
//! cluster with `f < s` covers `[f, s]` (a forward zone): forward zones may not overlap; one with `s <= f` (a backward
//! zone) may not lie inside a forward zone.
//!
//! A compare-and-write that took place reads one value and writes another at one point, so its two clusters stand
//! together too, in that order: they are joined, and the same test is made on the chain. Inside a chain the order is
//! fixed: reads of a value after its write and before the swap that ends it, which a greedy assignment decides. Points so
//! found can be moved into the chain's zone without disturbing their order, so the test remains exact.

use super::{Did, NEVER, Operation};
use std::collections::{HashMap, HashSet};

/// Result of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Linearizable.
    Sound,
    /// Not, and why.
    Broken(String),
    /// A value has several writers, or an operation does not say what it saw.
    Ambiguous,
}

#[derive(Clone, Debug, Default)]
struct Cluster {
    writer: Option<Operation>,
    reads: Vec<Operation>,
    /// The swap that took this value away, by the value that it wrote.
    next: Option<u64>,
}

/// Tests a register that holds 0 at the start.
pub fn check(operations: &[Operation]) -> Verdict {
    let mut clusters: HashMap<u64, Cluster> = HashMap::new();
    let initial = Operation { id: usize::MAX, call: 0, ret: 0, did: Did::Write(0) };
    clusters.insert(0, Cluster { writer: Some(initial), ..Cluster::default() });
    for o in operations {
        match o.did {
            Did::Miscompare(_) => return Verdict::Ambiguous,
            Did::Read(v) => clusters.entry(v).or_default().reads.push(*o),
            Did::Write(v) | Did::Swap(_, v) => {
                let c = clusters.entry(v).or_default();
                if c.writer.replace(*o).is_some() {
                    return Verdict::Ambiguous;
                }
            }
        }
    }
    if let Err(why) = join(&mut clusters) {
        return Verdict::Broken(why);
    }
    let mut zones = Vec::new();
    for (value, c) in &clusters {
        // Chains begin where nobody swapped the value in.
        let begins = c.writer.is_some_and(|w| !matches!(w.did, Did::Swap(..)));
        if begins {
            match zone(*value, &clusters) {
                Ok(zone) => zones.push(zone),
                Err(why) => return Verdict::Broken(why),
            }
        }
    }
    // A ring of swaps has no beginning and would be left out.
    let counted: usize = zones.iter().map(|z| z.clusters).sum();
    if counted != clusters.len() {
        return Verdict::Broken("compare-and-writes that feed each other in a ring".into());
    }
    apart(zones)
}

/// Leaves out what nobody noticed and nobody vouches for, and hangs swaps between the values that they join.
fn join(clusters: &mut HashMap<u64, Cluster>) -> Result<(), String> {
    // An unknown write is known to have happened when its value was read, or swapped away by one that has happened.
    let from = |c: &Cluster| match c.writer {
        Some(Operation { did: Did::Swap(from, _), .. }) => Some(from),
        _ => None,
    };
    let known = |c: &Cluster| c.writer.is_none_or(|w| w.ret != NEVER) || !c.reads.is_empty();
    let mut todo: Vec<u64> = clusters.iter().filter(|(_, c)| known(c)).map(|(v, _)| *v).collect();
    let mut happened = HashSet::new();
    while let Some(v) = todo.pop() {
        if happened.insert(v) {
            todo.extend(clusters.get(&v).and_then(from));
        }
    }
    clusters.retain(|v, _| happened.contains(v));
    let swaps: Vec<_> = clusters.values().filter_map(|c| c.writer).collect();
    for w in swaps {
        if let Did::Swap(from, to) = w.did {
            let Some(source) = clusters.get_mut(&from) else {
                return Err(format!("command {} swapped away {from}, which nobody wrote", w.id));
            };
            if let Some(other) = source.next.replace(to) {
                return Err(format!("{from} was swapped away twice, for {other} and for {to}"));
            }
        }
    }
    match clusters.iter().find(|(_, c)| c.writer.is_none()) {
        Some((v, c)) => {
            let by = c.reads.first().map(|r| format!("command {} read", r.id)).unwrap_or("somebody swapped".into());
            Err(format!("{by} {v}, which nobody wrote"))
        }
        None => Ok(()),
    }
}

#[derive(Clone, Copy, Debug)]
struct Zone {
    value: u64,
    /// Earliest return.
    f: u64,
    /// Latest call.
    s: u64,
    clusters: usize,
}

/// Zone of the chain that begins with a value; an error if the chain itself has no order.
fn zone(value: u64, clusters: &HashMap<u64, Cluster>) -> Result<Zone, String> {
    let mut zone = Zone { value, f: NEVER, s: 0, clusters: 0 };
    let mut at = 0;
    let mut v = Some(value);
    while let Some(now) = v {
        let c = &clusters[&now];
        zone.clusters += 1;
        let w = c.writer.expect("checked");
        at = at.max(w.call);
        let late = |o: &Operation| Err(format!("command {} returned before {now} can have been there", o.id));
        if at > w.ret {
            return late(&w);
        }
        let mut last = at;
        for r in &c.reads {
            if at > r.ret {
                return late(r);
            }
            last = last.max(r.call);
            (zone.f, zone.s) = (zone.f.min(r.ret), zone.s.max(r.call));
        }
        (zone.f, zone.s) = (zone.f.min(w.ret), zone.s.max(w.call));
        at = last;
        v = c.next;
    }
    Ok(zone)
}

/// Whether all zones can be ordered.
fn apart(mut zones: Vec<Zone>) -> Verdict {
    zones.sort_unstable_by_key(|z| (z.f, z.s, z.value));
    let clash = |x: &Zone, y: &Zone| {
        let text = |z: &Zone| format!("{} (must hold from {} to {})", z.value, z.f.min(z.s), z.f.max(z.s));
        Verdict::Broken(format!("values {} and {} can't be ordered", text(x), text(y)))
    };
    let forward: Vec<Zone> = zones.iter().copied().filter(|z| z.f < z.s).collect();
    for pair in forward.windows(2) {
        if pair[1].f < pair[0].s {
            return clash(&pair[0], &pair[1]);
        }
    }
    for b in zones.iter().filter(|z| z.f >= z.s) {
        let k = forward.partition_point(|z| z.f < b.s);
        if k > 0 && b.f < forward[k - 1].s {
            return clash(&forward[k - 1], b);
        }
    }
    Verdict::Sound
}
