//! What racing clients see, judged. For longer: `cargo xtask soak --nbd`.

use dyad_model::judge::Fault;

use crate::common::Folder;
use crate::race::{Outcome, Plan, race};
use crate::server::{Server, stored};

/// Has them race at a server with these options; the outcome, and what both stores hold of the LUN.
fn raced(name: &str, options: &[&str], plan: &Plan) -> (Outcome, [Vec<u8>; 2]) {
    let folder = Folder::new(name);
    let stores = [folder.path("a.img"), folder.path("b.img")];
    let options = [&["--store-a", &stores[0], "--store-b", &stores[1]], options].concat();
    let server = Server::start(&folder, "64K", &options);
    let outcome = race(plan, &server.sockets, |_| ());
    server.stop();
    (outcome, ["a.img", "b.img"].map(|store| stored(&folder, store)))
}

#[test]
fn clients_that_race_for_blocks_at_both_sites_see_one_order() {
    let plan = Plan { seed: 1, requests: 900, blocks: 5, unit_bytes: 4096, sites: vec![0, 1, 0, 1], depth: 4 };
    let (outcome, [a, b]) = raced("serve-race", &["--loss", "0.005"], &plan);
    let summary = outcome.verdict([&a, &b]).unwrap_or_else(|fault| panic!("{plan:?}: {fault}"));
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert!(summary.commands >= plan.requests && summary.by_zones == 5, "{summary:?}");
}

/// Pieces of shared blocks, written at both sites: neither loses one to the other.
#[test]
fn clients_that_race_for_sectors_at_both_sites_see_one_order() {
    let plan = Plan { seed: 2, requests: 500, blocks: 4, unit_bytes: 512, sites: vec![0, 1, 0, 1], depth: 4 };
    let (outcome, [a, b]) = raced("serve-race-sectors", &[], &plan);
    let summary = outcome.verdict([&a, &b]).unwrap_or_else(|fault| panic!("{plan:?}: {fault}"));
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert_eq!((summary.by_zones, summary.undecided), (32, 0), "{summary:?}");
}

/// The judge is no use if it finds nothing. Here both cards hold themselves for the owner of every block: each refuses what the
/// other mirrors, and its own store has it by then.
#[test]
fn two_owners_of_one_block_are_found_out() {
    let folder = Folder::new("serve-race-owners");
    let stores = [folder.path("a.img"), folder.path("b.img")];
    let options = ["--store-a", &stores[0], "--store-b", &stores[1], "--forge-owner"];
    let mut server = Server::start(&folder, "64K", &options);
    let plan = Plan { seed: 3, requests: 400, blocks: 4, unit_bytes: 4096, sites: vec![0, 1, 0, 1], depth: 4 };
    let outcome = race(&plan, &server.sockets, |_| ());
    // It would wait for what is locked for good.
    server.signal("-KILL");
    server.wait();
    let [a, b] = ["a.img", "b.img"].map(|store| stored(&folder, store));
    assert!(!outcome.errors.is_empty(), "no request was refused");
    assert!(matches!(outcome.verdict([&a, &b]), Err(Fault::StoresDiffer(..))), "{:?}", outcome.verdict([&a, &b]));
}
