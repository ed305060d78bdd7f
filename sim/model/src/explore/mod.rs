//! Exhaustive search: every order in which two sites, their stores, their hosts and a bad link can act.
//!
//! The link is a set of frames. A frame that was ever sent may be delivered at any later time, any number of times, or
//! never: loss, doubling, delay and reordering, without a bound. A store access takes effect when it is answered, in any
//! order. Times are zero: what may be repeated may be repeated now.
//!
//! Checked in every state:
//!
//! - reads are linearizable for each block ([`Register`](linear::Register)), and so are compare-and-writes;
//! - no read shows a value that is not in both stores;
//! - at most one site owns an extent, and equal epochs mean equal owners;
//! - a command completes once;
//! - at rest both stores are equal;
//! - everything can finish: from here, with every frame in flight lost and no more losses, all commands complete, the
//!   sites come to rest with equal stores, and a read of every block at both sites completes.
//!
//! Why not `stateright`: the last property is stronger than what it offers (it must hold after the loss of everything,
//! in a fair run, from every state), and states are kept as 16-byte fingerprints here.

pub mod linear;
mod scenario;
mod search;
mod state;
mod trace;

pub use scenario::Scenario;
pub use search::{Limits, Outcome, Search, search};
pub use state::{Action, State, Violation};
