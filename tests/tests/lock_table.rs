//! `offload::lock_table` against a plain-Rust model: every grant, in order.

mod common;

use common::each_pipeline;
use dyad_hdl::bundle::{LockGrant, LockRel, LockReq};
use dyad_hdl::interp::Interp;
use dyad_hdl::ir::{Bits, Module};
use dyad_hdl::offload::lock_table::lock_table;
use dyad_hdl::params::Params;
use dyad_tests::{Dut, Rng, Scoreboard, Sink, Source, Stall, Trial, field, pack, trial};
use std::collections::{HashMap, VecDeque};

/// First id of a mirror buffer.
const MIRROR: u64 = 4096;
/// First id of a slot of the peer.
const PEER: u64 = 8192;

/// LUN and address.
type Block = (u64, u64);

/// What the model knows of a block.
#[derive(Default)]
struct Lock {
    holders: u64,
    exclusive: bool,
    queue: VecDeque<(u64, bool)>,
}

/// The reference: a map of blocks.
#[derive(Default)]
struct Model {
    locks: HashMap<Block, Lock>,
    waits: u64,
}

impl Model {
    /// Returns whether it is granted at once. If it is not, and must be, nothing changes.
    fn acquire(&mut self, id: u64, block: Block, exclusive: bool, at_once: bool) -> bool {
        let lock = self.locks.entry(block).or_default();
        let free = lock.holders == 0 || (!exclusive && !lock.exclusive && lock.queue.is_empty());
        if free {
            lock.holders += 1;
            lock.exclusive = exclusive;
        } else if !at_once {
            lock.queue.push_back((id, exclusive));
            self.waits += 1;
        }
        free
    }

    /// Returns who is let in, in order.
    fn release(&mut self, block: Block, exclusive: bool) -> Vec<u64> {
        let lock = self.locks.get_mut(&block).expect("only held blocks are released");
        assert_eq!(lock.exclusive, exclusive, "the test releases as it was granted");
        lock.holders -= 1;
        let mut granted = Vec::new();
        while let Some((id, exclusive)) = lock.queue.front().copied() {
            if lock.holders > 0 && (exclusive || lock.exclusive) {
                break;
            }
            lock.queue.pop_front();
            lock.holders += 1;
            lock.exclusive = exclusive;
            granted.push(id);
        }
        if lock.holders == 0 {
            self.locks.remove(&block);
        }
        granted
    }
}

/// A holder as the test sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    Idle,
    Asked(Block, bool),
    Holds(Block, bool),
}

/// Where a run's blocks come from.
#[derive(Clone, Copy, Debug)]
enum Blocks {
    /// A handful.
    Hot,
    /// Two dozen, all in one bucket of the hash table.
    OneBucket,
    /// Any of 2⁴³.
    Any,
    /// All of these.
    Mixed,
}

impl Blocks {
    fn next(self, rng: &mut Rng, bucket_w: u32) -> Block {
        match self {
            Blocks::Hot => (rng.below(2), rng.below(3)),
            Blocks::OneBucket => {
                // Two neighbouring parts of the address that cancel, so that the fold gives 5.
                let part = rng.below(24);
                (0, part << bucket_w | (part ^ 5))
            }
            Blocks::Any => (rng.below(8), rng.below(1 << 40)),
            Blocks::Mixed => {
                let kind = *rng.pick(&[Blocks::Hot, Blocks::OneBucket, Blocks::Any]);
                kind.next(rng, bucket_w)
            }
        }
    }
}

/// The table with its model and its holders.
struct Bench {
    dut: Dut,
    acquire: Source,
    release: Source,
    grant: Sink,
    model: Model,
    grants: Scoreboard<(u64, Block)>,
    nacks: Scoreboard<u64>,
    holders: Vec<(u64, Holder)>,
    bucket_w: u32,
    waits: u64,
}

impl Bench {
    fn new(dut: Dut, p: &Params, stalls: [Stall; 3]) -> Self {
        let acquire = Source::new(&dut, "s_acquire", stalls[0]);
        let release = Source::new(&dut, "s_release", stalls[1]);
        let grant = Sink::new(&dut, "m_grant", stalls[2]);
        let ids = (0..p.slots as u64).chain((0..p.mirror_bufs as u64).map(|n| MIRROR + n));
        let ids = ids.chain((0..p.slots as u64).map(|n| PEER + n));
        let holders = ids.map(|id| (id, Holder::Idle)).collect();
        let bucket_w = (2 * p.slots).ilog2();
        let (model, grants, nacks) = (Model::default(), Scoreboard::new("grant"), Scoreboard::new("nack"));
        let mut bench = Self { dut, acquire, release, grant, model, grants, nacks, holders, bucket_w, waits: 0 };
        for _ in 0..2 * p.slots + 4 {
            bench.dut.tick();
        }
        bench.dut.settle();
        assert_eq!(bench.dut.peek("init_done"), 1, "the buckets are cleared in 2 * slots cycles");
        bench
    }

