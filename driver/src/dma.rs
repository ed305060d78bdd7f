//! Memory that the card reads and writes.
//!
//! The card may write this memory at any time, so it is never behind a Rust reference: all access goes through raw
//! pointers, by copies and by volatile or atomic words. The memory is a memfd mapped shared, so that the same buffer
//! serves the kernel's VFIO (by pointer) and a vfio-user server (by file descriptor).
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

/// Unit of DMA mappings, in bytes.
pub const PAGE_BYTES: usize = 4096;

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
        Self::new(1 << 32..1 << 39)
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
    #[should_panic(expected = "access of 2 bytes at 4095")]
    fn access_past_the_end_panics() {
        buffer().0.write_at(4095, &[0, 0]);
    }

    #[test]
    #[should_panic(expected = "past the end of a slice")]
    fn access_past_the_end_of_a_slice_panics() {
        buffer().0.slice(0..8).write_at(8, &[0]);
    }

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

    #[test]
    fn no_memory_of_no_bytes() {
        assert!(SharedMemory::new(0).is_err());
        assert!(SharedMemory::new(usize::MAX).is_err());
    }
}
