//! SQLite in a file. One connection; rows land one by one through a prepared statement, in the thread that binds them.
//!
//! An insert of many rows at once saves nothing here, since there is no server to talk to: it makes SQLite hold every
//! value of the statement at the same time, and lands a third fewer rows a second than a statement that takes one row
//! and is run again while its memory is still warm. A list in one JSON value, taken apart by `json_each`, lands a tenth.
//! That is why the driver here is rusqlite: one that talks to its thread for each statement (sqlx) cannot do that.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use chrono::{DateTime, Datelike, Timelike, Utc};
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Statement, ToSql, params_from_iter};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::super::error::{Error, Trouble};
use super::super::lock::FileLock;
use super::super::statement::{self, OWN, quoted};
use super::super::value::Value;
use super::{Dialect, Durability, Stamp};
use crate::config::WarehouseUrl;
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};

/// SQLite in a file.
pub struct Sqlite {
    /// One: SQLite has one writer, and a database in memory is its connection.
    connection: Arc<Mutex<Connection>>,
    address: String,
    /// None for a database in memory.
    path: Option<std::path::PathBuf>,
}

/// Settings of the connection, in the order in which they have to be made.
const PRAGMAS: [(&str, i64); 4] = [
    // A ticket with its raw record overflows the default page of 4 KiB.
    ("page_size", 16_384),
    // Negative: in KiB. The pages of a ticket's indexes that a transaction touches; at the default of 2 MiB they are read
    // again and again.
    ("cache_size", -32_768),
    // In WAL mode this (normal) can lose the last transactions to a power cut, never the database; they are read again.
    ("synchronous", 1),
    // Pages of the log before it is folded into the file: 256 MiB. Rows come in the order of their change, and so in none
    // as to their other indexes: each transaction touches pages of those all over the file, the same ones again and
    // again. At the default of 1,000 each was written to the file for every few thousand rows.
    ("wal_autocheckpoint", 16_384),
];

impl Sqlite {
    /// Opens the database, and makes it if it is not there.
    pub async fn open(url: &WarehouseUrl) -> Result<Self, Error> {
        Self::connect(url, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).await
    }

    /// Opens a database that is there.
    pub async fn open_to_read(url: &WarehouseUrl) -> Result<Self, Error> {
        let has_folder = |path: &std::path::Path| {
            path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
        };
        match url {
            WarehouseUrl::Sqlite { path, .. } if !path.exists() && has_folder(path) => {
                Err(Error::Open { warehouse: url.to_string(), trouble: Trouble::Missing })
            }
            _ => Self::connect(url, OpenFlags::SQLITE_OPEN_READ_WRITE).await,
        }
    }

    async fn connect(url: &WarehouseUrl, access: OpenFlags) -> Result<Self, Error> {
        let path = match url {
            WarehouseUrl::Sqlite { path, .. } => Some(path.clone()),
            WarehouseUrl::Memory | WarehouseUrl::Postgres { .. } => None,
        };
        let file = path.clone();
        let connected = on_thread(move || {
            // The guard of the pool of one is ours, so SQLite need not lock as well.
            let access = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = match &file {
                Some(path) => Connection::open_with_flags(path, access),
                None => Connection::open_in_memory(),
            }?;
            connection.busy_timeout(Duration::from_secs(30))?;
            for (name, value) in PRAGMAS {
                connection.pragma_update(None, name, value)?;
            }
            // Behind the size of the pages, which it fixes. The mode is kept in the file; a reader that set it would write
            // into a file that may be somebody else's.
            if access.contains(OpenFlags::SQLITE_OPEN_CREATE) {
                connection.pragma_update(None, "journal_mode", "wal")?;
            }
            connection.set_prepared_statement_cache_capacity(64);
            Ok(connection)
        });
        let address = url.to_string();
        match connected.await {
            Ok(connection) => Ok(Self { connection: Arc::new(Mutex::new(connection)), address, path }),
            Err(trouble) => Err(Error::Open { warehouse: address, trouble }),
        }
    }

