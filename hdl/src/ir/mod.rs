//! The construction library: modules are built by Rust functions.
//!
//! ```
//! use dyad_hdl::interp::Interp;
//! use dyad_hdl::prelude::*;
//!
//! /// Counts the cycles in which `en` is 1.
//! fn counter(w: usize) -> Module {
//!     module(format!("counter_{w}"), |m| {
//!         let en = m.input("en", w.min(1));
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
