//! The least that software can do: a dual write by UDP, both ends polling. A write goes into the near store and, in one datagram
//! with a CRC32C, to the far site, which checks it, stores it and answers; it is done when the answer is there. No ownership, no
//! lock, no flush: stores are memory.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use crc::{CRC_32_ISCSI, Crc, Table};

use super::{BLOCK, BLOCKS};

const CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
/// Sequence number and block number.
const HEAD: usize = 16;
const FRAME: usize = HEAD + BLOCK + 4;
/// Time after which a datagram is sent again, and after which the peer is taken for dead.
const REPEAT: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(5);
/// Polls in vain after which another thread is let run, where there are more threads than processors.
const POLLS: u32 = 2000;

/// A store in memory.
#[derive(Clone)]
pub struct Store(Arc<Mutex<Vec<u8>>>);

impl Store {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(vec![0; BLOCK * BLOCKS as usize])))
    }

    fn write(&self, block: u64, data: &[u8]) {
        let start = block as usize * BLOCK;
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[start..start + BLOCK].copy_from_slice(data);
    }

    /// A block.
    pub fn read(&self, block: u64) -> Vec<u8> {
        let start = block as usize * BLOCK;
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[start..start + BLOCK].to_vec()
    }
}

/// A site: its store, and a thread that takes what the other site writes.
pub struct Site {
    /// Its store.
    pub store: Store,
    port: u16,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Site {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn start() -> Result<Self> {
        let socket = socket()?;
        let (store, stop) = (Store::new(), Arc::new(AtomicBool::new(false)));
        let port = socket.local_addr()?.port();
        let listener = std::thread::spawn({
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            move || listen(&socket, &store, &stop)
        });
        Ok(Self { store, port, stop, listener: Some(listener) })
    }

    /// Takes no more writes from the other site.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What a host at this site writes with, to this store and to the far site's.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn writer(&self, far: &Site) -> Result<Writer> {
        let socket = socket()?;
        socket.connect((Ipv4Addr::LOCALHOST, far.port))?;
        Ok(Writer { store: self.store.clone(), socket, sequence: 0, frame: vec![0; FRAME] })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn socket() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("making a UDP socket")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listen(socket: &UdpSocket, store: &Store, stop: &AtomicBool) {
    let mut frame = [0; FRAME + 1];
    let mut polls = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut frame) else {
            pause(&mut polls);
            continue;
        };
        polls = 0;
        let (sum, block) = (number(&frame[FRAME - 4..FRAME]), number(&frame[8..HEAD]));
        if length == FRAME && sum == u64::from(CRC32C.checksum(&frame[..FRAME - 4])) && block < BLOCKS {
            store.write(block, &frame[HEAD..HEAD + BLOCK]);
            // A lost answer is asked for again.
            let _ = socket.send_to(&frame[..8], from);
        }
    }
}

/// A host that writes.
pub struct Writer {
    store: Store,
    socket: UdpSocket,
    sequence: u64,
    frame: Vec<u8>,
}

impl Writer {
    /// Writes a block to both stores.
    ///
    /// # Errors
    /// When the far site does not answer within five seconds.
    pub fn write(&mut self, block: u64, data: &[u8]) -> Result<()> {
        self.sequence += 1;
        self.store.write(block, data);
        self.frame[..8].copy_from_slice(&self.sequence.to_be_bytes());
        self.frame[8..HEAD].copy_from_slice(&block.to_be_bytes());
        self.frame[HEAD..HEAD + BLOCK].copy_from_slice(data);
        let sum = CRC32C.checksum(&self.frame[..FRAME - 4]);
        self.frame[FRAME - 4..].copy_from_slice(&sum.to_be_bytes());
        let start = Instant::now();
        let mut answer = [0; 8];
        let mut polls = 0;
        while start.elapsed() < DEADLINE {
            // A full socket is a lost datagram.
            let _ = self.socket.send(&self.frame);
            let sent = Instant::now();
            while sent.elapsed() < REPEAT {
                match self.socket.recv(&mut answer) {
                    Ok(8) if u64::from_be_bytes(answer) == self.sequence => return Ok(()),
                    _ => pause(&mut polls),
                }
            }
        }
        bail!("writing by UDP: the far site did not answer within {} s", DEADLINE.as_secs())
    }
}

/// What two checksums of a datagram, one at each end, take of a write.
pub fn checksum_time() -> Duration {
    const ROUNDS: u32 = 2000;
    let frame = vec![0x5a; FRAME - 4];
    let start = Instant::now();
    let sum = (0..ROUNDS).fold(0, |sum, _| sum ^ CRC32C.checksum(std::hint::black_box(&frame)));
    std::hint::black_box(sum);
    start.elapsed() * 2 / ROUNDS
}

fn pause(polls: &mut u32) {
    *polls += 1;
    if polls.is_multiple_of(POLLS) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

/// A number in network order.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_in_both_stores_and_rubbish_in_none() {
        let sites = [Site::start().unwrap(), Site::start().unwrap()];
        let mut writer = sites[0].writer(&sites[1]).unwrap();
        let rubbish = socket().unwrap();
        rubbish.send_to(&[0xff; FRAME], (Ipv4Addr::LOCALHOST, sites[1].port)).unwrap();
        writer.write(3, &[7; BLOCK]).unwrap();
        for site in &sites {
            assert!(site.store.read(3).iter().all(|byte| *byte == 7));
            assert!((0..BLOCKS).filter(|block| *block != 3).all(|block| site.store.read(block) == [0; BLOCK]));
        }
    }
}
