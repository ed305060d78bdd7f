//! `dyad bind` and `dyad unbind`: a board to the kernel's VFIO, and back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use dyad_driver::bind::{self, Event, Machine, Options};
use serde_json::json;

use crate::cli::print_json;

/// Give a board to the kernel's VFIO, so that programs can drive it
///
/// Shows each write to sysfs as one would type it, and undoes them all when one fails. Nothing is changed on a device that is no
/// Dyad card, or that shares its IOMMU group with a device in use. Only root may do it.
#[derive(clap::Args)]
#[command(after_help = BIND_EXAMPLES)]
pub struct BindArgs {
    #[command(flatten)]
    common: Common,
    /// Take it away from another driver
    #[arg(long)]
    force: bool,
}

/// Take a board back from the kernel's VFIO
///
/// Shows each write to sysfs as one would type it. A board that a program uses is not taken away from it. Only root may do it.
#[derive(clap::Args)]
#[command(after_help = UNBIND_EXAMPLES)]
pub struct UnbindArgs {
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct Common {
    /// PCI address of the board
    #[arg(value_name = "BDF")]
    address: String,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A folder whose sys, dev and proc are used instead of the machine's
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

const BIND_EXAMPLES: &str = "Examples:
  dyad bind 0000:01:00.0 --dry-run
  dyad bind 01:00.0";
const UNBIND_EXAMPLES: &str = "Examples:
  dyad unbind 01:00.0";

impl Common {
    fn options(&self, force: bool) -> Options {
        Options { force, dry_run: self.dry_run }
    }
}

/// Shows what happens; keeps the writes.
struct Shown {
    quiet: bool,
    dry_run: bool,
    writes: Vec<String>,
}

impl Shown {
    fn of(common: &Common) -> Self {
        Self { quiet: common.json, dry_run: common.dry_run, writes: Vec::new() }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Write(change) => {
                self.line(&change.to_string());
                self.writes.push(change.to_string());
            }
            // A failure is followed by an error, and belongs beside it.
            Event::Undo(change) => eprintln!("undo: {change}"),
            Event::UndoFailed(change, error) => eprintln!("undo: {change}: it failed, too: {error}"),
            Event::Version(major, minor) => self.line(&format!("# a Dyad card, version {major}.{minor}")),
            Event::VersionHidden => self.line("# its version is not known yet: the kernel does not show its registers"),
        }
    }

    fn line(&self, line: &str) {
        if !self.quiet {
            outln!("{}{line}", if self.dry_run { "would run  " } else { "" });
        }
    }
}

/// Runs `dyad bind`.
///
/// # Errors
/// What binding can give.
pub fn bind(args: &BindArgs) -> Result<ExitCode> {
    let common = &args.common;
    let mut shown = Shown::of(common);
    let machine = Machine::at(&common.root);
    let bound = bind::bind(&machine, &common.address, common.options(args.force), &mut |event| shown.event(event))?;
    if common.json {
        print_json(&json!({
            "address": bound.address,
            "iommu_group": bound.group,
            "already": bound.already,
            "dry_run": common.dry_run,
            "writes": shown.writes,
            "todo": bound.todo,
        }))?;
    } else {
        match (bound.already, common.dry_run) {
            (true, _) => outln!("{} is bound to vfio-pci already, IOMMU group {}", bound.address, bound.group),
            (false, true) => outln!("nothing was written"),
            (false, false) => outln!("{} is bound to vfio-pci, IOMMU group {}", bound.address, bound.group),
        }
        if let Some(todo) = &bound.todo {
            outln!("{todo}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `dyad unbind`.
///
/// # Errors
/// What unbinding can give.
pub fn unbind(args: &UnbindArgs) -> Result<ExitCode> {
    let common = &args.common;
    let mut shown = Shown::of(common);
    let machine = Machine::at(&common.root);
    let unbound = bind::unbind(&machine, &common.address, common.options(false), &mut |event| shown.event(event))?;
    if common.json {
        print_json(&json!({
            "address": unbound.address,
            "driver": unbound.driver,
            "already": unbound.already,
            "dry_run": common.dry_run,
            "writes": shown.writes,
        }))?;
    } else {
        let has = unbound.driver.as_ref().map_or("no driver has it".to_owned(), |driver| format!("{driver} has it"));
        match (unbound.already, common.dry_run) {
            (true, _) => outln!("{}: no driver has it; there was nothing to do", unbound.address),
            (false, true) => outln!("nothing was written"),
            (false, false) => outln!("{} is free of vfio-pci; {has}", unbound.address),
        }
    }
    Ok(ExitCode::SUCCESS)
}
