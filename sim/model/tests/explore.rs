//! The bounded search that every test run does. The longer one: `--example explore -- thorough`.

use dyad_model::explore::{Limits, Outcome, Scenario, search};

#[test]
fn every_quick_scenario_is_complete_and_sound() {
    let mut states = 0;
    for sc in Scenario::quick() {
        let found = search(&sc, Limits::default(), &mut |_, _, _| {});
        match found.outcome {
            Outcome::Complete => states += found.states,
            Outcome::Cut => panic!("{}: no limit was set", sc.name),
            Outcome::Broken(_, way) => panic!("{way}"),
        }
    }
    assert!(states > 100_000, "the search has shrunk to {states} states");
}

#[test]
fn names_are_unique() {
    let all: Vec<_> = Scenario::quick().into_iter().chain(Scenario::thorough()).collect();
    for (i, a) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|b| b.name != a.name), "{} twice", a.name);
    }
}
