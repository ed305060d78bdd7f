//! `dyad sim`: a simulated pair, each card on a vfio-user socket.
//!
//! One thread lets the world's time pass, never faster than real time; one for each socket serves its driver. They share the
//! world behind a lock, which the clock's thread lets go of every few hundred cycles, and for longer when a driver waits.

mod watch;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use dyad_sim::site::VECTOR_COUNT;
use dyad_sim::{Memory, Site, World};
use dyad_spec::{PCI_DEVICE, PCI_VENDOR, regs};
use serde_json::json;
use vfio_bindings::bindings::vfio::vfio_region_info;
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

use crate::open::TargetArgs;
use watch::Watched;

/// Regions and interrupt kinds of a PCI device, as VFIO numbers them.
const REGION_COUNT: u32 = 9;
const BAR0_REGION: u32 = 0;
const CONFIG_REGION: u32 = 7;
const CONFIG_BYTES: usize = 256;
const IRQ_KINDS: u32 = 5;
const MSIX_IRQS: u32 = 2;
/// Readable and writable.
const REGION_FLAGS: u32 = 3;
/// Signalled by an eventfd.
const IRQ_FLAGS: u32 = 1;
/// Cycles between two chances for a driver to get hold of the world.
const SLICE_CYCLES: u64 = 256;
/// How far simulated time may be ahead of real time before the clock's thread sleeps.
const AHEAD: Duration = Duration::from_micros(200);

/// Offer each card of a simulated pair on a vfio-user socket
///
/// The sockets are `DIR/a.sock` and `DIR/b.sock`, each for one driver at a time. `DIR/a.watch.sock` and `DIR/b.watch.sock`
/// show the cards' registers to somebody who only looks, as `dyad stats --watch` does. Drivers may come and go; the cards and
/// their stores stay until this program is ended. Simulated time never runs ahead of real time, and on most machines far
/// behind it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where the sockets go
    #[arg(long, value_name = "DIR")]
    socket_dir: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// End by itself after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Say as JSON where the sockets are
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad sim --socket-dir run --km 10               serves run/a.sock and run/b.sock until it is ended
  dyad lun format --socket run/a.sock --socket run/b.sock
  dyad info --socket run/a.sock";

/// Runs `dyad sim`.
///
/// # Errors
/// When the stores or the sockets cannot be made.
pub fn run(args: &Args) -> Result<ExitCode> {
    let dir = &args.socket_dir;
    fs::create_dir_all(dir).with_context(|| format!("making the folder {} for the sockets", dir.display()))?;
    let paths = [dir.join("a.sock"), dir.join("b.sock")];
    let watch_paths = [dir.join("a.watch.sock"), dir.join("b.watch.sock")];
    let servers = [server(&paths[0])?, server(&paths[1])?];
    let watch_servers = [server(&watch_paths[0])?, server(&watch_paths[1])?];
    let shared = Arc::new(Shared {
        world: Mutex::new(args.target.world()?),
        waiting: AtomicUsize::new(0),
        eventfds: Default::default(),
    });
    for (site, server) in Site::ALL.into_iter().zip(servers) {
        let shared = Arc::clone(&shared);
        thread::spawn(move || serve(&server, &mut Offered::new(shared, site), site, Offered::forget_driver));
    }
    for (site, server) in Site::ALL.into_iter().zip(watch_servers) {
        let mut watched = Watched(Offered::new(Arc::clone(&shared), site));
        thread::spawn(move || serve(&server, &mut watched, site, |_| ()));
    }
    if args.json {
        outln!("{}", json!({ "sockets": paths, "watch_sockets": watch_paths }));
    } else {
        outln!("site a: {}\nsite b: {}", paths[0].display(), paths[1].display());
    }
    io::stdout().flush()?;
    pass_time(&shared, args.seconds.map(Duration::from_secs));
    for path in paths.iter().chain(&watch_paths) {
        // It may have been taken away by somebody else.
        let _ = fs::remove_file(path);
    }
    Ok(ExitCode::SUCCESS)
}

/// A socket; one that a program which is gone has left behind is taken away first.
fn server(path: &Path) -> Result<Server> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            bail!(
                "offering a card on {}: another program serves there; end it, or choose another folder",
                path.display()
            );
        }
        fs::remove_file(path).with_context(|| format!("removing the old socket {}", path.display()))?;
    }
    let region = |index: u32| {
        let size = match index {
            BAR0_REGION => regs::BAR_BYTES as u64,
            CONFIG_REGION => CONFIG_BYTES as u64,
            _ => 0,
        };
        let argsz = size_of::<vfio_region_info>() as u32;
        let region_info = vfio_region_info { argsz, flags: REGION_FLAGS, index, cap_offset: 0, size, offset: 0 };
        ServerRegion { region_info, sparse_areas: Vec::new(), mmap_fd: None }
    };
    let irq = |index: u32| IrqInfo {
        index,
        flags: IRQ_FLAGS,
        count: if index == MSIX_IRQS { VECTOR_COUNT as u32 } else { 0 },
    };
    let irqs = (0..IRQ_KINDS).map(irq).collect();
    Server::new(path, true, irqs, (0..REGION_COUNT).map(region).collect())
        .with_context(|| format!("offering a card on {}; choose a folder that can be written to", path.display()))
}

/// Serves one client after the other; `forget` cleans up after each.
fn serve<B: ServerBackend>(server: &Server, backend: &mut B, site: Site, forget: impl Fn(&mut B)) {
    loop {
        if let Err(error) = server.run(backend) {
            eprintln!("dyad: site {site}: the connection ended: {error}");
            // A listener that fails at once must not keep a processor busy.
            thread::sleep(Duration::from_millis(100));
        }
        forget(backend);
    }
}

