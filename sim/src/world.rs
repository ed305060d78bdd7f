//! The whole: two sites and the link between them, one clock.

use crate::axi::AxiSlave;
use crate::axil::{AxilMaster, Operation};
use crate::card::{Card, CardInputs, CardOutputs, Site};
use crate::config::Config;
use crate::host_mem::HostMemory;
use crate::mac::{RxMac, TxMac};
use crate::pcap;
use crate::rng::Noise;
use crate::site::{Irqs, ScriptedPeer, Station};
use crate::store::{FlushLine, Store};
use crate::wire::Wire;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Period of the card's timer scan, in cycles. Idle time is jumped over in whole periods.
pub const PERIOD: u64 = 8192;
/// Longest jump, in cycles.
pub const JUMP_MAX: u64 = 8 * PERIOD;
/// Cycles that are simulated between two jumps, at least.
pub const JUMP_PAUSE: u64 = 2 * PERIOD;
/// Cycles for which everything must have been quiet before a jump: longer than it takes a card to lower `idle` after an
/// input that gives it something to do.
pub const QUIET: u64 = 64;
/// What is at an end of the link.
pub enum Occupant {
    /// A card with its host and store.
    Card(Box<Station>),
    /// A test.
    Peer(Box<ScriptedPeer>),
}

/// Something that happens at a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Both directions of the link are cut.
    CutLink,
    /// And mended.
    MendLink,
    /// A card stops for ever: see [`World::kill`].
    Kill(Site),
    /// A site loses power: see [`World::power_cut`].
    PowerCut(Site),
    /// A card's `rst` goes high for so many cycles.
    Reset(Site, u64),
}

/// A deadline has passed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing after {cycles} cycles (at cycle {at}, seed {seed}): {what}")]
pub struct Timeout {
    /// What was waited for.
    pub what: &'static str,
    /// For how long.
    pub cycles: u64,
    /// When it was given up.
    pub at: u64,
    /// The world's seed.
    pub seed: u64,
}

/// How fast the simulation runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Speed {
    /// Cycles that were simulated.
    pub simulated: u64,
    /// Cycles that were jumped over.
    pub jumped: u64,
    /// Wall time of both.
    pub wall: Duration,
}

impl Speed {
    /// Simulated cycles in a millisecond of wall time; those jumped over do not count.
    pub fn khz(&self) -> f64 {
        self.simulated as f64 / (self.wall.as_secs_f64() * 1e3).max(1e-9)
    }
}

/// Two sites, the link, and the time.
pub struct World {
    config: Config,
    sites: [Occupant; 2],
    /// Index: the site that sends.
    wires: [Wire; 2],
    cycle: u64,
    speed: Speed,
    since_jump: u64,
    /// Cycles for which everything has been quiet.
    quiet: u64,
    /// Sorted, the soonest last.
    actions: Vec<(u64, Action)>,
    register_timeouts: u64,
}

impl World {
    /// A world of two sites; where no card is given, a test plays the peer. The cards are in reset for the first
    /// [`Config::reset_cycles`].
    ///
    /// # Errors
    /// When there is no memory for the stores.
    ///
    /// # Panics
    /// When no card is given, or two of different width.
    pub fn new(config: Config, cards: [Option<Box<dyn Card>>; 2]) -> io::Result<Self> {
        let widths: Vec<_> = cards.iter().flatten().map(|card| card.data_bytes()).collect();
        let data_bytes = *widths.first().expect("a world needs a card");
        assert!(widths.iter().all(|&width| width == data_bytes), "two cards of different width");
        let wires = [0x10, 0x11]
            .map(|stream| Wire::new(config.wire(), config.rate, data_bytes, Noise::new(config.seed, stream).at(0, 0)));
        let mut sites = Vec::new();
        for (index, card) in cards.into_iter().enumerate() {
            sites.push(match card {
                Some(card) => Occupant::Card(Box::new(station(&config, index, card)?)),
                None => Occupant::Peer(Box::new(ScriptedPeer::new(config.rate, data_bytes))),
            });
        }
        let sites: [Occupant; 2] = sites.try_into().unwrap_or_else(|_| unreachable!("two sites went in"));
        Ok(Self {
            config,
            sites,
            wires,
            cycle: 0,
            speed: Speed::default(),
            since_jump: 0,
            quiet: 0,
            actions: Vec::new(),
            register_timeouts: 0,
        })
    }

