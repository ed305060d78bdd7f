//! The verbs.

pub mod demo;
pub mod generate;
pub mod lint;
pub mod setup;
pub mod soak;
pub mod test;
pub mod verilog;
