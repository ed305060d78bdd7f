//! Messages between the drivers while the link is up.

use crate::backing::{Backing, Deadline};
use crate::error::{Error, Result};
use crate::handshake::{Action, Agreement, Body, Exchange, Handshake, Message};
use crate::lun::NotEqual;
use crate::mailbox::{self, FRAME_BYTES_MIN, Received};
use crate::site::Site;
use crate::site::task::Step;

/// A link that is up.
pub(crate) struct Session {
    handshake: Handshake,
    pub(crate) agreement: Agreement,
    /// Our nonce and the peer's.
    nonces: (u64, u64),
    /// Number of the last exchange; both sides count alike.
    round: u32,
    /// Whether each LUN's stores are equal, as it stands now.
    equal: Vec<(u8, Result<(), NotEqual>)>,
    /// When the peer last said that it is at work.
    pub(crate) progress_heard: u64,
}

impl Session {
    pub(crate) fn new(handshake: Handshake) -> Self {
        let agreement = handshake.agreement().expect("the link is up").clone();
        let nonces = handshake.session().expect("the link is up");
        let equal = agreement.luns.iter().map(|l| (l.lun, l.equal)).collect();
        Self { handshake, agreement, nonces, round: 0, equal, progress_heard: 0 }
    }

    pub(crate) fn equal(&self, lun: u8) -> Result<(), NotEqual> {
        self.equal.iter().find(|(number, _)| *number == lun).map_or(Err(NotEqual::LinkDown), |(_, equal)| *equal)
    }

    pub(crate) fn set_equal(&mut self, lun: u8) {
        for (_, equal) in self.equal.iter_mut().filter(|(number, _)| *number == lun) {
            *equal = Ok(());
        }
    }

    /// LUNs whose stores are not known equal.
    pub(crate) fn unequal(&self) -> Vec<u8> {
        self.equal.iter().filter(|(_, equal)| equal.is_err()).map(|(number, _)| *number).collect()
    }

    fn message(&self, round: u32, body: Body) -> Message {
        Message { from: self.nonces.0, to: self.nonces.1, round, seen: false, wants: true, body }
    }

    /// Takes in a message that belongs to no exchange now under way, and answers it if need be.
    fn handle<B: Backing>(&mut self, received: &Received, backing: &B) {
        let now = backing.now();
        match Message::decode(&received.message) {
            // What is left of an exchange that has ended here: the peer ends it by itself.
            Ok(m) if m.round != 0 => {
                let from_peer = m.from == self.nonces.1 && m.to == self.nonces.0;
                if from_peer && matches!(m.body, Body::Progress { .. }) {
                    self.progress_heard = now;
                }
            }
            _ => {
                self.handshake.handle(received, now);
                if let Action::Send(outgoing) = self.handshake.poll(now) {
                    // If the mailbox is busy the peer asks again.
                    mailbox::send(backing, &outgoing.message, outgoing.frame_bytes);
                }
            }
        }
    }
}

/// Takes in what has come for no exchange.
pub(super) fn service<B: Backing>(site: &mut Site<B>) {
    let backing = site.device.backing();
    if let Some(session) = &mut site.session
        && let Some(received) = mailbox::receive(backing)
    {
        session.handle(&received, backing);
    }
}

/// An exchange over the mailbox of a site.
pub(crate) struct Talk {
    exchange: Exchange,
    started: u64,
    what: &'static str,
}

impl Talk {
    /// Starts the next exchange of the session.
    ///
    /// # Panics
    /// When the link is down.
    pub(crate) fn new<B: Backing>(site: &mut Site<B>, what: &'static str, body: Body) -> Self {
        let now = site.device.backing().now();
        let session = site.session.as_mut().expect("the link is up");
        session.round += 1;
        session.progress_heard = now;
        let exchange = Exchange::new(session.message(session.round, body), FRAME_BYTES_MIN, now);
        Self { exchange, started: now, what }
    }

    /// Sends nothing until the other side has been heard.
    pub(crate) fn passive(mut self) -> Self {
        self.exchange = self.exchange.passive();
        self
    }

    /// Receives and sends what there is. Done: what the other side said.
    pub(crate) fn step<B: Backing>(&mut self, site: &mut Site<B>) -> Result<Step<Body>> {
        site.device.shared().alive(self.what)?;
        let (backing, timing) = (site.device.backing(), &site.config.timing);
        let session = site.session.as_mut().expect("the link is up");
        while let Some(received) = mailbox::receive(backing) {
            match Message::decode(&received.message) {
                Ok(m) if self.exchange.is_mine(&m) => self.exchange.hear(&m, backing.now()),
                _ => session.handle(&received, backing),
            }
        }
        let now = backing.now();
        if !mailbox::is_busy(backing)
            && let Some(outgoing) = self.exchange.poll(timing, now)
        {
            mailbox::send(backing, &outgoing.message, outgoing.frame_bytes);
        }
        if self.exchange.is_done_or_silent(timing, now) {
            let body = self.exchange.heard().expect("done only when heard").clone();
            return Ok(Step::Done(body));
        }
        let heard = self.started.max(self.exchange.last_heard()).max(session.progress_heard);
        if now.saturating_sub(heard) >= timing.deadline_ns() {
            return Err(Error::Peer { operation: self.what, problem: "did not answer" });
        }
        Ok(Step::Wait(Deadline(self.exchange.due().min(heard + timing.deadline_ns()))))
    }
}

/// Tells the peer, which waits, that this side is at work.
pub(crate) fn send_progress<B: Backing>(site: &mut Site<B>, lun: u8, blocks: u64) {
    let session = site.session.as_mut().expect("the link is up");
    let message = Message { wants: false, ..session.message(u32::MAX, Body::Progress { lun, blocks }) };
    mailbox::send(site.device.backing(), &message.encode(), FRAME_BYTES_MIN);
}
