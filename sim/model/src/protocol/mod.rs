//! One site of the coherence protocol, as a state machine without IO.
//!
//! [`Site`] takes host commands, frames, store answers and the scan of its timers, and puts out frames, store accesses
//! and completions. It has no clock, no thread and no queue without a bound: own operations live in slots, the peer's on
//! record by slot, waiting is a place in the lock table or in a slot. Every step touches one slot or one record, one
//! lock entry, one extent: what a pipeline can do. Only the scan visits everything, one index a call.
//!
//! ```text
//!   submit ─► slot ─► lock ─► directory ─► launch / request ─► ACK, store's answer ─► completion, COMMIT
//!  receive ─► record (R1, R2) ─► gather ─► directory ─► lock ─► home ─► ACK ─► COMMIT
//! ```

mod answer;
mod change;
mod config;
mod directory;
mod frame;
mod gather;
mod io;
mod link;
mod lock;
mod mutation;
mod own;
mod peer;
mod range;
mod scan;
mod site;
mod turn;

pub use config::Config;
pub use directory::{Directory, Gate, Lookup, Map};
pub use frame::{Block, Epoch, Frame, Kind, PARTS, SiteId, WHOLE};
pub use io::{Io, Op, Output, Status, StoreOp, Tag};
pub use link::{Agreement, Hello};
pub use mutation::Mutation;
pub use site::{Phase, Site, Stats};
