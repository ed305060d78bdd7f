//! One message each way over a channel that loses and doubles: both sides repeat theirs until they know that it was heard.
//!
//! A side sends its message until it has heard the other's and been told (by the other's `seen` flag) that its own was
//! heard. Until then its messages ask for an answer (flag `wants`), and get one even from a side that is done. Where that
//! side is no longer there to answer, the asker has heard all that matters, and ends by itself after a while of silence.

use dyad_spec::wire::MAILBOX_BYTES;

use super::Timing;
use super::message::{Body, Message};

/// An exchange of one message each way. Times are nanoseconds of the caller's clock.
#[derive(Clone, Debug)]
pub struct Exchange {
    message: Message,
    frame_bytes: usize,
    heard: Option<Body>,
    was_heard: bool,
    /// The other has been told, at least once, that it was heard.
    told: bool,
    /// When to send next.
    due: u64,
    /// When the other was last heard.
    last_heard: u64,
}

/// What to hand to the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub message: [u8; MAILBOX_BYTES],
    /// Payload bytes of its frame.
    pub frame_bytes: usize,
}

impl Exchange {
    /// Starts sending `message` in frames of `frame_bytes`.
    pub fn new(message: Message, frame_bytes: usize, now: u64) -> Self {
        Self { message, frame_bytes, heard: None, was_heard: false, told: false, due: now, last_heard: now }
    }

    /// Sends nothing until the other side has been heard.
    #[must_use]
    pub fn passive(mut self) -> Self {
        self.due = u64::MAX;
        self
    }

    /// What the other side said.
    pub fn heard(&self) -> Option<&Body> {
        self.heard.as_ref()
    }

    /// When the other side was last heard.
    pub fn last_heard(&self) -> u64 {
        self.last_heard
    }

    /// Whether a message belongs to this exchange.
    pub fn is_mine(&self, m: &Message) -> bool {
        m.from == self.message.to
            && m.to == self.message.from
            && m.round == self.message.round
            && m.body.same_kind(&self.message.body)
    }

    /// Takes in a message of this exchange.
    pub fn hear(&mut self, m: &Message, now: u64) {
        self.last_heard = now;
        self.was_heard |= m.seen;
        if self.heard.is_none() {
            self.heard = Some(m.body.clone());
            self.message.seen = true;
            self.due = now;
        } else if m.wants {
            self.due = now;
        } else if self.is_done() {
            self.due = u64::MAX;
        }
    }

    /// The other side has been heard on something later than this, which it begins only when it has heard this.
    pub fn overtaken(&mut self, now: u64) {
        self.last_heard = now;
        self.was_heard = true;
    }

    /// Sends once more at once.
    pub fn repeat(&mut self, now: u64) {
        self.due = now;
    }

    /// Sends nothing more by itself, only to a side that asks.
    pub fn rest(&mut self) {
        self.due = u64::MAX;
    }

    /// Both sides have heard each other, and both know.
    pub fn is_done(&self) -> bool {
        self.told && self.was_heard
    }

    /// Done, or the other side was heard and has been silent for so long that it must be done.
    pub fn is_done_or_silent(&self, timing: &Timing, now: u64) -> bool {
        let silent = now.saturating_sub(self.last_heard) >= timing.linger_ns();
        self.is_done() || (self.told && silent)
    }

    /// What to send now, if anything. It counts as sent.
    pub fn poll(&mut self, timing: &Timing, now: u64) -> Option<Outgoing> {
        if now < self.due {
            return None;
        }
        self.message.wants = !self.was_heard;
        self.told |= self.message.seen;
        self.due = if self.is_done() { u64::MAX } else { now.saturating_add(timing.resend_ns()) };
        Some(Outgoing { message: self.message.encode(), frame_bytes: self.frame_bytes })
    }

    /// When [`poll`](Self::poll) will next have something.
    pub fn due(&self) -> u64 {
        self.due
    }
}
