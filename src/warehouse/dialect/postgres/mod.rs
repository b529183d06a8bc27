//! Postgres, in one schema of a database. Rows land by COPY; what they replace is deleted in the same transaction.

mod copy;

use std::collections::HashMap;
use std::time::Duration;

use bytestring::ByteString;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::{Arguments, AssertSqlSafe, Connection, Encode, Executor, PgConnection, Pool, Row as _, Type};

use super::{Dialect, Durability, Held, Stamp};
use crate::config::WarehouseUrl;
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};
use crate::warehouse::error::{Error, Trouble};
use crate::warehouse::statement::{self, quoted};
use crate::warehouse::value::{Cells, Value, storable};

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
        let options: PgConnectOptions = secret.expose().parse().map_err(|_| unusable(Trouble::NoAddress))?;
        let options = options.application_name("deskhouse");
        // Once without the pool, which would go on trying a server that refuses until its time is over.
        let cannot = |error: sqlx::Error| unusable(trouble(error));
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
}

type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

impl Dialect for Postgres {
    type Transaction = Transaction;
    /// The open transaction holds the lock; the server gives it back when the connection ends.
    type Lock = Transaction;

    fn address(&self) -> &str {
        &self.address
    }

    fn type_word(_word: &str) -> Option<&'static str> {
        None
    }

    fn version() -> &'static str {
        "select 'Postgres ' || current_setting('server_version')"
    }

    fn secondary_indexes() -> &'static str {
        "select named.relname::text, pg_get_indexdef(named.oid) from pg_index
        join pg_class as named on named.oid = indexrelid join pg_class as held on held.oid = indrelid
        where held.relname = ? and not indisunique
            and held.relnamespace = (select relnamespace from pg_class where oid = '{deskhouse_indexes}'::regclass)"
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

    async fn lock(&self, claims: &[String]) -> Result<Option<Self::Lock>, Error> {
        let doing = Error::doing("take the run lock");
        // A lock of a transaction and not of a session: behind a pooler, the session outlives the run. An idle transaction
        // that has written nothing holds nothing else back.
        // The server frees a lock a moment after its holder has gone, so a run right behind another waits that long.
        let begin = "begin; set local idle_in_transaction_session_timeout = 0; set local lock_timeout = '2s'";
        let mut transaction = self.pool.begin_with(begin).await.map_err(|error| doing(trouble(error)))?;
        for claim in claims {
            let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(self.lock_key(claim));
            match lock.execute(&mut *transaction).await.map_err(trouble) {
                Ok(_) => {}
                Err(Trouble::Busy) => return Ok(None),
                Err(trouble) => return Err(doing(trouble)),
            }
        }
        Ok(Some(transaction))
    }

    async fn alone(&self, transaction: &mut Transaction, what: &'static str) -> Result<(), Trouble> {
        let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(self.lock_key(&format!("write {what}")));
        lock.execute(&mut **transaction).await.map_err(trouble)?;
        Ok(())
    }

    async fn begin_to_read(&self) -> Result<Transaction, Trouble> {
        self.pool.begin().await.map_err(trouble)
    }

    // `local` settings, since a pooler in transaction mode gives the session to somebody else afterwards. Long texts are
    // compressed as they land; lz4 takes a fraction of the time of Postgres' own method. Statements are planned each time:
    // the plan that a session keeps for rows by their keys, made while the table was small, reads all of the table for
    // each batch when it has grown, and lands a quarter as fast.
    async fn begin(&self, durability: Durability) -> Result<Transaction, Trouble> {
        let wait = match durability {
            Durability::InOrder => "off",
            Durability::Confirmed => "on",
        };
        let compression = if self.has_lz4 { "set local default_toast_compression = 'lz4'" } else { "" };
        let statement = format!(
            "begin; set local statement_timeout = '10min'; set local plan_cache_mode = force_custom_plan;
            set local synchronous_commit = {wait}; {compression}"
        );
        self.pool.begin_with(AssertSqlSafe(statement)).await.map_err(trouble)
    }

    async fn commit(transaction: Transaction) -> Result<(), Trouble> {
        transaction.commit().await.map_err(trouble)
    }

    async fn execute(&self, transaction: &mut Transaction, sql: &str, values: Vec<Value>) -> Result<u64, Trouble> {
        let query = sqlx::query_with(AssertSqlSafe(self.spell(sql)), arguments(values)?);
        let done = query.execute(&mut **transaction).await.map_err(trouble)?;
        Ok(done.rows_affected())
    }

    async fn fetch(
        &self,
        transaction: &mut Transaction,
        sql: &str,
        values: Vec<Value>,
        kinds: &[Kind],
    ) -> Result<Vec<Vec<Cell>>, Trouble> {
        let query = sqlx::query_with(AssertSqlSafe(self.spell(sql)), arguments(values)?);
        let rows = query.fetch_all(&mut **transaction).await.map_err(trouble)?;
        let cells = |row| kinds.iter().enumerate().map(move |(index, kind)| cell(row, index, *kind)).collect();
        rows.iter().map(cells).collect::<Result<_, _>>().map_err(trouble)
    }

    async fn script(&self, transaction: &mut Transaction, sql: String) -> Result<(), Trouble> {
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(trouble)?;
        Ok(())
    }

    async fn held(
        &self,
        transaction: &mut Transaction,
        resource: &'static Resource,
        keys: Vec<ByteString>,
    ) -> Result<Vec<Option<Held>>, Trouble> {
        let (id, (columns, kinds)) = (quoted(resource.columns[0].name), Held::columns(resource, "null::timestamptz"));
        let sql = format!("select {columns}, {id} from {{{}}} where {id} in [?]", resource.name);
        let ids: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let rows = sqlx::query(AssertSqlSafe(self.spell(&sql))).bind(ids);
        let rows = rows.fetch_all(&mut **transaction).await.map_err(trouble)?;
        let mut held: HashMap<&str, Held> = HashMap::with_capacity(rows.len());
        for row in &rows {
            let key = row.try_get(kinds.len()).map_err(trouble)?;
            let cells = kinds.iter().enumerate().map(|(index, kind)| cell(row, index, *kind));
            let cells = cells.collect::<Result<_, _>>().map_err(trouble)?;
            for cells in Cells::of(&sql, &[], vec![cells]) {
                held.insert(key, Held::read(cells)?);
            }
        }
        Ok(keys.iter().map(|key| held.remove(&**key)).collect())
    }

    // A refusal ends all of a transaction that is not behind a savepoint, the progress and the batches before among it; one
    // costs a way to the server and back for a thousand rows.
    async fn write(
        &self,
        transaction: &mut Transaction,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> Result<Vec<(Row, String)>, Trouble> {
        let fresh_rows = fresh.len();
        let mut rows = fresh;
        rows.extend(changed);
        let mut culprits: Vec<(usize, String)> = Vec::new();
        let whole = 0..rows.len();
        let mut open = vec![whole];
        while let Some(part) = open.pop() {
            let middle = fresh_rows.clamp(part.start, part.end);
            let (fresh, changed) = (&rows[part.start..middle], &rows[middle..part.end]);
            self.script(transaction, "savepoint part".into()).await?;
            match self.write_part(transaction, resource, fresh, changed, stamp).await {
                Ok(()) => self.script(transaction, "release savepoint part".into()).await?,
                Err(Trouble::Refused(code)) => {
                    let undo = "rollback to savepoint part; release savepoint part";
                    self.script(transaction, undo.into()).await?;
                    match part.len() {
                        1 => culprits.push((part.start, code)),
                        length => {
                            let half = part.start + length / 2;
                            open.extend([half..part.end, part.start..half]);
                        }
                    }
                }
                Err(other) => return Err(other),
            }
        }
        let mut codes: HashMap<usize, String> = culprits.into_iter().collect();
        let refused = rows.into_iter().enumerate().filter_map(|(place, row)| Some((row, codes.remove(&place)?)));
        Ok(refused.collect())
    }

    async fn close(self) {
        self.pool.close().await;
    }
}

