//! `dyad bench` on a simulated pair that this call makes.

mod common;

use common::{Folder, cards_with_lun, dyad, fails, json, succeeds};
use serde_json::Value;

/// Small runs, on a link of no length.
const SMALL: [&str; 5] = ["bench", "--km", "0", "--store-mib", "2"];

fn bench(arguments: &[&str]) -> Value {
    json(&succeeds(dyad(&SMALL).arg("--json").args(arguments)))
}

/// What programs rely on, whatever the pattern.
const KEYS: [&str; 20] = [
    "pattern",
    "order",
    "depth",
    "blocks",
    "count",
    "warmup",
    "seed",
    "site",
    "simulated",
    "data_w",
    "clock_mhz",
    "link",
    "stage_cycles",
    "latency_ns",
    "segment_cycles",
    "distribution_cycles",
    "over_time",
    "commands_per_second",
    "retries",
    "counters",
];

#[test]
fn bench_measures_each_pattern() {
    for pattern in ["write", "read", "mixed", "lookup"] {
        for depth in ["1", "16"] {
            let outcome = bench(&["--count", "20", "--order", "random", "--pattern", pattern, "--depth", depth]);
            let what = format!("{pattern} at depth {depth}: {outcome}");
            for key in KEYS {
                assert!(outcome.get(key).is_some(), "no `{key}`: {what}");
            }
            assert!(outcome["latency_ns"]["min"].as_i64().unwrap() > 0, "{what}");
            assert_eq!(outcome["added_cycles"].is_object(), pattern == "write" && depth == "1", "{what}");
            assert_eq!(
                outcome["goodput_fraction"].is_number(),
                ["write", "mixed"].contains(&pattern) && depth == "16",
                "{what}"
            );
            // The mean's parts are all of it, and every command is somewhere in the distribution and in time.
            let sum = |list: &str, key: &str| {
                let list = outcome[list].as_array().unwrap();
                list.iter().map(|entry| entry.get(key).unwrap_or(&entry[2]).as_u64().unwrap()).sum::<u64>()
            };
            assert_eq!((sum("distribution_cycles", "-"), sum("over_time", "commands")), (20, 20), "{what}");
        }
    }
}

#[test]
fn warm_up_is_not_counted_and_a_seed_is_a_run() {
    let arguments = ["--count", "30", "--warmup", "25", "--order", "zipf", "--seed", "9"];
    let strip = |mut outcome: Value| {
        // The one figure of this machine.
        outcome.as_object_mut().unwrap().remove("sim_khz");
        outcome
    };
    let outcome = strip(bench(&arguments));
    assert_eq!(outcome["counters"]["blocks_written"], 30, "{outcome}");
    assert_eq!((&outcome["zipf_theta"], &outcome["warmup"]), (&0.99.into(), &25.into()));
    assert_eq!(outcome, strip(bench(&arguments)));
}

#[test]
fn cards_behind_sockets_are_simulated_and_timed_by_their_own_clock() {
    let folder = Folder::new("bench-sockets");
    let (_running, [a, b]) = cards_with_lun(&folder);
    let both = ["--socket", &a, "--socket", &b];
    let arguments = ["bench", "--overwrite", "--count", "50", "--depth", "4", "--json"];
    let outcome = json(&succeeds(dyad(&arguments).args(both)));
    assert_eq!(outcome["simulated"], true, "{outcome}");
    // Four writes of a thousand cycles at a time make some 600,000 a second of 156.25 million cycles; this machine simulates
    // a thousandth of that.
    let rate = outcome["commands_per_second"].as_f64().unwrap();
    assert!((2e4..1e6).contains(&rate), "{outcome}");
    let text = succeeds(dyad(&["trace", "--pattern", "read"]).args(both));
    assert!(text.contains("SIMULATED"), "{text}");
}

#[test]
fn mixed_tells_reads_and_writes_apart() {
    let outcome = bench(&["--pattern", "mixed", "--read-percent", "30", "--count", "200", "--depth", "8"]);
    let kinds = outcome["kinds"].as_array().unwrap();
    assert_eq!((&kinds[0]["kind"], &kinds[1]["kind"]), (&"write".into(), &"read".into()));
    let reads = kinds[1]["count"].as_u64().unwrap();
    assert!((35..=85).contains(&reads), "30 % of 200 were to be reads: {reads}");
    assert_eq!(kinds[0]["count"].as_u64().unwrap() + reads, 200);
    assert_eq!(outcome["counters"]["blocks_read"], reads);
    let stages = |kind: &Value| -> Vec<String> {
        kind["stage_cycles"].as_array().unwrap().iter().map(|stage| stage[0].as_str().unwrap().to_owned()).collect()
    };
    assert!(stages(&kinds[0]).contains(&"ack".to_owned()) && !stages(&kinds[1]).contains(&"ack".to_owned()));
    let all = bench(&["--pattern", "mixed", "--read-percent", "100", "--count", "20"]);
    assert_eq!(all["kinds"].as_array().unwrap().len(), 1, "no writes were asked for: {all}");
}