    /// Turns jumps over idle time on or off, from now on.
    pub fn set_jump(&mut self, jump: bool) {
        self.config.jump = jump;
    }

    /// The configuration that it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The cycle that comes next.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// How fast it has run so far, by [`run`](Self::run), [`run_until`](Self::run_until) and register accesses.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// Register accesses that got no answer.
    pub fn register_timeouts(&self) -> u64 {
        self.register_timeouts
    }

    /// The station at `site`.
    ///
    /// # Panics
    /// When there is a scripted peer.
    pub fn site(&self, site: Site) -> &Station {
        match &self.sites[site as usize] {
            Occupant::Card(station) => station,
            Occupant::Peer(_) => panic!("there is no card at site {site}"),
        }
    }

    /// The station at `site`, to be changed.
    ///
    /// # Panics
    /// When there is a scripted peer.
    pub fn site_mut(&mut self, site: Site) -> &mut Station {
        match &mut self.sites[site as usize] {
            Occupant::Card(station) => station,
            Occupant::Peer(_) => panic!("there is no card at site {site}"),
        }
    }

    /// The scripted peer at `site`.
    ///
    /// # Panics
    /// When there is a card.
    pub fn peer_mut(&mut self, site: Site) -> &mut ScriptedPeer {
        match &mut self.sites[site as usize] {
            Occupant::Card(_) => panic!("there is a card at site {site}"),
            Occupant::Peer(peer) => peer,
        }
    }

    /// Sends a frame from the scripted peer at `site`, at the line rate; `bad` with a wrong FCS.
    ///
    /// # Panics
    /// When there is a card.
    pub fn peer_send(&mut self, site: Site, bytes: &[u8], bad: bool) {
        match &mut self.sites[site as usize] {
            Occupant::Card(_) => panic!("there is a card at site {site}"),
            Occupant::Peer(peer) => peer.send(self.cycle, bytes, bad, &mut self.wires[site as usize]),
        }
    }

    /// The wire on which `site` sends.
    pub fn wire(&self, site: Site) -> &Wire {
        &self.wires[site as usize]
    }

    /// The wire on which `site` sends, to be changed, tapped or monitored.
    pub fn wire_mut(&mut self, site: Site) -> &mut Wire {
        &mut self.wires[site as usize]
    }

    /// Puts a frame on the wire on which `site` sends, beside what it sends itself.
    pub fn inject(&mut self, site: Site, bytes: &[u8], bad: bool) {
        self.wires[site as usize].inject(self.cycle, bytes, bad);
    }

