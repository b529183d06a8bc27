//! Runs: who started one, what it counted, how it ended. Numbers only; sentences about them are in `report`.

use std::fmt;
use std::ops::AddAssign;

use chrono::{DateTime, Utc};

/// Number of a run; `_run_id` of every row that it wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known when a run begins.
#[derive(Debug, Clone)]
pub struct RunStart {
    /// Command that was given: `sync`, `demo` …
    pub command: &'static str,
    /// Portal that is read; a warehouse holds one.
    pub org_id: String,
    /// Run start, on the portal's clock: the signpost that no bookmark may pass.
    pub started_at: DateTime<Utc>,
    /// Who runs it, for the message to the next one: host and process id.
    pub holder: String,
}

/// How a run, or one resource of it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Under way, or cut off before it could say how it ended.
    Running,
    /// Everything asked for is complete.
    Complete,
    /// Something asked for is not complete.
    Partial,
    /// Stopped at the credit reserve.
    OutOfCredits,
    /// Stopped by a signal.
    Interrupted,
    /// Failed.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Complete, Self::Partial, Self::OutOfCredits, Self::Interrupted, Self::Failed];

    /// The state of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// The word in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::OutOfCredits => "out of credits",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// Requests and credits that were spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests that were answered, refusals included.
    pub requests: u64,
    /// Credits, as the portal priced them.
    pub credits: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.credits += other.credits;
    }
}

/// What became of the records of one batch, resource or run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records received; one that came twice counts twice.
    pub read: u64,
    /// Rows that were not there before.
    pub inserted: u64,
    /// Rows that changed.
    pub updated: u64,
    /// Records that were already held, in this or a newer version.
    pub unchanged: u64,
    /// Rows marked deleted.
    pub deleted: u64,
    /// Records that fit no row and were kept raw.
    pub rejected: u64,
    /// Rows in which a character was replaced that no database text can hold.
    pub mended: u64,
    /// Rows that changed because somebody had altered one of their cells in the table.
    pub altered: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.deleted += other.deleted;
        self.rejected += other.rejected;
        self.mended += other.mended;
        self.altered += other.altered;
    }
}

/// How one resource ended.
#[derive(Debug, Clone)]
pub struct ResourceOutcome {
    /// Name of the resource.
    pub resource: &'static str,
    /// How it ended.
    pub state: State,
    /// Its records.
    pub counts: Counts,
    /// What it cost.
    pub usage: Usage,
    /// Time from its first to its last page.
    pub seconds: f64,
    /// The bookmark after the run.
    pub complete_until: Option<DateTime<Utc>>,
    /// Windows that are still unfinished.
    pub open_windows: u64,
    /// Why it is not complete.
    pub error: Option<String>,
}

impl ResourceOutcome {
    /// Read to its end, as far as is known by now.
    pub fn complete(resource: &'static str, counts: Counts, usage: Usage, seconds: f64) -> Self {
        let state = State::Complete;
        Self { resource, state, counts, usage, seconds, complete_until: None, open_windows: 0, error: None }
    }

    /// Takes down what was not had, beside what is taken down already.
    pub fn lacks(&mut self, what: String) {
        self.state = State::Partial;
        self.error = Some(match self.error.take() {
            Some(error) => format!("{error}; {what}"),
            None => what,
        });
    }

    /// Takes down that records fit no row, which is not complete whatever else was read.
    pub fn admit_rejects(&mut self) {
        if self.state == State::Complete && self.counts.rejected > 0 {
            let Counts { rejected, read, .. } = self.counts;
            // A record that was read twice is counted twice, and kept once.
            self.lacks(format!("{rejected} of the {read} records that were read fit no row: see deskhouse_rejects"));
        }
    }
}

/// How a run ended, for the ledger.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// How it ended.
    pub state: State,
    /// When, on the portal's clock.
    pub finished_at: DateTime<Utc>,
    /// What the whole run cost.
    pub usage: Usage,
    /// Credits that the portal had left at the end, if it said so.
    pub credits_left: Option<u64>,
    /// Most credits that it saw left.
    pub credits_most: Option<u64>,
}
