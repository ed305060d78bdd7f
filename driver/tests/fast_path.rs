//! What the fast path does not do: allocate, enter the kernel, read registers, or write more than one of them a batch.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use dyad_driver::backing::{Backing, memory::Memory};
use dyad_driver::{Device, DmaSlice, Queue, QueueConfig, Status};

const BATCH: usize = 32;
const BATCHES: usize = 1000;
/// Entries of the completion queue.
const ENTRIES: usize = 256;

/// Counts what this thread allocates: the harness has threads of its own.
struct Counting;

thread_local! {
    static COUNTED: AtomicU64 = const { AtomicU64::new(0) };
}

// SAFETY: everything is handed on to the system's allocator as it is; counting touches a thread-local that needs neither
// memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTED.with(|n| n.fetch_add(1, Ordering::Relaxed));
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        COUNTED.with(|n| n.fetch_add(1, Ordering::Relaxed));
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    COUNTED.with(|n| n.load(Ordering::Relaxed))
}

type Card = Rc<Memory>;

fn set_up() -> (Card, Device<Card>, Queue<Card>, Vec<DmaSlice>) {
    let card = Rc::new(Memory::null());
    let device = Device::open(card.clone()).unwrap();
    let config = QueueConfig { cq_log2: ENTRIES.ilog2(), ..QueueConfig::default() };
    let queue = device.create_queue(&config).unwrap();
    let buffers = [card.dma_alloc(BATCH * 4096).unwrap(), card.dma_alloc(BATCH * 4096).unwrap()];
    let slice = |i: usize| buffers[i % 2].slice(i * 4096..(i + 1) * 4096);
    let slices = (0..BATCH).map(slice).collect();
    (card, device, queue, slices)
}

/// Submits and completes batches; `false` when anything is not as it should be. Panics nowhere, as one of the tests runs it
/// where it could not be told.
fn go(queue: &mut Queue<Card>, slices: &[DmaSlice], batches: usize) -> bool {
    for batch in 0..batches {
        for (i, slice) in slices.iter().enumerate() {
            let lba = (batch * BATCH + i) as u64;
            let submitted =
                if i % 2 == 0 { queue.submit_write(1, lba, 1, slice) } else { queue.submit_read(1, lba, 1, slice) };
            if submitted.is_err() {
                return false;
            }
        }
        queue.ring();
        for _ in slices {
            match queue.poll() {
                Ok(Some(completion)) if completion.status() == Status::Ok => {}
                _ => return false,
            }
        }
    }
    true
}

#[test]
fn no_allocation() {
    let (_card, _device, mut queue, slices) = set_up();
    let before = allocations();
    assert!(go(&mut queue, &slices, BATCHES));
    assert_eq!(allocations() - before, 0);
    // The counter counts.
    drop(std::hint::black_box(Box::new(5)));
    assert_eq!(allocations() - before, 2);
}

#[test]
fn one_register_write_a_batch_and_no_read() {
    let (card, _device, mut queue, slices) = set_up();
    let before = card.accesses();
    assert!(go(&mut queue, &slices, BATCHES));
    let after = card.accesses();
    assert_eq!(after.reads - before.reads, 0);
    assert_eq!(after.waits - before.waits, 0);
    // One for each batch, and one for each half of the completion queue.
    let writes = BATCHES + BATCHES * BATCH / (ENTRIES / 2);
    assert_eq!(after.writes - before.writes, writes as u64);
}

/// Under seccomp's strict mode the kernel kills a process for any system call but `read`, `write` and its own end. A lock that
/// is waited for would be one, too.
#[test]
fn no_system_call() {
    let (_card, _device, mut queue, slices) = set_up();
    let mut run = |extra: fn()| {
        // SAFETY: the child touches its own copy of memory, allocates nothing (so no lock of another thread can be met), and
        // ends by a system call of its own.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: plain system calls.
            unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) };
            extra();
            let code = libc::c_long::from(!go(&mut queue, &slices, BATCHES));
            // SAFETY: as above; `_exit` would use a call that strict mode does not allow.
            unsafe { libc::syscall(libc::SYS_exit, code) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: `status` is a live local.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        status
    };
    assert_eq!(run(|| ()), 0, "killed for a system call, or a wrong completion");
    // The sandbox bites.
    let status = run(|| {
        // SAFETY: a plain system call.
        unsafe { libc::syscall(libc::SYS_getppid) };
    });
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL, "status {status:#x}");
}
