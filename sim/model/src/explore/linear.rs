//! Linearizability of one block, checked as the history grows.
//!
//! The set of all ways in which the operations so far may have taken effect: the value, and for every open operation
//! whether it has taken effect and what it saw. An operation that returns keeps those ways in which it has taken effect
//! with that result. When none is left, the history is not linearizable. Exact, and cheap for a handful of operations.

/// What an operation does to a block. Values are small numbers; 0 is zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Sees the value.
    Read,
    /// Sets it.
    Write(u8),
    /// Sets the second if it is the first.
    Swap(u8, u8),
}

/// `what` of a swap that took place, and of a write.
pub const DONE: u8 = 0;
/// `what` of a swap that did not take place.
pub const REFUSED: u8 = 1;

/// One way: the value, and per operation a byte: 0 not in effect, otherwise what it saw and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Way {
    value: u8,
    seen: u64,
}

impl Way {
    fn of(self, op: usize) -> u8 {
        (self.seen >> (8 * op)) as u8
    }

    fn with(self, op: usize, what: u8) -> Way {
        Way { seen: self.seen & !(0xff << (8 * op)) | u64::from(what) << (8 * op), ..self }
    }
}

/// The ways of one block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    ways: Vec<Way>,
    open: u8,
}

impl Register {
    /// A block that holds `value`.
    pub fn new(value: u8) -> Self {
        Register { ways: vec![Way { value, seen: 0 }], open: 0 }
    }

    /// Operation `op`, 0 to 7, is called.
    pub fn call(&mut self, op: usize) {
        self.open |= 1 << op;
    }

    /// Operation `op` returns, having seen `what`. False: not linearizable.
    pub fn ret(&mut self, op: usize, what: u8, effects: &[Effect]) -> bool {
        let mut seen = Vec::new();
        let mut stack = self.ways.clone();
        let mut kept = Vec::new();
        while let Some(way) = stack.pop() {
            if seen.contains(&way) {
                continue;
            }
            seen.push(way);
            if way.of(op) != 0 {
                if way.of(op) == what + 1 {
                    kept.push(way.with(op, 0));
                }
                continue;
            }
            for o in (0..8).filter(|o| self.open >> o & 1 == 1 && way.of(*o) == 0) {
                stack.push(match effects[o] {
                    Effect::Read => way.with(o, way.value + 1),
                    Effect::Write(v) => Way { value: v, ..way.with(o, DONE + 1) },
                    Effect::Swap(from, to) if from == way.value => Way { value: to, ..way.with(o, DONE + 1) },
                    Effect::Swap(..) => way.with(o, REFUSED + 1),
                });
            }
        }
        self.open &= !(1 << op);
        kept.sort_unstable();
        kept.dedup();
        self.ways = kept;
        !self.ways.is_empty()
    }

    /// Operation `op` returns without effect. False: it must have had one.
    pub fn void(&mut self, op: usize) -> bool {
        self.open &= !(1 << op);
        self.ways.retain(|w| w.of(op) == 0);
        !self.ways.is_empty()
    }

    /// What operation `op` saw will never be known, and it changes nothing.
    pub fn forget(&mut self, op: usize) {
        self.open &= !(1 << op);
        for w in &mut self.ways {
            *w = w.with(op, 0);
        }
        self.ways.sort_unstable();
        self.ways.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPS: [Effect; 5] = [Effect::Write(1), Effect::Write(2), Effect::Read, Effect::Read, Effect::Swap(1, 2)];

    #[test]
    fn a_read_may_not_go_back() {
        let mut r = Register::new(0);
        r.call(0);
        r.call(2);
        assert!(r.ret(2, 1, &OPS));
        r.call(3);
        assert!(!r.ret(3, 0, &OPS));
    }

    #[test]
    fn a_slow_read_may_see_what_was_overwritten_meanwhile() {
        let mut r = Register::new(0);
        r.call(2);
        r.call(0);
        assert!(r.ret(0, DONE, &OPS));
        r.call(1);
        assert!(r.ret(1, DONE, &OPS));
        assert!(r.clone().ret(2, 1, &OPS));
        assert!(r.clone().ret(2, 0, &OPS));
        r.call(3);
        assert!(!r.ret(3, 1, &OPS));
    }

    #[test]
    fn a_swap_is_one_step() {
        let mut r = Register::new(1);
        r.call(4);
        assert!(!r.clone().ret(4, REFUSED, &OPS));
        assert!(r.ret(4, DONE, &OPS));
        r.call(2);
        assert!(!r.ret(2, 1, &OPS));
    }

    #[test]
    fn without_effect_means_without() {
        let mut r = Register::new(0);
        r.call(0);
        r.call(2);
        assert!(r.ret(2, 1, &OPS));
        assert!(!r.void(0));
    }
}
