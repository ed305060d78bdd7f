//! Who does what where: the sites that are measured, and what the others do meanwhile.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use dyad_driver::{Backing, Device, OwnerRange, Queue};
use dyad_sim::Site;

use crate::bench::measure::Run;
use crate::cli;
use crate::target::{self, AnyBacking, Cards};
use crate::workload::pair::{self, Pace, Party};
use crate::workload::{Area, Done, Order, Pattern, Seeds, Workload, WorkloadArgs};

/// Longer than an event takes to show in its counter, some hundred cycles.
const SETTLE: Duration = Duration::from_micros(4);
/// Blocks that one SET_OWNER takes at most.
const RANGE_BLOCKS: u64 = 1 << 16;

/// Whose commands are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sites {
    /// Those of site 0 or 1.
    One(u8),
    /// Of both.
    Both,
}

impl Sites {
    /// As the user gives it.
    pub fn name(self) -> &'static str {
        match self {
            Sites::One(number) => cli::site_name(number),
            Sites::Both => "both",
        }
    }

    /// Their numbers.
    pub fn numbers(self) -> Vec<u8> {
        match self {
            Sites::One(number) => vec![number],
            Sites::Both => vec![0, 1],
        }
    }

    /// Those of a pattern, when the user gave `given`.
    ///
    /// # Errors
    /// When it is not for these.
    pub fn of(pattern: Pattern, given: Option<Sites>) -> Result<Self> {
        let name = pattern.name();
        match (pattern, given) {
            (pattern, Some(Sites::One(_))) if pattern.needs_both_sites() => {
                bail!("measuring {name}: both sites do it; leave out --site")
            }
            (pattern, None) if pattern.needs_both_sites() => Ok(Sites::Both),
            (Pattern::Acquire, Some(Sites::Both)) => {
                bail!(
                    "measuring acquire at both sites at once: each takes what the other owns; choose a site, or --pattern bounce"
                )
            }
            (_, given) => Ok(given.unwrap_or(Sites::One(0))),
        }
    }
}

/// Sites from their name.
///
/// # Errors
/// For another name.
pub fn sites(text: &str) -> Result<Sites, String> {
    match text {
        "both" => Ok(Sites::Both),
        _ => cli::site(text).map(Sites::One).map_err(|_| "give a, b or both".to_owned()),
    }
}

/// A workload at a site.
struct Side {
    number: u8,
    queue: Queue<AnyBacking>,
    work: Workload,
}

impl Side {
    fn party(&mut self) -> Party<'_> {
        Party { site: sim_site(self.number), queue: &mut self.queue, work: &mut self.work }
    }
}

/// All workloads of a run.
pub struct Sides {
    measured: Vec<Side>,
    /// What goes on beside that, unmeasured.
    beside: Vec<Side>,
    pace: Pace,
    /// Blocks of the LUN.
    pub lun_blocks: u64,
}

impl Sides {
    /// Makes the workloads of a run ready.
    ///
    /// # Errors
    /// When the LUN is not live, or not large enough.
    pub fn new(run: &Run, cards: &mut Cards) -> Result<Self> {
        let (numbers, pattern, seed) = (run.sites.numbers(), run.work.pattern, run.target.sim.seed);
        let pace = match pattern {
            Pattern::Race => Pace::Rounds(run.work.depth.into()),
            Pattern::Bounce | Pattern::Migrate if run.sites == Sites::Both => Pace::InTurn,
            _ => Pace::Together,
        };
        let whole = lun(run, cards, &numbers)?;
        let areas = match (run.sites, pace) {
            (Sites::Both, Pace::Together) => halves(run, cards, whole)?.into(),
            _ => vec![whole; numbers.len()],
        };
        let mut measured = Vec::new();
        for (number, area) in numbers.iter().zip(areas) {
            // Each site has commands of its own; those who race have the same places.
            let own = if run.sites == Sites::Both { seed ^ u64::from(*number) << 32 } else { seed };
            let places = if pattern == Pattern::Race { seed } else { own };
            let queue = target::queue(cards.site(*number)?)?;
            let work = Workload::new(&run.work, &queue, area, Seeds { places, data: own })?;
            let work = if pace == Pace::InTurn { work.in_turn() } else { work };
            measured.push(Side { number: *number, queue, work });
        }
        let busy = match run.sites {
            _ if run.busy == 0 => Vec::new(),
            Sites::One(number) => vec![1 - number],
            Sites::Both => numbers,
        };
        let writes = WorkloadArgs {
            pattern: Pattern::Write,
            order: Order::Random,
            depth: run.busy.max(1),
            blocks: 1,
            ..run.work.clone()
        };
        let mut beside = Vec::new();
        for number in busy {
            let queue = target::queue(cards.site(number)?)?;
            let work = Workload::new(&writes, &queue, whole, Seeds::of(!seed ^ u64::from(number)))?;
            beside.push(Side { number, queue, work });
        }
        Ok(Self { measured, beside, pace, lun_blocks: whole.blocks })
    }

