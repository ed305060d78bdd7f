//! One site of a pair: a card, its store's superblock, and the link to the peer.
//!
//! What takes both sites ([`LinkUp`], [`Sync`], [`Close`]) is a [`Task`]: something that is stepped until it is done and
//! never blocks. [`run`] drives one where the peer has a driver of its own; [`run_both`] drives both sides in one thread, as
//! a simulation must.

mod close;
mod link_up;
mod talk;
mod task;

use std::time::Duration;

use dyad_spec::superblock::{METADATA_LUN, RESERVED_BLOCKS};
use dyad_spec::{BLOCK_BYTES, SPEC_VERSION, Status, regs};

use crate::backing::Backing;
use crate::bar::LunFlags;
use crate::device::{Device, LinkConfig, LunEntry};
use crate::error::{Error, Result, SuperblockDamage};
use crate::handshake::{Agreement, Handshake, Mode, Offer, Timing};
use crate::io::{Queue, QueueConfig};
use crate::lun::{self, Lun, NewLun, NotEqual, Superblock, Sync};

pub use close::Close;
pub use link_up::LinkUp;
pub(crate) use talk::{Session, Talk, send_progress};
pub use task::{Step, Task, run, run_both};

/// How a site is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteConfig {
    /// Addresses and time-outs of the link. `None`: those of two cards on one cable, by site.
    pub link: Option<LinkConfig>,
    /// What the store takes, in MB/s; 0: not known.
    pub store_rate_mb_s: u32,
    /// Time-outs of the drivers' messages.
    pub timing: Timing,
    /// How long a command of the driver's own may take.
    pub command_timeout: Duration,
}

impl Default for SiteConfig {
    fn default() -> Self {
        let command_timeout = QueueConfig::default().timeout;
        Self { link: None, store_rate_mb_s: 0, timing: Timing::default(), command_timeout }
    }
}

/// A LUN and whether it is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunState {
    /// The LUN.
    pub lun: Lun,
    /// It serves reads and writes, or why it does not.
    pub live: Result<(), NotEqual>,
}

/// One site of a pair.
///
/// ```
/// use dyad_driver::{Device, Mode, NewLun, Site, SiteConfig, run_both, backing::memory::Memory};
/// # fn main() -> dyad_driver::Result<()> {
/// let (a, b) = Memory::pair(1024);
/// let mut a = Site::open(Device::open(a)?, SiteConfig::default())?;
/// let mut b = Site::open(Device::open(b)?, SiteConfig::default())?;
/// let lun = NewLun { number: Some(1), blocks: 256, owner: 0, uuid: 77, extent_shift_min: 0 };
/// for (site, number) in [(&mut a, 0), (&mut b, 1)] {
///     site.format(0xd1ad, number)?;
///     site.create_lun(&lun, 1024)?;
/// }
/// let (up_a, up_b) = run_both(a.link_up(Mode::Serve, 1)?, b.link_up(Mode::Serve, 2)?);
/// assert_eq!(up_a?.generation, up_b?.generation);
///
/// let mut queue = a.device().create_queue(&Default::default())?;
/// queue.write(1, 5, &[0xab; 4096])?;
/// let mut block = [0; 4096];
/// b.device().create_queue(&Default::default())?.read(1, 5, &mut block)?;
/// assert_eq!(block, [0xab; 4096]);
///
/// drop(queue);
/// let (closed_a, closed_b) = run_both(a.close()?, b.close()?);
/// closed_a.and(closed_b)
/// # }
/// ```
pub struct Site<B: Backing> {
    pub(crate) device: Device<B>,
    /// For the driver's own use; it shares its vector with the mailbox.
    pub(crate) queue: Queue<B>,
    superblock: Result<Option<Superblock>, SuperblockDamage>,
    pub(crate) config: SiteConfig,
    pub(crate) session: Option<Session>,
    /// Link generation that the card was up in, when it has not been reset since: its slots hold what is unresolved.
    held: Option<u16>,
}

