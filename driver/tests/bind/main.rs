//! Binding to `vfio-pci` and back, against a tree of files that reacts as sysfs does.

mod kernel;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use dyad_driver::bind::{Bound, Event, Machine, Options, Unbound, bind, unbind};
use dyad_driver::{Error, Result};
use dyad_spec::{MAGIC, SPEC_VERSION};
use kernel::Kernel;

const CARD: &str = "0000:01:00.0";
const OTHER: &str = "0000:01:00.1";

/// What was told, a line each.
fn told(event: Event<'_>) -> String {
    match event {
        Event::Write(change) => change.to_string(),
        Event::Undo(change) => format!("undo {change}"),
        Event::UndoFailed(change, error) => format!("not undone {change}: {error}"),
        Event::Version(major, minor) => format!("version {major}.{minor}"),
        Event::VersionHidden => "version hidden".to_owned(),
    }
}

struct Told<T> {
    result: Result<T>,
    lines: Vec<String>,
}

fn try_bind(kernel: &Kernel, options: Options) -> Told<Bound> {
    let mut lines = Vec::new();
    let result = bind(&Machine::at(kernel.root()), "01:00.0", options, &mut |event| lines.push(told(event)));
    Told { result, lines: short(kernel, lines) }
}

fn try_unbind(kernel: &Kernel, options: Options) -> Told<Unbound> {
    let mut lines = Vec::new();
    let result = unbind(&Machine::at(kernel.root()), CARD, options, &mut |event| lines.push(told(event)));
    Told { result, lines: short(kernel, lines) }
}

/// Lines without the part of their paths that is the same in all.
fn short(kernel: &Kernel, lines: Vec<String>) -> Vec<String> {
    let root = format!("{}/sys/bus/pci/", kernel.root().display());
    lines.into_iter().map(|line| line.replace(&root, "")).collect()
}

/// An error's text, which names the device.
fn text<T: std::fmt::Debug>(told: &Told<T>) -> String {
    let text = told.result.as_ref().unwrap_err().to_string();
    assert!(text.contains(CARD), "{text}");
    text
}

const FORCE: Options = Options { force: true, dry_run: false };
const DRY_RUN: Options = Options { force: false, dry_run: true };

#[test]
fn a_card_without_a_driver_is_bound_and_unbound() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("14"), None);
    let bound = try_bind(&kernel, Options::default());
    let writes = [
        "echo 1 > devices/0000:01:00.0/enable",
        "version 1.2",
        "echo 0 > devices/0000:01:00.0/enable",
        "echo vfio-pci > devices/0000:01:00.0/driver_override",
        "echo 0000:01:00.0 > drivers_probe",
    ];
    assert_eq!(bound.lines, writes);
    let result = bound.result.unwrap();
    assert_eq!((result.address.as_str(), result.group.as_str(), result.already), (CARD, "14", false));
    assert!(result.todo.unwrap().contains("/dev/vfio/14"), "the group's file is root's alone");
    assert_eq!(kernel.driver(CARD).as_deref(), Some("vfio-pci"));

    let again = try_bind(&kernel, Options::default());
    assert!(again.result.unwrap().already && again.lines.is_empty());

    let unbound = try_unbind(&kernel, Options::default());
    let writes = [
        "echo 0000:01:00.0 > devices/0000:01:00.0/driver/unbind",
        "echo > devices/0000:01:00.0/driver_override",
        "echo 0000:01:00.0 > drivers_probe",
    ];
    assert_eq!(unbound.lines, writes);
    assert_eq!(unbound.result.unwrap(), Unbound { address: CARD.to_owned(), driver: None, already: false });
    assert_eq!((kernel.driver(CARD), kernel.value(CARD, "driver_override")), (None, String::new()));
    assert!(try_unbind(&kernel, Options::default()).result.unwrap().already);
}

#[test]
fn a_dry_run_tells_the_same_writes_and_makes_none() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("14"), None);
    let dry = try_bind(&kernel, DRY_RUN);
    dry.result.unwrap();
    assert_eq!((kernel.driver(CARD), kernel.value(CARD, "driver_override")), (None, "(null)".to_owned()));
    let mut lines = try_bind(&kernel, Options::default()).lines;
    lines.retain(|line| !line.starts_with("version"));
    assert_eq!(dry.lines, lines);
    let dry = try_unbind(&kernel, DRY_RUN);
    assert_eq!(dry.lines, try_unbind(&kernel, Options::default()).lines);
}

#[test]
fn another_driver_is_named_and_gives_way_to_force() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("14"), Some("nvme"));
    let told = try_bind(&kernel, Options::default());
    assert!(text(&told).contains("the driver nvme") && text(&told).contains("--force"), "{}", text(&told));
    assert!(told.lines.is_empty() && kernel.driver(CARD).as_deref() == Some("nvme"));
    assert!(text(&try_unbind(&kernel, Options::default())).contains("the driver nvme, not to vfio-pci"));

    let told = try_bind(&kernel, FORCE);
    told.result.unwrap();
    assert_eq!(told.lines[0], "echo 0000:01:00.0 > devices/0000:01:00.0/driver/unbind");
    assert_eq!(kernel.driver(CARD).as_deref(), Some("vfio-pci"));
}

