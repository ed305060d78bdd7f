//! Commands to measure with: what they do, in which order, how many at a time.

mod order;
pub mod pair;
pub mod record;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use dyad_driver::{Backing, Completion, DmaBuffer, Queue, Stages, io};
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::measure::{self, Direction, Transfer};
use crate::stages;
use crate::target::AnyBacking;
use order::Places;

/// Longest time that a lookup may take.
const DEADLINE: Duration = Duration::from_secs(8);

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
    /// Blocks of each read or write, 1 to 64
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub blocks: u16,
}

impl WorkloadArgs {
    /// Whether the commands change what is on the LUN.
    pub fn writes(&self) -> bool {
        matches!(self.pattern, Pattern::Write | Pattern::Mixed)
    }
}

/// What commands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// Dual writes
    Write,
    /// Reads from the local store
    Read,
    /// Reads and writes
    Mixed,
    /// Lookups of 512 addresses each
    Lookup,
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
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A dual write.
    Write,
    /// A read from the local store.
    Read,
    /// A lookup of 512 addresses.
    Lookup,
}

impl Kind {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Write => "write",
            Kind::Read => "read",
            Kind::Lookup => "lookup",
        }
    }
}

/// A command that has ended well.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// What it did.
    pub kind: Kind,
    /// Its first block; of a lookup, 0.
    pub lba: u64,
    /// Its blocks; of a lookup, none.
    pub blocks: u16,
    /// Its stamps, without those of stages that such a command does not have.
    pub stages: Stages,
    /// Times that a block of it was sent again.
    pub retries: u8,
}

impl Done {
    fn new(kind: Kind, lba: u64, blocks: u16, completion: &Completion) -> Self {
        let all = completion.stages();
        let stages = if kind == Kind::Write { all } else { stages::without_peer(&all) };
        Self { kind, lba, blocks, stages, retries: completion.retries() }
    }

    fn of_transfer(transfer: &Transfer, completion: &Completion) -> Self {
        let kind = if transfer.direction == Direction::Write { Kind::Write } else { Kind::Read };
        Self::new(kind, transfer.lba, transfer.blocks, completion)
    }
}

/// Commands without end, in memory that the card reaches. Each run goes on where the one before has ended.
pub struct Workload {
    lun: u8,
    /// Block of the LUN that the commands take for the first.
    first: u64,
    depth: u16,
    commands: Commands,
}

enum Commands {
    Transfers {
        buffer: DmaBuffer,
        next: Box<dyn Iterator<Item = Transfer>>,
    },
    /// Nobody looks at the answers.
    Lookups {
        addresses: DmaBuffer,
        answers: DmaBuffer,
    },
}

impl Workload {
    /// Prepares the commands that `args` asks for, on a LUN of `lun_blocks` blocks; the same for the same seed.
    ///
    /// # Errors
    /// When the LUN or the queue is too small for them, or memory has run out.
    pub fn new(
        args: &WorkloadArgs,
        queue: &Queue<AnyBacking>,
        (lun, lun_blocks): (u8, u64),
        seed: u64,
    ) -> Result<Self> {
        let commands = match args.pattern {
            Pattern::Lookup => lookup_commands(args, queue, lun_blocks, seed)?,
            _ => transfer_commands(args, queue, (lun, lun_blocks), seed)?,
        };
        Ok(Self { lun, first: 0, depth: args.depth, commands })
    }

    /// On the blocks from `first` on.
    pub fn starting_at(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// Carries out the next `count` commands, and waits until all have ended. `done` hears of each.
    ///
    /// # Errors
    /// Of the first command that failed; or the card does not answer.
    pub fn run(&mut self, queue: &mut Queue<AnyBacking>, count: u32, mut done: impl FnMut(&Done)) -> Result<()> {
        let (lun, first, depth) = (self.lun, self.first, self.depth);
        match &mut self.commands {
            Commands::Lookups { addresses, answers } => {
                let (mut submitted, mut ended) = (0, 0);
                while ended < count {
                    while submitted < count && queue.in_flight() < depth.into() && queue.room() > 0 {
                        queue.submit_lookup(lun, MAX_LOOKUPS as u16, &addresses.whole(), &answers.whole())?;
                        submitted += 1;
                    }
                    let completion = queue.wait_any(queue.backing().after(DEADLINE))?;
                    io::check(&completion, "LOOKUP", lun, 0)?;
                    done(&Done::new(Kind::Lookup, 0, 0, &completion));
                    ended += 1;
                }
                Ok(())
            }
            Commands::Transfers { buffer, next } => {
                let transfers = next.take(count as usize).map(|transfer| transfer.moved_by(first));
                let each =
                    |transfer: &Transfer, completion: &Completion| done(&Done::of_transfer(transfer, completion));
                match depth {
                    1 => measure::one_by_one(queue, lun, transfers, buffer, each),
                    _ => measure::stream(queue, lun, transfers, buffer, depth.into(), each),
                }
            }
        }
    }
}

fn lookup_commands(args: &WorkloadArgs, queue: &Queue<AnyBacking>, lun_blocks: u64, seed: u64) -> Result<Commands> {
    let list = MAX_LOOKUPS as usize * size_of::<u64>();
    let (addresses, answers) = (queue.backing().dma_alloc(list)?, queue.backing().dma_alloc(list)?);
    let places = Places::new(lun_blocks.max(1), args.order, args.zipf_theta, seed);
    for (index, lba) in places.take(MAX_LOOKUPS as usize).enumerate() {
        addresses.write_at(index * size_of::<u64>(), &lba.to_le_bytes());
    }
    Ok(Commands::Lookups { addresses, answers })
}

fn transfer_commands(
    args: &WorkloadArgs,
    queue: &Queue<AnyBacking>,
    (lun, lun_blocks): (u8, u64),
    seed: u64,
) -> Result<Commands> {
    let each = u64::from(args.blocks);
    let places = lun_blocks / each;
    ensure!(places > 0, "measuring LUN {lun}: it has {lun_blocks} blocks, less than a command; give fewer --blocks");
    let depth = usize::from(args.depth);
    ensure!(
        depth <= queue.room(),
        "keeping {depth} commands under way: the card's queues have room for {}; give a lower --depth",
        queue.room()
    );
    // Commands that follow each other have memory of their own; reads have theirs apart, so that none of them changes what a
    // write sends.
    let (pattern, rows) = (args.pattern, depth + 1);
    let areas = if pattern == Pattern::Mixed { 2 } else { 1 };
    let buffer = queue.backing().dma_alloc(areas * rows * usize::from(args.blocks) * BLOCK_BYTES)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = vec![0; buffer.len()];
    random.fill(&mut bytes[..]);
    buffer.write_at(0, &bytes);
    let (blocks, read_percent) = (args.blocks, args.read_percent);
    let lbas = Places::new(places, args.order, args.zipf_theta, seed);
    let next = lbas.enumerate().map(move |(index, place)| {
        let reads = match pattern {
            Pattern::Mixed => random.random_range(0..100) < read_percent,
            _ => pattern == Pattern::Read,
        };
        let direction = if reads { Direction::Read } else { Direction::Write };
        let area = if reads { areas - 1 } else { 0 };
        let row = area * rows + index % rows;
        Transfer { direction, lba: place * each, blocks, place: row * usize::from(blocks) }
    });
    Ok(Commands::Transfers { buffer, next: Box::new(next) })
}
