//! What a comparison with the portal needs of the tables: how many records lie where in created time, which of them are in a
//! range, and how far the comparison has come. Counting is the database's work, so that memory does not grow with a table. What differs is found in `sync::verify`.

use std::collections::{HashMap, HashSet};

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::dialect::{Dialect, Held};
use super::error::Error;
use super::sql::SqlWarehouse;
use super::statement::quoted;
use super::value::{Cells, Value};
use crate::ledger::{Range, Reason, RunId};
use crate::resource::{Kind, Resource};

/// Which rows of a resource are compared.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Resource.
    pub resource: &'static Resource,
    /// Nothing that was last changed before this was ever asked for.
    pub since: Option<DateTime<Utc>>,
    /// Archived records are left out, because the search leaves them out.
    pub without_archived: bool,
    /// Besides the rows that are alive, those that were put into the recycle bin since then, because the search shows them.
    pub binned_since: Option<DateTime<Utc>>,
}

/// How far the comparison of a resource has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Created times before this were compared in this turn; none at its beginning.
    pub reached_at: Option<DateTime<Utc>>,
    /// When this turn began.
    pub turn_began_at: DateTime<Utc>,
    /// When the last turn ended; none before the first.
    pub turn_ended_at: Option<DateTime<Utc>>,
    /// When something was compared last.
    pub checked_at: DateTime<Utc>,
}

impl Extent {
    /// All rows of a resource that are alive.
    pub fn all(resource: &'static Resource) -> Self {
        Self { resource, since: None, without_archived: false, binned_since: None }
    }

    /// Condition and values for these rows.
    pub(super) fn condition(&self) -> (String, Vec<Value>) {
        let (mut sql, mut values) = ("_deleted_at is null".to_owned(), Vec::new());
        if let Some(since) = self.binned_since {
            sql = "(_deleted_at is null or (_deleted_reason = ? and _deleted_at >= ?))".to_owned();
            values = vec![Reason::Trashed.word().into(), since.into()];
        }
        if let Some((since, cursor)) = self.since.zip(self.resource.feed.cursor()) {
            sql.push_str(&format!(" and {} >= ?", quoted(cursor)));
            values.push(since.into());
        }
        if let Some(archive) = self.resource.archive.filter(|_| self.without_archived) {
            sql.push_str(&format!(" and ({flag} is null or {flag} = ?)", flag = quoted(archive.flag)));
            values.push(false.into());
        }
        (sql, values)
    }

