//! Bringing the link up.

use crate::backing::{Backing, Deadline};
use crate::bar::LunFlags;
use crate::error::Result;
use crate::handshake::{Action, Agreement, Handshake, LunAgreement, Mode};
use crate::lun::Superblock;
use crate::mailbox;
use crate::site::task::{Step, Task};
use crate::site::{Session, Site};

/// Link-up under way. When it is done, the link is up and every LUN is live whose stores are known equal.
///
/// Errors: [`Mismatch`](crate::Error::Mismatch) with the field's name; [`Peer`](crate::Error::Peer) when the other side does
/// not answer or full-size frames do not come through; what writing the superblock can give.
pub struct LinkUp<'a, B: Backing> {
    site: &'a mut Site<B>,
    handshake: Option<Handshake>,
    /// The superblock from before it was marked as open.
    former: Option<Superblock>,
}

impl<'a, B: Backing> LinkUp<'a, B> {
    pub(super) fn new(site: &'a mut Site<B>, handshake: Handshake) -> Self {
        Self { site, handshake: Some(handshake), former: None }
    }

    /// Marks the store as open in the agreed generation. A LUN that is not known equal stops being marked as such.
    fn mark(&mut self, agreement: &Agreement) -> Result<()> {
        let mut superblock = self.site.superblock()?.clone();
        if self.former.is_none() {
            self.former = Some(superblock.clone());
        }
        superblock.generation = agreement.generation;
        superblock.clean = false;
        for agreed in &agreement.luns {
            let lun = superblock.lun_mut(agreed.lun).expect("agreed only for what both have");
            lun.synced = agreed.equal.is_ok();
            lun.owner = agreed.owner;
            lun.generation = agreed.generation;
        }
        self.site.store_superblock(superblock)
    }

    /// No link came of it. No write was taken from the peer, so the store is as it was before it was marked.
    fn unmark(&mut self) -> Result<()> {
        match self.former.take() {
            Some(former) => {
                let revision = self.site.superblock()?.revision;
                self.site.store_superblock(Superblock { revision, ..former })
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self, handshake: Handshake) -> Result<Agreement> {
        let session = Session::new(handshake);
        let agreement = session.agreement.clone();
        for agreed in &agreement.luns {
            self.set_up_lun(&agreement, agreed)?;
        }
        let peer = &agreement.peer;
        let slots = self.site.device.info().slot_count;
        let staging = self.site.superblock()?.staging.filter(|s| s.blocks >= slots);
        self.site.device.set_staging(staging.map_or(0, |s| s.base));
        self.site.device.link_up(agreement.generation, agreement.slots, peer.mtu);
        self.site.session = Some(session);
        self.site.held = Some(agreement.generation);
        self.former = None;
        Ok(agreement)
    }

    fn set_up_lun(&self, agreement: &Agreement, agreed: &LunAgreement) -> Result<()> {
        let lun = self.site.superblock()?.lun(agreed.lun).expect("agreed only for what both have");
        let entry = match (agreed.equal, agreement.mode) {
            (Ok(()), _) => lun.entry(LunFlags::LIVE),
            (Err(_), Mode::Serve) => lun.entry(LunFlags::empty()),
            // The source writes to both stores, so it has to be the owner meanwhile; and the target's card takes blocks
            // for a LUN only when it is live there. Nobody but the two drivers uses the LUN until the sync is done.
            (Err(_), Mode::SyncFrom(source)) => {
                let target = self.site.superblock()?.site != source;
                let mut entry = lun.entry(if target { LunFlags::LIVE } else { LunFlags::empty() });
                entry.owner = source;
                entry
            }
        };
        self.site.device.set_lun(agreed.lun, Some(&entry))
    }
}

impl<B: Backing> Task for LinkUp<'_, B> {
    type Output = Agreement;
    type Backing = B;

    fn step(&mut self) -> Result<Step<Agreement>> {
        let mut handshake = self.handshake.take().expect("a task is not stepped after its end");
        loop {
            self.site.device.shared().alive("link-up")?;
            let backing = self.site.device.backing();
            while let Some(received) = mailbox::receive(backing) {
                handshake.handle(&received, backing.now());
            }
            let now = backing.now();
            if mailbox::is_busy(backing) {
                self.handshake = Some(handshake);
                return Ok(Step::Wait(Deadline(now + 20_000)));
            }
            match handshake.poll(now) {
                Action::Send(outgoing) => {
                    mailbox::send(backing, &outgoing.message, outgoing.frame_bytes);
                }
                Action::Mark => {
                    let agreement = handshake.agreement().expect("agreed before it is marked").clone();
                    self.mark(&agreement)?;
                    handshake.marked(self.site.device.backing().now());
                }
                Action::Wait(until) => {
                    self.handshake = Some(handshake);
                    return Ok(Step::Wait(Deadline(until)));
                }
                Action::Up => return self.finish(handshake).map(Step::Done),
                Action::Failed(error) => {
                    self.unmark()?;
                    return Err(error);
                }
            }
        }
    }

    fn backing(&self) -> &B {
        self.site.device.backing()
    }

    fn vector(&self) -> Option<u16> {
        self.site.queue.vector()
    }
}
