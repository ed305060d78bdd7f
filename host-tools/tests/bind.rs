//! `dyad bind` and `dyad unbind` as a user meets them; what they do to sysfs is tested in the driver.

mod common;

use std::os::unix::fs::symlink;
use std::path::Path;

use common::{Folder, dyad, fails, json, succeeds};

const CARD: &str = "0000:01:00.0";

/// A folder with one card in it, as sysfs shows it, which nobody reacts to.
fn machine(folder: &Folder, driver: Option<&str>) {
    let device = folder.path(&format!("sys/bus/pci/devices/{CARD}"));
    let group = folder.path("sys/kernel/iommu_groups/14");
    for made in [&device, &format!("{group}/devices"), &folder.path("sys/bus/pci/drivers/vfio-pci")] {
        std::fs::create_dir_all(made).unwrap();
    }
    symlink(&group, Path::new(&device).join("iommu_group")).unwrap();
    symlink(&device, format!("{group}/devices/{CARD}")).unwrap();
    for (file, text) in [("vendor", "0x1234"), ("device", "0xd1ad"), ("class", "0x028000"), ("driver_override", "")] {
        std::fs::write(Path::new(&device).join(file), text).unwrap();
    }
    if let Some(driver) = driver {
        symlink(folder.path(&format!("sys/bus/pci/drivers/{driver}")), Path::new(&device).join("driver")).unwrap();
    }
}

#[test]
fn a_dry_run_shows_each_write() {
    let folder = Folder::new("bind-dry");
    machine(&folder, None);
    let root = folder.path("");
    let text = succeeds(&mut dyad(&["bind", "01:00.0", "--dry-run", "--root", &root]));
    let writes: Vec<&str> = text.lines().filter(|line| line.starts_with("would run  echo ")).collect();
    assert_eq!(writes.len(), 4, "{text}");
    assert!(writes[3].ends_with("sys/bus/pci/drivers_probe") && text.ends_with("nothing was written\n"), "{text}");
    let value = json(&succeeds(&mut dyad(&["bind", CARD, "--dry-run", "--json", "--root", &root])));
    assert_eq!((value["iommu_group"].as_str(), value["writes"].as_array().map(Vec::len)), (Some("14"), Some(4)));
}

#[test]
fn errors_say_what_to_do() {
    let folder = Folder::new("bind-errors");
    machine(&folder, Some("nvme"));
    let root = folder.path("");
    let text = fails(&mut dyad(&["bind", CARD, "--root", &root]), 1);
    assert!(
        text.contains("binding 0000:01:00.0: it is bound to the driver nvme") && text.contains("--force"),
        "{text}"
    );
    let text = fails(&mut dyad(&["bind", CARD, "--force", "--root", &root]), 1);
    assert!(text.contains("driver/unbind"), "the write that failed is named: {text}");
    let text = fails(&mut dyad(&["unbind", "0000:02:00.0", "--root", &root]), 1);
    assert!(text.contains("unbinding 0000:02:00.0: there is no such PCI device") && text.contains("lspci"), "{text}");
    let text = fails(&mut dyad(&["bind", "here", "--root", &root]), 1);
    assert!(text.contains("no PCI address"), "{text}");
}

#[test]
fn a_card_that_is_bound_already_is_said_to_be() {
    let folder = Folder::new("bind-already");
    machine(&folder, Some("vfio-pci"));
    let root = folder.path("");
    let text = succeeds(&mut dyad(&["bind", CARD, "--root", &root]));
    assert!(text.contains("bound to vfio-pci already, IOMMU group 14") && text.contains("dev/vfio/14"), "{text}");
}