impl<B: Backing> Site<B> {
    /// Resets the card, sets up a queue for the driver's own use, and reads the store's superblock. A store that is not
    /// formatted, or damaged, can be opened, too: to [`format`](Self::format) it.
    ///
    /// # Errors
    /// What [`Device::reset`], [`Device::create_queue`] and reading a block can give.
    pub fn open(device: Device<B>, config: SiteConfig) -> Result<Self> {
        device.reset(config.command_timeout)?;
        let queue = device.create_queue(&QueueConfig { timeout: config.command_timeout, ..QueueConfig::default() })?;
        device.registers().set(&regs::MAILBOX_VECTOR, queue.vector().unwrap_or(0).into());
        let mut site = Self { device, queue, superblock: Ok(None), config, session: None, held: None };
        let owner = site.device.registers().get(&regs::SITE) as u8;
        site.set_metadata_lun(owner)?;
        let mut block = [0; BLOCK_BYTES];
        site.queue.read(METADATA_LUN, 0, &mut block)?;
        site.superblock = Superblock::decode(&block);
        site.configure()?;
        Ok(site)
    }

    /// The LUN by which the driver reaches the metadata: local to the site, always live.
    fn set_metadata_lun(&self, owner: u8) -> Result<()> {
        let (extent_shift, extent_base) =
            lun::extents(self.device.info(), METADATA_LUN, RESERVED_BLOCKS, 0).unwrap_or((31, 0));
        let entry = LunEntry {
            flags: LunFlags::VALID | LunFlags::LIVE | LunFlags::LOCAL,
            owner,
            extent_shift,
            generation: 1,
            blocks: RESERVED_BLOCKS,
            store_base: 0,
            extent_base,
        };
        self.device.set_lun(METADATA_LUN, Some(&entry))
    }

    /// Makes the card know its site, the link's addresses, and every LUN, not live.
    fn configure(&mut self) -> Result<()> {
        let Ok(Some(superblock)) = &self.superblock else { return Ok(()) };
        let default = LinkConfig::for_site(superblock.site);
        self.device.configure_link(superblock.site, self.config.link.as_ref().unwrap_or(&default))?;
        self.set_metadata_lun(superblock.site)?;
        for lun in &superblock.luns {
            self.device.set_lun(lun.number, Some(&lun.entry(LunFlags::empty())))?;
        }
        Ok(())
    }

    /// Changes the time-outs of the drivers' messages, from the next link-up on.
    pub fn set_timing(&mut self, timing: Timing) {
        self.config.timing = timing;
    }

    /// The time-outs of the drivers' messages.
    pub fn timing(&self) -> Timing {
        self.config.timing
    }

    /// The card.
    pub fn device(&self) -> &Device<B> {
        &self.device
    }

    /// What the store says of itself.
    ///
    /// # Errors
    /// [`Error::NotFormatted`], [`Error::DamagedSuperblock`].
    pub fn superblock(&self) -> Result<&Superblock> {
        let device = || self.device.info().name.as_str().into();
        match &self.superblock {
            Ok(Some(superblock)) => Ok(superblock),
            Ok(None) => Err(Error::NotFormatted { device: device() }),
            Err(damage) => Err(Error::DamagedSuperblock { device: device(), damage: *damage }),
        }
    }

