//! Long runs of the soak test on the Verilated cards: `cargo xtask soak`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dyad_driver::Mtu;
use dyad_tests::soak::{Faults, Plan, soak};
use indicatif::{ProgressBar, ProgressStyle};

/// Racing clients at both sites of two Verilated cards, on a bad link, judged for linearizability
///
/// Each seed decides width, MTU, distance, faults and the number of blocks that are raced for, unless they are given.
#[derive(Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
struct Args {
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seeds to run, one after the other
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Commands a seed
    #[arg(long, default_value_t = 2000)]
    ops: u64,
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
    /// Cards with 64 slots, each of which is soon used again
    #[arg(long)]
    small: bool,
    /// Directory for waveforms of both cards (FST); of the last seed
    #[arg(long)]
    waves: Option<PathBuf>,
}

fn faults(name: &str) -> Result<Faults, String> {
    let names = Faults::SETS.map(|set| set.0).join(", ");
    Faults::SETS.iter().find(|set| set.0 == name).map(|set| set.1).ok_or(format!("there are: {names}"))
}

fn plan(args: &Args, seed: u64) -> Plan {
    let by_seed = Plan::of_seed(seed, args.ops);
    Plan {
        faults: args.faults.unwrap_or(by_seed.faults),
        data_w: args.data_w.as_ref().map_or(by_seed.data_w, |w| if w == "64" { 64 } else { 512 }),
        mtu: args.mtu.as_ref().map_or(by_seed.mtu, |m| if m == "9000" { Mtu::Jumbo } else { Mtu::Standard }),
        km: args.km.unwrap_or(by_seed.km),
        small: args.small,
        waves: args.waves.clone(),
        ..by_seed
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let style = ProgressStyle::with_template("{msg:28} [{bar:40}] {pos}/{len} commands {elapsed} (left {eta})");
    // The template is a constant; were it wrong, the plain bar would do.
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut commands = 0;
    for seed in args.seed..args.seed.saturating_add(args.seeds) {
        let plan = plan(&args, seed);
        let bar = ProgressBar::new(plan.ops).with_message(format!("seed {seed}"));
        bar.set_style(style.clone());
        let outcome = soak(&plan, |done| bar.set_position(done));
        bar.finish_and_clear();
        match outcome {
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
                eprintln!("seed {seed} FAILED: {what}");
                eprintln!("to replay, with waves: cargo xtask soak --seed {seed} --ops {} --waves out/waves", args.ops);
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{} seeds, {commands} block operations: all hold", args.seeds);
    ExitCode::SUCCESS
}
