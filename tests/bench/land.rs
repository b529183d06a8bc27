//! How fast rows land: new, unchanged and changed, against the fastest way into the same table that was found by hand.
//!
//!     cargo bench --bench land -- --tickets 20000 --runs 5 [--sqlite | --postgres] [--no-raw]

#[path = "../it/support/postgres.rs"]
#[allow(dead_code, reason = "written for the tests, which use all of it")]
mod postgres;
mod support;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use deskhouse::resource::{self, Resource};
use deskhouse::transform::Row;
use deskhouse::warehouse::Dialect;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use support::landing::{self, BATCH, COMMIT, Landing, typed};
use support::{Figures, argument, flag, tickets, timed};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (count, runs) = (argument("--tickets", 20_000), argument("--runs", 5));
    let raw = !flag("--no-raw");
    let resource = resource::find("tickets").expect("a resource");
    let records = tickets(count);
    let changed: Vec<_> = records.iter().map(|record| later(record)).collect();
    let bytes: usize = records.iter().map(String::len).sum();
    println!(
        "{count} tickets of {} bytes and {} columns, batches of {BATCH}, {COMMIT} a transaction, {runs} runs\n",
        bytes / count,
        names(resource).len()
    );
    let (rows, changed) = (typed(resource, &records, raw), typed(resource, &changed, raw));
    let mut figures = Figures::default();
    for _ in 0..runs {
        if !flag("--postgres") {
            sqlite(&mut figures, resource, &rows, &changed).await;
        }
        if !flag("--sqlite") {
            on_postgres(&mut figures, resource, &rows, &changed).await;
        }
    }
    for engine in ["sqlite", "postgres"] {
        let name = |what: &str| format!("{engine}: {what}");
        for hand in ["by hand", "by hand, pglz", "by hand, lz4"] {
            figures.ratio(&name(&format!("new / {hand}")), &name("new"), &name(hand));
        }
        figures.ratio(&name("new again / new"), &name("new again"), &name("new"));
        figures.ratio(&name("unchanged / new"), &name("unchanged"), &name("new"));
        figures.ratio(&name("changed / new"), &name("changed"), &name("new"));
    }
    figures.report("land");
}

/// The columns of a row that is alive.
fn names(resource: &Resource) -> Vec<&'static str> {
    resource.columns.iter().map(|column| column.name).chain(["_raw", "_hash", "_synced_at", "_run_id"]).collect()
}

