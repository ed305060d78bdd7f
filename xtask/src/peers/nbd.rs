//! A small NBD client over a Unix socket, for measuring: one request at a time, no thread, no allocation per request.
//!
//! Source: the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md), fixed newstyle, simple replies.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// Longest time that a server may take for one answer.
const DEADLINE: Duration = Duration::from_secs(60);
const MAGIC: u64 = 0x4e42_444d_4147_4943;
const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
const OPTION_REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
const REQUEST_MAGIC: u32 = 0x2560_9513;
const REPLY_MAGIC: u32 = 0x6744_6698;
const OPTION_GO: u32 = 7;
const REPLY_ACK: u32 = 1;
const REPLY_INFO: u32 = 3;
const READ: u16 = 0;
const WRITE: u16 = 1;
const DISCONNECT: u16 = 2;
const FLUSH: u16 = 3;
const FLAG_FUA: u16 = 1;

/// What a server says that it can do with a flush and with FUA.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offers {
    /// It takes flushes.
    pub flush: bool,
    /// It takes writes with FUA.
    pub fua: bool,
}

/// A connection to an export.
pub struct Client {
    stream: UnixStream,
    cookie: u64,
    message: Vec<u8>,
    /// Size of the export.
    pub bytes: u64,
    /// What it can do.
    pub offers: Offers,
}

impl Client {
    /// Connects to the export `name` at `socket`.
    ///
    /// # Errors
    /// When nobody listens there, or it is no NBD server, or it has no such export.
    pub fn connect(socket: &Path, name: &str) -> Result<Self> {
        let what = || format!("connecting to the NBD server at {}", socket.display());
        let stream = UnixStream::connect(socket).with_context(what)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let offers = Offers { flush: false, fua: false };
        let mut client = Self { stream, cookie: 0, message: Vec::new(), bytes: 0, offers };
        client.greet(name).with_context(what)?;
        Ok(client)
    }

    fn greet(&mut self, name: &str) -> Result<()> {
        let hello: [u8; 18] = self.take()?;
        ensure!(number(&hello[..8]) == MAGIC && number(&hello[8..16]) == OPTION_MAGIC, "it is no newstyle NBD server");
        // Fixed newstyle; the zeroes only if the server insists on them, which matters for another option than GO.
        self.stream.write_all(&u32::from(hello[17] & 3).to_be_bytes())?;
        let mut go = OPTION_MAGIC.to_be_bytes().to_vec();
        go.extend(OPTION_GO.to_be_bytes());
        go.extend((name.len() as u32 + 6).to_be_bytes());
        go.extend((name.len() as u32).to_be_bytes());
        go.extend(name.as_bytes());
        go.extend(0u16.to_be_bytes());
        self.stream.write_all(&go)?;
        loop {
            let head: [u8; 20] = self.take()?;
            let (kind, length) = (number(&head[12..16]) as u32, number(&head[16..20]));
            ensure!(number(&head[..8]) == OPTION_REPLY_MAGIC && length <= 65536, "its answer to GO is none");
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload)?;
            match kind {
                REPLY_ACK => return Ok(()),
                REPLY_INFO if payload.len() == 12 && payload[..2] == [0, 0] => {
                    self.bytes = number(&payload[2..10]);
                    let flags = number(&payload[10..12]);
                    self.offers = Offers { flush: flags & 1 << 2 != 0, fua: flags & 1 << 3 != 0 };
                }
                REPLY_INFO => {}
                error => bail!("it refused the export `{name}`: {error:#x} {}", String::from_utf8_lossy(&payload)),
            }
        }
    }

    /// Writes `data` and waits until the server has acknowledged it.
    ///
    /// # Errors
    /// When the server answers with an error, or not at all.
    pub fn write(&mut self, offset: u64, data: &[u8], fua: bool) -> Result<()> {
        let flags = if fua { FLAG_FUA } else { 0 };
        self.request(WRITE, flags, offset, data.len() as u32, data)?;
        self.reply("WRITE")
    }

    /// Flushes.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> Result<()> {
        self.request(FLUSH, 0, 0, 0, &[])?;
        self.reply("FLUSH")
    }

    /// Reads into `data`.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn read(&mut self, offset: u64, data: &mut [u8]) -> Result<()> {
        self.request(READ, 0, offset, data.len() as u32, &[])?;
        self.reply("READ")?;
        self.stream.read_exact(data).context("reading the data")
    }

    fn request(&mut self, kind: u16, flags: u16, offset: u64, length: u32, data: &[u8]) -> Result<()> {
        self.cookie += 1;
        self.message.clear();
        self.message.extend(REQUEST_MAGIC.to_be_bytes());
        self.message.extend(flags.to_be_bytes());
        self.message.extend(kind.to_be_bytes());
        self.message.extend(self.cookie.to_be_bytes());
        self.message.extend(offset.to_be_bytes());
        self.message.extend(length.to_be_bytes());
        self.message.extend(data);
        self.stream.write_all(&self.message).context("sending a request")
    }

    fn reply(&mut self, what: &str) -> Result<()> {
        let reply: [u8; 16] = self.take()?;
        ensure!(number(&reply[..4]) == u64::from(REPLY_MAGIC), "the answer to {what} is no NBD reply");
        ensure!(number(&reply[8..]) == self.cookie, "the answer to {what} is for another request");
        match number(&reply[4..8]) {
            0 => Ok(()),
            error => bail!("{what} failed: error {error}"),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).context("waiting for an answer")?;
        Ok(bytes)
    }
}

