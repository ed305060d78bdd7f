//! Commands that copy and wait: for tools, and for what is not on a fast path.

use std::collections::VecDeque;

use dyad_spec::entry::lookup;
use dyad_spec::{BLOCK_BYTES, MAX_BLOCKS, MAX_LOOKUPS, Status};

use crate::backing::Backing;
use crate::completion::{CommandId, Completion};
use crate::dma::DmaBuffer;
use crate::error::{Error, Result};
use crate::io::{Extents, OwnerRange, Ownership, Queue, check};

/// Bytes of the buffer that data are copied through.
const BOUNCE_BYTES: usize = MAX_BLOCKS as usize * BLOCK_BYTES;

impl<B: Backing> Queue<B> {
    /// Rings, waits for `id` and turns a status other than Ok into an error. After the deadline nobody waits for it any
    /// more; the memory that it uses stays mapped until it completes.
    fn finish(&mut self, id: CommandId, what: (&'static str, u8, u64)) -> Result<Completion> {
        let deadline = self.backing().after(self.timeout);
        let completion = self.wait(id, deadline).inspect_err(|_| {
            self.engine.abandon(id);
            self.bounce = None;
        })?;
        check(&completion, what.0, what.1, what.2)?;
        Ok(completion)
    }

    fn bounce(&mut self) -> Result<DmaBuffer> {
        if self.bounce.is_none() {
            self.bounce = Some(self.backing().dma_alloc(BOUNCE_BYTES)?);
        }
        Ok(self.bounce.clone().expect("just put there"))
    }

    /// Writes `data`, a whole number of blocks, from block `lba` on, and waits: both stores have it when this returns.
    /// Copies; large amounts go as several commands, one after the other.
    ///
    /// # Errors
    /// [`Error::Argument`] when `data` is not a whole number of blocks, [`Error::Command`], and those of
    /// [`wait`](Self::wait). Blocks before the one that failed have been written.
    pub fn write(&mut self, lun: u8, lba: u64, data: &[u8]) -> Result<()> {
        whole_blocks("WRITE", data.len())?;
        for (i, part) in data.chunks(BOUNCE_BYTES).enumerate() {
            let lba = lba + i as u64 * MAX_BLOCKS;
            let bounce = self.bounce()?;
            bounce.write_at(0, part);
            let id = self.submit_write(lun, lba, (part.len() / BLOCK_BYTES) as u16, &bounce.whole())?;
            self.finish(id, ("WRITE", lun, lba))?;
        }
        Ok(())
    }

    /// Reads a whole number of blocks from block `lba` on into `data`, and waits.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn read(&mut self, lun: u8, lba: u64, data: &mut [u8]) -> Result<()> {
        whole_blocks("READ", data.len())?;
        for (i, part) in data.chunks_mut(BOUNCE_BYTES).enumerate() {
            let lba = lba + i as u64 * MAX_BLOCKS;
            let bounce = self.bounce()?;
            let id = self.submit_read(lun, lba, (part.len() / BLOCK_BYTES) as u16, &bounce.whole())?;
            self.finish(id, ("READ", lun, lba))?;
            bounce.read_at(0, part);
        }
        Ok(())
    }

    /// Makes `blocks` blocks from block `lba` on all zeroes, and waits: both stores have them when this returns. As many commands as
    /// it takes, many under way at a time.
    ///
    /// # Errors
    /// [`Error::Argument`] when the range ends past the last address, [`Error::Command`], and those of [`wait`](Self::wait). Which
    /// blocks of the range are zeroes after that is not known, but each of them is, or is as it was.
    pub fn write_zeroes(&mut self, lun: u8, lba: u64, blocks: u64) -> Result<()> {
        self.over_range("WRITE_ZEROES", Self::submit_write_zeroes, lun, lba, blocks)
    }

    /// Trims `blocks` blocks from block `lba` on, and waits: at both sites they read as zeroes when this returns.
    ///
    /// # Errors
    /// As [`write_zeroes`](Self::write_zeroes).
    pub fn trim(&mut self, lun: u8, lba: u64, blocks: u64) -> Result<()> {
        self.over_range("TRIM", Self::submit_trim, lun, lba, blocks)
    }

    fn over_range(
        &mut self,
        what: &'static str,
        submit: fn(&mut Self, u8, u64, u16) -> Result<CommandId>,
        lun: u8,
        lba: u64,
        blocks: u64,
    ) -> Result<()> {
        let Some(end) = lba.checked_add(blocks) else {
            let problem = format!("{blocks} blocks from block {lba} on end past the last address").into();
            return Err(Error::Argument { operation: what, problem, todo: "name blocks of the LUN" });
        };
        let (mut next, mut under_way, mut result) = (lba, VecDeque::new(), Ok(()));
        loop {
            while result.is_ok() && next < end && (self.room() > 0 || under_way.is_empty()) {
                let count = (end - next).min(MAX_BLOCKS);
                match submit(self, lun, next, count as u16) {
                    Ok(id) => under_way.push_back((id, next)),
                    Err(error) => result = Err(error),
                }
                next += count;
            }
            // What has been submitted is waited for, whatever became of the rest.
            let Some((id, lba)) = under_way.pop_front() else { return result };
            result = result.and(self.finish(id, (what, lun, lba)).map(drop));
        }
    }

