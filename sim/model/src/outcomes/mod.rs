//! Every way in which a short history can end.
//!
//! A [`History`] is a list of rounds. In a round each site gets commands, all at once; the next round begins when everything is
//! at rest. The search takes every order in which hosts, sites and stores can act, and in which frames can arrive, and collects
//! what can be seen from outside at the end of each round ([`Rest`]): how the commands ended, what they read, both stores, both
//! directories. What cards show must be among it.
//!
//! The link is better than in [`explore`](crate::explore): each frame arrives once, in the [`Order`] that is wanted, but for one frame a round that
//! may be lost, doubled or late ([`Hit`]). Time passes, so that repeats are due, only when nothing else can happen: time-outs are
//! longer than what is waited for. Both make the set smaller, and a disagreement more likely to be found.
//!
//! With a goal the search leaves out whatever contradicts it: whether one ending can be reached is decided with far fewer states
//! than it takes to find all.

mod world;

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::fingerprint::{Seen, fingerprint};
use crate::protocol::{Block, Config, Kind, Map, Op, SiteId, Status};
use world::{Action, Scans, World};

/// Most frames on the link at a time. Sites that ask again before they are answered could fill it without an end.
const MOST: usize = 16;

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is lost.
    Loss,
    /// It arrives twice.
    Copy,
    /// It arrives at any later time, after repeats of it, too.
    Late,
}

/// A fault that may hit one frame in a round, and with it the COMMIT that it may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hit {
    /// Who sends the frame.
    pub from: SiteId,
    /// Its type.
    pub kind: Kind,
    /// What happens.
    pub fault: Fault,
}

/// Commands that are under way at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Round {
    /// Commands of each site, begun in this order.
    pub ops: [Vec<Op>; 2],
    /// What may happen to a frame.
    pub hit: Option<Hit>,
}

impl Round {
    /// The order of its frames is no matter of timing.
    pub fn is_told(&self) -> bool {
        self.ops.iter().map(Vec::len).sum::<usize>() <= 1
    }
}

/// A start, and rounds.
#[derive(Clone, Debug)]
pub struct History {
    /// Sizes. `repeat` is taken as "at last", `backoff` and `commit_delay` as nothing.
    pub cfg: Config,
    /// Owners at the start.
    pub map: Map,
    /// Blocks at the start, equal at both sites.
    pub home: Vec<Block>,
    /// What happens.
    pub rounds: Vec<Round>,
}

/// How a command ended: status, and the block that it read.
pub type Answer = (Status, Option<Block>);

/// What can be seen from outside when a round has come to rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rest {
    /// How the commands of each site ended.
    pub answers: [Vec<Answer>; 2],
    /// Both stores.
    pub home: [Vec<Block>; 2],
    /// Both directories.
    pub maps: [Map; 2],
    /// Types of the frames that each site has sent, but for TAKEN; only in a round of [one command](Round::is_told).
    pub sent: [Vec<Kind>; 2],
}

impl Rest {
    /// The same, frames aside.
    pub fn agrees(&self, other: &Rest) -> bool {
        self.answers == other.answers && self.home == other.home && self.maps == other.maps
    }
}

/// In which order frames to one site arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were sent, and who has been told BUSY or NOT_OWNER tries again only when nothing else can happen. What is found holds
    /// for any order, too.
    Sent,
    /// In any, and who has been told BUSY or NOT_OWNER tries again at any time.
    Any,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Different endings: what was seen at the end of each round.
    pub endings: HashSet<Vec<Rest>>,
    /// Different states.
    pub states: usize,
    /// Every state was visited that does not contradict the goal.
    pub complete: bool,
    /// Ways that were left because more and more frames were on the link.
    pub crowded: usize,
    /// Ways that come to no end, even if nothing more is lost.
    pub stuck: usize,
}

/// What to search for, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// In which order frames arrive.
    pub order: Order,
    /// What was seen elsewhere: states that contradict it are left out, frames aside; and where no frames are told of either, the
    /// first ending is enough. Without a goal all endings are collected.
    pub goal: Option<&'a [Rest]>,
    /// States to visit at most.
    pub states: usize,
    /// Decides what is tried first. A goal is found soon with most of them, and late with some.
    pub seed: u64,
}

/// Visits the states of a history.
pub fn outcomes(history: &History, search: Search) -> Found {
    let Search { order, goal, states: limit, seed } = search;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let first = goal.is_some() && history.rounds.iter().all(|round| !round.is_told());
    let mut found = Found::default();
    let mut seen = Seen::default();
    let start = World::new(history, order);
    seen.insert(fingerprint(|h| start.hash_to(order, h)));
    let mut todo = vec![start];
    let mut actions = Vec::new();
    let mut scans = Scans::default();
    while let Some(mut world) = todo.pop() {
        // A round may have no command at all.
        if !std::iter::from_fn(|| world.is_at_rest(history).then(|| world.end_round(history, goal)))
            .all(|wanted| wanted)
        {
            continue;
        }
        if world.has_ended(history) {
            found.endings.insert(world.into_rests());
            if first {
                break;
            }
            continue;
        }
        if world.flying() > MOST {
            found.crowded += 1;
            continue;
        }
        actions.clear();
        world.actions(history, order, &mut scans, &mut actions);
        // Whoever waits does not wait for what is late.
        let (moved, none) = (actions.iter().any(|action| !matches!(action, Action::Arrive(_))), actions.is_empty());
        actions.shuffle(&mut rng);
        for action in actions.drain(..) {
            let mut next = world.clone();
            if next.act(history, action, goal) && seen.insert(fingerprint(|h| next.hash_to(order, h))) {
                todo.push(next);
            }
        }
        if !moved {
            let mut later = world.clone();
            if later.elapse() {
                if seen.insert(fingerprint(|h| later.hash_to(order, h))) {
                    todo.push(later);
                }
            } else if none {
                found.stuck += 1;
            }
        }
        if seen.len() >= limit {
            found.states = seen.len();
            return found;
        }
    }
    (found.states, found.complete) = (seen.len(), found.crowded == 0);
    found
}
