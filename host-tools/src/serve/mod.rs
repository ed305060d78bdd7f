//! `dyad serve`: the LUN as a block device, over NBD, at each site.
//!
//! ```text
//!   client ─► listener ─► reader ──Job──► engine: lane a ─► card a        threads: one for each listener, two for
//!                          writer ◄─Reply──┘  └── lane b ─► card b        each client, one for all the cards
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `address.rs`, `socket.rs`, `tls/` | where it listens; connections, in the open or encrypted |
//! | `protocol/` | NBD: bytes in, bytes out |
//! | `client.rs`, `job.rs`, `budget.rs` | a client's two threads; a request on its way; a bound on memory |
//! | `engine.rs` | the thread that drives the cards |
//! | `control.rs` | orders by who drives the server: which site is to own |
//! | `lane/`, `plan.rs`, `gate.rs`, `pool.rs` | requests to commands, at one site |
//! | `stable.rs`, `stores.rs` | syncing stores' files; making the LUN live |
//! | `faults.rs` | what is broken on purpose, for tests |
//!
//! It must never hold what the card decides: who owns a block, in which order writes go, when one is complete.

mod address;
mod budget;
mod client;
pub mod control;
mod engine;
mod faults;
mod gate;
mod job;
mod lane;
mod plan;
mod pool;
mod protocol;
mod size;
mod socket;
mod stable;
mod stores;
mod tls;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use tracing::{debug, info, level_filters::LevelFilter, warn};

use crate::open::{Origin, TargetArgs};
use crate::progress;
use crate::target::Cards;
use address::{Address, Listener};
use budget::Budget;
use client::Door;
use control::Control;
use engine::{Engine, Event, Inbox};
use lane::Lane;
use protocol::reply::Answer;
use protocol::{Errno, Export};
use stable::Stable;
use tls::Tls;

/// Clients at a time, at both sites together.
const CLIENTS_MAX: usize = 256;
/// Bytes of all clients' requests that are in memory at a time.
const MEMORY_MAX: u64 = 512 << 20;
/// How long clients have to take their last replies.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longest time that a command may take, of the card's clock; behind sockets, where a simulator is slow, of this host's.
const PATIENCE: Duration = Duration::from_secs(8);
const PATIENCE_SOCKET: Duration = Duration::from_secs(60);

/// Export the LUN over NBD, at each site
///
/// Ordinary NBD clients use it as a disk: nbdcopy, qemu, fio, a kernel. It is the same disk at both sites: what one has
/// written, the other reads. Without --device and --socket both sites are simulated in this process. Ends cleanly on Ctrl-C:
/// what is in flight is finished, both stores are flushed, the link is closed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Simulate both sites in this process: what is done, too, when no card is named
    #[arg(long = "sim", conflicts_with = "socket")]
    #[cfg_attr(feature = "vfio", arg(conflicts_with = "device"))]
    simulate: bool,
    /// Where site a's export is: nbd://HOST:PORT/NAME, with port 0 for any, or nbd+unix:///NAME?socket=PATH
    #[arg(long, value_name = "URI", required_unless_present = "site_b")]
    site_a: Option<Address>,
    /// Where site b's export is
    #[arg(long, value_name = "URI")]
    site_b: Option<Address>,
    /// Size of the LUN, such as 256M; to be given when the stores are new
    #[arg(long, value_name = "SIZE", value_parser = size::parse, conflicts_with = "store_mib")]
    size: Option<u64>,
    /// LUN number
    #[arg(long, default_value_t = 1, value_name = "N")]
    lun: u8,
    /// Local socket for `dyad owner`: which site owns the blocks, and moves of them while clients go on
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Hand an extent over, unasked, when this many writes in a row were the other site's, 1 to 255: owners follow the writers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    hand_over_after: Option<u8>,
    /// For the test of tests: tell site b's card that it owns all blocks, while site a's goes on owning them
    #[arg(long, hide = true, requires = "site_b", conflicts_with = "socket")]
    #[cfg_attr(feature = "vfio", arg(conflicts_with = "device"))]
    forge_owner: bool,
    /// For tests: cut the simulated link this many milliseconds of simulated time after clients may come, for good or for a time
    #[arg(long, hide = true, value_name = "MS[,MS]", conflicts_with = "socket")]
    #[cfg_attr(feature = "vfio", arg(conflicts_with = "device"))]
    cut_link_after: Option<faults::Cut>,
    #[command(flatten)]
    tls: tls::TlsArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// What is told on standard error: off, error, warn, info, debug
    #[arg(long, default_value = "info", value_name = "LEVEL", env = "DYAD_LOG")]
    log: LevelFilter,
    /// Say as JSON, in one line, where the exports are, as soon as they are
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  dyad serve --sim --site-a nbd://127.0.0.1:10809 --site-b nbd://127.0.0.1:10810 --size 256M
  dyad serve --km 100 --loss 0.001 --site-a nbd+unix:///?socket=a.nbd --site-b nbd+unix:///?socket=b.nbd --size 8M
  dyad serve --store-a a.img --store-b b.img --size 64M --site-a nbd://127.0.0.1:10809 --site-b nbd://127.0.0.1:10810
  dyad serve --tls require --tls-certificates pki --tls-verify-peer --site-a nbd://0.0.0.0 --size 64M

