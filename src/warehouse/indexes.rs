//! The secondary indexes of a table while it is filled for the first time. Rows come in the order of their change, which is
//! no order of the other indexes: each row then touches pages all over them, and costs the more the larger they are. So
//! they are set aside before the first row and made when the load ends or pauses, each from sorted entries. What is set
//! aside is in the ledger; what a run that was killed has left is made by the next one before anything else.

use super::dialect::Dialect;
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::statement::quoted;
use super::value::Cells;
use crate::ledger::RunId;
use crate::resource::{Feed, Kind, Resource};

/// An index, and the statement that makes it.
struct Index {
    name: String,
    definition: String,
}

/// Whether the first load of a resource is worth it: the other tables are filled by a few pages, or in the order of another.
fn sets_aside(resource: &Resource) -> bool {
    matches!(resource.feed, Feed::Search { .. })
}

impl<D: Dialect> SqlWarehouse<D> {
    /// Drops the indexes of a searched resource's table in which there is no row yet, all but the unique ones, and takes them
    /// down.
    pub(super) async fn set_indexes_aside(
        &self,
        open: &mut Open<D>,
        run: RunId,
        resource: &'static Resource,
    ) -> Result<(), Trouble> {
        let table = resource.name;
        let any = format!("select cast(1 as bigint) from {{{table}}} limit 1");
        if !sets_aside(resource) || !self.fetch(open, &any, Vec::new(), &[Kind::Integer]).await?.is_empty() {
            return Ok(());
        }
        let found = self.fetch(open, D::secondary_indexes(), vec![table.into()], &[Kind::Text, Kind::Text]).await?;
        for Index { name, definition } in indexes(found)? {
            let note = "insert into {deskhouse_indexes} (name, table_name, definition, run_id) values (?, ?, ?, ?)";
            let drop = format!("{}drop index {};", self.dialect.before_migration(), quoted(&name));
            self.execute(open, note, vec![Some(name).into(), table.into(), Some(definition).into(), run.0.into()])
                .await?;
            self.dialect.script(open, drop).await?;
        }
        Ok(())
    }

    /// Makes the indexes of a table that were set aside.
    pub(super) async fn make_indexes(&self, resource: &'static Resource) -> Result<(), Error> {
        if sets_aside(resource) { self.make_indexes_of(Some(resource)).await } else { Ok(()) }
    }

    /// Makes the indexes that were set aside, of one table or of all, each in a transaction of its own.
    pub(super) async fn make_indexes_of(&self, of: Option<&'static Resource>) -> Result<(), Error> {
        let what = "make indexes";
        let doing = Error::doing(what);
        let mut open = self.dialect.begin_to_read().await.map_err(&doing)?;
        let (which, values) = match of {
            Some(resource) => (" where table_name = ?", vec![resource.name.into()]),
            None => ("", Vec::new()),
        };
        let sql = format!("select name, definition from {{deskhouse_indexes}}{which} order by table_name, name");
        let left = match self.fetch(&mut open, &sql, values, &[Kind::Text, Kind::Text]).await {
            // A warehouse of an earlier version, or none yet.
            Err(Trouble::NoTable) => return Ok(()),
            left => left.and_then(indexes).map_err(&doing)?,
        };
        D::commit(open).await.map_err(&doing)?;
        if !left.is_empty() {
            tracing::info!(resource = of.map(|resource| resource.name), indexes = left.len(), "making indexes");
        }
        for Index { name, definition } in left {
            let mut open = self.begin(what).await?;
            let make =
                format!("{}drop index if exists {};\n{definition};", self.dialect.before_migration(), quoted(&name));
            let forget = "delete from {deskhouse_indexes} where name = ?";
            self.execute(&mut open, forget, vec![Some(name).into()]).await.map_err(&doing)?;
            self.dialect.script(&mut open, make).await.map_err(&doing)?;
            D::commit(open).await.map_err(&doing)?;
        }
        Ok(())
    }
}

fn indexes(rows: Vec<Cells>) -> Result<Vec<Index>, Trouble> {
    let index = |mut cells: Cells| Ok(Index { name: cells.text()?, definition: cells.text()? });
    rows.into_iter().map(index).collect()
}
