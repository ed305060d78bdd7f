//! What is run: commands in rounds, from given owners, with at most one fault a round.

use std::fmt;

use dyad_model::outcomes::{Fault, History, Hit, Round};
use dyad_model::protocol::{Block, Config, Epoch, Kind, Lookup, Map, Op};

/// Log2 of the blocks of an extent.
pub const SHIFT: u8 = 1;
/// Blocks that are compared. Commands use the first [`USED`]; the last one's extent is never named, so that it shows who owns by
/// default.
pub const BLOCKS: u64 = 5;
/// Blocks that commands use: two of one extent, one of the next.
pub const USED: u64 = 3;
/// First block of each extent.
pub const EXTENTS: [u64; 3] = [0, 2, 4];
/// A value that no block ever holds.
pub const WRONG: u32 = 9;
/// Value that the first command writes.
const FIRST: u32 = 10;

/// A command. Values are small numbers: block `b` holds `b + 1` at the start, the `n`th command writes `10 + n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cmd {
    /// Read a block.
    Read(u64),
    /// Write a block.
    Write(u64),
    /// Write a block from host memory that is not mapped.
    Faulty(u64),
    /// Write a block if it holds a value.
    Swap(u64, u32),
    /// Own the extent of a block.
    Acquire(u64),
    /// Give the extent of a block up.
    Release(u64),
    /// Own the LUN.
    AcquireLun,
    /// Give the LUN up.
    ReleaseLun,
    /// Flush both stores.
    Flush,
    /// Write past the end of the LUN: the protocol never hears of it.
    PastEnd,
}

impl Cmd {
    /// The same for the model, which writes `value`; none when the card refuses it by itself.
    fn op(self, value: u32) -> Option<Op> {
        let data = Block::of(value);
        Some(match self {
            Cmd::Read(lba) => Op::Read { lba: lba as u32 },
            Cmd::Write(lba) => Op::Write { lba: lba as u32, data, fault: None },
            Cmd::Faulty(lba) => Op::Write { lba: lba as u32, data, fault: Some(1) },
            Cmd::Swap(lba, expect) => Op::CompareWrite { lba: lba as u32, expect: Block::of(expect), data },
            Cmd::Acquire(lba) => Op::Acquire { lba: lba as u32, lun: false },
            Cmd::Release(lba) => Op::Release { lba: lba as u32, lun: false },
            Cmd::AcquireLun => Op::Acquire { lba: 0, lun: true },
            Cmd::ReleaseLun => Op::Release { lba: 0, lun: true },
            Cmd::Flush => Op::Flush,
            Cmd::PastEnd => return None,
        })
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cmd::Read(lba) => write!(f, "read {lba}"),
            Cmd::Write(lba) => write!(f, "write {lba}"),
            Cmd::Faulty(lba) => write!(f, "write {lba} from unmapped memory"),
            Cmd::Swap(lba, expect) => write!(f, "write {lba} if it holds {expect}"),
            Cmd::Acquire(lba) => write!(f, "acquire the extent of {lba}"),
            Cmd::Release(lba) => write!(f, "release the extent of {lba}"),
            Cmd::AcquireLun => write!(f, "acquire the LUN"),
            Cmd::ReleaseLun => write!(f, "release the LUN"),
            Cmd::Flush => write!(f, "flush"),
            Cmd::PastEnd => write!(f, "write past the end"),
        }
    }
}

/// Which frame of a round is hit, on the cards. The model tries each of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Strike {
    /// Sender, type, and what happens.
    pub hit: Hit,
    /// How many of its type pass before it.
    pub skip: u8,
    /// How late a late frame or a second copy is, in cycles.
    pub late: u32,
}

/// Commands that are under way at once, and the fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Turn {
    /// Commands of each site, in the order in which they are submitted.
    pub cmds: [Vec<Cmd>; 2],
    /// The fault.
    pub strike: Option<Strike>,
}

/// A history, timing aside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Who owns the LUN by default.
    pub default: u8,
    /// Who owns the first two extents.
    pub owners: [u8; 2],
    /// Rounds, each from rest to rest.
    pub turns: Vec<Turn>,
}

impl Shape {
    /// Commands.
    pub fn commands(&self) -> usize {
        self.turns.iter().flat_map(|turn| &turn.cmds).map(Vec::len).sum()
    }

    /// Value that each command writes, in order of rounds, sites, and submission.
    pub fn values(&self) -> Vec<[Vec<u32>; 2]> {
        let mut next = FIRST..;
        let mut of = |cmds: &Vec<Cmd>| next.by_ref().take(cmds.len()).collect();
        self.turns.iter().map(|turn| [of(&turn.cmds[0]), of(&turn.cmds[1])]).collect()
    }

    /// Owners at the start, in the model's numbers.
    pub fn map(&self) -> Map {
        let [first, second] = self.owners;
        let lookup = |owner| Lookup { owner, epoch: Epoch { lun: 1, ext: u16::from(owner != self.default) } };
        Map { lun: (1, self.default), extents: [first, second, self.default].map(lookup).to_vec() }
    }

    /// The same for the model.
    pub fn history(&self) -> History {
        let of =
            |cmds: &[Cmd], values: &[u32]| cmds.iter().zip(values).filter_map(|(c, v)| c.op(*v)).collect::<Vec<_>>();
        let rounds = self.turns.iter().zip(self.values()).map(|(turn, values)| Round {
            ops: [of(&turn.cmds[0], &values[0]), of(&turn.cmds[1], &values[1])],
            hit: turn.strike.map(|strike| strike.hit),
        });
        let rounds: Vec<Round> = rounds.collect();
        let most = rounds.iter().flat_map(|round| &round.ops).map(Vec::len).max().unwrap_or(0);
        let bufs = 2 * most.max(1) as u8;
        let cfg = Config { take_over: true, bufs, ..Config::small(most.max(1) as u16, BLOCKS as u32, SHIFT) };
        History { cfg, map: self.map(), home: (1..=BLOCKS as u32).map(Block::of).collect(), rounds }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |site: u8| ["A", "B"][usize::from(site)];
        let [first, second] = self.owners.map(name);
        writeln!(f, "blocks 0 and 1 of {first}, block 2 of {second}, the rest of {}", name(self.default))?;
        for (n, (turn, values)) in self.turns.iter().zip(self.values()).enumerate() {
            if let Some(Strike { hit, skip, late }) = turn.strike {
                let what = match hit.fault {
                    Fault::Loss => "is lost".to_string(),
                    Fault::Copy => format!("comes again {late} cycles later"),
                    Fault::Late => format!("comes {late} cycles late"),
                };
                writeln!(f, "round {}: {:?} number {} of {} {what}", n + 1, hit.kind, skip + 1, name(hit.from))?;
            }
            for (site, (cmds, values)) in (0..).zip(turn.cmds.iter().zip(values)) {
                for (cmd, value) in cmds.iter().zip(values) {
                    let writes = if matches!(cmd, Cmd::Write(_) | Cmd::Swap(..)) {
                        format!(" ({value})")
                    } else {
                        String::new()
                    };
                    writeln!(f, "round {}: {}: {cmd}{writes}", n + 1, name(site))?;
                }
            }
        }
        Ok(())
    }
}

/// Frame types that a fault may hit; those that are sent often, more often.
pub const STRUCK: [Kind; 12] = [
    Kind::Write,
    Kind::Write,
    Kind::Request,
    Kind::Request,
    Kind::Ack,
    Kind::Ack,
    Kind::Ack,
    Kind::Commit,
    Kind::OwnReq,
    Kind::Grant,
    Kind::Flush,
    Kind::Busy,
];
