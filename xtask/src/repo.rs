//! The checkout: where things are, and a lock against two set-ups at once.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a verb waits for another `cargo xtask` in the same checkout.
const LOCK_DEADLINE: Duration = Duration::from_secs(900);

/// A checkout of this repository.
#[derive(Clone, Debug)]
pub struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The checkout that this program was started from: `cargo run` says where the package lies; started by hand, the
    /// place where it was compiled.
    pub fn find() -> Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().with_context(|| format!("{} has no parent directory", package.display()))?;
        if !root.join("xtask/Cargo.toml").is_file() {
            bail!("{} is not a Dyad checkout: start me as `cargo xtask` inside one", root.display());
        }
        Ok(Self { root: root.to_path_buf() })
    }

    /// `path`, given relative to the root of the checkout.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The root of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ignored folder that holds what `setup` installs.
    pub fn tools_dir(&self) -> PathBuf {
        self.path(".tools")
    }

    /// Where cargo puts what it builds.
    pub fn target_dir(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), PathBuf::from)
    }

    /// A cargo command on this workspace, in the caller's working directory, without the variables that `cargo run`
    /// set for xtask itself.
    pub fn cargo(&self, verb: &str) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.arg(verb).arg("--manifest-path").arg(self.path("Cargo.toml"));
        command
    }

    /// Keeps other `cargo xtask` processes in this checkout out of the job `name` until the returned file is dropped.
    ///
    /// # Errors
    /// When the lock is still held by another process after 15 minutes, or the file can't be made.
    pub fn lock(&self, name: &str) -> Result<File> {
        let dir = self.tools_dir();
        fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
        let path = dir.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("can't create {}", path.display()))?;
        let start = Instant::now();
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_DEADLINE => {
                    if !said {
                        eprintln!("xtask: waiting for another `cargo xtask` ({name}) in this checkout");
                        said = true;
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
                Err(TryLockError::WouldBlock) => bail!(
                    "another `cargo xtask` has held {} for {} s: end it and try again",
                    path.display(),
                    LOCK_DEADLINE.as_secs()
                ),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("can't lock {}", path.display()));
                }
            }
        }
    }
}
