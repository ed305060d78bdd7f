//! A QEMU with the guest in it, at one site.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::console::Console;
use super::guest::Guest;
use super::qmp::Qmp;
use super::wait;
use crate::kernel::parts::Parts;

/// Longest time for QEMU to listen.
const START: Duration = Duration::from_secs(60);
/// Longest time for a move.
const MOVE: Duration = Duration::from_secs(180);
/// Longest time for QEMU to end.
const END: Duration = Duration::from_secs(60);
/// The guest's memory in MiB.
const MEMORY_MIB: u32 = 128;

/// What every machine of a run is made of.
pub struct Host<'a> {
    /// QEMU.
    pub parts: &'a Parts,
    /// What it boots.
    pub guest: &'a Guest,
    /// Where its lines go.
    pub console: &'a Console,
    /// For sockets: a short path.
    pub sockets: &'a Path,
    /// For what QEMU complains of.
    pub logs: &'a Path,
}

/// A QEMU. It is killed when dropped.
pub struct Machine {
    name: String,
    child: Child,
    keyboard: ChildStdin,
    qmp: Qmp,
}

/// What QEMU says of a move that is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// The guest stood still, in ms.
    pub pause_ms: u64,
    /// From the beginning to the end, in ms.
    pub total_ms: u64,
    /// Of the guest's memory and devices; of its disk, nothing.
    pub bytes: u64,
}

impl Machine {
    /// Starts one, called `name`, with the disk that the NBD server on the socket `disk` exports. It boots, or waits for a
    /// guest that comes by the socket `incoming`.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn start(host: &Host<'_>, name: &str, disk: &Path, incoming: Option<&Path>) -> Result<Self> {
        let control = host.sockets.join(format!("{name}.qmp"));
        let log = host.logs.join(format!("qemu-{name}.log"));
        let mut command = host.parts.qemu();
        // Emulated, always; the processor is one that any host's QEMU has.
        command.args(["-M", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", &MEMORY_MIB.to_string()]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        command.arg("-kernel").arg(&host.guest.kernel).arg("-initrd").arg(&host.guest.initramfs);
        // A host that is busy keeps the guest's timers waiting for longer than its kernel believes in.
        command.args(["-append", "console=ttyS0 quiet panic=-1 no_timer_check nowatchdog"]);
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", control.display()));
        // Past any cache of QEMU's: what the guest has been told is written, the card has said so.
        let server = json!({ "type": "unix", "path": disk });
        let cache = json!({ "direct": true, "no-flush": false });
        let node = json!({ "driver": "nbd", "node-name": "disk", "export": "dyad", "server": server, "cache": cache });
        command.arg("-blockdev").arg(node.to_string());
        // The other site's QEMU has the same disk: the guest runs in one of them at a time.
        let blocks = "logical_block_size=4096,physical_block_size=4096";
        command.arg("-device").arg(format!("virtio-blk-pci,drive=disk,share-rw=on,write-cache=on,{blocks}"));
        if let Some(socket) = incoming {
            command.arg("-incoming").arg(unix(socket));
        }
        let errors = File::create(&log).with_context(|| format!("can't create {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().context("can't start QEMU")?;
        let (keyboard, line) = (child.stdin.take().context("a pipe")?, child.stdout.take().context("a pipe")?);
        host.console.listen(line);
        let connected = wait(&format!("QEMU {name} listens"), START, || match child.try_wait()? {
            Some(status) => bail!("QEMU {name} has ended ({status}): {}", tail(&log)),
            None => Qmp::connect(&control),
        });
        match connected {
            Ok(qmp) => Ok(Self { name: name.to_owned(), child, keyboard, qmp }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Moves the guest, while it runs, to a machine that waits for it on `socket`.
    ///
    /// # Errors
    /// When it does not get there.
    pub fn send(&mut self, socket: &Path) -> Result<Moved> {
        self.qmp.execute("migrate", &json!({ "uri": unix(socket) }))?;
        let (qmp, name) = (&mut self.qmp, &self.name);
        wait(&format!("the move from {name}"), MOVE, || {
            let told = qmp.execute("query-migrate", &json!({}))?;
            match told["status"].as_str() {
                Some("completed") => Ok(Some(moved(&told))),
                Some("failed" | "cancelled") => bail!("the move from {name}: {told}"),
                _ => Ok(None),
            }
        })
    }

    /// Waits until the guest runs here.
    ///
    /// # Errors
    /// When it does not.
    pub fn runs(&mut self) -> Result<()> {
        let (qmp, name) = (&mut self.qmp, &self.name);
        wait(&format!("the guest runs at {name}"), MOVE, || {
            let told = qmp.execute("query-status", &json!({}))?;
            Ok((told["running"] == true).then_some(()))
        })
    }

    /// Types a line.
    ///
    /// # Errors
    /// When QEMU has ended.
    pub fn type_line(&mut self, text: &str) -> Result<()> {
        writeln!(self.keyboard, "{text}").and_then(|()| self.keyboard.flush()).context("typing to the guest")
    }

    /// Ends QEMU, whose guest is elsewhere.
    ///
    /// # Errors
    /// When it does not end.
    pub fn quit(mut self) -> Result<()> {
        self.qmp.execute("quit", &json!({}))?;
        self.ended()
    }

    /// Waits until QEMU has ended by itself.
    ///
    /// # Errors
    /// When it does not, or not well.
    pub fn ended(mut self) -> Result<()> {
        let (child, name) = (&mut self.child, &self.name);
        let status = wait(&format!("QEMU {name} ends"), END, || Ok(child.try_wait()?))?;
        if !status.success() {
            bail!("QEMU {name} has ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unix(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

fn moved(told: &Value) -> Moved {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    Moved {
        pause_ms: number(&told["downtime"]),
        total_ms: number(&told["total-time"]),
        bytes: number(&told["ram"]["transferred"]),
    }
}

/// The end of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_qemu_says_of_a_move_is_read() {
        let told =
            json!({ "status": "completed", "downtime": 38, "total-time": 812, "ram": { "transferred": 9_000_000 } });
        assert_eq!(moved(&told), Moved { pause_ms: 38, total_ms: 812, bytes: 9_000_000 });
        assert_eq!(moved(&json!({})), Moved::default());
    }
}
