//! What the screen shows.

use std::collections::VecDeque;

use dyad_spec::counters::Counter;

use crate::summary::Summary;

/// Rates that are kept for the curve.
pub const HISTORY: usize = 240;

/// News from the cards.
#[derive(Clone, Debug)]
pub struct Update {
    /// What is looked at, in words.
    pub setting: String,
    /// The cards.
    pub sites: Vec<SiteNews>,
    /// What this program's commands told since the update before; none when it sends no commands.
    pub latency: Option<Latency>,
}

/// News of one card.
#[derive(Clone, Debug)]
pub struct SiteNews {
    /// `a` or `b`.
    pub site: &'static str,
    /// How the card is reached.
    pub name: String,
    /// `up`, `down`, `fenced`.
    pub link: &'static str,
    /// Most slots that were seen in use.
    pub slots_in_use: u32,
    /// Slots that the card has.
    pub slots: u32,
    /// Every counter with its value and how far it moves in a second of the card's time.
    pub counters: Vec<(Counter, u32, f64)>,
}

impl SiteNews {
    /// How far a counter moves in a second.
    pub fn rate(&self, counter: Counter) -> f64 {
        self.counters.iter().find(|found| found.0 == counter).map_or(0.0, |found| found.2)
    }

    /// Counters of what should not happen that have counted something, with value and rate: those that move first.
    pub fn troubles(&self) -> Vec<(Counter, u32, f64)> {
        let mut list: Vec<_> = self.counters.iter().copied().filter(|c| c.1 > 0 && is_trouble(c.0)).collect();
        list.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.1.cmp(&a.1)));
        list
    }
}

/// What commands told.
#[derive(Clone, Debug)]
pub struct Latency {
    /// The site that they ran at.
    pub site: &'static str,
    /// How many.
    pub commands: u64,
    /// From doorbell to completion, in cycles.
    pub cycles: Summary,
    /// What the mean command's time was spent on.
    pub segments: Vec<(&'static str, f64)>,
    /// The clock at which cycles are turned into time.
    pub clock_mhz: f64,
}

/// All that is drawn.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What came last.
    pub shown: Option<Update>,
    /// For each site: blocks written and read in a second, oldest first.
    pub history: Vec<VecDeque<u64>>,
    /// The screen stands still.
    pub paused: bool,
    /// Index of the site whose troubles are listed.
    pub focus: usize,
}

impl State {
    /// Takes news in, unless the screen stands still.
    pub fn apply(&mut self, update: Update) {
        if self.paused {
            return;
        }
        self.history.resize_with(update.sites.len(), VecDeque::new);
        for (history, site) in self.history.iter_mut().zip(&update.sites) {
            let blocks = site.rate(Counter::blocks_written) + site.rate(Counter::blocks_read);
            history.push_back(blocks as u64);
            if history.len() > HISTORY {
                history.pop_front();
            }
        }
        self.shown = Some(update);
    }

    /// Stops the screen, or lets it go on.
    pub fn toggle_pause(&mut self) {
        self.paused = !self.paused;
    }

    /// Lists the troubles of the other site.
    pub fn next_site(&mut self) {
        let sites = self.shown.as_ref().map_or(1, |update| update.sites.len().max(1));
        self.focus = (self.focus + 1) % sites;
    }
}

/// Whether a counter counts drops, refusals, repeats, faults or waiting.
fn is_trouble(counter: Counter) -> bool {
    const BEGIN: [&str; 12] = [
        "bad_",
        "rx_bad_",
        "dma_",
        "store_",
        "lock_",
        "not_",
        "sq_fetch_",
        "cq_post_",
        "blocks_resent",
        "blocks_timed_out",
        "fences",
        "lun_fences",
    ];
    const WORDS: [&str; 12] = [
        "short",
        "long",
        "stale",
        "duplicate",
        "unexpected",
        "busy",
        "refused",
        "overrun",
        "resend",
        "aborted",
        "evicted",
        "dropped",
    ];
    let name = counter.name();
    BEGIN.iter().any(|begin| name.starts_with(begin))
        || name.split('_').any(|word| WORDS.contains(&word))
        || ["misaligned", "link_down"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(rate: f64) -> Update {
        let counters = [Counter::blocks_written, Counter::rx_bad_crc, Counter::tx_resend, Counter::rx_good];
        let site = SiteNews {
            site: "a",
            name: String::new(),
            link: "up",
            slots_in_use: 0,
            slots: 1,
            counters: counters.into_iter().map(|counter| (counter, 5, rate)).collect(),
        };
        Update { setting: String::new(), sites: vec![site.clone(), site], latency: None }
    }

    #[test]
    fn a_screen_that_stands_still_takes_no_news() {
        let mut state = State::default();
        state.next_site();
        assert_eq!(state.focus, 0, "there is no other site yet");
        state.apply(update(10.0));
        state.toggle_pause();
        state.apply(update(20.0));
        assert_eq!((state.history[0].len(), state.shown.as_ref().unwrap().sites[0].counters[0].2), (1, 10.0));
        state.toggle_pause();
        (0..2 * HISTORY).for_each(|_| state.apply(update(20.0)));
        assert_eq!(state.history[1].len(), HISTORY);
        state.next_site();
        assert_eq!(state.focus, 1);
        state.next_site();
        assert_eq!(state.focus, 0);
    }

    #[test]
    fn troubles_are_what_should_not_happen() {
        let names: Vec<_> = update(1.0).sites[0].troubles().iter().map(|trouble| trouble.0.name()).collect();
        assert_eq!(names, ["rx_bad_crc", "tx_resend"]);
        for counter in Counter::ALL.iter().filter(|counter| counter.doc().contains("Dropped")) {
            assert!(is_trouble(*counter), "{}", counter.name());
        }
        for good in [Counter::blocks_read, Counter::tx_frames, Counter::lookups, Counter::blocks_mirrored] {
            assert!(!is_trouble(good), "{}", good.name());
        }
    }
}
