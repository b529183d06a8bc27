//! The warehouse of any SQL database: landing, written once. The ledger's statements are in `ledger`, what differs
//! between databases in `dialect`.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::checks::{Check, Extent};
use super::children::{Due, Parent};
use super::counts::Counted;
use super::dialect::{Dialect, Durability, Stamp};
use super::error::{Error, Trouble};
use super::ledger::{self, Status};
use super::migrate::migrate;
use super::newest::Newest;
use super::queue::{self, Owing};
use super::shares::Watch;
use super::tombstones::{Complete, Fate, Found, Missing, Turns};
use super::value::Value;
use super::{Batch, Landed, Warehouse};
use crate::ledger::{
    Bookmark, Counts, History, Key, Purpose, Range, Reason, ResourceOutcome, RunEnd, RunId, RunStart, Share, Sharing,
    Sight, Spending, Spent, Tally, Today, Window, WindowId,
};
use crate::resource::Resource;
use crate::transform::Row;

/// A warehouse in an SQL database.
pub struct SqlWarehouse<D: Dialect> {
    pub(super) dialect: D,
    /// What this process holds alone, see [`Purpose::claims`].
    pub(super) claims: Vec<String>,
    /// The runs beside this one.
    pub(super) watch: Mutex<Watch>,
    /// Held while this process may write.
    lock: Option<D::Lock>,
}

/// The open transaction of a dialect.
pub(super) type Open<D> = <D as Dialect>::Transaction;

impl<D: Dialect> SqlWarehouse<D> {
    /// Opens the warehouse for a sync: takes its lock and brings the schema up to date. `now` is for the record.
    pub async fn open(dialect: D, now: DateTime<Utc>) -> Result<Self, Error> {
        Self::open_for(dialect, Purpose::Sync.claims([]), now).await
    }

    /// Opens the warehouse for a run that claims this; see [`Purpose::claims`].
    pub async fn open_for(dialect: D, claims: Vec<String>, now: DateTime<Utc>) -> Result<Self, Error> {
        let Some(lock) = dialect.lock(&claims).await? else {
            let warehouse = dialect.address().to_owned();
            let held_by = ledger::holder(&dialect, &claims).await.unwrap_or_default();
            return Err(Error::Locked { warehouse, held_by });
        };
        let warehouse = Self { dialect, claims, watch: Mutex::default(), lock: Some(lock) };
        // Whoever has the lock of a sync knows that no first load is under way.
        if warehouse.claims == Purpose::Sync.claims([]) {
            warehouse.make_indexes_of(None).await?;
        }
        migrate(&warehouse.dialect, now).await?;
        Ok(warehouse)
    }

    /// Opens the warehouse for reading beside a run. The schema is taken as it is.
    pub fn open_to_read(dialect: D) -> Self {
        Self { dialect, claims: Vec::new(), watch: Mutex::default(), lock: None }
    }

    /// Closes the connections and gives the lock back. SQLite then folds its log into the file.
    pub async fn close(self) {
        // The lock may be a connection of the pool, which waits for all of them.
        drop(self.lock);
        self.dialect.close().await;
    }

    pub(super) async fn begin(&self, doing: &'static str) -> Result<Open<D>, Error> {
        self.begin_with(Durability::InOrder, doing).await
    }

    pub(super) async fn begin_with(&self, durability: Durability, doing: &'static str) -> Result<Open<D>, Error> {
        self.dialect.begin(durability).await.map_err(Error::doing(doing))
    }

    pub(super) async fn execute(&self, open: &mut Open<D>, sql: &str, values: Vec<Value>) -> Result<u64, Trouble> {
        self.dialect.execute(open, sql, values).await
    }

