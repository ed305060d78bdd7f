//! The card's coherence behaviour in plain Rust, and what judges it.
//!
//! | module | holds |
//! |---|---|
//! | [`protocol`] | one site as a state machine, sans-IO: commands, frames and store answers in; frames, store accesses and completions out |
//! | [`explore`] | exhaustive search over two sites and a link that loses, doubles and reorders |
//! | [`judge`] | histories: linearizable, untorn, complete, both stores equal. Knows nothing of the model |
//! | [`outcomes`] | every way in which a short history can end, for the cards to be compared with |
//! | [`store`] | a site's store, as search and simulation have it |
//! | [`world`] | seeded simulation of two sites, their stores, their clients and the link, with faults |
//!
//! `docs/coherence.md` describes the protocol, and what each check covers.

pub mod explore;
mod fingerprint;
pub mod judge;
pub mod outcomes;
pub mod protocol;
pub mod store;
pub mod world;
