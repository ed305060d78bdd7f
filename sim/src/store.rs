//! The local store: memory behind the card's store bus, or an image file.

use crate::axi::Target;
use crate::card::Response;
use crate::host_mem::write_strobed;
use crate::sparse::Sparse;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::ops::Range;

/// Answers a flush request after a latency.
#[derive(Debug)]
pub struct FlushLine {
    /// Cycles from the request to its answer, at least 1.
    pub latency: u64,
    /// Flushes answered.
    pub count: u64,
    /// The flushes, counted from 0, that answer with an error.
    pub failing: Vec<u64>,
    state: FlushState,
}

#[derive(Debug, PartialEq, Eq)]
enum FlushState {
    Idle,
    Due(u64),
    /// The answer is on the pins, with or without error.
    Answer(bool),
}

impl FlushLine {
    /// A line with that latency.
    ///
    /// # Panics
    /// When it is 0.
    pub fn new(latency: u64) -> Self {
        assert!(latency > 0, "a flush takes at least a cycle");
        Self { latency, count: 0, failing: Vec::new(), state: FlushState::Idle }
    }

    /// `store_flush_ack` and `store_flush_err` of this cycle.
    #[inline]
    pub fn pins(&self) -> (bool, bool) {
        match self.state {
            FlushState::Answer(error) => (true, error),
            _ => (false, false),
        }
    }

    /// One clock edge, at the end of `cycle`, in which the card drove `request`.
    #[inline]
    pub fn step(&mut self, cycle: u64, request: bool) {
        match self.state {
            FlushState::Idle if request => self.state = FlushState::Due(cycle + self.latency),
            FlushState::Idle => return,
            // The card sees the answer in this cycle and takes its request back in the next.
            FlushState::Answer(_) => self.state = FlushState::Idle,
            FlushState::Due(_) => {}
        }
        if let FlushState::Due(due) = self.state
            && due <= cycle + 1
        {
            self.state = FlushState::Answer(self.failing.contains(&self.count));
            self.count += 1;
        }
    }

    /// When it next does something; `None` when no flush is under way.
    pub fn next_event(&self, cycle: u64) -> Option<u64> {
        match self.state {
            FlushState::Idle => None,
            FlushState::Due(due) => Some(due.max(cycle)),
            FlushState::Answer(_) => Some(cycle),
        }
    }

    /// Forgets the request.
    pub fn reset(&mut self) {
        self.state = FlushState::Idle;
    }
}

/// What is on a site's store.
#[derive(Clone, Debug)]
pub struct Store {
    memory: Sparse,
}

impl Store {
    /// `len_bytes` of zeroes. Blocks take up memory when they are first written.
    ///
    /// # Errors
    /// When the address space is exhausted.
    pub fn new(len_bytes: u64) -> io::Result<Self> {
        Ok(Self { memory: Sparse::anonymous(len_bytes)? })
    }

    /// All of an image file, which the card then writes to.
    ///
    /// # Errors
    /// When the file cannot be mapped for reading and writing.
    pub fn from_file(file: File) -> io::Result<Self> {
        Ok(Self { memory: Sparse::from_file(file)? })
    }

    /// Size in bytes.
    pub fn len(&self) -> u64 {
        self.memory.len()
    }

    /// Whether the size is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file behind it, if there is one.
    pub fn file(&self) -> Option<&File> {
        self.memory.file()
    }

    /// Copies from `offset` on into `bytes`.
    ///
    /// # Panics
    /// When that goes past the end.
    pub fn read_into(&self, offset: u64, bytes: &mut [u8]) {
        self.memory.read(offset, bytes);
    }

    /// Copies `range` out.
    ///
    /// # Panics
    /// When it is not inside, or does not fit in memory.
    pub fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; len_of(&range)];
        self.memory.read(range.start, &mut bytes);
        bytes
    }

    /// SHA-256 of `range`.
    ///
    /// # Panics
    /// When it is not inside.
    pub fn sha256(&self, range: Range<u64>) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut chunk = [0; CHUNK];
        for part in chunks(range) {
            let chunk = &mut chunk[..len_of(&part)];
            self.memory.read(part.start, chunk);
            hash.update(chunk);
        }
        hash.finalize().into()
    }

    /// The first byte of `range` in which two stores differ.
    ///
    /// # Panics
    /// When it is not inside both.
    pub fn first_difference(&self, other: &Self, range: Range<u64>) -> Option<u64> {
        let (mut mine, mut theirs) = ([0; CHUNK], [0; CHUNK]);
        chunks(range).find_map(|part| {
            let len = len_of(&part);
            self.memory.read(part.start, &mut mine[..len]);
            other.memory.read(part.start, &mut theirs[..len]);
            let differs = |index: &usize| mine[*index] != theirs[*index];
            (0..len).find(differs).map(|index| part.start + index as u64)
        })
    }
}

