//! Racing clients at both exports of `dyad serve`, judged for linearizability. `cargo xtask soak --nbd` runs it.
//!
//! It starts the program `dyad` with both sites simulated, has clients race for a few blocks over NBD, ends the program, and
//! judges what the clients have seen together with what the two stores hold. With `--forge-owner` the second site is told that
//! it owns all blocks, while the first goes on as their owner: each card then refuses what the other mirrors, which its own store
//! has already. Nobody is shown it, but the stores differ: the judge must find that, and this program says so.

#[path = "../tests/serve/race.rs"]
mod race;
#[path = "../tests/serve/wire.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod wire;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use dyad_spec::BLOCK_BYTES;
use dyad_spec::superblock::RESERVED_BLOCKS;
use indicatif::{ProgressBar, ProgressStyle};

use race::{Outcome, Plan, race};

/// Longest time for the server to end: it finishes what is in flight first.
const END: Duration = Duration::from_secs(300);

/// Racing clients over NBD at both sites, judged for linearizability
#[derive(Parser)]
struct Args {
    /// Decides what the clients ask, and what the simulated link does
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests, of all clients together
    #[arg(long, default_value_t = 10_000)]
    ops: usize,
    /// Blocks that they race for
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=4096))]
    blocks: u64,
    /// Clients at each site
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Requests that a client has under way
    #[arg(long, default_value_t = 4)]
    depth: usize,
    /// Race for sectors of 512 bytes, beside whole blocks
    #[arg(long)]
    sectors: bool,
    /// Only clients at this site, a or b
    #[arg(long, value_parser = ["a", "b"])]
    site: Option<String>,
    /// Tell site b's card that it owns all blocks, and site a's that it goes on owning them
    #[arg(long)]
    forge_owner: bool,
    /// Distance between the sites in km
    #[arg(long, default_value_t = 1.0)]
    km: f64,
    /// Fraction of the frames that the link loses
    #[arg(long, default_value_t = 0.001)]
    loss: f64,
    /// Datapath width of the cards, 64 or 512
    #[arg(long, default_value_t = 64)]
    data_w: usize,
    /// Threads for the two cards, 1 or 2; on a busy machine 1 is faster
    #[arg(long)]
    threads: Option<u8>,
    /// The program [default: `dyad`, in the folder above this program's]
    #[arg(long)]
    dyad: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let sites: Vec<usize> = match args.site.as_deref() {
        None => (0..2 * args.clients).map(|client| client % 2).collect(),
        Some(site) => vec![usize::from(site == "b"); args.clients],
    };
    let plan = Plan {
        seed: args.seed,
        requests: args.ops,
        blocks: args.blocks,
        unit_bytes: if args.sectors { 512 } else { BLOCK_BYTES },
        sites,
        depth: args.depth,
    };
    let folder = Folder::new()?;
    let mut server = Server::start(args, &folder.0)?;
    let bar = ProgressBar::new(args.ops as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} requests [{elapsed}, {eta} to go]")?);
    let start = Instant::now();
    let outcome = race(&plan, &server.sockets, |_| bar.inc(1));
    let elapsed = start.elapsed();
    bar.finish_and_clear();
    // With two owners it would wait for what is locked for good.
    let ended_well = if args.forge_owner { server.kill().map(|()| true)? } else { server.stop()? };
    let stores = server.stores.each_ref().map(|store| lun(store));
    let [a, b] = [&stores[0], &stores[1]].map(|store| store.as_ref().map_err(|error| anyhow::anyhow!("{error:#}")));

    let rate = args.ops as f64 / elapsed.as_secs_f64();
    println!(
        "seed {}: {} requests at {} in {:.0} s ({rate:.0} a second), {} clients, {} blocks, units of {} bytes",
        args.seed,
        args.ops,
        args.site.as_deref().map_or("both sites".to_owned(), |site| format!("site {site}")),
        elapsed.as_secs_f64(),
        plan.sites.len(),
        args.blocks,
        plan.unit_bytes
    );
    let found = findings(&outcome, [a?, b?], ended_well);
    match (&found[..], args.forge_owner) {
        ([], false) => Ok(()),
        ([], true) => bail!("two owners of one block, and nothing was found: the judge or the forgery is at fault"),
        (found, true) => {
            println!("two owners of one block, as was asked for, are found out: {}", found.join("; "));
            Ok(())
        }
        (found, false) => bail!("{}; seed {}", found.join("; "), args.seed),
    }
}

