//! From parts to commands of the card.

use dyad_driver::{Backing, CommandId, DmaSlice, Result};
use dyad_spec::BLOCK_BYTES;

use super::{Flight, Lane, Stage, Ticket};
use crate::serve::plan::Part;
use crate::serve::pool::Buffer;
use crate::serve::protocol::request::Operation;

impl Lane {
    /// Submits a part's first command; `false` when there is no buffer for it now.
    pub(super) fn launch(&mut self, ticket: Ticket) -> Result<bool> {
        let part = ticket.part;
        self.at = Some(ticket);
        let Some(work) = self.work.get(&ticket.work).filter(|work| work.failed.is_none()) else {
            // The request has failed meanwhile.
            self.at = None;
            self.leave(&ticket);
            self.part_ended(ticket.work);
            return Ok(true);
        };
        let whole_write = ticket.writes && part.is_whole();
        if whole_write && work.operation != Operation::Write {
            let (lba, blocks) = (part.lba, part.blocks);
            let command = match work.operation {
                Operation::Trim => self.queue.submit_trim(self.lun, lba, blocks)?,
                _ => self.queue.submit_write_zeroes(self.lun, lba, blocks)?,
            };
            self.fly(command, ticket, Stage::Whole, None);
            return Ok(true);
        }
        // A piece needs room for the block as it was, and as it will be.
        let room = if ticket.writes && !part.is_whole() { 2 } else { part.blocks };
        let Some(buffer) = self.pool.take(room) else {
            self.at = None;
            return Ok(false);
        };
        let (command, stage) = if whole_write {
            buffer.slice().write_at(0, &work.data[part.data()]);
            (self.write(&part, buffer.slice())?, Stage::Whole)
        } else {
            let stage = if ticket.writes { Stage::Fetch } else { Stage::Whole };
            (self.read(&part, buffer.slice())?, stage)
        };
        self.fly(command, ticket, stage, Some(buffer));
        Ok(true)
    }

    /// Puts a piece of a block into the block, which has been read into the first half of `buffer`, and writes it back if it
    /// still is what was read.
    ///
    /// Nothing else that comes through *this site's* server writes the block in between: the
    /// [`Gate`](crate::serve::gate::Gate) sees to it. What the *other site* writes in between makes the card say Miscompare;
    /// then the block is [read again](Self::fetch_again). So neither site loses a sector to the other.
    pub(super) fn merge(&mut self, ticket: Ticket, buffer: Buffer) -> Result<()> {
        let part = ticket.part;
        let Some(work) = self.work.get(&ticket.work) else {
            // Its client has been told that it failed; then it is better not done at all.
            self.at = None;
            self.pool.give(buffer);
            self.leave(&ticket);
            return Ok(());
        };
        let mut block = [0; BLOCK_BYTES];
        buffer.slice().read_at(0, &mut block);
        match work.operation {
            Operation::Write => block[part.skip..][..part.bytes].copy_from_slice(&work.data[part.data()]),
            _ => block[part.skip..][..part.bytes].fill(0),
        }
        buffer.slice().write_at(BLOCK_BYTES, &block);
        let command = self.queue.submit_compare_write(self.lun, part.lba, buffer.slice())?;
        self.fly(command, ticket, Stage::Store, Some(buffer));
        Ok(())
    }

    /// Reads the block of a piece again: the other site has written it meanwhile.
    pub(super) fn fetch_again(&mut self, ticket: Ticket, buffer: Buffer) -> Result<()> {
        let command = self.read(&ticket.part, buffer.slice())?;
        self.fly(command, ticket, Stage::Fetch, Some(buffer));
        Ok(())
    }

    /// The one way by which data reach the card, at either site. That the other site owns the block is the card's to say:
    /// when it carries such writes to the owner, they work here with no change.
    fn write(&mut self, part: &Part, data: &DmaSlice) -> Result<CommandId> {
        self.queue.submit_write(self.lun, part.lba, part.blocks, data)
    }

    fn read(&mut self, part: &Part, data: &DmaSlice) -> Result<CommandId> {
        self.queue.submit_read(self.lun, part.lba, part.blocks, data)
    }

    fn fly(&mut self, command: CommandId, ticket: Ticket, stage: Stage, buffer: Option<Buffer>) {
        let deadline = self.queue.backing().after(self.patience);
        self.at = None;
        self.in_flight.insert(command, Flight { ticket, stage, buffer, deadline });
    }

    /// One FLUSH for all that want one: their writes were complete before it.
    pub(super) fn flush_all(&mut self) -> Result<()> {
        if self.flush_wanted.is_empty() || self.flushing.is_some() || self.queue.room() == 0 {
            return Ok(());
        }
        let command = self.queue.submit_flush(self.lun)?;
        let deadline = self.queue.backing().after(self.patience);
        self.flushing = Some((command, std::mem::take(&mut self.flush_wanted), deadline));
        Ok(())
    }
}
