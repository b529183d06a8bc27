//! The secondary indexes of a table while it is filled for the first time. Rows come in the order of their change, which is
//! no order of the other indexes: each row then touches pages all over them, and costs the more the larger they are. So
//! they are set aside before the first row and made when the load ends or pauses, each from sorted entries. What is set
//! aside is in the ledger; what a run that was killed has left is made by the next one before anything else.

use super::dialect::{Dialect, Durability};
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::statement::quoted;
use super::value::Cells;
use crate::ledger::RunId;
use crate::resource::{Kind, Resource};

/// An index, and the statement that makes it.
struct Index {
    name: String,
    definition: String,
}

impl<D: Dialect> SqlWarehouse<D> {
    /// Drops the indexes of a table in which there is no row yet, all but the unique ones, and takes them down.
    pub(super) async fn set_indexes_aside(
        &self,
        open: &mut Open<D>,
        run: RunId,
        resource: &'static Resource,
    ) -> Result<(), Trouble> {
        let table = resource.name;
        let any = format!("select cast(1 as bigint) from {{{table}}} limit 1");
        if !self.dialect.fetch(open, &any, Vec::new(), &[Kind::Integer]).await?.is_empty() {
            return Ok(());
        }
        let sql = D::secondary_indexes();
        let rows = self.dialect.fetch(open, sql, vec![table.into()], &[Kind::Text, Kind::Text]).await?;
        for index in indexes(sql, rows)? {
            let note = "insert into {deskhouse_indexes} (name, table_name, definition, run_id) values (?, ?, ?, ?)";
            let drop = format!("{}drop index {};", self.dialect.before_migration(), quoted(&index.name));
            let values = vec![Some(index.name).into(), table.into(), Some(index.definition).into(), run.0.into()];
            self.execute(open, note, values).await?;
            self.dialect.script(open, drop).await?;
        }
        Ok(())
    }

    pub(super) async fn make_indexes(&self, resource: &'static Resource) -> Result<(), Error> {
        make_indexes(&self.dialect, Some(resource)).await
    }
}

/// Makes the indexes that were set aside, of one table or of all, each in a transaction of its own.
pub(super) async fn make_indexes<D: Dialect>(dialect: &D, of: Option<&'static Resource>) -> Result<(), Error> {
    let doing = Error::doing("make indexes");
    let mut open = dialect.begin_to_read().await.map_err(&doing)?;
    let (which, values) = match of {
        Some(resource) => (" where table_name = ?", vec![resource.name.into()]),
        None => ("", Vec::new()),
    };
    let sql = format!("select name, definition from {{deskhouse_indexes}}{which} order by table_name, name");
    let rows = match dialect.fetch(&mut open, &sql, values, &[Kind::Text, Kind::Text]).await {
        // A warehouse of an earlier version, or none yet.
        Err(Trouble::NoTable) => return Ok(()),
        rows => rows.map_err(&doing)?,
    };
    D::commit(open).await.map_err(&doing)?;
    let left = indexes(&sql, rows).map_err(&doing)?;
    if !left.is_empty() {
        tracing::info!(resource = of.map(|resource| resource.name), indexes = left.len(), "making indexes");
    }
    for Index { name, definition } in left {
        let mut open = dialect.begin(Durability::InOrder).await.map_err(&doing)?;
        let forget = "delete from {deskhouse_indexes} where name = ?";
        dialect.execute(&mut open, forget, vec![Some(name.clone()).into()]).await.map_err(&doing)?;
        let make = format!("{}drop index if exists {};\n{definition};", dialect.before_migration(), quoted(&name));
        dialect.script(&mut open, make).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
    }
    Ok(())
}

fn indexes(sql: &str, rows: Vec<Vec<crate::transform::Cell>>) -> Result<Vec<Index>, Trouble> {
    let index = |mut cells: Cells| Ok(Index { name: cells.text()?, definition: cells.text()? });
    Cells::of(sql, &[], rows).map(index).collect()
}
