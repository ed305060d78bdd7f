//! States as 16-byte fingerprints, for searches that remember which ones they have visited.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Two multiplicative hashes side by side: 128 bits.
#[derive(Default)]
pub struct Fingerprint(u64, u64);

impl Fingerprint {
    fn word(&mut self, w: u64) {
        self.0 = (self.0.rotate_left(5) ^ w).wrapping_mul(0x517c_c1b7_2722_0a95);
        self.1 = (self.1 ^ w).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    fn value(&self) -> u128 {
        let mix = |mut x: u64| {
            x ^= x >> 32;
            x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
            x ^ x >> 32
        };
        u128::from(mix(self.0)) << 64 | u128::from(mix(self.1))
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for c in bytes.chunks(8) {
            let mut w = [0; 8];
            w[..c.len()].copy_from_slice(c);
            self.word(u64::from_le_bytes(w));
        }
    }
    fn write_u8(&mut self, w: u8) {
        self.word(u64::from(w));
    }
    fn write_u16(&mut self, w: u16) {
        self.word(u64::from(w));
    }
    fn write_u32(&mut self, w: u32) {
        self.word(u64::from(w));
    }
    fn write_u64(&mut self, w: u64) {
        self.word(w);
    }
    fn write_usize(&mut self, w: usize) {
        self.word(w as u64);
    }
    fn finish(&self) -> u64 {
        self.value() as u64
    }
}

/// The fingerprint of what `hash` feeds.
pub fn fingerprint(hash: impl Fn(&mut Fingerprint)) -> u128 {
    let mut f = Fingerprint::default();
    hash(&mut f);
    f.value()
}

/// Takes a fingerprint as its own hash.
#[derive(Default)]
pub struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are hashed");
    }
    fn write_u128(&mut self, x: u128) {
        self.0 = x as u64;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// States that have been visited.
pub type Seen = HashSet<u128, BuildHasherDefault<Same>>;
