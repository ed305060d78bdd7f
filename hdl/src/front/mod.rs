//! The rust-hdl front: a rust-hdl circuit becomes a [`Module`], with the hierarchy kept.
//!
//! ```
//! use dyad_hdl::front::{self, Reset, ResetDff};
//! use rust_hdl::prelude::*;
//!
//! /// Counts the cycles in which `en` is 1.
//! #[derive(LogicBlock, Default)]
//! struct Counter {
//!     clock: Signal<In, Clock>,
//!     rst: Signal<In, Reset>,
//!     en: Signal<In, Bit>,
//!     count: Signal<Out, Bits<8>>,
//!     q: ResetDff<Bits<8>>,
//! }
//!
//! impl Logic for Counter {
//!     #[hdl_gen]
//!     fn update(&mut self) {
//!         dff_setup!(self, clock, q);
//!         self.q.rst.next = self.rst.val();
//!         if self.en.val() {
//!             self.q.d.next = self.q.q.val() + 1;
//!         }
//!         self.count.next = self.q.q.val();
//!     }
//! }
//!
//! let module = front::import("counter", Counter::default()).unwrap();
//! assert!(dyad_hdl::verilog::print(&module).contains("module counter"));
//! ```
//!
//! Kernels written with rust-hdl's `#[hdl_gen]` so go through the same IR, checks, simulator and printer as blocks that
//! are built with [`crate::ir`]. Nothing of rust-hdl's own Verilog printer is used.
//!
//! # What is translated
//! - Every signal of type `Bits<N>`, `Bit`, enum (`LogicState`) and struct (`LogicStruct`, first field lowest), alone, in
//!   interfaces and in arrays; constants.
//! - `+ - & | ^ !`, comparisons, `&& ||`, shifts (0 at and beyond the width), `Bits * Bits` (twice as wide), `bit_cast`,
//!   `bits`, `get_bit`, `get_bits`, `replace_bit` (past the end: 0, and no effect), `all`, `any`, `xor`. Operators group
//!   as Rust grouped them; each expression has a width, or is an integer that takes the width of the other operand.
//! - `if`, `match`, `for` (unrolled), `Interface::link` and `join`, fields of structs.
//! - `DFF` and `EdgeDFF` (registers without reset, with their initial value), [`ResetDff`] (a register that `rst`
//!   loads with its initial value), `RAM` that starts empty, as a memory.
//! - Blocks below the top become modules and instances. A block with a field `tag: Tag<Self>` names its module after its
//!   type and parameters; any other is named after its parent's module and its field.
//!
//! # Conventions
//! - **Clock.** All `Signal<_, Clock>` are the one `clk`; the top has at most one. A clock may only be handed on whole,
//!   outside conditionals.
//! - **Reset.** All `Signal<In, Reset>` are the one `rst`, synchronous and active high; the same rules hold. [`Reset`] is
//!   not a `Bit`: a kernel can't read it, only hand it on. A kernel that clears its state on a signal of its own takes
//!   that as an ordinary `Bit`, under another name than `rst`.
//! - **Names.** `s_axil.awaddr` and `x[2]` become `s_axil_awaddr` and `x_2`; two ports of one name are an error.
//! - **`fresh`.** The instance that is imported has not been simulated: initial values are read from it.
//!
//! # Sequential kernels
//! In rust-hdl, `val()` of a local signal or output gives the value assigned last, so a kernel is a sequence. Modules have
//! one value per signal. Both agree when no read lies between two assignments of the same signal; where one does, the
//! import is refused. So is every signal, and every `d` of a flip-flop, that is not assigned in every case.
//!
//! # What is refused
//! `Signed`, `InOut`, black boxes, wrappers and hand-written Verilog; several clocks; assertions in kernels (rust-hdl
//! turns them into comments); integers that do not fit; widths that differ; shift amounts of more than 64 bits; anything
//! else that is not in the list above. See [`Reason`].
//!
//! # What the kernel language hides
//! The macro drops some things from the tree, so that nobody can find them there: guards of `match` arms, and `.index()`.
//! The latter makes a `usize`, so that `a.val().index() + 1` does not wrap at the width of `a`. Within an index this is
//! refused as ambiguous; elsewhere (`a.val().index() + 1 == 8`) it would be taken for `a.val() + 1 == 8`. So: no guards,
//! and `.index()` only directly as an index, or compared with an integer. The differential test of a block would find it.

mod circuit;
mod error;
mod expr;
mod flow;
mod names;
mod nets;
mod probe;
mod stmt;
mod value;
mod widgets;

pub use error::{FrontError, Reason};
pub use widgets::{Reset, ResetDff, Tag};

use crate::ir::Module;
use rust_hdl::core::block::Block;

/// Imports the circuit `fresh` and everything below it. `name` is the name of the top module.
///
/// # Errors
/// Whatever can't be translated faithfully, with the block, the signal and the reason.
pub fn import<B: Block>(name: &str, fresh: B) -> Result<Module, FrontError> {
    let top = probe::walk(name, &fresh)?;
    circuit::import(name, &top)
}
