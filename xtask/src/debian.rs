//! The Debian packages that the workspace needs, which of them are missing, and their installation.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::Process;
use crate::progress::Step;

/// A package, and why it is needed.
pub type Package = (&'static str, &'static str);

/// What every verb may need.
pub const PACKAGES: [Package; 10] = [
    ("g++", "compiles the Verilated card"),
    ("make", "builds native parts of Rust crates"),
    ("e2fsprogs", "makes and checks the demo's ext4 image"),
    ("zlib1g-dev", "FST traces"),
    ("liblz4-dev", "FST traces"),
    ("libnbd-bin", "nbdinfo and nbdcopy: clients that test `dyad serve`"),
    ("python3-libnbd", "nbdsh: the same"),
    ("qemu-utils", "qemu-img and qemu-io: the same"),
    ("fio", "the same, with verification"),
    ("libftdi1-2", "openFPGALoader: tests of `dyad flash`"),
];

/// What only `cargo xtask test` needs.
pub const CHECKS: [Package; 1] = [("chromium", "opens the reports of `dyad`, as a test")];

/// What only `cargo xtask peers` needs beside those.
pub const PEERS: [Package; 1] = [("nbdkit", "the legs of QEMU's quorum and mirror")];

/// Packages that provide Python with virtual environments; needed only where no other Python can make one.
pub const PYTHON_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

const QUERY_DEADLINE: Duration = Duration::from_secs(60);
const INSTALL_DEADLINE: Duration = Duration::from_secs(900);

/// Those of `packages` that dpkg does not know as installed; `None` where there is no dpkg to ask.
///
/// # Errors
/// When dpkg does not answer.
pub fn missing(packages: &[Package]) -> Result<Option<Vec<&'static str>>> {
    if find_program("dpkg-query").is_none() {
        return Ok(None);
    }
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"]);
    let names: Vec<_> = packages.iter().map(|(name, _)| *name).collect();
    query.args(&names);
    // It fails when it has not heard of one, and still lists the others.
    let listing = Process::new(query, QUERY_DEADLINE).capture()?.text;
    Ok(Some(not_installed(&names, &listing)))
}

/// Those of `wanted` that a listing of `package status` lines does not call installed.
fn not_installed<'a>(wanted: &[&'a str], listing: &str) -> Vec<&'a str> {
    let installed = |name: &str| listing.lines().any(|line| line.split_once(' ') == Some((name, "installed")));
    wanted.iter().copied().filter(|name| !installed(name)).collect()
}

/// Installs `packages` with apt-get, as root or through sudo.
///
/// # Errors
/// When neither is possible (the message holds the command to run), or apt-get fails.
pub fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let by_hand = format!("apt-get update && apt-get install -y --no-install-recommends {list}");
    let sudo = if is_root()? {
        false
    } else if find_program("sudo").is_some() {
        true
    } else {
        bail!("missing Debian packages: {list}. I am neither root nor is there sudo: run, as root, `{by_hand}`");
    };
    let apt = |args: &[&str]| {
        let mut command = Command::new(if sudo { "sudo" } else { "apt-get" });
        if sudo {
            command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        } else {
            command.env("DEBIAN_FRONTEND", "noninteractive");
        }
        command.args(["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]).args(args);
        Process::new(command, INSTALL_DEADLINE)
    };
    let step = Step::start("installing Debian packages", &list);
    let update = apt(&["update"]).output();
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(packages);
    if let Err(error) = apt(&args).output() {
        // A stale or half-refreshed package list is the usual cause.
        if let Err(update) = update {
            eprintln!("xtask: {update:#}");
        }
        return Err(error.context(format!("can't install Debian packages; to try it by hand: `{by_hand}`")));
    }
    step.done();
    Ok(())
}

/// Where `name` lies on PATH, or in the directories for administrators' programs, which a user's PATH may lack.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from)).collect();
    dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn is_root() -> Result<bool> {
    let status = Path::new("/proc/self/status");
    let text = std::fs::read_to_string(status).with_context(|| format!("can't read {}", status.display()))?;
    Ok(effective_uid(&text) == Some(0))
}

/// The effective user from the text of `/proc/<pid>/status`: the second number of its `Uid:` line.
fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let listing = "g++ installed\nmake config-files\ndpkg-query: no packages found matching liblz4-dev\n\
                       zlib1g-dev half-installed\ne2fsprogs installed\n";
        let wanted = ["g++", "make", "e2fsprogs", "zlib1g-dev", "liblz4-dev"];
        assert_eq!(not_installed(&wanted, listing), ["make", "zlib1g-dev", "liblz4-dev"]);
        assert_eq!(not_installed(&wanted, ""), wanted);
    }

    #[test]
    fn a_package_whose_name_begins_alike_does_not_count() {
        assert_eq!(not_installed(&["make"], "make-guile installed\n"), ["make"]);
    }

    #[test]
    fn effective_user_is_the_second_number() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t5\t6\t7\t8\n"), Some(0));
        assert_eq!(effective_uid("Name:\tx\n"), None);
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(find_program("sh").is_some());
        assert!(find_program("dyad-no-such-program").is_none());
    }
}
