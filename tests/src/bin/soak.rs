//! Long runs of the soak test on the Verilated cards: `cargo xtask soak`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dyad_driver::Mtu;
use dyad_tests::mutants::{MUTANTS, Mutant};
use dyad_tests::soak::{Faults, Plan, Report, soak};
use dyad_tests::system::Size;
use indicatif::{ProgressBar, ProgressStyle};

/// Racing clients at both sites of two Verilated cards, on a bad link, judged for linearizability
///
/// Each seed decides width, MTU, distance, faults and the number of blocks that are raced for, unless they are given.
#[derive(Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
struct Args {
    /// First seed [default: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Seeds to run, one after the other
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Commands a seed [default: 2000]
    #[arg(long)]
    ops: Option<u64>,
    /// Faults of the link: none, lossy, storm, blind (a storm that the MAC does not notice), stale (very late frames)
    #[arg(long, value_parser = faults)]
    faults: Option<Faults>,
    /// Datapath width
    #[arg(long, value_parser = ["64", "512"])]
    data_w: Option<String>,
    /// Largest frame
    #[arg(long, value_parser = ["1500", "9000"])]
    mtu: Option<String>,
    /// Distance in km
    #[arg(long)]
    km: Option<f64>,
    /// Sizes of the cards
    #[arg(long, default_value = "full")]
    size: Size,
    /// A card with a rule left out, under the plan that kills it, but for --seed, --ops and --faults; `list` shows them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["mutants", "data_w", "mtu", "km", "size"])]
    mutant: Option<String>,
    /// With --mutant: the card itself, under the mutant's plan
    #[arg(long, requires = "mutant")]
    mended: bool,
    /// Each card with a rule left out: its plan must kill it, and not the card as it is
    #[arg(long, conflicts_with_all = ["seed", "seeds", "ops", "faults", "data_w", "mtu", "km", "size", "waves"])]
    mutants: bool,
    /// Directory for waveforms of both cards (FST); of the last seed
    #[arg(long)]
    waves: Option<PathBuf>,
}

fn faults(name: &str) -> Result<Faults, String> {
    let names = Faults::SETS.map(|set| set.0).join(", ");
    Faults::SETS.iter().find(|set| set.0 == name).map(|set| set.1).ok_or(format!("there are: {names}"))
}

/// The plan of a seed. That of a mutant follows from the catalogue, seed included.
fn plan(args: &Args, mutant: Option<&'static Mutant>, seed: Option<u64>) -> Plan {
    if let Some(mutant) = mutant {
        let plan = (mutant.plan)();
        return Plan {
            seed: seed.unwrap_or(plan.seed),
            ops: args.ops.unwrap_or(plan.ops),
            faults: args.faults.unwrap_or(plan.faults),
            waves: args.waves.clone(),
            mutant: Some(if args.mended { 0 } else { mutant.number() }),
            ..plan
        };
    }
    let by_seed = Plan::of_seed(seed.unwrap_or(1), args.ops.unwrap_or(2000));
    Plan {
        faults: args.faults.unwrap_or(by_seed.faults),
        data_w: match args.data_w.as_deref() {
            Some("64") => 64,
            Some(_) => 512,
            // Small FPGAs have no 100G.
            None if matches!(args.size, Size::Board | Size::Sliced) => 64,
            None => by_seed.data_w,
        },
        mtu: args.mtu.as_ref().map_or(by_seed.mtu, |m| if m == "9000" { Mtu::Jumbo } else { Mtu::Standard }),
        km: args.km.unwrap_or(by_seed.km),
        size: args.size,
        waves: args.waves.clone(),
        ..by_seed
    }
}

/// Runs a plan. A mutant may break anything, so that a test's own expectation fails: that is a verdict, too.
fn run(plan: &Plan) -> Result<Report, String> {
    let style = ProgressStyle::with_template("{msg:28} [{bar:40}] {pos}/{len} commands {elapsed} (left {eta})");
    // The template is a constant; were it wrong, the plain bar would do.
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(plan.ops).with_message(format!("seed {}", plan.seed)).with_style(style);
    let outcome = match plan.mutant {
        None => soak(plan, |done| bar.set_position(done)),
        Some(_) => {
            catch_unwind(AssertUnwindSafe(|| soak(plan, |done| bar.set_position(done)))).unwrap_or_else(|said| {
                let text = said.downcast_ref::<String>().cloned();
                let text = text.or_else(|| said.downcast_ref::<&str>().map(|text| (*text).to_string()));
                Err(format!("a check panicked: {}", text.unwrap_or_default()))
            })
        }
    };
    bar.finish_and_clear();
    outcome
}

