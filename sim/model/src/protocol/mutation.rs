//! Defects that can be switched on, one at a time, to see that the checks notice them.

macro_rules! mutations {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// One way to get the protocol wrong. Each leaves out a rule of the design's section 5.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutation { $($(#[doc = $doc])+ $name,)* }

        impl Mutation {
            /// Every defect.
            pub const ALL: &[Mutation] = &[$(Mutation::$name),*];
            /// Name, as tools print and read it.
            pub const fn name(self) -> &'static str {
                match self { $(Mutation::$name => stringify!($name),)* }
            }
            /// What is wrong.
            pub const fn doc(self) -> &'static str {
                match self { $(Mutation::$name => concat!($($doc),+),)* }
            }
            /// The defect of this name.
            pub fn by_name(name: &str) -> Option<Mutation> {
                Self::ALL.iter().copied().find(|m| m.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

mutations! {
    /// A mirror's readers do not wait while the block is pending.
    NoPendingWait,
    /// The owner unlocks when its own store has answered, without the peer's ACK.
    UnlockBeforeAck,
    /// Frames of an epoch that is not the receiver's are admitted.
    AcceptOldEpoch,
    /// An owner grants without waiting for what it has admitted.
    GrantWithoutDrain,
    /// R1: a receiver takes any sequence number for a new one.
    SkipSequence,
    /// A receiver acknowledges when it has admitted a block, before its store has answered.
    AckBeforeStore,
    /// A block is read for a repeat before the store has answered its write, and its CRC is not compared.
    ResendBeforeStore,
    /// R12: COMMIT ends whatever the peer holds on the block, whichever slot and sequence it names.
    CommitByBlock,
    /// A write is not looked up again after it has waited for its lock.
    NoSecondLookup,
    /// The lock table compares buckets instead of addresses.
    CompareHashes,
    /// The peer's blocks have no room of their own in the lock table.
    SharedRoom,
    /// R1: the record of a slot is forgotten with its COMMIT.
    ForgetAfterCommit,
    /// R2: directory and epoch are looked at before the record of slot and sequence.
    DirectoryFirst,
    /// R3: a later sequence on a slot does not imply the COMMIT of the earlier one.
    LaterImpliesNothing,
    /// R4: COMMIT is never asked for.
    NeverAsk,
    /// R4: a slot answers for its COMMIT although it is not complete.
    CommitTooEarly,
    /// R5: a second copy of a frame implies the COMMIT of another write of its block.
    DuplicateImplies,
    /// R6: a requested write counts as resolved when it has been acknowledged.
    DrainForgetsCommit,
    /// R7: a turn kept for the peer outlives the owner's grant.
    TurnAfterGrant,
    /// R7: a turn kept for the peer outlives its request: a later sequence of its slot, or a refusal.
    TurnAfterLater,
    /// R7: no turn is kept: the peer's request finds the block locked again and again.
    NoTurn,
    /// R8: a site sends several requests for one block at a time.
    ManyRequests,
    /// R9: NOT_OWNER changes the directory.
    NotOwnerMoves,
    /// R9: a GRANT is taken whatever its epoch.
    AnyGrant,
    /// R9: the epoch does not rise with a grant.
    SameEpoch,
    /// R10: a lost GRANT is not sent again.
    GrantOnce,
    /// R11: requests stay requests after a GRANT.
    StayRequester,
    /// R14: a request that turns into an own write keeps its sequence.
    SameSequence,
    /// R12: an answer is taken whatever its sequence.
    AnySequence,
    /// R12: frames of another link generation are taken.
    AnyGeneration,
    /// R13: what is unresolved at link-up is not sent again.
    ForgetAtLinkUp,
    /// A part of a block is written home as it arrives.
    WriteThrough,
    /// A repeated compare-and-write is decided anew.
    CompareAgain,
    /// Write-zeroes does not wait for the writes of its extent.
    ZeroWithoutDrain,
    /// Write-zeroes lets readers of its extent go on.
    ZeroUnderReaders,
    /// A requester shows its own block at once, before the owner has it.
    RequestHomeFirst,
    /// The owner unlocks a requested block when it has acknowledged it.
    UnlockWithoutCommit,
}
