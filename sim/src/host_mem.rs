//! Host memory as the card sees it through the IOMMU: what was mapped, and nothing else.

use crate::axi::Target;
use crate::card::Response;
use crate::memory::Memory;
use std::ops::Range;

/// An access of the card's to addresses that were not mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub cycle: u64,
    /// Whether it was a write.
    pub write: bool,
    /// Which bytes of the bus address space.
    pub iova: Range<u64>,
}

/// Why a mapping was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// It would overlap another one.
    #[error("IOVA {0:#x?} overlaps a mapping")]
    Overlap(Range<u64>),
    /// It is empty, or goes past the end of the address space.
    #[error("IOVA {iova:#x} with {len} bytes is no range")]
    Range {
        /// First address.
        iova: u64,
        /// Bytes.
        len: usize,
    },
}

#[derive(Clone, Debug)]
struct Mapping {
    iova: Range<u64>,
    memory: Memory,
}

/// The mappings of one host. Mapping and unmapping are allowed at any time and take effect with the next beat.
#[derive(Debug, Default)]
pub struct HostMemory {
    /// Sorted by address, not overlapping.
    mappings: Vec<Mapping>,
    /// Index of the mapping that was hit last.
    last: usize,
    violations: Vec<Violation>,
    violation_count: u64,
    /// The host has taken the bus from the card: nothing is reached.
    cut_off: bool,
}

impl HostMemory {
    /// Whether the card may use the bus at all, as bit 2 of a PCI command register says. At first it may.
    pub fn set_bus_master(&mut self, on: bool) {
        self.cut_off = !on;
    }

    /// Maps all of `memory` at `iova`.
    ///
    /// # Errors
    /// When it overlaps a mapping, is empty or does not fit.
    pub fn map(&mut self, iova: u64, memory: Memory) -> Result<(), MapError> {
        let len = memory.len();
        let end = iova.checked_add(len as u64).filter(|_| len > 0).ok_or(MapError::Range { iova, len })?;
        let at = self.mappings.partition_point(|mapping| mapping.iova.end <= iova);
        if self.mappings.get(at).is_some_and(|next| next.iova.start < end) {
            return Err(MapError::Overlap(iova..end));
        }
        self.mappings.insert(at, Mapping { iova: iova..end, memory });
        Ok(())
    }

    /// Unmaps whatever of `iova` and the `len` bytes from there is mapped; a mapping that reaches beyond keeps the rest.
    /// Returns how many bytes were unmapped.
    pub fn unmap(&mut self, iova: u64, len: u64) -> u64 {
        let cut = iova..iova.saturating_add(len);
        let mut removed = 0;
        let mut kept = Vec::with_capacity(self.mappings.len() + 1);
        for mapping in self.mappings.drain(..) {
            let Range { start, end } = mapping.iova;
            let overlap = start.max(cut.start)..end.min(cut.end);
            if overlap.is_empty() {
                kept.push(mapping);
                continue;
            }
            removed += overlap.end - overlap.start;
            for part in [start..overlap.start, overlap.end..end] {
                if !part.is_empty() {
                    let memory = mapping.memory.slice((part.start - start) as usize, (part.end - part.start) as usize);
                    kept.push(Mapping { iova: part, memory });
                }
            }
        }
        self.mappings = kept;
        removed
    }

    /// Unmaps everything.
    pub fn unmap_all(&mut self) {
        self.mappings.clear();
    }

    /// What the card tried to reach outside; the first thousand.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How often it tried, beats.
    pub fn violation_count(&self) -> u64 {
        self.violation_count
    }

    /// The mapping that holds all of `bytes`, and where in it they begin. An access never spans two mappings on the
    /// bus: beats are aligned and at most 128 bytes, mappings are pages.
    #[inline]
    fn find(&mut self, cycle: u64, write: bool, bytes: Range<u64>) -> Option<(&Memory, usize)> {
        // An access that wraps around the end of the address space is in no mapping.
        let possible = bytes.start < bytes.end && !self.cut_off;
        let holds = |mapping: &Mapping| mapping.iova.start <= bytes.start && bytes.end <= mapping.iova.end && possible;
        if !self.mappings.get(self.last).is_some_and(holds) {
            self.last = self.mappings.partition_point(|mapping| mapping.iova.end <= bytes.start);
            if !self.mappings.get(self.last).is_some_and(holds) {
                self.violate(Violation { cycle, write, iova: bytes });
                return None;
            }
        }
        let mapping = &self.mappings[self.last];
        Some((&mapping.memory, (bytes.start - mapping.iova.start) as usize))
    }

    #[cold]
    fn violate(&mut self, violation: Violation) {
        const KEPT: usize = 1000;
        self.violation_count += 1;
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        }
    }
}

impl Target for HostMemory {
    fn read(&mut self, cycle: u64, addr: u64, bytes: &mut [u8]) -> Response {
        match self.find(cycle, false, addr..addr.wrapping_add(bytes.len() as u64)) {
            Some((memory, offset)) => {
                memory.read(offset, bytes);
                Response::Okay
            }
            None => Response::DecErr,
        }
    }

