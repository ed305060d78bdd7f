//! What Dyad exists for: owners, locks, dual writes, the mirror.
//!
//! Must never hold: anything of a bus or a frame format; those are in `dma` and `net`.

pub mod admin;
pub mod admin_host;
pub mod admit;
pub mod cmd_table;
pub mod commits;
pub mod compare;
pub mod copy;
pub mod decode;
pub mod directory;
mod fill;
pub mod flush;
pub mod follow;
pub mod launch;
pub mod lock_table;
pub mod mirror;
pub mod pending;
pub mod read;
pub mod resend;
pub mod seq_check;
mod slot_event;
mod slot_out;
pub mod slot_state;
pub mod slots;
