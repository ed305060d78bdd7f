//! Compare-and-writes that all succeed: each expects what the one before it has left in its block.

use std::collections::{HashMap, HashSet, VecDeque};

use anyhow::{Context, Result, ensure};
use dyad_driver::{Backing, CommandId, DmaBuffer, Queue};
use dyad_spec::{BLOCK_BYTES, MAX_BLOCKS};

use crate::target::AnyBacking;
use crate::workload::order::Places;
use crate::workload::{Area, Issued, Kind, WorkloadArgs};

/// What a block holds.
enum Content {
    /// What was read.
    Read(Box<[u8]>),
    /// What the compare-and-write of that number, counted from 1, wrote; of 0: zeroes.
    Written(u64),
}

/// Compare-and-writes without end.
pub struct Compares {
    buffer: DmaBuffer,
    /// Places in the buffer, for an expected block and a new one each, that no command uses.
    free: Vec<usize>,
    lbas: Box<dyn Iterator<Item = u64>>,
    /// Blocks of the commands to come; what each of them holds is known.
    ready: VecDeque<u64>,
    contents: HashMap<u64, Content>,
    /// Blocks of which one is under way: commands under way have no order.
    under_way: HashSet<u64>,
    submitted: u64,
}

impl Compares {
    /// On blocks of `area`.
    ///
    /// # Errors
    /// When memory has run out, or the LUN has no block.
    pub fn new(args: &WorkloadArgs, queue: &Queue<AnyBacking>, area: Area, seed: u64) -> Result<Self> {
        ensure!(area.blocks > 0, "measuring compare-write: LUN {} has no block", area.lun);
        let rows = usize::from(args.depth);
        let buffer = queue.backing().dma_alloc(rows * 2 * BLOCK_BYTES)?;
        let places = Places::new(area.blocks, args.order, args.zipf_theta, seed);
        let lbas = Box::new(places.map(move |place| area.first + place));
        Ok(Self {
            buffer,
            free: (0..rows).collect(),
            lbas,
            ready: VecDeque::new(),
            contents: HashMap::new(),
            under_way: HashSet::new(),
            submitted: 0,
        })
    }

    /// Reads what the blocks of the next `count` commands hold, where that is not known.
    ///
    /// # Errors
    /// What reading can give.
    pub fn prepare(&mut self, queue: &mut Queue<AnyBacking>, lun: u8, count: u32) -> Result<()> {
        let missing = (count as usize).saturating_sub(self.ready.len());
        self.ready.extend(self.lbas.by_ref().take(missing));
        let mut unknown: Vec<u64> = self.ready.iter().copied().filter(|lba| !self.contents.contains_key(lba)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let neighbours = unknown.chunk_by(|a, b| a + 1 == *b).flat_map(|run| run.chunks(MAX_BLOCKS as usize));
        for lbas in neighbours {
            let mut bytes = vec![0; lbas.len() * BLOCK_BYTES];
            queue.read(lun, lbas[0], &mut bytes)?;
            for (lba, block) in lbas.iter().zip(bytes.chunks_exact(BLOCK_BYTES)) {
                let zeroes = block.iter().all(|byte| *byte == 0);
                let content = if zeroes { Content::Written(0) } else { Content::Read(block.into()) };
                self.contents.insert(*lba, content);
            }
        }
        Ok(())
    }

    /// Submits the next one of a block of which none is under way, without ringing the doorbell; `None` when there is no such
    /// block.
    ///
    /// # Errors
    /// When the queue is full, or it was not prepared.
    pub fn submit(&mut self, queue: &mut Queue<AnyBacking>, lun: u8) -> Result<Option<(CommandId, Issued)>> {
        let at = self.ready.iter().position(|lba| !self.under_way.contains(lba));
        if at.is_none() && !self.ready.is_empty() {
            return Ok(None);
        }
        let next = at.and_then(|at| self.ready.remove(at)).and_then(|lba| Some((lba, self.contents.get_mut(&lba)?)));
        let (lba, content) = next.context("submitting a compare-and-write: nobody knows what its block holds")?;
        let row = self.free.pop().context("submitting a compare-and-write: more are under way than --depth says")?;
        let at = row * 2 * BLOCK_BYTES;
        match content {
            Content::Read(bytes) => self.buffer.write_at(at, bytes),
            Content::Written(number) => self.buffer.write_at(at, &block(*number)),
        }
        self.submitted += 1;
        *content = Content::Written(self.submitted);
        self.buffer.write_at(at + BLOCK_BYTES, &block(self.submitted));
        let id = queue.submit_compare_write(lun, lba, &self.buffer.slice(at..at + 2 * BLOCK_BYTES))?;
        self.under_way.insert(lba);
        Ok(Some((id, Issued { kind: Kind::CompareWrite, lba, blocks: 1, row })))
    }

    /// A command has ended: its place is free, and its block may have the next one.
    pub fn ended(&mut self, issued: &Issued) {
        self.free.push(issued.row);
        self.under_way.remove(&issued.lba);
    }
}

/// What the compare-and-write of that number writes.
fn block(number: u64) -> Vec<u8> {
    // The golden ratio spreads a number over the bits.
    let word =
        |index: u64| if number == 0 { 0 } else { number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index) };
    (0..BLOCK_BYTES as u64 / 8).flat_map(|index| word(index).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_different_numbers_differ_everywhere() {
        assert_eq!(block(0), vec![0; BLOCK_BYTES]);
        for pair in [[1, 2], [0, 1], [1000, 1001]] {
            let [a, b] = pair.map(block);
            assert_eq!(a.len(), BLOCK_BYTES);
            assert!(a.chunks(8).zip(b.chunks(8)).all(|(a, b)| a != b), "{pair:?}");
        }
    }
}
