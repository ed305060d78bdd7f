//! A site's store: the LUN's blocks, and a staging area for each slot.

use crate::protocol::{Block, Config, StoreOp};

/// The contents.
#[derive(Clone, Debug, Hash)]
pub struct Store {
    /// Blocks of the LUN.
    pub home: Vec<Block>,
    /// What each slot writes, and what it expects.
    pub stage: Vec<(Block, Block)>,
}

impl Store {
    /// All zeroes.
    pub fn new(cfg: &Config) -> Self {
        Store {
            home: vec![Block::ZERO; cfg.blocks as usize],
            stage: vec![(Block::ZERO, Block::ZERO); cfg.slots as usize],
        }
    }

    /// An access takes effect, whole. Reads answer with what is there.
    pub fn access(&mut self, op: StoreOp) -> Option<Block> {
        match op {
            StoreOp::Read(lba) => return Some(self.home[lba as usize]),
            StoreOp::ReadStage(s) => return Some(self.stage[s as usize].0),
            StoreOp::Write(lba, block) => self.home[lba as usize] = block,
            StoreOp::WritePart(lba, p, block) => self.home[lba as usize].0[p as usize] = block.0[p as usize],
            StoreOp::Zero(lba, count) => self.home[lba as usize..][..count as usize].fill(Block::ZERO),
            StoreOp::Stage(s, data, expect) => self.stage[s as usize] = (data, expect),
            StoreOp::Copy(s, lba) => self.home[lba as usize] = self.stage[s as usize].0,
            StoreOp::Flush => {}
        }
        None
    }
}
