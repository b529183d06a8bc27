//! SQLite in a file. One connection writes; rows land through a few long prepared inserts.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike, Utc};
use sqlx::error::BoxDynError;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, Executor, Pool, Row as _, Transaction};

use super::super::error::{Error, Trouble};
use super::super::lock::FileLock;
use super::super::statement::{self, OWN};
use super::super::value::Value;
use super::{Dialect, Durability, Stamp, statements};
use crate::config::WarehouseUrl;
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};

/// SQLite in a file.
pub struct Sqlite {
    pool: Pool<sqlx::Sqlite>,
    address: String,
    /// None for a database in memory.
    path: Option<std::path::PathBuf>,
}

/// Rows in one `insert`, largest first: few different statements, so that each is prepared once. SQLite takes 32,766
/// values in a statement; with a text for each size, the last rows of a batch would each cost a preparation.
const ROWS_PER_INSERT: [usize; 4] = [400, 100, 10, 1];

/// Most values in a statement, by SQLite's default build.
const MOST_VALUES: usize = 32_766;

impl Sqlite {
    /// Opens the database, and makes it if it is not there.
    pub async fn open(url: &WarehouseUrl) -> Result<Self, Error> {
        Self::connect(url, true).await
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
            _ => Self::connect(url, false).await,
        }
    }

    async fn connect(url: &WarehouseUrl, create: bool) -> Result<Self, Error> {
        let address = url.to_string();
        let path = match url {
            WarehouseUrl::Sqlite { path, .. } => Some(path.clone()),
            WarehouseUrl::Memory | WarehouseUrl::Postgres { .. } => None,
        };
        let options = match &path {
            // The mode is kept in the file; a reader that set it would write into a file that may be somebody else's.
            Some(path) if create => SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Wal),
            Some(path) => SqliteConnectOptions::new().filename(path),
            None => SqliteConnectOptions::new().in_memory(true),
        };
        let options = options
            .create_if_missing(create)
            // In WAL mode this can lose the last transactions to a power cut, never the database; they are read again.
            .synchronous(SqliteSynchronous::Normal)
            // A ticket with its raw record overflows the default page of 4 KiB.
            .page_size(16_384)
            // In KiB. The pages of a ticket's indexes that a batch touches; at the default of 2 MiB they are read again.
            .pragma("cache_size", "-16384")
            .busy_timeout(Duration::from_secs(30));
        // One connection: SQLite has one writer, and a database in memory is its connection.
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = pool
            .connect_with(options)
            .await
            .map_err(|error| Error::Open { warehouse: address.clone(), trouble: Trouble::of(&error) })?;
        Ok(Self { pool, address, path })
    }

    fn arguments(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        for value in values {
            match value {
                Value::Text(text) => arguments.add(text),
                Value::Integer(value) => arguments.add(value),
                Value::Real(value) => arguments.add(value),
                Value::Boolean(value) => arguments.add(value),
                Value::Timestamp(time) => arguments.add(time.map(iso)),
                Value::Json(text) => arguments.add(text),
                Value::Texts(texts) => arguments.add(serde_json::Value::from(texts).to_string()),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    fn add_cell(arguments: &mut SqliteArguments, cell: Cell) -> Result<(), BoxDynError> {
        match cell {
            Cell::Null => arguments.add(None::<i64>),
            Cell::Text(text) | Cell::Json(text) => arguments.add(text),
            Cell::Integer(value) => arguments.add(value),
            Cell::Real(value) => arguments.add(value),
            Cell::Boolean(value) => arguments.add(value),
            Cell::Date(date) => arguments.add(date.to_string()),
            Cell::Timestamp(time) => arguments.add(iso(time)),
        }
    }

    fn cell(row: &SqliteRow, index: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
        let unreadable = |text: String| sqlx::Error::ColumnDecode { index: index.to_string(), source: text.into() };
        Ok(match kind {
            Kind::Text | Kind::Json => row.try_get::<Option<String>, _>(index)?.map(Cell::Text),
            Kind::Integer => row.try_get::<Option<i64>, _>(index)?.map(Cell::Integer),
            Kind::Real => row.try_get::<Option<f64>, _>(index)?.map(Cell::Real),
            Kind::Boolean => row.try_get::<Option<bool>, _>(index)?.map(Cell::Boolean),
            Kind::Date => {
                let text = row.try_get::<Option<String>, _>(index)?;
                text.map(|text| text.parse().map(Cell::Date).map_err(|_| unreadable(text))).transpose()?
            }
            Kind::Timestamp => {
                let text = row.try_get::<Option<String>, _>(index)?;
                let time = |text: String| match DateTime::parse_from_rfc3339(&text) {
                    Ok(time) => Ok(Cell::Timestamp(time.with_timezone(&Utc))),
                    Err(_) => Err(unreadable(text)),
                };
                text.map(time).transpose()?
            }
        }
        .unwrap_or(Cell::Null))
    }
}

impl Dialect for Sqlite {
    type Database = sqlx::Sqlite;
    type Lock = Option<FileLock>;

    statements!(SqliteArguments);

    fn begin(&self, _durability: Durability) -> &'static str {
        // A transaction that begins by reading could not become the writer while another one is.
        "begin immediate"
    }

    // A numbered place for each value would make the parse of a long statement quadratic.
    fn spell(&self, sql: &str) -> String {
        sql.replace("in [?]", "in (select value from json_each(?))").replace(['{', '}'], "\"")
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

    async fn write(
        &self,
        transaction: &mut Transaction<'static, Self::Database>,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> Result<u64, sqlx::Error> {
        let mut rows = fresh.into_iter().chain(changed).collect::<Vec<_>>().into_iter();
        let mut written = 0;
        let mut next = self.insert(resource, &mut rows, stamp)?;
        while let Some((sql, arguments)) = next {
            let running = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut **transaction);
            // The thread of SQLite works on these rows while the next ones are made ready here.
            let (done, prepared) = tokio::join!(running, async { self.insert(resource, &mut rows, stamp) });
            written += done?.rows_affected();
            next = prepared?;
        }
        Ok(written)
    }
}

impl Sqlite {
    /// One insert of as many of the rows as a statement takes; `None` when there are no more.
    fn insert(
        &self,
        resource: &'static Resource,
        rows: &mut std::vec::IntoIter<Row>,
        stamp: Stamp,
    ) -> Result<Option<(String, SqliteArguments)>, sqlx::Error> {
        if rows.len() == 0 {
            return Ok(None);
        }
        let columns = resource.columns.len() + OWN.len();
        let fits = |size: &&usize| **size <= rows.len() && **size * columns <= MOST_VALUES;
        let size = ROWS_PER_INSERT.iter().find(fits).copied().unwrap_or(1);
        let mut arguments = SqliteArguments::default();
        arguments.reserve(size * columns, 0);
        for row in rows.take(size) {
            Self::add_row(&mut arguments, row, stamp).map_err(sqlx::Error::Encode)?;
        }
        let places = format!("({})", vec!["?"; columns].join(","));
        let places = vec![places; size].join(",");
        let sql = format!("{}values {places}{}", statement::insert_into(resource), statement::on_conflict(resource));
        Ok(Some((self.spell(&sql), arguments)))
    }

    fn add_row(arguments: &mut SqliteArguments, row: Row, stamp: Stamp) -> Result<(), BoxDynError> {
        for cell in row.cells {
            Self::add_cell(arguments, cell)?;
        }
        arguments.add(row.raw.map(String::from))?;
        arguments.add(row.hash)?;
        arguments.add(iso(stamp.synced_at))?;
        arguments.add(None::<String>)?;
        arguments.add(stamp.run.0)
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
