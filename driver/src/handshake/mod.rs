//! Link-up: how two drivers, over mailboxes that lose and double messages, agree or refuse.
//!
//! The machine here is sans-IO: it is given messages and the time, and says what to send and what to do. The steps are
//!
//! 1. **Hello.** Each side sends its [`Offer`] until it has the other's and knows that the other has its own. Both compare
//!    the two by [`agree`], and come to the same. On a mismatch both refuse and name the field: the refusal is sent, too, so
//!    that it is seen at both ends whichever offer got lost.
//! 2. **Probe.** Each side sends a frame of the largest size until it is answered. Where a switch on the way cuts or drops
//!    such frames, this step does not end, and the error says so.
//! 3. **Mark.** The caller writes the agreed generation, and "open", into its store: from here on the store does not count as
//!    closed cleanly.
//! 4. **Ready.** Each side says so until it has heard the same. Then the link is up: so neither card takes a write before
//!    both stores are marked.
//!
//! A session is named by the two nonces, fresh for each link-up, so that messages of another session are not taken for ones of
//! this. A side that starts anew in the middle is followed.

mod exchange;
mod message;
mod offer;

use std::time::Duration;

pub use exchange::{Exchange, Outgoing};
pub use message::{Body, Message, NoMessage, PROTOCOL_VERSION};
pub(crate) use offer::site_name;
pub use offer::{Agreement, LunAgreement, LunOffer, Mismatch, MismatchField, Mode, Offer, agree};

use crate::error::{Error, Result};
use crate::mailbox::{FRAME_BYTES_MIN, Received};

/// Time-outs of the drivers' messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A message that is not answered is sent again after this long: more than a round trip.
    pub resend: Duration,
    /// Silence after which a side that has heard all that matters takes the other for done: several times `resend`.
    pub linger: Duration,
    /// A step that has not ended after this long has failed.
    pub deadline: Duration,
}

impl Default for Timing {
    /// For round trips up to 10 ms.
    fn default() -> Self {
        Self {
            resend: Duration::from_millis(20),
            linger: Duration::from_millis(160),
            deadline: Duration::from_secs(10),
        }
    }
}

impl Timing {
    pub(crate) fn resend_ns(&self) -> u64 {
        self.resend.as_nanos() as u64
    }
    pub(crate) fn linger_ns(&self) -> u64 {
        self.linger.as_nanos() as u64
    }
    pub(crate) fn deadline_ns(&self) -> u64 {
        self.deadline.as_nanos() as u64
    }
}

/// What the caller has to do next.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is made to be taken apart at once")]
pub enum Action {
    /// Send this, and ask again.
    Send(Outgoing),
    /// Mark the store as open in the agreed generation, then call [`Handshake::marked`].
    Mark,
    /// Nothing until a message comes, or until this time.
    Wait(u64),
    /// The link is up.
    Up,
    /// It has failed. Said once and for all.
    Failed(Error),
}

enum Phase {
    Hello,
    Probe(Exchange),
    Mark,
    Ready(Exchange),
    Up(Exchange),
    Refuse(Exchange, Mismatch),
    Failed,
}

/// What is known of the other side.
struct Peer {
    nonce: u64,
    agreement: Agreement,
    /// It has our offer, and has told us.
    has_ours: bool,
}

/// One side of a link-up. Times are nanoseconds of any clock that does not go back.
pub struct Handshake {
    offer: Offer,
    nonce: u64,
    timing: Timing,
    phase: Phase,
    peer: Option<Peer>,
    /// The nonce of somebody whose offer we do not have, but who has spoken to an earlier session of ours.
    rumour: u64,
    /// When to send the next Hello.
    hello_due: u64,
    started: u64,
    last_heard: u64,
    /// A message of another version was heard, and when first.
    alien: Option<(u16, u64)>,
}

impl Handshake {
    /// Starts a link-up with `offer`. `nonce` must be fresh: random, and not 0.
    ///
    /// # Errors
    /// [`Error::GenerationsUsedUp`] when the offer's generation is 0: there is none after the last.
    ///
    /// # Panics
    /// When `nonce` is 0 or the offer has more LUNs than there are.
    pub fn new(offer: Offer, nonce: u64, timing: Timing, now: u64) -> Result<Self> {
        assert!(nonce != 0 && offer.luns.len() < dyad_spec::regs::LUNS_MAX, "a nonce, and at most 7 LUNs");
        if offer.generation == 0 {
            return Err(Error::GenerationsUsedUp);
        }
        Ok(Self {
            offer,
            nonce,
            timing,
            phase: Phase::Hello,
            peer: None,
            rumour: 0,
            hello_due: now,
            started: now,
            last_heard: now,
            alien: None,
        })
    }