    fn write(&mut self, cycle: u64, addr: u64, bytes: &[u8], strb: u128) -> Response {
        match self.find(cycle, true, addr..addr.wrapping_add(bytes.len() as u64)) {
            Some((memory, offset)) => {
                write_strobed(memory, offset, bytes, strb);
                Response::Okay
            }
            None => Response::DecErr,
        }
    }
}

/// Writes those of `bytes` whose bit in `strb` is set.
#[inline]
pub(crate) fn write_strobed(memory: &Memory, offset: usize, bytes: &[u8], strb: u128) {
    if strb == u128::MAX >> (128 - bytes.len()) {
        return memory.write(offset, bytes);
    }
    let mut rest = strb;
    while rest != 0 {
        let first = rest.trailing_zeros() as usize;
        let count = (!(rest >> first)).trailing_zeros() as usize;
        memory.write(offset + first, &bytes[first..first + count]);
        // A run that reaches bit 127 leaves nothing.
        rest = rest.checked_shr((first + count) as u32).map_or(0, |high| high << (first + count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(fill: u8) -> Memory {
        let memory = Memory::anonymous(4096).unwrap();
        memory.write(0, &[fill; 4096]);
        memory
    }

    #[test]
    fn only_what_is_mapped_is_reached() {
        let mut host = HostMemory::default();
        host.map(0x2000, page(2)).unwrap();
        host.map(0x1000, page(1)).unwrap();
        let mut read = [0; 8];
        assert_eq!(host.read(0, 0x1ff8, &mut read), Response::Okay);
        assert_eq!(read, [1; 8]);
        assert_eq!(host.read(0, 0x2000, &mut read), Response::Okay);
        assert_eq!(read, [2; 8]);
        assert_eq!(host.violation_count(), 0);
        assert_eq!(host.read(7, 0x3000, &mut read), Response::DecErr);
        assert_eq!(host.write(8, 0xff8, &[0; 8], 0xff), Response::DecErr);
        assert_eq!(host.read(9, u64::MAX - 3, &mut read), Response::DecErr);
        host.map(u64::MAX - 4096, page(1)).unwrap();
        assert_eq!(host.read(9, u64::MAX - 3, &mut read), Response::DecErr);
        assert_eq!(host.violation_count(), 4);
        assert_eq!(host.violations()[0], Violation { cycle: 7, write: false, iova: 0x3000..0x3008 });
        assert_eq!(host.violations()[1], Violation { cycle: 8, write: true, iova: 0xff8..0x1000 });
    }

    #[test]
    fn without_the_bus_nothing_is_reached() {
        let mut host = HostMemory::default();
        host.map(0x1000, page(1)).unwrap();
        let mut read = [0; 8];
        host.set_bus_master(false);
        assert_eq!(host.read(0, 0x1000, &mut read), Response::DecErr);
        host.set_bus_master(true);
        assert_eq!(host.read(0, 0x1000, &mut read), Response::Okay);
        assert_eq!((read, host.violation_count()), ([1; 8], 1));
    }

    #[test]
    fn unmapping_takes_a_range_out_of_the_middle() {
        let mut host = HostMemory::default();
        let memory = Memory::anonymous(0x3000).unwrap();
        memory.write(0x2000, b"tail");
        host.map(0x10000, memory).unwrap();
        assert_eq!(host.unmap(0x11000, 0x1000), 0x1000);
        assert_eq!(host.unmap(0x11000, 0x1000), 0);
        let mut read = [0; 4];
        assert_eq!(host.read(0, 0x10ffc, &mut read), Response::Okay);
        assert_eq!(host.read(0, 0x11000, &mut read), Response::DecErr);
        assert_eq!(host.read(0, 0x12000, &mut read), Response::Okay);
        assert_eq!(&read, b"tail");
        host.map(0x11000, page(9)).unwrap();
        assert_eq!(host.map(0x11fff, page(0)), Err(MapError::Overlap(0x11fff..0x12fff)));
        assert_eq!(host.map(u64::MAX, page(0)), Err(MapError::Range { iova: u64::MAX, len: 4096 }));
        host.unmap_all();
        assert_eq!(host.read(0, 0x10000, &mut read), Response::DecErr);
    }

    #[test]
    fn strobes_choose_bytes() {
        let memory = Memory::anonymous(256).unwrap();
        let bytes = [0xff; 128];
        for strb in [0u128, 1, 0b1011_0010, 1 << 127, u128::MAX, u128::MAX << 64, 0xf0f0 << 100] {
            memory.zero(0, 256);
            write_strobed(&memory, 3, &bytes, strb);
            let mut read = [0; 128];
            memory.read(3, &mut read);
            for (index, byte) in read.iter().enumerate() {
                assert_eq!(*byte == 0xff, strb >> index & 1 == 1, "{strb:#x} byte {index}");
            }
        }
    }
}
