//! A board in this machine, by the kernel's VFIO: the BAR is mapped, so that a register access is one load or store.
//!
//! The card must be bound to `vfio-pci`, and the machine's IOMMU be on. Its IOMMU group's device file belongs to root unless
//! somebody changed that; nothing else here needs root.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dyad_spec::regs;
use memmap2::MmapOptions;
use vfio_ioctls::{VfioContainer, VfioDevice, VfioError};

use crate::backing::{Backing, Deadline, Wake};
use crate::bar::MappedBar;
use crate::bind::full_address;
use crate::dma::{DmaBuffer, IovaSpace, SharedMemory, Unmap};
use crate::error::{Error, Result};
use crate::irq::{Vectors, Woken, monotonic_ns};

// Numbers of Linux's VFIO interface (include/uapi/linux/vfio.h).
const BAR0_REGION: u32 = 0;
const CONFIG_REGION: u32 = 7;
const REGION_FLAGS_READ_WRITE_MMAP: u32 = 0b111;
const MSIX_IRQS: u32 = 2;
/// PCI command register in configuration space; memory space and bus master enable.
const PCI_COMMAND: u64 = 4;
const PCI_COMMAND_ENABLE: u16 = 0b110;

/// The kernel's I/O address space for this card, and what of it is in use.
struct AddressSpace {
    container: Arc<VfioContainer>,
    space: Mutex<IovaSpace>,
}

impl AddressSpace {
    fn space(&self) -> MutexGuard<'_, IovaSpace> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unmap for AddressSpace {
    fn unmap(&self, iova: u64, len_bytes: usize) {
        // Where the kernel refuses, the card may still reach the addresses: they are not used again. Its own hold on the
        // pages keeps them from anybody else.
        if self.container.vfio_dma_unmap(iova, len_bytes).is_ok() {
            self.space().release(iova);
        }
    }
}

/// A board, by its PCI address.
pub struct Vfio {
    // Dropped in this order: no access to the BAR after the device is closed.
    bar: MappedBar,
    device: VfioDevice,
    space: Arc<AddressSpace>,
    vectors: Vectors,
    name: String,
}

/// Where sysfs has a card, and its IOMMU group.
#[derive(Debug, PartialEq, Eq)]
struct Location {
    path: PathBuf,
    group: String,
}

fn open_error(device: &str, problem: String, todo: &'static str) -> Error {
    Error::Open { device: device.into(), problem: problem.into(), todo }
}