/// What is wrong; says what is right.
fn findings(outcome: &Outcome, stores: [&Vec<u8>; 2], ended_well: bool) -> Vec<String> {
    let mut found = Vec::new();
    match outcome.verdict(stores.map(Vec::as_slice)) {
        Ok(summary) => {
            println!(
                "linearizable: {} commands on {} units ({} decided by zones, {} by search), {} of unknown outcome; both \
                 stores hold the same, and what a last read could return",
                summary.commands, summary.blocks, summary.by_zones, summary.by_search, summary.unknown
            );
            if summary.undecided + summary.loosely > 0 {
                found.push(format!("{} units could not be decided", summary.undecided + summary.loosely));
            }
        }
        Err(fault) => found.push(fault.to_string()),
    }
    for ((site, errno), count) in &outcome.errors {
        found.push(format!("{count} requests at site {} ended with error {errno}", ["a", "b"][*site]));
    }
    if !ended_well {
        found.push("the LUN could not be closed".to_owned());
    }
    found
}

/// The LUN as it stands in a store's file.
fn lun(store: &Path) -> Result<Vec<u8>> {
    let mut bytes = std::fs::read(store).with_context(|| format!("reading {}", store.display()))?;
    Ok(bytes.split_off(RESERVED_BLOCKS as usize * BLOCK_BYTES))
}

/// A temporary folder.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("dyad-soak-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `dyad serve`; killed when dropped.
struct Server {
    child: Child,
    sockets: [String; 2],
    stores: [PathBuf; 2],
}

impl Server {
    fn start(args: &Args, folder: &Path) -> Result<Self> {
        let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("dyad"));
        let program = args.dyad.clone().or_else(beside).context("finding dyad: give --dyad")?;
        let file = |name: &str| folder.join(name);
        let (stores, sockets) = (["a.img", "b.img"].map(file), ["a.nbd", "b.nbd"].map(file));
        let mut command = Command::new(&program);
        command.args(["serve", "--json", "--sim", "--log", "warn", "--size"]);
        command.arg((args.blocks * BLOCK_BYTES as u64).to_string());
        for (site, (socket, store)) in ["a", "b"].into_iter().zip(sockets.iter().zip(&stores)) {
            command.arg(format!("--site-{site}")).arg(format!("nbd+unix:///?socket={}", socket.display()));
            command.arg(format!("--store-{site}")).arg(store);
        }
        command.args(["--km", &args.km.to_string(), "--loss", &args.loss.to_string()]);
        command.args(["--data-w", &args.data_w.to_string(), "--seed", &args.seed.to_string()]);
        if let Some(threads) = args.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        if args.forge_owner {
            command.arg("--forge-owner");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let output = child.stdout.take().context("a pipe")?;
        let server = Self { child, sockets: sockets.map(|path| path.display().to_string()), stores };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("hearing from dyad serve")?;
        ensure!(line.contains("exports"), "dyad serve does not come up");
        Ok(server)
    }

    /// Ends it as a user would; whether it ended well.
    fn stop(&mut self) -> Result<bool> {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().context("kill")?;
        ensure!(status.success(), "can't end dyad serve");
        let until = Instant::now() + END;
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for dyad serve")? {
                return Ok(status.success());
            }
            ensure!(Instant::now() < until, "dyad serve does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it at once.
    fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing dyad serve")?;
        self.child.wait().map(drop).context("waiting for dyad serve")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
