//! Two Verilated cards and the protocol model on the same random histories.
//!
//! A history ([`Shape`]) has rounds; in a round each site gets a few commands, one after the other or at once, and one frame may be
//! lost, doubled or late. The cards run it ([`Cards`](cards::Cards)). What hosts, stores, directories and, where it is no matter of
//! timing, the link have shown at the end of each round must be one of the endings that the model can come to
//! ([`dyad_model::outcomes`]).
//!
//! | module | holds |
//! |---|---|
//! | [`shape`] | histories, for both |
//! | [`generate`] | random ones |
//! | [`cards`], [`link`] | a history on the cards |
//! | [`judge`] | the model's endings, and the comparison |
//! | [`run`] | many histories; the smallest that still disagrees |

pub mod cards;
mod generate;
pub mod judge;
pub mod link;
pub mod run;
pub mod shape;

pub use run::{Disagreement, Plan, Report, agree, defects, shrink};
pub use shape::Shape;
