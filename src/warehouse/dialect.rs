//! The only file that knows that there are two SQLs: how each spells names, values and types, and how each lands rows
//! fastest. Everything else about a warehouse is written once, in `sql`.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, Database, Encode, Executor, Pool, Row as _, Transaction, Type};

use super::error::{Error, Trouble};
use super::lock::FileLock;
use super::statement::{self, OWN, quoted};
use super::value::Value;
use crate::config::WarehouseUrl;
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
    const BEGIN: &'static str;

    /// Writes `{name}` as a table's name, `?` as a place for a value and `in [?]` as a test against a list of texts.
    fn spell(&self, sql: &str) -> String;

    /// The word for a type of the portable migrations, where it is another one.
    fn type_word(word: &str) -> Option<&'static str>;

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

    /// Inserts rows, or updates those that are there and not newer. No key comes twice.
    fn upsert(
        &self,
        transaction: &mut Transaction<'static, Self::Database>,
        resource: &'static Resource,
        rows: Vec<Row>,
        stamp: Stamp,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
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
            let cells = |row| kinds.iter().enumerate().map(move |(index, kind)| Self::cell(row, index, *kind)).collect();
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
        Self::connect(url, false).await
    }

    async fn connect(url: &WarehouseUrl, create: bool) -> Result<Self, Error> {
        let address = url.to_string();
        let path = match url {
            WarehouseUrl::Sqlite { path, .. } => Some(path.clone()),
            WarehouseUrl::Memory | WarehouseUrl::Postgres { .. } => None,
        };
        let options = match &path {
            Some(path) => SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Wal),
            None => SqliteConnectOptions::new().in_memory(true),
        };
        let options = options
            .create_if_missing(create)
            // In WAL mode this can lose the last transactions to a power cut, never the database; they are read again.
            .synchronous(SqliteSynchronous::Normal)
            // A ticket with its raw record overflows the default page of 4 KiB.
            .page_size(16_384)
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

    // A transaction that begins by reading could not become the writer while another one is.
    const BEGIN: &'static str = "begin immediate";

    statements!(SqliteArguments);

    // A numbered place for each value would make the parse of a long statement quadratic.
    fn spell(&self, sql: &str) -> String {
        sql.replace("in [?]", "in (select value from json_each(?))").replace('{', "\"").replace('}', "\"")
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

    async fn upsert(
        &self,
        transaction: &mut Transaction<'static, Self::Database>,
        resource: &'static Resource,
        rows: Vec<Row>,
        stamp: Stamp,
    ) -> Result<(), sqlx::Error> {
        let columns = resource.columns.len() + OWN.len();
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let fits = |size: &&usize| **size <= rows.len() && **size * columns <= MOST_VALUES;
            let size = ROWS_PER_INSERT.iter().find(fits).copied().unwrap_or(1);
            let mut arguments = SqliteArguments::default();
            arguments.reserve(size * columns, 0);
            for row in rows.by_ref().take(size) {
                for cell in row.cells {
                    Self::add_cell(&mut arguments, cell).map_err(sqlx::Error::Encode)?;
                }
                let own = |arguments: &mut SqliteArguments| {
                    arguments.add(row.raw.map(String::from))?;
                    arguments.add(row.hash)?;
                    arguments.add(iso(stamp.synced_at))?;
                    arguments.add(None::<String>)?;
                    arguments.add(stamp.run.0)
                };
                own(&mut arguments).map_err(sqlx::Error::Encode)?;
            }
            let mut sql = self.spell(&statement::insert_into(resource));
            let row = format!("({})", vec!["?"; columns].join(","));
            write!(sql, "values {}", vec![row; size].join(",")).map_err(|error| sqlx::Error::Encode(error.into()))?;
            sql.push_str(&statement::on_conflict(resource));
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut **transaction).await?;
        }
        Ok(())
    }
}

/// Postgres, in one schema of a database.
pub struct Postgres {
    pool: Pool<sqlx::Postgres>,
    address: String,
    schema: String,
}

