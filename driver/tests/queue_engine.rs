//! The queue engine against a device that completes in any order, and against one that lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use dyad_driver::dma::{DmaBuffer, SharedMemory, Unmap};
use dyad_driver::queue::{QueueFault, QueuePair};
use dyad_driver::{CommandId, Status};
use dyad_spec::ENTRY_BYTES;
use dyad_spec::entry::completion::Completion as Cqe;
use dyad_spec::entry::submission::Submission as Sqe;
use proptest::prelude::*;

const PAIR: u8 = 3;

struct Nothing;
impl Unmap for Nothing {
    fn unmap(&self, _: u64, _: usize) {}
}

fn memory(len: usize) -> DmaBuffer {
    DmaBuffer::new(Arc::new(SharedMemory::new(len).unwrap()), 0x10_0000, Arc::new(Nothing))
}

/// A card's side of a queue pair, that does as the contract says.
struct Card {
    sq: DmaBuffer,
    cq: DmaBuffer,
    sq_entries: usize,
    cq_entries: usize,
    /// Free-running counts.
    tail: usize,
    fetched: usize,
    posted: usize,
    taken: usize,
    in_flight: Vec<Sqe>,
}

impl Card {
    fn new(sq_log2: u32, cq_log2: u32) -> (Self, QueuePair) {
        let (sq, cq) = (memory(ENTRY_BYTES << sq_log2), memory(ENTRY_BYTES << cq_log2));
        let engine = QueuePair::new(PAIR, sq.clone(), sq_log2, cq.clone(), cq_log2);
        let (sq_entries, cq_entries) = (1 << sq_log2, 1 << cq_log2);
        let (tail, fetched, posted, taken) = (0, 0, 0, 0);
        (Self { sq, cq, sq_entries, cq_entries, tail, fetched, posted, taken, in_flight: Vec::new() }, engine)
    }

    fn doorbell(&mut self, tail: u32) {
        assert!((tail as usize) < self.sq_entries, "doorbell past the ring");
        while self.tail % self.sq_entries != tail as usize {
            self.tail += 1;
        }
        assert!(self.tail - self.fetched < self.sq_entries, "a full ring has one entry free");
    }

    fn head_doorbell(&mut self, head: u32) {
        assert!((head as usize) < self.cq_entries, "doorbell past the ring");
        while self.taken % self.cq_entries != head as usize {
            self.taken += 1;
        }
        assert!(self.taken <= self.posted, "entries taken that were never posted");
    }

    /// Fetches one submission, if there is one and room for its completion.
    fn fetch(&mut self) -> bool {
        let reserved = self.posted - self.taken + self.in_flight.len();
        if self.fetched == self.tail || reserved >= self.cq_entries - 1 {
            return false;
        }
        let mut entry = Sqe::new();
        self.sq.read_at(self.fetched % self.sq_entries * ENTRY_BYTES, &mut entry.0);
        self.fetched += 1;
        self.in_flight.push(entry);
        true
    }

    fn entry(&self, submission: &Sqe) -> Cqe {
        let mut entry = Cqe::new();
        entry.set_cid(submission.cid()).set_sqid(PAIR.into()).set_status(Status::Ok.code());
        entry.set_sq_head((self.fetched % self.sq_entries) as u64);
        // Something of the submission, to see that the right one is answered.
        entry.set_t_doorbell(submission.lba());
        entry.set_phase(u64::from((self.posted / self.cq_entries).is_multiple_of(2)));
        entry
    }

    fn post(&mut self, entry: &Cqe) {
        self.cq.write_at(self.posted % self.cq_entries * ENTRY_BYTES, &entry.0);
        self.posted += 1;
    }

    fn complete(&mut self, which: usize) {
        let submission = self.in_flight.remove(which % self.in_flight.len());
        let entry = self.entry(&submission);
        self.post(&entry);
    }
}

