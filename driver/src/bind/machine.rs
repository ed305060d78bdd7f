//! What the kernel shows of PCI devices and lets be changed: files below `/sys`, `/dev` and `/proc`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dyad_spec::{MAGIC, regs};
use memmap2::MmapOptions;

/// How long the kernel may take to bind a driver that it was told to bind.
const BIND_TIME: Duration = Duration::from_secs(5);

/// A write to a file of sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which file.
    pub file: PathBuf,
    /// What is written, without the end of the line.
    pub text: String,
}

impl std::fmt::Display for Change {
    /// As one would type it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let space = if self.text.is_empty() { "" } else { " " };
        write!(f, "echo{space}{} > {}", self.text, self.file.display())
    }
}

/// The machine whose devices are bound.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// One whose `/sys`, `/dev` and `/proc` are folders of `root`: for tests.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder of a PCI device.
    pub(super) fn device(&self, address: &str) -> PathBuf {
        self.root.join("sys/bus/pci/devices").join(address)
    }

    /// The folder of a PCI driver.
    pub(super) fn driver(&self, name: &str) -> PathBuf {
        self.root.join("sys/bus/pci/drivers").join(name)
    }

    /// Where an address is written for the kernel to look for its driver.
    pub(super) fn probe(&self) -> PathBuf {
        self.root.join("sys/bus/pci/drivers_probe")
    }

    /// The device file of an IOMMU group.
    pub(super) fn group_file(&self, group: &str) -> PathBuf {
        self.root.join("dev/vfio").join(group)
    }

    /// The driver that a device is bound to.
    pub(super) fn bound_to(&self, address: &str) -> Option<String> {
        link_end(&self.device(address).join("driver"))
    }

    /// The IOMMU group of a device.
    pub(super) fn group(&self, address: &str) -> Option<String> {
        link_end(&self.device(address).join("iommu_group"))
    }

    /// All devices of the IOMMU group of a device, itself included.
    pub(super) fn group_members(&self, address: &str) -> Vec<String> {
        let entries = fs::read_dir(self.device(address).join("iommu_group/devices")).into_iter().flatten().flatten();
        let mut members: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        members.sort();
        members
    }

    /// A number from a file of a device: `vendor`, `device` or `class`.
    pub(super) fn number(&self, address: &str, file: &str) -> Option<u32> {
        let text = fs::read_to_string(self.device(address).join(file)).ok()?;
        u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
    }

    /// What `driver_override` of a device holds; empty when it was never set.
    pub(super) fn override_of(&self, address: &str) -> String {
        let text = fs::read_to_string(self.device(address).join("driver_override")).unwrap_or_default();
        let text = text.trim();
        if text == "(null)" { String::new() } else { text.to_owned() }
    }

    /// Makes a change.
    pub(super) fn write(&self, change: &Change) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&change.file)?;
        // In one call, as the kernel takes each for a whole value.
        file.write_all(format!("{}\n", change.text).as_bytes())
    }

    /// Waits until what a device is bound to is as wanted. Returns whether it came to that.
    pub(super) fn comes_to(&self, address: &str, wanted: impl Fn(Option<&str>) -> bool) -> bool {
        let start = Instant::now();
        while !wanted(self.bound_to(address).as_deref()) {
            if start.elapsed() >= BIND_TIME {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// The registers MAGIC and VERSION of a device that no driver has, through the file by which sysfs shows its BAR 0.
    /// `None` when the kernel does not let them be seen.
    pub(super) fn identity(&self, address: &str) -> Option<Identity> {
        let file = OpenOptions::new().read(true).write(true).open(self.device(address).join("resource0")).ok()?;
        if file.metadata().ok()?.len() < regs::BAR_BYTES as u64 {
            return Some(Identity::NotDyad);
        }
        let (magic, version) = two_registers(&file)?;
        Some(if magic == MAGIC { Identity::Dyad { version } } else { Identity::NotDyad })
    }

    /// Processes that have `file` open, with their names.
    pub(super) fn users_of(&self, file: &Path) -> Vec<(u32, String)> {
        let Ok(wanted) = fs::metadata(file) else { return Vec::new() };
        let has_open = |process: &Path| {
            let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            let mut open = open.filter_map(|entry| fs::metadata(entry.path()).ok());
            open.any(|meta| (meta.dev(), meta.ino()) == (wanted.dev(), wanted.ino()))
        };
        let processes = fs::read_dir(self.root.join("proc")).into_iter().flatten().flatten();
        let with_number = processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
        let users = with_number.filter(|(_, process): &(u32, PathBuf)| has_open(process));
        let name = |process: &Path| fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned();
        let mut users: Vec<(u32, String)> = users.map(|(number, process)| (number, name(&process))).collect();
        users.sort();
        users
    }
}

/// What a device's registers say that it is.
pub(super) enum Identity {
    /// A Dyad card with this version of the register map.
    Dyad {
        /// Major in the high half.
        version: u32,
    },
    /// Something else.
    NotDyad,
}

/// MAGIC and VERSION, from a mapping of BAR 0.
#[allow(unsafe_code)]
fn two_registers(bar: &File) -> Option<(u32, u32)> {
    let map = MmapOptions::new().len(regs::BAR_BYTES).map_raw(bar).ok()?;
    let read = |offset: usize| {
        assert!(offset.is_multiple_of(4) && offset + 4 <= map.len(), "register offset outside the BAR");
        // SAFETY: the offset is aligned and inside the mapping, which lives until the end of this function; nothing makes
        // references of it. A device that does not answer gives all-ones.
        u32::from_le(unsafe { map.as_ptr().add(offset).cast::<u32>().read_volatile() })
    };
    Some((read(regs::MAGIC.offset), read(regs::VERSION.offset)))
}

/// The last part of what a link leads to.
fn link_end(link: &Path) -> Option<String> {
    Some(fs::read_link(link).ok()?.file_name()?.to_string_lossy().into_owned())
}
