//! The endings of small histories, that can be counted by hand.

use dyad_model::outcomes::{Fault, Found, History, Hit, Order, Rest, Round, Search, outcomes};
use dyad_model::protocol::{Block, Config, Epoch, Kind, Lookup, Map, Op, Status};

fn write(value: u32) -> Op {
    Op::Write { lba: 0, data: Block::of(value), fault: None }
}

/// One block, that A owns.
fn history(rounds: Vec<Round>) -> History {
    let map = Map { lun: (1, 0), extents: vec![Lookup { owner: 0, epoch: Epoch { lun: 1, ext: 0 } }] };
    let cfg = Config { take_over: true, ..Config::small(2, 1, 0) };
    History { cfg, map, home: vec![Block::of(1)], rounds }
}

fn round(a: &[Op], b: &[Op]) -> Round {
    Round { ops: [a.to_vec(), b.to_vec()], hit: None }
}

fn all(history: &History) -> Found {
    let found = outcomes(history, Search { order: Order::Any, goal: None, states: 100_000, seed: 1 });
    assert!(found.complete && found.stuck == 0, "{found:?}");
    found
}

/// Both stores at the end of a history.
fn stores(rests: &[Rest]) -> [u32; 2] {
    rests.last().expect("a round").home.each_ref().map(|home| home[0].value().expect("a whole block"))
}

#[test]
fn commands_one_after_the_other_have_one_ending() {
    let swap = Op::CompareWrite { lba: 0, expect: Block::of(5), data: Block::of(6) };
    let history = history(vec![round(&[write(5)], &[]), round(&[], &[swap]), round(&[Op::Read { lba: 0 }], &[])]);
    let endings: Vec<_> = all(&history).endings.into_iter().collect();
    let [rests] = &endings[..] else { panic!("{endings:?}") };
    assert_eq!(rests[0].sent, [vec![Kind::Write, Kind::Commit], vec![Kind::Ack]]);
    assert_eq!(rests[1].sent, [vec![Kind::Grant, Kind::Ack], vec![Kind::OwnReq, Kind::Write, Kind::Commit]]);
    assert_eq!(rests[1].maps.each_ref().map(|map| (map.extents[0].owner, map.extents[0].epoch.ext)), [(1, 1); 2]);
    assert_eq!(rests[2].answers[0], [(Status::Ok, Some(Block::of(6)))]);
    assert_eq!(stores(rests), [6, 6]);
}

#[test]
fn a_race_ends_with_either_write() {
    let found = all(&history(vec![round(&[write(5)], &[write(6)])]));
    let mut ends: Vec<_> = found.endings.iter().map(|rests| stores(rests)).collect();
    ends.sort_unstable();
    assert_eq!(ends, [[5, 5], [6, 6]]);
}

#[test]
fn a_frame_is_sent_again_when_the_fault_has_hit_and_only_then() {
    let hit = Hit { from: 1, kind: Kind::Ack, fault: Fault::Loss };
    let found = all(&history(vec![Round { hit: Some(hit), ..round(&[write(5)], &[]) }]));
    let writes = |rests: &Vec<Rest>| rests[0].sent[0].iter().filter(|kind| **kind == Kind::Write).count();
    let mut counts: Vec<_> = found.endings.iter().map(writes).collect();
    counts.sort_unstable();
    counts.dedup();
    assert_eq!(counts, [1, 2]);
    assert!(found.endings.iter().all(|rests| stores(rests) == [5, 5]));
}

/// A goal is found if it is there, and is not if it is not.
#[test]
fn a_goal_is_decided() {
    let history = history(vec![round(&[write(5), Op::Read { lba: 0 }], &[write(6)])]);
    let endings = all(&history).endings;
    for (order, seed) in [(Order::Sent, 1), (Order::Any, 2)] {
        for goal in &endings {
            let search = |goal| outcomes(&history, Search { order, goal: Some(goal), states: 100_000, seed });
            assert!(search(goal).endings.iter().any(|rests| rests[0].agrees(&goal[0])));
            let mut wrong = goal.clone();
            wrong[0].home[1][0] = Block::of(1);
            let found = search(&wrong);
            assert!(found.complete && found.endings.is_empty(), "{found:?}");
        }
    }
}
