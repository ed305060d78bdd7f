//! The construction library: modules are built by Rust functions.
//!
//! ```
//! use dyad_hdl::interp::Interp;
//! use dyad_hdl::prelude::*;
//!
//! /// Counts the cycles in which `en` is 1.
//! fn counter(w: usize) -> Module {
//!     module(format!("counter_{w}"), |m| {
//!         let en = m.input("en", 1);
//!         let count = m.output("count", w);
//!         let q = m.reg("q", w, 0);
//!         when(en, || q.set(q + 1));
//!         count.set(q);
//!     })
//! }
//!
//! let m = counter(8);
//! let text = dyad_hdl::verilog::print(&m);
//! assert!(text.contains("module counter_8"));
//!
//! let mut sim = Interp::new(&m).unwrap();
//! sim.poke_u64("en", 1);
//! for _ in 0..3 {
//!     sim.step().unwrap();
//! }
//! assert_eq!(sim.peek_u64("count"), 3);
//! ```
//!
//! Everything between the braces of [`module`] runs once, when the module is built: loops unroll, functions inline,
//! `if` on a parameter chooses what is built. What depends on a signal is said with [`mux`], [`select`], [`when`] and
//! [`switch`].
//!
//! # Rules
//!
//! - **Widths** never adapt by themselves: both sides of an operator have one width, integers must fit. All values are
//!   unsigned; arithmetic wraps; what lies past the end of a dynamic shift or slice is 0; [`select`] gives its last item.
//! - **Wires and outputs** are assigned in every case, the default first. Reading one gives its final value.
//! - **Registers** hold where nothing is assigned; the last assignment wins. `reg` has a reset, `reg_nr` has none; both
//!   have an initial value.
//! - **Clock and reset** are implied: a module with state, or with children that have state, has the ports `clk` and
//!   `rst` (active high, synchronous), connected by every instance. Clock domains are not crossed in this library.
//! - **Memories** start at zero. A synchronous read of an address that is being written gives the old data.
//! - **Loops**: a wire that depends on itself, also through children, is refused. A wire counts as one: bits of it that
//!   depend on each other are two wires.
//! - **Names**: ports and modules are named exactly as said; everything else gets a number when its name is taken.
//!
//! What breaks a rule panics when the module is built, at the line that breaks it, or at the line of [`module`] when
//! only the whole shows it.

mod bits;
mod builder;
mod check;
pub(crate) mod comb;
pub mod data;
mod eval;
mod expr;
mod fold;
mod known;
mod mem;
pub(crate) mod names;
mod ops;
mod stmt;
#[cfg(test)]
mod tests;
mod tidy;

pub(crate) use bits::words;
pub use bits::{Bits, clog2, word_count};
pub(crate) use builder::try_module;
pub use builder::{M, module, without_folding};
pub use data::{Dir, Module, Port, PropKind};
pub(crate) use eval::{cmp_holds, eval};
pub use expr::{E, Op, Var};
pub use mem::{Inst, Ram};
pub use ops::{all_of, any_of, cat, lit, lit_big, mux, onehot_mux, ones, priority, rep, select, zero};
pub use stmt::{Switch, When, switch, when};
