//! Programs that run in the background while something is measured. They end with the value that holds them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Longest time for a program to start.
const START: Duration = Duration::from_secs(60);
/// Longest time for it to end after it was asked to.
const END: Duration = Duration::from_secs(30);

/// A program in the background.
pub struct Service {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `command`; what it says goes to `log`. Returns when the socket `ready` is there.
    ///
    /// # Errors
    /// When it can't be started, ends at once, or makes no socket within a minute. The message has what it said.
    pub fn start(mut command: Command, log: &Path, ready: &Path) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("can't start {name}"))?;
        let mut service = Self { name, child, log: log.to_owned() };
        let start = Instant::now();
        while !ready.exists() {
            if let Some(status) = service.child.try_wait()? {
                bail!("{} ended ({status}) before it was ready:\n{}", service.name, service.said());
            }
            if start.elapsed() > START {
                bail!("{} was not ready within {} s:\n{}", service.name, START.as_secs(), service.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(service)
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end (SIGTERM), and waits.
    ///
    /// # Errors
    /// When it does not end, or with an error.
    pub fn end(mut self) -> Result<()> {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -TERM \"$1\"", "kill"]).arg(self.child.id().to_string());
        kill.stderr(Stdio::null()).status().context("can't send a signal")?;
        let start = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.said()),
                None if start.elapsed() > END => bail!("{} did not end within {} s", self.name, END.as_secs()),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_early_is_told_with_what_it_said() {
        let log = std::env::temp_dir().join(format!("dyad-xtask-service-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such disk; exit 3"]);
        let error = Service::start(command, &log, Path::new("/nonexistent/socket")).err().unwrap().to_string();
        assert!(error.contains("no such disk") && error.contains('3'), "{error}");
        let ready = log.with_extension("ready");
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'exit 0' TERM; : > \"$1\"; while :; do sleep 0.01; done", "sh"]).arg(&ready);
        Service::start(command, &log, &ready).unwrap().end().unwrap();
        for file in [log, ready] {
            std::fs::remove_file(file).unwrap();
        }
    }
}