fn submission(lba: u64) -> Sqe {
    let mut entry = Sqe::new();
    entry.set_opcode(2).set_lun(1).set_blocks(1).set_lba(lba).set_iova(lba << 12).set_cid(0xdead);
    entry
}

fn push(engine: &mut QueuePair, lba: u64) -> Option<CommandId> {
    engine.push(&(&submission(lba)).into(), [None, None])
}

#[derive(Clone, Debug)]
enum Op {
    Push,
    Ring,
    Fetch,
    Complete(usize),
    Poll,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Push),
        2 => Just(Op::Ring),
        4 => Just(Op::Fetch),
        4 => any::<usize>().prop_map(Op::Complete),
        4 => Just(Op::Poll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever the order: each command completes once, as itself; no ring is overrun; everything ends.
    #[test]
    fn every_command_completes_once(
        sq_log2 in 1u32..6,
        cq_log2 in 1u32..6,
        ops in prop::collection::vec(op(), 1..1500),
    ) {
        let (mut card, mut engine) = Card::new(sq_log2, cq_log2);
        let mut waiting = BTreeMap::new();
        let mut next = 1u64;
        let poll = |card: &mut Card, engine: &mut QueuePair, waiting: &mut BTreeMap<CommandId, u64>| {
            if let Some(completion) = engine.poll().unwrap() {
                let lba = waiting.remove(&completion.id()).expect("a command that is in flight");
                assert_eq!(completion.stages().doorbell, lba);
                if let Some(head) = engine.take_head() {
                    card.head_doorbell(head);
                }
            }
        };
        for op in ops {
            match op {
                Op::Push => {
                    let room = engine.room();
                    let id = push(&mut engine, next);
                    assert_eq!(id.is_some(), room > 0);
                    if let Some(id) = id {
                        assert!(waiting.insert(id, next).is_none(), "an identifier that is in use");
                        next += 1;
                    }
                }
                Op::Ring => if let Some(tail) = engine.take_doorbell() { card.doorbell(tail) },
                Op::Fetch => drop(card.fetch()),
                Op::Complete(which) => if !card.in_flight.is_empty() { card.complete(which) },
                Op::Poll => poll(&mut card, &mut engine, &mut waiting),
            }
            assert_eq!(engine.in_flight(), waiting.len());
        }
        // Liveness: with a card that works on, everything ends.
        for _ in 0..4 * (next as usize + 64) {
            if let Some(tail) = engine.take_doorbell() { card.doorbell(tail) }
            card.fetch();
            if !card.in_flight.is_empty() { card.complete(0) }
            poll(&mut card, &mut engine, &mut waiting);
        }
        assert!(waiting.is_empty(), "{waiting:?} never completed");
        assert_eq!(engine.room(), engine.depth().min(card.sq_entries - 1));
    }

    /// Any 64 bytes in the completion queue: no panic, and only a command in flight is ever completed.
    #[test]
    fn noise_is_refused_or_not_there(noise in prop::array::uniform32(any::<u16>()), pushed in 0usize..8) {
        let (mut card, mut engine) = Card::new(3, 3);
        let ids: Vec<_> = (0..pushed.min(7)).map(|i| push(&mut engine, i as u64).unwrap()).collect();
        if let Some(tail) = engine.take_doorbell() { card.doorbell(tail) }
        let mut entry = Cqe::new();
        for (bytes, word) in entry.0.chunks_exact_mut(2).zip(noise) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        card.post(&entry);
        match engine.poll() {
            Ok(Some(completion)) => assert!(ids.contains(&completion.id())),
            Ok(None) => assert_eq!(entry.phase(), 0),
            Err(fault) => assert_eq!((engine.poll(), engine.fault()), (Err(fault), Some(fault))),
        }
    }
}

