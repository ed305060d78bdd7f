//! A run as one page, with its plots in it.

use crate::bench::board::View;
use crate::bench::outcome::Outcome;
use crate::bench::sweep::{Axis, Point, SweepOutcome};
use crate::bench::text;
use crate::plot::{self, Curve, Line, Part};
use crate::stages;
use crate::workload::record::Part as Slice;

/// The whole page; it needs nothing beside it.
pub fn page(outcome: &Outcome) -> String {
    let mut body = format!(
        "<p><b>{}</b>: {}; DATA_W {}, {} MHz, site {}, seed {}, {} commands of warm-up.</p>\n",
        outcome.nature(),
        plot::escape(&outcome.workload()),
        outcome.data_w,
        outcome.clock_mhz,
        outcome.site,
        outcome.seed,
        outcome.warmup
    );
    if let Some(link) = &outcome.link {
        body += &format!("<p>Link: {}.</p>\n", link.text());
    }
    body += &latency_by_stage(outcome);
    body += "<h2>Distribution of the latency</h2>\n";
    body += &plot::distribution(&outcome.distribution_cycles, "commands");
    body += "\n<p>The same by percentile, on a logarithmic scale of the commands that are left:</p>\n";
    body += &plot::percentiles(&outcome.percentile_cycles);
    body += &over_time(outcome);
    body += &board(outcome);
    outcome.sweeps.iter().for_each(|one| body += &sweep(one, outcome));
    body += &format!("\n<h2>Figures</h2>\n<pre>{}</pre>", plot::escape(&text::table(outcome)));
    plot::page("Dyad bench", &body)
}

fn latency_by_stage(outcome: &Outcome) -> String {
    let mut bars: Vec<(&str, Vec<Part>)> = vec![("mean", stages::bar(&outcome.segment_cycles))];
    if outcome.kinds.is_empty() {
        bars.push(("slowest", stages::bar(&outcome.slowest_segment_cycles)));
    }
    for kind in &outcome.kinds {
        bars.push((&kind.kind, stages::bar(&kind.segment_cycles)));
    }
    let mut beside = "";
    let apart = if outcome.kinds.is_empty() { "the slowest one in a hundred" } else { "each kind by itself" };
    if let Some(floor) = &outcome.floor_cycles {
        bars.push(("floor", floor.bar()));
        beside = " Beside it, what physics takes of such a command on an idle link.";
    }
    let mut out = format!(
        "<h2>Latency by stage</h2>\n<p>The mean command, and {apart}, by the card's time \
         stamps.{beside}</p>\n{}\n",
        plot::stacked(&bars, outcome.clock_mhz)
    );
    if outcome.link.as_ref().is_some_and(|link| link.km > 0.0) && outcome.stage_cycles.iter().any(|s| s.0 == "ack") {
        for bar in &mut bars {
            bar.1.retain(|part| !part.name.starts_with("link"));
        }
        out += &format!("<p>The same without the link:</p>\n{}\n", plot::stacked(&bars, outcome.clock_mhz));
    }
    out
}

fn over_time(outcome: &Outcome) -> String {
    let clock = outcome.clock_mhz;
    let line = |name, get: &dyn Fn(&Slice) -> f64| Line {
        name,
        points: outcome.over_time.iter().map(|part| (part.cycle, get(part))).collect(),
    };
    let (max, mean, min) = (|p: &Slice| p.max.into(), |p: &Slice| p.mean, |p: &Slice| p.min.into());
    let high = outcome.over_time.iter().map(|part| part.max).max().unwrap_or(0);
    let lines = [line("max", &max), line("mean", &mean), line("min", &min)];
    let mut out = format!(
        "<h2>Latency over time</h2>\n<p>Of the commands that ended in each part of the run, in cycles.</p>\n{}\n",
        plot::over_time(&lines, high.into(), clock, |cycles| format!("{cycles:.0}"))
    );
    if let Some(fraction) = outcome.goodput_fraction {
        out += &format!(
            "<h2>Goodput over time</h2>\n<p>Payload bits of writes per bit of the line; {:.2} % in all.</p>\n{}\n",
            fraction * 100.0,
            plot::goodput(&outcome.goodput_over_time, clock)
        );
    } else if outcome.over_time.iter().any(|part| part.blocks > 0) {
        let bytes = |part: &Slice| (part.blocks * dyad_spec::BLOCK_BYTES as u64) as f64 / part.cycles as f64 * clock;
        let high = outcome.over_time.iter().map(bytes).fold(0.0, f64::max);
        out += &format!(
            "<h2>Payload over time</h2>\n<p>Bytes of reads and writes a second, in MB/s.</p>\n{}\n",
            plot::over_time(&[line("payload", &bytes)], high, clock, |rate| format!("{rate:.1}"))
        );
    }
    out
}

