//! The queue engine: submission and completion rings in DMA memory. No clock, thread, register or file descriptor inside.
//!
//! A submission is written to the ring by [`QueuePair::push`]; [`QueuePair::take_doorbell`] says what to write to the
//! submission doorbell, once for all that was pushed. [`QueuePair::poll`] takes the next completion;
//! [`QueuePair::take_head`] says when the completion doorbell is due.
//!
//! **Order.** Entry, release fence, doorbell. The dword with the phase bit is read with acquire order; if the phase is the
//! one expected, the entry is copied once, and only the copy is looked at. What the card wrote is believed after these
//! checks and not before: the queue's number, a command that is in flight and whose sequence is right, a submission head
//! that is between the one before and the doorbell, a status that exists. Anything else stops the queue.
//!
//! **Command identifiers.** The low bits are a place in the table of commands in flight, the rest counts the uses of that
//! place, so that a completion that comes twice, or of an earlier use, is not taken for another command's. Places are
//! reused in turn, oldest first, to make the numbers last.
//!
//! **Completion doorbell.** The card reserves an entry for each command that it fetches. What is not reserved is what it may
//! fetch more; when half of that has been taken since the last doorbell, the doorbell is written. So few commands in flight
//! cost a doorbell for each half ring, and many do not stop for want of entries that the card does not know to be free.
//!
//! **Memory.** The memory that a command uses stays mapped until its completion is taken. To make that cheap, the queue
//! keeps a clone of each of the last few buffers that it saw, until [`QueuePair::forget_idle_buffers`] or other buffers
//! push them out.
//!
//! Nothing here allocates after [`QueuePair::new`], takes a lock, or enters the kernel.
#![allow(unsafe_code)]

mod pins;

use std::sync::atomic::{AtomicU32, Ordering, fence};

use dyad_spec::entry::completion as cqe;
use dyad_spec::entry::submission as sqe;
use dyad_spec::{ENTRY_BYTES, Status};

use crate::completion::{CommandId, Completion, Words, get, put};
use crate::dma::DmaBuffer;
use pins::{Hold, Pins};

/// Most commands in flight on one queue: leaves four bits of the identifier for the sequence.
pub const MAX_IN_FLIGHT: usize = 4096;
/// Offset in a completion of the dword with the phase bit.
const PHASE_DWORD: usize = cqe::PHASE.lsb / 32 * 4;
const _: () = assert!(PHASE_DWORD + 4 == ENTRY_BYTES, "the dword with the phase bit is the last of the entry");

/// Status codes by number: one load instead of a jump through a table.
const STATUSES: [Option<Status>; 256] = {
    let mut table = [None; 256];
    let mut i = 0;
    while i < Status::ALL.len() {
        table[Status::ALL[i].0.code() as usize] = Some(Status::ALL[i].0);
        i += 1;
    }
    table
};

/// What was wrong with a completion. The queue takes no more of them after one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueFault {
    /// Every bit of it was set: the device is gone.
    #[error("an entry is all ones")]
    AllOnes,
    /// It names another submission queue.
    #[error("an entry names submission queue {found}")]
    WrongQueue {
        /// The queue it names.
        found: u8,
    },
    /// Its command is not in flight: a completion that came twice or late, or never was.
    #[error("an entry completes command {cid:#06x}, which is not in flight")]
    NotInFlight {
        /// The command it names.
        cid: u16,
    },
    /// It says that submissions were fetched which were not announced.
    #[error("an entry has submission head {head}, which is not between {from} and {to}")]
    BadHead {
        /// What it says.
        head: u16,
        /// The head before it.
        from: u16,
        /// The last doorbell.
        to: u16,
    },
    /// Its status code is none.
    #[error("an entry has the unknown status {code:#04x}")]
    UnknownStatus {
        /// The code.
        code: u8,
    },
}

/// One submission, to be given to [`QueuePair::push`]. The command identifier is filled in there.
#[derive(Clone, Copy, Debug)]
pub struct Command(Words);

