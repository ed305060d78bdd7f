//! CRC32C of whole beats: XOR trees, computed from the definition by linearity.
//!
//! ```text
//!              ┌──────────────┐
//!   state 32 ═►│ crc32c_<N>   ╞═► next 32
//!  data 8·N  ═►│              │
//!              └──────────────┘
//! ```
//!
//! A CRC register after some bytes is a linear function, over GF(2), of the register before and of the bytes. So each
//! bit of the result is the parity of some bits of both; which, is found by asking the definition,
//! [`dyad_spec::wire::crc32c`], what each single bit does. No polynomial is written down here.
//!
//! **Interface.** Functions on expressions: [`crc_step`], and its two halves [`crc_zeros`] (what becomes of the
//! register) and [`crc_data`] (what the bytes add). [`crc32c`] is a module around `crc_step`. Byte 0, the first on the
//! wire, is bits 7:0. The register starts as all ones ([`crc_init`]) and is complemented at the end; its four bytes are
//! sent least significant first. After data and such a checksum the register is [`RESIDUE`], whatever the data.
//!
//! **Parameters.** Whole bytes, 1 to 128 at a time.
//!
//! **Latency.** 0: logic only. A bit of the result depends on about half the bits of `data` and `state`: at 8 bytes 3
//! levels of LUT4, at 64 bytes 4 levels of LUT6. [`crc_zeros`] alone is a parity of some 16 bits.
//!
//! **Throughput.** One step per cycle. **Backpressure, reset, clocks, ordering, errors.** None.
//!
//! **Source.** RFC 3720 12.1 (CRC32C, reflected); RFC 3385 for its choice.
//!
//! **Test.** `tests/tests/crc32c.rs`: each basis vector and random data, against the crate `crc`.

use dyad_spec::wire;

use crate::prelude::*;

/// Register after a message and its checksum, before the complement.
pub const RESIDUE: u32 = 0xb798_b438;

/// The register before the first byte.
pub fn crc_init() -> E {
    ones(32)
}

/// What bit `bit` of byte `byte` of `bytes` adds to the register, when `after` zero bytes follow.
fn column(bytes: usize, bit: usize, after: usize) -> u32 {
    let mut message = vec![0; bytes + after];
    let nothing = wire::crc32c(&message);
    message[bit / 8] = 1 << (bit % 8);
    // Start value and complement are in both, and cancel.
    wire::crc32c(&message) ^ nothing
}

/// The map that takes bit `i` of `x` to `columns[i]`.
fn linear(x: E, columns: &[u32]) -> E {
    assert_eq!(x.width(), columns.len(), "one column a bit");
    let row = |out: usize| {
        let mut mask = Bits::zero(x.width());
        for (i, _) in columns.iter().enumerate().filter(|(_, c)| *c >> out & 1 == 1) {
            mask.set(i, &Bits::ones(1));
        }
        (x & lit_big(mask, x.width())).parity()
    };
    let rows: Vec<E> = (0..32).rev().map(row).collect();
    cat(&rows)
}

/// What `data` adds to a register of zero, when `after` zero bytes follow it.
///
/// # Panics
/// When `data` is not whole bytes.
#[track_caller]
pub fn crc_data(data: E, after: usize) -> E {
    let bytes = data.width() / 8;
    assert!(
        data.width().is_multiple_of(8) && bytes <= 128,
        "crc_data: 1 to 128 whole bytes, not {} bits",
        data.width()
    );
    let columns: Vec<u32> = (0..data.width()).map(|bit| column(bytes, bit, after)).collect();
    linear(data, &columns)
}

/// The register after `bytes` zero bytes.
#[track_caller]
pub fn crc_zeros(state: E, bytes: usize) -> E {
    assert_eq!(state.width(), 32, "crc_zeros: width of the register");
    // The register is added to the next four bytes; what is left of it after fewer stays.
    match bytes {
        0 => state,
        1..=3 => {
            let (spent, left) = (state.slice(0, 8 * bytes), state.slice(8 * bytes, 32 - 8 * bytes));
            crc_data(spent, 0) ^ left.zext(32)
        }
        _ => crc_data(state, bytes - 4),
    }
}

/// The register after `data`, byte 0 first.
///
/// # Panics
/// When `data` is not whole bytes, or `state` not 32 bits.
#[track_caller]
pub fn crc_step(state: E, data: E) -> E {
    assert_eq!(state.width(), 32, "crc_step: width of the register");
    let w = data.width();
    match w.cmp(&32) {
        std::cmp::Ordering::Less => crc_data(data ^ state.trunc(w), 0) ^ state.shr(w),
        std::cmp::Ordering::Equal => crc_data(data ^ state, 0),
        std::cmp::Ordering::Greater => crc_data(cat(&[data.slice(32, w - 32), data.trunc(32) ^ state]), 0),
    }
}

/// One step over `bytes` bytes, as a module.
///
/// # Panics
/// When `bytes` is out of its range.
pub fn crc32c(bytes: usize) -> Module {
    assert!((1..=128).contains(&bytes), "crc32c: 1 to 128 bytes, not {bytes}");
    module(format!("crc32c_{bytes}"), |m| {
        m.doc(format!("CRC32C register after {bytes} more bytes, byte 0 (bits 7:0) first."));
        let state = m.input("state", 32);
        let data = m.input("data", 8 * bytes);
        m.output("next", 32).set(crc_step(state, data));
    })
}
