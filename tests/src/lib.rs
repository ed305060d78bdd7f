//! Harness for tests of the card's blocks.
//!
//! A test compiles the Verilog of a block ([`Dut`]), drives it with random pauses ([`Source`], [`Sink`]) and compares what
//! comes out with plain Rust ([`Scoreboard`], or a model in the test's own file). [`trial`] runs the body with two power-up
//! seeds and prints the line that replays a failure. [`differential`] holds the printer and the interpreter against each
//! other, [`prove`] proves a block's properties by induction, [`every_state`] by visiting all that a small one can reach.
//!
//! Must never hold: a result that is compared with what the test itself wrote.

pub mod agree;
pub mod differential;
mod dut;
pub mod mutants;
mod payload;
mod proof;
mod rng;
pub mod soak;
mod states;
mod stream;
pub mod system;
mod trial;

pub use dut::Dut;
pub use payload::{field, pack};
pub use proof::prove;
pub use rng::Rng;
pub use states::{Family, Reached, every_state, same_netlist};
pub use stream::{Scoreboard, Sink, Source, Stall};
pub use trial::{Trial, trial};
