//! The Verilog that `dyad-hdl` prints, as text. The only file here that knows that crate.

use anyhow::{Result, ensure};
use dyad_hdl::params::Params;
use dyad_hdl::{top, verilog};

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

/// Everything that is linted: the whole core, and with it every block, at each width and at two points of its sizes.
pub fn units() -> Result<Vec<Unit>> {
    let mut out = Vec::new();
    for data_w in [64, 512] {
        for (suffix, params) in [("", Params::new(data_w)), ("_small", Params::small(data_w))] {
            let text = verilog::print(&top::dyad_core(&params));
            out.push(Unit { name: format!("dyad_core_{data_w}{suffix}"), top: "dyad_core".to_string(), text });
        }
    }
    Ok(out)
}
