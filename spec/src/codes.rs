//! Opcodes of submissions, types of frames, and status codes.

macro_rules! codes {
    ($(#[$doc:meta])* $type:ident { $($(#[doc = $vdoc:literal])+ $variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $type { $($(#[doc = $vdoc])+ $variant = $value,)* }

        impl $type {
            /// Every code with its name and meaning, for the manual and for tools.
            pub const ALL: &[($type, &str, &str)] =
                &[$(($type::$variant, stringify!($variant), concat!($($vdoc),+)),)*];

            /// The code as the card has it.
            pub const fn code(self) -> u64 {
                self as u64
            }

            /// What the code means, as a sentence for a person.
            pub fn meaning(self) -> &'static str {
                Self::ALL.iter().find(|e| e.0 == self).map_or("", |e| e.2.trim())
            }
        }

        impl TryFrom<u8> for $type {
            /// The code that nobody has defined.
            type Error = u8;
            fn try_from(code: u8) -> Result<Self, u8> {
                match code { $($value => Ok(Self::$variant),)* other => Err(other) }
            }
        }
    };
}

codes! {
    /// What a submission asks for.
    Opcode {
        /// Write blocks to the local store and to the peer's, then complete.
        Write = 0x01,
        /// Read blocks from the local store.
        Read = 0x02,
        /// Complete when both stores' flush lines have answered.
        Flush = 0x03,
        /// Answer owner, epoch and validity of a list of block addresses.
        Lookup = 0x04,
        /// Write one block of facts about the card to host memory.
        Identify = 0x05,
        /// Set owner and epoch of a range of extents, or of a whole LUN.
        SetOwner = 0x06,
        /// Take extents, or a whole LUN, over from the peer: complete when this site owns them.
        Acquire = 0x07,
        /// Hand extents, or a whole LUN, over to the peer: complete when the peer owns them.
        Release = 0x08,
        /// Write a block if it is what the host expects, in one step that no other write comes between.
        CompareWrite = 0x09,
        /// Make blocks all zeroes, at both sites: like WRITE, without data in host memory.
        WriteZeroes = 0x0a,
        /// Say that the contents of blocks are not needed any more. From then on they read as zeroes at both sites.
        Trim = 0x0b,
    }
}

codes! {
    /// How a submission ended.
    Status {
        /// Done: for a write, both stores have it.
        Ok = 0x00,
        /// No such opcode, or a reserved field or flag was not zero.
        BadOpcode = 0x01,
        /// The block count was zero or above the limit of the opcode.
        BadBlocks = 0x02,
        /// The range ends past the end of the LUN.
        BadLba = 0x03,
        /// No such LUN.
        BadLun = 0x04,
        /// A host address was not a multiple of 4096, or has more bits than the card's (CAP_IOVA_W).
        Misaligned = 0x05,
        /// The other site owns a block of the range, and will not take a request for it; owner and epoch are in the completion.
        /// RELEASE of a LUN: the other site is its default owner.
        NotOwner = 0x10,
        /// The LUN's stores are not known to be equal yet.
        NotLive = 0x11,
        /// The link to the peer is down or fenced.
        LinkDown = 0x12,
        /// The epochs of the extent, or the generations of the LUN, are used up: its owner stays.
        EpochSpent = 0x13,
        /// Reading host memory failed: not mapped, or unmapped while in flight.
        DmaReadFault = 0x20,
        /// Writing host memory failed: not mapped, or unmapped while in flight.
        DmaWriteFault = 0x21,
        /// The local store answered with an error.
        StoreError = 0x30,
        /// A block read from the local store does not have the checksum it was written with.
        StoreIntegrity = 0x31,
        /// The peer did not acknowledge within its repeats; the link is now fenced.
        PeerTimeout = 0x40,
        /// The peer's store answered with an error.
        PeerStoreError = 0x41,
        /// The peer refused: LUN not live there, or range, owner or epoch differ.
        PeerRefused = 0x42,
        /// The block is kept locked by an earlier write of which it is not known that both stores have it; bring the link
        /// up again.
        Locked = 0x43,
        /// COMPARE_WRITE: the block is not what was expected; nothing was written.
        Miscompare = 0x44,
    }
}

codes! {
    /// What a frame carries.
    FrameType {
        /// A block, or a part of one, to mirror.
        Write = 0x1,
        /// The block of this slot and sequence is in the peer's store.
        Ack = 0x2,
        /// The peer had no buffer or no lock for it: repeat later. Not a loss. `code` 1, for a `Request`: the block is locked,
        /// and the peer keeps a turn for this slot and sequence: repeat at once.
        Busy = 0x3,
        /// The peer will not take it; `code` says why, as a status.
        Refused = 0x4,
        /// Flush the peer's store; answered with `Ack`.
        Flush = 0x5,
        /// A message between the two drivers, carried by the cards' mailboxes.
        Control = 0x6,
        /// A block, or a part of one, that its owner is asked to write: like `Write`, but the receiver owns the block.
        Request = 0x7,
        /// Like `Write`, for a whole block of zeroes. The payload is the first of them.
        WriteZeroes = 0x8,
        /// Like `Request`, for a whole block of zeroes. The payload is the first of them.
        RequestZeroes = 0x9,
        /// Not taken: the receiver of this slot and sequence is not the owner, is about to hand over, or knows another epoch;
        /// `code`: the site that owns, or is about to. Repeat later, with the epoch of then.
        NotOwner = 0xa,
        /// The write of this slot and sequence is complete at its owner: the block may be shown.
        Commit = 0xb,
        /// Asks for the `Commit` of the peer's slot and sequence.
        AskCommit = 0xc,
        /// Asks for the extent of the address, of which the sender knows `epoch`; `code` bit 0: for the LUN.
        OwnReq = 0xd,
        /// From `epoch` on the receiver owns the extent of the address; `code` bit 0: the LUN; bit 1: nobody asked, answer
        /// with `Taken`.
        Grant = 0xe,
        /// The `Grant` of this slot and sequence has been heard.
        Taken = 0xf,
    }
}
