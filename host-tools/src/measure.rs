//! Streams of commands, commands one at a time, bursts of lookups.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use dyad_driver::{Backing, CommandId, Completion, DmaBuffer, Queue, io};
use dyad_spec::counters::Counter;
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};

use crate::target::{self, AnyBacking, Pair};

/// Longest time that any command may take.
const DEADLINE: Duration = Duration::from_secs(8);
/// Lookup commands of a burst that are under way at a time.
const LOOKUP_DEPTH: usize = 32;

/// What a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From memory to both stores.
    Write,
    /// From the local store to memory.
    Read,
}

impl Direction {
    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Write => "WRITE",
            Direction::Read => "READ",
        }
    }
}

/// A command of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What it does.
    pub direction: Direction,
    /// First block in the LUN.
    pub lba: u64,
    /// Blocks, 1 to 64.
    pub blocks: u16,
    /// First block in the buffer.
    pub place: usize,
}

impl Transfer {
    /// The same, `blocks` further on in the LUN.
    pub fn moved_by(self, blocks: u64) -> Self {
        Self { lba: self.lba + blocks, ..self }
    }
}

/// Cuts `blocks` blocks from `lba` on into commands of `each` blocks; the buffer holds them from its start.
pub fn sequential(direction: Direction, lba: u64, blocks: u64, each: u16) -> impl Iterator<Item = Transfer> {
    let cut = (0..blocks).step_by(usize::from(each.max(1)));
    let length = move |at: u64| (blocks - at).min(each.into()) as u16;
    cut.map(move |at| Transfer { direction, lba: lba + at, blocks: length(at), place: at as usize })
}

/// Submits a command whose data are in `buffer`, without ringing the doorbell.
///
/// # Errors
/// When the queue is full.
pub fn submit(
    queue: &mut Queue<AnyBacking>,
    lun: u8,
    transfer: &Transfer,
    buffer: &DmaBuffer,
) -> dyad_driver::Result<CommandId> {
    let start = transfer.place * BLOCK_BYTES;
    let slice = buffer.slice(start..start + usize::from(transfer.blocks) * BLOCK_BYTES);
    match transfer.direction {
        Direction::Write => queue.submit_write(lun, transfer.lba, transfer.blocks, &slice),
        Direction::Read => queue.submit_read(lun, transfer.lba, transfer.blocks, &slice),
    }
}

/// Carries out `transfers`, up to `depth` at a time, with no copy. `done` hears of each that has ended well.
///
/// # Errors
/// Of the first command that failed; or the card does not answer.
pub fn stream(
    queue: &mut Queue<AnyBacking>,
    lun: u8,
    transfers: impl IntoIterator<Item = Transfer>,
    buffer: &DmaBuffer,
    depth: usize,
    mut done: impl FnMut(&Transfer, &Completion),
) -> Result<()> {
    let mut todo = transfers.into_iter();
    let mut under_way = HashMap::new();
    loop {
        while queue.in_flight() < depth.max(1) && queue.room() > 0 {
            let Some(transfer) = todo.next() else { break };
            let id = submit(queue, lun, &transfer, buffer)?;
            under_way.insert(id, transfer);
        }
        if queue.in_flight() == 0 {
            return Ok(());
        }
        let mut next = Some(queue.wait_any(queue.backing().after(DEADLINE))?);
        while let Some(completion) = next {
            if let Some(transfer) = under_way.remove(&completion.id()) {
                io::check(&completion, transfer.direction.name(), lun, transfer.lba)?;
                done(&transfer, &completion);
            }
            next = queue.poll()?;
        }
    }
}

