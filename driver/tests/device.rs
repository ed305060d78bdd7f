//! Opening, resetting and using a card that is in order, and one that is not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dyad_driver::backing::memory::Memory;
use dyad_driver::bar::LunFlags;
use dyad_driver::queue::QueueFault;
use dyad_driver::{
    Backing, Deadline, Device, DmaBuffer, Error, LinkConfig, OwnerRange, Queue, QueueConfig, Result, Status, Wake,
};
use dyad_spec::counters::Counter;
use dyad_spec::entry::completion::Completion;
use dyad_spec::entry::submission::Submission;
use dyad_spec::{Opcode, regs};

/// A card in memory, some of whose registers read as something else, and some of whose writes get lost.
#[derive(Clone)]
struct Odd {
    card: Rc<Memory>,
    reads: Rc<RefCell<BTreeMap<usize, u32>>>,
    deaf: Rc<RefCell<Vec<usize>>>,
    allocated: Rc<RefCell<Vec<DmaBuffer>>>,
}

impl Odd {
    fn new(card: Memory) -> Self {
        Self { card: Rc::new(card), reads: Rc::default(), deaf: Rc::default(), allocated: Rc::default() }
    }
    fn with(self, offset: usize, value: u32) -> Self {
        self.reads.borrow_mut().insert(offset, value);
        self
    }
}

impl Backing for Odd {
    fn name(&self) -> &str {
        "odd"
    }
    fn read32(&self, offset: usize) -> u32 {
        self.reads.borrow().get(&offset).copied().unwrap_or_else(|| self.card.read32(offset))
    }
    fn write32(&self, offset: usize, value: u32) {
        if !self.deaf.borrow().contains(&offset) {
            self.card.write32(offset, value);
        }
    }
    fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer> {
        let buffer = self.card.dma_alloc(len_bytes)?;
        self.allocated.borrow_mut().push(buffer.clone());
        Ok(buffer)
    }
    fn vectors(&self) -> u16 {
        self.card.vectors()
    }
    fn now(&self) -> u64 {
        self.card.now()
    }
    fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake {
        self.card.wait(vector, until)
    }
}

fn open_error(offset: usize, value: u32) -> Error {
    Device::open(Odd::new(Memory::null()).with(offset, value)).err().expect("refused")
}

#[test]
fn another_device_another_version_and_no_device_are_told_apart() {
    assert!(matches!(open_error(regs::MAGIC.offset, 0x1234), Error::NotDyad { found: 0x1234, .. }));
    assert!(matches!(open_error(regs::MAGIC.offset, u32::MAX), Error::DeviceGone { .. }));
    let error = open_error(regs::VERSION.offset, 0x0002_0003);
    assert!(matches!(error, Error::Version { found: 0x0002_0003, .. }));
    assert!(error.to_string().contains("version 2.3"), "{error}");
    // A card of before 40-bit block addresses would cut them short.
    assert!(matches!(open_error(regs::VERSION.offset, 0x0001_0000), Error::Version { found: 0x0001_0000, .. }));
    // A later minor version is no matter.
    let minor = dyad_spec::SPEC_VERSION + 5;
    assert!(Device::open(Odd::new(Memory::null()).with(regs::VERSION.offset, minor)).is_ok());
}

#[test]
fn the_list_of_register_blocks_is_checked() {
    let layout = |offset, value| match open_error(offset, value) {
        Error::Layout { block, problem, .. } => format!("{block}: {problem}"),
        other => panic!("{other}"),
    };
    let luns = regs::LUNS_BLOCK.offset;
    let kind = regs::BLOCK_TYPE.put(regs::block::LUNS);
    assert_eq!(layout(luns, kind | regs::BLOCK_VERSION.put(9)), "luns: has version 9, this driver knows 1");
    // A block of a type that is not known is skipped, so this one is missing.
    assert_eq!(layout(luns, 0x77), "luns: is missing");
    assert_eq!(layout(luns, regs::BLOCK_TYPE.put(regs::block::LINK)), "link: is at 0x800, expected at 0x100");
    assert_eq!(layout(luns + 4, luns as u32), "list: does not end after 64 blocks");
    assert_eq!(layout(luns + 4, 3), "luns: names 0x3 as the next one's place");
    assert_eq!(layout(luns + 4, 0x1_0000), "luns: names 0x10000 as the next one's place");
}

