//! `dyad serve`, with both sites simulated, and its two stores.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use dyad_spec::BLOCK_BYTES;
use dyad_spec::superblock::RESERVED_BLOCKS;
use serde::Deserialize;

use super::pattern::{EMPTY, digest};
use super::wait;
use crate::process::Process;

/// Longest time for the server to end.
const END: Duration = Duration::from_secs(120);

/// Longest time for a change of owner: the cards are simulated.
const OWNER: Duration = Duration::from_secs(120);

/// What `dyad owner` says of a change.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Owned {
    /// Extents that have another owner now.
    pub moved: u64,
    /// Cycles of the card that took the LUN over, from its doorbell to the completion.
    pub cycles: u64,
    /// The same in nanoseconds.
    pub ns: u64,
}

/// A server, killed when dropped.
pub struct Exports {
    child: Child,
    /// The exports' sockets: site a's, site b's.
    pub sockets: [PathBuf; 2],
    dyad: PathBuf,
    control: PathBuf,
    stores: [PathBuf; 2],
    log: PathBuf,
    blocks: u64,
}

impl Exports {
    /// Starts `dyad`, with new stores in `dir` for a LUN of `blocks` blocks, sites `km` apart, and sockets in `sockets`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(dyad: &Path, dir: &Path, sockets: &Path, blocks: u64, km: f64) -> Result<Self> {
        let stores = ["a", "b"].map(|site| dir.join(format!("{site}.img")));
        for store in &stores {
            match std::fs::remove_file(store) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("can't remove {}", store.display()));
                }
                _ => {}
            }
        }
        let sockets = ["a", "b"].map(|site| sockets.join(format!("{site}.nbd")));
        let control = sockets[0].with_file_name("control");
        let log = dir.join("serve.log");
        let mut command = Command::new(dyad);
        command.args(["serve", "--json", "--sim", "--size", &(blocks * BLOCK_BYTES as u64).to_string()]);
        command.args(["--km", &km.to_string(), "--control"]).arg(&control);
        for (site, (socket, store)) in ["a", "b"].into_iter().zip(sockets.iter().zip(&stores)) {
            command.arg(format!("--site-{site}")).arg(format!("nbd+unix:///?socket={}", socket.display()));
            command.arg(format!("--store-{site}")).arg(store);
        }
        let errors = File::create(&log).with_context(|| format!("can't create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().with_context(|| format!("can't start {}", dyad.display()))?;
        let output = child.stdout.take().context("a pipe")?;
        let exports = Self { child, sockets, dyad: dyad.to_owned(), control, stores, log, blocks };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("reading what dyad serve says")?;
        ensure!(line.contains("exports"), "dyad serve does not come up: {}", exports.log());
        Ok(exports)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait().context("looking at dyad serve")? {
            Some(status) => bail!("dyad serve has ended ({status}): {}", self.log()),
            None => Ok(()),
        }
    }

    /// Makes `site` the owner of the whole LUN, as a user would: `dyad owner --move-to`.
    ///
    /// # Errors
    /// What that says.
    pub fn own(&self, site: &str) -> Result<Owned> {
        let mut owner = Command::new(&self.dyad);
        owner.args(["owner", "--json", "--move-to", site, "--control"]).arg(&self.control);
        let text = Process::new(owner, OWNER).output().with_context(|| format!("making site {site} the owner"))?;
        serde_json::from_str(&text).with_context(|| format!("dyad owner says {text}"))
    }

    /// Ends it as a user would; digests of what the stores hold of the LUN, a's and b's.
    ///
    /// # Errors
    /// When it does not end well, or a store can't be read.
    pub fn finish(mut self) -> Result<[u64; 2]> {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -TERM \"$1\"", "kill", &self.child.id().to_string()]);
        ensure!(kill.status().is_ok_and(|status| status.success()), "can't end dyad serve");
        let child = &mut self.child;
        let status = wait("dyad serve ends", END, || Ok(child.try_wait()?))?;
        ensure!(status.success(), "dyad serve has ended with {status}: {}", self.log());
        let [a, b] = &self.stores;
        Ok([self.read(a)?, self.read(b)?])
    }

    /// The digest of the LUN as a store has it.
    fn read(&self, store: &Path) -> Result<u64> {
        let reading = || format!("reading {}", store.display());
        let mut file = File::open(store).with_context(reading)?;
        file.seek(SeekFrom::Start(RESERVED_BLOCKS * BLOCK_BYTES as u64)).with_context(reading)?;
        let mut block = [0; BLOCK_BYTES];
        (0..self.blocks).try_fold(EMPTY, |state, _| {
            file.read_exact(&mut block).with_context(reading)?;
            Ok(digest(state, &block))
        })
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
