//! What the driver pays for submitting and completing, against a card in memory that answers within the doorbell write.
//! The card's own work (it reads and writes whole entries) is in the figures. They are of this thread's processor time, so
//! that what else the machine does is not.
#![allow(unsafe_code)]
#![allow(missing_docs, reason = "what criterion's macro makes has none")]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dyad_driver::backing::{Backing, memory::Memory};
use dyad_driver::{Device, QueueConfig, Status};

const BATCH: u64 = 32;

/// This thread's processor time.
struct CpuTime;

fn cpu_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live local.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) }, 0);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        cpu_time()
    }
    fn end(&self, start: Duration) -> Duration {
        cpu_time() - start
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn submit(c: &mut Criterion<CpuTime>) {
    let device = Device::open(Memory::null()).expect("a card in memory");
    let mut queue = device.create_queue(&QueueConfig::default()).expect("a queue");
    let buffer = device.backing().dma_alloc(BATCH as usize * 4096).expect("memory");
    let slices: Vec<_> = (0..BATCH as usize).map(|i| buffer.slice(i * 4096..(i + 1) * 4096)).collect();
    let mut group = c.benchmark_group("submit_and_complete");

    group.throughput(Throughput::Elements(1));
    group.bench_function("one_at_a_time", |b| {
        let mut lba = 0;
        b.iter(|| {
            lba = (lba + 1) % 65536;
            let id = queue.submit_write(1, lba, 1, black_box(&slices[0])).expect("room");
            queue.ring();
            let completion = queue.poll().expect("a working queue").expect("an answer");
            assert!(completion.id() == id && completion.status() == Status::Ok);
        });
    });

    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("batch_of_32", |b| {
        let mut lba = 0;
        b.iter(|| {
            for slice in black_box(&slices) {
                lba = (lba + 1) % 65536;
                queue.submit_write(1, lba, 1, slice).expect("room");
            }
            queue.ring();
            for _ in 0..BATCH {
                let completion = queue.poll().expect("a working queue").expect("an answer");
                assert!(completion.status() == Status::Ok);
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = submit
}
criterion_main!(benches);
