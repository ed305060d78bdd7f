//! A number of commands on their way through a queue.

use std::collections::HashMap;

use anyhow::Result;
use dyad_driver::{CommandId, Completion, Queue, io};

use crate::target::AnyBacking;
use crate::workload::{Done, Issued, Workload};

/// Commands of a workload that are still to be submitted, and those under way.
pub struct Flow<'a> {
    work: &'a mut Workload,
    /// Commands that may still be submitted.
    left: u32,
    under_way: HashMap<CommandId, Issued>,
}

impl<'a> Flow<'a> {
    /// The next `count` commands of `work`.
    pub fn new(work: &'a mut Workload, count: u32) -> Self {
        Self { work, left: count, under_way: HashMap::new() }
    }

    /// Lets `count` commands more be submitted.
    pub fn allow(&mut self, count: u32) {
        self.left += count;
    }

    /// Lets none be submitted any more.
    pub fn stop(&mut self) {
        self.left = 0;
    }

    /// Submits what there is room for, up to the workload's depth, without ringing the doorbell.
    ///
    /// # Errors
    /// When a command can't be submitted.
    pub fn fill(&mut self, queue: &mut Queue<AnyBacking>) -> Result<()> {
        while self.left > 0 && queue.in_flight() < self.work.depth.into() && queue.room() > 0 {
            let Some((id, issued)) = self.work.commands.submit(queue, self.work.area)? else { break };
            self.under_way.insert(id, issued);
            self.left -= 1;
        }
        Ok(())
    }

    /// What a completion ended; `None` when it is of no command of this flow.
    ///
    /// # Errors
    /// When the command failed.
    pub fn take(&mut self, completion: &Completion) -> Result<Option<Done>> {
        let Some(issued) = self.under_way.remove(&completion.id()) else { return Ok(None) };
        self.work.commands.ended(&issued);
        io::check(completion, issued.kind.operation(), self.work.area.lun, issued.lba)?;
        Ok(Some(Done::new(issued, completion)))
    }

    /// Whether nothing is left and nothing is under way.
    pub fn is_done(&self) -> bool {
        self.left == 0 && self.under_way.is_empty()
    }
}
