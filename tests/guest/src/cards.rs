//! The two cards, and the LUN that all steps use.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use dyad_driver::backing::vfio::Vfio;
use dyad_driver::{Device, Mode, NewLun, Queue, QueueConfig, Result, Site, SiteConfig, Timing, run_both};

/// LUN number.
pub const LUN: u8 = 1;
/// Blocks of the LUN.
pub const LUN_BLOCKS: u64 = 128;
/// Blocks of each card's store, as `dyad sim --store-mib` was told; staging area included.
pub const STORE_BLOCKS: u64 = 64 << 20 >> 12;
/// Longest wait for anything: simulated cards are slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Both sites, driven by this process.
pub struct Pair {
    /// Site a.
    pub a: Site<Vfio>,
    /// Site b.
    pub b: Site<Vfio>,
}

impl Pair {
    /// Opens both cards, which resets them.
    pub fn open(addresses: [&str; 2]) -> Result<Self> {
        let [a, b] = addresses.map(|address| Site::open(Device::open(Vfio::open(address)?)?, config()));
        Ok(Self { a: a?, b: b? })
    }

    /// Makes both stores new, with one LUN that site a owns.
    pub fn format(&mut self) -> Result<()> {
        let lun = NewLun { number: Some(LUN), blocks: LUN_BLOCKS, owner: 0, uuid: 0x600d, extent_shift_min: 0 };
        for (site, number) in [(&mut self.a, 0), (&mut self.b, 1)] {
            site.format(0xd1ad, number)?;
            site.create_lun(&lun, STORE_BLOCKS)?;
        }
        Ok(())
    }

    /// Brings the link up. Returns its generation.
    pub fn link_up(&mut self, mode: Mode) -> Result<u16> {
        let (a, b) = run_both(self.a.link_up(mode, nonce())?, self.b.link_up(mode, nonce())?);
        b?;
        Ok(a?.generation)
    }

    /// Closes the link cleanly.
    pub fn close(&mut self) -> Result<()> {
        let (a, b) = run_both(self.a.close()?, self.b.close()?);
        a.and(b)
    }
}

/// A queue that waits long enough.
pub fn queue(site: &Site<Vfio>) -> Result<Queue<Vfio>> {
    site.device().create_queue(&QueueConfig { timeout: PATIENCE, ..QueueConfig::default() })
}

/// Block `lba` of version `version`: every byte tells which.
pub fn pattern(lba: u64, version: u8) -> [u8; 4096] {
    let mut block = [version; 4096];
    for (i, word) in block.chunks_exact_mut(8).enumerate() {
        word[..4].copy_from_slice(&(lba as u32).to_le_bytes());
        word[4..6].copy_from_slice(&(i as u16).to_le_bytes());
    }
    block
}

/// The version of block `lba`, if it is whole.
pub fn version(lba: u64, block: &[u8]) -> Option<u8> {
    let version = *block.last()?;
    (block == pattern(lba, version)).then_some(version)
}

/// A random number that is not 0.
fn nonce() -> u64 {
    let mut bytes = [0; 8];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.expect("the kernel has random numbers");
    u64::from_ne_bytes(bytes) | 1
}

fn config() -> SiteConfig {
    let timing = Timing { resend: Duration::from_millis(250), linger: Duration::from_millis(750), deadline: PATIENCE };
    SiteConfig { timing, command_timeout: PATIENCE, ..SiteConfig::default() }
}
