//! Searches scenarios, or looks for the scenario that notices a defect.
//!
//! ```text
//! cargo run --release -p dyad-model --example explore -- quick
//! cargo run --release -p dyad-model --example explore -- thorough --states 20000000
//! cargo run --release -p dyad-model --example explore -- race --mutation SkipSequence
//! cargo run --release -p dyad-model --example explore -- quick --mutants
//! ```

use clap::Parser;
use dyad_model::explore::{Limits, Outcome, Scenario, search};
use dyad_model::protocol::Mutation;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(about = "Exhaustive search of the coherence protocol")]
struct Args {
    /// `quick`, `thorough`, `all`, or the name of a scenario.
    what: String,
    /// States to visit at most in each scenario.
    #[arg(long, default_value_t = 5_000_000)]
    states: usize,
    /// Search with this defect.
    #[arg(long)]
    mutation: Option<String>,
    /// Search with every defect, one after the other, until a scenario notices it.
    #[arg(long)]
    mutants: bool,
    /// Print the ways that break a property.
    #[arg(long)]
    trace: bool,
    /// Leave out the check that everything can finish.
    #[arg(long)]
    safety: bool,
}

fn run(sc: &Scenario, args: &Args, safety: bool) -> dyad_model::explore::Search {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("a template"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let limits = Limits { states: args.states, liveness: !safety };
    let found = search(sc, limits, &mut |states, steps, depth| {
        bar.set_message(format!("{}: {states} states, {steps} steps, depth {depth}", sc.name));
    });
    bar.finish_and_clear();
    found
}

fn main() {
    let args = Args::parse();
    let scenarios = match args.what.as_str() {
        "quick" => Scenario::quick(),
        "thorough" => Scenario::thorough(),
        "all" => Scenario::quick().into_iter().chain(Scenario::thorough()).collect(),
        name => match Scenario::by_name(name) {
            Some(sc) => vec![sc],
            None => {
                eprintln!("no scenario {name}; there are:");
                for sc in Scenario::quick().iter().chain(&Scenario::thorough()) {
                    eprintln!("  {:14} {}", sc.name, sc.doc);
                }
                std::process::exit(2);
            }
        },
    };
    let mut failed = false;
    if args.mutants {
        for m in Mutation::ALL {
            let start = Instant::now();
            // First whether it shows or stores something wrong; then whether it gets stuck.
            let passes = if args.safety { vec![true] } else { vec![true, false] };
            let killed = passes.into_iter().find_map(|safety| {
                scenarios.iter().find_map(|sc| match run(&sc.broken(*m), &args, safety).outcome {
                    Outcome::Broken(v, text) => Some((sc.name, v, text)),
                    _ => None,
                })
            });
            let time = start.elapsed().as_secs_f64();
            match killed {
                Some((name, v, text)) => {
                    println!("{:22} dies in {name:14} {time:6.1} s  {}", m.name(), v.0);
                    if args.trace {
                        println!("{text}");
                    }
                }
                None => {
                    failed = true;
                    println!("{:22} LIVES {time:6.1} s  {}", m.name(), m.doc().trim());
                }
            }
        }
        std::process::exit(i32::from(failed));
    }
    let mutation = args.mutation.as_deref().map(|name| {
        Mutation::by_name(name).unwrap_or_else(|| {
            eprintln!("no defect {name}; there are: {:?}", Mutation::ALL);
            std::process::exit(2);
        })
    });
    for sc in scenarios {
        let sc = mutation.map_or(sc.clone(), |m| sc.broken(m));
        let start = Instant::now();
        let found = run(&sc, &args, args.safety);
        let time = start.elapsed().as_secs_f64();
        let word = match &found.outcome {
            Outcome::Complete => "complete",
            Outcome::Cut => "cut off",
            Outcome::Broken(..) => "BROKEN",
        };
        println!(
            "{:14} {word:9} {:9} states {:10} steps  depth {:3}  {:3} frames  {time:6.1} s  {}",
            sc.name, found.states, found.steps, found.depth, found.frames, sc.doc
        );
        if let Outcome::Broken(_, text) = found.outcome {
            failed = true;
            println!("{text}");
        }
    }
    std::process::exit(i32::from(failed));
}
