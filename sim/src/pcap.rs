//! A capture of the link's frames that Wireshark and tcpdump read (pcap with nanoseconds, link type Ethernet).

use crate::link::{Monitor, Seen};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Writes frames to a capture file.
pub struct Pcap<W: Write> {
    out: W,
    picoseconds: u64,
}

impl<W: Write> Pcap<W> {
    /// Begins a capture; a cycle is `picoseconds` long.
    ///
    /// # Errors
    /// When the header can't be written.
    pub fn new(mut out: W, picoseconds: u64) -> io::Result<Self> {
        out.write_all(&0xa1b2_3c4d_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0])?;
        // Zone and accuracy, then the longest frame, then Ethernet.
        for word in [0u32, 0, 0x4_0000, 1] {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, picoseconds })
    }

    /// Adds a frame whose first beat was sent in `cycle`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn frame(&mut self, cycle: u64, bytes: &[u8]) -> io::Result<()> {
        let nanoseconds = u128::from(cycle) * u128::from(self.picoseconds) / 1000;
        let (seconds, rest) = ((nanoseconds / 1_000_000_000) as u32, (nanoseconds % 1_000_000_000) as u32);
        for word in [seconds, rest, bytes.len() as u32, bytes.len() as u32] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(bytes)
    }
}

/// Makes a capture file and one monitor for each direction of the link. The file is complete when both are dropped.
///
/// # Errors
/// When the file can't be made.
pub fn monitors(path: &Path, picoseconds: u64) -> io::Result<[Monitor; 2]> {
    let pcap = Arc::new(Mutex::new(Pcap::new(BufWriter::new(File::create(path)?), picoseconds)?));
    Ok([pcap.clone(), pcap].map(|pcap| -> Monitor {
        let mut failed = false;
        Box::new(move |seen: &Seen| {
            let Ok(mut pcap) = pcap.lock() else { return };
            if !failed && pcap.frame(seen.start, seen.bytes).is_err() {
                failed = true;
                eprintln!("the capture file can't be written; no more frames are captured");
            }
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        let mut out = Vec::new();
        let mut pcap = Pcap::new(&mut out, 6400).unwrap();
        pcap.frame(1_000_000_000, b"abc").unwrap();
        assert_eq!(out.len(), 24 + 16 + 3);
        assert_eq!(out[..8], [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(out[20..24], [1, 0, 0, 0]);
        let words: Vec<_> = out[24..40].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!(words, [6, 400_000_000, 3, 3]);
        assert_eq!(&out[40..], b"abc");
    }
}
