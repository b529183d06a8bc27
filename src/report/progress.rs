//! Progress as bars, for people at a terminal: one a resource, with rows, rate, requests, credits and what is left.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::outlook::Outlook;
use super::{Log, thousands};
use crate::ledger::State;
use crate::sync::{Event, Observer};

/// A resource that is being read. The names of all of them fit; what does not fit into a line is left out, since a line that
/// is broken in two takes the next one's place.
const RUNNING: &str = "{prefix:20} {bar:12} {human_pos:>9}/{human_len} rows  {rate}/s  eta {eta}  {wide_msg}";

/// One that is not.
const WORDS: &str = "{prefix:20} {wide_msg}";

/// The line below the bars.
const OVERALL: &str = "{wide_msg}";

/// Draws a run as bars, with a line about the whole of it below them.
#[derive(Debug)]
pub struct Bars {
    place: MultiProgress,
    bars: Mutex<HashMap<&'static str, ProgressBar>>,
    /// The line below the bars, about all of them.
    overall: ProgressBar,
    outlook: Mutex<Outlook>,
}

impl Bars {
    /// Bars in the place that the log keeps free for them.
    pub fn new(log: &Log) -> Self {
        let place = log.bars().clone();
        let overall = place.add(ProgressBar::no_length());
        overall.set_style(style(OVERALL));
        Self { place, bars: Mutex::default(), overall, outlook: Mutex::default() }
    }

    fn bar(&self, resource: &'static str) -> ProgressBar {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(resource).or_insert_with(|| {
            let bar = self.place.insert_before(&self.overall, ProgressBar::no_length());
            bar.set_style(style(WORDS));
            bar.set_prefix(resource);
            bar.set_message("waits for its turn");
            bar
        });
        bar.clone()
    }
}

impl Observer for Bars {
    fn see(&self, event: &Event<'_>) {
        let mut outlook = self.outlook.lock().unwrap_or_else(PoisonError::into_inner);
        outlook.see(event);
        if let Event::PageRead { .. } = event {
            self.overall.set_message(outlook.line(self.overall.elapsed()));
        }
        match *event {
            Event::RunStarted { .. } | Event::Expected { .. } | Event::Landed { .. } => {}
            Event::WindowStarted { resource, .. } => self.bar(resource).tick(),
            Event::PageRead { resource, records, remaining, usage, credits_left, .. } => {
                let bar = self.bar(resource);
                if bar.position() == 0 {
                    bar.set_style(style(RUNNING));
                }
                bar.inc(records);
                bar.set_length(bar.position() + remaining.unwrap_or_default());
                let left = credits_left.map_or_else(String::new, |left| format!(", {} credits left", thousands(left)));
                bar.set_message(format!("{} requests{left}", thousands(usage.requests)));
            }
            Event::ResourceFinished { outcome } => {
                let bar = self.bar(outcome.resource);
                bar.set_style(style(WORDS));
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

impl Drop for Bars {
    /// Gives the screen back: what is printed next stands where the bars were, and nothing draws over it any more.
    fn drop(&mut self) {
        let bars = self.bars.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, bar) in bars.drain() {
            bar.finish_and_clear();
            self.place.remove(&bar);
        }
        self.overall.finish_and_clear();
        self.place.remove(&self.overall);
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
        // Nobody is there to be told that a line was not drawn.
        let _ = write!(out, "{:.0}", state.per_sec());
    })
}
