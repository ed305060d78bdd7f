//! One site's way to its card: requests become commands, many at a time, and completions become answers.
//!
//! ```text
//!   start ─► runnable ──part──► gate ──► granted ──buffer, room──► card ──► finish ──► answer
//!            (one part of each   (writes                                      │
//!             request in turn)    only)               FUA: one FLUSH for all ◄┘
//! ```
//!
//! Nothing here blocks. What waits for a buffer or for room in the queue waits in `granted`, what waits for a block in the
//! [`Gate`]; both move on when a command ends.

mod commands;
mod finish;
pub mod owning;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use dyad_driver::{Backing, CommandId, Deadline, Lun, Queue, Site};
use tracing::{error, warn};

use super::gate::{Gate, Hold};
use super::job::{Job, Responder};
use super::plan::{Part, Plan};
use super::pool::{Buffer, Pool};
use super::protocol::Errno;
use super::protocol::reply::Answer;
use super::protocol::request::Operation;
use super::stable::Stable;
use crate::target::{self, AnyBacking};
use owning::Owning;

/// Least time between two warnings about the same thing.
const WARN_EVERY: Duration = Duration::from_secs(5);

/// A request that is being worked on.
struct Work {
    operation: Operation,
    fua: bool,
    plan: Plan,
    /// A write's payload, or where a read's bytes go.
    data: Vec<u8>,
    /// Parts that have left the plan and not ended.
    outstanding: usize,
    failed: Option<(Errno, String)>,
    responder: Responder,
}

impl Work {
    fn writes(&self) -> bool {
        matches!(self.operation, Operation::Write | Operation::WriteZeroes | Operation::Trim)
    }
}

/// What a command of the card is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A part's only command.
    Whole,
    /// Reads the block of which a piece is to be written.
    Fetch,
    /// Writes it back.
    Store,
}

/// A part of a request that has left the plan.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    work: u64,
    part: Part,
    /// It holds its blocks.
    writes: bool,
}

struct Flight {
    ticket: Ticket,
    stage: Stage,
    /// A command about zeroes has none.
    buffer: Option<Buffer>,
    deadline: Deadline,
}

/// One site's requests and commands.
pub struct Lane {
    name: &'static str,
    lun: u8,
    queue: Queue<AnyBacking>,
    pool: Pool,
    gate: Gate<Ticket>,
    work: HashMap<u64, Work>,
    last_work: u64,
    /// With parts that have not left the plan.
    runnable: VecDeque<u64>,
    granted: VecDeque<Ticket>,
    in_flight: HashMap<CommandId, Flight>,
    /// Whom a flush would serve that has not been submitted.
    flush_wanted: Vec<u64>,
    /// The flush under way, whom it serves, and until when.
    flushing: Option<(CommandId, Vec<u64>, Deadline)>,
    patience: Duration,
    /// When the card is given up, unless it answers anything before.
    answered: Deadline,
    /// What is being worked on right now, and no command in flight stands for.
    at: Option<Ticket>,
    stable: Rc<Stable>,
    owning: Owning,
    /// Why nothing works any more.
    broken: Option<String>,
    warned: Option<Instant>,
}

impl Lane {
    /// To `lun` on `site`, which the user calls `name`. No command may take longer than `patience` of the card's clock;
    /// `stable` answers flushes.
    ///
    /// # Errors
    /// What making a queue, and memory for it, can give.
    pub fn new(
        name: &'static str,
        lun: &Lun,
        site: &Site<AnyBacking>,
        patience: Duration,
        stable: Rc<Stable>,
    ) -> Result<Self> {
        let queue = target::queue(site)?;
        let answered = queue.backing().after(2 * patience);
        let owning = Owning::new(lun, site.device().info().clock_khz);
        Ok(Self {
            name,
            lun: lun.number,
            pool: Pool::new(queue.backing())?,
            queue,
            gate: Gate::new(),
            work: HashMap::new(),
            last_work: 0,
            runnable: VecDeque::new(),
            granted: VecDeque::new(),
            in_flight: HashMap::new(),
            flush_wanted: Vec::new(),
            flushing: None,
            patience,
            answered,
            at: None,
            stable,
            owning,
            broken: None,
            warned: None,
        })
    }

