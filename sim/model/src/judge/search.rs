//! Linearizability of one register by search: exact for any history, fast when few operations overlap.
//!
//! J. M. Wing and C. Gong, "Testing and verifying concurrent objects", Journal of Parallel and Distributed Computing 17,
//! 1993, with the memory and the just-in-time order of G. Lowe, "Testing for linearizability", Concurrency and
//! Computation 29(4), 2017: calls and returns are walked through in order, and operations take effect when one that must
//! have done so returns. A state is the place in that order, the open operations that have taken effect, and the value.
//!
//! Writes of unknown outcome that nobody read are alike: each may change the value once, to something that nobody ever
//! reads. They are counted, not told apart.
//!
//! Three things keep the search short. An open read that fits the value takes effect at once, and an open write that
//! nobody read does so just before any other write (unless a compare-and-write was refused, which it may have been the
//! cause of): neither forbids anything later. And a value with one writer is not
//! overwritten while somebody who needs it has not had it: it never comes back.

use super::{Did, NEVER, Operation};
use std::collections::{HashMap, HashSet};

/// Operations that may be open at once.
const WINDOW: usize = 64;
/// States after which the search gives up.
const LIMIT: usize = 1_000_000;
/// A value that nobody reads.
const WILD: u64 = u64::MAX;

/// How the search ends, if not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Not linearizable, and how far an order goes.
    Broken(String),
    /// Too many operations overlap, or too many orders are possible.
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    /// Next return.
    at: u32,
    /// Changes by writes that nobody read.
    wild: u32,
    /// Which open operations have taken effect.
    mask: u64,
    value: u64,
}

/// A return: who returns, who is open then, and how many writes that nobody read have been called.
struct Step {
    operation: u32,
    open: std::ops::Range<u32>,
    wild: u32,
    /// Loosely: zeroes of unknown outcome have been called, and may come at any time.
    zero: bool,
}

fn apply(did: Did, value: u64) -> Option<u64> {
    match did {
        Did::Read(v) => (v == value).then_some(value),
        Did::Write(v) => Some(v),
        Did::Swap(from, to) => (from == value).then_some(to),
        Did::Miscompare(v) => (v != value).then_some(value),
    }
}

fn needs(did: Did) -> Option<u64> {
    match did {
        Did::Read(v) | Did::Swap(v, _) => Some(v),
        _ => None,
    }
}

fn leaves(did: Did) -> Option<u64> {
    match did {
        Did::Write(v) | Did::Swap(_, v) => Some(v),
        _ => None,
    }
}

/// Returns in order, and the bit of each operation.
fn steps(operations: &[Operation], loose: bool) -> Option<(Vec<Step>, Vec<u32>, Vec<u8>)> {
    let wanted: HashSet<u64> = operations
        .iter()
        .filter_map(|o| match o.did {
            Did::Miscompare(v) => Some(v),
            did => needs(did),
        })
        .collect();
    // What a swap of unknown outcome needs is known only if it took place, so it is never alike to others.
    let alike = |o: &Operation| match o.did {
        Did::Write(v) => o.ret == NEVER && !wanted.contains(&v),
        Did::Swap(_, v) => loose && o.ret == NEVER && !wanted.contains(&v),
        _ => false,
    };
    let mut events: Vec<(u64, bool, u32)> = Vec::with_capacity(2 * operations.len());
    for (k, o) in operations.iter().enumerate() {
        events.push((o.call, false, k as u32));
        if o.ret != NEVER {
            events.push((o.ret, true, k as u32));
        }
    }
    events.sort_unstable();
    let mut bits = vec![u8::MAX; operations.len()];
    let (mut free, mut open, mut lists, mut steps) = (u64::MAX, Vec::new(), Vec::new(), Vec::new());
    let (mut wild, mut zero) = (0, false);
    for (_, is_return, k) in events {
        let o = &operations[k as usize];
        if loose && o.ret == NEVER && o.did == Did::Write(0) {
            zero = true;
        } else if alike(o) {
            wild += 1;
        } else if is_return {
            let from = lists.len() as u32;
            lists.extend_from_slice(&open);
            steps.push(Step { operation: k, open: from..lists.len() as u32, wild, zero });
            open.retain(|o| *o != k);
            free |= 1 << bits[k as usize];
        } else {
            if free == 0 {
                return None;
            }
            bits[k as usize] = free.trailing_zeros() as u8;
            free &= free - 1;
            open.push(k);
            debug_assert!(open.len() <= WINDOW);
        }
    }
    Some((steps, lists, bits))
}

