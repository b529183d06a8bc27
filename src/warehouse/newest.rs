//! Rows at which a window may begin: the newest ones before it. An answer that shows none of them has left something out.

use chrono::{DateTime, Utc};

use super::checks::Extent;
use super::dialect::Dialect;
use super::error::Error;
use super::sql::SqlWarehouse;
use super::statement::quoted;
use super::value::Value;
use crate::resource::{Kind, Resource};

/// Rows that one window shows again: a mass edit would make each night read it once more.
const MOST: i64 = 20;

/// The last rows that were changed before some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// When they were changed, all of them.
    pub at: DateTime<Utc>,
    /// Their keys.
    pub ids: Vec<String>,
}

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn read_newest(
        &self,
        resource: &'static Resource,
        before: DateTime<Utc>,
    ) -> Result<Option<Newest>, Error> {
        let Some(cursor) = resource.feed.cursor().map(quoted) else { return Ok(None) };
        // Whether a search shows archived records, nobody knows.
        let (condition, values) = Extent { without_archived: true, ..Extent::all(resource) }.condition();
        let (table, key) = (resource.name, quoted(resource.columns[0].name));
        let sql = format!(
            "select {cursor}, {key} from {{{table}}} where {condition} and {cursor} = (select {cursor} from {{{table}}}
            where {condition} and {cursor} <= ? order by {cursor} desc limit 1) limit ?"
        );
        let mut all = values.clone();
        all.extend(values);
        all.extend([before.into(), Value::from(MOST + 1)]);
        let rows = self.look("read the newest rows", &sql, all, &[Kind::Timestamp, Kind::Text]).await?;
        let doing = Error::doing("read the newest rows");
        let (mut at, mut ids) = (None, Vec::new());
        for mut cells in rows {
            at = Some(cells.timestamp().map_err(&doing)?);
            ids.push(cells.text().map_err(&doing)?);
        }
        Ok(at.filter(|_| ids.len() <= MOST as usize).map(|at| Newest { at, ids }))
    }
}
