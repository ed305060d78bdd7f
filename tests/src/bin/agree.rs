//! Long runs of cards against model: `cargo xtask agree`.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dyad_model::protocol::Mutation;
use dyad_tests::agree::{Disagreement, Plan, Report, agree, defects, shrink};
use dyad_tests::mutants::Mutant;
use dyad_tests::system::Size;
use indicatif::{ProgressBar, ProgressStyle};

/// Random histories on two Verilated cards, each of which must end as the protocol model can
///
/// A seed decides width, MTU and 250 histories; then the next seed goes on with fresh cards.
#[derive(Parser)]
#[command(name = "cargo xtask agree", bin_name = "cargo xtask agree")]
struct Args {
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Histories
    #[arg(long, default_value_t = 1000)]
    histories: u64,
    /// Sizes of the cards
    #[arg(long, default_value = "full")]
    size: Size,
    /// A card with a rule left out; `cargo xtask soak --mutant list` shows them
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
    /// A model with a rule left out; `docs/coherence.md` lists them
    #[arg(long, value_name = "NAME", value_parser = mutation)]
    mutation: Option<Mutation>,
    /// Asks the model with each rule left out about each history, and says which it is found out on
    #[arg(long, conflicts_with_all = ["mutant", "mutation"])]
    mutations: bool,
    /// Does not look for the smallest history that still disagrees
    #[arg(long)]
    whole: bool,
}

fn mutation(name: &str) -> Result<Mutation, String> {
    Mutation::by_name(name).ok_or(format!("there is no defect {name}"))
}

fn tell(report: &Report, seconds: f64) {
    let Report { histories, commands, races, struck, cycles, score, coverage } = report;
    println!(
        "{histories} histories, {commands} commands, {races} races, {struck} frames lost, doubled or late, {cycles} cycles, {seconds:.0} s: \
         cards and model agree"
    );
    println!(
        "judged by all endings: {}; by a search for the one: {}, with frames out of order: {}; undecided: {}; {} states of the model",
        score.by_all, score.by_goal, score.by_any_order, score.undecided, score.states
    );
    println!(
        "{} races, each run four times, have {} endings in the model; the cards have shown {} of them",
        coverage.0, coverage.1, coverage.2
    );
}

fn complain(args: &Args, plan: &Plan, found: &Disagreement) {
    eprintln!("seed {}, history {}:\n{}{}", found.seed, found.number, found.shape, found.what);
    if !args.whole {
        match shrink(plan, found) {
            Some((shape, what)) => eprintln!("\nthe smallest that disagrees on fresh cards:\n{shape}{what}"),
            None => eprintln!("\nfresh cards agree on this history alone: what came before it counts"),
        }
    }
    let mut with = String::new();
    if args.size != Size::Full {
        with += &format!(" --size {}", args.size.name());
    }
    if let Some(name) = &args.mutant {
        with += &format!(" --mutant {name}");
    }
    if let Some(mutation) = args.mutation {
        with += &format!(" --mutation {}", mutation.name());
    }
    eprintln!("\nto replay: cargo xtask agree --seed {} --histories {}{with}", found.seed, found.number);
}

fn list(outcome: Result<Vec<(Mutation, Option<u64>)>, String>) -> ExitCode {
    match outcome {
        Ok(rows) => {
            for (mutation, noticed) in rows {
                let at = noticed.map_or("not noticed".into(), |number| format!("history {number}"));
                println!("{:<20} {at}", mutation.name());
            }
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mutant = match args.mutant.as_deref().map(|name| (name, Mutant::by_name(name))) {
        None => None,
        Some((_, Some(mutant))) => Some(mutant.number()),
        Some((name, None)) => {
            eprintln!("there is no mutant {name}; cargo xtask soak --mutant list shows those that there are");
            return ExitCode::FAILURE;
        }
    };
    let plan = Plan { seed: args.seed, histories: args.histories, size: args.size, mutant, mutation: args.mutation };
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} histories {elapsed} (left {eta})");
    // The template is a constant; were it wrong, the plain bar would do.
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(plan.histories).with_message("cards and model").with_style(style);
    let begun = Instant::now();
    if args.mutations {
        let outcome = defects(&plan, |done| bar.set_position(done));
        bar.finish_and_clear();
        return list(outcome);
    }
    let outcome = agree(&plan, |done| bar.set_position(done));
    bar.finish_and_clear();
    match outcome {
        Ok(report) => {
            tell(&report, begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(found) => {
            complain(&args, &plan, &found);
            ExitCode::FAILURE
        }
    }
}
