//! What the commands of each pattern are, one after the other.

use anyhow::{Result, ensure};
use dyad_driver::{Backing, CommandId, DmaBuffer, Extents, Queue};
use dyad_spec::{BLOCK_BYTES, MAX_LOOKUPS};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::measure::{self, Direction, Transfer};
use crate::target::AnyBacking;
use crate::workload::compare::Compares;
use crate::workload::order::Places;
use crate::workload::{Area, Issued, Kind, Pattern, Seeds, WorkloadArgs};

/// Commands of a pattern.
pub enum Commands {
    /// Reads and writes.
    Transfers {
        /// Their data.
        buffer: DmaBuffer,
        /// What comes.
        next: Box<dyn Iterator<Item = Transfer>>,
    },
    /// Lookups; nobody looks at the answers.
    Lookups {
        /// What is asked.
        addresses: DmaBuffer,
        /// Where the answers go.
        answers: DmaBuffer,
    },
    /// Flushes.
    Flushes,
    /// Compare-and-writes.
    Compares(Compares),
    /// Extents, each taken once.
    Takes(Box<Takes>),
    /// The whole LUN, by one site: taken, given back.
    ThereAndBack {
        /// The last command took it.
        taken: bool,
    },
    /// This site's part of what both take in turn.
    InTurn(Extents),
}

impl Commands {
    /// Prepares the commands that `args` asks for.
    ///
    /// # Errors
    /// When the LUN is too small for them, or memory has run out.
    pub fn new(args: &WorkloadArgs, queue: &Queue<AnyBacking>, area: Area, seeds: Seeds) -> Result<Self> {
        let one_extent = Extents::From { lba: area.first, count: 1 };
        Ok(match args.pattern {
            Pattern::Lookup => lookups(args, queue, area, seeds.places)?,
            Pattern::Flush => Commands::Flushes,
            Pattern::CompareWrite => Commands::Compares(Compares::new(args, queue, area, seeds.places)?),
            Pattern::Acquire => Commands::Takes(Box::new(Takes::new(args, area, seeds.places)?)),
            Pattern::Migrate => Commands::ThereAndBack { taken: false },
            Pattern::Bounce => Commands::InTurn(one_extent),
            Pattern::Write | Pattern::Read | Pattern::Mixed | Pattern::Race => transfers(args, queue, area, seeds)?,
        })
    }

    /// Submits the next command, without ringing the doorbell; `None` when it must wait for one under way.
    ///
    /// # Errors
    /// When the queue is full, or nothing is left that could be done.
    pub fn submit(&mut self, queue: &mut Queue<AnyBacking>, area: Area) -> Result<Option<(CommandId, Issued)>> {
        let lun = area.lun;
        let whole = |kind| Issued { kind, lba: 0, blocks: 0, row: 0 };
        Ok(Some(match self {
            Commands::Transfers { buffer, next } => {
                let transfer = next.next().expect("places come without end").moved_by(area.first);
                let Transfer { direction, lba, blocks, .. } = transfer;
                let kind = if direction == Direction::Write { Kind::Write } else { Kind::Read };
                (measure::submit(queue, lun, &transfer, buffer)?, Issued { kind, lba, blocks, row: 0 })
            }
            Commands::Lookups { addresses, answers } => {
                let id = queue.submit_lookup(lun, MAX_LOOKUPS as u16, &addresses.whole(), &answers.whole())?;
                (id, whole(Kind::Lookup))
            }
            Commands::Flushes => (queue.submit_flush(lun)?, whole(Kind::Flush)),
            Commands::Compares(compares) => return compares.submit(queue, lun),
            Commands::Takes(takes) => {
                let (lba, count) = takes.next();
                let id = queue.submit_acquire(lun, Extents::From { lba, count })?;
                (id, Issued { kind: Kind::Acquire, lba, blocks: 0, row: 0 })
            }
            Commands::ThereAndBack { taken } => {
                *taken = !*taken;
                match *taken {
                    true => (queue.submit_acquire(lun, Extents::WholeLun)?, whole(Kind::Acquire)),
                    false => (queue.submit_release(lun, Extents::WholeLun)?, whole(Kind::Release)),
                }
            }
            Commands::InTurn(extents) => (queue.submit_acquire(lun, *extents)?, whole(Kind::Acquire)),
        }))
    }
}

