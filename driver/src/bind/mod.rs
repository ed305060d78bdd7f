//! Giving a board to the kernel's VFIO, and taking it back.
//!
//! Both are a few writes to sysfs, as root. Each is told to the caller before it is made, and a sequence that fails is undone.
//! What could go wrong is looked for first: nothing is changed on a device that is no Dyad card, that another driver has, or
//! that shares its IOMMU group.
//!
//! The driver needs no huge pages: its memory is ordinary, mapped page by page.

mod machine;

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use dyad_spec::{PCI_DEVICE, PCI_VENDOR, SPEC_VERSION};

use crate::error::{Error, Result};
use machine::Identity;
pub use machine::{Change, Machine};

/// The kernel's driver that gives a device to programs.
const VFIO_PCI: &str = "vfio-pci";
/// AMD's vendor number, which boards carry with [`BOARD_CLASS`].
const BOARD_VENDOR: u32 = 0x10ee;
/// Class and subclass of a board: a network controller of no other kind.
const BOARD_CLASS: u32 = 0x0280;
/// Class and subclass of a bridge between PCI buses: it may be in a group with what is behind it.
const BRIDGE_CLASS: u32 = 0x0604;

/// How far to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Take the device away from another driver.
    pub force: bool,
    /// Only tell what would be written.
    pub dry_run: bool,
}

/// What is told while it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// This is written next, or would be.
    Write(&'a Change),
    /// Something failed; this is written to undo what was done.
    Undo(&'a Change),
    /// Undoing failed, too: the device is left as it is.
    UndoFailed(&'a Change, String),
    /// The card's version was read from its registers: major and minor.
    Version(u16, u16),
    /// The kernel does not show the card's registers before it is bound; its version is not known.
    VersionHidden,
}

/// A device that is bound to `vfio-pci`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Its whole address.
    pub address: String,
    /// Its IOMMU group.
    pub group: String,
    /// It was so before.
    pub already: bool,
    /// What is to be done before a program of this user can open it.
    pub todo: Option<String>,
}

/// A device that `vfio-pci` does not have any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbound {
    /// Its whole address.
    pub address: String,
    /// The driver that has it now.
    pub driver: Option<String>,
    /// It was so before.
    pub already: bool,
}

/// The whole form of a PCI address: `01:00.0` becomes `0000:01:00.0`.
///
/// # Errors
/// [`Error::Open`] when it is none.
pub fn full_address(address: &str) -> Result<String> {
    let full = if address.matches(':').count() == 1 { format!("0000:{address}") } else { address.to_owned() };
    let digits = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = full.split([':', '.']).collect();
    let valid = matches!(parts[..], [domain, bus, device, function]
        if digits(domain, 4) && digits(bus, 2) && digits(device, 2) && digits(function, 1));
    if valid && full.matches(':').count() == 2 {
        return Ok(full.to_ascii_lowercase());
    }
    let (device, problem) = (address.into(), "it is no PCI address".into());
    Err(Error::Open { device, problem, todo: "give one like 0000:01:00.0; `lspci -D` lists them" })
}

