//! Closing the link, so that both stores are known equal afterwards.

use dyad_spec::regs;

use crate::backing::{Backing, Deadline};
use crate::bar::CardStatus;
use crate::error::{Error, Result};
use crate::handshake::Body;
use crate::site::task::{Step, Task};
use crate::site::{Site, Talk};

const WHAT: &str = "closing the link";

enum Phase {
    /// Until nothing is in flight and nothing unresolved, or until this time.
    Drain(Deadline),
    /// Both say that they write nothing more.
    Bye(Talk),
    Over,
}

/// A close under way: drain, flush both stores, exchange goodbyes, take the link down, write the clean mark.
///
/// Errors: [`UncleanClose`](crate::Error::UncleanClose) when the link is fenced or something stays unresolved;
/// [`Peer`](crate::Error::Peer) when the other side does not close, too. The link is down then as well. The next link-up goes
/// on where this one ended if neither card has been reset by then; otherwise it does not find the stores known equal.
pub struct Close<'a, B: Backing> {
    site: &'a mut Site<B>,
    phase: Phase,
}

impl<'a, B: Backing> Close<'a, B> {
    pub(super) fn new(site: &'a mut Site<B>) -> Result<Self> {
        let wrong = |problem: String, todo| Error::Argument { operation: WHAT, problem: problem.into(), todo };
        if site.session.is_none() {
            return Err(wrong("the link is down".to_owned(), "bring it up first"));
        }
        let others = site.device.queues_in_use() - 1;
        if others != 0 {
            return Err(wrong(format!("{others} queues are in use"), "drain and drop them first"));
        }
        let deadline = site.device.after(site.config.command_timeout);
        Ok(Self { site, phase: Phase::Drain(deadline) })
    }

    fn drain(&mut self, deadline: Deadline) -> Result<Option<Deadline>> {
        let status = self.site.device.status()?;
        let unclean = |reason: String| Error::UncleanClose { reason: reason.into() };
        if status.contains(CardStatus::FENCED) {
            return Err(unclean("the link is fenced: the peer did not answer".to_owned()));
        }
        let in_use = self.site.device.registers().get(&regs::SLOTS_IN_USE);
        let now = self.site.device.backing().now();
        if in_use == 0 {
            return Ok(None);
        }
        if now >= deadline.0 {
            return Err(unclean(format!("{in_use} blocks are not known to be in both stores")));
        }
        Ok(Some(Deadline(now + 20_000)))
    }

    fn over(&mut self) -> Result<()> {
        self.site.link_down()?;
        let mut superblock = self.site.superblock()?.clone();
        superblock.clean = true;
        self.site.held = None;
        self.site.store_superblock(superblock)
    }

    fn step_inner(&mut self) -> Result<Step<()>> {
        loop {
            match &mut self.phase {
                Phase::Drain(deadline) => {
                    let deadline = *deadline;
                    if let Some(until) = self.drain(deadline)? {
                        return Ok(Step::Wait(until));
                    }
                    let luns = self.site.luns()?;
                    if let Some(live) = luns.iter().find(|l| l.live.is_ok()) {
                        self.site.queue.flush(live.lun.number)?;
                    }
                    let generation = self.site.agreement().expect("the link is up").generation;
                    self.phase = Phase::Bye(Talk::new(self.site, WHAT, Body::Bye { generation }));
                }
                Phase::Bye(talk) => match talk.step(self.site)? {
                    Step::Wait(until) => return Ok(Step::Wait(until)),
                    Step::Done(_) => {
                        self.phase = Phase::Over;
                        self.over()?;
                        return Ok(Step::Done(()));
                    }
                },
                Phase::Over => panic!("a task is not stepped after its end"),
            }
        }
    }
}

impl<B: Backing> Task for Close<'_, B> {
    type Output = ();
    type Backing = B;

    fn step(&mut self) -> Result<Step<()>> {
        self.step_inner().inspect_err(|_| {
            self.phase = Phase::Over;
            // The error that is under way says more than a failure of this could.
            let _ = self.site.link_down();
        })
    }

    fn backing(&self) -> &B {
        self.site.device.backing()
    }

    fn vector(&self) -> Option<u16> {
        self.site.queue.vector()
    }
}
