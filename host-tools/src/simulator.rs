//! The simulated pair: two Verilated cards and the link between them, in this process.

use std::time::Duration;

use anyhow::{Context, Result};
use dyad_driver::{Deadline, LinkConfig, Mtu, SiteConfig, Step, Task, Timing};
use dyad_sim::{Bench, Beside, Card, Config, Site, WireConfig, World, core};
use dyad_spec::BLOCK_BYTES;

/// Blocks that a store needs beside its LUNs for a staging area: one for each slot of the simulated cards.
pub const STAGING_BLOCKS: u64 = 4096;

/// How the pair is made up.
#[derive(Clone, Copy, Debug)]
pub struct SimOptions {
    /// Length of the link in km.
    pub km: f64,
    /// Largest IP packet in bytes, 1500 or 9000.
    pub mtu: usize,
    /// Chance that a frame is lost.
    pub loss: f64,
    /// Chance that a frame arrives late.
    pub reorder: f64,
    /// Datapath width in bits, 64 or 512.
    pub data_w: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Size of each store in blocks.
    pub store_blocks: u64,
    /// The second card has a thread of its own.
    pub two_threads: bool,
}

/// The pair, powered up.
pub struct Simulator {
    /// The world that both drivers share.
    pub bench: Bench,
    /// How the world was set up.
    pub config: Config,
    mtu: Mtu,
}

impl Simulator {
    /// Around a world that has been powered up; `mtu` is its largest IP packet in bytes.
    pub fn new(world: World, mtu: usize) -> Self {
        let config = world.config().clone();
        let mtu = if mtu < dyad_spec::wire::MTU_JUMBO { Mtu::Standard } else { Mtu::Jumbo };
        Self { bench: Bench::new(world), config, mtu }
    }

    /// A round trip through the fibre.
    pub fn round_trip(&self) -> Duration {
        Duration::from_nanos(2 * self.config.delay_cycles() * 1_000_000 / self.config.clock_khz)
    }

    /// What the driver at `site` must know of the link. Its time-outs are as short as the link allows, so that little time
    /// has to be simulated.
    pub fn site_config(&self, site: Site) -> SiteConfig {
        let round_trip = self.round_trip();
        let resend = 2 * round_trip + Duration::from_micros(500);
        let link = LinkConfig {
            mtu: self.mtu,
            resend: 2 * round_trip + Duration::from_millis(1),
            ..LinkConfig::for_site(site as u8)
        };
        let timing = Timing { resend, linger: 4 * resend, ..Timing::default() };
        SiteConfig { link: Some(link), timing, ..SiteConfig::default() }
    }

    /// Steps two tasks in turn until both are done, and lets time pass until either site has something to do.
    ///
    /// # Errors
    /// Each result is that of its task.
    pub fn run_both<A: Task, B: Task>(
        &self,
        mut a: A,
        mut b: B,
    ) -> (dyad_driver::Result<A::Output>, dyad_driver::Result<B::Output>) {
        let (mut done_a, mut done_b) = (None, None);
        loop {
            let until = step(&mut a, &mut done_a).or_earlier(step(&mut b, &mut done_b));
            match (done_a.take(), done_b.take()) {
                (Some(a), Some(b)) => return (a, b),
                left => (done_a, done_b) = left,
            }
            let vectors = [(Site::A, a.vector()), (Site::B, b.vector())];
            self.wait(until, &vectors, || false);
        }
    }

    /// Lets time pass until a vector is raised at its site, until the deadline, or until `enough`, which is asked after each
    /// cycle.
    pub fn wait(&self, until: Deadline, vectors: &[(Site, Option<u16>)], enough: impl Fn() -> bool) {
        let mut world = self.bench.world_mut();
        let end = u128::from(until.0) * u128::from(self.config.clock_khz);
        let end = u64::try_from(end.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let left = end.saturating_sub(world.cycle()).max(1);
        let raised = || vectors.iter().filter_map(|&(site, vector)| Some((site, usize::from(vector?))));
        // That nothing came until the deadline is as good an end.
        let _ = world.run_until("a message", left, |world| {
            enough()
                || raised()
                    .any(|(site, vector)| world.site(site).is_dead() || world.site(site).irqs.pending(vector) > 0)
        });
        for (site, vector) in raised() {
            while world.site_mut(site).irqs.take(vector).is_some() {}
        }
    }
}

/// Steps a task that is not done; until when it waits.
fn step<T: Task>(task: &mut T, done: &mut Option<dyad_driver::Result<T::Output>>) -> Deadline {
    if done.is_none() {
        match task.step() {
            Ok(Step::Wait(until)) => return until,
            Ok(Step::Done(output)) => *done = Some(Ok(output)),
            Err(error) => *done = Some(Err(error)),
        }
    }
    Deadline(u64::MAX)
}

/// The world of two cards, with stores of zeroes.
///
/// # Errors
/// When there is no memory for the stores.
pub fn world(options: &SimOptions) -> Result<World> {
    let SimOptions { km, mtu, loss, reorder, data_w, seed, store_blocks, two_threads } = *options;
    let store_bytes = store_blocks.checked_mul(BLOCK_BYTES as u64);
    let store_bytes =
        store_bytes.context("making the stores: the size does not fit in memory; choose a smaller one")?;
    let wire = WireConfig { loss, reorder, ..WireConfig::default() };
    let config = Config { seed, km, mtu, wire, store_bytes, ..Config::for_data_w(data_w) };
    let card = |index: u64| -> Box<dyn Card> { Box::new(core::card(data_w, seed ^ index << 32)) };
    let (a, b) = (card(1), card(2));
    let b = if two_threads { Box::new(Beside::new(b)) } else { b };
    World::new(config, [Some(a), Some(b)])
        .with_context(|| format!("making two stores of {store_bytes} bytes; choose a smaller size"))
}
