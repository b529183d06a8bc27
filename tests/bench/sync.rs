//! A first sync from end to end: the program, the look-alike portal in another process that answers without delay, and a
//! database. Records a second, peak memory, processor time. With `--alone` also a sync of nothing but tickets, beside the
//! same tickets landed with nothing before them: how much of the time is the way there.
//!
//!     cargo bench --bench sync -- --tickets 200000 --runs 5 [--sqlite | --postgres] [--alone]

#[path = "../it/support/postgres.rs"]
#[allow(dead_code, reason = "written for the tests, which use all of it")]
mod postgres;
mod support;

use deskhouse::resource::{self, Resource};
use deskhouse::transform::Row;
use deskhouse::warehouse::{Dialect, SqlWarehouse};
use postgres::Cluster;
use support::landing::{self, Landing};
use support::portal::Portal;
use support::program::{self, Ran};
use support::{Figures, argument, flag, tickets};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (count, runs) = (argument("--tickets", 200_000), argument("--runs", 5));
    let alone = if flag("--alone") { landing::typed(the_tickets(), &tickets(count), true) } else { Vec::new() };
    let portal = Portal::start(count, &["--concurrency", "50"]);
    let mut figures = Figures::default();
    println!("{count} tickets, {runs} runs\n");
    for _ in 0..runs {
        if !flag("--postgres") {
            on_sqlite(&portal, &alone, &mut figures).await;
        }
        if !flag("--sqlite") {
            on_postgres(&portal, &alone, &mut figures).await;
        }
    }
    for engine in ["sqlite", "postgres"] {
        let name = |what: &str| format!("{engine}: {what}");
        figures.ratio(&name("tickets synced / landed alone"), &name("tickets"), &name("tickets landed alone"));
    }
    figures.report("sync");
    portal.end();
}

// Each measurement has a folder or a server of its own, which goes with it: what one has left to the disk slows the next.

async fn on_sqlite(portal: &Portal, alone: &[Row], figures: &mut Figures) {
    let synced = |resources: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        sync(portal, &format!("sqlite:{}", folder.path().join("warehouse.db").display()), resources)
    };
    measure(figures, "sqlite", &synced(&[]));
    if !alone.is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let warehouse = landing::sqlite(&folder.path().join("warehouse.db")).await;
        land(figures, "sqlite", &warehouse, alone).await;
        warehouse.close().await;
        folder.close().expect("the folder goes");
        figures.add("sqlite: tickets", "records/s", rate(&synced(&["tickets"])));
    }
}

async fn on_postgres(portal: &Portal, alone: &[Row], figures: &mut Figures) {
    let synced = async |resources: &[&str]| {
        let server = Cluster::start();
        sync(portal, &server.new_database().await, resources)
    };
    measure(figures, "postgres", &synced(&[]).await);
    if !alone.is_empty() {
        let server = Cluster::start();
        let warehouse = landing::postgres(&server.new_database().await).await;
        land(figures, "postgres", &warehouse, alone).await;
        warehouse.close().await;
        drop(server);
        figures.add("postgres: tickets", "records/s", rate(&synced(&["tickets"]).await));
    }
}

fn measure(figures: &mut Figures, engine: &str, ran: &Ran) {
    figures.add(format!("{engine}: records"), "records/s", rate(ran));
    figures.add(format!("{engine}: peak memory"), "MiB", ran.peak);
    let a_million = ran.processor * 1e6 / ran.sum("records_read");
    figures.add(format!("{engine}: processor time"), "s per million records", a_million);
}

async fn land<D: Dialect>(figures: &mut Figures, engine: &str, warehouse: &SqlWarehouse<D>, rows: &[Row]) {
    let rate = Landing::begin(warehouse, the_tickets()).await.land(rows).await;
    figures.add(format!("{engine}: tickets landed alone"), "rows/s", rate);
}

fn the_tickets() -> &'static Resource {
    resource::find("tickets").expect("a resource")
}

fn rate(ran: &Ran) -> f64 {
    ran.sum("records_read") / ran.seconds
}

fn sync(portal: &Portal, url: &str, resources: &[&str]) -> Ran {
    let state = tempfile::tempdir().expect("a folder");
    let mut environment = portal.environment.clone();
    environment.push(("DATABASE_URL".into(), url.to_owned()));
    program::sync(state.path(), resources, &environment)
}
