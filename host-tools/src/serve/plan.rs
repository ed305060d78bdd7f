//! From a range of bytes to parts that a card can carry out: each at most 64 whole blocks, or a piece of one.

use std::ops::Range;

use dyad_spec::{BLOCK_BYTES, MAX_BLOCKS};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// A part of a request: one command of the card, or two for a piece of a block that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First block in the LUN.
    pub lba: u64,
    /// Blocks, 1 to 64.
    pub blocks: u16,
    /// Bytes of the first block that come before the data.
    pub skip: usize,
    /// Where the data begin in the request's.
    pub at: usize,
    /// Bytes of data.
    pub bytes: usize,
}

impl Part {
    /// Whether all of its blocks are data.
    pub fn is_whole(&self) -> bool {
        self.bytes == self.buffer_bytes()
    }

    /// Bytes of its blocks.
    pub fn buffer_bytes(&self) -> usize {
        usize::from(self.blocks) * BLOCK_BYTES
    }

    /// Where the data are in the request's.
    pub fn data(&self) -> Range<usize> {
        self.at..self.at + self.bytes
    }

    /// Its blocks.
    pub fn range(&self) -> Range<u64> {
        self.lba..self.lba + u64::from(self.blocks)
    }
}

/// How the blocks at the edges are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edges {
    /// Read whole, with the rest.
    Join,
    /// Each by itself: read, merged, written.
    Split,
}

/// The parts of a request, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    begin: u64,
    next: u64,
    end: u64,
    edges: Edges,
}

impl Plan {
    /// For reading `bytes` from `offset` on.
    pub fn read(offset: u64, bytes: u32) -> Self {
        Self { begin: offset, next: offset, end: offset + u64::from(bytes), edges: Edges::Join }
    }

    /// For writing `bytes` from `offset` on.
    pub fn write(offset: u64, bytes: u32) -> Self {
        Self { edges: Edges::Split, ..Self::read(offset, bytes) }
    }

    /// For writing the whole blocks among `bytes` from `offset` on; there may be none.
    pub fn inner(offset: u64, bytes: u32) -> Self {
        let end = (offset + u64::from(bytes)) / BLOCK * BLOCK;
        let begin = offset.next_multiple_of(BLOCK).min(end);
        Self { begin, next: begin, end, edges: Edges::Split }
    }

    /// Nothing.
    pub fn empty() -> Self {
        Self { begin: 0, next: 0, end: 0, edges: Edges::Join }
    }

    /// Gives up what has not been handed out.
    pub fn cancel(&mut self) {
        self.next = self.end;
    }

    /// Whether all has been handed out.
    pub fn is_done(&self) -> bool {
        self.next >= self.end
    }

    /// The next part.
    pub fn peek(&self) -> Option<Part> {
        let left = self.end.saturating_sub(self.next);
        if left == 0 {
            return None;
        }
        let skip = self.next % BLOCK;
        let blocks = match self.edges {
            Edges::Join => (skip + left).div_ceil(BLOCK).min(MAX_BLOCKS),
            Edges::Split if skip == 0 && left >= BLOCK => (left / BLOCK).min(MAX_BLOCKS),
            Edges::Split => 1,
        };
        Some(Part {
            lba: self.next / BLOCK,
            blocks: blocks as u16,
            skip: skip as usize,
            at: (self.next - self.begin) as usize,
            bytes: left.min(blocks * BLOCK - skip) as usize,
        })
    }
}

impl Iterator for Plan {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let part = self.peek()?;
        self.next += part.bytes as u64;
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(plan: Plan) -> Vec<(u64, u16, usize, usize)> {
        plan.map(|part| (part.lba, part.blocks, part.skip, part.bytes)).collect()
    }

    #[test]
    fn edges_are_written_by_themselves_and_read_with_the_rest() {
        let split = [(1, 1, 512, 3584), (2, 64, 0, 64 * 4096), (66, 1, 0, 4096), (67, 1, 0, 1024)];
        assert_eq!(shape(Plan::write(4096 + 512, 3584 + 65 * 4096 + 1024)), split);
        let joined = [(1, 64, 512, 64 * 4096 - 512), (65, 3, 0, 2 * 4096 + 1024)];
        assert_eq!(shape(Plan::read(4096 + 512, 3584 + 65 * 4096 + 1024)), joined);
        assert_eq!(shape(Plan::inner(4096 + 512, 3584 + 65 * 4096 + 1024)), [(2, 64, 0, 64 * 4096), (66, 1, 0, 4096)]);
        assert_eq!(shape(Plan::write(512, 512)), [(0, 1, 512, 512)]);
    }

    #[test]
    fn a_range_with_no_whole_block_has_no_inner_part() {
        for (offset, bytes) in [(512, 4096), (0, 4095 / 512 * 512), (4096 + 512, 3584)] {
            assert_eq!(shape(Plan::inner(offset, bytes)), [], "{offset} {bytes}");
        }
    }

    proptest! {
        #[test]
        fn parts_cover_the_range_once(offset in 0u64..1 << 40, bytes in 1u32..1 << 22) {
            for plan in [Plan::read(offset, bytes), Plan::write(offset, bytes), Plan::inner(offset, bytes)] {
                let (begin, end, mut next) = (plan.begin, plan.end, plan.begin);
                for part in plan {
                    prop_assert_eq!(part.lba * BLOCK + part.skip as u64, next);
                    prop_assert_eq!(part.at as u64, next - begin);
                    prop_assert!((1..=64).contains(&part.blocks) && part.bytes > 0);
                    prop_assert!(part.skip + part.bytes <= part.buffer_bytes());
                    next += part.bytes as u64;
                }
                prop_assert_eq!(next, end);
            }
            for part in Plan::write(offset, bytes) {
                prop_assert!(part.is_whole() || part.blocks == 1);
            }
            prop_assert!(Plan::inner(offset, bytes).all(|part| part.is_whole()));
        }
    }
}
