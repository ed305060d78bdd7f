//! Making two stores equal: a full copy from one site to the other, then a comparison of digests.

use std::collections::VecDeque;

use dyad_spec::{BLOCK_BYTES, MAX_BLOCKS};
use sha2::{Digest, Sha256};

use crate::backing::{Backing, Deadline};
use crate::bar::LunFlags;
use crate::completion::CommandId;
use crate::dma::{DmaBuffer, DmaSlice};
use crate::error::{Error, Result};
use crate::handshake::{Body, Mode};
use crate::io::{Queue, check};
use crate::site::{Site, Step, Talk, Task};

/// Commands that a copy keeps under way.
const DEPTH: usize = 8;
/// Bytes of one command.
const CHUNK_BYTES: usize = MAX_BLOCKS as usize * BLOCK_BYTES;
/// How often the peer is told that this side is at work, in nanoseconds.
const PROGRESS_NS: u64 = 500_000_000;

/// What a sync is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Blocks go from the source's store to both.
    Copy,
    /// This site waits for the other's copying.
    Wait,
    /// Blocks are read back and digested, at both sites.
    Verify,
}

/// How far a sync is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// LUN number.
    pub lun: u8,
    /// What is being done.
    pub stage: Stage,
    /// Blocks done in this stage.
    pub done_blocks: u64,
    /// Blocks of the LUN.
    pub total_blocks: u64,
}

/// A LUN that was made equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncReport {
    /// LUN number.
    pub lun: u8,
    /// Blocks.
    pub blocks: u64,
    /// SHA-256 of the content, computed at both sites.
    pub sha256: [u8; 32],
}

/// Where a chunk is.
enum State {
    Reading(CommandId),
    /// Read, and waits for the chunks before it to be digested.
    Read,
    Writing(CommandId),
}

struct Chunk {
    lba: u64,
    blocks: u16,
    place: usize,
    state: State,
}

/// Moves all blocks of a LUN through memory: to both stores, or into a digest.
struct Pump {
    lun: u8,
    total: u64,
    next: u64,
    done: u64,
    /// Under way, in order of address.
    chunks: VecDeque<Chunk>,
    free: Vec<usize>,
    /// `None`: copy.
    digest: Option<Sha256>,
    buffer: DmaBuffer,
    copy_of_chunk: Vec<u8>,
}

impl Pump {
    fn new(lun: u8, total: u64, digest: bool, buffer: DmaBuffer) -> Self {
        Self {
            lun,
            total,
            next: 0,
            done: 0,
            chunks: VecDeque::with_capacity(DEPTH),
            free: (0..DEPTH).collect(),
            digest: digest.then(Sha256::new),
            buffer,
            copy_of_chunk: vec![0; CHUNK_BYTES],
        }
    }

    fn slice(&self, place: usize, blocks: u16) -> DmaSlice {
        let start = place * CHUNK_BYTES;
        self.buffer.slice(start..start + usize::from(blocks) * BLOCK_BYTES)
    }

    /// Does what can be done now; `true`: all is done.
    fn step<B: Backing>(&mut self, queue: &mut Queue<B>) -> Result<bool> {
        while let Some(completion) = queue.poll()? {
            let id = completion.id();
            let mine = |c: &Chunk| matches!(c.state, State::Reading(i) | State::Writing(i) if i == id);
            let Some(i) = self.chunks.iter().position(mine) else { continue };
            let Chunk { lba, blocks, place, ref state } = self.chunks[i];
            let reading = matches!(state, State::Reading(_));
            check(&completion, if reading { "READ" } else { "WRITE" }, self.lun, lba)?;
            if !reading {
                self.end(i);
            } else if self.digest.is_some() {
                self.chunks[i].state = State::Read;
            } else {
                let id = queue.submit_sync_write(self.lun, lba, blocks, &self.slice(place, blocks))?;
                self.chunks[i].state = State::Writing(id);
            }
        }
        while let Some(Chunk { blocks, place, state: State::Read, .. }) = self.chunks.front() {
            let (slice, bytes) = (self.slice(*place, *blocks), usize::from(*blocks) * BLOCK_BYTES);
            slice.read_at(0, &mut self.copy_of_chunk[..bytes]);
            self.digest.as_mut().expect("only a digest waits in order").update(&self.copy_of_chunk[..bytes]);
            self.end(0);
        }
        while self.next < self.total
            && let Some(place) = self.free.pop()
        {
            let blocks = (self.total - self.next).min(MAX_BLOCKS) as u16;
            let id = queue.submit_sync_read(self.lun, self.next, blocks, &self.slice(place, blocks))?;
            self.chunks.push_back(Chunk { lba: self.next, blocks, place, state: State::Reading(id) });
            self.next += u64::from(blocks);
        }
        queue.ring();
        Ok(self.done == self.total)
    }

