//! What all peers are asked: writes one at a time, timed; both copies read back and compared; hosts at both sites that write the
//! same blocks at the same time.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::nbd::Client;
use super::udp::{Store, Writer};
use super::{BLOCK, BLOCKS};

/// A host at one site.
pub trait Host: Send {
    /// Writes a block; it is on both copies when this returns.
    ///
    /// # Errors
    /// When it is not.
    fn write(&mut self, block: u64, data: &[u8]) -> Result<()>;
}

/// One of the two copies, read where it lies.
pub trait Replica {
    /// A block of it.
    ///
    /// # Errors
    /// When it can't be read.
    fn read(&mut self, block: u64) -> Result<Vec<u8>>;
}

/// A host whose disk is an NBD export.
pub struct NbdHost {
    /// The connection.
    pub client: Client,
    /// Whether each write asks for FUA.
    pub fua: bool,
}

impl Host for NbdHost {
    fn write(&mut self, block: u64, data: &[u8]) -> Result<()> {
        self.client.write(block * BLOCK as u64, data, self.fua)
    }
}

impl Host for Writer {
    fn write(&mut self, block: u64, data: &[u8]) -> Result<()> {
        Writer::write(self, block, data)
    }
}

impl Replica for Client {
    fn read(&mut self, block: u64) -> Result<Vec<u8>> {
        let mut data = vec![0; BLOCK];
        Client::read(self, block * BLOCK as u64, &mut data)?;
        Ok(data)
    }
}

impl Replica for Store {
    fn read(&mut self, block: u64) -> Result<Vec<u8>> {
        Ok(Store::read(self, block))
    }
}

/// Latencies of writes one at a time, by the nearest rank.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Half took no longer.
    pub p50: Duration,
    /// 99 % took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// A block that no other write has: of this host, in this round, at this place.
fn content(host: u8, round: u32, block: u64) -> Vec<u8> {
    let word = u64::from(host) << 56 | u64::from(round) << 32 | block;
    word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(BLOCK / 8)
}

/// Writes `count` blocks one at a time, after a tenth as many that are not counted, and reads both copies back: each must be
/// what was written.
///
/// # Errors
/// When a write fails, or a copy is not right.
pub fn time(host: &mut dyn Host, copies: &mut [Box<dyn Replica>; 2], count: u32) -> Result<Latency> {
    let mut took = Vec::with_capacity(count as usize);
    let warmup = count / 10;
    let mut last = vec![None; BLOCKS as usize];
    for index in 0..warmup + count {
        let block = u64::from(index) * 389 % BLOCKS;
        let data = content(0, index, block);
        let start = Instant::now();
        host.write(block, &data)?;
        if index >= warmup {
            took.push(start.elapsed());
        }
        last[block as usize] = Some(index);
    }
    for (site, copy) in copies.iter_mut().enumerate() {
        for (block, index) in (0..BLOCKS).zip(&last) {
            let expected = index.map_or_else(|| vec![0; BLOCK], |index| content(0, index, block));
            ensure!(copy.read(block)? == expected, "block {block} of copy {site} is not what was written");
        }
    }
    took.sort_unstable();
    let rank = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
    Ok(Latency { p50: rank(50), p99: rank(99), max: rank(100) })
}

/// What a race ended with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Race {
    /// Blocks that both hosts wrote at the same time.
    pub raced: u32,
    /// Of which the copies differ now, though every write was acknowledged.
    pub differ: u32,
    /// Of which a copy has what neither host wrote.
    pub torn: u32,
}

/// Has both hosts write the same `each` blocks, one after the other, in each of `rounds` rounds; then compares the copies.
///
/// # Errors
/// When a write fails, or a copy can't be read.
pub fn race(hosts: [&mut dyn Host; 2], copies: &mut [Box<dyn Replica>; 2], rounds: u32, each: u32) -> Result<Race> {
    let mut race = Race { raced: 0, differ: 0, torn: 0 };
    let [first, second] = hosts;
    for round in 1..=rounds {
        let blocks = || (0..each).map(u64::from);
        let start = Barrier::new(2);
        let run = |host: &mut dyn Host, number: u8| -> Result<()> {
            start.wait();
            blocks().try_for_each(|block| host.write(block, &content(number, round, block)))
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run(second, 2));
            let one = run(first, 1);
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            one.and(other).context("racing")
        })?;
        for block in blocks() {
            let [a, b] = [copies[0].read(block)?, copies[1].read(block)?];
            let known = [content(1, round, block), content(2, round, block)];
            race.raced += 1;
            race.differ += u32::from(a != b);
            race.torn += u32::from(!known.contains(&a) || !known.contains(&b));
        }
    }
    Ok(race)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::udp::Site;

    /// A host that writes to one store alone, or to both.
    struct Memory(Vec<Site>, usize);

    impl Host for &Memory {
        fn write(&mut self, block: u64, data: &[u8]) -> Result<()> {
            let mut writer = self.0[0].writer(&self.0[self.1])?;
            writer.write(block, data)
        }
    }

    #[test]
    fn copies_that_differ_are_found() {
        for far in [1, 0] {
            let memory = Memory(vec![Site::start().unwrap(), Site::start().unwrap()], far);
            let mut copies: [Box<dyn Replica>; 2] =
                [0, 1].map(|at| Box::new(memory.0[at].store.clone()) as Box<dyn Replica>);
            let timed = time(&mut &memory, &mut copies, 20);
            assert_eq!(timed.is_ok(), far == 1, "a copy that was not written is not right: {timed:?}");
        }
    }

    #[test]
    fn content_is_the_writers_own() {
        let of = |host, round, block| content(host, round, block);
        assert_ne!(of(1, 1, 1), of(2, 1, 1));
        assert_ne!(of(1, 1, 1), of(1, 2, 1));
        assert_ne!(of(1, 1, 1), of(1, 1, 2));
    }
}
