//! The judge of histories: knows operations, times and values, and nothing of how they came about.
//!
//! Whatever runs operations (the model, the Verilated cards, a board) tells a [`Judge`] when each command was called and
//! when and how it returned. Writes carry unique values; zero is what write-zeroes leaves behind, and what blocks hold at
//! the start. At the end the judge decides:
//!
//! - every command returned exactly once (or its outcome was declared unknown);
//! - no read returned a torn block, a value that nobody wrote, or one from another block;
//! - every block is linearizable on its own, and so the whole is (Herlihy and Wing, "Linearizability: a correctness
//!   condition for concurrent objects", ACM TOPLAS 12(3), 1990: linearizability is local);
//! - both stores end equal, and what they hold is what a read after all else could return.
//!
//! A command with an unknown outcome (time-out, reset, link cut) may have taken effect at any time after its call, or may
//! never do so.
//!
//! Two methods decide a block. Where every value has one writer: `zones`, Gibbons and Korach. Where several writes of
//! zeroes make values ambiguous, or a compare-and-write was refused without telling what the block held: `search`,
//! Wing and Gong with memory.

mod search;
mod zones;

use std::collections::{BTreeMap, HashMap};

/// What a block held, as a host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The same value throughout.
    Value(u64),
    /// Different values in different parts.
    Torn,
}

impl Seen {
    /// From the words of a block, each of which must hold the value.
    pub fn of(mut words: impl Iterator<Item = u64>) -> Seen {
        let first = words.next().unwrap_or(0);
        if words.all(|w| w == first) { Seen::Value(first) } else { Seen::Torn }
    }
}

/// What a command wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Read a block.
    Read {
        /// Its address.
        block: u64,
    },
    /// Write a block.
    Write {
        /// Its address.
        block: u64,
        /// A value that no other command writes; not 0.
        value: u64,
    },
    /// Write a block if it holds `expect`.
    Swap {
        /// Its address.
        block: u64,
        /// What it must hold.
        expect: u64,
        /// A value that no other command writes; not 0.
        value: u64,
    },
    /// Zero blocks; each for itself.
    Zero {
        /// First address.
        block: u64,
        /// How many.
        count: u64,
    },
    /// Anything that neither reads nor writes blocks.
    Other,
}

impl Call {
    /// The blocks that it concerns.
    pub fn blocks(&self) -> std::ops::Range<u64> {
        match *self {
            Call::Read { block } | Call::Write { block, .. } | Call::Swap { block, .. } => block..block + 1,
            Call::Zero { block, count } => block..block + count,
            Call::Other => 0..0,
        }
    }
}

/// How a command returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// Done, for all but reads.
    Done,
    /// What a read saw.
    Read(Seen),
    /// A swap found something else.
    Miscompare,
    /// Refused or failed, and it has had no effect and never will.
    Void,
    /// It may have taken effect, may yet, or never.
    Unknown,
}

/// Number of a command, in order of calls.
pub type CommandId = usize;

/// What is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A command returned twice.
    Twice(CommandId),
    /// A command never returned.
    Never(CommandId, Call),
    /// A read returned a torn block.
    Torn(CommandId, Call),
    /// A block is torn in a store at the end.
    TornStore(u64),
    /// A block is not linearizable; the text says which operations can't be put in order.
    NotLinearizable(u64, String),
    /// The stores differ in a block at the end.
    StoresDiffer(u64, u64, u64),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Twice(c) => write!(f, "command {c} completed twice"),
            Fault::Never(c, call) => write!(f, "command {c} never completed: {call:?}"),
            Fault::Torn(c, call) => write!(f, "command {c} returned a torn block: {call:?}"),
            Fault::TornStore(b) => write!(f, "block {b} is torn in a store at the end"),
            Fault::NotLinearizable(b, why) => write!(f, "block {b} is not linearizable: {why}"),
            Fault::StoresDiffer(b, x, y) => write!(f, "block {b} holds {x} at one site and {y} at the other"),
        }
    }
}

impl std::error::Error for Fault {}

/// A history that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Commands.
    pub commands: usize,
    /// Of which the outcome is unknown.
    pub unknown: usize,
    /// Blocks touched.
    pub blocks: usize,
    /// Blocks decided by zones.
    pub by_zones: usize,
    /// Blocks decided by search.
    pub by_search: usize,
    /// Blocks with too many possible orders, decided without what refused compare-and-writes say.
    pub loosely: usize,
    /// Blocks with too many possible orders even so.
    pub undecided: usize,
}

/// What an operation did to its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Read(u64),
    Write(u64),
    Swap(u64, u64),
    Miscompare(u64),
}

/// An operation on one block. `ret` [`NEVER`]: the outcome is unknown, and it need not take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub id: CommandId,
    pub call: u64,
    pub ret: u64,
    pub did: Did,
}

pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Command {
    call: Call,
    at: u64,
    ret: Option<(u64, Return)>,
}

/// A history in the making.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    commands: Vec<Command>,
    fault: Option<Fault>,
}

impl Judge {
    /// A command is called. Times are any unit; an operation that returns at the time at which another is called is
    /// concurrent with it.
    pub fn call(&mut self, at: u64, call: Call) -> CommandId {
        self.commands.push(Command { call, at, ret: None });
        self.commands.len() - 1
    }

    /// A command returns.
    pub fn ret(&mut self, id: CommandId, at: u64, ret: Return) {
        let command = &mut self.commands[id];
        if command.ret.is_some() {
            self.fault.get_or_insert(Fault::Twice(id));
        } else if ret == Return::Read(Seen::Torn) {
            self.fault.get_or_insert(Fault::Torn(id, command.call));
        }
        command.ret = Some((at, ret));
    }

