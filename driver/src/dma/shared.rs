//! Memory that other processes and devices can be given access to.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::PAGE_BYTES;

/// Zeroed memory that other processes and devices can be given access to.
///
/// Access by [`read_at`](Self::read_at) and [`write_at`](Self::write_at) has no order against the other side's; order
/// comes from [`read_u32_acquire`](Self::read_u32_acquire), [`write_u32_release`](Self::write_u32_release) and the like.
pub struct SharedMemory {
    file: File,
    map: MmapRaw,
}

impl SharedMemory {
    /// Memory of `len_bytes`, rounded up to whole pages.
    ///
    /// # Errors
    /// When the system has none, or `len_bytes` is 0.
    pub fn new(len_bytes: usize) -> io::Result<Self> {
        let len = len_bytes
            .checked_next_multiple_of(PAGE_BYTES)
            .filter(|len| *len != 0)
            .ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: the name is a string with its end marked; the call has no other argument that could be wrong.
        let fd = unsafe { libc::memfd_create(c"dyad-dma".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(len as u64)?;
        let map = MmapOptions::new().len(len).map_raw(&file)?;
        Ok(Self { file, map })
    }

    /// Maps an existing file descriptor of shared memory, as a vfio-user server gets them.
    ///
    /// # Errors
    /// When it cannot be mapped.
    pub fn from_file(file: File, offset: u64, len_bytes: usize) -> io::Result<Self> {
        let map = MmapOptions::new().offset(offset).len(len_bytes).map_raw(&file)?;
        Ok(Self { file, map })
    }

    /// The memory's file descriptor; offset 0 of it is byte 0 of the memory unless it came from
    /// [`from_file`](Self::from_file).
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Length in bytes, a multiple of 4096 unless it came from [`from_file`](Self::from_file).
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Address of byte 0. Only for handing to the kernel, and for volatile or atomic access: never make a reference of it.
    #[inline]
    pub fn as_ptr(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    /// Pointer to `len` bytes at `offset`, checked to be inside and aligned to `align`.
    #[inline]
    fn at(&self, offset: usize, len: usize, align: usize) -> *mut u8 {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len()) && offset.is_multiple_of(align),
            "access of {len} bytes at {offset} in DMA memory of {} bytes",
            self.len()
        );
        // SAFETY: just checked to be inside the mapping.
        unsafe { self.as_ptr().add(offset) }
    }

    /// Copies out of the memory.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) {
        let from = self.at(offset, out.len(), 1);
        // SAFETY: the range is inside the mapping; `out` is Rust's own memory and cannot overlap it, as nothing ever makes
        // a slice of the mapping.
        unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) }
    }

    /// Copies into the memory.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn write_at(&self, offset: usize, data: &[u8]) {
        let to = self.at(offset, data.len(), 1);
        // SAFETY: as in `read_at`.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) }
    }

    /// Sets every byte of the range to `value`.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn fill(&self, range: Range<usize>, value: u8) {
        let len = range.end.checked_sub(range.start).expect("a range that does not end before it starts");
        let to = self.at(range.start, len, 1);
        // SAFETY: the range is inside the mapping.
        unsafe { std::ptr::write_bytes(to, value, len) }
    }

    /// Reads `N` little-endian 64-bit words, each in one access, in no order.
    ///
    /// # Panics
    /// When they are not inside or misaligned.
    #[inline]
    pub fn read_words<const N: usize>(&self, offset: usize) -> [u64; N] {
        let from = self.at(offset, N * 8, 8).cast::<u64>();
        // SAFETY: inside and aligned; volatile, as the other side may write meanwhile.
        std::array::from_fn(|i| u64::from_le(unsafe { from.add(i).read_volatile() }))
    }

    /// Writes `N` little-endian 64-bit words, each in one access, in no order.
    ///
    /// # Panics
    /// When they are not inside or misaligned.
    #[inline]
    pub fn write_words<const N: usize>(&self, offset: usize, words: &[u64; N]) {
        let to = self.at(offset, N * 8, 8).cast::<u64>();
        for (i, word) in words.iter().enumerate() {
            // SAFETY: as in `read_words`.
            unsafe { to.add(i).write_volatile(word.to_le()) }
        }
    }

    /// Reads a 32-bit word; what the other side wrote before it is seen by later reads.
    ///
    /// # Panics
    /// When the word is not inside or misaligned.
    #[inline]
    pub fn read_u32_acquire(&self, offset: usize) -> u32 {
        // SAFETY: inside and aligned; an atomic tolerates concurrent writes, and the reference ends with the statement.
        unsafe { AtomicU32::from_ptr(self.at(offset, 4, 4).cast()) }.load(Ordering::Acquire)
    }

    /// Writes a 32-bit word after everything written before it.
    ///
    /// # Panics
    /// When the word is not inside or misaligned.
    #[inline]
    pub fn write_u32_release(&self, offset: usize, value: u32) {
        // SAFETY: as in `read_u32_acquire`.
        unsafe { AtomicU32::from_ptr(self.at(offset, 4, 4).cast()) }.store(value, Ordering::Release);
    }

    /// Reads a 64-bit word; what the other side wrote before it is seen by later reads.
    ///
    /// # Panics
    /// When the word is not inside or misaligned.
    #[inline]
    pub fn read_u64_acquire(&self, offset: usize) -> u64 {
        // SAFETY: as in `read_u32_acquire`.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8, 8).cast()) }.load(Ordering::Acquire)
    }

    /// Writes a 64-bit word after everything written before it.
    ///
    /// # Panics
    /// When the word is not inside or misaligned.
    #[inline]
    pub fn write_u64_release(&self, offset: usize, value: u64) {
        // SAFETY: as in `read_u32_acquire`.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8, 8).cast()) }.store(value, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_mapping_of_the_descriptor_sees_the_same_bytes() {
        let memory = SharedMemory::new(2 * PAGE_BYTES).unwrap();
        let file = File::from(memory.fd().try_clone_to_owned().unwrap());
        let other = SharedMemory::from_file(file, PAGE_BYTES as u64, PAGE_BYTES).unwrap();
        memory.write_u32_release(PAGE_BYTES + 8, 0xfeed);
        assert_eq!(other.read_u32_acquire(8), 0xfeed);
        other.write_u64_release(16, u64::MAX - 1);
        assert_eq!(memory.read_u64_acquire(PAGE_BYTES + 16), u64::MAX - 1);
    }

    #[test]
    fn no_memory_of_no_bytes() {
        assert!(SharedMemory::new(0).is_err());
        assert!(SharedMemory::new(usize::MAX).is_err());
    }
}
