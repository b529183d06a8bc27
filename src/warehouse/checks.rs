//! What a comparison with the portal needs of the tables: how records lie in created time, which of them are in a range,
//! and how far the comparison has come. What differs is found in `sync::verify`.

use std::collections::{HashMap, HashSet};

use bytestring::ByteString;
use chrono::{DateTime, TimeDelta, Utc};

use super::dialect::Dialect;
use super::error::Error;
use super::sql::SqlWarehouse;
use super::statement::quoted;
use super::value::{Cells, Value};
use crate::ledger::{Range, RunId, Spread};
use crate::resource::{Kind, Resource};

/// Rows that are fetched at once, so that memory does not grow with the table; of each only its time is kept.
const TIMES_AT_ONCE: i64 = 20_000;

/// Which rows of a resource are compared. Rows that are deleted never are.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Resource.
    pub resource: &'static Resource,
    /// Nothing that was last changed before this was ever asked for.
    pub since: Option<DateTime<Utc>>,
    /// Archived records are left out, because the search leaves them out.
    pub without_archived: bool,
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
        Self { resource, since: None, without_archived: false }
    }

    /// Condition and values for these rows.
    pub(super) fn condition(&self) -> (String, Vec<Value>) {
        let (mut sql, mut values) = ("_deleted_at is null".to_owned(), Vec::new());
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
}

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn read_spread(&self, extent: Extent, until: DateTime<Utc>) -> Result<Spread, Error> {
        let (condition, values) = extent.condition();
        let (table, key) = (extent.resource.name, quoted(extent.resource.columns[0].name));
        let sql = format!(
            "select created_time, {key} from {{{table}}} where {condition} and created_time <= ?
            and (created_time, {key}) > (?, ?) order by created_time, {key} limit ?"
        );
        let (mut times, mut last) = (Vec::new(), (DateTime::UNIX_EPOCH - TimeDelta::days(1), String::new()));
        loop {
            let mut values = values.clone();
            values.extend([until.into(), last.0.into(), last.1.as_str().into(), TIMES_AT_ONCE.into()]);
            let rows = self.look("read created times", &sql, values, &[Kind::Timestamp, Kind::Text]).await?;
            let count = rows.len() as i64;
            for mut cells in rows {
                let (Some(time), Some(id)) = (cells.timestamp(), cells.text()) else { continue };
                times.push(time);
                last = (time, id);
            }
            if count < TIMES_AT_ONCE {
                return Ok(Spread::new(times));
            }
        }
    }

    pub(super) async fn read_ids(&self, extent: Extent, created: Option<Range>) -> Result<Vec<String>, Error> {
        let (mut condition, mut values) = extent.condition();
        if let Some(range) = created {
            condition.push_str(" and created_time >= ? and created_time <= ?");
            values.extend([range.from.into(), range.to.into()]);
        }
        let (table, key) = (extent.resource.name, quoted(extent.resource.columns[0].name));
        let sql = format!("select {key} from {{{table}}} where {condition} order by {key}");
        let rows = self.look("read ids", &sql, values, &[Kind::Text]).await?;
        Ok(rows.into_iter().filter_map(|mut cells| cells.text()).collect())
    }

    pub(super) async fn read_times(
        &self,
        resource: &'static Resource,
        column: &'static str,
    ) -> Result<HashMap<String, DateTime<Utc>>, Error> {
        let (key, column) = (quoted(resource.columns[0].name), quoted(column));
        let sql = format!("select {key}, {column} from {{{}}} where _deleted_at is null", resource.name);
        let rows = self.look("read times", &sql, Vec::new(), &[Kind::Text, Kind::Timestamp]).await?;
        Ok(rows.into_iter().filter_map(|mut cells| Some((cells.text()?, cells.timestamp()?))).collect())
    }

    pub(super) async fn read_archived(&self, resource: &'static Resource, most: i64) -> Result<Vec<String>, Error> {
        let Some(archive) = resource.archive else { return Ok(Vec::new()) };
        let (table, key, flag) = (resource.name, quoted(resource.columns[0].name), quoted(archive.flag));
        let sql = format!(
            "select {key} from {{{table}}} where {flag} = ? and _deleted_at is null order by {key} desc limit ?"
        );
        let rows = self.look("read ids", &sql, vec![true.into(), most.into()], &[Kind::Text]).await?;
        Ok(rows.into_iter().filter_map(|mut cells| cells.text()).collect())
    }

    pub(super) async fn read_shelved(
        &self,
        resource: &'static Resource,
    ) -> Result<HashMap<String, Vec<String>>, Error> {
        let mut shelves: HashMap<String, Vec<String>> = HashMap::new();
        let Some(archive) = resource.archive else { return Ok(shelves) };
        let (key, flag, department) =
            (quoted(resource.columns[0].name), quoted(archive.flag), quoted(archive.department));
        let sql =
            format!("select {department}, {key} from {{{}}} where {flag} = ? and _deleted_at is null", resource.name);
        for mut cells in self.look("read ids", &sql, vec![true.into()], &[Kind::Text, Kind::Text]).await? {
            let (Some(department), Some(id)) = (cells.text(), cells.text()) else { continue };
            shelves.entry(department).or_default().push(id);
        }
        Ok(shelves)
    }

    pub(super) async fn read_not_archived(
        &self,
        resource: &'static Resource,
        ids: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let Some(archive) = resource.archive else { return Ok(ids) };
        let (table, key, flag) = (resource.name, quoted(resource.columns[0].name), quoted(archive.flag));
        // One that came back from the bin into the archive is held as deleted.
        let sql = format!("select {key} from {{{table}}} where {flag} = ? and _deleted_at is null and {key} in [?]");
        let values = vec![true.into(), Value::Texts(ids.clone())];
        let rows = self.look("read ids", &sql, values, &[Kind::Text]).await?;
        let held: HashSet<String> = rows.into_iter().filter_map(|mut cells| cells.text()).collect();
        Ok(ids.into_iter().filter(|id| !held.contains(id)).collect())
    }

    pub(super) async fn read_unchanged(
        &self,
        resource: &'static Resource,
        fingerprints: Vec<(ByteString, i64)>,
    ) -> Result<Vec<bool>, Error> {
        let doing = Error::doing("read fingerprints");
        let mut open = self.begin("read fingerprints").await?;
        let (keys, hashes): (Vec<_>, Vec<_>) = fingerprints.into_iter().unzip();
        let held = self.dialect.held(&mut open, resource, keys).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        let is_same = |(held, hash): (Option<super::dialect::Held>, i64)| {
            held.is_some_and(|held| held.hash == hash && held.tombstone.is_none())
        };
        Ok(held.into_iter().zip(hashes).map(is_same).collect())
    }

    pub(super) async fn read_deleted(
        &self,
        resource: &'static Resource,
        ids: Vec<ByteString>,
    ) -> Result<Vec<ByteString>, Error> {
        let doing = Error::doing("read tombstones");
        let mut open = self.begin("read tombstones").await?;
        let held = self.dialect.held(&mut open, resource, ids.clone()).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        let is_deleted = |(id, held): (ByteString, Option<super::dialect::Held>)| {
            held.is_some_and(|held| held.tombstone.is_some()).then_some(id)
        };
        Ok(ids.into_iter().zip(held).filter_map(is_deleted).collect())
    }

    pub(super) async fn read_check(&self, resource: &'static Resource) -> Result<Option<Check>, Error> {
        let sql =
            "select reached_at, turn_began_at, turn_ended_at, checked_at from {deskhouse_checks} where resource = ?";
        let mut rows = self.look("read the ledger", sql, vec![resource.name.into()], &[Kind::Timestamp; 4]).await?;
        Ok(rows.first_mut().and_then(|cells| {
            let (reached_at, began, ended, checked) =
                (cells.timestamp(), cells.timestamp(), cells.timestamp(), cells.timestamp());
            Some(Check { reached_at, turn_began_at: began?, turn_ended_at: ended, checked_at: checked? })
        }))
    }

    pub(super) async fn write_check(&self, resource: &'static Resource, run: RunId, check: Check) -> Result<(), Error> {
        let doing = Error::doing("write the ledger");
        let mut open = self.begin("write the ledger").await?;
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
        self.execute(&mut open, sql, values).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)
    }

    pub(super) async fn look(
        &self,
        doing: &'static str,
        sql: &str,
        values: Vec<Value>,
        kinds: &[Kind],
    ) -> Result<Vec<Cells>, Error> {
        let mut open = self.begin(doing).await?;
        let rows = self.fetch(&mut open, sql, values, kinds).await.map_err(Error::doing(doing))?;
        D::commit(open).await.map_err(Error::doing(doing))?;
        Ok(rows)
    }
}
