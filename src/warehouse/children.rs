//! Which lists of parts are due: those of parents that have another fingerprint than when their list was read, or that were
//! read long ago. Reading them is left to `sync`.

use chrono::{DateTime, Utc};

use super::dialect::{Dialect, Stamp};
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::statement::quoted;
use super::value::{Cells, Value};
use crate::ledger::RunId;
use crate::resource::{self, Kind, Resource};

/// A record whose parts are listed below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Key.
    pub id: String,
    /// Fingerprint of its row.
    pub hash: i64,
}

/// Whose lists are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Of parents that have changed since their list was read.
    Changed,
    /// Of parents whose list was read before this time and by another run than this one, or never; the oldest reading
    /// first.
    ReadBefore(DateTime<Utc>, RunId),
}

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn read_parents(
        &self,
        resource: &'static Resource,
        due: Due,
        most: usize,
    ) -> Result<Vec<Parent>, Error> {
        let Some(parent) = resource::parent_of(resource) else { return Ok(Vec::new()) };
        let key = quoted(parent.columns[0].name);
        let (is_due, order) = match due {
            Due::Changed => ("read.parent_hash <> parent._hash", format!("parent.{key} desc")),
            Due::ReadBefore(..) => (
                "read.read_at < ? and read.run_id <> ?",
                format!("case when read.read_at is null then 0 else 1 end, read.read_at, parent.{key}"),
            ),
        };
        let sql = format!(
            "select parent.{key}, parent._hash from {{{}}} as parent
            left join {{deskhouse_children}} as read on read.resource = ? and read.parent_id = parent.{key}
            where parent._deleted_at is null and (read.parent_id is null or ({is_due})) order by {order} limit ?",
            parent.name
        );
        let mut values: Vec<Value> = vec![resource.name.into()];
        if let Due::ReadBefore(time, run) = due {
            values.extend([time.into(), run.0.into()]);
        }
        values.push(i64::try_from(most).unwrap_or(i64::MAX).into());
        let rows = self.look("read what is due", &sql, values, &[Kind::Text, Kind::Integer]).await?;
        let parent = |mut cells: Cells| Ok(Parent { id: cells.text()?, hash: cells.integer()? });
        rows.into_iter().map(parent).collect::<Result<_, _>>().map_err(Error::doing("read what is due"))
    }

    pub(super) async fn read_parts(
        &self,
        resource: &'static Resource,
        parents: Vec<String>,
    ) -> Result<Vec<(String, String)>, Error> {
        let Some(part) = resource.part() else { return Ok(Vec::new()) };
        let (key, of) = (quoted(resource.columns[0].name), quoted(part.name));
        let sql = format!("select {key}, {of} from {{{}}} where _deleted_at is null and {of} in [?]", resource.name);
        let rows = self.look("read parts", &sql, vec![Value::Texts(parents)], &[Kind::Text; 2]).await?;
        let pair = |mut cells: Cells| Ok((cells.text()?, cells.text()?));
        rows.into_iter().map(pair).collect::<Result<_, _>>().map_err(Error::doing("read parts"))
    }

    /// Notes whose lists have been read.
    pub(super) async fn note_parents(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        parents: Vec<Parent>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        let sql = "insert into {deskhouse_children} (resource, parent_id, parent_hash, read_at, run_id)
            values (?, ?, ?, ?, ?)
            on conflict (resource, parent_id) do update set parent_hash = excluded.parent_hash,
            read_at = excluded.read_at, run_id = excluded.run_id";
        for Parent { id, hash } in parents {
            let values =
                vec![resource.name.into(), id.as_str().into(), hash.into(), stamp.synced_at.into(), stamp.run.0.into()];
            self.execute(open, sql, values).await?;
        }
        Ok(())
    }
}
