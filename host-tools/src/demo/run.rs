//! The demo's steps.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dyad_driver::{Backing, DmaBuffer, Mode, NewLun, Stages};
use dyad_sim::{Site, World};
use dyad_spec::counters::Counter;
use dyad_spec::superblock::RESERVED_BLOCKS;
use dyad_spec::{BLOCK_BYTES, FrameType, MAX_LOOKUPS};
use indicatif::ProgressBar;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::cost::{self, Floor};
use crate::demo::Args;
use crate::demo::image::{self, Image};
use crate::demo::report::{Report, StageCycles};
use crate::measure::{self, Direction, Transfer};
use crate::progress::Steps;
use crate::simulator::{self, STAGING_BLOCKS, Simulator};
use crate::summary::Summary;
use crate::target::{self, Pair};
use crate::wire_log::{Goodput, LoggedFrame, WireLog};

const LUN: u8 = 1;
/// Identity of the demo's pair and of its LUN.
const IDENTITY: u128 = 0x0dad_de30;
/// Commands under way in a stream.
const DEPTH: usize = 255;
/// Blocks of the image that are in host memory at a time: 64 MiB.
const WINDOW_BLOCKS: u64 = 16 * 1024;
/// Commands of the burst of lookups.
const LOOKUP_COMMANDS: usize = 64;
/// Latency of the directory by design, in cycles.
const DIRECTORY_LATENCY: u64 = 4;
/// Parts into which the stream's time is cut for the plot.
const GOODPUT_PARTS: u64 = 120;
/// Flight both ways from which on the round trips can be told by the clock: what the cards take is well below.
const LONG_LINK_CYCLES: u64 = 1000;

