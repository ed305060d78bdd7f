//! Memory that the card reads and writes.
//!
//! The card may write this memory at any time, so it is never behind a Rust reference: all access goes through raw
//! pointers, by copies and by volatile or atomic words. The memory is a memfd mapped shared, so that the same buffer
//! serves the kernel's VFIO (by pointer) and a vfio-user server (by file descriptor).

mod iova;
mod shared;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use iova::{IOVA_BITS, IovaSpace};
pub use shared::SharedMemory;

/// Unit of DMA mappings, in bytes.
pub const PAGE_BYTES: usize = 4096;

/// Takes a buffer's address range away from the card. Given by the backing that mapped it.
pub trait Unmap: Send + Sync {
    /// Makes the card get a bus error in `iova .. iova + len_bytes` from now on. Called once for each buffer.
    fn unmap(&self, iova: u64, len_bytes: usize);
}

struct Mapping {
    memory: Arc<SharedMemory>,
    iova: u64,
    mapped: AtomicBool,
    unmap: Arc<dyn Unmap>,
}

impl Mapping {
    fn unmap(&self) {
        if self.mapped.swap(false, Ordering::AcqRel) {
            self.unmap.unmap(self.iova, self.memory.len());
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.unmap();
    }
}

/// Memory that the card reaches at an IOVA. Clones are the same memory; it is unmapped from the card when the last one
/// goes, and queues hold one for each command in flight.
#[derive(Clone)]
pub struct DmaBuffer(Arc<Mapping>);

impl DmaBuffer {
    /// For backings: a buffer over `memory` that the card reaches at `iova`, until `unmap` is called for it.
    ///
    /// # Panics
    /// When `iova` is not a multiple of 4096.
    pub fn new(memory: Arc<SharedMemory>, iova: u64, unmap: Arc<dyn Unmap>) -> Self {
        assert!(iova.is_multiple_of(PAGE_BYTES as u64), "IOVA {iova:#x} is not page-aligned");
        Self(Arc::new(Mapping { memory, iova, mapped: AtomicBool::new(true), unmap }))
    }

    /// Address of byte 0 as the card sees it.
    #[inline]
    pub fn iova(&self) -> u64 {
        self.0.iova
    }

    /// Length in bytes, a multiple of 4096.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.memory.len()
    }

    /// Whether the two are clones of one buffer.
    #[inline]
    pub fn is_same(&self, other: &DmaBuffer) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The memory behind it.
    pub fn memory(&self) -> &Arc<SharedMemory> {
        &self.0.memory
    }

    /// Takes the buffer away from the card now, even while commands use it: they end with a DMA fault. The memory
    /// itself stays readable.
    pub fn unmap(&self) {
        self.0.unmap();
    }

    /// Copies out of the buffer.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) {
        self.0.memory.read_at(offset, out);
    }

    /// Copies into the buffer.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn write_at(&self, offset: usize, data: &[u8]) {
        self.0.memory.write_at(offset, data);
    }

    /// Reads a 64-bit word; what the card wrote before it is seen by later reads.
    ///
    /// # Panics
    /// When the word is not inside or misaligned.
    pub fn read_u64_acquire(&self, offset: usize) -> u64 {
        self.0.memory.read_u64_acquire(offset)
    }

    /// Reads a 32-bit word; what the card wrote before it is seen by later reads.
    ///
    /// # Panics
    /// When the word is not inside or misaligned.
    pub fn read_u32_acquire(&self, offset: usize) -> u32 {
        self.0.memory.read_u32_acquire(offset)
    }

    /// The whole buffer as a slice.
    pub fn whole(&self) -> DmaSlice {
        DmaSlice { buffer: self.clone(), offset: 0, len: self.len() }
    }

    /// A part of the buffer.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn slice(&self, range: Range<usize>) -> DmaSlice {
        assert!(range.start <= range.end && range.end <= self.len(), "{range:?} is not in {} bytes", self.len());
        DmaSlice { buffer: self.clone(), offset: range.start, len: range.end - range.start }
    }
}

impl std::fmt::Debug for DmaBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DmaBuffer({} bytes at IOVA {:#x})", self.len(), self.iova())
    }
}

/// A part of a [`DmaBuffer`], which it keeps mapped.
#[derive(Clone, Debug)]
pub struct DmaSlice {
    buffer: DmaBuffer,
    offset: usize,
    len: usize,
}

impl DmaSlice {
    /// Address of its first byte as the card sees it.
    #[inline]
    pub fn iova(&self) -> u64 {
        self.buffer.iova() + self.offset as u64
    }

    /// Length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The buffer that it is a part of.
    #[inline]
    pub fn buffer(&self) -> &DmaBuffer {
        &self.buffer
    }

    /// Copies out of the slice.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) {
        assert!(offset.checked_add(out.len()).is_some_and(|end| end <= self.len), "read past the end of a slice");
        self.buffer.read_at(self.offset + offset, out);
    }

    /// Copies into the slice.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn write_at(&self, offset: usize, data: &[u8]) {
        assert!(offset.checked_add(data.len()).is_some_and(|end| end <= self.len), "write past the end of a slice");
        self.buffer.write_at(self.offset + offset, data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    struct Count(AtomicUsize);
    impl Unmap for Count {
        fn unmap(&self, iova: u64, len_bytes: usize) {
            assert_eq!((iova, len_bytes), (0x1000, PAGE_BYTES));
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn buffer() -> (DmaBuffer, Arc<Count>) {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        (DmaBuffer::new(Arc::new(SharedMemory::new(100).unwrap()), 0x1000, count.clone()), count)
    }

    #[test]
    fn unmapped_once_when_the_last_clone_goes() {
        let (buffer, count) = buffer();
        let slice = buffer.slice(16..32);
        drop(buffer);
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        assert_eq!(slice.iova(), 0x1010);
        drop(slice);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn early_unmap_keeps_the_memory() {
        let (buffer, count) = buffer();
        buffer.write_at(0, b"kept");
        buffer.unmap();
        let mut out = [0; 4];
        buffer.read_at(0, &mut out);
        assert_eq!(&out, b"kept");
        drop(buffer);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    #[should_panic(expected = "access of 2 bytes at 4095")]
    fn access_past_the_end_panics() {
        buffer().0.write_at(4095, &[0, 0]);
    }

    #[test]
    #[should_panic(expected = "past the end of a slice")]
    fn access_past_the_end_of_a_slice_panics() {
        buffer().0.slice(0..8).write_at(8, &[0]);
    }
}
