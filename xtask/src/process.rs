//! Child processes. Each has a deadline, after which it and everything it started is killed; each failure says what
//! was run and shows the end of its output.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, PipeReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Lines of a failed child's output that its error message shows.
const TAIL_LINES: usize = 40;
/// How long the pipe of an ended child is read on, in case something it left behind holds it open.
const PIPE_GRACE: Duration = Duration::from_secs(2);

/// A child process to be run, and how long it may take.
pub struct Process {
    command: Command,
    deadline: Duration,
}

/// What a captured child left.
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output and standard error, in the order they were written.
    pub text: String,
}

impl Process {
    /// `command`, to be killed after `deadline`. It reads nothing from standard input.
    pub fn new(mut command: Command, deadline: Duration) -> Self {
        command.stdin(Stdio::null());
        Self { command, deadline }
    }

    /// Runs with the output going where ours goes.
    ///
    /// # Errors
    /// When it can't be started or passes its deadline. How it ended is the caller's to judge.
    pub fn show_status(mut self) -> Result<ExitStatus> {
        let child = self.spawn()?;
        let (_, lines) = mpsc::channel();
        self.drive(child, &lines, |_| {})
    }

    /// Runs with the output going where ours goes, and requires success.
    pub fn show(self) -> Result<()> {
        let line = self.line();
        success(&line, self.show_status()?, "")
    }

    /// Runs, passes standard output on and shows each line of it to `see`; requires success.
    pub fn tee(mut self, mut see: impl FnMut(&str)) -> Result<()> {
        let (reader, writer) = std::io::pipe().context("can't make a pipe")?;
        self.command.stdout(writer);
        let child = self.spawn()?;
        let lines = read_lines(reader);
        let line = self.line();
        // Dropped with the command: our copy of the pipe's writing end.
        self.command.stdout(Stdio::inherit());
        let status = self.drive(child, &lines, |text| {
            println!("{text}");
            see(text);
        })?;
        success(&line, status, "")
    }

    /// Runs and shows each line of both outputs to `see`. How it ended is the caller's to judge.
    pub fn watch(mut self, see: impl FnMut(&str)) -> Result<ExitStatus> {
        let (reader, writer) = std::io::pipe().context("can't make a pipe")?;
        let other = writer.try_clone().context("can't make a pipe")?;
        self.command.stdout(writer).stderr(other);
        let child = self.spawn()?;
        let lines = read_lines(reader);
        self.command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        self.drive(child, &lines, see)
    }

    /// Runs and keeps the output. How it ended is the caller's to judge.
    pub fn capture(self) -> Result<Captured> {
        self.keep(|_| {})
    }

    fn keep(self, mut see: impl FnMut(&str)) -> Result<Captured> {
        let mut text = String::new();
        let outcome = self.watch(|line| {
            see(line);
            text.push_str(line);
            text.push('\n');
        });
        match outcome {
            Ok(status) => Ok(Captured { status, text }),
            Err(error) if text.is_empty() => Err(error),
            Err(error) => bail!("{error:#}; its output ended with:\n{}", tail(&text)),
        }
    }

    /// Runs, requires success, and returns the output, which is shown only on failure.
    pub fn output(self) -> Result<String> {
        self.follow(|_| {})
    }

    /// The same, with each line shown to `see` as it comes.
    pub fn follow(self, see: impl FnMut(&str)) -> Result<String> {
        let line = self.line();
        let captured = self.keep(see)?;
        success(&line, captured.status, &captured.text)?;
        Ok(captured.text)
    }

    /// The command as a user would type it.
    fn line(&self) -> String {
        let mut line = self.command.get_program().to_string_lossy().into_owned();
        for arg in self.command.get_args() {
            let arg = arg.to_string_lossy();
            let plain = !arg.is_empty() && arg.chars().all(|c| c.is_alphanumeric() || "-_=./:,+@%".contains(c));
            if plain {
                let _ = write!(line, " {arg}");
            } else {
                let _ = write!(line, " '{}'", arg.replace('\'', r"'\''"));
            }
        }
        line
    }

    fn spawn(&mut self) -> Result<Child> {
        self.command.spawn().with_context(|| format!("can't start `{}`", self.line()))
    }

