//! The committed limits, `constraints/budgets.toml`: for each build and target a limit for the whole and for its large blocks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

use super::cells::Usage;
use super::report::Report;

/// Room that `--bless` leaves above what was counted, in percent; at least [`SLACK`]. yosys' result moves by a few percent with
/// changes that have nothing to do with a block.
const HEADROOM_PERCENT: u32 = 5;
const SLACK: u32 = 8;
/// Room in levels of logic.
const DEPTH_SLACK: u32 = 1;
/// Blocks smaller than this many LUTs have no limit of their own.
const SMALL: u32 = 200;

const HEAD: &str = "\
# Most that the card may cost, by build, target and block: LUTs (LUT6, on ECP5 LUT4), of them as RAM, flip-flops, block
# RAMs of 18 Kb, levels of logic between registers. Made by `cargo xtask synth --bless`: what was counted plus 5 % (at
# least 8; one level; no block RAM). Blocks below 200 LUTs are limited by the whole alone. `cargo xtask synth` fails when a
# figure is above its limit.
";

/// Limits by `<build>.<target>` and block; the whole is called `all`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Budgets(BTreeMap<String, BTreeMap<String, Limit>>);

/// Limits by the name of the resource.
type Limit = BTreeMap<String, u32>;

/// The figures that have limits.
fn figures(usage: &Usage, depth: u32) -> [(&'static str, u32); 5] {
    [("lut", usage.lut), ("lutram", usage.lutram), ("ff", usage.ff), ("bram18", usage.bram18), ("levels", depth)]
}

/// The whole and the blocks of a report, with their figures.
fn all_figures(report: &Report) -> impl Iterator<Item = (&str, u32, [(&'static str, u32); 5])> {
    let all = ("all", report.total.lut, figures(&report.total, report.depth));
    let blocks = report.blocks.iter().map(|b| (b.name.as_str(), b.usage.lut, figures(&b.usage, b.depth)));
    std::iter::once(all).chain(blocks)
}

impl Budgets {
    /// Reads the file's text: tables `[build.target]` with lines `block = { lut = 1, ... }`, a part of TOML.
    ///
    /// # Errors
    /// When a line is of neither form; it is named.
    pub fn parse(text: &str) -> Result<Self> {
        let mut out = Self::default();
        let mut table: Option<String> = None;
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = || format!("budgets, line {}: `{line}`", n + 1);
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                out.0.entry(name.to_owned()).or_default();
                table = Some(name.to_owned());
                continue;
            }
            let (block, limits) = line.split_once(" = {").with_context(place)?;
            let limits = limits.strip_suffix('}').with_context(place)?;
            let table = table.as_ref().with_context(place)?;
            let mut limit = Limit::new();
            for item in limits.split(',') {
                let (key, value) = item.split_once('=').with_context(place)?;
                limit.insert(key.trim().to_owned(), value.trim().parse().with_context(place)?);
            }
            let block = block.trim().trim_matches('"').to_owned();
            if out.0.entry(table.clone()).or_default().insert(block, limit).is_some() {
                bail!("{}: limited twice", place());
            }
        }
        Ok(out)
    }

    /// The file's text.
    pub fn print(&self) -> String {
        let mut text = HEAD.to_owned();
        for (table, blocks) in &self.0 {
            let _ = write!(text, "\n[{table}]\n");
            // The whole first.
            let all = blocks.iter().filter(|(name, _)| *name == "all");
            for (block, limit) in all.chain(blocks.iter().filter(|(name, _)| *name != "all")) {
                let name = if block.starts_with('(') { format!("\"{block}\"") } else { block.clone() };
                let order = ["lut", "lutram", "ff", "bram18", "levels"];
                let items = order.iter().filter_map(|key| Some(format!("{key} = {}", limit.get(*key)?)));
                let _ = writeln!(text, "{name} = {{ {} }}", items.collect::<Vec<_>>().join(", "));
            }
        }
        text
    }

    /// The limit of `block` of `table` for the resource `key`.
    pub fn limit(&self, table: &str, block: &str, key: &str) -> Option<u32> {
        self.0.get(table)?.get(block)?.get(key).copied()
    }

    /// Sets the limits of `table` to what `report` has and some room.
    pub fn bless(&mut self, table: &str, report: &Report) {
        let room = |key: &str, n: u32| match key {
            "levels" => n + DEPTH_SLACK,
            "bram18" => n,
            _ => n + (n * HEADROOM_PERCENT).div_ceil(100).max(SLACK),
        };
        let limits = all_figures(report).filter(|(name, lut, _)| *name == "all" || *lut >= SMALL);
        let limits = limits.map(|(name, _, figures)| {
            (name.to_owned(), figures.iter().map(|(key, n)| ((*key).to_owned(), room(key, *n))).collect())
        });
        self.0.insert(table.to_owned(), limits.collect());
    }

    /// What in `report` is above the limits of `table`, a line each: the figure, the limit, the block.
    ///
    /// # Errors
    /// When there are no limits for `table`, or one for a block that the report does not have.
    pub fn exceeded(&self, table: &str, report: &Report) -> Result<Vec<String>> {
        let limits = self.0.get(table).with_context(|| {
            format!("constraints/budgets.toml has no [{table}]: `cargo xtask synth --bless` makes it")
        })?;
        for name in limits.keys() {
            if name != "all" && report.block(name).is_none() {
                bail!("constraints/budgets.toml limits {name} in [{table}], and there is no such block");
            }
        }
        let mut found = Vec::new();
        for (name, _, figures) in all_figures(report) {
            let Some(limit) = limits.get(name) else { continue };
            for (key, n) in figures {
                if let Some(most) = limit.get(key)
                    && n > *most
                {
                    found.push(format!("{table} {name}: {n} {key}, {} above the limit of {most}", n - most));
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Block;
    use super::*;

    fn report(lut: u32, depth: u32) -> Report {
        let usage = Usage { lut, lutram: 0, ff: 100, bram18: 2, dsp: 0 };
        let block = |name: &str, lut| Block { name: name.into(), usage: Usage { lut, ..usage }, depth };
        Report { total: usage, depth, blocks: vec![block("slots", lut - 10), block("tiny", 10)], paths: Vec::new() }
    }

    #[test]
    fn a_blessed_report_passes_and_survives_the_file() {
        let mut budgets = Budgets::default();
        budgets.bless("core_64.xcup", &report(1000, 9));
        let again = Budgets::parse(&budgets.print()).unwrap();
        assert_eq!(again, budgets);
        assert!(again.exceeded("core_64.xcup", &report(1000, 9)).unwrap().is_empty());
        assert!(again.exceeded("core_64.xcup", &report(1050, 10)).unwrap().is_empty(), "within the room");
    }

    #[test]
    fn what_is_exceeded_is_named_with_numbers() {
        let mut budgets = Budgets::default();
        budgets.bless("t", &report(1000, 9));
        let found = budgets.exceeded("t", &report(1100, 11)).unwrap();
        let expected = [
            "t all: 1100 lut, 50 above the limit of 1050",
            "t all: 11 levels, 1 above the limit of 10",
            "t slots: 1090 lut, 50 above the limit of 1040",
            "t slots: 11 levels, 1 above the limit of 10",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn limits_for_nothing_are_refused() {
        let budgets = Budgets::parse("[t]\nall = { lut = 9 }\nold = { lut = 1 }\n").unwrap();
        assert!(budgets.exceeded("t", &report(1000, 9)).unwrap_err().to_string().contains("no such block"));
        assert!(budgets.exceeded("u", &report(1000, 9)).unwrap_err().to_string().contains("--bless"));
        for bad in ["all = { lut = 9 }", "[t]\nall = 9", "[t]\nall = { lut = x }", "[t]\na = { f = 1 }\na = { f = 1 }"]
        {
            assert!(Budgets::parse(bad).is_err(), "{bad}");
        }
    }
}
