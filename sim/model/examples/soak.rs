//! Racing clients at both sites of the model, under faults, judged.
//!
//! ```text
//! cargo run --release -p dyad-model --example soak -- --seed 7 --ops 100000 --faults all
//! cargo run --release -p dyad-model --example soak -- --seeds 100 --ops 100000
//! cargo run --release -p dyad-model --example soak -- --mutants
//! ```

use clap::Parser;
use dyad_model::protocol::Mutation;
use dyad_model::world::{Faults, Plan, soak};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;

#[derive(Parser)]
#[command(about = "Soak test of the coherence model")]
struct Args {
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seeds to run.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Commands a seed.
    #[arg(long, default_value_t = 100_000)]
    ops: u64,
    /// `none`, `link`, `storm`, `all`; without it, each seed takes the next in turn.
    #[arg(long)]
    faults: Option<String>,
    /// Run with this defect.
    #[arg(long)]
    mutation: Option<String>,
    /// Run every defect until a seed notices it.
    #[arg(long)]
    mutants: bool,
}

fn plan(args: &Args, seed: u64, mutation: Option<Mutation>) -> Plan {
    let faults = match args.faults.as_deref() {
        None => Faults::SETS[(seed % 4) as usize],
        Some(name) => Faults::by_name(name).unwrap_or_else(|| {
            eprintln!("no faults {name}; there are: none, link, storm, all");
            std::process::exit(2);
        }),
    };
    Plan { seed, ops: args.ops, faults, mutation }
}

fn main() {
    let args = Args::parse();
    if args.mutants {
        let mut failed = false;
        for m in Mutation::ALL {
            let start = Instant::now();
            let killed = (args.seed..args.seed + args.seeds.max(40)).find_map(|seed| {
                let p = Plan { ops: args.ops.min(20_000), ..plan(&args, seed, Some(*m)) };
                std::panic::catch_unwind(|| soak(&p)).ok()?.err().map(|f| (seed, f))
            });
            let time = start.elapsed().as_secs_f64();
            match killed {
                Some((seed, f)) => println!("{:22} dies at seed {seed:3} {time:6.1} s  {}", m.name(), f.what),
                None => {
                    failed = true;
                    println!("{:22} LIVES {time:6.1} s", m.name());
                }
            }
        }
        std::process::exit(i32::from(failed));
    }
    let mutation = args.mutation.as_deref().map(|name| {
        Mutation::by_name(name).unwrap_or_else(|| {
            eprintln!("no defect {name}");
            std::process::exit(2);
        })
    });
    let bar = ProgressBar::new(args.seeds);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {msg}").expect("a template"));
    let start = Instant::now();
    let (mut loosely, mut undecided, mut commands, mut unknown, mut frames, mut lost, mut ups, mut renewals) =
        (0, 0, 0, 0, 0, 0, 0, 0);
    for seed in args.seed..args.seed + args.seeds {
        match soak(&plan(&args, seed, mutation)) {
            Ok(r) => {
                commands += r.summary.commands as u64;
                loosely += r.summary.loosely as u64;
                undecided += r.summary.undecided as u64;
                unknown += r.summary.unknown as u64;
                frames += r.frames[0];
                lost += r.frames[1] + r.frames[3];
                ups += r.link_ups;
                renewals += r.renewals;
                if args.seeds == 1 {
                    println!("{r:#?}");
                }
            }
            Err(failure) => {
                bar.finish_and_clear();
                eprintln!("FAILED {failure}");
                std::process::exit(1);
            }
        }
        bar.inc(1);
        bar.set_message(format!("{:.2} M commands/s", commands as f64 / 1e6 / start.elapsed().as_secs_f64()));
    }
    bar.finish_and_clear();
    let time = start.elapsed().as_secs_f64();
    println!(
        "{commands} commands over {} seeds in {time:.1} s ({:.2} M/s): linearizable, untorn, stores equal, each completed \
         once; {unknown} of unknown outcome; {loosely} blocks decided loosely, {undecided} not; {frames} frames, {lost} lost; {ups} link-ups, {renewals} with new numbers",
        args.seeds,
        commands as f64 / 1e6 / time
    );
}
