//! A card in this process's memory, for tests of the driver, its benchmarks and its examples.
//!
//! It answers each submission within the doorbell write: what the driver pays for submitting and completing can be
//! measured with nothing else in the way, and its entries and phase bits are really read and written. With a store it
//! keeps data; two of them can be joined, so that link-up, sync and close can be tried. It is no model of the card:
//! nothing takes time, nothing is lost, ownership is never asked. For that there is the simulator.
//!
//! Its clock stands still but in [`Backing::wait`], which moves it to the deadline when no interrupt is latched.

mod card;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use dyad_spec::BLOCK_BYTES;
use dyad_spec::regs::{self, Register};

use crate::backing::{Backing, Deadline, Wake};
use crate::bar::MappedBar;
use crate::dma::{DmaBuffer, IovaSpace, SharedMemory, Unmap};
use crate::error::{Error, Result};
use card::{Card, Joint};

/// Clock of the card, in kHz.
const CLOCK_KHZ: u64 = 156_250;

/// Accesses that the driver made, since the card was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Accesses {
    /// Register reads.
    pub reads: u64,
    /// Register writes, doorbells included.
    pub writes: u64,
    /// Waits.
    pub waits: u64,
}

/// What the card can reach, by IOVA.
#[derive(Default)]
struct Maps {
    space: IovaSpace,
    memory: BTreeMap<u64, Arc<SharedMemory>>,
}

struct Table(Mutex<Maps>);

impl Table {
    fn lock(&self) -> std::sync::MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory at `iova`, and the offset in it, if `len_bytes` bytes are mapped there.
    fn resolve(&self, iova: u64, len_bytes: usize) -> Option<(Arc<SharedMemory>, usize)> {
        let maps = self.lock();
        let (start, memory) = maps.memory.range(..=iova).next_back()?;
        let offset = usize::try_from(iova - start).ok()?;
        (offset.checked_add(len_bytes)? <= memory.len()).then(|| (memory.clone(), offset))
    }
}

impl Unmap for Table {
    fn unmap(&self, iova: u64, _len_bytes: usize) {
        let mut maps = self.lock();
        maps.memory.remove(&iova);
        maps.space.release(iova);
    }
}

/// A card in memory. Put it into an [`Rc`] to keep a handle beside the [`Device`](crate::Device).
///
/// ```
/// use std::rc::Rc;
/// use dyad_driver::{Device, backing::memory::Memory};
/// # fn main() -> dyad_driver::Result<()> {
/// let card = Rc::new(Memory::null());
/// let device = Device::open(card.clone())?;
/// assert_eq!(device.info().data_width_bits, 64);
/// card.vanish();
/// assert!(matches!(device.status(), Err(dyad_driver::Error::DeviceGone { .. })));
/// # Ok(())
/// # }
/// ```
pub struct Memory {
    name: String,
    bar: MappedBar,
    maps: Arc<Table>,
    card: Card,
    clock: Rc<Cell<u64>>,
    gone: Cell<bool>,
    accesses: Cell<Accesses>,
}

impl Memory {
    /// A card that answers Ok to everything and moves no data.
    pub fn null() -> Self {
        Self::new("memory", 0, None, Rc::default())
    }

    /// A card with a store of `blocks` blocks, and no peer.
    pub fn with_store(blocks: usize) -> Self {
        let joint = Rc::new(RefCell::new(Joint::new([blocks, 0])));
        Self::new("memory", 0, Some(joint), Rc::default())
    }

    /// Two joined cards, each with a store of `blocks` blocks: site 0 and site 1.
    pub fn pair(blocks: usize) -> (Self, Self) {
        let joint = Rc::new(RefCell::new(Joint::new([blocks; 2])));
        let clock: Rc<Cell<u64>> = Rc::default();
        let a = Self::new("memory a", 0, Some(joint.clone()), clock.clone());
        (a, Self::new("memory b", 1, Some(joint), clock))
    }

    fn new(name: &str, site: usize, joint: Option<Rc<RefCell<Joint>>>, clock: Rc<Cell<u64>>) -> Self {
        let memory = Arc::new(SharedMemory::new(regs::BAR_BYTES).expect("64 KiB of memory"));
        let bar = card::bar(memory.clone());
        let card = Card::new(site, memory, joint);
        let this = Self {
            name: name.to_owned(),
            bar,
            maps: Arc::new(Table(Mutex::default())),
            card,
            clock,
            gone: Cell::new(false),
            accesses: Cell::default(),
        };
        this.card.reset(&this.bar);
        this
    }

