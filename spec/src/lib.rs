//! The contract between the card, its driver and its peer.
//!
//! Everything that two parties must agree on is written down here and nowhere else: the register map ([`regs`]), the
//! submission and completion entries ([`entry`]), the frame on the wire ([`wire`]), opcodes, status codes and
//! frame types ([`codes`]), the counters by name ([`counters`]), and the store's superblock ([`superblock`]). The card's
//! description in `hdl` takes bit positions from these tables when it is elaborated, the driver takes its accessors from
//! the same tables, and [`docs`] prints them as the manual's pages.
//!
//! The crate is `no_std` and depends on nothing but `bitflags`.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod codes;
pub mod counters;
pub mod docs;
pub mod entry;
mod field;
pub mod regs;
pub mod superblock;
pub mod wire;

pub use codes::{FrameType, Opcode, Status};
pub use field::{Field, Order};

/// Size of a block, the atomic unit of every guarantee, in bytes.
pub const BLOCK_BYTES: usize = 4096;
/// Size of a submission and of a completion entry, in bytes.
pub const ENTRY_BYTES: usize = 64;
/// Bits of a block's address, in a LUN and in a store: less than 2^40 blocks, 4 PiB.
pub const LBA_BITS: usize = 40;
/// Most blocks that one WRITE or READ may name.
pub const MAX_BLOCKS: u64 = 64;
/// Most logical block addresses that one LOOKUP may carry.
pub const MAX_LOOKUPS: u64 = 512;
/// Version of the register map and of the entries: major in the high half; a driver refuses another major, and a
/// minor that is older than its own.
pub const SPEC_VERSION: u32 = 0x0001_0002;
/// `MAGIC` register: "DYAD" read as a little-endian word.
pub const MAGIC: u32 = u32::from_le_bytes(*b"DYAD");
/// PCI vendor of the simulated card: 0x1234, which emulators use by custom for devices that nobody sells. A board
/// carries its FPGA vendor's identifier.
pub const PCI_VENDOR: u16 = 0x1234;
/// PCI device identifier of the simulated card.
pub const PCI_DEVICE: u16 = 0xd1ad;
