//! The card, described in Rust and printed as Verilog.
//!
//! - [`ir`]: the construction library. A block is a Rust function that returns a [`ir::Module`].
//! - [`verilog`]: the printer.
//! - [`interp`]: a two-state simulator of modules, the reference for the printer.
//!
//! Must never hold: anything that runs on the host, or knows of the simulator.

pub mod board;
pub mod bundle;
pub mod csr;
pub mod dma;
pub mod fields;
pub mod front;
pub mod interp;
pub mod ir;
pub mod net;
pub mod offload;
pub mod params;
pub mod prim;
pub mod queue;
pub mod stream;
pub mod top;
pub mod verilog;

/// What a block's file needs: `use crate::prelude::*;`.
pub mod prelude {
    pub use crate::ir::{
        Bits, Dir, E, Inst, M, Module, Op, Port, Ram, Switch, Var, When, all_of, any_of, cat, clog2, lit, lit_big,
        module, mux, onehot_mux, ones, priority, rep, select, switch, when, zero,
    };
}
