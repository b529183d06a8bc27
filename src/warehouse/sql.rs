//! The warehouse of any SQL database: landing, written once. The ledger's statements are in `ledger`, what differs
//! between databases in `dialect`.

use std::collections::{HashMap, HashSet};

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::dialect::{Dialect, Durability, Stamp};
use super::error::{Error, Trouble};
use super::ledger::{self, Status};
use super::migrate::migrate;
use super::value::Value;
use super::{Batch, Landed, Warehouse};
use crate::ledger::{Bookmark, Counts, History, Range, ResourceOutcome, RunEnd, RunId, RunStart, Window};
use crate::resource::{Kind, Resource};
use crate::transform::{Reject, Row};

/// A warehouse in an SQL database.
pub struct SqlWarehouse<D: Dialect> {
    pub(super) dialect: D,
    /// Held while this process may write.
    lock: Option<D::Lock>,
}

/// The open transaction of a dialect.
pub(super) type Open<D> = <D as Dialect>::Transaction;

impl<D: Dialect> SqlWarehouse<D> {
    /// Opens the warehouse for a run: takes the run lock and brings the schema up to date. `now` is for the record.
    pub async fn open(dialect: D, now: DateTime<Utc>) -> Result<Self, Error> {
        let Some(lock) = dialect.lock().await? else {
            let warehouse = dialect.address().to_owned();
            let held_by = ledger::holder(&dialect).await.unwrap_or_default();
            return Err(Error::Locked { warehouse, held_by });
        };
        migrate(&dialect, now).await?;
        Ok(Self { dialect, lock: Some(lock) })
    }

    /// Opens the warehouse for reading beside a run. The schema is taken as it is.
    pub fn open_to_read(dialect: D) -> Self {
        Self { dialect, lock: None }
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
    async fn land_rows(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        rows: Vec<Row>,
        stamp: Stamp,
    ) -> Result<Counts, Trouble> {
        let received = rows.len();
        let rows = newest_of_each(rows);
        let mut counts = Counts { unchanged: (received - rows.len()) as u64, ..Counts::default() };
        // Fingerprints first: an unchanged row then costs a look-up and is never sent.
        let keys = rows.iter().map(|row| row.id.clone()).collect();
        let held = self.dialect.held(open, resource, keys).await?;
        let (mut fresh, mut changed) = (Vec::new(), Vec::new());
        for (row, held) in rows.into_iter().zip(held) {
            match held {
                None => fresh.push(row),
                Some(hash) if hash == row.hash => counts.unchanged += 1,
                Some(_) => changed.push(row),
            }
        }
        if fresh.is_empty() && changed.is_empty() {
            return Ok(counts);
        }
        (counts.inserted, counts.updated) = (fresh.len() as u64, changed.len() as u64);
        counts.mended = fresh.iter().chain(&changed).filter(|row| row.mended).count() as u64;
        let written = self.dialect.write(open, resource, fresh, changed, stamp).await?;
        // What was not written is an older version than the one held.
        let older = (counts.inserted + counts.updated).saturating_sub(written);
        counts.updated -= older.min(counts.updated);
        counts.unchanged += older;
        Ok(counts)
    }

    async fn land_rejects(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        rejects: Vec<Reject>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        for reject in rejects {
            let sql = "insert into {deskhouse_rejects} (resource, record_id, reason, raw, run_id, seen_at)
                values (?, ?, ?, ?, ?, ?)
                on conflict (resource, record_id) do update set reason = excluded.reason, raw = excluded.raw,
                run_id = excluded.run_id, seen_at = excluded.seen_at";
            let values = vec![
                resource.name.into(),
                Some(reject.id).into(),
                // A reason repeats what was found, which may hold what no database text can.
                Some(reject.reason.to_string().replace('\0', "\u{fffd}")).into(),
                Value::Json(reject.raw.to_string()),
                stamp.run.0.into(),
                stamp.synced_at.into(),
            ];
            self.execute(open, sql, values).await?;
        }
        Ok(())
    }

    /// A record that fits now is no longer a reject.
    async fn forget_rejects(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        rows: &[Row],
    ) -> Result<(), Trouble> {
        // Most resources have none, and a list of keys costs more than to ask.
        let sql = "select count(*) from (select 1 from {deskhouse_rejects} where resource = ? limit 1) as any_reject";
        let any = self.fetch(open, sql, vec![resource.name.into()], &[Kind::Integer]).await?;
        if any.into_iter().any(|mut cells| cells.count() > 0) {
            let ids = Value::Texts(rows.iter().map(|row| row.id.to_string()).collect());
            let sql = "delete from {deskhouse_rejects} where resource = ? and record_id in [?]";
            self.execute(open, sql, vec![resource.name.into(), ids]).await?;
        }
        Ok(())
    }

    /// Lands a batch in an open transaction; nothing when the ledger does not stand where the batch begins.
    async fn land_in(&self, open: &mut Open<D>, mut batch: Batch) -> Result<Option<Landed>, Trouble> {
        let stamp = Stamp { synced_at: batch.at, run: batch.run };
        let (rows, rejects) = (std::mem::take(&mut batch.rows), std::mem::take(&mut batch.rejects));
        let rejected = rejects.len() as u64;
        if !self.save_progress(open, &batch).await? {
            return Ok(None);
        }
        self.forget_rejects(open, batch.resource, &rows).await?;
        let counts = self.land_rows(open, batch.resource, rows, stamp).await?;
        let counts = Counts { read: batch.read, rejected, ..counts };
        self.land_rejects(open, batch.resource, rejects, stamp).await?;
        self.count(open, batch.resource, counts, stamp).await?;
        let complete_until = if batch.progress.done {
            self.advance_bookmark(open, batch.resource, batch.overlap, stamp).await?
        } else {
            None
        };
        Ok(Some(Landed { counts, complete_until }))
    }
}

impl<D: Dialect> Warehouse for SqlWarehouse<D> {
    async fn begin_run(&self, start: &RunStart) -> Result<RunId, Error> {
        self.insert_run(start).await
    }

    async fn most_credits(&self, day_start: DateTime<Utc>) -> Result<Option<u64>, Error> {
        self.read_most_credits(day_start).await
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

    async fn land(&self, batches: impl IntoIterator<Item = Batch, IntoIter: Send> + Send) -> Result<Landed, Error> {
        let doing = "land a batch";
        let batches = batches.into_iter();
        let mut open = self.begin(doing).await?;
        let mut landed = Landed::default();
        for batch in batches {
            let one = self.land_in(&mut open, batch).await.map_err(Error::doing(doing))?.ok_or(Error::LedgerMoved)?;
            landed.counts += one.counts;
            landed.complete_until = one.complete_until.or(landed.complete_until);
        }
        D::commit(open).await.map_err(Error::doing("commit a batch"))?;
        Ok(landed)
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
fn is_older(cursor: Option<DateTime<Utc>>, held: Option<DateTime<Utc>>) -> bool {
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
