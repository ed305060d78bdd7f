//! Commands to measure with: what they do, in which order, how many at a time.

mod commands;
mod compare;
mod flow;
mod order;
pub mod pair;
pub mod record;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use dyad_driver::{Backing, Completion, Extents, Lun, Queue, Stages};
use serde::Serialize;

use crate::stages;
use crate::target::AnyBacking;
use commands::Commands;
use flow::Flow;

/// Longest time that any command may take.
const DEADLINE: Duration = Duration::from_secs(8);
/// Most writes of one block by each site: their places in line are told apart.
const RACERS_MAX: u16 = 8;

/// What the commands are.
#[derive(clap::Args, Clone, Debug)]
pub struct WorkloadArgs {
    /// What the commands do
    #[arg(long, value_enum, default_value_t = Pattern::Write)]
    pub pattern: Pattern,
    /// Of mixed: commands of a hundred that are reads
    #[arg(long, default_value_t = 70, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub read_percent: u8,
    /// In which order addresses come
    #[arg(long, value_enum, default_value_t = Order::Sequential)]
    pub order: Order,
    /// Of zipf: the exponent; the higher, the more often the same few addresses come
    #[arg(long, default_value_t = 0.99, value_name = "X", value_parser = theta)]
    pub zipf_theta: f64,
    /// Commands under way at a time, up to 4095; a card may have less room, which is said
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4095))]
    pub depth: u16,
    /// Blocks of each read or write, extents of each acquire, 1 to 64
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub blocks: u16,
}

impl WorkloadArgs {
    /// Whether the commands change what is on the LUN.
    pub fn writes(&self) -> bool {
        matches!(self.pattern, Pattern::Write | Pattern::Mixed | Pattern::CompareWrite | Pattern::Race)
    }

    /// Makes sure that it is something that one site does by itself.
    ///
    /// # Errors
    /// When it is not.
    pub fn for_one_site(&self) -> Result<()> {
        let name = self.pattern.name();
        ensure!(!self.pattern.needs_both_sites(), "working with {name}: both sites do it; `dyad bench` measures it");
        Ok(())
    }

    /// Makes sure that the pattern takes the other options.
    ///
    /// # Errors
    /// Names the option that it does not take.
    fn check(&self) -> Result<()> {
        let Self { pattern, depth, blocks, .. } = *self;
        let name = pattern.name();
        let one_block = !matches!(pattern, Pattern::CompareWrite | Pattern::Race) || blocks == 1;
        ensure!(one_block, "measuring {name}: such a command has one block; leave out --blocks");
        let one_at_a_time = !matches!(pattern, Pattern::Migrate | Pattern::Bounce) || depth == 1;
        ensure!(one_at_a_time, "measuring {name}: the owner changes once at a time; leave out --depth");
        ensure!(
            pattern != Pattern::Race || depth <= RACERS_MAX,
            "measuring race: each site writes the block --depth times at once, {RACERS_MAX} at most; give a lower --depth"
        );
        ensure!(
            pattern != Pattern::Acquire || self.order != Order::Zipf,
            "measuring acquire: an extent that was taken is not taken again; give --order sequential or random"
        );
        Ok(())
    }
}

/// What commands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Dual writes
    Write,
    /// Reads from the local store
    Read,
    /// Reads and writes
    Mixed,
    /// Lookups of 512 addresses each
    Lookup,
    /// Flushes of both stores
    Flush,
    /// Compare-and-writes, each with what the block holds
    CompareWrite,
    /// Distinct extents that the other site owns, --blocks of them in a command
    Acquire,
    /// The whole LUN, taken and given back; with --site both, taken by each site in turn
    Migrate,
    /// One extent, taken by each site in turn as soon as the other has it
    Bounce,
    /// One block, written by both sites at once, --depth times by each
    Race,
}

impl Pattern {
    /// As the user gives it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it is two sites that do it.
    pub fn needs_both_sites(self) -> bool {
        matches!(self, Pattern::Bounce | Pattern::Race)
    }
}

/// In which order places come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// One after the other
    Sequential,
    /// Each place once before any comes again
    Random,
    /// Some places much more often than others
    Zipf,
}

fn theta(text: &str) -> Result<f64, String> {
    let theta = text.parse().ok().filter(|theta| (0.01..=10.0).contains(theta));
    theta.ok_or_else(|| "give a number from 0.01 to 10".to_owned())
}

/// A kind of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A dual write.
    Write,
    /// A read from the local store.
    Read,
    /// A lookup of 512 addresses.
    Lookup,
    /// A flush of both stores.
    Flush,
    /// A compare-and-write of one block.
    CompareWrite,
    /// A change of owner: this site takes.
    Acquire,
    /// A change of owner: this site gives.
    Release,
}

impl Kind {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Write => "write",
            Kind::Read => "read",
            Kind::Lookup => "lookup",
            Kind::Flush => "flush",
            Kind::CompareWrite => "compare-write",
            Kind::Acquire => "acquire",
            Kind::Release => "release",
        }
    }

    /// The command's name.
    fn operation(self) -> &'static str {
        match self {
            Kind::Write => "WRITE",
            Kind::Read => "READ",
            Kind::Lookup => "LOOKUP",
            Kind::Flush => "FLUSH",
            Kind::CompareWrite => "COMPARE_WRITE",
            Kind::Acquire => "ACQUIRE",
            Kind::Release => "RELEASE",
        }
    }
}