/// Carries out `transfers` one after the other, each on an idle card. Between two of them passes a time that differs from one
/// to the next. `done` hears of each.
///
/// # Errors
/// As [`stream`].
pub fn one_by_one(
    queue: &mut Queue<AnyBacking>,
    lun: u8,
    transfers: impl IntoIterator<Item = Transfer>,
    buffer: &DmaBuffer,
    mut done: impl FnMut(&Transfer, &Completion),
) -> Result<()> {
    for (index, transfer) in (0u64..).zip(transfers) {
        submit(queue, lun, &transfer, buffer)?;
        queue.ring();
        let completion = queue.wait_any(queue.backing().after(DEADLINE))?;
        io::check(&completion, transfer.direction.name(), lun, transfer.lba)?;
        // 37 and 61 have no factor in common, so the pauses run through all phases.
        let pause = Duration::from_nanos(1000 + (index * 37 % 61) * 7);
        queue.backing().wait(None, queue.backing().after(pause));
        done(&transfer, &completion);
    }
    Ok(())
}

/// What a burst of lookups showed.
#[derive(Clone, Copy, Debug)]
pub struct LookupRate {
    /// Addresses looked up.
    pub addresses: u64,
    /// Lookups a cycle, from the card's counter and clock, between the first and the last time that it was seen to move.
    pub per_cycle: f64,
    /// Lookups a cycle over the whole burst, from the first doorbell to the last completion.
    pub per_cycle_whole: f64,
}

/// Has the card at one site look up `commands` times 512 addresses of a LUN of `blocks` blocks.
///
/// # Errors
/// As [`stream`].
pub fn lookup_burst(pair: &Pair, lun: u8, blocks: u64, commands: usize) -> Result<LookupRate> {
    let (device, mut queue) = (pair.b.device(), target::queue(&pair.b)?);
    let each = MAX_LOOKUPS as usize;
    let addresses = device.backing().dma_alloc(each * 8)?;
    let answers = device.backing().dma_alloc(LOOKUP_DEPTH * BLOCK_BYTES)?;
    for index in 0..each as u64 {
        // A stride that has no factor in common with a power of two visits every extent.
        addresses.write_at(index as usize * 8, &(index * 40_503 % blocks.max(1)).to_le_bytes());
    }
    let before = device.counter(Counter::lookups);
    let total = commands * each;
    let (mut submitted, mut completed) = (0, 0);
    let (mut begun, mut ended) = (u64::MAX, 0);
    let mut samples: Vec<(u64, u32)> = Vec::new();
    let deadline = device.after(DEADLINE);
    while completed < commands {
        while submitted < commands && queue.in_flight() < LOOKUP_DEPTH && queue.room() > 0 {
            let start = submitted % LOOKUP_DEPTH * BLOCK_BYTES;
            queue.submit_lookup(lun, each as u16, &addresses.whole(), &answers.slice(start..start + BLOCK_BYTES))?;
            submitted += 1;
        }
        queue.ring();
        samples.push((device.now_cycles(), device.counter(Counter::lookups).wrapping_sub(before)));
        device.backing().wait(None, device.after(Duration::from_micros(2)));
        while let Some(completion) = queue.poll()? {
            io::check(&completion, "LOOKUP", lun, 0)?;
            let stages = completion.stages();
            begun = begun.min(stages.doorbell);
            ended = ended.max(stages.doorbell + u64::from(stages.posted));
            completed += 1;
        }
        ensure!(
            device.backing().now() < deadline.0,
            "looking up {total} addresses on {}: {completed} of {commands} commands came back; `dyad stats` shows what \
             the card last did",
            device.info().name
        );
    }
    let moving = || samples.iter().filter(|sample| sample.1 > 0 && (sample.1 as usize) < total);
    let per_cycle = match (moving().next(), moving().next_back()) {
        (Some(first), Some(last)) if last.0 > first.0 => f64::from(last.1 - first.1) / (last.0 - first.0) as f64,
        _ => 0.0,
    };
    let per_cycle_whole = total as f64 / ended.saturating_sub(begun).max(1) as f64;
    Ok(LookupRate { addresses: total as u64, per_cycle, per_cycle_whole })
}