    fn ask(&mut self, index: usize, block: Block, exclusive: bool) {
        self.ask_at_once(index, block, exclusive, false);
    }

    fn ask_at_once(&mut self, index: usize, block: Block, exclusive: bool, at_once: bool) {
        let (id, holder) = &mut self.holders[index];
        assert_eq!(*holder, Holder::Idle);
        *holder = Holder::Asked(block, exclusive);
        let block = [("lun", block.0), ("lba", block.1)];
        let how = [("id", *id), ("exclusive", exclusive.into()), ("at_once", at_once.into())];
        self.acquire.push(pack(LockReq::FIELDS, &[block.as_slice(), &how].concat()));
    }

    fn give_back(&mut self, index: usize) {
        let Holder::Holds(block, exclusive) = self.holders[index].1 else { panic!("{index} holds nothing") };
        let fields = [("lun", block.0), ("lba", block.1), ("exclusive", u64::from(exclusive))];
        self.release.push(pack(LockRel::FIELDS, &fields));
        // A holder may ask again as soon as its release is offered.
        self.holders[index].1 = Holder::Idle;
    }

    fn of(&mut self, id: u64) -> &mut Holder {
        &mut self.holders.iter_mut().find(|h| h.0 == id).expect("a holder of that number").1
    }

    /// One cycle; what the table takes goes to the model, what it grants is compared and checked.
    fn cycle(&mut self, rng: &mut Rng) {
        let dut = &mut self.dut;
        self.acquire.drive(dut, rng);
        self.release.drive(dut, rng);
        self.grant.drive(dut, rng);
        dut.settle();
        let cycle = dut.cycle();
        assert_eq!(dut.peek("ev_lock_set_full"), 0, "cycle {cycle}: there is room for everybody");
        self.waits += dut.peek("ev_lock_wait");
        let nack = (dut.peek("m_nack_valid") == 1).then(|| dut.peek("m_nack_data"));
        if dut.peek("busy") == 0 {
            assert_eq!(dut.peek("empty"), u64::from(self.model.locks.is_empty()), "cycle {cycle}: empty");
            let missing = self.grants.missing() + self.nacks.missing();
            assert_eq!(missing, 0, "cycle {cycle}: at rest, and somebody was not answered");
            assert_eq!(self.waits, self.model.waits, "cycle {cycle}: ev_lock_wait");
        }
        if let Some(bits) = self.release.sample(dut) {
            let get = |name| field(LockRel::FIELDS, &bits, name);
            let block = (get("lun"), get("lba"));
            for id in self.model.release(block, get("exclusive") == 1) {
                self.grants.expect((id, block));
            }
        }
        if let Some(bits) = self.acquire.sample(dut) {
            let get = |name| field(LockReq::FIELDS, &bits, name);
            let block = (get("lun"), get("lba"));
            let at_once = get("at_once") == 1;
            if self.model.acquire(get("id"), block, get("exclusive") == 1, at_once) {
                self.grants.expect((get("id"), block));
            } else if at_once {
                self.nacks.expect(get("id"));
            }
        }
        let granted = self.grant.sample(dut);
        dut.edge();
        if let Some(bits) = granted {
            self.granted(&bits);
        }
        if let Some(id) = nack {
            self.nacks.got(&id);
            assert!(matches!(self.of(id), Holder::Asked(..)), "{id} did not ask");
            *self.of(id) = Holder::Idle;
        }
    }

    fn granted(&mut self, bits: &Bits) {
        let get = |name| field(LockGrant::FIELDS, bits, name);
        let (id, block) = (get("id"), (get("lun"), get("lba")));
        self.grants.got(&(id, block));
        let Holder::Asked(wanted, exclusive) = *self.of(id) else { panic!("{id} did not ask") };
        assert_eq!(wanted, block, "the block that {id} asked for");
        assert_eq!(get("exclusive") == 1, exclusive, "how {id} asked for it");
        // By what the test itself sees, not by the model: nobody else has it, or all only read.
        let others = self.holders.iter().filter(|h| matches!(h.1, Holder::Holds(b, _) if b == block));
        for (other, holder) in others {
            let shared = *holder == Holder::Holds(block, false) && !exclusive;
            assert!(shared, "{id} (exclusive {exclusive}) was let in beside {other}: {holder:?}");
        }
        *self.of(id) = Holder::Holds(block, exclusive);
    }

    fn with(&self, what: fn(&Holder) -> bool) -> Vec<usize> {
        (0..self.holders.len()).filter(|&i| what(&self.holders[i].1)).collect()
    }