Then, as with any NBD server:
  nbdinfo nbd://127.0.0.1:10809
  nbdcopy disk.img nbd://127.0.0.1:10809 && nbdcopy nbd://127.0.0.1:10810 copy.img";

/// Runs `dyad serve`.
///
/// # Errors
/// When an address is taken, the stores cannot be used, the link does not come up, or could not be closed cleanly.
pub fn run(args: &Args) -> Result<ExitCode> {
    let level = if progress::is_quiet() { args.log.min(LevelFilter::ERROR) } else { args.log };
    let colour = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_ansi(colour);
    // Set once in the life of the program; a test that runs this twice keeps the first.
    let _ = log.with_target(false).try_init();

    let addresses: Vec<_> = [("a", &args.site_a), ("b", &args.site_b)]
        .into_iter()
        .filter_map(|(site, address)| Some((site, address.as_ref()?)))
        .collect();
    if let [(_, a), (_, b)] = addresses[..] {
        ensure!(
            a.name == b.name,
            "serving one LUN as {} and as {}: it has one name at both sites; give both addresses the same",
            a.name,
            b.name
        );
    }
    let tls = args.tls.load()?;
    // First, as it is what most likely fails, and costs nothing.
    let listeners = addresses
        .into_iter()
        .map(|(site, address)| Ok((site, address.clone().secure(tls.is_required()).listen()?)))
        .collect::<Result<Vec<(&'static str, Listener)>>>()?;
    let files: Vec<_> = listeners.iter().filter_map(|(_, listener)| listener.file().map(ToOwned::to_owned)).collect();
    let control = args.control.as_deref().map(Control::listen).transpose()?;
    let result = serve(args, &tls, listeners, control);
    for file in files {
        // It may have been taken away by somebody else.
        let _ = std::fs::remove_file(file);
    }
    result.map(|()| ExitCode::SUCCESS)
}

fn serve(args: &Args, tls: &Tls, listeners: Vec<(&'static str, Listener)>, mut control: Option<Control>) -> Result<()> {
    let target = stores::sized(&args.target, args.size)?;
    let mut cards = target.cards()?;
    let lun = stores::bring_up(&mut cards, &target, args.lun, args.size)?;
    if args.forge_owner {
        stores::forge_owner(&mut cards, &lun)?;
    }
    if let Some(cut) = args.cut_link_after {
        faults::cut_link(&cards, cut)?;
    }
    let files = store_files(&cards, &target)?;
    let stable = Rc::new(Stable::new(files.iter().map(File::try_clone).collect::<io::Result<_>>()?));
    let patience = if target.origin() == Origin::Outside && target.is_simulated() { PATIENCE_SOCKET } else { PATIENCE };
    let mut lanes = Vec::new();
    for (site, _) in &listeners {
        let card = cards.site(u8::from(*site == "b"))?;
        card.device().set_hand_over_after(args.hand_over_after.unwrap_or(0));
        lanes.push(Lane::new(site, &lun, card, patience, Rc::clone(&stable))?);
    }
    drop(stable);

    let (inbox, outbox) = engine::channel();
    stop_on_signal(&inbox)?;
    let ending = Arc::new(AtomicBool::new(false));
    let clients = Arc::new(AtomicUsize::new(0));
    let memory = Budget::new(MEMORY_MAX);
    let size = lun.blocks << 12;
    let uris: Vec<_> = listeners.iter().map(|(site, listener)| (*site, listener.address.to_string())).collect();
    for (lane, (site, listener)) in listeners.into_iter().enumerate() {
        let name = listener.address.name.clone();
        let description = format!("Dyad LUN {} {:032x}", lun.number, lun.uuid);
        let export = Arc::new(Export { name, description, size });
        let door = Door {
            export,
            lane,
            site,
            inbox: inbox.clone(),
            memory: memory.clone(),
            ending: Arc::clone(&ending),
            tls: tls.clone(),
        };
        let clients = Arc::clone(&clients);
        thread::spawn(move || accept(&listener, &door, &clients));
    }
    if let Some(control) = &mut control {
        control.start(&inbox);
    }
    announce(&uris, size, args.json)?;

    let engine = Engine::new(cards, args.lun, lanes, outbox);
    let result = engine.run(&ending);
    let deadline = Instant::now() + FAREWELL;
    while clients.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    files.iter().try_for_each(File::sync_all).context("syncing the stores' files; check the disk that they are on")?;
    if result.is_ok() {
        info!("ended: the stores are closed and known equal");
    }
    result
}

/// The files that the stores are, if they outlive this program.
fn store_files(cards: &Cards, target: &TargetArgs) -> Result<Vec<File>> {
    let Some(simulator) = cards.simulator().filter(|_| target.origin() == Origin::Kept) else { return Ok(Vec::new()) };
    let world = simulator.bench.world();
    let files = dyad_sim::Site::ALL.into_iter().filter_map(|site| world.site(site).store.file());
    files.map(|file| file.try_clone().context("opening a store's file a second time")).collect()
}

/// The first signal ends it cleanly, the second at once.
fn stop_on_signal(inbox: &Inbox) -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).context("listening for signals")?;
    let inbox = inbox.clone();
    thread::spawn(move || {
        for (count, _) in signals.forever().enumerate() {
            if count > 0 {
                warn!("ended at once by a second signal: the LUN was not closed, `dyad sync` makes its stores equal");
                std::process::exit(1);
            }
            inbox.send(Event::Stop);
        }
    });
    Ok(())
}

