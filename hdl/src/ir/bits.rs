//! A bit vector of any width, and the word-slice arithmetic below it.
//!
//! Words are `u64`, least significant first; bits of the last word above the width are zero.

use std::cmp::Ordering;
use std::fmt;

/// Number of 64-bit words that hold `w` bits.
pub const fn word_count(w: usize) -> usize {
    w.div_ceil(64)
}

/// Number of bits an index into `n` items needs: 0 for `n <= 1`, 3 for 5 to 8, ...
pub const fn clog2(n: usize) -> usize {
    if n <= 1 { 0 } else { (usize::BITS - (n - 1).leading_zeros()) as usize }
}

/// A value of a stated width in bits (at least 1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bits {
    w: usize,
    words: Vec<u64>,
}

impl Bits {
    /// All bits 0.
    pub fn zero(w: usize) -> Self {
        Bits { w, words: vec![0; word_count(w)] }
    }

    /// All bits 1.
    pub fn ones(w: usize) -> Self {
        let mut b = Bits { w, words: vec![u64::MAX; word_count(w)] };
        words::mask_top(&mut b.words, w);
        b
    }

    /// `v` in `w` bits. Panics when `v` does not fit.
    #[track_caller]
    pub fn from_u64(v: u64, w: usize) -> Self {
        assert!(w >= 64 || v >> w == 0, "{v:#x} does not fit in {w} bits");
        let mut b = Bits::zero(w);
        if w > 0 {
            b.words[0] = v;
        }
        b
    }

    /// The low `w` bits of `words` (least significant word first); missing words are zero.
    pub fn from_words(words: &[u64], w: usize) -> Self {
        let mut b = Bits::zero(w);
        let n = b.words.len().min(words.len());
        b.words[..n].copy_from_slice(&words[..n]);
        words::mask_top(&mut b.words, w);
        b
    }

    /// The bytes of a `8 * bytes.len()`-bit value, least significant first.
    pub fn from_bytes_le(bytes: &[u8]) -> Self {
        let mut b = Bits::zero(bytes.len() * 8);
        for (i, &v) in bytes.iter().enumerate() {
            b.words[i / 8] |= u64::from(v) << (i % 8 * 8);
        }
        b
    }

    /// The value's bytes, least significant first; the last byte is filled up with zeros.
    pub fn to_bytes_le(&self) -> Vec<u8> {
        (0..self.w.div_ceil(8)).map(|i| (self.words[i / 8] >> (i % 8 * 8)) as u8).collect()
    }

    /// Width in bits.
    pub fn width(&self) -> usize {
        self.w
    }

    /// The words, least significant first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The low 64 bits.
    pub fn low_u64(&self) -> u64 {
        self.words.first().copied().unwrap_or(0)
    }

    /// The value when it is below 2^64, whatever the width.
    pub fn to_u64(&self) -> Option<u64> {
        self.words.iter().skip(1).all(|&x| x == 0).then(|| self.low_u64())
    }

    /// Whether all bits are 0.
    pub fn is_zero(&self) -> bool {
        self.words.iter().all(|&x| x == 0)
    }

    /// Whether all bits are 1.
    pub fn is_ones(&self) -> bool {
        *self == Bits::ones(self.w)
    }

    /// Bit `i`; `false` past the end.
    pub fn bit(&self, i: usize) -> bool {
        i < self.w && self.words[i / 64] >> (i % 64) & 1 == 1
    }

    /// Bits `lsb .. lsb + w`; bits past the end are 0.
    pub fn get(&self, lsb: usize, w: usize) -> Bits {
        let mut r = Bits::zero(w);
        words::slice(&mut r.words, &self.words, lsb, w);
        r
    }

    /// Overwrites the bits from `lsb` with `v`. Panics when `v` reaches past the end.
    #[track_caller]
    pub fn set(&mut self, lsb: usize, v: &Bits) {
        assert!(lsb + v.w <= self.w, "bits {lsb}+{} of a {}-bit value", v.w, self.w);
        words::insert(&mut self.words, lsb, &v.words, v.w);
    }

