//! A card as its driver sees it through the socket.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use dyad_sim::site::VECTOR_COUNT;
use dyad_sim::{Memory, Site};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, ServerBackend};

use super::pci::{Asked, ConfigSpace, MSIX_BAR_BYTES};
use super::{BAR0_REGION, CONFIG_REGION, MSIX_IRQS, MSIX_REGION, Shared};

/// Files of which more than a piece is kept mapped for a driver.
const FILES_MAX: usize = 8;
/// Bytes of an entry of the MSI-X table.
const MSIX_ENTRY_BYTES: usize = 16;

/// A driver's file, mapped whole: a virtual machine gives its memory page by page, always of the same file.
struct MappedFile {
    device: u64,
    inode: u64,
    memory: Memory,
}

/// A card, offered to one driver after the other. It never answers with an error: a client would wait for ever.
pub struct Offered {
    shared: Arc<Shared>,
    site: Site,
    config: ConfigSpace,
    /// BAR 2. Nothing but what a driver keeps there: interrupts go to eventfds.
    msix_table: [u8; MSIX_BAR_BYTES],
    files: Vec<MappedFile>,
}

impl Offered {
    /// The card at `site`, whose datapath is `data_w` bits wide.
    pub fn new(shared: Arc<Shared>, site: Site, data_w: usize) -> Self {
        let config = ConfigSpace::new(site as u8, data_w, VECTOR_COUNT as u16);
        Self { shared, site, config, msix_table: msix_table(), files: Vec::new() }
    }

    /// After the driver has hung up: its memory is not its card's any more, it hears no interrupts, and the next one finds the
    /// configuration space as after power-up. The card itself stays as it is.
    pub fn forget_driver(&mut self) {
        self.shared.world().site_mut(self.site).host.unmap_all();
        self.shared.eventfds()[self.site as usize] = Default::default();
        self.files.clear();
        self.config.reset();
        self.msix_table = msix_table();
        self.set_bus_master();
    }

    /// A register of the card; all-ones where there is none.
    pub fn register(&self, offset: u64, data: &mut [u8]) {
        match (u16::try_from(offset), data.len()) {
            (Ok(offset), 4) if offset % 4 == 0 => {
                data.copy_from_slice(&self.shared.world().read32(self.site, offset).to_le_bytes());
            }
            _ => data.fill(0xff),
        }
    }

    /// The configuration space.
    pub fn read_config(&self, offset: u64, data: &mut [u8]) {
        self.config.read(offset, data);
    }

    fn set_bus_master(&self) {
        self.shared.world().site_mut(self.site).host.set_bus_master(self.config.bus_master());
    }

    /// The function-level reset. What the client has made of mappings and eventfds is the client's, and stays.
    fn reset_function(&mut self) {
        self.config.reset();
        self.msix_table = msix_table();
        let mut world = self.shared.world();
        world.site_mut(self.site).host.set_bus_master(false);
        let cycles = world.config().reset_cycles;
        world.reset(self.site, cycles);
    }

    /// `size` bytes of `file` from `offset` on. A piece of a file is taken out of a mapping of the whole.
    fn piece(&mut self, file: File, offset: u64, size: u64) -> Option<Memory> {
        let meta = file.metadata().ok()?;
        let end = offset.checked_add(size).filter(|end| size > 0 && *end <= meta.len())?;
        let (start, len) = (usize::try_from(offset).ok()?, usize::try_from(size).ok()?);
        let known = self.files.iter().find(|known| (known.device, known.inode) == (meta.dev(), meta.ino()));
        if let Some(known) = known.filter(|known| end <= known.memory.len() as u64) {
            return Some(known.memory.slice(start, len));
        }
        if size == meta.len() || self.files.len() == FILES_MAX {
            return Memory::from_file(file, offset, len).ok();
        }
        let memory = Memory::from_file(file, 0, usize::try_from(meta.len()).ok()?).ok()?;
        let piece = memory.slice(start, len);
        self.files.push(MappedFile { device: meta.dev(), inode: meta.ino(), memory });
        Some(piece)
    }
}

