//! Racing clients on two Verilated cards whose link loses, doubles, delays and corrupts frames, judged from outside.
//!
//! Clients at both sites write unique values to the same few blocks, zero them, and read them. The judge of
//! `dyad-model`, which knows nothing of cards, decides whether all that they saw can be put in one order, whether a block was
//! torn, whether each command completed exactly once, and whether the stores end equal. Beside it, what is told of a value must
//! be so: a write that has completed, and a value that was read, must have been in both stores.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use dyad_driver::backing::Backing;
use dyad_driver::{CommandId, Completion, DmaBuffer, Extents, Mtu, Queue, Status};
use dyad_model::judge::{Call, Judge, Return, Seen, Summary};
use dyad_sim::link::Fcs;
use dyad_sim::{SimBacking, Site};
use dyad_spec::BLOCK_BYTES;
use dyad_spec::counters::Counter;

use crate::Rng;
use crate::system::{LUN, Pair, Setup, Size, counters_of};

/// Commands under way at each site.
const CLIENTS: usize = 12;
/// Most blocks of a command.
const MOST_BLOCKS: u64 = 4;
/// Cycles between two looks at the queues.
const STEP: u64 = 60;
/// Cycles without any completion after which the run has hung.
const PATIENCE: u64 = 20_000_000;

/// Chances of what happens to a frame on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// It is lost.
    pub loss: f64,
    /// A second copy comes later.
    pub duplicate: f64,
    /// It comes late.
    pub reorder: f64,
    /// A bit is flipped.
    pub corrupt: f64,
    /// Its end is missing.
    pub truncate: f64,
    /// How late, at most, in cycles.
    pub late: u64,
    /// The MAC does not notice the last two: the card's own checksum must.
    pub miss: bool,
}

impl Faults {
    /// A link without faults.
    pub const NONE: Self =
        Self { loss: 0.0, duplicate: 0.0, reorder: 0.0, corrupt: 0.0, truncate: 0.0, late: 30_000, miss: false };
    /// One frame in a thousand is lost, one in a hundred late.
    pub const LOSSY: Self = Self { loss: 0.001, reorder: 0.01, ..Self::NONE };
    /// Everything, often.
    pub const STORM: Self =
        Self { loss: 0.02, duplicate: 0.03, reorder: 0.05, corrupt: 0.01, truncate: 0.01, late: 30_000, miss: false };
    /// The same, with a MAC that checks nothing.
    pub const BLIND: Self = Self { corrupt: 0.03, truncate: 0.03, miss: true, ..Self::STORM };
    /// Second copies and late frames that come when their slots have long been used again.
    pub const STALE: Self = Self { loss: 0.01, duplicate: 0.2, reorder: 0.1, late: 600_000, ..Self::NONE };
    /// By name.
    pub const SETS: [(&'static str, Self); 5] = [
        ("none", Self::NONE),
        ("lossy", Self::LOSSY),
        ("storm", Self::STORM),
        ("blind", Self::BLIND),
        ("stale", Self::STALE),
    ];
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of everything random.
    pub seed: u64,
    /// Commands, both sites together.
    pub ops: u64,
    /// `DATA_W`.
    pub data_w: usize,
    /// Size of frames.
    pub mtu: Mtu,
    /// Distance in km.
    pub km: f64,
    /// What the link does.
    pub faults: Faults,
    /// Blocks that are raced for.
    pub blocks: u64,
    /// Sizes of the cards.
    pub size: Size,
    /// Longest extra time of an answer of a store, in cycles.
    pub store_jitter: u64,
    /// Extra time of every write at A's store, in cycles: B has a block long before A.
    pub store_lag: u64,
    /// Log2 of the blocks of an extent.
    pub extent_shift: u8,
    /// One command in so many moves an extent, or the LUN, from site to site; 0: none.
    pub moves: u64,
    /// Blocks are zeroed and trimmed, too.
    pub zeroes: bool,
    /// Writes in a row of the other site's after which an extent is handed over unasked; 0: never.
    pub hand_over_after: u8,
    /// Time after which a block is sent again.
    pub resend: Duration,
    /// Cycles without any completion after which the run has hung.
    pub patience: u64,
    /// Cards with the mutant of this number, or 0, the card itself, compiled when the test runs.
    pub mutant: Option<u64>,
    /// Where to write a waveform of card A and card B.
    pub waves: Option<PathBuf>,
}

impl Plan {
    /// A plan that follows from its seed: width, MTU, distance, faults, number of blocks.
    pub fn of_seed(seed: u64, ops: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            seed,
            ops,
            data_w: *rng.pick(&[64, 64, 512]),
            mtu: *rng.pick(&[Mtu::Jumbo, Mtu::Standard]),
            km: *rng.pick(&[0.1, 0.5, 2.0]),
            faults: rng.pick(&Faults::SETS).1,
            blocks: *rng.pick(&[5, 8, 40]),
            size: Size::Full,
            store_jitter: *rng.pick(&[0, 0, 2000]),
            store_lag: 0,
            extent_shift: *rng.pick(&[0, 2]),
            moves: *rng.pick(&[0, 5, 12, 40]),
            zeroes: rng.one_in(2),
            hand_over_after: *rng.pick(&[0, 0, 3]),
            resend: Duration::from_micros(200),
            patience: PATIENCE,
            mutant: None,
            waves: None,
        }
    }
}

