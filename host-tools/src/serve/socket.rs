//! A client's connection, TCP or local, in the open or through TLS.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::tls::stream::TlsStream;

/// A connection.
pub enum Socket {
    /// Over the network.
    Tcp(TcpStream),
    /// On this host.
    Unix(UnixStream),
    /// Either of them, encrypted.
    Tls(Box<TlsStream>),
}

macro_rules! forward {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self {
            Socket::Tcp($stream) => $call,
            Socket::Unix($stream) => $call,
            Socket::Tls($stream) => $call,
        }
    };
}

impl Socket {
    /// Another handle of the same connection. One handle may be used for reading, and one for writing.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Socket::Tcp(stream) => stream.try_clone().map(Socket::Tcp),
            Socket::Unix(stream) => stream.try_clone().map(Socket::Unix),
            Socket::Tls(stream) => stream.try_clone().map(|stream| Socket::Tls(Box::new(stream))),
        }
    }

    /// How long a read waits for the first byte, and a write for room for one.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_timeouts(&self, read: Duration, write: Duration) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => {
                stream.set_read_timeout(Some(read))?;
                stream.set_write_timeout(Some(write))
            }
            Socket::Unix(stream) => {
                stream.set_read_timeout(Some(read))?;
                stream.set_write_timeout(Some(write))
            }
            Socket::Tls(stream) => stream.set_timeouts(read, write),
        }
    }

    /// Ends one direction, or both. A connection that has ended already is as good.
    pub fn shutdown(&mut self, how: Shutdown) {
        match self {
            Socket::Tcp(stream) => drop(stream.shutdown(how)),
            Socket::Unix(stream) => drop(stream.shutdown(how)),
            Socket::Tls(stream) => stream.shutdown(how),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        forward!(self, stream => stream.read(bytes))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        forward!(self, stream => stream.write(bytes))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        forward!(self, stream => stream.write_vectored(parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