    fn end(&mut self, i: usize) {
        let chunk = self.chunks.remove(i).expect("a chunk under way");
        self.free.push(chunk.place);
        self.done += u64::from(chunk.blocks);
    }
}

enum Phase {
    /// Take the next LUN.
    Next,
    Copy(Pump),
    /// Until the source has copied.
    Copied(Talk),
    Verify(Pump),
    Digest(Talk, [u8; 32]),
}

/// A sync under way: for each LUN that is not known equal, a copy of everything from the source to both stores, then a
/// digest at each site, and a comparison. LUNs that are found equal go live.
///
/// Errors: [`VerifyFailed`](crate::Error::VerifyFailed); [`Peer`](crate::Error::Peer) when the other side falls silent;
/// [`Command`](crate::Error::Command). What was being copied then stays not live.
pub struct Sync<'a, B: Backing> {
    site: &'a mut Site<B>,
    source: bool,
    todo: VecDeque<u8>,
    phase: Phase,
    progress: Box<dyn FnMut(Progress) + 'a>,
    /// When the peer was last told that this side is at work.
    told: u64,
    buffer: DmaBuffer,
    reports: Vec<SyncReport>,
    lun: u8,
    blocks: u64,
}

impl<'a, B: Backing> Sync<'a, B> {
    pub(crate) fn new(site: &'a mut Site<B>, progress: Box<dyn FnMut(Progress) + 'a>) -> Result<Self> {
        let wrong = |problem: &str, todo| Error::Argument { operation: "syncing", problem: problem.into(), todo };
        let session = site.session.as_ref().ok_or_else(|| wrong("the link is down", "bring it up for a sync first"))?;
        let Mode::SyncFrom(source) = session.agreement.mode else {
            return Err(wrong("the link was not brought up for a sync", "close it and bring it up for one"));
        };
        let todo = session.unequal().into();
        let source = site.superblock()?.site == source;
        let buffer = site.device.backing().dma_alloc(DEPTH * CHUNK_BYTES)?;
        let told = site.device.backing().now();
        let reports = Vec::new();
        Ok(Self { site, source, todo, phase: Phase::Next, progress, told, buffer, reports, lun: 0, blocks: 0 })
    }

    fn report(&mut self, stage: Stage, done_blocks: u64) {
        (self.progress)(Progress { lun: self.lun, stage, done_blocks, total_blocks: self.blocks });
    }

    /// Steps a pump; while it is at work the peer is told so.
    fn pump(&mut self, pump: &mut Pump, stage: Stage) -> Result<Option<Step<Vec<SyncReport>>>> {
        let before = pump.done;
        let done = pump.step(&mut self.site.queue)?;
        if pump.done != before {
            self.report(stage, pump.done);
        }
        if done {
            return Ok(None);
        }
        self.site.service()?;
        let now = self.site.device.backing().now();
        if now.saturating_sub(self.told) >= PROGRESS_NS {
            self.told = now;
            crate::site::send_progress(self.site, self.lun, pump.done);
        }
        Ok(Some(Step::Wait(Deadline(now + PROGRESS_NS))))
    }