    /// Captures both directions of the link in a file from now on.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn capture(&mut self, path: &Path) -> io::Result<()> {
        let monitors = pcap::monitors(path, 1_000_000_000 / self.config.clock_khz)?;
        for (wire, monitor) in self.wires.iter_mut().zip(monitors) {
            wire.monitor(monitor);
        }
        Ok(())
    }

    /// Does `action` before `cycle` is simulated; at once, if that has passed.
    pub fn at(&mut self, cycle: u64, action: Action) {
        let place = self.actions.partition_point(|&(other, _)| other > cycle);
        self.actions.insert(place, (cycle, action));
    }

    /// Cuts or mends both directions of the link.
    pub fn set_link(&mut self, up: bool) {
        for wire in &mut self.wires {
            if up { wire.mend() } else { wire.cut(self.cycle) }
        }
    }

    /// A card stops for ever: no clock, register reads are all-ones, what it was sending ends as bad. Its host memory
    /// and store stay as they are.
    pub fn kill(&mut self, site: Site) {
        let cycle = self.cycle;
        if let Occupant::Card(station) = &mut self.sites[site as usize] {
            station.reset(cycle, 0, &mut self.wires[site as usize]);
            station.dead = true;
        }
    }

    /// A site loses power: store writes that had no answer yet reach the store in part, then as [`kill`](Self::kill).
    pub fn power_cut(&mut self, site: Site) {
        if let Occupant::Card(station) = &mut self.sites[site as usize] {
            station.store_bus.tear(self.cycle, &mut station.store);
        }
        self.kill(site);
    }

    /// Another card in place of the one at `site`, powered up and in reset as at the start; host memory and store stay.
    pub fn replace_card(&mut self, site: Site, card: Box<dyn Card>) {
        self.kill(site);
        let reset_cycles = self.config.reset_cycles;
        let station = self.site_mut(site);
        assert_eq!(station.card.data_bytes(), card.data_bytes(), "two cards of different width");
        station.card = card;
        station.dead = false;
        station.reset_left = reset_cycles;
    }

    /// Raises a card's `rst` for some cycles.
    pub fn reset(&mut self, site: Site, cycles: u64) {
        if let Occupant::Card(station) = &mut self.sites[site as usize]
            && !station.dead
        {
            station.reset(self.cycle, cycles, &mut self.wires[site as usize]);
        }
    }

    /// Simulates one cycle.
    #[inline]
    pub fn step(&mut self) {
        while let Some(&(due, action)) = self.actions.last()
            && due <= self.cycle
        {
            self.actions.pop();
            self.act(action);
        }
        let cycle = self.cycle;
        let [from_a, from_b] = &mut self.wires;
        let [a, b] = &mut self.sites;
        // A frame takes at least a cycle: what is sent in this one is not there yet. The second card is begun first, for
        // it is the one that may have a thread of its own.
        begin(b, cycle, from_a);
        begin(a, cycle, from_b);
        end(a, cycle, from_a, from_b);
        end(b, cycle, from_b, from_a);
        self.cycle += 1;
        self.since_jump += 1;
        self.speed.simulated += 1;
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::CutLink => self.set_link(false),
            Action::MendLink => self.set_link(true),
            Action::Kill(site) => self.kill(site),
            Action::PowerCut(site) => self.power_cut(site),
            Action::Reset(site, cycles) => self.reset(site, cycles),
        }
    }

    /// Jumps over idle time, to `limit` at most.
    #[inline]
    fn jump(&mut self, limit: u64) {
        if self.config.jump && self.since_jump >= JUMP_PAUSE - QUIET {
            let awake = |site: &Occupant| matches!(site, Occupant::Card(station) if !station.may_sleep());
            if self.sites.iter().any(awake) {
                self.quiet = 0;
            } else {
                self.jump_now(limit);
            }
        }
    }

    fn jump_now(&mut self, limit: u64) {
        let cycle = self.cycle;
        let mut until = u64::MAX;
        let site_events = self.sites.iter().filter_map(|site| match site {
            Occupant::Card(station) => station.next_event(cycle),
            Occupant::Peer(_) => None,
        });
        let wire_events = self.wires.iter().filter_map(|wire| wire.next_event(cycle));
        let action = self.actions.last().map(|&(due, _)| due.max(cycle));
        for event in site_events.chain(wire_events).chain(action) {
            until = until.min(event);
        }
        self.quiet = if until > cycle { self.quiet + 1 } else { 0 };
        let jumped = until.min(limit).min(cycle + JUMP_MAX).saturating_sub(cycle) / PERIOD * PERIOD;
        if jumped == 0 || self.quiet < QUIET || self.since_jump < JUMP_PAUSE {
            return;
        }
        self.cycle += jumped;
        self.speed.jumped += jumped;
        self.since_jump = 0;
        self.quiet = 0;
        for site in &mut self.sites {
            if let Occupant::Card(station) = site {
                station.resume(self.cycle);
            }
        }
    }

    /// Whether nothing is under way: both cards rest, and nothing is on the buses, on the link, or planned. Until a driver does
    /// something, only clocks go on then.
    ///
    /// A card takes up to [`QUIET`] cycles to notice what a driver has done: ask after more than those.
    pub fn is_idle(&self) -> bool {
        let rests = |site: &Occupant| match site {
            Occupant::Card(station) => station.may_sleep() && station.next_event(self.cycle).is_none(),
            Occupant::Peer(_) => true,
        };
        self.sites.iter().all(rests)
            && self.wires.iter().all(|wire| wire.next_event(self.cycle).is_none())
            && self.actions.is_empty()
    }

    /// Lets `cycles` pass.
    pub fn run(&mut self, cycles: u64) {
        let started = Instant::now();
        let end = self.cycle + cycles;
        while self.cycle < end {
            self.step();
            self.jump(end);
        }
        self.speed.wall += started.elapsed();
    }

    /// Lets time pass until `done` is true, which is asked after each cycle; a cycle that is jumped over is not asked
    /// about. Returns how many cycles passed.
    ///
    /// # Errors
    /// [`Timeout`] after `max_cycles`; `what` says what was waited for.
    pub fn run_until(
        &mut self,
        what: &'static str,
        max_cycles: u64,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<u64, Timeout> {
        let started = Instant::now();
        let (begin, end) = (self.cycle, self.cycle + max_cycles);
        let mut finished = done(self);
        while !finished && self.cycle < end {
            self.step();
            finished = done(self);
            if !finished {
                self.jump(end);
            }
        }
        self.speed.wall += started.elapsed();
        if finished {
            return Ok(self.cycle - begin);
        }
        Err(Timeout { what, cycles: max_cycles, at: self.cycle, seed: self.config.seed })
    }

    /// Queues a register write and returns at once; it and those before it are carried out as time passes.
    pub fn post32(&mut self, site: Site, offset: u16, word: u32) {
        let station = self.site_mut(site);
        if !station.dead {
            station.axil.submit(Operation::Write(offset, word));
        }
    }

    /// Register accesses of `site` that are queued or under way.
    pub fn registers_pending(&self, site: Site) -> usize {
        self.site(site).axil.pending()
    }

    /// Reads a register; time passes until it is read. All writes posted before take effect first. A card that is dead
    /// or does not answer within [`Config::register_deadline`] reads as all-ones, and so does a bus error.
    pub fn read32(&mut self, site: Site, offset: u16) -> u32 {
        self.access(site, Operation::Read(offset)).unwrap_or(u32::MAX)
    }

    /// Writes a register; time passes until it is written. Returns whether the card took it.
    pub fn write32(&mut self, site: Site, offset: u16, word: u32) -> bool {
        self.access(site, Operation::Write(offset, word)).is_some()
    }

    fn access(&mut self, site: Site, operation: Operation) -> Option<u32> {
        // A loop of accesses to a dead card must not stop time.
        if self.site(site).dead {
            self.run(1);
            return None;
        }
        let ticket = self.site_mut(site).axil.submit(operation);
        let ended = |world: &mut Self| world.site(site).axil.last().filter(|last| last.ticket >= ticket);
        let deadline = self.config.register_deadline;
        if self.run_until("register access", deadline, |world| ended(world).is_some()).is_err() {
            self.register_timeouts += 1;
            // The bus hangs; the host gives up what it had asked for.
            self.site_mut(site).axil.reset();
            return None;
        }
        ended(self).filter(|last| last.response == 0).map(|last| last.data)
    }
}

