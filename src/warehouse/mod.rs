//! The warehouse: tables that the owner's analysts query, and the ledger that vouches for them. One implementation for
//! every database; what is landed and when is decided by `sync`.

mod checks;
mod children;
mod closely;
mod counts;
mod credits;
mod dialect;
mod error;
mod health;
mod indexes;
mod ledger;
mod lock;
mod look;
mod migrate;
mod newest;
mod queue;
mod rejects;
mod retention;
mod samples;
mod shares;
mod sql;
mod statement;
mod tombstones;
mod value;
mod windows;

use std::collections::HashMap;
use std::future::Future;

use bytestring::ByteString;
use chrono::{DateTime, TimeDelta, Utc};

pub use checks::{Check, Extent};
pub use children::{Due, Parent};
pub use counts::Counted;
pub use dialect::{Dialect, Durability, Postgres, Sqlite, Stamp};
pub use error::{Error, Trouble};
pub use health::{Schema, free_space, may_make};
pub use ledger::{ResourceStatus, RunStatus, Status};
pub use newest::Newest;
pub use queue::Owing;
pub use samples::Sample;
pub use sql::SqlWarehouse;
pub use tombstones::{Complete, Found, Missing};

use crate::ledger::{
    Bookmark, Counts, History, Key, Progress, Range, Reason, ResourceOutcome, RunEnd, RunId, RunStart, Share, Sharing,
    Spending, Spent, Tally, Today, Window, WindowId,
};
use crate::resource::Resource;
use crate::transform::{Reject, Row};

/// What a run needs of a database. Every method is one transaction: it happened, or it did not.
pub trait Warehouse: Send + Sync {
    /// Opens a run in the ledger. Claims the warehouse for the portal, or refuses another portal's.
    fn begin_run(&self, start: &RunStart) -> impl Future<Output = Result<RunId, Error>> + Send;

    /// What runs since `day_start` saw left and have spent; see [`crate::http::Client::remember_today`].
    fn today(&self, day_start: DateTime<Utc>) -> impl Future<Output = Result<Today, Error>> + Send;

    /// Takes down how many requests at a time this run holds, and gives how many it may make beside other runs that are at
    /// work. A run that does not come back for ten seconds has left them to the others.
    fn share(&self, sharing: Sharing) -> impl Future<Output = Result<Share, Error>> + Send;

