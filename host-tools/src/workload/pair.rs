//! Commands at both sites at once.

use std::collections::HashMap;
use std::iter::Take;
use std::time::Duration;

use anyhow::{Result, bail};
use dyad_driver::{Backing, CommandId, DmaBuffer, Queue, io};
use dyad_sim::Site;

use crate::measure::{self, Transfer};
use crate::simulator::Simulator;
use crate::target::AnyBacking;
use crate::workload::{Commands, DEADLINE, Done, Workload};

/// How long cards outside of this process are left alone between two looks at them.
const POLL: Duration = Duration::from_micros(20);

/// What one site has still to do.
struct Side<'a> {
    queue: &'a mut Queue<AnyBacking>,
    lun: u8,
    first: u64,
    depth: usize,
    buffer: &'a DmaBuffer,
    todo: Take<&'a mut Box<dyn Iterator<Item = Transfer>>>,
    under_way: HashMap<CommandId, Transfer>,
}

impl<'a> Side<'a> {
    fn new(work: &'a mut Workload, queue: &'a mut Queue<AnyBacking>, count: u32) -> Result<Self> {
        let (lun, first, depth) = (work.lun, work.first, work.depth.into());
        let Commands::Transfers { buffer, next } = &mut work.commands else {
            bail!("measuring lookups at both sites at once: only reads and writes are; choose a site");
        };
        let todo = next.take(count as usize);
        Ok(Self { queue, lun, first, depth, buffer, todo, under_way: HashMap::new() })
    }

    /// Submits what there is room for, and takes what has come; whether anything has.
    fn step(&mut self, mut done: impl FnMut(&Done)) -> Result<bool> {
        while self.queue.in_flight() < self.depth && self.queue.room() > 0 {
            let Some(transfer) = self.todo.next() else { break };
            let transfer = transfer.moved_by(self.first);
            self.under_way.insert(measure::submit(self.queue, self.lun, &transfer, self.buffer)?, transfer);
        }
        self.queue.ring();
        let mut any = false;
        while let Some(completion) = self.queue.poll()? {
            any = true;
            if let Some(transfer) = self.under_way.remove(&completion.id()) {
                io::check(&completion, transfer.direction.name(), self.lun, transfer.lba)?;
                done(&Done::of_transfer(&transfer, &completion));
            }
        }
        Ok(any)
    }

    fn is_done(&self) -> bool {
        self.queue.in_flight() == 0
    }
}

/// Carries out the next `count` commands of each workload, at both sites at once, each site up to its depth at a time; returns
/// when all have ended. `simulator` is where the cards are, if they are in this process; `done` hears of each command, and of the
/// site (0 or 1) that it ended at.
///
/// # Errors
/// Of the first command that failed; or a card does not answer.
pub fn run(
    [work_a, work_b]: [&mut Workload; 2],
    [queue_a, queue_b]: [&mut Queue<AnyBacking>; 2],
    count: u32,
    simulator: Option<&Simulator>,
    mut done: impl FnMut(usize, &Done),
) -> Result<()> {
    let mut sides = [Side::new(work_a, queue_a, count)?, Side::new(work_b, queue_b, count)?];
    let after = |side: &Side| side.queue.backing().after(DEADLINE);
    let mut deadline = after(&sides[0]);
    loop {
        let mut any = false;
        for (site, side) in sides.iter_mut().enumerate() {
            any |= side.step(|one| done(site, one))?;
        }
        if any {
            deadline = after(&sides[0]);
            continue;
        }
        if sides.iter().all(Side::is_done) {
            return Ok(());
        }
        if sides[0].queue.backing().now() >= deadline.0 {
            // The queue that waits in vain says what is wrong.
            for side in sides.iter_mut().filter(|side| !side.is_done()) {
                side.queue.wait_any(deadline)?;
            }
        }
        let backing = sides[0].queue.backing();
        match simulator {
            Some(simulator) => {
                let vectors = [(Site::A, sides[0].queue.vector()), (Site::B, sides[1].queue.vector())];
                simulator.wait(deadline, &vectors, || false);
            }
            None => drop(backing.wait(None, backing.after(POLL).or_earlier(deadline))),
        }
    }
}
