//! The Verilog that `dyad-hdl` prints, as text. The only file here that knows that crate.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use dyad_hdl::params::Params;
use dyad_hdl::{board, top, verilog};

/// One Verilog file with one top module.
pub struct Unit {
    /// What to call it in tables and file names: letters, digits, `_`. Unique.
    pub name: String,
    /// Its top module.
    pub top: String,
    /// The Verilog-2005 text: the top module and everything it instantiates.
    pub text: String,
}

/// The whole core at datapath width `data_w` (64 or 512): the file `dyad_core.v`.
pub fn core(data_w: u32) -> Result<String> {
    ensure!(matches!(data_w, 64 | 512), "DATA_W is 64 or 512, not {data_w}");
    Ok(top::verilog(data_w as usize))
}

/// A build of the card that is mapped and has budgets.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Size {
    /// The sizes of a 10G or 100G board: 4096 slots, 65536 directory entries
    Full,
    /// What a small FPGA takes: 512 slots, 4096 directory entries, 2 gather buffers a leg, 2 LUNs, short queues
    Board,
    /// The least: 64 slots, 64 directory entries, 2 gather buffers a leg
    Small,
}

impl Size {
    /// Its name on the command line and in the budgets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Board => "board",
            Self::Small => "small",
        }
    }

    /// The generator's parameters.
    pub fn params(self, data_w: u32) -> Params {
        let data_w = data_w as usize;
        match self {
            Self::Full => Params::new(data_w),
            Self::Board => Params::board(data_w),
            Self::Small => Params::small(data_w),
        }
    }
}

/// The whole core at a datapath width (64 or 512) and a size.
pub fn sized_core(data_w: u32, size: Size) -> Result<Unit> {
    ensure!(matches!(data_w, 64 | 512), "DATA_W is 64 or 512, not {data_w}");
    let text = verilog::print(&top::dyad_core(&size.params(data_w)));
    Ok(Unit { name: format!("core_{data_w}_{}", size.name()), top: "dyad_core".to_owned(), text })
}

/// The oscillator in the PLL of the ECP5 boards, in Hz: the core's clock is this divided by a whole number.
const ECP5_OSCILLATOR_HZ: u32 = 500_000_000;
/// Speed of their serial line.
const BAUD: u32 = 115_200;

/// A bit of the serial line, in periods of a core's clock that is the oscillator divided by `core_div`.
pub fn serial_div(core_div: u32) -> u32 {
    (ECP5_OSCILLATOR_HZ / core_div + BAUD / 2) / BAUD
}

/// What `constraints/ecp5/ecp5_card.v` is made of, beside itself and the chip's cells: the core and the blocks of
/// `dyad_hdl::board`, each module once. `core_div` divides the PLL's oscillator to the core's clock.
pub fn ecp5_parts(size: Size, core_div: u32) -> String {
    let clock_khz = (ECP5_OSCILLATOR_HZ / core_div / 1000) as usize;
    board::ecp5_parts(&Params { clock_khz, ..size.params(64) }, serial_div(core_div) as usize)
}

/// Everything that is linted: the whole core, and with it every block, at each width and at points of its sizes.
pub fn units() -> Result<Vec<Unit>> {
    let mut out = Vec::new();
    let board = Params::board(64);
    for (suffix, params) in [
        ("", Params::new(64)),
        ("_small", Params::small(64)),
        ("_board", board.clone()),
        ("_sliced", board.with_slices()),
        ("", Params::new(512)),
        ("_small", Params::small(512)),
    ] {
        let text = verilog::print(&top::dyad_core(&params));
        out.push(Unit { name: format!("dyad_core_{}{suffix}", params.data_w), top: "dyad_core".to_string(), text });
    }
    Ok(out)
}
