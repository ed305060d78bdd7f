//! The report as one page, with its plots in it.

use crate::demo::report::Report;
use crate::demo::text;
use crate::plot::{self, Part};

/// The whole page; it needs nothing beside it.
pub fn page(report: &Report) -> String {
    let verdict = if report.right() {
        "<p>Both copies are the image, byte for byte.</p>"
    } else {
        "<p class=bad><b>The copies are not right.</b></p>"
    };
    let latency = report.write_latency_cycles;
    let bins = plot::bins(latency.min, latency.max, report.latencies.iter().map(|value| (*value, 1)));
    let body = format!(
        "<p>Simulated: DATA_W {}, {} MHz, {} Gb/s, {} km, MTU {}, loss {}, seed {}.</p>{verdict}\n\
         <h2>Where a write's time goes</h2>\n<p>The median of {} writes of 4 KiB, one at a time, and what physics takes of \
         it.</p>\n{}\n<p>The same without the link:</p>\n{}\n<h2>Distribution of the latency</h2>\n{}\n<h2>Goodput over \
         time</h2>\n<p>Payload bits per bit of the line while {} blocks were streamed; {:.2} % in all.</p>\n{}\n\
         <h2>Figures</h2>\n<pre>{}</pre>",
        report.data_w,
        report.clock_mhz,
        report.line_gbps,
        report.km,
        report.mtu,
        report.loss,
        report.seed,
        report.writes,
        stages(report, true),
        stages(report, false),
        plot::distribution(&bins, "writes"),
        report.stream_blocks,
        report.goodput_fraction * 100.0,
        plot::goodput(&report.goodput_over_time, report.clock_mhz),
        plot::escape(&text::table(report)),
    );
    plot::page("Dyad demo", &body)
}

/// Two stacked bars, one under the other: the median write and the physical floor.
fn stages(report: &Report, with_link: bool) -> String {
    let keep = |part: &Part| with_link || !part.name.starts_with("link");
    let path = report.path().into_iter().enumerate();
    let path = path.map(|(colour, (name, cycles))| Part { name, cycles, colour }).filter(keep);
    let floor = report.floor_cycles.bar().into_iter().filter(keep);
    plot::stacked(&[("write", path.collect()), ("floor", floor.collect())], report.clock_mhz)
}
