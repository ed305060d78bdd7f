//! Plots as SVG, and the page that they stand on. A page needs nothing beside it: no network, no script.

use std::fmt::Write;

/// Width of every plot, and height of those with axes, in units of the view box.
const W: f64 = 860.0;
const H: f64 = 260.0;
/// Margins.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 10.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 16.0;
/// Size of what the axes enclose.
const PLOT_W: f64 = W - LEFT - RIGHT;
const PLOT_H: f64 = H - TOP - BOTTOM;
/// Most bars of a distribution.
const BINS: i64 = 80;

/// Colours of parts and lines, told apart by people who see no red or green.
const COLOURS: [&str; 8] = ["#4e79a7", "#59a14f", "#9c755f", "#f28e2b", "#bab0ac", "#e15759", "#76b7b2", "#b07aa1"];
/// Colours of lines on one plot.
const LINE_COLOURS: [&str; 4] = [COLOURS[3], COLOURS[0], COLOURS[1], COLOURS[5]];
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#222}\
    pre{background:#f6f6f6;padding:1em;overflow-x:auto;font-size:12px}svg{width:100%;height:auto}\
    svg text{font:12px system-ui,sans-serif;fill:#333}h2{margin-top:2em}.bad{color:#c00}\
    table{border-collapse:collapse;font-size:13px}td,th{border:1px solid #ddd;padding:.2em .5em;text-align:left}";

/// A whole page around `body`, which is HTML.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A part of a stacked bar.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is.
    pub name: &'static str,
    /// Its length in cycles; none when negative.
    pub cycles: i64,
    /// Index of its colour.
    pub colour: usize,
}

/// Stacked bars, one under the other and to one scale. `names` of the first bar's parts are listed below, with cycles and
/// nanoseconds at `clock_mhz`.
pub fn stacked(bars: &[(&str, Vec<Part>)], clock_mhz: f64) -> String {
    let total = |parts: &[Part]| parts.iter().map(|part| part.cycles.max(0)).sum::<i64>();
    let longest = bars.iter().map(|bar| total(&bar.1)).max().unwrap_or(0).max(1);
    let scale = PLOT_W / longest as f64;
    let mut out = String::new();
    let mut y = 10.0;
    let mut legend_y = 20.0 + 50.0 * bars.len() as f64;
    for (row, (name, parts)) in bars.iter().enumerate() {
        label(&mut out, LEFT - 8.0, y + 20.0, "end", name);
        let mut x = LEFT;
        for part in parts {
            let ns = part.cycles as f64 * 1000.0 / clock_mhz;
            let title = format!("{}: {} cycles, {ns:.0} ns", part.name, part.cycles);
            let w = part.cycles.max(0) as f64 * scale;
            rect(&mut out, (x, y), (w, 32.0), COLOURS[part.colour % COLOURS.len()], &title);
            x += w;
            if row == 0 {
                rect(&mut out, (LEFT, legend_y - 10.0), (12.0, 12.0), COLOURS[part.colour % COLOURS.len()], part.name);
                label(&mut out, LEFT + 18.0, legend_y, "start", &title);
                legend_y += 18.0;
            }
        }
        // Inside a long bar, beside a short one.
        let (at, anchor) = if x > LEFT + 110.0 { (x - 4.0, "end") } else { (x + 4.0, "start") };
        label(&mut out, at, y + 20.0, anchor, &format!("{} cycles", total(parts)));
        y += 50.0;
    }
    svg(legend_y, &out)
}

/// How many of `values` (value, count) fall into each of at most 80 equal parts of `low..=high`: first value, last value,
/// count.
pub fn bins(low: i64, high: i64, values: impl IntoIterator<Item = (i64, u64)>) -> Vec<(i64, i64, u64)> {
    let span = (high - low + 1).max(1);
    let bins = span.min(BINS);
    let first = |bin: i64| low + (bin as i128 * span as i128 / bins as i128) as i64;
    let mut counts: Vec<_> = (0..bins).map(|bin| (first(bin), first(bin + 1) - 1, 0)).collect();
    for (value, count) in values {
        let at = counts.partition_point(|bin| bin.1 < value).min(counts.len() - 1);
        counts[at].2 += count;
    }
    counts
}

/// A distribution in cycles from its [`bins`]: counts of `things` on a logarithmic axis.
pub fn distribution(bins: &[(i64, i64, u64)], things: &str) -> String {
    let all: u64 = bins.iter().map(|bin| bin.2).sum();
    let decades = (all.max(10) as f64).log10().ceil();
    // Half a thing is the foot of the axis, so that one of them can be seen.
    let y = |count: f64| TOP + PLOT_H * (1.0 - (count.max(0.5).log10() + 0.31) / (decades + 0.31));
    let mut out = String::new();
    for decade in 0..=decades as i32 {
        let count = 10f64.powi(decade);
        axis(&mut out, y(count), &format!("{count}"));
    }
    let step = PLOT_W / bins.len().max(1) as f64;
    for (index, (from, to, count)) in bins.iter().enumerate().filter(|(_, bin)| bin.2 > 0) {
        let title = format!("{from} to {to} cycles: {count} {things}");
        let (left, top) = (LEFT + index as f64 * step, y(*count as f64));
        rect(&mut out, (left, top), ((step - 1.0).clamp(1.0, 60.0), TOP + PLOT_H - top), COLOURS[0], &title);
    }
    let (low, high) = (bins.first().map_or(0, |bin| bin.0), bins.last().map_or(0, |bin| bin.1));
    label(&mut out, LEFT, H - 20.0, "start", &format!("{low} cycles"));
    label(&mut out, W - RIGHT, H - 20.0, "end", &format!("{high} cycles"));
    label(&mut out, LEFT + PLOT_W / 2.0, H - 4.0, "middle", &format!("latency; {things} on a logarithmic scale"));
    svg(H, &out)
}

/// Latency at each percentile: (fraction that is no slower, cycles). The axis is logarithmic in what is left: 90 %, 99 %,
/// 99.9 % are as far from each other.
pub fn percentiles(points: &[(f64, i64)]) -> String {
    let nines = |fraction: f64| -(1.0 - fraction).max(1e-9).log10();
    // Past the last rank nothing more is known.
    let end = points.iter().filter(|p| p.0 < 1.0).map(|p| nines(p.0)).fold(1.0, f64::max).ceil();
    let high = points.iter().map(|p| p.1).max().unwrap_or(0).max(1) as f64;
    let (x, y) = (|f: f64| LEFT + nines(f).min(end) / end * PLOT_W, |c: f64| TOP + PLOT_H * (1.0 - c / high));
    let mut out = String::new();
    for quarter in 0..=4 {
        let cycles = high * f64::from(quarter) / 4.0;
        axis(&mut out, y(cycles), &format!("{cycles:.0}"));
    }
    for decade in 0..=end as usize {
        let percent = match decade {
            0 => "0 %".to_owned(),
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            _ => format!("99.{} %", "9".repeat(decade - 2)),
        };
        let anchor = if decade == end as usize { "end" } else { "middle" };
        label(&mut out, LEFT + decade as f64 / end * PLOT_W, H - 20.0, anchor, &percent);
    }
    polyline(&mut out, points.iter().map(|p| (x(p.0), y(p.1 as f64))), COLOURS[0]);
    label(&mut out, LEFT + PLOT_W / 2.0, H - 4.0, "middle", "cycles within which so many commands are done");
    svg(H, &out)
}

/// A line over time.
pub struct Line<'a> {
    /// What it is.
    pub name: &'a str,
    /// (cycles since the start, value).
    pub points: Vec<(u64, f64)>,
}

/// Lines over time, from zero to `high` on the vertical axis, whose marks `mark` writes.
pub fn over_time(lines: &[Line], high: f64, clock_mhz: f64, mark: impl Fn(f64) -> String) -> String {
    let ends = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0));
    let end = ends.max().unwrap_or(1).max(1) as f64;
    let high = if high > 0.0 { high } else { 1.0 };
    let y = |value: f64| TOP + PLOT_H * (1.0 - (value / high).clamp(0.0, 1.0));
    let mut out = String::new();
    for quarter in 0..=4 {
        let value = high * f64::from(quarter) / 4.0;
        axis(&mut out, y(value), &mark(value));
    }
    for (line, colour) in lines.iter().zip(LINE_COLOURS.into_iter().cycle()) {
        polyline(&mut out, line.points.iter().map(|(at, v)| (LEFT + *at as f64 / end * PLOT_W, y(*v))), colour);
    }
    let names: Vec<_> = lines.iter().map(|line| line.name).collect();
    legend(&mut out, &names);
    label(&mut out, LEFT, H - 20.0, "start", "0");
    let millis = end / clock_mhz / 1000.0;
    label(&mut out, W - RIGHT, H - 20.0, "end", &format!("{end:.0} cycles, {millis:.3} ms"));
    svg(H, &out)
}

