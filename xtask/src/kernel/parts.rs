//! What the virtual machine is made of, unpacked into `.tools/kernel`: QEMU with its own loader and libraries, a stock kernel,
//! and the programs of the guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::apt::Apt;
use crate::process::Process;
use crate::progress::Step;
use crate::repo::Repo;

/// Oldest QEMU that has the device `vfio-user-pci`.
const OLDEST_QEMU: (u32, u32) = (10, 1);
/// Where QEMU and the guest's programs come from; backports move, and any version from [`OLDEST_QEMU`] will do.
const QEMU_SUITES: [&str; 2] = ["trixie", "trixie-backports"];
const QEMU_PACKAGES: [&str; 3] = ["qemu-system-x86", "pciutils", "busybox-static"];
/// Where the kernel comes from: Debian 12's, in its build for virtual machines.
const KERNEL_SUITE: &str = "bookworm";
const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";
const SHORT: Duration = Duration::from_secs(30);

/// The modules that the guest loads, in order.
pub const MODULES: [&str; 6] = ["vfio", "vfio_virqfd", "vfio_iommu_type1", "irqbypass", "vfio-pci-core", "vfio-pci"];

/// The unpacked parts.
pub struct Parts {
    dir: PathBuf,
    /// The kernel's image.
    pub vmlinuz: PathBuf,
    /// Version of QEMU, as it says it.
    pub qemu_version: String,
}

impl Parts {
    /// Those of `repo`; downloaded, when they are not there.
    ///
    /// # Errors
    /// When they can't be downloaded, or are not what is needed.
    pub fn ensure(repo: &Repo) -> Result<Self> {
        let dir = repo.tools_dir().join("kernel");
        let stamp = dir.join("packages.txt");
        let first = format!("{QEMU_SUITES:?} {QEMU_PACKAGES:?} {KERNEL_SUITE} {KERNEL_PACKAGE}");
        let current = || fs::read_to_string(&stamp).is_ok_and(|text| text.lines().next() == Some(&first));
        if !current() {
            let _lock = repo.lock("kernel")?;
            if !current() {
                let packages = install(&dir)?;
                fs::write(&stamp, format!("{first}\n{}\n", packages.join("\n")))
                    .with_context(|| format!("can't write {}", stamp.display()))?;
            }
        }
        Self::find(dir)
    }

