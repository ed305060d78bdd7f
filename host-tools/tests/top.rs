//! `dyad top` in a terminal: a pseudo-terminal with a screen behind it.

mod common;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{Folder, cards_with_lun, dyad, fails};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longest time that anything may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a terminal of its own.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    fn start(arguments: &[&str], rows: u16, columns: u16) -> Self {
        let pair = native_pty_system().openpty(size(rows, columns)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_dyad"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let (mut output, parser) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                parser.lock().unwrap().process(&bytes[..count]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, keys, child, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&self, rows: u16, columns: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(rows, columns);
        self.master.resize(size(rows, columns)).unwrap();
    }

    /// The screen when it is as it should be.
    fn until(&self, what: &str, right: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if right(&text) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "not seen: {what}\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends with `q`, and gives the terminal back.
    fn quit(mut self) {
        self.press("q");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "q did not end it\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status:?}\n{}", self.text());
        self.until("the screen from before", |text| !text.contains("dyad top"));
        assert!(!self.screen.lock().unwrap().screen().hide_cursor(), "the cursor is back");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn it_is_driven_by_keys_and_fits_80_by_24() {
    let arguments = ["top", "--km", "0", "--store-mib", "2", "--depth", "8", "--loss", "0.05", "--interval", "200"];
    let mut terminal = Terminal::start(&arguments, 40, 120);
    let wide = terminal.until("rates", |text| text.contains("link up") && text.contains("post the completion"));
    assert!(wide.contains("SIMULATED") && wide.contains("blocks written and read a second"), "{wide}");

    terminal.resize(24, 80);
    let small = terminal.until("the smaller screen", |text| {
        text.contains("q quit") && text.contains("post the completion") && !text.contains("blocks written and read")
    });
    assert!(small.lines().count() <= 24 && small.lines().all(|line| line.chars().count() <= 80), "{small}");
    for part in
        ["site a", "site b", "slots in use", "written", "mirrored", "sent again", "p50", "peer's card and store"]
    {
        assert!(small.contains(part), "no {part}\n{small}");
    }
    // Of frames that are lost some are sent again, sooner or later.
    terminal.until("repeats", |text| text.contains("site a: waits") && text.contains("resen"));

    terminal.press("\t");
    terminal.until("the other site", |text| text.contains("site b: waits"));
    terminal.press("p");
    let still = terminal.until("that it stands still", |text| text.contains("PAUSED"));
    thread::sleep(Duration::from_millis(800));
    assert_eq!(terminal.text(), still);
    terminal.press("p");
    terminal.until("that it goes on", |text| !text.contains("PAUSED") && text != still);
    terminal.quit();
}

#[test]
fn cards_that_another_program_drives_are_watched() {
    let folder = Folder::new("top");
    let (_running, [a, b]) = cards_with_lun(&folder);
    let both = ["--socket", &a, "--socket", &b];
    let watched = [&a, &b].map(|socket| socket.replace(".sock", ".watch.sock"));
    let arguments = ["top", "--watch", "--interval", "200", "--socket", &watched[0], "--socket", &watched[1]];
    let terminal = Terminal::start(&arguments, 24, 80);
    terminal.until("that nobody drives them", |text| text.contains("link down") && text.contains("Only looking"));
    let mut bench = dyad(&["bench", "--overwrite", "--count", "10000000", "--depth", "16", "--quiet"]);
    let mut bench = bench.args(both).spawn().unwrap();
    terminal.until("its work", |text| {
        text.contains("link up") && text.lines().any(|line| line.contains("written") && line.contains("k/s"))
    });
    assert!(bench.try_wait().unwrap().is_none(), "it was not disturbed");
    bench.kill().unwrap();
    bench.wait().unwrap();
    terminal.quit();
}

#[test]
fn what_cannot_be_shown_is_said() {
    for (arguments, says) in [
        (vec![], "dyad stats --watch"),
        (vec!["--watch"], "nothing happens on them"),
        (vec!["--store-a", "x", "--store-b", "y"], "--overwrite"),
    ] {
        let text = fails(dyad(&["top"]).args(&arguments), 1);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
    let mut terminal = Terminal::start(&["top", "--watch", "--socket", "none.sock"], 24, 80);
    terminal.until("the error, on the screen from before", |text| text.contains("none.sock"));
    assert!(!terminal.child.wait().unwrap().success());
}
