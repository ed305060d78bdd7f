//! Requests ("Request message", "Request types").

use dyad_spec::BLOCK_BYTES;

use super::{Errno, Export, Fields, MINIMUM_BYTES, PAYLOAD_MAX, Session};

const MAGIC: u32 = 0x2560_9513;
/// Bytes of a request without its payload.
pub const REQUEST_BYTES: usize = 28;

bitflags::bitflags! {
    /// Command flags.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CommandFlags: u16 {
        /// Answer when it is on stable storage.
        const FUA = 1 << 0;
        /// Zeroes take up room.
        const NO_HOLE = 1 << 1;
        /// Answer in one chunk.
        const DF = 1 << 2;
        /// Status of one extent.
        const REQ_ONE = 1 << 3;
        /// Zeroes only if faster than a write.
        const FAST_ZERO = 1 << 4;
        const _ = !0;
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bytes.
    Read,
    /// Write the payload.
    Write,
    /// Make what was answered durable.
    Flush,
    /// The data are not needed any more.
    Trim,
    /// It will be read soon.
    Cache,
    /// Write zeroes.
    WriteZeroes,
    /// What is allocated.
    BlockStatus,
}

/// A request as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    flags: CommandFlags,
    kind: u16,
    /// The client's name for it.
    pub cookie: u64,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

/// Why a request is answered with an error at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// For people.
    pub reason: &'static str,
}

const fn invalid(reason: &'static str) -> Refusal {
    Refusal { errno: Errno::Inval, reason }
}

const READ: u16 = 0;
const WRITE: u16 = 1;
const DISCONNECT: u16 = 2;

impl Request {
    /// From its bytes; `None` when the magic number is wrong: where the next one begins is not known then.
    pub fn parse(bytes: &[u8; REQUEST_BYTES]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.u32()? != MAGIC {
            return None;
        }
        let flags = CommandFlags::from_bits_retain(fields.u16()?);
        let (kind, cookie, offset, length) = (fields.u16()?, fields.u64()?, fields.u64()?, fields.u32()?);
        Some(Self { flags, kind, cookie, offset, length })
    }

    /// The client wants to end. There is no reply.
    pub fn is_disconnect(&self) -> bool {
        self.kind == DISCONNECT
    }

    /// Whether it is a read: these have replies of their own.
    pub fn is_read(&self) -> bool {
        self.kind == READ
    }

    /// Bytes that follow, whether the request is good or not.
    pub fn payload_bytes(&self) -> u32 {
        if self.kind == WRITE { self.length } else { 0 }
    }

    /// Whether the reply comes after the data are on stable storage.
    pub fn is_fua(&self) -> bool {
        self.flags.contains(CommandFlags::FUA)
    }

