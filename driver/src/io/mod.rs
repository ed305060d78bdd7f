//! A queue pair of a card: submit, ring, poll, wait.

mod blocking;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dyad_spec::entry::{SubmissionFlags, submission};
use dyad_spec::regs::{self, Register};
use dyad_spec::{BLOCK_BYTES, ENTRY_BYTES, Opcode, Status};

use crate::backing::{Backing, Deadline, Wake};
use crate::bar::{Control, Registers};
use crate::completion::{CommandId, Completion};
use crate::device::Shared;
use crate::dma::{DmaBuffer, DmaSlice};
use crate::error::{CommandFailure, Error, Result};
use crate::queue::{Command, QueueFault, QueuePair};

/// Longest sleep before the driver makes sure that the card is still there.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Sleep between two looks at the completion queue when the backing has no interrupts.
const POLL: Duration = Duration::from_micros(20);

/// Sizes of a queue pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Log2 of the submission queue's entries; one less than that can wait for the card.
    pub sq_log2: u32,
    /// Log2 of the completion queue's entries; one less than that can be in flight.
    pub cq_log2: u32,
    /// Interrupt vector; `None`: the pair's number, modulo the vectors there are.
    pub vector: Option<u16>,
    /// How long [`Queue::write`] and the other calls that wait by themselves wait for each command.
    pub timeout: Duration,
}

impl Default for QueueConfig {
    /// 256 entries each; 8 s, after which hypervisors give up on a path.
    fn default() -> Self {
        Self { sq_log2: 8, cq_log2: 8, vector: None, timeout: Duration::from_secs(8) }
    }
}

/// The answer to a lookup of one block address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The owner, site 0 or 1.
    pub owner: u8,
    /// LUN generation in the high half, extent epoch in the low half.
    pub epoch: u32,
}

/// What [`Queue::submit_set_owner`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerRange {
    /// All of the LUN, by its next generation.
    WholeLun,
    /// The extents of `blocks` blocks (1 to 65536) from `lba`.
    Blocks {
        /// First block.
        lba: u64,
        /// How many.
        blocks: u32,
    },
}

/// What [`Queue::submit_acquire`] and [`Queue::submit_release`] move from site to site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extents {
    /// All of the LUN, in one step, however large it is.
    WholeLun,
    /// So many extents (1 to 64) from the one of a block on.
    From {
        /// A block of the first one.
        lba: u64,
        /// How many.
        count: u16,
    },
}

/// A queue pair. Submissions are announced to the card by [`ring`](Self::ring), many at once; polling and waiting ring for
/// what was not announced.
///
/// Zero-copy commands take a [`DmaSlice`]; the queue keeps it mapped until the completion has been taken (and may keep
/// its clone of the last few buffers longer, until [`drain`](Self::drain)). A `READ`'s data
/// are there when its completion has come.
///
/// ```
/// use dyad_driver::{Device, QueueConfig, Status, backing::{Backing, memory::Memory}};
/// # fn main() -> dyad_driver::Result<()> {
/// let device = Device::open(Memory::null())?;
/// let mut queue = device.create_queue(&QueueConfig::default())?;
/// let buffer = device.backing().dma_alloc(32 * 4096)?;
/// for i in 0..32 {
///     queue.submit_write(1, i as u64, 1, &buffer.slice(i * 4096..(i + 1) * 4096))?;
/// }
/// queue.ring(); // one register write for all of them
/// for _ in 0..32 {
///     let completion = queue.poll()?.expect("this card answers at once");
///     assert_eq!(completion.status(), Status::Ok);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Queue<B: Backing> {
    engine: QueuePair,
    sq_doorbell: usize,
    cq_doorbell: usize,
    vector: Option<u16>,
    timeout: Duration,
    /// Completions that came while another was waited for. Its room is that of the queue: it never grows.
    stash: VecDeque<Completion>,
    bounce: Option<DmaBuffer>,
    shared: Arc<Shared<B>>,
}

