//! The tables of `cargo xtask peers`.

use std::time::Duration;

use super::dyad::Simulated;
use super::race::{Latency, Race};
use super::{ASKED, Measured, Reached};
use crate::table::table;

/// What the others and the cards did, as text.
pub fn text(others: &[Measured], cards: &Simulated) -> String {
    format!("{}\n{}\n{}", latency(others, cards), behaviour(others, cards), notes(others))
}

/// A table in which a row has either measured or simulated figures.
fn latency(others: &[Measured], cards: &Simulated) -> String {
    let us = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e6);
    let none = || vec!["-".to_owned(); 3];
    let measured = |name: &str, how: &str, latency: &Latency| {
        let figures = [latency.p50, latency.p99, latency.max].map(us).to_vec();
        [vec![name.to_owned(), how.to_owned()], figures, none(), vec!["-".to_owned(); 4]].concat()
    };
    let mut rows = Vec::new();
    for peer in others {
        rows.push(measured(peer.name, "write", &peer.write));
        rows.extend(peer.fua.as_ref().map(|fua| measured(peer.name, "write, FUA", fua)));
    }
    for cost in &cards.costs {
        let name = format!("Dyad, {} bits", cost.data_w);
        let clock = vec![format!("{} MHz", cost.clock_mhz)];
        let figures = |of: [i64; 3]| of.map(|figure| figure.to_string()).to_vec();
        rows.push([vec![name, "write".to_owned()], none(), figures(cost.cycles), figures(cost.ns), clock].concat());
    }
    let head =
        ["", "", "p50 µs", "p99 µs", "max µs", "p50 cyc", "p99 cyc", "max cyc", "p50 ns", "p99 ns", "max ns", "at"];
    format!(
        "One write of 4 KiB at a time, done when both copies have it; 0 km.\n\
         µs: MEASURED here, software. cycles and ns: SIMULATED, of the stated clock. No row has both; they are not one scale.\n{}",
        table(&head, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], &rows)
    )
}

/// What each did with FUA, flushes, and hosts that race.
fn behaviour(others: &[Measured], cards: &Simulated) -> String {
    let mut rows = Vec::new();
    for peer in others {
        let reached =
            |index: usize| peer.reached.as_ref().map_or_else(|| "no such request".to_owned(), |of| legs(&of[index]));
        rows.push(vec![peer.name.to_owned(), "both right".to_owned(), reached(0), reached(1), outcome(&peer.race)]);
    }
    let [fua, flush] = cards.flushes.map(|flushes| format!("{flushes} FLUSH of both stores"));
    rows.push(vec!["Dyad, simulated".to_owned(), "both right".to_owned(), fua, flush, outcome(&cards.race)]);
    let fua = format!("{ASKED} writes with FUA");
    let flush = format!("{ASKED} writes, each flushed");
    let head = ["", "copies read back", &fua, &flush, "both sites write the same blocks"];
    format!("What the legs got (near / far), and what became of racing writers:\n{}", table(&head, &[], &rows))
}

fn legs(reached: &Reached) -> String {
    let [near, far] = reached;
    format!(
        "writes {}/{}, FUA {}/{}, flushes {}/{}",
        near.writes, far.writes, near.fua, far.fua, near.flushes, far.flushes
    )
}

fn outcome(race: &Race) -> String {
    let torn = if race.torn > 0 { format!(", {} torn", race.torn) } else { String::new() };
    match race.differ {
        0 => format!("equal, all {}{torn}", race.raced),
        differ => format!("{differ} of {} DIFFER{torn}", race.raced),
    }
}

fn notes(others: &[Measured]) -> String {
    let mut text = "How each was built:\n".to_owned();
    for peer in others {
        text += &format!("  {}: {}\n", peer.name, peer.how);
    }
    text + "  Dyad: two Verilated cards; latency by `dyad bench`, the rest by `dyad serve` and the same NBD client\n\n\
            All copies are in memory: a write is done when both have it, and none outlives a power cut. Integrity on the way:\n\
            CRC32C with UDP and Dyad; the NBD legs have TCP's or nothing (Unix sockets: nothing). Ownership: Dyad alone. With\n\
            QEMU's mirror the far leg has no host of its own by design; a second mirror the other way is what a user would try.\n"
}

#[cfg(test)]
mod tests {
    use super::super::dyad::Cost;
    use super::super::qemu::Seen;
    use super::*;

    #[test]
    fn no_row_has_measured_and_simulated_figures() {
        let time = Duration::from_nanos(12_340);
        let latency = Latency { p50: time, p99: time, max: time };
        let reached = [Seen { writes: 10, fua: 0, flushes: 10 }, Seen::default()];
        let race = Race { raced: 64, differ: 3, torn: 0 };
        let peer = Measured {
            name: "some mirror",
            how: "somehow".to_owned(),
            write: latency,
            fua: Some(latency),
            reached: Some([reached, reached]),
            race,
        };
        let cost = Cost { data_w: 64, clock_mhz: 156.25, cycles: [980; 3], ns: [6272; 3] };
        let cards = Simulated { costs: vec![cost], flushes: [10, 10], race: Race { raced: 64, differ: 0, torn: 0 } };
        let text = text(&[peer], &cards);
        let rows = |of: &str| text.lines().filter(|line| line.contains(of)).collect::<Vec<_>>();
        assert!(rows("12.3").iter().all(|row| !row.contains("980") && !row.contains("MHz")), "{text}");
        assert!(rows("980").len() == 1 && rows("980")[0].contains("156.25 MHz"), "{text}");
        assert!(text.contains("3 of 64 DIFFER") && text.contains("equal, all 64"), "{text}");
        assert!(text.contains("writes 10/0, FUA 0/0, flushes 10/0"), "{text}");
    }
}
