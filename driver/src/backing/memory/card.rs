//! What the card in memory does with its registers, rings and stores.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use dyad_spec::entry::{completion, lookup, submission};
use dyad_spec::regs::{self, Register};
use dyad_spec::wire::MAILBOX_BYTES;
use dyad_spec::{
    BLOCK_BYTES, ENTRY_BYTES, Field, LBA_BITS, MAGIC, MAX_BLOCKS, MAX_LOOKUPS, Opcode, SPEC_VERSION, Status,
};

use super::{CLOCK_KHZ, Table, index_in};
use crate::bar::{LunFlags, MappedBar};
use crate::completion::{Words, get, put};
use crate::dma::SharedMemory;

pub(super) const VECTORS: u16 = 4;
const PAIRS: usize = 4;
const SLOTS: u32 = 512;
const EXTENTS: u32 = 1 << 16;
const QUEUE_LOG2: u32 = 12;

/// What joined cards share: stores, messages on their way, registers.
pub(super) struct Joint {
    stores: [Vec<u8>; 2],
    /// Messages for each site, with the length of the frame that they came in.
    mail: [VecDeque<(Vec<u8>, u32)>; 2],
    registers: [Option<Arc<SharedMemory>>; 2],
    /// One message in so many is lost; 0: none.
    pub(super) lose_one_in: u32,
    /// What decides which.
    dice: u64,
}

impl Joint {
    pub(super) fn new(blocks: [usize; 2]) -> Self {
        Self {
            stores: blocks.map(|n| vec![0; n * BLOCK_BYTES]),
            mail: Default::default(),
            registers: [None, None],
            lose_one_in: 0,
            dice: 1,
        }
    }
}

/// A queue pair that is set up.
struct Pair {
    sq: (Arc<SharedMemory>, usize),
    cq: (Arc<SharedMemory>, usize),
    sq_mask: u16,
    cq_mask: u16,
    sq_head: u16,
    sq_tail: u16,
    cq_tail: u16,
    cq_head: u16,
    phase: u64,
    vector: u16,
}

pub(super) struct Card {
    site: usize,
    registers: Arc<SharedMemory>,
    joint: Option<Rc<RefCell<Joint>>>,
    pairs: [RefCell<Option<Pair>>; PAIRS],
    latched: [Cell<bool>; VECTORS as usize],
}

/// A BAR over the card's registers.
pub(super) fn bar(memory: Arc<SharedMemory>) -> MappedBar {
    // SAFETY: the pointer is to shared memory that the third argument keeps mapped, page-aligned and as long as is said;
    // nothing makes references to shared memory.
    unsafe { MappedBar::new(memory.as_ptr(), memory.len(), Box::new(memory.clone())) }
}

/// One LUN as its registers have it.
struct Lun {
    flags: LunFlags,
    owner: u32,
    generation: u32,
    blocks: u64,
    base: u64,
}

impl Lun {
    fn of(registers: &SharedMemory, lun: usize) -> Option<Self> {
        let word = |r: &Register| registers.read_u32_acquire(r.at(lun));
        let control = (lun < regs::LUNS_MAX).then(|| word(&regs::LUN_CONTROL))?;
        let flags = LunFlags::from_bits_truncate(control);
        let high = |field: Field| u64::from(field.of(word(&regs::LUN_HIGH))) << 32;
        flags.contains(LunFlags::VALID).then(|| Self {
            flags,
            owner: regs::LUN_OWNER.of(control),
            generation: regs::LUN_GENERATION.of(control),
            blocks: u64::from(word(&regs::LUN_BLOCKS)) | high(regs::LUN_BLOCKS_HIGH),
            base: u64::from(word(&regs::LUN_STORE_BASE)) | high(regs::LUN_STORE_BASE_HIGH),
        })
    }
}

/// How a command ends.
struct End {
    status: Status,
    owner: u32,
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self { status, owner: 0 }
    }
}

