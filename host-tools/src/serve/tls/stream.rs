//! A connection through TLS, in the server's part.
//!
//! Two threads share it: one reads, one writes, each with a handle of its own. The connection's state is behind a lock that
//! nobody holds while it waits for the network: the reader takes bytes off the socket first and decrypts them then, the writer
//! encrypts first and sends then. Only the writer sends, so records leave in the order in which they were made; what the reading
//! gives rise to, an alert or new keys, goes out before what is written next, or at the end.
//!
//! In memory at most: of what came, a buffer's and a record's bytes; of what goes, one write's.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};

use crate::serve::socket::Socket;

/// Bytes that are taken off the socket at a time: two records' and more.
const INCOMING_BYTES: usize = 40 * 1024;
/// How long a client that was turned away has for hearing why, and what it may have sent meanwhile.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: usize = 1 << 20;

/// A handle of a connection. Of its handles, one may be used for reading and one for writing.
pub struct TlsStream {
    raw: Socket,
    connection: Arc<Mutex<ServerConnection>>,
    /// What came and has not been decrypted.
    incoming: Incoming,
    /// What was encrypted and has not been sent.
    outgoing: Vec<u8>,
}

#[derive(Default)]
struct Incoming {
    /// As long as it ever gets, from the first read on.
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
}

impl TlsStream {
    /// Carries out TLS's handshake on `raw`, whose timeouts are set: `go_on` is asked each time one has passed, and after
    /// each message.
    ///
    /// # Errors
    /// TimedOut when it was not to go on, UnexpectedEof when the client has left, InvalidData when what it sends is not TLS or
    /// its certificate is not good, which it has been told then; and what the system says.
    pub fn accept(raw: Socket, config: Arc<ServerConfig>, go_on: impl Fn() -> bool) -> io::Result<Self> {
        let connection = ServerConnection::new(config).map_err(invalid)?;
        let connection = Arc::new(Mutex::new(connection));
        let mut stream = Self { raw, connection, incoming: Incoming::default(), outgoing: Vec::new() };
        while stream.lock().is_handshaking() {
            stream.send()?;
            match stream.receive() {
                Ok(true) => {}
                Ok(false) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if is_timeout(&error) => {}
                Err(error) => {
                    stream.turn_away();
                    return Err(error);
                }
            }
            if !go_on() {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        stream.send()?;
        Ok(stream)
    }

    /// What was agreed on, for people.
    pub fn describe(&self) -> String {
        let connection = self.lock();
        let version = connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
        let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("?");
        let client = if connection.peer_certificates().is_some() { "verified" } else { "not verified" };
        format!("{version}, {suite}, {client}")
    }

    /// Another handle.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        let (raw, connection) = (self.raw.try_clone()?, Arc::clone(&self.connection));
        Ok(Self { raw, connection, incoming: Incoming::default(), outgoing: Vec::new() })
    }

    /// See [`Socket::set_timeouts`].
    pub fn set_timeouts(&self, read: Duration, write: Duration) -> io::Result<()> {
        self.raw.set_timeouts(read, write)
    }

    /// Ends one direction, or both. To end writing alone is to say so by TLS's means first, which is the writing handle's to do.
    pub fn shutdown(&mut self, how: Shutdown) {
        if how == Shutdown::Write {
            self.lock().send_close_notify();
            // One that has left does not mind.
            let _ = self.send();
        }
        self.raw.shutdown(how);
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what TLS has to say.
    fn send(&mut self) -> io::Result<()> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        while connection.wants_write() {
            connection.write_tls(&mut self.outgoing)?;
        }
        drop(connection);
        let sent = self.raw.write_all(&self.outgoing);
        self.outgoing.clear();
        sent
    }

    /// Decrypts what has come, or else takes what comes next off the socket; `false` at its end. All that was decrypted before
    /// must have been read.
    fn receive(&mut self) -> io::Result<bool> {
        let incoming = &mut self.incoming;
        if incoming.begin == incoming.end {
            incoming.buffer.resize(INCOMING_BYTES, 0);
            (incoming.begin, incoming.end) = (0, self.raw.read(&mut incoming.buffer)?);
            if incoming.end == 0 {
                return Ok(false);
            }
        }
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = &incoming.buffer[incoming.begin..incoming.end];
        incoming.begin += connection.read_tls(&mut bytes)?;
        connection.process_new_packets().map_err(invalid)?;
        Ok(true)
    }

    /// Tells a client whose handshake has failed why, as far as TLS has words for it. What it has sent meanwhile is read: a
    /// socket that is closed with bytes unread takes back what was sent to the other side.
    fn turn_away(&mut self) {
        if self.send().is_err() {
            return;
        }
        self.raw.shutdown(Shutdown::Write);
        let (until, mut bytes) = (Instant::now() + FAREWELL, 0);
        while Instant::now() < until && bytes < FAREWELL_BYTES {
            match self.raw.read(&mut self.incoming.buffer) {
                Ok(0) => return,
                Ok(count) => bytes += count,
                Err(error) if is_timeout(&error) => {}
                Err(_) => return,
            }
        }
    }
}

impl Read for TlsStream {
    /// As of a socket: 0 at the end. A client that ends without saying so by TLS's means has ended all the same: what it says
    /// has lengths of its own, so nothing of it can be cut short unseen. What has come and is no data counts as time that has
    /// passed.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut waited = false;
        loop {
            let got = self.lock().reader().read(bytes);
            match got {
                Err(error) if error.kind() == ErrorKind::WouldBlock && !waited => {}
                result => return result,
            }
            waited = self.incoming.begin == self.incoming.end;
            if !self.receive()? {
                return Ok(0);
            }
        }
    }
}

impl Write for TlsStream {
    /// Takes as much as TLS takes at a time, and sends all of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.lock().writer().write(bytes)?;
        self.send()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("TLS: {error}"))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
