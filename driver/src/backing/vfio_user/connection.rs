//! One connection to a vfio-user server: requests and replies, each with a deadline.
//!
//! The protocol is that of the vfio-user specification, version 0.0 to 0.1: a header of 16 bytes (message identifier,
//! command, size, flags, error number), then the command's own fields; integers in this machine's order, as both ends are
//! on one machine. A reply has the request's identifier and command.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use vmm_sys_util::sock_ctrl_msg::ScmSocket;

use crate::irq::monotonic_ns;

const HEADER_BYTES: usize = 16;
/// Most bytes of a reply that is taken.
const REPLY_BYTES_MAX: usize = 1 << 16;
/// Most file descriptors that a reply may carry.
const FDS_MAX: usize = 8;
/// Header flags: message type in 3:0 (0 command, 1 reply), error in bit 5.
const TYPE_MASK: u32 = 0xf;
const TYPE_REPLY: u32 = 1;
const FLAG_ERROR: u32 = 1 << 5;

/// Commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Command {
    Version = 1,
    DmaMap = 2,
    DmaUnmap = 3,
    DeviceGetInfo = 4,
    DeviceGetRegionInfo = 5,
    DeviceGetIrqInfo = 7,
    DeviceSetIrqs = 8,
    RegionRead = 9,
    RegionWrite = 10,
    DeviceReset = 13,
}

impl Command {
    /// Name, as the specification has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Command::Version => "VERSION",
            Command::DmaMap => "DMA_MAP",
            Command::DmaUnmap => "DMA_UNMAP",
            Command::DeviceGetInfo => "DEVICE_GET_INFO",
            Command::DeviceGetRegionInfo => "DEVICE_GET_REGION_INFO",
            Command::DeviceGetIrqInfo => "DEVICE_GET_IRQ_INFO",
            Command::DeviceSetIrqs => "DEVICE_SET_IRQS",
            Command::RegionRead => "REGION_READ",
            Command::RegionWrite => "REGION_WRITE",
            Command::DeviceReset => "DEVICE_RESET",
        }
    }
}

/// Why a request has no reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server said no, with an error number or 0.
    Refused(Command, u32),
    /// The connection is of no more use: closed, silent, or out of step.
    Gone(String),
}

/// Fields of a message, one after the other.
#[derive(Default)]
pub(super) struct Fields(pub(super) Vec<u8>);

impl Fields {
    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }
    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }
    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

/// What a reply carries after its header.
pub(super) struct Reply {
    command: Command,
    pub(super) bytes: Vec<u8>,
}

impl Reply {
    /// The 32-bit field at byte `at`.
    pub(super) fn u32(&self, at: usize) -> Result<u32, Failure> {
        let bytes = self.bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map(u32::from_ne_bytes).ok_or_else(|| self.short())
    }

    /// The 64-bit field at byte `at`.
    pub(super) fn u64(&self, at: usize) -> Result<u64, Failure> {
        let bytes = self.bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
        bytes.map(u64::from_ne_bytes).ok_or_else(|| self.short())
    }

    fn short(&self) -> Failure {
        Failure::Gone(format!("its reply to {} has {} bytes, too few", self.command.name(), self.bytes.len()))
    }
}

