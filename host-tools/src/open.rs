//! From the command line to cards: boards, sockets, or a simulator of this process's own.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use dyad_driver::backing::vfio_user::{DEFAULT_TIMEOUT, VfioUser};
use dyad_driver::lun::BLOCKS_MAX;
use dyad_driver::{Device, NewLun, Site, SiteConfig, Timing};
use dyad_sim::{Store, World};
use dyad_spec::BLOCK_BYTES;
use dyad_spec::superblock::RESERVED_BLOCKS;

use crate::cli::SimArgs;
use crate::simulator::{self, STAGING_BLOCKS, Simulator};
use crate::target::{AnyBacking, Cards, Pair};

/// Most MiB of a store: 4 PiB less one, all of which the cards reach.
pub const STORE_MIB_MAX: u32 = u32::MAX;

/// Which cards a verb works on.
///
/// Without --device and --socket, both sites are simulated in this process; their stores are kept in files when --store-a
/// and --store-b are given, and are empty at first otherwise.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// PCI address of a board; give it twice when both are in this host
    #[cfg(feature = "vfio")]
    #[arg(long, value_name = "BDF", conflicts_with_all = ["socket", "store_a"])]
    device: Vec<String>,
    /// Socket of a simulated card; give it twice to drive both sites
    #[arg(long, value_name = "PATH", conflicts_with = "store_a")]
    socket: Vec<PathBuf>,
    /// File with site a's store; made when missing
    #[arg(long, value_name = "FILE", requires = "store_b")]
    store_a: Option<PathBuf>,
    /// File with site b's store; made when missing
    #[arg(long, value_name = "FILE", requires = "store_a")]
    store_b: Option<PathBuf>,
    /// Size of a store that is made, in MiB; it takes up room where it is written
    #[arg(long, default_value_t = 64, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=STORE_MIB_MAX.into()))]
    pub store_mib: u32,
    /// Blocks of a store that is made, where another option says so.
    #[arg(skip)]
    exact_store_blocks: Option<u64>,
    #[command(flatten)]
    pub sim: SimArgs,
}

/// Where the cards come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A board, or a simulator in another process.
    Outside,
    /// A simulator in this process, with stores in files.
    Kept,
    /// A simulator in this process that starts empty.
    Fresh,
}

impl TargetArgs {
    /// Where the cards come from.
    pub fn origin(&self) -> Origin {
        #[cfg(feature = "vfio")]
        if !self.device.is_empty() {
            return Origin::Outside;
        }
        match (&self.store_a, self.socket.is_empty()) {
            (_, false) => Origin::Outside,
            (Some(_), true) => Origin::Kept,
            (None, true) => Origin::Fresh,
        }
    }

    /// Whether cards and time are simulated, here or behind sockets; otherwise they are a board's.
    pub fn is_simulated(&self) -> bool {
        self.origin() != Origin::Outside || !self.socket.is_empty()
    }

    /// Blocks of a store that is made. One that lives as long as this program has its staging area on top.
    pub fn store_blocks(&self) -> u64 {
        let staging = if self.origin() == Origin::Fresh { STAGING_BLOCKS } else { 0 };
        self.exact_store_blocks.unwrap_or((u64::from(self.store_mib) << 20 >> 12) + staging)
    }

    /// With stores of `blocks` blocks where they are made.
    pub fn with_store_blocks(self, blocks: u64) -> Self {
        Self { exact_store_blocks: Some(blocks), ..self }
    }

    /// Blocks of the stores, as far as this program knows: of the smaller file, or of a store that it makes.
    pub fn known_store_blocks(&self) -> u64 {
        let files = [&self.store_a, &self.store_b].into_iter().flatten();
        let blocks = files.filter_map(|path| Some(std::fs::metadata(path).ok()?.len() / BLOCK_BYTES as u64));
        blocks.filter(|blocks| *blocks > 0).min().unwrap_or(self.store_blocks())
    }

    /// Opens the cards without changing anything on them.
    ///
    /// # Errors
    /// What opening can give.
    pub fn devices(&self) -> Result<(Vec<Device<AnyBacking>>, Option<Simulator>)> {
        if self.origin() != Origin::Outside {
            let simulator = self.simulator()?;
            let open = |site| {
                let backing: AnyBacking = Box::new(simulator.bench.backing(site));
                Device::open(backing)
            };
            let devices = vec![open(dyad_sim::Site::A)?, open(dyad_sim::Site::B)?];
            return Ok((devices, Some(simulator)));
        }
        let backings = self.backings()?;
        ensure!(backings.len() <= 2, "opening {} cards: a pair has two; name one or two", backings.len());
        let devices = backings.into_iter().map(Device::open).collect::<Result<_, _>>()?;
        Ok((devices, None))
    }

