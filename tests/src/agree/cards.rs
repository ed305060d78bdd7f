//! Histories on two Verilated cards: what hosts, stores, directories and the link show of them.

use std::time::Duration;

use dyad_driver::backing::Backing;
use dyad_driver::{CommandId, DmaBuffer, Extents, Queue, Site as DriverSite, Status as CardStatus};
use dyad_model::outcomes::{Answer, Rest};
use dyad_model::protocol::{Block, Epoch, Lookup, Map, Status};
use dyad_sim::{SimBacking, Site};
use dyad_spec::counters::Counter;
use dyad_spec::entry::lookup::LookupAnswer;
use dyad_spec::entry::submission::Submission;
use dyad_spec::{BLOCK_BYTES, Opcode, regs};

use super::link::Link;
use super::shape::{BLOCKS, Cmd, EXTENTS, Shape, Turn};
use crate::Rng;
use crate::system::{LUN, LUN_BLOCKS, Pair, Setup};

/// Commands that a site has under way, at most.
const PLACES: usize = 4;
/// Where in a site's buffer the addresses of lookups are, and their answers.
const LOOKUPS: usize = PLACES * 2 * BLOCK_BYTES;
const ANSWERS: usize = LOOKUPS + BLOCK_BYTES;
/// Longest time from the first command of a round to another, in cycles: a few times what one takes.
const SPREAD: u64 = 1600;
/// Cycles between two looks at the queues.
const STEP: u64 = 40;
/// Cycles without a frame after which nothing more comes: longer than a card keeps a COMMIT for a trailer, when it is alone, and
/// than a counter takes to show what it has counted.
const QUIET: u64 = 300;
/// Cycles after which a round has hung.
const PATIENCE: u64 = 3_000_000;
/// Memory that no host has mapped.
const UNMAPPED: u64 = 0x7000_0000_0000;

/// Two cards, and what is known of them from outside.
pub struct Cards {
    pair: Pair,
    link: Link,
    buffers: [DmaBuffer; 2],
    /// What each block holds.
    contents: [u64; BLOCKS as usize],
    /// Owner and epoch of each of [`EXTENTS`], as each site has them.
    owners: [Vec<(u8, u32)>; 2],
    /// Values of this history begin here.
    base: u64,
}

/// Numbers in which a history's epochs begin: as the card has them, and as the model has them.
struct Begin {
    generation: u16,
    extents: Vec<(u16, u16)>,
}

fn queue(pair: &mut Pair, site: usize) -> &mut Queue<SimBacking> {
    if site == 0 { &mut pair.qa } else { &mut pair.qb }
}

fn site_of(index: usize) -> Site {
    [Site::A, Site::B][index]
}

/// The number that a block holds in all its words.
fn whole(bytes: &[u8]) -> Option<u64> {
    let mut words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    let first = words.next()?;
    words.all(|word| word == first).then_some(first)
}

fn status_of(status: CardStatus) -> Result<Status, String> {
    Ok(match status {
        CardStatus::Ok => Status::Ok,
        CardStatus::Miscompare => Status::Miscompare,
        CardStatus::DmaReadFault => Status::DmaReadFault,
        CardStatus::NotOwner => Status::NotOwner,
        CardStatus::EpochSpent => Status::EpochSpent,
        other => return Err(format!("a command ended with {other:?}")),
    })
}

impl Cards {
    /// Cards that are linked up and hold zeroes.
    pub fn new(setup: &Setup) -> Self {
        let pair = Pair::new(setup);
        let buffers = [0, 1].map(|i| {
            let backing = pair.bench.backing(site_of(i));
            backing.dma_alloc(ANSWERS + BLOCK_BYTES).expect("buffers")
        });
        let link = Link::observe(&pair);
        let owners = Default::default();
        let mut cards = Self { pair, link, buffers, contents: [0; BLOCKS as usize], owners, base: 0 };
        cards.look_up().expect("the directories answer");
        cards
    }