/// Until which step each value that has one writer is still needed by operations that are not open before.
fn needed(operations: &[Operation], steps: &[Step], lists: &[u32]) -> HashMap<u64, u32> {
    let mut writers: HashMap<u64, u32> = HashMap::from([(0, 1)]);
    for v in operations.iter().filter_map(|o| leaves(o.did)) {
        *writers.entry(v).or_default() += 1;
    }
    let mut seen = vec![false; operations.len()];
    let mut until = HashMap::new();
    for (at, step) in steps.iter().enumerate() {
        for k in &lists[step.open.start as usize..step.open.end as usize] {
            let o = &operations[*k as usize];
            if !std::mem::replace(&mut seen[*k as usize], true)
                && o.ret != NEVER
                && let Some(v) = needs(o.did)
                && writers.get(&v) == Some(&1)
            {
                until.insert(v, at as u32);
            }
        }
    }
    until
}

/// Decides a register that holds 0 at the start. When `loose`, swaps of unknown outcome that nobody noticed count as
/// writes that nobody read, and zeroes of unknown outcome may come any number of times: more may pass, no more may fail.
///
/// # Errors
/// Why it is not linearizable, or that the search is too large.
pub fn check(operations: &[Operation], loose: bool) -> Result<(), Trouble> {
    let (steps, lists, bits) = steps(operations, loose).ok_or(Trouble::TooLarge)?;
    let wanted: HashSet<u64> = operations.iter().filter_map(|o| needs(o.did)).collect();
    let eager = !operations.iter().any(|o| matches!(o.did, Did::Miscompare(_)));
    let until = needed(operations, &steps, &lists);
    let budget = LIMIT.min(100_000 + 8 * operations.len());
    let mut seen = HashSet::new();
    let mut stack = vec![State { at: 0, wild: 0, mask: 0, value: 0 }];
    let mut furthest = 0;
    while let Some(mut state) = stack.pop() {
        let step = loop {
            let Some(step) = steps.get(state.at as usize) else { return Ok(()) };
            for o in &lists[step.open.start as usize..step.open.end as usize] {
                let did = operations[*o as usize].did;
                if leaves(did).is_none() && apply(did, state.value).is_some() {
                    state.mask |= 1 << bits[*o as usize];
                }
            }
            // Returns of what has taken effect already.
            if state.mask >> bits[step.operation as usize] & 1 == 0 {
                break step;
            }
            state.mask &= !(1 << bits[step.operation as usize]);
            state.at += 1;
        };
        furthest = furthest.max(state.at);
        if !seen.insert(state) {
            continue;
        }
        if seen.len() > budget {
            return Err(Trouble::TooLarge);
        }
        let open = &lists[step.open.start as usize..step.open.end as usize];
        let waiting = |o: &u32| state.mask >> bits[*o as usize] & 1 == 0;
        let last = operations[step.operation as usize].did;
        // What the operation needs must be there, or somebody must bring it.
        let need = needs(last).filter(|v| *v != state.value);
        let brought = open.iter().any(|o| waiting(o) && leaves(operations[*o as usize].did) == need);
        if need.is_some() && !brought && !(step.zero && need == Some(0)) {
            continue;
        }
        if until.get(&state.value).is_some_and(|at| *at > state.at) {
            continue;
        }
        // A swap that is known to have taken place goes before anything else that overwrites what it needs.
        let taker = open.iter().copied().find(|o| {
            let p = &operations[*o as usize];
            waiting(o) && p.ret != NEVER && until.contains_key(&state.value) && needs(p.did) == Some(state.value)
        });
        let unread = open.iter().filter(|o| eager && waiting(o)).fold(0, |mask, o| match operations[*o as usize].did {
            Did::Write(v) if !wanted.contains(&v) => mask | 1 << bits[*o as usize],
            _ => mask,
        });
        let mut put = |o: u32| {
            let did = operations[o as usize].did;
            if let Some(value) = apply(did, state.value) {
                let mut mask = state.mask | 1 << bits[o as usize];
                if let Did::Write(_) = did {
                    mask |= unread;
                }
                stack.push(State { mask, value, ..state });
            }
        };
        if let Some(swap) = taker {
            put(swap);
            continue;
        }
        let others = open.iter().copied().filter(|o| waiting(o) && *o != step.operation);
        let others = others.filter(|o| leaves(operations[*o as usize].did).is_some());
        let (likely, others): (Vec<u32>, Vec<u32>) =
            others.partition(|o| need.is_some() && leaves(operations[*o as usize].did) == need);
        // The last one that is put is tried first.
        others.into_iter().for_each(&mut put);
        likely.into_iter().for_each(&mut put);
        put(step.operation);
        if step.zero && state.value != 0 {
            stack.insert(stack.len().saturating_sub(1), State { value: 0, ..state });
        }
        if state.wild < step.wild && state.value != WILD {
            stack.insert(stack.len().saturating_sub(1), State { wild: state.wild + 1, value: WILD, ..state });
        }
    }
    let o = operations[steps[furthest as usize].operation as usize];
    let why = format!("no order goes past command {} ({:?}, called {}, returned {})", o.id, o.did, o.call, o.ret);
    Err(Trouble::Broken(why))
}
