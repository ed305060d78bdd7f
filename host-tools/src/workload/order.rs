//! In which order places come.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

use crate::workload::Order;

/// An endless sequence of places, all below a limit; the same for the same seed.
pub struct Places {
    count: u64,
    kind: Kind,
    random: ChaCha8Rng,
}

enum Kind {
    Sequential {
        next: u64,
    },
    /// Each place once in each pass, by a permutation that is new for each pass.
    Random {
        next: u64,
        pass: Permutation,
    },
    /// Ranks drawn by their frequency; the permutation says which place has which rank, so that hot places are not
    /// neighbours.
    Zipf {
        ranks: Zipf<f64>,
        place: Permutation,
    },
}

impl Places {
    /// Of places `0..count`, in `order`; `theta` is the exponent of [`Order::Zipf`].
    ///
    /// # Panics
    /// When `count` is 0.
    pub fn new(count: u64, order: Order, theta: f64, seed: u64) -> Self {
        assert!(count > 0, "there is at least one place");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let permutation = Permutation::new(count, random.random());
        let ranks = Zipf::new(count as f64, theta);
        let kind = match (order, ranks) {
            (Order::Sequential, _) => Kind::Sequential { next: 0 },
            (Order::Zipf, Ok(ranks)) => Kind::Zipf { ranks, place: permutation },
            // An exponent that is none stands for no preference; the command line refuses it.
            (Order::Random | Order::Zipf, _) => Kind::Random { next: 0, pass: permutation },
        };
        Self { count, kind, random }
    }
}

impl Iterator for Places {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        Some(match &mut self.kind {
            Kind::Sequential { next } => {
                let place = *next;
                *next = (place + 1) % self.count;
                place
            }
            Kind::Random { next, pass } => {
                if *next == self.count {
                    *next = 0;
                    *pass = Permutation::new(self.count, self.random.random());
                }
                *next += 1;
                pass.at(*next - 1)
            }
            Kind::Zipf { ranks, place } => {
                let rank = ranks.sample(&mut self.random) as u64;
                place.at(rank.clamp(1, self.count) - 1)
            }
        })
    }
}

/// A permutation of `0..count` that needs no table: four Feistel rounds over the least even number of bits that holds them,
/// walked until the result is below the limit.
struct Permutation {
    count: u64,
    half_bits: u32,
    key: u64,
}

impl Permutation {
    fn new(count: u64, key: u64) -> Self {
        let bits = (u64::BITS - (count - 1).leading_zeros()).max(2);
        Self { count, half_bits: bits.div_ceil(2), key }
    }

    /// Where `index` goes. Four times the limit are at most permuted, so a walk has four steps on average at most.
    fn at(&self, index: u64) -> u64 {
        let mut at = index;
        loop {
            at = self.rounds(at);
            if at < self.count {
                return at;
            }
        }
    }

    fn rounds(&self, value: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for round in 0..4 {
            let mixed = mix(right ^ self.key.rotate_left(16 * round)) & mask;
            (left, right) = (right, left ^ mixed);
        }
        left << self.half_bits | right
    }
}

/// Spreads every bit over all others (the finalizer of SplitMix64).
fn mix(mut value: u64) -> u64 {
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_pass_has_each_place_once() {
        for count in [1, 2, 3, 100, 255, 256, 257, 5000] {
            for order in [Order::Sequential, Order::Random] {
                let places: Vec<u64> = Places::new(count, order, 0.99, 7).take(2 * count as usize).collect();
                for pass in places.chunks(count as usize) {
                    let seen: HashSet<_> = pass.iter().collect();
                    assert_eq!((seen.len() as u64, pass.iter().all(|place| *place < count)), (count, true));
                }
                let again: Vec<u64> = Places::new(count, order, 0.99, 7).take(places.len()).collect();
                assert_eq!(places, again);
                if order == Order::Random && count >= 100 {
                    assert_ne!(places[..count as usize], places[count as usize..], "passes differ");
                    let steps = places.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
                    assert!(steps * 20 < places.len(), "{steps} neighbours of {count}");
                }
            }
        }
    }

    #[test]
    fn zipf_prefers_few_places_by_its_exponent() {
        let share = |theta| {
            let mut counts = vec![0u64; 1000];
            Places::new(1000, Order::Zipf, theta, 3).take(100_000).for_each(|place| counts[place as usize] += 1);
            counts.sort_unstable_by(|a, b| b.cmp(a));
            (counts[0] as f64 / 1e5, counts[..100].iter().sum::<u64>() as f64 / 1e5)
        };
        // The harmonic sums of 1000 places at exponent 1: the first has 1/7.485, the first hundred 5.187/7.485.
        let (first, hundred) = share(1.0);
        assert!((first - 0.1336).abs() < 0.01 && (hundred - 0.693).abs() < 0.01, "{first} {hundred}");
        assert!(share(0.5).1 < hundred && share(1.5).1 > hundred);
    }
}
