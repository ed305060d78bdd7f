//! Runs of random histories, their count, and the smallest history that still disagrees.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use dyad_driver::Mtu;
use dyad_model::outcomes::Rest;
use dyad_model::protocol::Mutation;

use super::cards::Cards;
use super::judge::{Judge, Verdict};
use super::shape::{SHIFT, Shape};
use crate::Rng;
use crate::system::{Setup, Size};

/// Histories on one pair of cards, before fresh ones are taken.
pub const SESSION: u64 = 250;
/// Times that a history whose outcome depends on timing is run.
const RACES: u64 = 4;
/// Times that a smaller history is tried: timing may have to be right.
const TRIES: u64 = 6;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of everything random; each [`SESSION`] takes the next one.
    pub seed: u64,
    /// Histories.
    pub histories: u64,
    /// Sizes of the cards.
    pub size: Size,
    /// Cards with the mutant of this number, or 0, the card itself, made when the test runs.
    pub mutant: Option<u64>,
    /// What the model does wrong.
    pub mutation: Option<Mutation>,
}

/// What a run was like.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Histories.
    pub histories: u64,
    /// Commands in them.
    pub commands: u64,
    /// Histories whose outcome depends on timing.
    pub races: u64,
    /// Frames that faults have hit.
    pub struck: u64,
    /// Cycles of the cards.
    pub cycles: u64,
    /// How it was judged.
    pub score: super::judge::Score,
    /// Races that were run several times, their endings in the model, and those of them that the cards have shown.
    pub coverage: (usize, usize, usize),
}

/// A history on which cards and model disagree.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// What differs.
    pub what: String,
    /// The history.
    pub shape: Shape,
    /// Seed of its session.
    pub seed: u64,
    /// Its number in the session, from 1.
    pub number: u64,
}

/// Cards as a seed wants them.
fn setup(plan: &Plan, seed: u64) -> Setup {
    let mut rng = Rng::new(seed ^ 0x6167_7265);
    let data_w = if plan.mutant.is_some() || plan.size != Size::Full { 64 } else { *rng.pick(&[64, 64, 512]) };
    let mtu = *rng.pick(&[Mtu::Jumbo, Mtu::Standard]);
    Setup {
        seed,
        extent_shift: SHIFT,
        resend: Duration::from_micros(100),
        resend_limit: 15,
        size: plan.size,
        store_jitter: *rng.pick(&[0, 0, 400]),
        mutant: plan.mutant,
        ..Setup::new(data_w, mtu)
    }
}

/// Runs a history on the cards once. What breaks there is a disagreement, too: the model has no such ending.
fn run(cards: &mut Cards, shape: &Shape, rng: &mut Rng) -> Result<Vec<Rest>, String> {
    catch_unwind(AssertUnwindSafe(|| cards.run(shape, rng))).unwrap_or_else(|said| {
        let text = said.downcast_ref::<String>().cloned();
        let text = text.or_else(|| said.downcast_ref::<&str>().map(|text| (*text).to_string()));
        Err(format!("a check panicked: {}", text.unwrap_or_default()))
    })
}

/// Runs a history once, and asks the model.
fn once(cards: &mut Cards, judge: &mut Judge, shape: &Shape, rng: &mut Rng) -> Result<(), String> {
    match judge.judge(shape, &run(cards, shape, rng)?) {
        Verdict::Differs(what) => Err(format!("{what}{}", cards.counters())),
        Verdict::Agrees | Verdict::Undecided => Ok(()),
    }
}

/// Runs random histories on the cards, and asks the model about each. `progress` is told how many are done.
///
/// # Errors
/// The first disagreement.
pub fn agree(plan: &Plan, mut progress: impl FnMut(u64)) -> Result<Report, Box<Disagreement>> {
    let mut judge = Judge::with(plan.mutation);
    let mut report = Report::default();
    let mut seed = plan.seed;
    while report.histories < plan.histories {
        let mut rng = Rng::new(seed);
        let mut cards = Cards::new(&setup(plan, seed));
        let end = plan.histories.min(report.histories + SESSION);
        let first = report.histories;
        while report.histories < end {
            let shape = Shape::random(&mut rng);
            let times = if shape.is_race() { RACES } else { 1 };
            for _ in 0..times.min(end - report.histories) {
                report.histories += 1;
                report.commands += shape.commands() as u64;
                report.races += u64::from(shape.is_race());
                once(&mut cards, &mut judge, &shape, &mut rng).map_err(|what| Disagreement {
                    what,
                    shape: shape.clone(),
                    seed,
                    number: report.histories - first,
                })?;
                progress(report.histories);
            }
        }
        report.struck += cards.struck();
        report.cycles += cards.cycles();
        seed = seed.wrapping_add(1);
    }
    (report.score, report.coverage) = (judge.score.clone(), judge.coverage());
    Ok(report)
}

/// Runs the histories of one session, and asks a model with each defect about each: the number of the history on which it differs,
/// if there is one.
///
/// # Errors
/// What breaks on the cards.
pub fn defects(plan: &Plan, mut progress: impl FnMut(u64)) -> Result<Vec<(Mutation, Option<u64>)>, String> {
    let mut judges: Vec<_> = Mutation::ALL.iter().map(|m| (*m, Judge::with(Some(*m)), None)).collect();
    let mut rng = Rng::new(plan.seed);
    let mut cards = Cards::new(&setup(plan, plan.seed));
    for number in 1..=plan.histories {
        let shape = Shape::random(&mut rng);
        let rests = run(&mut cards, &shape, &mut rng)?;
        for (_, judge, noticed) in judges.iter_mut().filter(|judge| judge.2.is_none()) {
            *noticed = matches!(judge.judge(&shape, &rests), Verdict::Differs(_)).then_some(number);
        }
        progress(number);
    }
    Ok(judges.into_iter().map(|(mutation, _, noticed)| (mutation, noticed)).collect())
}

/// Drops commands and faults while cards and model still disagree. None when fresh cards agree on the whole history.
pub fn shrink(plan: &Plan, found: &Disagreement) -> Option<(Shape, String)> {
    let setup = setup(plan, found.seed);
    let mut judge = Judge::with(plan.mutation);
    let mut differs = |shape: &Shape| {
        let mut cards = Cards::new(&setup);
        let mut rng = Rng::new(found.seed);
        (0..TRIES).find_map(|_| once(&mut cards, &mut judge, shape, &mut rng).err())
    };
    let mut what = differs(&found.shape)?;
    let mut shape = found.shape.clone();
    'smaller: loop {
        for smaller in smaller(&shape) {
            if let Some(now) = differs(&smaller) {
                (shape, what) = (smaller, now);
                continue 'smaller;
            }
        }
        return Some((shape, what));
    }
}

/// The histories with one thing less.
fn smaller(shape: &Shape) -> Vec<Shape> {
    let mut all = Vec::new();
    for n in 0..shape.turns.len() {
        for site in 0..2 {
            for k in 0..shape.turns[n].cmds[site].len() {
                let mut less = shape.clone();
                less.turns[n].cmds[site].remove(k);
                less.turns.retain(|turn| turn.cmds.iter().any(|cmds| !cmds.is_empty()));
                all.push(less);
            }
        }
        if shape.turns[n].strike.is_some() {
            let mut less = shape.clone();
            less.turns[n].strike = None;
            all.push(less);
        }
    }
    all.retain(|less| !less.turns.is_empty());
    all
}
