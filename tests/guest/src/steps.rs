//! The steps, in order. Each finds the cards as the one before has left them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use dyad_driver::backing::vfio::Vfio;
use dyad_driver::bar::CardStatus;
use dyad_driver::bind::{self, Event, Machine, Options};
use dyad_driver::{Backing as _, Device, Mode, Status, Wake};
use dyad_spec::counters::Counter;
use dyad_spec::regs;

use crate::cards::{self, LUN, PATIENCE, Pair, pattern, version};
use crate::killed;

/// Fails with a message unless `condition` holds.
macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err(format!($($why)+).into());
        }
    };
}

type Outcome = Result<String, Box<dyn Error>>;

/// Name, and what is done.
type Step = (&'static str, fn(&mut State<'_>) -> Outcome);

/// All steps.
const ALL: [Step; 14] = [
    ("bind", bind_cards),
    ("registers", registers),
    ("interrupts", interrupts),
    ("link-up", link_up),
    ("lspci", lspci),
    ("dual write", dual_write),
    ("lookup", lookup),
    ("read at the other site", read_at_b),
    ("DMA fault", dma_fault),
    ("clean close", close),
    ("function reset", function_reset),
    ("driver killed", driver_killed),
    ("taken over", taken_over),
    ("unbind", unbind_cards),
];

/// What the steps share.
struct State<'a> {
    addresses: [&'a str; 2],
    pair: Option<Pair>,
}

impl State<'_> {
    fn pair(&mut self) -> Result<&mut Pair, &'static str> {
        self.pair.as_mut().ok_or("the link-up before has not left a pair")
    }
}

/// Blocks that the dual writes write.
const BLOCKS: u64 = 32;