    /// What was agreed with the peer, while the link is up.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.session.as_ref().map(|s| &s.agreement)
    }

    /// Writes the superblock and flushes the store.
    pub(crate) fn store_superblock(&mut self, mut superblock: Superblock) -> Result<()> {
        superblock.revision += 1;
        self.queue.write(METADATA_LUN, 0, &superblock.encode()[..])?;
        match self.queue.flush(METADATA_LUN) {
            // A flush reaches both stores; with no peer there is only this one, which has been reached.
            Err(Error::Command(failure)) if failure.status == Status::LinkDown => {}
            result => result?,
        }
        self.superblock = Ok(Some(superblock));
        Ok(())
    }

    /// Makes an empty store of `pair`'s site `site` (0 or 1). All LUNs that were there are lost.
    ///
    /// # Errors
    /// [`Error::Argument`] for another site and while the link is up; what writing a block can give.
    pub fn format(&mut self, pair: u128, site: u8) -> Result<()> {
        self.need_link_down("formatting a store")?;
        if site > 1 {
            let problem = format!("site {site}").into();
            return Err(Error::Argument { operation: "formatting a store", problem, todo: "sites are 0 and 1" });
        }
        if let Ok(Some(old)) = &self.superblock {
            for lun in &old.luns {
                self.device.set_lun(lun.number, None)?;
            }
        }
        self.device.registers().set(&regs::SITE, site.into());
        self.set_metadata_lun(site)?;
        self.store_superblock(Superblock::new(pair, site))?;
        self.held = None;
        self.configure()
    }

    /// Creates a LUN on this site's store of `store_blocks` blocks. The same must be done at the other site.
    ///
    /// # Errors
    /// Those of [`lun::place`]; [`Error::NotFormatted`]; [`Error::Argument`] while the link is up.
    pub fn create_lun(&mut self, new: &NewLun, store_blocks: u64) -> Result<Lun> {
        self.need_link_down("creating a LUN")?;
        let mut superblock = self.superblock()?.clone();
        let info = self.device.info();
        let lun = lun::place(&superblock, new, info, store_blocks)?;
        superblock.luns.push(lun);
        if superblock.staging.is_none_or(|s| s.blocks < info.slot_count) {
            superblock.staging = None;
            superblock.staging = lun::place_staging(&superblock, info, store_blocks);
        }
        superblock.luns.sort_by_key(|l| l.number);
        self.store_superblock(superblock)?;
        self.device.set_lun(lun.number, Some(&lun.entry(LunFlags::empty())))?;
        Ok(lun)
    }

    /// Deletes a LUN from this site's store. The same must be done at the other site.
    ///
    /// # Errors
    /// [`Error::NoLun`]; [`Error::NotFormatted`]; [`Error::Argument`] while the link is up.
    pub fn delete_lun(&mut self, number: u8) -> Result<()> {
        self.need_link_down("deleting a LUN")?;
        let mut superblock = self.superblock()?.clone();
        superblock.lun(number).ok_or(Error::NoLun { lun: number })?;
        superblock.luns.retain(|l| l.number != number);
        self.store_superblock(superblock)?;
        self.device.set_lun(number, None)
    }

    fn need_link_down(&self, operation: &'static str) -> Result<()> {
        if self.session.is_none() {
            return Ok(());
        }
        Err(Error::Argument { operation, problem: "the link is up".into(), todo: "close it first" })
    }

    /// Every LUN of the store, and whether it is live.
    ///
    /// # Errors
    /// [`Error::NotFormatted`], [`Error::DamagedSuperblock`].
    pub fn luns(&self) -> Result<Vec<LunState>> {
        let live = |number| match &self.session {
            Some(_) if self.is_fenced(number) => Err(NotEqual::StoreFailed),
            Some(session) => session.equal(number),
            None => Err(NotEqual::LinkDown),
        };
        Ok(self.superblock()?.luns.iter().map(|lun| LunState { lun: *lun, live: live(lun.number) }).collect())
    }

    /// Whether the card has taken a LUN out of service because a store failed to write a block of it.
    fn is_fenced(&self, number: u8) -> bool {
        self.device.lun(number).is_ok_and(|lun| lun.is_some_and(|lun| lun.flags.contains(LunFlags::FENCED)))
    }

    /// Makes sure that a LUN is live.
    ///
    /// # Errors
    /// [`Error::NoLun`], [`Error::NotEqual`] with the reason.
    pub fn need_live(&self, number: u8) -> Result<()> {
        let luns = self.luns()?;
        let state = luns.iter().find(|l| l.lun.number == number).ok_or(Error::NoLun { lun: number })?;
        state.live.map_err(|reason| Error::NotEqual { lun: number, reason })
    }

    /// What this site brings to link-up.
    fn offer(&self, mode: Mode) -> Result<Offer> {
        let superblock = self.superblock()?;
        let info = self.device.info();
        let link = self.config.link.clone().unwrap_or_else(|| LinkConfig::for_site(superblock.site));
        Ok(Offer {
            spec_version: SPEC_VERSION,
            site: superblock.site,
            pair: superblock.pair,
            // 0 after the last: the handshake refuses that.
            generation: superblock.generation.wrapping_add(1),
            slots: info.slot_count,
            store_rate_mb_s: self.config.store_rate_mb_s,
            mtu: link.mtu,
            mode,
            extents: info.extent_count,
            last_generation: superblock.generation,
            clean: superblock.clean,
            resumes: self.held.is_some_and(|generation| generation == superblock.generation)
                && !superblock.luns.iter().any(|lun| self.is_fenced(lun.number)),
            luns: superblock.luns.iter().map(Lun::offer).collect(),
        })
    }

    /// Starts to bring the link up. `nonce` must be random and not 0: it names this session.
    ///
    /// # Errors
    /// [`Error::NotFormatted`], [`Error::DamagedSuperblock`], [`Error::GenerationsUsedUp`]; [`Error::Argument`] when the
    /// link is up.
    ///
    /// # Panics
    /// When `nonce` is 0.
    pub fn link_up(&mut self, mode: Mode, nonce: u64) -> Result<LinkUp<'_, B>> {
        self.need_link_down("link-up")?;
        let offer = self.offer(mode)?;
        let now = self.device.backing().now();
        let handshake = Handshake::new(offer, nonce, self.config.timing, now)?;
        Ok(LinkUp::new(self, handshake))
    }

    /// Starts to make the stores of all LUNs equal that are not known to be, over a link that was brought up for it
    /// ([`Mode::SyncFrom`]). `progress` is called now and then. The same must be started at the other site.
    ///
    /// # Errors
    /// [`Error::Argument`] when the link is down, or not up for a sync; [`Error::Dma`].
    pub fn sync<'a>(&'a mut self, progress: impl FnMut(lun::Progress) + 'a) -> Result<Sync<'a, B>> {
        Sync::new(self, Box::new(progress))
    }

    /// Starts to close the link, so that the next link-up finds the stores known equal. The same must be started at the
    /// other site. All queues but the site's own must have been dropped.
    ///
    /// # Errors
    /// [`Error::Argument`] when the link is down, or queues are in use.
    pub fn close(&mut self) -> Result<Close<'_, B>> {
        Close::new(self)
    }

    /// Takes the link down as it is: after it was fenced, or when the peer is gone. What the card holds unresolved it keeps,
    /// and settles at the next link-up, if neither card has been reset by then.
    ///
    /// # Errors
    /// [`Error::DeviceGone`].
    pub fn link_down(&mut self) -> Result<()> {
        self.device.link_down();
        self.session = None;
        if let Ok(Some(superblock)) = &self.superblock {
            for lun in &superblock.luns {
                // That a store has failed is not forgotten before a reset.
                let flags = if self.is_fenced(lun.number) { LunFlags::FENCED } else { LunFlags::empty() };
                self.device.set_lun(lun.number, Some(&lun.entry(flags)))?;
            }
        }
        self.device.status().map(drop)
    }

    /// Answers what the peer's driver still asks. To be called now and then while the link is up; not needed when nothing was
    /// lost.
    ///
    /// # Errors
    /// [`Error::DeviceGone`].
    pub fn service(&mut self) -> Result<()> {
        self.device.shared().alive("reading the mailbox")?;
        talk::service(self);
        Ok(())
    }
}
