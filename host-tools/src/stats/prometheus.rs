//! The counters as Prometheus scrapes them: the text exposition format, version 0.0.4.

use std::fmt::Write;

use dyad_driver::Info;
use dyad_driver::bar::CardStatus;

use crate::cli;
use crate::sample::Sample;

/// One card.
pub struct Card {
    /// What it says of itself.
    pub info: Info,
    /// What it showed.
    pub sample: Sample,
}

/// All of the cards' metrics, each family once.
pub fn text(cards: &[Card]) -> String {
    let mut out = String::new();
    let counters = cards.iter().map(|card| &card.sample.counters).max_by_key(|counters| counters.len());
    for (index, (counter, _)) in counters.into_iter().flatten().enumerate() {
        let value = |card: &Card| card.sample.counters.get(index).map(|counter| counter.1.to_string());
        family(&mut out, &format!("{}_total", counter.name()), "counter", counter.doc(), cards, value);
    }
    let flag = |flag: CardStatus| move |card: &Card| Some(u8::from(card.sample.status.contains(flag)).to_string());
    let gauges: [(&str, &str, &dyn Fn(&Card) -> Option<String>); 6] = [
        ("link_up", "Whether the link is up.", &flag(CardStatus::LINK_UP)),
        ("link_fenced", "Whether the link is fenced: the peer did not answer.", &flag(CardStatus::FENCED)),
        ("slots_in_use", "Slots in use: blocks in flight, and blocks kept.", &|c| {
            Some(c.sample.slots_in_use.to_string())
        }),
        ("slots", "Slots that the card has.", &|c| Some(c.info.slot_count.to_string())),
        ("clock_hertz", "Core clock, as built.", &|c| Some((u64::from(c.info.clock_khz) * 1000).to_string())),
        ("now_cycles", "The card's time in core clock periods.", &|c| Some(c.sample.cycle.to_string())),
    ];
    for (name, help, value) in gauges {
        family(&mut out, name, "gauge", help, cards, value);
    }
    out
}

fn family(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    cards: &[Card],
    value: impl Fn(&Card) -> Option<String>,
) {
    // Doc comments begin with a space.
    let help = help.trim().replace('\\', "\\\\").replace('\n', "\\n");
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP dyad_{name} {help}\n# TYPE dyad_{name} {kind}");
    for card in cards {
        if let Some(value) = value(card) {
            let (site, label) = (cli::site_name(card.sample.site), escape(&card.info.name));
            let _ = writeln!(out, "dyad_{name}{{card=\"{label}\",site=\"{site}\"}} {value}");
        }
    }
}

/// A label's value.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_cannot_break_out() {
        assert_eq!(escape("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
