//! Random numbers that are the same for the same seed, on every machine and in every version.

use dyad_hdl::ir::{Bits, word_count};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Numbers of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed);
        rng.0 = rng.next_u64();
        rng
    }

    /// 64 uniform bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is at least 1.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// True in one of `n` cases.
    #[inline]
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of several.
    #[inline]
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// `w` uniform bits.
    pub fn bits(&mut self, w: usize) -> Bits {
        let words: Vec<u64> = (0..word_count(w)).map(|_| self.next_u64()).collect();
        Bits::from_words(&words, w)
    }

    /// Another generator, for a part that must not disturb the numbers of the others.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next_u64())
    }
}
