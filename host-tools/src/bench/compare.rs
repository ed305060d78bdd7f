//! `dyad bench compare`: what changed between two runs.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::cli::{self, print_json};

/// Tell what changed between two runs of the same workload
///
/// Both files are what `dyad bench --json` printed, or the report.json that --report wrote. Exits with 1 when a figure is
/// worse by more than the threshold, so that a pipeline stops; a figure that is missing in the later run is worse, too.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The run before
    #[arg(value_name = "A.json")]
    before: PathBuf,
    /// The run after
    #[arg(value_name = "B.json")]
    after: PathBuf,
    /// How much worse a figure may be, in percent
    #[arg(long, default_value = "3%", value_name = "P%", value_parser = percent)]
    threshold: f64,
    /// Show figures that are equal, too
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad bench --json > a.json                             before a change
  dyad bench --json > b.json                             after it
  dyad bench compare a.json b.json                       3 % are let through
  dyad bench compare a.json b.json --threshold 0%        nothing is

Exit codes: 0 no figure is worse by more than the threshold; 1 one is; 2 the files cannot be compared.";

/// What makes two runs comparable. Of these, one may be simulated and one measured least of all.
const SETTINGS: [&str; 12] = [
    "simulated",
    "pattern",
    "order",
    "zipf_theta",
    "read_percent",
    "depth",
    "blocks",
    "count",
    "site",
    "busy",
    "data_w",
    "link",
];
/// Single figures, and whether more is better.
const SINGLE: [(&str, bool); 8] = [
    ("commands_per_second", true),
    ("bytes_per_second", true),
    ("owner_changes_per_second", true),
    ("owner_changes_of_bound", true),
    ("goodput_fraction", true),
    ("lookups_per_cycle", true),
    ("stream_cycles", false),
    ("retries", false),
];
const ROW: [&str; 5] = ["min", "p50", "p99", "p999", "max"];

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end().parse::<f64>().ok();
    let number = number.filter(|number| (0.0..=1000.0).contains(number));
    number.map(|number| number / 100.0).ok_or_else(|| "give a percentage, as 3%".to_owned())
}

