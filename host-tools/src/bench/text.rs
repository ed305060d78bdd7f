//! A run as a table for people.

use std::fmt::Write;

use crate::bench::outcome::{self, Outcome};
use crate::bench::sweep::SweepOutcome;
use crate::summary::Summary;
use crate::workload::Pattern;

/// The run as lines.
pub fn table(outcome: &Outcome) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = latency(&mut out, outcome);
    let _ = rates(&mut out, outcome);
    let _ = outcome.sweeps.iter().try_for_each(|one| sweep(&mut out, one));
    out
}

fn rows(out: &mut String, name: &str, rows: &[(&str, Summary)]) -> std::fmt::Result {
    writeln!(out, "  {name:12}{:>9}{:>9}{:>9}{:>9}{:>9}", "min", "p50", "p99", "p99.9", "max")?;
    for (name, summary) in rows {
        let figures: String = summary.row().iter().map(|value| format!("{value:>9}")).collect();
        writeln!(out, "  {name:12}{figures}")?;
    }
    Ok(())
}

fn latency(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let Outcome { data_w, clock_mhz, .. } = outcome;
    writeln!(out, "{}; {}, DATA_W {data_w}, {clock_mhz} MHz", outcome.workload(), outcome.nature())?;
    if let Some(link) = &outcome.link {
        writeln!(out, "link: {}", link.text())?;
    }
    writeln!(out, "LUN: {} blocks, {}", outcome.lun_blocks, outcome::size(outcome.lun_blocks))?;
    for kind in &outcome.kinds {
        match outcome.pattern {
            Pattern::Race => writeln!(out, "{} writes that ended {} of their block", kind.count, kind.kind)?,
            _ => writeln!(out, "{} {}s", kind.count, kind.kind)?,
        }
        rows(out, "cycles", &kind.stage_cycles)?;
        where_it_went(out, &kind.segment_cycles, None)?;
        kind.round_trips.iter().try_for_each(|trips| writeln!(out, "  {}", trips.text()))?;
    }
    if outcome.kinds.is_empty() {
        let added = outcome.added_cycles.iter().map(|summary| ("ADDED", *summary));
        rows(out, "cycles", &outcome.stage_cycles.iter().copied().chain(added).collect::<Vec<_>>())?;
        where_it_went(out, &outcome.segment_cycles, Some(&outcome.slowest_segment_cycles))?;
        outcome.round_trips.iter().try_for_each(|trips| writeln!(out, "{}", trips.text()))?;
    }
    let ns = &outcome.latency_ns;
    writeln!(out, "latency p50 {} ns, p99 {} ns, p99.9 {} ns", ns.p50, ns.p99, ns.p999)
}

fn where_it_went(out: &mut String, mean: &[(&str, f64)], slowest: Option<&[(&str, f64)]>) -> std::fmt::Result {
    let all: f64 = mean.iter().map(|part| part.1).sum();
    let head = if slowest.is_some() { format!("{:>14}", "slowest 1 %") } else { String::new() };
    writeln!(out, "  {:28}{:>11}{:>9}{head}", "where the time went", "mean", "share")?;
    for (name, cycles) in mean {
        let share = format!("{:.1} %", cycles * 100.0 / all.max(1.0));
        write!(out, "  {name:28}{cycles:>11.1}{share:>9}")?;
        if let Some(slowest) = slowest {
            let cycles = slowest.iter().find(|part| part.0 == *name).map_or(0.0, |part| part.1);
            write!(out, "{cycles:>14.1}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn rates(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let (commands, bytes) = (outcome.commands_per_second, outcome.bytes_per_second);
    writeln!(out, "{commands:.0} commands a second, {:.1} MB/s, {} blocks sent again", bytes / 1e6, outcome.retries)?;
    if let Some(rate) = outcome.owner_changes_per_second {
        write!(out, "{rate:.0} changes of owner a second")?;
        match outcome.owner_changes_of_bound {
            Some(part) => writeln!(out, ", {:.2} % of one in each round trip", part * 100.0)?,
            None => writeln!(out)?,
        }
    }
    let counted: Vec<String> = outcome.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
    writeln!(out, "counted: {}", counted.join(", "))?;
    if let Some(floor) = &outcome.floor_cycles {
        let parts: Vec<String> = floor.parts().iter().map(|(name, cycles)| format!("{name} {cycles}")).collect();
        writeln!(out, "floor {} cycles: {}", floor.total(), parts.join(", "))?;
    }
    if let Some(board) = &outcome.board {
        let (low, high) = (board.optimistic_ns, board.pessimistic_ns);
        writeln!(out, "floor on a board, by named constants (docs/measuring.md): {low:.0} to {high:.0} ns")?;
    }
    for (site, goodput) in &outcome.goodput_by_site {
        writeln!(out, "goodput over line rate, from site {site}: {:.2} %", goodput * 100.0)?;
    }
    if let (Some(goodput), Some(cycles)) = (outcome.goodput_fraction, outcome.stream_cycles) {
        writeln!(out, "goodput over line rate {:.2} % in {cycles} cycles", goodput * 100.0)?;
    }
    if let Some(rate) = outcome.lookups_per_cycle {
        writeln!(out, "{rate:.3} lookups a cycle, first doorbell to last completion")?;
    }
    if let Some(khz) = outcome.sim_khz {
        writeln!(out, "simulation {khz:.0} kHz")?;
    }
    Ok(())
}

/// One row for each value, and the counters that tell why.
fn sweep(out: &mut String, sweep: &SweepOutcome) -> std::fmt::Result {
    let name = sweep.axis.name();
    writeln!(
        out,
        "\nsweep of {name}\n  {name:>9}{:>12}{:>12}{:>12}{:>9}{:>11}  counted",
        "p50 ns", "p99 ns", "MB/s", "goodput", "sent again"
    )?;
    for point in &sweep.points {
        let goodput = point.goodput_fraction.map_or("-".to_owned(), |fraction| format!("{:.2} %", fraction * 100.0));
        let (p50, p99, rate) = (point.latency_ns.p50, point.latency_ns.p99, point.bytes_per_second / 1e6);
        let why = ["lock_wait", "rx_busy", "blocks_timed_out", "tx_resend", "mirror_evicted"];
        let why = point.counters.iter().filter(|(name, _)| why.contains(name));
        let why: Vec<_> = why.map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(
            out,
            "  {:>9}{p50:>12}{p99:>12}{rate:>12.1}{goodput:>9}{:>11}  {}",
            point.at,
            point.retries,
            why.join(", ")
        )?;
        point.round_trips.iter().try_for_each(|trips| writeln!(out, "  {:>9}  {}", "", trips.text()))?;
    }
    Ok(())
}
