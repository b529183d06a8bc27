//! How long a run still waits for credits: a line that counts down for people at a terminal, a line now and then for a log.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Log, duration};

/// Time between two lines of a log.
const PACE: Duration = Duration::from_secs(3_600);

/// Shows how long a wait will be.
pub trait Countdown: Send + Sync {
    /// Called every second: when the credits are back, on the portal's clock, and how long that is.
    fn show(&self, until: DateTime<Utc>, left: Duration);

    /// The wait has ended.
    fn end(&self);
}

/// A line at the terminal.
#[derive(Debug)]
pub struct Ticker(ProgressBar);

impl Ticker {
    /// A line in the place that the log keeps free for it.
    pub fn new(log: &Log) -> Self {
        let bar = log.bars().add(ProgressBar::no_length());
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }
}

impl Countdown for Ticker {
    fn show(&self, until: DateTime<Utc>, left: Duration) {
        let seconds = left.as_secs();
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        self.0.set_message(format!(
            "the credits of the day are spent; going on in {hours}:{minutes:02}:{seconds:02}, after {} UTC",
            until.format("%Y-%m-%d %H:%M")
        ));
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Lines of a log.
#[derive(Debug, Default)]
pub struct Notes {
    said_at: Mutex<Option<Duration>>,
}

impl Countdown for Notes {
    fn show(&self, until: DateTime<Utc>, left: Duration) {
        let mut said_at = self.said_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said_at.is_none_or(|said_at| left + PACE <= said_at) {
            *said_at = Some(left);
            tracing::info!(
                until = %until.format("%Y-%m-%dT%H:%M:%SZ"),
                left = duration(left.as_secs_f64()),
                "waiting for the credits of the next day"
            );
        }
    }

    fn end(&self) {}
}
