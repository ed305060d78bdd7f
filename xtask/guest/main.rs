//! What runs in the guest of `cargo xtask demo-vm`: it writes and verifies a disk, all the time, until it reads `stop`.
//!
//! It keeps in memory how often it has written each block. Each step chooses a block, reads it past the page cache, compares
//! it with what was last written there, and writes it anew; now and then it has the disk flush. What it says on standard
//! output, a line each, all beginning with `dyad-guest`:
//!
//! | line | when |
//! |---|---|
//! | `begin blocks=N` | at first |
//! | `at verified=N written=N bad=N` | four times a second |
//! | `bad block=B version=V` | a block did not hold what was last written to it |
//! | `end verified=N written=N bad=N digest=X` | after `stop`: every block was read once more; the digest is of what the disk must hold, by memory and not by the disk |
//!
//! Nothing but the standard library: it is compiled by one call of rustc, statically.

#[allow(clippy::duplicate_mod, reason = "the host has it as well")]
mod pattern;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pattern::{BLOCK_BYTES, EMPTY, digest, fill, step};

/// Past the page cache (x86-64).
const O_DIRECT: i32 = 0x4000;
/// Steps from one flush to the next.
const FLUSH_EVERY: u64 = 16;

struct Disk {
    file: File,
    /// For each block, how often it was written.
    versions: Vec<u64>,
    /// A block, at an address that is a multiple of its size.
    memory: Vec<u8>,
    verified: u64,
    written: u64,
    bad: u64,
}

impl Disk {
    fn open(path: &str, blocks: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(O_DIRECT).open(path)?;
        let memory = vec![0; 2 * BLOCK_BYTES];
        Ok(Self { file, versions: vec![0; blocks], memory, verified: 0, written: 0, bad: 0 })
    }

    fn aligned(&mut self) -> &mut [u8] {
        let skip = self.memory.as_ptr().align_offset(BLOCK_BYTES);
        &mut self.memory[skip..skip + BLOCK_BYTES]
    }

    /// Reads a block, and compares it with what was last written there.
    fn verify(&mut self, block: u64) -> io::Result<()> {
        let (file, version) = (self.file.try_clone()?, self.versions[block as usize]);
        let mut expected = [0; BLOCK_BYTES];
        fill(block, version, &mut expected);
        let memory = self.aligned();
        file.read_exact_at(memory, block * BLOCK_BYTES as u64)?;
        if memory[..] == expected[..] {
            self.verified += 1;
        } else {
            self.bad += 1;
            say(&format!("bad block={block} version={version}"));
        }
        Ok(())
    }

    fn write(&mut self, block: u64) -> io::Result<()> {
        let (file, version) = (self.file.try_clone()?, self.versions[block as usize] + 1);
        let memory = self.aligned();
        fill(block, version, memory);
        file.write_all_at(memory, block * BLOCK_BYTES as u64)?;
        self.versions[block as usize] = version;
        self.written += 1;
        if self.written.is_multiple_of(FLUSH_EVERY) {
            file.sync_data()?;
        }
        Ok(())
    }

    fn counts(&self) -> String {
        format!("verified={} written={} bad={}", self.verified, self.written, self.bad)
    }

    /// What the disk must hold, by memory.
    fn digest(&self) -> u64 {
        let mut bytes = [0; BLOCK_BYTES];
        let blocks = self.versions.iter().enumerate();
        blocks.fold(EMPTY, |state, (block, version)| {
            fill(block as u64, *version, &mut bytes);
            digest(state, &bytes)
        })
    }
}

/// A line for the host. Nobody there any more is no reason to end.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "dyad-guest {text}");
}

fn work(path: &str, blocks: usize, stop: &AtomicBool) -> io::Result<()> {
    let mut disk = Disk::open(path, blocks)?;
    say(&format!("begin blocks={blocks}"));
    let (mut dice, mut told) = (0x2545_f491_4f6c_dd1d, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        dice = step(dice);
        let block = (dice >> 20) % blocks as u64;
        disk.verify(block)?;
        disk.write(block)?;
        if told.elapsed() >= Duration::from_millis(250) {
            say(&format!("at {}", disk.counts()));
            told = Instant::now();
        }
    }
    disk.file.sync_data()?;
    (0..blocks as u64).try_for_each(|block| disk.verify(block))?;
    say(&format!("end {} digest={:016x}", disk.counts(), disk.digest()));
    Ok(())
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(blocks)) = (args.next(), args.next().and_then(|blocks| blocks.parse().ok())) else {
        return say("error: give a device and how many blocks of it to use");
    };
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if line.trim() == "stop" {
                told.store(true, Ordering::Relaxed);
            }
        }
    });
    if let Err(error) = work(&path, blocks, &stop) {
        say(&format!("error: {path}: {error}"));
    }
}