impl Postgres {
    /// Connects to the server. The schema is made by the first migration.
    pub async fn open(url: &WarehouseUrl, schema: &str) -> Result<Self, Error> {
        let address = url.to_string();
        let unusable = |trouble| Error::Open { warehouse: url.to_string(), trouble };
        let WarehouseUrl::Postgres { address: secret, .. } = url else {
            return Err(unusable(Trouble::NotADatabase));
        };
        let options: PgConnectOptions =
            secret.expose().parse().map_err(|_| unusable(Trouble::NoAccess("the address cannot be read".into())))?;
        // A lock, and as many writers as help: a batch is one statement, which keeps one server process busy.
        let pool = PgPoolOptions::new().max_connections(3).acquire_timeout(Duration::from_secs(30));
        let pool = pool
            .connect_with(options.application_name("deskhouse"))
            .await
            .map_err(|error| unusable(Trouble::of(&error)))?;
        Ok(Self { pool, address, schema: schema.to_owned() })
    }

    fn arguments(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for value in values {
            match value {
                Value::Text(text) => arguments.add(text),
                Value::Integer(value) => arguments.add(value),
                Value::Real(value) => arguments.add(value),
                Value::Boolean(value) => arguments.add(value),
                Value::Timestamp(time) => arguments.add(time),
                Value::Json(text) => arguments.add(JsonText(text)),
                Value::Texts(texts) => arguments.add(texts),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    fn cell(row: &PgRow, index: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
        Ok(match kind {
            // Nothing reads a `json` column back; a statement that did would have to cast it to text.
            Kind::Text | Kind::Json => row.try_get::<Option<String>, _>(index)?.map(Cell::Text),
            Kind::Integer => row.try_get::<Option<i64>, _>(index)?.map(Cell::Integer),
            Kind::Real => row.try_get::<Option<f64>, _>(index)?.map(Cell::Real),
            Kind::Boolean => row.try_get::<Option<bool>, _>(index)?.map(Cell::Boolean),
            Kind::Date => row.try_get::<Option<NaiveDate>, _>(index)?.map(Cell::Date),
            Kind::Timestamp => row.try_get::<Option<DateTime<Utc>>, _>(index)?.map(Cell::Timestamp),
        }
        .unwrap_or(Cell::Null))
    }

    /// Number of the advisory lock of this schema.
    fn lock_key(&self) -> i64 {
        xxhash_rust::xxh3::xxh3_64(format!("deskhouse {}", self.schema).as_bytes()).cast_signed()
    }
}

impl Dialect for Postgres {
    type Database = sqlx::Postgres;
    /// The connection holds the lock; the server gives it back when the connection ends.
    type Lock = sqlx::pool::PoolConnection<sqlx::Postgres>;

    const BEGIN: &'static str = "begin";

    statements!(PgArguments);

    fn spell(&self, sql: &str) -> String {
        let sql = sql.replace("in [?]", "= any(?)");
        let mut spelled = String::with_capacity(sql.len() + 64);
        let mut place = 0;
        for character in sql.chars() {
            match character {
                '?' => {
                    place += 1;
                    spelled.push('$');
                    spelled.push_str(&place.to_string());
                }
                '{' => {
                    spelled.push_str(&quoted(&self.schema));
                    spelled.push_str(".\"");
                }
                '}' => spelled.push('"'),
                character => spelled.push(character),
            }
        }
        spelled
    }

    fn type_word(_word: &str) -> Option<&'static str> {
        None
    }

    fn before_migration(&self) -> String {
        // `local` ends with the transaction, so that it works behind a pooler too.
        format!(
            "create schema if not exists {schema}; set local search_path = {schema};",
            schema = quoted(&self.schema)
        )
    }

    async fn lock(&self) -> Result<Option<Self::Lock>, Error> {
        let doing = Error::doing("take the run lock");
        let mut connection = self.pool.acquire().await.map_err(&doing)?;
        // The server frees a lock a moment after its holder has gone, so a run right behind another waits that long.
        sqlx::query("set lock_timeout = '2s'").execute(&mut *connection).await.map_err(&doing)?;
        let taken = sqlx::query("select pg_advisory_lock($1)").bind(self.lock_key()).execute(&mut *connection).await;
        match taken {
            Ok(_) => Ok(Some(connection)),
            Err(error) if Trouble::of(&error) == Trouble::Busy => Ok(None),
            Err(error) => Err(doing(error)),
        }
    }

    async fn upsert(
        &self,
        transaction: &mut Transaction<'static, Self::Database>,
        resource: &'static Resource,
        rows: Vec<Row>,
        stamp: Stamp,
    ) -> Result<(), sqlx::Error> {
        let count = rows.len();
        let mut cells: Vec<Vec<Cell>> = resource.columns.iter().map(|_| Vec::with_capacity(count)).collect();
        let (mut raws, mut hashes) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for row in rows {
            for (column, cell) in cells.iter_mut().zip(row.cells) {
                column.push(cell);
            }
            raws.push(row.raw.map(String::from));
            hashes.push(row.hash);
        }
        let mut arguments = PgArguments::default();
        let mut add = || {
            arguments.add(stamp.synced_at)?;
            arguments.add(stamp.run.0)?;
            for (column, cells) in resource.columns.iter().zip(cells) {
                add_array(&mut arguments, column.kind, cells)?;
            }
            arguments.add(raws)?;
            arguments.add(hashes)
        };
        add().map_err(sqlx::Error::Encode)?;
        let sql = self.spell(&unnest(resource));
        sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut **transaction).await?;
        Ok(())
    }
}

/// An insert of any number of rows in one statement, with one array a column.
fn unnest(resource: &Resource) -> String {
    let (mut selected, mut arrays, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (index, column) in resource.columns.iter().enumerate() {
        let cast = if column.kind == Kind::Json { "::jsonb" } else { "" };
        selected.push(format!("c{index}{cast}"));
        arrays.push(format!("?::{}[]", array_word(column.kind)));
        names.push(format!("c{index}"));
    }
    arrays.extend(["?::text[]".to_owned(), "?::bigint[]".to_owned()]);
    format!(
        "{}select {}, raw::json, hash, ?, null, ? from unnest({}) as fresh({}, raw, hash){}",
        statement::insert_into(resource),
        selected.join(", "),
        arrays.join(", "),
        names.join(", "),
        statement::on_conflict(resource),
    )
}

fn array_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json => "text",
        Kind::Integer => "bigint",
        Kind::Real => "double precision",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Timestamp => "timestamptz",
    }
}

fn add_array(arguments: &mut PgArguments, kind: Kind, cells: Vec<Cell>) -> Result<(), BoxDynError> {
    fn values<T>(cells: Vec<Cell>, value: impl Fn(Cell) -> Option<T>) -> Vec<Option<T>> {
        cells.into_iter().map(value).collect()
    }
    macro_rules! of {
        ($($variant:ident)|+) => {
            arguments.add(values(cells, |cell| match cell {
                $(Cell::$variant(value))|+ => Some(value),
                _ => None,
            }))
        };
    }
    match kind {
        Kind::Text | Kind::Json => of!(Text | Json),
        Kind::Integer => of!(Integer),
        Kind::Real => of!(Real),
        Kind::Boolean => of!(Boolean),
        Kind::Date => of!(Date),
        Kind::Timestamp => of!(Timestamp),
    }
}

/// JSON text for a `json` column, as it is.
struct JsonText(String);

impl Type<sqlx::Postgres> for JsonText {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("json")
    }
}

impl Encode<'_, sqlx::Postgres> for JsonText {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

/// The text form of instants in SQLite: ISO 8601 in UTC with milliseconds, so that text order is time order.
fn iso(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