impl<B: Backing> Queue<B> {
    pub(crate) fn new(shared: Arc<Shared<B>>, pair: u8, config: &QueueConfig, vector: Option<u16>) -> Result<Self> {
        let backing = &shared.backing;
        let sq = backing.dma_alloc(ENTRY_BYTES << config.sq_log2)?;
        let cq = backing.dma_alloc(ENTRY_BYTES << config.cq_log2)?;
        let regs = Registers(backing);
        let at = |register: &Register, value: u32| regs.set_at(register, pair.into(), value);
        at(&regs::QUEUE_CONTROL, 0);
        at(&regs::SQ_BASE_LO, sq.iova() as u32);
        at(&regs::SQ_BASE_HI, (sq.iova() >> 32) as u32);
        at(&regs::CQ_BASE_LO, cq.iova() as u32);
        at(&regs::CQ_BASE_HI, (cq.iova() >> 32) as u32);
        let control = regs::QUEUE_ENABLE.put(1)
            | regs::QUEUE_SQ_LOG2.put(config.sq_log2)
            | regs::QUEUE_CQ_LOG2.put(config.cq_log2)
            | regs::QUEUE_VECTOR.put(vector.unwrap_or(0).into());
        at(&regs::QUEUE_CONTROL, control);
        regs.set(&regs::CONTROL, Control::ENABLE.bits());
        shared.alive("creating a queue")?;
        let engine = QueuePair::new(pair, sq, config.sq_log2, cq, config.cq_log2);
        Ok(Self {
            sq_doorbell: regs::SQ_DOORBELL.at(pair.into()),
            cq_doorbell: regs::CQ_DOORBELL.at(pair.into()),
            vector,
            timeout: config.timeout,
            stash: VecDeque::with_capacity(engine.depth()),
            bounce: None,
            engine,
            shared,
        })
    }

    /// Number of the pair.
    pub fn id(&self) -> u8 {
        self.engine.id()
    }

    /// Interrupt vector, if it has one.
    pub fn vector(&self) -> Option<u16> {
        self.vector
    }

    /// Commands in flight.
    pub fn in_flight(&self) -> usize {
        self.engine.in_flight()
    }

    /// Commands that can be submitted now.
    pub fn room(&self) -> usize {
        self.engine.room()
    }

    /// The backing that the card is reached by: for buffers and for its clock.
    pub fn backing(&self) -> &B {
        &self.shared.backing
    }

    #[inline]
    fn push(&mut self, command: &Command, hold: [Option<&DmaBuffer>; 2]) -> Result<CommandId> {
        match self.engine.push(command, hold) {
            Some(id) => Ok(id),
            None => Err(Error::QueueFull { queue: self.engine.id() }),
        }
    }

    #[inline]
    fn transfer(
        &mut self,
        op: Opcode,
        flags: SubmissionFlags,
        at: (u8, u64, u16),
        data: &DmaSlice,
    ) -> Result<CommandId> {
        let (lun, lba, blocks) = at;
        if data.len() < usize::from(blocks) * BLOCK_BYTES {
            return Err(too_small(op, usize::from(blocks) * BLOCK_BYTES, data.len()));
        }
        let command = Command::new(op.code(), lun, blocks, lba, data.iova()).flags(flags.bits());
        self.push(&command, [Some(data.buffer()), None])
    }

    /// Submits a write of `blocks` blocks (1 to 64) of `data` to both stores.
    ///
    /// # Errors
    /// [`Error::QueueFull`]; [`Error::Argument`] when `data` is shorter than the blocks. Everything else is answered by
    /// the card in the completion.
    #[inline]
    pub fn submit_write(&mut self, lun: u8, lba: u64, blocks: u16, data: &DmaSlice) -> Result<CommandId> {
        self.transfer(Opcode::Write, SubmissionFlags::empty(), (lun, lba, blocks), data)
    }

    /// Submits a read of `blocks` blocks (1 to 64) from the local store into `data`.
    ///
    /// # Errors
    /// As [`submit_write`](Self::submit_write).
    #[inline]
    pub fn submit_read(&mut self, lun: u8, lba: u64, blocks: u16, data: &DmaSlice) -> Result<CommandId> {
        self.transfer(Opcode::Read, SubmissionFlags::empty(), (lun, lba, blocks), data)
    }