/// The table as after a reset: every vector is masked.
fn msix_table() -> [u8; MSIX_BAR_BYTES] {
    let mut table = [0; MSIX_BAR_BYTES];
    for entry in table.chunks_exact_mut(MSIX_ENTRY_BYTES).take(VECTOR_COUNT) {
        entry[12] = 1;
    }
    table
}

/// The part of `region` that an access names, where it is all inside.
fn part(region: &mut [u8], offset: u64, len: usize) -> Option<&mut [u8]> {
    let start = usize::try_from(offset).ok()?;
    region.get_mut(start..start.checked_add(len)?)
}

impl ServerBackend for Offered {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        match region {
            CONFIG_REGION => self.read_config(offset, data),
            BAR0_REGION if self.config.memory_enabled() => self.register(offset, data),
            MSIX_REGION if self.config.memory_enabled() => match part(&mut self.msix_table, offset, data.len()) {
                Some(bytes) => data.copy_from_slice(bytes),
                None => data.fill(0xff),
            },
            _ => data.fill(0xff),
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        match region {
            CONFIG_REGION => match self.config.write(offset, data) {
                Asked::Nothing => self.set_bus_master(),
                Asked::Reset => self.reset_function(),
            },
            BAR0_REGION if self.config.memory_enabled() => {
                if let (Ok(offset), Ok(word)) = (u16::try_from(offset), <[u8; 4]>::try_from(data))
                    && offset % 4 == 0
                {
                    self.shared.world().write32(self.site, offset, u32::from_le_bytes(word));
                }
            }
            MSIX_REGION if self.config.memory_enabled() => {
                let table = &mut self.msix_table[..VECTOR_COUNT * MSIX_ENTRY_BYTES];
                if let Some(bytes) = part(table, offset, data.len()) {
                    bytes.copy_from_slice(data);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn dma_map(&mut self, _: DmaMapFlags, offset: u64, address: u64, size: u64, fd: Option<File>) -> io::Result<()> {
        // Memory without a descriptor cannot be reached from here, nor what lies past its file's end: an access there
        // ends as one that is not mapped.
        let Some(file) = fd else { return Ok(()) };
        let mapped = self.piece(file, offset, size);
        match mapped.map(|memory| self.shared.world().site_mut(self.site).host.map(address, memory)) {
            Some(Ok(())) => {}
            Some(Err(error)) => eprintln!("dyad: site {}: memory was not mapped: {error}", self.site),
            None => {
                eprintln!("dyad: site {}: memory at {address:#x} was not mapped: no such part of the file", self.site)
            }
        }
        Ok(())
    }

    fn dma_unmap(&mut self, flags: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        let mut world = self.shared.world();
        let host = &mut world.site_mut(self.site).host;
        // "All" is a flag of the protocol that leaves address and size zero; its number differs between the protocol's text
        // and this library, and no other request is empty.
        if !flags.is_empty() && (address, size) == (0, 0) {
            host.unmap_all();
        } else {
            host.unmap(address, size);
        }
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.reset_function();
        Ok(())
    }

    fn set_irqs(&mut self, index: u32, _: u32, start: u32, count: u32, fds: Vec<File>) -> io::Result<()> {
        if index != MSIX_IRQS {
            return Ok(());
        }
        let eventfds = &mut self.shared.eventfds()[self.site as usize];
        if fds.is_empty() {
            let all = if count == 0 { VECTOR_COUNT } else { count as usize };
            eventfds.iter_mut().skip(start as usize).take(all).for_each(|eventfd| *eventfd = None);
        }
        for (eventfd, fd) in eventfds.iter_mut().skip(start as usize).zip(fds) {
            *eventfd = Some(fd);
        }
        Ok(())
    }
}
