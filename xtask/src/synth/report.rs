//! The figures of one run, and how they are shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::cells::Usage;
use super::depth::{self, Path};
use super::netlist::Netlist;
use crate::table::table;

/// Paths that are kept: the longest.
const KEPT_PATHS: usize = 8;
/// Width of the longest bar.
const BAR: u32 = 30;

/// What one block costs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its name; what lies in no block is `(top)`.
    pub name: String,
    /// What it is made of.
    #[serde(flatten)]
    pub usage: Usage,
    /// Most levels of logic before any of its registers, wherever they lie.
    pub depth: u32,
}

/// The figures of one mapped design.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// All blocks together.
    pub total: Usage,
    /// Most levels of logic between two registers.
    pub depth: u32,
    /// The blocks, largest first.
    pub blocks: Vec<Block>,
    /// The longest paths.
    pub paths: Vec<Path>,
}

impl Report {
    /// Counts a netlist in BLIF.
    ///
    /// # Errors
    /// As [`Netlist::parse`] and [`depth::paths`].
    pub fn of(blif: &str) -> Result<Self> {
        let list = Netlist::parse(blif)?;
        let mut paths = depth::paths(&list)?;
        let mut blocks: BTreeMap<String, (Usage, u32)> = BTreeMap::new();
        let mut total = Usage::default();
        for cell in &list.cells {
            total.add(cell.kind.usage);
            blocks.entry(cell.block().to_owned()).or_default().0.add(cell.kind.usage);
        }
        for path in &paths {
            let depth = &mut blocks.entry(path.block.clone()).or_default().1;
            *depth = (*depth).max(path.levels);
        }
        let depth = paths.first().map_or(0, |path| path.levels);
        paths.truncate(KEPT_PATHS);
        let mut blocks: Vec<Block> =
            blocks.into_iter().map(|(name, (usage, depth))| Block { name, usage, depth }).collect();
        blocks.sort_by_key(|block| std::cmp::Reverse(block.usage.lut));
        Ok(Self { total, depth, blocks, paths })
    }

    /// The block called `name`.
    pub fn block(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.name == name)
    }

    /// The table, a row a block with its share of the LUTs as a bar, and the longest paths.
    pub fn show(&self) -> String {
        let most = self.blocks.first().map_or(1, |block| block.usage.lut.max(1));
        let row = |name: &str, usage: &Usage, depth: u32, bar: String| {
            let mut row = vec![name.to_owned()];
            row.extend([usage.lut, usage.lutram, usage.ff, usage.bram18, depth].map(|n| n.to_string()));
            row.push(bar);
            row
        };
        let mut rows: Vec<Vec<String>> = vec![row("all", &self.total, self.depth, String::new())];
        for Block { name, usage, depth } in &self.blocks {
            let length = (usage.lut * BAR).div_ceil(most) as usize;
            let share = f64::from(usage.lut) * 100.0 / f64::from(self.total.lut.max(1));
            rows.push(row(name, usage, *depth, format!("{} {share:.1} %", "█".repeat(length))));
        }
        let head = ["block", "LUT", "of it RAM", "FF", "BRAM18", "levels", "share of the LUTs"];
        let mut text = table(&head, &[1, 2, 3, 4, 5], &rows);
        text += "  longest paths, in levels of logic:\n";
        for path in &self.paths {
            let Path { levels, from, to, through, .. } = path;
            let _ = writeln!(text, "  {levels:>4}  {from} -> {to}  (through {})", through.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_and_drawn() {
        let text = ".subckt LUT1 I0=a O=u_x.d\n.cname $flatten\\u_x.$1\n\
                    .subckt FDRE C=c D=u_x.d Q=u_x.q\n.cname $flatten\\u_x.$2\n\
                    .subckt RAMB36E2 DINADIN[0]=u_x.q DOUTADOUT[0]=m\n.cname u_y.ram.0.0\n";
        let report = Report::of(text).unwrap();
        assert_eq!(report.total, Usage { lut: 1, lutram: 0, ff: 1, bram18: 2, dsp: 0 });
        assert_eq!(report.block("y").unwrap().usage.bram18, 2);
        assert_eq!((report.block("x").unwrap().depth, report.depth), (1, 1));
        let shown = report.show();
        assert!(shown.contains(&"█".repeat(30)), "{shown}");
        assert!(shown.contains("port a -> x.q"), "{shown}");
    }
}
