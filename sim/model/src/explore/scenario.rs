//! What is searched: sizes, owners, the hosts' commands, and how often the world may interfere.

use crate::protocol::{Block, Config, Epoch, Lookup, Map, Mutation, Op, SiteId};

/// One bounded world.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Sizes.
    pub cfg: Config,
    /// Owner of each extent; the first is the LUN's default.
    pub owners: Vec<SiteId>,
    /// Commands of the two hosts: begun in this order, at any time, without waiting for each other.
    pub ops: [Vec<Op>; 2],
    /// Times that the link may fail.
    pub cuts: u8,
    /// Commands that may end before their time.
    pub expires: u8,
    /// Numbers are renewed at a link-up when both sites are settled.
    pub renew: bool,
    /// Times that the LUN may stop or start being live at site 1.
    pub lives: u8,
}

fn write(lba: u32, value: u32) -> Op {
    Op::Write { lba, data: Block::of(value), fault: None }
}

/// Host memory fails after two parts.
fn faulty(lba: u32, value: u32) -> Op {
    Op::Write { lba, data: Block::of(value), fault: Some(2) }
}

fn read(lba: u32) -> Op {
    Op::Read { lba }
}

fn cas(lba: u32, expect: u32, value: u32) -> Op {
    Op::CompareWrite { lba, expect: Block::of(expect), data: Block::of(value) }
}

fn zero(lba: u32, count: u16) -> Op {
    Op::Zero { lba, count }
}

const ACQUIRE: Op = Op::Acquire { lba: 0, lun: false };
const RELEASE: Op = Op::Release { lba: 0, lun: false };
const ACQUIRE_LUN: Op = Op::Acquire { lba: 0, lun: true };
const RELEASE_LUN: Op = Op::Release { lba: 0, lun: true };

impl Scenario {
    fn new(name: &'static str, doc: &'static str, slots: u16, a: &[Op], b: &[Op]) -> Self {
        Scenario {
            name,
            doc,
            cfg: Config::small(slots, 1, 0),
            owners: vec![0],
            ops: [a.to_vec(), b.to_vec()],
            cuts: 0,
            expires: 0,
            renew: false,
            lives: 0,
        }
    }

