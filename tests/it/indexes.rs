//! The indexes of a table wait while it is filled for the first time: whatever ends that, they are there afterwards.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use desk_sandbox::Settings;
use deskhouse::resource;

use crate::support::{Database, Engine, House, Portal, compare, house, on_every_engine};

/// The indexes of a table that hold nothing together, each with its statement.
async fn secondary(database: &Database, table: &str) -> BTreeSet<(String, String)> {
    let sql = match database.engine() {
        Engine::Sqlite => format!(
            "select name, sql from sqlite_master where type = 'index' and tbl_name = '{table}' and sql is not null"
        ),
        Engine::Postgres => format!(
            "select indexname::text, indexdef from pg_indexes where tablename = '{table}' and indexname <> '{table}_pkey'"
        ),
    };
    let text = |column: Option<String>| column.expect("a text");
    database.query(&sql).await.into_iter().map(|row| row.into_iter().map(text)).map(pair).collect()
}

fn pair(mut row: impl Iterator<Item = String>) -> (String, String) {
    (row.next().expect("a name"), row.next().expect("a statement"))
}

/// Names of the indexes of a table that the migrations make, and do not drop again.
fn of_migrations(table: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("it is read").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let mut names = BTreeSet::new();
    for line in files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).expect("a migration");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        let words: Vec<_> = line.trim_end_matches(';').split_whitespace().collect();
        match words[..] {
            ["create", "index", name, "on", of, ..] if of == table => {
                names.insert(name.to_owned());
            }
            ["drop", "index", name] => {
                names.remove(name);
            }
            _ => {}
        }
    }
    assert!(names.len() > 2, "{names:?}");
    names
}

async fn assert_all_are_there(database: &Database) {
    for resource in resource::ALL.iter().filter(|resource| matches!(resource.feed, resource::Feed::Search { .. })) {
        let held = secondary(database, resource.name).await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(of_migrations(resource.name), held);
    }
    assert_eq!(database.number("select count(*) from {t}deskhouse_indexes").await, 0);
}

/// A portal whose first load takes a while.
async fn slow() -> Portal {
    Portal::start(Settings { tickets: 6_000, latency: Duration::from_millis(40), ..Settings::default() }).await
}

on_every_engine! {
    async fn a_load_that_was_killed_leaves_them_to_the_next_run(engine: Engine) {
        let portal = slow().await;
        let house = House::new(&portal, engine).await;
        let mut sync = house.start(&["sync"]);
        house::wait_for(portal.sandbox.wait_for_requests(20), &mut sync).await;
        assert_eq!(secondary(&house.database, "tickets").await, BTreeSet::new(), "rows come before their indexes");
        let status = house.run(&["status"]).await.exits(0);
        assert!(status.stdout.contains("queries are slow until the indexes of"), "{}", status.stdout);
        sync.kill().await.expect("it is killed");
        let status = house.run(&["status", "--json"]).await.exits(0).json();
        let held = status["resources"].as_array().expect("resources").iter();
        let tickets = held.clone().find(|one| one["resource"] == "tickets").expect("tickets");
        assert_eq!(tickets["indexes_to_come"], of_migrations("tickets").len(), "{tickets}");
        portal.sandbox.clear_requests();
        // Made at once, not at the end of what is left.
        let mut sync = house.start(&["sync"]);
        house::wait_for(portal.sandbox.wait_for_requests(10), &mut sync).await;
        assert_all_are_there(&house.database).await;
        house.ended(sync).await.exits(0);
        assert_all_are_there(&house.database).await;
        let status = house.run(&["status"]).await.exits(0);
        assert!(!status.stdout.contains("indexes"), "{}", status.stdout);
        compare::assert_same(&portal, &house.database).await;
    }

    async fn a_load_that_pauses_makes_them(engine: Engine) {
        let portal = slow().await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "100");
        house.run(&["sync"]).await.exits(5);
        let landed = house.database.number("select count(*) from {t}tickets").await;
        assert!((1..6_000).contains(&landed), "{landed}");
        assert_all_are_there(&house.database).await;
    }

    /// What somebody has made of a table that is still empty is theirs.
    async fn an_index_of_somebody_else_comes_back_as_it_was(engine: Engine) {
        let portal = Portal::with_tickets(400).await;
        let house = House::new(&portal, engine).await;
        house.run(&["sync", "agents"]).await.exits(0);
        house.database.script("create index mine on tickets (subject, status)").await;
        house.database.script("create unique index only_one on tickets (ticket_number)").await;
        let before = secondary(&house.database, "tickets").await;
        assert_eq!(before.len(), of_migrations("tickets").len() + 2);
        let synced = house.run(&["sync", "--json"]).await.exits(0).json();
        assert_eq!(house::of(&synced, "tickets")["rows_inserted"], 400, "{synced}");
        assert_eq!(secondary(&house.database, "tickets").await, before);
        compare::assert_same(&portal, &house.database).await;
    }
}
