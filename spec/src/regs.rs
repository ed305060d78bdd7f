//! The register map: BAR 0, 64 KiB, 32-bit little-endian registers on AXI4-Lite (AXI IHI 0022 part B).
//!
//! The map describes itself: each block starts with a word that holds its type and version, and a word that holds the
//! offset of the next block (0 ends the list). A driver walks the list and skips types that it does not know. Reserved
//! registers read as zero; writes to them and to read-only registers do nothing.

use crate::Field;

/// Bytes of BAR 0.
pub const BAR_BYTES: usize = 0x1_0000;

/// Who may do what with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
    /// Write only; reads as zero.
    Wo,
}

/// One register, or an array of them.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Name, as the manual prints it.
    pub name: &'static str,
    /// Byte offset of the first one in BAR 0.
    pub offset: usize,
    /// How many there are.
    pub count: usize,
    /// Bytes from one to the next.
    pub stride: usize,
    /// Who may do what.
    pub access: Access,
    /// Meaning and units.
    pub doc: &'static str,
    /// Fields; empty when the register is one value.
    pub fields: &'static [Field],
}

impl Register {
    /// Byte offset of the `index`th one.
    ///
    /// # Panics
    /// When there is no such one: an index from outside must be checked before.
    pub const fn at(&self, index: usize) -> usize {
        assert!(index < self.count, "register index out of range");
        self.offset + index * self.stride
    }
}