/// Runs all steps. `scratch` is a folder for temporary files.
///
/// # Errors
/// When a step fails. Copies that differ are no error here: the report says so.
pub fn run(args: &Args, mut image: Image, scratch: &Path) -> Result<Report> {
    let blocks = image.blocks();
    let lun_blocks = args.lun_mib.map_or(blocks, |mib| u64::from(mib) << 20 >> 12);
    ensure!(
        blocks <= lun_blocks,
        "writing the image {}: it has {} bytes, the LUN only {}; give a larger --lun-mib, or none",
        image.name,
        image.len,
        lun_blocks << 12
    );
    let steps = Steps::new(args.json);
    steps.say(&format!("image: {}, {} bytes", image.name, image.len));
    if image.padding() > 0 {
        steps.say(&format!("       not a multiple of {BLOCK_BYTES} bytes: padded with {} zeroes", image.padding()));
    }

    let mut pair = bring_up(args, lun_blocks, &steps)?;
    let simulator = pair.simulator.as_ref().context("the demo's cards are simulated")?;
    let (bench, config) = (simulator.bench.clone(), simulator.config.clone());
    let logs = [Site::A, Site::B].map(|site| WireLog::watch(&bench, site));
    let frames_before = counts(&pair);

    // The stream, window by window; the last window stays in memory for the timed writes.
    let mut queue = target::queue(&pair.a)?;
    let window = blocks.min(WINDOW_BLOCKS);
    let buffer = pair.a.device().backing().dma_alloc(window as usize * BLOCK_BYTES)?;
    let bar = steps.bar("write through a's driver", blocks);
    let mut hash = Sha256::new();
    let mut block_hashes: Vec<[u8; 32]> = Vec::with_capacity(blocks as usize);
    let mut last = (0, 0);
    for first in (0..blocks).step_by(window as usize) {
        let count = window.min(blocks - first);
        load(&mut image, first, count, &buffer, &mut hash, &mut block_hashes)?;
        let transfers = measure::sequential(Direction::Write, first, count, args.blocks);
        measure::stream(&mut queue, LUN, transfers, &buffer, DEPTH, |done, _| bar.inc(done.blocks.into()))?;
        last = (first, count);
    }
    bar.finish();
    let stream_frames = logs[0].take();
    logs[1].take();

    // One at a time: blocks of the last window again, with what is in them already.
    let writes = args.latency_writes();
    let mut random = ChaCha8Rng::seed_from_u64(args.sim.seed);
    let transfers = (0..writes).map(|_| random.random_range(0..last.1)).map(|place| Transfer {
        direction: Direction::Write,
        lba: last.0 + place,
        blocks: 1,
        place: place as usize,
    });
    // The card is idle when the last commands of the stream have been settled.
    pair.a.device().backing().wait(None, pair.a.device().after(Duration::from_micros(20)));
    let bar = steps.bar("time single writes", writes);
    let mut timed = Vec::with_capacity(writes as usize);
    measure::one_by_one(&mut queue, LUN, transfers, &buffer, |_, completion| {
        timed.push(completion.stages());
        bar.inc(1);
    })?;
    bar.finish();
    drop(queue);
    let single_frames = [logs[0].take(), logs[1].take()];
    let frames_after = counts(&pair);

    let (extents, owned_by_a) = owners(&pair, blocks)?;
    steps.say(&format!("look up at b: {owned_by_a} of {extents} extents are owned by site a"));
    let lookups = measure::lookup_burst(&pair, LUN, lun_blocks, LOOKUP_COMMANDS)?;

    let bar = steps.bar("read back through b's driver", blocks);
    let copy = scratch.join("copy-b");
    let (readback, read_differs) = read_back(&pair, args, &block_hashes, &copy, image.is_ext, &bar)?;
    bar.finish();

    pair.close().context("closing the link")?;
    let world = bench.world();
    let (site_a, a_differs) = store_copy(&world, &pair, Site::A, &block_hashes)?;
    let (site_b, b_differs) = store_copy(&world, &pair, Site::B, &block_hashes)?;
    let fsck = if image.is_ext { Some(judge(&copy, image.len)?) } else { None };

    let info = pair.a.device().info();
    let (data_w, store_w) = (u64::from(info.data_width_bits), u64::from(info.store_width_bits));
    let floor = Floor::new(&config, data_w, store_w);
    let stage = |get: &dyn Fn(&Stages) -> i64| summary(timed.iter().map(get));
    let latency = stage(&|t| t.posted.into())?;
    let clock_mhz = config.clock_khz as f64 / 1000.0;
    let goodput = Goodput::of(&stream_frames, config.rate, GOODPUT_PARTS).context("the stream sent no frame")?;
    let (round_trips, method) = round_trips(&timed, &floor, &single_frames);
    let speed = world.speed();
    let lost = [Site::A, Site::B].iter().map(|site| world.wire(*site).counts().lost).sum();
    Ok(Report {
        image: image.name.clone(),
        image_bytes: image.len,
        padding_bytes: image.padding(),
        image_sha256: hex(&hash.finalize()),
        site_a_sha256: site_a,
        site_b_sha256: site_b,
        readback_sha256: readback,
        differing_blocks: a_differs + b_differs + read_differs,
        e2fsck: fsck.as_ref().map(|fsck| fsck.1.clone()),
        e2fsck_clean: fsck.map(|fsck| fsck.0),
        data_w,
        clock_mhz,
        line_gbps: config.rate.bits as f64 / config.rate.cycles as f64 * clock_mhz / 1000.0,
        km: config.km,
        mtu: config.mtu,
        loss: args.sim.loss,
        seed: args.sim.seed,
        writes,
        stream_blocks: blocks,
        round_trips_per_write: round_trips,
        round_trips_method: method,
        added_cycles: stage(&|t| floor.added(t, data_w))?,
        write_latency_cycles: latency,
        write_latency_ns: latency.map(|cycles| (cycles as f64 * 1000.0 / clock_mhz).round() as i64),
        stage_cycles: StageCycles {
            fetched: stage(&|t| t.fetched.into())?,
            lookup: stage(&|t| t.lookup.into())?,
            frame: stage(&|t| t.frame.into())?,
            sent: stage(&|t| t.sent.into())?,
            mirror: stage(&|t| t.mirror.into())?,
            local: stage(&|t| t.local.into())?,
            ack: stage(&|t| t.ack.into())?,
            posted: latency,
        },
        floor_cycles: floor,
        posting_cycles: cost::posting_cycles(data_w),
        goodput_fraction: goodput.fraction,
        goodput_over_time: goodput.over_time,
        lookups: lookups.addresses,
        lookups_per_cycle: lookups.per_cycle,
        lookups_per_cycle_whole_burst: lookups.per_cycle_whole,
        lookup_latency_cycles: DIRECTORY_LATENCY,
        lookup_and_lock_cycles: stage(&|t| i64::from(t.lookup) - i64::from(t.fetched))?,
        extents,
        extents_owned_by_a: owned_by_a,
        frames_sent: frames_after.0 - frames_before.0,
        frames_retried: frames_after.1 - frames_before.1,
        frames_lost: lost,
        sim_khz: speed.khz(),
        sim_cycles: speed.simulated,
        jumped_cycles: speed.jumped,
        latencies: timed.iter().map(|t| t.posted.into()).collect(),
    })
}

