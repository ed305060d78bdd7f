//! DMA memory of a site's commands: set up once, handed out and taken back.

use dyad_driver::{Backing, DmaSlice};
use dyad_spec::{BLOCK_BYTES, MAX_BLOCKS};

const LARGE_BYTES: usize = MAX_BLOCKS as usize * BLOCK_BYTES;
/// Commands of one block that can be in flight.
const SMALL_COUNT: usize = 1024;
/// Commands of more.
const LARGE_COUNT: usize = 64;

/// Room for the data of one command. To be given back.
#[derive(Debug)]
pub struct Buffer {
    slice: DmaSlice,
    large: bool,
}

impl Buffer {
    /// The memory.
    pub fn slice(&self) -> &DmaSlice {
        &self.slice
    }
}

/// Memory for many commands.
pub struct Pool {
    small: Vec<DmaSlice>,
    large: Vec<DmaSlice>,
}

impl Pool {
    /// Sets memory up: 20 MiB, which takes up room when it is first used.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn new(backing: &impl Backing) -> dyad_driver::Result<Self> {
        let cut = |each: usize, count: usize| -> dyad_driver::Result<Vec<DmaSlice>> {
            let memory = backing.dma_alloc(each * count)?;
            Ok((0..count).rev().map(|index| memory.slice(index * each..(index + 1) * each)).collect())
        };
        Ok(Self { small: cut(BLOCK_BYTES, SMALL_COUNT)?, large: cut(LARGE_BYTES, LARGE_COUNT)? })
    }

    /// Room for `blocks` blocks, if there is any left.
    pub fn take(&mut self, blocks: u16) -> Option<Buffer> {
        let large = blocks > 1;
        let slice = if large { self.large.pop() } else { self.small.pop() };
        slice.map(|slice| Buffer { slice, large })
    }

    /// Takes it back. No command may use it any more.
    pub fn give(&mut self, buffer: Buffer) {
        let Buffer { slice, large } = buffer;
        if large { self.large.push(slice) } else { self.small.push(slice) }
    }
}
