//! `cargo xtask agree`

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::cmd::setup;
use crate::cmd::soak::release;
use crate::repo::Repo;

/// Random histories on the Verilated cards, each of which must end as the protocol model can
///
///   --seed N           first seed; it decides width, MTU and 250 histories [default: 1]
///   --histories M      histories [default: 1000]
///   --mutant NAME      a card with a rule left out
///   --mutation NAME    a model with a rule left out
///
/// `cargo xtask agree -- --help` lists all. A disagreement is printed with what cards and model say of it, with the smallest
/// history that still disagrees, and with the command that replays it.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Arguments for the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    release(repo, &["--package", "dyad-tests", "--bin", "agree"], args.args)
}