    fn blocks(mut self, blocks: u32, shift: u8, owners: &[SiteId]) -> Self {
        (self.cfg.blocks, self.cfg.extent_shift, self.owners) = (blocks, shift, owners.to_vec());
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Scenario)) -> Self {
        change(&mut self);
        self
    }

    /// The same, with a defect.
    pub fn broken(&self, mutation: Mutation) -> Scenario {
        let mut s = self.clone();
        s.cfg.mutation = Some(mutation);
        s
    }

    /// Both sites' directory at the start.
    pub fn map(&self) -> Map {
        let default = self.owners[0];
        let lookup = |o: &SiteId| Lookup { owner: *o, epoch: Epoch { lun: 1, ext: u16::from(*o != default) } };
        Map { lun: (1, default), extents: self.owners.iter().map(lookup).collect() }
    }

    /// The set that a test run affords.
    pub fn quick() -> Vec<Scenario> {
        vec![
            Scenario::new(
                "owner",
                "owner's writes, readers at both sites, one slot",
                1,
                &[write(0, 1), write(0, 2)],
                &[read(0), read(0)],
            ),
            Scenario::new("owner2", "the same, two slots", 2, &[write(0, 1), write(0, 2)], &[read(0), read(0)]),
            Scenario::new(
                "request",
                "the other site's writes, readers at both sites",
                1,
                &[read(0), read(0)],
                &[write(0, 1), write(0, 2)],
            ),
            Scenario::new("race", "both sites write one block", 2, &[write(0, 1), read(0)], &[write(0, 2), read(0)]),
            Scenario::new(
                "race3",
                "both sites write one block, one of them twice",
                2,
                &[write(0, 1)],
                &[write(0, 2), write(0, 3)],
            ),
            Scenario::new(
                "acquire",
                "a write on each side while the extent changes its owner",
                2,
                &[write(0, 1)],
                &[write(0, 2), ACQUIRE],
            ),
            Scenario::new(
                "bounce",
                "both sites take the extent, and write",
                1,
                &[write(0, 1), ACQUIRE],
                &[ACQUIRE, write(0, 2)],
            ),
            Scenario::new("release", "the extent is handed over unasked", 1, &[RELEASE, write(0, 1)], &[write(0, 2)]),
            Scenario::new(
                "lun",
                "the whole LUN changes hands with writes under way",
                2,
                &[write(0, 1)],
                &[ACQUIRE_LUN, write(1, 2)],
            )
            .blocks(2, 0, &[0, 1]),
            Scenario::new(
                "lun-both",
                "both sites take the whole LUN at once",
                1,
                &[ACQUIRE_LUN],
                &[ACQUIRE_LUN, write(0, 1)],
            )
            .blocks(2, 0, &[0, 1]),
            Scenario::new(
                "bucket",
                "two blocks of one bucket, in extents of different owners",
                2,
                &[write(1, 1)],
                &[write(0, 2), read(1)],
            )
            .blocks(2, 0, &[0, 1]),
            Scenario::new(
                "room",
                "every slot of both sites wants the other's lock table",
                1,
                &[write(0, 1)],
                &[write(1, 2)],
            )
            .blocks(2, 0, &[0, 1]),
            Scenario::new("compare", "compare-and-write from both sites", 1, &[cas(0, 0, 1)], &[cas(0, 0, 2), read(0)]),
            Scenario::new(
                "compare-take",
                "compare-and-write from both sites, each of which takes the extent over",
                1,
                &[cas(0, 0, 1)],
                &[cas(0, 0, 2), write(0, 3)],
            )
            .with(|s| (s.cfg.take_over, s.cfg.epoch_max) = (true, 3)),
            Scenario::new(
                "compare3",
                "three compare-and-writes, one after a change of owner",
                2,
                &[cas(0, 0, 1)],
                &[cas(0, 1, 2), ACQUIRE, cas(0, 0, 3)],
            ),
            Scenario::new(
                "zero",
                "write-zeroes at the owner against a write and reads",
                2,
                &[zero(0, 2)],
                &[write(0, 1), read(0)],
            )
            .blocks(2, 1, &[0]),
            Scenario::new(
                "zero-request",
                "write-zeroes from the other site",
                2,
                &[write(0, 1)],
                &[zero(0, 2), read(0)],
            )
            .blocks(2, 1, &[0]),
            Scenario::new("parts", "blocks in parts, one gather buffer", 1, &[write(0, 1)], &[write(1, 2)])
                .blocks(2, 0, &[0, 0])
                .with(|s| (s.cfg.parts, s.cfg.bufs) = (3, 1)),
            Scenario::new(
                "buffers",
                "one gather buffer for two blocks at once",
                2,
                &[write(0, 1), write(1, 2)],
                &[write(1, 3)],
            )
            .blocks(2, 1, &[0])
            .with(|s| s.cfg.bufs = 1),
            Scenario::new(
                "epochs",
                "epochs of the extent run out",
                1,
                &[write(0, 1), ACQUIRE],
                &[ACQUIRE, write(0, 2)],
            )
            .with(|s| s.cfg.epoch_max = 1),
            Scenario::new(
                "fault",
                "a payload faults half-way, at either site",
                1,
                &[faulty(0, 1), write(0, 2)],
                &[faulty(0, 3), read(0)],
            )
            .with(|s| (s.cfg.parts, s.cfg.bufs) = (3, 1)),
            Scenario::new(
                "zero-read",
                "write-zeroes under readers",
                2,
                &[write(0, 1), zero(0, 1), read(0)],
                &[read(0)],
            ),
            Scenario::new("parts-read", "a block in parts under a reader", 1, &[write(0, 1)], &[read(0)])
                .with(|s| (s.cfg.parts, s.cfg.bufs) = (3, 1)),
            Scenario::new(
                "not-live-request",
                "a request with a turn is refused",
                1,
                &[write(0, 1), read(0)],
                &[write(0, 2), read(0)],
            )
            .blocks(1, 0, &[1])
            .with(|s| s.lives = 2),
            Scenario::new(
                "cut",
                "the link fails with a write of each site under way",
                1,
                &[write(0, 1)],
                &[write(0, 2)],
            )
            .with(|s| s.cuts = 1),
            Scenario::new("cut-change", "the link fails during a change of owner", 1, &[write(0, 1)], &[ACQUIRE])
                .with(|s| s.cuts = 1),
            Scenario::new("expire", "a command ends before its time", 1, &[write(0, 1), read(0)], &[write(0, 2)])
                .with(|s| s.expires = 1),
            Scenario::new(
                "wrap",
                "sequence numbers run out and are renewed",
                1,
                &[write(0, 1), write(0, 2)],
                &[read(0)],
            )
            .with(|s| (s.cfg.seq_max, s.renew) = (1, true)),
            Scenario::new("not-live", "a refusal arrives after the local home write", 1, &[write(0, 1)], &[read(0)])
                .with(|s| s.lives = 2),
            Scenario::new("flush", "a flush beside a write", 2, &[Op::Flush, write(0, 1)], &[Op::Flush]),
            Scenario::new("trailer", "COMMITs ride in trailers", 2, &[write(0, 1), write(0, 2)], &[read(0)])
                .with(|s| s.cfg.trailer = true),
        ]
    }

    /// The set for a long run.
    pub fn thorough() -> Vec<Scenario> {
        vec![
            Scenario::new(
                "race4",
                "both sites write one block twice",
                2,
                &[write(0, 1), write(0, 2)],
                &[write(0, 3), write(0, 4)],
            ),
            Scenario::new(
                "race-read",
                "both sites write and read one block",
                2,
                &[write(0, 1), read(0)],
                &[write(0, 2), read(0), write(0, 3)],
            ),
            Scenario::new(
                "two-blocks",
                "two blocks of one extent and one bucket",
                2,
                &[write(0, 1), write(1, 2)],
                &[write(0, 3), write(1, 4)],
            )
            .blocks(2, 1, &[0]),
            Scenario::new(
                "two-owners",
                "two extents of different owners, in one bucket",
                2,
                &[write(0, 1), write(1, 2)],
                &[write(0, 3), write(1, 4)],
            )
            .blocks(2, 0, &[0, 1]),
            Scenario::new(
                "acquire-both",
                "both sites take the extent, with two slots",
                2,
                &[write(0, 1), ACQUIRE],
                &[ACQUIRE, write(0, 2)],
            ),
            Scenario::new(
                "acquire-read",
                "ownership goes there and back",
                2,
                &[write(0, 1), ACQUIRE],
                &[ACQUIRE, write(0, 2), read(0)],
            ),
            Scenario::new(
                "lun-change",
                "LUN and extent change at once",
                2,
                &[write(0, 1), RELEASE_LUN],
                &[ACQUIRE, write(0, 2)],
            )
            .blocks(2, 0, &[0, 1]),
            Scenario::new("cut-race", "the link fails twice", 2, &[write(0, 1), read(0)], &[write(0, 2)])
                .with(|s| s.cuts = 2),
            Scenario::new(
                "cut-lun",
                "the link fails while the LUN changes hands",
                1,
                &[write(0, 1)],
                &[ACQUIRE_LUN, write(0, 2)],
            )
            .with(|s| s.cuts = 1),
            Scenario::new("wrap-race", "numbers run out at both sites", 1, &[write(0, 1), write(0, 2)], &[write(0, 3)])
                .with(|s| (s.cfg.seq_max, s.renew) = (1, true)),
            Scenario::new(
                "zero-both",
                "write-zeroes from both sites",
                2,
                &[zero(0, 2), write(1, 1)],
                &[zero(0, 1), write(0, 2)],
            )
            .blocks(2, 1, &[0]),
            Scenario::new(
                "zero-move",
                "write-zeroes while the extent changes its owner",
                2,
                &[zero(0, 1), write(0, 1)],
                &[ACQUIRE, read(0)],
            ),
            Scenario::new(
                "expire-race",
                "two commands end before their time",
                2,
                &[write(0, 1), read(0)],
                &[write(0, 2), ACQUIRE],
            )
            .with(|s| s.expires = 2),
        ]
    }

    /// The scenario of this name.
    pub fn by_name(name: &str) -> Option<Scenario> {
        Self::quick().into_iter().chain(Self::thorough()).find(|s| s.name == name)
    }
}
