//! Racing clients under faults: a fixed set of seeds, and a fresh one. The long run: `--example soak`.

use dyad_model::world::{Faults, Plan, soak};
use std::time::SystemTime;

fn run(seed: u64, faults: Faults) {
    match soak(&Plan { seed, ops: 4000, faults, mutation: None }) {
        Ok(report) => {
            assert!(report.summary.commands == 4000 && report.frames[0] > 0);
            assert_eq!(report.summary.undecided, 0, "seed {seed}");
        }
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn fixed_seeds_are_linearizable_untorn_and_drain() {
    for seed in 1..=40 {
        run(seed, Faults::SETS[(seed % 4) as usize]);
    }
}

#[test]
fn a_fresh_seed_is_linearizable_untorn_and_drains() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seed = now.as_millis() as u64;
    for faults in Faults::SETS {
        run(seed, faults);
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let plan = Plan { seed: 5, ops: 3000, faults: Faults::ALL, mutation: None };
    let [a, b] = [soak(&plan), soak(&plan)];
    assert_eq!(a, b);
    let other = soak(&Plan { seed: 6, ..plan });
    assert_ne!(a, other);
}
