//! Small parts written as rust-hdl kernels, and imported through [`crate::front`].
//!
//! Each file has the kernel, for circuits that are written in rust-hdl, and a function that returns it as a
//! [`Module`](crate::ir::Module), for all others. Parameters are const generics. The tests of all of them are in
//! `hdl/tests/front_kernels.rs`: rust-hdl's simulator, the interpreter and the Verilated text in step, and against a
//! plain function.
//!
//! Must never hold: anything that knows what its bits mean.

mod bit_sync;
mod gray_counter;
mod pulse_sync;
mod reset_sync;
mod sat_counter;

pub use bit_sync::{BitSync, bit_sync};
pub use gray_counter::{GrayCounter, gray_counter};
pub use pulse_sync::{PulseSync, pulse_sync};
pub use reset_sync::{ResetSync, reset_sync};
pub use sat_counter::{SatCounter, sat_counter};

use crate::front;
use crate::ir::Module;
use rust_hdl::core::block::Block;

/// Imports one of the kernels of this directory; the tests import them all.
fn imported<B: Block>(name: &str, fresh: B) -> Module {
    match front::import(name, fresh) {
        Ok(module) => module,
        Err(e) => panic!("{e}"),
    }
}