const CHUNK: usize = 16 * 1024;

fn chunks(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    range.clone().step_by(CHUNK).map(move |start| start..range.end.min(start + CHUNK as u64))
}

fn len_of(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).expect("a part of a store that fits in memory")
}

impl Target for Store {
    fn read(&mut self, _cycle: u64, addr: u64, bytes: &mut [u8]) -> Response {
        if !self.inside(addr, bytes.len()) {
            return Response::DecErr;
        }
        self.memory.read(addr, bytes);
        Response::Okay
    }

    fn write(&mut self, _cycle: u64, addr: u64, bytes: &[u8], strb: u128) -> Response {
        if !self.inside(addr, bytes.len()) {
            return Response::DecErr;
        }
        self.memory.write_with(addr, bytes.len(), |memory, at, part| {
            // The strobes of a part: those from its first byte on, and no more than it has bytes.
            let lanes = u128::MAX >> (128 - part.len());
            write_strobed(memory, at, &bytes[part.clone()], strb >> part.start & lanes);
        });
        Response::Okay
    }
}

impl Store {
    fn inside(&self, addr: u64, len: usize) -> bool {
        addr.checked_add(len as u64).is_some_and(|end| end <= self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_compares() {
        let (mut a, mut b) = (Store::new(1 << 20).unwrap(), Store::new(1 << 20).unwrap());
        assert_eq!(a.sha256(0..1 << 20), b.sha256(0..1 << 20));
        assert_eq!(a.write(0, 70_000, &[1, 2, 3, 4], 0b0100), Response::Okay);
        assert_eq!(a.bytes(69_999..70_004), [0, 0, 0, 3, 0]);
        assert_eq!(a.first_difference(&b, 0..1 << 20), Some(70_002));
        assert_eq!(a.first_difference(&b, 0..70_002), None);
        assert_eq!(a.first_difference(&b, 70_003..1 << 20), None);
        assert_ne!(a.sha256(0..1 << 20), b.sha256(0..1 << 20));
        assert_eq!(b.write(0, 70_002, &[3], 1), Response::Okay);
        assert_eq!(a.sha256(5..90_000), b.sha256(5..90_000));
        let whole: [u8; 32] = Sha256::digest(a.bytes(5..90_000)).into();
        assert_eq!(a.sha256(5..90_000), whole);
    }

    #[test]
    fn past_the_end_is_a_bus_error() {
        let mut store = Store::new(8192).unwrap();
        assert_eq!(store.read(0, 8192 - 32, &mut [0; 32]), Response::Okay);
        assert_eq!(store.read(0, 8192 - 31, &mut [0; 32]), Response::DecErr);
        assert_eq!(store.write(0, u64::MAX - 8, &[0; 32], 1), Response::DecErr);
    }

    #[test]
    fn a_file_is_written_through() {
        let path = std::env::temp_dir().join(format!("dyad-store-{}", std::process::id()));
        std::fs::write(&path, [5; 4096]).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut store = Store::from_file(file).unwrap();
        assert_eq!(store.bytes(0..2), [5, 5]);
        store.write(0, 4095, &[6], 1);
        drop(store);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((bytes[4094], bytes[4095]), (5, 6));
    }

    #[test]
    fn flush_is_answered_once_after_its_latency() {
        let mut line = FlushLine::new(5);
        line.failing.push(1);
        let mut answers = Vec::new();
        let mut request = false;
        for cycle in 0..40 {
            if cycle == 3 || cycle == 20 {
                request = true;
            }
            let (ack, error) = line.pins();
            if ack {
                answers.push((cycle, error));
                request = false;
            }
            // The card drops its request one cycle after the answer.
            line.step(cycle, request || ack);
        }
        assert_eq!(answers, [(8, false), (25, true)]);
        assert_eq!(line.count, 2);
        assert_eq!(line.next_event(40), None);
    }
}
