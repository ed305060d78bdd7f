//! What goes into a site and what comes out.

use super::{Block, Frame};

/// A host command for one block or one range inside an extent. `decode` cuts larger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Read a block.
    Read {
        /// Its address.
        lba: u32,
    },
    /// Write a block.
    Write {
        /// Its address.
        lba: u32,
        /// What to write.
        data: Block,
        /// Reading host memory fails after this many parts of the block.
        fault: Option<u8>,
    },
    /// Write a block if it holds what is expected.
    CompareWrite {
        /// Its address.
        lba: u32,
        /// What it must hold.
        expect: Block,
        /// What to write.
        data: Block,
    },
    /// Write zeroes, or trim: the same thing to a reader.
    Zero {
        /// First block.
        lba: u32,
        /// Blocks, all in one extent.
        count: u16,
    },
    /// Flush both stores.
    Flush,
    /// Become owner of an extent, or of the LUN.
    Acquire {
        /// A block of the extent.
        lba: u32,
        /// The whole LUN.
        lun: bool,
    },
    /// Make the peer the owner of an extent, or of the LUN.
    Release {
        /// A block of the extent.
        lba: u32,
        /// The whole LUN.
        lun: bool,
    },
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The LUN is not live at the peer.
    NotLive = 1,
    /// Reading host memory failed. Nothing was written.
    DmaReadFault = 2,
    /// Compare-and-write: the block held something else. Nothing was written.
    Miscompare = 3,
    /// No answer in time. A write may end old or new.
    PeerTimeout = 4,
    /// Epoch or generation is used up until the numbers are renewed at a link-up.
    EpochSpent = 5,
    /// RELEASE by a site that is not the owner.
    NotOwner = 6,
}

impl Status {
    /// The status of a code in a frame.
    pub fn of(code: u8) -> Status {
        match code {
            1 => Status::NotLive,
            2 => Status::DmaReadFault,
            3 => Status::Miscompare,
            5 => Status::EpochSpent,
            6 => Status::NotOwner,
            _ => Status::PeerTimeout,
        }
    }
}

/// Whose store access it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// An own slot's.
    Own(u16),
    /// An own slot's block, read to be sent again: slot and sequence.
    Again(u16, u32),
    /// An own slot's staging block.
    Stage(u16),
    /// The operation on record for a slot of the peer.
    Peer(u16),
}

/// An access to the local store. Home: the LUN's blocks. Staging: a block for each slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreOp {
    /// Write a block home.
    Write(u32, Block),
    /// Write one part home: only a defective card does this.
    WritePart(u32, u8, Block),
    /// Zero blocks.
    Zero(u32, u16),
    /// Read a block; answered with it.
    Read(u32),
    /// Put what a slot writes, and what it expects, into its staging area.
    Stage(u16, Block, Block),
    /// Read a slot's staging area; answered with what it writes.
    ReadStage(u16),
    /// Copy a slot's staging block home.
    Copy(u16, u32),
    /// Flush.
    Flush,
}

/// What a step puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A frame for the peer.
    Send(Frame),
    /// A store access; its end is told by [`Site::stored`](super::Site::stored) with the same tag.
    Store(Tag, StoreOp),
    /// A command's completion: command number, status, the block for a read.
    Done(u32, Status, Option<Block>),
    /// The peer has not answered; the link is fenced until [`Site::link_up`](super::Site::link_up).
    Fenced,
}

/// Time in, outputs out, for one step.
#[derive(Debug, Default)]
pub struct Io {
    /// Now, in any unit that [`Config`](super::Config) uses.
    pub now: u64,
    /// Outputs of the step, in order.
    pub out: Vec<Output>,
}

impl Io {
    pub(super) fn store(&mut self, tag: Tag, op: StoreOp) {
        self.out.push(Output::Store(tag, op));
    }
}