/// A line through points, each of which is a run.
pub struct Curve<'a> {
    /// What it is.
    pub name: &'a str,
    /// (what was set, what came of it), in any order.
    pub points: Vec<(f64, f64)>,
}

/// Where values stand on a horizontal axis, from 0 to 1. Values that differ by a factor of 30 or more are set by their
/// logarithm, with 0 in a place of its own at the left.
fn scale(values: &[f64]) -> impl Fn(f64) -> f64 + use<> {
    let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::MAX, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let low = values.iter().copied().fold(f64::MAX, f64::min).min(most);
    let by_log = least < most && most / least >= 30.0;
    let zero = if values.contains(&0.0) { 0.15 } else { 0.0 };
    move |value| match (by_log, value > 0.0) {
        (true, true) => zero + (1.0 - zero) * (value / least).ln() / (most / least).ln(),
        (true, false) => 0.0,
        (false, _) if most > low => (value - low) / (most - low),
        (false, _) => 0.5,
    }
}

/// Curves over what was set from run to run, from zero to `high` or to the greatest value, whose marks `mark` writes. Each
/// value that was set is marked below, with its unit.
pub fn against(curves: &[Curve], high: Option<f64>, unit: &str, mark: impl Fn(f64) -> String) -> String {
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let mut settings: Vec<f64> = all().map(|point| point.0).collect();
    settings.sort_by(f64::total_cmp);
    settings.dedup();
    let place = scale(&settings);
    let high = high.unwrap_or_else(|| all().map(|point| point.1).fold(0.0, f64::max));
    let high = if high > 0.0 { high } else { 1.0 };
    let (x, y) = (
        |value: f64| LEFT + 20.0 + place(value) * (PLOT_W - 40.0),
        |value: f64| TOP + PLOT_H * (1.0 - (value / high).clamp(0.0, 1.0)),
    );
    let mut out = String::new();
    for quarter in 0..=4 {
        let value = high * f64::from(quarter) / 4.0;
        axis(&mut out, y(value), &mark(value));
    }
    let mut last = f64::MIN;
    for value in &settings {
        // Marks that would run into each other are left out.
        if x(*value) - last >= 45.0 {
            last = x(*value);
            label(&mut out, last, H - 24.0, "middle", &format!("{value}{unit}"));
        }
    }
    for (curve, colour) in curves.iter().zip(LINE_COLOURS.into_iter().cycle()) {
        let mut points = curve.points.clone();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        polyline(&mut out, points.iter().map(|point| (x(point.0), y(point.1))), colour);
        for (at, value) in points {
            let title = format!("{} at {at}{unit}: {value:.4}", curve.name);
            rect(&mut out, (x(at) - 3.0, y(value) - 3.0), (6.0, 6.0), colour, &title);
        }
    }
    let names: Vec<_> = curves.iter().map(|curve| curve.name).collect();
    legend(&mut out, &names);
    svg(H, &out)
}