#[test]
fn a_reset_that_does_not_end_has_a_deadline() {
    let odd = Odd::new(Memory::null()).with(regs::CONTROL.offset, regs::CONTROL_RESET.put(1));
    let error = Device::open(odd).unwrap().reset(Duration::from_millis(30)).unwrap_err();
    assert!(matches!(error, Error::Deadline { operation: "resetting", waited_ns: 30_000_000.., .. }), "{error}");
}

#[test]
fn a_reset_needs_queues_to_be_dropped() {
    let device = Device::open(Memory::null()).unwrap();
    let queue = device.create_queue(&QueueConfig::default()).unwrap();
    assert!(matches!(device.reset(Duration::from_secs(1)), Err(Error::Argument { .. })));
    drop(queue);
    device.reset(Duration::from_secs(1)).unwrap();
}

#[test]
fn queues_run_out_and_come_back() {
    let device = Device::open(Memory::null()).unwrap();
    let config = QueueConfig::default();
    let mut queues: Vec<_> = (0..device.info().queue_count).map(|_| device.create_queue(&config).unwrap()).collect();
    let ids: Vec<_> = queues.iter().map(Queue::id).collect();
    assert_eq!(ids, [0, 1, 2, 3]);
    assert!(matches!(device.create_queue(&config), Err(Error::Argument { .. })));
    queues.remove(2);
    assert_eq!(device.create_queue(&config).unwrap().id(), 2);
    for config in [
        QueueConfig { sq_log2: 0, ..config.clone() },
        QueueConfig { cq_log2: 13, ..config.clone() },
        QueueConfig { vector: Some(4), ..config.clone() },
    ] {
        assert!(matches!(device.create_queue(&config), Err(Error::Argument { .. })), "{config:?}");
    }
}

/// A card with a store, and LUN 1 of 100 blocks that needs no peer.
fn local() -> (Odd, Device<Odd>, Queue<Odd>) {
    let odd = Odd::new(Memory::with_store(256));
    let device = Device::open(odd.clone()).unwrap();
    let flags = LunFlags::VALID | LunFlags::LIVE | LunFlags::LOCAL;
    let (owner, extent_shift, generation, extent_base) = (0, 0, 5, 0);
    let entry =
        dyad_driver::LunEntry { flags, owner, extent_shift, generation, blocks: 100, store_base: 16, extent_base };
    device.set_lun(1, Some(&entry)).unwrap();
    assert_eq!(device.lun(1).unwrap(), Some(entry));
    let queue =
        device.create_queue(&QueueConfig { timeout: Duration::from_millis(500), ..Default::default() }).unwrap();
    (odd, device, queue)
}

#[test]
fn data_go_there_and_back() {
    let (_, _device, mut queue) = local();
    let data: Vec<u8> = (0..70 * 4096).map(|i| (i % 251) as u8).collect();
    queue.write(1, 20, &data).unwrap();
    let mut back = vec![0; data.len()];
    queue.read(1, 20, &mut back).unwrap();
    assert!(data == back);
    assert_eq!(queue.in_flight(), 0);
}

#[test]
fn every_status_becomes_an_error_that_says_what_to_do() {
    let (_, device, mut queue) = local();
    let mut block = [0; 4096];
    let failed = |result: Result<()>| match result.unwrap_err() {
        Error::Command(failure) => (failure.status, failure.to_string()),
        other => panic!("{other}"),
    };
    let (status, text) = failed(queue.read(1, 100, &mut block));
    assert_eq!(status, Status::BadLba);
    assert!(text.contains("READ of LUN 1") && text.contains("block 100"), "{text}");
    assert_eq!(failed(queue.read(6, 0, &mut block)).0, Status::BadLun);

    let buffer = device.backing().dma_alloc(4096).unwrap();
    let mut entry = Submission::new();
    entry.set_lun(1).set_blocks(1).set_iova(buffer.iova());
    let mut status_of = |change: &dyn Fn(&mut Submission)| {
        let mut entry = entry;
        change(&mut entry);
        let id = queue.submit(&entry).unwrap();
        queue.wait(id, Deadline(u64::MAX)).unwrap().status()
    };
    let write = Opcode::Write.code();
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(write);
        }),
        Status::Ok
    );
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(0xee);
        }),
        Status::BadOpcode
    );
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(write).set_blocks(0);
        }),
        Status::BadBlocks
    );
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(write).set_blocks(65);
        }),
        Status::BadBlocks
    );
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(write).set_iova(buffer.iova() + 64);
        }),
        Status::Misaligned
    );
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(write).set_iova(1 << 50);
        }),
        Status::DmaReadFault
    );
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(Opcode::Read.code()).set_iova(1 << 50);
        }),
        Status::DmaWriteFault
    );
    buffer.unmap();
    assert_eq!(
        status_of(&|e| {
            e.set_opcode(write);
        }),
        Status::DmaReadFault
    );
}