    /// Commands called so far.
    pub fn calls(&self) -> usize {
        self.commands.len()
    }

    /// Decides. `stores` answers what each site's store holds in a block at the end, when nothing is under way.
    ///
    /// # Errors
    /// The first fault found.
    pub fn verdict(&self, stores: &dyn Fn(usize, u64) -> Seen) -> Result<Summary, Fault> {
        if let Some(id) = self.commands.iter().position(|c| c.ret.is_none()) {
            return Err(self.fault.clone().unwrap_or(Fault::Never(id, self.commands[id].call)));
        }
        self.decide(Some(stores))
    }

    /// Decides a history that has not come to its end: what has not returned may have taken effect or not.
    ///
    /// # Errors
    /// The first fault found.
    pub fn so_far(&self) -> Result<Summary, Fault> {
        self.decide(None)
    }

    fn decide(&self, stores: Option<&dyn Fn(usize, u64) -> Seen>) -> Result<Summary, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut blocks: BTreeMap<u64, Vec<Operation>> = BTreeMap::new();
        let mut summary = Summary { commands: self.commands.len(), ..Summary::default() };
        let mut end = 0;
        for (id, c) in self.commands.iter().enumerate() {
            let (at, ret) = c.ret.unwrap_or((c.at, Return::Unknown));
            end = end.max(at).max(c.at);
            summary.unknown += usize::from(ret == Return::Unknown);
            for block in c.call.blocks() {
                blocks.entry(block).or_default();
            }
            for (block, did) in effects(c.call, ret) {
                let ret = if ret == Return::Unknown { NEVER } else { at + 1 };
                blocks.entry(block).or_default().push(Operation { id, call: c.at + 1, ret, did });
            }
        }
        summary.blocks = blocks.len();
        for (block, mut operations) in blocks {
            match stores.map(|s| (s(0, block), s(1, block))) {
                None => {}
                Some((Seen::Value(x), Seen::Value(y))) if x != y => return Err(Fault::StoresDiffer(block, x, y)),
                Some((Seen::Value(x), Seen::Value(_))) => {
                    let id = self.commands.len();
                    operations.push(Operation { id, call: end + 2, ret: end + 2, did: Did::Read(x) });
                }
                Some(_) => return Err(Fault::TornStore(block)),
            }
            match check(&operations).map_err(|why| Fault::NotLinearizable(block, why))? {
                Method::Zones => summary.by_zones += 1,
                Method::Search => summary.by_search += 1,
                Method::Loose => summary.loosely += 1,
                Method::Neither => summary.undecided += 1,
            }
        }
        Ok(summary)
    }
}

/// What a command did to each of its blocks. Nothing, for a read whose answer is unknown.
fn effects(call: Call, ret: Return) -> Vec<(u64, Did)> {
    match (call, ret) {
        (_, Return::Void) | (Call::Other, _) => vec![],
        (Call::Read { block }, Return::Read(Seen::Value(v))) => vec![(block, Did::Read(v))],
        (Call::Read { .. }, _) => vec![],
        (Call::Swap { block, expect, .. }, Return::Miscompare) => vec![(block, Did::Miscompare(expect))],
        (Call::Write { block, value }, _) => vec![(block, Did::Write(value))],
        (Call::Swap { block, expect, value }, _) => vec![(block, Did::Swap(expect, value))],
        (Call::Zero { .. }, _) => call.blocks().map(|b| (b, Did::Write(0))).collect(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Zones,
    Search,
    Loose,
    Neither,
}

/// Decides one block that holds 0 at the start.
fn check(operations: &[Operation]) -> Result<Method, String> {
    let mut operations = operations.to_vec();
    settle(&mut operations)?;
    let operations = &operations[..];
    match zones::check(operations) {
        zones::Verdict::Sound => Ok(Method::Zones),
        zones::Verdict::Broken(why) => Err(why),
        zones::Verdict::Ambiguous => {
            let found = match search::check(operations, false) {
                Err(search::Trouble::TooLarge) => {
                    let sure = |o: &&Operation| !matches!(o.did, Did::Miscompare(_));
                    let rest: Vec<Operation> = operations.iter().filter(sure).copied().collect();
                    search::check(&rest, true).map(|()| Method::Loose)
                }
                found => found.map(|()| Method::Search),
            };
            match found {
                Ok(method) => Ok(method),
                Err(search::Trouble::Broken(why)) => Err(why),
                Err(search::Trouble::TooLarge) => Ok(Method::Neither),
            }
        }
    }
}

/// A write of unknown outcome whose value was seen took effect before whoever saw it returned.
fn settle(operations: &mut [Operation]) -> Result<(), String> {
    let mut writers: HashMap<u64, (usize, u64)> = HashMap::new();
    let mut unknown = Vec::new();
    for (k, o) in operations.iter().enumerate() {
        let (needs, leaves) = match o.did {
            Did::Read(v) => (Some(v), None),
            Did::Write(v) => (None, Some(v)),
            Did::Swap(from, to) => (Some(from), Some(to)),
            Did::Miscompare(_) => (None, None),
        };
        if let Some(v) = leaves.filter(|v| *v != 0) {
            writers.entry(v).or_insert((0, NEVER)).0 += 1;
            if o.ret == NEVER {
                unknown.push((v, k));
            }
        }
        if let Some(v) = needs {
            let w = writers.entry(v).or_insert((0, NEVER));
            w.1 = w.1.min(o.ret);
        }
    }
    for (v, k) in unknown {
        let (count, seen) = writers[&v];
        if count == 1 && seen < operations[k].call {
            return Err(format!("{v} was seen before command {} was called to write it", operations[k].id));
        } else if count == 1 {
            operations[k].ret = seen;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
