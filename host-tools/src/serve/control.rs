//! The control socket: who owns the blocks that are served, and who is to.
//!
//! Local, a line of JSON each way; `dyad owner` speaks it.
//!
//! ```text
//!   {"to":"b","blocks":[0,4096]}  ►  {"extents":64,"extent_blocks":64,"by_site":[0,64],"moved":64,"cycles":153275,"ns":980960}
//!   {}                            ►  the same, and nothing moves
//!   {"to":"c"}                    ►  {"error":"..."}
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::engine::{Event, Inbox};
use super::lane::owning::{Answer, Owned};
use crate::cli;

/// Bytes of a line at most.
const LINE_MAX: u64 = 4096;
/// How long a client may take to say what it wants.
const ASK: Duration = Duration::from_secs(10);
/// How long the cards may take, with many changes one after the other.
const CHANGE: Duration = Duration::from_secs(600);

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The site that is to own, `a` or `b`; without it, nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// First block and number of blocks; without it, the whole LUN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<[u64; 2]>,
}

/// What is answered.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Reply {
    Owned(Owned),
    Error { error: String },
}

/// Where `dyad serve` listens for orders. The socket's file goes when this is dropped.
pub struct Control {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl Control {
    /// Listens on `path`. A socket that a program which is gone has left behind is taken away first.
    ///
    /// # Errors
    /// When it is taken, or cannot be made.
    pub fn listen(path: &Path) -> Result<Self> {
        let listener = super::address::listen_unix(path, &format!("taking orders on {}", path.display()))?;
        Ok(Self { listener: Some(listener), path: path.to_owned() })
    }

    /// Passes on what is asked, from now on, from threads of its own.
    pub fn start(&mut self, inbox: &Inbox) {
        let Some(listener) = self.listener.take() else { return };
        let inbox = inbox.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let inbox = inbox.clone();
                let served = stream.and_then(|stream| {
                    thread::Builder::new().name("control".to_owned()).spawn(move || answer(&stream, &inbox)).map(drop)
                });
                if let Err(error) = served {
                    warn!("the control socket: {error}");
                    // When descriptors have run out, it fails at once, again and again.
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // It may have been taken away by somebody else.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Serves one connection: as many lines as come.
fn answer(stream: &UnixStream, inbox: &Inbox) {
    let serve = || -> io::Result<()> {
        stream.set_read_timeout(Some(ASK))?;
        stream.set_write_timeout(Some(ASK))?;
        loop {
            let mut line = String::new();
            // A reader of its own for each line, as far as one may be long; clients wait for the answer.
            if BufReader::new(stream.take(LINE_MAX)).read_line(&mut line)? == 0 {
                return Ok(());
            }
            let reply = match carry_out(&line, inbox) {
                Ok(owned) => Reply::Owned(owned),
                Err(error) => Reply::Error { error },
            };
            writeln!(&mut &*stream, "{}", serde_json::to_string(&reply)?)?;
        }
    };
    // A client that is gone, or says nothing, is none.
    let _ = serve();
}

fn carry_out(line: &str, inbox: &Inbox) -> Answer {
    let ask: Ask = serde_json::from_str(line).map_err(|error| format!("what is asked is not understood: {error}"))?;
    let site = ask.to.as_deref().map(cli::site).transpose().map_err(|error| format!("to: {error}"))?;
    let blocks = match ask.blocks {
        None => None,
        Some([first, count]) => Some(first..first.checked_add(count).ok_or("blocks: there are none so high")?),
    };
    let (to, from) = mpsc::channel();
    let ending = || "the server is ending".to_owned();
    if !inbox.send(Event::Order { site, blocks, to }) {
        return Err(ending());
    }
    match from.recv_timeout(CHANGE) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("the cards did not answer within {} s", CHANGE.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(ending()),
    }
}

/// Asks the server whose control socket is at `path`.
///
/// # Errors
/// When no server listens there, or it says why it did not do it.
pub fn ask(path: &Path, ask: &Ask) -> Result<Owned> {
    let talking = || format!("asking the server at {}", path.display());
    let mut stream = UnixStream::connect(path)
        .with_context(|| format!("{}: start `dyad serve` with --control {}", talking(), path.display()))?;
    stream.set_read_timeout(Some(CHANGE + ASK)).with_context(talking)?;
    writeln!(stream, "{}", serde_json::to_string(ask)?).with_context(talking)?;
    let mut line = String::new();
    BufReader::new((&stream).take(LINE_MAX)).read_line(&mut line).with_context(talking)?;
    ensure!(!line.is_empty(), "{}: it has ended", talking());
    match serde_json::from_str(&line).with_context(talking)? {
        Reply::Owned(owned) => Ok(owned),
        Reply::Error { error } => bail!("{}: {error}", talking()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_answered() {
        let (inbox, outbox) = super::super::engine::channel();
        for (line, problem) in [
            ("", "not understood"),
            ("x", "not understood"),
            ("{\"too\":1}", "unknown field"),
            ("{\"to\":\"c\"}", "to: "),
            ("{\"blocks\":[18446744073709551615,2]}", "none so high"),
        ] {
            let error = carry_out(line, &inbox).unwrap_err();
            assert!(error.contains(problem), "{line}: {error}");
        }
        drop(outbox);
        assert_eq!(carry_out("{}", &inbox).unwrap_err(), "the server is ending");
    }
}