    /// Both copies of the LUN are equal: say so in the superblock, and let it go live.
    fn equal(&mut self, sha256: [u8; 32]) -> Result<()> {
        let mut superblock = self.site.superblock()?.clone();
        let lun = superblock.lun_mut(self.lun).ok_or(Error::NoLun { lun: self.lun })?;
        lun.synced = true;
        let entry = lun.entry(LunFlags::LIVE);
        self.site.store_superblock(superblock)?;
        self.site.device.set_lun(self.lun, Some(&entry))?;
        self.site.session.as_mut().expect("the link is up").set_equal(self.lun);
        self.reports.push(SyncReport { lun: self.lun, blocks: self.blocks, sha256 });
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Phase>> {
        let Some(lun) = self.todo.pop_front() else { return Ok(None) };
        self.lun = lun;
        self.blocks = self.site.superblock()?.lun(lun).ok_or(Error::NoLun { lun })?.blocks;
        if self.source {
            self.report(Stage::Copy, 0);
            return Ok(Some(Phase::Copy(Pump::new(lun, self.blocks, false, self.buffer.clone()))));
        }
        self.report(Stage::Wait, 0);
        Ok(Some(Phase::Copied(Talk::new(self.site, "syncing", Body::Copied { lun }).passive())))
    }
}

impl<B: Backing> Task for Sync<'_, B> {
    type Output = Vec<SyncReport>;
    type Backing = B;

    fn step(&mut self) -> Result<Step<Vec<SyncReport>>> {
        loop {
            let lun = self.lun;
            // A phase that is left in place of one that failed is never stepped.
            self.phase = match std::mem::replace(&mut self.phase, Phase::Next) {
                Phase::Next => match self.next()? {
                    Some(phase) => phase,
                    None => return Ok(Step::Done(std::mem::take(&mut self.reports))),
                },
                Phase::Copy(mut pump) => match self.pump(&mut pump, Stage::Copy)? {
                    Some(wait) => {
                        self.phase = Phase::Copy(pump);
                        return Ok(wait);
                    }
                    None => Phase::Copied(Talk::new(self.site, "syncing", Body::Copied { lun })),
                },
                Phase::Copied(mut talk) => match talk.step(self.site)? {
                    Step::Wait(until) => {
                        self.phase = Phase::Copied(talk);
                        return Ok(Step::Wait(until));
                    }
                    Step::Done(_) => {
                        self.report(Stage::Verify, 0);
                        Phase::Verify(Pump::new(lun, self.blocks, true, self.buffer.clone()))
                    }
                },
                Phase::Verify(mut pump) => match self.pump(&mut pump, Stage::Verify)? {
                    Some(wait) => {
                        self.phase = Phase::Verify(pump);
                        return Ok(wait);
                    }
                    None => {
                        let sha256 = pump.digest.take().expect("a pump that digests").finalize().into();
                        Phase::Digest(Talk::new(self.site, "verifying", Body::Digest { lun, sha256 }), sha256)
                    }
                },
                Phase::Digest(mut talk, ours) => match talk.step(self.site)? {
                    Step::Wait(until) => {
                        self.phase = Phase::Digest(talk, ours);
                        return Ok(Step::Wait(until));
                    }
                    Step::Done(Body::Digest { sha256, .. }) if sha256 == ours => {
                        self.equal(ours)?;
                        Phase::Next
                    }
                    Step::Done(body) => {
                        let theirs = if let Body::Digest { sha256, .. } = body { hex(&sha256) } else { "none".into() };
                        let site = self.site.superblock()?.site;
                        return Err(Error::VerifyFailed { lun, site, ours: hex(&ours), theirs });
                    }
                },
            };
        }
    }

    fn backing(&self) -> &B {
        self.site.device.backing()
    }

    fn vector(&self) -> Option<u16> {
        self.site.queue.vector()
    }
}

fn hex(bytes: &[u8]) -> Box<str> {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<String>().into()
}