    /// The agreement, once there is one.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.peer.as_ref().map(|p| &p.agreement)
    }

    /// The two nonces, ours first, once both are known.
    pub fn session(&self) -> Option<(u64, u64)> {
        self.peer.as_ref().map(|p| (self.nonce, p.nonce))
    }

    fn message(&self, body: Body) -> Message {
        let to = self.peer.as_ref().map_or(self.rumour, |p| p.nonce);
        Message { from: self.nonce, to, round: 0, seen: false, wants: true, body }
    }

    /// Takes in what came. Anything at all may come.
    pub fn handle(&mut self, received: &Received, now: u64) {
        let m = match Message::decode(&received.message) {
            Ok(m) if m.from != self.nonce && m.round == 0 => m,
            Err(NoMessage::Version(version)) => {
                self.alien.get_or_insert((version, now));
                return;
            }
            _ => return,
        };
        let for_us = m.to == self.nonce;
        if !for_us && m.to != 0 {
            // For a session of ours that is no more. Let the sender know that we have a new one.
            if self.peer.is_none() && matches!(self.phase, Phase::Hello) {
                self.rumour = m.from;
                self.hello_due = now;
            }
            return;
        }
        match &m.body {
            Body::Hello(offer) => self.handle_hello(&m, offer, for_us, now),
            Body::Refuse(mismatch) if for_us => self.handle_refusal(&m, mismatch, now),
            Body::Probe | Body::Ready { .. } if for_us => self.handle_step(&m, received.frame_bytes, now),
            _ => {}
        }
    }

    fn handle_hello(&mut self, m: &Message, offer: &Offer, for_us: bool, now: u64) {
        if self.peer.as_ref().is_none_or(|p| p.nonce != m.from) {
            // Somebody new. In the middle of things only one who knows our nonce is followed, or any when the other has
            // fallen silent: what comes late from an earlier session must not stop this one.
            let silent = now.saturating_sub(self.last_heard) > 3 * self.timing.resend_ns();
            let follow = self.peer.is_none() || for_us || silent;
            if !follow || matches!(self.phase, Phase::Up(_) | Phase::Failed | Phase::Refuse(..)) {
                return;
            }
            match agree(&self.offer, offer) {
                Ok(agreement) => self.peer = Some(Peer { nonce: m.from, agreement, has_ours: false }),
                Err(mismatch) => return self.refuse(m.from, mismatch, now),
            }
            self.phase = Phase::Hello;
            self.hello_due = now;
        }
        self.last_heard = now;
        let peer = self.peer.as_mut().expect("known by now");
        peer.has_ours |= for_us && m.seen;
        match &mut self.phase {
            Phase::Hello | Phase::Probe(_) if m.wants => self.hello_due = now,
            Phase::Ready(e) | Phase::Up(e) if m.wants => e.repeat(now),
            _ => {}
        }
    }

    fn refuse(&mut self, to: u64, mismatch: Mismatch, now: u64) {
        let body = Body::Refuse(Box::new(mismatch.clone()));
        let message = Message { to, ..self.message(body) };
        self.last_heard = now;
        self.phase = Phase::Refuse(Exchange::new(message, FRAME_BYTES_MIN, now), mismatch);
    }

    fn handle_refusal(&mut self, m: &Message, theirs: &Mismatch, now: u64) {
        if matches!(self.phase, Phase::Up(_) | Phase::Failed) {
            return;
        }
        if !matches!(self.phase, Phase::Refuse(..)) {
            self.refuse(m.from, theirs.clone().swapped(), now);
        }
        if let Phase::Refuse(exchange, _) = &mut self.phase
            && exchange.is_mine(m)
        {
            exchange.hear(m, now);
        }
    }

    fn handle_step(&mut self, m: &Message, frame_bytes: usize, now: u64) {
        let Some(peer) = self.peer.as_mut().filter(|p| p.nonce == m.from) else { return };
        self.last_heard = now;
        peer.has_ours = true;
        let generation = peer.agreement.generation;
        let acceptable = match m.body {
            Body::Ready { generation: theirs } => theirs == generation,
            _ => frame_bytes == self.offer.mtu.payload_bytes(),
        };
        // The peer goes on only when it has heard us, so what it has left behind is done here, too.
        let ready = matches!(m.body, Body::Ready { .. });
        match &mut self.phase {
            Phase::Hello => self.begin_probe(now),
            Phase::Probe(e) if ready && e.heard().is_some() => e.overtaken(now),
            _ => {}
        }
        match &mut self.phase {
            Phase::Probe(e) | Phase::Ready(e) | Phase::Up(e) if e.is_mine(m) && acceptable => e.hear(m, now),
            // The peer is behind: what we say now tells it that we have heard it.
            Phase::Ready(e) | Phase::Up(e) if m.wants => e.repeat(now),
            _ => {}
        }
    }

    fn begin_probe(&mut self, now: u64) {
        let exchange = Exchange::new(self.message(Body::Probe), self.offer.mtu.payload_bytes(), now);
        self.phase = Phase::Probe(exchange);
        self.hello_due = u64::MAX;
    }

    /// The store is marked as open in the agreed generation.
    ///
    /// # Panics
    /// When that was not asked for.
    pub fn marked(&mut self, now: u64) {
        assert!(matches!(self.phase, Phase::Mark), "Mark was not asked for");
        let generation = self.agreement().expect("agreed before Mark").generation;
        self.phase = Phase::Ready(Exchange::new(self.message(Body::Ready { generation }), FRAME_BYTES_MIN, now));
    }

    /// What to do now. To be asked after each message, and at the time that [`Action::Wait`] names.
    pub fn poll(&mut self, now: u64) -> Action {
        if let Some(action) = self.poll_end(now) {
            return action;
        }
        let timing = self.timing;
        let telling = matches!(self.phase, Phase::Hello | Phase::Probe(_));
        if telling && now >= self.hello_due {
            return self.send_hello(now);
        }
        if matches!(self.phase, Phase::Hello) && self.peer.as_ref().is_some_and(|p| p.has_ours) {
            self.begin_probe(now);
        }
        if matches!(&self.phase, Phase::Probe(e) if e.is_done()) {
            self.phase = Phase::Mark;
        }
        match &mut self.phase {
            Phase::Mark => Action::Mark,
            Phase::Hello => Action::Wait(self.hello_due.min(self.started + timing.deadline_ns())),
            Phase::Failed => Action::Wait(u64::MAX),
            // Only answers, to a peer that has missed our last word.
            Phase::Up(e) => e.poll(&timing, now).map_or(Action::Wait(u64::MAX), Action::Send),
            Phase::Probe(e) | Phase::Ready(e) | Phase::Refuse(e, _) => match e.poll(&timing, now) {
                Some(outgoing) => Action::Send(outgoing),
                None => Action::Wait(e.due().min(now + timing.resend_ns())),
            },
        }
    }

    /// Whether this is the end, one way or the other.
    fn poll_end(&mut self, now: u64) -> Option<Action> {
        let timing = self.timing;
        let late = now.saturating_sub(self.started) >= timing.deadline_ns();
        match &mut self.phase {
            Phase::Up(_) | Phase::Failed => None,
            Phase::Refuse(e, mismatch) => {
                let silent = now.saturating_sub(self.last_heard) >= timing.linger_ns();
                if !e.is_done() && !silent {
                    return None;
                }
                let error = Error::Mismatch(Box::new(mismatch.clone()));
                self.phase = Phase::Failed;
                Some(Action::Failed(error))
            }
            Phase::Ready(e) if e.is_done_or_silent(&timing, now) => {
                let mut e = e.clone();
                if !e.is_done() {
                    e.rest();
                }
                self.phase = Phase::Up(e);
                Some(Action::Up)
            }
            Phase::Hello if self.peer.is_none() => match self.alien {
                // Long enough for the other side to have heard of our version.
                Some((version, since)) if now.saturating_sub(since) >= timing.linger_ns() => {
                    self.phase = Phase::Failed;
                    let mismatch = offer::mismatch(MismatchField::Protocol, None, PROTOCOL_VERSION, version);
                    Some(Action::Failed(Error::Mismatch(Box::new(mismatch))))
                }
                _ => late.then(|| self.fail_late()),
            },
            _ => late.then(|| self.fail_late()),
        }
    }

    fn send_hello(&mut self, now: u64) -> Action {
        let mut message = self.message(Body::Hello(Box::new(self.offer.clone())));
        message.seen = self.peer.is_some();
        message.wants = !self.peer.as_ref().is_some_and(|p| p.has_ours);
        self.hello_due = if message.wants { now + self.timing.resend_ns() } else { u64::MAX };
        Action::Send(Outgoing { message: message.encode(), frame_bytes: FRAME_BYTES_MIN })
    }

    fn fail_late(&mut self) -> Action {
        let problem = match std::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Probe(e) if e.heard().is_some() => {
                "hears no frame of full size from here; check the MTU of every switch on the way there"
            }
            Phase::Probe(_) => {
                "answers, but no frame of full size comes from it; check the MTU of every switch on the way"
            }
            Phase::Mark | Phase::Ready(_) => "did not confirm that its store is marked",
            _ if self.peer.is_some() => "is heard, but does not hear this site",
            _ => "did not answer; check addresses and cable, too",
        };
        Action::Failed(Error::Peer { operation: "link-up", problem })
    }
}
