//! SQLite in a file: one connection, used by one transaction at a time in a thread where it holds nothing up. How rows are
//! written is told in `rows`.

mod rows;

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Dialect, Durability, Held, Stamp};
use crate::config::WarehouseUrl;
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};
use crate::warehouse::error::{Error, Trouble};
use crate::warehouse::lock::FileLock;
use crate::warehouse::statement::quoted;
use crate::warehouse::value::{Cells, Value, storable};
use rows::iso;

/// SQLite in a file. A clone has the same connection.
#[derive(Clone)]
pub struct Sqlite {
    /// One: SQLite has one writer, and a database in memory is its connection.
    connection: Arc<Mutex<Connection>>,
    address: String,
    /// None for a database in memory.
    path: Option<std::path::PathBuf>,
    place: Place,
}

/// Where statements run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a thread in which they may wait for the disk.
    Thread,
    /// Where they are awaited.
    Here,
}

/// Longest wait for another program's transaction.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Statements that are kept prepared: those of all resources, which are read at the same time, and of the ledger. With
/// fewer each would be gone when its resource has the next page, and the widest ones take longer to prepare than to run.
const STATEMENTS_KEPT: usize = 256;

/// Settings of the connection, in the order in which they have to be made.
const PRAGMAS: [(&str, i64); 4] = [
    // A ticket with its raw record overflows the default page of 4 KiB.
    ("page_size", 16_384),
    // Negative: in KiB; twice the default. While a table is filled its indexes are not there, and more pages would be
    // kept for nothing: with 32 MiB a million rows land no faster.
    ("cache_size", -4_096),
    // In WAL mode this (normal) can lose the last transactions to a power cut, never the database; they are read again.
    ("synchronous", 1),
    // Pages of the log before it is folded into the file: 128 MiB. Rows come in the order of their change, and so in none
    // as to their other indexes: each transaction touches pages of those all over the file, the same ones again and
    // again. At the default of 1,000 each was written to the file for every few thousand rows. At 16,384 no row lands
    // faster, and while the log is folded more pages arrive than may wait, so that the portal is not asked meanwhile.
    ("wal_autocheckpoint", 8_192),
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
        let connected = Place::Thread.run(move || {
            // The lock around the connection is ours, so SQLite need not lock as well.
            let access = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = match &file {
                Some(path) => Connection::open_with_flags(path, access),
                None => Connection::open_in_memory(),
            }?;
            connection.busy_timeout(LONGEST_WAIT)?;
            for (name, value) in PRAGMAS {
                connection.pragma_update(None, name, value)?;
            }
            // Behind the size of the pages, which it fixes. The mode is kept in the file; a reader that set it would write
            // into a file that may be somebody else's.
            if access.contains(OpenFlags::SQLITE_OPEN_CREATE) {
                set_wal_mode(&connection)?;
            }
            Ok(connection)
        });
        let address = url.to_string();
        match connected.await {
            Ok(connection) => Ok(Self { address, path, ..Self::of(connection) }),
            Err(trouble) => Err(Error::Open { warehouse: address, trouble }),
        }
    }

    /// A database in memory that somebody has opened: for a simulation, whose processes die and leave it as it is.
    pub fn of(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let connection = Arc::new(Mutex::new(connection));
        Self { connection, address: WarehouseUrl::Memory.to_string(), path: None, place: Place::Thread }
    }

    /// Runs statements where they are awaited instead of in a thread: for a simulation, in which the order of things
    /// must not depend on how the system schedules threads.
    pub fn in_place(self) -> Self {
        Self { place: Place::Here, ..self }
    }

    async fn begin_with(&self, statement: &'static str) -> Result<SqliteTransaction, Trouble> {
        let connection = Arc::clone(&self.connection).lock_owned().await;
        let mut transaction = SqliteTransaction { guard: Some(Guard(connection)), place: self.place };
        transaction.run(move |connection| connection.execute_batch(statement)).await?;
        Ok(transaction)
    }
}

/// For this alone SQLite does not wait by itself while another one that opens the file does the same.
fn set_wal_mode(connection: &Connection) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if trouble(&error) == Trouble::Busy && waited < LONGEST_WAIT => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            done => return done,
        }
    }
}

impl Place {
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let done = match self {
            Self::Thread => tokio::task::spawn_blocking(work).await,
            Self::Here => Ok(work()),
        };
        match done {
            Ok(done) => done.map_err(|error| trouble(&error)),
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(Trouble::Lost("closed".into())),
        }
    }
}

/// The connection while a transaction is open on it; dropping it takes back what was not committed, also when the future
/// that waits for a statement is dropped and only the thread is left.
struct Guard(OwnedMutexGuard<Connection>);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // What cannot be taken back now, SQLite takes back when the file is opened again.
            let _ = self.0.execute_batch("rollback");
        }
    }
}

