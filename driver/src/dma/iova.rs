//! Addresses for DMA.

use std::collections::BTreeMap;
use std::ops::Range;

use super::PAGE_BYTES;

/// Bits of the addresses that [`IovaSpace::default`] hands out.
pub const IOVA_BITS: u32 = 39;

/// Hands out IOVAs: first fit, in whole pages, with an unmapped page after each range, so that a card that runs past the
/// end of a buffer faults.
#[derive(Debug)]
pub struct IovaSpace {
    window: Range<u64>,
    /// Start and end of each range in use.
    used: BTreeMap<u64, u64>,
}

impl IovaSpace {
    /// Addresses between `window.start` and `window.end`, both multiples of 4096.
    pub fn new(window: Range<u64>) -> Self {
        Self { window, used: BTreeMap::new() }
    }

    /// A range of `len_bytes` bytes, or `None` when no gap is large enough.
    pub fn allocate(&mut self, len_bytes: usize) -> Option<u64> {
        let len = (len_bytes.checked_next_multiple_of(PAGE_BYTES)? + PAGE_BYTES) as u64;
        let mut start = self.window.start;
        for (from, to) in &self.used {
            if from - start >= len {
                break;
            }
            start = *to;
        }
        let end = start.checked_add(len).filter(|end| *end <= self.window.end)?;
        self.used.insert(start, end);
        Some(start)
    }

    /// Gives a range back. Returns whether there was one that starts there.
    pub fn release(&mut self, iova: u64) -> bool {
        self.used.remove(&iova).is_some()
    }
}

impl Default for IovaSpace {
    /// From 4 GiB, above the addresses that platforms reserve, to 2^39, which every IOMMU can translate.
    fn default() -> Self {
        Self::new(1 << 32..1 << IOVA_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_reused_and_run_out() {
        let mut space = IovaSpace::new(0x1000..0x9000);
        let a = space.allocate(1).unwrap();
        let b = space.allocate(4096).unwrap();
        let c = space.allocate(8192).unwrap();
        assert_eq!((a, b, c), (0x1000, 0x3000, 0x5000));
        assert_eq!(space.allocate(4096), None);
        assert!(space.release(b) && !space.release(b));
        assert_eq!(space.allocate(8192), None);
        assert_eq!(space.allocate(1), Some(b));
    }
}