    /// Submits the wish that `blocks` blocks (1 to 64) become all zeroes at both sites: a write without data in host memory, and
    /// a short frame a block.
    ///
    /// # Errors
    /// [`Error::QueueFull`].
    #[inline]
    pub fn submit_write_zeroes(&mut self, lun: u8, lba: u64, blocks: u16) -> Result<CommandId> {
        self.push(&Command::new(Opcode::WriteZeroes.code(), lun, blocks, lba, 0), [None, None])
    }

    /// Submits that the contents of `blocks` blocks (1 to 64) are not needed any more: they read as zeroes from then on, at both
    /// sites.
    ///
    /// # Errors
    /// [`Error::QueueFull`].
    #[inline]
    pub fn submit_trim(&mut self, lun: u8, lba: u64, blocks: u16) -> Result<CommandId> {
        self.push(&Command::new(Opcode::Trim.code(), lun, blocks, lba, 0), [None, None])
    }

    /// As [`submit_write`](Self::submit_write), and allowed while the LUN is not live: for making its stores equal.
    ///
    /// # Errors
    /// As [`submit_write`](Self::submit_write).
    pub fn submit_sync_write(&mut self, lun: u8, lba: u64, blocks: u16, data: &DmaSlice) -> Result<CommandId> {
        self.transfer(Opcode::Write, SubmissionFlags::SYNC, (lun, lba, blocks), data)
    }

    /// As [`submit_read`](Self::submit_read), and allowed while the LUN is not live.
    ///
    /// # Errors
    /// As [`submit_write`](Self::submit_write).
    pub fn submit_sync_read(&mut self, lun: u8, lba: u64, blocks: u16, data: &DmaSlice) -> Result<CommandId> {
        self.transfer(Opcode::Read, SubmissionFlags::SYNC, (lun, lba, blocks), data)
    }

    /// Submits a lookup of the `count` (1 to 512) addresses in `addresses`, 8 little-endian bytes each; the answers, 8
    /// bytes each (see the contract's `LookupAnswer`), go to `answers`.
    ///
    /// # Errors
    /// As [`submit_write`](Self::submit_write).
    pub fn submit_lookup(
        &mut self,
        lun: u8,
        count: u16,
        addresses: &DmaSlice,
        answers: &DmaSlice,
    ) -> Result<CommandId> {
        let needed = usize::from(count) * 8;
        if addresses.len().min(answers.len()) < needed {
            return Err(too_small(Opcode::Lookup, needed, addresses.len().min(answers.len())));
        }
        let command = Command::new(Opcode::Lookup.code(), lun, count, 0, addresses.iova()).aux(answers.iova());
        self.push(&command, [Some(addresses.buffer()), Some(answers.buffer())])
    }

    /// Submits a flush: it completes when both stores have flushed all writes that were complete before.
    ///
    /// # Errors
    /// [`Error::QueueFull`].
    pub fn submit_flush(&mut self, lun: u8) -> Result<CommandId> {
        self.push(&Command::new(Opcode::Flush.code(), lun, 0, 0, 0), [None, None])
    }

    /// Submits an identify: one block of facts about the card goes to `data`.
    ///
    /// # Errors
    /// As [`submit_write`](Self::submit_write).
    pub fn submit_identify(&mut self, data: &DmaSlice) -> Result<CommandId> {
        if data.len() < BLOCK_BYTES {
            return Err(too_small(Opcode::Identify, BLOCK_BYTES, data.len()));
        }
        let command = Command::new(Opcode::Identify.code(), 0, 0, 0, data.iova());
        self.push(&command, [Some(data.buffer()), None])
    }

