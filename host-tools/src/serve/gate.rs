//! Who may write which blocks now. Writes of whole blocks go beside each other: the card puts them in order. A write of a
//! piece of a block reads the block and writes it back, and nothing else may write that block meanwhile.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// How a block is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// With others that write it whole.
    Shared,
    /// Alone.
    Alone,
}

#[derive(Debug)]
struct Waiter<T> {
    ticket: T,
    blocks: Range<u64>,
    hold: Hold,
}

/// The blocks that are held, and who waits, in order of arrival. Nobody holds anything while it waits.
#[derive(Debug)]
pub struct Gate<T> {
    /// Holders of a block; `None`: one that is alone.
    held: HashMap<u64, Option<u32>>,
    waiting: VecDeque<Waiter<T>>,
}

impl<T> Gate<T> {
    /// Where nothing is held.
    pub fn new() -> Self {
        Self { held: HashMap::new(), waiting: VecDeque::new() }
    }

    /// Holds `blocks` at once, and gives the ticket back; or keeps it and lets it wait.
    pub fn enter(&mut self, ticket: T, blocks: Range<u64>, hold: Hold) -> Option<T> {
        let behind = |waiter: &Waiter<T>| conflict(&waiter.blocks, waiter.hold, &blocks, hold);
        if self.is_free(&blocks, hold) && !self.waiting.iter().any(behind) {
            self.take(&blocks, hold);
            return Some(ticket);
        }
        self.waiting.push_back(Waiter { ticket, blocks, hold });
        None
    }

    /// Gives up `blocks`; returns those that have waited and hold theirs now.
    pub fn leave(&mut self, blocks: Range<u64>, hold: Hold) -> Vec<T> {
        for block in blocks {
            match (hold, self.held.get_mut(&block)) {
                (Hold::Shared, Some(Some(count))) if *count > 1 => *count -= 1,
                _ => drop(self.held.remove(&block)),
            }
        }
        self.admit()
    }

    /// Takes away all that wait.
    pub fn dismiss(&mut self) -> Vec<T> {
        self.waiting.drain(..).map(|waiter| waiter.ticket).collect()
    }

    fn admit(&mut self) -> Vec<T> {
        let (mut admitted, mut left) = (Vec::new(), VecDeque::new());
        for waiter in std::mem::take(&mut self.waiting) {
            let behind = |other: &Waiter<T>| conflict(&other.blocks, other.hold, &waiter.blocks, waiter.hold);
            if self.is_free(&waiter.blocks, waiter.hold) && !left.iter().any(behind) {
                self.take(&waiter.blocks, waiter.hold);
                admitted.push(waiter.ticket);
            } else {
                left.push_back(waiter);
            }
        }
        self.waiting = left;
        admitted
    }

    fn is_free(&self, blocks: &Range<u64>, hold: Hold) -> bool {
        blocks.clone().all(|block| match self.held.get(&block) {
            None => true,
            Some(count) => hold == Hold::Shared && count.is_some(),
        })
    }

    fn take(&mut self, blocks: &Range<u64>, hold: Hold) {
        for block in blocks.clone() {
            match (hold, self.held.get_mut(&block)) {
                (Hold::Shared, Some(Some(count))) => *count += 1,
                (Hold::Shared, _) => drop(self.held.insert(block, Some(1))),
                (Hold::Alone, _) => drop(self.held.insert(block, None)),
            }
        }
    }
}

fn conflict(a: &Range<u64>, hold_a: Hold, b: &Range<u64>, hold_b: Hold) -> bool {
    (hold_a == Hold::Alone || hold_b == Hold::Alone) && a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_blocks_go_together_and_a_piece_goes_alone() {
        let mut gate = Gate::new();
        assert_eq!(gate.enter("a", 0..8, Hold::Shared), Some("a"));
        assert_eq!(gate.enter("b", 4..12, Hold::Shared), Some("b"));
        assert_eq!(gate.enter("piece", 5..6, Hold::Alone), None);
        assert_eq!(gate.enter("other piece", 20..21, Hold::Alone), Some("other piece"));
        assert!(gate.leave(0..8, Hold::Shared).is_empty());
        assert_eq!(gate.leave(4..12, Hold::Shared), ["piece"]);
        assert_eq!(gate.enter("a", 0..8, Hold::Shared), None);
        assert_eq!(gate.enter("b", 6..8, Hold::Shared), Some("b"), "it is in nobody's way");
        assert_eq!(gate.leave(5..6, Hold::Alone), ["a"]);
    }

    #[test]
    fn who_waits_is_not_overtaken() {
        let mut gate = Gate::new();
        assert_eq!(gate.enter(1, 0..4, Hold::Shared), Some(1));
        assert_eq!(gate.enter(2, 0..1, Hold::Alone), None);
        assert_eq!(gate.enter(3, 0..4, Hold::Shared), None);
        assert_eq!(gate.enter(4, 3..4, Hold::Alone), None);
        assert_eq!(gate.leave(0..4, Hold::Shared), [2]);
        assert_eq!(gate.leave(0..1, Hold::Alone), [3]);
        assert_eq!(gate.dismiss(), [4]);
        assert!(gate.leave(0..4, Hold::Shared).is_empty());
        assert!(gate.held.is_empty());
    }

    proptest! {
        #[test]
        fn nobody_is_beside_one_that_is_alone_and_all_get_in(
            steps in proptest::collection::vec((0u64..8, 1u64..4, any::<bool>(), any::<bool>()), 1..60)
        ) {
            let mut gate = Gate::new();
            let (mut inside, mut all) = (Vec::<(Range<u64>, Hold)>::new(), 0);
            let mut entered = 0;
            for (start, count, alone, leave) in steps {
                let (blocks, hold) = (start..start + count, if alone { Hold::Alone } else { Hold::Shared });
                all += 1;
                let mut new: Vec<_> = gate.enter((blocks.clone(), hold), blocks, hold).into_iter().collect();
                if leave && !inside.is_empty() {
                    let (blocks, hold) = inside.remove(0);
                    new.extend(gate.leave(blocks, hold));
                }
                for (blocks, hold) in new {
                    prop_assert!(!inside.iter().any(|(b, h)| conflict(b, *h, &blocks, hold)));
                    inside.push((blocks, hold));
                    entered += 1;
                }
            }
            while let Some((blocks, hold)) = inside.pop() {
                let new = gate.leave(blocks, hold);
                entered += new.len();
                inside.extend(new);
            }
            prop_assert_eq!(entered, all);
            prop_assert!(gate.held.is_empty());
        }
    }
}
