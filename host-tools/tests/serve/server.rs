//! A server for a test, and the programs that use it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::common::{Folder, dyad, json};
use crate::wire::Client;

/// Blocks that a store keeps for itself; the LUN comes after them.
pub const RESERVED_BYTES: usize = 16 * 4096;
/// No server takes longer to end, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that runs, with both exports on sockets in the test's folder.
pub struct Server {
    child: Child,
    /// Address of the export at site a, at site b.
    pub uris: [String; 2],
    /// Sockets of the same.
    pub sockets: [String; 2],
    log: String,
    _turn: Option<Turn>,
}

/// One test's servers at a time: their cards keep two processors busy.
static TAKEN: Mutex<bool> = Mutex::new(false);
static GIVEN_BACK: Condvar = Condvar::new();

struct Turn;

impl Turn {
    fn take() -> Self {
        let mut taken = TAKEN.lock().unwrap();
        while *taken {
            taken = GIVEN_BACK.wait(taken).unwrap();
        }
        *taken = true;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap() = false;
        GIVEN_BACK.notify_one();
    }
}

impl Server {
    /// Both sites, simulated, with a LUN of `size`; and more options.
    pub fn start(folder: &Folder, size: &str, options: &[&str]) -> Self {
        let mut arguments = vec!["--sim", "--km", "1", "--size", size];
        arguments.extend(options);
        Self::start_with(folder, &arguments)
    }

    /// With these options, and the addresses.
    pub fn start_with(folder: &Folder, options: &[&str]) -> Self {
        Self::launch(folder, "log", &[0, 1], options, Some(Turn::take()))
    }

    /// Two servers, each of one site, as there are with boards: `sockets` are the cards'.
    pub fn start_apart(folder: &Folder, sockets: &[String; 2]) -> [Self; 2] {
        Self::start_apart_with(folder, sockets, [&[], &[]])
    }

    /// With more options, a's and b's.
    pub fn start_apart_with(folder: &Folder, sockets: &[String; 2], options: [&[&str]; 2]) -> [Self; 2] {
        let turn = Some(Turn::take());
        // The link comes up when both are there.
        std::thread::scope(|scope| {
            let [a, b] = [0, 1].map(|site: usize| [&["--socket", sockets[site].as_str()], options[site]].concat());
            let b = scope.spawn(move || Self::launch(folder, "log.b", &[1], &b, None));
            [Self::launch(folder, "log", &[0], &a, turn), b.join().unwrap()]
        })
    }

    fn launch(folder: &Folder, log: &str, sites: &[usize], options: &[&str], turn: Option<Turn>) -> Self {
        let sockets = ["a.nbd", "b.nbd"].map(|name| folder.path(name));
        let uris = sockets.clone().map(|socket| format!("nbd+unix:///?socket={socket}"));
        let log = folder.path(log);
        let mut command = dyad(&["serve", "--json", "--log", "debug"]);
        for site in sites {
            command.args([["--site-a", "--site-b"][*site], &uris[*site]]);
        }
        command.args(options).stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server = Self { child, uris, sockets, log, _turn: turn };
        assert!(!line.is_empty(), "{}", server.log());
        let ready = json(&line);
        let names: Vec<_> = sites.iter().map(|site| ["a", "b"][*site]).collect();
        let told = ready["exports"].as_array().unwrap().iter().map(|export| export["site"].as_str().unwrap());
        assert_eq!(told.collect::<Vec<_>>(), names, "{ready}");
        server
    }

    /// What it has told on standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A client of our own at site a (0) or b (1).
    pub fn client(&self, site: usize) -> Client {
        Client::begin(&self.sockets[site])
    }

    /// A connection with nothing said.
    pub fn connect(&self, site: usize) -> std::os::unix::net::UnixStream {
        crate::wire::connect(&self.sockets[site])
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a user would; it must end well.
    pub fn stop(mut self) -> String {
        self.signal("-TERM");
        let status = self.wait();
        let log = self.log();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs an NBD client, which must do well; what it printed.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    // mke2fs and e2fsck are where a user's PATH may not reach.
    command.args(arguments).env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask setup` installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}: {text}{errors}", output.status);
    text
}

/// Runs a script of nbdsh's, connected to `uri`: Debian's Python has the module, another may not.
pub fn nbdsh(uri: &str, script: &str) -> String {
    run("/usr/bin/python3", &["-m", "nbd", "-u", uri, "-c", script])
}

/// `bytes` that look random, and are the same each time.
pub fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes.div_ceil(8)).flat_map(|_| next()).take(bytes).collect()
}

/// The LUN as it stands in a store's file.
pub fn stored(folder: &Folder, store: &str) -> Vec<u8> {
    std::fs::read(folder.path(store)).unwrap().split_off(RESERVED_BYTES)
}
