//! A warehouse as an analyst sees it: through SQL, with no help of the program's own code. Both engines give the same
//! texts for the same values, so that every test is written once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use deskhouse::resource::{Kind, Resource};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row};

use super::postgres;

/// Kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Every engine that a story is told on.
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// One database of one test.
pub(crate) struct Database {
    engine: Engine,
    url: String,
}

/// One row: column by column the canonical text of its value, null as `None`.
pub(crate) type Texts = BTreeMap<&'static str, Option<String>>;

impl Database {
    /// A new, empty database.
    pub(crate) async fn new(engine: Engine, folder: &Path) -> Self {
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.join("warehouse.db").display()),
            Engine::Postgres => postgres::new_database().await,
        };
        Self { engine, url }
    }

    /// A database that is somewhere else.
    pub(crate) fn at(engine: Engine, url: String) -> Self {
        Self { engine, url }
    }

    /// What it is.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Address for `warehouse.url`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Runs a query whose first columns are texts; `{t}` before a table's name is the schema.
    pub(crate) async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self.engine {
            Engine::Sqlite => tokio::task::block_in_place(|| in_sqlite(&self.url, sql))
                .unwrap_or_else(|error| panic!("{error} in {sql}")),
            Engine::Postgres => {
                let pool = PgPool::connect(&self.url).await.expect("the database opens");
                let rows = sqlx::query(AssertSqlSafe(sql.replace("{t}", "zoho_desk."))).fetch_all(&pool).await;
                let rows = rows.unwrap_or_else(|error| panic!("{error} in {sql}"));
                pool.close().await;
                rows.iter().map(|row| (0..row.len()).map(|index| row.get(index)).collect()).collect()
            }
        }
    }

    /// One column of a query, as texts; none of its values may be null.
    pub(crate) async fn column(&self, sql: &str) -> Vec<String> {
        let value = |mut row: Vec<Option<String>>| row.remove(0).expect("a value");
        self.query(sql).await.into_iter().map(value).collect()
    }

    /// Runs a statement for what it does.
    pub(crate) async fn execute(&self, sql: &str) {
        self.query(sql).await;
    }

    /// Runs statements as they are written. Names that stand alone are those of the warehouse, whose schema is made.
    pub(crate) async fn script(&self, sql: &str) {
        let done = match self.engine {
            Engine::Sqlite => {
                let script = || rusqlite::Connection::open(self.path())?.execute_batch(&sql.replace("{t}", ""));
                tokio::task::block_in_place(script).map_err(|error| error.to_string())
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.expect("the database opens");
                let sql = sql.replace("{t}", "zoho_desk.");
                let script = format!("create schema if not exists zoho_desk; set search_path = zoho_desk; {sql}");
                let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await;
                connection.close().await.expect("the connection closes");
                done.map(drop).map_err(|error| error.to_string())
            }
        };
        done.unwrap_or_else(|error| panic!("{error} in {sql}"));
    }

    /// The file of a database that is one.
    pub(crate) fn path(&self) -> &Path {
        file(&self.url)
    }

    /// The first instant in a column of a table, which may be followed by a condition.
    pub(crate) async fn instant(&self, column: &str, from: &str) -> Option<DateTime<Utc>> {
        let text = self.canonical(column, Kind::Timestamp);
        let rows = self.query(&format!("select {text} from {{t}}{from}")).await;
        let text = rows.first().and_then(|row| row[0].clone())?;
        Some(text.parse().unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    /// One value of a query, as a number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let rows = self.query(&format!("select cast(({sql}) as text)")).await;
        rows[0][0].as_deref().unwrap_or("0").parse().expect("a number")
    }

    /// All rows of a resource's table by their key, every column of the definition and `_raw`.
    pub(crate) async fn rows(&self, resource: &Resource) -> BTreeMap<String, Texts> {
        let mut names: Vec<_> = resource.columns.iter().map(|column| (column.name, column.kind)).collect();
        names.push(("_raw", Kind::Json));
        let select: Vec<_> = names.iter().map(|(name, kind)| self.canonical(name, *kind)).collect();
        let rows = self.query(&format!("select {} from {{t}}{}", select.join(", "), resource.name)).await;
        rows.into_iter()
            .map(|row| {
                let key = row[0].clone().expect("a key");
                (key, names.iter().map(|(name, _)| *name).zip(row).collect())
            })
            .collect()
    }

    /// An expression for the text of a column that both engines give alike.
    pub(crate) fn canonical(&self, name: &str, kind: Kind) -> String {
        match (self.engine, kind) {
            (Engine::Postgres, Kind::Timestamp) => {
                format!("to_char(\"{name}\" at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
            }
            (Engine::Postgres, Kind::Boolean) => format!("cast(cast(\"{name}\" as int) as text)"),
            _ => format!("cast(\"{name}\" as text)"),
        }
    }
}

fn file(url: &str) -> &Path {
    Path::new(url.strip_prefix("sqlite:").expect("an address of a file"))
}

fn in_sqlite(url: &str, sql: &str) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
    let connection = rusqlite::Connection::open(file(url))?;
    connection.busy_timeout(Duration::from_secs(30))?;
    let mut query = connection.prepare(&sql.replace("{t}", ""))?;
    let columns = query.column_count();
    query.query_map([], |row| (0..columns).map(|index| row.get(index)).collect())?.collect()
}
