//! What has been assigned on the way to a statement: finds latches, and reads of values that are not final.

use std::collections::BTreeMap;

use super::error::Reason;
use super::nets::NetId;
use crate::ir::Bits;

#[derive(Clone, Debug)]
struct Facts {
    /// The bits that are assigned in every case.
    assigned: Bits,
    /// Assigned in some case.
    written: bool,
    /// Read, in some case, after it was assigned: its value there was not the one from outside the kernel's run.
    seen: bool,
}

/// The state of the analysis at one place of a kernel.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow(BTreeMap<NetId, Facts>);

impl Flow {
    fn facts(&mut self, net: NetId, w: usize) -> &mut Facts {
        self.0.entry(net).or_insert_with(|| Facts { assigned: Bits::zero(w), written: false, seen: false })
    }

    /// A signal of `w` bits is read of which `val()` is what was assigned last. Before any assignment that is the final
    /// value of the run before, which at rest is that of this run.
    pub fn read(&mut self, net: NetId, w: usize) {
        let facts = self.facts(net, w);
        facts.seen |= facts.written;
    }

    /// Bits `lsb .. lsb + part` of a signal of `w` bits are assigned; `name` is for the error.
    pub fn write(&mut self, net: NetId, w: usize, lsb: usize, part: usize, name: &str) -> Result<(), Reason> {
        let facts = self.facts(net, w);
        if facts.seen {
            return Err(Reason::IntermediateRead(name.to_string()));
        }
        facts.written = true;
        facts.assigned.set(lsb, &Bits::ones(part));
        Ok(())
    }

    /// Whether the signal is assigned in some case.
    pub fn written(&self, net: NetId) -> bool {
        self.0.get(&net).is_some_and(|f| f.written)
    }

    /// Whether all bits of the signal are assigned in every case.
    pub fn complete(&self, net: NetId) -> bool {
        self.0.get(&net).is_some_and(|f| f.assigned.is_ones())
    }

    /// The state after a choice between branches, of which one is always taken.
    pub fn join(branches: &[Flow]) -> Flow {
        let mut all: BTreeMap<NetId, Facts> = BTreeMap::new();
        for (&net, facts) in branches.iter().flat_map(|b| &b.0) {
            let entry = all.entry(net).or_insert_with(|| facts.clone());
            entry.written |= facts.written;
            entry.seen |= facts.seen;
        }
        for (net, facts) in &mut all {
            for branch in branches {
                match branch.0.get(net) {
                    Some(b) => and(&mut facts.assigned, &b.assigned),
                    None => facts.assigned = Bits::zero(facts.assigned.width()),
                }
            }
        }
        Flow(all)
    }
}

fn and(a: &mut Bits, b: &Bits) {
    a.words_mut().iter_mut().zip(b.words()).for_each(|(x, y)| *x &= y);
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NetId = 0;

    #[test]
    fn a_branch_without_assignment_makes_a_latch() {
        let before = Flow::default();
        let mut branch = before.clone();
        branch.write(A, 4, 0, 4, "a").unwrap();
        assert!(branch.complete(A));
        let after = Flow::join(&[branch.clone(), before]);
        assert!(after.written(A) && !after.complete(A));
        assert!(Flow::join(&[branch.clone(), branch]).complete(A));
    }

    #[test]
    fn parts_add_up() {
        let mut f = Flow::default();
        f.write(A, 4, 0, 2, "a").unwrap();
        assert!(!f.complete(A));
        f.write(A, 4, 2, 2, "a").unwrap();
        assert!(f.complete(A));
    }

    #[test]
    fn a_read_between_assignments_is_found() {
        let mut f = Flow::default();
        f.read(A, 4);
        f.write(A, 4, 0, 4, "a").unwrap();
        let mut branch = f.clone();
        branch.read(A, 4);
        let mut after = Flow::join(&[branch, f.clone()]);
        assert_eq!(after.write(A, 4, 0, 4, "a"), Err(Reason::IntermediateRead("a".to_string())));
        f.write(A, 4, 0, 4, "a").unwrap();
    }
}
