//! The driver on a real kernel: this program runs in a virtual machine whose two PCI devices are Verilated cards, and drives them
//! through the kernel's VFIO. `cargo xtask test --kernel` starts the machine and judges by what is printed here:
//!
//! - `OK <step>: <what was seen>` for each step, in the order of `steps::ALL`;
//! - `FAIL <step>: <why>`, after which nothing more is tried.
//!
//! It must never hold anything that knows of the simulation: to this program the cards are boards.

mod cards;
mod killed;
mod steps;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["write-until-killed", a, b] => killed::victim([a, b]),
        [a, b] => steps::run([a, b]),
        _ => {
            println!("FAIL start: two PCI addresses are needed, got {words:?}");
            ExitCode::FAILURE
        }
    }
}
