//! `dyad bench` on what the sites have to agree about: owners, compare-and-writes, flushes, writes that race.

mod common;

use common::{Folder, dyad, fails, json, succeeds};
use serde_json::Value;

/// One thread: with other tests beside it, two would wait for each other most of the time.
const SMALL: [&str; 6] = ["bench", "--json", "--threads", "1", "--store-mib", "2"];

fn bench(arguments: &[&str]) -> Value {
    json(&succeeds(dyad(&SMALL).args(["--warmup", "2"]).args(arguments)))
}

/// On a link of no length.
fn near(arguments: &[&str]) -> Value {
    bench(&[&["--km", "0"], arguments].concat())
}

/// Over 8 km, just far enough to tell round trips.
fn far(arguments: &[&str]) -> Value {
    bench(&[&["--km", "8"], arguments].concat())
}

fn counter(outcome: &Value, name: &str) -> u64 {
    outcome["counters"][name].as_u64().unwrap_or(0)
}

/// Whole round trips, and cycles beyond them, of the slowest.
fn trips(outcome: &Value) -> (u64, u64) {
    let max = &outcome["round_trips"]["max"];
    let of = |key: &str| max[key].as_u64().unwrap_or_else(|| panic!("{outcome}"));
    (of("round_trips"), of("cycles"))
}

#[test]
fn each_command_does_what_it_says() {
    for (arguments, commands, counted) in [
        (vec!["--pattern", "flush"], 20, ("flushes", 20)),
        (vec!["--pattern", "flush", "--depth", "8"], 20, ("flushes", 20)),
        (vec!["--pattern", "compare-write"], 20, ("blocks_written", 20)),
        // The same few blocks again and again, many at a time: each expects what the one before it wrote.
        (vec!["--pattern", "compare-write", "--depth", "8", "--order", "zipf"], 20, ("blocks_written", 20)),
        (vec!["--pattern", "compare-write", "--site", "b", "--depth", "4"], 20, ("blocks_written", 20)),
        (vec!["--pattern", "acquire", "--site", "b"], 20, ("owners_taken", 20)),
        (vec!["--pattern", "acquire", "--depth", "8", "--blocks", "4", "--order", "random"], 20, ("owners_taken", 80)),
        (vec!["--pattern", "migrate"], 20, ("owners_taken", 10)),
        (vec!["--pattern", "migrate", "--site", "both"], 40, ("owners_taken", 40)),
        (vec!["--pattern", "bounce"], 40, ("owners_taken", 40)),
        (vec!["--pattern", "race"], 40, ("blocks_written", 40)),
        (vec!["--pattern", "lookup", "--site", "both", "--depth", "4"], 40, ("lookups", 40 * 512)),
    ] {
        let outcome = near(&[&["--count", "20"], &arguments[..]].concat());
        let ended: u64 = outcome["over_time"].as_array().unwrap().iter().map(|p| p["commands"].as_u64().unwrap()).sum();
        assert_eq!(ended, commands, "{arguments:?}: {outcome}");
        assert_eq!((counted.0, counter(&outcome, counted.0)), counted, "{arguments:?}: {outcome}");
        assert_eq!(counter(&outcome, "miscompares"), 0, "{arguments:?}");
        assert_eq!(outcome["pattern"], arguments[1]);
        // The added cycles of a change of owner are within the budget of the design.
        let added = outcome["added_cycles"]["max"].as_i64();
        let alone =
            !arguments.contains(&"--depth") && ["flush", "acquire", "migrate", "bounce"].contains(&arguments[1]);
        assert_eq!(added.is_some(), alone, "{arguments:?}: {outcome}");
        assert!(added.is_none_or(|added| (1..=64).contains(&added)), "{arguments:?}: {added:?}");
        let changes = outcome["owner_changes_per_second"].as_f64();
        assert_eq!(changes.is_some(), ["acquire", "migrate", "bounce"].contains(&arguments[1]), "{arguments:?}");
        assert!(outcome.get("round_trips").is_none(), "a link of no length has no round trips to tell: {outcome}");
    }
}

/// The slowest of each took `whole` round trips, and at most `most` cycles beyond them.
fn take(list: &[(&[&str], u64, u64)]) -> Vec<Value> {
    let mut outcomes = Vec::new();
    for (arguments, whole, most) in list {
        let outcome = far(&[&["--count", "3"], *arguments].concat());
        let (trips, cycles) = trips(&outcome);
        assert!(trips == *whole && cycles <= *most, "{arguments:?}: {trips} + {cycles} cycles");
        outcomes.push(outcome);
    }
    outcomes
}