    /// Cut or zero-extended to `w` bits.
    pub fn resize(&self, w: usize) -> Bits {
        Bits::from_words(&self.words, w)
    }

    /// Number of bits up to and including the highest 1.
    pub fn significant(&self) -> usize {
        let top = self.words.iter().rposition(|&x| x != 0);
        top.map_or(0, |i| i * 64 + 64 - self.words[i].leading_zeros() as usize)
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

/// 64 bits wide.
impl From<u64> for Bits {
    fn from(v: u64) -> Self {
        Bits::from_u64(v, 64)
    }
}

/// As wide as the words, least significant first.
impl From<&[u64]> for Bits {
    fn from(v: &[u64]) -> Self {
        Bits::from_words(v, v.len() * 64)
    }
}

/// As wide as the words, least significant first.
impl<const N: usize> From<[u64; N]> for Bits {
    fn from(v: [u64; N]) -> Self {
        Bits::from(&v[..])
    }
}

impl From<&Bits> for Bits {
    fn from(v: &Bits) -> Self {
        v.clone()
    }
}

impl fmt::LowerHex for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for i in (0..self.w.div_ceil(4)).rev() {
            write!(f, "{:x}", self.words[i / 16] >> (i % 16 * 4) & 15)?;
        }
        Ok(())
    }
}

/// As a sized hexadecimal literal of Verilog: `12'h0ff`.
impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}'h{:x}", self.w, self)
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Arithmetic on word slices. Every destination has exactly `word_count(w)` words.
pub(crate) mod words {
    use super::{Ordering, word_count};

    /// Clears the bits at and above `w`.
    pub fn mask_top(a: &mut [u64], w: usize) {
        if !w.is_multiple_of(64)
            && let Some(top) = a.last_mut()
        {
            *top &= (1 << (w % 64)) - 1;
        }
    }

    /// `dst = a + b + carry`, modulo 2^w.
    pub fn add(dst: &mut [u64], a: &[u64], b: &[u64], carry: bool, w: usize) {
        let mut c = carry;
        for i in 0..dst.len() {
            let (s, c1) = a[i].overflowing_add(b[i]);
            let (s, c2) = s.overflowing_add(u64::from(c));
            dst[i] = s;
            c = c1 || c2;
        }
        mask_top(dst, w);
    }

    /// `dst = a - b`, modulo 2^w.
    pub fn sub(dst: &mut [u64], a: &[u64], b: &[u64], w: usize) {
        let mut borrow = false;
        for i in 0..dst.len() {
            let (s, b1) = a[i].overflowing_sub(b[i]);
            let (s, b2) = s.overflowing_sub(u64::from(borrow));
            dst[i] = s;
            borrow = b1 || b2;
        }
        mask_top(dst, w);
    }

    /// Unsigned comparison of two values of equal width.
    pub fn cmp(a: &[u64], b: &[u64]) -> Ordering {
        a.iter().rev().cmp(b.iter().rev())
    }

    /// `dst` = bits `lsb .. lsb + w` of `a`; bits past the end of `a` are 0.
    pub fn slice(dst: &mut [u64], a: &[u64], lsb: usize, w: usize) {
        let (word, bit) = (lsb / 64, lsb % 64);
        for (i, d) in dst.iter_mut().enumerate() {
            let lo = a.get(word + i).copied().unwrap_or(0) >> bit;
            let hi = if bit == 0 { 0 } else { a.get(word + i + 1).copied().unwrap_or(0) << (64 - bit) };
            *d = lo | hi;
        }
        mask_top(dst, w);
    }