impl Commands {
    /// Hears that a command has ended.
    pub fn ended(&mut self, issued: &Issued) {
        if let Commands::Compares(compares) = self {
            compares.ended(issued);
        }
    }
}

/// Groups of extents, each taken once.
pub struct Takes {
    area: Area,
    groups: u64,
    each: u16,
    /// The groups' places, in an order of each pass's own.
    pass: Box<dyn Fn(u64) -> Places>,
    passes: u64,
    places: Places,
}

impl Takes {
    fn new(args: &WorkloadArgs, area: Area, seed: u64) -> Result<Self> {
        let extents = area.blocks >> area.extent_shift;
        let groups = extents / u64::from(args.blocks);
        ensure!(groups > 0, "taking {} extents at a time: the LUN has {extents}; give fewer --blocks", args.blocks);
        let (order, theta) = (args.order, args.zipf_theta);
        let pass = move |number: u64| Places::new(groups, order, theta, seed.wrapping_add(number));
        Ok(Self { area, groups, each: args.blocks, places: pass(0), pass: Box::new(pass), passes: 0 })
    }

    /// Begins anew, now that the peer owns all of them.
    ///
    /// # Errors
    /// When they are fewer than `count`.
    pub fn prepare(&mut self, count: u32) -> Result<()> {
        ensure!(
            u64::from(count) <= self.groups,
            "taking {count} times {} extents: the LUN has {} such groups, and each is taken once; give a lower --count or a \
             larger --store-mib",
            self.each,
            self.groups
        );
        self.passes += 1;
        self.places = (self.pass)(self.passes);
        Ok(())
    }

    /// The next group: first block, extents.
    fn next(&mut self) -> (u64, u16) {
        let group = self.places.next().expect("places come without end");
        (self.area.first + (group * u64::from(self.each) << self.area.extent_shift), self.each)
    }
}

fn lookups(args: &WorkloadArgs, queue: &Queue<AnyBacking>, area: Area, seed: u64) -> Result<Commands> {
    let list = MAX_LOOKUPS as usize * size_of::<u64>();
    let (addresses, answers) = (queue.backing().dma_alloc(list)?, queue.backing().dma_alloc(list)?);
    let places = Places::new(area.blocks.max(1), args.order, args.zipf_theta, seed);
    for (index, place) in places.take(MAX_LOOKUPS as usize).enumerate() {
        addresses.write_at(index * size_of::<u64>(), &(area.first + place).to_le_bytes());
    }
    Ok(Commands::Lookups { addresses, answers })
}

fn transfers(args: &WorkloadArgs, queue: &Queue<AnyBacking>, area: Area, seeds: Seeds) -> Result<Commands> {
    let each = u64::from(args.blocks);
    let places = area.blocks / each;
    ensure!(
        places > 0,
        "measuring LUN {}: it has {} blocks, less than a command; give fewer --blocks",
        area.lun,
        area.blocks
    );
    // Commands that follow each other have memory of their own; reads have theirs apart, so that none of them changes what a
    // write sends.
    let (pattern, rows) = (args.pattern, usize::from(args.depth) + 1);
    let areas = if pattern == Pattern::Mixed { 2 } else { 1 };
    let buffer = queue.backing().dma_alloc(areas * rows * usize::from(args.blocks) * BLOCK_BYTES)?;
    let mut random = ChaCha8Rng::seed_from_u64(seeds.data);
    let mut bytes = vec![0; buffer.len()];
    random.fill(&mut bytes[..]);
    buffer.write_at(0, &bytes);
    let (blocks, read_percent) = (args.blocks, args.read_percent);
    let lbas = Places::new(places, args.order, args.zipf_theta, seeds.places);
    // Who races writes one block as often as --depth says, and then the next one.
    let times = if pattern == Pattern::Race { usize::from(args.depth) } else { 1 };
    let next = lbas.flat_map(move |place| std::iter::repeat_n(place, times)).enumerate().map(move |(index, place)| {
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
