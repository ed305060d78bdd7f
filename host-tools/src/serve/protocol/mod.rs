//! The NBD protocol, as far as a server of one export needs it: bytes in, bytes out, no socket and no clock.
//!
//! After `doc/proto.md` of NetworkBlockDevice/nbd; the sections are named where they are used. What is left out:
//! extended headers, which a client is told that this server does not support.

pub mod handshake;
mod options;
pub mod reply;
pub mod request;

/// Smallest unit and alignment of a request in bytes. Below a block the server reads, merges and writes.
pub const MINIMUM_BYTES: u32 = 512;
/// Unit that is served with no detour in bytes: the card's block.
pub const PREFERRED_BYTES: u32 = dyad_spec::BLOCK_BYTES as u32;
/// Largest payload of a request in bytes.
pub const PAYLOAD_MAX: u32 = 32 << 20;

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name; the empty name stands for it, too.
    pub name: String,
    /// For people.
    pub description: String,
    /// Size in bytes.
    pub size: u64,
}

impl Export {
    /// Whether a client means this export.
    fn is_called(&self, name: &[u8]) -> bool {
        name.is_empty() || name == self.name.as_bytes()
    }
}

/// Whether clients encrypt ("Server-side requirements").
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsMode {
    /// They cannot (NOTLS).
    Off,
    /// They may (SELECTIVETLS).
    On,
    /// They must (FORCEDTLS).
    Require,
}

/// What server and client have agreed on for a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Replies are structured.
    pub structured: bool,
    /// The metadata context `base:allocation` was selected.
    pub allocation: bool,
}

bitflags::bitflags! {
    /// What the export can do ("Transmission flags").
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct TransmissionFlags: u16 {
        /// The others mean something.
        const HAS_FLAGS = 1 << 0;
        /// FLUSH.
        const SEND_FLUSH = 1 << 2;
        /// Forced unit access.
        const SEND_FUA = 1 << 3;
        /// TRIM.
        const SEND_TRIM = 1 << 5;
        /// WRITE_ZEROES.
        const SEND_WRITE_ZEROES = 1 << 6;
        /// Reads that come in one chunk.
        const SEND_DF = 1 << 7;
        /// All connections see the same at any time.
        const CAN_MULTI_CONN = 1 << 8;
        /// CACHE.
        const SEND_CACHE = 1 << 10;
        /// WRITE_ZEROES that is refused where it would not be fast.
        const SEND_FAST_ZERO = 1 << 11;
    }
}

impl Session {
    /// What the export can do in this session.
    pub fn flags(&self) -> TransmissionFlags {
        let mut flags = TransmissionFlags::all();
        flags.set(TransmissionFlags::SEND_DF, self.structured);
        flags
    }
}

/// Error numbers of replies ("Error values").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Errno {
    /// Not permitted: the other site owns the block.
    Perm = 1,
    /// The card, a store or the link failed.
    Io = 5,
    /// The request breaks a rule.
    Inval = 22,
    /// A write past the end.
    NoSpc = 28,
    /// Not fast.
    NotSup = 95,
    /// The server is ending.
    Shutdown = 108,
}

/// A read of big-endian fields, one after the other; `None` when the bytes have run out.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes(4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    /// A length of 32 bits, and so many bytes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.bytes(usize::try_from(count).ok()?)
    }
}
