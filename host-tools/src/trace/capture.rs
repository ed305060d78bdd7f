//! Captures the simulated link in the order of time.
//!
//! A monitor sees a frame when its last beat has been sent; a capture has them by their first. So each waits until none can
//! come that began before it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use dyad_sim::Site;
use dyad_sim::link::Seen;
use dyad_sim::pcap::Pcap;

use crate::simulator::Simulator;

/// Longest time that a frame is on the line, in cycles, with much to spare.
const LONGEST_FRAME_CYCLES: u64 = 1 << 16;

/// A capture that goes on.
pub struct Capture {
    path: PathBuf,
    frames: Arc<Mutex<Frames>>,
}

impl Capture {
    /// Captures both directions of a simulator's link from now on.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn begin(path: &Path, simulator: &Simulator) -> Result<Self> {
        let making = || format!("making the capture {}; choose a place that can be written to", path.display());
        let out = Out(Arc::new(Mutex::new(BufWriter::new(File::create(path).with_context(making)?))));
        let pcap = Pcap::new(out.clone(), 1_000_000_000 / simulator.config.clock_khz).with_context(making)?;
        let frames = Frames { waiting: BinaryHeap::new(), count: 0, pcap, out, result: Ok(()) };
        let frames = Arc::new(Mutex::new(frames));
        let mut world = simulator.bench.world_mut();
        for site in Site::ALL {
            let frames = Arc::clone(&frames);
            let add = move |seen: &Seen| frames.lock().unwrap_or_else(PoisonError::into_inner).add(seen);
            world.wire_mut(site).monitor(Box::new(add));
        }
        Ok(Self { path: path.to_owned(), frames })
    }

    /// Completes the file; how many frames it has.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn finish(self) -> Result<u64> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.write_before(u64::MAX);
        let written = std::mem::replace(&mut frames.result, Ok(()));
        written.and_then(|()| frames.out.flush()).with_context(|| {
            format!("writing the capture {}; make room, or choose another place", self.path.display())
        })?;
        Ok(frames.count)
    }
}

struct Frames {
    /// By first beat, then by arrival here.
    waiting: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    count: u64,
    pcap: Pcap<Out>,
    out: Out,
    /// Of the first frame that could not be written, if there was one.
    result: io::Result<()>,
}

impl Frames {
    fn add(&mut self, seen: &Seen) {
        self.waiting.push(Reverse((seen.start, self.count, seen.bytes.to_vec())));
        self.count += 1;
        self.write_before(seen.end.saturating_sub(LONGEST_FRAME_CYCLES));
    }

    fn write_before(&mut self, cycle: u64) {
        while let Some(Reverse((start, ..))) = self.waiting.peek()
            && *start < cycle
            && self.result.is_ok()
        {
            if let Some(Reverse((start, _, bytes))) = self.waiting.pop() {
                self.result = self.pcap.frame(start, &bytes);
            }
        }
    }
}

/// The file, which the capture's writer and its end share.
#[derive(Clone)]
struct Out(Arc<Mutex<BufWriter<File>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
