//! The simulated cards: what a write costs by their own stamps, and what becomes of racing hosts that reach them as they reach the
//! others, by NBD.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::nbd::Client;
use super::race::{self, Host, NbdHost, Race, Replica};
use super::service::Service;
use super::{ASKED, BLOCK, Effort, RACED};
use crate::process::Process;
use crate::repo::Repo;

const BUILD_DEADLINE: Duration = Duration::from_secs(1800);
const RUN_DEADLINE: Duration = Duration::from_secs(600);
/// Rounds of the race: a simulated write takes a thousand times as long as a real one.
const ROUNDS_MAX: u32 = 10;

/// What a write costs, by the cards' stamps.
pub struct Cost {
    /// Datapath width in bits.
    pub data_w: u64,
    /// Core clock.
    pub clock_mhz: f64,
    /// p50, p99 and maximum from the doorbell to the completion, in cycles.
    pub cycles: [i64; 3],
    /// The same in nanoseconds of the stated clock.
    pub ns: [i64; 3],
}

/// What the simulated cards did.
pub struct Simulated {
    /// At each width.
    pub costs: Vec<Cost>,
    /// Commands FLUSH that site a's card completed for [`ASKED`] writes with FUA, and for as many flushes.
    pub flushes: [u64; 2],
    /// Both sites' hosts on the same blocks.
    pub race: Race,
}

/// Builds `dyad` and has it simulate.
///
/// # Errors
/// When it can't be built, or fails.
pub fn run(repo: &Repo, dir: &Path, effort: Effort) -> Result<Simulated> {
    let mut build = repo.cargo("build");
    build.args(["--release", "--package", "dyad"]);
    Process::new(build, BUILD_DEADLINE).show()?;
    let program = repo.target_dir().join("release/dyad");
    let dyad = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("--quiet").args(args);
        command
    };
    let mut costs = Vec::new();
    for data_w in ["64", "512"] {
        let count = effort.writes.clamp(10, 1000).to_string();
        let bench = dyad(&["bench", "--km", "0", "--json", "--count", &count, "--data-w", data_w]);
        costs.push(Cost::of(&Process::new(bench, RUN_DEADLINE).output()?)?);
    }

    // The cards in one program and the exports in another, so that a third can look at the cards' counters.
    let sockets = dir.join("cards");
    let path = |name: &str| sockets.join(name).display().to_string();
    let (a, b, watch) = (path("a.sock"), path("b.sock"), path("a.watch.sock"));
    let folder = sockets.display().to_string();
    let sim = dyad(&["sim", "--socket-dir", &folder, "--km", "0", "--store-mib", "64"]);
    let _cards = Service::start(sim, &dir.join("sim.log"), Path::new(&watch))?;
    let both = ["--socket", &a, "--socket", &b];
    for lun in [&["lun", "format"][..], &["lun", "create", "--mib", "4", "--store-size-mib", "64"]] {
        Process::new(dyad(&[lun, &both].concat()), RUN_DEADLINE).output()?;
    }
    let exports = [dir.join("export-a.sock"), dir.join("export-b.sock")];
    let uri = |export: &Path| format!("nbd+unix:///?socket={}", export.display());
    let (uri_a, uri_b) = (uri(&exports[0]), uri(&exports[1]));
    let serve = dyad(&[&["serve", "--site-a", &uri_a, "--site-b", &uri_b][..], &both].concat());
    let service = Service::start(serve, &dir.join("serve.log"), &exports[1])?;
    let served = hosts(&exports, &dyad(&["stats", "--json", "--socket", &watch]), effort);
    let served = served.with_context(|| format!("dyad serve said:\n{}", service.said()))?;
    service.end()?;
    Ok(Simulated { costs, flushes: served.0, race: served.1 })
}

fn hosts(exports: &[std::path::PathBuf; 2], stats: &Command, effort: Effort) -> Result<([u64; 2], Race)> {
    let connect = |site: usize| Client::connect(&exports[site], "");
    let flushes = || -> Result<u64> {
        let mut again = Command::new(stats.get_program());
        again.args(stats.get_args());
        counter(&Process::new(again, RUN_DEADLINE).output()?, "flushes")
    };
    let mut client = connect(0)?;
    let before = flushes()?;
    for index in 0..u64::from(ASKED) {
        client.write(index * BLOCK as u64, &[1; BLOCK], true)?;
    }
    let with_fua = flushes()?;
    for index in 0..u64::from(ASKED) {
        client.write(index * BLOCK as u64, &[2; BLOCK], false)?;
        client.flush()?;
    }
    let with_flush = flushes()?;
    let mut copies: [Box<dyn Replica>; 2] = [Box::new(connect(0)?), Box::new(connect(1)?)];
    for (site, copy) in ["a", "b"].into_iter().zip(&mut copies) {
        for index in 0..u64::from(ASKED) {
            let there = copy.read(index)?;
            ensure!(
                there == [2; BLOCK],
                "block {index}, read back at site {site}, is not what was written and flushed"
            );
        }
    }
    let host = |site| -> Result<NbdHost> { Ok(NbdHost { client: connect(site)?, fua: false }) };
    let (mut a, mut b) = (host(0)?, host(1)?);
    let hosts: [&mut dyn Host; 2] = [&mut a, &mut b];
    let race = race::race(hosts, &mut copies, effort.rounds.min(ROUNDS_MAX), RACED)?;
    Ok(([with_fua - before, with_flush - with_fua], race))
}

impl Cost {
    /// From what `dyad bench --json` printed.
    fn of(json: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json).context("`dyad bench --json` printed no JSON")?;
        ensure!(value["simulated"] == true, "`dyad bench` measured no simulated cards");
        let stages = value["stage_cycles"].as_array().context("`dyad bench` gave no stages")?;
        let posted = stages.iter().find(|stage| stage[0] == "posted").context("`dyad bench` gave no `posted`")?;
        let figures = |of: &Value| -> Result<[i64; 3]> {
            let figure = |key: &str| of[key].as_i64().with_context(|| format!("`dyad bench` gave no `{key}`"));
            Ok([figure("p50")?, figure("p99")?, figure("max")?])
        };
        Ok(Self {
            data_w: value["data_w"].as_u64().context("`dyad bench` gave no width")?,
            clock_mhz: value["clock_mhz"].as_f64().context("`dyad bench` gave no clock")?,
            cycles: figures(&posted[1])?,
            ns: figures(&value["latency_ns"])?,
        })
    }
}

/// A counter of the first card in what `dyad stats --json` printed.
fn counter(json: &str, name: &str) -> Result<u64> {
    let value: Value = serde_json::from_str(json).context("`dyad stats --json` printed no JSON")?;
    let card = value.get(0).unwrap_or(&value);
    let found = card["counters"][name].as_u64();
    found.with_context(|| format!("`dyad stats --json` has no counter `{name}`: {json}"))
}
