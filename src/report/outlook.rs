//! When a run will be done, from what it has read, what is to come, and what it may spend. Arithmetic; drawing is left to
//! those who show it.

use std::collections::HashMap;
use std::time::Duration;

use super::{duration, thousands};
use crate::http::{Budget, Traffic};
use crate::ledger::Usage;
use crate::sync::Event;

/// Records that have to be read before a pace is told.
const FEWEST: u64 = 300;

/// What is known of a run's pace.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    read: u64,
    remaining: HashMap<&'static str, u64>,
    usage: HashMap<&'static str, Usage>,
    budget: Budget,
    traffic: Traffic,
}

impl Outlook {
    /// Takes an event in.
    pub(super) fn see(&mut self, event: &Event<'_>) {
        match *event {
            Event::PageRead { resource, records, remaining, usage, budget, traffic, .. } => {
                self.read += records;
                self.remaining.insert(resource, remaining.unwrap_or_default());
                self.usage.insert(resource, usage);
                (self.budget, self.traffic) = (budget, traffic);
            }
            Event::ResourceFinished { outcome } => {
                self.remaining.remove(outcome.resource);
            }
            Event::RunStarted { .. } | Event::Expected { .. } | Event::WindowStarted { .. } | Event::Landed { .. } => {}
        }
    }

    /// Rows in a second.
    pub(super) fn rows_per_second(&self, elapsed: Duration) -> f64 {
        self.read as f64 / elapsed.as_secs_f64().max(0.001)
    }

    /// What is under way.
    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// One line about the whole run.
    pub(super) fn line(&self, elapsed: Duration) -> String {
        let Traffic { in_flight, allowed, refused } = self.traffic;
        let mut parts = vec![
            format!("{} rows/s", thousands(self.rows_per_second(elapsed) as u64)),
            format!("{in_flight} of {allowed} requests in flight"),
        ];
        if refused > 0 {
            parts.push(format!("{} refused (429)", thousands(refused)));
        }
        parts.extend(self.end(elapsed));
        parts.join(", ")
    }

    /// When it will be done, as far as the records are counted: `done in 14 min`, or the days that the credits take.
    pub(super) fn end(&self, elapsed: Duration) -> Option<String> {
        let remaining: u64 = self.remaining.values().sum();
        if self.read < FEWEST || remaining == 0 {
            return None;
        }
        let credits: u64 = self.usage.values().map(|usage| usage.credits).sum();
        let needed = (u128::from(remaining) * u128::from(credits) / u128::from(self.read)) as u64;
        match (self.budget.today, self.budget.a_day) {
            (Some(today), Some(a_day)) if needed > today && a_day > 0 => {
                let days = 1 + (needed - today).div_ceil(a_day);
                Some(format!("needs {days} days at {} credits a day", thousands(a_day)))
            }
            _ => Some(format!("done in {}", duration(remaining as f64 / self.rows_per_second(elapsed)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(remaining: u64, credits: u64, budget: Budget) -> Event<'static> {
        Event::PageRead {
            resource: "a",
            records: 1_000,
            remaining: Some(remaining),
            usage: Usage { requests: 10, credits },
            credits_left: None,
            budget,
            traffic: Traffic { in_flight: 3, allowed: 5, refused: 2 },
        }
    }

    #[test]
    fn the_end_follows_the_pace_of_the_rows() {
        let mut outlook = Outlook::default();
        assert_eq!(outlook.end(Duration::from_secs(1)), None);
        outlook.see(&page(84_000, 30, Budget::default()));
        let line = outlook.line(Duration::from_secs(10));
        assert_eq!(line, "100 rows/s, 3 of 5 requests in flight, 2 refused (429), done in 14 min");
    }

    #[test]
    fn or_that_of_the_credits() {
        let mut outlook = Outlook::default();
        // 30 credits for 1,000 records: 3,000 for the rest.
        outlook.see(&page(100_000, 30, Budget { today: Some(500), a_day: Some(1_250) }));
        assert_eq!(outlook.end(Duration::from_secs(10)).as_deref(), Some("needs 3 days at 1,250 credits a day"));
        outlook.see(&page(0, 30, Budget::default()));
        assert_eq!(outlook.end(Duration::from_secs(10)), None);
    }
}
