//! The virtual machine, and the simulator that plays its cards.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::parts::Parts;

/// The cards by the names of their sockets, in the order of their PCI addresses.
pub const CARDS: [&str; 2] = ["a", "b"];
/// The simulator ends by itself after so many seconds, whatever becomes of us.
const SIM_SECONDS: &str = "360";
/// Longest time until the simulator offers its sockets.
const SIM_DEADLINE: Duration = Duration::from_secs(60);

/// A folder for sockets. Not in the checkout: a socket's path may have 107 bytes at most.
pub struct SocketDir(PathBuf);

impl SocketDir {
    /// A new one.
    pub fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("dyad-kernel-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("can't create {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `dyad sim`, ended when this is dropped.
pub struct Cards {
    child: Child,
    /// Kept open: a program that writes to a closed pipe ends.
    _output: Option<BufReader<ChildStdout>>,
}

impl Cards {
    /// Starts the simulator and waits until it offers its sockets.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(dyad: &Path, sockets: &Path, log: &Path) -> Result<Self> {
        let log_file = File::create(log).with_context(|| format!("can't create {}", log.display()))?;
        let mut command = simulator(dyad, sockets);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file);
        let mut child = command.spawn().with_context(|| format!("can't start {}", dyad.display()))?;
        let output = child.stdout.take();
        let mut cards = Self { child, _output: None };
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = output.map(BufReader::new);
            let mut line = String::new();
            let said = output.as_mut().is_some_and(|output| output.read_line(&mut line).is_ok_and(|n| n > 0));
            // Nobody waits any more when it was too late.
            let _ = send.send((said, output));
        });
        match receive.recv_timeout(SIM_DEADLINE) {
            Ok((true, output)) => cards._output = output,
            _ => {
                drop(cards);
                bail!("`dyad sim` offers no cards: {}", fs::read_to_string(log).unwrap_or_default().trim());
            }
        }
        Ok(cards)
    }
}

impl Drop for Cards {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn simulator(dyad: &Path, sockets: &Path) -> Command {
    let mut command = Command::new(dyad);
    command
        .args(["sim", "--km", "0", "--store-mib", "64", "--seconds", SIM_SECONDS, "--json", "--socket-dir"])
        .arg(sockets);
    command
}

/// A machine with an IOMMU whose PCI devices are the cards.
pub struct Machine<'a> {
    /// QEMU and the kernel.
    pub parts: &'a Parts,
    /// The guest's file system.
    pub initramfs: PathBuf,
    /// Where the cards' sockets are.
    pub sockets: PathBuf,
}

impl Machine<'_> {
    /// QEMU, with the guest's serial line on standard output.
    pub fn command(&self) -> Command {
        let mut qemu = self.parts.qemu();
        // The cards reach the guest's memory by its file descriptor. Interrupts are remapped, as vfio-pci wants it.
        qemu.args(["-accel", "tcg", "-machine", "q35,kernel-irqchip=split,memory-backend=memory", "-smp", "1"]);
        qemu.args(["-m", "256M", "-object", "memory-backend-memfd,id=memory,size=256M,share=on"]);
        qemu.args(["-device", "intel-iommu,intremap=on,caching-mode=on"]);
        for (slot, card) in (1..).zip(CARDS) {
            qemu.arg("-device").arg(format!("pcie-root-port,id=port-{card},chassis={slot},slot={slot}"));
        }
        for card in CARDS {
            let socket = self.sockets.join(format!("{card}.sock"));
            // The time-out, in milliseconds, of a message: a simulated card is slow.
            let device = serde_json::json!({
                "driver": "vfio-user-pci",
                "bus": format!("port-{card}"),
                "socket": { "type": "unix", "path": socket },
                "x-msg-timeout": 60000,
            });
            qemu.arg("-device").arg(device.to_string());
        }
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-serial", "stdio"]);
        qemu.arg("-no-reboot").arg("-kernel").arg(&self.parts.vmlinuz).arg("-initrd").arg(&self.initramfs);
        // The kernel would test its timer against a loop, and panic where QEMU has to share its processor.
        qemu.args(["-append", "console=ttyS0 quiet panic=-1 intel_iommu=on no_timer_check"]);
        qemu
    }

    /// The same as a script for people: starts the cards, then the machine.
    pub fn script(&self, dyad: &Path) -> String {
        let line = |command: &Command| {
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
        };
        format!(
            "#!/bin/sh\n# The virtual machine of the last `cargo xtask test --kernel`.\nset -e\n{} &\n\
             trap 'kill $!' EXIT\nuntil [ -S {} ]; do sleep 0.1; done\ntimeout 300 {}\n",
            line(&simulator(dyad, &self.sockets)),
            quoted(&self.sockets.join("b.sock").to_string_lossy()),
            line(&self.command())
        )
    }
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_shell() {
        assert_eq!(quoted("-m=1,2"), "-m=1,2");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_folder_for_sockets_goes_with_its_owner() {
        let dir = SocketDir::new().unwrap();
        let path = dir.path().to_owned();
        assert!(path.is_dir() && path.as_os_str().len() < 90, "{}", path.display());
        drop(dir);
        assert!(!path.exists());
    }
}
