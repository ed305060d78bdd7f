//! A command's time, cut at the card's stamps.

use dyad_driver::Stages;

use crate::plot::Part;

/// Stamps by name, in the order of the tables. All are cycles after the doorbell but `mirror`, which is a duration.
pub const STAMPS: [(&str, fn(&Stages) -> u32); 8] = [
    ("fetched", |s| s.fetched),
    ("lookup", |s| s.lookup),
    ("frame", |s| s.frame),
    ("sent", |s| s.sent),
    ("mirror", |s| s.mirror),
    ("local", |s| s.local),
    ("ack", |s| s.ack),
    ("posted", |s| s.posted),
];

/// Stamps of a command that asks the peer something and has no block: it ends with the answer, which the card stamps as that of
/// the store.
pub fn of_exchange(stages: &Stages) -> Stages {
    Stages { ack: stages.local, local: 0, frame: 0, sent: 0, mirror: 0, ..*stages }
}

/// Stamps of a command that sends nothing to the peer: what the card stamps for the stages that only writes have is left out.
pub fn without_peer(stages: &Stages) -> Stages {
    Stages { frame: 0, sent: 0, ack: 0, mirror: 0, ..*stages }
}

/// Index in [`STAMPS`] of the whole latency.
pub const POSTED: usize = STAMPS.len() - 1;

/// What a command's time is spent on, in the order in which a write meets it.
pub const SEGMENTS: [&str; 8] = [
    "fetch the entry",
    "owner and lock",
    "payload to the first frame",
    "frames",
    "link both ways, ACK",
    "peer's card and store",
    "own store",
    "post the completion",
];

/// Cuts a command's time into [`SEGMENTS`]: cycles of each, which add up to `posted`. A stage that the command did not have
/// takes none; what two stages share is counted for the first.
pub fn segments(stages: &Stages) -> [u32; 8] {
    let mut out = [0; 8];
    let mut at = 0;
    let mut to = |stamp: u32| {
        let took = stamp.saturating_sub(at);
        at = at.max(stamp);
        took
    };
    out[0] = to(stages.fetched);
    out[1] = to(stages.lookup);
    out[2] = to(stages.frame);
    out[3] = to(stages.sent);
    let away = to(stages.ack);
    out[5] = stages.mirror.min(away);
    out[4] = away - out[5];
    out[6] = to(stages.local);
    out[7] = to(stages.posted);
    out
}

/// Segments by name with their cycles, without those that are zero.
pub fn named(cycles: [f64; SEGMENTS.len()]) -> Vec<(&'static str, f64)> {
    SEGMENTS.into_iter().zip(cycles).filter(|(_, cycles)| *cycles > 0.0).collect()
}

/// Segments by name as a bar.
pub fn bar(segments: &[(&'static str, f64)]) -> Vec<Part> {
    const COLOURS: [usize; SEGMENTS.len()] = [0, 1, 2, 3, 4, 5, 7, 6];
    let colour = |name| SEGMENTS.iter().zip(COLOURS).find(|(segment, _)| **segment == name).map_or(0, |found| found.1);
    let part =
        |&(name, cycles): &(&'static str, f64)| Part { name, cycles: cycles.round() as i64, colour: colour(name) };
    segments.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_add_up() {
        let write = Stages {
            fetched: 140,
            lookup: 154,
            frame: 287,
            sent: 807,
            local: 946,
            ack: 1106,
            posted: 1110,
            mirror: 155,
            ..Stages::default()
        };
        assert_eq!(segments(&write), [140, 14, 133, 520, 144, 155, 0, 4]);
        let slow_store = Stages { local: 1200, posted: 1204, ..write };
        assert_eq!(segments(&slow_store), [140, 14, 133, 520, 144, 155, 94, 4]);
        let read = Stages { fetched: 140, lookup: 150, local: 300, posted: 310, ..Stages::default() };
        assert_eq!(segments(&read), [140, 10, 0, 0, 0, 0, 150, 10]);
        for stages in [write, slow_store, read] {
            assert_eq!(segments(&stages).iter().sum::<u32>(), stages.posted);
        }
        let bar = bar(&named(segments(&read).map(f64::from)));
        assert_eq!(bar.iter().map(|part| part.colour).collect::<Vec<_>>(), [0, 1, 7, 6]);
    }
}