#[inline]
fn begin(site: &mut Occupant, cycle: u64, incoming: &mut Wire) {
    if let Occupant::Card(station) = site {
        station.begin(cycle, incoming);
    }
}

#[inline]
fn end(site: &mut Occupant, cycle: u64, outgoing: &mut Wire, incoming: &mut Wire) {
    match site {
        Occupant::Card(station) => station.end(cycle, outgoing),
        Occupant::Peer(peer) => peer.step(cycle, outgoing, incoming),
    }
}

fn station(config: &Config, index: usize, card: Box<dyn Card>) -> io::Result<Station> {
    let (data_bytes, store_bytes) = (card.data_bytes(), card.store_bytes());
    let noise = |bus: u64| Noise::new(config.seed, bus * 2 + index as u64);
    let react = config.on_violation;
    Ok(Station {
        card,
        inputs: CardInputs::default(),
        outputs: CardOutputs::default(),
        axil: AxilMaster::default(),
        host_bus: AxiSlave::new("m_axi_host", data_bytes, config.host.clone(), noise(0), react),
        host: HostMemory::default(),
        store_bus: AxiSlave::new("m_axi_store", store_bytes, config.store.clone(), noise(1), react),
        store: Store::new(config.store_bytes)?,
        flush: FlushLine::new(config.flush_latency),
        irqs: Irqs::default(),
        tx: TxMac::new(config.rate, data_bytes, react),
        rx: RxMac::default(),
        dead: false,
        reset_left: config.reset_cycles,
        now_offset: config.now_offset[index],
    })
}