/// Finds a card in sysfs, and makes sure that it can be opened by VFIO.
fn locate(sysfs: &Path, address: &str) -> Result<Location> {
    let path = sysfs.join("bus/pci/devices").join(address);
    if !path.exists() {
        let todo = "check the address with `lspci -D`, and that the board has its bitstream";
        return Err(open_error(address, "there is no such PCI device".to_owned(), todo));
    }
    let target = |link: &str| {
        let target = std::fs::read_link(path.join(link)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    };
    let Some(group) = target("iommu_group") else {
        let todo = "switch the IOMMU on: VT-d or AMD-Vi in the firmware, and intel_iommu=on for the kernel";
        return Err(open_error(address, "it is in no IOMMU group".to_owned(), todo));
    };
    match target("driver").as_deref() {
        Some("vfio-pci") => Ok(Location { path, group }),
        bound => {
            let bound = bound.map_or("no driver".to_owned(), |driver| format!("the driver {driver}"));
            let problem = format!("it is bound to {bound}, not to vfio-pci (IOMMU group {group})");
            Err(open_error(address, problem, "bind it: as root, `dyad bind <address>`"))
        }
    }
}

/// What to do about an error of the kernel's VFIO.
fn vfio_error(address: &str, group: &str, error: &VfioError) -> Error {
    let todo = match error {
        VfioError::OpenContainer(_) => "load the module vfio-pci, and make /dev/vfio/vfio accessible",
        VfioError::OpenGroup(..) => {
            "make the group's file in /dev/vfio accessible to this user, and stop who has it open"
        }
        VfioError::GroupViable => "bind all devices of its IOMMU group to vfio-pci, or put the board into another slot",
        VfioError::ContainerSetIOMMU(_) | VfioError::VfioExtension => "load the module vfio_iommu_type1",
        _ => "see the kernel's log (`dmesg`)",
    };
    open_error(address, format!("{error} (IOMMU group {group})"), todo)
}

impl Vfio {
    /// Opens the board at PCI address `address` (`0000:01:00.0`, or `01:00.0`): resets it, maps its BAR 0, sets up its
    /// MSI-X vectors, and enables its bus mastering.
    ///
    /// # Errors
    /// [`Error::Open`] with the address, the IOMMU group, and what to do.
    pub fn open(address: &str) -> Result<Self> {
        let name = full_address(address)?;
        let Location { path, group } = locate(Path::new("/sys"), &name)?;
        let failed = |error: VfioError| vfio_error(&name, &group, &error);
        let container = Arc::new(VfioContainer::new(None).map_err(failed)?);
        let device = VfioDevice::new(&path, container.clone(), false).map_err(failed)?;
        device.reset();
        let bar = map_bar(&device, &name)?;
        let vectors = enable_vectors(&device).map_err(|e| match e {
            VectorError::Io(e) => open_error(&name, format!("its interrupts: {e}"), "raise the limit of open files"),
            VectorError::Vfio(e) => vfio_error(&name, &group, &e),
        })?;
        enable_bus_master(&device, &name)?;
        let space = Arc::new(AddressSpace { container, space: Mutex::default() });
        Ok(Self { bar, device, space, vectors, name })
    }

    /// Resets the device by its function-level reset: everything on the card is as after power-up. DMA mappings and interrupts
    /// stay, and bus mastering is enabled again.
    ///
    /// # Errors
    /// [`Error::Open`] when the card does not come back from it.
    pub fn reset(&self) -> Result<()> {
        self.device.reset();
        enable_bus_master(&self.device, &self.name)
    }
}

fn map_bar(device: &VfioDevice, name: &str) -> Result<MappedBar> {
    let (size, flags) = (device.get_region_size(BAR0_REGION), device.get_region_flags(BAR0_REGION));
    if size < regs::BAR_BYTES as u64 || flags & REGION_FLAGS_READ_WRITE_MMAP != REGION_FLAGS_READ_WRITE_MMAP {
        let problem = format!("its BAR 0 has {size} bytes and flags {flags:#x}");
        return Err(open_error(name, problem, "check that the board has Dyad's bitstream"));
    }
    let offset = device.get_region_offset(BAR0_REGION);
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(device);
    let map = MmapOptions::new()
        .offset(offset)
        .len(regs::BAR_BYTES)
        .map_raw(descriptor)
        .map_err(|e| open_error(name, format!("mapping its BAR 0: {e}"), "see the kernel's log (`dmesg`)"))?;
    // SAFETY: the mapping is page-aligned, as long as is said, and lives as long as the box; nothing makes references of it.
    // It stays valid after the device is closed: accesses then fault in the kernel's hands or read all-ones.
    Ok(unsafe { MappedBar::new(map.as_mut_ptr(), map.len(), Box::new(map)) })
}

enum VectorError {
    Io(std::io::Error),
    Vfio(VfioError),
}

fn enable_vectors(device: &VfioDevice) -> Result<Vectors, VectorError> {
    let count = device.get_irq_info(MSIX_IRQS).map_or(0, |irq| irq.count);
    let vectors = Vectors::new(count.min(regs::VECTORS_MAX as u32) as u16).map_err(VectorError::Io)?;
    if vectors.count() != 0 {
        device.enable_msix(vectors.eventfds().iter().collect()).map_err(VectorError::Vfio)?;
    }
    Ok(vectors)
}

/// Sets memory space and bus master enable. `region_write` does not say whether it worked, so it is read back.
fn enable_bus_master(device: &VfioDevice, name: &str) -> Result<()> {
    let command = || {
        let mut bytes = [0; 2];
        device.region_read(CONFIG_REGION, &mut bytes, PCI_COMMAND);
        u16::from_le_bytes(bytes)
    };
    let enabled = command() | PCI_COMMAND_ENABLE;
    device.region_write(CONFIG_REGION, &enabled.to_le_bytes(), PCI_COMMAND);
    let now = command();
    if now & PCI_COMMAND_ENABLE == PCI_COMMAND_ENABLE && now != u16::MAX {
        return Ok(());
    }
    let problem = format!("its bus mastering cannot be enabled (command register {now:#06x})");
    Err(open_error(name, problem, "see the kernel's log (`dmesg`), and power-cycle the board"))
}

impl Drop for Vfio {
    /// Ends the card's access to memory before the buffers go.
    fn drop(&mut self) {
        let mut command = [0; 2];
        self.device.region_read(CONFIG_REGION, &mut command, PCI_COMMAND);
        let disabled = u16::from_le_bytes(command) & !PCI_COMMAND_ENABLE;
        self.device.region_write(CONFIG_REGION, &disabled.to_le_bytes(), PCI_COMMAND);
    }
}

impl Backing for Vfio {
    fn name(&self) -> &str {
        &self.name
    }

    #[inline]
    fn read32(&self, offset: usize) -> u32 {
        u32::from_le(self.bar.read32(offset))
    }

    #[inline]
    fn write32(&self, offset: usize, value: u32) {
        self.bar.write32(offset, value.to_le());
    }

    fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer> {
        let failed = |source| Error::Dma { device: self.name().into(), len: len_bytes, source };
        let memory = Arc::new(SharedMemory::new(len_bytes).map_err(failed)?);
        let space = &self.space;
        let iova =
            space.space().allocate(memory.len()).ok_or_else(|| failed(std::io::ErrorKind::OutOfMemory.into()))?;
        // SAFETY: the memory is mapped until after `AddressSpace::unmap` for the same range, as the buffer made below owns
        // both; it is only ever accessed through raw pointers, volatile and atomic operations and copies.
        if let Err(error) = unsafe { space.container.vfio_dma_map(iova, memory.len(), memory.as_ptr()) } {
            space.space().release(iova);
            return Err(failed(std::io::Error::other(error)));
        }
        Ok(DmaBuffer::new(memory, iova, self.space.clone()))
    }

    fn vectors(&self) -> u16 {
        self.vectors.count()
    }

    fn now(&self) -> u64 {
        monotonic_ns()
    }

    fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake {
        match self.vectors.wait(vector, None, until.0) {
            Ok(Woken::Raised) => Wake::Interrupt,
            Ok(Woken::TimedOut) => Wake::Deadline,
            // The system cannot wait on our own eventfds: nothing that follows can be relied on.
            Ok(Woken::HungUp) | Err(_) => Wake::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A piece of sysfs with one device, with these links.
    struct Sysfs(PathBuf);

    impl Sysfs {
        fn new(test: &str, links: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("dyad-sysfs-{}-{test}", std::process::id()));
            let device = root.join("bus/pci/devices/0000:01:00.0");
            std::fs::create_dir_all(&device).unwrap();
            for (name, target) in links {
                symlink(target, device.join(name)).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Sysfs {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const ADDRESS: &str = "0000:01:00.0";

    #[test]
    fn addresses_are_completed_and_checked() {
        assert_eq!(full_address("01:00.0").unwrap(), ADDRESS);
        assert_eq!(full_address("0000:AF:1f.7").unwrap(), "0000:af:1f.7");
        for wrong in ["", "01.00.0", "0000:01:00", "01:00.0.0", "../../etc", "0000:01:00.g", "0:1:0.0", "00:00:01:00.0"]
        {
            let error = full_address(wrong).unwrap_err().to_string();
            assert!(error.contains("no PCI address") && error.contains("lspci"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let sysfs = Sysfs::new("absent", &[]);
        let error = locate(&sysfs.0, "0000:02:00.0").unwrap_err().to_string();
        assert!(error.contains("0000:02:00.0") && error.contains("no such PCI device"), "{error}");
    }

    #[test]
    fn what_is_missing_is_said() {
        let sysfs = Sysfs::new("bare", &[]);
        let error = locate(&sysfs.0, ADDRESS).unwrap_err().to_string();
        assert!(error.contains("no IOMMU group") && error.contains("intel_iommu=on"), "{error}");

        let group = ("iommu_group", "../../../kernel/iommu_groups/14");
        let sysfs = Sysfs::new("unbound", &[group]);
        let error = locate(&sysfs.0, ADDRESS).unwrap_err().to_string();
        assert!(error.contains("bound to no driver") && error.contains("group 14"), "{error}");

        let sysfs = Sysfs::new("nvme", &[group, ("driver", "../../../bus/pci/drivers/nvme")]);
        let error = locate(&sysfs.0, ADDRESS).unwrap_err().to_string();
        assert!(error.contains("the driver nvme") && error.contains("dyad bind"), "{error}");
    }

    #[test]
    fn a_device_that_is_bound_is_found() {
        let links = [("iommu_group", "../x/7"), ("driver", "../y/vfio-pci")];
        let sysfs = Sysfs::new("bound", &links);
        let found = locate(&sysfs.0, ADDRESS).unwrap();
        assert_eq!(found.group, "7");
        assert!(found.path.ends_with(ADDRESS));
    }
}
