//! Who owns the LUN's extents, and changes of that, while requests go on.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::Sender;

use dyad_driver::{Backing, CommandId, Completion, Deadline, DmaBuffer, Extents, Lun, Result, Status, io};
use dyad_spec::entry::lookup::LookupAnswer;
use dyad_spec::{MAX_BLOCKS, MAX_LOOKUPS};
use serde::{Deserialize, Serialize};

use super::Lane;

/// Bytes of an address, and of an answer.
const WORD: usize = size_of::<u64>();
/// Bytes of the addresses of a lookup, and of the answers.
const LIST: usize = MAX_LOOKUPS as usize * WORD;

/// Who is to own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This lane's site takes over.
    Acquire,
    /// It hands over.
    Release,
}

/// What is asked: who owns blocks, and who is to.
pub struct Order {
    /// What is to change; nothing, when that is not asked for.
    pub change: Option<Change>,
    /// Of which blocks; of the whole LUN, in one step.
    pub blocks: Option<Range<u64>>,
    /// Who waits for the answer.
    pub to: Sender<Answer>,
}

/// What became of it, or why nothing did.
pub type Answer = std::result::Result<Owned, String>;

/// Owners of extents, and what a change of them took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Extents that were looked at: those with the blocks asked for.
    pub extents: u64,
    /// Blocks of each.
    pub extent_blocks: u64,
    /// Of them, site a's and site b's.
    pub by_site: [u64; 2],
    /// Of them, those that have another owner than when it was asked for.
    pub moved: u64,
    /// Cycles of the card, doorbell to completion, added up over the commands; 0 when nothing was to change.
    pub cycles: u64,
    /// The same in nanoseconds, at the card's clock.
    pub ns: u64,
}

/// An order under way.
struct Moving {
    order: Order,
    /// First blocks of the extents.
    firsts: Vec<u64>,
    step: Step,
    /// The LUN moves extent by extent: the peer is its default owner, and cannot be given what it has.
    piecewise: bool,
    /// Extents of the step that a command has been submitted for.
    done: usize,
    command: Option<CommandId>,
    deadline: Deadline,
    /// Owners before and after, as far as they are known.
    owners: [Vec<u8>; 2],
    cycles: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Before,
    Change,
    After,
}

/// The orders of a lane: one at a time.
pub struct Owning {
    extent_shift: u32,
    lun_blocks: u64,
    clock_khz: u32,
    waiting: VecDeque<Order>,
    moving: Option<Moving>,
    /// Addresses, then answers.
    list: Option<DmaBuffer>,
}

impl Owning {
    /// For LUN `lun` on a card with this clock.
    pub fn new(lun: &Lun, clock_khz: u32) -> Self {
        Self {
            extent_shift: lun.extent_shift.into(),
            lun_blocks: lun.blocks,
            clock_khz,
            waiting: VecDeque::new(),
            moving: None,
            list: None,
        }
    }

    /// Whether an order is under way or waits.
    pub fn is_busy(&self) -> bool {
        self.moving.is_some() || !self.waiting.is_empty()
    }

    /// Whether a command of an order is under way.
    pub fn is_quiet(&self) -> bool {
        self.moving.as_ref().is_none_or(|moving| moving.command.is_none())
    }

    /// Ends all orders with an error.
    pub fn fail(&mut self, reason: &str) {
        let orders = self.moving.take().map(|moving| moving.order).into_iter().chain(self.waiting.drain(..));
        // Somebody who no longer waits does not mind.
        orders.for_each(|order| drop(order.to.send(Err(reason.to_owned()))));
    }

    /// First blocks of the extents that have these blocks.
    fn firsts(&self, blocks: &Range<u64>) -> Vec<u64> {
        let last = blocks.end.saturating_sub(1) >> self.extent_shift;
        (blocks.start >> self.extent_shift..=last).map(|extent| extent << self.extent_shift).collect()
    }
}

impl Lane {
    /// Takes an order on. The requests of clients go on meanwhile.
    pub fn own(&mut self, order: Order) {
        let whole = 0..self.owning.lun_blocks;
        let blocks = order.blocks.as_ref().unwrap_or(&whole);
        let refusal = if let Some(reason) = &self.broken {
            Some(reason.clone())
        } else if blocks.is_empty() || blocks.end > whole.end {
            let (from, to, all) = (blocks.start, blocks.end, whole.end);
            Some(format!("blocks from {from} to before {to}: the LUN has {all}; name some of them"))
        } else {
            None
        };
        match refusal {
            Some(reason) => drop(order.to.send(Err(reason))),
            None => self.owning.waiting.push_back(order),
        }
    }

