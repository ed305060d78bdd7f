//! The search itself: breadth first, states as fingerprints, with the way back to the start.

use super::state::Frames;
use super::{Action, Scenario, State, Violation, trace};
use crate::fingerprint::{Seen, fingerprint};
use std::collections::VecDeque;
use std::hash::Hash;

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// States to visit at most.
    pub states: usize,
    /// Check from every state that everything can finish.
    pub liveness: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { states: usize::MAX, liveness: true }
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Every reachable state was visited, and all is well.
    Complete,
    /// All is well as far as the limit went.
    Cut,
    /// A property does not hold; the text is the way there.
    Broken(Violation, String),
}

/// A search's result.
#[derive(Clone, Debug)]
pub struct Search {
    /// What it found.
    pub outcome: Outcome,
    /// Different states.
    pub states: usize,
    /// Steps taken between them.
    pub steps: u64,
    /// Steps of the longest shortest way.
    pub depth: usize,
    /// Different frames.
    pub frames: usize,
}

/// Visits every state of a scenario. `progress` is told states, steps and depth from time to time.
pub fn search(sc: &Scenario, limits: Limits, progress: &mut dyn FnMut(usize, u64, usize)) -> Search {
    let mut frames = Frames::default();
    let start = State::new(sc);
    let mut seen = Seen::default();
    let mut finishing = Seen::default();
    let mut ways: Vec<(u32, Action)> = vec![(0, Action::Live)];
    let mut todo = VecDeque::from([(start.clone(), 0u32, 0usize)]);
    seen.insert(fingerprint(|h| start.hash(h)));
    let (mut steps, mut depth) = (0u64, 0);
    let mut actions = Vec::new();
    let mut sent = Vec::new();
    let outcome = 'search: loop {
        let Some((state, at, d)) = todo.pop_front() else { break Outcome::Complete };
        depth = depth.max(d);
        if limits.liveness
            && let Err(v) = can_finish(sc, &mut frames, &state, &mut finishing)
        {
            let text = trace::print(sc, &mut frames, &way(&ways, at), Some(&v));
            break Outcome::Broken(v, text);
        }
        actions.clear();
        state.actions(sc, &mut actions);
        for action in actions.iter().copied() {
            let mut next = state.clone();
            sent.clear();
            steps += 1;
            let result = next.act(sc, &mut frames, action, &mut sent);
            if let Err(v) = result {
                ways.push((at, action));
                let text = trace::print(sc, &mut frames, &way(&ways, (ways.len() - 1) as u32), Some(&v));
                break 'search Outcome::Broken(v, text);
            }
            if seen.insert(fingerprint(|h| next.hash(h))) {
                ways.push((at, action));
                todo.push_back((next, (ways.len() - 1) as u32, d + 1));
                if seen.len() % 4096 == 0 {
                    progress(seen.len(), steps, d);
                }
            }
        }
        if seen.len() >= limits.states {
            break Outcome::Cut;
        }
    };
    Search { outcome, states: seen.len(), steps, depth, frames: frames.len() }
}

fn way(ways: &[(u32, Action)], mut at: u32) -> Vec<Action> {
    let mut list = Vec::new();
    while at != 0 {
        list.push(ways[at as usize].1);
        at = ways[at as usize].0;
    }
    list.reverse();
    list
}

/// Rounds of a fair run after which it will not end any more.
const ROUNDS: usize = 60;