    /// Random traffic: `ask` and `back` of 16 are the odds in each cycle that somebody asks, and gives back.
    fn traffic(&mut self, rng: &mut Rng, cycles: u64, blocks: Blocks, ask: u64, back: u64) {
        for _ in 0..cycles {
            if rng.below(16) < ask && self.acquire.waiting() < 4 {
                let index = rng.below(self.holders.len() as u64) as usize;
                if self.holders[index].1 == Holder::Idle {
                    let block = blocks.next(rng, self.bucket_w);
                    let exclusive = self.holders[index].0 >= MIRROR || rng.one_in(2);
                    let at_once = self.holders[index].0 >= MIRROR && rng.one_in(2);
                    self.ask_at_once(index, block, exclusive, at_once);
                }
            }
            if rng.below(16) < back && self.release.waiting() < 4 {
                let start = rng.below(self.holders.len() as u64) as usize;
                let count = self.holders.len();
                let holds = |i: &usize| matches!(self.holders[*i].1, Holder::Holds(..));
                if let Some(index) = (start..count).chain(0..start).find(holds) {
                    self.give_back(index);
                }
            }
            self.cycle(rng);
        }
    }

    /// Gives everything back until nobody waits.
    fn drain(&mut self, rng: &mut Rng) {
        let mut rounds = 0;
        loop {
            for index in self.with(|h| matches!(h, Holder::Holds(..))) {
                self.give_back(index);
            }
            (0..64).for_each(|_| self.cycle(rng));
            let done = self.with(|h| *h != Holder::Idle).is_empty();
            if done && self.acquire.waiting() + self.release.waiting() == 0 && self.dut.peek("busy") == 0 {
                break;
            }
            rounds += 1;
            assert!(rounds < 20_000, "never at rest; still there: {:?}", self.with(|h| *h != Holder::Idle));
        }
        self.dut.settle();
        assert_eq!(self.dut.peek("empty"), 1, "everything was given back");
        assert!(self.model.locks.is_empty());
        self.grants.finish();
        assert_eq!(self.nacks.missing(), 0);
    }
}

fn small() -> Params {
    Params { slots: 64, period: 128, mirror_bufs: 4, ..Params::new(64) }
}

fn each_build(body: impl Fn(&mut Trial, &Params)) {
    each_pipeline(&small(), body);
}

fn random_traffic(t: &mut Trial, p: &Params, blocks: Blocks, cycles: u64) {
    let module = lock_table(p);
    let cycles = if p.deep { 2 * cycles } else { cycles };
    let patterns = [[Stall::None; 3], [Stall::Quarter; 3], [Stall::Random, Stall::None, Stall::Random]];
    for stalls in patterns {
        let dut = t.dut(&module);
        let mut bench = Bench::new(dut, p, stalls);
        for (ask, back) in [(8, 3), (16, 1), (2, 8), (16, 16), (4, 4)] {
            bench.traffic(&mut t.rng, cycles, blocks, ask, back);
        }
        bench.drain(&mut t.rng);
        let seen = bench.grants.seen();
        assert!(seen > cycles / 16, "{blocks:?}: only {seen} grants");
        if !matches!(blocks, Blocks::Any) {
            assert!(bench.waits > 100, "{blocks:?}: only {} waits", bench.waits);
            assert!(bench.nacks.seen() > 40, "{blocks:?}: only {} were turned away", bench.nacks.seen());
        }
    }
}

#[test]
fn lock_table_hot_blocks() {
    each_build(|t, p| random_traffic(t, p, Blocks::Hot, 4000));
}

#[test]
fn lock_table_blocks_of_one_bucket() {
    each_build(|t, p| random_traffic(t, p, Blocks::OneBucket, 10_000));
}

#[test]
fn lock_table_mixed_blocks() {
    each_build(|t, p| {
        random_traffic(t, p, Blocks::Mixed, 8000);
        random_traffic(t, p, Blocks::Any, 4000);
    });
}

#[test]
fn lock_table_of_the_default_build() {
    trial(|t| random_traffic(t, &Params::new(64), Blocks::Mixed, 8000));
}

/// Every slot of both sites and every mirror buffer holds a block of its own, all in one bucket: nobody is sent away, nobody waits.
#[test]
fn lock_table_has_room_for_every_holder() {
    each_build(|t, p| {
        let mut bench = Bench::new(t.dut(&lock_table(p)), p, [Stall::None; 3]);
        for round in 0..3 {
            for index in 0..bench.holders.len() {
                let part = index as u64;
                bench.ask(index, (0, part << bench.bucket_w | (part ^ 5)), index % 2 == round % 2);
            }
            (0..30_000).for_each(|_| bench.cycle(&mut t.rng));
            assert_eq!(bench.with(|h| matches!(h, Holder::Holds(..))).len(), bench.holders.len());
            assert_eq!(bench.waits, 0, "nobody waited");
            bench.drain(&mut t.rng);
        }
    });
}

