//! The thread that drives the cards: it takes requests from the clients' threads, keeps the lanes going, and lets simulated
//! time pass while anything is under way.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use dyad_driver::bar::CardStatus;
use dyad_driver::{Backing, Deadline, Mode, Timing};
use tracing::{error, info, warn};

use super::job::Job;
use super::lane::Lane;
use super::lane::owning::{Answer, Change, Order};
use crate::cli;
use crate::target::Cards;

/// Longest wait for events while nothing is under way.
const IDLE: Duration = Duration::from_millis(200);
/// Longest time that a simulator runs before the lanes are looked at again, of its own clock: about a second of this host's.
const RUN: Duration = Duration::from_millis(2);
/// Sleep between two looks at cards of which only one can be waited for.
const POLL: Duration = Duration::from_micros(50);
/// Between two looks at deadlines, and at what the peer's driver asks.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// How long what is in flight may take once the server is ending.
const WIND_UP: Duration = Duration::from_secs(30);
/// Attempts to bring a broken link up end after so many repeats of a message.
const ATTEMPT: u32 = 50;
/// Panics, one after the other and not by a request, after which the cards are given up.
const PANICS_MAX: u32 = 3;

/// What the engine is told.
pub enum Event {
    /// A request for a lane, by its index.
    Job(usize, Box<Job>),
    /// Who owns blocks, or the whole LUN, and which site is to, if any.
    Order { site: Option<u8>, blocks: Option<Range<u64>>, to: Sender<Answer> },
    /// End.
    Stop,
}

/// The way to the engine.
#[derive(Clone)]
pub struct Inbox {
    to: Sender<Event>,
    pending: Arc<AtomicUsize>,
}

impl Inbox {
    /// Tells the engine; `false` when it has ended.
    pub fn send(&self, event: Event) -> bool {
        // First the count, so that the engine never misses an event that is there.
        self.pending.fetch_add(1, Ordering::Release);
        self.to.send(event).is_ok()
    }
}

/// What the engine hears.
pub struct Outbox {
    from: Receiver<Event>,
    pending: Arc<AtomicUsize>,
}

/// A way to an engine that is still to be built.
pub fn channel() -> (Inbox, Outbox) {
    let (to, from) = mpsc::channel();
    let pending = Arc::new(AtomicUsize::new(0));
    (Inbox { to, pending: Arc::clone(&pending) }, Outbox { from, pending })
}

/// Cards, and the lanes to them.
pub struct Engine {
    cards: Cards,
    lanes: Vec<Lane>,
    outbox: Outbox,
    /// A simulator has something to do after the last request: commits to send, messages to repeat.
    restless_until: Option<Deadline>,
    housekept: Instant,
    /// The link was fenced and is not up again.
    mending: bool,
    /// Nothing new is submitted: the link is to be brought up again as soon as nothing is in flight.
    holding: bool,
    lun: u8,
    /// What the stores had flushed before the first client, at each simulated site.
    flushed_before: Option<[u64; 2]>,
    stopping: Option<Instant>,
    panics: u32,
}

impl Engine {
    /// Of cards whose link is up, with the LUN live.
    pub fn new(cards: Cards, lun: u8, lanes: Vec<Lane>, outbox: Outbox) -> Self {
        let flushed_before = flushed(&cards);
        let housekept = Instant::now();
        Self {
            cards,
            lanes,
            outbox,
            restless_until: None,
            housekept,
            mending: false,
            holding: false,
            lun,
            flushed_before,
            stopping: None,
            panics: 0,
        }
    }

    /// Works until it is told to stop, which it tells the clients' threads by `ending`, and what is in flight has ended. Then flushes, closes the link, and lets go of all.
    ///
    /// # Errors
    /// When the LUN could not be left closed cleanly.
    pub fn run(mut self, ending: &AtomicBool) -> Result<()> {
        loop {
            // What panics is a fault of this program or of the simulator. The request that it worked on is answered with an
            // error when it is dropped; the others go on.
            match catch_unwind(AssertUnwindSafe(|| self.turn(ending))) {
                Ok(true) => self.panics = 0,
                Ok(false) => return self.end(),
                Err(_) => self.panicked(),
            }
        }
    }