/// The same ticket, changed a day later.
fn later(record: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(record).expect("a record");
    let time: DateTime<Utc> = value["modifiedTime"].as_str().and_then(|time| time.parse().ok()).expect("a time");
    value["modifiedTime"] = (time + TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into();
    value.to_string()
}

async fn sqlite(figures: &mut Figures, resource: &'static Resource, rows: &[Row], changed: &[Row]) {
    let folder = tempfile::tempdir().expect("a folder");
    // The same schema, made by the same migrations.
    let path = folder.path().join("hand.db");
    landing::sqlite(&path).await.close().await;
    let seconds = by_hand_sqlite(&path, resource, rows);
    figures.add("sqlite: by hand", "rows/s", rows.len() as f64 / seconds);
    let warehouse = landing::sqlite(&folder.path().join("landed.db")).await;
    land_all(figures, "sqlite", &Landing::begin(&warehouse, resource).await, rows, changed).await;
    warehouse.close().await;
}

async fn on_postgres(figures: &mut Figures, resource: &'static Resource, rows: &[Row], changed: &[Row]) {
    let address = postgres::new_database().await;
    let warehouse = landing::postgres(&address).await;
    let mut connection = PgConnection::connect(&address).await.expect("it connects");
    let like = "create table bare (like zoho_desk.tickets including defaults including storage including compression, primary key (id))";
    connection.execute(like).await.expect("a table");
    let stream = by_hand::copy_stream(rows);
    let sql = format!("copy bare ({}) from stdin with (format binary)", names(resource).join(", "));
    // With the compression of long texts that the server comes with, and with the one that we ask it for.
    for compression in ["pglz", "lz4"] {
        let compress = format!("set default_toast_compression = '{compression}'");
        connection.execute(AssertSqlSafe(compress)).await.expect("a method that the server has");
        connection.execute("truncate bare; checkpoint").await.expect("a checkpoint");
        let (_, taken) = timed(async {
            let mut copy = connection.copy_in_raw(&sql).await.expect("copy begins");
            for part in stream.chunks(1 << 20) {
                copy.send(part).await.expect("copy goes on");
            }
            copy.finish().await.expect("copy ends");
        })
        .await;
        let name = format!("postgres: by hand, {compression}");
        figures.add(name, "rows/s", rows.len() as f64 / taken.as_secs_f64());
    }
    connection.execute("drop table bare; checkpoint").await.expect("the table goes");
    let landing = Landing::begin(&warehouse, resource).await;
    land_all(figures, "postgres", &landing, rows, changed).await;
    // Once more from nothing: statements that the connections know were planned for a full table, then for an empty one.
    connection.execute("truncate zoho_desk.tickets; checkpoint").await.expect("a checkpoint");
    figures.add("postgres: new again", "rows/s", landing.land(rows).await);
    warehouse.close().await;
}

async fn land_all<D: Dialect>(
    figures: &mut Figures,
    engine: &str,
    landing: &Landing<'_, D>,
    rows: &[Row],
    changed: &[Row],
) {
    for (what, rows) in [("new", rows), ("unchanged", rows), ("changed", changed)] {
        figures.add(format!("{engine}: {what}"), "rows/s", landing.land(rows).await);
    }
}

/// The fastest loop that was found: one prepared insert, 5,000 rows a transaction, values bound where they lie.
fn by_hand_sqlite(path: &Path, resource: &Resource, rows: &[Row]) -> f64 {
    let connection = rusqlite::Connection::open(path).expect("it opens");
    connection
        .execute_batch(
            "pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -32768;
            pragma wal_autocheckpoint = 8192",
        )
        .expect("pragmas");
    let names = names(resource);
    let places = vec!["?"; names.len()].join(",");
    let insert = format!("insert into tickets ({}) values ({places})", names.join(", "));
    let now = Utc::now().to_rfc3339();
    let start = std::time::Instant::now();
    for rows in rows.chunks(COMMIT) {
        connection.execute_batch("begin immediate").expect("it begins");
        let mut insert = connection.prepare_cached(&insert).expect("a statement");
        for row in rows {
            for (place, cell) in row.cells.iter().enumerate() {
                by_hand::bind(&mut insert, place + 1, cell);
            }
            let own = row.cells.len();
            insert.raw_bind_parameter(own + 1, row.raw.as_deref()).expect("raw");
            insert.raw_bind_parameter(own + 2, row.hash).expect("hash");
            insert.raw_bind_parameter(own + 3, &now).expect("time");
            insert.raw_bind_parameter(own + 4, 1).expect("run");
            insert.raw_execute().expect("it is inserted");
        }
        connection.execute_batch("commit").expect("it commits");
    }
    start.elapsed().as_secs_f64()
}

mod by_hand {
    //! Encoders that share nothing with the program's.

    use chrono::{DateTime, Utc};
    use deskhouse::transform::{Cell, Row};

    pub(super) fn bind(statement: &mut rusqlite::CachedStatement<'_>, place: usize, cell: &Cell) {
        match cell {
            Cell::Null => statement.raw_bind_parameter(place, rusqlite::types::Null),
            Cell::Text(text) | Cell::Json(text) => statement.raw_bind_parameter(place, &**text),
            Cell::Integer(value) => statement.raw_bind_parameter(place, value),
            Cell::Real(value) => statement.raw_bind_parameter(place, value),
            Cell::Boolean(value) => statement.raw_bind_parameter(place, value),
            Cell::Date(date) => statement.raw_bind_parameter(place, date.to_string()),
            Cell::Timestamp(time) => {
                statement.raw_bind_parameter(place, time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
            }
        }
        .expect("a value");
    }

    pub(super) fn copy_stream(rows: &[Row]) -> Vec<u8> {
        let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        let field = |out: &mut Vec<u8>, prefix: &[u8], bytes: &[u8]| {
            out.extend_from_slice(&((prefix.len() + bytes.len()) as i32).to_be_bytes());
            out.extend_from_slice(prefix);
            out.extend_from_slice(bytes);
        };
        let micros = |time: DateTime<Utc>| (time.timestamp_micros() - 946_684_800_000_000).to_be_bytes();
        for row in rows {
            out.extend_from_slice(&(row.cells.len() as i16 + 4).to_be_bytes());
            for cell in &row.cells {
                match cell {
                    Cell::Null => out.extend_from_slice(&(-1i32).to_be_bytes()),
                    Cell::Text(text) => field(&mut out, &[], text.as_bytes()),
                    Cell::Json(text) => field(&mut out, &[1], text.as_bytes()),
                    Cell::Integer(value) => field(&mut out, &[], &value.to_be_bytes()),
                    Cell::Real(value) => field(&mut out, &[], &value.to_be_bytes()),
                    Cell::Boolean(value) => field(&mut out, &[], &[u8::from(*value)]),
                    Cell::Date(_) => unreachable!("tickets hold no dates"),
                    Cell::Timestamp(time) => field(&mut out, &[], &micros(*time)),
                }
            }
            match &row.raw {
                Some(raw) => field(&mut out, &[], raw.as_bytes()),
                None => out.extend_from_slice(&(-1i32).to_be_bytes()),
            }
            field(&mut out, &[], &row.hash.to_be_bytes());
            field(&mut out, &[], &micros(Utc::now()));
            field(&mut out, &[], &1i64.to_be_bytes());
        }
        out.extend_from_slice(&(-1i16).to_be_bytes());
        out
    }
}