impl Command {
    /// A command with its first word (opcode, flags, LUN, owner, blocks), address and IOVAs.
    #[inline]
    pub(crate) fn new(opcode: u64, lun: u8, blocks: u16, lba: u64, iova: u64) -> Self {
        let mut words = [0; 8];
        put(&mut words, sqe::OPCODE, opcode);
        put(&mut words, sqe::LUN, u64::from(lun));
        put(&mut words, sqe::BLOCKS, u64::from(blocks));
        put(&mut words, sqe::LBA, lba);
        put(&mut words, sqe::IOVA, iova);
        Self(words)
    }

    #[inline]
    pub(crate) fn flags(mut self, flags: u8) -> Self {
        put(&mut self.0, sqe::FLAGS, u64::from(flags));
        self
    }

    pub(crate) fn owner(mut self, owner: u8) -> Self {
        put(&mut self.0, sqe::OWNER, u64::from(owner));
        self
    }

    pub(crate) fn aux(mut self, aux: u64) -> Self {
        put(&mut self.0, sqe::AUX, aux);
        self
    }
}

impl From<&sqe::Submission> for Command {
    /// Any entry, right or wrong; its command identifier is replaced.
    fn from(entry: &sqe::Submission) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(entry.0.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        words[sqe::CID.lsb / 64] &= !(sqe::CID.mask() << (sqe::CID.lsb % 64));
        Self(words)
    }
}

/// A ring of entries in DMA memory.
struct Ring {
    base: *mut u8,
    mask: u16,
    _memory: DmaBuffer,
}

// SAFETY: the pointer is into memory that `_memory` keeps mapped; access to it is volatile or atomic.
unsafe impl Send for Ring {}

impl Ring {
    fn new(memory: DmaBuffer, log2: u32) -> Self {
        assert!((1..=15).contains(&log2), "a ring has 2 to 32768 entries");
        assert!(memory.len() >= ENTRY_BYTES << log2, "the ring's memory is too small");
        Self { base: memory.memory().as_ptr(), mask: (1 << log2) - 1, _memory: memory }
    }

    #[inline]
    fn entry(&self, index: u16) -> *mut u8 {
        // SAFETY: the masked index is inside the ring, and `new` checked that the memory holds the ring.
        unsafe { self.base.add(usize::from(index & self.mask) * ENTRY_BYTES) }
    }
}

/// A place in the table of commands in flight.
struct Slot {
    /// Identifier of the command that has it, or had it last.
    cid: u16,
    in_flight: bool,
    /// Nobody waits for the completion any more: drop it when it comes.
    abandoned: bool,
    /// Memory that the command uses.
    hold: Hold,
}

/// A submission and completion queue pair.
pub struct QueuePair {
    id: u8,
    sq: Ring,
    cq: Ring,
    /// Next entry to write; free-running, masked on use.
    sq_tail: u16,
    /// Tail that the card knows.
    sq_rung: u16,
    /// Entries before it may be written again.
    sq_head: u16,
    /// Next entry to take; free-running.
    cq_head: u16,
    /// Head that the card knows.
    cq_rung: u16,
    slots: Box<[Slot]>,
    /// Bits of an identifier that are the place.
    place_mask: u16,
    /// Free places: a ring, with `free_from..free_to` free-running.
    free: Box<[u16]>,
    free_from: u16,
    free_to: u16,
    pins: Pins,
    fault: Option<QueueFault>,
}

impl QueuePair {
    /// An engine over zeroed rings of 2^`sq_log2` and 2^`cq_log2` entries, for queue pair `id`.
    ///
    /// # Panics
    /// When a ring has fewer than 2 or more than 32768 entries, or its memory is too small for it.
    pub fn new(id: u8, sq: DmaBuffer, sq_log2: u32, cq: DmaBuffer, cq_log2: u32) -> Self {
        let (sq, cq) = (Ring::new(sq, sq_log2), Ring::new(cq, cq_log2));
        // One less than the ring holds, so that a full ring is told from an empty one.
        let depth = usize::from(cq.mask).min(MAX_IN_FLIGHT);
        let places = depth.next_power_of_two() as u16;
        let slot = |i| Slot { cid: i as u16, in_flight: false, abandoned: false, hold: Hold::default() };
        let free: Vec<u16> = (0..places).collect();
        Self {
            id,
            sq,
            cq,
            sq_tail: 0,
            sq_rung: 0,
            sq_head: 0,
            cq_head: 0,
            cq_rung: 0,
            slots: (0..depth).map(slot).collect(),
            place_mask: places - 1,
            free: free.into(),
            free_from: 0,
            free_to: depth as u16,
            pins: Pins::default(),
            fault: None,
        }
    }