    fn panicked(&mut self) {
        error!("a fault of this program: please report it with what is above; it goes on");
        let mut blamed = false;
        self.lanes.iter_mut().for_each(|lane| blamed |= lane.blame());
        self.panics += u32::from(!blamed);
        if self.panics >= PANICS_MAX {
            self.lanes.iter_mut().for_each(|lane| lane.break_down(&"it failed again and again"));
            self.panics = 0;
        }
    }

    /// A round; whether there will be another.
    fn turn(&mut self, ending: &AtomicBool) -> bool {
        self.hear();
        if self.stopping.is_some() {
            ending.store(true, Ordering::Relaxed);
            self.holding = false;
        }
        for lane in &mut self.lanes {
            lane.collect();
            if self.holding { lane.hold() } else { lane.pump() }
        }
        if self.holding && self.lanes.iter().all(Lane::is_quiet) {
            self.mend();
            self.holding = false;
        }
        let busy = self.lanes.iter().any(Lane::is_busy);
        if self.housekept.elapsed() >= HOUSEKEEPING {
            self.housekeep();
        }
        match self.stopping {
            Some(_) if !busy => return false,
            Some(since) if since.elapsed() > WIND_UP => {
                let reason = "what was in flight did not end in time";
                self.lanes.iter_mut().filter(|lane| lane.is_busy()).for_each(|lane| lane.break_down(&reason));
                return false;
            }
            _ => {}
        }
        if busy {
            self.wait_busy()
        } else {
            self.wait_idle()
        }
        true
    }