    /// Lands rows that are new or changed, and says how many were which.
    /// Rows are held to be what was written of them, unless they are to be looked at `closely`.
    pub(super) async fn land_rows(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        rows: Vec<Row>,
        stamp: Stamp,
        sight: Sight,
        closely: bool,
    ) -> Result<Counts, Trouble> {
        let received = rows.len();
        let rows = newest_of_each(rows);
        let mut counts = Counts { unchanged: (received - rows.len()) as u64, ..Counts::default() };
        // Fingerprints first: an unchanged row then costs a look-up and is never sent.
        let keys = rows.iter().map(|row| row.id.clone()).collect();
        let held = self.dialect.held(open, resource, keys).await?;
        let altered = if closely { self.altered(open, resource, &rows).await? } else { HashSet::new() };
        self.note_details(open, resource, queue::details_of(&rows), stamp).await?;
        let (mut fresh, mut changed, mut turns) = (Vec::new(), Vec::new(), Turns::default());
        let (mut fitting, mut turned) = (Vec::new(), 0);
        for (row, mut held) in rows.into_iter().zip(held) {
            if let Some(held) = held.as_mut().filter(|_| altered.contains(&row.id)) {
                counts.altered += u64::from(held.hash == Some(row.hash));
                held.hash = None;
            }
            // An older version says nothing of the one that did not fit.
            if held.as_ref().is_none_or(|held| !is_older(row.cursor, held.cursor)) {
                fitting.push(row.id.to_string());
            }
            match turns.fate(row, held, sight, stamp.synced_at) {
                Fate::Fresh(row) => fresh.push(row),
                Fate::Changed(row) => changed.push(row),
                Fate::Turned(id, tombstone) => {
                    self.mark(open, resource, &id, tombstone, stamp).await?;
                    turned += 1;
                }
                Fate::Unchanged => counts.unchanged += 1,
            }
        }
        let written = fresh.iter().chain(&changed).map(|row| row.id.to_string()).collect();
        self.forget_rejects(open, resource, fitting, written).await?;
        if fresh.is_empty() && changed.is_empty() && turned == 0 {
            return Ok(counts);
        }
        (counts.inserted, counts.updated) = (fresh.len() as u64, changed.len() as u64 + turned);
        counts.mended = fresh.iter().chain(&changed).filter(|row| row.mended).count() as u64;
        if let Some(oldest) = fresh.iter().map(|row| row.cursor.unwrap_or_default()).min()
            && resource.has_bin
            && sight == Sight::Shown
        {
            self.take_back_bin(open, oldest).await?;
        }
        let new: HashSet<ByteString> = fresh.iter().map(|row| row.id.clone()).collect();
        let (rejects, unread) = self.write_what_fits(open, resource, fresh, changed, stamp).await?;
        for reject in &rejects {
            let count = if new.contains(&*reject.id) { &mut counts.inserted } else { &mut counts.updated };
            *count -= 1;
            turns.forget(&reject.id);
        }
        counts.rejected = rejects.len() as u64;
        counts.deleted = turns.died.len() as u64;
        counts.updated -= counts.deleted;
        self.land_rejects(open, resource, rejects, stamp).await?;
        self.land_unread(open, resource, unread, stamp).await?;
        if !(turns.died.is_empty() && turns.risen.is_empty()) {
            self.turn_parts(open, resource, turns, stamp).await?;
        }
        Ok(counts)
    }

    /// Lands a batch in an open transaction; nothing when the ledger does not stand where one of its parts begins.
    async fn land_in(&self, open: &mut Open<D>, batch: Batch) -> Result<Option<Landed>, Trouble> {
        let read = batch.read();
        let Batch { resource, run, parts, rows, rejects, at, overlap } = batch;
        let stamp = Stamp { synced_at: at, run };
        if !self.save_progress(open, resource, run, &parts).await? {
            return Ok(None);
        }
        let counts = self.land_rows(open, resource, rows, stamp, Sight::Shown, false).await?;
        let counts = Counts { read, rejected: counts.rejected + rejects.len() as u64, ..counts };
        self.land_rejects(open, resource, rejects, stamp).await?;
        self.count(open, resource.name, counts, stamp).await?;
        let mut complete_until = None;
        for part in parts.iter().filter(|part| part.progress.done) {
            let whose = self.whose(open, resource, part.window).await?;
            if whose.is_some_and(|(purpose, _)| purpose == Purpose::Sync) {
                complete_until = self.advance_bookmark(open, resource, overlap, stamp).await?;
            }
        }
        Ok(Some(Landed { counts, complete_until }))
    }
}

impl<D: Dialect> Warehouse for SqlWarehouse<D> {
    async fn begin_run(&self, start: &RunStart) -> Result<RunId, Error> {
        self.insert_run(start).await
    }

    async fn today(&self, day_start: DateTime<Utc>) -> Result<Today, Error> {
        self.read_today(day_start).await
    }