/// Loses every frame under way and lets both sites run on, fairly and without loss. Everything must end.
fn can_finish(sc: &Scenario, frames: &mut Frames, state: &State, finishing: &mut Seen) -> Result<(), Violation> {
    let print = |s: &State| fingerprint(|h| s.hash_without_soup(h));
    if finishing.contains(&print(state)) {
        return Ok(());
    }
    let mut s = state.clone();
    s.lose_all();
    s.make_live();
    let mut run = Vec::new();
    let mut probed = false;
    let mut queue = VecDeque::new();
    for _ in 0..ROUNDS {
        // Between rounds no frame is under way.
        let p = print(&s);
        if !probed && finishing.contains(&p) {
            finishing.extend(run);
            return Ok(());
        }
        if !probed {
            run.push(p);
        }
        for site in 0..2 {
            let i = site as usize;
            if (s.begun[i] as usize) < sc.ops[i].len() && s.sites[i].has_room() {
                fair(&mut s, sc, frames, Action::Submit(site), &mut queue)?;
            }
        }
        renew_or_rise(&mut s, sc, frames, &mut queue)?;
        for site in 0..2 {
            for k in 0..sc.cfg.slots {
                fair(&mut s, sc, frames, Action::Scan(site, k as u8), &mut queue)?;
            }
        }
        drain(&mut s, sc, frames, &mut queue)?;
        if s.finished(sc) && !probed {
            probed = true;
            for site in 0..2 {
                for lba in 0..sc.cfg.blocks {
                    probe(&mut s, sc, frames, site, lba)?;
                }
            }
        }
        if probed {
            finishing.extend(run);
            return Ok(());
        }
    }
    Err(Violation(stuck(&s)))
}

fn stuck(s: &State) -> String {
    let mut text = "can't finish even if nothing more is lost:".to_string();
    for site in &s.sites {
        for (slot, cmd) in site.open_commands() {
            text += &format!(" command {cmd} at site {} stays {:?};", site.id(), site.phase(slot as usize));
        }
    }
    text
}

/// A read of a block completes within a few rounds.
fn probe(s: &mut State, sc: &Scenario, frames: &mut Frames, site: u8, lba: u32) -> Result<(), Violation> {
    let mut queue = VecDeque::new();
    let before = s.probes().count_ones();
    for _ in 0..ROUNDS {
        if s.probes().count_ones() == before {
            let mut sent = Vec::new();
            // All slots may still wait for their COMMIT to be sent.
            let busy = s.sites[site as usize].open_commands().count() > 0;
            if !busy && s.sites[site as usize].has_room() {
                s.probe(sc, frames, site, lba, &mut sent);
                queue.extend(sent);
            }
        } else {
            return Ok(());
        }
        renew_or_rise(s, sc, frames, &mut queue)?;
        for k in 0..sc.cfg.slots {
            fair(s, sc, frames, Action::Scan(0, k as u8), &mut queue)?;
            fair(s, sc, frames, Action::Scan(1, k as u8), &mut queue)?;
        }
        drain(s, sc, frames, &mut queue)?;
    }
    Err(Violation(format!("all commands have ended, but a read of block {lba} at site {site} never does")))
}

/// The links come up; they go down first if numbers must be renewed.
fn renew_or_rise(
    s: &mut State,
    sc: &Scenario,
    frames: &mut Frames,
    queue: &mut VecDeque<u16>,
) -> Result<(), Violation> {
    for site in 0..2 {
        if s.should_go_down(sc, site as usize) {
            fair(s, sc, frames, Action::Down(site), queue)?;
        }
    }
    for site in 0..2 {
        if s.may_come_up(site as usize) {
            fair(s, sc, frames, Action::Up(site), queue)?;
        }
    }
    Ok(())
}

fn fair(
    s: &mut State,
    sc: &Scenario,
    frames: &mut Frames,
    action: Action,
    queue: &mut VecDeque<u16>,
) -> Result<(), Violation> {
    let mut sent = Vec::new();
    let result = s.act(sc, frames, action, &mut sent);
    queue.extend(sent);
    result
}

/// Delivers every frame and answers every store access, in order, until there are none.
fn drain(s: &mut State, sc: &Scenario, frames: &mut Frames, queue: &mut VecDeque<u16>) -> Result<(), Violation> {
    for _ in 0..1000 {
        if let Some(site) = (0..2u8).find(|i| !s.pending[*i as usize].is_empty()) {
            fair(s, sc, frames, Action::Store(site, 0), queue)?;
        } else if let Some(n) = queue.pop_front() {
            fair(s, sc, frames, Action::Deliver(n), queue)?;
        } else {
            s.lose_all();
            return Ok(());
        }
    }
    Err(Violation("the sites answer each other for ever".into()))
}
