//! What the user sees while something takes time: a spinner or bar with the elapsed time on a terminal, otherwise a
//! plain line when a step starts and when it ends. All of it goes to standard error.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A step of unknown length.
pub struct Step {
    what: String,
    start: Instant,
    bar: Option<ProgressBar>,
    /// When something was said last.
    said: Instant,
}

/// How often a plain line says how far a step is.
const PLAIN_EVERY: Duration = Duration::from_secs(60);

impl Step {
    /// Says that `what` begins, and once, in brackets, what there is to know about it.
    pub fn start(what: &str, detail: &str) -> Self {
        let what = what.to_owned();
        let bar = terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(style("{spinner} {msg} [{elapsed}]"));
            bar.set_message(what.clone());
            bar.println(format!("xtask: {what} ({detail})"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if bar.is_none() {
            eprintln!("xtask: {what} ({detail}) ...");
        }
        Self { what, start: Instant::now(), bar, said: Instant::now() }
    }

    /// Says how far it is: on a terminal at once, otherwise once a minute.
    pub fn at(&mut self, place: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {place}", self.what));
        } else if self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            eprintln!("xtask: {}: {place}, {}", self.what, seconds(self.start.elapsed()));
        }
    }

    /// Says that the step has succeeded. Dropped without this, it says nothing: the error does.
    pub fn done(mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        eprintln!("xtask: {}: done in {}", self.what, seconds(self.start.elapsed()));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar that counts to `total`; without a terminal, nothing but the first line.
pub fn count(what: &str, total: usize) -> ProgressBar {
    if !terminal() {
        eprintln!("xtask: {what} ({total}) ...");
        return ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(total as u64);
    bar.set_style(style("{msg} {wide_bar} {pos}/{len} [{elapsed}]"));
    bar.set_message(what.to_owned());
    bar
}

/// A duration as people read it: `0.04 s`, `12.3 s`, `3 min 05 s`.
pub fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 1.0 {
        format!("{s:.2} s")
    } else if s < 99.95 {
        format!("{s:.1} s")
    } else {
        let whole = s.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

fn terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let text = |ms| seconds(Duration::from_millis(ms));
        assert_eq!(text(42), "0.04 s");
        assert_eq!(text(12_345), "12.3 s");
        assert_eq!(text(99_960), "1 min 40 s");
        assert_eq!(text(185_000), "3 min 05 s");
    }
}
