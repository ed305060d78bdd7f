//! `cargo xtask demo-vm`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

use crate::cmd::setup;
use crate::kernel::machine::SocketDir;
use crate::kernel::parts::Parts;
use crate::process::Process;
use crate::progress::seconds;
use crate::repo::Repo;
use crate::table::table;
use crate::vm::console::{Console, Said};
use crate::vm::exports::Exports;
use crate::vm::guest::Guest;
use crate::vm::machine::{Host, Machine, Moved};
use crate::vm::wait;

/// Longest time to build the simulator.
const BUILD_DEADLINE: Duration = Duration::from_secs(1800);
/// Longest time for the guest to boot, to do its steps, and to read all of its disk at the end.
const GUEST: Duration = Duration::from_secs(600);

/// Move a virtual machine between two hosts, live, while its disk stays where it is: at both sites
///
/// Two hosts, each with a QEMU of its own, and `dyad serve` with two simulated cards: each QEMU has its own site's export of
/// the same LUN. The guest writes and verifies its disk all the time; it moves from a to b and back. At the end both stores
/// must hold, byte for byte, what the guest knows that it has written. QEMU, a kernel and busybox are downloaded first
/// (Debian packages, unpacked under .tools/kernel).
///
/// QEMU emulates the guest's processor, and the cards are simulated: no time here is one of a product.
#[derive(clap::Args)]
pub struct Args {
    /// How often the guest moves
    #[arg(long, default_value_t = 10, value_name = "N")]
    moves: usize,
    /// Blocks that the guest must verify and write at a site before it moves on
    #[arg(long, default_value_t = 50, value_name = "N")]
    steps: u64,
    /// Distance between the sites in km
    #[arg(long, default_value_t = 100.0, value_name = "KM")]
    km: f64,
    /// Size of the disk in blocks of 4 KiB
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = clap::value_parser!(u64).range(16..=65536))]
    blocks: u64,
    /// Where logs and report.json go
    #[arg(long, default_value = "out/demo-vm", value_name = "DIR")]
    report: PathBuf,
}

/// A move, for people and programs.
#[derive(Debug, Serialize)]
struct Move {
    from: &'static str,
    to: &'static str,
    pause_ms: u64,
    total_ms: u64,
    sent_bytes: u64,
    /// What the guest had verified when it left, and when it was told to go on.
    verified_before: u64,
    verified_after: u64,
    /// The change of owner that followed.
    owner: OwnerChange,
}

/// The whole disk's change of owner, on the wire.
#[derive(Debug, Serialize)]
struct OwnerChange {
    owner: &'static str,
    extents: u64,
    cycles: u64,
    ns: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    what: &'static str,
    moves: Vec<Move>,
    verified: u64,
    written: u64,
    bad: u64,
    guest_digest: String,
    site_a_digest: String,
    site_b_digest: String,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    let parts = Parts::ensure(repo)?;
    let mut build = repo.cargo("build");
    build.args(["--release", "--package", "dyad", "--bin", "dyad"]);
    Process::new(build, BUILD_DEADLINE).show()?;
    // Two at once would have one set of stores.
    let _lock = repo.lock("demo-vm")?;
    let dir = repo.path(&args.report);
    std::fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
    let guest = Guest::make(repo, &parts, &dir, args.blocks)?;
    let start = Instant::now();
    let report = demo(repo, &args, &parts, &guest, &dir)?;
    let text = serde_json::to_string_pretty(&report)?;
    let file = dir.join("report.json");
    std::fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
    println!("\n{}", show(&report));
    println!("{} moves in {}; {}", report.moves.len(), seconds(start.elapsed()), file.display());
    Ok(ExitCode::SUCCESS)
}