    async fn begin_with(&self, statement: &'static str) -> Result<SqliteTransaction, Trouble> {
        let connection = Arc::clone(&self.connection).lock_owned().await;
        let mut transaction = SqliteTransaction(Some(Held(connection)));
        transaction.run(move |connection| connection.execute_batch(statement)).await?;
        Ok(transaction)
    }
}

/// Runs what waits for the disk where it holds nothing up.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| trouble(&error)),
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(Trouble::Lost("closed".into())),
    }
}

/// The connection while a transaction is open on it; dropping it takes back what was not committed, also when the future
/// that waits for a statement is dropped and only the thread is left.
struct Held(OwnedMutexGuard<Connection>);

impl Drop for Held {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // What cannot be taken back now, SQLite takes back when the file is opened again.
            let _ = self.0.execute_batch("rollback");
        }
    }
}

/// An open transaction.
pub struct SqliteTransaction(Option<Held>);

impl SqliteTransaction {
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let held = self.0.take().ok_or_else(|| Trouble::Lost("closed".into()))?;
        let (held, done) = on_thread(move || {
            let done = work(&held.0);
            Ok((held, done))
        })
        .await?;
        self.0 = Some(held);
        done.map_err(|error| trouble(&error))
    }
}

impl Dialect for Sqlite {
    type Transaction = SqliteTransaction;
    type Lock = Option<FileLock>;

    fn address(&self) -> &str {
        &self.address
    }

    fn type_word(word: &str) -> Option<&'static str> {
        match word {
            "bigint" | "boolean" => Some("integer"),
            "double" => Some("real"),
            // `double precision` is one type in two words.
            "precision" => Some(""),
            "date" | "timestamptz" | "json" | "jsonb" => Some("text"),
            _ => None,
        }
    }

    fn version() -> &'static str {
        "select 'SQLite ' || sqlite_version()"
    }

    fn before_migration(&self) -> String {
        String::new()
    }

    async fn lock(&self) -> Result<Option<Self::Lock>, Error> {
        std::future::ready(match &self.path {
            None => Ok(Some(None)),
            Some(path) => FileLock::take(path).map(|lock| lock.map(Some)),
        })
        .await
    }

    async fn begin_to_read(&self) -> Result<SqliteTransaction, Trouble> {
        self.begin_with("begin").await
    }

    async fn begin(&self, _durability: Durability) -> Result<SqliteTransaction, Trouble> {
        // A transaction that begins by reading could not become the writer while another one is.
        self.begin_with("begin immediate").await
    }

    async fn commit(mut transaction: SqliteTransaction) -> Result<(), Trouble> {
        transaction.run(|connection| connection.execute_batch("commit")).await
    }

    async fn execute(
        &self,
        transaction: &mut SqliteTransaction,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<u64, Trouble> {
        let sql = spell(sql);
        let changed =
            move |connection: &Connection| connection.prepare_cached(&sql)?.execute(params_from_iter(bound(values)));
        Ok(transaction.run(changed).await? as u64)
    }

    async fn fetch(
        &self,
        transaction: &mut SqliteTransaction,
        sql: &str,
        values: Vec<Value>,
        kinds: &[Kind],
    ) -> Result<Vec<Vec<Cell>>, Trouble> {
        let (sql, kinds) = (spell(sql), kinds.to_vec());
        let fetched = move |connection: &Connection| {
            let mut query = connection.prepare_cached(&sql)?;
            let cells = |row: &rusqlite::Row<'_>| {
                kinds.iter().enumerate().map(|(index, kind)| cell(row, index, *kind)).collect()
            };
            query.query_map(params_from_iter(bound(values)), cells)?.collect()
        };
        transaction.run(fetched).await
    }

    async fn script(&self, transaction: &mut SqliteTransaction, sql: String) -> Result<(), Trouble> {
        transaction.run(move |connection| connection.execute_batch(&sql)).await
    }

    async fn held(
        &self,
        transaction: &mut SqliteTransaction,
        resource: &'static Resource,
        keys: Vec<ByteString>,
    ) -> Result<Vec<Option<i64>>, Trouble> {
        let sql = format!("select _hash from {} where {} = ?", quoted(resource.name), quoted(resource.columns[0].name));
        let held = move |connection: &Connection| {
            let mut held = connection.prepare_cached(&sql)?;
            keys.iter().map(|key| held.query_row([&**key], |row| row.get(0)).optional()).collect()
        };
        transaction.run(held).await
    }

    async fn write(
        &self,
        transaction: &mut SqliteTransaction,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> Result<u64, Trouble> {
        let written = move |connection: &Connection| {
            Ok(insert(connection, resource, &fresh, stamp)? + update(connection, resource, &changed, stamp)?)
        };
        Ok(transaction.run(written).await? as u64)
    }

    async fn close(self) {
        if let Ok(connection) = Arc::try_unwrap(self.connection) {
            // SQLite then folds its log into the file, or leaves that to who opens it next.
            let _ = on_thread(move || connection.into_inner().close().map_err(|(_, error)| error)).await;
        }
    }
}

