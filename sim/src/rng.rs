//! Randomness that depends on the seed and the cycle alone, so that jumping over idle cycles does not change it.

/// Draws one number for each (cycle, channel), in any order of asking.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    seed: u64,
}

impl Noise {
    /// Noise of a seed; `stream` tells apart those who share the seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { seed: mix(seed ^ mix(stream.wrapping_add(0x9e37_79b9_7f4a_7c15))) }
    }

    /// The number of `channel` in `cycle`, all 64 bits uniform.
    #[inline]
    pub fn at(&self, cycle: u64, channel: u64) -> u64 {
        mix(self.seed ^ mix(cycle.wrapping_mul(8).wrapping_add(channel)))
    }

    /// True in `per_65536` of 65,536 cycles.
    #[inline]
    pub fn hit(&self, cycle: u64, channel: u64, per_65536: u32) -> bool {
        per_65536 != 0 && (self.at(cycle, channel) & 0xffff) < u64::from(per_65536)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
#[inline]
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_follow_the_rate_and_the_seed() {
        let noise = Noise::new(1, 0);
        let hits = (0..100_000).filter(|&cycle| noise.hit(cycle, 3, 16_384)).count();
        assert!((24_000..26_000).contains(&hits), "{hits}");
        assert_eq!(noise.at(5, 1), Noise::new(1, 0).at(5, 1));
        assert_ne!(noise.at(5, 1), noise.at(5, 2));
        assert_ne!(noise.at(5, 1), Noise::new(2, 0).at(5, 1));
        assert_ne!(noise.at(5, 1), Noise::new(1, 1).at(5, 1));
        assert!(!(0..1000).any(|cycle| noise.hit(cycle, 0, 0)));
    }
}
