//! The screen, as a function of the state alone. 80 columns and 24 rows are enough for all of it.

use dyad_spec::BLOCK_BYTES;
use dyad_spec::counters::Counter;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use crate::top::state::{Latency, SiteNews, State};

/// Rows of a site's box, with its frame.
const SITE_ROWS: u16 = 9;
/// Rows from which on there is room for curves.
const TALL: u16 = 32;
/// Columns of the list of troubles.
const TROUBLE_COLUMNS: u16 = 34;
/// Colours of the parts of a latency.
const PARTS: [Color; 8] =
    [Color::Blue, Color::Green, Color::Yellow, Color::LightRed, Color::Gray, Color::Red, Color::Cyan, Color::Magenta];

/// Draws all of it.
pub fn draw(frame: &mut Frame, state: &State) {
    let curves = if frame.area().height >= TALL { 8 } else { 0 };
    let rows = [
        Constraint::Length(1),
        Constraint::Length(SITE_ROWS),
        Constraint::Length(curves),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [title, sites, curves, below, keys] = Layout::vertical(rows).areas(frame.area());
    let pause = if state.paused { " PAUSED ".black().on_yellow() } else { Span::default() };
    let setting = state.shown.as_ref().map_or("bringing the link up", |update| &update.setting);
    // What is cut off when there is no room comes last.
    let head = vec![" dyad top ".bold().reversed(), pause, " ".into(), setting.into()];
    frame.render_widget(Line::from(head), title);
    frame.render_widget(Line::from(" q quit   p pause   Tab other site ").dim(), keys);
    let Some(update) = &state.shown else { return };

    let columns = Layout::horizontal(vec![Constraint::Fill(1); update.sites.len().max(1)]);
    for (site, area) in update.sites.iter().zip(columns.split(sites).iter()) {
        frame.render_widget(Paragraph::new(rates(site)).block(framed(&site_title(site))), *area);
    }
    if !curves.is_empty() {
        for ((site, history), area) in update.sites.iter().zip(&state.history).zip(columns.split(curves).iter()) {
            let block = framed(&format!("site {}: blocks written and read a second", site.site));
            let room = usize::from(area.width.saturating_sub(2));
            let from = history.len().saturating_sub(room);
            let data: Vec<u64> = history.iter().skip(from).copied().collect();
            frame.render_widget(Sparkline::default().data(&data).block(block).style(Color::Cyan), *area);
        }
    }
    let [left, right] = Layout::horizontal([Constraint::Min(0), Constraint::Length(TROUBLE_COLUMNS)]).areas(below);
    latency(frame, left, update.latency.as_ref());
    let focus = update.sites.get(state.focus).or(update.sites.first());
    if let Some(site) = focus {
        troubles(frame, right, site);
    }
}

fn framed(title: &str) -> Block<'static> {
    Block::bordered().title(format!(" {title} ")).border_style(Style::new().add_modifier(Modifier::DIM))
}

fn site_title(site: &SiteNews) -> String {
    // The end of a path says more than its beginning.
    let tail: Vec<char> = site.name.chars().rev().take(20).collect();
    format!("site {}  {}", site.site, tail.into_iter().rev().collect::<String>())
}

fn rates(site: &SiteNews) -> Vec<Line<'static>> {
    let link = match site.link {
        "up" => site.link.green().bold(),
        _ => site.link.red().bold(),
    };
    let mut lines = vec![Line::from(vec![
        "link ".into(),
        link,
        format!("   slots in use {} of {}", site.slots_in_use, site.slots).into(),
    ])];
    let payload = |counter| format!("{:>9}B/s", short(site.rate(counter) * BLOCK_BYTES as f64));
    let rows = [
        ("written", Counter::blocks_written, payload(Counter::blocks_written)),
        ("read", Counter::blocks_read, payload(Counter::blocks_read)),
        ("mirrored", Counter::blocks_mirrored, payload(Counter::blocks_mirrored)),
        ("looked up", Counter::lookups, String::new()),
        ("frames sent", Counter::tx_frames, String::new()),
        ("sent again", Counter::tx_resend, String::new()),
    ];
    for (name, counter, beside) in rows {
        lines.push(Line::from(format!("{name:12}{:>8}/s{beside}", short(site.rate(counter)))));
    }
    lines
}