    async fn share(&self, sharing: Sharing) -> Result<Share, Error> {
        self.write_share(sharing).await
    }

    async fn leave(&self) -> Result<(), Error> {
        self.leave_shares().await
    }

    async fn book(&self, run: Option<RunId>, spending: &Spending, sharing: Sharing) -> Result<Spent, Error> {
        self.book_spending(run, spending, sharing).await
    }

    async fn history(&self, resource: &'static Resource) -> Result<History, Error> {
        let doing = "read the ledger";
        let mut open = self.begin(doing).await?;
        let history = self.read_history(&mut open, resource).await.map_err(Error::doing(doing))?;
        D::commit(open).await.map_err(Error::doing(doing))?;
        Ok(history)
    }

    async fn plan(
        &self,
        run: RunId,
        resource: &'static Resource,
        bookmark: Bookmark,
        ranges: &[Range],
    ) -> Result<Vec<Window>, Error> {
        self.insert_windows(run, resource, bookmark, ranges).await
    }

    async fn make_indexes(&self, resource: &'static Resource) -> Result<(), Error> {
        Self::make_indexes(self, resource).await
    }

    async fn split(
        &self,
        run: RunId,
        resource: &'static Resource,
        window: WindowId,
        given: Range,
    ) -> Result<Window, Error> {
        self.split_window(run, resource, window, given).await
    }

    async fn plan_backfill(
        &self,
        run: RunId,
        resource: &'static Resource,
        key: Key,
        range: Range,
    ) -> Result<Vec<Window>, Error> {
        self.plan_range(run, resource, key, range).await
    }

    async fn open_backfill(&self, resource: &'static Resource) -> Result<Vec<Window>, Error> {
        let doing = "read the ledger";
        let mut open = self.begin(doing).await?;
        let windows = self.open_windows(&mut open, resource, Purpose::Backfill).await.map_err(Error::doing(doing))?;
        D::commit(open).await.map_err(Error::doing(doing))?;
        Ok(windows)
    }

    async fn land(&self, batches: impl IntoIterator<Item = Batch, IntoIter: Send> + Send) -> Result<Landed, Error> {
        let doing = "land a batch";
        let mut batches = batches.into_iter().peekable();
        let mut open = self.begin(doing).await?;
        if let Some(first) = batches.peek() {
            self.dialect.alone(&mut open, first.resource.name).await.map_err(Error::doing(doing))?;
        }
        let mut landed = Landed::default();
        for batch in batches {
            let one = self.land_in(&mut open, batch).await.map_err(Error::doing(doing))?.ok_or(Error::LedgerMoved)?;
            landed.counts += one.counts;
            landed.complete_until = one.complete_until.or(landed.complete_until);
        }
        D::commit(open).await.map_err(Error::doing("commit a batch"))?;
        Ok(landed)
    }

    async fn feed_read_until(&self, feed: &'static str) -> Result<Option<DateTime<Utc>>, Error> {
        self.read_feed_bookmark(feed).await
    }

