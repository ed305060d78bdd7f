//! The driver's way to a simulated card in the same thread.
//!
//! A [`Bench`] is a world that two drivers share, one at each site. Time stands still while a driver computes and passes
//! only while one waits, or reads or writes a register: so a run is the same, to the cycle, each time.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dyad_driver::backing::{Backing, Deadline, Wake};
use dyad_driver::dma::{DmaBuffer, IovaSpace, SharedMemory, Unmap};
use dyad_driver::error::{Error, Result};

use crate::World;
use crate::card::Site;
use crate::memory::Memory;
use crate::site::VECTOR_COUNT;

/// IOVA ranges that a driver has given back and the world has not forgotten yet.
#[derive(Default)]
struct Returned(Mutex<Vec<(u64, usize)>>);

impl Unmap for Returned {
    fn unmap(&self, iova: u64, len_bytes: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((iova, len_bytes));
    }
}

struct Shared {
    world: RefCell<World>,
    returned: [Arc<Returned>; 2],
    iovas: [RefCell<IovaSpace>; 2],
}

impl Shared {
    /// The world, with everything unmapped that drivers have given back.
    fn world(&self) -> RefMut<'_, World> {
        let mut world = self.world.borrow_mut();
        for site in [Site::A, Site::B] {
            let returned = &self.returned[site as usize].0;
            for (iova, len) in returned.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                world.site_mut(site).host.unmap(iova, len as u64);
                self.iovas[site as usize].borrow_mut().release(iova);
            }
        }
        world
    }
}

/// A world with a card at each site, and a driver's way to each of them.
#[derive(Clone)]
pub struct Bench(Rc<Shared>);

impl Bench {
    /// A bench around `world`, which has two cards.
    pub fn new(world: World) -> Self {
        Self(Rc::new(Shared { world: RefCell::new(world), returned: Default::default(), iovas: Default::default() }))
    }

    /// The world, to look at.
    pub fn world(&self) -> Ref<'_, World> {
        self.0.world.borrow()
    }

    /// The world, to change. Give it back before a driver waits.
    pub fn world_mut(&self) -> RefMut<'_, World> {
        self.0.world()
    }

    /// The way to the card at `site`.
    pub fn backing(&self, site: Site) -> SimBacking {
        let name = format!("simulated card {site}");
        SimBacking { shared: Rc::clone(&self.0), site, name }
    }
}

/// A simulated card as the driver reaches it.
pub struct SimBacking {
    shared: Rc<Shared>,
    site: Site,
    name: String,
}

impl SimBacking {
    /// Nanoseconds of the card's clock at `cycle`.
    fn nanoseconds(world: &World, cycle: u64) -> u64 {
        (u128::from(cycle) * 1_000_000 / u128::from(world.config().clock_khz)) as u64
    }
}

impl Backing for SimBacking {
    fn name(&self) -> &str {
        &self.name
    }

    fn read32(&self, offset: usize) -> u32 {
        u16::try_from(offset).map_or(u32::MAX, |offset| self.shared.world().read32(self.site, offset))
    }

    fn write32(&self, offset: usize, value: u32) {
        if let Ok(offset) = u16::try_from(offset) {
            self.shared.world().write32(self.site, offset, value);
        }
    }

    fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer> {
        let failed = |source: std::io::Error| Error::Dma { device: self.name.as_str().into(), len: len_bytes, source };
        let memory = Arc::new(SharedMemory::new(len_bytes).map_err(failed)?);
        let mut world = self.shared.world();
        let iova = self.shared.iovas[self.site as usize]
            .borrow_mut()
            .allocate(memory.len())
            .ok_or_else(|| failed(std::io::Error::other("no address space is left")))?;
        let seen = Memory::shared(&memory);
        world.site_mut(self.site).host.map(iova, seen).map_err(|e| failed(std::io::Error::other(e)))?;
        let unmap: Arc<dyn Unmap> = self.shared.returned[self.site as usize].clone();
        Ok(DmaBuffer::new(memory, iova, unmap))
    }

    fn vectors(&self) -> u16 {
        VECTOR_COUNT as u16
    }

    fn now(&self) -> u64 {
        let world = self.shared.world();
        Self::nanoseconds(&world, world.cycle())
    }

    fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake {
        let mut world = self.shared.world();
        if world.site(self.site).is_dead() {
            return Wake::Gone;
        }
        let clock_khz = u128::from(world.config().clock_khz);
        let end = (u128::from(until.0) * clock_khz).div_ceil(1_000_000).min(u128::from(u64::MAX)) as u64;
        let left = end.saturating_sub(world.cycle());
        let site = self.site;
        let Some(vector) = vector.map(usize::from).filter(|v| *v < VECTOR_COUNT) else {
            world.run(left);
            return Wake::Deadline;
        };
        let raised = world.run_until("interrupt", left, |w| {
            let station = w.site(site);
            station.is_dead() || station.irqs.pending(vector) > 0
        });
        if world.site(site).is_dead() {
            return Wake::Gone;
        }
        // One wake-up stands for all pulses so far.
        while world.site_mut(site).irqs.take(vector).is_some() {}
        if raised.is_ok() { Wake::Interrupt } else { Wake::Deadline }
    }

    fn gone(&self) -> Option<String> {
        self.shared.world.borrow().site(self.site).is_dead().then(|| "the simulated card was killed".to_string())
    }

    fn after(&self, duration: Duration) -> Deadline {
        Deadline(self.now().saturating_add(duration.as_nanos().try_into().unwrap_or(u64::MAX)))
    }
}
