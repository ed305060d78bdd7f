//! Fields of the contract in vectors: taking one out, and joining several.

use dyad_spec::Field;

use crate::prelude::*;

/// A field of a register or of a little-endian layout.
#[track_caller]
pub fn field(word: E, f: Field) -> E {
    word.slice(f.lsb, f.width)
}

/// A vector of `width` bits with the fields at their places, and zeroes between them.
///
/// # Panics
/// When fields overlap, do not fit, or a value's width is not its field's.
#[track_caller]
pub fn place(width: usize, parts: &[(Field, E)]) -> E {
    let mut sorted = parts.to_vec();
    sorted.sort_by_key(|(f, _)| f.lsb);
    let (mut pieces, mut next) = (Vec::new(), 0);
    for (f, value) in sorted {
        assert!(f.lsb >= next && f.lsb + f.width <= width, "field {} overlaps or does not fit", f.name);
        assert_eq!(value.width(), f.width, "field {}: width", f.name);
        if f.lsb > next {
            pieces.push(zero(f.lsb - next));
        }
        pieces.push(value);
        next = f.lsb + f.width;
    }
    if next < width {
        pieces.push(zero(width - next));
    }
    pieces.reverse();
    cat(&pieces)
}

/// Entry `n` of an array of words of `width` bits in one vector.
#[track_caller]
pub fn entry(array: E, n: usize, width: usize) -> E {
    array.slice(n * width, width)
}

/// Joins words into an array: the first one lowest.
#[track_caller]
pub fn array(words: &[E]) -> E {
    cat(&words.iter().rev().copied().collect::<Vec<_>>())
}
