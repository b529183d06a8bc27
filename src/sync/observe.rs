//! What a run tells while it runs. Drawing it is left to `report`.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::http::{Budget, Traffic};
use crate::ledger::{Counts, ResourceOutcome, RunId, Usage};

/// Something that happened. Carries counts and names, never a record.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The portal answered and the warehouse is ours.
    RunStarted {
        /// Number of the run.
        run: RunId,
        /// Start, on the portal's clock.
        started_at: DateTime<Utc>,
    },
    /// What a run that reads everything once more is going to take, about.
    Expected {
        /// Requests and credits.
        usage: Usage,
        /// Time, if the credits suffice.
        time: Duration,
    },
    /// A window is taken up.
    WindowStarted {
        /// Name of the resource.
        resource: &'static str,
        /// Windows left to read, this one included.
        windows: usize,
        /// Start of the window.
        from: DateTime<Utc>,
        /// End of the window.
        to: DateTime<Utc>,
    },
    /// A page was read.
    PageRead {
        /// Name of the resource.
        resource: &'static str,
        /// Records on it.
        records: u64,
        /// Records of the windows under way that are still to come, if the portal counts them.
        remaining: Option<u64>,
        /// What the resource has cost so far.
        usage: Usage,
        /// Credits that the portal has left.
        credits_left: Option<u64>,
        /// Credits that may be spent.
        budget: Budget,
        /// What the whole run has under way.
        traffic: Traffic,
    },
    /// A batch was committed.
    Landed {
        /// Name of the resource.
        resource: &'static str,
        /// What became of its records.
        counts: Counts,
    },
    /// A resource has ended, one way or another.
    ResourceFinished {
        /// How.
        outcome: &'a ResourceOutcome,
    },
}

/// Watches a run.
pub trait Observer: Send + Sync {
    /// Called from the run itself, so it must not wait.
    fn see(&self, event: &Event<'_>);
}

/// Watches and says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn see(&self, _event: &Event<'_>) {}
}