    /// Accesses so far.
    pub fn accesses(&self) -> Accesses {
        self.accesses.get()
    }

    /// Makes the card answer all-ones from now on, as when it is pulled out or its simulator dies.
    pub fn vanish(&self) {
        self.gone.set(true);
    }

    /// Loses about one in `n` messages that the two drivers of joined cards send each other, always the same ones; 0: none.
    pub fn lose_messages(&self, n: u32) {
        self.card.with_joint(|joint| joint.lose_one_in = n);
    }

    /// Copies block `block` of this card's store into `out`: the store itself, past all that the card does.
    ///
    /// # Panics
    /// When the card has no such block.
    pub fn store_block(&self, block: usize, out: &mut [u8; BLOCK_BYTES]) {
        self.card.with_store(|store| out.copy_from_slice(&store[block * BLOCK_BYTES..][..BLOCK_BYTES]));
    }

    /// Overwrites block `block` of this card's store.
    ///
    /// # Panics
    /// When the card has no such block.
    pub fn set_store_block(&self, block: usize, data: &[u8; BLOCK_BYTES]) {
        self.card.with_store(|store| store[block * BLOCK_BYTES..][..BLOCK_BYTES].copy_from_slice(data));
    }

    /// Lets the card reach `memory` at `iova`, as [`Backing::dma_alloc`] does for memory of its own: for a server that offers
    /// this card to others.
    pub fn map(&self, iova: u64, memory: Arc<SharedMemory>) {
        self.maps.lock().memory.insert(iova, memory);
    }

    /// Undoes [`map`](Self::map).
    pub fn unmap(&self, iova: u64) {
        self.maps.lock().memory.remove(&iova);
    }

    /// Takes the interrupt that is latched for `vector`, if one is.
    pub fn take_interrupt(&self, vector: u16) -> bool {
        self.card.take_interrupt(vector)
    }

    fn cycles(&self) -> u64 {
        self.clock.get() * CLOCK_KHZ / 1_000_000
    }

    fn count(&self, f: impl FnOnce(&mut Accesses)) {
        let mut accesses = self.accesses.get();
        f(&mut accesses);
        self.accesses.set(accesses);
    }
}

/// Index of `offset` in an array of registers.
fn index_in(register: &Register, offset: usize) -> Option<usize> {
    let distance = offset.checked_sub(register.offset)?;
    let index = distance / register.stride;
    (distance.is_multiple_of(register.stride) && index < register.count).then_some(index)
}

impl Backing for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn read32(&self, offset: usize) -> u32 {
        self.count(|a| a.reads += 1);
        if self.gone.get() {
            return u32::MAX;
        }
        if offset == regs::NOW_LO.offset {
            self.bar.write32(regs::NOW_HI.offset, (self.cycles() >> 32) as u32);
            return self.cycles() as u32;
        }
        self.card.before_read(&self.bar, offset);
        self.bar.read32(offset)
    }

    #[inline]
    fn write32(&self, offset: usize, value: u32) {
        self.count(|a| a.writes += 1);
        if self.gone.get() {
            return;
        }
        self.bar.write32(offset, value);
        if let Some(pair) = index_in(&regs::SQ_DOORBELL, offset) {
            self.card.submit(pair, value, &self.bar, &self.maps, self.cycles());
        } else if let Some(pair) = index_in(&regs::CQ_DOORBELL, offset) {
            self.card.take(pair, value, &self.bar, &self.maps, self.cycles());
        } else {
            self.card.after_write(&self.bar, &self.maps, offset, value);
        }
    }

    fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer> {
        let failed = |source| Error::Dma { device: self.name().into(), len: len_bytes, source };
        let memory = Arc::new(SharedMemory::new(len_bytes).map_err(failed)?);
        let mut maps = self.maps.lock();
        let iova = maps.space.allocate(memory.len()).ok_or_else(|| failed(std::io::ErrorKind::OutOfMemory.into()))?;
        maps.memory.insert(iova, memory.clone());
        drop(maps);
        Ok(DmaBuffer::new(memory, iova, self.maps.clone()))
    }

    fn vectors(&self) -> u16 {
        card::VECTORS
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake {
        self.count(|a| a.waits += 1);
        if self.gone.get() {
            return Wake::Gone;
        }
        if vector.is_some_and(|v| self.card.take_interrupt(v)) {
            return Wake::Interrupt;
        }
        self.clock.set(self.clock.get().max(until.0));
        Wake::Deadline
    }

    fn gone(&self) -> Option<String> {
        self.gone.get().then(|| "it was made to vanish".to_owned())
    }
}
