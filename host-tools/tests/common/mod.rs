//! What the tests of the program share: a temporary folder, and the program itself.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::Duration;

/// Longest time for a call that ends by itself: one that goes on instead, as a server that was to be refused, is killed.
const DEADLINE: Duration = Duration::from_secs(300);

/// A folder that is gone after the test.
pub struct Folder(PathBuf);

impl Folder {
    /// With a name that no other test uses.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dyad-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Path of a file in it.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Makes a file in it.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A call of the program.
pub fn dyad(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dyad"));
    command.args(arguments);
    command
}

/// Runs a call to its end.
pub fn output(command: &mut Command) -> Output {
    use std::process::Stdio;
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let (ended, waits) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let late = waits.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
        late
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!watch.join().unwrap(), "{command:?} went on for {DEADLINE:?}: {err}");
    output
}

/// Runs a call that must succeed; its standard output.
pub fn succeeds(command: &mut Command) -> String {
    let output = output(command);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {err}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a call that must fail with `code`; its standard error, which is an error message and no panic.
pub fn fails(command: &mut Command, code: i32) -> String {
    let output = output(command);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {err}");
    assert!(err.contains("error: ") && !err.contains("panicked"), "{command:?}: {err}");
    err
}

/// Text as JSON.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Ends a program that would go on by itself.
pub struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A simulator in a process of its own, and its two sockets.
pub fn cards_on_sockets(arguments: &[&str]) -> (Running, [String; 2]) {
    let mut child = dyad(arguments).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let running = Running(child);
    let sockets = json(&line)["sockets"].clone();
    (running, [0, 1].map(|site| sockets[site].as_str().unwrap().to_owned()))
}

/// The same, with both stores formatted and a LUN of 1 MiB.
pub fn cards_with_lun(folder: &Folder) -> (Running, [String; 2]) {
    let dir = folder.path("sockets");
    let (running, sockets) =
        cards_on_sockets(&["sim", "--socket-dir", &dir, "--km", "0", "--store-mib", "2", "--json"]);
    let both = ["--socket", &sockets[0], "--socket", &sockets[1]];
    succeeds(dyad(&["lun", "format"]).args(both));
    succeeds(dyad(&["lun", "create", "--mib", "1", "--store-size-mib", "2"]).args(both));
    (running, sockets)
}
