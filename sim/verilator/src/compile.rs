//! From Verilog to machine code, with a cache.

use crate::toolchain::{Toolchain, run};
use crate::{Error, shim};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, process, thread};

/// What the C++ compiler is to aim at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Optimize {
    /// A short build: for a test that runs some 10⁵ cycles.
    #[default]
    Build,
    /// A fast model.
    Speed,
}

/// How a model is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Check SystemVerilog assertions; a false one makes the next [`crate::Model`] call panic.
    pub assert: bool,
    /// Be able to write waves. Costs some speed even when none are written.
    pub trace: bool,
    /// What the C++ compiler is to aim at.
    pub optimize: Optimize,
    /// Further arguments for Verilator, such as `-Wall`.
    pub arguments: Vec<String>,
}

/// The parts of the cached product of one build.
pub(crate) struct Artifact {
    /// The model with its run-time library, as a shared object.
    pub(crate) shared_object: PathBuf,
    /// The model alone, as objects.
    pub(crate) objects: Vec<PathBuf>,
    /// The run-time library's objects.
    pub(crate) runtime: Vec<PathBuf>,
}

/// What the build of a model depends on.
pub(crate) struct Recipe<'a> {
    pub(crate) toolchain: &'a Toolchain,
    /// The Verilog's top module.
    pub(crate) top: &'a str,
    pub(crate) verilog: &'a str,
    /// The C++ class and the stem of the one exported symbol.
    pub(crate) name: &'a str,
    pub(crate) options: &'a Options,
}

/// How Verilator is always called.
const VERILATE: [&str; 8] =
    ["--cc", "--no-timing", "-O3", "--x-assign", "unique", "--x-initial", "unique", "-Wno-fatal"];

/// The C++ compiler's level for the parts of a fast model that run in each cycle. `-O3` makes a card 0.7 times as fast.
const FAST: &str = "-O2";

/// Whether to look for changed inputs before what hangs on them is evaluated. In a block by itself that costs more than it
/// saves (a small model with the card's ports is 1.7 times as fast without); in a whole card it makes 1.1 times the speed.
fn change_detection(options: &Options) -> &'static str {
    match options.optimize {
        Optimize::Build => "-fno-ico-change-detect",
        Optimize::Speed => "-fico-change-detect",
    }
}

/// The one symbol that a model called `name` exports.
pub(crate) fn symbol(name: &str) -> String {
    format!("dyad_model_{name}")
}

impl Recipe<'_> {
    /// Returns the finished build from the cache below `cache`, after making it when it is not there. Safe against other
    /// threads and processes that do the same: the first one builds, the others wait for it.
    pub(crate) fn build(&self, cache: &Path) -> Result<Artifact, Error> {
        let include = self.toolchain.include();
        let flags = flags(&include, self.options);
        let runtime_key = digest(&["runtime", &self.toolchain.version, &flags.join(" "), shim::RUNTIME_HOOKS]);
        let runtime_dir = once(cache, &format!("runtime-{runtime_key}"), |dir| self.build_runtime(dir, &flags))?;
        let key = digest(&[
            &runtime_key,
            self.top,
            self.name,
            &format!("{:?}", self.options),
            &VERILATE.join(" "),
            change_detection(self.options),
            FAST,
            &shim::source("", "", &[], self.options.trace),
            self.verilog,
        ]);
        let runtime = objects_in(&runtime_dir)?;
        let dir = once(cache, &format!("{}-{key}", self.name), |dir| self.build_model(dir, &flags, &runtime))?;
        Ok(Artifact { shared_object: dir.join("model.so"), objects: objects_in(&dir)?, runtime })
    }

    fn build_runtime(&self, dir: &Path, flags: &[String]) -> Result<(), Error> {
        write(&dir.join("hooks.cpp"), shim::RUNTIME_HOOKS)?;
        let include = self.toolchain.include();
        let mut sources = vec![include.join("verilated.cpp"), include.join("verilated_threads.cpp")];
        sources.push(dir.join("hooks.cpp"));
        if self.options.trace {
            sources.push(include.join("verilated_fst_c.cpp"));
        }
        let units = sources.into_iter().map(|source| Unit { source, level: "-O2" }).collect();
        self.compile(dir, units, flags)
    }

    fn build_model(&self, dir: &Path, flags: &[String], runtime: &[PathBuf]) -> Result<(), Error> {
        let source = dir.join(format!("{}.v", self.top));
        write(&source, self.verilog)?;
        let prefix = format!("V{}", self.name);
        let mut verilate = Command::new(self.toolchain.verilator_bin());
        verilate.env("VERILATOR_ROOT", self.toolchain.root());
        verilate.args(VERILATE).arg(change_detection(self.options));
        verilate.args(["--top-module", self.top, "--prefix", &prefix, "--Mdir"]).arg(dir);
        if self.options.assert {
            verilate.arg("--assert");
        } else {
            verilate.arg("--no-assert");
        }
        if self.options.trace {
            verilate.arg("--trace-fst");
        }
        let said = run(verilate.args(&self.options.arguments).arg(&source))?;
        write(&dir.join("verilator.log"), &said)?;

        let header = dir.join(format!("{prefix}.h"));
        let header = fs::read_to_string(&header).map_err(Error::file("read", &header))?;
        let ports = shim::parse_ports(&header)?;
        let shim = shim::source(&prefix, &symbol(self.name), &ports, self.options.trace);
        write(&dir.join("shim.cpp"), &shim)?;

        self.compile(dir, self.units(dir, &prefix)?, flags)?;
        let mut link = Command::new(&self.toolchain.cxx);
        link.args(["-shared", "-Wl,-Bsymbolic", "-o"]).arg(dir.join("model.so"));
        link.args(objects_in(dir)?).args(runtime);
        link.args(libraries(self.options).iter().map(|library| format!("-l{library}")));
        run(&mut link).map(drop)
    }

    /// Joins the generated sources into few compilation units: most of the time of a small one goes into headers.
    fn units(&self, dir: &Path, prefix: &str) -> Result<Vec<Unit>, Error> {
        const UNIT_BYTES: usize = 400_000;
        let mut names: Vec<(bool, String, usize)> = Vec::new();
        for entry in fs::read_dir(dir).map_err(Error::file("list", dir))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) && name.ends_with(".cpp") || name == "shim.cpp" {
                let slow = self.options.optimize == Optimize::Speed && name.ends_with("__Slow.cpp");
                names.push((slow, name, entry.metadata().map_or(0, |meta| meta.len() as usize)));
            }
        }
        names.sort();
        let mut units: Vec<(bool, String, usize)> = Vec::new();
        for (slow, name, bytes) in names {
            match units.last_mut() {
                Some(unit) if unit.0 == slow && unit.2 + bytes <= UNIT_BYTES => {
                    let _ = writeln!(unit.1, "#include \"{name}\"");
                    unit.2 += bytes;
                }
                _ => units.push((slow, format!("#include \"{name}\"\n"), bytes)),
            }
        }
        let mut finished = Vec::new();
        for (index, (slow, text, _)) in units.into_iter().enumerate() {
            let source = dir.join(format!("unit{index}.cpp"));
            write(&source, &text)?;
            let level = if self.options.optimize == Optimize::Speed && !slow { FAST } else { "-O1" };
            finished.push(Unit { source, level });
        }
        Ok(finished)
    }

    /// Compiles `units` to objects in `dir`, as many at a time as there are processors.
    fn compile(&self, dir: &Path, units: Vec<Unit>, flags: &[String]) -> Result<(), Error> {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(units.len());
        let one = |unit: &Unit| {
            let stem = unit.source.file_stem().unwrap_or_default().to_string_lossy();
            let mut compile = Command::new(&self.toolchain.cxx);
            compile.arg(unit.level).args(flags).arg("-I").arg(dir);
            compile.arg("-c").arg(&unit.source).arg("-o").arg(dir.join(format!("{stem}.o")));
            run(&mut compile).map(drop)
        };
        let (one, units) = (&one, &units);
        thread::scope(|scope| {
            let handles: Vec<_> = (0..workers)
                .map(|worker| scope.spawn(move || units.iter().skip(worker).step_by(workers).try_for_each(one)))
                .collect();
            handles.into_iter().try_for_each(|handle| handle.join().expect("a compile thread panicked"))
        })
    }
}