    /// Opens the cards and takes them over: they are reset, and their stores' superblocks are read.
    ///
    /// # Errors
    /// What opening can give.
    pub fn cards(&self) -> Result<Cards> {
        if self.origin() != Origin::Outside {
            return Ok(Cards::Both(Box::new(Pair::simulated(self.simulator()?)?)));
        }
        let config = if self.socket.is_empty() { SiteConfig::default() } else { patient() };
        let open = |device| Site::open(device, config.clone());
        let sites = self.devices()?.0.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let mut sites = sites.into_iter();
        match (sites.next(), sites.next()) {
            (Some(a), Some(b)) => Ok(Cards::Both(Box::new(Pair { a, b, simulator: None }))),
            (Some(only), None) => Ok(Cards::One(Box::new(only))),
            _ => bail!("opening cards: none was named; give --device or --socket"),
        }
    }

    /// As [`cards`](Self::cards); a simulated pair that starts empty is formatted and gets LUN `lun` over all of its store.
    ///
    /// # Errors
    /// What opening and creating can give.
    pub fn cards_with_lun(&self, lun: u8) -> Result<Cards> {
        let mut cards = self.cards()?;
        if self.origin() == Origin::Fresh {
            let reached = self.store_blocks().min(BLOCKS_MAX);
            let new = NewLun {
                number: Some(lun),
                blocks: reached - RESERVED_BLOCKS - STAGING_BLOCKS,
                owner: 0,
                uuid: u128::from(lun),
                extent_shift_min: 0,
            };
            for (site, number) in cards.sites().into_iter().zip([0, 1]) {
                site.format(u128::from(self.sim.seed), number)?;
                site.create_lun(&new, self.store_blocks())?;
            }
        }
        Ok(cards)
    }

    fn backings(&self) -> Result<Vec<AnyBacking>> {
        let mut backings: Vec<AnyBacking> = Vec::new();
        #[cfg(feature = "vfio")]
        for address in &self.device {
            backings.push(Box::new(dyad_driver::backing::vfio::Vfio::open(address)?));
        }
        for path in &self.socket {
            backings.push(Box::new(VfioUser::connect(path, DEFAULT_TIMEOUT)?));
        }
        Ok(backings)
    }

    fn simulator(&self) -> Result<Simulator> {
        Ok(Simulator::new(self.world()?, self.sim.mtu))
    }

    /// The simulated pair, powered up, with its stores in files if any are named.
    ///
    /// # Errors
    /// When a store cannot be opened or made.
    pub fn world(&self) -> Result<World> {
        let files = match (&self.store_a, &self.store_b) {
            (Some(a), Some(b)) => Some(self.store_files(a, b)?),
            _ => None,
        };
        let mut world = simulator::world(&self.sim.options(self.store_blocks()))?;
        for (site, file) in dyad_sim::Site::ALL.into_iter().zip(files.into_iter().flatten()) {
            world.site_mut(site).store = Store::from_file(file).context("mapping the store's file into memory")?;
        }
        Ok(world)
    }

    /// Opens both stores' files, and keeps other programs from using them at the same time.
    fn store_files(&self, a: &Path, b: &Path) -> Result<[File; 2]> {
        let files = [self.store_file(a)?, self.store_file(b)?];
        let identity = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino()));
        ensure!(
            identity(&files[0])? != identity(&files[1])?,
            "opening the stores {} and {}: they are one and the same file; each site has a store of its own",
            a.display(),
            b.display()
        );
        for (file, path) in files.iter().zip([a, b]) {
            let name = path.display();
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    bail!("opening the store {name}: another program uses it; end it first")
                }
                Err(TryLockError::Error(source)) => {
                    return Err(source)
                        .with_context(|| format!("locking the store {name}; put it on a local file system"));
                }
            }
        }
        Ok(files)
    }

    /// Opens a store's file, or makes it.
    fn store_file(&self, path: &Path) -> Result<File> {
        let name = path.display();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("opening the store {name}; make it readable and writable"))?;
        let len = file.metadata()?.len();
        if len == 0 {
            let bytes = self.store_blocks() * BLOCK_BYTES as u64;
            file.set_len(bytes).with_context(|| format!("making the store {name} of {bytes} bytes"))?;
        }
        let least = (RESERVED_BLOCKS + 1) * BLOCK_BYTES as u64;
        ensure!(
            len == 0 || (len >= least && len.is_multiple_of(BLOCK_BYTES as u64)),
            "opening the store {name}: it has {len} bytes, a store has whole blocks of {BLOCK_BYTES} and at least {least}; \
             name a store that this program made, or a file that is not there"
        );
        Ok(file)
    }
}

/// Time-outs for a simulator in another process: its time passes much more slowly than the driver's.
fn patient() -> SiteConfig {
    let timing = Timing {
        resend: Duration::from_millis(250),
        linger: Duration::from_secs(1),
        deadline: Duration::from_secs(60),
    };
    SiteConfig { timing, command_timeout: Duration::from_secs(60), ..SiteConfig::default() }
}
