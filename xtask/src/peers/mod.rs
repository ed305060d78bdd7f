//! Dyad beside what a user would pick instead, on this machine: QEMU's quorum and QEMU's mirror over two NBD legs, and a dual
//! write by UDP with both ends polling.
//!
//! | file | holds |
//! |---|---|
//! | `nbd.rs` | the client that all NBD exports are measured with |
//! | `qemu.rs` | legs, quorum, mirror |
//! | `udp.rs` | the dual write by UDP |
//! | `dyad.rs` | the simulated cards: `dyad bench`, and `dyad serve` before the same client |
//! | `race.rs` | what all are asked: timed writes, both copies compared, racing hosts |
//! | `report.rs` | the tables |
//! | `service.rs` | programs in the background |
//!
//! Measured and simulated figures never share a row. It must never hold a figure that was not taken in this run.

mod dyad;
mod nbd;
mod qemu;
mod race;
mod report;
mod service;
mod udp;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::repo::Repo;
use nbd::Client;
use qemu::{Leg, Seen};
use race::{Host, Latency, NbdHost, Race, Replica};
pub use report::text;

/// Bytes of a block, and blocks of a disk.
const BLOCK: usize = 4096;
const BLOCKS: u64 = 1024;
/// Blocks that both hosts write in each round of a race.
const RACED: u32 = 64;

/// How much to do.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Writes that are timed.
    pub writes: u32,
    /// Rounds of the races.
    pub rounds: u32,
}

/// Requests of a host whose way to the legs is watched.
pub const ASKED: u32 = 10;

/// What each leg, the near one first, had of [`ASKED`] requests of one kind.
pub type Reached = [Seen; 2];

/// What one of the others did.
pub struct Measured {
    /// What it is.
    pub name: &'static str,
    /// How it was built.
    pub how: String,
    /// Writes one at a time.
    pub write: Latency,
    /// The same with FUA, where there is such a thing.
    pub fua: Option<Latency>,
    /// What the legs saw of writes with FUA, and of flushes.
    pub reached: Option<[Reached; 2]>,
    /// Both sites' hosts on the same blocks.
    pub race: Race,
}

/// Measures the others, and the simulated cards.
///
/// # Errors
/// When a program can't be run, or a copy is not what was written.
pub fn run(repo: &Repo, effort: Effort) -> Result<(Vec<Measured>, dyad::Simulated)> {
    let dir = Folder::new()?;
    let say = |what: &str| eprintln!("xtask: peers: {what}");
    let kinds: [(&'static str, Build); 2] = [("QEMU quorum", qemu::quorum), ("QEMU mirror", qemu::mirror)];
    let mut others = Vec::new();
    for (name, build) in kinds {
        say(name);
        others.push(qemu_peer(dir.path(), name, build, effort).with_context(|| name.to_owned())?);
    }
    say("UDP");
    others.push(udp_peer(effort).context("UDP")?);
    say("Dyad's cards, simulated");
    Ok((others, dyad::run(repo, dir.path(), effort)?))
}

/// Makes a site's disk from its near leg and its far one.
type Build = fn(&Path, &str, [&Leg; 2]) -> Result<qemu::Site>;

fn legs(dir: &Path, logged: bool) -> Result<[Leg; 2]> {
    let leg = |name: &str| Leg::start(dir, name, BLOCK as u64 * BLOCKS, logged);
    Ok([leg("leg-a")?, leg("leg-b")?])
}

fn replicas(legs: &[Leg; 2]) -> Result<[Box<dyn Replica>; 2]> {
    Ok([Box::new(Client::connect(&legs[0].socket, "")?), Box::new(Client::connect(&legs[1].socket, "")?)])
}

fn qemu_peer(dir: &Path, name: &'static str, build: Build, effort: Effort) -> Result<Measured> {
    // Each part has a folder of its own: a program that is still ending must not hold the next one's sockets.
    let slug = name.replace(' ', "-");
    let part = |part: &str| -> Result<PathBuf> {
        let path = dir.join(format!("{slug}-{part}"));
        std::fs::create_dir_all(&path).with_context(|| format!("can't make {}", path.display()))?;
        Ok(path)
    };
    let (write, fua) = {
        let dir = part("time")?;
        let legs = legs(&dir, false)?;
        let site = build(&dir, "site-a", [&legs[0], &legs[1]])?;
        let timed = |fua| -> Result<Latency> {
            let mut host = NbdHost { client: Client::connect(&site.socket, "")?, fua };
            race::time(&mut host, &mut replicas(&legs)?, effort.writes)
        };
        (timed(false)?, timed(true)?)
    };
    let reached = {
        let dir = part("flush")?;
        let legs = legs(&dir, true)?;
        let site = build(&dir, "site-a", [&legs[0], &legs[1]])?;
        let mut client = Client::connect(&site.socket, "")?;
        let mut ask = |one: &dyn Fn(&mut Client, u32) -> Result<()>| -> Result<Reached> {
            let before = [legs[0].seen()?, legs[1].seen()?];
            (0..ASKED).try_for_each(|index| one(&mut client, index))?;
            Ok([legs[0].seen()?.since(before[0]), legs[1].seen()?.since(before[1])])
        };
        let fua = ask(&|client, index| client.write(u64::from(index) * BLOCK as u64, &[1; BLOCK], true))?;
        // A flush with nothing to flush may rightly be left out.
        let flush = ask(&|client, index| {
            client.write(u64::from(index) * BLOCK as u64, &[2; BLOCK], false)?;
            client.flush()
        })?;
        [fua, flush]
    };
    let race = {
        let dir = part("race")?;
        let legs = legs(&dir, false)?;
        // Each site's own leg is its near one.
        let a = build(&dir, "site-a", [&legs[0], &legs[1]])?;
        let b = build(&dir, "site-b", [&legs[1], &legs[0]])?;
        let host = |site: &qemu::Site| -> Result<NbdHost> {
            Ok(NbdHost { client: Client::connect(&site.socket, "")?, fua: false })
        };
        let (mut a, mut b) = (host(&a)?, host(&b)?);
        race::race([&mut a, &mut b], &mut replicas(&legs)?, effort.rounds, RACED)?
    };
    let how = "qemu-storage-daemon over two nbdkit memory legs, Unix sockets".to_owned();
    Ok(Measured { name, how, write, fua: Some(fua), reached: Some(reached), race })
}

fn udp_peer(effort: Effort) -> Result<Measured> {
    let start = || -> Result<[udp::Site; 2]> { Ok([udp::Site::start()?, udp::Site::start()?]) };
    let copies = |sites: &[udp::Site; 2]| -> [Box<dyn Replica>; 2] {
        [Box::new(sites[0].store.clone()), Box::new(sites[1].store.clone())]
    };
    let sites = start()?;
    // One way only: the near site's listener would poll for nothing on a processor that the others need.
    let write = {
        let mut host = sites[0].writer(&sites[1])?;
        sites[0].stop();
        race::time(&mut host, &mut copies(&sites), effort.writes)?
    };
    drop(sites);
    let sites = start()?;
    let (mut a, mut b) = (sites[0].writer(&sites[1])?, sites[1].writer(&sites[0])?);
    let hosts: [&mut dyn Host; 2] = [&mut a, &mut b];
    let race = race::race(hosts, &mut copies(&sites), effort.rounds, RACED)?;
    let how = format!(
        "polling threads, loopback; two CRC32C by table take {:.1} µs of each write",
        udp::checksum_time().as_secs_f64() * 1e6
    );
    Ok(Measured { name: "UDP dual write", how, write, fua: None, reached: None, race })
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("dyad-peers-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("can't make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
