//! A request on its way: from a client's thread to the cards and back.

use std::sync::mpsc::Sender;

use super::budget::Permit;
use super::protocol::reply::{self, Answer, Reply};
use super::protocol::request::{Operation, Request};
use super::protocol::{Errno, Session};

/// A request that a site's card is to carry out.
pub struct Job {
    /// What to do.
    pub operation: Operation,
    /// First byte in the LUN.
    pub offset: u64,
    /// Bytes.
    pub bytes: u32,
    /// Answer when it is on stable storage.
    pub fua: bool,
    /// A write's payload.
    pub payload: Vec<u8>,
    /// Who waits for the answer.
    pub responder: Responder,
}

/// A reply that its client has not been sent yet; what it holds of the budget is given back with it.
pub struct Outgoing {
    /// The reply.
    pub reply: Reply,
    _permits: Vec<Permit>,
}

impl Outgoing {
    /// A reply that holds nothing.
    pub fn new(reply: Reply) -> Self {
        Self { reply, _permits: Vec::new() }
    }
}

/// Answers one request, exactly once: when it is dropped without an answer, with an error.
pub struct Responder {
    request: Request,
    session: Session,
    to: Sender<Outgoing>,
    permits: Vec<Permit>,
    answered: bool,
}

impl Responder {
    /// For `request`, by way of `to`.
    pub fn new(request: Request, session: Session, to: Sender<Outgoing>, permits: Vec<Permit>) -> Self {
        Self { request, session, to, permits, answered: false }
    }

    /// Answers. A client that is gone does not mind.
    pub fn answer(mut self, answer: Answer) {
        self.send(answer);
    }

    fn send(&mut self, answer: Answer) {
        self.answered = true;
        let reply = reply::encode(&self.request, &self.session, answer);
        let _ = self.to.send(Outgoing { reply, _permits: std::mem::take(&mut self.permits) });
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            self.send(Answer::Failed(Errno::Io, "the server failed while it worked on this".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::budget::Budget;
    use super::*;

    #[test]
    fn a_request_that_gets_lost_is_answered_with_an_error() {
        let mut bytes = [0; 28];
        bytes[..4].copy_from_slice(&0x2560_9513u32.to_be_bytes());
        let request = Request::parse(&bytes).unwrap();
        let (to, replies) = mpsc::channel();
        let budget = Budget::new(10);
        let permit = budget.take(10, || false).unwrap();
        drop(Responder::new(request, Session::default(), to, vec![permit]));
        let outgoing = replies.recv().unwrap();
        assert_eq!(outgoing.reply.head[7], Errno::Io as u8);
        assert!(budget.take(1, || true).is_none(), "the reply still holds it");
        drop(outgoing);
        assert!(budget.take(10, || true).is_some());
        assert!(replies.try_recv().is_err(), "one answer is enough");
    }
}