/// A numbered place for each value would make the parse of a long statement quadratic.
fn spell(sql: &str) -> String {
    sql.replace("in [?]", "in (select value from json_each(?))").replace(['{', '}'], "\"")
}

/// Inserts rows whose keys are not there.
fn insert(connection: &Connection, resource: &'static Resource, rows: &[Row], stamp: Stamp) -> rusqlite::Result<usize> {
    if rows.is_empty() {
        return Ok(0);
    }
    let names: Vec<_> = statement::columns(resource).map(quoted).collect();
    let places = vec!["?"; names.len()].join(", ");
    let sql = format!("insert into {} ({}) values ({places})", quoted(resource.name), names.join(", "));
    let mut insert = connection.prepare_cached(&sql)?;
    let synced_at = iso(stamp.synced_at);
    rows.iter().map(|row| write(&mut insert, row, &synced_at, stamp.run.0)).sum()
}

/// Updates rows whose keys are there, unless what is there is newer.
///
/// SQLite writes the entry of each index anew whose column an update names, changed or not, and most of what people do to
/// a ticket changes none but the time. So the first statement names none of the others and asks that they be the same;
/// the second one is for what the first has not found.
fn update(connection: &Connection, resource: &'static Resource, rows: &[Row], stamp: Stamp) -> rusqlite::Result<usize> {
    if rows.is_empty() {
        return Ok(0);
    }
    let indexed =
        "select distinct entry.name from pragma_index_list(?) as list join pragma_index_info(list.name) as entry
        where list.origin = 'c'";
    let mut indexed = connection.prepare_cached(indexed)?;
    let indexed: HashSet<String> = indexed.query_map([resource.name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (index, cursor) = resource.cursor();
    let is_kept = |name: &str| name != cursor.name && indexed.contains(name);
    let places = || statement::columns(resource).zip(1..).skip(1);
    let statement = |sets: Vec<String>, kept: Vec<String>| {
        connection.prepare_cached(&format!(
            "update {} set {} where {} = ?1 and ({held} is null or ?{new} is null or ?{new} >= {held}){}",
            quoted(resource.name),
            sets.join(", "),
            quoted(resource.columns[0].name),
            kept.concat(),
            held = quoted(cursor.name),
            new = index + 1,
        ))
    };
    let set = |(name, place): (&str, usize)| format!("{} = ?{place}", quoted(name));
    let keep = |(name, place): (&str, usize)| format!(" and {} is ?{place}", quoted(name));
    let mut beside_indexes = statement(
        places().filter(|(name, _)| !is_kept(name)).map(set).collect(),
        places().filter(|(name, _)| is_kept(name)).map(keep).collect(),
    )?;
    let mut whole = statement(places().map(set).collect(), Vec::new())?;
    let synced_at = iso(stamp.synced_at);
    let mut written = 0;
    for row in rows {
        written += match write(&mut beside_indexes, row, &synced_at, stamp.run.0)? {
            0 => write(&mut whole, row, &synced_at, stamp.run.0)?,
            one => one,
        };
    }
    Ok(written)
}

/// Runs a statement with a row: the columns of the definition, then [`OWN`].
fn write(statement: &mut Statement<'_>, row: &Row, synced_at: &str, run: i64) -> rusqlite::Result<usize> {
    for (index, cell) in row.cells.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, cell)?;
    }
    let own: [&dyn ToSql; OWN.len()] = [&row.raw.as_deref(), &row.hash, &synced_at, &Null, &run];
    for (index, value) in own.into_iter().enumerate() {
        statement.raw_bind_parameter(row.cells.len() + index + 1, value)?;
    }
    statement.raw_execute()
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => Null.into(),
            Self::Text(text) | Self::Json(text) => ToSqlOutput::Borrowed((&**text).into()),
            Self::Integer(value) => (*value).into(),
            Self::Real(value) => (*value).into(),
            Self::Boolean(value) => (*value).into(),
            Self::Date(date) => date.to_string().into(),
            Self::Timestamp(time) => iso(*time).into(),
        })
    }
}

