//! State of a site: slots, records of the peer's slots, and what else it keeps.

use super::directory::Directory;
use super::gather::Gather;
use super::io::{Io, Op, Output, Status};
use super::lock::{LockTable, NIL};
use super::{Block, Config, Epoch, Frame, Kind, Mutation, SiteId};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

/// State of an own slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not in use.
    Free,
    /// No sequence number left.
    Spent,
    /// In the queue of its block.
    Queued,
    /// Keeps its place at its block, and waits for extent or link.
    Parked,
    /// Has no place anywhere, and tries again at its next scan.
    Retry,
    /// Its read is at the store.
    Reading,
    /// Compare-and-write where the block is not owned: waiting to become the owner ([`Config::take_over`]).
    Taking,
    /// Compare-and-write at the owner: reading the block.
    Comparing,
    /// Range operation at the owner: waiting for what is in the extent.
    Draining,
    /// At the owner: both legs under way.
    Mirrored,
    /// At the other site: sent to the owner.
    Requested,
    /// At the other site: the owner has it; waiting for the block here.
    Granted,
    /// At the other site: being written home here.
    Copying,
    /// Complete at both sites; COMMIT not sent yet.
    Complete,
    /// Flush: both stores' lines.
    Flushing,
    /// Waiting to become the owner.
    Acquiring,
    /// Waiting for the peer to be the owner.
    Releasing,
}

/// An own slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    pub(super) phase: Phase,
    pub(super) op: Op,
    pub(super) cmd: u32,
    pub(super) seq: u32,
    /// The command has ended; the slot goes on until the block is resolved.
    pub(super) reported: bool,
    /// The peer has acknowledged.
    pub(super) acked: bool,
    /// The local home write has been answered.
    pub(super) stored: bool,
    /// Staging: not begun, under way, done.
    pub(super) staged: Staged,
    /// The peer waits for the COMMIT.
    pub(super) asked: bool,
    /// Holds no lock (defects only).
    pub(super) bare: bool,
    /// A repeat's read is at the store.
    pub(super) again: bool,
    /// Epoch at which ownership was asked for or given up; or that a defective card looked up too early.
    pub(super) epoch: Epoch,
    /// Owner that a defective card looked up too early.
    pub(super) owner: SiteId,
    /// When to repeat.
    pub(super) due: u64,
    pub(super) tries: u16,
}

/// Progress of a staging write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Staged {
    /// Not begun.
    No,
    /// At the store.
    Begun,
    /// Answered.
    Yes,
}

impl Slot {
    pub(super) fn lba(&self) -> u32 {
        match self.op {
            Op::Read { lba } | Op::Write { lba, .. } | Op::CompareWrite { lba, .. } => lba,
            Op::Zero { lba, .. } | Op::Acquire { lba, .. } | Op::Release { lba, .. } => lba,
            Op::Flush => 0,
        }
    }

    pub(super) fn data(&self) -> (Block, Block) {
        match self.op {
            Op::Write { data, .. } => (data, Block::ZERO),
            Op::CompareWrite { data, expect, .. } => (data, expect),
            _ => (Block::ZERO, Block::ZERO),
        }
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.op, Op::Read { .. })
    }

    pub(super) fn is_range(&self) -> bool {
        matches!(self.op, Op::Zero { .. })
    }
}

/// What a record stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing admitted yet.
    Empty,
    /// Admitted: waits for readers of its block, or for its extent to drain.
    Waiting,
    /// A compare-and-write reads the block.
    Comparing,
    /// At the store.
    Writing,
    /// The store has answered.
    Stored,
    /// Refused with a status, for good.
    Refused(u8),
}

/// Record of one of the peer's slots (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Highest sequence admitted.
    pub(super) seq: u32,
    pub(super) kind: Kind,
    pub(super) stage: Stage,
    /// COMMIT has not come.
    pub(super) held: bool,
    pub(super) lba: u32,
    pub(super) count: u16,
    /// Gather buffer in use.
    pub(super) buf: u16,
    /// A turn kept for this slot: sequence, epoch, block. Its word in the queue may outlive it.
    pub(super) turn: Option<(u32, Epoch, u32)>,
    /// When to ask for its COMMIT again.
    pub(super) ask_due: u64,
    /// Its word is in a queue, or it holds a block as [`super::lock::Holder::Turn`].
    pub(super) linked: bool,
}