/// Binds the board at `address` to `vfio-pci`.
///
/// # Errors
/// [`Error::Bind`]: what is in the way, or what failed and was undone. [`Error::Version`], [`Error::NotDyad`]. [`Error::Open`]
/// for something that is no PCI address.
pub fn bind(machine: &Machine, address: &str, options: Options, show: &mut dyn FnMut(Event<'_>)) -> Result<Bound> {
    let address = full_address(address)?;
    let failed = |problem: String, todo: String| bind_error("binding", &address, problem, todo);
    must_be_board(machine, "binding", &address)?;
    let group = machine.group(&address).ok_or_else(|| {
        failed(
            "it is in no IOMMU group: the machine's IOMMU is off, and without one no program may drive it".into(),
            "switch it on: VT-d or AMD-Vi in the firmware, and intel_iommu=on on the kernel's command line".into(),
        )
    })?;
    let had = machine.bound_to(&address);
    if had.as_deref() == Some(VFIO_PCI) {
        let todo = todo_for(machine, &group);
        return Ok(Bound { address, group, already: true, todo });
    }
    if let Some(driver) = had.as_deref().filter(|_| !options.force) {
        let todo = "if nothing uses it there, say --force to take it away from that driver".into();
        return Err(failed(format!("it is bound to the driver {driver}"), todo));
    }
    let others = in_the_way(machine, &address);
    if !others.is_empty() {
        let problem = format!("its IOMMU group {group} is shared with {}", others.join(", "));
        return Err(failed(problem, "unbind those from their drivers, or put the board into another slot".into()));
    }
    if !machine.driver(VFIO_PCI).exists() {
        return Err(failed("the kernel's driver vfio-pci is not loaded".into(), "run `modprobe vfio-pci`".into()));
    }

    let device = machine.device(&address);
    let write = |file: &str, text: &str| Change { file: device.join(file), text: text.to_owned() };
    let mut script =
        Script { machine, show, dry_run: options.dry_run, operation: "binding", address: &address, undo: Vec::new() };
    if let Some(driver) = &had {
        let back = Change { file: machine.driver(driver).join("bind"), text: address.clone() };
        script.step(write("driver/unbind", &address), Some(back))?;
    }
    script.step(write("enable", "1"), Some(write("enable", "0")))?;
    if let Err(error) = script.identify() {
        return Err(script.give_up(error));
    }
    script.step(write("enable", "0"), None)?;
    script.undo.retain(|change| !change.file.ends_with("enable"));
    let before = machine.override_of(&address);
    script.step(write("driver_override", VFIO_PCI), Some(write("driver_override", &before)))?;
    script.step(Change { file: machine.probe(), text: address.clone() }, None)?;
    if !options.dry_run && !machine.comes_to(&address, |driver| driver == Some(VFIO_PCI)) {
        let error = failed("the kernel did not bind vfio-pci to it".into(), "see its log, `dmesg`".into());
        return Err(script.give_up(error));
    }
    let todo = if options.dry_run { None } else { todo_for(machine, &group) };
    Ok(Bound { address, group, already: false, todo })
}

/// Takes the board at `address` from `vfio-pci`, and lets the kernel look for another driver.
///
/// # Errors
/// [`Error::Bind`]: a program has it open, another driver has it, or what failed and was undone. [`Error::Open`] for something
/// that is no PCI address.
pub fn unbind(machine: &Machine, address: &str, options: Options, show: &mut dyn FnMut(Event<'_>)) -> Result<Unbound> {
    let address = full_address(address)?;
    let failed = |problem: String, todo: String| bind_error("unbinding", &address, problem, todo);
    must_be_there(machine, "unbinding", &address)?;
    match machine.bound_to(&address) {
        None => return Ok(Unbound { address, driver: None, already: true }),
        Some(driver) if driver != VFIO_PCI => {
            return Err(failed(
                format!("it is bound to the driver {driver}, not to vfio-pci"),
                "there is nothing to undo: leave it, or unbind it by that driver's own means".into(),
            ));
        }
        Some(_) => {}
    }
    // The kernel would wait for them, for ever.
    let users = machine.group(&address).map_or_else(Vec::new, |group| machine.users_of(&machine.group_file(&group)));
    if !users.is_empty() {
        let users: Vec<String> = users.iter().map(|(number, name)| format!("{name} (process {number})")).collect();
        return Err(failed(format!("it is in use by {}", users.join(", ")), "end that first".into()));
    }
    let device = machine.device(&address);
    let write = |file: &str, text: &str| Change { file: device.join(file), text: text.to_owned() };
    let mut script =
        Script { machine, show, dry_run: options.dry_run, operation: "unbinding", address: &address, undo: Vec::new() };
    let back = Change { file: machine.driver(VFIO_PCI).join("bind"), text: address.clone() };
    script.step(write("driver/unbind", &address), Some(back))?;
    script.step(write("driver_override", ""), Some(write("driver_override", VFIO_PCI)))?;
    script.step(Change { file: machine.probe(), text: address.clone() }, None)?;
    if !options.dry_run && !machine.comes_to(&address, |driver| driver != Some(VFIO_PCI)) {
        let error = failed("vfio-pci has not let it go".into(), "see the kernel's log, `dmesg`".into());
        return Err(script.give_up(error));
    }
    let driver = machine.bound_to(&address).filter(|_| !options.dry_run);
    Ok(Unbound { address, driver, already: false })
}

/// A sequence of changes that is undone when one fails.
struct Script<'a> {
    machine: &'a Machine,
    show: &'a mut dyn FnMut(Event<'_>),
    dry_run: bool,
    operation: &'static str,
    address: &'a str,
    /// In the order in which they were done.
    undo: Vec<Change>,
}

