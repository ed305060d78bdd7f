//! `dyad stats --watch`: rates, again and again.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use dyad_driver::Device;
use serde_json::{Map, Value, json};

use crate::cli;
use crate::sample::Sample;
use crate::target::AnyBacking;

/// Shows each card's rates every `interval`, `times` times or for ever.
///
/// # Errors
/// When a device is gone.
pub fn run(devices: &[Device<AnyBacking>], interval: Duration, times: Option<u32>, json: bool) -> Result<()> {
    let sample = || devices.iter().map(Sample::take).collect::<Result<Vec<_>>>();
    let mut before = sample()?;
    for _ in 0..times.unwrap_or(u32::MAX) {
        thread::sleep(interval);
        let after = sample()?;
        let cards: Vec<_> = devices.iter().zip(before.iter().zip(&after)).collect();
        if json {
            let cards: Vec<_> = cards.iter().map(|(device, pair)| object(device, pair)).collect();
            outln!("{}", Value::from(cards));
        } else {
            cards.iter().for_each(|(device, pair)| table(device, pair));
        }
        before = after;
    }
    Ok(())
}

fn object(device: &Device<AnyBacking>, (before, after): &(&Sample, &Sample)) -> Value {
    let info = device.info();
    let seconds = after.seconds_since(before, info.clock_khz);
    let moved = after.moved_since(before).into_iter().filter(|moved| moved.1 > 0);
    let rates: Map<_, _> = moved.map(|(c, moved)| (c.name().to_owned(), per_second(moved, seconds).into())).collect();
    json!({
        "name": info.name, "site": cli::site_name(after.site), "link": after.link(), "slots_in_use": after.slots_in_use,
        "card_seconds": seconds, "per_second": rates,
    })
}

fn table(device: &Device<AnyBacking>, (before, after): &(&Sample, &Sample)) {
    let info = device.info();
    let seconds = after.seconds_since(before, info.clock_khz);
    let (site, link) = (cli::site_name(after.site), after.link());
    outln!("{} (site {site}): link {link}, {} of {} slots in use", info.name, after.slots_in_use, info.slot_count);
    outln!("  {:24}{:>12}{:>16}", format!("in {:.3} ms of its clock", seconds * 1000.0), "counted", "a second");
    for (counter, moved) in after.moved_since(before).into_iter().filter(|moved| moved.1 > 0) {
        outln!("  {:24}{moved:>12}{:>16.1}", counter.name(), per_second(moved, seconds));
    }
}

/// A rate by the card's clock, which on a simulated card is far behind this machine's.
fn per_second(moved: u32, seconds: f64) -> f64 {
    if seconds > 0.0 { f64::from(moved) / seconds } else { 0.0 }
}