    /// Submits a change of the directory: `owner` (0 or 1) owns the range from now on, in `epoch`. It moves nothing and
    /// asks nobody: both sites must be told the same while neither writes there.
    ///
    /// # Errors
    /// [`Error::QueueFull`]; [`Error::Argument`] for a range of 0 or more than 65536 blocks.
    pub fn submit_set_owner(&mut self, lun: u8, range: OwnerRange, owner: u8, epoch: u32) -> Result<CommandId> {
        let (flags, lba, blocks) = match range {
            OwnerRange::WholeLun => (SubmissionFlags::WHOLE_LUN, 0, 0),
            // The field has 16 bits; 0 stands for 65536.
            OwnerRange::Blocks { lba, blocks: blocks @ 1..=0x1_0000 } => (SubmissionFlags::empty(), lba, blocks as u16),
            OwnerRange::Blocks { blocks, .. } => {
                let problem = format!("a range of {blocks} blocks").into();
                return Err(Error::Argument { operation: "SET_OWNER", problem, todo: "name 1 to 65536 blocks" });
            }
        };
        let command = Command::new(Opcode::SetOwner.code(), lun, blocks, lba, 0).flags(flags.bits());
        self.push(&command.owner(owner).aux(epoch.into()), [None, None])
    }

    /// Submits a compare-and-write of one block: when the block is the first one of `data`, it becomes the second one, at both
    /// sites, and no other write comes between. Status Miscompare when it is not; then nothing was written. At the site
    /// that does not own the block it takes the block's extent over first.
    ///
    /// # Errors
    /// As [`submit_write`](Self::submit_write).
    pub fn submit_compare_write(&mut self, lun: u8, lba: u64, data: &DmaSlice) -> Result<CommandId> {
        if data.len() < 2 * BLOCK_BYTES {
            return Err(too_small(Opcode::CompareWrite, 2 * BLOCK_BYTES, data.len()));
        }
        let command = Command::new(Opcode::CompareWrite.code(), lun, 1, lba, data.iova());
        self.push(&command, [Some(data.buffer()), None])
    }

    fn push_owner(&mut self, opcode: Opcode, lun: u8, extents: Extents) -> Result<CommandId> {
        let (flags, lba, count) = match extents {
            Extents::WholeLun => (SubmissionFlags::WHOLE_LUN, 0, 1),
            Extents::From { lba, count } => (SubmissionFlags::empty(), lba, count),
        };
        self.push(&Command::new(opcode.code(), lun, count, lba, 0).flags(flags.bits()), [None, None])
    }

    /// Submits the wish to own extents, or a LUN: it completes when this site does. One round trip when nothing is being
    /// written there, two when something is. No command of either host fails for it.
    ///
    /// # Errors
    /// [`Error::QueueFull`].
    pub fn submit_acquire(&mut self, lun: u8, extents: Extents) -> Result<CommandId> {
        self.push_owner(Opcode::Acquire, lun, extents)
    }

    /// Submits the wish that the peer own extents, or a LUN: it completes when the peer does.
    ///
    /// # Errors
    /// [`Error::QueueFull`].
    pub fn submit_release(&mut self, lun: u8, extents: Extents) -> Result<CommandId> {
        self.push_owner(Opcode::Release, lun, extents)
    }

    /// Submits an entry as it is, but for its command identifier, which is replaced. No memory is held for it. For tools
    /// and tests that must send what the other calls would not.
    ///
    /// # Errors
    /// [`Error::QueueFull`].
    pub fn submit(&mut self, entry: &submission::Submission) -> Result<CommandId> {
        self.push(&entry.into(), [None, None])
    }

    /// Announces everything submitted since the last time: one register write, or none when there is nothing.
    #[inline]
    pub fn ring(&mut self) {
        if let Some(tail) = self.engine.take_doorbell() {
            self.shared.backing.write32(self.sq_doorbell, tail);
        }
    }

    /// Takes the next completion, if one has come. Reads no register.
    ///
    /// # Errors
    /// [`Error::QueueFault`] when the card wrote what cannot be, [`Error::DeviceGone`] when it wrote all-ones.
    #[inline]
    pub fn poll(&mut self) -> Result<Option<Completion>> {
        if !self.stash.is_empty() {
            return Ok(self.stash.pop_front());
        }
        self.poll_ring()
    }

