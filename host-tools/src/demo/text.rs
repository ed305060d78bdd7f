//! The report as a table for people.

use std::fmt::Write;

use crate::demo::report::Report;
use crate::summary::Summary;

/// The report as lines.
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = copies(&mut out, report);
    let _ = latency(&mut out, report);
    let _ = cost(&mut out, report);
    let _ = rates(&mut out, report);
    out
}

fn copies(out: &mut String, report: &Report) -> std::fmt::Result {
    let mark = |hash: &str| if hash == report.image_sha256 { "same" } else { "DIFFERS" };
    writeln!(out, "\nSHA-256")?;
    writeln!(out, "  image          {}", report.image_sha256)?;
    for (name, hash) in [
        ("site a's store", &report.site_a_sha256),
        ("site b's store", &report.site_b_sha256),
        ("read back at b", &report.readback_sha256),
    ] {
        writeln!(out, "  {name} {hash}  {}", mark(hash))?;
    }
    writeln!(out, "  blocks that differ: {}", report.differing_blocks)?;
    if let (Some(line), Some(clean)) = (&report.e2fsck, report.e2fsck_clean) {
        writeln!(out, "  e2fsck -fn: {}: {line}", if clean { "clean" } else { "NOT CLEAN" })?;
    }
    Ok(())
}

fn latency(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        out,
        "\n{} writes of 4 KiB, one at a time, SIMULATED: DATA_W {}, {} MHz, {} Gb/s, {} km, MTU {}, loss {}",
        report.writes, report.data_w, report.clock_mhz, report.line_gbps, report.km, report.mtu, report.loss
    )?;
    let head = ["min", "p50", "p99", "p99.9", "max", "p50 ns"];
    write!(out, "  {:34}", "cycles after the doorbell")?;
    for name in head {
        write!(out, "{name:>9}")?;
    }
    writeln!(out)?;
    let stages = &report.stage_cycles;
    let rows: [(&str, &Summary); 10] = [
        ("entry fetched", &stages.fetched),
        ("owner and lock had", &stages.lookup),
        ("first beat on the wire", &stages.frame),
        ("last beat on the wire", &stages.sent),
        ("local store answered", &stages.local),
        ("peer's ACK verified", &stages.ack),
        ("completion posted", &stages.posted),
        ("of which in the peer's card", &stages.mirror),
        ("owner and lock, by themselves", &report.lookup_and_lock_cycles),
        ("ADDED by both cards", &report.added_cycles),
    ];
    for (name, summary) in rows {
        write!(out, "  {name:34}")?;
        for value in summary.row() {
            write!(out, "{value:>9}")?;
        }
        writeln!(out, "{:>9}", report.ns(summary.p50))?;
    }
    Ok(())
}

fn cost(out: &mut String, report: &Report) -> std::fmt::Result {
    let floor = &report.floor_cycles;
    writeln!(out, "\nhow the added cycles come about (median write)")?;
    let (posted, posting) = (report.write_latency_cycles.p50, report.posting_cycles);
    writeln!(out, "  {:34}{posted:>9}", "completion posted")?;
    writeln!(out, "  {:34}{posting:>+9}", "its address and beats")?;
    for (name, cycles) in floor.parts() {
        writeln!(out, "  {name:34}{:>9}", format!("-{cycles}"))?;
    }
    writeln!(out, "  {:34}{:>9}", "added", report.added_cycles.p50)?;
    let floor_ns = report.ns(floor.total() as i64);
    writeln!(out, "  {:34}{:>9}  ({floor_ns} ns)", "physical floor", floor.total())
}

fn rates(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "\nround trips per write   {}", report.round_trips_per_write)?;
    writeln!(out, "                        ({})", report.round_trips_method)?;
    writeln!(
        out,
        "goodput over line rate  {:.2} % ({} blocks in a stream)",
        report.goodput_fraction * 100.0,
        report.stream_blocks
    )?;
    writeln!(
        out,
        "lookups per cycle       {:.3} while a burst runs, {:.3} with its start and end ({} addresses)",
        report.lookups_per_cycle, report.lookups_per_cycle_whole_burst, report.lookups
    )?;
    writeln!(out, "lookup latency          {} cycles (directory, by design)", report.lookup_latency_cycles)?;
    writeln!(
        out,
        "frames                  {} sent by a, {} of them again, {} lost by the link",
        report.frames_sent, report.frames_retried, report.frames_lost
    )?;
    writeln!(
        out,
        "simulation              {:.0} kHz ({} cycles simulated, {} jumped over)",
        report.sim_khz, report.sim_cycles, report.jumped_cycles
    )?;
    let verdict = if report.right() {
        "both copies are the image, byte for byte"
    } else {
        "THE COPIES ARE NOT RIGHT: see above; keep the seed and report it"
    };
    writeln!(out, "\n{verdict}")
}