#[test]
fn submissions_are_as_given_but_for_the_identifier() {
    let (mut card, mut engine) = Card::new(2, 2);
    let id = push(&mut engine, 0x1234_5678_9abc).unwrap();
    card.doorbell(engine.take_doorbell().unwrap());
    assert!(card.fetch());
    let mut expected = submission(0x1234_5678_9abc);
    expected.set_cid(id.raw().into());
    assert_eq!(card.in_flight[0], expected);
    assert_eq!(engine.take_doorbell(), None, "one doorbell is enough");
}

/// One command in flight, fetched; the entry that would complete it.
fn one_in_flight() -> (Card, QueuePair, CommandId, Cqe) {
    let (mut card, mut engine) = Card::new(4, 4);
    let id = push(&mut engine, 7).unwrap();
    card.doorbell(engine.take_doorbell().unwrap());
    assert!(card.fetch());
    let entry = card.entry(&card.in_flight[0]);
    (card, engine, id, entry)
}

fn fault_of(entry: &Cqe, card: &mut Card, engine: &mut QueuePair) -> QueueFault {
    card.post(entry);
    let fault = engine.poll().expect_err("a fault");
    assert_eq!(engine.poll(), Err(fault), "a queue that has stopped stays so");
    fault
}

#[test]
fn an_entry_of_the_other_phase_is_not_there() {
    let (mut card, mut engine, id, mut entry) = one_in_flight();
    entry.set_phase(0);
    card.post(&entry);
    assert_eq!(engine.poll(), Ok(None));
    assert!(engine.is_in_flight(id));
}

#[test]
fn all_ones_is_a_device_that_is_gone() {
    let (mut card, mut engine, ..) = one_in_flight();
    assert_eq!(fault_of(&Cqe([0xff; 64]), &mut card, &mut engine), QueueFault::AllOnes);
}

#[test]
fn an_entry_of_another_queue_is_a_fault() {
    let (mut card, mut engine, _, mut entry) = one_in_flight();
    entry.set_sqid(4);
    assert_eq!(fault_of(&entry, &mut card, &mut engine), QueueFault::WrongQueue { found: 4 });
}

#[test]
fn a_command_that_is_not_in_flight_is_a_fault() {
    let (mut card, mut engine, id, mut entry) = one_in_flight();
    let cid = id.raw() ^ 1;
    entry.set_cid(cid.into());
    assert_eq!(fault_of(&entry, &mut card, &mut engine), QueueFault::NotInFlight { cid });
}

#[test]
fn a_completion_that_comes_twice_is_a_fault() {
    let (mut card, mut engine, id, entry) = one_in_flight();
    card.post(&entry);
    assert_eq!(engine.poll().unwrap().unwrap().id(), id);
    assert_eq!(fault_of(&entry, &mut card, &mut engine), QueueFault::NotInFlight { cid: id.raw() });
}

/// With as many commands in flight as the completion ring has entries, the card can fetch one more for each that is taken.
#[test]
fn a_full_queue_keeps_flowing() {
    let (mut card, mut engine) = Card::new(5, 5);
    for i in 0..31 {
        push(&mut engine, i).unwrap();
    }
    card.doorbell(engine.take_doorbell().unwrap());
    while card.fetch() {}
    for i in 31..300 {
        card.complete(0);
        engine.poll().unwrap().unwrap();
        if let Some(head) = engine.take_head() {
            card.head_doorbell(head);
        }
        push(&mut engine, i).unwrap();
        card.doorbell(engine.take_doorbell().unwrap());
        assert!(card.fetch(), "command {i} cannot be fetched: the card knows of no free entry for its completion");
    }
}

#[test]
fn a_completion_of_an_earlier_use_of_the_place_is_a_fault() {
    // One command at a time: the same place again and again.
    let (mut card, mut engine) = Card::new(1, 1);
    assert_eq!(engine.depth(), 1);
    let mut first = None;
    for i in 0..2 {
        push(&mut engine, i).unwrap();
        card.doorbell(engine.take_doorbell().unwrap());
        assert!(card.fetch());
        first.get_or_insert(card.in_flight[0]);
        if i == 0 {
            card.complete(0);
            engine.poll().unwrap().unwrap();
            card.head_doorbell(engine.take_head().unwrap());
        }
    }
    let stale = card.entry(&first.unwrap());
    assert!(matches!(fault_of(&stale, &mut card, &mut engine), QueueFault::NotInFlight { .. }));
}

