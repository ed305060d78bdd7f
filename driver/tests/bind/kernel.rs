//! A stand-in for the kernel: a tree of files as sysfs has them, and a thread that does what is written to them.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use dyad_spec::{MAGIC, SPEC_VERSION, regs};

/// The drivers that it has.
const DRIVERS: [&str; 3] = ["vfio-pci", "nvme", "pcieport"];

/// The stand-in. Its files go with it.
pub struct Kernel {
    root: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Kernel {
    /// One without devices.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("dyad-bind-{}-{number}", std::process::id()));
        let pci = root.join("sys/bus/pci");
        fs::create_dir_all(pci.join("devices")).unwrap();
        fs::create_dir_all(root.join("dev/vfio")).unwrap();
        fs::create_dir_all(root.join("proc")).unwrap();
        for driver in DRIVERS {
            fs::create_dir_all(pci.join("drivers").join(driver)).unwrap();
            for file in ["bind", "unbind"] {
                fs::write(pci.join("drivers").join(driver).join(file), "").unwrap();
            }
        }
        fs::write(pci.join("drivers_probe"), "").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (tree, stopped) = (root.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                react(&tree);
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        Self { root, stop, thread: Some(thread) }
    }

    /// Where `/` is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a device.
    pub fn device(&self, address: &str) -> PathBuf {
        self.root.join("sys/bus/pci/devices").join(address)
    }

    /// Adds a simulated card, in IOMMU group `group`, if any, with a version of the register map.
    pub fn add_card(&self, address: &str, group: Option<&str>, driver: Option<&str>) {
        self.add(address, (0x1234, 0xd1ad, 0x02_8000), group, driver);
        self.set_registers(address, MAGIC, SPEC_VERSION);
    }

    /// Adds any device, by vendor, device and class.
    pub fn add(&self, address: &str, (vendor, id, class): (u32, u32, u32), group: Option<&str>, driver: Option<&str>) {
        let device = self.device(address);
        fs::create_dir_all(&device).unwrap();
        for (file, number) in [("vendor", vendor), ("device", id), ("class", class)] {
            fs::write(device.join(file), format!("{number:#06x}\n")).unwrap();
        }
        fs::write(device.join("driver_override"), "(null)\n").unwrap();
        fs::write(device.join("enable"), "0\n").unwrap();
        if let Some(driver) = driver {
            attach(&device, driver);
        }
        if let Some(group) = group {
            let folder = self.root.join("sys/kernel/iommu_groups").join(group);
            fs::create_dir_all(folder.join("devices")).unwrap();
            symlink(&device, folder.join("devices").join(address)).unwrap();
            symlink(&folder, device.join("iommu_group")).unwrap();
            fs::write(self.root.join("dev/vfio").join(group), "").unwrap();
        }
    }

    /// What the registers MAGIC and VERSION of a device read.
    pub fn set_registers(&self, address: &str, magic: u32, version: u32) {
        let mut bar = vec![0; regs::BAR_BYTES];
        for (register, value) in [(regs::MAGIC, magic), (regs::VERSION, version)] {
            bar[register.offset..register.offset + 4].copy_from_slice(&value.to_le_bytes());
        }
        fs::write(self.device(address).join("resource0"), bar).unwrap();
    }

    /// What a device is bound to.
    pub fn driver(&self, address: &str) -> Option<String> {
        driver_of(&self.device(address))
    }

    /// The first line of a file of a device.
    pub fn value(&self, address: &str, file: &str) -> String {
        let text = fs::read_to_string(self.device(address).join(file)).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn driver_of(device: &Path) -> Option<String> {
    Some(fs::read_link(device.join("driver")).ok()?.file_name()?.to_string_lossy().into_owned())
}

fn attach(device: &Path, driver: &str) {
    let drivers = device.parent().and_then(Path::parent).unwrap().join("drivers");
    symlink(drivers.join(driver), device.join("driver")).unwrap();
}

/// Takes what was written to a file.
fn taken(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.strip_suffix('\n')?.trim().to_owned();
    File::create(file).ok()?;
    Some(line)
}

/// Looks at all files once; in the order in which a program can have written them.
fn react(root: &Path) {
    let pci = root.join("sys/bus/pci");
    for driver in DRIVERS {
        if let Some(address) = taken(&pci.join("drivers").join(driver).join("unbind")) {
            let _ = fs::remove_file(pci.join("devices").join(address).join("driver"));
        }
    }
    if let Some(address) = taken(&pci.join("drivers_probe")) {
        let device = pci.join("devices").join(address);
        let wanted = fs::read_to_string(device.join("driver_override")).unwrap_or_default();
        let wanted = wanted.lines().next().unwrap_or_default();
        if driver_of(&device).is_none() && DRIVERS.contains(&wanted) {
            attach(&device, wanted);
        }
    }
    for driver in DRIVERS {
        if let Some(address) = taken(&pci.join("drivers").join(driver).join("bind")) {
            attach(&pci.join("devices").join(address), driver);
        }
    }
}
