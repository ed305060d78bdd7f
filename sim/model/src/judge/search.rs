//! Linearizability of one register by search: exact for any history, fast when few operations overlap.
//!
//! J. M. Wing and C. Gong, "Testing and verifying concurrent objects", Journal of Parallel and Distributed Computing 17,
//! 1993, with the memory and the just-in-time order of G. Lowe, "Testing for linearizability", Concurrency and
//! Computation 29(4), 2017: calls and returns are walked through in order, and operations take effect when one that must
//! have done so returns. A state is the place in that order, the open operations that have taken effect, and the value.
//!
//! Writes of unknown outcome that nobody read are alike: each may change the value once, to something that nobody ever
//! reads. They are counted, not told apart.

use super::{Did, NEVER, Operation};
use std::collections::HashSet;

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
fn steps(operations: &[Operation]) -> Option<(Vec<Step>, Vec<u32>, Vec<u8>)> {
    let wanted: HashSet<u64> = operations
        .iter()
        .filter_map(|o| match o.did {
            Did::Miscompare(v) => Some(v),
            did => needs(did),
        })
        .collect();
    // What a swap of unknown outcome needs is known only if it took place, so it is never alike to others.
    let alike = |o: &Operation| o.ret == NEVER && matches!(o.did, Did::Write(v) if !wanted.contains(&v));
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
    let mut wild = 0;
    for (_, is_return, k) in events {
        if alike(&operations[k as usize]) {
            wild += 1;
        } else if is_return {
            let from = lists.len() as u32;
            lists.extend_from_slice(&open);
            steps.push(Step { operation: k, open: from..lists.len() as u32, wild });
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

/// Decides a register that holds 0 at the start.
///
/// # Errors
/// Why it is not linearizable, or that the search is too large.
pub fn check(operations: &[Operation]) -> Result<(), Trouble> {
    let (steps, lists, bits) = steps(operations).ok_or(Trouble::TooLarge)?;
    let budget = LIMIT.min(100_000 + 8 * operations.len());
    let mut seen = HashSet::new();
    let mut stack = vec![State { at: 0, wild: 0, mask: 0, value: 0 }];
    let mut furthest = 0;
    while let Some(mut state) = stack.pop() {
        // Returns of what has taken effect already.
        while let Some(step) = steps.get(state.at as usize)
            && state.mask >> bits[step.operation as usize] & 1 == 1
        {
            state.mask &= !(1 << bits[step.operation as usize]);
            state.at += 1;
        }
        let Some(step) = steps.get(state.at as usize) else { return Ok(()) };
        furthest = furthest.max(state.at);
        if !seen.insert(state) {
            continue;
        }
        if seen.len() > budget {
            return Err(Trouble::TooLarge);
        }
        let last = operations[step.operation as usize].did;
        let mut open = lists[step.open.start as usize..step.open.end as usize].iter().copied();
        let waiting = |o: &u32| state.mask >> bits[*o as usize] & 1 == 0;
        // What the operation needs must be there, or somebody must bring it.
        let need = needs(last).filter(|v| *v != state.value);
        if need.is_some() && !open.clone().any(|o| waiting(&o) && leaves(operations[o as usize].did) == need) {
            continue;
        }
        let mut put = |o: u32| {
            if let Some(value) = apply(operations[o as usize].did, state.value) {
                stack.push(State { mask: state.mask | 1 << bits[o as usize], value, ..state });
            }
        };
        let others = open.by_ref().filter(|o| waiting(o) && *o != step.operation);
        let (likely, others): (Vec<u32>, Vec<u32>) =
            others.partition(|o| need.is_some() && leaves(operations[*o as usize].did) == need);
        // The last one that is put is tried first.
        others.into_iter().for_each(&mut put);
        likely.into_iter().for_each(&mut put);
        put(step.operation);
        if state.wild < step.wild && state.value != WILD {
            stack.insert(stack.len().saturating_sub(1), State { wild: state.wild + 1, value: WILD, ..state });
        }
    }
    let o = operations[steps[furthest as usize].operation as usize];
    let why = format!("no order goes past command {} ({:?}, called {}, returned {})", o.id, o.did, o.call, o.ret);
    Err(Trouble::Broken(why))
}