fn bound(values: Vec<Value>) -> impl Iterator<Item = rusqlite::types::Value> {
    values.into_iter().map(|value| match value {
        Value::Text(text) => text.into(),
        Value::Integer(value) => value.into(),
        Value::Real(value) => value.into(),
        Value::Boolean(value) => value.into(),
        Value::Timestamp(time) => time.map(iso).into(),
        Value::Json(text) => text.into(),
        Value::Texts(texts) => serde_json::Value::from(texts).to_string().into(),
    })
}

fn cell(row: &rusqlite::Row<'_>, index: usize, kind: Kind) -> rusqlite::Result<Cell> {
    let value = row.get_ref(index)?;
    if value == ValueRef::Null {
        return Ok(Cell::Null);
    }
    let text = || value.as_str().map_err(rusqlite::Error::from);
    let unreadable = || rusqlite::Error::InvalidColumnType(index, format!("{kind:?}"), value.data_type());
    Ok(match kind {
        Kind::Text | Kind::Json => Cell::Text(text()?.into()),
        Kind::Integer => Cell::Integer(row.get(index)?),
        Kind::Real => Cell::Real(row.get(index)?),
        Kind::Boolean => Cell::Boolean(row.get(index)?),
        Kind::Date => Cell::Date(text()?.parse().map_err(|_| unreadable())?),
        Kind::Timestamp => {
            let time = DateTime::parse_from_rfc3339(text()?).map_err(|_| unreadable())?;
            Cell::Timestamp(time.with_timezone(&Utc))
        }
    })
}

fn trouble(error: &rusqlite::Error) -> Trouble {
    let rusqlite::Error::SqliteFailure(failure, message) = error else { return Trouble::Other("internal".into()) };
    // SQLite has one code for every mistake in a statement.
    if message.as_ref().is_some_and(|message| message.starts_with("no such table")) {
        return Trouble::NoTable;
    }
    match failure.extended_code & 0xff {
        5 | 6 => Trouble::Busy,
        8 => Trouble::ReadOnly,
        11 | 26 => Trouble::NotADatabase,
        // A full disk is an I/O error where the write-ahead log grows.
        13 => Trouble::Full,
        14 => Trouble::NoAccess,
        _ => Trouble::Other(failure.extended_code.to_string()),
    }
}
/// The text form of instants in SQLite: ISO 8601 in UTC with milliseconds, so that text order is time order. Readers let
/// only four-digit years in. By hand, since a ticket has ten of them and chrono would read its format string each time.
fn iso(time: DateTime<Utc>) -> String {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |end: usize, mut number: u32| {
        let mut place = end;
        while number > 0 {
            place -= 1;
            text[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(4, time.year().clamp(0, 9999).unsigned_abs());
    put(7, time.month());
    put(10, time.day());
    put(13, time.hour());
    put(16, time.minute());
    put(19, time.second());
    put(23, time.timestamp_subsec_millis().min(999));
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn instants_are_written_as_chrono_would(milliseconds in -62_135_596_800_000i64..253_402_300_800_000) {
            let time = DateTime::from_timestamp_millis(milliseconds).expect("a time in range");
            prop_assert_eq!(iso(time), time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }
    }
}