impl Record {
    pub(super) const NEW: Record = Record {
        seq: 0,
        kind: Kind::Write,
        stage: Stage::Empty,
        held: false,
        lba: 0,
        count: 0,
        buf: NIL,
        turn: None,
        ask_due: 0,
        linked: false,
    };

    /// Its end is not known yet: a new sequence can't be admitted.
    pub(super) fn busy(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Comparing | Stage::Writing)
    }
}

/// What happened, counted. No part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames of another link generation, or while the link is down.
    pub bad_generation: u64,
    /// Frames for slots that there are not.
    pub bad_slot: u64,
    /// Operations older than the record of their slot.
    pub stale: u64,
    /// Operations that are on record already.
    pub duplicate: u64,
    /// Answers, COMMITs and grants for nothing that is in flight.
    pub unexpected: u64,
    /// Operations of another epoch, or for another owner.
    pub not_owner: u64,
    /// Operations answered busy.
    pub busy: u64,
    /// Turns kept.
    pub turns: u64,
    /// Unfinished buffers that were taken for another block.
    pub evicted: u64,
    /// Blocks sent again.
    pub repeats: u64,
    /// COMMITs asked for.
    pub asks: u64,
    /// Operations that waited for a lock.
    pub waits: u64,
    /// Grants given.
    pub grants: u64,
}

/// One site: everything that the card keeps.
#[derive(Clone, Debug)]
pub struct Site {
    pub(super) cfg: Config,
    pub(super) id: SiteId,
    pub(super) up: bool,
    pub(super) link: u16,
    /// Link generation in which the numbers began.
    pub(super) era: u16,
    pub(super) live: bool,
    /// No new commands, and every COMMIT is asked for: numbers are to be renewed.
    pub(super) settling: bool,
    pub(super) slots: Vec<Slot>,
    pub(super) free: VecDeque<u16>,
    /// Slots whose COMMIT has to be sent, each once.
    pub(super) commits: VecDeque<u16>,
    pub(super) commit_due: u64,
    pub(super) records: Vec<Record>,
    pub(super) bufs: Vec<Gather>,
    pub(super) locks: LockTable,
    pub(super) dir: Directory,
    /// Something has ended that others wait for: scan at once.
    pub(super) wake: bool,
    pub(super) stats: Stats,
}

impl Hash for Site {
    fn hash<H: Hasher>(&self, h: &mut H) {
        (self.up, self.link, self.era, self.live, self.settling, self.commit_due).hash(h);
        self.slots.hash(h);
        self.free.hash(h);
        self.commits.hash(h);
        self.records.hash(h);
        self.bufs.hash(h);
        self.locks.hash(h);
        self.dir.hash(h);
    }
}

impl Site {
    /// A site at link generation 1, link up, LUN live, all owned by `owner`.
    pub fn new(cfg: Config, id: SiteId, owner: SiteId) -> Self {
        let slot = Slot {
            phase: Phase::Free,
            op: Op::Flush,
            cmd: 0,
            seq: 0,
            reported: false,
            acked: false,
            stored: false,
            staged: Staged::No,
            asked: false,
            bare: false,
            again: false,
            epoch: Epoch::default(),
            owner: 0,
            due: 0,
            tries: 0,
        };
        let room = if cfg.is(Mutation::SharedRoom) { cfg.slots } else { 2 * cfg.slots };
        Site {
            cfg,
            id,
            up: true,
            link: 1,
            era: 1,
            live: true,
            settling: false,
            slots: vec![slot; cfg.slots as usize],
            free: (0..cfg.slots).collect(),
            commits: VecDeque::with_capacity(cfg.slots as usize),
            commit_due: 0,
            records: vec![Record::NEW; cfg.slots as usize],
            bufs: vec![Gather::EMPTY; cfg.bufs as usize],
            locks: LockTable::new(cfg.slots, cfg.buckets, room),
            dir: Directory::new(&cfg, owner),
            wake: false,
            stats: Stats::default(),
        }
    }

