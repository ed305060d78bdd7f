//! The command line.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::{Args, Parser, Subcommand};

use crate::simulator::SimOptions;
use crate::{
    bench, bind, completions, demo, flash, info, lookup, lun, man, owner, progress, serve, sim, stats, sync, top,
    trace, transfer,
};

/// One LUN, live at two sites: drives Dyad cards, on boards and in simulation.
#[derive(Parser)]
#[command(name = "dyad", version, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    /// Show no progress and no notes: only results, on standard output, and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// File with options that are long to type, by verb; what is typed goes before it (docs/config.md)
    #[arg(long, global = true, env = "DYAD_CONFIG", value_name = "FILE")]
    #[allow(dead_code, reason = "read by config.rs before the rest is parsed")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

const AFTER_HELP: &str = "Examples:
  dyad demo                              a disk image, written at one site and read at the other
  dyad bench --km 100                    what a write costs, stage by stage
  dyad serve --site-a nbd://127.0.0.1:10809 --site-b nbd://127.0.0.1:10810 --size 256M   one disk, at both sites
  dyad sim --socket-dir run              a simulated pair for other programs
  dyad --config dyad.toml bench          with the options that the file has for bench

Exit codes:
  0  done
  1  it failed, and standard error says what, on what, and what to do; or the answer is no: copies that differ
     (demo), a figure that is worse (bench compare)
  2  the command line or the configuration file was wrong, or a file that it names is none of the kind that is wanted (bench compare)";

#[derive(Subcommand)]
enum Verb {
    Demo(Box<demo::Args>),
    Serve(Box<serve::Args>),
    Sim(sim::Args),
    Info(info::Args),
    Flash(flash::Args),
    Bind(bind::BindArgs),
    Unbind(bind::UnbindArgs),
    Lun(lun::Args),
    Sync(sync::Args),
    Stats(stats::Args),
    Lookup(lookup::Args),
    Owner(owner::Args),
    Bench(Box<bench::Args>),
    Trace(Box<trace::Args>),
    Top(Box<top::Args>),
    Read(transfer::ReadArgs),
    Write(transfer::WriteArgs),
    Completions(completions::Args),
    Man(man::Args),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// With what is to be told to the user.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        progress::set_quiet(self.quiet);
        match self.verb {
            Verb::Demo(args) => demo::run(&args),
            Verb::Serve(args) => serve::run(&args),
            Verb::Sim(args) => sim::run(&args),
            Verb::Info(args) => info::run(&args),
            Verb::Flash(args) => flash::run(&args),
            Verb::Bind(args) => bind::bind(&args),
            Verb::Unbind(args) => bind::unbind(&args),
            Verb::Lun(args) => lun::run(&args),
            Verb::Sync(args) => sync::run(&args),
            Verb::Stats(args) => stats::run(&args),
            Verb::Lookup(args) => lookup::run(&args),
            Verb::Owner(args) => owner::run(&args),
            Verb::Bench(args) => bench::run(&args),
            Verb::Trace(args) => trace::run(&args),
            Verb::Top(args) => top::run(&args),
            Verb::Read(args) => transfer::read(&args),
            Verb::Write(args) => transfer::write(&args),
            Verb::Completions(args) => completions::run(&args),
            Verb::Man(args) => man::run(&args),
        }
    }
}

/// How the simulated pair is made up.
#[derive(Args, Clone, Debug)]
pub struct SimArgs {
    /// Distance between the sites in km
    #[arg(long, default_value_t = 100.0, value_name = "KM", value_parser = km)]
    pub km: f64,
    /// Largest IP packet on the link: 1500 or 9000
    #[arg(long, default_value_t = 9000, value_name = "BYTES", value_parser = mtu)]
    pub mtu: usize,
    /// Fraction of the frames that the link loses, at most 0.1
    #[arg(long, default_value_t = 0.0, value_name = "P", value_parser = loss)]
    pub loss: f64,
    /// Fraction of the frames that arrive late, by up to 64 us at 10G (10,000 cycles), after others that were sent later
    #[arg(long, default_value_t = 0.0, value_name = "P", value_parser = fraction)]
    pub reorder: f64,
    /// Datapath width of the cards: 64 (10G at 156.25 MHz) or 512 (100G at 250 MHz)
    #[arg(long, default_value_t = 64, value_name = "BITS", value_parser = data_w)]
    pub data_w: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Threads for the two cards, 1 or 2; the results are the same [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub threads: Option<u8>,
}

impl SimArgs {
    /// With stores of `store_blocks` blocks.
    pub fn options(&self, store_blocks: u64) -> SimOptions {
        let Self { km, mtu, loss, reorder, data_w, seed, threads } = *self;
        let two_threads = threads.map_or_else(|| thread::available_parallelism().is_ok_and(|n| n.get() > 1), |n| n > 1);
        SimOptions { km, mtu, loss, reorder, data_w, seed, store_blocks, two_threads }
    }
}

/// What the user calls site 0 or 1.
pub fn site_name(number: u8) -> &'static str {
    if number == 0 { "a" } else { "b" }
}