    /// Number of the pair.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Commands in flight: pushed, and not yet taken by [`poll`](Self::poll).
    #[inline]
    pub fn in_flight(&self) -> usize {
        self.slots.len() - usize::from(self.free_to.wrapping_sub(self.free_from))
    }

    /// Most commands that can be in flight.
    pub fn depth(&self) -> usize {
        self.slots.len()
    }

    /// Submissions that [`push`](Self::push) takes before it is full.
    pub fn room(&self) -> usize {
        let entries = self.sq.mask - self.sq_tail.wrapping_sub(self.sq_head);
        usize::from(entries).min(self.depth() - self.in_flight())
    }

    /// Whether submissions wait for a doorbell.
    #[inline]
    pub fn needs_doorbell(&self) -> bool {
        self.sq_tail != self.sq_rung
    }

    /// Writes a submission into the ring, and keeps `hold` mapped until its completion is taken. `None`: no room.
    #[inline]
    pub fn push(&mut self, command: &Command, hold: [Option<&DmaBuffer>; 2]) -> Option<CommandId> {
        if self.sq_tail.wrapping_sub(self.sq_head) == self.sq.mask || self.free_from == self.free_to {
            return None;
        }
        let place = self.free[usize::from(self.free_from & self.place_mask)];
        self.free_from = self.free_from.wrapping_add(1);
        let slot = &mut self.slots[usize::from(place)];
        // The next use of the place: the carry out of the top is meant to be lost.
        slot.cid = slot.cid.wrapping_add(self.place_mask).wrapping_add(1);
        slot.in_flight = true;
        self.pins.hold(&mut slot.hold, hold);
        let cid = slot.cid;
        let mut words = command.0;
        put(&mut words, sqe::CID, u64::from(cid));
        let entry = self.sq.entry(self.sq_tail).cast::<u64>();
        for (i, word) in words.iter().enumerate() {
            // SAFETY: an entry is eight aligned words inside the ring.
            unsafe { entry.add(i).write_volatile(word.to_le()) }
        }
        self.sq_tail = self.sq_tail.wrapping_add(1);
        Some(CommandId(cid))
    }

    /// The value for the submission doorbell, if anything was pushed since the last one. Everything pushed is in memory
    /// before a store that follows this call.
    #[inline]
    pub fn take_doorbell(&mut self) -> Option<u32> {
        if self.sq_tail == self.sq_rung {
            return None;
        }
        self.sq_rung = self.sq_tail;
        fence(Ordering::Release);
        Some(u32::from(self.sq_tail & self.sq.mask))
    }

    /// The value for the completion doorbell, if half of the entries that no command in flight needs have been taken since
    /// the last one.
    #[inline]
    pub fn take_head(&mut self) -> Option<u32> {
        let taken = self.cq_head.wrapping_sub(self.cq_rung);
        if usize::from(taken) * 2 + self.in_flight() <= usize::from(self.cq.mask) {
            return None;
        }
        self.cq_rung = self.cq_head;
        // The copies out of the ring come before the card may write there again.
        fence(Ordering::Release);
        Some(u32::from(self.cq_head & self.cq.mask))
    }

    /// Takes the next completion, if there is one.
    ///
    /// # Errors
    /// What the card wrote cannot be. Every later call says the same.
    #[inline]
    pub fn poll(&mut self) -> Result<Option<Completion>, QueueFault> {
        loop {
            let Some(words) = self.next_entry() else {
                return match self.fault {
                    None => Ok(None),
                    Some(fault) => Err(fault),
                };
            };
            let (completion, abandoned) = self.accept(words)?;
            if !abandoned {
                return Ok(Some(completion));
            }
        }
    }