/// Readers share; a writer that waits stops later readers; the next readers come in together.
#[test]
fn lock_table_first_come_first_served() {
    each_build(|t, p| {
        let mut bench = Bench::new(t.dut(&lock_table(p)), p, [Stall::None; 3]);
        let run = |bench: &mut Bench, rng: &mut Rng| (0..40).for_each(|_| bench.cycle(rng));
        let who = |bench: &Bench| bench.with(|h| matches!(h, Holder::Holds(..)));
        for (index, exclusive) in [(0, false), (1, false), (2, true), (3, false), (4, false), (5, true), (6, true)] {
            bench.ask(index, (7, 0xffff_ffff), exclusive);
        }
        run(&mut bench, &mut t.rng);
        for (gives, then) in [(0, vec![1]), (1, vec![2]), (2, vec![3, 4]), (4, vec![3]), (3, vec![5]), (5, vec![6])] {
            bench.give_back(gives);
            run(&mut bench, &mut t.rng);
            assert_eq!(who(&bench), then, "after {gives} gave back");
        }
        bench.drain(&mut t.rng);
    });
}

/// Cycles from the acceptance of a request to the grant at the output.
fn latency(dut: &mut Dut, id: u64, block: Block) -> u64 {
    let request = [("id", id), ("lun", block.0), ("lba", block.1), ("exclusive", 1)];
    dut.poke("s_acquire_valid", 1);
    dut.poke_bits("s_acquire_data", &pack(LockReq::FIELDS, &request));
    dut.settle();
    assert_eq!(dut.peek("s_acquire_ready"), 1, "at rest, a request is taken at once");
    dut.edge();
    dut.poke("s_acquire_valid", 0);
    for cycles in 1..20 {
        dut.settle();
        let granted = dut.peek("m_grant_valid") == 1;
        dut.edge();
        if granted {
            dut.ticks(4);
            return cycles;
        }
    }
    panic!("no grant");
}

#[test]
fn lock_table_latency_when_free() {
    each_build(|t, p| {
        let mut bench = Bench::new(t.dut(&lock_table(p)), p, [Stall::None; 3]);
        bench.dut.poke("m_grant_ready", 1);
        let block = |part: u64| (0, part << bench.bucket_w | (part ^ 5));
        let (free, wants) = if p.deep { (5, [5, 5, 8]) } else { (2, [2, 3, 4]) };
        for (entries, want) in (0..).zip(wants) {
            assert_eq!(latency(&mut bench.dut, entries, block(entries)), want, "a bucket with {entries} entries");
        }
        assert_eq!(latency(&mut bench.dut, 9, (3, 1)), free, "another bucket");
    });
}

/// Reset in the middle of traffic frees everything.
#[test]
fn lock_table_is_empty_after_reset() {
    each_build(|t, p| {
        let module = lock_table(p);
        let mut dut = t.dut(&module);
        for _ in 0..3 {
            let mut bench = Bench::new(dut, p, [Stall::None; 3]);
            bench.dut.settle();
            assert_eq!(bench.dut.peek("empty"), 1);
            bench.traffic(&mut t.rng, 1000, Blocks::Mixed, 16, 2);
            dut = bench.dut;
            dut.reset();
        }
    });
}

/// The properties hold in the interpreter while requests of every kind come, those included that nobody should make:
/// ids that wait twice, releases of what is not held.
#[test]
fn lock_table_properties_hold() {
    let module: Module = lock_table(&small());
    let mut interp = Interp::new(&module).unwrap();
    let mut rng = Rng::new(5);
    interp.poke_u64("rst", 1);
    interp.step().unwrap();
    interp.poke_u64("rst", 0);
    let mut grants = 0;
    let kinds = [Blocks::Hot, Blocks::OneBucket];
    for _ in 0..20_000 {
        let block = kinds[rng.below(2) as usize].next(&mut rng, 7);
        let exclusive = rng.below(2);
        let id = rng.below(64);
        let request = [("id", id), ("lun", block.0), ("lba", block.1), ("exclusive", exclusive)];
        interp.poke("s_acquire_data", &pack(LockReq::FIELDS, &request));
        let block = kinds[rng.below(2) as usize].next(&mut rng, 7);
        let release = [("lun", block.0), ("lba", block.1), ("exclusive", rng.below(2))];
        interp.poke("s_release_data", &pack(LockRel::FIELDS, &release));
        interp.poke_u64("s_acquire_valid", rng.below(2));
        interp.poke_u64("s_release_valid", rng.below(2));
        interp.poke_u64("m_grant_ready", rng.below(2));
        grants += interp.peek_u64("m_grant_valid");
        interp.step().unwrap_or_else(|e| panic!("{e}"));
    }
    assert!(grants > 1000, "only {grants} cycles with a grant");
}