/// Site 0 or 1 from its name.
///
/// # Errors
/// For another name.
pub fn site(text: &str) -> Result<u8, String> {
    match text {
        "a" | "A" => Ok(0),
        "b" | "B" => Ok(1),
        _ => Err("give a or b".to_owned()),
    }
}

/// Prints a line; ends the program when nobody reads it.
pub fn print_line(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as JSON on standard output.
///
/// # Errors
/// When it cannot be put into JSON.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    outln!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Tells what is wrong with what the user gave; the exit code for it.
pub fn bad_input(error: &anyhow::Error) -> ExitCode {
    eprintln!("dyad: error: {error:#}");
    ExitCode::from(2)
}

fn number<T>(text: &str, range: std::ops::RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("give a number from {} to {}", range.start(), range.end())),
    }
}

/// A distance in km.
///
/// # Errors
/// For anything else.
pub fn km(text: &str) -> Result<f64, String> {
    number(text, 0.0..=5000.0)
}

/// A chance that a frame is lost.
///
/// # Errors
/// For anything else.
pub fn loss(text: &str) -> Result<f64, String> {
    number(text, 0.0..=0.1)
}

/// A chance.
///
/// # Errors
/// For anything else.
pub fn fraction(text: &str) -> Result<f64, String> {
    number(text, 0.0..=1.0)
}

fn one_of(text: &str, values: [usize; 2]) -> Result<usize, String> {
    let value = text.parse().ok().filter(|value| values.contains(value));
    value.ok_or_else(|| format!("give {} or {}", values[0], values[1]))
}

/// Largest IP packet.
///
/// # Errors
/// For one that the cards do not know.
pub fn mtu(text: &str) -> Result<usize, String> {
    one_of(text, [1500, 9000])
}

fn data_w(text: &str) -> Result<usize, String> {
    one_of(text, [64, 512])
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every verb, and every verb below it, with its name.
    fn verbs(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        let below = command.get_subcommands().filter(|verb| verb.get_name() != "help");
        below
            .flat_map(|verb| {
                let path = format!("{path} {}", verb.get_name());
                let mut all = verbs(verb, &path);
                all.push((path, verb.clone()));
                all
            })
            .collect()
    }

    #[test]
    fn every_verb_teaches_by_examples_that_parse() {
        let mut seen = 0;
        let top = ("dyad".to_owned(), Cli::command());
        for (path, mut verb) in verbs(&Cli::command(), "dyad").into_iter().chain([top]) {
            if path.starts_with("dyad lun ") {
                continue;
            }
            let help = verb.render_long_help().to_string();
            let examples = help.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("{path} has no examples"));
            for line in examples.lines().map_while(|line| line.strip_prefix("  ")) {
                // What follows is a remark, or the shell's.
                let call = line.split("   ").next().unwrap_or_default();
                let call = call.split([">", "|"].map(|c| c.chars().next().unwrap())).next().unwrap_or_default();
                assert!(call.starts_with("dyad "), "{path}: {line}");
                Cli::try_parse_from(call.split_whitespace()).map(|_| ()).unwrap_or_else(|e| panic!("{line}: {e}"));
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} examples were found");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(loss("0.001").is_ok());
        for bad in ["-1", "0.2", "NaN", "x", ""] {
            assert!(loss(bad).is_err(), "{bad}");
        }
        assert_eq!(mtu("1500"), Ok(1500));
        assert!(mtu("1501").is_err());
        assert!(data_w("128").is_err());
        assert!(km("1e9").is_err());
    }
}
