//! Why a circuit is refused.

use std::fmt;

/// A circuit that can't be translated faithfully.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontError {
    /// The block: names from the top, joined by dots.
    pub block: String,
    /// The signal that is assigned, read or declared where the fault is; empty when it lies in none.
    pub signal: String,
    /// What is wrong.
    pub reason: Reason,
}

impl fmt::Display for FrontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.block)?;
        if !self.signal.is_empty() {
            write!(f, "{}: ", self.signal)?;
        }
        write!(f, "{}", self.reason)
    }
}

impl std::error::Error for FrontError {}

/// What is wrong with a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A kind of thing that is not translated; its name.
    Unsupported(&'static str),
    /// No signal, constant, enum value or loop index has this name in the block.
    UnknownName(String),
    /// An index into an array of signals or blocks that is not a constant.
    Index(String),
    /// Two operands, or a value and what it is assigned to.
    WidthMismatch(usize, usize),
    /// A width of 0, or of more than 2^20 bits.
    Width(usize),
    /// An integer where only a value of known width can stand.
    UnknownWidth,
    /// An integer that does not fit in so many bits.
    DoesNotFit {
        /// The integer.
        value: u128,
        /// The width it should have.
        w: usize,
    },
    /// Arithmetic of integers that leaves the range of `u64`.
    IntegerRange,
    /// A bit or slice that begins past the end of a value of so many bits.
    PastEnd {
        /// The index.
        index: u128,
        /// The width.
        w: usize,
    },
    /// Arithmetic inside an index: whether it wraps can't be seen.
    IndexArithmetic,
    /// The signal is not driven by this block, or is not readable in it.
    Direction(&'static str),
    /// The signal is read between two assignments, so that its value there is not its final value.
    IntermediateRead(String),
    /// The signal keeps its old value in some case: a latch.
    Latch,
    /// The signal is never assigned.
    NeverAssigned,
    /// A clock or reset is not handed on whole and unconditionally, or not connected.
    ClockOrReset(&'static str),
    /// The top has several clocks, or several resets.
    Several(&'static str),
    /// Two ports have one name, a port has the name of the clock or the reset, or a loop index that of a signal.
    NameClash(String),
    /// Not a name in Verilog, or a keyword.
    BadName(String),
    /// A pattern of a match that is not an integer, `true`, `false`, an enum value or `_`; or a second one for a value.
    Pattern(String),
    /// A loop of more than 65536 rounds.
    LongLoop,
    /// What the checks of the IR found: a combinational loop, a dead assignment.
    Module(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unsupported(what) => write!(f, "{what} can't be translated"),
            Reason::UnknownName(name) => write!(f, "nothing here is named {name}"),
            Reason::Index(text) => write!(f, "[{text}] is not a constant index"),
            Reason::WidthMismatch(a, b) => write!(f, "{a} bits against {b} bits"),
            Reason::Width(w) => write!(f, "a width of {w} bits"),
            Reason::UnknownWidth => write!(f, "an integer of unknown width"),
            Reason::DoesNotFit { value, w } => write!(f, "{value} does not fit in {w} bits"),
            Reason::IntegerRange => write!(f, "arithmetic of integers leaves the range of u64"),
            Reason::PastEnd { index, w } => write!(f, "index {index} in {w} bits"),
            Reason::IndexArithmetic => write!(f, "arithmetic inside an index: cast it to its width first"),
            Reason::Direction(what) => write!(f, "{what}"),
            Reason::IntermediateRead(name) => write!(f, "{name} is read, and assigned again after that"),
            Reason::Latch => write!(f, "not assigned in every case (latch): assign a default first"),
            Reason::NeverAssigned => write!(f, "never assigned"),
            Reason::ClockOrReset(what) => write!(f, "{what}"),
            Reason::Several(what) => write!(f, "more than one {what}"),
            Reason::NameClash(name) => write!(f, "the name {name} is taken"),
            Reason::BadName(name) => write!(f, "{name:?} is no name for Verilog"),
            Reason::Pattern(p) => write!(f, "pattern {p} of a match"),
            Reason::LongLoop => write!(f, "a loop of more than 65536 rounds"),
            Reason::Module(e) => write!(f, "{e}"),
        }
    }
}

/// Why the import of a module stops, before the block and the signal are known.
#[derive(Debug)]
pub(super) enum Stop {
    /// What is wrong, where the caller knows.
    Reason(Reason),
    /// What is wrong and where.
    Error(FrontError),
    /// The next state of this flip-flop is read, so that it needs a signal of its own.
    NextState(String),
}

impl From<Reason> for Stop {
    fn from(r: Reason) -> Self {
        Stop::Reason(r)
    }
}

impl From<FrontError> for Stop {
    fn from(e: FrontError) -> Self {
        Stop::Error(e)
    }
}

/// What the checks of the IR find.
impl From<String> for Stop {
    fn from(e: String) -> Self {
        Stop::Reason(Reason::Module(e))
    }
}
