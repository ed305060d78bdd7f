//! `dyad sim`: a simulated pair, each card on a vfio-user socket.
//!
//! One thread lets the world's time pass, never faster than real time; one for each socket serves its driver. They share the
//! world behind a lock, which the clock's thread lets go of every few hundred cycles, and for longer when a driver waits. While
//! nothing is under way it rests, until a driver has done something.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the verb, and the time |
//! | `offered.rs` | a card as its driver sees it: regions, mappings, interrupts, reset |
//! | `pci.rs` | its configuration space |
//! | `watch.rs` | a card as somebody sees it who only looks |

mod offered;
mod pci;
mod watch;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use dyad_sim::site::VECTOR_COUNT;
use dyad_sim::{Site, World};
use dyad_spec::regs;
use serde_json::json;
use vfio_bindings::bindings::vfio::vfio_region_info;
use vfio_user::{IrqInfo, Server, ServerBackend, ServerRegion};

use crate::open::TargetArgs;
use offered::Offered;
use pci::{CONFIG_BYTES, MSIX_BAR_BYTES};
use watch::Watched;

/// Regions and interrupt kinds of a PCI device, as VFIO numbers them.
const REGION_COUNT: u32 = 9;
const BAR0_REGION: u32 = 0;
const MSIX_REGION: u32 = 2;
const CONFIG_REGION: u32 = 7;
const IRQ_KINDS: u32 = 5;
const MSIX_IRQS: u32 = 2;
/// Tells of errors on the bus. There are none here; a virtual machine that cannot ask for it warns its user.
const ERROR_IRQS: u32 = 3;
/// Readable and writable.
const REGION_FLAGS: u32 = 3;
/// Signalled by an eventfd.
const IRQ_FLAGS: u32 = 1;
/// Cycles between two chances for a driver to get hold of the world.
const SLICE_CYCLES: u64 = 256;
/// How far simulated time may be ahead of real time before the clock's thread sleeps.
const AHEAD: Duration = Duration::from_micros(200);
/// How long the clock's thread rests between two slices of a world in which nothing is under way.
const REST: Duration = Duration::from_millis(10);

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
        clock: thread::current(),
        eventfds: Default::default(),
    });
    for (site, server) in Site::ALL.into_iter().zip(servers) {
        let shared = Arc::clone(&shared);
        let mut offered = Offered::new(shared, site, args.target.sim.data_w);
        thread::spawn(move || serve(&server, &mut offered, site, Offered::forget_driver));
    }
    for (site, server) in Site::ALL.into_iter().zip(watch_servers) {
        let mut watched = Watched::new(Offered::new(Arc::clone(&shared), site, args.target.sim.data_w));
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
            MSIX_REGION => MSIX_BAR_BYTES as u64,
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
        count: match index {
            MSIX_IRQS => VECTOR_COUNT as u32,
            ERROR_IRQS => 1,
            _ => 0,
        },
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
    /// The thread that lets time pass.
    clock: Thread,
    /// By site and vector.
    eventfds: Mutex<[[Option<File>; VECTOR_COUNT]; 2]>,
}

impl Shared {
    /// For a driver. The clock's thread finds out afterwards whether that gave the cards something to do.
    fn world(&self) -> MutexGuard<'_, World> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.clock.unpark();
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
        let (ahead, idle) = {
            let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
            world.run(SLICE_CYCLES);
            shared.deliver(&mut world);
            let simulated = Duration::from_nanos(world.cycle() * 1_000_000 / world.config().clock_khz);
            (simulated.saturating_sub(started.elapsed()), world.is_idle())
        };
        if idle && shared.waiting.load(Ordering::Relaxed) == 0 {
            thread::park_timeout(REST);
        } else if ahead > AHEAD {
            thread::sleep(ahead);
        } else if shared.waiting.load(Ordering::Relaxed) > 0 {
            // The lock is not fair: without a pause, this thread would take it again.
            thread::sleep(Duration::from_micros(20));
        }
    }
}
