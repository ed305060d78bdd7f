//! `dyad serve`, used by ordinary NBD clients, by rude ones, and when things go wrong around it.

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod clients;
mod endings;
mod file_system;
mod link;
mod owners;
mod race;
mod racing;
mod refusals;
mod rubbish;
mod sectors;
mod server;
mod tls;
mod wire;