/// The floor of a write as simulated, and on a board, by named constants.
fn board(outcome: &Outcome) -> String {
    let (Some(floor), Some(board)) = (&outcome.floor_cycles, &outcome.board) else { return String::new() };
    let clock = outcome.clock_mhz;
    let bars = |keep: &dyn Fn(&Part) -> bool| {
        let mut bars = vec![
            ("optimistic", board.bar(floor, clock, View::Optimistic)),
            ("pessimistic", board.bar(floor, clock, View::Pessimistic)),
            ("simulated", floor.bar()),
        ];
        bars.iter_mut().for_each(|bar| bar.1.retain(keep));
        plot::stacked(&bars, clock)
    };
    let rows = board.constants.iter().map(|one| {
        format!(
            "<tr><td>{}<td>{}<td>{:.1}<td>{:.1}<td>{}",
            one.name,
            one.times,
            one.optimistic_ns,
            one.pessimistic_ns,
            plot::escape(one.source)
        )
    });
    format!(
        "<h2>The floor on a board</h2>\n<p>No card can do a write in less: {:.0} ns when all goes well, {:.0} ns when it goes \
         badly. The simulator has host memory instead of a PCIe bus, and neither MAC nor PHY; these are constants with a name, \
         not measurements of this project. Without the link:</p>\n{}\n<table><tr><th>constant<th>times a \
         write<th>optimistic, ns<th>pessimistic, ns<th>source{}</table>\n",
        board.optimistic_ns,
        board.pessimistic_ns,
        bars(&|part| !part.name.starts_with("link")),
        rows.collect::<String>()
    )
}

/// Goodput and latency against what was swept.
fn sweep(sweep: &SweepOutcome, outcome: &Outcome) -> String {
    let title = sweep.axis.title();
    let unit = if sweep.axis == Axis::Km { " km" } else { "" };
    let curve = |name, get: &dyn Fn(&Point) -> Option<f64>| Curve {
        name,
        points: sweep.points.iter().filter_map(|point| Some((point.at, get(point)?))).collect(),
    };
    let mut out = String::new();
    let goodput = curve("goodput", &|point| point.goodput_fraction);
    if !goodput.points.is_empty() {
        out += &format!(
            "<h2>Goodput against {title}</h2>\n<p>Payload bits of writes per bit of the line, at depth {} where that is not \
             what changes. A line that is not full for want of depth is shown as it is.</p>\n{}\n",
            outcome.depth,
            plot::against(&[goodput], Some(1.0), unit, |fraction| format!("{:.0} %", fraction * 100.0))
        );
    }
    let ns = |value: i64| Some(value as f64 / 1000.0);
    let curves = [
        curve("p99", &|point| ns(point.latency_ns.p99)),
        curve("p50", &|point| ns(point.latency_ns.p50)),
        curve("floor", &|point| Some(point.floor_ns? / 1000.0)),
    ];
    let curves: Vec<_> = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
    out + &format!(
        "<h2>Latency against {title}</h2>\n<p>In \u{b5}s of the simulated clock.</p>\n{}\n",
        plot::against(&curves, None, unit, |us| format!("{us:.0}"))
    )
}
