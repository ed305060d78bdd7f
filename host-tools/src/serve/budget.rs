//! A bound on what clients can make the server hold in memory at a time.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Between two looks at whether to give up.
const LOOK: Duration = Duration::from_millis(200);

struct Shared {
    used: Mutex<u64>,
    freed: Condvar,
    limit: u64,
}

/// So much, to be shared.
#[derive(Clone)]
pub struct Budget(Arc<Shared>);

/// A part of a budget, given back when it is dropped.
pub struct Permit {
    budget: Budget,
    amount: u64,
}

impl Budget {
    /// Of `limit` in all.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Shared { used: Mutex::new(0), freed: Condvar::new(), limit }))
    }

    /// Takes `amount`, and waits for it; `None` when `give_up` says so. One that is larger than the whole is served alone.
    pub fn take(&self, amount: u64, give_up: impl Fn() -> bool) -> Option<Permit> {
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && *used + amount > self.0.limit {
            if give_up() {
                return None;
            }
            let waited = self.0.freed.wait_timeout(used, LOOK);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += amount;
        Some(Permit { budget: self.clone(), amount })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.budget.0.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.amount;
        self.budget.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_exceeded_but_by_one_that_is_larger_than_all() {
        let budget = Budget::new(10);
        let large = budget.take(15, || true).unwrap();
        assert!(budget.take(1, || true).is_none());
        drop(large);
        let (a, b) = (budget.take(4, || true).unwrap(), budget.take(6, || true).unwrap());
        assert!(budget.take(1, || true).is_none());
        let waiting = std::thread::spawn({
            let budget = budget.clone();
            move || budget.take(4, || false).is_some()
        });
        drop(a);
        assert!(waiting.join().unwrap());
        drop(b);
    }
}
