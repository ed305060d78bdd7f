//! `cargo xtask test`

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::cmd::{constraints, generate, lint, setup, synth};
use crate::kernel;
use crate::process::Process;
use crate::progress::seconds;
use crate::repo::Repo;
use crate::table::table;

/// Longest time for any one child of a phase. On two cores that have nothing else to do, all phases together take about a
/// third of it.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// Check everything; CI runs exactly this
///
/// The phases run in order and stop at the first that fails. All of cargo's work uses the dev profile, so that nothing
/// is built twice.
#[derive(clap::Args)]
pub struct Args {
    /// Only this phase; may be given several times
    #[arg(long, value_name = "PHASE")]
    only: Vec<Phase>,
    /// Only the driver on a real kernel: boots one in QEMU, with both Verilated cards given to it by vfio-user
    #[arg(long, conflicts_with = "only")]
    kernel: bool,
}

/// A part of the check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Phase {
    /// Install what is missing
    Setup,
    /// Generated files are up to date
    Gen,
    /// Formatting
    Fmt,
    /// Clippy, warnings fatal
    Clippy,
    /// The card's Verilog: Verilator, yosys, slang
    Lint,
    /// What the 64-bit core costs on UltraScale+, against constraints/budgets.toml
    Synth,
    /// Boards: top levels, pins, clocks, room in the chip
    Constraints,
    /// Tests of all packages, doctests included
    Test,
    /// A small run of the demo
    Demo,
}

/// How a phase went.
#[derive(Debug)]
enum Outcome {
    Passed(String),
    Skipped(String),
    Failed(String),
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    let start = Instant::now();
    if args.kernel {
        setup::ensure(repo)?;
        let note = kernel::test(repo)?;
        println!("test --kernel: passed in {}: {note}", seconds(start.elapsed()));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    let mut failed = None;
    for phase in Phase::value_variants().iter().copied() {
        if !args.only.is_empty() && !args.only.contains(&phase) {
            continue;
        }
        println!("=== {}", phase.name());
        let begin = Instant::now();
        let outcome = phase.run(repo).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let (result, note) = match outcome {
            Outcome::Passed(note) => ("ok", note),
            Outcome::Skipped(note) => ("skipped", note),
            Outcome::Failed(note) => {
                eprintln!("xtask: {}: {note}", phase.name());
                failed = Some(phase);
                ("FAILED", "see above".to_owned())
            }
        };
        rows.push(vec![phase.name(), seconds(begin.elapsed()), result.to_owned(), note]);
        if failed.is_some() {
            break;
        }
    }
    println!("\n{}", table(&["phase", "time", "result", "note"], &[1], &rows));
    let time = seconds(start.elapsed());
    match failed {
        None if args.only.is_empty() => println!("test: all passed in {time}"),
        None => println!("test: passed in {time}, other phases not run"),
        Some(phase) => {
            println!("test: FAILED in {time}; to repeat: cargo xtask test --only {}", phase.name());
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Phase {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, repo: &Repo) -> Result<Outcome> {
        let passed = || Ok(Outcome::Passed(String::new()));
        match self {
            Self::Setup => {
                let note = if setup::ensure_all(repo)? { "installed what was missing" } else { "nothing was missing" };
                Ok(Outcome::Passed(note.into()))
            }
            Self::Gen if generate::check(repo)? => passed(),
            Self::Gen => Ok(Outcome::Failed("run `cargo xtask gen` and commit the result".into())),
            Self::Fmt => {
                let mut fmt = repo.cargo("fmt");
                fmt.args(["--all", "--check"]);
                show(fmt).context("run `cargo fmt --all`")?;
                passed()
            }
            Self::Clippy => {
                let mut clippy = repo.cargo("clippy");
                clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
                show(clippy)?;
                passed()
            }
            Self::Lint if lint::lint(repo, None)? => passed(),
            Self::Lint => Ok(Outcome::Failed("see above; the files are in out/lint".into())),
            Self::Synth => Ok(match synth::check(repo)? {
                Ok(note) => Outcome::Passed(note),
                Err(over) => Outcome::Failed(format!("above constraints/budgets.toml:\n{over}")),
            }),
            Self::Constraints if constraints::check(repo, None)? => passed(),
            Self::Constraints => Ok(Outcome::Failed("see above".into())),
            Self::Test => cargo_test(repo),
            Self::Demo => demo(repo),
        }
    }
}

fn show(command: Command) -> Result<()> {
    Process::new(command, DEADLINE).show()
}

/// All tests. That none ran is a failure, and so is one that its own attribute leaves out: CI is where tests guard something, and
/// there it would never run. What takes too long for CI is a command with a seed, as `cargo xtask soak` is.
fn cargo_test(repo: &Repo) -> Result<Outcome> {
    let mut command = repo.cargo("test");
    command.arg("--workspace");
    let mut count = Count::default();
    Process::new(command, DEADLINE).tee(|line| count.add(line))?;
    if count.passed == 0 {
        bail!("cargo test ran no test at all");
    }
    if count.ignored > 0 {
        bail!("{} tests were left out by their attributes: let them run here, or make them a command", count.ignored);
    }
    Ok(Outcome::Passed(format!("{} tests", count.passed)))
}

/// Tests counted from the harness's closing lines.
#[derive(Debug, Default, Eq, PartialEq)]
struct Count {
    passed: u32,
    ignored: u32,
}

impl Count {
    /// Adds a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; ...`; other lines count nothing.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ok. ") else { return };
        let number = |word: &str| {
            let part = rest.split(';').find_map(|part| part.trim().strip_suffix(word));
            part.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        self.passed += number("passed");
        self.ignored += number("ignored");
    }
}

/// A small run of the demo, in the profile that the tests were built in.
fn demo(repo: &Repo) -> Result<Outcome> {
    let dyad = |args: &[&str]| {
        let mut command = repo.cargo("run");
        command.args(["--quiet", "--package", "dyad", "--"]).args(args).current_dir(repo.root());
        Process::new(command, DEADLINE)
    };
    let help = dyad(&["--help"]).output()?;
    if !lists_verb(&help, "demo") {
        return Ok(Outcome::Skipped("`dyad --help` lists no demo".into()));
    }
    dyad(&["demo", "--km", "10", "--report", "out/test-demo"]).show()?;
    Ok(Outcome::Passed("report in out/test-demo".into()))
}

/// Whether a help text lists the subcommand `verb`.
fn lists_verb(help: &str, verb: &str) -> bool {
    help.lines().any(|line| line.starts_with("  ") && line.split_whitespace().next() == Some(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_over_all_binaries() {
        let mut count = Count::default();
        for line in [
            "running 5 tests",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: 99 passed, said a test",
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            count.add(line);
        }
        assert_eq!(count, Count { passed: 17, ignored: 2 });
    }

    #[test]
    fn verbs_are_found_in_help() {
        let help = "Usage: dyad <COMMAND>\n\nCommands:\n  demo  Two sites\n  sim   demo of nothing\n";
        assert!(lists_verb(help, "demo"));
        assert!(!lists_verb(help, "bench"));
        assert!(!lists_verb("Usage: dyad demo\ndemo\n", "demo"));
    }

    #[test]
    fn phases_have_the_names_that_only_takes() {
        let names: Vec<String> = Phase::value_variants().iter().map(|phase| phase.name()).collect();
        assert_eq!(names, ["setup", "gen", "fmt", "clippy", "lint", "synth", "constraints", "test", "demo"]);
    }
}
