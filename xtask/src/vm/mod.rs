//! A virtual machine that moves between two hosts, under emulation.
//!
//! | file | holds |
//! |---|---|
//! | `guest.rs` | what the machine boots: kernel, modules, and the program of `xtask/guest` |
//! | `console.rs` | what that program says |
//! | `machine.rs`, `qmp.rs` | a QEMU, and its control socket |
//! | `exports.rs` | `dyad serve`, and what its stores hold in the end |
//!
//! QEMU and the kernel are those of `kernel/`. The machine is emulated by TCG, always: nested KVM hangs on many rented machines, and no figure here is one of the card.

pub mod console;
pub mod exports;
pub mod guest;
pub mod machine;

mod qmp;

/// What the guest writes, shared with the guest.
#[path = "../../guest/pattern.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "one half is the host's, the other the guest's")]
mod pattern;

/// The guest's program: compiled by itself for the guest, and here so that it is formatted and checked as all else is.
#[cfg(test)]
#[path = "../../guest/main.rs"]
#[allow(dead_code, reason = "nothing calls it here")]
mod program;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks at what is waited for.
const POLL: Duration = Duration::from_millis(20);

/// Looks again and again until `look` finds something.
///
/// # Errors
/// What `look` gives; and `what` it was when nothing is found within `patience`.
pub fn wait<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > patience {
            bail!("{what}: not within {} s", patience.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::pattern::{BLOCK_BYTES, EMPTY, digest, fill};

    /// What a block holds after a write.
    fn block(block: u64, version: u64) -> Vec<u8> {
        let mut bytes = vec![0xaa; BLOCK_BYTES];
        fill(block, version, &mut bytes);
        bytes
    }

    #[test]
    fn every_write_leaves_something_else() {
        assert!(block(3, 0).iter().all(|byte| *byte == 0));
        let all: std::collections::HashSet<Vec<u8>> =
            (0..8).flat_map(|number| (1..8).map(move |version| block(number, version))).collect();
        assert_eq!(all.len(), 56);
    }

    #[test]
    fn a_digest_tells_what_is_where() {
        let (x, y) = (block(1, 1), block(2, 1));
        let both = |first: &[u8], second: &[u8]| digest(digest(EMPTY, first), second);
        assert_eq!(both(&x, &y), digest(EMPTY, &[&x[..], &y[..]].concat()));
        assert_ne!(both(&x, &y), both(&y, &x));
        let mut flipped = y.clone();
        flipped[BLOCK_BYTES - 1] ^= 1;
        assert_ne!(both(&x, &y), both(&x, &flipped));
    }
}
