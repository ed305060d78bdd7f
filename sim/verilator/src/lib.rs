//! Verilator models as Rust values.
//!
//! A [`Design`] is Verilog that Verilator has turned into machine code; a [`Model`] is one instance of it, with its own
//! state, power-up seed and waves. Ports are found by name once and are then plain memory accesses:
//!
//! ```no_run
//! # fn main() -> Result<(), dyad_verilator::Error> {
//! let verilog = "module top(input clk, input [7:0] d, output reg [7:0] q); always @(posedge clk) q <= d; endmodule";
//! let mut model = dyad_verilator::Model::compile("top", verilog, &Default::default())?;
//! let (d, q) = (model.expect_port("d"), model.expect_port("q"));
//! model.set_u64(d, 7);
//! model.tick();
//! assert_eq!(model.get_u64(q), 7);
//! # Ok(())
//! # }
//! ```
//!
//! There are two ways to a `Design`, with one ABI between them: [`Design::compile`] builds a shared object at run time
//! and keeps it in a cache below the target directory; [`build::model`], called from a build script, links the model
//! into the program. Both run `verilator_bin` and the C++ compiler (`CXX`, or `g++`) directly; no make, no perl.
//!
//! Here lives what turns Verilog into a callable model. What drives the ports (buses, links, memories) lives in
//! `dyad-sim`.

pub mod build;
mod compile;
mod error;
mod model;
mod shim;
pub mod toolchain;

pub use compile::{Optimize, Options};
pub use error::Error;
pub use model::{Design, Model, ModelVtable, PortId};
pub use shim::{Direction, Port};
