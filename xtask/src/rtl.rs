//! The Verilog that `dyad-hdl` prints, as text. The only file here that knows that crate.

use anyhow::{Result, bail};

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
    bail!("dyad-hdl does not describe the core yet, at DATA_W {data_w} or any other")
}

/// Everything that is linted: the whole core at each width, and every block of `dyad-hdl` by itself.
pub fn units() -> Result<Vec<Unit>> {
    Ok(Vec::new())
}