    /// Makes the next `count` commands of each site ready.
    ///
    /// # Errors
    /// What [`Workload::prepare`] can give.
    pub fn prepare(&mut self, count: u32) -> Result<()> {
        // What is taken in turn is the first site's at first.
        let all = if self.pace == Pace::InTurn { 1 } else { self.measured.len() };
        self.measured.iter_mut().take(all).try_for_each(|side| side.work.prepare(&mut side.queue, count))
    }

    /// Carries out the next `count` commands of each site.
    ///
    /// # Errors
    /// Of the first command that failed; or a card does not answer.
    pub fn run(&mut self, cards: &Cards, count: u32, mut done: impl FnMut(&Done)) -> Result<()> {
        if let ([side], []) = (&mut self.measured[..], &self.beside[..]) {
            return side.work.run(&mut side.queue, count, done);
        }
        let mut measured: Vec<_> = self.measured.iter_mut().map(Side::party).collect();
        let mut beside: Vec<_> = self.beside.iter_mut().map(Side::party).collect();
        // A round has --depth commands, and --count is the rounds.
        let count = if let Pace::Rounds(each) = self.pace { count * each } else { count };
        pair::run(&mut measured, &mut beside, (count, self.pace), cards.simulator(), |_, one| done(one))
    }

    /// Commands of `count` of each site, by all measured sites together.
    pub fn total(&self, count: u32) -> u32 {
        let each = if let Pace::Rounds(each) = self.pace { each } else { 1 };
        count * each * self.measured.len() as u32
    }

    /// Whether owners change one at a time, from site to site.
    pub fn in_turn(&self) -> bool {
        self.pace == Pace::InTurn
    }
}

/// The LUN, live at each site.
fn lun(run: &Run, cards: &mut Cards, numbers: &[u8]) -> Result<Area> {
    let mut lun = None;
    for number in numbers {
        let site = cards.site(*number)?;
        site.need_live(run.lun)?;
        lun = site.superblock()?.lun(run.lun).copied();
    }
    Ok(Area::whole(&lun.context("the LUN is live")?))
}

/// Half of the LUN for each site; the second half becomes site b's.
fn halves(run: &Run, cards: &mut Cards, whole: Area) -> Result<[Area; 2]> {
    let blocks = whole.blocks;
    let half = blocks / 2 >> whole.extent_shift << whole.extent_shift;
    ensure!(half > 0, "giving each site half of LUN {}: it has a single extent; make a larger one", run.lun);
    for number in run.sites.numbers() {
        let site = cards.site(number)?;
        let mut queue = target::queue(site)?;
        // One block of an extent says it for all of them.
        let step = RANGE_BLOCKS.max(1 << whole.extent_shift);
        for lba in (half..blocks).step_by(step as usize) {
            let range = OwnerRange::Blocks { lba, blocks: RANGE_BLOCKS.min(blocks - lba) as u32 };
            queue.set_owner(run.lun, range, 1, 1)?;
        }
    }
    Ok([Area { blocks: half, ..whole }, Area { first: half, blocks: blocks - half, ..whole }])
}

/// The simulator's name of a site.
pub fn sim_site(number: u8) -> Site {
    if number == 0 { Site::A } else { Site::B }
}

/// A card's counters by name, a moment later: it brings them up to date one after the other, so the last events show late.
///
/// # Errors
/// When the card does not answer.
pub fn counters(device: &Device<AnyBacking>) -> Result<Vec<(&'static str, u32)>> {
    let backing = device.backing();
    backing.wait(None, backing.after(SETTLE));
    Ok(device.counters()?.into_iter().map(|(counter, value)| (counter.name(), value)).collect())
}