/// Runs `dyad bench compare`.
///
/// # Errors
/// None but that of printing; bad input is told by the exit code.
pub fn run(args: &Args) -> Result<ExitCode> {
    let compared = load(&args.before).and_then(|before| {
        let after = load(&args.after)?;
        let files = || format!("comparing {} with {}", args.before.display(), args.after.display());
        Comparison::new(&before, &after, args.threshold).with_context(files)
    });
    let comparison = match compared {
        Ok(comparison) => comparison,
        Err(error) => return Ok(cli::bad_input(&error)),
    };
    if args.json {
        print_json(&comparison)?;
    } else {
        outln!("{}", comparison.table(args.all).trim_end());
    }
    Ok(if comparison.worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn load(path: &Path) -> Result<Value> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .with_context(|| format!("reading {name}; give a file that `dyad bench --json` has printed"))?;
    let value: Value = serde_json::from_str(&text)
        .with_context(|| format!("reading {name}: it is not JSON; give a file that `dyad bench --json` has printed"))?;
    let is_run = ["pattern", "simulated", "stage_cycles", "latency_ns"].iter().all(|key| value.get(key).is_some());
    ensure!(
        is_run,
        "reading {name}: it is JSON, but not of `dyad bench`; give a file that `dyad bench --json` has printed"
    );
    Ok(value)
}

/// What changed in one figure.
#[derive(Clone, Debug, Serialize)]
struct Change {
    figure: String,
    before: f64,
    /// None: the later run does not have the figure.
    after: Option<f64>,
    /// Of the figure before; none when that is 0 and the other is not.
    fraction: Option<f64>,
    /// `same`, `better`, `slightly worse` (within the threshold), or `WORSE`.
    verdict: &'static str,
}

/// What changed between two runs.
#[derive(Debug, Serialize)]
struct Comparison {
    simulated: bool,
    threshold: f64,
    /// A figure is worse by more than the threshold.
    worse: bool,
    changes: Vec<Change>,
}

/// A figure of a run.
struct Figure {
    name: String,
    value: f64,
    more_is_better: bool,
}

impl Comparison {
    /// Of two runs.
    ///
    /// # Errors
    /// When they are not of the same workload, or a figure is not a number.
    fn new(before: &Value, after: &Value, threshold: f64) -> Result<Self> {
        for key in SETTINGS {
            let (a, b) = (&before[key], &after[key]);
            // A file of an older version says less.
            if a != b && !a.is_null() && !b.is_null() || (a.is_null() != b.is_null() && ["link", "busy"].contains(&key))
            {
                bail!("`{key}` is {a} in one and {b} in the other; compare runs of the same workload");
            }
        }
        let later = figures(after)?;
        let changes = figures(before)?.into_iter().map(|figure| {
            let after = later.iter().find(|later| later.name == figure.name).map(|later| later.value);
            judge(figure, after, threshold)
        });
        let changes: Vec<_> = changes.collect();
        let simulated = before["simulated"].as_bool().context("`simulated` is neither true nor false")?;
        Ok(Self { simulated, threshold, worse: changes.iter().any(|change| change.verdict == "WORSE"), changes })
    }

    fn table(&self, all: bool) -> String {
        let mut out = String::new();
        let kind = if self.simulated { "SIMULATED" } else { "measured" };
        let _ = writeln!(out, "{kind:28}{:>16}{:>16}{:>10}", "before", "after", "change");
        let shown = |change: &&Change| all || change.verdict != "same";
        for change in self.changes.iter().filter(shown) {
            let after = change.after.map_or("gone".to_owned(), number);
            let fraction = change.fraction.map_or("-".to_owned(), |f| format!("{:+.2} %", f * 100.0));
            let (figure, before) = (&change.figure, number(change.before));
            let line = format!("{figure:28}{before:>16}{after:>16}{fraction:>10}  {}", change.verdict);
            let _ = writeln!(out, "{}", line.trim_end_matches(" same").trim_end());
        }
        let equal = self.changes.iter().filter(|change| change.verdict == "same").count();
        let _ = writeln!(out, "{} figures, {equal} of them equal", self.changes.len());
        let threshold = self.threshold * 100.0;
        let worst = self.changes.iter().filter(|change| change.verdict == "WORSE").count();
        let _ = match worst {
            0 => writeln!(out, "none is worse by more than {threshold} %"),
            worst => writeln!(out, "{worst} WORSE by more than {threshold} %"),
        };
        out
    }
}

fn number(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 => format!("{value}"),
        value if value.abs() >= 1000.0 => format!("{value:.1}"),
        value => format!("{value:.4}"),
    }
}

fn judge(figure: Figure, after: Option<f64>, threshold: f64) -> Change {
    let before = figure.value;
    let fraction = after.and_then(|after| match (before, after) {
        (a, b) if a == b => Some(0.0),
        (0.0, _) => None,
        (a, b) => Some((b - a) / a.abs()),
    });
    // How much worse: from nothing to something has no measure.
    let loss = match (after, fraction) {
        (None, _) => f64::INFINITY,
        (Some(after), None) => {
            if (after > before) == figure.more_is_better {
                -1.0
            } else {
                f64::INFINITY
            }
        }
        (_, Some(fraction)) => {
            if figure.more_is_better {
                -fraction
            } else {
                fraction
            }
        }
    };
    let verdict = match loss {
        0.0 => "same",
        loss if loss < 0.0 => "better",
        loss if loss <= threshold => "slightly worse",
        _ => "WORSE",
    };
    Change { figure: figure.name, before, after, fraction, verdict }
}

