//! Frames, as fields of the fixed header and trailer.

/// Parts of a block at the smaller MTU.
pub const PARTS: usize = 3;

/// Site number: 0 or 1.
pub type SiteId = u8;

/// Contents of a block: a number for each of its parts, so that a torn block shows. All zero: zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Block(pub [u32; PARTS]);

impl Block {
    /// A block of zeroes.
    pub const ZERO: Block = Block([0; PARTS]);

    /// A block that holds `value` throughout.
    pub const fn of(value: u32) -> Self {
        Block([value; PARTS])
    }

    /// The value, or none when the block is torn.
    pub fn value(self) -> Option<u32> {
        self.0.iter().all(|p| *p == self.0[0]).then_some(self.0[0])
    }
}

/// LUN generation and extent epoch. Ordered as a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Epoch {
    /// Generation of the LUN: rises when the whole LUN changes its owner.
    pub lun: u16,
    /// Epoch of the extent within it: rises with each grant of the extent.
    pub ext: u16,
}

/// Frame types. With CONTROL, which the model does not need, they fill the header's four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Owner to mirror: a block, or a part of one.
    Write,
    /// Requester to owner: a block, or a part of one. `code` 1: compare-and-write, with the expected block.
    Request,
    /// Owner to mirror: zero `count` blocks from `lba`.
    Zero,
    /// Requester to owner: the same.
    RequestZero,
    /// Flush the peer's store.
    Flush,
    /// Slot and sequence are in the sender's store. `code` 1: something waits for the COMMIT.
    Ack,
    /// Not admitted for want of a buffer or lock. `code` 1: a turn is kept for slot and sequence.
    Busy,
    /// Not admitted: the sender is not the owner, or closing. `owner` and `epoch` say what it knows.
    NotOwner,
    /// Recorded as refused, for good: `code` is the status.
    Refused,
    /// Slot and sequence are complete at both sites.
    Commit,
    /// Is this slot complete at, or past, this sequence?
    Ask,
    /// Give me the extent of `lba` (`code` 0) or the LUN (`code` 1), which I know to be in `epoch`.
    OwnReq,
    /// You own the extent of `lba` (`code` 0) or the LUN (`code` 1), from `epoch` on.
    Grant,
    /// I know that I own it, in `epoch`.
    Taken,
}

impl Kind {
    /// Carries an operation with a slot and a sequence of the sender's.
    pub fn is_operation(self) -> bool {
        matches!(self, Kind::Write | Kind::Request | Kind::Zero | Kind::RequestZero | Kind::Flush)
    }
}

/// A frame. Each field has its place in the 64-byte header or the 8-byte trailer; `data` and `expect` are the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Type.
    pub kind: Kind,
    /// See [`Kind`].
    pub code: u8,
    /// Link generation.
    pub link: u16,
    /// The sender's slot; in an answer or a question, the receiver's.
    pub slot: u16,
    /// Sequence number of the slot's use.
    pub seq: u32,
    /// First block.
    pub lba: u32,
    /// Blocks, for zeroes.
    pub count: u16,
    /// Epoch of the extent at the sender.
    pub epoch: Epoch,
    /// Owner, for NOT_OWNER.
    pub owner: SiteId,
    /// Which part of a block, or [`WHOLE`].
    pub part: u8,
    /// Payload. Of a part, only its own number counts.
    pub data: Block,
    /// Payload of compare-and-write: what the block must hold.
    pub expect: Block,
    /// Trailer: a COMMIT of another slot and sequence.
    pub commit: Option<(u16, u32)>,
}

/// `part` of a frame that carries a whole block.
pub const WHOLE: u8 = 0xff;

impl Frame {
    /// A frame with nothing but its type.
    pub fn new(kind: Kind) -> Self {
        Frame {
            kind,
            code: 0,
            link: 0,
            slot: 0,
            seq: 0,
            lba: 0,
            count: 0,
            epoch: Epoch::default(),
            owner: 0,
            part: WHOLE,
            data: Block::ZERO,
            expect: Block::ZERO,
            commit: None,
        }
    }
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)?;
        match self.kind {
            Kind::OwnReq | Kind::Grant | Kind::Taken => {
                let what = if self.code == 1 { "LUN".to_string() } else { format!("extent of block {}", self.lba) };
                write!(f, " {what} epoch {}.{}", self.epoch.lun, self.epoch.ext)?;
            }
            _ => write!(f, " slot {} seq {}", self.slot, self.seq)?,
        }
        match self.kind {
            Kind::Write | Kind::Request => {
                write!(f, " block {} epoch {}.{}", self.lba, self.epoch.lun, self.epoch.ext)?;
                if self.part == WHOLE {
                    write!(f, " value {:?}", self.data.value())?;
                } else {
                    write!(f, " part {} of {:?}", self.part, self.data.value())?;
                }
                if self.code == 1 {
                    write!(f, " if {:?}", self.expect.value())?;
                }
            }
            Kind::Zero | Kind::RequestZero => write!(f, " blocks {}+{}", self.lba, self.count)?,
            Kind::NotOwner => write!(f, " owner {} epoch {}.{}", self.owner, self.epoch.lun, self.epoch.ext)?,
            Kind::Busy if self.code == 1 => write!(f, " with turn")?,
            Kind::Ack if self.code == 1 => write!(f, " asking")?,
            Kind::Refused => write!(f, " code {}", self.code)?,
            _ => {}
        }
        if let Some((slot, seq)) = self.commit {
            write!(f, " + Commit slot {slot} seq {seq}")?;
        }
        Ok(())
    }
}