impl Drop for Client {
    /// Says goodbye; nobody answers that.
    fn drop(&mut self) {
        let _ = self.request(DISCONNECT, 0, 0, 0, &[]);
    }
}

/// A number from up to eight bytes in network order.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A server of one export of 8192 bytes that answers one write and one failing flush.
    fn serve(listener: &UnixListener) {
        let (mut stream, _) = listener.accept().unwrap();
        let take = |stream: &mut UnixStream, bytes: usize| {
            let mut all = vec![0; bytes];
            stream.read_exact(&mut all).unwrap();
            all
        };
        stream.write_all(&[&MAGIC.to_be_bytes()[..], &OPTION_MAGIC.to_be_bytes(), &[0, 3]].concat()).unwrap();
        assert_eq!(take(&mut stream, 4), [0, 0, 0, 3]);
        assert_eq!(take(&mut stream, 16 + 4 + 3 + 2)[20..23], *b"lun");
        let reply = |kind: u32, payload: &[u8]| {
            let head = [&OPTION_REPLY_MAGIC.to_be_bytes()[..], &OPTION_GO.to_be_bytes(), &kind.to_be_bytes()].concat();
            [&head[..], &(payload.len() as u32).to_be_bytes(), payload].concat()
        };
        let info = [&[0, 0][..], &8192u64.to_be_bytes(), &[0, 0b1101]].concat();
        stream.write_all(&reply(REPLY_INFO, &info)).unwrap();
        stream.write_all(&reply(REPLY_ACK, &[])).unwrap();
        for error in [0u32, 5] {
            let head = take(&mut stream, 28);
            let length = number(&head[24..28]) as usize;
            let data = take(&mut stream, length);
            assert_eq!((head[5], head[7], data.len()), if error == 0 { (1, 1, 4096) } else { (0, 3, 0) });
            let answer = [&REPLY_MAGIC.to_be_bytes()[..], &error.to_be_bytes(), &head[8..16]].concat();
            stream.write_all(&answer).unwrap();
        }
    }

    #[test]
    fn a_server_is_greeted_written_to_and_believed() {
        let socket = std::env::temp_dir().join(format!("dyad-xtask-nbd-{}", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let server = std::thread::spawn(move || serve(&listener));
        let mut client = Client::connect(&socket, "lun").unwrap();
        assert_eq!((client.bytes, client.offers), (8192, Offers { flush: true, fua: true }));
        client.write(4096, &[7; 4096], true).unwrap();
        let error = client.flush().unwrap_err().to_string();
        assert!(error.contains("FLUSH failed: error 5"), "{error}");
        drop(client);
        server.join().unwrap();
        std::fs::remove_file(&socket).unwrap();
        assert!(Client::connect(&socket, "lun").is_err());
    }
}