/// What a run was like.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the judge counted.
    pub summary: Summary,
    /// Cycles of the race.
    pub cycles: u64,
    /// Counters of both cards that say that something happened.
    pub counters: String,
}

/// One command under way.
struct Flight {
    /// Its calls, one a block, with the block and the value that is written. None when it moves an owner.
    calls: Vec<(usize, u64, u64)>,
    kind: Kind,
    buffer: usize,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Read,
    Write,
    /// Writes a block if it is what the client saw there last.
    Swap,
    /// Makes blocks zeroes.
    Zero,
    /// Moves an owner.
    Move,
}

/// Which values have been in which store.
struct Stored {
    blocks: u64,
    /// By value: bit 0 for the store at A, bit 1 for that at B.
    seen: HashMap<u64, u8>,
}

impl Stored {
    /// Looks at all blocks of both stores. A value stays there for longer than [`STEP`]: a write has more beats than that.
    fn look(&mut self, pair: &Pair) {
        for (bit, site) in [Site::A, Site::B].into_iter().enumerate() {
            for block in 0..self.blocks {
                *self.seen.entry(pair.first_word(site, block)).or_default() |= 1 << bit;
            }
        }
    }

    /// An error when a value has not been in both stores, where `what` tells of it.
    fn need(&self, what: &str, site: Site, block: u64, value: u64) -> Result<(), String> {
        let both = value == 0 || self.seen.get(&value) == Some(&3);
        both.then_some(())
            .ok_or_else(|| format!("{what} {value} of block {block} at {site}, which is not in both stores"))
    }
}

struct Clients {
    site: Site,
    buffers: Vec<DmaBuffer>,
    free: Vec<usize>,
    flights: HashMap<CommandId, Flight>,
    /// What was last read of each block, as a word of it.
    seen: HashMap<u64, u64>,
}

impl Clients {
    fn new(pair: &Pair, site: Site) -> Self {
        let backing = pair.bench.backing(site);
        let bytes = MOST_BLOCKS as usize * BLOCK_BYTES;
        let buffers = (0..CLIENTS).map(|_| backing.dma_alloc(bytes).expect("a buffer")).collect();
        Self { site, buffers, free: (0..CLIENTS).collect(), flights: HashMap::new(), seen: HashMap::new() }
    }

