//! The warehouse: tables that the owner's analysts query, and the ledger that vouches for them. One implementation for
//! every database; what is landed and when is decided by `sync`.

mod dialect;
mod error;
mod health;
mod ledger;
mod lock;
mod migrate;
mod samples;
mod sql;
mod statement;
mod value;

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

pub use dialect::{Dialect, Durability, Postgres, Sqlite, Stamp};
pub use error::{Error, Trouble};
pub use health::{Schema, free_space, may_make};
pub use ledger::{ResourceStatus, RunStatus, Status};
pub use samples::Sample;
pub use sql::SqlWarehouse;

use crate::ledger::{
    Bookmark, Counts, History, Progress, Range, ResourceOutcome, RunEnd, RunId, RunStart, Window, WindowId,
};
use crate::resource::Resource;
use crate::transform::{Reject, Row};

/// What a run needs of a database. Every method is one transaction: it happened, or it did not.
pub trait Warehouse: Send + Sync {
    /// Opens a run in the ledger. Claims the warehouse for the portal, or refuses another portal's.
    fn begin_run(&self, start: &RunStart) -> impl Future<Output = Result<RunId, Error>> + Send;

    /// Most credits that a run since `day_start` saw left; see [`crate::http::Credits::remember`].
    fn most_credits(&self, day_start: DateTime<Utc>) -> impl Future<Output = Result<Option<u64>, Error>> + Send;

    /// What is known of a resource.
    fn history(&self, resource: &'static Resource) -> impl Future<Output = Result<History, Error>> + Send;

    /// Makes windows, and the bookmark that knows of them.
    fn plan(
        &self,
        run: RunId,
        resource: &'static Resource,
        bookmark: Bookmark,
        ranges: &[Range],
    ) -> impl Future<Output = Result<Vec<Window>, Error>> + Send;

    /// Lands batches: of each its rows, rejects, the window's progress and, where that ends the window, the bookmark,
    /// and all of them together. They are taken one by one, each when the one before is written, so that a transaction
    /// can be larger than what fits into memory. Landing the same batch twice changes nothing the second time.
    ///
    /// An error can also mean that it happened and only the answer was lost; both are right, since the next run reads
    /// from wherever the ledger stands. The other way round, a server that crashed may have lost a batch that it had
    /// confirmed: the next one then does not continue where the ledger stands, and is refused.
    fn land(
        &self,
        batches: impl IntoIterator<Item = Batch, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<Landed, Error>> + Send;

    /// Closes a run in the ledger.
    fn finish_run(
        &self,
        run: RunId,
        end: &RunEnd,
        resources: &[ResourceOutcome],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// What the ledger knows, for people.
    fn status(&self) -> impl Future<Output = Result<Status, Error>> + Send;
}

/// What is written at once: the rows of one or more pages of a window.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Resource of all of it.
    pub resource: &'static Resource,
    /// Run that read it.
    pub run: RunId,
    /// Window that it belongs to.
    pub window: WindowId,
    /// Records received.
    pub read: u64,
    /// Those that fit.
    pub rows: Vec<Row>,
    /// Those that do not.
    pub rejects: Vec<Reject>,
    /// How far the window had been read before it. A batch lands only where the ledger stands.
    pub since: Progress,
    /// How far the window has been read with it.
    pub progress: Progress,
    /// Time of landing, on the portal's clock.
    pub at: DateTime<Utc>,
    /// How far behind its run's start a bookmark stays.
    pub overlap: TimeDelta,
}

impl Batch {
    /// Adds a later page of the same window.
    pub fn append(&mut self, later: Self) {
        self.read += later.read;
        self.rows.extend(later.rows);
        self.rejects.extend(later.rejects);
        self.progress = later.progress;
        self.at = later.at;
    }
}

/// What a landing came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landed {
    /// What became of the records.
    pub counts: Counts,
    /// The bookmark, if a batch ended its window.
    pub complete_until: Option<DateTime<Utc>>,
}
