//! The host driver of Dyad: a library that opens a card, submits to its queues, and brings up the link to the peer.
//!
//! # Theory of operation
//!
//! ```text
//!   program          Site ── LinkUp, Sync, Close (Tasks)          the peer's driver
//!      │              │        │ handshake, superblock, LUNs            ▲
//!      ▼              ▼        ▼                                        │ messages of 256 bytes
//!   Queue ◄──────── Device ── registers, counters, LUN table ── mailbox ┘
//!      │ QueuePair: rings, command ids, phase bits (sans-IO)
//!      ▼
//!   Backing ── vfio: a board          (BAR mapped, IOMMU, eventfds)
//!           ── vfio_user: a socket    (a simulator in another process)
//!           ── memory: a null card    (tests and benchmarks)
//!           ── the crate dyad-sim's:  Verilated cards in this thread
//! ```
//!
//! **Registers, entries, codes** come from `dyad-spec`; no offset is written down here. [`Device::open`] follows the card's
//! list of register blocks and refuses what it does not know by name.
//!
//! **Submitting** writes a descriptor of 64 bytes into a ring in DMA memory. [`Queue::ring`] tells the card about all that
//! was written since, by one register write: release fence, then doorbell. **Completing** reads the last dword of the next
//! entry with acquire order; when its phase bit has flipped, the entry is copied once and checked. Nothing that the card
//! writes is believed unchecked: a completion must name this queue and a command that is in flight, by its sequence number,
//! too. An entry of all ones is a device that is gone. Between submission and completion there is no allocation, lock,
//! system call or register read.
//!
//! **DMA memory** is never behind a Rust reference; see [`dma`]. A buffer stays mapped as long as a command uses it.
//!
//! **Waiting** goes through the backing, whose clock the deadlines are in: on a board it blocks in `ppoll` on an eventfd, in a
//! simulation it advances simulated time. Every wait has a deadline, and every error names what was tried, on which device,
//! and what to do next.
//!
//! **Two sites.** A [`Site`] is a card with its store's superblock. Link-up, sync and close take both sites' drivers, which
//! exchange messages through the cards' mailboxes; any of them may be lost or doubled. Each is a [`Task`] that is stepped:
//! [`run`] drives one side, [`run_both`] two in one thread. A LUN goes live only when its two stores are known equal: both new;
//! or closed cleanly by both ([`Site::close`]) in the same link generation; or left open in the same generation by a broken
//! link with neither card reset since; or copied in full and compared ([`Site::sync`]).
//!
//! What this crate must never hold: anything of a simulator's insides, an offset, an opcode, a wait without a deadline.
//!
//! # Example
//!
//! ```
//! use dyad_driver::{Device, QueueConfig, backing::memory::Memory, bar::LunFlags, LunEntry};
//! # fn main() -> dyad_driver::Result<()> {
//! // On a board: `Vfio::open("0000:01:00.0")?`; on a simulator: `VfioUser::connect(path, DEFAULT_TIMEOUT)?`.
//! let device = Device::open(Memory::with_store(1024))?;
//! # let flags = LunFlags::VALID | LunFlags::LIVE | LunFlags::LOCAL;
//! # let lun = LunEntry { flags, owner: 0, extent_shift: 0, generation: 1, blocks: 512, store_base: 16, extent_base: 0 };
//! # device.set_lun(1, Some(&lun))?;
//! let mut queue = device.create_queue(&QueueConfig::default())?;
//! queue.write(1, 42, &[7; 4096])?;
//! let mut block = [0; 4096];
//! queue.read(1, 42, &mut block)?;
//! assert_eq!(block, [7; 4096]);
//! # Ok(())
//! # }
//! ```

pub mod backing;
pub mod bar;
pub mod bind;
pub mod completion;
pub mod device;
pub mod dma;
pub mod error;
pub mod handshake;
pub mod io;
pub mod irq;
pub mod lun;
pub mod mailbox;
pub mod queue;
pub mod site;

pub use backing::{Backing, Deadline, Wake};
pub use completion::{CommandId, Completion, Stages};
pub use device::{Device, Info, LinkConfig, LunEntry, Mtu};
pub use dma::{DmaBuffer, DmaSlice};
pub use dyad_spec::Status;
pub use error::{Error, Result};
pub use handshake::{Agreement, Mode, Timing};
pub use io::{Extents, OwnerRange, Ownership, Queue, QueueConfig};
pub use lun::{Lun, NewLun};
pub use site::{Close, LinkUp, Site, SiteConfig, Step, Task, run, run_both};