#[test]
fn reports_need_nothing_beside_them() {
    let folder = Folder::new("bench-report");
    let (report, hgrm) = (folder.path("report"), folder.path("out.hgrm"));
    let arguments = ["--count", "200", "--depth", "8", "--report", &report, "--hgrm", &hgrm];
    let text = succeeds(dyad(&SMALL).args(arguments));
    assert!(text.contains("SIMULATED") && text.contains("report.html"), "{text}");
    let outcome = json(&std::fs::read_to_string(format!("{report}/report.json")).unwrap());
    let page = std::fs::read_to_string(format!("{report}/report.html")).unwrap();
    for part in ["Latency by stage", "Distribution", "Latency over time", "Goodput over time", "floor", "SIMULATED"] {
        assert!(page.contains(part), "no {part}");
    }
    let outside = ["http", "src=", "href=", "<script", "@import", "NaN", "inf "];
    assert!(outside.iter().all(|part| !page.contains(part)) && page.matches("<svg").count() >= 5, "{page}");
    let hgrm = std::fs::read_to_string(&hgrm).unwrap();
    let last = hgrm.lines().rfind(|line| !line.starts_with('#')).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(last[1..], ["1.000000000000", "200", "inf"]);
    let max_us = outcome["latency_ns"]["max"].as_f64().unwrap() / 1000.0;
    assert!((last[0].parse::<f64>().unwrap() - max_us).abs() < 0.01, "{hgrm}");
}

#[test]
fn a_point_of_a_sweep_is_what_a_run_with_that_value_is() {
    let folder = Folder::new("bench-sweep");
    let report = folder.path("report");
    let base = ["--count", "80", "--depth", "16", "--order", "random"];
    let sweeps = ["--sweep", "km=0,2", "--sweep", "loss=0,0.05", "--report", &report];
    let outcome = bench(&[&base[..], &sweeps].concat());
    let sweep = |index: usize| (&outcome["sweeps"][index]["axis"], &outcome["sweeps"][index]["points"]);
    let ((first, by_km), (second, by_loss)) = (sweep(0), sweep(1));
    assert_eq!((first, second), (&"km".into(), &"loss".into()));
    let far = json(&succeeds(dyad(&["bench", "--km", "2", "--store-mib", "2", "--json"]).args(base)));
    let lossy = bench(&[&base[..], &["--loss", "0.05"]].concat());
    for (point, run) in [(&by_km[0], &outcome), (&by_km[1], &far), (&by_loss[0], &outcome), (&by_loss[1], &lossy)] {
        for key in ["goodput_fraction", "latency_ns", "retries", "counters", "commands_per_second"] {
            assert_eq!(point[key], run[key], "{key}");
        }
    }
    let goodput = |point: &Value| point["goodput_fraction"].as_f64().unwrap();
    assert!(by_loss[1]["retries"].as_u64().unwrap() > 0 && goodput(&by_loss[1]) < goodput(&by_loss[0]), "{by_loss}");
    let page = std::fs::read_to_string(format!("{report}/report.html")).unwrap();
    for part in ["Goodput against distance", "Goodput against loss", "Latency against loss", "The floor on a board"] {
        assert!(page.contains(part), "no {part}");
    }
    let constants = outcome["board"]["constants"].as_array().unwrap();
    let names: Vec<_> = constants.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["PCIe posted write", "PCIe read", "MAC", "PHY"]);
    let text = succeeds(dyad(&SMALL).args(["--count", "5", "--sweep", "km=0"]));
    assert!(text.contains("sweep of km") && text.contains("sent again"), "{text}");
}

#[test]
fn both_sites_write_at_once_each_where_it_owns() {
    let outcome = bench(&["--site", "both", "--count", "200", "--depth", "32", "--order", "random"]);
    assert_eq!(outcome["counters"]["blocks_written"], 400, "{outcome}");
    // Each site's blocks went to the other as writes of their owner: a request would say that the half is the other's.
    assert_eq!(
        (&outcome["counters"]["blocks_mirrored"], &outcome["counters"]["tx_request"]),
        (&400.into(), &Value::Null)
    );
    let by_site = outcome["goodput_by_site"].as_array().unwrap();
    assert_eq!((&by_site[0][0], &by_site[1][0]), (&"a".into(), &"b".into()));
    for site in by_site {
        // Frames of 4264 bytes and ACKs of 96, with all overhead, leave 0.94 and more where the line is full.
        assert!(site[1].as_f64().unwrap() > 0.85, "{outcome}");
    }
    let one = bench(&["--count", "20"]);
    assert_eq!((&one["goodput_by_site"], &one["site"]), (&Value::Null, &"a".into()));
}

#[test]
fn frames_out_of_order_cost_no_block() {
    let outcome = bench(&["--count", "100", "--depth", "16", "--reorder", "0.2"]);
    assert_eq!((&outcome["link"]["reorder"], &outcome["counters"]["blocks_written"]), (&0.2.into(), &100.into()));
}