/// A connection. Once it is of no more use it says so at once, and why.
pub(super) struct Connection {
    stream: UnixStream,
    next_id: u16,
    timeout: Duration,
    gone: Option<String>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, timeout: Duration) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, next_id: 0, timeout, gone: None })
    }

    /// Why the connection is of no more use, if so.
    pub(super) fn gone(&self) -> Option<&str> {
        self.gone.as_deref()
    }

    /// Marks the connection as of no more use.
    pub(super) fn set_gone(&mut self, why: String) -> Failure {
        Failure::Gone(self.gone.get_or_insert(why).clone())
    }

    /// Sends a request and waits for its reply.
    pub(super) fn request(&mut self, command: Command, fields: &[u8], fds: &[RawFd]) -> Result<Reply, Failure> {
        if let Some(why) = &self.gone {
            return Err(Failure::Gone(why.clone()));
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let until = monotonic_ns() + self.timeout.as_nanos() as u64;
        let result = self.send(id, command, fields, fds, until).and_then(|()| self.receive(id, command, until));
        match result {
            Ok(result) => result,
            Err(why) => Err(self.set_gone(format!("{}: {why}", command.name()))),
        }
    }

    fn send(&mut self, id: u16, command: Command, fields: &[u8], fds: &[RawFd], until: u64) -> Result<(), String> {
        let size = (HEADER_BYTES + fields.len()) as u32;
        let message = Fields::default().u16(id).u16(command as u16).u32(size).u32(0).u32(0).bytes(fields).0;
        let mut sent = 0;
        while sent < message.len() {
            self.ready(libc::POLLOUT, until)?;
            // The descriptors go with the first byte.
            let fds = if sent == 0 { fds } else { &[] };
            match self
                .stream
                .send_with_fds(&[&message[sent..]], fds)
                .map_err(|e| io::Error::from_raw_os_error(e.errno()))
            {
                Ok(n) => sent += n,
                Err(e) if retry(&e) => {}
                Err(e) => return Err(e.to_string()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, id: u16, command: Command, until: u64) -> Result<Result<Reply, Failure>, String> {
        let mut header = [0; HEADER_BYTES];
        self.fill(&mut header, until)?;
        let u16_at = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let u32_at = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (flags, size) = (u32_at(8), u32_at(4) as usize);
        if u16_at(0) != id || u16_at(2) != command as u16 || flags & TYPE_MASK != TYPE_REPLY {
            return Err("the reply is not to this request".to_owned());
        }
        if !(HEADER_BYTES..=REPLY_BYTES_MAX).contains(&size) {
            return Err(format!("the reply says that it has {size} bytes"));
        }
        let mut bytes = vec![0; size - HEADER_BYTES];
        self.fill(&mut bytes, until)?;
        if flags & FLAG_ERROR != 0 {
            return Ok(Err(Failure::Refused(command, u32_at(12))));
        }
        Ok(Ok(Reply { command, bytes }))
    }

    /// Reads until `bytes` is full. File descriptors that come along are closed: this client has no use for them.
    fn fill(&mut self, bytes: &mut [u8], until: u64) -> Result<(), String> {
        let mut got = 0;
        while got < bytes.len() {
            self.ready(libc::POLLIN, until)?;
            let rest = &mut bytes[got..];
            let mut iovecs = [libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() }];
            let mut fds = [-1; FDS_MAX];
            // SAFETY: the one iovec is a live, exclusively borrowed slice of bytes, for which any content will do.
            let received = unsafe { self.stream.recv_with_fds(&mut iovecs, &mut fds) };
            match received.map_err(|e| io::Error::from_raw_os_error(e.errno())) {
                Ok((0, _)) => return Err("the server closed the socket".to_owned()),
                Ok((n, count)) => {
                    got += n;
                    for fd in &fds[..count] {
                        // SAFETY: the call says that this descriptor is now ours.
                        drop(unsafe { OwnedFd::from_raw_fd(*fd) });
                    }
                }
                Err(e) if retry(&e) => {}
                Err(e) => return Err(e.to_string()),
            }
        }
        Ok(())
    }

    /// Waits until the socket can be read or written.
    fn ready(&self, events: libc::c_short, until: u64) -> Result<(), String> {
        let left = until.saturating_sub(monotonic_ns());
        if left == 0 {
            return Err(format!("no answer in {} ms", self.timeout.as_millis()));
        }
        let timeout = libc::timespec { tv_sec: (left / 1_000_000_000) as _, tv_nsec: (left % 1_000_000_000) as _ };
        let fd = std::os::fd::AsRawFd::as_raw_fd(&self.stream);
        let mut entry = libc::pollfd { fd, events, revents: 0 };
        // SAFETY: both pointers are to live locals; a null signal mask is allowed. Whatever comes of it, the caller tries
        // the socket and comes back.
        unsafe { libc::ppoll(&mut entry, 1, &timeout, std::ptr::null()) };
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn retry(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
