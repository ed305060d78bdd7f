//! The soak test, for as long as a test may take: a fixed set of seeds, and fresh ones each day.

use dyad_tests::soak::{Faults, Plan, soak};

fn holds(plan: &Plan) -> dyad_tests::soak::Report {
    soak(plan, |_| ()).unwrap_or_else(|what| {
        panic!(
            "{plan:?}: {what}\nto replay, with waves: cargo xtask soak --seed {} --ops {} --waves out/waves",
            plan.seed, plan.ops
        )
    })
}

/// A link without faults, both widths.
#[test]
fn soak_on_a_good_link() {
    for data_w in [64, 512] {
        let report = holds(&Plan { data_w, faults: Faults::NONE, blocks: 5, store_jitter: 0, ..Plan::of_seed(1, 400) });
        assert_eq!(report.summary.unknown, 0);
        assert!(report.summary.commands >= 400 && report.summary.undecided == 0, "{:?}", report.summary);
    }
}

/// A link that does everything wrong, both widths.
#[test]
fn soak_in_a_storm() {
    for (seed, data_w) in [(2, 64), (3, 512)] {
        let report = holds(&Plan { data_w, faults: Faults::BLIND, blocks: 6, ..Plan::of_seed(seed, 600) });
        for counter in ["blocks_resent", "rx_duplicate", "rx_bad_crc", "rx_short", "blocks_committed"] {
            assert!(report.counters.contains(counter), "{counter} never happened:\n{}", report.counters);
        }
    }
}

/// Seeds of today: what they find, they print the seed of.
#[test]
fn soak_with_fresh_seeds() {
    let days =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400);
    for seed in 0..2 {
        holds(&Plan::of_seed(1000 * days + seed, 200));
    }
}
