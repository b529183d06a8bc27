//! Warehouses of other versions: each older one is brought up to date and goes on, a newer one is left alone, and of two
//! runs that come at once neither finds a part of a schema.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use desk_sandbox::Settings;
use deskhouse::warehouse::Error;

use crate::support::ledger::{asked, bookmarks, resource};
use crate::support::warehouse::{on_every_warehouse, open};
use crate::support::{Database, Engine, House, Portal, Ran, compare, old, on_every_engine};

/// How many migrations the first version that could read a portal had.
const FIRST_USABLE: usize = 5;

fn small() -> Settings {
    Settings { tickets: 60, ..Settings::default() }
}

/// Rows that only the warehouse knows, as any version would have written them.
const ONLY_HERE: &str = "
    insert into {t}tickets (id, subject, _hash, _synced_at, _deleted_at, _run_id)
        values ('1', 'left long ago', 7, '2026-06-15T11:00:00.000Z', '2026-06-15T11:00:00.000Z', 1);
    insert into {t}deskhouse_rejects (resource, record_id, reason, raw, run_id, seen_at)
        values ('tickets', '2', 'a reason', '{\"id\": \"2\", \"modifiedTime\": \"never\"}', 1, '2026-06-15T11:00:00.000Z');
    insert into {t}deskhouse_runs (id, command, state, started_at, holder, version, requests, credits)
        values (2, 'sync', 'running', '2026-06-15T11:30:00.000Z', 'process 7 on a host', '0.0.1', 1, 3);";

/// The tables of what records are about, of those that are compared.
async fn tables(database: &Database) -> BTreeSet<&'static str> {
    let schema = old::schema(database).await;
    compare::ALL.into_iter().filter(|name| schema.iter().any(|line| line.starts_with(&format!("{name} ")))).collect()
}

/// Everything that a warehouse says of itself, and its tickets.
async fn all_of(database: &Database) -> Vec<String> {
    let mut all = old::schema(database).await;
    for (table, column) in [
        ("deskhouse_migrations", "cast(version as text) || name || checksum"),
        ("deskhouse_runs", "cast(id as text) || state"),
        ("deskhouse_claims", "name || ' ' || cast(run_id as text)"),
        ("deskhouse_windows", "resource || cast(id as text)"),
        ("tickets", "id || cast(_hash as text) || cast(_run_id as text)"),
    ] {
        all.extend(database.column(&format!("select {column} from {{t}}{table} order by 1")).await);
    }
    all
}

async fn states(database: &Database) -> Vec<String> {
    database.column("select state from {t}deskhouse_runs order by id").await
}

