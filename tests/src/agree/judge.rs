//! Whether the model can do what the cards have done.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use dyad_model::outcomes::{Found, Order, Rest, Search, outcomes};
use dyad_model::protocol::{Kind, Mutation};

use super::shape::Shape;

/// States of a history of which all endings are collected.
const ALL: usize = 4000;
/// What is tried, in this order, for the ending of a larger history: how often, and how many states. Most are found soon by one of
/// the first; that there is none only the last can tell, with frames in any order.
const SEARCHES: [(Order, u64, usize); 4] =
    [(Order::Sent, 8, 5_000), (Order::Sent, 8, 40_000), (Order::Any, 4, 40_000), (Order::Any, 1, 1_500_000)];

/// What the model has to say of an ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can end so.
    Agrees,
    /// It can't.
    Differs(String),
    /// The search was too long.
    Undecided,
}

/// What was judged so far.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Histories whose ending was among those that had been collected.
    pub by_all: u64,
    /// Histories with too many states for that, for which the one ending was searched.
    pub by_goal: u64,
    /// Histories that need frames out of order for it: inside a card they overtake each other.
    pub by_any_order: u64,
    /// Histories for which no search came to an end.
    pub undecided: u64,
    /// States visited.
    pub states: u64,
}

/// What is known of a shape.
struct Known {
    found: Found,
    /// Endings that the cards have shown.
    shown: HashSet<Vec<Rest>>,
    times: u64,
}

/// Judges endings; keeps what it knows of each shape.
#[derive(Default)]
pub struct Judge {
    known: HashMap<Shape, Known>,
    mutation: Option<Mutation>,
    /// What was judged so far.
    pub score: Score,
}

/// The frames of a round that are compared. After a fault the model asks for a COMMIT when something waits for it, and the card
/// in any case; and how often something is repeated is a matter of timing.
fn compared(sent: &[Kind], faulty: bool) -> Vec<Kind> {
    let mut sent = sent.to_vec();
    if faulty {
        sent.retain(|kind| !matches!(kind, Kind::Commit | Kind::Ask));
        sent.dedup();
    }
    sent
}

/// Whether the cards' rounds are the model's, frames included.
fn same(shape: &Shape, cards: &[Rest], model: &[Rest]) -> bool {
    let mut faulty = false;
    shape.turns.iter().zip(cards.iter().zip(model)).all(|(turn, (cards, model))| {
        faulty |= turn.strike.is_some();
        let frames = |site: usize| compared(&cards.sent[site], faulty) == compared(&model.sent[site], faulty);
        cards.agrees(model) && frames(0) && frames(1)
    })
}

impl Judge {
    /// A judge whose model has a defect.
    pub fn with(mutation: Option<Mutation>) -> Self {
        Self { mutation, ..Self::default() }
    }

    /// Whether the model can end as the cards have.
    pub fn judge(&mut self, shape: &Shape, cards: &[Rest]) -> Verdict {
        let mut history = shape.history();
        history.cfg.mutation = self.mutation;
        let score = &mut self.score;
        let known = self.known.entry(shape.clone()).or_insert_with(|| {
            let found = outcomes(&history, Search { order: Order::Sent, goal: None, states: ALL, seed: 0 });
            score.states += found.states as u64;
            Known { found, shown: HashSet::new(), times: 0 }
        });
        known.times += 1;
        if known.found.stuck > 0 {
            return Verdict::Differs("the model has ways that never end, even if nothing more is lost\n".into());
        }
        if let Some(model) = known.found.endings.iter().find(|model| same(shape, cards, model)) {
            known.shown.insert(model.clone());
            self.score.by_all += 1;
            return Verdict::Agrees;
        }
        let collected = known.found.complete;
        let tries = SEARCHES.iter().flat_map(|(order, tries, states)| (0..*tries).map(|seed| (*order, *states, seed)));
        for (order, states, seed) in tries.filter(|(order, ..)| !collected || *order == Order::Any) {
            let found = outcomes(&history, Search { order, goal: Some(cards), states, seed });
            score.states += found.states as u64;
            if found.endings.iter().any(|model| same(shape, cards, model)) {
                *if order == Order::Sent { &mut score.by_goal } else { &mut score.by_any_order } += 1;
                return Verdict::Agrees;
            }
            if found.complete && order == Order::Any {
                return Verdict::Differs(explain(shape, cards, &self.known[shape].found));
            }
        }
        self.score.undecided += 1;
        Verdict::Undecided
    }

    /// Of the races that were run more than once and all of whose endings are known: how many there are, how many endings they
    /// have, and how many of these the cards have shown.
    pub fn coverage(&self) -> (usize, usize, usize) {
        let races = self.known.iter().filter(|(shape, known)| {
            known.found.complete && known.times > 1 && known.shown.len() <= known.found.endings.len() && shape.is_race()
        });
        races.fold((0, 0, 0), |sum, (_, known)| {
            (sum.0 + 1, sum.1 + known.found.endings.len(), sum.2 + known.shown.len())
        })
    }
}

/// What the cards have shown, and what of the model comes nearest.
fn explain(shape: &Shape, cards: &[Rest], found: &Found) -> String {
    let mut text = String::new();
    let nearest = found.endings.iter().max_by_key(|model| {
        cards
            .iter()
            .zip(model.iter())
            .take_while(|(c, m)| same(shape, std::slice::from_ref(c), std::slice::from_ref(m)))
            .count()
    });
    let _ = writeln!(text, "the cards have ended as the model can't ({} endings)", found.endings.len());
    for (n, card) in cards.iter().enumerate() {
        let _ = writeln!(text, "round {}, cards: {}", n + 1, show(card));
        if let Some(model) = nearest.map(|model| &model[n]) {
            let _ = writeln!(text, "round {}, model: {}", n + 1, show(model));
        }
    }
    text
}

fn show(rest: &Rest) -> String {
    let answers = rest.answers.each_ref().map(|answers| {
        let one = |(status, block): &(_, Option<dyad_model::protocol::Block>)| match block.map(|b| b.0[0]) {
            Some(value) => format!("{status:?} {value}"),
            None => format!("{status:?}"),
        };
        answers.iter().map(one).collect::<Vec<_>>().join(", ")
    });
    let home = rest.home.each_ref().map(|home| home.iter().map(|b| b.0[0]).collect::<Vec<_>>());
    let maps = rest.maps.each_ref().map(|map| {
        let owned =
            map.extents.iter().map(|l| format!("{}@{}.{}", ["A", "B"][usize::from(l.owner)], l.epoch.lun, l.epoch.ext));
        owned.collect::<Vec<_>>().join(" ")
    });
    format!(
        "A [{}] B [{}] stores {:?} {:?} owners [{}] [{}] frames {:?} {:?}",
        answers[0], answers[1], home[0], home[1], maps[0], maps[1], rest.sent[0], rest.sent[1]
    )
}
