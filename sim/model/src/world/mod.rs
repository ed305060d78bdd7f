//! A seeded simulation: two sites, their stores, racing clients, and a link that does what links do.
//!
//! Everything follows from the seed: with the same seed, sizes and faults a run is the same, event by event. Time is in
//! units of about a microsecond: the link takes 100 one way, a store 5 to 25, in some worlds up to 800.
//!
//! [`soak`] runs a number of commands with faults on (safety), then without, until everything has ended (liveness); then
//! the [`Judge`] decides. A failure names the command that replays it.

mod clients;
mod faults;
mod link;
mod wheel;

pub use faults::Faults;

use crate::judge::{Fault, Judge, Seen, Summary};
use crate::protocol::{
    Block, Config, Epoch, Io, Lookup, Map, Mutation, Output, Phase, Site, SiteId, Stats, StoreOp, Tag,
};
use crate::store::Store;
use clients::Clients;
use link::Link;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wheel::Wheel;

/// Link delay, one way.
pub const DELAY: u64 = 100;
/// Time after which a frame is repeated.
const REPEAT: u64 = 6 * DELAY;
/// Time between two scans.
const SCAN: u64 = 75;
/// Units of time, and events, in which some command must end, whatever goes wrong.
const PATIENCE: u64 = 1_000_000;

/// What a soak run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// Commands of the clients at both sites together.
    pub ops: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// Defect of both cards.
    pub mutation: Option<Mutation>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The judge's count.
    pub summary: Summary,
    /// Units of simulated time.
    pub time: u64,
    /// Frames sent, and of those lost, doubled, corrupted.
    pub frames: [u64; 4],
    /// Link-ups.
    pub link_ups: u64,
    /// Of which with new numbers.
    pub renewals: u64,
    /// Counters of both sites.
    pub stats: [Stats; 2],
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it was.
    pub plan: String,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n  replay: cargo run --release -p dyad-model --example soak -- {}", self.what, self.plan)
    }
}

impl std::error::Error for Failure {}

#[derive(Clone, Copy, Debug)]
enum Event {
    Frame(SiteId, u64, crate::protocol::Frame),
    Stored(SiteId, Tag, StoreOp),
    Scan(SiteId),
    Client(SiteId, u16),
    Cut,
    Up(SiteId),
    Live(bool),
}

/// The simulated world.
pub struct World {
    cfg: Config,
    faults: Faults,
    rng: ChaCha8Rng,
    now: u64,
    events: Wheel<Event>,
    sites: [Site; 2],
    stores: [Store; 2],
    link: Link,
    clients: Clients,
    judge: Judge,
    io: Io,
    wrong: Option<String>,
    /// In which stores each value has been, one bit a site.
    applied: Vec<u8>,
    /// Longest store access.
    store_max: u64,
    /// Events since a command has ended.
    idle: u64,
}

