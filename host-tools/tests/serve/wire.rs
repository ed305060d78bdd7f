//! A small NBD client that can be rude, and have many requests under way.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Commands.
pub const READ: u16 = 0;
/// With payload.
pub const WRITE: u16 = 1;
/// No reply.
pub const DISCONNECT: u16 = 2;
/// No range.
pub const FLUSH: u16 = 3;
/// No payload.
pub const TRIM: u16 = 4;
/// No payload.
pub const CACHE: u16 = 5;
/// No payload.
pub const WRITE_ZEROES: u16 = 6;
/// Command flag.
pub const FUA: u16 = 1;

/// Longest wait for a reply, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection with nothing said.
pub fn connect(socket: &str) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Bytes of a request's head.
pub fn head(flags: u16, command: u16, cookie: u64, offset: u64, length: u32) -> Vec<u8> {
    let mut bytes = 0x2560_9513u32.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend(command.to_be_bytes());
    bytes.extend(cookie.to_be_bytes());
    bytes.extend(offset.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes
}

/// A client with simple replies.
pub struct Client {
    /// The connection, to be misused.
    pub stream: UnixStream,
    /// Size of the export in bytes.
    pub size: u64,
    cookie: u64,
}

impl Client {
    /// Connects, and chooses the default export by the oldest option there is.
    pub fn begin(socket: &str) -> Self {
        let mut stream = connect(socket);
        let mut greeting = [0; 18];
        stream.read_exact(&mut greeting).unwrap();
        assert_eq!(greeting[..16], *b"NBDMAGICIHAVEOPT");
        stream.write_all(&3u32.to_be_bytes()).unwrap();
        stream.write_all(b"IHAVEOPT\0\0\0\x01\0\0\0\0").unwrap();
        let mut answer = [0; 10];
        stream.read_exact(&mut answer).unwrap();
        let size = u64::from_be_bytes(answer[..8].try_into().unwrap());
        Self { stream, size, cookie: 0 }
    }

    /// Sends a request; its cookie.
    pub fn send(&mut self, flags: u16, command: u16, offset: u64, length: u32, payload: &[u8]) -> u64 {
        self.cookie += 1;
        let mut bytes = head(flags, command, self.cookie, offset, length);
        bytes.extend(payload);
        self.stream.write_all(&bytes).unwrap();
        self.cookie
    }

    /// The next reply: its cookie and error number. Those of reads that succeed have data, which are not taken here.
    pub fn reply(&mut self) -> (u64, u32) {
        self.try_reply().expect("the server answers")
    }

    /// The next reply, or nothing when the server has closed the connection.
    pub fn try_reply(&mut self) -> Option<(u64, u32)> {
        let mut reply = [0; 16];
        self.stream.read_exact(&mut reply).ok()?;
        assert_eq!(reply[..4], 0x6744_6698u32.to_be_bytes(), "magic of a reply");
        let errno = u32::from_be_bytes(reply[4..8].try_into().unwrap());
        Some((u64::from_be_bytes(reply[8..].try_into().unwrap()), errno))
    }

    /// A request with no data in its reply, and nothing else under way: its error number.
    pub fn ask(&mut self, flags: u16, command: u16, offset: u64, length: u32, payload: &[u8]) -> u32 {
        let cookie = self.send(flags, command, offset, length, payload);
        let (answered, errno) = self.reply();
        assert_eq!(answered, cookie);
        errno
    }

    /// Writes, with nothing else under way: the error number.
    pub fn write(&mut self, flags: u16, offset: u64, bytes: &[u8]) -> u32 {
        self.ask(flags, WRITE, offset, bytes.len() as u32, bytes)
    }

    /// Reads, with nothing else under way; it must succeed.
    pub fn read(&mut self, offset: u64, length: usize) -> Vec<u8> {
        assert_eq!(self.ask(0, READ, offset, length as u32, &[]), 0);
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }
}