#[test]
fn lookups_owners_and_identity() {
    let (_, _device, mut queue) = local();
    let answers = queue.lookup(1, &[0, 99, 100, u64::MAX]).unwrap();
    assert_eq!(
        answers.iter().map(|a| a.map(|a| (a.owner, a.epoch))).collect::<Vec<_>>(),
        [Some((0, 5 << 16)), Some((0, 5 << 16)), None, None]
    );
    queue.set_owner(1, OwnerRange::WholeLun, 1, 0).unwrap();
    assert_eq!(queue.lookup(1, &vec![7; 1000]).unwrap().iter().flatten().filter(|a| a.owner == 1).count(), 1000);
    let none = OwnerRange::Blocks { lba: 0, blocks: 0 };
    assert!(matches!(queue.set_owner(1, none, 1, 0), Err(Error::Argument { operation: "SET_OWNER", .. })));
    assert_eq!(queue.identify().unwrap()[..4], *b"DYAD");
    queue.flush(1).unwrap();
}

#[test]
fn bad_arguments_never_reach_the_card() {
    let (odd, device, mut queue) = local();
    let buffer = device.backing().dma_alloc(4096).unwrap();
    assert!(matches!(queue.write(1, 0, &[0; 100]), Err(Error::Argument { operation: "WRITE", .. })));
    assert!(matches!(queue.submit_write(1, 0, 2, &buffer.whole()), Err(Error::Argument { .. })));
    assert!(matches!(queue.submit_read(1, 0, 1, &buffer.slice(0..4095)), Err(Error::Argument { .. })));
    assert!(matches!(device.set_lun(8, None), Err(Error::Argument { .. })));
    assert!(matches!(device.configure_link(2, &LinkConfig::for_site(0)), Err(Error::Argument { .. })));
    assert!(matches!(device.set_moderation(9, 1, 1), Err(Error::Argument { .. })));
    assert_eq!(odd.card.accesses().waits, 0);
}

#[test]
fn a_command_that_never_completes_has_a_deadline_and_the_queue_goes_on() {
    let (odd, _device, mut queue) = local();
    odd.deaf.borrow_mut().push(regs::SQ_DOORBELL.at(0));
    let error = queue.write(1, 0, &[1; 4096]).unwrap_err();
    assert!(matches!(error, Error::Deadline { waited_ns: 500_000_000.., .. }), "{error}");
    assert_eq!(queue.in_flight(), 1, "its memory stays held");
    // The doorbell is heard again: the late completion is nobody's, and the next write is answered as itself.
    odd.deaf.borrow_mut().clear();
    queue.write(1, 1, &[2; 4096]).unwrap();
    assert_eq!(queue.in_flight(), 0);
    assert_eq!(queue.poll().unwrap(), None);
}

#[test]
fn a_full_queue_says_so() {
    let device = Device::open(Memory::null()).unwrap();
    let mut queue = device.create_queue(&QueueConfig { sq_log2: 2, ..QueueConfig::default() }).unwrap();
    for _ in 0..3 {
        queue.submit_flush(0).unwrap();
    }
    assert!(matches!(queue.submit_flush(0), Err(Error::QueueFull { queue: 0 })));
    queue.ring();
    assert!(queue.poll().unwrap().is_some());
    queue.submit_flush(0).unwrap();
    queue.drain(Deadline(1_000_000)).unwrap();
    assert_eq!(queue.room(), 3);
}