#[test]
fn round_trips_of_blocks() {
    let outcomes = take(&[
        (&["--pattern", "write"], 1, 1000),
        (&["--pattern", "write", "--site", "b"], 1, 1400),
        (&["--pattern", "read", "--site", "b"], 0, 800),
        (&["--pattern", "compare-write"], 1, 1900),
    ]);
    assert!(outcomes[0].get("added_cycles").is_some(), "{}", outcomes[0]);
    // A request has a floor of its own.
    assert_eq!((outcomes[1].get("added_cycles"), counter(&outcomes[1], "tx_request")), (None, 3), "{}", outcomes[1]);
}

#[test]
fn round_trips_of_owners() {
    let outcomes = take(&[
        (&["--pattern", "flush"], 1, 300),
        (&["--pattern", "acquire", "--site", "b"], 1, 250),
        (&["--pattern", "migrate", "--site", "b"], 1, 250),
        (&["--pattern", "bounce"], 1, 250),
    ]);
    let part = outcomes[3]["owner_changes_of_bound"].as_f64().unwrap();
    assert!((0.9..1.0).contains(&part), "{part}");
}

#[test]
fn a_write_takes_a_round_trip_more_for_each_that_came_first() {
    let outcome = far(&["--pattern", "race", "--count", "4"]);
    let kinds = outcome["kinds"].as_array().unwrap();
    assert_eq!((kinds.len(), &kinds[0]["kind"], &kinds[1]["kind"]), (2, &"1st".into(), &"2nd".into()));
    for (kind, expected) in kinds.iter().zip(1..) {
        let (whole, cycles) = trips(kind);
        assert_eq!((whole, kind["count"].as_u64()), (expected, Some(4)), "{kind}");
        assert!(cycles < 3000, "{kind}");
    }
}

#[test]
fn a_lun_of_any_size_changes_its_owner_in_the_same_time() {
    let run = [
        "--pattern",
        "migrate",
        "--site",
        "b",
        "--count",
        "2",
        "--warmup",
        "0",
        "--km",
        "8",
        "--sweep",
        "store-mib=64,1073741824",
    ];
    let outcome = json(&succeeds(dyad(&SMALL).args(run)));
    let points = outcome["sweeps"][0]["points"].as_array().unwrap();
    let trips = |point: &Value| (trips(point).0, point["round_trips"]["p50"].clone());
    assert_eq!((points.len(), trips(&points[0])), (2, trips(&points[1])), "{points:?}");
    assert_eq!(trips(&points[0]).0, 1);
}

#[test]
fn a_lun_that_is_written_changes_its_owner_in_two_round_trips() {
    let outcome = far(&["--pattern", "migrate", "--site", "b", "--busy", "8", "--count", "4"]);
    assert_eq!((&outcome["busy"], outcome.get("added_cycles")), (&8.into(), None));
    let (acquires, releases) = (trips(&outcome["kinds"][0]), trips(&outcome["kinds"][1]));
    // The writes that were admitted are sent first: 8 blocks take 4200 cycles of the line.
    assert!(acquires > (1, 250) && acquires < (2, 6000), "{acquires:?}");
    assert_eq!(releases.0, 1, "{releases:?}");
}

#[test]
fn fewer_changes_of_owner_are_worse() {
    let folder = Folder::new("bench-owners");
    let before = near(&["--pattern", "bounce", "--count", "4"]);
    let mut after = before.clone();
    after["owner_changes_per_second"] = (before["owner_changes_per_second"].as_f64().unwrap() * 0.9).into();
    folder.write("a.json", before.to_string().as_bytes());
    folder.write("b.json", after.to_string().as_bytes());
    let [a, b] = ["a.json", "b.json"].map(|name| folder.path(name));
    succeeds(&mut dyad(&["bench", "compare", &a, &a]));
    let output = dyad(&["bench", "compare", &a, &b]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("owner_changes_per_second"), "{text}");
}

#[test]
fn the_page_and_the_other_verbs_know_these_patterns() {
    let folder = Folder::new("bench-owners-page");
    let report = folder.path("report");
    let arguments = [
        "bench",
        "--km",
        "8",
        "--threads",
        "1",
        "--store-mib",
        "2",
        "--pattern",
        "race",
        "--count",
        "3",
        "--report",
        &report,
    ];
    let text = succeeds(&mut dyad(&arguments));
    assert!(
        text.contains("3 writes that ended 2nd of their block") && text.contains("round trips: p50 2 + "),
        "{text}"
    );
    let page = std::fs::read_to_string(format!("{report}/report.html")).unwrap();
    assert!(page.contains("2nd") && page.contains("round trips: p50 2 + ") && !page.contains("NaN"), "{page}");
    let trace = ["trace", "--km", "0", "--threads", "1", "--store-mib", "2"];
    let text = succeeds(dyad(&trace).args(["--pattern", "acquire", "--site", "b", "--last", "1"]));
    assert!(text.contains("acquire from block"), "{text}");
    let text = fails(dyad(&trace).args(["--pattern", "race"]), 1);
    assert!(text.contains("both sites do it"), "{text}");
}
