//! What nextpnr reports: use of the chip, clocks reached, longest paths.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::synth::netlist::plain;
use crate::table::table;

/// A report, of the parts that are shown.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Clocks by net.
    fmax: BTreeMap<String, Clock>,
    utilization: BTreeMap<String, Used>,
    /// LUTs that are kept free, by nextpnr's name of the cell, and how many.
    #[serde(skip)]
    kept: Option<(&'static str, usize)>,
    #[serde(default)]
    critical_paths: Vec<Critical>,
}

/// A clock: what was asked for and what came out, in MHz.
#[derive(Debug, Deserialize)]
struct Clock {
    achieved: f64,
    constraint: f64,
}

#[derive(Debug, Deserialize)]
struct Used {
    available: u64,
    used: u64,
}

#[derive(Debug, Deserialize)]
struct Critical {
    from: String,
    to: String,
    path: Vec<Hop>,
}

#[derive(Debug, Deserialize)]
struct Hop {
    delay: f64,
    from: Place,
    to: Place,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Place {
    cell: String,
}

/// How far nextpnr is, from a line of its log: steps of the static placer and of its refinement, iterations of `router2`.
pub fn place_in(line: &str) -> Option<String> {
    let line = line.strip_prefix("Info:")?.trim_start();
    if let Some(rest) = line.strip_prefix("at iteration #") {
        return Some(format!("placement refined, step {}", rest.split_once(':')?.0));
    }
    let (number, rest) = line.strip_prefix("iter=")?.split_once(' ')?;
    if rest.starts_with("steplen=") {
        return Some(format!("placing, step {number}"));
    }
    let twice = rest.split_once("overused=")?.1.split_once(' ')?.0;
    Some(format!("routing, iteration {number}, {twice} wires wanted twice"))
}

/// Reads `--report`.
///
/// # Errors
/// When it is not of that form.
pub fn parse(text: &str) -> Result<Report> {
    serde_json::from_str(text).context("nextpnr's report is not of the form that I know")
}

impl Report {
    /// Counts `count` of what is used of `name` as kept free instead.
    pub fn keep_free(&mut self, name: &'static str, count: usize) {
        if let Some(used) = self.utilization.get_mut(name) {
            used.used = used.used.saturating_sub(count as u64);
        }
        self.kept = Some((name, count));
    }

    /// Clocks that are too slow, a line each.
    pub fn missed(&self) -> Vec<String> {
        let slow = self.fmax.iter().filter(|(_, clock)| clock.achieved < clock.constraint);
        slow.map(|(net, c)| {
            format!("{}: {:.1} MHz, and {:.1} are asked for", clock_name(net), c.achieved, c.constraint)
        })
        .collect()
    }

    /// Tables of use and clocks, and the `count` longest paths inside one clock.
    pub fn show(&self, count: usize) -> String {
        let used = self.utilization.iter().filter(|(_, used)| used.used > 0);
        let rows: Vec<Vec<String>> = used
            .map(|(name, u)| {
                let percent = u.used as f64 * 100.0 / u.available.max(1) as f64;
                vec![name.clone(), u.used.to_string(), u.available.to_string(), format!("{percent:.0} %")]
            })
            .collect();
        let mut text = table(&["cells", "used", "of", ""], &[1, 2, 3], &rows);
        if let Some((name, count)) = self.kept {
            let _ = writeln!(text, "  {count} of {name} besides are kept free, for wires");
        }
        let rows: Vec<Vec<String>> = self
            .fmax
            .iter()
            .map(|(net, c)| {
                let verdict = if c.achieved < c.constraint { "NOT MET" } else { "met" };
                vec![clock_name(net), format!("{:.1}", c.constraint), format!("{:.1}", c.achieved), verdict.into()]
            })
            .collect();
        text.push('\n');
        text += &table(&["clock", "MHz asked for", "MHz reached", ""], &[1, 2], &rows);
        let mut paths: Vec<&Critical> =
            self.critical_paths.iter().filter(|p| p.within() && !p.path.is_empty()).collect();
        paths.sort_by(|a, b| b.delay().total_cmp(&a.delay()));
        text += "\n  longest paths\n";
        for path in paths.iter().take(count) {
            let (first, last) = (&path.path[0].from.cell, &path.path[path.path.len() - 1].to.cell);
            let logic: f64 = path.path.iter().filter(|hop| hop.kind != "routing").map(|hop| hop.delay).sum();
            let cells = path.path.iter().filter(|hop| hop.kind == "logic").count();
            let _ = writeln!(
                text,
                "  {:>6.2} ns, {logic:.2} of it logic in {cells} cells: {} -> {}",
                path.delay(),
                plain(first),
                plain(last)
            );
            let mut through: Vec<String> = Vec::new();
            for hop in &path.path {
                let name = plain(&hop.to.cell);
                if name != "(unnamed)" && through.last() != Some(&name) {
                    through.push(name);
                }
            }
            let _ = writeln!(text, "             through {}", through.join(", "));
        }
        text
    }
}

impl Critical {
    fn delay(&self) -> f64 {
        self.path.iter().map(|hop| hop.delay).sum()
    }