#[test]
fn a_head_past_the_doorbell_is_a_fault() {
    let (mut card, mut engine, _, mut entry) = one_in_flight();
    push(&mut engine, 8).unwrap();
    entry.set_sq_head(2);
    let fault = fault_of(&entry, &mut card, &mut engine);
    assert_eq!(fault, QueueFault::BadHead { head: 2, from: 0, to: 1 });
}

#[test]
fn a_head_outside_the_ring_is_a_fault() {
    let (mut card, mut engine, _, mut entry) = one_in_flight();
    entry.set_sq_head(17);
    assert_eq!(fault_of(&entry, &mut card, &mut engine), QueueFault::BadHead { head: 17, from: 0, to: 1 });
}

#[test]
fn an_unknown_status_is_a_fault() {
    let (mut card, mut engine, _, mut entry) = one_in_flight();
    entry.set_status(0x7f);
    assert_eq!(fault_of(&entry, &mut card, &mut engine), QueueFault::UnknownStatus { code: 0x7f });
}

#[test]
fn memory_stays_mapped_until_the_completion_is_taken() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Count(AtomicUsize);
    impl Unmap for Count {
        fn unmap(&self, _: u64, _: usize) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let unmapped = Arc::new(Count(AtomicUsize::new(0)));
    let count = || unmapped.0.load(Ordering::Relaxed);
    let buffer = || DmaBuffer::new(Arc::new(SharedMemory::new(4096).unwrap()), 0, unmapped.clone());
    let (mut card, mut engine) = Card::new(5, 5);
    // More buffers than the queue keeps by, two for each command.
    for lba in 0..20 {
        let (data, aux) = (buffer(), buffer());
        engine.push(&(&submission(lba)).into(), [Some(&data), Some(&aux)]).unwrap();
    }
    card.doorbell(engine.take_doorbell().unwrap());
    while card.fetch() {}
    assert_eq!(count(), 0);
    for _ in 0..20 {
        card.complete(0);
        engine.poll().unwrap().unwrap();
    }
    engine.forget_idle_buffers();
    assert_eq!(count(), 40);
}

#[test]
fn memory_that_two_commands_use_stays_mapped_until_both_have_ended() {
    use std::sync::atomic::{AtomicBool, Ordering};
    struct Flag(AtomicBool);
    impl Unmap for Flag {
        fn unmap(&self, _: u64, _: usize) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let unmapped = Arc::new(Flag(AtomicBool::new(false)));
    let buffer = DmaBuffer::new(Arc::new(SharedMemory::new(4096).unwrap()), 0, unmapped.clone());
    let (mut card, mut engine) = Card::new(2, 2);
    for lba in 0..2 {
        engine.push(&(&submission(lba)).into(), [Some(&buffer), None]).unwrap();
    }
    drop(buffer);
    card.doorbell(engine.take_doorbell().unwrap());
    while card.fetch() {}
    for ended in [false, true] {
        engine.forget_idle_buffers();
        assert!(!unmapped.0.load(Ordering::Relaxed), "{} have ended", u8::from(ended));
        card.complete(0);
        engine.poll().unwrap().unwrap();
    }
    engine.forget_idle_buffers();
    assert!(unmapped.0.load(Ordering::Relaxed));
}

#[test]
fn an_abandoned_command_is_dropped_when_it_completes() {
    let (mut card, mut engine, id, entry) = one_in_flight();
    assert!(engine.abandon(id));
    assert_eq!(engine.in_flight(), 1);
    card.post(&entry);
    assert_eq!(engine.poll(), Ok(None));
    assert_eq!(engine.in_flight(), 0);
    assert!(!engine.abandon(id));
}