    /// Submits the next command of an order.
    pub(super) fn pump_orders(&mut self) -> Result<()> {
        let deadline = self.queue.backing().after(2 * self.patience);
        let owning = &mut self.owning;
        if owning.moving.is_none()
            && let Some(order) = owning.waiting.pop_front()
        {
            let firsts = owning.firsts(order.blocks.as_ref().unwrap_or(&(0..owning.lun_blocks)));
            let (step, owners) = (Step::Before, [Vec::new(), Vec::new()]);
            owning.moving = Some(Moving {
                order,
                firsts,
                step,
                piecewise: false,
                done: 0,
                command: None,
                deadline,
                owners,
                cycles: 0,
            });
        }
        let Some(moving) = owning.moving.as_mut().filter(|moving| moving.command.is_none()) else { return Ok(()) };
        let left = &moving.firsts[moving.done..];
        let (id, count) = match (moving.step, moving.order.change) {
            (Step::Change, Some(change)) => {
                let (extents, count) = match moving.order.blocks {
                    None if !moving.piecewise => (Extents::WholeLun, left.len()),
                    _ => {
                        let count = left.len().min(MAX_BLOCKS as usize);
                        (Extents::From { lba: left[0], count: count as u16 }, count)
                    }
                };
                let id = match change {
                    Change::Acquire => self.queue.submit_acquire(self.lun, extents)?,
                    Change::Release => self.queue.submit_release(self.lun, extents)?,
                };
                (id, count)
            }
            _ => {
                if owning.list.is_none() {
                    owning.list = Some(self.queue.backing().dma_alloc(2 * LIST)?);
                }
                let Some(list) = &owning.list else { return Ok(()) };
                let count = left.len().min(MAX_LOOKUPS as usize);
                for (index, lba) in left[..count].iter().enumerate() {
                    list.write_at(index * WORD, &lba.to_le_bytes());
                }
                let (addresses, answers) = (list.slice(0..LIST), list.slice(LIST..2 * LIST));
                (self.queue.submit_lookup(self.lun, count as u16, &addresses, &answers)?, count)
            }
        };
        (moving.command, moving.deadline) = (Some(id), deadline);
        moving.done += count;
        Ok(())
    }

    /// Takes the end of an order's command; `false` when it is none.
    pub(super) fn finish_order(&mut self, completion: &Completion) -> bool {
        let owning = &mut self.owning;
        let Some(moving) = owning.moving.as_mut().filter(|moving| moving.command == Some(completion.id())) else {
            return false;
        };
        moving.command = None;
        let operation = match (moving.step, moving.order.change) {
            (Step::Change, Some(Change::Acquire)) => "ACQUIRE",
            (Step::Change, _) => "RELEASE",
            _ => "LOOKUP",
        };
        let whole = moving.order.blocks.is_none() && !moving.piecewise;
        if moving.step == Step::Change && whole && completion.status() == Status::NotOwner {
            (moving.piecewise, moving.done) = (true, 0);
            return true;
        }
        let lba = moving.firsts.first().copied().unwrap_or_default();
        if let Err(error) = io::check(completion, operation, self.lun, lba) {
            if let Some(moving) = owning.moving.take() {
                drop(moving.order.to.send(Err(format!("site {}: {error}", self.name))));
            }
            return true;
        }
        match (moving.step, &owning.list) {
            (Step::Change, _) => moving.cycles += u64::from(completion.stages().posted),
            (step, Some(list)) => {
                let owners = &mut moving.owners[usize::from(step == Step::After)];
                for index in 0..moving.done - owners.len() {
                    let mut answer = LookupAnswer::new();
                    list.read_at(LIST + index * WORD, &mut answer.0);
                    owners.push(answer.owner() as u8);
                }
            }
            (_, None) => {}
        }
        if moving.done == moving.firsts.len() {
            moving.done = 0;
            match (moving.step, moving.order.change) {
                (Step::Before, Some(_)) => moving.step = Step::Change,
                (Step::Change, _) => moving.step = Step::After,
                _ => self.owned(),
            }
        }
        true
    }

    /// Answers an order that has come to its end.
    fn owned(&mut self) {
        let owning = &mut self.owning;
        let Some(moving) = owning.moving.take() else { return };
        let [before, after] = &moving.owners;
        let now = if moving.order.change.is_some() { after } else { before };
        let of = |site| now.iter().filter(|owner| **owner == site).count() as u64;
        let answer = Owned {
            extents: now.len() as u64,
            extent_blocks: 1 << owning.extent_shift,
            by_site: [of(0), of(1)],
            moved: before.iter().zip(now).filter(|(before, now)| before != now).count() as u64,
            cycles: moving.cycles,
            ns: moving.cycles * 1_000_000 / u64::from(owning.clock_khz.max(1)),
        };
        drop(moving.order.to.send(Ok(answer)));
    }

    /// Gives up on an order that the card has not answered in time.
    pub(super) fn check_order(&mut self) {
        let now = self.queue.backing().now();
        let late =
            self.owning.moving.as_ref().is_some_and(|moving| moving.command.is_some() && moving.deadline.0 <= now);
        if late {
            // The memory of its lookup stays the card's: it may still write there.
            self.owning.list = None;
            self.owning.fail("the card did not answer in time; `dyad stats` shows what it last did");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stand_for_the_extents_that_have_them() {
        let owning = Owning {
            extent_shift: 4,
            lun_blocks: 100,
            clock_khz: 156_250,
            waiting: VecDeque::new(),
            moving: None,
            list: None,
        };
        assert_eq!(owning.firsts(&(0..100)), [0, 16, 32, 48, 64, 80, 96]);
        assert_eq!(owning.firsts(&(17..32)), [16]);
        assert_eq!(owning.firsts(&(31..33)), [16, 32]);
    }
}
