//! `cargo xtask lint`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::cmd::setup;
use crate::linters::{self, Finding, Linter};
use crate::progress;
use crate::repo::Repo;
use crate::rtl::{self, Unit};
use crate::table::table;
use crate::tools::Tools;

/// Tools at work at the same time.
const WORKERS: usize = 2;

/// Lint the Verilog of every block and of the whole core, at both widths
///
/// Verilator -Wall, yosys check -assert (and no latch), and slang with all its warnings, each on each file; any warning
/// fails. The files stay in out/lint for a look.
#[derive(clap::Args)]
pub struct Args {
    /// Only the files whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    Ok(if lint(repo, args.only.as_deref())? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lints, prints what ran and what was found, and returns whether all was clean.
pub fn lint(repo: &Repo, only: Option<&str>) -> Result<bool> {
    let mut units = rtl::units()?;
    check_names(&units)?;
    if units.is_empty() {
        println!("lint: dyad-hdl offers no block yet");
        return Ok(true);
    }
    if let Some(only) = only {
        units.retain(|unit| unit.name.contains(only));
        if units.is_empty() {
            bail!("no file's name contains `{only}`; `cargo xtask lint` lists all");
        }
    }
    let tools = Tools::of(repo)?;
    tools.warm_yosys(repo)?;
    let _lock = repo.lock("lint")?;
    let dir = repo.path("out/lint");
    fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
    for unit in &units {
        linters::write(&dir, unit)?;
    }
    let start = Instant::now();
    let findings = run_all(&tools, &dir, &units)?;
    let failed: Vec<(&str, Linter, &Finding)> = findings
        .iter()
        .filter(|(_, finding)| !finding.clean)
        .map(|((unit, linter), finding)| (units[*unit].name.as_str(), Linter::ALL[*linter], finding))
        .collect();
    for (name, linter, finding) in &failed {
        println!("lint: {} on out/lint/{name}.v:\n{}", linter.name(), finding.text.trim_end());
    }
    print!("{}", summary(&units, &findings));
    let time = progress::seconds(start.elapsed());
    println!("lint: {} checks of {} files, {} failed ({time})", findings.len(), units.len(), failed.len());
    Ok(failed.is_empty())
}

/// Findings by unit and linter, both as indices.
type Findings = BTreeMap<(usize, usize), Finding>;

/// Every linter on every unit, [`WORKERS`] at a time.
fn run_all(tools: &Tools, dir: &Path, units: &[Unit]) -> Result<Findings> {
    let jobs: Vec<(usize, usize)> =
        (0..units.len()).flat_map(|unit| (0..Linter::ALL.len()).map(move |linter| (unit, linter))).collect();
    let bar = progress::count("linting", jobs.len());
    let queue = Mutex::new(jobs.into_iter());
    let worker = || -> Result<Vec<((usize, usize), Finding)>> {
        let mut found = Vec::new();
        loop {
            // A poisoned lock means that the other worker panicked, which the scope reports.
            let job = queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
            let Some((unit, linter)) = job else { return Ok(found) };
            found.push(((unit, linter), Linter::ALL[linter].run(tools, dir, &units[unit])?));
            bar.inc(1);
        }
    };
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    bar.finish_and_clear();
    let mut findings = Findings::new();
    for result in results {
        findings.extend(result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    Ok(findings)
}

/// The table: a row a unit, a column a linter.
fn summary(units: &[Unit], findings: &Findings) -> String {
    let mut head = vec!["file", "lines"];
    head.extend(Linter::ALL.map(Linter::name));
    let rows: Vec<Vec<String>> = units
        .iter()
        .enumerate()
        .map(|(n, unit)| {
            let mut row = vec![unit.name.clone(), unit.text.lines().count().to_string()];
            row.extend((0..Linter::ALL.len()).map(|linter| match findings.get(&(n, linter)) {
                Some(finding) if finding.clean => format!("ok {}", progress::seconds(finding.time)),
                Some(_) => "FAILED".to_owned(),
                None => "not run".to_owned(),
            }));
            row
        })
        .collect();
    table(&head, &[1], &rows)
}

/// File names must be unique and plain, since tools take them apart at blanks.
fn check_names(units: &[Unit]) -> Result<()> {
    let mut names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    names.sort_unstable();
    for name in &names {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            bail!("block name `{name}`: only letters, digits and `_` will do");
        }
    }
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => bail!("two blocks are called `{}`", pair[0]),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn unit(name: &str) -> Unit {
        Unit { name: name.into(), top: name.into(), text: "module m;\nendmodule\n".into() }
    }

    #[test]
    fn names_must_be_plain_and_unique() {
        assert!(check_names(&[unit("crc32c_64"), unit("crc32c_512")]).is_ok());
        assert!(check_names(&[unit("a"), unit("b"), unit("a")]).is_err());
        assert!(check_names(&[unit("a b")]).is_err());
        assert!(check_names(&[unit("")]).is_err());
    }

    #[test]
    fn summary_says_what_ran_and_what_did_not() {
        let finding = |clean| Finding { clean, text: String::new(), time: Duration::from_millis(250) };
        let findings = Findings::from([((0, 0), finding(true)), ((0, 2), finding(false))]);
        let text = summary(&[unit("fifo")], &findings);
        let row = text.lines().nth(2).unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["fifo", "2", "ok", "0.25", "s", "not", "run", "FAILED"]
        );
    }
}