    #[inline]
    fn poll_ring(&mut self) -> Result<Option<Completion>> {
        if self.engine.needs_doorbell() {
            self.ring();
        }
        match self.engine.poll() {
            Ok(completion) => {
                if let Some(head) = self.engine.take_head() {
                    self.shared.backing.write32(self.cq_doorbell, head);
                }
                Ok(completion)
            }
            Err(fault) => Err(self.fault(fault)),
        }
    }

    #[cold]
    fn fault(&self, fault: QueueFault) -> Error {
        match fault {
            QueueFault::AllOnes => self.shared.gone("polling for completions"),
            fault => Error::QueueFault { device: self.shared.name(), queue: self.engine.id(), fault },
        }
    }

    /// Waits for any completion.
    ///
    /// # Errors
    /// [`Error::Deadline`], [`Error::DeviceGone`], [`Error::QueueFault`].
    pub fn wait_any(&mut self, deadline: Deadline) -> Result<Completion> {
        if let Some(completion) = self.stash.pop_front() {
            return Ok(completion);
        }
        self.wait_ring("waiting for a completion", deadline)
    }

    fn wait_ring(&mut self, what: &'static str, deadline: Deadline) -> Result<Completion> {
        let start = self.backing().now();
        loop {
            if let Some(completion) = self.poll_ring()? {
                return Ok(completion);
            }
            let backing = &self.shared.backing;
            if backing.now() >= deadline.0 {
                self.shared.alive(what)?;
                return Err(self.shared.deadline(what, start));
            }
            let nap = if self.vector.is_some() { HEARTBEAT } else { POLL };
            match backing.wait(self.vector, backing.after(nap).or_earlier(deadline)) {
                Wake::Interrupt => {}
                Wake::Deadline => self.shared.alive(what)?,
                Wake::Gone => return Err(self.shared.gone(what)),
            }
        }
    }

    /// Waits for the completion of `id`; others that come are kept for [`poll`](Self::poll).
    ///
    /// # Errors
    /// [`Error::Deadline`]: the command is still in flight then, and its completion may still come;
    /// [`Error::Argument`] when `id` is not in flight; [`Error::DeviceGone`], [`Error::QueueFault`].
    pub fn wait(&mut self, id: CommandId, deadline: Deadline) -> Result<Completion> {
        if let Some(i) = self.stash.iter().position(|c| c.id() == id) {
            return Ok(self.stash.remove(i).expect("it was just found there"));
        }
        if !self.engine.is_in_flight(id) {
            let problem = format!("command {:#06x} is not in flight", id.raw()).into();
            return Err(Error::Argument { operation: "waiting for a completion", problem, todo: "wait once for each" });
        }
        loop {
            let completion = self.wait_ring("waiting for a command", deadline)?;
            if completion.id() == id {
                return Ok(completion);
            }
            self.stash.push_back(completion);
        }
    }

    /// Waits until nothing is in flight, drops the completions, and lets go of all buffers.
    ///
    /// # Errors
    /// As [`wait_any`](Self::wait_any).
    pub fn drain(&mut self, deadline: Deadline) -> Result<()> {
        self.stash.clear();
        while self.engine.in_flight() != 0 {
            self.wait_ring("draining a queue", deadline)?;
        }
        self.engine.forget_idle_buffers();
        Ok(())
    }
}

impl<B: Backing> Drop for Queue<B> {
    /// Takes the pair out of use. What is in flight is not waited for; its memory is unmapped from the card.
    fn drop(&mut self) {
        self.shared.release_pair(self.engine.id());
    }
}

/// Turns a status other than Ok into an error that names the command.
///
/// # Errors
/// [`Error::Command`].
pub fn check(completion: &Completion, operation: &'static str, lun: u8, lba: u64) -> Result<()> {
    match completion.status() {
        Status::Ok => Ok(()),
        status => Err(Error::Command(CommandFailure {
            operation,
            lun,
            lba,
            status,
            block: completion.block(),
            owner: completion.owner(),
            epoch: completion.epoch(),
        })),
    }
}

#[cold]
fn too_small(op: Opcode, needed: usize, len: usize) -> Error {
    let problem = format!("{op:?} needs a buffer of {needed} bytes, this one has {len}").into();
    Error::Argument { operation: "submitting", problem, todo: "give a larger buffer" }
}