impl Card {
    pub(super) fn new(site: usize, registers: Arc<SharedMemory>, joint: Option<Rc<RefCell<Joint>>>) -> Self {
        if let Some(joint) = &joint {
            joint.borrow_mut().registers[site] = Some(registers.clone());
        }
        Self { site, registers, joint, pairs: Default::default(), latched: Default::default() }
    }

    pub(super) fn with_joint(&self, f: impl FnOnce(&mut Joint)) {
        if let Some(joint) = &self.joint {
            f(&mut joint.borrow_mut());
        }
    }

    pub(super) fn with_store(&self, f: impl FnOnce(&mut [u8])) {
        let joint = self.joint.as_ref().expect("a card with a store");
        f(&mut joint.borrow_mut().stores[self.site]);
    }

    pub(super) fn take_interrupt(&self, vector: u16) -> bool {
        self.latched.get(usize::from(vector)).is_some_and(|v| v.replace(false))
    }

    /// Registers as after reset.
    pub(super) fn reset(&self, bar: &MappedBar) {
        let site = bar.read32(regs::SITE.offset);
        self.registers.fill(0..regs::BAR_BYTES, 0);
        for (offset, kind, version, next) in regs::BLOCKS {
            bar.write32(*offset, regs::BLOCK_TYPE.put(*kind) | regs::BLOCK_VERSION.put(*version));
            bar.write32(offset + 4, *next as u32);
        }
        let counts = regs::CAP_QUEUES.put(PAIRS as u32)
            | regs::CAP_VECTORS.put(u32::from(VECTORS))
            | regs::CAP_LUNS.put(regs::LUNS_MAX as u32)
            | regs::CAP_QUEUE_LOG2.put(QUEUE_LOG2);
        for (register, value) in [
            (regs::MAGIC, MAGIC),
            (regs::VERSION, SPEC_VERSION),
            (regs::CAP_WIDTH, regs::CAP_DATA_W.put(64) | regs::CAP_STORE_W.put(256)),
            (regs::CAP_SLOTS, SLOTS),
            (regs::CAP_COUNTS, counts),
            (regs::CAP_EXTENTS, EXTENTS),
            (regs::CAP_CLOCK_KHZ, CLOCK_KHZ as u32),
            (regs::CAP_PERIOD, 1024),
            (regs::CAP_BUFFERS, regs::CAP_LOCAL_BUFFERS.put(8) | regs::CAP_MIRROR_BUFFERS.put(8)),
            (regs::CAP_ADDRESS, regs::CAP_LBA_W.put(LBA_BITS as u32) | regs::CAP_IOVA_W.put(64)),
            (regs::STATUS, regs::STATUS_READY.put(1) | regs::STATUS_IDLE.put(1)),
            (regs::SITE, site),
            (regs::COUNTERS_COUNT, dyad_spec::counters::Counter::ALL.len() as u32),
        ] {
            bar.write32(register.offset, value);
        }
        self.pairs.iter().for_each(|pair| *pair.borrow_mut() = None);
        self.latched.iter().for_each(|vector| vector.set(false));
        self.with_joint(|joint| joint.mail[self.site].clear());
    }

    /// Brings the registers up to date that change by themselves.
    pub(super) fn before_read(&self, bar: &MappedBar, offset: usize) {
        let receiving = index_in(&regs::MAILBOX_RX_DATA, offset);
        if offset == regs::MAILBOX_STATUS.offset || receiving.is_some() {
            self.with_joint(|joint| {
                let first = joint.mail[self.site].front();
                let bytes = first.map_or(0, |(_, bytes)| *bytes);
                let status = regs::MAILBOX_RX_VALID.put(first.is_some().into()) | regs::MAILBOX_RX_BYTES.put(bytes);
                bar.write32(regs::MAILBOX_STATUS.offset, status);
                if let (Some(i), Some((message, _))) = (receiving, first) {
                    let word = message[i * 4..][..4].try_into().expect("four bytes");
                    bar.write32(offset, u32::from_le_bytes(word));
                }
            });
        }
    }

