//! `cargo xtask constraints`

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::boards::{BOARDS, Board, pins};
use crate::cmd::setup;
use crate::progress;
use crate::repo::Repo;
use crate::synth::budget::Budgets;
use crate::table::table;
use crate::tools::Tools;

/// Check the boards' top levels and constraint files, as far as open tools go
///
/// Each top level is elaborated with the core and the vendor's cells as black boxes (any warning fails); every bit of every
/// port must have exactly one pin, every constraint a port, every pin the place that its source in pins.tsv names, and
/// transceiver pins the direction, polarity and order that their functions say; and what is used must be there in the chip.
#[derive(clap::Args)]
pub struct Args {
    /// Only this board
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    Ok(if check(repo, args.board.as_deref())? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the boards, prints what was found, and returns whether all was good.
pub fn check(repo: &Repo, only: Option<&str>) -> Result<bool> {
    let boards: Vec<&Board> = match only {
        Some(name) => vec![Board::find(name)?],
        None => BOARDS.iter().collect(),
    };
    let tools = Tools::of(repo)?;
    tools.warm_yosys(repo)?;
    let _lock = repo.lock("constraints")?;
    let path = repo.path("constraints/budgets.toml");
    let budgets =
        Budgets::parse(&fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?)?;
    let bar = progress::count("checking boards", boards.len());
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for board in boards {
        let (found, row) = one(repo, &tools, &budgets, board)?;
        wrong.extend(found.into_iter().map(|line| format!("{}: {line}", board.name)));
        rows.push(row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let head = ["board", "part", "port bits", "pins", "clocks", "LUT", "FF", "BRAM18", "result"];
    print!("{}", table(&head, &[2, 3, 4], &rows));
    for line in &wrong {
        println!("constraints: {line}");
    }
    println!(
        "constraints: {} boards, {} findings; use is the core's budget and an allowance for the shell",
        rows.len(),
        wrong.len()
    );
    Ok(wrong.is_empty())
}

/// What is wrong with a board, and its row of the table.
fn one(repo: &Repo, tools: &Tools, budgets: &Budgets, board: &Board) -> Result<(Vec<String>, Vec<String>)> {
    let ports = board.elaborate(repo, tools)?;
    let constraints = board.constraints(repo)?;
    let path = board.dir(repo).join("pins.tsv");
    let facts = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let facts = pins::parse_facts(&facts).with_context(|| format!("in {}", path.display()))?;
    let mut wrong = pins::check(&ports, &constraints, &facts);
    let shares = board.utilisation(budgets)?;
    wrong.extend(shares.iter().filter(|share| !share.fits()).map(|s| {
        format!("{} {} (core {}, shell {}), and {} has {}", s.used(), s.what, s.core, s.shell, board.part, s.chip)
    }));
    let bits: usize = ports.iter().map(|port| port.bits().len()).sum();
    let mut row = vec![board.name.to_owned(), board.part.to_owned()];
    row.extend([bits, constraints.pins.len(), constraints.clocks.len()].map(|n| n.to_string()));
    row.extend(shares.iter().map(|share| {
        let percent = f64::from(share.used()) * 100.0 / f64::from(share.chip);
        format!("{percent:.0} %")
    }));
    row.push(if wrong.is_empty() { "ok".into() } else { format!("{} wrong", wrong.len()) });
    Ok((wrong, row))
}