/// Every figure of a run that is compared. What this machine takes to simulate is none.
fn figures(run: &Value) -> Result<Vec<Figure>> {
    let mut list = Vec::new();
    stages(&mut list, "", &run["stage_cycles"])?;
    for kind in run["kinds"].as_array().into_iter().flatten() {
        let name = kind["kind"].as_str().context("`kinds` has one without a name")?;
        stages(&mut list, &format!("{name} "), &kind["stage_cycles"])?;
    }
    for key in ["added_cycles", "latency_ns"] {
        if let Some(summary) = run.get(key) {
            row(&mut list, key, summary)?;
        }
    }
    for (key, more_is_better) in SINGLE {
        if let Some(value) = run.get(key) {
            let value = value.as_f64().with_context(|| format!("`{key}` is {value}, which is no number"))?;
            list.push(Figure { name: key.to_owned(), value, more_is_better });
        }
    }
    Ok(list)
}

fn stages(list: &mut Vec<Figure>, of: &str, stages: &Value) -> Result<()> {
    for stage in stages.as_array().context("`stage_cycles` is no list")? {
        let name = stage[0].as_str().context("`stage_cycles` has a stage without a name")?;
        row(list, &format!("{of}{name}"), &stage[1])?;
    }
    Ok(())
}

fn row(list: &mut Vec<Figure>, name: &str, summary: &Value) -> Result<()> {
    for key in ROW {
        let value = &summary[key];
        let value = value.as_f64().with_context(|| format!("`{name}` has {value} for {key}, which is no number"))?;
        list.push(Figure { name: format!("{name} {key}"), value, more_is_better: false });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(cycles: f64, goodput: f64) -> Value {
        let summary = |value: f64| json!({ "min": value, "p50": value, "p99": value, "p999": value, "max": value });
        json!({
            "pattern": "write", "simulated": true, "depth": 1, "link": { "km": 1.0 },
            "stage_cycles": [["posted", summary(cycles)]], "latency_ns": summary(cycles * 4.0),
            "goodput_fraction": goodput, "retries": 0,
        })
    }

    fn verdicts(before: &Value, after: &Value) -> (bool, Vec<&'static str>) {
        let comparison = Comparison::new(before, after, 0.03).unwrap();
        let mut verdicts: Vec<_> = comparison.changes.iter().map(|change| change.verdict).collect();
        verdicts.dedup();
        (comparison.worse, verdicts)
    }

    #[test]
    fn past_the_threshold_is_worse() {
        let before = run(1000.0, 0.97);
        assert_eq!(verdicts(&before, &before), (false, vec!["same"]));
        assert_eq!(verdicts(&before, &run(1050.0, 0.97)), (true, vec!["WORSE", "same"]));
        assert_eq!(verdicts(&before, &run(1030.0, 0.97)), (false, vec!["slightly worse", "same"]));
        assert_eq!(verdicts(&before, &run(900.0, 0.97)), (false, vec!["better", "same"]));
        // Of goodput, more is better.
        assert_eq!(verdicts(&before, &run(1000.0, 0.90)), (true, vec!["same", "WORSE", "same"]));
        assert_eq!(verdicts(&before, &run(1000.0, 0.99)), (false, vec!["same", "better", "same"]));
    }

    #[test]
    fn what_was_nothing_or_is_gone_is_worse() {
        let before = run(1000.0, 0.97);
        let mut after = before.clone();
        after["retries"] = 1.into();
        assert!(verdicts(&before, &after).0);
        assert!(!verdicts(&after, &before).0, "no retries any more");
        let mut after = before.clone();
        after.as_object_mut().unwrap().remove("goodput_fraction");
        assert!(verdicts(&before, &after).0);
        assert!(!verdicts(&after, &before).0, "an older version told less");
    }

    #[test]
    fn different_workloads_are_not_compared() {
        let before = run(1000.0, 0.97);
        for (key, value) in [("simulated", json!(false)), ("depth", json!(2)), ("link", Value::Null)] {
            let mut after = before.clone();
            after[key] = value;
            let error = Comparison::new(&before, &after, 0.03).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        let mut after = before.clone();
        after["latency_ns"]["p99"] = "fast".into();
        assert!(Comparison::new(&before, &after, 0.03).is_err());
    }
}