macro_rules! registers {
    ($($(#[doc = $doc:literal])+ $name:ident: $offset:expr, $count:expr, $stride:expr, $access:ident
        $({ $($(#[doc = $fdoc:literal])+ $field:ident: $lsb:expr, $width:expr;)* })?;)*) => {
        $(
            $(#[doc = $doc])+
            pub const $name: Register = Register {
                name: stringify!($name), offset: $offset, count: $count, stride: $stride, access: Access::$access,
                doc: concat!($($doc),+), fields: &[$($($field),*)?],
            };
            $($($(#[doc = $fdoc])+ pub const $field: Field = Field {
                name: stringify!($field), lsb: $lsb, width: $width, doc: concat!($($fdoc),+),
            };)*)?
        )*
        /// Every register, in order of offset.
        pub const REGISTERS: &[Register] = &[$($name),*];
    };
}

/// Types of register blocks.
pub mod block {
    /// Identity, capabilities, control, time.
    pub const CORE: u32 = 1;
    /// Link: addresses, generation, repeats.
    pub const LINK: u32 = 2;
    /// Mailbox for messages between the two drivers.
    pub const MAILBOX: u32 = 3;
    /// LUN table.
    pub const LUNS: u32 = 4;
    /// Counters.
    pub const COUNTERS: u32 = 5;
    /// Queue pairs.
    pub const QUEUES: u32 = 6;
    /// Interrupt vectors.
    pub const VECTORS: u32 = 7;
    /// Name of a type.
    pub fn name(kind: u32) -> &'static str {
        ["?", "core", "link", "mailbox", "luns", "counters", "queues", "vectors"].get(kind as usize).unwrap_or(&"?")
    }
}

/// (offset, type, version, offset of the next) of each block of this version.
pub const BLOCKS: &[(usize, u32, u32, usize)] = &[
    (0x0000, block::CORE, 1, 0x0100),
    (0x0100, block::LINK, 1, 0x0200),
    (0x0200, block::MAILBOX, 1, 0x0800),
    (0x0800, block::LUNS, 1, 0x1000),
    (0x1000, block::COUNTERS, 1, 0x2000),
    (0x2000, block::QUEUES, 1, 0x3000),
    (0x3000, block::VECTORS, 1, 0),
];

/// Queue pairs that the map has room for.
pub const QUEUES_MAX: usize = 8;
/// LUNs that the map has room for.
pub const LUNS_MAX: usize = 8;
/// Interrupt vectors that the map has room for.
pub const VECTORS_MAX: usize = 8;
/// Counters that the map has room for.
pub const COUNTERS_MAX: usize = 128;

/// Type of a block, in its first word.
pub const BLOCK_TYPE: Field = Field { name: "BLOCK_TYPE", lsb: 0, width: 16, doc: "Type of the register block." };
/// Version of a block, in its first word.
pub const BLOCK_VERSION: Field = Field { name: "BLOCK_VERSION", lsb: 16, width: 8, doc: "Version of the block." };

registers! {
    /// Type and version of the core block.
    CORE_BLOCK: 0x000, 1, 4, Ro;
    /// Offset of the next block.
    CORE_NEXT: 0x004, 1, 4, Ro;
    /// "DYAD", least significant byte first. All-ones here means that the device is gone.
    MAGIC: 0x008, 1, 4, Ro;
    /// Version of this contract: major in 31:16, minor in 15:0.
    VERSION: 0x00c, 1, 4, Ro;
    /// Widths of the datapath.
    CAP_WIDTH: 0x010, 1, 4, Ro {
        /// Bits of the host port and of the streams.
        CAP_DATA_W: 0, 16;
        /// Bits of the store port.
        CAP_STORE_W: 16, 16;
    };
    /// Slots: operations on blocks that the card can have in flight.
    CAP_SLOTS: 0x014, 1, 4, Ro;
    /// Counts of things.
    CAP_COUNTS: 0x018, 1, 4, Ro {
        /// Queue pairs.
        CAP_QUEUES: 0, 8;
        /// Interrupt vectors.
        CAP_VECTORS: 8, 8;
        /// LUNs.
        CAP_LUNS: 16, 8;
        /// Log2 of the most entries that a queue may have.
        CAP_QUEUE_LOG2: 24, 8;
    };
    /// Extents in the directory.
    CAP_EXTENTS: 0x01c, 1, 4, Ro;
    /// Core clock in kHz, as built: turns cycles into time.
    CAP_CLOCK_KHZ: 0x020, 1, 4, Ro;
    /// Period of the time-out scan in cycles; idle time is jumped over in multiples of it.
    CAP_PERIOD: 0x024, 1, 4, Ro;
    /// Whole-block gather buffers.
    CAP_BUFFERS: 0x028, 1, 4, Ro {
        /// Of the local leg.
        CAP_LOCAL_BUFFERS: 0, 8;
        /// Of the peer's blocks.
        CAP_MIRROR_BUFFERS: 8, 8;
    };
    /// Widths of addresses.
    CAP_ADDRESS: 0x02c, 1, 4, Ro {
        /// Bits of a block's address, in a LUN and in the store: 24 to 40. A LUN has less than 2^this blocks; of the registers that hold
        /// more, the bits above read as zero.
        CAP_LBA_W: 0, 8;
        /// Bits of an address in host memory: 40 to 64. A command that names one above ends with Misaligned.
        CAP_IOVA_W: 8, 8;
    };
    /// Control.
    CONTROL: 0x030, 1, 4, Rw {
        /// 1: fetch submissions. 0: stop fetching; what was fetched goes on.
        CONTROL_ENABLE: 0, 1;
        /// Write 1: reset of all but this block; reads 1 while it goes on.
        CONTROL_RESET: 1, 1;
    };
    /// State.
    STATUS: 0x034, 1, 4, Ro {
        /// Nothing is under way but waits for time or for the peer.
        STATUS_IDLE: 0, 1;
        /// The link is up.
        STATUS_LINK_UP: 1, 1;
        /// The link is fenced: a peer did not answer. LINK_CONTROL says how to go on.
        STATUS_FENCED: 2, 1;
        /// The card is ready after reset.
        STATUS_READY: 3, 1;
    };
    /// `now` in core clock periods, low half. Reading it keeps the high half for NOW_HI.
    NOW_LO: 0x038, 1, 4, Ro;
    /// High half of the `now` last read.
    NOW_HI: 0x03c, 1, 4, Ro;
    /// This card's site, 0 or 1.
    SITE: 0x040, 1, 4, Rw;
    /// For the host to try reads and writes with.
    SCRATCH: 0x044, 1, 4, Rw;

    /// Type and version of the link block.
    LINK_BLOCK: 0x100, 1, 4, Ro;
    /// Offset of the next block.
    LINK_NEXT: 0x104, 1, 4, Ro;
    /// Link control. Going from down to up clears the fence; unresolved blocks are then sent again.
    LINK_CONTROL: 0x108, 1, 4, Rw {
        /// 1: up. The driver sets it after the handshake.
        LINK_UP: 0, 1;
        /// 1: a block rides in one frame (MTU 9000). 0: in three (MTU 1500).
        LINK_JUMBO: 1, 1;
    };
    /// Link generation, 1 to 65535: frames of another generation are dropped. Write it while the link is down.
    LINK_GENERATION: 0x10c, 1, 4, Rw;
    /// This card's MAC address, bits 31:0 (the last four bytes as written).
    MAC_LO: 0x110, 1, 4, Rw;
    /// This card's MAC address, bits 47:32.
    MAC_HI: 0x114, 1, 4, Rw;
    /// The peer's MAC address, bits 31:0.
    PEER_MAC_LO: 0x118, 1, 4, Rw;
    /// The peer's MAC address, bits 47:32.
    PEER_MAC_HI: 0x11c, 1, 4, Rw;
    /// This card's IPv4 address, first byte most significant.
    IP: 0x120, 1, 4, Rw;
    /// The peer's IPv4 address.
    PEER_IP: 0x124, 1, 4, Rw;
    /// UDP port of both ends.
    UDP_PORT: 0x128, 1, 4, Rw;
    /// Cycles after which a block that is not acknowledged is sent again; at least twice CAP_PERIOD.
    RESEND_CYCLES: 0x12c, 1, 4, Rw;
    /// Times a block is sent again before its command ends with PeerTimeout and the link is fenced, 0 to 15.
    RESEND_LIMIT: 0x130, 1, 4, Rw;
    /// Slots of the peer: frames that name a slot at or above it are dropped.
    PEER_SLOTS: 0x134, 1, 4, Rw;
    /// First block of the staging area in the store, which has a block for each slot; 0: there is none, and writes to blocks that
    /// the peer owns end with NotOwner. Write it while the link is down.
    STAGING_BASE: 0x13c, 1, 4, Rw;
    /// Slots in use: blocks in flight, and blocks kept because it is not known whether both stores have them.
    SLOTS_IN_USE: 0x138, 1, 4, Ro;
    /// Bits 39:32 of STAGING_BASE.
    STAGING_BASE_HIGH: 0x140, 1, 4, Rw;
    /// Writes in a row of the peer's to one extent of this site's after which the extent is handed over unasked, 1 to 255; 0:
    /// never. A write of this site's begins the row anew.
    HAND_OVER_AFTER: 0x144, 1, 4, Rw;

    /// Type and version of the mailbox block.
    MAILBOX_BLOCK: 0x200, 1, 4, Ro;
    /// Offset of the next block.
    MAILBOX_NEXT: 0x204, 1, 4, Ro;
    /// Writing sends the message in MAILBOX_TX_DATA.
    MAILBOX_SEND: 0x208, 1, 4, Wo {
        /// Payload bytes of the frame, a multiple of 64, at least 256: the message and zeroes after it. 4096 probes a
        /// jumbo link, 1408 a standard one.
        MAILBOX_SEND_BYTES: 0, 16;
    };
    /// State of the mailbox.
    MAILBOX_STATUS: 0x20c, 1, 4, Ro {
        /// A message waits to be sent: do not touch MAILBOX_TX_DATA.
        MAILBOX_TX_BUSY: 0, 1;
        /// A message has come and is in MAILBOX_RX_DATA. The card keeps a few; when there is no room for one, it is dropped and
        /// counted.
        MAILBOX_RX_VALID: 1, 1;
        /// Payload bytes of the frame that it came in.
        MAILBOX_RX_BYTES: 16, 16;
    };
    /// Writing 1 says that the message in MAILBOX_RX_DATA has been read: the next one, if there is one, takes its place.
    MAILBOX_TAKE: 0x210, 1, 4, Wo;
    /// Vector that a message raises.
    MAILBOX_VECTOR: 0x214, 1, 4, Rw;
    /// Message to send, 256 bytes, first byte least significant.
    MAILBOX_TX_DATA: 0x400, 64, 4, Wo;
    /// Message that came.
    MAILBOX_RX_DATA: 0x600, 64, 4, Ro;

    /// Type and version of the LUN block.
    LUNS_BLOCK: 0x800, 1, 4, Ro;
    /// Offset of the next block.
    LUNS_NEXT: 0x804, 1, 4, Ro;
    /// State of a LUN.
    LUN_CONTROL: 0x840, 8, 0x40, Rw {
        /// The LUN exists.
        LUN_VALID: 0, 1;
        /// Its stores are known equal: reads and writes are served.
        LUN_LIVE: 1, 1;
        /// Not mirrored: writes go to the local store alone and need no link. For a store's superblock.
        LUN_LOCAL: 2, 1;
        /// Default owner, site 0 or 1.
        LUN_OWNER: 3, 1;
        /// Set by the card when a store, here or at the peer, has failed to write a block of the LUN: reads and writes end
        /// with NotLive until LUN_CONTROL is written with 0 here.
        LUN_FENCED: 4, 1;
        /// Log2 of the blocks in an extent.
        LUN_EXTENT_SHIFT: 8, 5;
        /// LUN generation. Directory entries of an older one read as the default: owner above, extent epoch 0.
        LUN_GENERATION: 16, 16;
    };
    /// Blocks in the LUN, bits 31:0.
    LUN_BLOCKS: 0x844, 8, 0x40, Rw;
    /// First block of the LUN in the store, bits 31:0.
    LUN_STORE_BASE: 0x848, 8, 0x40, Rw;
    /// First directory entry of the LUN.
    LUN_EXTENT_BASE: 0x84c, 8, 0x40, Rw;
    /// High parts of the LUN's size and place. A driver writes them before LUN_CONTROL, so that no half of a number is
    /// ever live.
    LUN_HIGH: 0x850, 8, 0x40, Rw {
        /// Bits 39:32 of LUN_BLOCKS.
        LUN_BLOCKS_HIGH: 0, 8;
        /// Bits 39:32 of LUN_STORE_BASE.
        LUN_STORE_BASE_HIGH: 8, 8;
    };

    /// Type and version of the counter block.
    COUNTERS_BLOCK: 0x1000, 1, 4, Ro;
    /// Offset of the next block.
    COUNTERS_NEXT: 0x1004, 1, 4, Ro;
    /// How many counters there are.
    COUNTERS_COUNT: 0x1008, 1, 4, Ro;
    /// Counters since reset, wrapping; in the order of the counter table.
    COUNTER: 0x1200, 128, 4, Ro;

    /// Type and version of the queue block.
    QUEUES_BLOCK: 0x2000, 1, 4, Ro;
    /// Offset of the next block.
    QUEUES_NEXT: 0x2004, 1, 4, Ro;
    /// IOVA of the submission queue, low half; a multiple of 4096.
    SQ_BASE_LO: 0x2040, 8, 0x40, Rw;
    /// IOVA of the submission queue, high half.
    SQ_BASE_HI: 0x2044, 8, 0x40, Rw;
    /// IOVA of the completion queue, low half; a multiple of 4096.
    CQ_BASE_LO: 0x2048, 8, 0x40, Rw;
    /// IOVA of the completion queue, high half.
    CQ_BASE_HI: 0x204c, 8, 0x40, Rw;
    /// Setting of the pair. Enabling clears heads, tails and the phase; write the rest before.
    QUEUE_CONTROL: 0x2050, 8, 0x40, Rw {
        /// 1: the pair is in use.
        QUEUE_ENABLE: 0, 1;
        /// Log2 of the submission queue's entries, 1 to CAP_QUEUE_LOG2.
        QUEUE_SQ_LOG2: 8, 4;
        /// Log2 of the completion queue's entries, 1 to CAP_QUEUE_LOG2.
        QUEUE_CQ_LOG2: 12, 4;
        /// Vector that completions raise.
        QUEUE_VECTOR: 16, 8;
    };
    /// State of the pair.
    QUEUE_STATUS: 0x2054, 8, 0x40, Ro {
        /// Submission queue head: entries fetched.
        QUEUE_SQ_HEAD: 0, 16;
        /// A doorbell was past its ring, or an entry could not be fetched or posted: the pair has stopped. Enable it anew.
        QUEUE_ERROR: 31, 1;
    };

    /// Type and version of the vector block.
    VECTORS_BLOCK: 0x3000, 1, 4, Ro;
    /// Offset of the next block.
    VECTORS_NEXT: 0x3004, 1, 4, Ro;
    /// Moderation of a vector: it is raised when either limit is reached; both 0: at once.
    VECTOR_MODERATION: 0x3040, 8, 4, Rw {
        /// Completions to gather.
        VECTOR_COUNT: 0, 8;
        /// Cycles to wait after the first.
        VECTOR_CYCLES: 8, 24;
    };

    /// Doorbell: the submission queue's new tail. One 4 KiB page a pair.
    SQ_DOORBELL: 0x8000, 8, 0x1000, Wo;
    /// Doorbell: the completion queue's new head.
    CQ_DOORBELL: 0x8004, 8, 0x1000, Wo;
}