/// Names the lines of a plot below it, when there are several.
fn legend(out: &mut String, names: &[&str]) {
    if names.len() < 2 {
        return;
    }
    let mut x = LEFT;
    for (name, colour) in names.iter().zip(LINE_COLOURS.into_iter().cycle()) {
        rect(out, (x, H - 14.0), (12.0, 12.0), colour, name);
        label(out, x + 18.0, H - 4.0, "start", name);
        x += 30.0 + 8.0 * name.len() as f64;
    }
}

/// Payload over the line's rate, over time.
pub fn goodput(points: &[(u64, f64)], clock_mhz: f64) -> String {
    let line = Line { name: "goodput", points: points.to_vec() };
    over_time(&[line], 1.0, clock_mhz, |fraction| format!("{:.0} %", fraction * 100.0))
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

fn polyline(out: &mut String, points: impl Iterator<Item = (f64, f64)>, colour: &str) {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(out, "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>", points.join(" "));
}

fn axis(out: &mut String, y: f64, text: &str) {
    let _ = write!(out, "<line x1='{LEFT}' x2='{}' y1='{y:.1}' y2='{y:.1}' stroke='#ddd'/>", W - RIGHT);
    label(out, LEFT - 8.0, y + 4.0, "end", text);
}

fn svg(height: f64, body: &str) -> String {
    format!("<svg viewBox='0 0 {W} {height}' role=img>{body}</svg>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_the_bin_that_names_it() {
        for (low, high) in [(5, 5), (0, 79), (0, 80), (100, 1099), (-3, 400)] {
            let bins = bins(low, high, (low..=high).map(|value| (value, 2)));
            assert!(bins.len() <= 80 && bins[0].0 == low && bins[bins.len() - 1].1 == high, "{bins:?}");
            assert!(bins.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{bins:?}");
            assert!(bins.iter().all(|bin| bin.2 == 2 * (bin.1 - bin.0 + 1) as u64), "{bins:?}");
        }
    }

    #[test]
    fn plots_of_nothing_are_plots() {
        let plots = [
            stacked(&[("none", vec![])], 100.0),
            distribution(&[], "writes"),
            percentiles(&[]),
            over_time(&[], 0.0, 100.0, |_| String::new()),
            against(&[], None, "", |_| String::new()),
            against(&[Curve { name: "one", points: vec![(0.0, 0.0)] }], None, " km", |_| String::new()),
        ];
        assert!(plots.iter().all(|plot| plot.starts_with("<svg") && !plot.contains("NaN") && !plot.contains("inf")));
    }

    #[test]
    fn what_was_set_is_in_order_on_the_axis() {
        for values in
            [vec![0.0, 10.0, 20.0], vec![0.0, 0.0001, 0.001, 0.01, 0.1], vec![1.0, 1000.0], vec![1500.0, 9000.0]]
        {
            let place = scale(&values);
            let places: Vec<f64> = values.iter().map(|value| place(*value)).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}: {places:?}");
            assert_eq!((places[0], places[places.len() - 1]), (0.0, 1.0), "{values:?}");
        }
        let logarithmic = scale(&[0.0, 0.001, 0.01, 0.1]);
        assert!((logarithmic(0.1) + logarithmic(0.001) - 2.0 * logarithmic(0.01)).abs() < 1e-9);
    }

    #[test]
    fn bars_share_a_scale() {
        let part = |cycles| vec![Part { name: "a<b", cycles, colour: 0 }];
        let plot = stacked(&[("long", part(1000)), ("short", part(250))], 250.0);
        assert!(plot.contains("width='766.00'") && plot.contains("width='191.50'"), "{plot}");
        assert!(plot.contains("a&lt;b: 1000 cycles, 4000 ns"), "{plot}");
    }
}