    async fn land_found(
        &self,
        found: Vec<Found>,
        read_until: Option<(&'static str, DateTime<Utc>)>,
    ) -> Result<Vec<Landed>, Error> {
        self.write_found(found, read_until).await
    }

    async fn mark_missing(&self, complete: Complete) -> Result<Missing, Error> {
        self.bury_missing(complete).await
    }

    async fn count(&self, extent: Extent, created: Option<Range>) -> Result<u64, Error> {
        self.read_count(extent, created).await
    }

    async fn part(&self, extent: Extent, range: Range, each: u64) -> Result<(Range, Option<Range>), Error> {
        self.read_part(extent, range, each).await
    }

    async fn halves(&self, extent: Extent, range: Range) -> Result<Option<(Range, Range)>, Error> {
        self.read_halves(extent, range).await
    }

    async fn ids(&self, extent: Extent, created: Option<Range>) -> Result<Vec<String>, Error> {
        self.read_ids(extent, created).await
    }

    async fn newest(&self, resource: &'static Resource, before: DateTime<Utc>) -> Result<Option<Newest>, Error> {
        self.read_newest(resource, before).await
    }

    async fn times(
        &self,
        resource: &'static Resource,
        column: &'static str,
    ) -> Result<HashMap<String, DateTime<Utc>>, Error> {
        self.read_times(resource, column).await
    }

    async fn written(&self, resource: &'static Resource, since: DateTime<Utc>) -> Result<Vec<String>, Error> {
        self.read_written(resource, since).await
    }

    async fn parents(&self, resource: &'static Resource, due: Due, most: usize) -> Result<Vec<Parent>, Error> {
        self.read_parents(resource, due, most).await
    }

    async fn parts(&self, resource: &'static Resource, parents: Vec<String>) -> Result<Vec<(String, String)>, Error> {
        self.read_parts(resource, parents).await
    }

    async fn departed(
        &self,
        resource: &'static Resource,
        reasons: &'static [Reason],
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<String>, Error> {
        self.read_departed(resource, reasons, since, until, most).await
    }

    async fn archived(&self, resource: &'static Resource, most: i64) -> Result<Vec<String>, Error> {
        self.read_archived(resource, most).await
    }

    async fn shelf_lengths(&self, resource: &'static Resource) -> Result<HashMap<String, u64>, Error> {
        self.read_shelf_lengths(resource).await
    }

    async fn shelf(&self, resource: &'static Resource, department: &str) -> Result<Vec<String>, Error> {
        self.read_shelf(resource, department).await
    }

    async fn not_archived(&self, resource: &'static Resource, ids: Vec<String>) -> Result<Vec<String>, Error> {
        self.read_not_archived(resource, ids).await
    }

    async fn unchanged(
        &self,
        resource: &'static Resource,
        fingerprints: Vec<(ByteString, i64)>,
    ) -> Result<Vec<bool>, Error> {
        self.read_unchanged(resource, fingerprints).await
    }

    async fn altered(&self, resource: &'static Resource, rows: Vec<Row>) -> Result<Vec<ByteString>, Error> {
        self.find_altered(resource, rows).await
    }

    async fn rejected(&self, resource: &'static Resource, most: i64) -> Result<Vec<String>, Error> {
        self.take_rejected(resource, most).await
    }

    async fn deleted(&self, resource: &'static Resource, ids: Vec<ByteString>) -> Result<Vec<ByteString>, Error> {
        self.read_deleted(resource, ids).await
    }

    async fn owing(&self, resource: &'static Resource) -> Result<Vec<Owing>, Error> {
        self.read_owing(resource).await
    }

    async fn check(&self, resource: &'static Resource) -> Result<Option<Check>, Error> {
        self.read_check(resource).await
    }

    async fn save_check(&self, resource: &'static Resource, run: RunId, check: Check) -> Result<(), Error> {
        self.write_check(resource, run, check).await
    }

    async fn tally(&self, extent: Extent, until: DateTime<Utc>) -> Result<Tally, Error> {
        self.read_tally(extent, until).await
    }

    async fn save_counted(&self, resource: &'static Resource, run: RunId, counted: Counted) -> Result<(), Error> {
        self.write_counted(resource.name, run, counted).await
    }

    async fn finish_run(&self, run: RunId, end: &RunEnd, resources: &[ResourceOutcome]) -> Result<(), Error> {
        self.close_run(run, end, resources).await
    }

    async fn status(&self) -> Result<Status, Error> {
        self.read_status().await
    }
}

/// Whether a record is an older version than the one held. One without a time is taken as newer, or it could never
/// change.
pub(super) fn is_older(cursor: Option<DateTime<Utc>>, held: Option<DateTime<Utc>>) -> bool {
    cursor.zip(held).is_some_and(|(cursor, held)| cursor < held)
}

/// Pages overlap, so a key may come more than once in a batch: its newest version counts, the later one of two equals.
fn newest_of_each(rows: Vec<Row>) -> Vec<Row> {
    let distinct = rows.iter().map(|row| &row.id).collect::<HashSet<_>>().len();
    if distinct == rows.len() {
        return rows;
    }
    let mut places: HashMap<ByteString, usize> = HashMap::with_capacity(distinct);
    let mut newest: Vec<Row> = Vec::with_capacity(distinct);
    for row in rows {
        match places.get(&row.id) {
            Some(place) if is_older(row.cursor, newest[*place].cursor) => {}
            Some(place) => newest[*place] = row,
            None => {
                places.insert(row.id.clone(), newest.len());
                newest.push(row);
            }
        }
    }
    newest
}
