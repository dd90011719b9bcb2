//! How far a run is: a bar with an estimate on a terminal, silence elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of one run. Cheap to clone; all clones are the same bar.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of `steps` on standard error, drawn when that is a terminal.
    pub fn on_standard_error(steps: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} elapsed, {eta} left  {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Progress { bar }
    }

    /// A bar that nobody sees.
    pub fn silent() -> Progress {
        Progress { bar: ProgressBar::hidden() }
    }

    /// What is being done.
    pub fn doing(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Many steps are done.
    pub fn steps(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// More steps than were known of before.
    pub fn more_steps(&self, steps: u64) {
        self.bar.inc_length(steps);
    }

    /// Prints a line above the bar; where there is no bar, plainly to standard error.
    pub fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
