//! What was asked of the sandbox, in the order of arrival.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// One request.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The decoded query. Nothing that was sent to the accounts server is kept.
    pub query: String,
    /// The `orgId` header, if there was one.
    pub org_id: Option<String>,
    /// The answer's status; 0 while there is none, and for good when the connection was closed instead.
    pub status: u16,
    /// What the answer cost.
    pub credits: u64,
    /// Records of the answer, where it is a list.
    pub records: usize,
    /// The `from` of the request, or 0.
    pub depth: u32,
    /// How many Desk requests were in flight when it arrived, itself among them; 0 for other requests.
    pub in_flight: u32,
    /// When it arrived, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// How long the answer took here, latency and work; 0 until there is one.
    pub took: Duration,
}

/// The requests since the log was last cleared.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Logged>,
    cleared: usize,
    /// How many entries there are, for those who wait for more.
    arrived: watch::Sender<usize>,
}

impl Journal {
    /// Takes a request down and answers with its number.
    pub(crate) fn arrival(&mut self, entry: Logged) -> usize {
        self.entries.push_back(entry);
        self.arrived.send_replace(self.entries.len());
        self.cleared + self.entries.len() - 1
    }

    pub(crate) fn answered(&mut self, number: usize, status: u16, credits: u64, records: usize) {
        if let Some(entry) = number.checked_sub(self.cleared).and_then(|place| self.entries.get_mut(place)) {
            (entry.status, entry.credits, entry.records) = (status, credits, records);
        }
    }

    pub(crate) fn took(&mut self, number: usize, took: Duration) {
        if let Some(entry) = number.checked_sub(self.cleared).and_then(|place| self.entries.get_mut(place)) {
            entry.took = took;
        }
    }

    pub(crate) fn entries(&self) -> Vec<Logged> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.cleared += self.entries.len();
        self.entries.clear();
        self.arrived.send_replace(0);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.arrived.subscribe()
    }
}