#[test]
fn completions_of_others_are_kept_while_one_is_waited_for() {
    let (_, _device, mut queue) = local();
    let ids: Vec<_> = (0..4).map(|_| queue.submit_flush(1).unwrap()).collect();
    let soon = || Deadline(u64::MAX);
    assert_eq!(queue.wait(ids[2], soon()).unwrap().id(), ids[2]);
    assert_eq!(queue.wait(ids[0], soon()).unwrap().id(), ids[0]);
    assert!(matches!(queue.wait(ids[0], soon()), Err(Error::Argument { .. })), "it was taken");
    let rest: Vec<_> = std::iter::from_fn(|| queue.poll().unwrap()).map(|c| c.id()).collect();
    assert_eq!(rest, [ids[1], ids[3]]);
}

#[test]
fn a_device_that_vanishes_is_found_out() {
    let (odd, device, mut queue) = local();
    odd.card.vanish();
    let error = queue.write(1, 0, &[0; 4096]).unwrap_err();
    assert!(matches!(error, Error::DeviceGone { .. }), "{error}");
    assert!(matches!(device.counters(), Err(Error::DeviceGone { .. })));
    assert!(matches!(device.reset(Duration::from_secs(1)), Err(Error::Argument { .. })), "the queue is in use");
    drop(queue);
    assert!(matches!(device.reset(Duration::from_secs(1)), Err(Error::DeviceGone { .. })));
}

#[test]
fn what_cannot_be_stops_the_queue_with_a_name() {
    for gone in [true, false] {
        let (odd, device, mut queue) = local();
        // The pair's memory: submission queue, then completion queue.
        let completions = odd.allocated.borrow()[1].clone();
        let mut entry = Completion([0xff; 64]);
        if !gone {
            entry = Completion::new();
            entry.set_phase(1).set_sqid(5);
        }
        completions.write_at(0, &entry.0);
        let id = queue.submit_flush(1).unwrap();
        odd.deaf.borrow_mut().push(regs::SQ_DOORBELL.at(0));
        let error = queue.wait(id, device.after(Duration::from_secs(1))).unwrap_err();
        match error {
            Error::DeviceGone { .. } => assert!(gone),
            Error::QueueFault { queue: 0, fault: QueueFault::WrongQueue { found: 5 }, .. } => assert!(!gone),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn counters_have_names_and_bad_doorbells_are_counted() {
    let (odd, device, _queue) = local();
    assert_eq!(device.counters().unwrap().len(), Counter::ALL.len());
    odd.write32(regs::SQ_DOORBELL.at(0), 256);
    odd.write32(regs::SQ_DOORBELL.at(3), 0);
    assert_eq!(device.counter(Counter::bad_doorbell), 2);
}

#[test]
fn the_link_is_configured_as_the_contract_has_it() {
    let device = Device::open(Memory::null()).unwrap();
    let config = LinkConfig {
        mac: [1, 2, 3, 4, 5, 6],
        peer_mac: [7, 8, 9, 10, 11, 12],
        resend: Duration::from_nanos(1),
        resend_limit: 99,
        ..LinkConfig::for_site(1)
    };
    device.configure_link(1, &config).unwrap();
    let get = |register| device.registers().get(register);
    assert_eq!((get(&regs::MAC_HI), get(&regs::MAC_LO)), (0x0102, 0x0304_0506));
    assert_eq!((get(&regs::PEER_MAC_HI), get(&regs::PEER_MAC_LO)), (0x0708, 0x090a_0b0c));
    assert_eq!((get(&regs::IP), get(&regs::PEER_IP)), (0x0a00_000b, 0x0a00_000a));
    assert_eq!((get(&regs::SITE), get(&regs::UDP_PORT)), (1, 4791));
    assert_eq!(get(&regs::RESEND_CYCLES), 2 * device.info().period_cycles, "no less than the card can do");
    assert_eq!(get(&regs::RESEND_LIMIT), 15);
}

#[test]
fn cycles_and_time() {
    let info = Device::open(Memory::null()).unwrap().info().clone();
    assert_eq!(info.clock_khz, 156_250);
    assert_eq!(info.cycles_to_ns(156_250), 1_000_000);
    assert_eq!(info.cycles_to_ns(1), 6);
    assert_eq!(info.duration_to_cycles(Duration::from_nanos(1)), 1);
    assert_eq!(info.duration_to_cycles(Duration::from_millis(1)), 156_250);
}