fn list() {
    for mutant in MUTANTS {
        println!("{:<20} {}", mutant.name(), mutant.rule.doc().trim());
        println!("{:<20} In the card: {}.", "", mutant.what);
    }
}

/// Kills every mutant, and prints what did it.
fn kill_all() -> ExitCode {
    let mut rows = Vec::new();
    for mutant in MUTANTS {
        let plan = (mutant.plan)();
        println!("{}: {}", mutant.name(), mutant.what);
        // What kills the card as well says nothing about the mutant.
        let alive = run(&Plan { mutant: Some(0), ..plan.clone() }).err().map(|what| format!("THE CARD FAILS: {what}"));
        let begun = Instant::now();
        let said = match alive {
            Some(what) => Err(what),
            None => run(&Plan { mutant: Some(mutant.number()), ..plan.clone() })
                .map_or_else(Ok, |_| Err("LIVES".to_string())),
        };
        let took = begun.elapsed().as_secs();
        let (killed, what) = said.map_or_else(|what| (false, what), |what| (true, what));
        let what = what.lines().next().unwrap_or_default().to_string();
        println!("    seed {}, {} commands, {took} s: {what}", plan.seed, plan.ops);
        rows.push((mutant.name(), plan.seed, killed, what));
    }
    println!("\n{:<20} {:>4}  what killed it", "mutant", "seed");
    for (name, seed, _, what) in &rows {
        println!("{name:<20} {seed:>4}  {what}");
    }
    let alive = rows.iter().filter(|row| !row.2).count();
    println!(
        "{} mutants of the card, {} killed; the card survives each of their plans",
        rows.len(),
        rows.len() - alive
    );
    if alive == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.mutants {
        return kill_all();
    }
    let mutant = match args.mutant.as_deref() {
        Some("list") => {
            list();
            return ExitCode::SUCCESS;
        }
        Some(name) => match Mutant::by_name(name) {
            Some(mutant) => Some(mutant),
            None => {
                eprintln!("there is no mutant {name}; --mutant list shows those that there are");
                return ExitCode::FAILURE;
            }
        },
        None => None,
    };
    let mut commands = 0;
    for number in 0..args.seeds {
        let first = plan(&args, mutant, args.seed);
        let plan = plan(&args, mutant, Some(first.seed.saturating_add(number)));
        let seed = plan.seed;
        match run(&plan) {
            Ok(report) => {
                commands += report.summary.commands;
                let Plan { data_w, mtu, km, faults, blocks, .. } = &plan;
                println!(
                    "seed {seed}: DATA_W {data_w}, {mtu:?}, {km} km, {faults:?}, {blocks} blocks: {} block operations in {} \
                     cycles, {} of unknown outcome: linearizable, untorn, stores equal",
                    report.summary.commands, report.cycles, report.summary.unknown
                );
            }
            Err(what) => {
                let mended = if args.mended { "--mended " } else { "" };
                let mut of = mutant.map_or(String::new(), |mutant| format!("--mutant {} {mended}", mutant.name()));
                if args.size != Size::Full {
                    of += &format!("--size {} ", args.size.name());
                }
                for (name, value) in
                    [("data-w", &args.data_w), ("mtu", &args.mtu), ("km", &args.km.map(|km| km.to_string()))]
                {
                    of += &value.as_ref().map_or(String::new(), |value| format!("--{name} {value} "));
                }
                eprintln!("seed {seed} FAILED: {what}");
                eprintln!(
                    "to replay, with waves: cargo xtask soak {of}--seed {seed} --ops {} --waves out/waves",
                    plan.ops
                );
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{} seeds, {commands} block operations: all hold", args.seeds);
    ExitCode::SUCCESS
}