impl Postgres {
    // A delete and a COPY land changed rows a third faster than an update through `on conflict`, and an update writes the
    // same new version of the row and of its index entries.
    async fn write_part(
        &self,
        transaction: &mut Transaction,
        resource: &'static Resource,
        fresh: &[Row],
        changed: &[Row],
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        if !changed.is_empty() {
            let ids: Vec<&str> = changed.iter().map(|row| &*row.id).collect();
            let id = quoted(resource.columns[0].name);
            let sql = self.spell(&format!("delete from {{{}}} where {id} in [?]", resource.name));
            let delete = sqlx::query(AssertSqlSafe(sql)).bind(ids);
            delete.execute(&mut **transaction).await.map_err(trouble)?;
        }
        let names: Vec<_> = statement::columns(resource).map(quoted).collect();
        let sql = format!("copy {{{}}} ({}) from stdin with (format binary)", resource.name, names.join(", "));
        let mut copy = transaction.copy_in_raw(&self.spell(&sql)).await.map_err(trouble)?;
        let mut stream = copy::Stream::new(resource.columns, stamp);
        // In parts, so that the server reads one while the next is made.
        for row in fresh.iter().chain(changed) {
            if let Some(part) = stream.add(row) {
                copy.send(part).await.map_err(trouble)?;
            }
        }
        copy.send(stream.end()).await.map_err(trouble)?;
        copy.finish().await.map_err(trouble)?;
        Ok(())
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

    /// Number of an advisory lock of this schema.
    fn lock_key(&self, name: &str) -> i64 {
        xxhash_rust::xxh3::xxh3_64(format!("deskhouse {} {name}", self.schema).as_bytes()).cast_signed()
    }
}

fn arguments(values: Vec<Value>) -> Result<PgArguments, Trouble> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Text(text) => arguments.add(text),
            Value::Integer(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Boolean(value) => arguments.add(value),
            Value::Timestamp(time) => arguments.add(time),
            Value::Json(text) => arguments.add(text.map(JsonText)),
            Value::Texts(texts) => arguments.add(texts.into_iter().map(storable).collect::<Vec<_>>()),
        }
        .map_err(|error| trouble(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn cell(row: &PgRow, index: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
    Ok(match kind {
        // Nothing reads a `json` column back; a statement that did would have to cast it to text.
        Kind::Text | Kind::Json => row.try_get::<Option<String>, _>(index)?.map(|text| Cell::Text(text.into())),
        Kind::Integer => row.try_get::<Option<i64>, _>(index)?.map(Cell::Integer),
        Kind::Real => row.try_get::<Option<f64>, _>(index)?.map(Cell::Real),
        Kind::Boolean => row.try_get::<Option<bool>, _>(index)?.map(Cell::Boolean),
        Kind::Date => row.try_get::<Option<NaiveDate>, _>(index)?.map(Cell::Date),
        Kind::Timestamp => row.try_get::<Option<DateTime<Utc>>, _>(index)?.map(Cell::Timestamp),
    }
    .unwrap_or(Cell::Null))
}

fn trouble(error: sqlx::Error) -> Trouble {
    match error {
        sqlx::Error::Database(error) => match error.code().as_deref().unwrap_or("none") {
            "53100" => Trouble::Full,
            "25006" | "42501" => Trouble::ReadOnly,
            "28000" | "28P01" => Trouble::Denied,
            "55P03" | "40P01" => Trouble::Busy,
            "42P01" | "3F000" => Trouble::NoTable,
            "3D000" => Trouble::NoDatabase,
            // Data, constraints, limits: what a row holds is not for its table.
            code if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => Trouble::Refused(code.to_owned()),
            code if code.starts_with("57P") || code.starts_with("08") => Trouble::Lost(format!("code {code}")),
            code => Trouble::Other(code.to_owned()),
        },
        sqlx::Error::Io(error) => Trouble::of_io(&error),
        sqlx::Error::PoolTimedOut => Trouble::Lost("no answer in time".into()),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Trouble::Lost("closed".into()),
        sqlx::Error::Tls(_) => Trouble::Lost("TLS failed".into()),
        sqlx::Error::Protocol(_) => Trouble::Lost("not understood".into()),
        _ => Trouble::Other("internal".into()),
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