/// A command that was submitted.
#[derive(Clone, Copy, Debug)]
struct Issued {
    kind: Kind,
    /// Its first block, where it has one.
    lba: u64,
    /// Blocks that it reads or writes.
    blocks: u16,
    /// Of a compare-and-write: its place in the buffer.
    row: usize,
}

/// A command that has ended well.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// What it did.
    pub kind: Kind,
    /// Its first block; of a command on all of the LUN, 0.
    pub lba: u64,
    /// Blocks that it read or wrote.
    pub blocks: u16,
    /// Its stamps, without those of stages that such a command does not have.
    pub stages: Stages,
    /// Times that a block of it was sent again.
    pub retries: u8,
}

impl Done {
    fn new(issued: Issued, completion: &Completion) -> Self {
        let Issued { kind, lba, blocks, .. } = issued;
        let all = completion.stages();
        let stages = match kind {
            Kind::Write | Kind::CompareWrite | Kind::Flush => all,
            Kind::Acquire | Kind::Release => stages::of_exchange(&all),
            Kind::Read | Kind::Lookup => stages::without_peer(&all),
        };
        Self { kind, lba, blocks, stages, retries: completion.retries() }
    }
}

/// The part of a LUN that commands go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// LUN number.
    pub lun: u8,
    /// First block.
    pub first: u64,
    /// Blocks.
    pub blocks: u64,
    /// Log2 of the blocks of an extent.
    pub extent_shift: u8,
}

impl Area {
    /// All of a LUN.
    pub fn whole(lun: &Lun) -> Self {
        Self { lun: lun.number, first: 0, blocks: lun.blocks, extent_shift: lun.extent_shift }
    }
}

/// What is random follows from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The order of places.
    pub places: u64,
    /// What is written, and which commands of `mixed` are reads.
    pub data: u64,
}

impl Seeds {
    /// Both from one.
    pub fn of(seed: u64) -> Self {
        Self { places: seed, data: seed }
    }
}

/// Commands without end, in memory that the card reaches. Each run goes on where the one before has ended.
pub struct Workload {
    area: Area,
    depth: u16,
    commands: Commands,
}

impl Workload {
    /// Prepares the commands that `args` asks for, on a part of a LUN; the same for the same seeds.
    ///
    /// # Errors
    /// When the LUN or the queue is too small for them, memory has run out, or the pattern does not take an option.
    pub fn new(args: &WorkloadArgs, queue: &Queue<AnyBacking>, area: Area, seeds: Seeds) -> Result<Self> {
        args.check()?;
        let depth = usize::from(args.depth);
        ensure!(
            depth <= queue.room(),
            "keeping {depth} commands under way: the card's queues have room for {}; give a lower --depth",
            queue.room()
        );
        Ok(Self { area, depth: args.depth, commands: Commands::new(args, queue, area, seeds)? })
    }

    /// Of `migrate`: this site only takes the LUN, and the other one takes it back.
    pub fn in_turn(self) -> Self {
        match self.commands {
            Commands::ThereAndBack { .. } => Self { commands: Commands::InTurn(Extents::WholeLun), ..self },
            _ => self,
        }
    }

    /// Makes the next `count` commands ready, by commands that nobody measures: what is compared is read, the peer gets what is
    /// to be taken from it.
    ///
    /// # Errors
    /// Of the first command that failed, or when there is not enough for so many.
    pub fn prepare(&mut self, queue: &mut Queue<AnyBacking>, count: u32) -> Result<()> {
        let (lun, whole) = (self.area.lun, Extents::WholeLun);
        match &mut self.commands {
            Commands::Compares(compares) => compares.prepare(queue, lun, count)?,
            Commands::Takes(takes) => {
                takes.prepare(count)?;
                // In two steps, since only who owns the LUN by default can give it away.
                queue.acquire(lun, whole)?;
                queue.release(lun, whole)?;
            }
            Commands::ThereAndBack { taken } => {
                queue.acquire(lun, whole)?;
                queue.release(lun, whole)?;
                *taken = false;
            }
            Commands::InTurn(_) => drop(queue.acquire(lun, whole)?),
            Commands::Transfers { .. } | Commands::Lookups { .. } | Commands::Flushes => {}
        }
        Ok(())
    }

    /// Carries out the next `count` commands, and waits until all have ended. `done` hears of each. One at a time, each is on
    /// an idle card, and between two of them passes a time that differs from one to the next.
    ///
    /// # Errors
    /// Of the first command that failed; or the card does not answer.
    pub fn run(&mut self, queue: &mut Queue<AnyBacking>, count: u32, mut done: impl FnMut(&Done)) -> Result<()> {
        let one_by_one = self.depth == 1;
        let mut flow = Flow::new(self, count);
        for index in 0u64.. {
            flow.fill(queue)?;
            if queue.in_flight() == 0 {
                break;
            }
            queue.ring();
            let mut next = Some(queue.wait_any(queue.backing().after(DEADLINE))?);
            if one_by_one {
                // 37 and 61 have no factor in common, so the pauses run through all phases.
                let pause = Duration::from_nanos(1000 + (index * 37 % 61) * 7);
                queue.backing().wait(None, queue.backing().after(pause));
            }
            while let Some(completion) = next {
                if let Some(one) = flow.take(&completion)? {
                    done(&one);
                }
                next = queue.poll()?;
            }
        }
        Ok(())
    }
}
