//! What is broken on purpose, for those who test what comes of it.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use dyad_sim::world::Action;
use tracing::warn;

use crate::target::Cards;

/// When the simulated link is cut, and for how long; of simulated time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    after: Duration,
    /// For good, without it.
    lasts: Option<Duration>,
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = |text: &str| {
            let ms = text.parse::<f64>().ok().filter(|ms| (0.0..1e6).contains(ms));
            ms.map(|ms| Duration::from_secs_f64(ms / 1e3)).ok_or("give milliseconds, as 2 or 2,0.5")
        };
        let (after, lasts) = match text.split_once(',') {
            Some((after, lasts)) => (after, Some(duration(lasts)?)),
            None => (text, None),
        };
        Ok(Self { after: duration(after)?, lasts })
    }
}

/// Has the link cut, counted from now. Simulated time passes while requests are under way, and a little longer.
///
/// # Errors
/// When the cards are not simulated here.
pub fn cut_link(cards: &Cards, cut: Cut) -> Result<()> {
    let simulator = cards.simulator().context("cutting the link: it is not simulated by this program")?;
    let cycles = |time: Duration| (time.as_nanos() * u128::from(simulator.config.clock_khz) / 1_000_000) as u64;
    let mut world = simulator.bench.world_mut();
    let at = world.cycle() + cycles(cut.after);
    world.at(at, Action::CutLink);
    if let Some(lasts) = cut.lasts {
        world.at(at + cycles(lasts), Action::MendLink);
    }
    warn!("the link will be cut after {:?} of simulated time, as was asked for", cut.after);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_for_good_or_for_a_time() {
        let ms = Duration::from_millis;
        assert_eq!("2".parse(), Ok(Cut { after: ms(2), lasts: None }));
        assert_eq!("0,1.5".parse(), Ok(Cut { after: ms(0), lasts: Some(Duration::from_micros(1500)) }));
        for bad in ["", "x", "-1", "1,", ",1", "1,2,3", "nan", "1e9"] {
            assert!(bad.parse::<Cut>().is_err(), "{bad}");
        }
    }
}