    /// A site that starts with the owners of `map`.
    pub fn with_map(cfg: Config, id: SiteId, map: &super::Map) -> Self {
        let mut site = Site::new(cfg, id, map.lun.1);
        site.dir.set(map);
        site
    }

    /// Site number.
    pub fn id(&self) -> SiteId {
        self.id
    }

    /// The other site's number.
    pub(super) fn peer(&self) -> SiteId {
        1 - self.id
    }

    /// Counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The directory.
    pub fn directory(&self) -> &Directory {
        &self.dir
    }

    /// Whether the link is up and not fenced.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Link generation.
    pub fn generation(&self) -> u16 {
        self.link
    }

    /// Phase of a slot.
    pub fn phase(&self, slot: usize) -> Phase {
        self.slots[slot].phase
    }

    /// Makes the LUN live or not. A LUN that is not live refuses the peer's operations.
    pub fn set_live(&mut self, live: bool) {
        self.live = live;
    }

    /// The host wants numbers renewed: no new commands are taken, and every COMMIT is asked for, until link-up.
    pub fn settle(&mut self) {
        self.settling = true;
    }

    /// A slot is free for a command, the link is up, and the site need not settle.
    pub fn has_room(&self) -> bool {
        self.up && !self.settling && !self.free.is_empty()
    }

    /// No operation, own or the peer's, is under way here. COMMITs may be missing.
    pub fn at_rest(&self) -> bool {
        let ended = |s: &Slot| matches!(s.phase, Phase::Free | Phase::Spent);
        self.slots.iter().all(ended) && !self.records.iter().any(Record::busy)
    }

    /// At rest, nothing of the peer's held, no turn kept for it.
    pub fn settled(&self) -> bool {
        self.at_rest() && !self.records.iter().any(|r| r.held || r.linked)
    }

    /// Slots without sequence numbers: a link-up with renewal is wanted.
    pub fn spent(&self) -> usize {
        self.slots.iter().filter(|s| s.phase == Phase::Spent).count()
    }

    /// Something that others wait for has ended since the last call: a scan now is worth its time.
    pub fn take_wake(&mut self) -> bool {
        std::mem::take(&mut self.wake)
    }

    /// Whether this card has a defect.
    pub(super) fn is(&self, mutation: Mutation) -> bool {
        self.cfg.mutation == Some(mutation)
    }

    /// Sends a frame, with a COMMIT in its trailer if there is one.
    pub(super) fn send(&mut self, mut frame: Frame, io: &mut Io) {
        if !self.up {
            return;
        }
        frame.link = self.link;
        if self.cfg.trailer && frame.kind != Kind::Commit {
            frame.commit = self.next_commit(io);
        }
        io.out.push(Output::Send(frame));
    }

    /// Ends a command, once.
    pub(super) fn done(&mut self, s: u16, status: Status, data: Option<Block>, io: &mut Io) {
        let slot = &mut self.slots[s as usize];
        if !slot.reported {
            slot.reported = true;
            io.out.push(Output::Done(slot.cmd, status, data));
        }
    }

    /// Gives a slot back.
    pub(super) fn release_slot(&mut self, s: u16) {
        let slot = &mut self.slots[s as usize];
        // What is left of the old use must not make two equal states look different.
        let (seq, spent) = (slot.seq, slot.seq >= self.cfg.seq_max);
        (slot.op, slot.cmd, slot.reported, slot.acked, slot.stored) = (Op::Flush, 0, false, false, false);
        (slot.staged, slot.asked, slot.bare, slot.again) = (Staged::No, false, false, false);
        (slot.epoch, slot.owner, slot.due, slot.tries, slot.seq) = (Epoch::default(), 0, 0, 0, seq);
        slot.phase = if spent { Phase::Spent } else { Phase::Free };
        if !spent {
            self.free.push_back(s);
        }
    }

    /// The next COMMIT that has not been sent. Its slot is free from now on (R3).
    pub(super) fn next_commit(&mut self, io: &mut Io) -> Option<(u16, u32)> {
        let s = self.commits.pop_front()?;
        self.commit_due = io.now + self.cfg.commit_delay;
        let seq = self.slots[s as usize].seq;
        self.release_slot(s);
        Some((s, seq))
    }
}