    /// Does what writing a register (other than a doorbell) does.
    pub(super) fn after_write(&self, bar: &MappedBar, maps: &Table, offset: usize, value: u32) {
        if offset == regs::CONTROL.offset && regs::CONTROL_RESET.of(value) == 1 {
            self.reset(bar);
        } else if offset == regs::LINK_CONTROL.offset {
            let status = regs::STATUS_READY.put(1) | regs::STATUS_IDLE.put(1);
            bar.write32(regs::STATUS.offset, status | regs::STATUS_LINK_UP.put(regs::LINK_UP.of(value)));
        } else if offset == regs::MAILBOX_SEND.offset {
            let mut message = vec![0; MAILBOX_BYTES];
            self.registers.read_at(regs::MAILBOX_TX_DATA.offset, &mut message);
            self.with_joint(|joint| {
                // Knuth's linear congruential generator (MMIX): fixed, so that a test is the same each time.
                joint.dice = joint.dice.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                if joint.lose_one_in == 0 || !((joint.dice >> 40) as u32).is_multiple_of(joint.lose_one_in) {
                    let bytes = regs::MAILBOX_SEND_BYTES.of(value);
                    joint.mail[1 - self.site].push_back((message, bytes));
                }
            });
        } else if offset == regs::MAILBOX_TAKE.offset {
            self.with_joint(|joint| drop(joint.mail[self.site].pop_front()));
        } else if let Some(pair) = index_in(&regs::QUEUE_CONTROL, offset).filter(|pair| *pair < PAIRS) {
            *self.pairs[pair].borrow_mut() = self.set_up(bar, maps, pair, value);
        }
    }

    fn set_up(&self, bar: &MappedBar, maps: &Table, pair: usize, control: u32) -> Option<Pair> {
        let base = |low: Register, high: Register| {
            u64::from(bar.read32(high.at(pair))) << 32 | u64::from(bar.read32(low.at(pair)))
        };
        let (sq_log2, cq_log2) = (regs::QUEUE_SQ_LOG2.of(control), regs::QUEUE_CQ_LOG2.of(control));
        (regs::QUEUE_ENABLE.of(control) == 1).then_some(())?;
        Some(Pair {
            sq: maps.resolve(base(regs::SQ_BASE_LO, regs::SQ_BASE_HI), ENTRY_BYTES << sq_log2)?,
            cq: maps.resolve(base(regs::CQ_BASE_LO, regs::CQ_BASE_HI), ENTRY_BYTES << cq_log2)?,
            sq_mask: (1 << sq_log2) - 1,
            cq_mask: (1 << cq_log2) - 1,
            sq_head: 0,
            sq_tail: 0,
            cq_tail: 0,
            cq_head: 0,
            phase: 1,
            vector: regs::QUEUE_VECTOR.of(control) as u16,
        })
    }

    /// The submission doorbell of a pair.
    #[inline]
    pub(super) fn submit(&self, pair: usize, tail: u32, bar: &MappedBar, maps: &Table, cycles: u64) {
        let Some(Ok(mut guard)) = self.pairs.get(pair).map(RefCell::try_borrow_mut) else { return };
        match guard.as_mut() {
            Some(p) if tail <= u32::from(p.sq_mask) => {
                p.sq_tail = tail as u16;
                self.serve(pair, p, bar, maps, cycles);
            }
            _ => self.bad_doorbell(pair, bar),
        }
    }

    /// The completion doorbell of a pair.
    pub(super) fn take(&self, pair: usize, head: u32, bar: &MappedBar, maps: &Table, cycles: u64) {
        let Some(Ok(mut guard)) = self.pairs.get(pair).map(RefCell::try_borrow_mut) else { return };
        match guard.as_mut() {
            Some(p) if head <= u32::from(p.cq_mask) => {
                p.cq_head = head as u16;
                self.serve(pair, p, bar, maps, cycles);
            }
            _ => self.bad_doorbell(pair, bar),
        }
    }

    #[cold]
    fn bad_doorbell(&self, pair: usize, bar: &MappedBar) {
        bar.write32(regs::QUEUE_STATUS.at(pair), regs::QUEUE_ERROR.put(1));
        let counter = regs::COUNTER.at(dyad_spec::counters::Counter::bad_doorbell as usize);
        bar.write32(counter, bar.read32(counter).wrapping_add(1));
    }

