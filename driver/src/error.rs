//! What can go wrong, in one enum. Each message says what was tried, on which device or object, and what to do next.

use std::path::PathBuf;

use dyad_spec::Status;

use crate::handshake::Mismatch;
use crate::lun::NotEqual;
use crate::queue::QueueFault;

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a command was about: for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandFailure {
    /// Name of the opcode.
    pub operation: &'static str,
    /// LUN number.
    pub lun: u8,
    /// First logical block address of the command.
    pub lba: u64,
    /// How it ended.
    pub status: Status,
    /// Index, in the command, of the first block that failed.
    pub block: u16,
    /// The owner, when the status is `NotOwner`.
    pub owner: u8,
    /// The extent's epoch, when the status is `NotOwner`.
    pub epoch: u32,
}

impl std::fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lba = self.lba.saturating_add(u64::from(self.block));
        write!(f, "{} of LUN {} ended with {:?} at block {lba}: ", self.operation, self.lun, self.status)?;
        f.write_str(self.status.meaning())?;
        match self.status {
            Status::NotOwner => write!(f, " Site {} owns it in epoch {:#x}: write there", self.owner, self.epoch),
            Status::NotLive => f.write_str(" Bring the link up, or run a sync when the stores are not known equal"),
            Status::LinkDown | Status::PeerTimeout | Status::Locked => f.write_str(" Bring the link up again"),
            Status::StoreError | Status::PeerStoreError | Status::StoreIntegrity => f.write_str(" Check that store"),
            Status::DmaReadFault | Status::DmaWriteFault => f.write_str(" Keep the buffer mapped until the completion"),
            _ => f.write_str(" Correct the request"),
        }
    }
}

