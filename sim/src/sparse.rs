//! Memory that may be larger than the address space of the process.
//!
//! Its first part is mapped once and for all: a store that is no larger costs one comparison more than plain memory. What
//! is behind that is mapped in pieces as they are touched. A piece that is unmapped loses nothing, since all are parts of
//! one file; so few of them are kept.

use crate::memory::Memory;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of the first part: 16 TiB, so that several stores fit in an address space of 47 bits.
const NEAR_BYTES: u64 = 1 << 44;
/// Bytes of a piece.
const PIECE_BYTES: u64 = 1 << 30;
/// Pieces of a memory that are mapped at a time: a process has 65,530 mappings by default.
const PIECES: usize = 1024;

/// A file, or a memory file, as bytes that others may write to at any time. Clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Sparse {
    near: Memory,
    len: u64,
    far: Option<Arc<Far>>,
}

/// What is behind the first part.
#[derive(Debug)]
struct Far {
    file: File,
    start: u64,
    piece_bytes: u64,
    pieces: Mutex<HashMap<u64, Memory>>,
}

impl Sparse {
    /// `len` bytes of zeroes. Pages take up room when they are first written.
    ///
    /// # Errors
    /// When the system has no memory file, or no address space left.
    pub fn anonymous(len: u64) -> io::Result<Self> {
        Self::new(Memory::anonymous_file(len)?, len, NEAR_BYTES, PIECE_BYTES)
    }

    /// All of a file.
    ///
    /// # Errors
    /// When it cannot be mapped for reading and writing.
    pub fn from_file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Self::new(file, len, NEAR_BYTES, PIECE_BYTES)
    }

    fn new(file: File, len: u64, near_bytes: u64, piece_bytes: u64) -> io::Result<Self> {
        let far = (len > near_bytes).then(|| file.try_clone()).transpose()?;
        let near = Memory::from_file(file, 0, usize::try_from(len.min(near_bytes)).map_err(io::Error::other)?)?;
        let far = far.map(|file| Arc::new(Far { file, start: near_bytes, piece_bytes, pieces: Mutex::default() }));
        Ok(Self { near, len, far })
    }

    /// Size in bytes.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The file behind it.
    pub fn file(&self) -> Option<&File> {
        self.near.file()
    }

    /// Copies from `offset` on into `bytes`.
    ///
    /// # Panics
    /// When that goes past the end, or a piece cannot be mapped.
    #[inline]
    pub fn read(&self, offset: u64, bytes: &mut [u8]) {
        if self.is_near(offset, bytes.len()) {
            return self.near.read(offset as usize, bytes);
        }
        self.each(offset, bytes.len(), |memory, at, part| memory.read(at, &mut bytes[part]));
    }

    /// Hands `put` the memory in which `len` bytes at `offset` are, and where in it they begin; in several parts, with
    /// the part's place among the bytes, where they are in several pieces.
    ///
    /// # Panics
    /// When that goes past the end, or a piece cannot be mapped.
    #[inline]
    pub fn write_with(&self, offset: u64, len: usize, mut put: impl FnMut(&Memory, usize, Range<usize>)) {
        if self.is_near(offset, len) {
            return put(&self.near, offset as usize, 0..len);
        }
        self.each(offset, len, put);
    }

    #[inline]
    fn is_near(&self, offset: u64, len: usize) -> bool {
        offset.checked_add(len as u64).is_some_and(|end| end <= self.near.len() as u64)
    }

    /// The general case of both.
    #[cold]
    fn each(&self, offset: u64, len: usize, mut visit: impl FnMut(&Memory, usize, Range<usize>)) {
        let inside = offset.checked_add(len as u64).is_some_and(|end| end <= self.len);
        assert!(inside, "{len} bytes at {offset} are not inside memory of {} bytes", self.len);
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let (memory, start) = self.part(at);
            let place = (at - start) as usize;
            let count = (len - done).min(memory.len() - place);
            visit(&memory, place, done..done + count);
            done += count;
        }
    }

    /// The mapped part in which `offset` is, and its first byte's offset.
    fn part(&self, offset: u64) -> (Memory, u64) {
        let Some(far) = self.far.as_ref().filter(|far| offset >= far.start) else { return (self.near.clone(), 0) };
        let number = (offset - far.start) / far.piece_bytes;
        let start = far.start + number * far.piece_bytes;
        // A panic of another thread leaves the table as it was before or after a change.
        let mut pieces = far.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = pieces.get(&number) {
            return (piece.clone(), start);
        }
        if pieces.len() >= PIECES {
            pieces.clear();
        }
        let len = far.piece_bytes.min(self.len - start) as usize;
        let map = far.file.try_clone().and_then(|file| Memory::from_file(file, start, len));
        let piece = map.unwrap_or_else(|error| panic!("mapping {len} bytes of a store at {start}: {error}"));
        pieces.insert(number, piece.clone());
        (piece, start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 KiB near, pieces of 8 KiB.
    fn small(len: u64) -> Sparse {
        Sparse::new(Memory::anonymous_file(len).unwrap(), len, 1 << 16, 1 << 13).unwrap()
    }

    fn write(memory: &Sparse, offset: u64, bytes: &[u8]) {
        memory.write_with(offset, bytes.len(), |memory, at, part| memory.write(at, &bytes[part]));
    }

    fn read(memory: &Sparse, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0xee; len];
        memory.read(offset, &mut bytes);
        bytes
    }

    #[test]
    fn bytes_across_every_seam_come_back() {
        let memory = small((1 << 16) + 5 * (1 << 13) + 100);
        let bytes: Vec<u8> = (0..30_000u32).map(|n| (n % 251) as u8).collect();
        write(&memory, (1 << 16) - 5000, &bytes);
        assert_eq!(read(&memory, (1 << 16) - 5000, bytes.len()), bytes);
        assert_eq!(read(&memory, (1 << 16) - 5002, 4), [0, 0, 0, 1]);
        assert_eq!(read(&memory.clone(), 1 << 16, 10), bytes[5000..5010]);
        write(&memory, memory.len() - 3, &[7, 8, 9]);
        assert_eq!(read(&memory, memory.len() - 4, 4), [0, 7, 8, 9]);
    }

    #[test]
    fn pieces_that_were_unmapped_have_lost_nothing() {
        let count = PIECES as u64 + 10;
        let memory = small((1 << 16) + count * (1 << 13));
        let at = |n: u64| (1 << 16) + n * (1 << 13) + n;
        (0..count).for_each(|n| write(&memory, at(n), &n.to_le_bytes()));
        let far = memory.far.as_ref().unwrap();
        assert!(far.pieces.lock().unwrap().len() <= PIECES);
        assert!((0..count).all(|n| read(&memory, at(n), 8) == n.to_le_bytes()));
    }

    #[test]
    fn two_pebibytes_and_a_byte_at_either_end() {
        let len = 1 << 51;
        let memory = Sparse::anonymous(len).unwrap();
        for at in [0, NEAR_BYTES - 1, NEAR_BYTES, len / 2, len - 1] {
            write(&memory, at, &[at as u8 ^ 0x5a]);
            assert_eq!(read(&memory, at, 1), [at as u8 ^ 0x5a]);
        }
        assert_eq!(read(&memory, len - 2, 2), [0, !0 ^ 0x5a]);
    }

    #[test]
    #[should_panic(expected = "not inside")]
    fn past_the_end_panics() {
        write(&small(1 << 17), (1 << 17) - 2, &[0; 3]);
    }
}