    /// Both ends on the same clock.
    fn within(&self) -> bool {
        let clock = |end: &str| end.split_once(' ').map(|(_, clock)| clock.to_owned());
        clock(&self.from).is_some() && clock(&self.from) == clock(&self.to)
    }
}

/// `$glbnet$core_clk` as `core_clk`.
fn clock_name(net: &str) -> String {
    net.rsplit('$').find(|part| !part.is_empty()).unwrap_or(net).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"fmax": {"$glbnet$core_clk": {"achieved": 61.5, "constraint": 125.0},
        "$glbnet$clk_125": {"achieved": 170.0, "constraint": 125.0}},
        "utilization": {"DP16KD": {"available": 108, "used": 54}, "JTAGG": {"available": 1, "used": 0}},
        "critical_paths": [
          {"from": "posedge a", "to": "posedge b", "path": []},
          {"from": "posedge $glbnet$core_clk", "to": "posedge $glbnet$core_clk", "path": [
            {"type": "clk-to-q", "delay": 0.5, "from": {"cell": "u_core.u_slots.x_TRELLIS_FF_Q"}, "to": {"cell": "u_core.u_slots.x_TRELLIS_FF_Q"}},
            {"type": "routing", "delay": 1.5, "from": {"cell": "u_core.u_slots.x_TRELLIS_FF_Q"}, "to": {"cell": "u_core.u_csr.y_LUT4_Z"}},
            {"type": "logic", "delay": 0.25, "from": {"cell": "u_core.u_csr.y_LUT4_Z"}, "to": {"cell": "u_core.u_csr.y_LUT4_Z"}}]}]}"#;

    #[test]
    fn a_report_is_shown_with_paths_by_name() {
        let report = parse(TEXT).unwrap();
        let text = report.show(3);
        assert!(text.contains("DP16KD    54  108  50 %"), "{text}");
        assert!(!text.contains("JTAGG"), "{text}");
        assert!(
            text.contains("2.25 ns, 0.75 of it logic in 1 cells: core.slots.x_TRELLIS_FF_Q -> core.csr.y_LUT4_Z"),
            "{text}"
        );
    }

    #[test]
    fn how_far_it_is_is_read_from_the_log() {
        let place = |line: &str| place_in(line).unwrap_or_default();
        assert_eq!(
            place("Info:     iter=94 wires=697568 overused=1193 overuse=1194 archfail=NA"),
            "routing, iteration 94, 1193 wires wanted twice"
        );
        assert_eq!(place("Info: iter=444 steplen=0.764139 a=224.349762 penalty=[2.22, 2.22]"), "placing, step 444");
        let refined = "Info:   at iteration #10: temp = 0.000000, timing cost = 1819, wirelen = 256766";
        assert_eq!(place(refined), "placement refined, step 10");
        assert_eq!(place("Info: Running main router loop..."), "");
        assert_eq!(place("Warning: iter=3"), "");
    }

    #[test]
    fn a_slow_clock_is_named_with_numbers() {
        let report = parse(TEXT).unwrap();
        assert_eq!(report.missed(), ["core_clk: 61.5 MHz, and 125.0 are asked for"]);
        assert!(parse("{}").is_err());
    }
}