    #[inline]
    fn serve(&self, index: usize, pair: &mut Pair, bar: &MappedBar, maps: &Table, cycles: u64) {
        let tail = pair.cq_tail;
        while pair.sq_head != pair.sq_tail && (pair.cq_tail + 1) & pair.cq_mask != pair.cq_head {
            let offset = pair.sq.1 + usize::from(pair.sq_head) * ENTRY_BYTES;
            pair.sq_head = (pair.sq_head + 1) & pair.sq_mask;
            let entry: Words = pair.sq.0.read_words(offset);
            let end = match &self.joint {
                None => Status::Ok.into(),
                Some(joint) => self.execute(&entry, &mut joint.borrow_mut(), bar, maps),
            };
            let mut words: Words = [0; 8];
            put(&mut words, completion::T_DOORBELL, cycles);
            put(&mut words, completion::OWNER, end.owner.into());
            put(&mut words, completion::CID, get(&entry, submission::CID));
            put(&mut words, completion::STATUS, end.status.code());
            put(&mut words, completion::SQID, index as u64);
            put(&mut words, completion::SQ_HEAD, pair.sq_head.into());
            put(&mut words, completion::PHASE, pair.phase);
            let offset = pair.cq.1 + usize::from(pair.cq_tail) * ENTRY_BYTES;
            let [first @ .., last] = words;
            pair.cq.0.write_words(offset, &first);
            pair.cq.0.write_u64_release(offset + ENTRY_BYTES - 8, last.to_le());
            pair.cq_tail = (pair.cq_tail + 1) & pair.cq_mask;
            if pair.cq_tail == 0 {
                pair.phase ^= 1;
            }
        }
        if let Some(latch) = self.latched.get(usize::from(pair.vector)).filter(|_| tail != pair.cq_tail) {
            latch.set(true);
        }
    }