    /// Brings the owners to the start of `shape`, and runs it. `rng` decides when commands are submitted. The answer is what was
    /// seen at the end of each round, in the model's numbers.
    ///
    /// # Errors
    /// What went wrong otherwise: a hang, a torn or foreign block, a status that there is not.
    pub fn run(&mut self, shape: &Shape, rng: &mut Rng) -> Result<Vec<Rest>, String> {
        self.base += 1 << 16;
        let begin = self.arrange(shape)?;
        let mut rests = Vec::new();
        for (turn, values) in shape.turns.iter().zip(shape.values()) {
            self.link.begin(&self.pair, turn.strike.as_ref());
            let answers = self.round(turn, &values, rng)?;
            self.rest()?;
            let sent = self.link.end(&self.pair);
            let told = answers.iter().map(Vec::len).sum::<usize>() <= 1;
            self.look_up()?;
            rests.push(Rest {
                answers,
                home: [self.store(0)?, self.store(1)?],
                maps: [self.map(0, &begin), self.map(1, &begin)],
                sent: if told { sent } else { Default::default() },
            });
        }
        for lba in 0..BLOCKS {
            self.contents[lba as usize] = self.pair.first_word(Site::A, lba);
        }
        Ok(rests)
    }

    /// Counters, for messages.
    pub fn counters(&self) -> String {
        self.pair.counters()
    }

    /// Frames that faults have hit so far.
    pub fn struck(&self) -> u64 {
        self.link.struck()
    }

    /// Cycles so far.
    pub fn cycles(&self) -> u64 {
        self.pair.bench.world().cycle()
    }

    /// Asks both directories, at once, who owns the extents.
    fn look_up(&mut self) -> Result<(), String> {
        let mut ids = Vec::new();
        for site in 0..2 {
            let buffer = &self.buffers[site];
            for (i, lba) in EXTENTS.iter().enumerate() {
                buffer.write_at(LOOKUPS + 8 * i, &lba.to_le_bytes());
            }
            let part = |at: usize| buffer.slice(at..at + BLOCK_BYTES);
            let (addresses, answers) = (part(LOOKUPS), part(ANSWERS));
            let queue = queue(&mut self.pair, site);
            let id = queue.submit_lookup(LUN, EXTENTS.len() as u16, &addresses, &answers);
            ids.push(id.map_err(|e| e.to_string())?);
            queue.ring();
        }
        for (site, id) in ids.into_iter().enumerate() {
            let deadline = self.pair.bench.backing(site_of(site)).after(Duration::from_millis(1));
            let done = queue(&mut self.pair, site).wait(id, deadline).map_err(|e| e.to_string())?;
            let mut found = Vec::new();
            for i in 0..EXTENTS.len() {
                let mut answer = LookupAnswer::new();
                self.buffers[site].read_at(ANSWERS + 8 * i, &mut answer.0);
                if done.status() != CardStatus::Ok || answer.valid() != 1 {
                    return Err(format!("a lookup at {} ended with {:?}, {answer:?}", site_of(site), done.status()));
                }
                found.push((answer.owner() as u8, answer.epoch() as u32));
            }
            self.owners[site] = found;
        }
        Ok(())
    }

    /// Moves owners by acquires until they are those of `shape`.
    fn arrange(&mut self, shape: &Shape) -> Result<Begin, String> {
        let wanted = [shape.owners[0], shape.owners[1], shape.default];
        for at in [2, 0, 1] {
            if self.owners[0][at].0 == wanted[at] {
                continue;
            }
            let extents = if at == 2 { Extents::WholeLun } else { Extents::From { lba: EXTENTS[at], count: 1 } };
            let taker = queue(&mut self.pair, usize::from(wanted[at]));
            taker.acquire(LUN, extents).map_err(|e| format!("an acquire between histories: {e}"))?;
            self.rest()?;
            self.look_up()?;
        }
        let [now, at_b] = &self.owners;
        if now != at_b || now.iter().map(|l| l.0).ne(wanted) {
            return Err(format!("between histories the directories are {now:?} and {at_b:?}, not {wanted:?}"));
        }
        let extents = now.iter().zip(shape.map().extents).map(|(card, model)| (card.1 as u16, model.epoch.ext));
        Ok(Begin { generation: (now[0].1 >> 16) as u16, extents: extents.collect() })
    }

