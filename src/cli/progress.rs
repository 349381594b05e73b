//! A progress bar on standard error when that is a terminal; in a pipe or a file, nothing.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// How far a long command has come. Dropping it removes it from the screen.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Counts towards `total` things of a kind, such as `rows`; without a total it shows the count alone.
    pub(crate) fn of(kind: &str, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => format!("{{wide_bar}} {{human_pos}} of {{human_len}} {kind}, {{eta}} left"),
            None => format!("{{spinner}} {{human_pos}} {kind}, {{elapsed}}"),
        };
        Self::with(&template, total)
    }

    /// Counts bytes of a file.
    pub(crate) fn of_bytes(total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{wide_bar} {bytes} of {total_bytes}, {eta} left",
            None => "{spinner} {bytes}, {elapsed}",
        };
        Self::with(template, total)
    }

    fn with(template: &str, total: Option<u64>) -> Self {
        let bar = match total {
            _ if !stderr().is_terminal() => ProgressBar::hidden(),
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        // A template that indicatif does not take leaves its own, plainer one.
        Self(bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    pub(crate) fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    pub(crate) fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Says that there is more to do than was known.
    pub(crate) fn set_total(&self, total: u64) {
        self.0.set_length(total);
    }

    /// Takes the bar off the screen while something is printed.
    pub(crate) fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
