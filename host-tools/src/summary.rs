//! Distributions.

use serde::Serialize;

/// Least, greatest and percentiles of a set of figures, by the nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The least.
    pub min: i64,
    /// Half are no greater.
    pub p50: i64,
    /// 99 % are no greater.
    pub p99: i64,
    /// 99.9 % are no greater.
    pub p999: i64,
    /// The greatest.
    pub max: i64,
}

impl Summary {
    /// Of `values`; `None` when there are none.
    pub fn of(values: impl IntoIterator<Item = i64>) -> Option<Self> {
        let mut sorted: Vec<i64> = values.into_iter().collect();
        sorted.sort_unstable();
        let rank = |per_mille: usize| sorted[(sorted.len() * per_mille).div_ceil(1000).max(1) - 1];
        (!sorted.is_empty()).then(|| Self {
            min: sorted[0],
            p50: rank(500),
            p99: rank(990),
            p999: rank(999),
            max: sorted[sorted.len() - 1],
        })
    }

    /// Each figure by itself turned into another unit by `turn`, which must not change their order.
    pub fn map(self, turn: impl Fn(i64) -> i64) -> Self {
        let Self { min, p50, p99, p999, max } = self;
        Self { min: turn(min), p50: turn(p50), p99: turn(p99), p999: turn(p999), max: turn(max) }
    }

    /// The figures in order.
    pub fn row(&self) -> [i64; 5] {
        [self.min, self.p50, self.p99, self.p999, self.max]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([7]).unwrap().row(), [7; 5]);
        assert_eq!(Summary::of((1..=1000).rev()).unwrap().row(), [1, 500, 990, 999, 1000]);
        assert_eq!(Summary::of(1..=10).unwrap().row(), [1, 5, 10, 10, 10]);
    }
}