    /// The same for those that were created in a range, if one is given.
    fn condition_in(&self, created: Option<Range>) -> (String, Vec<Value>) {
        let (mut condition, mut values) = self.condition();
        if let Some(range) = created {
            condition.push_str(" and created_time >= ? and created_time <= ?");
            values.extend([range.from.into(), range.to.into()]);
        }
        (condition, values)
    }
}

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn read_count(&self, extent: Extent, created: Option<Range>) -> Result<u64, Error> {
        let (condition, values) = extent.condition_in(created);
        let sql = format!("select count(*) from {{{}}} where {condition}", extent.resource.name);
        self.number("count rows", &sql, values).await
    }

    /// The first part of a range, which holds about `each` rows, and the rest of it.
    pub(super) async fn read_part(
        &self,
        extent: Extent,
        range: Range,
        each: u64,
    ) -> Result<(Range, Option<Range>), Error> {
        let mut cut = None;
        if let Some(time) = self.created_at(extent, range, each).await? {
            cut = range.cut_before(time);
            // More than that in the first second: it is a part with all of them.
            if let Some(behind) = range.behind(time).filter(|_| cut.is_none()) {
                let next = self.created_at(extent, behind, 0).await?;
                cut = next.and_then(|next| range.cut_before(next));
            }
        }
        Ok(cut.map_or((range, None), |(first, rest)| (first, Some(rest))))
    }

    /// A range in two of about as many rows.
    pub(super) async fn read_halves(&self, extent: Extent, range: Range) -> Result<Option<(Range, Range)>, Error> {
        let middle = match self.read_count(extent, Some(range)).await? {
            0 | 1 => None,
            rows => self.created_at(extent, range, rows / 2).await?,
        };
        Ok(range.halve(middle))
    }

    /// When the row was created that comes behind so many others of a range, if there is one.
    async fn created_at(&self, extent: Extent, range: Range, behind: u64) -> Result<Option<DateTime<Utc>>, Error> {
        let (condition, mut values) = extent.condition_in(Some(range));
        let table = extent.resource.name;
        let sql =
            format!("select created_time from {{{table}}} where {condition} order by created_time limit 1 offset ?");
        values.push(behind.into());
        let mut rows = self.look("read a created time", &sql, values, &[Kind::Timestamp]).await?;
        rows.first_mut().map(Cells::timestamp).transpose().map_err(Error::doing("read a created time"))
    }

    pub(super) async fn read_ids(&self, extent: Extent, created: Option<Range>) -> Result<Vec<String>, Error> {
        let (condition, values) = extent.condition_in(created);
        let (table, key) = (extent.resource.name, quoted(extent.resource.columns[0].name));
        let sql = format!("select {key} from {{{table}}} where {condition} order by {key}");
        let rows = self.look("read ids", &sql, values, &[Kind::Text]).await?;
        texts(rows)
    }

    pub(super) async fn read_times(
        &self,
        resource: &'static Resource,
        column: &'static str,
    ) -> Result<HashMap<String, DateTime<Utc>>, Error> {
        let (key, column) = (quoted(resource.columns[0].name), quoted(column));
        let sql = format!("select {key}, {column} from {{{}}} where _deleted_at is null", resource.name);
        let doing = Error::doing("read times");
        let rows = self.look("read times", &sql, Vec::new(), &[Kind::Text, Kind::Timestamp]).await?;
        let mut times = HashMap::with_capacity(rows.len());
        for mut cells in rows {
            let (id, time) = (cells.text().map_err(&doing)?, cells.timestamp_or_null().map_err(&doing)?);
            times.extend(time.map(|time| (id, time)));
        }
        Ok(times)
    }

    pub(super) async fn read_written(
        &self,
        resource: &'static Resource,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, Error> {
        let (table, key) = (resource.name, quoted(resource.columns[0].name));
        let sql = format!(
            "select {key} from {{{table}}} where _deleted_at is null and _synced_at >= ? and _run_id >
            (select coalesce(max(run_id), 0) from {{deskhouse_bookmarks}} where resource = ?)"
        );
        let doing = Error::doing("read keys");
        let rows = self.look("read keys", &sql, vec![since.into(), table.into()], &[Kind::Text]).await?;
        rows.into_iter().map(|mut cells| cells.text()).collect::<Result<_, _>>().map_err(doing)
    }

    pub(super) async fn read_departed(
        &self,
        resource: &'static Resource,
        reasons: &'static [Reason],
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<String>, Error> {
        let (table, key) = (resource.name, quoted(resource.columns[0].name));
        let sql = format!(
            "select {key} from {{{table}}} where _deleted_reason in [?] and _deleted_at >= ? and _deleted_at < ?
            order by _deleted_at desc, {key} limit ?"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let reasons = Value::Texts(reasons.iter().map(|reason| reason.word().to_owned()).collect());
        let values = vec![reasons, since.into(), until.into(), most.into()];
        texts(self.look("read ids", &sql, values, &[Kind::Text]).await?)
    }

    pub(super) async fn read_archived(&self, resource: &'static Resource, most: i64) -> Result<Vec<String>, Error> {
        let Some(archive) = resource.archive else { return Ok(Vec::new()) };
        let (table, key, flag) = (resource.name, quoted(resource.columns[0].name), quoted(archive.flag));
        let sql = format!(
            "select {key} from {{{table}}} where {flag} and _deleted_at is null order by created_time desc limit ?"
        );
        let rows = self.look("read ids", &sql, vec![most.into()], &[Kind::Text]).await?;
        texts(rows)
    }

    pub(super) async fn read_shelf_lengths(&self, resource: &'static Resource) -> Result<HashMap<String, u64>, Error> {
        let Some(archive) = resource.archive else { return Ok(HashMap::new()) };
        let (table, flag, department) = (resource.name, quoted(archive.flag), quoted(archive.department));
        // One without a department is in the archive of none.
        let sql = format!(
            "select {department}, count(*) from {{{table}}} where {flag} and _deleted_at is null
            and {department} is not null group by {department}"
        );
        let rows = self.look("count archives", &sql, Vec::new(), &[Kind::Text, Kind::Integer]).await?;
        let length = |mut cells: Cells| Ok((cells.text()?, cells.count()?));
        rows.into_iter().map(length).collect::<Result<_, _>>().map_err(Error::doing("count archives"))
    }

    pub(super) async fn read_shelf(&self, resource: &'static Resource, department: &str) -> Result<Vec<String>, Error> {
        let Some(archive) = resource.archive else { return Ok(Vec::new()) };
        let (table, key, flag) = (resource.name, quoted(resource.columns[0].name), quoted(archive.flag));
        let sql = format!(
            "select {key} from {{{table}}} where {flag} and _deleted_at is null and {} = ?",
            quoted(archive.department)
        );
        texts(self.look("read ids", &sql, vec![department.into()], &[Kind::Text]).await?)
    }

    pub(super) async fn read_not_archived(
        &self,
        resource: &'static Resource,
        ids: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let Some(archive) = resource.archive else { return Ok(ids) };
        let (table, key, flag) = (resource.name, quoted(resource.columns[0].name), quoted(archive.flag));
        // One that came back from the bin into the archive is held as deleted.
        let sql = format!("select {key} from {{{table}}} where {flag} and _deleted_at is null and {key} in [?]");
        let values = vec![Value::Texts(ids.clone())];
        let rows = self.look("read ids", &sql, values, &[Kind::Text]).await?;
        let held: HashSet<String> = texts(rows)?.into_iter().collect();
        Ok(ids.into_iter().filter(|id| !held.contains(id)).collect())
    }

    pub(super) async fn read_unchanged(
        &self,
        resource: &'static Resource,
        fingerprints: Vec<(ByteString, i64)>,
    ) -> Result<Vec<bool>, Error> {
        let (keys, hashes): (Vec<_>, Vec<_>) = fingerprints.into_iter().unzip();
        let held = self.look_up("read fingerprints", resource, keys).await?;
        let is_same = |(held, hash): (Option<Held>, i64)| {
            held.is_some_and(|held| held.hash == Some(hash) && held.tombstone.is_none())
        };
        Ok(held.into_iter().zip(hashes).map(is_same).collect())
    }

    pub(super) async fn read_deleted(
        &self,
        resource: &'static Resource,
        ids: Vec<ByteString>,
    ) -> Result<Vec<ByteString>, Error> {
        let held = self.look_up("read tombstones", resource, ids.clone()).await?;
        let is_deleted =
            |(id, held): (ByteString, Option<Held>)| held.is_some_and(|held| held.tombstone.is_some()).then_some(id);
        Ok(ids.into_iter().zip(held).filter_map(is_deleted).collect())
    }

    pub(super) async fn read_check(&self, resource: &'static Resource) -> Result<Option<Check>, Error> {
        let sql =
            "select reached_at, turn_began_at, turn_ended_at, checked_at from {deskhouse_checks} where resource = ?";
        let mut rows = self.look("read the ledger", sql, vec![resource.name.into()], &[Kind::Timestamp; 4]).await?;
        let check = |cells: &mut Cells| {
            Ok(Check {
                reached_at: cells.timestamp_or_null()?,
                turn_began_at: cells.timestamp()?,
                turn_ended_at: cells.timestamp_or_null()?,
                checked_at: cells.timestamp()?,
            })
        };
        rows.first_mut().map(check).transpose().map_err(Error::doing("read the ledger"))
    }

    pub(super) async fn write_check(&self, resource: &'static Resource, run: RunId, check: Check) -> Result<(), Error> {
        let sql = "insert into {deskhouse_checks} (resource, reached_at, turn_began_at, turn_ended_at, checked_at, run_id)
            values (?, ?, ?, ?, ?, ?)
            on conflict (resource) do update set reached_at = excluded.reached_at, turn_began_at = excluded.turn_began_at,
            turn_ended_at = excluded.turn_ended_at, checked_at = excluded.checked_at, run_id = excluded.run_id";
        let values = vec![
            resource.name.into(),
            check.reached_at.into(),
            check.turn_began_at.into(),
            check.turn_ended_at.into(),
            check.checked_at.into(),
            run.0.into(),
        ];
        self.write("write the ledger", sql, values).await
    }
}

/// The only cell of each row.
fn texts(rows: Vec<Cells>) -> Result<Vec<String>, Error> {
    rows.into_iter().map(|mut cells| cells.text()).collect::<Result<_, _>>().map_err(Error::doing("read ids"))
}