    /// Waits for the child, handing over its lines, until both have ended or the deadline has passed.
    fn drive(&self, mut child: Child, lines: &Receiver<String>, mut see: impl FnMut(&str)) -> Result<ExitStatus> {
        let start = Instant::now();
        let mut poll = Duration::from_millis(1);
        let mut open = true;
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            let line = if open { lines.recv_timeout(poll) } else { Err(RecvTimeoutError::Disconnected) };
            match line {
                Ok(line) => {
                    see(&line);
                    if start.elapsed() < self.deadline {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    if ended.is_none() {
                        std::thread::sleep(poll);
                    }
                }
            }
            poll = (poll * 2).min(Duration::from_millis(50));
            if ended.is_none() {
                let status = child.try_wait().with_context(|| format!("can't wait for `{}`", self.line()))?;
                ended = status.map(|status| (status, Instant::now()));
            }
            if let Some((status, when)) = ended {
                if !open || when.elapsed() > PIPE_GRACE {
                    return Ok(status);
                }
            } else if start.elapsed() >= self.deadline {
                kill_tree(&mut child);
                bail!("`{}` did not end within {} s and was killed", self.line(), self.deadline.as_secs());
            }
        }
    }
}

/// An error that names `line` unless `status` is success.
fn success(line: &str, status: ExitStatus, output: &str) -> Result<()> {
    if status.success() {
        Ok(())
    } else if output.is_empty() {
        bail!("`{line}` failed ({status})")
    } else {
        bail!("`{line}` failed ({status}):\n{}", tail(output))
    }
}

/// The last lines of `text`.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The lines that come out of `reader`, read by a thread of its own.
fn read_lines(reader: PipeReader) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line);
            if send.send(text.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    receive
}

/// Kills `child` and all its descendants, as far as /proc shows them, and reaps it.
fn kill_tree(child: &mut Child) {
    let table: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| parse_stat(&stat))
        .collect();
    let victims = descendants(child.id(), &table);
    if !victims.is_empty() {
        // By the shell's own `kill`: a program of that name need not be installed.
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -KILL \"$@\"", "kill"]).args(victims.iter().map(u32::to_string));
        let _ = kill.stderr(Stdio::null()).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Process and parent from a line of `/proc/<pid>/stat`: `pid (name) state parent ...`, where the name may hold
/// anything, parentheses too.
fn parse_stat(stat: &str) -> Option<(u32, u32)> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    Some((pid, parent))
}

/// All processes below `root` in `table`, which lists (process, parent).
fn descendants(root: u32, table: &[(u32, u32)]) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        let children = table.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid);
        let fresh: Vec<u32> = children.filter(|pid| !found.contains(pid)).collect();
        found.extend(fresh);
        next += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::new(command, deadline)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_has_both_streams_in_order() {
        let text = shell("echo one; echo two >&2; echo three", LONG).output().unwrap();
        assert_eq!(text, "one\ntwo\nthree\n");
    }

    #[test]
    fn last_line_without_newline_is_kept() {
        assert_eq!(shell("printf 'a\\nb'", LONG).output().unwrap(), "a\nb\n");
    }

    #[test]
    fn failure_names_the_command_and_shows_its_output() {
        let error = shell("echo the reason; exit 3", LONG).output().unwrap_err().to_string();
        assert!(error.contains("sh -c 'echo the reason; exit 3'"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("\nthe reason"), "{error}");
    }

    #[test]
    fn missing_program_is_named() {
        let error = Process::new(Command::new("dyad-no-such-program"), LONG).output().unwrap_err();
        assert!(format!("{error:#}").starts_with("can't start `dyad-no-such-program`: "), "{error:#}");
    }

    #[test]
    fn deadline_kills_the_whole_tree() {
        // The grandchild holds the pipe: capture would wait for it if only the child were killed.
        let start = Instant::now();
        let error = shell("echo begun; sleep 50 & sleep 50; true", Duration::from_millis(300)).output().unwrap_err();
        let error = error.to_string();
        assert!(error.contains("did not end within"), "{error}");
        assert!(error.ends_with("begun"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_process_left_behind_does_not_hold_us() {
        let start = Instant::now();
        assert_eq!(shell("sleep 30 & echo $!", LONG).capture().map(|c| c.status.success()).ok(), Some(true));
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn tail_keeps_the_end() {
        let text: String = (0..100).map(|n| format!("{n}\n")).collect();
        let kept = tail(&text);
        assert!(kept.starts_with("60\n") && kept.ends_with("\n99"), "{kept}");
    }

    #[test]
    fn stat_with_parentheses_in_the_name() {
        assert_eq!(parse_stat("17 (a) b (c)) S 4 17 17 0 -1"), Some((17, 4)));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn descendants_are_transitive_and_exclude_the_root() {
        let table = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 4)];
        assert_eq!(descendants(2, &table), [3, 4, 6]);
        assert!(descendants(9, &table).is_empty());
    }
}
