//! QEMU's control socket (`docs/interop/qmp-spec.rst` of QEMU).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub struct Qmp {
    reader: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects to a QEMU; nothing, when it does not listen yet.
    ///
    /// # Errors
    /// When it does not answer as QEMU does.
    pub fn connect(socket: &Path) -> Result<Option<Self>> {
        let Ok(stream) = UnixStream::connect(socket) else { return Ok(None) };
        stream.set_read_timeout(Some(PATIENCE)).context("QMP")?;
        let mut qmp = Self { reader: BufReader::new(stream) };
        let greeting = qmp.receive()?;
        if greeting.get("QMP").is_none() {
            bail!("QEMU greets with {greeting}");
        }
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(Some(qmp))
    }

    /// Has a command executed; what it returned.
    ///
    /// # Errors
    /// What QEMU says, and when it says nothing.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let text = json!({ "execute": command, "arguments": arguments }).to_string();
        self.reader.get_mut().write_all(text.as_bytes()).with_context(|| format!("asking QEMU to {command}"))?;
        loop {
            let mut answer = self.receive().with_context(|| format!("asking QEMU to {command}"))?;
            if let Some(error) = answer.get("error") {
                bail!("asking QEMU to {command}: {error}");
            }
            // What else comes are events.
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn receive(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.reader.read_line(&mut line).context("QEMU does not answer")? == 0 {
            bail!("QEMU has closed its control socket");
        }
        serde_json::from_str(&line).with_context(|| format!("QEMU says {line}"))
    }
}