    /// What the user calls its site.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Why nothing works any more, if so.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Whether requests or orders wait for the card.
    pub fn is_busy(&self) -> bool {
        !self.work.is_empty() || self.owning.is_busy()
    }

    /// Whether the card works on no command.
    pub fn is_quiet(&self) -> bool {
        self.in_flight.is_empty() && self.flushing.is_none() && self.owning.is_quiet()
    }

    /// The vector that its completions raise.
    pub fn vector(&self) -> Option<u16> {
        self.queue.vector()
    }

    /// The way to the card.
    pub fn backing(&self) -> &AnyBacking {
        self.queue.backing()
    }

    /// Takes a request on.
    pub fn start(&mut self, job: Job) {
        let Job { operation, offset, bytes, fua, payload, responder } = job;
        if let Some(reason) = &self.broken {
            return responder.answer(Answer::Failed(Errno::Io, reason.clone()));
        }
        let (plan, data) = match operation {
            Operation::Read => (Plan::read(offset, bytes), vec![0; bytes as usize]),
            Operation::Write => (Plan::write(offset, bytes), payload),
            // NO_HOLE asks for what is done anyway: the blocks are written.
            Operation::WriteZeroes => (Plan::write(offset, bytes), Vec::new()),
            // Pieces of blocks at the ends stay as they are: a trim is a hint.
            Operation::Trim => (Plan::inner(offset, bytes), Vec::new()),
            Operation::Flush => (Plan::empty(), Vec::new()),
            // The store is local: nothing to fetch.
            Operation::Cache => return responder.answer(Answer::Done),
            Operation::BlockStatus => return responder.answer(Answer::Allocated),
        };
        if self.is_quiet() {
            // Its silence until now was nobody's fault.
            self.answered = self.queue.backing().after(2 * self.patience);
        }
        self.last_work += 1;
        let id = self.last_work;
        let empty = plan.is_done();
        self.work.insert(id, Work { operation, fua, plan, data, outstanding: 0, failed: None, responder });
        if empty { self.settle(id) } else { self.runnable.push_back(id) }
    }

    /// Submits what can be submitted.
    pub fn pump(&mut self) {
        if let Err(error) = self.submit_all() {
            self.break_down(&error);
        }
    }

    /// Submits nothing new; what is in flight goes on to its end.
    pub fn hold(&mut self) {
        self.queue.ring();
    }

    fn submit_all(&mut self) -> dyad_driver::Result<()> {
        if self.queue.room() > 1 {
            self.pump_orders()?;
        }
        // One place is kept for a flush.
        while self.queue.room() > 1 {
            if let Some(ticket) = self.granted.pop_front() {
                if !self.launch(ticket)? {
                    self.granted.push_front(ticket);
                    break;
                }
            } else if let Some(id) = self.runnable.pop_front() {
                self.next_part(id);
            } else {
                break;
            }
        }
        self.flush_all()?;
        self.queue.ring();
        Ok(())
    }

    /// Takes a part out of a request's plan; the request goes to the end of the line.
    fn next_part(&mut self, id: u64) {
        let Some(work) = self.work.get_mut(&id) else { return };
        let Some(part) = work.plan.next() else { return };
        work.outstanding += 1;
        if !work.plan.is_done() {
            self.runnable.push_back(id);
        }
        let ticket = Ticket { work: id, part, writes: work.writes() };
        let granted = if ticket.writes { self.gate.enter(ticket, part.range(), hold(&part)) } else { Some(ticket) };
        self.granted.extend(granted);
    }

