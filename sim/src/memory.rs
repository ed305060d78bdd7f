//! Memory that a driver and a card share. The only file of this crate with `unsafe` in it.
#![allow(unsafe_code)]

use std::any::Any;
use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// A piece of memory that others write to at any time: never handed out as a reference, only copied from and to.
///
/// Clones are the same memory. Copies of aligned 8-byte words are not torn, and go in ascending order.
#[derive(Clone)]
pub struct Memory {
    pointer: *mut u8,
    len: usize,
    file: Option<Arc<File>>,
    /// Keeps the memory alive.
    _owner: Arc<dyn Any + Send + Sync>,
}

// SAFETY: the pointer is only used for volatile copies within its bounds; `_owner` keeps it valid.
unsafe impl Send for Memory {}
// SAFETY: as above; concurrent copies may mix, which is what shared memory does.
unsafe impl Sync for Memory {}

impl Memory {
    /// `len` bytes of zeroes, in a memory file (memfd), so that another process can map them too. Pages take up room
    /// when they are first written.
    ///
    /// # Errors
    /// When the system has no memory file or no address space left.
    pub fn anonymous(len: usize) -> io::Result<Self> {
        Self::from_file(Self::anonymous_file(len as u64)?, 0, len)
    }

    /// A memory file of `len` bytes of zeroes.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn anonymous_file(len: u64) -> io::Result<File> {
        // SAFETY: the name is a C string, and the flag is a valid one.
        let descriptor = unsafe { libc::memfd_create(c"dyad".as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and ours alone.
        let file = unsafe { File::from_raw_fd(descriptor) };
        file.set_len(len)?;
        Ok(file)
    }

    /// `len` bytes of `file` from `offset` on, shared with all who map it.
    ///
    /// # Errors
    /// When the file cannot be mapped for reading and writing.
    pub fn from_file(file: File, offset: u64, len: usize) -> io::Result<Self> {
        let map = memmap2::MmapOptions::new().offset(offset).len(len.max(1)).map_raw(&file)?;
        let pointer = map.as_mut_ptr();
        Ok(Self { pointer, len, file: Some(Arc::new(file)), _owner: Arc::new(map) })
    }

    /// Memory that somebody else made, such as a driver's DMA buffer.
    ///
    /// # Safety
    /// `pointer` must be valid for reads and writes of `len` bytes for as long as `owner` lives, and no Rust reference
    /// to these bytes may exist meanwhile.
    pub unsafe fn from_raw(pointer: *mut u8, len: usize, owner: Arc<dyn Any + Send + Sync>) -> Self {
        Self { pointer, len, file: None, _owner: owner }
    }

    /// A driver's DMA memory.
    pub fn shared(memory: &Arc<dyad_driver::dma::SharedMemory>) -> Self {
        // SAFETY: the pointer and length are those of the mapping that the owner keeps, and `SharedMemory` never makes a
        // reference to its bytes.
        unsafe { Self::from_raw(memory.as_ptr(), memory.len(), memory.clone()) }
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the size is 0.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file behind it, if there is one.
    pub fn file(&self) -> Option<&File> {
        self.file.as_deref()
    }

    /// Where the memory begins, for those who make DMA buffers of it.
    pub fn as_ptr(&self) -> *mut u8 {
        self.pointer
    }

    /// A part of it.
    ///
    /// # Panics
    /// When the part is not inside.
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        self.check(offset, len);
        // SAFETY: just checked.
        Self { pointer: unsafe { self.pointer.add(offset) }, len, ..self.clone() }
    }

    /// Copies from `offset` on into `bytes`.
    ///
    /// # Panics
    /// When that goes past the end.
    #[inline]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        self.check(offset, bytes.len());
        fence(Ordering::Acquire);
        // SAFETY: `check` keeps every access inside the memory, and word accesses are aligned by construction.
        unsafe {
            let mut from = self.pointer.add(offset).cast_const();
            let (head, body) = bytes.split_at_mut(from.align_offset(8).min(bytes.len()));
            for byte in head {
                *byte = from.read_volatile();
                from = from.add(1);
            }
            let mut words = body.chunks_exact_mut(8);
            for word in &mut words {
                word.copy_from_slice(&from.cast::<u64>().read_volatile().to_ne_bytes());
                from = from.add(8);
            }
            for byte in words.into_remainder() {
                *byte = from.read_volatile();
                from = from.add(1);
            }
        }
    }

    /// Copies `bytes` to `offset` and on.
    ///
    /// # Panics
    /// When that goes past the end.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        fence(Ordering::Release);
        // SAFETY: as in `read`.
        unsafe {
            let mut to = self.pointer.add(offset);
            let (head, body) = bytes.split_at(to.align_offset(8).min(bytes.len()));
            for byte in head {
                to.write_volatile(*byte);
                to = to.add(1);
            }
            let words = body.chunks_exact(8);
            let tail = words.remainder();
            for word in words {
                to.cast::<u64>().write_volatile(u64::from_ne_bytes(word.try_into().unwrap_or_default()));
                to = to.add(8);
            }
            for byte in tail {
                to.write_volatile(*byte);
                to = to.add(1);
            }
        }
    }

    /// Sets `len` bytes from `offset` on to 0. Pages that were never written still take up no room.
    pub fn zero(&self, offset: usize, len: usize) {
        const ZEROES: [u8; 4096] = [0; 4096];
        let mut chunk = [0; 4096];
        for start in (offset..offset + len).step_by(ZEROES.len()) {
            let count = ZEROES.len().min(offset + len - start);
            self.read(start, &mut chunk[..count]);
            // A page that was never written stays without room of its own.
            if chunk[..count] != ZEROES[..count] {
                self.write(start, &ZEROES[..count]);
            }
        }
    }

    #[inline]
    fn check(&self, offset: usize, len: usize) {
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        assert!(inside, "{len} bytes at {offset} are not inside memory of {} bytes", self.len);
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_at_every_alignment() {
        let memory = Memory::anonymous(4096).unwrap();
        for offset in 0..17 {
            for len in 0..40 {
                memory.zero(0, 4096);
                let bytes: Vec<u8> = (1..=len as u8).collect();
                memory.write(offset, &bytes);
                let mut read = vec![0; len + 2];
                memory.read(offset, &mut read);
                assert_eq!(read[..len], bytes);
                assert_eq!(read[len..], [0, 0]);
            }
        }
    }

    #[test]
    fn clones_slices_and_mappings_of_the_file_are_the_same_memory() {
        let memory = Memory::anonymous(8192).unwrap();
        let file = memory.file().unwrap().try_clone().unwrap();
        let again = Memory::from_file(file, 4096, 4096).unwrap();
        memory.slice(4096, 100).write(8, b"here");
        let mut read = [0; 4];
        again.read(8, &mut read);
        assert_eq!(&read, b"here");
    }

    #[test]
    fn memory_of_others() {
        let owner = Arc::new(Memory::anonymous(64).unwrap());
        // SAFETY: the pointer and length are those of `owner`, which is kept.
        let borrowed = unsafe { Memory::from_raw(owner.as_ptr(), owner.len(), owner.clone()) };
        borrowed.write(1, &[7]);
        let mut read = [0; 2];
        owner.read(0, &mut read);
        assert_eq!(read, [0, 7]);
    }

    #[test]
    #[should_panic(expected = "not inside")]
    fn past_the_end_panics() {
        Memory::anonymous(64).unwrap().write(60, &[0; 5]);
    }
}
