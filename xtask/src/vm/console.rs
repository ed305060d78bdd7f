//! What the guest's program says on its serial line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

/// What the guest has said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// It has begun.
    pub begun: bool,
    /// Blocks read that held what was last written to them.
    pub verified: u64,
    /// Blocks written.
    pub written: u64,
    /// Blocks read that held something else.
    pub bad: u64,
    /// It has ended, and this is the digest of what its disk must hold.
    pub digest: Option<u64>,
    /// What went wrong: its own words.
    pub errors: Vec<String>,
}

impl Said {
    /// Takes a line in; lines of others are left alone, but for the kernel's complaints.
    fn hear(&mut self, line: &str) {
        let Some((_, text)) = line.split_once("dyad-guest ") else {
            if line.contains("Kernel panic") || line.contains("I/O error") {
                self.errors.push(line.trim().to_owned());
            }
            return;
        };
        let mut words = text.split_whitespace();
        match words.next() {
            Some("begin") => self.begun = true,
            Some("at" | "end") => words.for_each(|word| self.count(word)),
            _ => self.errors.push(text.trim().to_owned()),
        }
    }

    fn count(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else { return };
        match (name, value.parse()) {
            ("verified", Ok(number)) => self.verified = number,
            ("written", Ok(number)) => self.written = number,
            ("bad", Ok(number)) => self.bad = number,
            ("digest", _) => self.digest = u64::from_str_radix(value, 16).ok(),
            _ => {}
        }
    }
}

/// The guest's console, wherever the guest runs.
#[derive(Clone)]
pub struct Console {
    said: Arc<Mutex<Said>>,
    log: Arc<File>,
}

impl Console {
    /// With all lines kept in the file `log`.
    ///
    /// # Errors
    /// When that can't be made.
    pub fn new(log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("can't create {}", log.display()))?;
        Ok(Self { said: Arc::default(), log: Arc::new(file) })
    }

    /// Listens to a machine's serial line until it is closed.
    pub fn listen(&self, line: impl Read + Send + 'static) {
        let console = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(line);
            let mut bytes = Vec::new();
            while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&bytes);
                let _ = writeln!(&*console.log, "{}", text.trim_end());
                console.said.lock().unwrap_or_else(PoisonError::into_inner).hear(&text);
                bytes.clear();
            }
        });
    }

    /// What the guest has said so far.
    pub fn said(&self) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_heard() {
        let mut said = Said::default();
        for line in ["[    0.1] Linux\r", "dyad-guest begin blocks=256\r", "dyad-guest at verified=7 written=8 bad=0\r"]
        {
            said.hear(line);
        }
        let expected = Said { begun: true, verified: 7, written: 8, ..Said::default() };
        assert_eq!(said, expected);
        said.hear("dyad-guest end verified=9 written=8 bad=1 digest=00000000000000ff");
        assert_eq!((said.verified, said.bad, said.digest), (9, 1, Some(255)));
        said.hear("dyad-guest bad block=3 version=4");
        said.hear("[    9.1] I/O error, dev vda, sector 0");
        assert_eq!(said.errors.len(), 2);
    }
}
