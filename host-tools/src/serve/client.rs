//! A client: one thread reads its requests, one writes its replies.

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::budget::Budget;
use super::engine::{Event, Inbox};
use super::job::{Job, Outgoing, Responder};
use super::protocol::handshake::{Handshake, Progress};
use super::protocol::reply::{self, Answer};
use super::protocol::request::{REQUEST_BYTES, Request};
use super::protocol::{Export, PAYLOAD_MAX, Session};
use super::shutting_down;
use super::socket::Socket;
use super::tls::Tls;
use super::tls::stream::TlsStream;

/// Between two looks at whether the server ends.
const LOOK: Duration = Duration::from_millis(200);
/// How long a client may take for the handshake, and for the rest of a message that it has begun.
const MESSAGE: Duration = Duration::from_secs(30);
/// How long it may take no byte of what it is sent.
const WRITE: Duration = Duration::from_secs(30);
/// Requests of one client that are worked on at a time.
const REQUESTS_MAX: u64 = 1024;
/// Bytes of one client's requests that are in memory at a time.
const BYTES_MAX: u64 = 64 << 20;
/// What a request holds in memory beside its data, about, in bytes.
const REQUEST_COST: u64 = 512;
/// Payload that is read and thrown away, so that its client gets an error; a longer one ends the connection.
const DISCARD_MAX: u32 = 2 * PAYLOAD_MAX;

/// What all clients of a site share.
#[derive(Clone)]
pub struct Door {
    /// What they get.
    pub export: Arc<Export>,
    /// Index of the site's lane.
    pub lane: usize,
    /// What the user calls the site.
    pub site: &'static str,
    /// The way to the cards.
    pub inbox: Inbox,
    /// Whether they may, or must, encrypt.
    pub tls: Tls,
    /// Memory for all clients' requests.
    pub memory: Budget,
    /// The server is ending.
    pub ending: Arc<AtomicBool>,
}

