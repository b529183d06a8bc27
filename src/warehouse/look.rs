//! One statement in a transaction of its own.

use bytestring::ByteString;

use super::dialect::{Dialect, Held};
use super::error::Error;
use super::sql::SqlWarehouse;
use super::value::{Cells, Value};
use crate::resource::{Kind, Resource};

impl<D: Dialect> SqlWarehouse<D> {
    /// The rows that a question gives; `doing` is what an error says was being done.
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

    /// The number that a question gives.
    pub(super) async fn number(&self, doing: &'static str, sql: &str, values: Vec<Value>) -> Result<u64, Error> {
        let mut rows = self.look(doing, sql, values, &[Kind::Integer]).await?;
        rows.first_mut().map_or(Ok(0), Cells::count).map_err(Error::doing(doing))
    }

    /// What is held of these keys, each in its place.
    pub(super) async fn look_up(
        &self,
        doing: &'static str,
        resource: &'static Resource,
        keys: Vec<ByteString>,
    ) -> Result<Vec<Option<Held>>, Error> {
        let mut open = self.begin(doing).await?;
        let held = self.dialect.held(&mut open, resource, keys).await.map_err(Error::doing(doing))?;
        D::commit(open).await.map_err(Error::doing(doing))?;
        Ok(held)
    }

    /// Writes.
    pub(super) async fn write(&self, doing: &'static str, sql: &str, values: Vec<Value>) -> Result<(), Error> {
        let mut open = self.begin(doing).await?;
        self.execute(&mut open, sql, values).await.map_err(Error::doing(doing))?;
        D::commit(open).await.map_err(Error::doing(doing))
    }
}