    /// Asks the directory who owns each of `lbas`; `None` for an address past the end of the LUN.
    ///
    /// # Errors
    /// [`Error::Command`], and those of [`wait`](Self::wait).
    pub fn lookup(&mut self, lun: u8, lbas: &[u64]) -> Result<Vec<Option<Ownership>>> {
        let mut answers = Vec::with_capacity(lbas.len());
        let half = MAX_LOOKUPS as usize * 8;
        for part in lbas.chunks(MAX_LOOKUPS as usize) {
            let bounce = self.bounce()?;
            for (i, lba) in part.iter().enumerate() {
                bounce.write_at(i * 8, &lba.to_le_bytes());
            }
            let (from, to) = (bounce.slice(0..half), bounce.slice(half..2 * half));
            let id = self.submit_lookup(lun, part.len() as u16, &from, &to)?;
            self.finish(id, ("LOOKUP", lun, part[0]))?;
            for i in 0..part.len() {
                let mut answer = lookup::LookupAnswer::new();
                to.read_at(i * 8, &mut answer.0);
                answers.push(
                    (answer.valid() == 1)
                        .then(|| Ownership { owner: answer.owner() as u8, epoch: answer.epoch() as u32 }),
                );
            }
        }
        Ok(answers)
    }

    /// Flushes both stores and waits.
    ///
    /// # Errors
    /// [`Error::Command`], and those of [`wait`](Self::wait).
    pub fn flush(&mut self, lun: u8) -> Result<()> {
        let id = self.submit_flush(lun)?;
        self.finish(id, ("FLUSH", lun, 0)).map(drop)
    }

    /// Writes one block if it is what is expected, as [`submit_compare_write`](Self::submit_compare_write), and waits. `false`:
    /// it is not, and nothing was written.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn compare_write(&mut self, lun: u8, lba: u64, expected: &[u8], new: &[u8]) -> Result<bool> {
        for data in [expected, new] {
            if data.len() != BLOCK_BYTES {
                let problem = format!("{} bytes are not one block of {BLOCK_BYTES}", data.len()).into();
                return Err(Error::Argument { operation: "COMPARE_WRITE", problem, todo: "give two whole blocks" });
            }
        }
        let bounce = self.bounce()?;
        bounce.write_at(0, expected);
        bounce.write_at(BLOCK_BYTES, new);
        let id = self.submit_compare_write(lun, lba, &bounce.slice(0..2 * BLOCK_BYTES))?;
        match self.finish(id, ("COMPARE_WRITE", lun, lba)) {
            Ok(_) => Ok(true),
            Err(Error::Command(failure)) if failure.status == Status::Miscompare => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes extents, or the LUN, over from the peer, and waits until this site owns them.
    ///
    /// # Errors
    /// [`Error::Command`], and those of [`wait`](Self::wait).
    pub fn acquire(&mut self, lun: u8, extents: Extents) -> Result<Completion> {
        let id = self.submit_acquire(lun, extents)?;
        self.finish(id, ("ACQUIRE", lun, first(extents)))
    }

    /// Hands extents, or the LUN, over to the peer, and waits until it owns them.
    ///
    /// # Errors
    /// [`Error::Command`], and those of [`wait`](Self::wait). NotOwner for a LUN of which the peer is the default owner.
    pub fn release(&mut self, lun: u8, extents: Extents) -> Result<Completion> {
        let id = self.submit_release(lun, extents)?;
        self.finish(id, ("RELEASE", lun, first(extents)))
    }

    /// One block of facts about the card.
    ///
    /// # Errors
    /// [`Error::Command`], and those of [`wait`](Self::wait).
    pub fn identify(&mut self) -> Result<Box<[u8; BLOCK_BYTES]>> {
        let bounce = self.bounce()?;
        let id = self.submit_identify(&bounce.whole())?;
        self.finish(id, ("IDENTIFY", 0, 0))?;
        let mut facts = Box::new([0; BLOCK_BYTES]);
        bounce.read_at(0, &mut facts[..]);
        Ok(facts)
    }

    /// Sets the owner of a range, as [`submit_set_owner`](Self::submit_set_owner), and waits.
    ///
    /// # Errors
    /// [`Error::Command`], [`Error::Argument`], and those of [`wait`](Self::wait).
    pub fn set_owner(&mut self, lun: u8, range: OwnerRange, owner: u8, epoch: u32) -> Result<()> {
        let id = self.submit_set_owner(lun, range, owner, epoch)?;
        let lba = if let OwnerRange::Blocks { lba, .. } = range { lba } else { 0 };
        self.finish(id, ("SET_OWNER", lun, lba)).map(drop)
    }
}

fn first(extents: Extents) -> u64 {
    if let Extents::From { lba, .. } = extents { lba } else { 0 }
}

fn whole_blocks(operation: &'static str, len: usize) -> Result<()> {
    if len.is_multiple_of(BLOCK_BYTES) {
        return Ok(());
    }
    let problem = format!("{len} bytes are not a whole number of blocks of {BLOCK_BYTES}").into();
    Err(Error::Argument { operation, problem, todo: "pad the last block" })
}