/// Powers up, formats, creates the LUN, brings the link up.
fn bring_up(args: &Args, lun_blocks: u64, steps: &Steps) -> Result<Pair> {
    let store_blocks = RESERVED_BLOCKS + lun_blocks + STAGING_BLOCKS;
    let options = args.sim.options(store_blocks);
    let mut pair = Pair::simulated(Simulator::new(simulator::world(&options)?, options.mtu))?;
    steps.say(&format!("power up two cards: DATA_W {}, {} km, MTU {}", options.data_w, options.km, options.mtu));
    let lun = NewLun { number: Some(LUN), blocks: lun_blocks, owner: 0, uuid: IDENTITY, extent_shift_min: 0 };
    for (site, number) in pair.sites().into_iter().zip([0, 1]) {
        site.format(IDENTITY, number)?;
        site.create_lun(&lun, store_blocks)?;
    }
    let agreement = pair.link_up(Mode::Serve)?;
    pair.a.need_live(LUN)?;
    pair.b.need_live(LUN)?;
    steps.say(&format!("link up in generation {}; LUN {LUN} of {lun_blocks} blocks is live", agreement.generation));
    Ok(pair)
}

/// `WRITE` and other frames that a's card has sent, and those that it sent again.
fn counts(pair: &Pair) -> (u64, u64) {
    let device = pair.a.device();
    (device.counter(Counter::tx_frames).into(), device.counter(Counter::tx_resend).into())
}

/// Puts blocks of the image into the buffer, and digests them.
fn load(
    image: &mut Image,
    first: u64,
    count: u64,
    buffer: &DmaBuffer,
    hash: &mut Sha256,
    block_hashes: &mut Vec<[u8; 32]>,
) -> Result<()> {
    let mut bytes = vec![0; count as usize * BLOCK_BYTES];
    image.read(first, &mut bytes)?;
    hash.update(&bytes);
    block_hashes.extend(bytes.chunks(BLOCK_BYTES).map(|block| <[u8; 32]>::from(Sha256::digest(block))));
    buffer.write_at(0, &bytes);
    Ok(())
}

/// Asks b's card who owns each extent of the image: how many there are, how many are a's.
fn owners(pair: &Pair, blocks: u64) -> Result<(u64, u64)> {
    let shift = pair.b.superblock()?.lun(LUN).context("the LUN is in b's superblock")?.extent_shift;
    let mut queue = target::queue(&pair.b)?;
    let lbas: Vec<u64> = (0..blocks).step_by(1 << shift).collect();
    let mut owned_by_a = 0;
    for part in lbas.chunks(MAX_LOOKUPS as usize) {
        let answers = queue.lookup(LUN, part)?;
        owned_by_a += answers.iter().flatten().filter(|answer| answer.owner == 0).count() as u64;
    }
    Ok((lbas.len() as u64, owned_by_a))
}

