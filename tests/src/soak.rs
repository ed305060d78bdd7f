//! Racing clients on two Verilated cards whose link loses, doubles, delays and corrupts frames, judged from outside.
//!
//! Clients at both sites write unique values to the same few blocks, and read them. The judge of
//! `dyad-model`, which knows nothing of cards, decides whether all that they saw can be put in one order, whether a block was
//! torn, whether each command completed exactly once, and whether the stores end equal.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use dyad_driver::backing::Backing;
use dyad_driver::{CommandId, Completion, DmaBuffer, Mtu, Queue, Status};
use dyad_model::judge::{Call, Judge, Return, Seen, Summary};
use dyad_sim::link::Fcs;
use dyad_sim::{SimBacking, Site};
use dyad_spec::BLOCK_BYTES;
use dyad_spec::counters::Counter;

use crate::Rng;
use crate::system::{LUN, Pair, Setup};

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
    /// Cards with 64 slots, each of which is soon used again.
    pub small: bool,
    /// Longest extra time of an answer of a store, in cycles.
    pub store_jitter: u64,
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
            small: false,
            store_jitter: *rng.pick(&[0, 0, 2000]),
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
    /// Its calls, one a block, and the block's place in its buffer.
    calls: Vec<usize>,
    write: bool,
    buffer: usize,
}

struct Clients {
    site: Site,
    buffers: Vec<DmaBuffer>,
    free: Vec<usize>,
    flights: HashMap<CommandId, Flight>,
}

impl Clients {
    fn new(pair: &Pair, site: Site) -> Self {
        let backing = pair.bench.backing(site);
        let bytes = MOST_BLOCKS as usize * BLOCK_BYTES;
        let buffers = (0..CLIENTS).map(|_| backing.dma_alloc(bytes).expect("a buffer")).collect();
        Self { site, buffers, free: (0..CLIENTS).collect(), flights: HashMap::new() }
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
        let count = if rng.one_in(3) { 1 + rng.below(MOST_BLOCKS) } else { 1 };
        let lba = rng.below(plan.blocks - count + 1);
        let write = rng.one_in(2);
        let memory = self.buffers[buffer].slice(0..count as usize * BLOCK_BYTES);
        let mut calls = Vec::new();
        for block in lba..lba + count {
            let value = judge.calls() as u64 + 1;
            if write {
                let at = (block - lba) as usize * BLOCK_BYTES;
                self.buffers[buffer].write_at(at, &value.to_le_bytes().repeat(BLOCK_BYTES / 8));
            }
            calls.push(judge.call(now, if write { Call::Write { block, value } } else { Call::Read { block } }));
        }
        let id = if write {
            queue.submit_write(LUN, lba, count as u16, &memory)
        } else {
            queue.submit_read(LUN, lba, count as u16, &memory)
        };
        self.flights.insert(id.expect("there is room"), Flight { calls, write, buffer });
        true
    }

    /// Tells the judge of a command that has completed.
    fn complete(&mut self, completion: &Completion, judge: &mut Judge, now: u64) -> Result<(), String> {
        let id = completion.id();
        let flight = self.flights.remove(&id).ok_or(format!("{id:?} completed, but is not under way"))?;
        let good = completion.status() == Status::Ok;
        if !good && !matches!(completion.status(), Status::Locked | Status::PeerTimeout | Status::LinkDown) {
            return Err(format!("a command at {} ended with {:?}", self.site, completion.status()));
        }
        for (i, call) in flight.calls.iter().enumerate() {
            let returned = match (good, flight.write) {
                (true, true) => Return::Done,
                (true, false) => {
                    let mut block = vec![0; BLOCK_BYTES];
                    self.buffers[flight.buffer].read_at(i * BLOCK_BYTES, &mut block);
                    Return::Read(seen(&block))
                }
                (false, true) => Return::Unknown,
                (false, false) => Return::Void,
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
        resend: Duration::from_micros(200),
        resend_limit: 15,
        small: plan.small,
        store_jitter: plan.store_jitter,
        ..Setup::new(plan.data_w, plan.mtu)
    };
    let mut pair = Pair::with_waves(&setup, plan.waves.as_deref());
    let mut rng = Rng::new(plan.seed ^ 0x736f_616b);
    let mut judge = Judge::default();
    let mut clients = [Clients::new(&pair, Site::A), Clients::new(&pair, Site::B)];
    set_faults(&pair, plan.faults);
    let begun = pair.bench.world().cycle();
    let (mut submitted, mut completed, mut quiet_since) = (0, 0, begun);
    while submitted < plan.ops || clients.iter().any(|c| !c.flights.is_empty()) {
        let now = pair.bench.world().cycle();
        for (clients, queue) in clients.iter_mut().zip([&mut pair.qa, &mut pair.qb]) {
            while let Some(completion) = queue.poll().map_err(|e| e.to_string())? {
                clients.complete(&completion, &mut judge, now)?;
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
        if now - quiet_since > PATIENCE {
            return Err(format!("nothing has completed for {PATIENCE} cycles\n{}", pair.counters()));
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

/// Waits until no slot is in use at A, and every block at B has been committed.
fn settle(pair: &Pair) -> bool {
    for _ in 0..200 {
        pair.bench.world_mut().run(20_000);
        let b = pair.b.device();
        let open = b.counter(Counter::blocks_mirrored) != b.counter(Counter::blocks_committed);
        if pair.a.device().registers().get(&dyad_spec::regs::SLOTS_IN_USE) == 0 && !open {
            return true;
        }
    }
    false
}
