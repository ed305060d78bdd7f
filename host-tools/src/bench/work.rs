//! The commands of a run.

use std::time::Duration;

use anyhow::{Result, ensure};
use dyad_driver::{Backing, DmaBuffer, Queue, io};
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::order::Places;
use crate::bench::record::Record;
use crate::bench::{Args, Pattern};
use crate::measure::{self, Direction, Transfer};
use crate::target::AnyBacking;

/// Longest time that a lookup may take.
const DEADLINE: Duration = Duration::from_secs(8);

/// What the commands of a run told, together and by kind.
pub struct Told {
    /// All of them.
    pub all: Record,
    /// Of `mixed`: writes and reads.
    pub kinds: Option<[Record; 2]>,
}

/// The commands of a run, in memory that the card reaches. Warm-up and run take from the same sequence, one after the other.
pub enum Work {
    /// Reads and writes.
    Transfers {
        /// Memory of all commands under way.
        buffer: DmaBuffer,
        /// The commands, without end.
        next: Box<dyn Iterator<Item = Transfer>>,
    },
    /// Lookups of 512 addresses each.
    Lookups {
        /// The addresses.
        addresses: DmaBuffer,
        /// Room for the answers: nobody looks at them.
        answers: DmaBuffer,
    },
}

impl Work {
    /// Prepares the commands that `args` asks for, on a LUN of `lun_blocks` blocks.
    ///
    /// # Errors
    /// When the LUN or the queue is too small for them, or memory has run out.
    pub fn new(args: &Args, queue: &Queue<AnyBacking>, lun_blocks: u64) -> Result<Self> {
        let seed = args.target.sim.seed;
        if args.pattern == Pattern::Lookup {
            let list = MAX_LOOKUPS as usize * size_of::<u64>();
            let (addresses, answers) = (queue.backing().dma_alloc(list)?, queue.backing().dma_alloc(list)?);
            let places = Places::new(lun_blocks.max(1), args.order, args.zipf_theta, seed);
            for (index, lba) in places.take(MAX_LOOKUPS as usize).enumerate() {
                addresses.write_at(index * size_of::<u64>(), &lba.to_le_bytes());
            }
            return Ok(Work::Lookups { addresses, answers });
        }
        let each = u64::from(args.blocks);
        let places = lun_blocks / each;
        ensure!(
            places > 0,
            "measuring LUN {}: it has {lun_blocks} blocks, less than a command; give fewer --blocks",
            args.lun
        );
        let depth = usize::from(args.depth);
        ensure!(
            depth <= queue.room(),
            "keeping {depth} commands under way: the card's queues have room for {}; give a lower --depth",
            queue.room()
        );
        // Commands that follow each other have memory of their own; reads have theirs apart, so that none of them changes
        // what a write sends.
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
        Ok(Work::Transfers { buffer, next: Box::new(next) })
    }

    /// Carries out the next `count` commands, and waits until all have ended.
    ///
    /// # Errors
    /// Of the first command that failed; or the card does not answer.
    pub fn run(&mut self, args: &Args, queue: &mut Queue<AnyBacking>, count: u32) -> Result<Told> {
        let mut all = Record::new(count.into());
        let of_kind = || Record::new(count.into());
        let mut kinds = (args.pattern == Pattern::Mixed).then(|| [of_kind(), of_kind()]);
        match self {
            Work::Lookups { addresses, answers } => {
                lookups(args, queue, count, addresses, answers, |completion| all.add(completion, 0, false))?;
            }
            Work::Transfers { buffer, next } => {
                let transfers = next.take(count as usize);
                let add = |transfer: &Transfer, completion: &dyad_driver::Completion| {
                    let writes = transfer.direction == Direction::Write;
                    all.add(completion, transfer.blocks, writes);
                    if let Some([of_writes, of_reads]) = &mut kinds {
                        let kind = if writes { of_writes } else { of_reads };
                        kind.add(completion, transfer.blocks, writes);
                    }
                };
                if args.depth == 1 {
                    measure::one_by_one(queue, args.lun, transfers, buffer, add)?;
                } else {
                    measure::stream(queue, args.lun, transfers, buffer, args.depth.into(), add)?;
                }
            }
        }
        Ok(Told { all, kinds })
    }
}

fn lookups(
    args: &Args,
    queue: &mut Queue<AnyBacking>,
    count: u32,
    addresses: &DmaBuffer,
    answers: &DmaBuffer,
    mut done: impl FnMut(&dyad_driver::Completion),
) -> Result<()> {
    let (mut submitted, mut ended) = (0, 0);
    while ended < count {
        while submitted < count && queue.in_flight() < args.depth.into() && queue.room() > 0 {
            queue.submit_lookup(args.lun, MAX_LOOKUPS as u16, &addresses.whole(), &answers.whole())?;
            submitted += 1;
        }
        let completion = queue.wait_any(queue.backing().after(DEADLINE))?;
        io::check(&completion, "LOOKUP", args.lun, 0)?;
        done(&completion);
        ended += 1;
    }
    Ok(())
}