fn demo(repo: &Repo, args: &Args, parts: &Parts, guest: &Guest, dir: &Path) -> Result<Report> {
    let sockets = SocketDir::new()?;
    let console = Console::new(&dir.join("console.log"))?;
    let dyad = repo.target_dir().join("release/dyad");
    let mut exports = Exports::start(&dyad, dir, sockets.path(), args.blocks, args.km)?;
    let host = Host { parts, guest, console: &console, sockets: sockets.path(), logs: dir };
    println!(
        "two sites, {} km apart; a disk of {} blocks of 4 KiB, in both stores; the guest boots at a",
        args.km, args.blocks
    );
    let mut here = Machine::start(&host, "a0", &exports.sockets[0], None)?;
    works(&console, &mut exports, 0, args.steps)?;
    let mut moves = Vec::new();
    for number in 1..=args.moves {
        let (from, to) = ((number - 1) % 2, number % 2);
        let names = ["a", "b"];
        let incoming = sockets.path().join(format!("move{number}"));
        let mut there =
            Machine::start(&host, &format!("{}{number}", names[to]), &exports.sockets[to], Some(&incoming))?;
        let verified_before = console.said().verified;
        let Moved { pause_ms, total_ms, bytes } = here.send(&incoming)?;
        there.runs()?;
        here.quit()?;
        here = there;
        let (from, to) = (names[from], names[to]);
        // The guest goes on meanwhile: its writes are admitted again as soon as the extents are here.
        let owned = exports.own(to)?;
        let owner = OwnerChange { owner: to, extents: owned.moved, cycles: owned.cycles, ns: owned.ns };
        let said = works(&console, &mut exports, console.said().verified, args.steps)?;
        println!(
            "move {number}: {from} to {to}, the guest stood still for {pause_ms} ms; since then it has verified {}",
            said.verified - verified_before
        );
        moves.push(Move {
            from,
            to,
            pause_ms,
            total_ms,
            sent_bytes: bytes,
            verified_before,
            verified_after: said.verified,
            owner,
        });
    }
    here.type_line("stop")?;
    let what = "the guest has read all of its disk";
    let digest = wait(what, GUEST, || sound(&console, &mut exports).map(|said| said.digest))?;
    here.ended()?;
    let said = console.said();
    let [a, b] = exports.finish()?;
    ensure!(a == b, "the stores differ: {a:016x} at a, {b:016x} at b; they are in {}", dir.display());
    ensure!(a == digest, "the stores hold {a:016x}, and the guest has written {digest:016x}: writes were lost");
    Ok(Report {
        what: "guest under emulation, simulated cards: times are no product figures",
        moves,
        verified: said.verified,
        written: said.written,
        bad: said.bad,
        guest_digest: format!("{digest:016x}"),
        site_a_digest: format!("{a:016x}"),
        site_b_digest: format!("{b:016x}"),
    })
}

/// Waits until the guest has verified so many blocks more than `before`.
fn works(console: &Console, exports: &mut Exports, before: u64, steps: u64) -> Result<Said> {
    wait("the guest works on its disk", GUEST, || {
        let said = sound(console, exports)?;
        Ok((said.begun && said.verified >= before + steps).then_some(said))
    })
}

/// What the guest has said; every bad read, every error of its and of the server ends the demo.
fn sound(console: &Console, exports: &mut Exports) -> Result<Said> {
    exports.check()?;
    let said = console.said();
    if said.bad > 0 || !said.errors.is_empty() {
        bail!("the guest has read {} bad blocks; it says: {}", said.bad, said.errors.join("; "));
    }
    Ok(said)
}

fn show(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .moves
        .iter()
        .enumerate()
        .map(|(index, m)| {
            vec![
                (index + 1).to_string(),
                format!("{} to {}", m.from, m.to),
                m.pause_ms.to_string(),
                m.total_ms.to_string(),
                format!("{:.1}", m.sent_bytes as f64 / f64::from(1 << 20)),
                (m.verified_after - m.verified_before).to_string(),
                m.owner.owner.to_owned(),
                m.owner.extents.to_string(),
                m.owner.cycles.to_string(),
            ]
        })
        .collect();
    let head = ["move", "", "pause ms", "total ms", "memory MiB", "verified", "owner", "extents moved", "cycles"];
    let mut text = table(&head, &[0, 2, 3, 4, 5, 7, 8], &rows);
    let mut pauses: Vec<u64> = report.moves.iter().map(|m| m.pause_ms).collect();
    pauses.sort_unstable();
    text += &format!(
        "\n  {} blocks verified, {} written, {} bad; at the end both stores hold what the guest has written ({})\n",
        report.verified, report.written, report.bad, report.guest_digest
    );
    if let [least, .., most] = pauses[..] {
        text += &format!("  pause: {least} to {most} ms, median {}\n", pauses[pauses.len() / 2]);
    }
    let mut cycles: Vec<_> = report.moves.iter().map(|m| (m.owner.cycles, m.owner.ns)).collect();
    cycles.sort_unstable();
    if let Some((cycles, ns)) = cycles.get(cycles.len() / 2) {
        let ms = *ns as f64 / 1e6;
        text += &format!(
            "  owner: the whole disk, while the guest wrote, in {cycles} cycles of the card ({ms:.3} ms), median\n"
        );
    }
    text + "  of the disk nothing was copied: each host has it at its own site\n  these are times of a guest under emulation \
            beside simulated cards on one machine: no figures of a product\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_it_is_not() {
        let step = |from, to, pause_ms| Move {
            from,
            to,
            pause_ms,
            total_ms: 900,
            sent_bytes: 3 << 20,
            verified_before: 10,
            verified_after: 70,
            owner: OwnerChange { owner: to, extents: 16, cycles: 156_250, ns: 1_000_000 },
        };
        let report = Report {
            what: "",
            moves: vec![step("a", "b", 40), step("b", "a", 20)],
            verified: 70,
            written: 60,
            bad: 0,
            guest_digest: "ff".into(),
            site_a_digest: "ff".into(),
            site_b_digest: "ff".into(),
        };
        let text = show(&report);
        for part in
            ["a to b", "in 156250 cycles of the card (1.000 ms)", "pause: 20 to 40 ms", "no figures of a product"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