    /// Overwrites bits `lsb .. lsb + w` of `dst` with the low `w` bits of `src`.
    pub fn insert(dst: &mut [u64], lsb: usize, src: &[u64], w: usize) {
        let mut done = 0;
        while done < w {
            let (at, bit) = ((lsb + done) / 64, (lsb + done) % 64);
            let n = (64 - bit).min(w - done);
            let (from, off) = (done / 64, done % 64);
            let mut v = src[from] >> off;
            if off != 0 && from + 1 < src.len() {
                v |= src[from + 1] << (64 - off);
            }
            let mask = if n == 64 { u64::MAX } else { ((1 << n) - 1) << bit };
            dst[at] = dst[at] & !mask | v << bit & mask;
            done += n;
        }
    }

    /// `dst = a << n`, modulo 2^w.
    pub fn shl(dst: &mut [u64], a: &[u64], n: usize, w: usize) {
        let (word, bit) = (n / 64, n % 64);
        for i in (0..dst.len()).rev() {
            let get = |k: usize| if i >= k { a[i - k] } else { 0 };
            let lo = if bit == 0 { 0 } else { get(word + 1) >> (64 - bit) };
            dst[i] = get(word) << bit | lo;
        }
        mask_top(dst, w);
    }

    /// The value of `a`, or `limit` when it is larger.
    pub fn saturate(a: &[u64], limit: usize) -> usize {
        let big = a[1..].iter().any(|&x| x != 0) || a[0] > limit as u64;
        if big { limit } else { a[0] as usize }
    }

    /// Whether the low `w` bits are all 1.
    pub fn all(a: &[u64], w: usize) -> bool {
        let full = w / 64;
        a[..full].iter().all(|&x| x == u64::MAX) && (full == word_count(w) || a[full] == (1 << (w % 64)) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clog2_counts_index_bits() {
        let want = [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (4096, 12)];
        for (n, bits) in want {
            assert_eq!(clog2(n), bits, "clog2({n})");
        }
    }

    #[test]
    fn slices_cross_words() {
        let b = Bits::from([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);
        assert_eq!(b.get(60, 8), Bits::from_u64(0x00, 8));
        assert_eq!(b.get(56, 16), Bits::from_u64(0x1001, 16));
        assert_eq!(b.get(124, 16), Bits::from_u64(0xf, 16));
        let mut c = Bits::zero(130);
        c.set(62, &Bits::from_u64(0x1ff, 9));
        assert_eq!(format!("{c}"), format!("130'h{}7fc{}", "0".repeat(15), "0".repeat(15)));
        assert_eq!(c.get(62, 9), Bits::from_u64(0x1ff, 9));
        assert_eq!(c.significant(), 71);
    }

    #[test]
    fn set_agrees_with_bitwise_reference() {
        for (lsb, w) in [(0, 1), (3, 64), (63, 2), (1, 128), (65, 65), (0, 130)] {
            let mut b = Bits::ones(130);
            let v = Bits::from_words(&[0x5555_5555_5555_5555; 3], w);
            b.set(lsb, &v);
            for i in 0..130 {
                let want = if i >= lsb && i < lsb + w { v.bit(i - lsb) } else { true };
                assert_eq!(b.bit(i), want, "bit {i} of set({lsb}, {w})");
            }
        }
    }

    #[test]
    fn arithmetic_wraps_at_the_width() {
        let w = 70;
        let (mut d, a, one) = (Bits::zero(w), Bits::ones(w), Bits::from_u64(1, w));
        words::add(d.words_mut(), a.words(), one.words(), false, w);
        assert!(d.is_zero());
        words::sub(d.words_mut(), Bits::zero(w).words(), one.words(), w);
        assert!(d.is_ones());
        words::shl(d.words_mut(), one.words(), 69, w);
        assert_eq!(d.significant(), 70);
        assert!(words::all(a.words(), w) && !words::all(d.words(), w));
    }

    #[test]
    fn bytes_round_trip() {
        let bytes: Vec<u8> = (1..=19).collect();
        assert_eq!(Bits::from_bytes_le(&bytes).to_bytes_le(), bytes);
    }
}