/// Runs all steps.
pub fn run(addresses: [&str; 2]) -> ExitCode {
    let mut state = State { addresses, pair: None };
    for (name, step) in ALL {
        let start = Instant::now();
        match step(&mut state) {
            Ok(seen) => println!("OK {name}: {seen} ({:.1} s)", start.elapsed().as_secs_f64()),
            Err(error) => {
                println!("FAIL {name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// As `dyad bind` does it.
fn bind_cards(state: &mut State<'_>) -> Outcome {
    let mut groups = Vec::new();
    for address in state.addresses {
        let mut version = None;
        let bound = bind::bind(&Machine::this(), address, Options::default(), &mut |event| match event {
            Event::Write(change) => println!("{change}"),
            Event::Version(major, minor) => version = Some((major, minor)),
            other => println!("{other:?}"),
        })?;
        let (major, minor) = version.ok_or("the kernel did not show the card's version")?;
        groups.push(format!("{address} of version {major}.{minor} in IOMMU group {}", bound.group));
    }
    Ok(groups.join(", "))
}

/// As `dyad unbind` does it.
fn unbind_cards(state: &mut State<'_>) -> Outcome {
    {
        let _held = Vfio::open(state.addresses[0])?;
        let refused = bind::unbind(&Machine::this(), state.addresses[0], Options::default(), &mut |_| ());
        let why = refused.err().ok_or("a card was taken from a program that uses it")?.to_string();
        ensure!(why.contains("in use by dyad-guest"), "{why}");
    }
    for address in state.addresses {
        let unbound = bind::unbind(&Machine::this(), address, Options::default(), &mut |event| match event {
            Event::Write(change) => println!("{change}"),
            other => println!("{other:?}"),
        })?;
        ensure!(unbound.driver.is_none() && !unbound.already, "{unbound:?}");
    }
    Ok("refused while this program had the card open, then done; no driver has them".into())
}

fn registers(state: &mut State<'_>) -> Outcome {
    let mut seen = String::new();
    for (name, address) in ["a", "b"].into_iter().zip(state.addresses) {
        let device = Device::open(Vfio::open(address)?)?;
        let scratch = |value| {
            device.registers().set(&regs::SCRATCH, value);
            device.registers().get(&regs::SCRATCH)
        };
        for value in [0xa5a5_5a5a, 0, u32::MAX, 0x1234_5678] {
            let found = scratch(value);
            ensure!(found == value, "{address}: SCRATCH was written {value:#x} and reads {found:#x}");
        }
        let info = device.info();
        write!(
            seen,
            "{name} is {address}, version {}.{}, {} bits, {} slots, {} queue pairs; ",
            info.version >> 16,
            info.version & 0xffff,
            info.data_width_bits,
            info.slot_count,
            info.queue_count
        )?;
    }
    Ok(seen + "SCRATCH keeps what is written")
}

/// Each vector is raised by a completion that the card writes to memory through the IOMMU.
fn interrupts(state: &mut State<'_>) -> Outcome {
    let mut raised = 0;
    for address in state.addresses {
        let device = Device::open(Vfio::open(address)?)?;
        device.reset(PATIENCE)?;
        let vectors = device.backing().vectors();
        ensure!(vectors > 0, "{address}: no MSI-X vectors");
        let facts = device.backing().dma_alloc(4096)?;
        for vector in 0..vectors {
            let config = dyad_driver::QueueConfig { vector: Some(vector), ..Default::default() };
            let mut queue = device.create_queue(&config)?;
            device.set_moderation(vector, 0, 0)?;
            facts.write_at(0, &[0; 4096]);
            queue.submit_identify(&facts.whole())?;
            queue.ring();
            let woken = device.backing().wait(Some(vector), device.after(PATIENCE));
            ensure!(woken == Wake::Interrupt, "{address}: vector {vector}: {woken:?}");
            let completion =
                queue.poll()?.ok_or_else(|| format!("{address}: vector {vector}: nothing was completed"))?;
            ensure!(completion.status() == Status::Ok, "{address}: IDENTIFY ended with {:?}", completion.status());
            let mut words = [0; 4096];
            facts.read_at(0, &mut words);
            ensure!(words.iter().any(|byte| *byte != 0), "{address}: IDENTIFY wrote nothing");
        }
        raised += raised_by_kernel(address)?;
    }
    Ok(format!("{raised} MSI-X vectors raised, each by an IDENTIFY written to memory through the IOMMU"))
}

/// How many vectors of a card the kernel lists. Each of them must have been raised, by the kernel's own count.
fn raised_by_kernel(address: &str) -> Result<usize, Box<dyn Error>> {
    let table = std::fs::read_to_string("/proc/interrupts")?;
    let of_card = |line: &&str| line.contains("vfio-msix") && line.contains(&format!("({address})"));
    let lines: Vec<&str> = table.lines().filter(of_card).collect();
    for line in &lines {
        // `17:  3  IR-PCI-MSIX-0000:01:00.0  0-edge  vfio-msix[0](0000:01:00.0)`, with one count for each processor.
        let counts = line.split_whitespace().skip(1).map_while(|word| word.parse::<u64>().ok());
        ensure!(counts.sum::<u64>() > 0, "{address}: the kernel has not seen this vector: {line}");
    }
    ensure!(!lines.is_empty(), "{address}: the kernel lists no vectors");
    Ok(lines.len())
}

fn link_up(state: &mut State<'_>) -> Outcome {
    let mut pair = Pair::open(state.addresses)?;
    pair.format()?;
    let generation = pair.link_up(Mode::Serve)?;
    pair.a.need_live(LUN)?;
    pair.b.need_live(LUN)?;
    state.pair = Some(pair);
    Ok(format!("generation {generation}, LUN {LUN} of {} blocks is live at both sites", cards::LUN_BLOCKS))
}

/// What a user sees of the cards while a driver has them, and which devices share their IOMMU groups.
fn lspci(state: &mut State<'_>) -> Outcome {
    let mut groups = Vec::new();
    for address in state.addresses {
        let shown = Command::new("/usr/bin/lspci").args(["-vv", "-s", address]).output()?;
        ensure!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        print!("{}", String::from_utf8_lossy(&shown.stdout));
        let group = Path::new("/sys/bus/pci/devices").join(address).join("iommu_group");
        let number = std::fs::read_link(&group)?;
        let number = number.file_name().ok_or("the link iommu_group has no end")?.to_string_lossy().into_owned();
        let members = std::fs::read_dir(group.join("devices"))?.collect::<Result<Vec<_>, _>>()?;
        let members: Vec<_> = members.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        groups.push(format!("IOMMU group {number}: {}", members.join(" ")));
    }
    Ok(groups.join("; "))
}

fn dual_write(state: &mut State<'_>) -> Outcome {
    let pair = state.pair()?;
    let mut queue = cards::queue(&pair.a)?;
    let buffer = pair.a.device().backing().dma_alloc(BLOCKS as usize * 4096)?;
    for lba in 0..BLOCKS {
        let at = lba as usize * 4096;
        buffer.write_at(at, &pattern(lba, 1));
        queue.submit_write(LUN, lba, 1, &buffer.slice(at..at + 4096))?;
    }
    queue.ring();
    let deadline = pair.a.device().after(PATIENCE);
    for _ in 0..BLOCKS {
        let status = queue.wait_any(deadline)?.status();
        ensure!(status == Status::Ok, "a write ended with {status:?}");
    }
    queue.flush(LUN)?;
    let acks = pair.b.device().counter(Counter::tx_ack);
    ensure!(u64::from(acks) >= BLOCKS, "{acks} ACKs came for {BLOCKS} blocks");
    Ok(format!("{BLOCKS} blocks by one doorbell, {acks} ACKs of the peer's card, then a flush"))
}

fn lookup(state: &mut State<'_>) -> Outcome {
    let pair = state.pair()?;
    let found = cards::queue(&pair.b)?.lookup(LUN, &[0, BLOCKS - 1, cards::LUN_BLOCKS])?;
    ensure!(found.len() == 3 && found[2].is_none(), "a block past the end has an owner: {found:?}");
    let owner = found[0].ok_or("block 0 has no owner")?;
    ensure!(owner.owner == 0, "block 0 is owned by site {}", owner.owner);
    Ok(format!(
        "asked at b: block 0 is owned by site a in epoch {:#x}; block {} is none",
        owner.epoch,
        cards::LUN_BLOCKS
    ))
}

fn read_at_b(state: &mut State<'_>) -> Outcome {
    let pair = state.pair()?;
    let mut blocks = vec![0; BLOCKS as usize * 4096];
    cards::queue(&pair.b)?.read(LUN, 0, &mut blocks)?;
    for (lba, block) in (0..).zip(blocks.chunks(4096)) {
        ensure!(version(lba, block) == Some(1), "block {lba} is not what site a wrote");
    }
    Ok(format!("{BLOCKS} blocks at b are what a wrote"))
}

/// A buffer that the IOMMU does not know any more: the command ends with a status, and the card goes on.
fn dma_fault(state: &mut State<'_>) -> Outcome {
    let pair = state.pair()?;
    let device = pair.a.device();
    let mut queue = cards::queue(&pair.a)?;
    let mut lost = |write: bool| -> Result<Status, Box<dyn Error>> {
        let buffer = device.backing().dma_alloc(4096)?;
        buffer.unmap();
        let submit = if write { dyad_driver::Queue::submit_write } else { dyad_driver::Queue::submit_read };
        submit(&mut queue, LUN, 3, 1, &buffer.whole())?;
        queue.ring();
        Ok(queue.wait_any(device.after(PATIENCE))?.status())
    };
    let (write, read) = (lost(true)?, lost(false)?);
    ensure!(write == Status::DmaReadFault, "a write from unmapped memory ended with {write:?}");
    ensure!(read == Status::DmaWriteFault, "a read into unmapped memory ended with {read:?}");
    let mut block = [0; 4096];
    queue.read(LUN, 3, &mut block)?;
    ensure!(version(3, &block) == Some(1), "block 3 is not the old one");
    queue.write(LUN, 3, &pattern(3, 2))?;
    cards::queue(&pair.b)?.read(LUN, 3, &mut block)?;
    ensure!(version(3, &block) == Some(2), "block 3 at b is not what was written after the fault");
    Ok("a write ended with DmaReadFault, a read with DmaWriteFault, block 3 stayed whole, the next write went to both"
        .into())
}

fn close(state: &mut State<'_>) -> Outcome {
    state.pair()?.close()?;
    state.pair = None;
    Ok("both stores are marked clean".into())
}

fn function_reset(state: &mut State<'_>) -> Outcome {
    {
        let device = Device::open(Vfio::open(state.addresses[0])?)?;
        device.registers().set(&regs::SCRATCH, 0xd1ad_d1ad);
        ensure!(device.registers().get(&regs::SCRATCH) == 0xd1ad_d1ad, "SCRATCH does not keep what is written");
        device.backing().reset()?;
        let found = device.registers().get(&regs::SCRATCH);
        ensure!(found == 0, "SCRATCH reads {found:#x} after the reset");
        let deadline = device.after(PATIENCE);
        while !device.status()?.contains(CardStatus::READY) {
            ensure!(device.backing().now() < deadline.0, "the card is not ready after the reset");
            device.backing().wait(None, device.after(Duration::from_millis(1)));
        }
        // Memory, bus mastering and interrupts are there again.
        let mut queue = device.create_queue(&Default::default())?;
        queue.identify()?;
    }
    let mut pair = Pair::open(state.addresses)?;
    let generation = pair.link_up(Mode::Serve)?;
    pair.a.need_live(LUN)?;
    let mut block = [0; 4096];
    cards::queue(&pair.b)?.read(LUN, 3, &mut block)?;
    ensure!(version(3, &block) == Some(2), "block 3 is lost");
    pair.close()?;
    Ok(format!("SCRATCH is 0, IDENTIFY works, link up in generation {generation} and the data still there"))
}

fn driver_killed(state: &mut State<'_>) -> Outcome {
    let written = killed::kill_one(state.addresses)?;
    Ok(format!("by SIGKILL, after {written} writes, with writes in flight"))
}

fn taken_over(state: &mut State<'_>) -> Outcome {
    let mut pair = Pair::open(state.addresses)?;
    pair.link_up(Mode::Serve)?;
    let refused = pair.a.need_live(LUN).err().ok_or("the LUN is live though its driver was killed")?;
    println!("after the kill: {refused}");
    pair.close()?;
    pair.link_up(Mode::SyncFrom(0))?;
    let (a, b) = dyad_driver::run_both(pair.a.sync(|_| ())?, pair.b.sync(|_| ())?);
    let (a, b) = (a?, b?);
    ensure!(a.len() == 1 && a == b, "the sync reports {a:?} and {b:?}");
    pair.a.need_live(LUN)?;
    let mut blocks = vec![0; killed::BLOCKS as usize * 4096];
    cards::queue(&pair.b)?.read(LUN, 0, &mut blocks)?;
    for (lba, block) in (0..).zip(blocks.chunks(4096)) {
        ensure!(version(lba, block).is_some(), "block {lba} is mixed");
    }
    cards::queue(&pair.a)?.write(LUN, 7, &pattern(7, 99))?;
    let mut block = [0; 4096];
    cards::queue(&pair.b)?.read(LUN, 7, &mut block)?;
    ensure!(version(7, &block) == Some(99), "block 7 at b is not what was written");
    pair.close()?;
    Ok(format!(
        "by a new process: no block is mixed, {} blocks made equal, then a dual write and a clean close",
        a[0].blocks
    ))
}