    /// Takes all completions that have come.
    pub fn collect(&mut self) {
        if self.is_busy()
            && let Some(reason) = self.queue.backing().gone()
        {
            return self.break_down(&reason);
        }
        loop {
            match self.queue.poll() {
                Ok(Some(completion)) => self.finish(&completion),
                Ok(None) => return,
                Err(error) => return self.break_down(&error),
            }
        }
    }

    /// Gives up on commands that the card has not answered in time; and on the card, when it answers none.
    pub fn check_deadlines(&mut self) {
        self.check_order();
        let now = self.queue.backing().now();
        let late = self.in_flight.values().filter(|flight| flight.deadline.0 <= now);
        let mut failed: Vec<u64> = late.map(|flight| flight.ticket.work).collect();
        if let Some((_, served, _)) = self.flushing.as_mut().filter(|flush| flush.2.0 <= now) {
            failed.append(served);
            // There is one at a time: nobody else's will be submitted.
            failed.append(&mut self.flush_wanted);
        } else if failed.is_empty() {
            return;
        }
        if self.answered.0 <= now {
            return self.break_down(&"the card answers nothing; `dyad stats` shows what it last did");
        }
        let patience = self.patience;
        self.warn(&format!("the card did not answer in {patience:?}; `dyad stats` shows what it last did"));
        // The memory, and the blocks, stay taken: the card may still use them. Who waits for such a block has waited enough.
        failed.extend(self.gate.dismiss().into_iter().map(|ticket| ticket.work));
        for id in failed {
            self.fail(id, "the card did not answer in time");
        }
    }

    /// Answers a request with an error now. Commands of it that are in flight come to their end unheard.
    fn fail(&mut self, id: u64, reason: &str) {
        if let Some(work) = self.work.remove(&id) {
            work.responder.answer(Answer::Failed(Errno::Io, format!("site {}: {reason}", self.name)));
        }
    }

    /// After a panic: the request that was being worked on has failed, and no other. `false` when there was none.
    pub fn blame(&mut self) -> bool {
        let Some(ticket) = self.at.take() else { return false };
        self.leave(&ticket);
        self.fail(ticket.work, "a fault of this program; please report it");
        true
    }

    /// No new commands: requests of which a part has not been submitted end with an error when the other parts have ended.
    pub fn wind_up(&mut self) {
        let left: Vec<u64> = self.runnable.drain(..).collect();
        let waiting = self.gate.dismiss();
        let granted: Vec<_> = self.granted.drain(..).collect();
        for id in left.iter().chain(waiting.iter().chain(&granted).map(|ticket| &ticket.work)) {
            if let Some(work) = self.work.get_mut(id) {
                work.plan.cancel();
                work.failed.get_or_insert((Errno::Shutdown, "the server is ending".to_owned()));
            }
        }
        self.owning.fail("the server is ending");
        for ticket in waiting {
            self.part_ended(ticket.work);
        }
        for ticket in granted {
            self.leave(&ticket);
            self.part_ended(ticket.work);
        }
        left.into_iter().for_each(|id| self.settle(id));
    }

    /// Nothing will come from this card any more: every request is answered with an error, now and from now on.
    pub fn break_down(&mut self, reason: &dyn std::fmt::Display) {
        error!(
            "site {}: {reason}; all requests here fail from now on; restart `dyad serve` when that is mended",
            self.name
        );
        let reason = format!("site {}: {reason}", self.name);
        for (_, work) in self.work.drain() {
            work.responder.answer(Answer::Failed(Errno::Io, reason.clone()));
        }
        self.runnable.clear();
        self.granted.clear();
        self.gate.dismiss();
        self.owning.fail(&reason);
        self.broken = Some(reason);
    }

    /// Warns, but not over and over.
    fn warn(&mut self, text: &dyn std::fmt::Display) {
        if self.warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            warn!("site {}: {text}", self.name);
        }
    }
}

/// How a write must hold its blocks.
fn hold(part: &Part) -> Hold {
    if part.is_whole() { Hold::Shared } else { Hold::Alone }
}
