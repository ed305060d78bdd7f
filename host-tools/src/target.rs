//! What a verb works on: a pair of cards, and the link between them.

use anyhow::{Context, Result};
use dyad_driver::{Agreement, Backing, Device, Mode, Queue, QueueConfig, Site, run, run_both};
use rand::Rng;

use crate::cli;
use crate::simulator::Simulator;

/// A card, however it is reached.
pub type AnyBacking = Box<dyn Backing>;

/// Both sites, driven by this process.
pub struct Pair {
    /// Site a.
    pub a: Site<AnyBacking>,
    /// Site b.
    pub b: Site<AnyBacking>,
    /// Where they are, when they are simulated here.
    pub simulator: Option<Simulator>,
}

impl Pair {
    /// Opens both cards of a simulator.
    ///
    /// # Errors
    /// What opening a site can give.
    pub fn simulated(simulator: Simulator) -> Result<Self> {
        let open = |site| -> dyad_driver::Result<Site<AnyBacking>> {
            let backing: AnyBacking = Box::new(simulator.bench.backing(site));
            Site::open(Device::open(backing)?, simulator.site_config(site))
        };
        let (a, b) = (open(dyad_sim::Site::A)?, open(dyad_sim::Site::B)?);
        Ok(Self { a, b, simulator: Some(simulator) })
    }

    /// Both sites in order.
    pub fn sites(&mut self) -> [&mut Site<AnyBacking>; 2] {
        [&mut self.a, &mut self.b]
    }

    /// The handshake, at both sites.
    ///
    /// # Errors
    /// What link-up can give, at the site where it failed first.
    pub fn link_up(&mut self, mode: Mode) -> Result<Agreement> {
        let (nonce_a, nonce_b) = match &self.simulator {
            // A simulated run is the same each time.
            Some(simulator) => (1 + 2 * simulator.bench.world().cycle(), 2 + 2 * simulator.bench.world().cycle()),
            None => (rand::rng().random_range(1..u64::MAX), rand::rng().random_range(1..u64::MAX)),
        };
        let (a, b) = (self.a.link_up(mode, nonce_a)?, self.b.link_up(mode, nonce_b)?);
        let (a, b) = match &self.simulator {
            Some(simulator) => simulator.run_both(a, b),
            None => run_both(a, b),
        };
        let agreement = a.context("at site a")?;
        b.context("at site b")?;
        Ok(agreement)
    }

    /// Closes the link, so that the next link-up finds the stores known equal. All queues must have been dropped.
    ///
    /// # Errors
    /// What a close can give.
    pub fn close(&mut self) -> Result<()> {
        let (a, b) = (self.a.close()?, self.b.close()?);
        let (a, b) = match &self.simulator {
            Some(simulator) => simulator.run_both(a, b),
            None => run_both(a, b),
        };
        a.context("at site a")?;
        b.context("at site b")
    }
}

/// A queue with room for as many commands as the card allows, up to 4095, whose interrupts are not moderated.
///
/// # Errors
/// What creating a queue can give.
pub fn queue(site: &Site<AnyBacking>) -> Result<Queue<AnyBacking>> {
    let log2 = site.device().info().queue_log2_max.min(12);
    let config = QueueConfig { sq_log2: log2, cq_log2: log2, ..QueueConfig::default() };
    let queue = site.device().create_queue(&config)?;
    if let Some(vector) = queue.vector() {
        site.device().set_moderation(vector, 0, 0)?;
    }
    Ok(queue)
}

/// The cards that this process drives.
pub enum Cards {
    /// Both sites.
    Both(Box<Pair>),
    /// One; the peer's driver runs elsewhere.
    One(Box<Site<AnyBacking>>),
}

impl Cards {
    /// Each site, in order.
    pub fn sites(&mut self) -> Vec<&mut Site<AnyBacking>> {
        match self {
            Cards::Both(pair) => pair.sites().into(),
            Cards::One(site) => vec![site],
        }
    }

    /// The site whose number, by its superblock, is `number` (0 or 1).
    ///
    /// # Errors
    /// When it is not driven from here, or a store is not formatted.
    pub fn site(&mut self, number: u8) -> Result<&mut Site<AnyBacking>> {
        let mut numbers = Vec::new();
        for site in self.sites() {
            numbers.push(site.superblock()?.site);
        }
        let name = cli::site_name(number);
        let index = numbers.iter().position(|found| *found == number);
        let index = index.with_context(|| format!("using site {name}: it is not driven from here; run this there"))?;
        Ok(self.sites().swap_remove(index))
    }

    /// The handshake, at all sites that are here.
    ///
    /// # Errors
    /// What link-up can give.
    pub fn link_up(&mut self, mode: Mode) -> Result<Agreement> {
        match self {
            Cards::Both(pair) => pair.link_up(mode),
            Cards::One(site) => Ok(run(site.link_up(mode, rand::rng().random_range(1..u64::MAX))?)?),
        }
    }

    /// Closes the link, at all sites that are here. All queues must have been dropped.
    ///
    /// # Errors
    /// What a close can give.
    pub fn close(&mut self) -> Result<()> {
        match self {
            Cards::Both(pair) => pair.close(),
            Cards::One(site) => Ok(run(site.close()?)?),
        }
    }

    /// The simulator in this process, if the cards are in one.
    pub fn simulator(&self) -> Option<&Simulator> {
        match self {
            Cards::Both(pair) => pair.simulator.as_ref(),
            Cards::One(_) => None,
        }
    }
}