/// Reads all through b's driver; the digest, and how many blocks differ from the image. `keep`: into the file `copy`.
fn read_back(
    pair: &Pair,
    args: &Args,
    block_hashes: &[[u8; 32]],
    copy: &Path,
    keep: bool,
    bar: &ProgressBar,
) -> Result<(String, u64)> {
    let blocks = block_hashes.len() as u64;
    let mut queue = target::queue(&pair.b)?;
    let window = blocks.min(WINDOW_BLOCKS);
    let buffer = pair.b.device().backing().dma_alloc(window as usize * BLOCK_BYTES)?;
    let mut digest = CopyDigest::new(block_hashes);
    let mut file = if keep { Some(fs::File::create(copy)?) } else { None };
    for first in (0..blocks).step_by(window as usize) {
        let count = window.min(blocks - first);
        let transfers = measure::sequential(Direction::Read, first, count, args.blocks);
        measure::stream(&mut queue, LUN, transfers, &buffer, DEPTH, |done, _| bar.inc(done.blocks.into()))?;
        let mut bytes = vec![0; count as usize * BLOCK_BYTES];
        buffer.read_at(0, &mut bytes);
        digest.add(&bytes);
        if let Some(file) = &mut file {
            file.write_all(&bytes).with_context(|| format!("writing b's copy to {}", copy.display()))?;
        }
    }
    Ok(digest.finish())
}

/// The LUN's blocks as they are in a site's store, not through the card.
fn store_copy(world: &World, pair: &Pair, site: Site, block_hashes: &[[u8; 32]]) -> Result<(String, u64)> {
    let driver = if site == Site::A { &pair.a } else { &pair.b };
    let base = driver.superblock()?.lun(LUN).context("the LUN is in the superblock")?.store_base;
    let mut digest = CopyDigest::new(block_hashes);
    let end = base + block_hashes.len() as u64;
    for first in (base..end).step_by(1024) {
        let range = first * BLOCK_BYTES as u64..end.min(first + 1024) * BLOCK_BYTES as u64;
        digest.add(&world.site(site).store.bytes(range));
    }
    Ok(digest.finish())
}

/// Digests a copy and counts the blocks that are not the image's.
struct CopyDigest<'a> {
    hash: Sha256,
    expected: std::slice::Iter<'a, [u8; 32]>,
    differ: u64,
}

impl<'a> CopyDigest<'a> {
    fn new(expected: &'a [[u8; 32]]) -> Self {
        Self { hash: Sha256::new(), expected: expected.iter(), differ: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        for block in bytes.chunks(BLOCK_BYTES) {
            let same = self.expected.next().is_some_and(|expected| expected[..] == Sha256::digest(block)[..]);
            self.differ += u64::from(!same);
        }
    }

    fn finish(self) -> (String, u64) {
        (hex(&self.hash.finalize()), self.differ)
    }
}

/// Has e2fsck judge b's copy, at the image's own size.
fn judge(copy: &Path, len: u64) -> Result<(bool, String)> {
    fs::OpenOptions::new().write(true).open(copy)?.set_len(len)?;
    image::e2fsck(copy)
}

/// Round trips that a write took, and how that was found.
fn round_trips(timed: &[Stages], floor: &Floor, frames: &[Vec<LoggedFrame>; 2]) -> (f64, &'static str) {
    if floor.link >= LONG_LINK_CYCLES {
        let flights = timed.iter().map(|t| {
            let s = t;
            i64::from(s.ack) - i64::from(s.sent) - i64::from(s.mirror) - floor.ack as i64
        });
        let median = Summary::of(flights).map_or(0, |summary| summary.p50);
        // To a thousandth: the rest is the cards' registers on the way.
        let trips = (median as f64 / floor.link as f64 * 1000.0).round() / 1000.0;
        return (
            trips,
            "median of (ack - sent - mirror - ACK serialization) / (2 x link delay), from the card's stamps",
        );
    }
    let of_kind = |frames: &[LoggedFrame], kind| frames.iter().filter(|f| f.kind == Some(kind) && !f.repeat).count();
    let (acks, writes) = (of_kind(&frames[1], FrameType::Ack), timed.len().max(1));
    let trips = (acks as f64 / writes as f64 * 1000.0).round() / 1000.0;
    (trips, "ACK frames that came for each write, seen on the link: its flight is too short for the clock to tell")
}

fn summary(values: impl Iterator<Item = i64>) -> Result<Summary> {
    Summary::of(values).context("no write was timed")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
