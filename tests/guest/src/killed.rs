//! A driver that dies in the middle of writes: a process of its own, ended by SIGKILL.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use dyad_driver::{Backing as _, Mode, Result, Status};

use crate::cards::{self, LUN, PATIENCE, Pair, pattern};

/// Blocks that it writes, over and over.
pub const BLOCKS: u64 = 64;
/// Writes that it has in flight.
const DEPTH: u64 = 32;
/// Completed writes after which it is ended.
const ENOUGH: u64 = 100;

/// Writes until it is killed; says after each write how many there were.
pub fn victim(addresses: [&str; 2]) -> ExitCode {
    match write_for_ever(addresses) {
        Ok(never) => match never {},
        Err(error) => {
            println!("FAIL the driver that is to be killed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_for_ever(addresses: [&str; 2]) -> Result<std::convert::Infallible> {
    let mut pair = Pair::open(addresses)?;
    pair.link_up(Mode::Serve)?;
    pair.a.need_live(LUN)?;
    let mut queue = cards::queue(&pair.a)?;
    let buffer = pair.a.device().backing().dma_alloc(DEPTH as usize * 4096)?;
    let (mut submitted, mut completed) = (0, 0);
    loop {
        while submitted < completed + DEPTH {
            let (lba, at) = (submitted % BLOCKS, (submitted % DEPTH) as usize * 4096);
            buffer.write_at(at, &pattern(lba, 3 + (submitted / BLOCKS) as u8 % 90));
            queue.submit_write(LUN, lba, 1, &buffer.slice(at..at + 4096))?;
            submitted += 1;
        }
        queue.ring();
        // A whole batch, so that no buffer is changed that is in flight.
        while completed < submitted {
            let completion = queue.wait_any(pair.a.device().after(PATIENCE))?;
            if completion.status() != Status::Ok {
                println!("a write ended with {:?}", completion.status());
            }
            completed += 1;
            println!("{completed}");
        }
    }
}

/// Starts such a process, kills it in the middle, and returns how many of its writes had completed.
pub fn kill_one(addresses: [&str; 2]) -> Result<u64, Box<dyn Error>> {
    let mut child = Command::new("/proc/self/exe");
    child.arg("write-until-killed").args(addresses).stdout(Stdio::piped());
    let mut child = child.spawn()?;
    let output = child.stdout.take().ok_or("the process has no output")?;
    let mut count = Err("it ended by itself".to_owned());
    for line in BufReader::new(output).lines() {
        let line = line?;
        match line.parse::<u64>() {
            // Not at the end of a batch: then nothing would be in flight.
            Ok(completed) if completed >= ENOUGH && completed % DEPTH == DEPTH / 4 => {
                count = Ok(completed);
                break;
            }
            Ok(_) => {}
            Err(_) => count = Err(line),
        }
    }
    child.kill()?;
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            return Err("it does not die".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(count?)
}