impl World {
    /// A world with sizes that follow from the seed.
    pub fn new(plan: &Plan) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let shift = rng.random_range(0..=3);
        let cfg = Config {
            slots: [4, 16, 64][rng.random_range(0..3)],
            bufs: rng.random_range(1..=8),
            blocks: 1 << rng.random_range(2..=8).max(shift),
            extent_shift: shift,
            buckets: [1, 16, 128][rng.random_range(0..3)],
            parts: if rng.random_bool(0.3) { 3 } else { 1 },
            seq_max: if plan.faults.wrap { rng.random_range(100..1000) } else { u32::MAX },
            epoch_max: u16::MAX,
            lun_max: u16::MAX,
            repeat: REPEAT,
            backoff: DELAY,
            commit_delay: DELAY / 2,
            repeats: if plan.faults.fence { 8 } else { 0 },
            trailer: rng.random_bool(0.8),
            take_over: false,
            mutation: plan.mutation,
        };
        let owners: Vec<SiteId> = (0..cfg.extents()).map(|x| if x == 0 { 0 } else { rng.random_range(0..2) }).collect();
        let lookup = |o: &SiteId| Lookup { owner: *o, epoch: Epoch { lun: 1, ext: u16::from(*o != 0) } };
        let map = Map { lun: (1, 0), extents: owners.iter().map(lookup).collect() };
        let clients = Clients::new(&cfg, plan.ops, &mut rng);
        let store_max = [25, 60, 8 * DELAY][rng.random_range(0..3)];
        let mut world = World {
            cfg,
            faults: plan.faults,
            rng,
            now: 1,
            events: Wheel::new(),
            sites: [0, 1].map(|id| Site::with_map(cfg, id, &map)),
            stores: [Store::new(&cfg), Store::new(&cfg)],
            link: Link::default(),
            clients,
            judge: Judge::default(),
            io: Io::default(),
            wrong: None,
            applied: Vec::new(),
            store_max,
            idle: 0,
        };
        for site in 0..2u8 {
            world.after(1 + u64::from(site), Event::Scan(site));
            for k in 0..world.clients.count(site) {
                world.after(u64::from(k), Event::Client(site, k));
            }
        }
        world.plan_cut();
        if world.faults.live {
            world.after(3000, Event::Live(false));
        }
        world
    }

    fn after(&mut self, delay: u64, event: Event) {
        self.events.put(self.now + delay, event);
    }

    /// Runs until all commands have ended and nothing is under way.
    ///
    /// # Errors
    /// What went wrong.
    pub fn run(&mut self) -> Result<Report, String> {
        loop {
            let Some((at, event)) = self.events.next() else { return Err("nothing happens any more".into()) };
            self.now = at;
            self.handle(event);
            if let Some(what) = self.wrong.take() {
                return Err(format!("at {}: {what}", self.now));
            }
            if self.clients.begun_all() {
                // Faults stop; everything must end.
                self.faults = Faults { patient: true, ..Faults::NONE };
                let rest = self.sites.iter().all(|s| s.at_rest() && s.is_up());
                if rest && self.clients.all_ended() && self.link.stores_busy == 0 {
                    break;
                }
            }
            self.idle += 1;
            if self.now > self.clients.last_end + PATIENCE || self.idle > PATIENCE {
                return Err(format!("nothing has ended for {PATIENCE} units or events: {}", self.open()));
            }
        }
        let seen =
            |site: usize, block: u64| Seen::of(self.stores[site].home[block as usize].0.iter().map(|w| u64::from(*w)));
        let summary = self.judge.verdict(&seen).map_err(|fault: Fault| fault.to_string())?;
        Ok(Report {
            summary,
            time: self.now,
            frames: self.link.counts,
            link_ups: self.link.ups,
            renewals: self.link.renewals,
            stats: [*self.sites[0].stats(), *self.sites[1].stats()],
        })
    }

    fn open(&self) -> String {
        let mut text = String::new();
        if let Err(fault) = self.judge.so_far() {
            text += &format!("{fault}; ");
        }
        for site in &self.sites {
            let (up, settled, spent) = (site.is_up(), site.settled(), site.spent());
            text += &format!("site {}: up {up}, settled {settled}, {spent} slots spent; ", site.id());
            for (slot, cmd) in site.open_commands() {
                text += &format!("command {cmd} {:?}; ", site.phase(slot as usize));
            }
        }
        text
    }

    fn handle(&mut self, event: Event) {
        let mut io = std::mem::take(&mut self.io);
        io.now = self.now;
        let site = match event {
            Event::Frame(to, cut, frame) => {
                // A cut takes with it what is under way.
                if cut == self.link.cuts || self.rng.random_bool(0.5) {
                    self.sites[to as usize].receive(&frame, &mut io);
                }
                to
            }
            Event::Stored(site, tag, op) => {
                self.link.stores_busy -= 1;
                let data = self.access(site, tag, op);
                self.sites[site as usize].stored(tag, data, &mut io);
                site
            }
            Event::Scan(site) => {
                for i in 0..self.cfg.slots {
                    self.sites[site as usize].scan(i, &mut io);
                }
                if self.faults.expire > 0.0 {
                    self.expire(site, &mut io);
                }
                self.after(SCAN, Event::Scan(site));
                self.maybe_renew(site);
                site
            }
            Event::Client(site, k) => {
                self.begin(site, k, &mut io);
                site
            }
            Event::Cut => {
                self.cut();
                self.plan_cut();
                self.io = io;
                return;
            }
            Event::Up(site) => {
                self.up(site, &mut io);
                site
            }
            Event::Live(live) => {
                let live = live || self.faults.patient;
                self.sites[1].set_live(live);
                let delay = self.rng.random_range(200..3000);
                if !self.faults.patient || !live {
                    self.after(delay, Event::Live(!live));
                }
                1
            }
        };
        self.put(site, &mut io);
        // A slot may be free by now for a command that waits.
        self.retry(site, &mut io);
        self.put(site, &mut io);
        if self.sites[site as usize].take_wake() {
            for i in 0..self.cfg.slots {
                self.sites[site as usize].scan(i, &mut io);
            }
            self.put(site, &mut io);
        }
        self.io = io;
    }

    /// A store access takes effect. What a read shows must have been in both stores.
    fn access(&mut self, site: SiteId, tag: Tag, op: StoreOp) -> Option<Block> {
        let i = site as usize;
        let data = self.stores[i].access(op);
        match (op, tag) {
            (StoreOp::Write(lba, _) | StoreOp::Copy(_, lba), _) => {
                if let Some(v) = self.stores[i].home[lba as usize].value() {
                    let v = v as usize;
                    if self.applied.len() <= v {
                        self.applied.resize(v + 1, 0);
                    }
                    self.applied[v] |= 1 << i;
                }
            }
            (StoreOp::Read(lba), Tag::Own(s)) if self.sites[i].phase(s as usize) == Phase::Reading => {
                let v = data.and_then(Block::value).unwrap_or(0) as usize;
                if v != 0 && self.applied.get(v) != Some(&3) {
                    self.wrong =
                        Some(format!("site {site} shows value {v} of block {lba}, which is not in both stores"));
                }
            }
            _ => {}
        }
        data
    }

    /// Takes a site's outputs.
    fn put(&mut self, site: SiteId, io: &mut Io) {
        // Completions may start new commands, which put out more.
        let mut k = 0;
        while k < io.out.len() {
            match io.out[k] {
                Output::Send(frame) => self.send(1 - site, frame),
                Output::Store(tag, op) => {
                    self.link.stores_busy += 1;
                    let delay = self.rng.random_range(5..self.store_max);
                    self.after(delay, Event::Stored(site, tag, op));
                }
                Output::Done(cmd, status, data) => self.ended(site, cmd, status, data),
                Output::Fenced => self.cut(),
            }
            k += 1;
        }
        io.out.clear();
    }

    fn expire(&mut self, site: SiteId, io: &mut Io) {
        let rate = self.faults.expire;
        let unlucky: Vec<u16> = {
            let (s, rng) = (&self.sites[site as usize], &mut self.rng);
            s.open_commands().filter(|_| rng.random_bool(rate)).map(|(slot, _)| slot).collect()
        };
        for slot in unlucky {
            self.sites[site as usize].expire(slot, io);
        }
    }
}

fn block(value: u64) -> Block {
    Block::of(u32::try_from(value).expect("fewer commands than numbers"))
}

/// Runs a plan.
///
/// # Errors
/// A failure, with the command that replays it.
pub fn soak(plan: &Plan) -> Result<Report, Failure> {
    World::new(plan).run().map_err(|what| {
        let mut text = format!("--seed {} --ops {} --faults {}", plan.seed, plan.ops, plan.faults.name);
        if let Some(m) = plan.mutation {
            text += &format!(" --mutation {}", m.name());
        }
        Failure { plan: text, what }
    })
}
