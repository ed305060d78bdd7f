//! Where the screen's news come from: a thread that drives the cards, or only looks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use dyad_driver::{Device, Mode, Queue};
use dyad_spec::regs;

use crate::cli;
use crate::sample::Sample;
use crate::stages;
use crate::target::{self, AnyBacking, Cards};
use crate::top::Args;
use crate::top::state::{Latency, SiteNews, Update};
use crate::workload::record::Record;
use crate::workload::{Area, Seeds, Workload};

/// Sends news until it is told to stop or nobody listens.
///
/// # Errors
/// What link-up and the commands can give.
pub fn run(args: &Args, news: &Sender<Update>, stop: &AtomicBool) -> Result<()> {
    if args.watch {
        return watch(args, news, stop);
    }
    args.work.for_one_site()?;
    let mut cards = args.target.cards_with_lun(args.lun)?;
    cards.link_up(Mode::Serve)?;
    let worked = work(args, &mut cards, news, stop);
    let closed = cards.close();
    worked?;
    closed
}

fn watch(args: &Args, news: &Sender<Update>, stop: &AtomicBool) -> Result<()> {
    let (devices, _) = args.target.devices()?;
    let mut meter = Meter::new(devices.iter().collect())?;
    while !stop.load(Ordering::Relaxed) {
        // In short steps, so that it ends when it is told to.
        let until = Instant::now() + Duration::from_millis(args.interval);
        while Instant::now() < until && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())));
        }
        let sites = meter.news()?;
        let info = devices.first().context("a card was named")?.info();
        let (data_w, mhz) = (info.data_width_bits, f64::from(info.clock_khz) / 1000.0);
        let setting = format!("{}watching, DATA_W {data_w}, {mhz} MHz", nature(args));
        if news.send(Update { setting, sites, latency: None }).is_err() {
            break;
        }
    }
    Ok(())
}

fn work(args: &Args, cards: &mut Cards, news: &Sender<Update>, stop: &AtomicBool) -> Result<()> {
    let simulated = cards.simulator().map(|simulator| simulator.config.clone());
    let (mut queue, mut work, info) = start(args, cards)?;
    let clock_mhz = simulated.as_ref().map_or(f64::from(info.clock_khz), |c| c.clock_khz as f64) / 1000.0;
    let what = format!("{:?}, depth {}", args.work.pattern, args.work.depth);
    let setting = match &simulated {
        Some(c) => {
            format!("SIMULATED, {} km, MTU {}, DATA_W {}, {clock_mhz} MHz; {what}", c.km, c.mtu, info.data_width_bits)
        }
        None => format!("{}DATA_W {}, {clock_mhz} MHz; {what}", nature(args), info.data_width_bits),
    };
    let mut meter = Meter::new(cards.sites().into_iter().map(|site| site.device()).collect())?;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let mut record = Record::new(1);
        // A queue's worth at a time: a simulated one can take long.
        let some = u32::from(args.work.depth).max(8);
        while begun.elapsed() < Duration::from_millis(args.interval) && !stop.load(Ordering::Relaxed) {
            let mut first = true;
            work.prepare(&mut queue, some)?;
            work.run(&mut queue, some, |done| {
                record.add(done);
                // In the middle of the work; at its end no slot is in use.
                if std::mem::take(&mut first) {
                    meter.look_at_slots();
                }
            })?;
        }
        let sites = meter.news()?;
        let latency = record.latency().summary().map(|cycles| Latency {
            site: cli::site_name(args.site),
            commands: record.latency().count(),
            cycles,
            segments: stages::named(record.mean_segments()),
            clock_mhz,
        });
        if news.send(Update { setting: setting.clone(), sites, latency }).is_err() {
            break;
        }
    }
    Ok(())
}

/// What must be said of figures that no board has made.
fn nature(args: &Args) -> &'static str {
    if args.target.is_simulated() { "SIMULATED, " } else { "" }
}

fn start(args: &Args, cards: &mut Cards) -> Result<(Queue<AnyBacking>, Workload, dyad_driver::Info)> {
    let site = cards.site(args.site)?;
    site.need_live(args.lun)?;
    let area = Area::whole(site.superblock()?.lun(args.lun).context("the LUN is live")?);
    let queue = target::queue(site)?;
    let work = Workload::new(&args.work, &queue, area, Seeds::of(args.target.sim.seed))?;
    Ok((queue, work, site.device().info().clone()))
}

/// Turns samples into news.
struct Meter<'a> {
    /// Each card with the sample before, and the most slots that were seen in use since.
    cards: Vec<(&'a Device<AnyBacking>, Sample, u32)>,
}

impl<'a> Meter<'a> {
    fn new(devices: Vec<&'a Device<AnyBacking>>) -> Result<Self> {
        let cards = devices.into_iter().map(|device| Ok((device, Sample::take(device)?, 0)));
        Ok(Self { cards: cards.collect::<Result<_>>()? })
    }

    fn look_at_slots(&mut self) {
        for (device, _, most) in &mut self.cards {
            *most = device.registers().get(&regs::SLOTS_IN_USE).max(*most);
        }
    }

    fn news(&mut self) -> Result<Vec<SiteNews>> {
        let mut list = Vec::new();
        for (device, before, most) in &mut self.cards {
            let (after, info) = (Sample::take(device)?, device.info());
            let seconds = after.seconds_since(before, info.clock_khz);
            let per_second = |moved: u32| if seconds > 0.0 { f64::from(moved) / seconds } else { 0.0 };
            let moved = after.moved_since(before);
            let counters = after.counters.iter().zip(&moved).map(|(now, moved)| (now.0, now.1, per_second(moved.1)));
            list.push(SiteNews {
                site: cli::site_name(after.site),
                name: info.name.clone(),
                link: after.link(),
                slots_in_use: after.slots_in_use.max(std::mem::take(most)),
                slots: info.slot_count,
                counters: counters.collect(),
            });
            *before = after;
        }
        list.sort_by_key(|site| site.site);
        Ok(list)
    }
}
