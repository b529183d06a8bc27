//! The same warehouse whatever it stands on and however it was filled: both engines after the same syncs, and any order
//! of pages. What a single landing does is told in `warehouse`.

use std::collections::BTreeMap;

use chrono::{Duration, TimeDelta};
use desk_sandbox::Settings;
use deskhouse::resource::{self, Kind};
use deskhouse::warehouse::{Batch, Postgres, Sqlite};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::landing::{Run, iso, tickets};
use crate::support::warehouse::Home;
use crate::support::{Database, Engine, House, Portal, noon};

/// A query in the words of each engine, and what both should give.
async fn both(sqlite: (&Database, &str), postgres: (&Database, &str)) -> Vec<Vec<Option<String>>> {
    let found = sqlite.0.query(sqlite.1).await;
    let other = postgres.0.query(postgres.1).await;
    assert!(!found.is_empty(), "nothing in {}", sqlite.1);
    for (found, other) in found.iter().zip(&other) {
        assert_eq!(found, other, "left SQLite, right Postgres: {}", sqlite.1);
    }
    assert_eq!(found.len(), other.len(), "left SQLite, right Postgres: {}", sqlite.1);
    found
}

/// Two warehouses that have seen the same world: ordinary records, some that fit no row, some with odd texts.
async fn filled() -> (House, House) {
    let portal = Portal::start(Settings { from_cap: 999, ..Settings { tickets: 3_000, ..Settings::default() } }).await;
    // One request at a time: how windows are split depends on how fast pages land.
    let (mut sqlite, mut postgres) =
        (House::new(&portal, Engine::Sqlite).await, House::new(&portal, Engine::Postgres).await);
    for house in [&mut sqlite, &mut postgres] {
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
        house.unset("DESKHOUSE_SYNC__RESOURCES");
    }
    let modified = noon() - Duration::hours(1);
    let mut misfit = portal.sandbox.records("tickets").swap_remove(7);
    misfit["threadCount"] = json!("many");
    portal.sandbox.put("tickets", misfit);
    let time = modified.format("%Y-%m-%dT%H:%M:%S.000Z");
    let odd = format!(
        r#"{{"id":"77","subject":"a\u0000b\ud800 ＡÅ שלום 😀","modifiedTime":"{time}","cf":{{"x":[1.5,"\u0000"]}},"new":1}}"#
    );
    portal.sandbox.put_raw("tickets", "77", modified, odd);
    for house in [&sqlite, &postgres] {
        house.sync().await;
    }
    portal.sandbox.advance(Duration::hours(1));
    portal.sandbox.edit("tickets", 50);
    portal.sandbox.create("contacts", 5);
    for house in [&sqlite, &postgres] {
        house.sync().await;
    }
    (sqlite, postgres)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_hold_the_same_warehouse_after_the_same_syncs() {
    let (sqlite, postgres) = filled().await;
    let (sqlite, postgres) = (&sqlite.database, &postgres.database);
    assert_same_schema(sqlite, postgres).await;
    assert_same_content(sqlite, postgres).await;
    assert_same_ledger(sqlite, postgres).await;
}

/// The same tables and views, columns in the same order with the same types, keys and indexes.
async fn assert_same_schema(sqlite: &Database, postgres: &Database) {
    let tables = both(
        (
            sqlite,
            "select name, type from sqlite_master
            where type in ('table', 'view') and name not like 'sqlite_%' order by name",
        ),
        (
            postgres,
            "select table_name::text, case table_type when 'VIEW' then 'view' else 'table' end
            from information_schema.tables where table_schema = 'zoho_desk' order by table_name collate \"C\"",
        ),
    )
    .await;
    assert!(tables.len() > resource::ALL.len());

    // SQLite has no words of its own for instants and for JSON: they are text.
    both(
        (
            sqlite,
            "select m.name, c.name, lower(c.type),
            case when c.pk > 0 or c.\"notnull\" then 'not null' else '' end, cast(c.pk as text)
            from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' order by m.name, c.cid",
        ),
        (
            postgres,
            "select c.table_name::text, c.column_name::text,
            case when c.data_type in ('bigint', 'boolean') then 'integer'
            when c.data_type = 'double precision' then 'real'
            when c.data_type in ('timestamp with time zone', 'date', 'json', 'jsonb') then 'text' else c.data_type end,
            case c.is_nullable when 'NO' then 'not null' else '' end,
            coalesce((select k.ordinal_position::text from information_schema.key_column_usage k where k.table_schema
                = c.table_schema and k.table_name = c.table_name and k.column_name = c.column_name), '0')
            from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
            where c.table_schema = 'zoho_desk' and t.table_type = 'BASE TABLE'
            order by c.table_name collate \"C\", c.ordinal_position",
        ),
    )
    .await;

    both(
        (
            sqlite,
            "select m.name, i.name, group_concat(c.name) from sqlite_master m join pragma_index_list(m.name) i
            join pragma_index_info(i.name) c where m.type = 'table' and i.origin = 'c' group by 1, 2 order by 2",
        ),
        (
            postgres,
            "select t.relname::text, i.relname::text, string_agg(a.attname, ',' order by a.attnum) from pg_index x
            join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
            join pg_attribute a on a.attrelid = i.oid
            where t.relnamespace = 'zoho_desk'::regnamespace and not x.indisprimary group by 1, 2 order by 2",
        ),
    )
    .await;
}

/// The same rows, value by value.
async fn assert_same_content(sqlite: &Database, postgres: &Database) {
    let json = |text: &Option<String>| text.as_deref().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    for definition in resource::ALL {
        let name = definition.name;
        let (ours, theirs) = (sqlite.rows(definition).await, postgres.rows(definition).await);
        assert!(!ours.is_empty(), "{name}");
        assert!(ours.keys().eq(theirs.keys()), "{name}: other keys");
        for (id, row) in &ours {
            for (column, value) in row {
                let other = &theirs[id][column];
                let is_json = definition.columns.iter().any(|held| held.name == *column && held.kind == Kind::Json);
                // `jsonb` keeps the value and not its spelling; `_raw` keeps both.
                let same = if is_json { json(value) == json(other) } else { value == other };
                assert!(same, "{name} {id} {column}: {value:?} in SQLite, {other:?} in Postgres");
            }
        }
        let own = "cast(_hash as text), cast(_run_id as text), cast(_deleted_at as text)";
        let key = definition.columns[0].name;
        let own = format!("select {key}, {own} from {{t}}{name} order by {key}");
        both((sqlite, &own), (postgres, &own)).await;
    }
}

/// The same ledger, to the day: the portal's clock stands still, and the program's goes on from its first answer.
async fn assert_same_ledger(sqlite: &Database, postgres: &Database) {
    let instant =
        |database: &Database, column: &str| format!("substr({}, 1, 10)", database.canonical(column, Kind::Timestamp));
    let ledger = |database: &Database| {
        let (done, from) = (database.canonical("done", Kind::Boolean), instant(database, "from_time"));
        let (to, until) = (instant(database, "to_time"), instant(database, "complete_until"));
        [
            "select cast(id as text), command, state, cast(requests as text), cast(credits as text)
                from {t}deskhouse_runs order by id"
                .to_owned(),
            "select resource, cast(run_id as text), state, cast(records_read as text), cast(rows_inserted as text),
                cast(rows_updated as text), cast(rows_unchanged as text), cast(records_rejected as text),
                cast(rows_mended as text), cast(requests as text)
                from {t}deskhouse_run_resources order by resource, run_id"
                .to_owned(),
            format!(
                "select resource, cast(id as text), {from}, {to}, position, {done}, cast(done_by_run as text),
                cast(records_read as text) from {{t}}deskhouse_windows order by resource, id"
            ),
            format!("select resource, {until}, cast(run_id as text) from {{t}}deskhouse_bookmarks order by resource"),
            format!(
                "select resource, {until}, cast(rows as text), cast(open_windows as text)
                from {{t}}deskhouse_freshness order by resource"
            ),
            "select resource, record_id, reason, cast(raw as text), cast(run_id as text) from {t}deskhouse_rejects"
                .into(),
            "select cast(version as text) as number, name, checksum from {t}deskhouse_migrations order by version"
                .into(),
        ]
    };
    for (ours, theirs) in ledger(sqlite).iter().zip(ledger(postgres)) {
        both((sqlite, ours), (postgres, &theirs)).await;
    }
}

/// One sight of a ticket: which one, and how often it had changed by then.
type Sight = (u8, u8);

fn record(&(ticket, version): &Sight) -> Value {
    let time = noon() - TimeDelta::seconds(60 - i64::from(version));
    json!({"id": ticket.to_string(), "subject": format!("version {version}"), "threadCount": version,
        "modifiedTime": iso(time)})
}

/// Lands pages one after the other; where `joined` says so, it and the next in one batch. Gives the subjects by ticket.
async fn landed<D: Home>(pages: &[Vec<Sight>], joined: &[bool]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Database::new(D::ENGINE, folder.path()).await;
    let run = Run::<D>::begin(&database).await;
    let mut batches: Vec<Batch> = Vec::new();
    let mut is_open = false;
    for (page, joined) in pages.iter().zip(joined.iter().chain(std::iter::repeat(&false))) {
        let page = run.page(&page.iter().map(record).collect::<Vec<_>>());
        match batches.last_mut() {
            Some(batch) if is_open => batch.append(page),
            _ => batches.push(page),
        }
        is_open = *joined;
    }
    for batch in batches {
        assert_eq!(run.land(batch).await.counts.rejected, 0, "every sight is a row");
    }
    run.close().await;
    let rows = database.rows(tickets()).await;
    rows.into_iter().map(|(id, row)| (id, row["subject"].clone().expect("a subject"))).collect()
}

fn any_order_of_pages_lands_the_same_table<D: Home>(cases: u32) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let pages = vec(vec((0u8..6, 0u8..5), 1..8), 1..8);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(pages in pages, joined in vec(any::<bool>(), 0..8))| {
        let mut newest: BTreeMap<String, u8> = BTreeMap::new();
        for (ticket, version) in pages.iter().flatten() {
            let held = newest.entry(ticket.to_string()).or_default();
            *held = (*held).max(*version);
        }
        let newest = newest.into_iter().map(|(id, version)| (id, format!("version {version}")));
        prop_assert_eq!(runtime.block_on(landed::<D>(&pages, &joined)), newest.collect());
    });
}

#[test]
fn any_order_of_pages_lands_the_same_table_in_sqlite() {
    any_order_of_pages_lands_the_same_table::<Sqlite>(24);
}

#[test]
fn any_order_of_pages_lands_the_same_table_in_postgres() {
    any_order_of_pages_lands_the_same_table::<Postgres>(12);
}
