//! `dyad flash`: puts a bitstream into a board.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the verb |
//! | `board.rs` | the boards, their chips, how they are reached |
//! | `bitstream.rs` | what a bitstream file says of itself |
//! | `loader.rs` | openFPGALoader and Vivado |

mod bitstream;
mod board;
mod loader;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::progress;
use board::{Board, Way};
use loader::Reach;

/// Put a bitstream into a board
///
/// The file must be whole and for the board's chip, and the chip on the cable must be that of the board: all three are checked
/// before anything is written. Without --flash the chip forgets it when it loses power.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The board: ecp5-versa, ecpix5, as02mc04, alveo-u50
    #[arg(long, value_name = "NAME")]
    board: String,
    /// The bitstream; by default where `cargo xtask bitstream` and the build scripts put it
    #[arg(long, value_name = "FILE")]
    bitstream: Option<PathBuf>,
    /// Check the file, show what would be run, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the board's flash, and verify it, instead of the chip
    #[arg(long)]
    flash: bool,
    /// The kind of cable, by openFPGALoader's name, instead of the board's usual one
    #[arg(long, value_name = "CABLE", conflicts_with = "xvc")]
    cable: Option<String>,
    /// A cable that is served by the network: Xilinx Virtual Cable
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    xvc: Option<(String, u16)>,
    /// openFPGALoader, or for alveo-u50 vivado, when it is not on PATH
    #[arg(long, value_name = "PROGRAM", env = "DYAD_LOADER")]
    loader: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  dyad flash --board ecp5-versa --dry-run
  dyad flash --board ecp5-versa --bitstream out/bitstream/ecp5-versa/ecp5-versa.bit
  dyad flash --board as02mc04 --flash --cable digilent_hs2
  dyad flash --board ecp5-versa --xvc lab-pi:2542          a cable on another machine";

fn address(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("HOST:PORT is wanted, localhost:2542 for example")?;
    let port = port.parse().map_err(|_| format!("`{port}` is no port number"))?;
    Ok((host.to_owned(), port))
}

/// Runs `dyad flash`.
///
/// # Errors
/// When the file is not for this board, or the board can't be reached or loaded: with what to do.
pub fn run(args: &Args) -> Result<ExitCode> {
    let board = Board::find(&args.board)?;
    let file = args.bitstream.clone().unwrap_or_else(|| default_file(board));
    let (made, size) = bitstream::read(&file).with_context(|| match args.bitstream {
        Some(_) => "--bitstream".to_owned(),
        None => format!("no --bitstream was given; constraints/{}/README.md says how to build one", board.name),
    })?;
    board.accept(&made)?;
    let reach = Reach { program: args.loader.clone(), cable: args.cable.clone(), xvc: args.xvc.clone() };
    let to = if args.flash { "flash" } else { "chip" };
    outln!("board      {} ({})", board.name, board.chip);
    outln!("bitstream  {}, {size} bytes, for {made}", file.display());
    outln!("goes to    the board's {to}");
    let vivado = match board.way {
        Way::Vivado { flash } => Some(loader::vivado_script(&file.with_extension("bin"), flash, "xcu50")),
        Way::OpenFpgaLoader { .. } => None,
    };
    if vivado.is_some() && !args.flash {
        bail!("{} is written by Vivado, and that into its flash: say --flash", board.name);
    }
    if args.dry_run {
        match loader::command(board, &reach, &file, args.flash) {
            Ok(command) => outln!("would run  {}", shown(&command)),
            Err(error) => outln!("would run  nothing: {error:#}"),
        }
        if let Some(script) = vivado {
            outln!("with       {}:\n{script}", file.with_extension("tcl").display());
        }
        outln!("needs      {}", board.plug);
        return Ok(ExitCode::SUCCESS);
    }
    let command = loader::command(board, &reach, &file, args.flash)?;
    if let Some(script) = vivado {
        let path = file.with_extension("tcl");
        std::fs::write(&path, script).with_context(|| format!("can't write {}", path.display()))?;
    }
    loader::detect(board, &reach)?;
    let bar = progress::bar("loading", 100, false);
    let loaded = loader::load(board, &reach, command, |percent| bar.set_position(percent));
    bar.finish_and_clear();
    loaded?;
    let verified = if args.flash { "written and verified" } else { "loaded; the chip found no fault in it" };
    outln!("{verified}");
    Ok(ExitCode::SUCCESS)
}

/// Where the build puts a board's bitstream.
fn default_file(board: &Board) -> PathBuf {
    let dir = if board.is_built_by_open_tools() { "out/bitstream" } else { "out" };
    Path::new(dir).join(board.name).join(format!("{}.bit", board.name))
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
