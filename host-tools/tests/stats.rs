//! `dyad stats`, for people, for Prometheus, and while another program drives the cards.

mod common;

use std::collections::{HashMap, HashSet};

use common::{Folder, cards_on_sockets, dyad, fails, json, succeeds};

/// One sample of a metric: labels, value.
type Samples = Vec<(HashMap<String, String>, f64)>;

/// Parses the text exposition format strictly: HELP, TYPE, then the samples of that family and of no other.
fn parse(text: &str) -> HashMap<String, (String, Samples)> {
    let mut families: HashMap<String, (String, Samples)> = HashMap::new();
    let mut current = String::new();
    let mut helped = HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && helped.insert(name.to_owned()), "HELP once, with a text: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helped.contains(name) && ["counter", "gauge"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned(), (kind.to_owned(), Vec::new())).is_none(), "TYPE once: {line}");
            current = name.to_owned();
        } else {
            let (name, rest) = line.split_once('{').unwrap();
            let (labels, value) = rest.split_once("} ").unwrap();
            assert_eq!(name, current, "samples follow their family");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
            let label = |part: &str| {
                let (key, value) = part.split_once('=').unwrap();
                (key.to_owned(), value.strip_prefix('"').unwrap().strip_suffix('"').unwrap().to_owned())
            };
            let labels = labels.split(',').map(label).collect();
            families.get_mut(name).unwrap().1.push((labels, value.parse().unwrap()));
        }
    }
    families
}

#[test]
fn prometheus_reads_every_counter_of_both_cards() {
    let text = succeeds(&mut dyad(&["stats", "--prometheus"]));
    assert!(text.ends_with('\n'));
    let families = parse(&text);
    for counter in dyad_spec::counters::Counter::ALL {
        let (kind, samples) = &families[&format!("dyad_{}_total", counter.name())];
        assert_eq!((kind.as_str(), samples.len()), ("counter", 2), "{}", counter.name());
        let cards: HashSet<_> = samples.iter().map(|sample| &sample.0["card"]).collect();
        assert_eq!(cards.len(), 2, "{samples:?}");
    }
    assert_eq!(families["dyad_link_up"].0, "gauge");
    assert_eq!(families["dyad_slots"].1[0].1, 4096.0);
    assert_eq!(families["dyad_clock_hertz"].1[1].1, 156_250_000.0);
}

#[test]
fn cards_are_watched_while_another_program_drives_them() {
    let folder = Folder::new("watch");
    let dir = folder.path("sockets");
    let (_running, [a, b]) =
        cards_on_sockets(&["sim", "--socket-dir", &dir, "--km", "0", "--store-mib", "2", "--json"]);
    let both = ["--socket", &a, "--socket", &b];
    let watched = [format!("{dir}/a.watch.sock"), format!("{dir}/b.watch.sock")];
    let look = ["--socket", &watched[0], "--socket", &watched[1]];
    succeeds(dyad(&["lun", "format"]).args(both));
    succeeds(dyad(&["lun", "create", "--mib", "1", "--store-size-mib", "2"]).args(both));
    let mut bench = dyad(&["bench", "--overwrite", "--count", "10000000", "--depth", "16", "--quiet"]);
    let mut bench = bench.args(both).spawn().unwrap();
    let five_looks = || {
        let out = succeeds(dyad(&["stats", "--watch", "0.2", "--times", "5", "--json"]).args(look));
        let looks: Vec<_> = out.lines().map(json).collect();
        assert_eq!(looks.len(), 5, "{out}");
        looks
    };
    // Until the work is under way: the benchmark resets the cards, and brings their link up, first.
    let works = |look: &serde_json::Value| {
        look[0]["link"] == "up" && look[1]["per_second"]["blocks_mirrored"].as_f64() > Some(0.0)
    };
    assert!((0..100).any(|_| five_looks().iter().all(works)), "the work began");
    let looks = five_looks();
    let text = succeeds(dyad(&["stats", "--watch", "0.2", "--times", "1"]).args(look));
    let scrape = parse(&succeeds(dyad(&["stats", "--prometheus"]).args(look)));
    assert!(bench.try_wait().unwrap().is_none(), "it was not disturbed");
    bench.kill().unwrap();
    bench.wait().unwrap();
    for look in &looks {
        assert_eq!((&look[0]["link"], &look[0]["site"], &look[1]["site"]), (&"up".into(), &"a".into(), &"b".into()));
        let rate = |site: usize, counter: &str| look[site]["per_second"][counter].as_f64().unwrap_or_default();
        // A 10G line carries 298 thousand blocks a second.
        assert!((1e4..4e5).contains(&rate(0, "blocks_written")), "{look}");
        assert!(rate(1, "blocks_mirrored") > 0.0, "{look}");
    }
    assert!(text.contains("blocks_written") && text.contains("slots in use"), "{text}");
    assert_eq!(scrape["dyad_link_up"].1[0].1, 1.0);
    assert!(scrape["dyad_blocks_written_total"].1[0].1 > 0.0);
}

#[test]
fn watching_needs_somebody_who_works() {
    let text = fails(&mut dyad(&["stats", "--watch"]), 1);
    assert!(text.contains("dyad sim"), "{text}");
    for bad in [vec!["--watch", "0"], vec!["--watch", "x"], vec!["--times", "3"], vec!["--prometheus", "--json"]] {
        fails(dyad(&["stats"]).args(bad), 2);
    }
}