/// An open transaction.
pub struct SqliteTransaction {
    guard: Option<Guard>,
    place: Place,
}

impl SqliteTransaction {
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let guard = self.guard.take().ok_or_else(|| Trouble::Lost("closed".into()))?;
        let work = move || {
            let done = work(&guard.0);
            Ok((guard, done))
        };
        let (guard, done) = self.place.run(work).await?;
        self.guard = Some(guard);
        done.map_err(|error| trouble(&error))
    }
}

impl Dialect for Sqlite {
    type Transaction = SqliteTransaction;
    type Lock = Vec<FileLock>;

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

    fn secondary_indexes() -> &'static str {
        "select entry.name, made.sql from pragma_index_list(?) as entry join sqlite_master as made on made.name = entry.name
        where entry.origin = 'c' and not entry.\"unique\""
    }

    fn before_migration(&self) -> String {
        String::new()
    }

    async fn lock(&self, claims: &[String]) -> Result<Option<Self::Lock>, Error> {
        std::future::ready(match &self.path {
            None => Ok(Some(Vec::new())),
            Some(path) => claims.iter().map(|claim| FileLock::take(path, claim)).collect(),
        })
        .await
    }

    /// SQLite has one writer, and a transaction that writes is that from its first moment.
    async fn alone(&self, _transaction: &mut SqliteTransaction, _what: &'static str) -> Result<(), Trouble> {
        std::future::ready(Ok(())).await
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
    ) -> Result<Vec<Option<Held>>, Trouble> {
        let (id, (columns, kinds)) = (quoted(resource.columns[0].name), Held::columns(resource, "null"));
        let sql = format!("select {columns} from {{{}}} where {id} = ?", resource.name);
        let spelled = spell(&sql);
        let rows = move |connection: &Connection| rows::by_key(connection, &spelled, &keys, &kinds);
        let rows = transaction.run(rows).await?;
        let held = |row: Option<Vec<Cell>>| {
            row.and_then(|row| Cells::of(&sql, &[], vec![row]).next().map(Held::read)).transpose()
        };
        rows.into_iter().map(held).collect()
    }

    async fn write(
        &self,
        transaction: &mut SqliteTransaction,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> Result<Vec<(Row, String)>, Trouble> {
        let written = move |connection: &Connection| {
            let mut refused = rows::insert(connection, resource, fresh, stamp)?;
            refused.extend(rows::update(connection, resource, changed, stamp)?);
            Ok(refused)
        };
        transaction.run(written).await
    }

    async fn close(self) {
        if let Ok(connection) = Arc::try_unwrap(self.connection) {
            // SQLite then folds its log into the file, or leaves that to who opens it next.
            let _ = self.place.run(move || connection.into_inner().close().map_err(|(_, error)| error)).await;
        }
    }
}

/// A numbered place for each value would make the parse of a long statement quadratic.
fn spell(sql: &str) -> String {
    sql.replace("in [?]", "in (select value from json_each(?))").replace(['{', '}'], "\"")
}

fn bound(values: Vec<Value>) -> impl Iterator<Item = rusqlite::types::Value> {
    values.into_iter().map(|value| match value {
        Value::Text(text) => text.into(),
        Value::Integer(value) => value.into(),
        Value::Real(value) => value.into(),
        Value::Boolean(value) => value.into(),
        Value::Timestamp(time) => time.map(iso).into(),
        Value::Json(text) => text.into(),
        Value::Texts(texts) => {
            let texts: Vec<_> = texts.into_iter().map(storable).collect();
            serde_json::Value::from(texts).to_string().into()
        }
    })
}

/// A cell of this kind. A file takes anything in any column: what is held as something else comes as that, and bytes that
/// are no text as JSON, which no column is.
fn cell(row: &rusqlite::Row<'_>, index: usize, kind: Kind) -> rusqlite::Result<Cell> {
    let stored = match row.get_ref(index)? {
        ValueRef::Null => return Ok(Cell::Null),
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cell::Text(text.into()),
            Err(_) => Cell::Json("\"bytes\"".into()),
        },
        ValueRef::Blob(_) => Cell::Json("\"bytes\"".into()),
    };
    Ok(match (kind, stored) {
        (Kind::Boolean, Cell::Integer(value @ 0..=1)) => Cell::Boolean(value == 1),
        (Kind::Real, Cell::Integer(value)) => Cell::Real(value as f64),
        (Kind::Date, Cell::Text(text)) => text.parse().map_or(Cell::Text(text), Cell::Date),
        (Kind::Timestamp, Cell::Text(text)) => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Cell::Timestamp(time.with_timezone(&Utc)),
            Err(_) => Cell::Text(text),
        },
        (_, stored) => stored,
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
        // Too big, a constraint, another type: what a row holds is not for its table.
        18..=20 => Trouble::Refused(failure.extended_code.to_string()),
        _ => Trouble::Other(failure.extended_code.to_string()),
    }
}
