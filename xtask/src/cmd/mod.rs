//! The verbs.

pub mod agree;
pub mod bitstream;
pub mod constraints;
pub mod demo;
pub mod demo_vm;
pub mod formal;
pub mod generate;
pub mod lint;
pub mod mutants;
pub mod peers;
pub mod setup;
pub mod soak;
pub mod synth;
pub mod test;
pub mod verilog;
