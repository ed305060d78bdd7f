//! The `dyad` command.
fn main() {}