    /// Copies the next entry, if its phase says that it is there.
    #[inline]
    fn next_entry(&self) -> Option<Words> {
        let entry = self.cq.entry(self.cq_head);
        // SAFETY: the dword is inside the entry and aligned; an atomic tolerates that the card writes it meanwhile.
        let last = u32::from_le(unsafe { AtomicU32::from_ptr(entry.add(PHASE_DWORD).cast()) }.load(Ordering::Acquire));
        // The first pass has phase 1, the next 0, and so on: the bit above the index, inverted.
        let phase = (self.cq_head & (self.cq.mask + 1)) == 0;
        if (last >> (cqe::PHASE.lsb % 32) & 1 == 1) != phase || self.fault.is_some() {
            return None;
        }
        let mut words = [0; 8];
        for (i, word) in words.iter_mut().enumerate() {
            // SAFETY: an entry is eight aligned words inside the ring.
            *word = u64::from_le(unsafe { entry.cast::<u64>().add(i).read_volatile() });
        }
        Some(words)
    }

    /// Checks an entry and ends its command.
    #[inline]
    fn accept(&mut self, words: Words) -> Result<(Completion, bool), QueueFault> {
        let sqid = get(&words, cqe::SQID) as u8;
        let cid = get(&words, cqe::CID) as u16;
        let head = get(&words, cqe::SQ_HEAD) as u16;
        let fetched = head.wrapping_sub(self.sq_head) & self.sq.mask;
        let announced = self.sq_rung.wrapping_sub(self.sq_head);
        let place = cid & self.place_mask;
        let status = STATUSES[get(&words, cqe::STATUS) as usize & 0xff];
        let known = self.slots.get(usize::from(place)).is_some_and(|slot| slot.in_flight && slot.cid == cid);
        let Some(status) = status else { return Err(self.stop(words)) };
        if sqid != self.id || !known || fetched > announced || head > self.sq.mask {
            return Err(self.stop(words));
        }
        self.sq_head = self.sq_head.wrapping_add(fetched);
        self.cq_head = self.cq_head.wrapping_add(1);
        let slot = &mut self.slots[usize::from(place)];
        slot.in_flight = false;
        self.pins.release(&mut slot.hold);
        self.free[usize::from(self.free_to & self.place_mask)] = place;
        self.free_to = self.free_to.wrapping_add(1);
        Ok((Completion { words, status }, std::mem::take(&mut slot.abandoned)))
    }

    /// Finds out what is wrong with an entry, and stops the queue for it.
    #[cold]
    fn stop(&mut self, words: Words) -> QueueFault {
        let sqid = get(&words, cqe::SQID) as u8;
        let cid = get(&words, cqe::CID) as u16;
        let code = get(&words, cqe::STATUS) as u8;
        let known =
            self.slots.get(usize::from(cid & self.place_mask)).is_some_and(|slot| slot.in_flight && slot.cid == cid);
        let fault = if words[7] == u64::MAX {
            QueueFault::AllOnes
        } else if sqid != self.id {
            QueueFault::WrongQueue { found: sqid }
        } else if !known {
            QueueFault::NotInFlight { cid }
        } else if Status::try_from(code).is_err() {
            QueueFault::UnknownStatus { code }
        } else {
            let mask = self.sq.mask;
            let head = get(&words, cqe::SQ_HEAD) as u16;
            QueueFault::BadHead { head, from: self.sq_head & mask, to: self.sq_rung & mask }
        };
        self.fault = Some(fault);
        fault
    }

    /// Says that nobody waits for this command any more: its completion is dropped when it comes. Its memory stays held
    /// until then. Returns whether the command was in flight.
    pub fn abandon(&mut self, id: CommandId) -> bool {
        let slot = self.slots.get_mut(usize::from(id.0 & self.place_mask));
        match slot.filter(|slot| slot.in_flight && slot.cid == id.0) {
            Some(slot) => {
                slot.abandoned = true;
                true
            }
            None => false,
        }
    }

    /// Drops the clones of buffers that no command uses, so that they are unmapped if nobody else has them.
    pub fn forget_idle_buffers(&mut self) {
        self.pins.forget_idle();
    }

    /// Whether this command is in flight.
    pub fn is_in_flight(&self, id: CommandId) -> bool {
        self.slots.get(usize::from(id.0 & self.place_mask)).is_some_and(|slot| slot.in_flight && slot.cid == id.0)
    }

    /// Why the queue has stopped, if it has.
    pub fn fault(&self) -> Option<QueueFault> {
        self.fault
    }
}