#[test]
fn what_fails_is_undone_in_reverse() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("14"), Some("nvme"));
    fs::remove_file(kernel.root().join("sys/bus/pci/drivers_probe")).unwrap();
    let told = try_bind(&kernel, FORCE);
    assert!(text(&told).contains("drivers_probe"), "{}", text(&told));
    let undone: Vec<&str> = told.lines.iter().filter_map(|line| line.strip_prefix("undo ")).collect();
    assert_eq!(undone, ["echo > devices/0000:01:00.0/driver_override", "echo 0000:01:00.0 > drivers/nvme/bind"]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while kernel.driver(CARD).as_deref() != Some("nvme") {
        assert!(Instant::now() < deadline, "the old driver does not have it back");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(kernel.value(CARD, "driver_override"), "");
}

#[test]
fn an_unknown_version_and_another_design_are_refused_before_vfio_has_them() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("14"), None);
    for (magic, version, why) in
        [(MAGIC, SPEC_VERSION + 0x1_0000, "version 2.2"), (0x0bad_f00d, SPEC_VERSION, "not those of a Dyad card")]
    {
        kernel.set_registers(CARD, magic, version);
        let told = try_bind(&kernel, Options::default());
        assert!(text(&told).contains(why), "{}", text(&told));
        assert_eq!(told.lines.last().unwrap(), "undo echo 0 > devices/0000:01:00.0/enable");
        assert_eq!(kernel.value(CARD, "driver_override"), "(null)");
    }
    fs::remove_file(kernel.device(CARD).join("resource0")).unwrap();
    let told = try_bind(&kernel, Options::default());
    assert!(told.result.is_ok() && told.lines.contains(&"version hidden".to_owned()));
}

#[test]
fn what_is_missing_is_said() {
    let kernel = Kernel::new();
    assert!(text(&try_bind(&kernel, Options::default())).contains("no such PCI device"));
    assert!(text(&try_unbind(&kernel, Options::default())).contains("no such PCI device"));
    kernel.add_card(CARD, None, None);
    let no_group = text(&try_bind(&kernel, Options::default()));
    assert!(no_group.contains("no IOMMU group") && no_group.contains("intel_iommu=on"), "{no_group}");

    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("3"), None);
    fs::remove_dir_all(kernel.root().join("sys/bus/pci/drivers/vfio-pci")).unwrap();
    assert!(text(&try_bind(&kernel, Options::default())).contains("modprobe vfio-pci"));

    let result = bind(&Machine::at(kernel.root()), "../../etc", Options::default(), &mut |_| ());
    assert!(matches!(result, Err(Error::Open { .. })), "{result:?}");
}

#[test]
fn a_device_that_is_no_card_is_left_alone() {
    let kernel = Kernel::new();
    kernel.add(CARD, (0x8086, 0x0a54, 0x01_0802), Some("3"), Some("nvme"));
    let told = try_bind(&kernel, FORCE);
    assert!(text(&told).contains("8086:0a54 of class 0108"), "{}", text(&told));
    assert_eq!(kernel.driver(CARD).as_deref(), Some("nvme"));
}

#[test]
fn a_board_carries_its_vendors_number() {
    let kernel = Kernel::new();
    kernel.add(CARD, (0x10ee, 0x9038, 0x02_8000), Some("3"), None);
    kernel.set_registers(CARD, MAGIC, SPEC_VERSION);
    try_bind(&kernel, Options::default()).result.unwrap();
}

#[test]
fn a_shared_group_names_who_shares_it() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("3"), None);
    kernel.add("0000:00:01.0", (0x8086, 1, 0x06_0400), Some("3"), Some("pcieport"));
    kernel.add("0000:01:00.2", (0x8086, 2, 0x02_0000), Some("3"), None);
    try_bind(&kernel, DRY_RUN).result.unwrap();
    kernel.add(OTHER, (0x8086, 3, 0x01_0802), Some("3"), Some("nvme"));
    let told = try_bind(&kernel, FORCE);
    assert!(text(&told).contains("group 3 is shared with 0000:01:00.1 (driver nvme); "), "{}", text(&told));
    assert!(told.lines.is_empty());
}

#[test]
fn a_card_in_use_is_not_taken_away() {
    let kernel = Kernel::new();
    kernel.add_card(CARD, Some("3"), Some("vfio-pci"));
    let group = kernel.root().join("dev/vfio/3");
    let process = kernel.root().join("proc/4711");
    fs::create_dir_all(process.join("fd")).unwrap();
    fs::write(process.join("comm"), "dyad\n").unwrap();
    symlink(&group, process.join("fd/7")).unwrap();
    File::open(&group).unwrap();
    let told = try_unbind(&kernel, Options::default());
    assert!(text(&told).contains("in use by dyad (process 4711)"), "{}", text(&told));
    assert_eq!(kernel.driver(CARD).as_deref(), Some("vfio-pci"));
}
