//! The three lint tools over one Verilog file. Each has seen defects that the others pass: Verilator widths, yosys
//! latches, loops and drivers after elaboration, slang uses before declaration.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::process::Process;
use crate::rtl::Unit;
use crate::tools::Tools;

/// Longest time one tool may take over one file.
const DEADLINE: Duration = Duration::from_secs(600);

/// A lint tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Linter {
    /// `verilator --lint-only -Wall`
    Verilator,
    /// `yosys`: `hierarchy -check`, `proc`, no latch, `check -assert`
    Yosys,
    /// slang, with all its warnings
    Slang,
}

/// What a tool found.
pub struct Finding {
    /// No warning, no error.
    pub clean: bool,
    /// What it printed.
    pub text: String,
    /// How long it took.
    pub time: Duration,
}

impl Linter {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Verilator, Self::Yosys, Self::Slang];

    /// The tool's name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verilator => "verilator",
            Self::Yosys => "yosys",
            Self::Slang => "slang",
        }
    }

    /// Lints `unit`, which [`write`] has put into `dir`. Any warning counts as a failure.
    ///
    /// # Errors
    /// When the tool can't be run. What it finds is no error here.
    pub fn run(self, tools: &Tools, dir: &Path, unit: &Unit) -> Result<Finding> {
        let file = file_name(unit);
        let top = unit.top.as_str();
        let command = match self {
            Self::Verilator => {
                let mut verilator = tools.verilator(dir);
                verilator.args(["--lint-only", "-Wall", "-Wno-DECLFILENAME", "--quiet-stats"]);
                verilator.args(["--default-language", "1364-2005", "--top-module", top, &file]);
                verilator
            }
            Self::Yosys => {
                // -e: any warning is an error.
                let script = format!(
                    "read_verilog {file}; hierarchy -check -top {top}; proc; \
                     select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr; check -assert"
                );
                let mut yosys = tools.yosys(dir);
                yosys.args(["-q", "-e", ".", "-p", &script]);
                yosys
            }
            Self::Slang => {
                let mut slang = tools.slang(dir);
                slang.args([top, &file]);
                slang
            }
        };
        let start = Instant::now();
        let captured = Process::new(command, DEADLINE).capture()?;
        Ok(Finding { clean: captured.status.success(), text: captured.text, time: start.elapsed() })
    }
}

/// Writes `unit` as a file into `dir`, where [`Linter::run`] will look for it.
pub fn write(dir: &Path, unit: &Unit) -> Result<()> {
    let path = dir.join(file_name(unit));
    fs::write(&path, &unit.text).with_context(|| format!("can't write {}", path.display()))
}

fn file_name(unit: &Unit) -> String {
    format!("{}.v", unit.name)
}

#[cfg(test)]
mod tests {
    //! Each linter must bite: a file with one defect that this linter is here for, and a clean one that all pass.

    use super::*;
    use crate::repo::Repo;

    /// Lints the sample `name` and returns what `linter` printed if it objected.
    fn lint(linter: Linter, name: &str, text: &str) -> Option<String> {
        let repo = Repo::find().unwrap();
        let tools = Tools::of(&repo).unwrap();
        tools.warm_yosys(&repo).unwrap();
        let dir = std::env::temp_dir().join(format!("dyad-xtask-{name}-{}-{}", linter.name(), std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let unit = Unit { name: name.into(), top: name.into(), text: text.into() };
        write(&dir, &unit).unwrap();
        let finding = linter.run(&tools, &dir, &unit).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        (!finding.clean).then_some(finding.text)
    }

    #[test]
    fn a_clean_file_passes_all() {
        for linter in Linter::ALL {
            assert_eq!(lint(linter, "clean", include_str!("../samples/clean.v")), None, "{}", linter.name());
        }
    }

    #[test]
    fn verilator_objects_to_widths() {
        let text = lint(Linter::Verilator, "width", include_str!("../samples/width.v")).unwrap();
        assert!(text.contains("WIDTHEXPAND"), "{text}");
    }

    #[test]
    fn yosys_objects_to_latches() {
        let text = lint(Linter::Yosys, "latch", include_str!("../samples/latch.v")).unwrap();
        assert!(text.contains("Latch inferred"), "{text}");
    }

    #[test]
    fn yosys_objects_to_loops_and_missing_drivers() {
        let text = lint(Linter::Yosys, "comb_loop", include_str!("../samples/comb_loop.v")).unwrap();
        assert!(text.contains("logic loop"), "{text}");
        let text = lint(Linter::Yosys, "undriven", include_str!("../samples/undriven.v")).unwrap();
        assert!(text.contains("no driver"), "{text}");
    }

    #[test]
    fn slang_objects_to_use_before_declaration() {
        let text = lint(Linter::Slang, "use_before", include_str!("../samples/use_before.v")).unwrap();
        assert!(text.contains("used before its declaration"), "{text}");
    }

    #[test]
    fn slang_warnings_are_fatal() {
        let text = lint(Linter::Slang, "width", include_str!("../samples/width.v")).unwrap();
        assert!(text.contains("bitwise-op-mismatch"), "{text}");
    }
}