impl Script<'_> {
    /// Makes a change, and remembers what takes it back.
    fn step(&mut self, change: Change, undo: Option<Change>) -> Result<()> {
        (self.show)(Event::Write(&change));
        if self.dry_run {
            return Ok(());
        }
        match self.machine.write(&change) {
            Ok(()) => self.undo.extend(undo),
            Err(error) => {
                let todo = match error.kind() {
                    std::io::ErrorKind::PermissionDenied => "run it as root".to_owned(),
                    _ => "see the kernel's log, `dmesg`".to_owned(),
                };
                let problem = format!("`{change}`: {error}");
                return Err(self.give_up(bind_error(self.operation, self.address, problem, todo)));
            }
        }
        Ok(())
    }

    /// Undoes what was done, the last first; gives `error` back.
    fn give_up(&mut self, error: Error) -> Error {
        for change in std::mem::take(&mut self.undo).iter().rev() {
            (self.show)(Event::Undo(change));
            if let Err(error) = self.machine.write(change) {
                (self.show)(Event::UndoFailed(change, error.to_string()));
            }
        }
        error
    }

    /// Makes sure that it is a card of a version that this driver knows, as far as the kernel shows it.
    fn identify(&mut self) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        match self.machine.identity(self.address) {
            None => (self.show)(Event::VersionHidden),
            Some(Identity::NotDyad) => {
                let todo = "give the address of a Dyad card; `lspci -D` lists all devices".to_owned();
                let problem = "its registers are not those of a Dyad card".to_owned();
                return Err(bind_error(self.operation, self.address, problem, todo));
            }
            Some(Identity::Dyad { version }) if version >> 16 != SPEC_VERSION >> 16 || version < SPEC_VERSION => {
                return Err(Error::Version { device: self.address.into(), found: version });
            }
            Some(Identity::Dyad { version }) => (self.show)(Event::Version((version >> 16) as u16, version as u16)),
        }
        Ok(())
    }
}

fn bind_error(operation: &'static str, address: &str, problem: String, todo: String) -> Error {
    Error::Bind { operation, device: address.into(), problem: problem.into(), todo: todo.into() }
}

fn must_be_there(machine: &Machine, operation: &'static str, address: &str) -> Result<()> {
    if machine.device(address).exists() {
        return Ok(());
    }
    let todo = "check the address with `lspci -D`, and that the board has its bitstream; after loading one, \
                `echo 1 > /sys/bus/pci/rescan`";
    Err(bind_error(operation, address, "there is no such PCI device".into(), todo.into()))
}

/// By what the kernel knows of it without a driver.
fn must_be_board(machine: &Machine, operation: &'static str, address: &str) -> Result<()> {
    must_be_there(machine, operation, address)?;
    let number = |file| machine.number(address, file).unwrap_or(u32::MAX);
    let (vendor, device, class) = (number("vendor"), number("device"), number("class") >> 8);
    let simulated = (vendor, device) == (PCI_VENDOR.into(), PCI_DEVICE.into());
    if simulated || (vendor, class) == (BOARD_VENDOR, BOARD_CLASS) {
        return Ok(());
    }
    let problem = format!("it is {vendor:04x}:{device:04x} of class {class:04x}, which is no Dyad card");
    Err(bind_error(operation, address, problem, "give the address of one; `lspci -D -nn` lists all devices".into()))
}

/// The other devices of its IOMMU group that a driver has which would go on using them; with their drivers.
fn in_the_way(machine: &Machine, address: &str) -> Vec<String> {
    let mut others = machine.group_members(address);
    others.retain(|other| other != address);
    let drivers = others.into_iter().filter_map(|other| machine.bound_to(&other).map(|driver| (other, driver)));
    let harmless = |other: &str, driver: &str| {
        let bridge = machine.number(other, "class").is_some_and(|class| class >> 8 == BRIDGE_CLASS);
        bridge || driver == VFIO_PCI || driver == "pci-stub"
    };
    let mut left: Vec<(String, String)> = drivers.collect();
    left.retain(|(other, driver)| !harmless(other, driver));
    left.iter().map(|(other, driver)| format!("{other} (driver {driver})")).collect()
}

/// What keeps a program of this user from opening the group.
fn todo_for(machine: &Machine, group: &str) -> Option<String> {
    let file = machine.group_file(group);
    match fs::metadata(&file) {
        Err(error) => Some(format!("{}: {error}: see the kernel's log, `dmesg`", file.display())),
        Ok(meta) if meta.mode() & 0o006 == 0o006 => None,
        Ok(meta) => Some(format!(
            "only user {} may open {}: to drive the card as another, `chown USER {}`, and raise that user's limit of locked memory",
            meta.uid(),
            file.display(),
            file.display()
        )),
    }
}