    /// Submits what a round has, and waits until all of it has ended.
    fn round(&mut self, turn: &Turn, values: &[Vec<u32>; 2], rng: &mut Rng) -> Result<[Vec<Answer>; 2], String> {
        let begun = self.cycles();
        let mut due = [0, 1].map(|site| turn.cmds[site].iter().map(|_| begun + rng.below(SPREAD)).collect::<Vec<_>>());
        due.iter_mut().for_each(|due| due.sort_unstable());
        let mut ids: [Vec<CommandId>; 2] = Default::default();
        let mut ended: [Vec<Option<CardStatus>>; 2] = [0, 1].map(|site| vec![None; turn.cmds[site].len()]);
        while ended.iter().flatten().any(Option::is_none) {
            let now = self.cycles();
            if now - begun > PATIENCE {
                return Err(format!("commands have not ended for {PATIENCE} cycles: {ended:?}\n{}", self.counters()));
            }
            for site in 0..2 {
                while let Some(at) = due[site].get(ids[site].len())
                    && *at <= now
                {
                    let k = ids[site].len();
                    let id = self.submit(site, k, turn.cmds[site][k], values[site][k])?;
                    ids[site].push(id);
                    queue(&mut self.pair, site).ring();
                }
                while let Some(completion) = queue(&mut self.pair, site).poll().map_err(|e| e.to_string())? {
                    let known = ids[site].iter().position(|id| *id == completion.id());
                    let k = known.filter(|k| ended[site][*k].is_none()).ok_or("a completion of nothing")?;
                    ended[site][k] = Some(completion.status());
                }
            }
            self.pair.bench.world_mut().run(STEP);
        }
        let mut answers: [Vec<Answer>; 2] = Default::default();
        for site in 0..2 {
            for (k, cmd) in turn.cmds[site].iter().enumerate() {
                let status = ended[site][k].ok_or("a command has no status")?;
                match cmd {
                    // The card refuses it by itself; the model has no such command.
                    Cmd::PastEnd if status == CardStatus::BadLba => {}
                    Cmd::PastEnd => return Err(format!("a write past the end ended with {status:?}")),
                    _ => answers[site].push((status_of(status)?, self.read_back(site, k, *cmd)?)),
                }
            }
        }
        Ok(answers)
    }

    fn submit(&mut self, site: usize, k: usize, cmd: Cmd, value: u32) -> Result<CommandId, String> {
        let at = k * 2 * BLOCK_BYTES;
        let buffer = &self.buffers[site];
        let put = |offset: usize, number: u64| {
            buffer.write_at(at + offset, &number.to_le_bytes().repeat(BLOCK_BYTES / 8));
        };
        let value = self.base + u64::from(value);
        let memory = buffer.slice(at..at + BLOCK_BYTES);
        let one = |lba| Extents::From { lba, count: 1 };
        let queue = if site == 0 { &mut self.pair.qa } else { &mut self.pair.qb };
        let id = match cmd {
            Cmd::Read(lba) => {
                put(0, u64::MAX);
                queue.submit_read(LUN, lba, 1, &memory)
            }
            Cmd::Write(lba) => {
                put(0, value);
                queue.submit_write(LUN, lba, 1, &memory)
            }
            Cmd::PastEnd => queue.submit_write(LUN, LUN_BLOCKS, 1, &memory),
            Cmd::Faulty(lba) => {
                let mut entry = Submission::new();
                entry
                    .set_opcode(Opcode::Write.code())
                    .set_lun(LUN.into())
                    .set_blocks(1)
                    .set_lba(lba)
                    .set_iova(UNMAPPED);
                queue.submit(&entry)
            }
            Cmd::Swap(lba, expect) => {
                let initial = (1..=BLOCKS as u32).contains(&expect);
                put(0, if initial { self.contents[expect as usize - 1] } else { self.base + u64::from(expect) });
                put(BLOCK_BYTES, value);
                queue.submit_compare_write(LUN, lba, &buffer.slice(at..at + 2 * BLOCK_BYTES))
            }
            Cmd::Acquire(lba) => queue.submit_acquire(LUN, one(lba)),
            Cmd::Release(lba) => queue.submit_release(LUN, one(lba)),
            Cmd::AcquireLun => queue.submit_acquire(LUN, Extents::WholeLun),
            Cmd::ReleaseLun => queue.submit_release(LUN, Extents::WholeLun),
            Cmd::Flush => queue.submit_flush(LUN),
        };
        id.map_err(|e| e.to_string())
    }