    /// Submits a command, unless all are under way.
    fn submit(
        &mut self,
        queue: &mut Queue<SimBacking>,
        judge: &mut Judge,
        rng: &mut Rng,
        plan: &Plan,
        now: u64,
    ) -> bool {
        let Some(buffer) = self.free.pop() else { return false };
        if plan.moves > 0 && rng.one_in(plan.moves) {
            let lba = rng.below(plan.blocks);
            let extents = if rng.one_in(6) { Extents::WholeLun } else { Extents::From { lba, count: 1 } };
            let id =
                if rng.one_in(4) { queue.submit_release(LUN, extents) } else { queue.submit_acquire(LUN, extents) };
            self.flights.insert(id.expect("there is room"), Flight { calls: Vec::new(), kind: Kind::Move, buffer });
            return true;
        }
        let mut kind = *rng.pick(&[Kind::Read, Kind::Write, Kind::Swap, Kind::Read, Kind::Write]);
        if plan.zeroes && kind == Kind::Write && rng.one_in(3) {
            kind = Kind::Zero;
        }
        let count = if rng.one_in(3) && kind != Kind::Swap { 1 + rng.below(MOST_BLOCKS) } else { 1 };
        let lba = rng.below(plan.blocks - count + 1);
        let memory = self.buffers[buffer].slice(0..count as usize * BLOCK_BYTES);
        let mut calls = Vec::new();
        for block in lba..lba + count {
            let value = judge.calls() as u64 + 1;
            let put = |index: usize, value: u64| {
                self.buffers[buffer].write_at(index * BLOCK_BYTES, &value.to_le_bytes().repeat(BLOCK_BYTES / 8));
            };
            let expect = self.seen.get(&block).copied().unwrap_or(0);
            let call = match kind {
                Kind::Read | Kind::Move => Call::Read { block },
                Kind::Write => Call::Write { block, value },
                Kind::Swap => Call::Swap { block, expect, value },
                Kind::Zero => Call::Zero { block, count: 1 },
            };
            match kind {
                Kind::Read | Kind::Zero | Kind::Move => {}
                Kind::Write => put((block - lba) as usize, value),
                Kind::Swap => {
                    put(0, expect);
                    put(1, value);
                }
            }
            calls.push((judge.call(now, call), block, value));
        }
        let id = match kind {
            Kind::Write => queue.submit_write(LUN, lba, count as u16, &memory),
            Kind::Swap => queue.submit_compare_write(LUN, lba, &self.buffers[buffer].slice(0..2 * BLOCK_BYTES)),
            Kind::Zero if rng.one_in(2) => queue.submit_trim(LUN, lba, count as u16),
            Kind::Zero => queue.submit_write_zeroes(LUN, lba, count as u16),
            Kind::Read | Kind::Move => queue.submit_read(LUN, lba, count as u16, &memory),
        };
        self.flights.insert(id.expect("there is room"), Flight { calls, kind, buffer });
        true
    }

    /// Tells the judge of a command that has completed.
    fn complete(
        &mut self,
        completion: &Completion,
        judge: &mut Judge,
        stored: &Stored,
        now: u64,
    ) -> Result<(), String> {
        let id = completion.id();
        let flight = self.flights.remove(&id).ok_or(format!("{id:?} completed, but is not under way"))?;
        let good = completion.status() == Status::Ok;
        // The other site may have become the LUN's default owner.
        let refused = match flight.kind {
            Kind::Move => Status::NotOwner,
            _ => Status::Miscompare,
        };
        let differs = flight.kind == Kind::Swap && completion.status() == refused;
        let refused = completion.status() == refused && matches!(flight.kind, Kind::Move | Kind::Swap);
        if !good && !refused && !matches!(completion.status(), Status::Locked | Status::PeerTimeout | Status::LinkDown)
        {
            let what = flight.kind;
            return Err(format!("a command ({what:?}) at {} ended with {:?}", self.site, completion.status()));
        }
        for (i, (call, block, value)) in flight.calls.iter().enumerate() {
            let returned = match (good, flight.kind) {
                (true, Kind::Write | Kind::Swap) => {
                    stored.need("completed the write of value", self.site, *block, *value)?;
                    Return::Done
                }
                (true, Kind::Zero) => Return::Done,
                (true, Kind::Read | Kind::Move) => {
                    let mut bytes = vec![0; BLOCK_BYTES];
                    self.buffers[flight.buffer].read_at(i * BLOCK_BYTES, &mut bytes);
                    let value = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
                    self.seen.insert(*block, value);
                    let seen = seen(&bytes);
                    if seen != Seen::Torn {
                        stored.need("read value", self.site, *block, value)?;
                    }
                    Return::Read(seen)
                }
                (false, Kind::Swap) if differs => Return::Miscompare,
                (false, Kind::Write | Kind::Swap | Kind::Zero) => Return::Unknown,
                (false, Kind::Read | Kind::Move) => Return::Void,
            };
            judge.ret(*call, now, returned);
        }
        self.free.push(flight.buffer);
        Ok(())
    }
}

fn seen(block: &[u8]) -> Seen {
    Seen::of(block.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))))
}

