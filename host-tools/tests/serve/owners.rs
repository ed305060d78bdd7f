//! `dyad owner`: blocks that change their owner while clients use them.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Folder, cards_with_lun, dyad, fails, json, succeeds};
use crate::race::{Plan, race};
use crate::server::{Server, run, stored};

/// Asks the server in `folder`.
fn owner(folder: &Folder, arguments: &[&str]) -> serde_json::Value {
    let control = folder.path("control");
    let arguments = [&["owner", "--json", "--control", control.as_str()], arguments].concat();
    json(&succeeds(&mut dyad(&arguments)))
}

#[test]
fn the_lun_moves_to_and_fro_while_clients_race() {
    let folder = Folder::new("serve-owners");
    let (stores, control) = ([folder.path("a.img"), folder.path("b.img")], folder.path("control"));
    let options = ["--store-a", &stores[0], "--store-b", &stores[1], "--control", &control];
    let server = Server::start(&folder, "64K", &options);
    let plan = Plan { seed: 4, requests: 400, blocks: 6, unit_bytes: 4096, sites: vec![0, 1, 0, 1], depth: 4 };
    let over = AtomicBool::new(false);
    let (outcome, moved) = std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let mut moved = 0;
            while !over.load(Ordering::Relaxed) {
                for (to, range) in [("b", &[][..]), ("a", &[]), ("b", &["--lba", "1", "--blocks", "3"]), ("a", &[])] {
                    let answer = owner(&folder, &[&["--move-to", to], range].concat());
                    assert_eq!(answer["by_site"][to], answer["extents"], "{answer}");
                    assert!(answer["cycles"].as_u64().unwrap() > 0, "{answer}");
                    moved += answer["moved"].as_u64().unwrap();
                }
            }
            moved
        });
        let outcome = race(&plan, &server.sockets, |_| ());
        over.store(true, Ordering::Relaxed);
        (outcome, mover.join().unwrap())
    });
    server.stop();
    let [a, b] = ["a.img", "b.img"].map(|store| stored(&folder, store));
    let summary = outcome.verdict([&a, &b]).unwrap_or_else(|fault| panic!("{plan:?}: {fault}"));
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert!(summary.commands >= plan.requests && moved >= 3, "{summary:?}, {moved} moved");
}

#[test]
fn extents_follow_whoever_writes_them() {
    let folder = Folder::new("serve-owners-follow");
    let control = folder.path("control");
    let server = Server::start(&folder, "1M", &["--control", &control, "--hand-over-after", "4"]);
    let write = "write -P 7 64k 64k";
    let rounds: Vec<_> = std::iter::repeat_n(["-c", write], 6).flatten().collect();
    run("qemu-io", &[&["-f", "raw"], &rounds[..], &[&server.uris[1]]].concat());
    let all = owner(&folder, &[]);
    let blocks = all["extent_blocks"].as_u64().unwrap();
    assert_eq!(all["by_site"]["b"], 16u64.div_ceil(blocks), "{all}");
    let said = run("qemu-io", &["-f", "raw", "-c", "read -P 7 64k 64k", &server.uris[0]]);
    assert!(!said.contains("failed"), "{said}");
    server.stop();
    fails(&mut dyad(&["serve", "--size", "1M", "--site-a", "nbd://127.0.0.1:0", "--hand-over-after", "0"]), 2);
}

#[test]
fn it_says_who_owns_what_and_what_cannot_be() {
    let folder = Folder::new("serve-owners-told");
    let control = folder.path("control");
    let text = fails(&mut dyad(&["owner", "--control", &control]), 1);
    assert!(text.contains("--control"), "no server yet: {text}");
    let server = Server::start(&folder, "1M", &["--control", &control]);
    let all = owner(&folder, &[]);
    assert_eq!((&all["by_site"]["b"], &all["moved"]), (&0.into(), &0.into()), "{all}");
    let blocks = all["extents"].as_u64().unwrap() * all["extent_blocks"].as_u64().unwrap();
    assert_eq!(blocks, 256, "{all}");

    let text = succeeds(&mut dyad(&["owner", "--control", &control, "--move-to", "b"]));
    assert!(text.contains("0 owned by site a") && text.contains("have moved, in "), "{text}");
    assert_eq!(owner(&folder, &["--move-to", "b"])["moved"], 0, "it has them already");
    let some = owner(&folder, &["--move-to", "a", "--lba", "0", "--blocks", "1"]);
    assert_eq!(some["moved"], some["extents"], "{some}");
    let text = fails(&mut dyad(&["owner", "--control", &control, "--lba", "255", "--blocks", "2"]), 1);
    assert!(text.contains("the LUN has 256"), "{text}");
    fails(&mut dyad(&["owner", "--control", &control, "--move-to", "c"]), 2);
    let site_a = folder.path("other.nbd");
    let second = ["serve", "--size", "1M", "--site-a", &format!("nbd+unix:///?socket={site_a}"), "--control", &control];
    let text = fails(&mut dyad(&second), 1);
    assert!(text.contains("another program listens there"), "{text}");
    server.stop();
    assert!(!std::path::Path::new(&control).exists(), "its socket stays behind");
}

/// As on boards, where each site has its own server: a server takes for its site, or hands over.
#[test]
fn a_server_of_one_site_takes_and_hands_over() {
    let folder = Folder::new("serve-owners-apart");
    let (_cards, sockets) = cards_with_lun(&folder);
    let control = folder.path("control");
    let [a, b] = Server::start_apart_with(&folder, &sockets, [&[], &["--control", &control]]);
    for (to, other) in [("b", "a"), ("a", "b"), ("b", "a")] {
        let answer = owner(&folder, &["--move-to", to]);
        assert_eq!((&answer["by_site"][other], &answer["moved"]), (&0.into(), &answer["extents"]), "{answer}");
    }
    // The LUN is b's by default now; one extent goes to a first, then all.
    assert_eq!(owner(&folder, &["--move-to", "a", "--lba", "0", "--blocks", "1"])["by_site"]["b"], 0);
    let answer = owner(&folder, &["--move-to", "a"]);
    assert_eq!(answer["by_site"]["b"], 0, "{answer}");
    // What a has by default, b cannot give: it takes nothing to do.
    assert_eq!(owner(&folder, &["--move-to", "a"])["moved"], 0);
    // Both have to end for either to end well.
    std::thread::scope(|scope| {
        scope.spawn(|| a.stop());
        b.stop();
    });
}