/// Why a superblock cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuperblockDamage {
    /// The checksum is not that of the content.
    #[error("its checksum is {found:#010x}, its content has {computed:#010x}")]
    Checksum {
        /// As stored.
        found: u32,
        /// As computed.
        computed: u32,
    },
    /// A field holds a value that no driver writes.
    #[error("its field `{field}` holds {value:#x}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
    /// Two LUN records overlap or have the same number.
    #[error("its records of LUN {first} and LUN {second} are in conflict")]
    Conflict {
        /// Number of the one.
        first: u8,
        /// Number of the other.
        second: u8,
    },
}

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device answers all-ones, or its socket is closed.
    #[error(
        "{during} on {device}: the device is gone{}; check the board's PCIe link or that the simulator runs, then open it again",
        .reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default()
    )]
    DeviceGone {
        /// Which device.
        device: Box<str>,
        /// What was being done.
        during: &'static str,
        /// What the backing knows about it.
        reason: Option<Box<str>>,
    },
    /// The device could not be opened.
    #[error("opening {device}: {problem}; {todo}")]
    Open {
        /// Which device.
        device: Box<str>,
        /// What did not work.
        problem: Box<str>,
        /// What to do about it.
        todo: &'static str,
    },
    /// A device could not be bound to the kernel's VFIO, or taken from it.
    #[error("{operation} {device}: {problem}; {todo}")]
    Bind {
        /// Binding or unbinding.
        operation: &'static str,
        /// Which device.
        device: Box<str>,
        /// What is in the way, or did not work.
        problem: Box<str>,
        /// What to do about it.
        todo: Box<str>,
    },
    /// The device is something else.
    #[error(
        "opening {device}: MAGIC reads {found:#010x}, a Dyad card has {:#010x}; give the address of a Dyad card",
        dyad_spec::MAGIC
    )]
    NotDyad {
        /// Which device.
        device: Box<str>,
        /// What MAGIC reads.
        found: u32,
    },
    /// The card has another major version of the contract, or an older minor one.
    #[error(
        "opening {device}: it has version {}.{} of the register map, this driver {}.{}; use the driver that came with the bitstream",
        .found >> 16, .found & 0xffff, dyad_spec::SPEC_VERSION >> 16, dyad_spec::SPEC_VERSION & 0xffff
    )]
    Version {
        /// Which device.
        device: Box<str>,
        /// What VERSION reads.
        found: u32,
    },
    /// The list of register blocks is not the one that this driver knows.
    #[error("opening {device}: register block `{block}` {problem}; use the driver that came with the bitstream")]
    Layout {
        /// Which device.
        device: Box<str>,
        /// Name of the block.
        block: &'static str,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// A wait came to its deadline.
    #[error("{operation} on {device}: no answer in {} ms; `dyad stats` shows what the card last did", .waited_ns / 1_000_000)]
    Deadline {
        /// Which device.
        device: Box<str>,
        /// What was being done.
        operation: &'static str,
        /// How long it was waited for, in nanoseconds of the backing's clock.
        waited_ns: u64,
    },
    /// The submission queue has no room, or as many commands are in flight as the completion queue has room for.
    #[error("submitting to queue {queue}: it is full; poll for completions first")]
    QueueFull {
        /// Number of the queue pair.
        queue: u8,
    },
    /// The card wrote something into the completion queue that cannot be.
    #[error("polling queue {queue} on {device}: {fault}; reset the card and open it again")]
    QueueFault {
        /// Which device.
        device: Box<str>,
        /// Number of the queue pair.
        queue: u8,
        /// What was wrong.
        fault: QueueFault,
    },
    /// An argument is outside its limits.
    #[error("{operation}: {problem}; {todo}")]
    Argument {
        /// What was asked for.
        operation: &'static str,
        /// What is wrong with it.
        problem: Box<str>,
        /// What to do about it.
        todo: &'static str,
    },
    /// A command ended with a status other than Ok.
    #[error("{0}")]
    Command(CommandFailure),
    /// DMA memory could not be had or mapped.
    #[error(
        "mapping {len} bytes of DMA memory for {device}: {source}; free memory, or raise the limit of locked memory"
    )]
    Dma {
        /// Which device.
        device: Box<str>,
        /// How many bytes were asked for.
        len: usize,
        /// What the system said.
        source: std::io::Error,
    },
    /// A request over the vfio-user socket was refused.
    #[error(
        "{request} over {path}: the server refused (errno {errno}); check that client and server are of one version"
    )]
    Refused {
        /// Name of the request.
        request: &'static str,
        /// The socket.
        path: PathBuf,
        /// Error number that the server gave; 0 when it gave none.
        errno: u32,
    },
    /// The peer's driver offers something that does not go with ours.
    #[error("link-up: {0}")]
    Mismatch(Box<Mismatch>),
    /// The peer closed, refused or restarted in the middle of an exchange.
    #[error("{operation}: the peer's driver {problem}; start it there, then repeat this")]
    Peer {
        /// What was being done.
        operation: &'static str,
        /// What the peer did or did not do.
        problem: &'static str,
    },
    /// The generations of a pair are used up.
    #[error("link-up: the pair has used all 65535 link generations; format both stores as a new pair")]
    GenerationsUsedUp,
    /// The stores could not be closed cleanly.
    #[error("closing the link: {reason}; bring it up again before either card is reset, or run `dyad sync` afterwards")]
    UncleanClose {
        /// Why.
        reason: Box<str>,
    },
    /// A LUN's stores are not known to be equal.
    #[error("LUN {lun} does not go live: {reason}; run `dyad sync` from the site whose copy is to be kept")]
    NotEqual {
        /// LUN number.
        lun: u8,
        /// Why.
        reason: NotEqual,
    },
    /// Two copies that were just made equal differ.
    #[error(
        "verifying LUN {lun} after sync: site {site} has SHA-256 {ours}, the peer {theirs}; check both stores, then sync again"
    )]
    VerifyFailed {
        /// LUN number.
        lun: u8,
        /// This site.
        site: u8,
        /// Our digest.
        ours: Box<str>,
        /// Theirs.
        theirs: Box<str>,
    },
    /// The store holds no superblock.
    #[error("reading the superblock of {device}: the store is not formatted; run `dyad lun format` at both sites")]
    NotFormatted {
        /// Which device.
        device: Box<str>,
    },
    /// The store's superblock is damaged.
    #[error("reading the superblock of {device}: {damage}; format the store and sync from the other site")]
    DamagedSuperblock {
        /// Which device.
        device: Box<str>,
        /// In which way.
        damage: SuperblockDamage,
    },
    /// A LUN of that number is there.
    #[error("creating LUN {lun}: it exists with {blocks} blocks; choose another number")]
    LunExists {
        /// LUN number.
        lun: u8,
        /// Its blocks.
        blocks: u64,
    },
    /// A LUN of that number is not there.
    #[error("LUN {lun} does not exist on this store; `dyad lun list` shows what does")]
    NoLun {
        /// LUN number.
        lun: u8,
    },
    /// The store has no gap that is large enough.
    #[error("creating LUN {lun} of {blocks} blocks: the largest gap on the store has {largest}; choose a smaller size")]
    NoRoom {
        /// LUN number.
        lun: u8,
        /// Blocks asked for.
        blocks: u64,
        /// Blocks of the largest gap.
        largest: u64,
    },
    /// The LUN is larger than the card can address.
    #[error("creating LUN {lun} of {blocks} blocks: this card addresses at most {most} a LUN; choose a smaller size")]
    TooLarge {
        /// LUN number.
        lun: u8,
        /// Blocks asked for.
        blocks: u64,
        /// Most that can be had.
        most: u64,
    },
}