    /// The block that a read has brought.
    fn read_back(&self, site: usize, k: usize, cmd: Cmd) -> Result<Option<Block>, String> {
        let Cmd::Read(lba) = cmd else { return Ok(None) };
        let mut bytes = vec![0; BLOCK_BYTES];
        self.buffers[site].read_at(k * 2 * BLOCK_BYTES, &mut bytes);
        let value = whole(&bytes).ok_or(format!("{} has read block {lba} torn", site_of(site)))?;
        self.symbol(lba, value).map(|value| Some(Block::of(value)))
    }

    /// The model's number for what was found in a block.
    fn symbol(&self, lba: u64, value: u64) -> Result<u32, String> {
        if value == self.contents[lba as usize] {
            return Ok(lba as u32 + 1);
        }
        match value.checked_sub(self.base) {
            Some(number) if number < 1 << 16 => Ok(number as u32),
            _ => Err(format!("block {lba} holds {value:#x}, of no command of this history")),
        }
    }

    fn store(&self, site: usize) -> Result<Vec<Block>, String> {
        let block = |lba| {
            let bytes = self.pair.stored(site_of(site), lba);
            let value = whole(&bytes).ok_or(format!("block {lba} is torn in the store of {}", site_of(site)))?;
            self.symbol(lba, value).map(Block::of)
        };
        (0..BLOCKS).map(block).collect()
    }

    /// The directory of a site, in the model's numbers.
    fn map(&self, site: usize, begin: &Begin) -> Map {
        let found = &self.owners[site];
        let default = found[2];
        let generation = (default.1 >> 16) as u16;
        let lun = 1 + generation.wrapping_sub(begin.generation);
        let extents = found.iter().zip(&begin.extents).map(|((owner, epoch), (card, model))| {
            let ext = *epoch as u16;
            let ext = if generation == begin.generation { ext.wrapping_sub(*card).wrapping_add(*model) } else { ext };
            Lookup {
                owner: *owner,
                epoch: Epoch { lun: 1 + ((epoch >> 16) as u16).wrapping_sub(begin.generation), ext },
            }
        });
        Map { lun: (lun, default.0), extents: extents.collect() }
    }

    /// Waits until nothing is under way anywhere: no slot, no block without its COMMIT, no frame for a while.
    fn rest(&mut self) -> Result<(), String> {
        let begun = self.cycles();
        let mut quiet_since = begun;
        let mut sent = self.link.frames();
        while self.cycles() - begun < PATIENCE {
            self.pair.bench.world_mut().run(STEP);
            let now = self.cycles();
            let frames = self.link.frames();
            if std::mem::replace(&mut sent, frames) != frames || !self.is_settled() {
                quiet_since = now;
            } else if now - quiet_since > QUIET {
                return Ok(());
            }
        }
        Err(format!(
            "the cards are not at rest {PATIENCE} cycles after the last command has ended\n{}",
            self.counters()
        ))
    }

    fn is_settled(&self) -> bool {
        let flies = |site| {
            let world = self.pair.bench.world();
            world.wire(site).next_event(world.cycle()).is_some()
        };
        let settled = |site: &DriverSite<SimBacking>| {
            let device = site.device();
            device.registers().get(&regs::SLOTS_IN_USE) == 0
                && device.counter(Counter::blocks_mirrored) == device.counter(Counter::blocks_committed)
        };
        !flies(Site::A) && !flies(Site::B) && settled(&self.pair.a) && settled(&self.pair.b)
    }
}