    fn execute(&self, entry: &Words, joint: &mut Joint, bar: &MappedBar, maps: &Table) -> End {
        let Ok(opcode) = Opcode::try_from(get(entry, submission::OPCODE) as u8) else {
            return Status::BadOpcode.into();
        };
        let (lba, blocks) = (get(entry, submission::LBA), get(entry, submission::BLOCKS));
        let (iova, aux) = (get(entry, submission::IOVA), get(entry, submission::AUX));
        let number = get(entry, submission::LUN) as usize;
        if iova % BLOCK_BYTES as u64 != 0 || (opcode == Opcode::Lookup && aux % BLOCK_BYTES as u64 != 0) {
            return Status::Misaligned.into();
        }
        if matches!(opcode, Opcode::Identify) {
            let Some((memory, offset)) = maps.resolve(iova, BLOCK_BYTES) else { return Status::DmaWriteFault.into() };
            memory.fill(offset..offset + BLOCK_BYTES, 0);
            memory.write_at(offset, &MAGIC.to_le_bytes());
            return Status::Ok.into();
        }
        if matches!(opcode, Opcode::Flush) {
            return Status::Ok.into();
        }
        let Some(lun) = Lun::of(&self.registers, number) else { return Status::BadLun.into() };
        if matches!(opcode, Opcode::SetOwner) {
            let control = regs::LUN_CONTROL.at(number);
            let cleared = bar.read32(control) & !regs::LUN_OWNER.put(1);
            bar.write32(control, cleared | regs::LUN_OWNER.put(get(entry, submission::OWNER) as u32));
            return Status::Ok.into();
        }
        if matches!(opcode, Opcode::Acquire | Opcode::Release) {
            // Owners stay where they are here.
            return Status::BadOpcode.into();
        }
        let compare = opcode == Opcode::CompareWrite;
        let most = match opcode {
            Opcode::Lookup => MAX_LOOKUPS,
            Opcode::CompareWrite => 1,
            _ => MAX_BLOCKS,
        };
        if blocks == 0 || blocks > most {
            return Status::BadBlocks.into();
        }
        if opcode == Opcode::Lookup {
            let (Some(from), Some(to)) =
                (maps.resolve(iova, 8 * blocks as usize), maps.resolve(aux, 8 * blocks as usize))
            else {
                return Status::DmaReadFault.into();
            };
            for i in 0..blocks as usize {
                let mut answer = lookup::LookupAnswer::new();
                if u64::from_le(from.0.read_u64_acquire(from.1 + i * 8)) < lun.blocks {
                    answer.set_valid(1).set_owner(lun.owner.into()).set_epoch(u64::from(lun.generation) << 16);
                }
                to.0.write_at(to.1 + i * 8, &answer.0);
            }
            return Status::Ok.into();
        }
        if lba.checked_add(blocks).is_none_or(|end| end > lun.blocks) {
            return Status::BadLba.into();
        }
        let sync = get(entry, submission::FLAGS) & u64::from(dyad_spec::entry::SubmissionFlags::SYNC.bits()) != 0;
        if lun.flags & (LunFlags::LIVE | LunFlags::FENCED) != LunFlags::LIVE && !sync {
            return Status::NotLive.into();
        }
        let zeroes = matches!(opcode, Opcode::WriteZeroes | Opcode::Trim);
        let write = compare || zeroes || opcode == Opcode::Write;
        let len = blocks as usize * BLOCK_BYTES;
        // A compare-and-write has what it expects first.
        let skip = if compare { len } else { 0 };
        let pages = if zeroes { None } else { maps.resolve(iova, skip + len) };
        if pages.is_none() && !zeroes {
            return if write { Status::DmaReadFault } else { Status::DmaWriteFault }.into();
        }
        let home = (lun.base + lba) as usize * BLOCK_BYTES;
        if !write {
            let Some(data) = joint.stores[self.site].get(home..home + len) else { return Status::StoreError.into() };
            pages.inspect(|(memory, offset)| memory.write_at(*offset, data));
            return Status::Ok.into();
        }
        if joint.stores[self.site].len() < home + len {
            return Status::StoreError.into();
        }
        if let Some((memory, offset)) = pages.as_ref().filter(|_| compare) {
            let mut expected = vec![0; len];
            memory.read_at(*offset, &mut expected);
            if joint.stores[self.site][home..home + len] != expected {
                return Status::Miscompare.into();
            }
        }
        let put = |to: &mut [u8]| match &pages {
            Some((memory, offset)) => memory.read_at(offset + skip, to),
            None => to.fill(0),
        };
        if !lun.flags.contains(LunFlags::LOCAL) {
            if lun.owner as usize != self.site {
                return End { status: Status::NotOwner, owner: lun.owner };
            }
            match self.mirror(number, lba as usize, len, joint) {
                Ok(range) => put(&mut joint.stores[1 - self.site][range]),
                Err(status) => return status.into(),
            }
        }
        put(&mut joint.stores[self.site][home..home + len]);
        Status::Ok.into()
    }

    /// Where in the peer's store a write goes, or why the peer does not take it.
    fn mirror(&self, lun: usize, lba: usize, len: usize, joint: &Joint) -> Result<std::ops::Range<usize>, Status> {
        let up = |r: &SharedMemory| regs::LINK_UP.of(r.read_u32_acquire(regs::LINK_CONTROL.offset)) == 1;
        let generation = |r: &SharedMemory| r.read_u32_acquire(regs::LINK_GENERATION.offset);
        if !up(&self.registers) {
            return Err(Status::LinkDown);
        }
        let peer = joint.registers[1 - self.site].as_ref().ok_or(Status::PeerTimeout)?;
        if !up(peer) || generation(peer) != generation(&self.registers) {
            return Err(Status::PeerTimeout);
        }
        let there = Lun::of(peer, lun).filter(|l| l.flags.contains(LunFlags::LIVE)).ok_or(Status::PeerRefused)?;
        let home = (there.base as usize + lba) * BLOCK_BYTES;
        (home + len <= joint.stores[1 - self.site].len()).then_some(home..home + len).ok_or(Status::PeerStoreError)
    }
}
