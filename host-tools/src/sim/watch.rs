//! A second way to a card, for those who only look: registers can be read, and nothing else is done. Somebody else may drive
//! the card meanwhile.

use std::fs::File;
use std::io;

use vfio_user::{DmaMapFlags, DmaUnmapFlags, ServerBackend};

use super::offered::Offered;
use super::{BAR0_REGION, CONFIG_REGION};

/// A card as its watcher sees it.
pub struct Watched(Offered);

impl Watched {
    /// Of `card`, which nobody drives through this way.
    pub fn new(card: Offered) -> Self {
        Self(card)
    }
}

impl ServerBackend for Watched {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        match region {
            BAR0_REGION => self.0.register(offset, data),
            CONFIG_REGION => self.0.read_config(offset, data),
            _ => data.fill(0xff),
        }
        Ok(())
    }

    fn region_write(&mut self, _: u32, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn dma_map(&mut self, _: DmaMapFlags, _: u64, _: u64, _: u64, _: Option<File>) -> io::Result<()> {
        Ok(())
    }

    fn dma_unmap(&mut self, _: DmaUnmapFlags, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_irqs(&mut self, _: u32, _: u32, _: u32, _: u32, _: Vec<File>) -> io::Result<()> {
        Ok(())
    }
}