/// Races and judges. `progress` is called with the number of commands that have completed.
///
/// # Errors
/// What is wrong, in words.
pub fn soak(plan: &Plan, mut progress: impl FnMut(u64)) -> Result<Report, String> {
    let setup = Setup {
        km: plan.km,
        seed: plan.seed,
        lun_blocks: plan.blocks.max(16),
        extent_shift: plan.extent_shift,
        resend: plan.resend,
        resend_limit: 15,
        size: plan.size,
        store_jitter: plan.store_jitter,
        mutant: plan.mutant,
        ..Setup::new(plan.data_w, plan.mtu)
    };
    let mut pair = Pair::with_waves(&setup, plan.waves.as_deref());
    let mut rng = Rng::new(plan.seed ^ 0x736f_616b);
    let mut judge = Judge::default();
    let mut clients = [Clients::new(&pair, Site::A), Clients::new(&pair, Site::B)];
    let mut stored = Stored { blocks: plan.blocks, seen: HashMap::new() };
    for site in [&pair.a, &pair.b] {
        site.device().set_hand_over_after(plan.hand_over_after);
    }
    set_faults(&pair, plan.faults);
    pair.bench.world_mut().site_mut(Site::A).store_bus.config_mut().write_latency += plan.store_lag;
    let begun = pair.bench.world().cycle();
    let (mut submitted, mut completed, mut quiet_since) = (0, 0, begun);
    while submitted < plan.ops || clients.iter().any(|c| !c.flights.is_empty()) {
        let now = pair.bench.world().cycle();
        stored.look(&pair);
        for (clients, queue) in clients.iter_mut().zip([&mut pair.qa, &mut pair.qb]) {
            while let Some(completion) = queue.poll().map_err(|e| e.to_string())? {
                let told = clients.complete(&completion, &mut judge, &stored, now);
                told.map_err(|what| format!("{what}\n{}", counters_of(&pair.a, &pair.b)))?;
                completed += 1;
                quiet_since = now;
                progress(completed);
            }
            // Now and then a client thinks.
            let mut rang = false;
            while submitted < plan.ops && !rng.one_in(4) {
                if !clients.submit(queue, &mut judge, &mut rng, plan, now) {
                    break;
                }
                submitted += 1;
                rang = true;
            }
            if rang {
                queue.ring();
            }
        }
        if now - quiet_since > plan.patience {
            return Err(format!("nothing has completed for {} cycles\n{}", plan.patience, pair.counters()));
        }
        pair.bench.world_mut().run(STEP);
    }
    set_faults(&pair, Faults::NONE);
    let cycles = pair.bench.world().cycle() - begun;
    // Everything that was told of may still have to be resolved.
    let settled = settle(&pair);
    pair.check_rules();
    if !settled {
        return Err(format!("blocks are unresolved long after the faults have ended\n{}", pair.counters()));
    }
    let stores = |site: usize, block: u64| seen(&pair.stored([Site::A, Site::B][site], block));
    let summary = judge.verdict(&stores).map_err(|fault| format!("{fault}\n{}", pair.counters()))?;
    Ok(Report { summary, cycles, counters: pair.counters() })
}

fn set_faults(pair: &Pair, faults: Faults) {
    let mut world = pair.bench.world_mut();
    for site in [Site::A, Site::B] {
        let wire = world.wire_mut(site).config_mut();
        (wire.loss, wire.duplicate, wire.reorder) = (faults.loss, faults.duplicate, faults.reorder);
        (wire.corrupt, wire.truncate) = (faults.corrupt, faults.truncate);
        wire.fcs = if faults.miss { Fcs::Miss } else { Fcs::Flag };
        wire.reorder_cycles = faults.late;
    }
}

/// Waits until no slot is in use, and every block from the peer has been committed, at both sites.
fn settle(pair: &Pair) -> bool {
    for _ in 0..200 {
        pair.bench.world_mut().run(20_000);
        let settled = [&pair.a, &pair.b].map(|site| {
            let device = site.device();
            let open = device.counter(Counter::blocks_mirrored) != device.counter(Counter::blocks_committed);
            device.registers().get(&dyad_spec::regs::SLOTS_IN_USE) == 0 && !open
        });
        if settled == [true, true] {
            return true;
        }
    }
    false
}
