//! Progress as bars, for people at a terminal: one a resource, with rows, rate, requests, credits and what is left.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Log, thousands};
use crate::ledger::State;
use crate::sync::{Event, Observer};

/// Draws a run as bars.
#[derive(Debug)]
pub struct Bars {
    place: MultiProgress,
    bars: Mutex<HashMap<&'static str, ProgressBar>>,
}

impl Bars {
    /// Bars in the place that the log keeps free for them.
    pub fn new(log: &Log) -> Self {
        Self { place: log.bars().clone(), bars: Mutex::default() }
    }

    fn bar(&self, resource: &'static str) -> ProgressBar {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(resource).or_insert_with(|| {
            let bar = self.place.add(ProgressBar::no_length());
            bar.set_style(style("{prefix:10} {bar:20} {human_pos:>9}/{human_len} rows  {per_sec}  eta {eta}  {msg}"));
            bar.set_prefix(resource);
            bar
        });
        bar.clone()
    }
}

impl Observer for Bars {
    fn see(&self, event: &Event<'_>) {
        match *event {
            Event::RunStarted { .. } | Event::Landed { .. } => {}
            Event::WindowStarted { resource, .. } => self.bar(resource).tick(),
            Event::PageRead { resource, records, remaining, usage, credits_left } => {
                let bar = self.bar(resource);
                bar.inc(records);
                bar.set_length(bar.position() + remaining.unwrap_or_default());
                let left = credits_left.map_or_else(String::new, |left| format!(", {} credits left", thousands(left)));
                bar.set_message(format!("{} requests{left}", thousands(usage.requests)));
            }
            Event::ResourceFinished { outcome } => {
                let bar = self.bar(outcome.resource);
                bar.set_style(style("{prefix:10} {msg}"));
                let word = if outcome.state == State::Complete { "complete" } else { outcome.state.word() };
                bar.finish_with_message(format!(
                    "{word}: {} rows read, {} changed, {} requests",
                    thousands(outcome.counts.read),
                    thousands(outcome.counts.inserted + outcome.counts.updated),
                    thousands(outcome.usage.requests),
                ));
            }
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