    /// What is asked for, if it may be.
    ///
    /// # Errors
    /// What it is to be answered with: a flag that this command does not have, a range that is not aligned or ends past the
    /// end, a payload that is too large ("Error values", "Size constraints").
    pub fn check(&self, export: &Export, session: &Session) -> Result<Operation, Refusal> {
        use CommandFlags as Flags;
        let (operation, allowed) = match self.kind {
            READ if session.structured => (Operation::Read, Flags::DF),
            READ => (Operation::Read, Flags::empty()),
            WRITE => (Operation::Write, Flags::empty()),
            3 => (Operation::Flush, Flags::empty()),
            4 => (Operation::Trim, Flags::empty()),
            5 => (Operation::Cache, Flags::empty()),
            6 => (Operation::WriteZeroes, Flags::NO_HOLE | Flags::FAST_ZERO),
            7 if session.allocation => (Operation::BlockStatus, Flags::REQ_ONE),
            7 => return Err(invalid("block status needs the context base:allocation, which was not selected")),
            _ => return Err(invalid("there is no such command")),
        };
        if !(allowed | Flags::FUA).contains(self.flags) {
            return Err(invalid("the command does not have one of its flags"));
        }
        if operation == Operation::Flush {
            return match (self.offset, self.length) {
                (0, 0) => Ok(operation),
                _ => Err(invalid("a flush has no range")),
            };
        }
        let unit = u64::from(MINIMUM_BYTES);
        if self.length == 0 || !self.offset.is_multiple_of(unit) || !u64::from(self.length).is_multiple_of(unit) {
            return Err(invalid("offset and length must be multiples of 512, and the length not 0"));
        }
        if self.offset.checked_add(self.length.into()).is_none_or(|end| end > export.size) {
            let errno = match operation {
                Operation::Write | Operation::WriteZeroes => Errno::NoSpc,
                _ => Errno::Inval,
            };
            return Err(Refusal { errno, reason: "the range ends past the end of the LUN" });
        }
        if matches!(operation, Operation::Read | Operation::Write) && self.length > PAYLOAD_MAX {
            return Err(invalid("the payload is larger than 32 MiB"));
        }
        let whole = |bytes: u64| bytes.is_multiple_of(BLOCK_BYTES as u64);
        if self.flags.contains(Flags::FAST_ZERO) && !(whole(self.offset) && whole(self.length.into())) {
            return Err(Refusal {
                errno: Errno::NotSup,
                reason: "a piece of a block is zeroed no faster than it is written",
            });
        }
        Ok(operation)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: Session = Session { structured: true, allocation: true };

    fn export() -> Export {
        Export { name: String::new(), description: String::new(), size: 64 << 20 }
    }

    fn bytes(flags: u16, kind: u16, offset: u64, length: u32) -> [u8; REQUEST_BYTES] {
        let mut bytes = MAGIC.to_be_bytes().to_vec();
        bytes.extend(flags.to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(77u64.to_be_bytes());
        bytes.extend(offset.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.try_into().unwrap()
    }

    fn check(flags: u16, kind: u16, offset: u64, length: u32) -> Result<Operation, Errno> {
        let request = Request::parse(&bytes(flags, kind, offset, length)).unwrap();
        assert_eq!((request.cookie, request.offset, request.length), (77, offset, length));
        request.check(&export(), &SESSION).map_err(|refusal| refusal.errno)
    }

    #[test]
    fn every_command_is_known() {
        use Operation::*;
        let commands = [(0, Read), (1, Write), (4, Trim), (5, Cache), (6, WriteZeroes), (7, BlockStatus)];
        for (kind, operation) in commands {
            assert_eq!(check(1, kind, 512, 1024), Ok(operation), "FUA goes with all");
        }
        assert_eq!(check(0, 3, 0, 0), Ok(Flush));
        assert!(Request::parse(&bytes(0, 2, 0, 0)).unwrap().is_disconnect());
        assert_eq!(check(0, 8, 0, 512), Err(Errno::Inval));
    }

    #[test]
    fn ranges_are_checked_to_the_byte() {
        let size = export().size;
        assert_eq!(check(0, 0, size - 512, 512), Ok(Operation::Read));
        assert_eq!(check(0, 0, size - 512, 1024), Err(Errno::Inval));
        assert_eq!(check(0, 1, size, 512), Err(Errno::NoSpc));
        assert_eq!(check(0, 6, u64::MAX - 511, 1024), Err(Errno::NoSpc));
        for (offset, length) in [(1, 512), (0, 511), (0, 513), (4095, 4096), (0, 0)] {
            assert_eq!(check(0, 1, offset, length), Err(Errno::Inval), "{offset} {length}");
        }
        assert_eq!(check(0, 1, 0, PAYLOAD_MAX), Ok(Operation::Write));
        assert_eq!(check(0, 1, 0, PAYLOAD_MAX + 512), Err(Errno::Inval));
        assert_eq!(check(0, 6, 0, PAYLOAD_MAX + 512), Ok(Operation::WriteZeroes), "it has no payload");
        assert_eq!(check(0, 3, 0, 512), Err(Errno::Inval));
    }

    #[test]
    fn flags_belong_to_their_commands() {
        assert_eq!(check(1 << 2, 0, 0, 512), Ok(Operation::Read));
        assert_eq!(check(1 << 2, 1, 0, 512), Err(Errno::Inval));
        assert_eq!(check(1 << 1, 6, 0, 512), Ok(Operation::WriteZeroes));
        assert_eq!(check(1 << 4, 6, 0, 512), Err(Errno::NotSup));
        assert_eq!(check(1 << 4, 6, 0, 8192), Ok(Operation::WriteZeroes));
        assert_eq!(check(1 << 4, 4, 0, 512), Err(Errno::Inval));
        assert_eq!(check(1 << 9, 0, 0, 512), Err(Errno::Inval));
        let plain = Session::default();
        let refused =
            |flags, kind| Request::parse(&bytes(flags, kind, 0, 512)).unwrap().check(&export(), &plain).is_err();
        assert!(refused(1 << 2, 0) && refused(0, 7));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<[u8; REQUEST_BYTES]>(), magic in any::<bool>()) {
            let mut bytes = bytes;
            if magic {
                bytes[..4].copy_from_slice(&MAGIC.to_be_bytes());
                bytes[6] = 0;
            }
            let request = Request::parse(&bytes);
            prop_assert_eq!(request.is_some(), bytes[..4] == MAGIC.to_be_bytes());
            if let Some(request) = request && request.check(&export(), &SESSION).is_ok() {
                prop_assert!(request.offset + u64::from(request.length) <= export().size);
            }
        }
    }
}