#[test]
fn what_cannot_be_measured_is_said() {
    let folder = Folder::new("bench-bad");
    folder.write("file", b"");
    let inside = format!("{}/report", folder.path("file"));
    for (arguments, code, says) in [
        (vec!["--store-a", "x", "--store-b", "y"], 1, "--overwrite"),
        (vec!["--store-a", "x", "--store-b", "y", "--pattern", "mixed"], 1, "--overwrite"),
        (vec!["--report", &inside], 1, "for the report"),
        (vec!["--read-percent", "101"], 2, "0..=100"),
        (vec!["--zipf-theta", "NaN"], 2, "from 0.01 to 10"),
        (vec!["--pattern", "erase"], 2, "possible values"),
        (vec!["--sweep", "loss=0,0.5"], 2, "loss `0.5`: give a number from 0 to 0.1"),
        (vec!["--sweep", "miles=1"], 2, "can't be swept"),
        (vec!["--store-a", "x", "--store-b", "y", "--overwrite", "--sweep", "km=1"], 1, "sweeping: each value needs"),
        (vec!["--site", "c"], 2, "give a, b or both"),
        (vec!["--store-a", "x", "--store-b", "y", "--pattern", "read", "--busy", "4"], 1, "--overwrite"),
        (vec!["--sweep", "store-mib=4294967296"], 2, "whole number from 1 to 4294967295"),
        (vec!["--pattern", "bounce", "--site", "a"], 1, "both sites do it; leave out --site"),
        (vec!["--pattern", "acquire", "--site", "both"], 1, "each takes what the other owns"),
        (vec!["--pattern", "acquire", "--order", "zipf", "--store-mib", "2"], 1, "is not taken again"),
        (vec!["--pattern", "acquire", "--count", "9999", "--store-mib", "2"], 1, "give a lower --count"),
        (vec!["--pattern", "compare-write", "--blocks", "2", "--store-mib", "2"], 1, "leave out --blocks"),
        (vec!["--pattern", "migrate", "--depth", "2", "--store-mib", "2"], 1, "leave out --depth"),
        (vec!["--pattern", "race", "--depth", "9", "--store-mib", "2"], 1, "give a lower --depth"),
    ] {
        let text = fails(dyad(&["bench"]).args(&arguments), code);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}

#[test]
fn a_slow_down_of_5_percent_is_caught() {
    let folder = Folder::new("bench-compare");
    let before = bench(&["--count", "50", "--blocks", "4"]);
    let mut slower = before.clone();
    for stage in slower["stage_cycles"].as_array_mut().unwrap() {
        for cycles in stage[1].as_object_mut().unwrap().values_mut() {
            *cycles = ((cycles.as_f64().unwrap() * 1.05).round() as i64).into();
        }
    }
    let mut other = before.clone();
    other["blocks"] = 8.into();
    let path = |name: &str, run: &Value| {
        folder.write(name, run.to_string().as_bytes());
        folder.path(name)
    };
    let (a, same, slower) = (path("a", &before), path("same", &before), path("slower", &slower));
    let (other, junk) = (path("other", &other), path("junk", &"junk".into()));
    let compare = |arguments: &[&str]| {
        let output = dyad(&["bench", "compare"]).args(arguments).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked"), "{err}");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), err)
    };

    let (code, out, _) = compare(&[&a, &same]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("none is worse") && !out.contains("posted"), "{out}");
    let (code, out, _) = compare(&[&a, &slower]);
    assert_eq!(code, 1, "{out}");
    let posted = out.lines().find(|line| line.starts_with("posted p50")).unwrap();
    assert!(posted.contains("+5.0") && posted.ends_with("WORSE"), "{out}");
    let (code, out, _) = compare(&[&a, &slower, "--threshold", "6", "--json"]);
    assert_eq!((code, &json(&out)["worse"]), (0, &false.into()), "{out}");
    assert_eq!(compare(&[&slower, &a]).0, 0, "the other way round it got better");
    for (files, says) in [
        ([&a, &other], "`blocks` is 4 in one and 8 in the other"),
        ([&a, &junk], "not of `dyad bench`"),
        ([&a, &folder.path("none")], "none"),
    ] {
        let (code, out, err) = compare(&[files[0], files[1]]);
        assert_eq!((code, &*out), (2, ""), "{err}");
        assert!(err.contains(says), "{err}");
    }
    assert_eq!(compare(&[&a, &same, "--threshold", "-1%"]).0, 2);
}

#[test]
fn cards_on_two_threads_give_what_they_give_on_one() {
    let run = |threads: &str| {
        let mut outcome = bench(&["--count", "60", "--depth", "8", "--pattern", "mixed", "--threads", threads]);
        assert!(outcome["sim_khz"].take().as_f64().unwrap() > 0.0);
        outcome
    };
    assert_eq!(run("1"), run("2"));
    fails(dyad(&SMALL).args(["--threads", "3"]), 2);
}