    /// Leaves to the others what this run holds: it makes no request any more. Closing a run does so too.
    fn leave(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Adds what a run has spent to the books, and gives what all runs have spent on that day; and does what
    /// [`Self::share`] does. What is spent before there is a run counts for the day alone.
    fn book(
        &self,
        run: Option<RunId>,
        spending: &Spending,
        sharing: Sharing,
    ) -> impl Future<Output = Result<Spent, Error>> + Send;

    /// What is known of a resource.
    fn history(&self, resource: &'static Resource) -> impl Future<Output = Result<History, Error>> + Send;

    /// Makes windows, and the bookmark that knows of them. Before the first row of a searched resource its secondary
    /// indexes are set aside, see [`Self::make_indexes`].
    fn plan(
        &self,
        run: RunId,
        resource: &'static Resource,
        bookmark: Bookmark,
        ranges: &[Range],
    ) -> impl Future<Output = Result<Vec<Window>, Error>> + Send;

    /// Makes the indexes that [`Self::plan`] has set aside before the first row of a resource. To be called when its load
    /// ends or pauses; what a run that was killed has left is made by the next one as it opens the warehouse.
    fn make_indexes(&self, resource: &'static Resource) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes a window of the part of an unfinished one that another walk is to read: the end of the one and the other are
    /// written together, so that a run that stops here resumes with both.
    fn split(
        &self,
        run: RunId,
        resource: &'static Resource,
        window: WindowId,
        given: Range,
    ) -> impl Future<Output = Result<Window, Error>> + Send;

    /// The windows of an explicit range that are still to be read, newest first: what an earlier backfill of it left, and
    /// new ones for what none has covered.
    fn plan_backfill(
        &self,
        run: RunId,
        resource: &'static Resource,
        key: Key,
        range: Range,
    ) -> impl Future<Output = Result<Vec<Window>, Error>> + Send;

    /// The windows of backfills that are not finished.
    fn open_backfill(&self, resource: &'static Resource) -> impl Future<Output = Result<Vec<Window>, Error>> + Send;

    /// Lands batches: of each its rows, rejects, the windows' progress and, where that ends a window, the bookmark, and
    /// all of them together. They are taken one by one, each when the one before is written, so that a transaction
    /// can be larger than what fits into memory. Landing the same batch twice changes nothing the second time.
    ///
    /// An error can also mean that it happened and only the answer was lost; both are right, since the next run reads
    /// from wherever the ledger stands. The other way round, a server that crashed may have lost a batch that it had
    /// confirmed: the next one then does not continue where the ledger stands, and is refused.
    fn land(
        &self,
        batches: impl IntoIterator<Item = Batch, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<Landed, Error>> + Send;

    /// Up to when a feed has been read that is not a resource's own, such as the recycle bin; none before the first time.
    fn feed_read_until(&self, feed: &'static str) -> impl Future<Output = Result<Option<DateTime<Utc>>, Error>> + Send;

    /// Lands what was found outside of windows, all of it together, and with it up to when the feed has been read that
    /// it came from. Gives what became of each. Landing the same twice changes nothing the second time.
    fn land_found(
        &self,
        found: Vec<Found>,
        read_until: Option<(&'static str, DateTime<Utc>)>,
    ) -> impl Future<Output = Result<Vec<Landed>, Error>> + Send;

    /// Marks the rows that a complete list does not have as gone, unless the brake says that they are too many to be
    /// believed; an empty list is never believed beside a table that is not. Only for a list that was read to its end,
    /// with no refusal and no cap, and whose pages have been landed.
    fn mark_missing(&self, complete: Complete) -> impl Future<Output = Result<Missing, Error>> + Send;

    /// Number of the rows of an extent; of those that were created in a range, if one is given.
    fn count(&self, extent: Extent, created: Option<Range>) -> impl Future<Output = Result<u64, Error>> + Send;

    /// The first part of a range of created time, which holds about `each` rows of an extent, and the rest of it, without
    /// gap or overlap. No second is ever cut.
    fn part(
        &self,
        extent: Extent,
        range: Range,
        each: u64,
    ) -> impl Future<Output = Result<(Range, Option<Range>), Error>> + Send;

    /// A range of created time in two of about as many rows of an extent; `None` inside one second.
    fn halves(
        &self,
        extent: Extent,
        range: Range,
    ) -> impl Future<Output = Result<Option<(Range, Range)>, Error>> + Send;

    /// Keys of the rows of an extent; of those that were created in a range, if one is given.
    fn ids(&self, extent: Extent, created: Option<Range>) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// The rows changed last up to `before` that a search should show; none where those are more than a few.
    fn newest(
        &self,
        resource: &'static Resource,
        before: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<Newest>, Error>> + Send;

    /// Keys of the rows that are alive, with what a column of times holds of each.
    fn times(
        &self,
        resource: &'static Resource,
        column: &'static str,
    ) -> impl Future<Output = Result<HashMap<String, DateTime<Utc>>, Error>> + Send;

    /// Keys of the rows that are alive and were written since then by runs which were stopped before they came to the end
    /// of the resource's list.
    fn written(
        &self,
        resource: &'static Resource,
        since: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Parents of a resource whose lists are to be read, `most` at most. Those that are deleted have none.
    fn parents(
        &self,
        resource: &'static Resource,
        due: Due,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Parent>, Error>> + Send;

    /// Keys of the rows that are alive and parts of these parents, each with its parent's.
    fn parts(
        &self,
        resource: &'static Resource,
        parents: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, String)>, Error>> + Send;

    /// Keys of the rows that left for one of these reasons between these times, the newest first, `most` at most.
    fn departed(
        &self,
        resource: &'static Resource,
        reasons: &'static [Reason],
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Keys of some archived rows, `most` at most.
    fn archived(
        &self,
        resource: &'static Resource,
        most: i64,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Numbers of archived rows that are alive, by department.
    fn shelf_lengths(
        &self,
        resource: &'static Resource,
    ) -> impl Future<Output = Result<HashMap<String, u64>, Error>> + Send;

    /// Keys of the archived rows of a department that are alive.
    fn shelf(
        &self,
        resource: &'static Resource,
        department: &str,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Those of the keys that are not held as archived and alive, in the same order.
    fn not_archived(
        &self,
        resource: &'static Resource,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Which of these keys are held alive with just this fingerprint, in the same order.
    fn unchanged(
        &self,
        resource: &'static Resource,
        fingerprints: Vec<(ByteString, i64)>,
    ) -> impl Future<Output = Result<Vec<bool>, Error>> + Send;

    /// Keys of those of the rows that are held alive and written from the same record, and of which a cell is another by
    /// now.
    fn altered(
        &self,
        resource: &'static Resource,
        rows: Vec<Row>,
    ) -> impl Future<Output = Result<Vec<ByteString>, Error>> + Send;

    /// Records that an earlier version could make no row of, as they were received; `most` at most. They are given once.
    fn rejected(
        &self,
        resource: &'static Resource,
        most: i64,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Those of the keys that are held as deleted.
    fn deleted(
        &self,
        resource: &'static Resource,
        ids: Vec<ByteString>,
    ) -> impl Future<Output = Result<Vec<ByteString>, Error>> + Send;

    /// The rows of a resource that are alive and lack their details, those that were noted first at the head.
    fn owing(&self, resource: &'static Resource) -> impl Future<Output = Result<Vec<Owing>, Error>> + Send;

    /// How far the comparison of a resource has come.
    fn check(&self, resource: &'static Resource) -> impl Future<Output = Result<Option<Check>, Error>> + Send;

    /// Remembers how far the comparison of a resource has come.
    fn save_check(
        &self,
        resource: &'static Resource,
        run: RunId,
        check: Check,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// How many rows of an extent that were created up to `until` are held, by what is known of them.
    fn tally(&self, extent: Extent, until: DateTime<Utc>) -> impl Future<Output = Result<Tally, Error>> + Send;

    /// Remembers what the portal counted at the end of a run.
    fn save_counted(
        &self,
        resource: &'static Resource,
        run: RunId,
        counted: Counted,
    ) -> impl Future<Output = Result<(), Error>> + Send;

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

/// What is written at once: the rows of one or more pages, from one or more windows.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Resource of all of it.
    pub resource: &'static Resource,
    /// Run that read it.
    pub run: RunId,
    /// What was read of which windows, each once.
    pub parts: Vec<Part>,
    /// Records that fit.
    pub rows: Vec<Row>,
    /// Records that do not.
    pub rejects: Vec<Reject>,
    /// When its first page was read, on the portal's clock.
    pub at: DateTime<Utc>,
    /// How far behind its run's start a bookmark stays.
    pub overlap: TimeDelta,
}

/// What a batch holds of a window.
#[derive(Debug, Clone)]
pub struct Part {
    /// Window that it is a part of.
    pub window: WindowId,
    /// Records received.
    pub read: u64,
    /// How far the window had been read before it. A batch lands only where the ledger stands.
    pub since: Progress,
    /// How far the window has been read with it.
    pub progress: Progress,
}

impl Batch {
    /// Records received.
    pub fn read(&self) -> u64 {
        self.parts.iter().map(|part| part.read).sum()
    }

    /// Adds pages that were read later.
    pub fn append(&mut self, later: Self) {
        self.rows.extend(later.rows);
        self.rejects.extend(later.rejects);
        for later in later.parts {
            match self.parts.iter_mut().find(|part| part.window == later.window) {
                Some(part) => {
                    part.read += later.read;
                    part.progress = later.progress;
                }
                None => self.parts.push(later),
            }
        }
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
