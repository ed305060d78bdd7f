//! `cargo xtask synth`

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;

use crate::cmd::setup;
use crate::progress::seconds;
use crate::repo::Repo;
use crate::rtl::{self, Size};
use crate::synth::budget::Budgets;
use crate::synth::{self, Report, Target};
use crate::tools::Tools;

/// Where the limits are, from the root of the checkout.
const BUDGETS: &str = "constraints/budgets.toml";

/// Count what the card costs in a chip, by block, and hold it to the committed budgets
///
/// yosys maps the core, without MAC and PCIe, to a family's cells: LUTs, those used as RAM, flip-flops, block RAMs of 18 Kb,
/// and levels of logic between registers. Nothing is placed: these are estimates of synthesis. A figure above its limit in
/// constraints/budgets.toml fails. The same Verilog is mapped once; the figures are kept below the target directory.
#[derive(clap::Args)]
pub struct Args {
    /// Datapath width in bits; both when not given
    #[arg(long, value_parser = PossibleValuesParser::new(["64", "512"]).map(|text| text.parse::<u32>().unwrap_or(64)))]
    data_w: Option<u32>,
    /// Family of chips
    #[arg(long, default_value = "xcup")]
    target: Target,
    /// Sizes of the tables; ECP5 has room for those of `board`, which is its default
    #[arg(long)]
    size: Option<Size>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Set the limits of these builds to what is counted now, and some room
    #[arg(long, conflicts_with = "json")]
    bless: bool,
}

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    setup::ensure(repo)?;
    let widths = args.data_w.map_or(vec![64, 512], |data_w| vec![data_w]);
    let size = args.size.unwrap_or(if args.target == Target::Ecp5 { Size::Board } else { Size::Full });
    let mut json = serde_json::Map::new();
    let mut over = Vec::new();
    for data_w in widths {
        let build = Build { data_w, size, target: args.target };
        let start = Instant::now();
        let report = build.report(repo)?;
        if args.json {
            json.insert(build.table(), serde_json::to_value(&report)?);
        } else {
            println!("{}: the core without MAC and PCIe ({})", build.title(), seconds(start.elapsed()));
            println!("{}", report.show());
        }
        if args.bless {
            build.bless(repo, &report)?;
        } else {
            over.extend(build.exceeded(repo, &report)?);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json)?);
    }
    for line in &over {
        eprintln!("synth: {line}");
    }
    if over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("synth: {} figures above {BUDGETS}; cut them, or raise the limit with --bless and say why", over.len());
    Ok(ExitCode::FAILURE)
}

/// The phase of `cargo xtask test`: the narrow core at its full size on UltraScale+. Returns what to note.
pub fn check(repo: &Repo) -> Result<Result<String, String>> {
    let build = Build { data_w: 64, size: Size::Full, target: Target::Xcup };
    let report = build.report(repo)?;
    let over = build.exceeded(repo, &report)?;
    Ok(if over.is_empty() {
        let total = report.total;
        Ok(format!(
            "{}: {} LUT, {} FF, {} BRAM18, {} levels",
            build.table(),
            total.lut,
            total.ff,
            total.bram18,
            report.depth
        ))
    } else {
        Err(over.join("\n"))
    })
}

/// One row of the budgets.
#[derive(Clone, Copy)]
struct Build {
    data_w: u32,
    size: Size,
    target: Target,
}

impl Build {
    /// The name of its limits.
    fn table(self) -> String {
        format!("core_{}_{}.{}", self.data_w, self.size.name(), self.target.name())
    }

    fn title(self) -> String {
        let params = self.size.params(self.data_w);
        format!("DATA_W {}, {} slots, {} extents, on {}", self.data_w, params.slots, params.extents, self.target.name())
    }

    fn report(self, repo: &Repo) -> Result<Report> {
        let tools = Tools::of(repo)?;
        tools.warm_yosys(repo)?;
        synth::run(repo, &tools, &rtl::sized_core(self.data_w, self.size)?, self.target)
    }

    fn exceeded(self, repo: &Repo, report: &Report) -> Result<Vec<String>> {
        read(repo)?.exceeded(&self.table(), report)
    }

    fn bless(self, repo: &Repo, report: &Report) -> Result<()> {
        let mut budgets = read(repo)?;
        budgets.bless(&self.table(), report);
        let path = repo.path(BUDGETS);
        fs::write(&path, budgets.print()).with_context(|| format!("can't write {}", path.display()))?;
        println!("synth: limits of [{}] written to {BUDGETS}", self.table());
        Ok(())
    }
}

/// The committed limits; none when there is no file yet.
fn read(repo: &Repo) -> Result<Budgets> {
    let path = repo.path(BUDGETS);
    match fs::read_to_string(&path) {
        Ok(text) => Budgets::parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Budgets::default()),
        Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
    }
}
