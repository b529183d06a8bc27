//! Work that is known and not done yet: rows whose details are owed. It is noted by the transaction that lands a row without
//! them, and struck out by the one that lands them; asking is left to `sync`.

use bytestring::ByteString;

use super::dialect::{Dialect, Stamp};
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::statement::quoted;
use super::value::Value;
use crate::resource::{Kind, Resource};
use crate::transform::{Details, Row};

/// A row that is alive and lacks its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owing {
    /// Its key.
    pub id: String,
    /// Why they were not had.
    pub reason: String,
}

/// What these rows say of their details.
pub(super) fn details_of(rows: &[Row]) -> Vec<(ByteString, Details)> {
    let asked = rows.iter().filter(|row| row.details != Details::Unasked);
    asked.map(|row| (row.id.clone(), row.details.clone())).collect()
}

/// What rows that stay as they are say of theirs.
pub(super) fn details_owed(owing: Vec<Owing>) -> Vec<(ByteString, Details)> {
    owing.into_iter().map(|owing| (owing.id.into(), Details::Owed(owing.reason))).collect()
}

impl<D: Dialect> SqlWarehouse<D> {
    /// The rows of a resource that are alive and lack their details, those that were noted first at the head.
    pub(super) async fn read_owing(&self, resource: &'static Resource) -> Result<Vec<Owing>, Error> {
        let key = quoted(resource.columns[0].name);
        let sql = format!(
            "select owed.parent_id, owed.reason from {{deskhouse_queue}} as owed
            join {{{}}} as held on held.{key} = owed.parent_id
            where owed.resource = ? and owed.due_key = 'detail' and held._deleted_at is null
            order by owed.noted_at, owed.parent_id",
            resource.name
        );
        let rows = self.look("read what is owed", &sql, vec![resource.name.into()], &[Kind::Text; 2]).await?;
        let owing = |mut cells: super::value::Cells| {
            let reason =
                |cells: &mut super::value::Cells| Ok(cells.text_or_null()?.unwrap_or_else(|| "not told".into()));
            Ok(Owing { id: cells.text()?, reason: reason(&mut cells)? })
        };
        rows.into_iter().map(owing).collect::<Result<_, _>>().map_err(Error::doing("read what is owed"))
    }

    /// Notes the details that are owed, and strikes out those that were had.
    pub(super) async fn note_details(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        details: Vec<(ByteString, Details)>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        let mut had = Vec::new();
        for (id, details) in details {
            let Details::Owed(reason) = details else {
                had.push(id.to_string());
                continue;
            };
            let sql = "insert into {deskhouse_queue} as held
                (resource, parent_id, due_key, state, attempts, next_at, reason, noted_at)
                values (?, ?, 'detail', 'owed', 1, ?, ?, ?)
                on conflict (resource, parent_id) do update set due_key = excluded.due_key, state = excluded.state,
                attempts = held.attempts + 1, next_at = excluded.next_at, reason = excluded.reason";
            let at = || Value::from(stamp.synced_at);
            let values = vec![resource.name.into(), (&*id).into(), at(), reason.as_str().into(), at()];
            self.execute(open, sql, values).await?;
        }
        if !had.is_empty() {
            let sql = "delete from {deskhouse_queue} where resource = ? and parent_id in [?] and due_key = 'detail'";
            self.execute(open, sql, vec![resource.name.into(), Value::Texts(had)]).await?;
        }
        Ok(())
    }
}
