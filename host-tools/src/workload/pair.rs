//! Commands at both sites at once, or in turn.

use anyhow::Result;
use dyad_driver::{Backing, Deadline, Queue};
use dyad_sim::Site;
use std::time::Duration;

use crate::simulator::Simulator;
use crate::target::AnyBacking;
use crate::workload::flow::Flow;
use crate::workload::{DEADLINE, Done, Workload};

/// How long cards outside of this process are left alone between two looks at them.
const POLL: Duration = Duration::from_micros(20);

/// When the commands of the two sites come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each site goes on by itself.
    Together,
    /// One command at a time: at one site, then at the other, the second one first.
    InTurn,
    /// So many at each site at once, and so many again when all of them have ended.
    Rounds(u32),
}

/// A workload of one site.
pub struct Party<'a> {
    /// Where it runs.
    pub site: Site,
    /// By which queue; it has it for itself.
    pub queue: &'a mut Queue<AnyBacking>,
    /// What it does.
    pub work: &'a mut Workload,
}

struct Side<'a> {
    site: Site,
    queue: &'a mut Queue<AnyBacking>,
    flow: Flow<'a>,
    /// Commands that it has not been allowed yet.
    later: u32,
}

impl<'a> Side<'a> {
    fn new(party: &'a mut Party, now: u32, later: u32) -> Self {
        Self { site: party.site, queue: party.queue, flow: Flow::new(party.work, now), later }
    }

    /// Lets up to `count` more of its commands come.
    fn allow(&mut self, count: u32) {
        let count = count.min(self.later);
        self.later -= count;
        self.flow.allow(count);
    }

    /// Submits what there is room for, and takes what has come; how many have ended.
    fn step(&mut self, mut done: impl FnMut(&Done)) -> Result<usize> {
        self.flow.fill(self.queue)?;
        self.queue.ring();
        let mut ended = 0;
        while let Some(completion) = self.queue.poll()? {
            if let Some(one) = self.flow.take(&completion)? {
                ended += 1;
                done(&one);
            }
        }
        Ok(ended)
    }

    fn is_idle(&self) -> bool {
        self.flow.is_done()
    }
}

/// Carries out the next `count` commands of each of `measured`, at the given pace, and commands of `beside` all the time that
/// this takes; returns when all have ended. `simulator` is where the cards are, if they are in this process; `done` hears of each
/// measured command, and which of the parties did it.
///
/// # Errors
/// Of the first command that failed; or a card does not answer.
pub fn run(
    measured: &mut [Party],
    beside: &mut [Party],
    (count, pace): (u32, Pace),
    simulator: Option<&Simulator>,
    mut done: impl FnMut(usize, &Done),
) -> Result<()> {
    let last = measured.len().saturating_sub(1);
    let now = |index: usize| match pace {
        Pace::Together => count,
        Pace::InTurn => u32::from(index == last).min(count),
        Pace::Rounds(each) => each.min(count),
    };
    let sides = measured.iter_mut().enumerate();
    let mut sides: Vec<_> = sides.map(|(index, party)| Side::new(party, now(index), count - now(index))).collect();
    let mut others: Vec<_> = beside.iter_mut().map(|party| Side::new(party, u32::MAX, 0)).collect();
    let after = |sides: &[Side]| sides.first().map_or(Deadline(0), |side| side.queue.backing().after(DEADLINE));
    let mut deadline = after(&sides);
    loop {
        let (mut any, mut ended) = (false, vec![0; sides.len()]);
        for (index, side) in sides.iter_mut().enumerate() {
            ended[index] = side.step(|one| done(index, one))?;
        }
        for side in &mut others {
            any |= side.step(|_| ())? > 0;
        }
        if ended.iter().any(|ended| *ended > 0) {
            any = true;
            deadline = after(&sides);
        }
        match pace {
            Pace::Together => {}
            Pace::InTurn => {
                for index in (0..ended.len()).filter(|index| ended[*index] > 0) {
                    let next = (index + 1) % sides.len();
                    sides[next].allow(1);
                }
            }
            Pace::Rounds(each) => {
                if sides.iter().all(Side::is_idle) {
                    sides.iter_mut().for_each(|side| side.allow(each));
                }
            }
        }
        if sides.iter().all(|side| side.is_idle() && side.later == 0) {
            others.iter_mut().for_each(|side| side.flow.stop());
            if others.iter().all(Side::is_idle) {
                return Ok(());
            }
        }
        if any {
            continue;
        }
        let Some(first) = sides.first() else { return Ok(()) };
        if first.queue.backing().now() >= deadline.0 {
            // The queue that waits in vain says what is wrong.
            for side in sides.iter_mut().chain(&mut others).filter(|side| !side.is_idle()) {
                side.queue.wait_any(deadline)?;
            }
        }
        wait(&sides, &others, deadline, simulator);
    }
}

/// Lets time pass until something has come to any of the queues.
fn wait(sides: &[Side], others: &[Side], deadline: Deadline, simulator: Option<&Simulator>) {
    match (simulator, sides.first()) {
        (Some(simulator), _) => {
            let vectors: Vec<_> = sides.iter().chain(others).map(|side| (side.site, side.queue.vector())).collect();
            simulator.wait(deadline, &vectors, || false);
        }
        (None, Some(side)) => {
            let backing = side.queue.backing();
            let _ = backing.wait(None, backing.after(POLL).or_earlier(deadline));
        }
        (None, None) => {}
    }
}