fn latency(frame: &mut Frame, area: Rect, latency: Option<&Latency>) {
    let Some(latency) = latency else {
        let text = "Only looking: this program sends no commands, so no stamps of theirs come here.\n\
                    Without --watch it brings a workload of its own.";
        let text = Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(text.block(framed("latency by stage")), area);
        return;
    };
    let ns = |cycles: f64| time(cycles * 1000.0 / latency.clock_mhz);
    let all: f64 = latency.segments.iter().map(|segment| segment.1).sum::<f64>().max(1.0);
    let summary = &latency.cycles;
    let mut lines = vec![
        Line::from(format!(
            "p50 {}, p99 {}, max {}",
            ns(summary.p50 as f64),
            ns(summary.p99 as f64),
            ns(summary.max as f64)
        ))
        .bold(),
        Line::from(format!("{} commands at site {}; the mean:", latency.commands, latency.site)),
    ];
    let room = usize::from(area.width.saturating_sub(2));
    for ((name, cycles), colour) in latency.segments.iter().zip(PARTS) {
        let share = cycles / all;
        let text = format!("{name:26}{:>11}{:>4.0} %", ns(*cycles), share * 100.0);
        // The row itself is the bar. Its text is one column a character.
        let text = format!("{text:room$}");
        let end = text.char_indices().nth((share * room as f64).round() as usize).map_or(text.len(), |(at, _)| at);
        let (bar, rest) = text.split_at(end);
        lines.push(Line::from(vec![bar.to_owned().fg(Color::Black).bg(colour), rest.to_owned().into()]));
    }
    frame.render_widget(Paragraph::new(lines).block(framed("latency by stage")), area);
}

fn troubles(frame: &mut Frame, area: Rect, site: &SiteNews) {
    let list = site.troubles();
    let room = usize::from(area.height.saturating_sub(2));
    let mut lines: Vec<Line> = if list.is_empty() { vec![Line::from("none").green()] } else { Vec::new() };
    let shown = if list.len() > room { room.saturating_sub(1) } else { list.len() };
    for (counter, value, rate) in list.iter().take(shown) {
        let line = Line::from(format!("{:18.18}{value:>6} {:>5}/s", counter.name(), short(*rate)));
        lines.push(if *rate > 0.0 { line.yellow() } else { line });
    }
    if shown < list.len() {
        lines.push(Line::from(format!("and {} more", list.len() - shown)).dim());
    }
    frame.render_widget(
        Paragraph::new(lines).block(framed(&format!("site {}: waits, repeats, drops", site.site))),
        area,
    );
}

