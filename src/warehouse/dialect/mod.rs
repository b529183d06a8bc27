//! The only folder that knows that there are two SQLs: how each spells names, values and types, and how each lands rows
//! fastest. Here is what a database has to be able to do; everything else about a warehouse is written once, in `sql`.

mod encode;
mod postgres;
mod sqlite;

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{Database, Pool, Transaction};

pub use postgres::Postgres;
pub use sqlite::Sqlite;

use super::error::Error;
use super::value::Value;
use crate::ledger::RunId;
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};

/// What differs from database to database.
pub trait Dialect: Sized + Send + Sync + 'static {
    #[doc(hidden)]
    type Database: Database;
    #[doc(hidden)]
    type Lock: Send + Sync;

    /// Statement that opens a transaction that will write.
    fn begin(&self, durability: Durability) -> &'static str;

    /// Writes `{name}` as a table's name, `?` as a place for a value and `in [?]` as a test against a list of texts.
    fn spell(&self, sql: &str) -> String;

    /// The word for a type of the portable migrations, where it is another one.
    fn type_word(word: &str) -> Option<&'static str>;

    /// The statement that tells the database and its version.
    fn version() -> &'static str;

    /// What has to happen in a transaction before a migration, whose table names stand alone.
    fn before_migration(&self) -> String;

    /// Takes the run lock; `None` when another run holds it.
    fn lock(&self) -> impl Future<Output = Result<Option<Self::Lock>, Error>> + Send;

    #[doc(hidden)]
    fn pool(&self) -> &Pool<Self::Database>;

    /// Address without password.
    fn address(&self) -> &str;

    #[doc(hidden)]
    fn execute(
        transaction: &mut Transaction<'static, Self::Database>,
        sql: Arc<str>,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    #[doc(hidden)]
    fn fetch(
        transaction: &mut Transaction<'static, Self::Database>,
        sql: Arc<str>,
        values: Vec<Value>,
        kinds: &[Kind],
    ) -> impl Future<Output = Result<Vec<Vec<Cell>>, sqlx::Error>> + Send;

    #[doc(hidden)]
    fn script(
        transaction: &mut Transaction<'static, Self::Database>,
        sql: String,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Writes rows: `fresh` have keys that are not there, `changed` have keys that are, and replace what is there unless
    /// that is newer. No key comes twice. Gives the number of rows that were written.
    fn write(
        &self,
        transaction: &mut Transaction<'static, Self::Database>,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;
}

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// That nothing of it is kept without everything before it. A crash of the server may take the last moments: their
    /// rows and the ledger that vouches for them together.
    InOrder,
    /// That it, and everything before it, outlives a crash.
    Confirmed,
}

/// What every row of a batch is stamped with.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub(super) synced_at: DateTime<Utc>,
    pub(super) run: RunId,
}

/// The statements that are the same text for both drivers, but not the same types.
macro_rules! statements {
    ($arguments:ty) => {
        async fn execute(
            transaction: &mut Transaction<'static, Self::Database>,
            sql: Arc<str>,
            values: Vec<Value>,
        ) -> Result<u64, sqlx::Error> {
            let arguments = Self::arguments(values)?;
            let done = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut **transaction).await?;
            Ok(done.rows_affected())
        }

        async fn fetch(
            transaction: &mut Transaction<'static, Self::Database>,
            sql: Arc<str>,
            values: Vec<Value>,
            kinds: &[Kind],
        ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
            let arguments = Self::arguments(values)?;
            let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut **transaction).await?;
            let cells =
                |row| kinds.iter().enumerate().map(move |(index, kind)| Self::cell(row, index, *kind)).collect();
            rows.iter().map(cells).collect()
        }

        async fn script(
            transaction: &mut Transaction<'static, Self::Database>,
            sql: String,
        ) -> Result<(), sqlx::Error> {
            transaction.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
            Ok(())
        }

        fn pool(&self) -> &Pool<Self::Database> {
            &self.pool
        }

        fn address(&self) -> &str {
            &self.address
        }
    };
}
use statements;
