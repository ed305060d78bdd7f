//! What makes flushed data survive this machine, too: the stores' files are synced before a flush is answered.
//!
//! The card's FLUSH says that both stores have all that was complete. A store that is a file keeps it in the page cache then,
//! where a killed program's data are safe, and a power cut's are not.

use std::fs::File;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use tracing::error;

use super::job::Responder;
use super::protocol::Errno;
use super::protocol::reply::Answer;

/// Syncs files, off the thread that drives the cards.
pub struct Stable {
    /// Taken when it ends.
    to: Option<Sender<Responder>>,
    thread: Option<JoinHandle<()>>,
}

impl Stable {
    /// For these files; with none, there is nothing to do.
    pub fn new(files: Vec<File>) -> Self {
        if files.is_empty() {
            return Self { to: None, thread: None };
        }
        let (to, from) = mpsc::channel();
        let thread = thread::spawn(move || answer_all(&files, &from));
        Self { to: Some(to), thread: Some(thread) }
    }

    /// Answers when the files hold what the stores hold now.
    pub fn answer(&self, responder: Responder) {
        match &self.to {
            Some(to) => drop(to.send(responder)),
            None => responder.answer(Answer::Done),
        }
    }
}

impl Drop for Stable {
    /// Waits until all that was asked for is answered.
    fn drop(&mut self) {
        self.to = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer_all(files: &[File], from: &Receiver<Responder>) {
    while let Ok(first) = from.recv() {
        // One sync serves all that wait.
        let all: Vec<Responder> = std::iter::once(first).chain(from.try_iter()).collect();
        let synced = files.iter().try_for_each(File::sync_data);
        if let Err(source) = &synced {
            error!("syncing a store's file: {source}; check the disk that it is on");
        }
        for responder in all {
            responder.answer(match &synced {
                Ok(()) => Answer::Done,
                Err(source) => Answer::Failed(Errno::Io, format!("syncing a store's file: {source}")),
            });
        }
    }
}
