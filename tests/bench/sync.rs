//! A first sync from end to end: the program, the look-alike portal in another process that answers without delay, and a
//! database. Records a second, peak memory, processor time of the program and of the server, and how much more of that a
//! record costs at the largest size than at the smallest. With `--alone` also a sync of nothing but tickets, beside the same
//! tickets landed with nothing before them: how much of the time is the way there.
//!
//!     cargo bench --bench sync -- --tickets 50000,1000000 --runs 5 [--sqlite | --postgres] [--alone]

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
use support::{Figures, argument, flag, numbers, tickets};

/// Most memory that the program may take, in MiB, with the database's own where that is a part of it.
const MOST_MEMORY: f64 = 64.0;

/// How much more processor time a record may cost at the largest size.
const FLAT: f64 = 1.3;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (sizes, runs) = (numbers("--tickets", &[200_000]), argument("--runs", 5));
    let mut figures = Figures::default();
    println!("{sizes:?} tickets, {runs} runs\n");
    for size in &sizes {
        let alone = if flag("--alone") { landing::typed(the_tickets(), &tickets(*size), true) } else { Vec::new() };
        let portal = Portal::start(*size, &["--concurrency", "50"]);
        for _ in 0..runs {
            if !flag("--postgres") {
                on_sqlite(&portal, &alone, &mut figures, *size).await;
            }
            if !flag("--sqlite") {
                on_postgres(&portal, &alone, &mut figures, *size).await;
            }
        }
        portal.end();
    }
    for engine in ["sqlite", "postgres"] {
        for size in &sizes {
            let name = |what: &str| named(engine, *size, what);
            figures.ratio(&name("tickets synced / landed alone"), &name("tickets"), &name("tickets landed alone"));
            figures.at_most(&name("peak memory"), MOST_MEMORY);
        }
        if let [smallest, .., largest] = sizes[..] {
            for what in ["processor time", "processor time of the server"] {
                let title = format!("{engine}: {what}, {largest} / {smallest}");
                figures.ratio(&title, &named(engine, largest, what), &named(engine, smallest, what));
                figures.at_most(&title, FLAT);
            }
        }
    }
    figures.report("sync");
}

fn named(engine: &str, size: usize, what: &str) -> String {
    format!("{engine}, {size}: {what}")
}

// Each measurement has a folder or a server of its own, which goes with it: what one has left to the disk slows the next.

async fn on_sqlite(portal: &Portal, alone: &[Row], figures: &mut Figures, size: usize) {
    let synced = |resources: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        sync(portal, &format!("sqlite:{}", folder.path().join("warehouse.db").display()), resources)
    };
    measure(figures, "sqlite", size, &synced(&[]));
    if !alone.is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let warehouse = landing::sqlite(&folder.path().join("warehouse.db")).await;
        land(figures, "sqlite", &warehouse, alone).await;
        warehouse.close().await;
        folder.close().expect("the folder goes");
        figures.add(named("sqlite", size, "tickets"), "records/s", rate(&synced(&["tickets"])));
    }
}

async fn on_postgres(portal: &Portal, alone: &[Row], figures: &mut Figures, size: usize) {
    let server = Cluster::start();
    let url = server.new_database().await;
    let before = program::processor_of_server(&url).await;
    let ran = sync(portal, &url, &[]);
    measure(figures, "postgres", size, &ran);
    let seconds = program::processor_of_server(&url).await - before;
    figures.add(named("postgres", size, "processor time of the server"), A_MILLION, a_million(&ran, seconds));
    drop(server);
    if !alone.is_empty() {
        let server = Cluster::start();
        let warehouse = landing::postgres(&server.new_database().await).await;
        land(figures, "postgres", &warehouse, alone).await;
        warehouse.close().await;
        drop(server);
        let server = Cluster::start();
        let ran = sync(portal, &server.new_database().await, &["tickets"]);
        figures.add(named("postgres", size, "tickets"), "records/s", rate(&ran));
    }
}

const A_MILLION: &str = "s per million records";

fn a_million(ran: &Ran, seconds: f64) -> f64 {
    seconds * 1e6 / ran.sum("records_read")
}

fn measure(figures: &mut Figures, engine: &str, size: usize, ran: &Ran) {
    figures.add(named(engine, size, "records"), "records/s", rate(ran));
    figures.add(named(engine, size, "peak memory"), "MiB", ran.peak);
    figures.add(named(engine, size, "processor time"), A_MILLION, a_million(ran, ran.processor));
}

async fn land<D: Dialect>(figures: &mut Figures, engine: &str, warehouse: &SqlWarehouse<D>, rows: &[Row]) {
    let rate = Landing::begin(warehouse, the_tickets()).await.land(rows).await;
    figures.add(named(engine, rows.len(), "tickets landed alone"), "rows/s", rate);
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