impl Door {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

/// Why a connection ended, when it did not end well.
enum Fault {
    /// The client broke the protocol.
    Protocol(&'static str),
    /// The connection failed.
    Connection(io::Error),
    /// It went away, or the server is ending.
    Gone,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

/// Serves a client until one of the two has enough.
pub fn serve(door: &Door, socket: Socket, who: &str) {
    let site = door.site;
    match converse(door, socket) {
        Ok(()) => debug!("site {site}: {who} has ended"),
        Err(Fault::Gone) => debug!("site {site}: {who} is gone"),
        Err(Fault::Protocol(reason)) => warn!("site {site}: {who}: {reason}; the connection is closed"),
        Err(Fault::Connection(error)) => warn!("site {site}: {who}: {error}; the connection is closed"),
    }
}

fn converse(door: &Door, mut socket: Socket) -> Result<(), Fault> {
    socket.set_timeouts(LOOK, WRITE)?;
    let session = match shake_hands(door, &mut socket) {
        Ok(Some(session)) => session,
        ended => {
            // What it was told last, it is to hear.
            socket.shutdown(Shutdown::Write);
            return ended.map(|_| ());
        }
    };
    let (to, replies) = mpsc::channel();
    let writing = socket.try_clone()?;
    let writer = thread::spawn(move || write_replies(writing, &replies));
    let result = read_requests(door, &mut socket, session, &to);
    // The writer ends when the last reply has been written.
    drop(to);
    if let Err(Fault::Protocol(_) | Fault::Connection(_)) = &result {
        socket.shutdown(Shutdown::Read);
    }
    let _ = writer.join();
    result
}

/// The handshake; `None` when the client wanted no more than that.
fn shake_hands(door: &Door, socket: &mut Socket) -> Result<Option<Session>, Fault> {
    let mut handshake = Handshake::new(Arc::clone(&door.export), door.tls.mode());
    socket.write_all(&Handshake::greeting())?;
    let until = Instant::now() + MESSAGE;
    let mut out = Vec::new();
    loop {
        let mut bytes = vec![0; handshake.wanted()];
        read_exact(door, socket, &mut bytes, until)?;
        let progress = handshake.take(&bytes, &mut out);
        socket.write_all(&out)?;
        out.clear();
        match progress {
            Progress::More => {}
            Progress::StartTls => start_tls(door, socket, until)?,
            Progress::Transmission(session) => return Ok(Some(session)),
            Progress::Close(None) => return Ok(None),
            Progress::Close(Some(reason)) => return Err(Fault::Protocol(reason)),
        }
    }
}

/// Has the rest of the connection go through TLS.
fn start_tls(door: &Door, socket: &mut Socket, until: Instant) -> Result<(), Fault> {
    let Tls::Ready(tls) = &door.tls else { return Err(Fault::Protocol("it asked for TLS, which is off")) };
    let go_on = || !door.is_ending() && Instant::now() < until;
    let stream = TlsStream::accept(socket.try_clone()?, Arc::clone(&tls.config), go_on);
    let stream = stream.map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Fault::Gone,
        ErrorKind::TimedOut if door.is_ending() => Fault::Gone,
        ErrorKind::TimedOut => Fault::Protocol("its part of TLS's handshake did not come in time"),
        _ => Fault::Connection(error),
    })?;
    debug!("site {}: a client goes on through {}", door.site, stream.describe());
    *socket = Socket::Tls(Box::new(stream));
    Ok(())
}

fn read_requests(door: &Door, socket: &mut Socket, session: Session, to: &Sender<Outgoing>) -> Result<(), Fault> {
    let (count, memory) = (Budget::new(REQUESTS_MAX), Budget::new(BYTES_MAX));
    loop {
        let mut head = [0; REQUEST_BYTES];
        wait_for_byte(door, socket, &mut head)?;
        let until = Instant::now() + MESSAGE;
        read_exact(door, socket, &mut head[1..], until)?;
        let Some(request) = Request::parse(&head) else {
            return Err(Fault::Protocol("its request does not begin with the magic number"));
        };
        if request.is_disconnect() {
            return Ok(());
        }
        let refuse = |answer| to.send(Outgoing::new(reply::encode(&request, &session, answer)));
        let operation = match request.check(&door.export, &session) {
            Ok(operation) => operation,
            Err(refusal) => {
                debug!(
                    "site {}: a request for {} bytes at {}: {}",
                    door.site, request.length, request.offset, refusal.reason
                );
                discard(door, socket, request.payload_bytes())?;
                // A writer that has ended is seen by the next read.
                let _ = refuse(Answer::Failed(refusal.errno, refusal.reason.to_owned()));
                continue;
            }
        };
        let data = if request.is_read() { request.length } else { request.payload_bytes() };
        let bytes = u64::from(data) + REQUEST_COST;
        let take = |budget: &Budget, amount| budget.take(amount, || door.is_ending()).ok_or(Fault::Gone);
        let permits = vec![take(&count, 1)?, take(&memory, bytes)?, take(&door.memory, bytes)?];
        let mut payload = vec![0; request.payload_bytes() as usize];
        read_exact(door, socket, &mut payload, Instant::now() + MESSAGE)?;
        let responder = Responder::new(request, session, to.clone(), permits);
        let (offset, bytes, fua) = (request.offset, request.length, request.is_fua());
        let job = Job { operation, offset, bytes, fua, payload, responder };
        if door.is_ending() {
            job.responder.answer(shutting_down());
        } else {
            // An engine that has ended drops the job, which answers it.
            door.inbox.send(Event::Job(door.lane, Box::new(job)));
        }
    }
}

/// Waits for the first byte of a request, for as long as the client stays.
fn wait_for_byte(door: &Door, socket: &mut Socket, head: &mut [u8; REQUEST_BYTES]) -> Result<(), Fault> {
    loop {
        match socket.read(&mut head[..1]) {
            Ok(0) => return Err(Fault::Gone),
            Ok(_) => return Ok(()),
            Err(error) if is_timeout(&error) && !door.is_ending() => {}
            Err(error) if is_timeout(&error) => return Err(Fault::Gone),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(Fault::Gone),
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_exact(door: &Door, socket: &mut Socket, mut bytes: &mut [u8], until: Instant) -> Result<(), Fault> {
    while !bytes.is_empty() {
        match socket.read(bytes) {
            Ok(0) => return Err(Fault::Gone),
            Ok(count) => bytes = &mut bytes[count..],
            Err(error) if is_timeout(&error) && door.is_ending() => return Err(Fault::Gone),
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(Fault::Gone),
            Err(error) => return Err(error.into()),
        }
        if !bytes.is_empty() && Instant::now() > until {
            return Err(Fault::Protocol("the rest of its message did not come in time"));
        }
    }
    Ok(())
}

/// Reads what belongs to a request that is refused.
fn discard(door: &Door, socket: &mut Socket, count: u32) -> Result<(), Fault> {
    if count > DISCARD_MAX {
        return Err(Fault::Protocol("it sends more with one request than any may have"));
    }
    let mut chunk = [0; 64 * 1024];
    let (mut left, until) = (count as usize, Instant::now() + MESSAGE);
    while left > 0 {
        let part = left.min(chunk.len());
        read_exact(door, socket, &mut chunk[..part], until)?;
        left -= part;
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Writes replies until no more can come, or the client takes none.
fn write_replies(socket: Socket, replies: &Receiver<Outgoing>) {
    let Ok(mut end) = socket.try_clone() else { return };
    let mut socket = BufWriter::with_capacity(64 * 1024, socket);
    let mut write = || -> io::Result<()> {
        while let Ok(first) = replies.recv() {
            for outgoing in std::iter::once(first).chain(replies.try_iter()) {
                socket.write_all(&outgoing.reply.head)?;
                socket.write_all(&outgoing.reply.data)?;
            }
            socket.flush()?;
        }
        Ok(())
    };
    if write().is_err() {
        // Its reader sees the end, too.
        end.shutdown(Shutdown::Both);
    } else {
        end.shutdown(Shutdown::Write);
    }
}