struct Shared {
    world: Mutex<World>,
    /// Threads that want the world.
    waiting: AtomicUsize,
    /// By site and vector.
    eventfds: Mutex<[[Option<File>; VECTOR_COUNT]; 2]>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        world
    }

    fn eventfds(&self) -> MutexGuard<'_, [[Option<File>; VECTOR_COUNT]; 2]> {
        self.eventfds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands raised interrupts to the drivers.
    fn deliver(&self, world: &mut World) {
        for site in Site::ALL {
            for vector in 0..VECTOR_COUNT {
                let mut raised = false;
                while world.site_mut(site).irqs.take(vector).is_some() {
                    raised = true;
                }
                if raised && let Some(eventfd) = &mut self.eventfds()[site as usize][vector] {
                    // A driver that is gone does not mind.
                    let _ = eventfd.write_all(&1u64.to_ne_bytes());
                }
            }
        }
    }
}

/// Lets simulated time pass, for so long or for ever.
fn pass_time(shared: &Shared, limit: Option<Duration>) {
    let started = Instant::now();
    while limit.is_none_or(|limit| started.elapsed() < limit) {
        let ahead = {
            let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
            world.run(SLICE_CYCLES);
            shared.deliver(&mut world);
            let simulated = Duration::from_nanos(world.cycle() * 1_000_000 / world.config().clock_khz);
            simulated.saturating_sub(started.elapsed())
        };
        if ahead > AHEAD {
            thread::sleep(ahead);
        } else if shared.waiting.load(Ordering::Relaxed) > 0 {
            // The lock is not fair: without a pause, this thread would take it again.
            thread::sleep(Duration::from_micros(20));
        }
    }
}

/// A card as its driver sees it through the socket. It never answers with an error: a client would wait for ever.
struct Offered {
    shared: Arc<Shared>,
    site: Site,
    config: [u8; CONFIG_BYTES],
}

impl Offered {
    fn new(shared: Arc<Shared>, site: Site) -> Self {
        let mut config = [0; CONFIG_BYTES];
        config[..2].copy_from_slice(&PCI_VENDOR.to_le_bytes());
        config[2..4].copy_from_slice(&PCI_DEVICE.to_le_bytes());
        Self { shared, site, config }
    }

    /// The driver's memory is not its card's any more, and it hears no interrupts.
    fn forget_driver(&mut self) {
        self.shared.world().site_mut(self.site).host.unmap_all();
        self.shared.eventfds()[self.site as usize] = Default::default();
    }

    fn config(&mut self, offset: u64, len: usize) -> Option<&mut [u8]> {
        let start = usize::try_from(offset).ok()?;
        self.config.get_mut(start..start.checked_add(len)?)
    }
}

impl ServerBackend for Offered {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let len = data.len();
        match (region, u16::try_from(offset)) {
            (BAR0_REGION, Ok(offset)) if len == 4 && offset % 4 == 0 => {
                data.copy_from_slice(&self.shared.world().read32(self.site, offset).to_le_bytes());
            }
            (CONFIG_REGION, _) => match self.config(offset, len) {
                Some(config) => data.copy_from_slice(config),
                None => data.fill(0xff),
            },
            _ => data.fill(0xff),
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        match (region, u16::try_from(offset), <[u8; 4]>::try_from(data)) {
            (BAR0_REGION, Ok(offset), Ok(word)) if offset % 4 == 0 => {
                self.shared.world().write32(self.site, offset, u32::from_le_bytes(word));
            }
            (CONFIG_REGION, ..) => {
                // The identifiers are read-only.
                if let Some(config) = self.config(offset, data.len()).filter(|_| offset >= 4) {
                    config.copy_from_slice(data);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn dma_map(&mut self, _: DmaMapFlags, offset: u64, address: u64, size: u64, fd: Option<File>) -> io::Result<()> {
        // Memory without a descriptor cannot be reached from here, nor what lies past its file's end: an access there
        // ends as one that is not mapped.
        let Some(file) = fd else { return Ok(()) };
        let inside = offset.checked_add(size).is_some_and(|end| file.metadata().is_ok_and(|meta| end <= meta.len()));
        let mapped =
            usize::try_from(size).ok().filter(|_| inside).and_then(|len| Memory::from_file(file, offset, len).ok());
        match mapped.map(|memory| self.shared.world().site_mut(self.site).host.map(address, memory)) {
            Some(Ok(())) => {}
            Some(Err(error)) => eprintln!("dyad: site {}: memory was not mapped: {error}", self.site),
            None => {
                eprintln!("dyad: site {}: memory at {address:#x} was not mapped: no such part of the file", self.site)
            }
        }
        Ok(())
    }

    fn dma_unmap(&mut self, _: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        self.shared.world().site_mut(self.site).host.unmap(address, size);
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        let mut world = self.shared.world();
        let cycles = world.config().reset_cycles;
        world.reset(self.site, cycles);
        Ok(())
    }

    fn set_irqs(&mut self, index: u32, _: u32, start: u32, count: u32, fds: Vec<File>) -> io::Result<()> {
        if index != MSIX_IRQS {
            return Ok(());
        }
        let eventfds = &mut self.shared.eventfds()[self.site as usize];
        if fds.is_empty() {
            let all = if count == 0 { VECTOR_COUNT } else { count as usize };
            eventfds.iter_mut().skip(start as usize).take(all).for_each(|eventfd| *eventfd = None);
        }
        for (eventfd, fd) in eventfds.iter_mut().skip(start as usize).zip(fds) {
            *eventfd = Some(fd);
        }
        Ok(())
    }
}