    /// Takes in all that was sent.
    fn hear(&mut self) {
        while let Ok(event) = self.outbox.from.try_recv() {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        self.outbox.pending.fetch_sub(1, Ordering::Acquire);
        match event {
            // After a stop, its client hears that the server is ending when it is dropped.
            Event::Job(index, job) => match (self.stopping, self.lanes.get_mut(index)) {
                (None, Some(lane)) => lane.start(*job),
                _ => job.responder.answer(super::shutting_down()),
            },
            Event::Order { site, blocks, to } => self.order(site, blocks, to),
            Event::Stop if self.stopping.is_none() => {
                info!("ending: what is in flight is finished first");
                self.stopping = Some(Instant::now());
                self.lanes.iter_mut().for_each(Lane::wind_up);
            }
            Event::Stop => {}
        }
    }

    /// Has the site that is to own acquire; when it is not served here, the other release.
    fn order(&mut self, site: Option<u8>, blocks: Option<Range<u64>>, to: Sender<Answer>) {
        if self.stopping.is_some() {
            return drop(to.send(Err("the server is ending".to_owned())));
        }
        let name = site.map(cli::site_name);
        let acquires = name.and_then(|name| self.lanes.iter().position(|lane| lane.name() == name));
        let (change, index) = match (name, acquires) {
            (None, _) => (None, 0),
            (Some(_), Some(index)) => (Some(Change::Acquire), index),
            (Some(_), None) => (Some(Change::Release), 0),
        };
        match self.lanes.get_mut(index) {
            Some(lane) => lane.own(Order { change, blocks, to }),
            None => drop(to.send(Err("no site is served".to_owned()))),
        }
    }

    fn wait_busy(&mut self) {
        match self.cards.simulator() {
            Some(simulator) => {
                let busy = self.lanes.iter().filter(|lane| lane.is_busy());
                let site = |lane: &Lane| if lane.name() == "a" { dyad_sim::Site::A } else { dyad_sim::Site::B };
                let pairs: Vec<_> = busy.map(|lane| (site(lane), lane.vector())).collect();
                let pending = &self.outbox.pending;
                let until = self.lanes[0].backing().after(RUN);
                simulator.wait(until, &pairs, || pending.load(Ordering::Acquire) > 0);
                self.restless_until = Some(self.lanes[0].backing().after(self.rest()));
            }
            None => {
                let mut busy = self.lanes.iter().filter(|lane| lane.is_busy());
                if let Some(lane) = busy.next() {
                    lane.backing().wait(lane.vector(), lane.backing().after(POLL));
                }
            }
        }
    }

    /// How long a simulator runs on after the last request: until commits are sent, and sent again.
    fn rest(&self) -> Duration {
        self.cards
            .simulator()
            .map_or(Duration::ZERO, |simulator| 2 * simulator.round_trip() + Duration::from_micros(200))
    }

    fn wait_idle(&mut self) {
        let restless = match (self.cards.simulator(), self.restless_until) {
            (Some(simulator), Some(until)) if self.lanes[0].backing().now() < until.0 => {
                let pending = &self.outbox.pending;
                simulator.wait(until, &[], || pending.load(Ordering::Acquire) > 0);
                true
            }
            _ => false,
        };
        if restless {
            return;
        }
        self.restless_until = None;
        match self.outbox.from.recv_timeout(IDLE) {
            Ok(event) => self.take(event),
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody is left who could ask for anything.
            Err(RecvTimeoutError::Disconnected) => self.stopping = Some(Instant::now()),
        }
    }

    fn housekeep(&mut self) {
        self.housekept = Instant::now();
        self.lanes.iter_mut().for_each(Lane::check_deadlines);
        let mut fenced = false;
        for site in self.cards.sites() {
            // A card that is gone shows at its lane, when it is used.
            let status = site.service().and_then(|()| site.device().status());
            fenced |=
                status.is_ok_and(|status| !status.contains(CardStatus::LINK_UP) || status.contains(CardStatus::FENCED));
        }
        // For one round at a time: what never ends must not keep the others waiting for an error for ever.
        self.holding = fenced && self.stopping.is_none() && !self.holding;
    }

    /// Brings the link up again after it was fenced. What the cards hold unresolved is settled by that. Requests that come
    /// meanwhile wait; those that come between two attempts fail.
    fn mend(&mut self) {
        if !self.mending {
            warn!(
                "the link is fenced: the peer did not answer; requests fail until it is up again, which is tried now and then"
            );
        }
        self.mending = true;
        match mend(&mut self.cards, self.lun) {
            Ok(generation) => {
                self.mending = false;
                info!("the link is up again, in generation {generation}");
            }
            Err(error) => warn!("the link is still down: {error:#}"),
        }
    }

    fn end(mut self) -> Result<()> {
        // What has come meanwhile is too late.
        self.hear();
        let broken = self.lanes.iter().find_map(|lane| lane.broken().map(str::to_owned));
        if let (Some(before), Some(now)) = (self.flushed_before, flushed(&self.cards)) {
            let [a, b] = [now[0] - before[0], now[1] - before[1]];
            info!("flushes that the stores have answered: {a} at site a, {b} at site b");
        }
        // All queues but the sites' own must be gone; the close flushes both stores.
        self.lanes.clear();
        if let Some(reason) = broken {
            bail!("{reason}; the LUN was not closed, `dyad sync` makes its stores equal");
        }
        self.cards.close()
    }
}

/// An attempt to bring a broken link up again; its new generation.
fn mend(cards: &mut Cards, lun: u8) -> Result<u16> {
    for site in cards.sites() {
        let timing = site.timing();
        site.set_timing(Timing { deadline: (ATTEMPT * timing.resend).min(timing.deadline), ..timing });
        site.link_down()?;
    }
    let generation = cards.link_up(Mode::Serve)?.generation;
    for site in cards.sites() {
        site.need_live(lun)?;
    }
    Ok(generation)
}

/// Flushes that the simulated stores have answered.
fn flushed(cards: &Cards) -> Option<[u64; 2]> {
    let world = cards.simulator()?.bench.world();
    Some(dyad_sim::Site::ALL.map(|site| world.site(site).flush.count))
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
