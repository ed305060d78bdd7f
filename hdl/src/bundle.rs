//! Packed payloads of the card's internal streams.
//!
//! A bundle is a list of fields; the first one sits in the lowest bits. `pack` joins the fields into one vector for a
//! FIFO, a RAM or a port, `unpack` takes them apart again.

/// Bits of a slot number.
pub const SLOT_W: usize = 12;
/// Bits of a LUN number inside the card.
pub const LUN_W: usize = 3;
/// Bits of a logical block address inside the card.
pub const LBA_W: usize = dyad_spec::LBA_BITS;
/// Bits of a byte's address in the store.
pub const STORE_ADDR_W: usize = LBA_W + 12;
/// Bits of a command number.
pub const CMD_W: usize = 12;
/// Bits of a queue pair's number.
pub const QUEUE_W: usize = 3;
/// Bits of a lock holder's number: slots; 4096 and more: mirror buffers; 8192 and more: slots of the peer.
pub const HOLDER_W: usize = 14;
/// Bits of the number of a directory entry.
pub const INDEX_W: usize = 20;
/// Bits of an operation's kind.
pub const KIND_W: usize = 3;

/// Defines a bundle: a struct of expressions, its width, and the two conversions.
#[macro_export]
macro_rules! bundle {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $w:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name { $($(#[$fdoc])* pub $field: $crate::ir::E),* }

        impl $name {
            /// Bits of the packed vector.
            pub const WIDTH: usize = 0 $(+ $w)*;
            /// Name and width of each field, lowest bits first.
            pub const FIELDS: &[(&'static str, usize)] = &[$((stringify!($field), $w)),*];

            /// Joins the fields, the first one lowest.
            #[track_caller]
            pub fn pack(&self) -> $crate::ir::E {
                let mut parts = vec![$({
                    assert_eq!(self.$field.width(), $w, concat!(stringify!($name), ".", stringify!($field), ": width"));
                    self.$field
                }),*];
                parts.reverse();
                $crate::ir::cat(&parts)
            }

            /// Takes a packed vector apart.
            #[track_caller]
            pub fn unpack(packed: $crate::ir::E) -> Self {
                assert_eq!(packed.width(), Self::WIDTH, concat!(stringify!($name), ": width of the packed vector"));
                let mut lsb = 0;
                $(let $field = packed.slice(lsb, $w); lsb += $w;)*
                let _ = lsb;
                Self { $($field),* }
            }
        }
    };
}

bundle! {
    /// A doorbell of a submission queue.
    SqDoorbell {
        /// Queue pair.
        queue: QUEUE_W,
        /// New tail.
        tail: 16,
    }
}
bundle! {
    /// A doorbell of a completion queue.
    CqDoorbell {
        /// Queue pair.
        queue: QUEUE_W,
        /// New head.
        head: 16,
    }
}
bundle! {
    /// A burst to read or write in host memory; never crosses a 4 KiB boundary.
    HostBurst {
        /// First byte, a multiple of the beat's size.
        addr: 64,
        /// Beats, 1 to 256.
        beats: 9,
    }
}
bundle! {
    /// A submission entry as fetched.
    Sqe {
        /// The first 32 bytes of the entry.
        entry: 256,
        /// One of the other 32 bytes was not zero.
        reserved: 1,
        /// Queue pair it came from.
        queue: QUEUE_W,
        /// `now` when its doorbell was accepted.
        t_doorbell: 48,
        /// Cycles from then to its last beat.
        d_fetched: 32,
    }
}
bundle! {
    /// What is known of a command when it ends, on the way to its completion entry.
    Cqe {
        /// Queue pair.
        queue: QUEUE_W,
        /// Command identifier.
        cid: 16,
        /// Status code.
        status: 8,
        /// Owner, for NotOwner.
        owner: 1,
        /// Epoch, for NotOwner.
        epoch: 32,
        /// Index of the first block that failed.
        block: 16,
        /// Repeats of the last block.
        retries: 8,
        /// `now` at the doorbell.
        t_doorbell: 48,
        /// Cycles from the doorbell; see the completion entry.
        d_fetched: 32,
        /// Owner and lock had.
        d_lookup: 32,
        /// Local store has answered.
        d_local: 32,
        /// First beat of the first frame.
        d_frame: 32,
        /// Last beat of the last frame.
        d_sent: 32,
        /// Acknowledgement verified.
        d_ack: 32,
        /// Cycles spent at the peer.
        d_mirror: 32,
    }
}
bundle! {
    /// A lookup's answer.
    Lookup {
        /// The asker's tag.
        tag: 4,
        /// The address is inside a LUN that exists.
        valid: 1,
        /// Owner: site 0 or 1.
        owner: 1,
        /// LUN generation and extent epoch.
        epoch: 32,
        /// The owner is about to hand the extent over: nothing new is admitted.
        closing: 1,
        /// Number of the extent's entry.
        index: INDEX_W,
    }
}
bundle! {
    /// A lookup's question.
    LookupReq {
        /// LUN.
        lun: LUN_W,
        /// Address.
        lba: LBA_W,
        /// Comes back with the answer.
        tag: 4,
    }
}
bundle! {
    /// A change of one directory entry.
    DirUpdate {
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// New owner.
        owner: 1,
        /// New extent epoch.
        epoch: 16,
        /// About to be handed over.
        closing: 1,
    }
}
bundle! {
    /// A change of a LUN's default owner and generation.
    LunUpdate {
        /// LUN.
        lun: LUN_W,
        /// New default owner.
        owner: 1,
        /// New generation.
        generation: 16,
    }
}
bundle! {
    /// A lock wanted.
    LockReq {
        /// Who: a slot, 4096 plus a mirror buffer, or 8192 plus a slot of the peer.
        id: HOLDER_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Alone, rather than shared with other readers.
        exclusive: 1,
        /// Now or not at all: does not wait.
        at_once: 1,
    }
}
bundle! {
    /// A lock given back.
    LockRel {
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// How it was held.
        exclusive: 1,
    }
}
bundle! {
    /// LOOKUP, IDENTIFY or SET_OWNER, checked.
    AdminCmd {
        /// Command number.
        cmd: CMD_W,
        /// Opcode.
        opcode: 8,
        /// Flags.
        flags: 8,
        /// LUN.
        lun: LUN_W,
        /// New owner.
        owner: 1,
        /// Count.
        blocks: 16,
        /// First address.
        lba: LBA_W,
        /// Host address.
        iova: 64,
        /// Second host address, or epoch.
        aux: 64,
    }
}
bundle! {
    /// End of an `AdminCmd`.
    AdminDone {
        /// Command number.
        cmd: CMD_W,
        /// Status code.
        status: 8,
    }
}
bundle! {
    /// A short frame to send.
    TxCtl {
        /// Frame type.
        ftype: 4,
        /// Code, for REFUSED and BUSY.
        code: 8,
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// ACK: `now` from which the time spent here is counted. OWN_REQ, GRANT, TAKEN: the address, bits 31:0.
        t_ref: 32,
        /// OWN_REQ, GRANT, TAKEN: LUN.
        lun: LUN_W,
        /// OWN_REQ, GRANT, TAKEN: epoch.
        epoch: 32,
        /// OWN_REQ, GRANT, TAKEN: the address, from bit 32 up.
        lba_high: LBA_W - 32,
    }
}
/// Bits of a [`TxCtl`] that is not about owners: the rest is zero.
pub const TX_SHORT_W: usize = TxCtl::WIDTH - LUN_W - LBA_W;
bundle! {
    /// A frame about an owner: OWN_REQ, GRANT, TAKEN, or the REFUSED of an OWN_REQ.
    OwnFrame {
        /// Frame type.
        ftype: 4,
        /// See [`own_code`]; of a REFUSED, the status.
        code: 8,
        /// Slot of the command that it is about.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// OWN_REQ: the epoch that the sender knows. GRANT, TAKEN: the new one.
        epoch: 32,
    }
}
bundle! {
    /// An owner wanted, or given up, by a command.
    OwnJob {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// The LUN is not mirrored.
        local: 1,
        /// See [`own_code`].
        code: 2,
        /// Not for the first time.
        again: 1,
    }
}
/// Bits of the code of [`OwnFrame`] and [`OwnJob`].
pub mod own_code {
    /// The whole LUN.
    pub const WHOLE: usize = 0;
    /// Given up, not wanted.
    pub const RELEASE: usize = 1;
    /// No command is told of its end; of an operation only.
    pub const UNASKED: usize = 2;
}
bundle! {
    /// A write that was admitted in an extent of this site's.
    Note {
        /// Number of the extent's entry in the directory.
        index: INDEX_W,
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// It is a request of the peer's.
        theirs: 1,
    }
}
bundle! {
    /// The address of a write that is resolved: its extent may be handed over when it was the last.
    Resolved {
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
    }
}
bundle! {
    /// A request of the peer's that has its lock and wants to be admitted.
    Claim {
        /// Mirror buffer.
        buf: 4,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Epoch that its frames name.
        epoch: 32,
    }
}
bundle! {
    /// Whether it is.
    Claimed {
        /// Mirror buffer.
        buf: 4,
        /// This site owns the block, in that epoch, and is not about to hand it over.
        go: 1,
    }
}
bundle! {
    /// A block to send; its payload comes beside it.
    TxJob {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Epoch at the sender.
        epoch: 32,
        /// The peer owns the block: REQUEST, not WRITE.
        request: 1,
        /// The block is all zeroes; its payload is [`ZEROES_BYTES`](dyad_spec::wire::ZEROES_BYTES).
        zeroes: 1,
    }
}
bundle! {
    /// A block has left, or was given up.
    Sent {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// `now` at the first beat of its first frame.
        t_first: 32,
        /// `now` at the last beat of its last frame.
        t_last: 32,
        /// A frame of it was ended as bad.
        aborted: 1,
        /// It was a repeat.
        resend: 1,
    }
}
bundle! {
    /// An answer from the peer.
    Answer {
        /// Frame type: ACK, BUSY, REFUSED, NOT_OWNER, or a question for the COMMIT of a slot and sequence.
        ftype: 4,
        /// Code of REFUSED and BUSY.
        code: 8,
        /// Slot answered.
        slot: SLOT_W,
        /// Sequence answered.
        seq: 32,
        /// ACK: cycles spent at the peer.
        aux: 32,
    }
}
bundle! {
    /// The use of a slot: in a COMMIT, the write that is complete.
    SlotUse {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
    }
}
bundle! {
    /// A block of the peer that is in the store and waits for its COMMIT.
    Hold {
        /// The peer's slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// The peer asked for it: this site owns the block.
        request: 1,
    }
}
bundle! {
    /// A request of the peer's, whole, in a mirror buffer, whose block is locked.
    Ask {
        /// Mirror buffer.
        buf: 4,
        /// The peer's slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// `now` at the last beat of its last frame.
        t_last: 32,
    }
}
bundle! {
    /// What becomes of it.
    Verdict {
        /// Mirror buffer.
        buf: 4,
        /// It has the lock: write it home. Otherwise it has been answered.
        go: 1,
    }
}
bundle! {
    /// The head of a WRITE or REQUEST frame, or of one of zeroes, that passed its header checks.
    RxHead {
        /// Sender's slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: 8,
        /// Block.
        lba: LBA_W,
        /// Epoch at the sender.
        epoch: 32,
        /// Offset in the block, in units of 64 bytes.
        offset: 8,
        /// Payload in units of 64 bytes.
        length: 8,
        /// REQUEST, not WRITE.
        request: 1,
        /// It stands for a whole block of zeroes.
        zeroes: 1,
    }
}
bundle! {
    /// The end of such a frame.
    RxEnd {
        /// It was whole and its checksum right.
        good: 1,
        /// `now` at its last beat.
        t_last: 32,
    }
}
bundle! {
    /// An operation on one block, as a command is split into.
    OpInfo {
        /// Command it belongs to.
        cmd: CMD_W,
        /// Index of the block in the command.
        block: 6,
        /// See [`op_kind`].
        kind: KIND_W,
        /// The LUN is not mirrored: no frame, no acknowledgement.
        local: 1,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Page of the block's data in host memory: IOVA over 4096. OWN: its code. COMPARE: of the page that is expected; the
        /// data are in the next one.
        page: 52,
    }
}

/// Kinds of operations in `OpInfo`.
pub mod op_kind {
    /// Read from the local store.
    pub const READ: u64 = 0;
    /// Dual write.
    pub const WRITE: u64 = 1;
    /// Flush of both stores.
    pub const FLUSH: u64 = 2;
    /// An extent, or a LUN, wanted or given up.
    pub const OWN: u64 = 3;
    /// Dual write of a block that is what the host expects.
    pub const COMPARE: u64 = 4;
    /// Dual write of a block of zeroes.
    pub const ZEROES: u64 = 5;
}

bundle! {
    /// A lock that was won.
    LockGrant {
        /// Who: a slot, 4096 plus a mirror buffer, or 8192 plus a slot of the peer.
        id: HOLDER_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Alone.
        exclusive: 1,
    }
}
bundle! {
    /// A slot whose lock was won, with the directory's answer.
    Admit {
        /// Slot.
        slot: SLOT_W,
        /// The address is inside the LUN.
        valid: 1,
        /// Owner.
        owner: 1,
        /// Epoch.
        epoch: 32,
        /// This site owns it and is about to hand it over: not now.
        closing: 1,
        /// Counted as a write of an owner: its end must be told.
        counted: 1,
    }
}
bundle! {
    /// An operation under way, as handed to the engine that carries it out.
    Launch {
        /// Slot.
        slot: SLOT_W,
        /// Sequence of this use of the slot.
        seq: 32,
        /// Epoch of the extent.
        epoch: 32,
        /// Not mirrored.
        local: 1,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Page in host memory.
        page: 52,
        /// The peer owns the block: to the staging area, and to the peer as a request.
        request: 1,
        /// The block becomes all zeroes: nothing is read from host memory.
        zeroes: 1,
    }
}
bundle! {
    /// A block to be compared with a page of the host.
    CompareJob {
        /// Slot.
        slot: SLOT_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// Page in host memory: IOVA over 4096.
        page: 52,
        /// Epoch of the extent: comes back.
        epoch: 32,
    }
}
bundle! {
    /// The outcome.
    Compared {
        /// Slot.
        slot: SLOT_W,
        /// Status code: Ok when they are equal.
        status: 8,
        /// Epoch of the extent.
        epoch: 32,
    }
}
bundle! {
    /// A block of the staging area to be copied home.
    CopyJob {
        /// Slot.
        slot: SLOT_W,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
    }
}
bundle! {
    /// A block, or a flush, to send again.
    Resend {
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// CRC32C of the block as first sent.
        crc: 32,
        /// It is in the staging area, and a request.
        request: 1,
    }
}
bundle! {
    /// The local leg of a slot has ended.
    LocalDone {
        /// Slot.
        slot: SLOT_W,
        /// Status code: Ok, StoreError, or a DMA fault, which means that nothing was written.
        status: 8,
        /// CRC32C of the block's 4096 bytes. About an owner: the sequence.
        crc: 32,
        /// It is about an owner.
        own: 1,
    }
}
bundle! {
    /// A slot's operation ended, or failed for good.
    OpEnd {
        /// Slot.
        slot: SLOT_W,
        /// Status code.
        status: 8,
    }
}
bundle! {
    /// What a block tells its command when it ends.
    BlockDone {
        /// Command.
        cmd: CMD_W,
        /// Status code.
        status: 8,
        /// Owner, for NotOwner.
        owner: 1,
        /// Epoch, for NotOwner.
        epoch: 32,
        /// Index in the command.
        block: 6,
        /// Repeats.
        retries: 4,
        /// `now` when owner and lock were had.
        t_lookup: 32,
        /// `now` when the local store had answered.
        t_local: 32,
        /// `now` at the first beat of the first frame.
        t_frame: 32,
        /// `now` at the last beat of the last frame.
        t_sent: 32,
        /// `now` when the acknowledgement was verified.
        t_ack: 32,
        /// Cycles spent at the peer.
        mirror: 32,
    }
}
bundle! {
    /// A command that was taken in.
    CmdNew {
        /// Command number.
        cmd: CMD_W,
        /// Command identifier.
        cid: 16,
        /// Queue pair.
        queue: QUEUE_W,
        /// Blocks to wait for.
        blocks: 7,
        /// `now` at the doorbell.
        t_doorbell: 48,
        /// Cycles from then to the entry's last beat.
        d_fetched: 32,
    }
}
bundle! {
    /// A whole block in a gather buffer, to be written home.
    HomeJob {
        /// Gather buffer.
        buf: 4,
        /// Block in the store.
        block: LBA_W,
        /// It is all zeroes, whatever the buffer holds.
        zeroes: 1,
    }
}
