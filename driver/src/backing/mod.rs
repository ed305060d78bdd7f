//! What the driver needs from a card, whatever it is reached by.
//!
//! [`Backing`] is the one trait between the driver and a card: registers, DMA memory, interrupts and time. It is
//! implemented by [`vfio::Vfio`] for a board in this machine (feature `vfio`), by [`vfio_user::VfioUser`] for a card
//! behind a socket, by [`memory::Memory`] for tests of the driver itself, and by the simulator crate for a card in the
//! same thread.
//!
//! # Writing a backing
//!
//! - **Registers.** 32-bit accesses at byte offsets of BAR 0, in program order, each complete (or posted, for writes)
//!   when the call returns. The driver never reads a register on its fast path; a doorbell is one `write32`, so that
//!   should be a plain store where the BAR is mapped. When the card is gone, reads give all-ones and writes do nothing:
//!   neither ever blocks without limit or panics.
//! - **DMA memory.** [`Backing::dma_alloc`] makes a [`SharedMemory`](crate::dma::SharedMemory), picks an IOVA (an
//!   [`IovaSpace`](crate::dma::IovaSpace) does that), makes the card able to reach it, and returns a
//!   [`DmaBuffer`] with an [`Unmap`](crate::dma::Unmap) that undoes it. The unmapping runs once, when the last clone of the buffer
//!   goes or [`DmaBuffer::unmap`] is called; after it the card must get a bus error at those
//!   addresses. The memory starts as zeroes.
//! - **Time.** All waiting goes through [`Backing::wait`], and [`Backing::now`] is the clock that its deadlines are in. A
//!   simulator whose time stands still while the driver computes therefore advances it in `wait`: to the interrupt, or to
//!   the deadline, whichever comes first; with `vector` `None`, to the deadline. Register accesses may take time as well,
//!   as much as the bus takes. Where several cards share one simulation, waiting on one of them moves them all.
//! - **Interrupts are latched.** `wait(Some(v), ..)` returns at once when vector `v` was raised since the last time that
//!   it was waited for, and forgets it then. The driver looks at its completion queue before each wait, so spurious
//!   wake-ups are harmless and lost ones are not.
//! - A backing need be neither `Send` nor `Sync`; [`Device`](crate::Device) and its queues then are not either. `Box`,
//!   `Rc` and `Arc` of a backing are backings.

pub mod memory;
#[cfg(feature = "vfio")]
pub mod vfio;
pub mod vfio_user;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::dma::DmaBuffer;
use crate::error::Result;

/// A point in time: nanoseconds of a backing's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub u64);

impl Deadline {
    /// The earlier of the two.
    #[must_use]
    pub fn or_earlier(self, other: Deadline) -> Deadline {
        self.min(other)
    }
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The vector was raised; perhaps spuriously.
    Interrupt,
    /// The deadline has come.
    Deadline,
    /// The card is gone and will not raise anything.
    Gone,
}

/// A card, as the driver sees it. The module's page says how to write one.
///
/// ```
/// use dyad_driver::{Backing, Device, Result, backing::memory::Memory};
/// use dyad_driver::backing::vfio_user::{DEFAULT_TIMEOUT, VfioUser};
///
/// /// A tool's choice at run time.
/// fn open(socket: Option<&std::path::Path>) -> Result<Device<Box<dyn Backing>>> {
///     Device::open(match socket {
///         Some(path) => Box::new(VfioUser::connect(path, DEFAULT_TIMEOUT)?),
///         None => Box::new(Memory::null()),
///     })
/// }
/// assert_eq!(open(None).unwrap().info().name, "memory");
/// ```
pub trait Backing {
    /// Which device this is, for messages: `0000:01:00.0`, or the path of a socket.
    fn name(&self) -> &str;

    /// Reads the 32-bit register at byte `offset` of BAR 0. All-ones when the card is gone.
    fn read32(&self, offset: usize) -> u32;

    /// Writes the 32-bit register at byte `offset` of BAR 0. Does nothing when the card is gone.
    fn write32(&self, offset: usize, value: u32);

    /// Memory of at least `len_bytes` bytes (rounded up to whole pages of 4096), zeroed, that the card reaches at the
    /// buffer's IOVA until the buffer's last clone is dropped.
    ///
    /// # Errors
    /// [`Error::Dma`](crate::Error::Dma) when memory or address space has run out, or the mapping was refused;
    /// [`Error::DeviceGone`](crate::Error::DeviceGone).
    fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer>;

    /// Interrupt vectors that can be waited for. With 0 the driver polls.
    fn vectors(&self) -> u16;

    /// The clock that deadlines are in, in nanoseconds; it never goes back.
    fn now(&self) -> u64;

    /// Waits until `vector` has been raised since the last wait for it, or until the deadline. With `None`, until the
    /// deadline. A vector at or above [`Backing::vectors`] is never raised.
    fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake;

    /// Why the card is gone, when it is and the backing knows.
    fn gone(&self) -> Option<String> {
        None
    }

    /// The deadline that is `duration` from now.
    fn after(&self, duration: Duration) -> Deadline {
        Deadline(self.now().saturating_add(duration.as_nanos().try_into().unwrap_or(u64::MAX)))
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        impl<B: Backing + ?Sized> Backing for $pointer<B> {
            fn name(&self) -> &str {
                (**self).name()
            }
            #[inline]
            fn read32(&self, offset: usize) -> u32 {
                (**self).read32(offset)
            }
            #[inline]
            fn write32(&self, offset: usize, value: u32) {
                (**self).write32(offset, value);
            }
            fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer> {
                (**self).dma_alloc(len_bytes)
            }
            fn vectors(&self) -> u16 {
                (**self).vectors()
            }
            fn now(&self) -> u64 {
                (**self).now()
            }
            fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake {
                (**self).wait(vector, until)
            }
            fn gone(&self) -> Option<String> {
                (**self).gone()
            }
        }
    )*};
}
forward!(Box, Rc, Arc);
