//! The command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::simulator::SimOptions;
use crate::{bench, demo, info, lookup, lun, sim, stats, sync, transfer};

/// One LUN, live at two sites: drives Dyad cards, on boards and in simulation.
#[derive(Parser)]
#[command(name = "dyad", version, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 it failed, and standard error says what, on what, and what to do; 2 the \
                          command line was wrong.";

#[derive(Subcommand)]
enum Verb {
    Demo(Box<demo::Args>),
    Sim(sim::Args),
    Info(info::Args),
    Lun(lun::Args),
    Sync(sync::Args),
    Stats(stats::Args),
    Lookup(lookup::Args),
    Bench(bench::Args),
    Read(transfer::ReadArgs),
    Write(transfer::WriteArgs),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// With what is to be told to the user.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Demo(args) => demo::run(&args),
            Verb::Sim(args) => sim::run(&args),
            Verb::Info(args) => info::run(&args),
            Verb::Lun(args) => lun::run(&args),
            Verb::Sync(args) => sync::run(&args),
            Verb::Stats(args) => stats::run(&args),
            Verb::Lookup(args) => lookup::run(&args),
            Verb::Bench(args) => bench::run(&args),
            Verb::Read(args) => transfer::read(&args),
            Verb::Write(args) => transfer::write(&args),
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
    /// Datapath width of the cards: 64 (10G at 156.25 MHz) or 512 (100G at 250 MHz)
    #[arg(long, default_value_t = 64, value_name = "BITS", value_parser = data_w)]
    pub data_w: usize,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
}

impl SimArgs {
    /// With stores of `store_blocks` blocks.
    pub fn options(&self, store_blocks: u64) -> SimOptions {
        let Self { km, mtu, loss, data_w, seed } = *self;
        SimOptions { km, mtu, loss, data_w, seed, store_blocks }
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

fn number<T>(text: &str, range: std::ops::RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("give a number from {} to {}", range.start(), range.end())),
    }
}

fn km(text: &str) -> Result<f64, String> {
    number(text, 0.0..=5000.0)
}

fn loss(text: &str) -> Result<f64, String> {
    number(text, 0.0..=0.1)
}

fn one_of(text: &str, values: [usize; 2]) -> Result<usize, String> {
    let value = text.parse().ok().filter(|value| values.contains(value));
    value.ok_or_else(|| format!("give {} or {}", values[0], values[1]))
}

fn mtu(text: &str) -> Result<usize, String> {
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
