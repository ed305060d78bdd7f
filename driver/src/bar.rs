//! Registers: a mapped BAR for backings that have one, and access by the contract's names for everyone else.
#![allow(unsafe_code)]

use std::any::Any;
use std::ptr::NonNull;

use dyad_spec::Field;
use dyad_spec::regs::{self, Register};
use volatile_register::RW;

use crate::backing::Backing;

bitflags::bitflags! {
    /// The `STATUS` register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CardStatus: u32 {
        /// Nothing is under way but waits for time or for the peer.
        const IDLE = regs::STATUS_IDLE.put(1);
        /// The link is up.
        const LINK_UP = regs::STATUS_LINK_UP.put(1);
        /// The link is fenced: the peer did not answer.
        const FENCED = regs::STATUS_FENCED.put(1);
        /// The card is ready after reset.
        const READY = regs::STATUS_READY.put(1);
    }
}

bitflags::bitflags! {
    /// The `CONTROL` register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Control: u32 {
        /// Fetch submissions.
        const ENABLE = regs::CONTROL_ENABLE.put(1);
        /// Reset of all but the core block.
        const RESET = regs::CONTROL_RESET.put(1);
    }
}

bitflags::bitflags! {
    /// The single-bit fields of a `LUN_CONTROL` register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct LunFlags: u32 {
        /// The LUN exists.
        const VALID = regs::LUN_VALID.put(1);
        /// Reads and writes are served.
        const LIVE = regs::LUN_LIVE.put(1);
        /// Not mirrored.
        const LOCAL = regs::LUN_LOCAL.put(1);
        /// A store has failed to write a block: the card serves no reads or writes.
        const FENCED = regs::LUN_FENCED.put(1);
    }
}

/// A BAR in this process's address space.
///
/// Each access is one volatile load or store of 32 bits. On x86-64 that is all a doorbell needs: the mapping is
/// uncached, and stores to it stay behind the stores to memory that come before them.
pub struct MappedBar {
    cells: NonNull<RW<u32>>,
    len_bytes: usize,
    /// What keeps the mapping there; dropped last.
    _keep: Box<dyn Any + Send + Sync>,
}

// SAFETY: the pointer is to a mapping that `_keep` owns; every access is a volatile access of an aligned 32-bit word, and
// devices take those from any thread.
unsafe impl Send for MappedBar {}
// SAFETY: as above.
unsafe impl Sync for MappedBar {}

impl MappedBar {
    /// A BAR at `base`.
    ///
    /// # Safety
    /// `base` must be aligned to 4 bytes and point to `len_bytes` bytes that are mapped for reading and writing for as
    /// long as `keep` lives, and to which no Rust reference exists in that time.
    ///
    /// # Panics
    /// When `base` is null or misaligned, or `len_bytes` no multiple of 4.
    pub unsafe fn new(base: *mut u8, len_bytes: usize, keep: Box<dyn Any + Send + Sync>) -> Self {
        assert!(base.addr().is_multiple_of(4) && len_bytes.is_multiple_of(4), "a BAR is made of aligned words");
        let cells = NonNull::new(base.cast::<RW<u32>>()).expect("a BAR has an address");
        Self { cells, len_bytes, _keep: keep }
    }

    /// Bytes of the BAR.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    #[inline]
    fn cell(&self, offset: usize) -> &RW<u32> {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.len_bytes, "register offset outside the BAR");
        // SAFETY: the offset was checked to be inside and aligned, and `new`'s caller promised that the mapping is there.
        // `RW` is a volatile cell, so a shared reference to it promises nothing about the content.
        unsafe { self.cells.add(offset / 4).as_ref() }
    }

    /// Reads the register at `offset`.
    ///
    /// # Panics
    /// When `offset` is misaligned or outside.
    #[inline]
    pub fn read32(&self, offset: usize) -> u32 {
        self.cell(offset).read()
    }

    /// Writes the register at `offset`.
    ///
    /// # Panics
    /// When `offset` is misaligned or outside.
    #[inline]
    pub fn write32(&self, offset: usize, value: u32) {
        // SAFETY: a register write has effects on the device alone; what the device then does to memory is confined to
        // DMA memory, which is never behind a Rust reference.
        unsafe { self.cell(offset).write(value) }
    }
}

/// Register access by the names of the contract.
pub struct Registers<'a, B: Backing + ?Sized>(pub &'a B);

impl<B: Backing + ?Sized> Registers<'_, B> {
    /// Reads a register.
    pub fn get(&self, register: &Register) -> u32 {
        self.0.read32(register.offset)
    }

    /// Reads the `index`th of an array of registers.
    ///
    /// # Panics
    /// When there is no such one.
    pub fn get_at(&self, register: &Register, index: usize) -> u32 {
        self.0.read32(register.at(index))
    }

    /// Writes a register.
    pub fn set(&self, register: &Register, value: u32) {
        self.0.write32(register.offset, value);
    }

    /// Writes the `index`th of an array of registers.
    ///
    /// # Panics
    /// When there is no such one.
    pub fn set_at(&self, register: &Register, index: usize, value: u32) {
        self.0.write32(register.at(index), value);
    }

    /// Reads one field of a register.
    pub fn field(&self, register: &Register, field: &Field) -> u32 {
        field.of(self.get(register))
    }

    /// The `STATUS` register.
    pub fn status(&self) -> CardStatus {
        CardStatus::from_bits_retain(self.get(&regs::STATUS))
    }

    /// `now` in core clock periods.
    pub fn now_cycles(&self) -> u64 {
        let low = self.get(&regs::NOW_LO);
        u64::from(self.get(&regs::NOW_HI)) << 32 | u64::from(low)
    }
}
