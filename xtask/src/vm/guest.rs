//! What the machine boots.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::kernel::cpio::Cpio;
use crate::kernel::parts::Parts;
use crate::process::Process;
use crate::repo::Repo;

/// Modules that make a disk of virtio's, each after those that it needs.
const MODULES: [&str; 6] =
    ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"];

const COMPILE_DEADLINE: Duration = Duration::from_secs(300);

/// Kernel and initramfs.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The kernel's image.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
}

impl Guest {
    /// Makes, in `dir`, a guest that works on the first `blocks` blocks of its disk.
    ///
    /// # Errors
    /// When its program does not compile, or a file is not there.
    pub fn make(repo: &Repo, parts: &Parts, dir: &Path, blocks: u64) -> Result<Self> {
        let program = dir.join("guest");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut compile = Command::new(rustc);
        compile.args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-o"]).arg(&program);
        compile.arg("xtask/guest/main.rs").current_dir(repo.root());
        Process::new(compile, COMPILE_DEADLINE).output().context("compiling the guest's program")?;

        let mut archive = Cpio::default();
        archive.device("dev/console", 5, 1);
        archive.copy("bin/busybox", &parts.busybox())?;
        archive.copy("guest", &program)?;
        archive.program("init", init(blocks).as_bytes());
        for module in MODULES {
            archive.copy(&inside(module), &parts.module(module)?)?;
        }
        let initramfs = dir.join("initramfs");
        std::fs::write(&initramfs, archive.finish()).with_context(|| format!("can't write {}", initramfs.display()))?;
        Ok(Self { kernel: parts.vmlinuz.clone(), initramfs })
    }
}

/// Where a module is in the initramfs.
fn inside(module: &str) -> String {
    format!("modules/{module}.ko")
}

/// The first process.
fn init(blocks: u64) -> String {
    let modules = MODULES.map(|module| format!("/bin/busybox insmod /{}\n", inside(module))).concat();
    let (shell, mount) = ("#!/bin/busybox sh\n", "/bin/busybox mount -t devtmpfs dev /dev\n");
    format!("{shell}{mount}{modules}/guest /dev/vda {blocks}\n/bin/busybox poweroff -f\n")
}
