//! Postgres, in one schema of a database. Rows land by COPY; what they replace is deleted in the same transaction.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::{Arguments, AssertSqlSafe, Connection, Encode, Executor, PgConnection, Pool, Row as _, Transaction, Type};

use super::super::error::{Error, Trouble};
use super::super::statement::{self, quoted};
use super::super::value::Value;
use super::{Dialect, Durability, Stamp, encode, statements};
use crate::config::WarehouseUrl;
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};

/// Longest wait for a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Postgres, in one schema of a database.
pub struct Postgres {
    pool: Pool<sqlx::Postgres>,
    address: String,
    schema: String,
    has_lz4: bool,
}

impl Postgres {
    /// Connects to the server. The schema is made by the first migration.
    pub async fn open(url: &WarehouseUrl, schema: &str) -> Result<Self, Error> {
        let address = url.to_string();
        let unusable = |trouble| Error::Open { warehouse: url.to_string(), trouble };
        let WarehouseUrl::Postgres { address: secret, .. } = url else {
            return Err(unusable(Trouble::NotADatabase));
        };
        let options: PgConnectOptions = secret.expose().parse().map_err(|_| unusable(Trouble::Unreadable))?;
        let options = options.application_name("deskhouse");
        // Once without the pool, which would go on trying a server that refuses until its time is over.
        let cannot = |error: sqlx::Error| unusable(Trouble::of(&error));
        let connected = tokio::time::timeout(LONGEST_WAIT, PgConnection::connect_with(&options)).await;
        let mut connection = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(cannot)?;
        // Known since Postgres 14, and only where the server was built with it.
        let has_lz4 = "select exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any(enumvals))";
        let has_lz4 = sqlx::query_scalar(has_lz4).fetch_one(&mut connection).await.map_err(cannot)?;
        connection.close().await.map_err(cannot)?;
        // A lock, and as many writers as help: landing a batch keeps one server process busy.
        let pool = PgPoolOptions::new().max_connections(3).acquire_timeout(LONGEST_WAIT).connect_lazy_with(options);
        Ok(Self { pool, address, schema: schema.to_owned(), has_lz4 })
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
    /// The open transaction holds the lock; the server gives it back when the connection ends.
    type Lock = Transaction<'static, sqlx::Postgres>;

    statements!(PgArguments);

    // `local` settings, since a pooler in transaction mode gives the session to somebody else afterwards. Long texts are
    // compressed as they land; lz4 takes a fraction of the time of Postgres' own method.
    fn begin(&self, durability: Durability) -> &'static str {
        match (durability, self.has_lz4) {
            (Durability::InOrder, true) => {
                "begin; set local statement_timeout = '10min'; set local synchronous_commit = off;
                set local default_toast_compression = 'lz4'"
            }
            (Durability::InOrder, false) => {
                "begin; set local statement_timeout = '10min'; set local synchronous_commit = off"
            }
            (Durability::Confirmed, _) => {
                "begin; set local statement_timeout = '10min'; set local synchronous_commit = on"
            }
        }
    }

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

    fn version() -> &'static str {
        "select 'Postgres ' || current_setting('server_version')"
    }

    fn before_migration(&self) -> String {
        // `if not exists` would ask for the right to make schemas even where there is nothing to make. The configuration
        // lets only plain names in, so the name can stand in a text.
        format!(
            "do $$ begin if not exists (select from pg_namespace where nspname = '{name}') then create schema {schema};
            end if; end $$; set local search_path = {schema};",
            name = self.schema,
            schema = quoted(&self.schema)
        )
    }

    async fn lock(&self) -> Result<Option<Self::Lock>, Error> {
        let doing = Error::doing("take the run lock");
        // A lock of a transaction and not of a session: behind a pooler, the session outlives the run. An idle transaction
        // that has written nothing holds nothing else back.
        // The server frees a lock a moment after its holder has gone, so a run right behind another waits that long.
        let begin = "begin; set local idle_in_transaction_session_timeout = 0; set local lock_timeout = '2s'";
        let mut transaction = self.pool.begin_with(begin).await.map_err(&doing)?;
        let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(self.lock_key());
        match lock.execute(&mut *transaction).await {
            Ok(_) => Ok(Some(transaction)),
            Err(error) if Trouble::of(&error) == Trouble::Busy => Ok(None),
            Err(error) => Err(doing(error)),
        }
    }

    async fn write(
        &self,
        transaction: &mut Transaction<'static, Self::Database>,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> Result<u64, sqlx::Error> {
        let mut rows = fresh;
        rows.extend(self.take_away(transaction, resource, changed).await?);
        if rows.is_empty() {
            return Ok(0);
        }
        let names: Vec<_> = statement::columns(resource).map(quoted).collect();
        let sql = format!("copy {{{}}} ({}) from stdin with (format binary)", resource.name, names.join(", "));
        let mut copy = transaction.copy_in_raw(&self.spell(&sql)).await?;
        copy.send(encode::copy_stream(resource.columns, &rows, stamp)).await?;
        copy.finish().await
    }
}

impl Postgres {
    /// Deletes what these rows replace, and gives back the rows that are to be put in its place: those that are not older.
    ///
    /// A delete and a COPY land changed rows a third faster than an update through `on conflict`, and an update writes the
    /// same new version of the row and of its index entries.
    async fn take_away(
        &self,
        transaction: &mut Transaction<'static, sqlx::Postgres>,
        resource: &'static Resource,
        rows: Vec<Row>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        if rows.is_empty() {
            return Ok(rows);
        }
        let (id, cursor) = (quoted(resource.columns[0].name), quoted(resource.feed.cursor()));
        let sql = format!(
            "delete from {{{}}} as held using unnest(?::text[], ?::timestamptz[]) as fresh(id, cursor)
            where held.{id} = fresh.id
            and (held.{cursor} is null or fresh.cursor is null or fresh.cursor >= held.{cursor}) returning fresh.id",
            resource.name
        );
        let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
        let cursors: Vec<_> = rows.iter().map(|row| row.cursor).collect();
        let gone = sqlx::query_scalar(AssertSqlSafe(self.spell(&sql))).bind(ids).bind(cursors);
        let gone: HashSet<String> = gone.fetch_all(&mut **transaction).await?.into_iter().collect();
        Ok(rows.into_iter().filter(|row| gone.contains(&row.id)).collect())
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