fn announce(uris: &[(&'static str, String)], size: u64, json: bool) -> Result<()> {
    if json {
        let exports: Vec<_> = uris.iter().map(|(site, uri)| json!({ "site": site, "uri": uri })).collect();
        outln!("{}", json!({ "exports": exports, "size_bytes": size, "block_bytes": dyad_spec::BLOCK_BYTES }));
    } else {
        for (site, uri) in uris {
            outln!("site {site}: {uri}");
        }
    }
    Ok(io::stdout().flush()?)
}

/// Takes clients in, each with a thread of its own, until the server ends.
fn accept(listener: &Listener, door: &Door, clients: &Arc<AtomicUsize>) {
    loop {
        let (socket, who) = match listener.accept() {
            Ok(client) => client,
            Err(error) => {
                warn!("site {}: a client could not connect: {error}", door.site);
                // When descriptors have run out, it fails at once, again and again.
                thread::sleep(Duration::from_millis(50));
                continue;
            }
        };
        if door.ending.load(Ordering::Relaxed) {
            return;
        }
        if clients.fetch_add(1, Ordering::AcqRel) >= CLIENTS_MAX {
            clients.fetch_sub(1, Ordering::AcqRel);
            warn!("site {}: {who} is turned away: {CLIENTS_MAX} clients are here", door.site);
            continue;
        }
        debug!("site {}: {who} has connected", door.site);
        let (door, seat) = (door.clone(), Seat(Arc::clone(clients)));
        let spawned = thread::Builder::new().name(format!("client {who}")).spawn(move || {
            let _seat = seat;
            // A fault of this program in serving one client is no reason to leave the others.
            if catch_unwind(AssertUnwindSafe(|| client::serve(&door, socket, &who))).is_err() {
                warn!("site {}: {who} was dropped by a fault of this program; please report it", door.site);
            }
        });
        if let Err(error) = spawned {
            warn!("no thread for a client: {error}");
        }
    }
}

/// A client's place; given up when it is dropped.
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What requests are answered that come too late.
fn shutting_down() -> Answer {
    Answer::Failed(Errno::Shutdown, "the server is ending".to_owned())
}