    fn find(dir: PathBuf) -> Result<Self> {
        let boot = dir.join("linux/boot");
        let images = fs::read_dir(&boot).with_context(|| format!("can't list {}", boot.display()))?;
        let mut images = images.flatten().map(|entry| entry.path());
        let vmlinuz = images.find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("vmlinuz")));
        let vmlinuz =
            vmlinuz.with_context(|| format!("no kernel in {}: remove that folder's parent", boot.display()))?;
        let mut parts = Self { dir, vmlinuz, qemu_version: String::new() };
        let mut version = parts.qemu();
        version.arg("--version");
        let said = Process::new(version, SHORT).output().context("can't run QEMU")?;
        parts.qemu_version = said.lines().next().unwrap_or_default().to_owned();
        if parse_version(&parts.qemu_version).is_none_or(|version| version < OLDEST_QEMU) {
            let (major, minor) = OLDEST_QEMU;
            bail!("`{}` is not QEMU {major}.{minor} or later: remove {}", parts.qemu_version, parts.dir.display());
        }
        Ok(parts)
    }

    fn root(&self) -> PathBuf {
        self.dir.join("qemu")
    }

    fn loader(&self) -> PathBuf {
        self.root().join("usr/lib64/ld-linux-x86-64.so.2")
    }

    fn libraries(&self) -> PathBuf {
        self.root().join("usr/lib/x86_64-linux-gnu")
    }

    /// A program of the unpacked packages, run with their loader and libraries.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.loader());
        command.arg("--library-path").arg(self.libraries()).arg(self.root().join("usr/bin").join(name));
        command
    }

    /// QEMU, which finds its firmware.
    pub fn qemu(&self) -> Command {
        let mut command = self.program("qemu-system-x86_64");
        for data in ["usr/share/seabios", "usr/share/qemu"] {
            command.arg("-L").arg(self.root().join(data));
        }
        command
    }

    /// A static busybox.
    pub fn busybox(&self) -> PathBuf {
        self.root().join("usr/bin/busybox")
    }

    /// `lspci`, its table of names, its loader and libraries: where each goes, and where it is.
    pub fn lspci(&self) -> Result<Vec<(String, PathBuf)>> {
        let program = self.root().join("usr/bin/lspci");
        let mut list = Command::new(self.loader());
        list.arg("--library-path").arg(self.libraries()).arg("--list").arg(&program);
        let listing = Process::new(list, SHORT).output()?;
        let mut files = vec![
            ("usr/bin/lspci".to_owned(), program),
            ("lib64/ld-linux-x86-64.so.2".to_owned(), self.loader()),
            ("usr/share/misc/pci.ids".to_owned(), self.root().join("usr/share/misc/pci.ids")),
        ];
        for name in listing.lines().filter_map(|line| line.trim().split_once(" => ")).map(|(name, _)| name) {
            if !name.starts_with('/') {
                files.push((format!("usr/lib/x86_64-linux-gnu/{name}"), self.libraries().join(name)));
            }
        }
        Ok(files)
    }

    /// The file of a module of the kernel.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn module(&self, name: &str) -> Result<PathBuf> {
        let file = format!("{name}.ko");
        let modules = self.dir.join("linux/lib/modules");
        find_file(&modules, &file).with_context(|| format!("no {file} below {}", modules.display()))
    }
}

fn install(dir: &Path) -> Result<Vec<String>> {
    for old in ["qemu", "linux", "apt"] {
        let old = dir.join(old);
        if old.exists() {
            fs::remove_dir_all(&old).with_context(|| format!("can't remove {}", old.display()))?;
        }
    }
    let step = Step::start("downloading QEMU and a kernel into .tools/kernel", "Debian packages, 65 MB");
    let qemu = Apt::new(&dir.join("apt/qemu"), &QEMU_SUITES)?;
    qemu.update()?;
    qemu.download(QEMU_SUITES[1], &QEMU_PACKAGES)?;
    let linux = Apt::new(&dir.join("apt/linux"), &[KERNEL_SUITE])?;
    linux.update()?;
    linux.download_one(&linux.meant_by(KERNEL_PACKAGE)?)?;
    step.done();
    let step = Step::start("unpacking them", "nothing is installed");
    let mut packages = qemu.unpack(&dir.join("qemu"))?;
    packages.extend(linux.unpack(&dir.join("linux"))?);
    step.done();
    // Lists and archives are 100 MB that nobody needs again.
    fs::remove_dir_all(dir.join("apt")).with_context(|| format!("can't remove {}", dir.join("apt").display()))?;
    Ok(packages)
}

/// Major and minor number in `QEMU emulator version 11.1.3 (Debian ...)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("QEMU emulator version ")?.split(['.', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The first file called `name` below `dir`.
fn find_file(dir: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    let here = entries.iter().find(|path| path.file_name().is_some_and(|found| found == name));
    here.cloned().or_else(|| {
        let below = entries.iter().filter(|path| path.is_dir() && !path.is_symlink());
        below.into_iter().find_map(|path| find_file(path, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_qemu_are_read() {
        assert_eq!(parse_version("QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1~bpo13+1)"), Some((11, 1)));
        assert!(parse_version("QEMU emulator version 7.2.0").unwrap() < OLDEST_QEMU);
        assert!(parse_version("QEMU emulator version 10.1").unwrap() >= OLDEST_QEMU);
        assert_eq!(parse_version("qemu"), None);
    }
}
