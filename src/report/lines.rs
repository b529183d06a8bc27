//! Progress as log lines, for runs without a terminal: one when a window begins, one every few seconds while it lasts,
//! one when a resource has ended. Field names are the same everywhere.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::outlook::Outlook;
use crate::ledger::{Counts, State};
use crate::sync::{Event, Observer};

/// Time between two lines of one resource.
const PACE: Duration = Duration::from_secs(5);

/// Tells a run as log lines.
#[derive(Debug, Default)]
pub struct Lines {
    seen: Mutex<HashMap<&'static str, Seen>>,
    outlook: Mutex<Outlook>,
    /// Of the first event.
    start: OnceLock<Instant>,
}

#[derive(Debug)]
struct Seen {
    said: Instant,
    counts: Counts,
}

impl Observer for Lines {
    fn see(&self, event: &Event<'_>) {
        let elapsed = self.start.get_or_init(Instant::now).elapsed();
        let mut outlook = self.outlook.lock().unwrap_or_else(PoisonError::into_inner);
        outlook.see(event);
        match *event {
            Event::RunStarted { run, started_at } => {
                tracing::info!(run = run.0, started_at = %started_at.format("%Y-%m-%dT%H:%M:%SZ"), "run started");
            }
            Event::Expected { usage, time } => {
                tracing::info!(
                    requests = usage.requests,
                    credits = usage.credits,
                    seconds = time.as_secs(),
                    "expected"
                );
            }
            Event::WindowStarted { resource, windows, from, to } => {
                tracing::info!(
                    resource,
                    windows,
                    window_start = %from.format("%Y-%m-%dT%H:%M:%SZ"),
                    window_end = %to.format("%Y-%m-%dT%H:%M:%SZ"),
                    "reading a window"
                );
            }
            Event::Landed { resource, counts } => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let held =
                    seen.entry(resource).or_insert_with(|| Seen { said: Instant::now(), counts: Counts::default() });
                held.counts += counts;
            }
            Event::PageRead { resource, remaining, usage, credits_left, .. } => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(held) = seen.get_mut(resource).filter(|held| held.said.elapsed() >= PACE) else { return };
                held.said = Instant::now();
                tracing::info!(
                    resource,
                    rows = held.counts.read,
                    remaining,
                    requests = usage.requests,
                    credits = usage.credits,
                    credits_left,
                    rows_per_second = outlook.rows_per_second(elapsed) as u64,
                    in_flight = outlook.traffic().in_flight,
                    refused = outlook.traffic().refused,
                    outlook = outlook.end(elapsed),
                    "reading"
                );
            }
            Event::ResourceFinished { outcome } => {
                let (counts, usage) = (outcome.counts, outcome.usage);
                let duration_ms = (outcome.seconds * 1000.0) as u64;
                if outcome.state == State::Complete {
                    tracing::info!(
                        resource = outcome.resource,
                        rows = counts.read,
                        inserted = counts.inserted,
                        updated = counts.updated,
                        unchanged = counts.unchanged,
                        rejected = counts.rejected,
                        requests = usage.requests,
                        credits = usage.credits,
                        duration_ms,
                        "complete"
                    );
                } else {
                    tracing::warn!(
                        resource = outcome.resource,
                        rows = counts.read,
                        open_windows = outcome.open_windows,
                        requests = usage.requests,
                        credits = usage.credits,
                        duration_ms,
                        error = outcome.error.as_deref(),
                        "{}",
                        outcome.state.word()
                    );
                }
            }
        }
    }
}
