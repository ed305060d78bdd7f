//! Where Verilator and the C++ compiler are.

use crate::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A Verilator package and a C++ compiler.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The package directory: holds `bin/verilator_bin` and `share/verilator`.
    pub package: PathBuf,
    /// The C++ compiler.
    pub cxx: String,
    /// What both say about their versions; part of every cache key.
    pub version: String,
}

impl Toolchain {
    /// The executable that turns Verilog into C++.
    pub fn verilator_bin(&self) -> PathBuf {
        self.package.join("bin/verilator_bin")
    }

    /// What `VERILATOR_ROOT` must be.
    pub fn root(&self) -> PathBuf {
        self.package.join("share/verilator")
    }

    /// The directory of the run-time library's sources.
    pub fn include(&self) -> PathBuf {
        self.root().join("include")
    }
}

/// Finds the toolchain: the package that `DYAD_VERILATOR` names, or else the one that `cargo xtask setup` put in
/// `.tools/venv` of this repository, looked for upwards from the crate being built and from the current directory.
///
/// # Errors
/// [`Error::NoToolchain`] when there is none; [`Error::Spawn`] or [`Error::Tool`] when it does not run.
pub fn find() -> Result<Toolchain, Error> {
    let package = find_package()?;
    let cxx = env::var("CXX").unwrap_or_else(|_| "g++".into());
    let verilator = run(Command::new(package.join("bin/verilator_bin")).arg("--version"))?;
    let compiler = run(Command::new(&cxx).arg("--version"))?;
    let version = [first_line(&verilator), first_line(&compiler)].join("; ");
    Ok(Toolchain { package, cxx, version })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn find_package() -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os("DYAD_VERILATOR").map(PathBuf::from) {
        if is_package(&path) {
            return Ok(path);
        }
        return Err(Error::NoToolchain { tried: format!("DYAD_VERILATOR={}", path.display()) });
    }
    let mut starts: Vec<PathBuf> = Vec::new();
    starts.extend(env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from));
    starts.extend(env::current_dir());
    starts.extend(env::current_exe());
    let found = starts.iter().flat_map(|start| start.ancestors()).find_map(package_below);
    found.ok_or_else(|| {
        let tried: Vec<_> = starts.iter().map(|start| start.display().to_string()).collect();
        Error::NoToolchain { tried: format!(".tools/venv, upwards from {}", tried.join(", ")) }
    })
}

/// `<dir>/.tools/venv/lib/python3*/site-packages/verilator`, when it is there.
fn package_below(dir: &Path) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        fs::read_dir(dir.join(".tools/venv/lib")).ok()?.flatten().map(|entry| entry.path()).collect();
    versions.sort();
    versions.into_iter().map(|path| path.join("site-packages/verilator")).find(|path| is_package(path))
}

fn is_package(path: &Path) -> bool {
    path.join("bin/verilator_bin").is_file() && path.join("share/verilator/include/verilated.cpp").is_file()
}

/// Runs a command to its end and returns what it printed, standard output and error together.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let shown = || {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    };
    let shown = shown();
    let output = command.output().map_err(|source| Error::Spawn { command: shown.clone(), source })?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(text);
    }
    Err(Error::Tool { command: shown, status: output.status, output: text })
}
