//! What QEMU offers for two copies: its quorum driver and its mirror job, over two NBD legs that nbdkit serves from memory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::service::Service;

/// Longest time for a mirror to have copied its legs.
const MIRROR_DEADLINE: Duration = Duration::from_secs(60);

/// One of the two stores: memory behind an NBD server of its own.
pub struct Leg {
    /// Where it listens.
    pub socket: PathBuf,
    log: Option<PathBuf>,
    _service: Service,
}

impl Leg {
    /// Of `bytes` bytes, all zero; with `logged`, each request is written down, which takes time.
    ///
    /// # Errors
    /// When nbdkit does not start.
    pub fn start(dir: &Path, name: &str, bytes: u64, logged: bool) -> Result<Self> {
        let socket = dir.join(format!("{name}.sock"));
        let log = logged.then(|| dir.join(format!("{name}.requests")));
        let mut command = Command::new("nbdkit");
        command.args(["--foreground", "--unix"]).arg(&socket);
        if log.is_some() {
            command.arg("--filter=log");
        }
        command.args(["memory".to_owned(), bytes.to_string()]);
        if let Some(log) = &log {
            command.arg(format!("logfile={}", log.display()));
        }
        let service = Service::start(command, &dir.join(format!("{name}.log")), &socket)?;
        Ok(Self { socket, log, _service: service })
    }

    /// What has come so far.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn seen(&self) -> Result<Seen> {
        let Some(log) = &self.log else { bail!("the leg keeps no log") };
        let text = std::fs::read_to_string(log).with_context(|| format!("can't read {}", log.display()))?;
        Ok(Seen::of(&text))
    }
}

/// Requests that a leg has had.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// Writes.
    pub writes: u32,
    /// Of which with FUA.
    pub fua: u32,
    /// Flushes.
    pub flushes: u32,
}

impl Seen {
    /// From the text that nbdkit's log filter writes: a line when a request begins, and another when it ends.
    fn of(text: &str) -> Self {
        let mut seen = Self::default();
        for line in text.lines() {
            // An end is written as `...Write`: another word.
            let has = |word: &str| line.split_whitespace().any(|found| found == word);
            seen.writes += u32::from(has("Write"));
            seen.fua += u32::from(has("Write") && has("fua=1"));
            seen.flushes += u32::from(has("Flush"));
        }
        seen
    }

    /// What came since an earlier look.
    pub fn since(self, before: Self) -> Self {
        Self { writes: self.writes - before.writes, fua: self.fua - before.fua, flushes: self.flushes - before.flushes }
    }
}

/// A site's QEMU (its storage daemon: the same block layer, with no guest), exporting a disk that it keeps on two legs.
pub struct Site {
    /// Where its export listens; the export has no name.
    pub socket: PathBuf,
    _service: Service,
}

fn daemon(legs: [&Leg; 2]) -> Command {
    let mut command = Command::new("qemu-storage-daemon");
    for (leg, name) in legs.iter().zip(["leg0", "leg1"]) {
        let path = leg.socket.display();
        command.args(["--blockdev", &format!("driver=nbd,node-name={name},server.type=unix,server.path={path}")]);
    }
    command
}

fn export(command: &mut Command, socket: &Path, node: &str) {
    command.args(["--nbd-server", &format!("addr.type=unix,addr.path={}", socket.display())]);
    command.args(["--export", &format!("type=nbd,id=export,node-name={node},name=,writable=on")]);
}

/// A site with a quorum of two over both legs.
///
/// # Errors
/// When QEMU does not start.
pub fn quorum(dir: &Path, name: &str, legs: [&Leg; 2]) -> Result<Site> {
    let socket = dir.join(format!("{name}.sock"));
    let mut command = daemon(legs);
    command.args(["--blockdev", "driver=quorum,node-name=disk,vote-threshold=2,children.0=leg0,children.1=leg1"]);
    export(&mut command, &socket, "disk");
    let service = Service::start(command, &dir.join(format!("{name}.log")), &socket)?;
    Ok(Site { socket, _service: service })
}

/// A site that writes to its near leg, the first, and mirrors to its far leg before it acknowledges (`write-blocking`).
///
/// # Errors
/// When QEMU does not start, or the mirror does not become ready.
pub fn mirror(dir: &Path, name: &str, legs: [&Leg; 2]) -> Result<Site> {
    let (socket, monitor) = (dir.join(format!("{name}.sock")), dir.join(format!("{name}.qmp")));
    let mut command = daemon(legs);
    export(&mut command, &socket, "leg0");
    command.args(["--chardev", &format!("socket,id=qmp,server=on,wait=off,path={}", monitor.display())]);
    command.args(["--monitor", "chardev=qmp"]);
    let service = Service::start(command, &dir.join(format!("{name}.log")), &monitor)?;
    let mut monitor = Monitor::connect(&monitor)?;
    monitor.run(r#"{"execute": "qmp_capabilities"}"#)?;
    monitor.run(
        r#"{"execute": "blockdev-mirror", "arguments": {"job-id": "mirror", "device": "leg0", "target": "leg1",
            "sync": "full", "copy-mode": "write-blocking"}}"#,
    )?;
    let start = Instant::now();
    // Counted as an event or seen in the list of jobs, whichever comes first.
    while !monitor.run(r#"{"execute": "query-jobs"}"#)?.contains(r#""status": "ready""#) {
        if start.elapsed() > MIRROR_DEADLINE {
            bail!("QEMU's mirror was not ready within {} s:\n{}", MIRROR_DEADLINE.as_secs(), service.said());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Site { socket, _service: service })
}

/// QEMU's monitor (QMP): a line of JSON in, a line of JSON out.
struct Monitor {
    lines: BufReader<UnixStream>,
}

impl Monitor {
    fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).context("connecting to QEMU's monitor")?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut monitor = Self { lines: BufReader::new(stream) };
        monitor.line()?;
        Ok(monitor)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).context("waiting for QEMU's monitor")?;
        Ok(line)
    }

    /// Has a command carried out; its answer.
    fn run(&mut self, command: &str) -> Result<String> {
        let line = command.replace('\n', " ") + "\n";
        self.lines.get_mut().write_all(line.as_bytes()).context("writing to QEMU's monitor")?;
        loop {
            let line = self.line()?;
            if line.contains("\"error\":") || line.is_empty() {
                bail!("QEMU refused `{command}`: {line}");
            }
            if line.contains("\"return\":") {
                return Ok(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_when_they_begin() {
        let text = "2026-01-01 10:00:00.1 connection=1 Connect export=\"\" size=0x400000 write=1 flush=1 fua=native ...\n\
                    2026-01-01 10:00:00.2 connection=1 Write id=1 offset=0x0 count=0x1000 fua=1 ...\n\
                    2026-01-01 10:00:00.2 connection=1 ...Write id=1 return=0 (Success)\n\
                    2026-01-01 10:00:00.3 connection=1 Write id=2 offset=0x0 count=0x1000 fua=0 ...\n\
                    2026-01-01 10:00:00.3 connection=1 ...Write id=2 return=0 (Success)\n\
                    2026-01-01 10:00:00.4 connection=1 Flush id=3 ...\n\
                    2026-01-01 10:00:00.4 connection=1 ...Flush id=3 return=0 (Success)\n";
        let seen = Seen::of(text);
        assert_eq!(seen, Seen { writes: 2, fua: 1, flushes: 1 });
        assert_eq!(seen.since(seen), Seen::default());
    }
}
