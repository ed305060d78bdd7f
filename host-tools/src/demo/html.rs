//! The report as one page, with its plots in it.

use std::fmt::Write;

use crate::demo::report::Report;
use crate::demo::text;

/// Width and height of a plot, and its margins.
const W: f64 = 860.0;
const H: f64 = 260.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 16.0;

const COLOURS: [&str; 7] = ["#4e79a7", "#59a14f", "#9c755f", "#f28e2b", "#bab0ac", "#e15759", "#76b7b2"];
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#222}\
    pre{background:#f6f6f6;padding:1em;overflow-x:auto;font-size:12px}svg{width:100%;height:auto}\
    svg text{font:12px system-ui,sans-serif;fill:#333}h2{margin-top:2em}.bad{color:#c00}";

/// The whole page; it needs nothing beside it.
pub fn page(report: &Report) -> String {
    let verdict = if report.right() {
        "<p>Both copies are the image, byte for byte.</p>"
    } else {
        "<p class=bad><b>The copies are not right.</b></p>"
    };
    format!(
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>Dyad demo</title><style>{STYLE}</style></head>\n\
         <body><h1>Dyad demo</h1>\n<p>Simulated: DATA_W {}, {} MHz, {} Gb/s, {} km, MTU {}, loss {}, seed {}.</p>{verdict}\n\
         <h2>Where a write's time goes</h2>\n<p>The median of {} writes of 4 KiB, one at a time, and what physics takes of \
         it.</p>\n{}\n<p>The same without the link:</p>\n{}\n<h2>Distribution of the latency</h2>\n{}\n<h2>Goodput over \
         time</h2>\n<p>Payload bits per bit of the line while {} blocks were streamed; {:.2} % in all.</p>\n{}\n\
         <h2>Figures</h2>\n<pre>{}</pre></body></html>\n",
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
        distribution(report),
        report.stream_blocks,
        report.goodput_fraction * 100.0,
        goodput(report),
        escape(&text::table(report)),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn label(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = write!(out, "<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{}</text>", escape(text));
}

fn rect(out: &mut String, at: (f64, f64), size: (f64, f64), fill: &str, title: &str) {
    let ((x, y), (w, h)) = (at, size);
    let _ = write!(
        out,
        "<rect x='{x:.2}' y='{y:.2}' width='{:.2}' height='{:.2}' fill='{fill}'><title>{}</title></rect>",
        w.max(0.0),
        h.max(0.0),
        escape(title)
    );
}

fn svg(height: f64, body: &str) -> String {
    format!("<svg viewBox='0 0 {W} {height}' role=img>{body}</svg>")
}

/// Two stacked bars, one under the other: the median write and the physical floor.
fn stages(report: &Report, with_link: bool) -> String {
    let keep = |name: &str| with_link || !name.starts_with("link");
    let path: Vec<_> = report.path().into_iter().filter(|part| keep(part.0)).collect();
    let floor: Vec<_> =
        report.floor_cycles.parts().into_iter().filter(|part| keep(part.0)).map(|(n, c)| (n, c as i64)).collect();
    let total = |parts: &[(&str, i64)]| parts.iter().map(|part| part.1.max(0)).sum::<i64>();
    let scale = (W - LEFT - 10.0) / total(&path).max(total(&floor)).max(1) as f64;
    let mut out = String::new();
    let mut legend_y = 120.0;
    for (y, name, parts, colours) in
        [(10.0, "write", &path, [0usize, 1, 2, 3, 4, 5, 6]), (60.0, "floor", &floor, [0, 2, 3, 4, 5, 5, 5])]
    {
        label(&mut out, LEFT - 8.0, y + 20.0, "end", name);
        let mut x = LEFT;
        // The colours of the parts that are left when the link is not shown.
        let colours = colours.into_iter().filter(|colour| with_link || *colour != 4);
        for ((part, cycles), colour) in parts.iter().zip(colours) {
            let w = cycles.max(&0).to_owned() as f64 * scale;
            let title = format!("{part}: {cycles} cycles, {} ns", report.ns(*cycles));
            rect(&mut out, (x, y), (w, 32.0), COLOURS[colour], &title);
            x += w;
            if name == "write" {
                rect(&mut out, (LEFT, legend_y - 10.0), (12.0, 12.0), COLOURS[colour], part);
                label(&mut out, LEFT + 18.0, legend_y, "start", &title);
                legend_y += 18.0;
            }
        }
        let all = total(parts);
        label(&mut out, x.min(W - 10.0) - 4.0, y + 20.0, "end", &format!("{all} cycles"));
    }
    svg(legend_y, &out)
}

/// How many writes took how many cycles: counts on a logarithmic axis.
fn distribution(report: &Report) -> String {
    let (low, high) = (report.write_latency_cycles.min, report.write_latency_cycles.max);
    let bins = (high - low + 1).clamp(1, 80);
    let width = (high - low + 1) as f64 / bins as f64;
    let mut counts = vec![0u64; bins as usize];
    for latency in &report.latencies {
        counts[(((latency - low) as f64 / width) as usize).min(bins as usize - 1)] += 1;
    }
    let decades = (report.latencies.len().max(10) as f64).log10().ceil();
    let (plot_w, plot_h) = (W - LEFT - 10.0, H - TOP - BOTTOM);
    let y = |count: f64| TOP + plot_h * (1.0 - (count.max(0.5).log10() + 0.31) / (decades + 0.31));
    let mut out = String::new();
    for decade in 0..=decades as i32 {
        let count = 10f64.powi(decade);
        axis(&mut out, y(count), &format!("{count}"));
    }
    let step = plot_w / bins as f64;
    for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = low + (index as f64 * width) as i64;
        let title = format!("from {from} cycles: {count} writes");
        let top = y(*count as f64);
        rect(
            &mut out,
            (LEFT + index as f64 * step, top),
            ((step - 1.0).clamp(1.0, 60.0), TOP + plot_h - top),
            COLOURS[0],
            &title,
        );
    }
    label(&mut out, LEFT, H - 20.0, "start", &format!("{low} cycles"));
    label(&mut out, W - 10.0, H - 20.0, "end", &format!("{high} cycles"));
    label(&mut out, LEFT + plot_w / 2.0, H - 4.0, "middle", "latency of a write; writes on a logarithmic scale");
    svg(H, &out)
}

fn goodput(report: &Report) -> String {
    let (plot_w, plot_h) = (W - LEFT - 10.0, H - TOP - BOTTOM);
    let points = &report.goodput_over_time;
    let end = points.last().map_or(1, |point| point.0).max(1) as f64;
    let y = |fraction: f64| TOP + plot_h * (1.0 - fraction.min(1.0));
    let mut out = String::new();
    for percent in [0, 25, 50, 75, 100] {
        axis(&mut out, y(f64::from(percent) / 100.0), &format!("{percent} %"));
    }
    let line: String =
        points.iter().map(|(x, f)| format!("{:.1},{:.1} ", LEFT + *x as f64 / end * plot_w, y(*f))).collect();
    let _ =
        write!(out, "<polyline points='{}' fill='none' stroke='{}' stroke-width='2'/>", line.trim_end(), COLOURS[3]);
    label(&mut out, LEFT, H - 20.0, "start", "0");
    let millis = end / report.clock_mhz / 1000.0;
    label(&mut out, W - 10.0, H - 20.0, "end", &format!("{end:.0} cycles, {millis:.3} ms"));
    svg(H, &out)
}

fn axis(out: &mut String, y: f64, text: &str) {
    let _ = write!(out, "<line x1='{LEFT}' x2='{}' y1='{y:.1}' y2='{y:.1}' stroke='#ddd'/>", W - 10.0);
    label(out, LEFT - 8.0, y + 4.0, "end", text);
}
