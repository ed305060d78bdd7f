//! `cargo xtask test --kernel`: the real driver on a real kernel's VFIO, with no board.
//!
//! `dyad sim` offers both Verilated cards on vfio-user sockets; QEMU gives them to a virtual machine with an emulated IOMMU as
//! PCI devices; the machine boots a stock Debian kernel and, from an initramfs, `tests/guest`: a static program with the driver
//! in it. Everything is emulated (TCG): `/dev/kvm` is never used.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the run: build, boot, judge |
//! | `apt.rs` | Debian packages, unpacked and not installed |
//! | `parts.rs` | QEMU, the kernel, the guest's programs |
//! | `machine.rs` | the virtual machine and the cards |
//! | `cpio.rs` | the archive that an initramfs is |
//! | `judge.rs` | what the guest's log must show |

pub mod cpio;
pub mod machine;
pub mod parts;

mod apt;
mod judge;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::Process;
use crate::progress::{Step, seconds};
use crate::repo::Repo;
use crate::rustup;
use cpio::Cpio;
use machine::{CARDS, Cards, Machine};
use parts::{MODULES, Parts};

const BUILD_DEADLINE: Duration = Duration::from_secs(1800);
/// Longest time for the guest, from its start to its end.
const GUEST_DEADLINE: Duration = Duration::from_secs(300);
/// Lines of the guest's log that a failure shows.
const TAIL_LINES: usize = 40;
/// The guest's target: a program that needs no libraries.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Runs the test. Returns what is to be said of it.
///
/// # Errors
/// When anything is missing or fails: with the end of the guest's log, and how to repeat it.
pub fn test(repo: &Repo) -> Result<String> {
    let parts = Parts::ensure(repo)?;
    println!("{}", parts.qemu_version);
    rustup::ensure_target(TARGET)?;
    let dyad = build(repo, "dyad", None)?;
    let guest = build(repo, "dyad-guest", Some(TARGET))?;
    let out = repo.path("out/kernel");
    fs::create_dir_all(&out).with_context(|| format!("can't create {}", out.display()))?;
    let initramfs = out.join("initramfs.cpio");
    fs::write(&initramfs, initramfs_of(repo, &parts, &guest)?)
        .with_context(|| format!("can't write {}", initramfs.display()))?;

    let sockets = machine::SocketDir::new()?;
    let machine = Machine { parts: &parts, initramfs, sockets: sockets.path().to_owned() };
    let replay = out.join("replay.sh");
    fs::write(&replay, machine.script(&dyad)).with_context(|| format!("can't write {}", replay.display()))?;
    let start = Instant::now();
    let step = Step::start("powering up two Verilated cards", "dyad sim");
    let cards = Cards::start(&dyad, sockets.path(), &out.join("cards.log"))?;
    step.done();
    let mut log = String::new();
    let outcome = Process::new(machine.command(), GUEST_DEADLINE).watch(|line| {
        // A serial line may have remains of the firmware's screen before what is printed.
        if ["OK ", "FAIL "].iter().any(|start| line.starts_with(start)) {
            println!("  {line}");
        }
        log.push_str(line);
        log.push('\n');
    });
    drop(cards);
    let log_file = out.join("guest.log");
    fs::write(&log_file, &log).with_context(|| format!("can't write {}", log_file.display()))?;
    let mut complaints = judge::complaints(&log, CARDS.len());
    if let Err(error) = &outcome {
        complaints.insert(0, format!("{error:#}"));
    }
    if !complaints.is_empty() {
        let lines: Vec<&str> = log.lines().collect();
        bail!(
            "the driver on a real kernel: {}\nthe guest's log ends with:\n{}\nall of it: {}, the cards' {}\n\
             to repeat it: cargo xtask test --kernel; the virtual machine alone, with what was built: sh {}",
            complaints.join("; "),
            lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"),
            shown(&log_file),
            shown(&out.join("cards.log")),
            shown(&replay)
        );
    }
    Ok(format!(
        "{} steps, the machine ran {}; log in {}",
        judge::STEPS.len(),
        seconds(start.elapsed()),
        shown(&log_file)
    ))
}

/// A path, relative to the working directory where that is shorter.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).display().to_string()
}

/// Builds a program of the workspace, in the profile of the tests, and returns where it is.
fn build(repo: &Repo, package: &str, target: Option<&str>) -> Result<PathBuf> {
    let mut cargo = repo.cargo("build");
    cargo.args(["--quiet", "--package", package, "--bin", package]);
    let mut dir = repo.target_dir();
    if let Some(target) = target {
        cargo.args(["--target", target]);
        dir.push(target);
    }
    let step = Step::start(&format!("building {package}"), "the first time takes minutes");
    Process::new(cargo, BUILD_DEADLINE).show()?;
    step.done();
    Ok(dir.join("debug").join(package))
}

/// The guest's first and only file system.
fn initramfs_of(repo: &Repo, parts: &Parts, guest: &Path) -> Result<Vec<u8>> {
    let mut cpio = Cpio::default();
    cpio.device("dev/console", 5, 1);
    cpio.copy("init", &repo.path("tests/guest/init"))?;
    cpio.copy("bin/busybox", &parts.busybox())?;
    cpio.copy("bin/dyad-guest", guest)?;
    for (name, from) in parts.lspci()? {
        cpio.copy(&name, &from)?;
    }
    for module in MODULES {
        cpio.copy(&format!("modules/{module}.ko"), &parts.module(module)?)?;
    }
    cpio.file("modules/order", (MODULES.join("\n") + "\n").as_bytes());
    let card = format!("{:#06x} {:#06x}\n", dyad_spec::PCI_VENDOR, dyad_spec::PCI_DEVICE);
    cpio.file("cards", card.as_bytes());
    Ok(cpio.finish())
}