/// A figure in four digits at most, with its thousands.
fn short(value: f64) -> String {
    let (mut value, mut unit) = (value, "");
    for next in ["k", "M", "G", "T"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit.is_empty() {
        format!("{value:.0} ")
    } else if value < 99.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1000.0 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.3} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::stages::SEGMENTS;
    use crate::summary::Summary;
    use crate::top::state::Update;

    fn site(name: &'static str, link: &'static str) -> SiteNews {
        let counters = Counter::ALL.iter().map(|counter| match counter {
            Counter::blocks_written => (*counter, 1_000_000, 298_123.0),
            Counter::tx_resend => (*counter, 12, 3.4),
            Counter::rx_bad_crc if name == "b" => (*counter, 7, 0.0),
            counter => (*counter, 0, 0.0),
        });
        let counters = counters.collect();
        SiteNews {
            site: name,
            name: format!("/a/long/path/to/{name}.sock"),
            link,
            slots_in_use: 37,
            slots: 4096,
            counters,
        }
    }

    fn state() -> State {
        let segments = SEGMENTS.iter().zip([140.0, 14.5, 133.0, 520.0, 153_000.0, 155.0, 2.0, 4.0]);
        let cycles = Summary { min: 1, p50: 154_010, p99: 154_011, p999: 154_011, max: 1_000_000 };
        let segments = segments.map(|(name, cycles)| (*name, cycles)).collect();
        let latency = Latency { site: "a", commands: 256, cycles, segments, clock_mhz: 156.25 };
        let mut state = State::default();
        let setting = "SIMULATED, 100 km, MTU 9000, DATA_W 64, 156.25 MHz; Write, depth 32".to_owned();
        let sites = vec![site("a", "up"), site("b", "fenced")];
        state.apply(Update { setting, sites, latency: Some(latency) });
        state
    }

    fn buffer(state: &State, (columns, rows): (u16, u16)) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn screen(state: &State, (columns, rows): (u16, u16)) -> Vec<String> {
        let buffer = buffer(state, (columns, rows));
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..rows).map(row).collect()
    }

    fn find<'a>(screen: &'a [String], part: &str) -> &'a str {
        screen.iter().find(|row| row.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{}", screen.join("\n")))
    }

    #[test]
    fn everything_has_its_place_at_both_sizes() {
        for size in [(80, 24), (120, 40)] {
            let screen = screen(&state(), size);
            assert!(screen[0].contains("SIMULATED") && screen[0].contains("depth 32"), "{}", screen[0]);
            let both = find(&screen, "link up");
            assert!(both.contains("link fenced") && both.matches("slots in use 37 of 4096").count() == 2, "{both}");
            assert_eq!(find(&screen, "written  ").matches("298 k/s    1.2 GB/s").count(), 2);
            for name in SEGMENTS {
                find(&screen, name);
            }
            assert!(find(&screen, "p50").contains("985.66 µs") && find(&screen, "p50").contains("max 6.400 ms"));
            assert!(find(&screen, "link both ways").contains("979.20 µs  99 %"));
            assert!(find(&screen, "tx_resend").contains("12    3 /s"), "{}", find(&screen, "tx_resend"));
            assert!(!screen.iter().any(|row| row.contains("rx_bad_crc")), "the other site's");
            assert!(screen.last().unwrap().contains("q quit"));
            assert_eq!(screen.iter().any(|row| row.contains("blocks written and read")), size.1 == 40);
        }
    }

    #[test]
    fn bars_are_as_long_as_the_shares() {
        let (state, size) = (state(), (120, 40));
        let (screen, buffer) = (screen(&state, size), buffer(&state, size));
        let coloured = |name: &str| {
            let row = screen.iter().position(|row| row.contains(name)).unwrap() as u16;
            (1..size.0 - TROUBLE_COLUMNS - 1).filter(|x| buffer[(*x, row)].bg != Color::Reset).count()
        };
        // 84 columns for 153,968.5 cycles.
        let lengths = ["fetch the entry", "link both ways", "frames  "].map(coloured);
        assert_eq!(lengths, [0, 83, 0]);
    }

    #[test]
    fn keys_change_what_is_seen() {
        let mut state = state();
        state.next_site();
        state.toggle_pause();
        let screen = screen(&state, (80, 24));
        find(&screen, "site b: waits");
        find(&screen, "rx_bad_crc");
        assert!(screen[0].contains("PAUSED"), "{}", screen[0]);
    }

    #[test]
    fn no_size_and_no_state_is_too_small() {
        for size in [(1, 1), (20, 5), (79, 23), (300, 100)] {
            screen(&state(), size);
            screen(&State::default(), size);
        }
        let mut one = state().shown.unwrap();
        one.sites.truncate(1);
        one.latency = None;
        let mut state = State::default();
        state.apply(one);
        find(&screen(&state, (80, 24)), "Only looking");
    }

    #[test]
    fn figures_are_short() {
        let told = [0.0, 7.4, 999.4, 999.6, 12_345.0, 99_960.0, 298_123.0, 1.22e9].map(short);
        assert_eq!(told, ["0 ", "7 ", "999 ", "1.0 k", "12.3 k", "100 k", "298 k", "1.2 G"]);
        assert_eq!([140.0, 985_664.0, 1_234_567.0].map(time), ["140 ns", "985.66 µs", "1.235 ms"]);
    }
}