/// Holds one of two runs that began at once to an end that can be understood; says whether it had its way.
#[track_caller]
fn had_its_way(ran: &Ran) -> bool {
    let locked = ran.code == 6 && ran.stderr.contains("another run holds the warehouse");
    assert!(ran.code == 0 || locked, "exit {}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
    ran.code == 0
}

on_every_engine! {
    /// Whatever version has left a warehouse, this one goes on where it stopped.
    async fn every_older_warehouse_goes_on(engine: Engine) {
        // GIVEN what a sync has written
        let portal = Portal::start(small()).await;
        let house = House::new(&portal, engine).await;
        let database = &house.database;
        house.sync().await;
        let whole = old::schema(database).await;
        let held = bookmarks(database).await;
        old::set_aside(database).await;
        portal.sandbox.advance(Duration::hours(1));
        let edited = portal.sandbox.edit("tickets", 4).len() as i64;
        portal.sandbox.create("tickets", 2);
        let before = 60 - edited;

        let migrations = old::migrations();
        // Migrations are the same text on both: a server, which takes longer to make a schema, sees a third of them.
        let every = if engine == Engine::Sqlite { 1 } else { 3 };
        for count in (FIRST_USABLE..=migrations.len()).rev().step_by(every) {
            let newest = &migrations[count - 1].name;
            println!("as of {newest}");
            // WHEN it is in a warehouse of an older version, and a run of that was cut off
            old::make(database, &migrations[..count]).await;
            old::fill(database, &whole).await;
            database.script(ONLY_HERE).await;
            let had = tables(database).await;
            portal.sandbox.clear_requests();
            house.sync().await;

            // THEN the schema is this version's, every row is there, and what the older one had read was not read again
            assert_eq!(old::schema(database).await, whole, "as of {newest}");
            let booked = "select name from {t}deskhouse_migrations where version > 0 order by version";
            let names: Vec<_> = migrations.iter().map(|migration| migration.name.as_str()).collect();
            assert_eq!(database.column(booked).await, names, "as of {newest}");
            for name in compare::ALL {
                let (missing, surplus) = compare::assert_fields(&portal, database, name).await;
                assert!(missing.is_empty(), "as of {newest}: {name} {missing:?}");
                let only_here = if name == "tickets" { &["1"][..] } else { &[] };
                assert_eq!(surplus, only_here, "as of {newest}: {name}");
            }
            let untouched = "select count(*) from {t}tickets where _run_id = 1";
            assert_eq!(database.number(untouched).await, before + 1, "as of {newest}");
            assert_eq!(database.column("select subject from {t}tickets where id = '1'").await, ["left long ago"]);
            assert_eq!(database.column("select record_id from {t}deskhouse_rejects").await, ["2"]);
            assert_eq!(states(database).await, ["complete", "interrupted", "complete"], "as of {newest}");
            for request in portal.take_api_requests() {
                let Some((from, _)) = asked(&request) else { continue };
                let [_, until, _] = held[resource(&request)];
                let overlap: DateTime<Utc> = until.expect("a time") - Duration::minutes(15) - Duration::milliseconds(1);
                let is_new = !had.contains(resource(&request));
                // Reading begins at the newest rows that are held.
                assert!(is_new || from >= overlap || request.records <= 20, "as of {newest}, read again: {request:?}");
            }
            old::remove(database).await;
        }
    }

    /// What a newer version has made is not touched, and nothing is asked for; neither is what was altered.
    async fn a_newer_warehouse_is_left_alone(engine: Engine) {
        let portal = Portal::start(small()).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        let newest = house.database.number("select max(version) from {t}deskhouse_migrations").await;
        portal.sandbox.advance(Duration::hours(1));
        portal.sandbox.clear_requests();
        // Numbers have gaps, which a newer version may have filled.
        for (newer, told) in [
            (newest + 1, format!("the warehouse has schema version {}, and this deskhouse knows {newest}", newest + 1)),
            (7, "migration 0007 of the warehouse is not the one of this deskhouse".to_owned()),
        ] {
            let book = format!(
                "insert into {{t}}deskhouse_migrations (version, name, checksum, applied_at)
                select {newer}, 'newer', 'x', applied_at from {{t}}deskhouse_migrations where version = 1"
            );
            house.database.execute(&book).await;
            let before = all_of(&house.database).await;
            for arguments in [
                &["sync"][..],
                &["verify"],
                &["backfill", "--from", "2026-01-01", "--to", "2026-02-01"],
            ] {
                let ran = house.run(arguments).await.exits(1);
                assert!(ran.stderr.contains(&told), "{}", ran.stderr);
                assert!(ran.stderr.contains("hint: run the deskhouse that wrote it, or a newer one"), "{}", ran.stderr);
            }
            assert_eq!(all_of(&house.database).await, before);
            // Refused, it holds nothing: the deskhouse that wrote it can come in at once.
            house.database.execute("delete from {t}deskhouse_migrations where name = 'newer'").await;
        }
        assert!(portal.api_requests().is_empty());
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
    }

    /// Of runs that begin at the same time, on nothing or on an old warehouse, one makes the schema; one that may run
    /// beside it finds it whole, one that may not is told so.
    async fn two_that_begin_at_once_find_a_whole_schema(engine: Engine) {
        const BACKFILL: &[&str] = &["backfill", "--json", "--from", "2026-01-01", "--to", "2026-06-14"];
        const SYNC: &[&str] = &["sync", "--json"];
        let portal = Portal::start(small()).await;
        let migrations = old::migrations();
        let reference = House::new(&portal, engine).await;
        reference.sync().await;
        let whole = old::schema(&reference.database).await;
        // One token for all: the portal gives few.
        let token = reference.variable("DESKHOUSE_STATE__DIR").expect("a folder").to_owned();
        for count in [0, FIRST_USABLE, migrations.len() - 1] {
            for (one, two) in [(SYNC, SYNC), (SYNC, BACKFILL), (BACKFILL, BACKFILL)] {
                let mut house = House::new(&portal, engine).await;
                house.set("DESKHOUSE_STATE__DIR", token.clone());
                if count > 0 {
                    old::make(&house.database, &migrations[..count]).await;
                }
                let (first, second) = (house.start(one), house.start(two));
                let (first, second) = tokio::join!(house.ended(first), house.ended(second));
                let ended = (had_its_way(&first), had_its_way(&second));
                assert!(ended.0 || ended.1, "neither ran: {first:?} {second:?}");
                assert!(one == two || (ended.0 && ended.1), "they may run at once: {first:?} {second:?}");
                assert_eq!(old::schema(&house.database).await, whole, "{count} migrations, {one:?} and {two:?}");
                house.sync().await;
                compare::assert_same(&portal, &house.database).await;
            }
        }
    }
}

on_every_warehouse! {
    async fn a_migration_that_was_altered_is_refused<D>(database) {
        open::<D>(database).await.expect("the warehouse opens").close().await;
        database.execute("update {t}deskhouse_migrations set checksum = 'another' where version = 2").await;
        let error = open::<D>(database).await.err().expect("an altered migration");
        assert!(matches!(&error, Error::Altered { name } if name == "0002_tickets"), "{error}");
    }
}
