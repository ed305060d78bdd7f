//! What the commands of a run told, together and apart.

use crate::bench::sides::Sites;
use crate::workload::record::Record;
use crate::workload::{Done, Kind, Pattern, WorkloadArgs};

/// By what commands are told apart.
enum Apart {
    /// Not at all.
    No,
    /// By what they did.
    Kinds([Kind; 2]),
    /// Those of one round by the order in which they ended.
    Places { round: Vec<Done>, each: usize },
}

/// What commands told, together and apart.
pub struct Told {
    /// All of them.
    pub all: Record,
    /// Some by themselves, with what they are called.
    pub apart: Vec<(String, Record)>,
    by: Apart,
}

impl Told {
    /// For `count` commands of a workload.
    pub fn new(work: &WorkloadArgs, sites: Sites, count: u32) -> Self {
        let record = || Record::new(count.into());
        let by = match (work.pattern, sites) {
            (Pattern::Mixed, _) => Apart::Kinds([Kind::Write, Kind::Read]),
            (Pattern::Migrate, Sites::One(_)) => Apart::Kinds([Kind::Acquire, Kind::Release]),
            (Pattern::Race, _) => Apart::Places { round: Vec::new(), each: 2 * usize::from(work.depth) },
            _ => Apart::No,
        };
        let names: Vec<String> = match &by {
            Apart::No => Vec::new(),
            Apart::Kinds(kinds) => kinds.iter().map(|kind| kind.name().to_owned()).collect(),
            Apart::Places { each, .. } => (1..=*each).map(ordinal).collect(),
        };
        Self { all: record(), apart: names.into_iter().map(|name| (name, record())).collect(), by }
    }

    /// Adds a command.
    pub fn add(&mut self, done: &Done) {
        self.all.add(done);
        match &mut self.by {
            Apart::No => {}
            Apart::Kinds(kinds) => {
                let records = kinds.iter().zip(&mut self.apart).filter(|(kind, _)| **kind == done.kind);
                records.for_each(|(_, (_, record))| record.add(done));
            }
            Apart::Places { round, each } => {
                round.push(*done);
                if round.len() == *each {
                    // All of a round were submitted at once: who took longer ended later.
                    round.sort_by_key(|done| done.stages.posted);
                    round.drain(..).zip(&mut self.apart).for_each(|(done, (_, record))| record.add(&done));
                }
            }
        }
    }
}

fn ordinal(place: usize) -> String {
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_names() {
        let names: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 16, 21].map(ordinal).into();
        assert_eq!(names, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "16th", "21st"]);
    }
}
