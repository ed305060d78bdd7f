//! What is told on standard error while a verb works. `--quiet` turns it off.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets what `--quiet` asks for; once, before anything else.
pub fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether `--quiet` was given.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Tells a note.
pub fn note(text: &str) {
    if !is_quiet() {
        eprintln!("{text}");
    }
}

/// A bar up to `total`; it is seen on a terminal only, and not when `hidden`.
pub fn bar(name: &'static str, total: u64, hidden: bool) -> ProgressBar {
    let target = if hidden || is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{msg:30} [{bar:40}] {pos}/{len} {elapsed} (left {eta})");
    let bar = ProgressBar::with_draw_target(Some(total), target).with_message(name);
    // The template is a constant; were it wrong, the plain bar would do.
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
}

/// The steps of a verb.
pub struct Steps {
    hidden: bool,
}

impl Steps {
    /// Told, or with `hidden` not.
    pub fn new(hidden: bool) -> Self {
        Self { hidden }
    }

    /// Tells a step.
    pub fn say(&self, text: &str) {
        if !self.hidden {
            note(text);
        }
    }

    /// A bar for a step that takes long.
    pub fn bar(&self, name: &'static str, total: u64) -> ProgressBar {
        bar(name, total, self.hidden)
    }
}
