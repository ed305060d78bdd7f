//! What is known of one slot in use.

use dyad_hdl::bundle::OpInfo;
use dyad_hdl::bundle::op_kind::{FLUSH, OWN, READ, WRITE, ZEROES};
use dyad_hdl::ir::Bits;
use dyad_spec::Status;
use dyad_tests::pack;

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    pub id: u64,
    pub kind: u64,
    pub local: bool,
    pub lun: u64,
    pub lba: u64,
}

impl Op {
    /// A write whose data are all zeroes: one in four.
    pub fn zeroes(&self) -> bool {
        self.kind == WRITE && self.id.is_multiple_of(4)
    }

    pub fn pack(&self) -> Bits {
        let fields = [
            ("cmd", self.id >> 6),
            ("block", self.id & 63),
            ("kind", if self.zeroes() { ZEROES } else { self.kind }),
            ("local", self.local.into()),
            ("lun", self.lun),
            ("lba", self.lba),
            ("page", if self.kind == OWN { self.id * 3 & 3 } else { self.id * 3 }),
        ];
        pack(OpInfo::FIELDS, &fields)
    }
}

/// How far the copy of a request's block from the staging area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Not wanted: the owner does not have the block, or it is not staged, or it is home.
    No,
    Wanted,
    /// Its lock was asked for.
    Asked,
    Granted,
    Running,
}

/// A slot in use.
#[derive(Clone, Debug)]
pub struct Use {
    pub op: Op,
    pub seq: u64,
    pub epoch: u64,
    pub owner: u64,
    pub active: bool,
    /// The command was told.
    pub reported: bool,
    pub local_done: bool,
    pub broken: bool,
    pub acked: bool,
    pub sent: bool,
    pub refused: bool,
    /// The peer owns the block.
    pub request: bool,
    /// A request that was told NOT_OWNER asks for its lock, to look again.
    pub looks: bool,
    /// It waits: this site owns the block and is about to hand it over.
    pub parked: bool,
    /// The peer has said NOT_OWNER since it was last looked at.
    pub not_owner: bool,
    /// How often the peer has put it off, as a byte.
    pub turned: u64,
    /// A request that has become this site's own write.
    pub staged: bool,
    /// `admit` counts it, and must hear of its end.
    pub counted: bool,
    pub copy: Copy,
    /// The request is out: its lock must come back.
    pub unlocks: bool,
    pub resending: bool,
    pub crc: u64,
    /// Last sending, or BUSY.
    pub last: u64,
    pub repeats: u64,
    pub begun: u64,
    pub t_lookup: u64,
    pub t_local: u64,
    pub t_ack: u64,
    pub stamps: (u64, u64),
    pub mirror: u64,
    /// How it must end, when an event has decided it.
    pub ends: Option<u64>,
    /// Lock and slot must come back now.
    pub gone: bool,
    pub released: bool,
}

impl Use {
    pub fn new(op: Op, now: u64) -> Self {
        Self {
            op,
            seq: 0,
            epoch: 0,
            owner: 0,
            active: false,
            reported: false,
            local_done: false,
            broken: false,
            acked: false,
            sent: false,
            refused: false,
            request: false,
            looks: false,
            parked: false,
            not_owner: false,
            turned: 0,
            staged: false,
            counted: false,
            copy: Copy::No,
            unlocks: false,
            resending: false,
            crc: 0,
            last: now,
            repeats: 0,
            begun: now,
            t_lookup: 0,
            t_local: 0,
            t_ack: 0,
            stamps: (0, 0),
            mirror: 0,
            ends: None,
            gone: false,
            // Flushes and commands about owners have no lock.
            released: matches!(op.kind, FLUSH | OWN),
        }
    }

    pub fn mirrored(&self) -> bool {
        self.op.kind != READ && !self.op.local
    }

    pub fn end(&mut self, status: u64) {
        if !self.reported {
            self.ends.get_or_insert(status);
        }
    }

    /// It waits for a lock, with or without having been out.
    pub fn waits(&self) -> bool {
        !self.active && !self.parked
    }

    /// The peer may have it.
    pub fn out(&self) -> bool {
        self.active || (self.request && (self.looks || self.parked))
    }

    /// The peer, or `admit`, has put it off. There is an end to the command's patience.
    pub fn put_off(&mut self) {
        if self.turned == 255 {
            self.end(if self.op.kind == OWN { Status::Locked } else { Status::NotOwner }.code());
        }
        self.turned = (self.turned + 1) & 255;
    }

    pub fn resolved(&self) -> bool {
        self.acked && self.local_done && !self.broken
    }
}
