//! What the guest writes: known to the guest, which verifies it, and to the host, which judges the stores by it.

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 4096;

/// Fills `out` with what a block holds after its `version`th write; zeroes before the first.
pub fn fill(block: u64, version: u64, out: &mut [u8]) {
    let mut state = (block << 40 ^ version).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for word in out.chunks_exact_mut(8) {
        state = step(state);
        word.copy_from_slice(&if version == 0 { 0 } else { state }.to_le_bytes());
    }
}

/// The next of a row of numbers that look random (G. Marsaglia, "Xorshift RNGs", 2003). Never 0, from what is not 0.
pub fn step(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ state << 17
}

/// A number for what a disk holds; goes on from `state`, which is [`EMPTY`] at first (FNV-1a, by words).
pub fn digest(state: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes")));
    words.fold(state, |state, word| (state ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29))
}

/// The digest of nothing.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;
