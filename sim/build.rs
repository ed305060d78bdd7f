//! Turns the card's Verilog, at both widths, into machine code that is linked into this crate.

use dyad_hdl::params::Params;
use dyad_verilator::{Optimize, Options, build};

fn main() {
    let options = Options { optimize: Optimize::Speed, ..Options::default() };
    for data_w in [64, 512] {
        let text = dyad_hdl::verilog::print(&dyad_hdl::top::dyad_core(&Params::new(data_w)));
        if let Err(error) = build::model(&format!("core{data_w}"), "dyad_core", &text, &options) {
            panic!("the card at DATA_W {data_w} could not be made into a model: {error}");
        }
    }
}
