//! What only a server can do to a run: cut the line around a commit, restart, run out of space, refuse rights.

use desk_sandbox::Settings;
use sqlx::{Connection, Executor, PgConnection};

use crate::support::postgres::Cluster;
use crate::support::proxy::{Cut, Proxy};
use crate::support::{Database, Engine, House, Portal, compare};

async fn execute(address: &str, sql: &'static str) {
    let mut connection = PgConnection::connect(address).await.expect("the server answers");
    connection.execute(sqlx::raw_sql(sql)).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
    connection.close().await.expect("an orderly end");
}

/// The line breaks around each of several commits: of the plan, of the first batch, of later ones.
async fn a_broken_line_costs_nothing(cut: Cut) {
    let portal = Portal::with_tickets(1_500).await;
    for commit in [1, 5, 12] {
        let mut house = House::new(&portal, Engine::Postgres).await;
        let address = house.database.url().to_owned();
        let proxy = Proxy::start(&address, cut, commit).await;
        house.set("DATABASE_URL", proxy.through(&address));
        let ran = house.run(&["sync"]).await;
        assert!(proxy.has_cut(), "the run made fewer than {commit} commits");
        let ran = ran.exits(1);
        assert!(ran.stderr.contains("no connection to the server"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: check that the server runs"), "{}", ran.stderr);
        // The same proxy lets everything through from now on.
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_before_a_commit_costs_nothing() {
    a_broken_line_costs_nothing(Cut::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_during_a_commit_costs_nothing() {
    a_broken_line_costs_nothing(Cut::During).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_after_a_commit_costs_nothing() {
    a_broken_line_costs_nothing(Cut::After).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_in_the_middle_costs_nothing() {
    let cluster = Cluster::start();
    let settings = Settings { tickets: 6_000, latency: std::time::Duration::from_millis(10), ..Settings::default() };
    let portal = Portal::start(settings).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.database = Database::at(Engine::Postgres, cluster.new_database().await);
    house.set("DATABASE_URL", house.database.url().to_owned());
    let run = house.start(&["sync"]);
    portal.sandbox.wait_for_requests(30).await;
    tokio::task::block_in_place(|| cluster.restart());
    let output = run.wait_with_output().await.expect("the run ends");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_space_is_named_and_the_next_run_goes_on() {
    // More than one transaction takes, however many pages wait.
    let portal = Portal::with_tickets(9_000).await;
    let house = House::new(&portal, Engine::Postgres).await;
    house.run(&["sync", "articles"]).await.exits(0);
    execute(
        house.database.url(),
        "create sequence zoho_desk.rows_in;
        create function zoho_desk.fill() returns trigger language plpgsql as $$ begin
            if nextval('zoho_desk.rows_in') > 7000 then raise exception 'full' using errcode = '53100'; end if;
            return new;
        end $$;
        create trigger fill before insert on zoho_desk.tickets for each row execute function zoho_desk.fill();",
    )
    .await;
    let ran = house.run(&["sync"]).await.exits(1);
    assert!(ran.stderr.contains("the disk is full"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: free some space"), "{}", ran.stderr);
    assert!(house.database.number("select count(*) from {t}tickets").await > 0, "what was committed is kept");
    execute(house.database.url(), "drop trigger fill on zoho_desk.tickets").await;
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_needs_rights_on_its_schema_only_and_an_analyst_reads() {
    let portal = Portal::with_tickets(300).await;
    let mut house = House::new(&portal, Engine::Postgres).await;
    let address = house.database.url().to_owned();
    execute(
        &address,
        "do $$ begin
            if not exists (select from pg_roles where rolname = 'loader') then create role loader login; end if;
            if not exists (select from pg_roles where rolname = 'analyst') then create role analyst login; end if;
        end $$;
        create schema zoho_desk authorization loader;
        grant usage on schema zoho_desk to analyst;
        alter default privileges for role loader in schema zoho_desk grant select on tables to analyst;",
    )
    .await;
    house.set("DATABASE_URL", address.replace("deskhouse@", "loader@"));
    house.sync().await;
    let analyst = address.replace("deskhouse@", "analyst@");
    execute(&analyst, "select resource, rows from zoho_desk.deskhouse_freshness").await;
    let mut connection = PgConnection::connect(&analyst).await.expect("the server answers");
    assert!(connection.execute("delete from zoho_desk.tickets").await.is_err(), "an analyst only reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_schema_holds_another_portal_and_is_quoted() {
    let portal = Portal::with_tickets(100).await;
    let mut house = House::new(&portal, Engine::Postgres).await;
    house.sync().await;
    // A word of the language, so that it stands only where it is quoted.
    house.set("DESKHOUSE_WAREHOUSE__SCHEMA", "select");
    house.sync().await;
    let here = house.database.number("select count(*) from zoho_desk.tickets").await;
    let there = house.database.number("select count(*) from \"select\".tickets").await;
    assert_eq!((here, there), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_named_at_once() {
    let portal = Portal::with_tickets(10).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("its address");
    house.set("DATABASE_URL", format!("postgres://deskhouse@{closed}/desk"));
    let ran = house.run(&["sync"]).await.exits(1);
    // A pool that went on trying would tell of a time-out instead.
    assert!(ran.stderr.contains("refused"), "{}", ran.stderr);
    assert!(portal.sandbox.requests().is_empty(), "no request was sent");
}