struct Unit {
    source: PathBuf,
    level: &'static str,
}

/// What models link besides the C++ standard library.
pub(crate) fn libraries(options: &Options) -> &'static [&'static str] {
    if options.trace { &["z", "lz4"] } else { &[] }
}

fn flags(include: &Path, options: &Options) -> Vec<String> {
    let trace = u8::from(options.trace);
    let mut flags: Vec<String> = ["-std=gnu++17", "-faligned-new", "-fcf-protection=none", "-fPIC", "-w"]
        .into_iter()
        .chain(["-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-gnu-unique", "-pthread"])
        .chain(["-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0"])
        .chain(["-DVL_USER_FATAL", "-DVL_USER_STOP"])
        .map(String::from)
        .collect();
    flags.push(format!("-DVM_TRACE={trace}"));
    flags.push(format!("-DVM_TRACE_FST={trace}"));
    for dir in [include.to_owned(), include.join("vltstd")] {
        flags.push(format!("-I{}", dir.display()));
    }
    flags
}

/// `<target>/verilated`. The target directory is the one that Cargo was told, or the one that holds this program.
pub(crate) fn cache_dir() -> PathBuf {
    let tagged = |path: PathBuf| path.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file()).map(PathBuf::from);
    let target = env::var_os("CARGO_TARGET_DIR")
        .map(PathBuf::from)
        .or_else(|| env::var_os("OUT_DIR").map(PathBuf::from).and_then(tagged))
        .or_else(|| env::current_exe().ok().and_then(tagged))
        .unwrap_or_else(|| env::temp_dir().join("dyad"));
    // Relative paths would mean another place after a change of directory.
    std::path::absolute(&target).unwrap_or(target).join("verilated")
}

/// Makes directory `name` below `cache` with `make`, unless it is there; it appears whole or not at all.
fn once(cache: &Path, name: &str, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<PathBuf, Error> {
    let finished = cache.join(name);
    if finished.is_dir() {
        return Ok(finished);
    }
    fs::create_dir_all(cache).map_err(Error::file("create", cache))?;
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(Error::file("create", &lock_path))?;
    lock.lock().map_err(Error::file("lock", &lock_path))?;
    if finished.is_dir() {
        return Ok(finished);
    }
    let partial = cache.join(format!("{name}.partial-{}", process::id()));
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).map_err(Error::file("create", &partial))?;
    let made = make(&partial);
    if let Err(error) = made {
        // A failed build leaves nothing behind that a later one could take for finished.
        let _ = fs::remove_dir_all(&partial);
        return Err(error);
    }
    fs::rename(&partial, &finished).map_err(Error::file("rename", &partial))?;
    Ok(finished)
}

fn objects_in(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(Error::file("list", dir))?;
    let mut objects: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "o"))
        .collect();
    objects.sort();
    Ok(objects)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::file("write", path))
}

/// 16 hex digits that stand for `parts`.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
