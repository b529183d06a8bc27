//! The only folder that knows that there are two SQLs: how each spells names, values and types, and how each lands rows
//! fastest. Here is what a database has to be able to do; everything else about a warehouse is written once, in `sql`.

mod postgres;
mod sqlite;

use std::future::Future;

use bytestring::ByteString;
use chrono::{DateTime, Utc};

pub use postgres::Postgres;
pub use sqlite::Sqlite;

use super::error::{Error, Trouble};
use super::statement::{TOMBSTONE, quoted};
use super::value::{Cells, Value};
use crate::ledger::{Reason, RunId, Tombstone};
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};

/// What differs from database to database.
///
/// Statements come in the words of `sql` and are spelled here: `{name}` is a table's name, `?` a place for a value and
/// `in [?]` a test against a list of texts.
pub trait Dialect: Sized + Send + Sync + 'static {
    /// An open transaction. One that is dropped has not happened.
    #[doc(hidden)]
    type Transaction: Send;
    #[doc(hidden)]
    type Lock: Send + Sync;

    /// Address without password.
    fn address(&self) -> &str;

    /// The word for a type of the portable migrations, where it is another one.
    fn type_word(word: &str) -> Option<&'static str>;

    /// The statement that tells the database and its version.
    fn version() -> &'static str;

    /// What has to happen in a transaction before a migration, whose table names stand alone.
    fn before_migration(&self) -> String;

    /// The query for name and statement of each index of a table that holds nothing together.
    fn secondary_indexes() -> &'static str;

    /// Takes the locks of a run; `None` when another run holds one of them.
    fn lock(&self, claims: &[String]) -> impl Future<Output = Result<Option<Self::Lock>, Error>> + Send;

    /// Opens a transaction that reads, beside one that writes.
    fn begin_to_read(&self) -> impl Future<Output = Result<Self::Transaction, Trouble>> + Send;

    /// Opens a transaction that writes.
    fn begin(&self, durability: Durability) -> impl Future<Output = Result<Self::Transaction, Trouble>> + Send;

    /// Waits until no other transaction that writes is alone with `what`, and is alone with it until it ends. Two runs
    /// beside each other may have the same rows.
    fn alone(
        &self,
        transaction: &mut Self::Transaction,
        what: &'static str,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Makes all of a transaction happen.
    fn commit(transaction: Self::Transaction) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Runs a statement and gives the number of rows that it changed.
    fn execute(
        &self,
        transaction: &mut Self::Transaction,
        sql: &str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<u64, Trouble>> + Send;

    /// Runs a query whose columns are of these kinds. What is held as something else is given as what it is.
    fn fetch(
        &self,
        transaction: &mut Self::Transaction,
        sql: &str,
        values: Vec<Value>,
        kinds: &[Kind],
    ) -> impl Future<Output = Result<Vec<Vec<Cell>>, Trouble>> + Send;

    /// Runs statements as they are written.
    fn script(
        &self,
        transaction: &mut Self::Transaction,
        sql: String,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// What is held of the rows with these keys, in the same order; `None` where there is no such row.
    fn held(
        &self,
        transaction: &mut Self::Transaction,
        resource: &'static Resource,
        keys: Vec<ByteString>,
    ) -> impl Future<Output = Result<Vec<Option<Held>>, Trouble>> + Send;

    /// Writes rows: `fresh` have keys that are not there, `changed` have keys that are, and replace what is there. No key
    /// comes twice. A row with a tombstone is written as deleted.
    ///
    /// Gives back the rows that the database refuses for what they hold, each with its code. What was there of them is
    /// still there, and all others are written.
    fn write(
        &self,
        transaction: &mut Self::Transaction,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> impl Future<Output = Result<Vec<(Row, String)>, Trouble>> + Send;

    /// Closes all connections. Nothing may be open any more.
    fn close(self) -> impl Future<Output = ()> + Send;
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

/// As much of a row as tells whether another version of it is worth writing.
#[derive(Debug, Clone)]
pub struct Held {
    /// None where the row is surely none that was written as it stands.
    pub(super) hash: Option<i64>,
    pub(super) cursor: Option<DateTime<Utc>>,
    /// None while the record is alive.
    pub(super) tombstone: Option<Box<Tombstone>>,
}

impl Held {
    /// What the columns of [`Self::columns`] hold.
    fn read(mut cells: Cells) -> Result<Self, Trouble> {
        let (hash, cursor) = (cells.integer(), cells.timestamp_or_null());
        let tombstone = match cells.timestamp_or_null()? {
            Some(deleted_at) => Some(Box::new(Tombstone {
                deleted_at,
                deleted_by: cells.text_or_null()?,
                // The first versions told no reason.
                reason: cells.word_or_null(Reason::of_word)?.unwrap_or(Reason::Gone),
                merged_into: cells.text_or_null()?,
            })),
            None => None,
        };
        // A row whose time has been altered by somebody is written again, whatever is read of it.
        let (hash, cursor) = match cursor {
            Ok(cursor) => (hash.ok(), cursor),
            Err(_) => (None, None),
        };
        Ok(Self { hash, cursor, tombstone })
    }

    /// Columns that are read of a row, in this order, and their kinds.
    fn columns(resource: &Resource, no_time: &str) -> (String, [Kind; 6]) {
        let cursor = resource.feed.cursor().map_or_else(|| no_time.to_owned(), quoted);
        let kinds = [Kind::Integer, Kind::Timestamp, Kind::Timestamp, Kind::Text, Kind::Text, Kind::Text];
        (format!("_hash, {cursor}, {}", TOMBSTONE.join(", ")), kinds)
    }
}

/// What every row of a batch is stamped with.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub(super) synced_at: DateTime<Utc>,
    pub(super) run: RunId,
}
