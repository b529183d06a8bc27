//! A first sync from end to end: the program, the look-alike portal in another process that answers without delay, and a
//! database. Records a second, peak memory, processor time. With `--alone` also a sync of nothing but tickets, beside the
//! same tickets landed with nothing before them: how much of the time is the way there.
//!
//!     cargo bench --bench sync -- --tickets 200000 --runs 5 [--sqlite | --postgres] [--alone]

#[path = "../it/support/postgres.rs"]
#[allow(dead_code, reason = "written for the tests, which use all of it")]
mod postgres;
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deskhouse::resource::{self, Resource};
use deskhouse::transform::Row;
use deskhouse::warehouse::{Dialect, SqlWarehouse};
use postgres::Cluster;
use support::landing::{self, Landing};
use support::portal::{PROGRAM, Portal};
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
        figures.add("sqlite: tickets", "records/s", synced(&["tickets"]).rate());
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
        figures.add("postgres: tickets", "records/s", synced(&["tickets"]).await.rate());
    }
}

fn measure(figures: &mut Figures, engine: &str, synced: &Synced) {
    let Synced { records, peak, processor, .. } = synced;
    figures.add(format!("{engine}: records"), "records/s", synced.rate());
    figures.add(format!("{engine}: peak memory"), "MiB", *peak);
    figures.add(format!("{engine}: processor time"), "s per million records", processor * 1e6 / records);
}

async fn land<D: Dialect>(figures: &mut Figures, engine: &str, warehouse: &SqlWarehouse<D>, rows: &[Row]) {
    let rate = Landing::begin(warehouse, the_tickets()).await.land(rows).await;
    figures.add(format!("{engine}: tickets landed alone"), "rows/s", rate);
}

fn the_tickets() -> &'static Resource {
    resource::find("tickets").expect("a resource")
}

/// What a sync came to.
struct Synced {
    records: f64,
    /// Wall time, in seconds.
    seconds: f64,
    /// Largest memory, in MiB.
    peak: f64,
    /// Time of the processor, in seconds.
    processor: f64,
}

impl Synced {
    fn rate(&self) -> f64 {
        self.records / self.seconds
    }
}

fn sync(portal: &Portal, url: &str, resources: &[&str]) -> Synced {
    let state = tempfile::tempdir().expect("a folder");
    let start = Instant::now();
    let mut process = Command::new(PROGRAM)
        .args(["-q", "sync", "--json"])
        .args(resources)
        .env_clear()
        .envs(portal.environment.iter().map(|(name, value)| (name, value)))
        .env("DATABASE_URL", url)
        .env("DESKHOUSE_STATE__DIR", state.path())
        .env("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "1000")
        .current_dir(state.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let id = process.id();
    let (mut peak, mut processor) = (0.0_f64, 0.0_f64);
    // The system counts both for as long as the process lives; the last look is at most a few milliseconds old.
    while process.try_wait().expect("the program's state").is_none() {
        peak = peak_mib(id).unwrap_or(peak);
        processor = processor_seconds(id).unwrap_or(processor);
        std::thread::sleep(Duration::from_millis(10));
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = process.wait_with_output().expect("the program has ended");
    assert!(output.status.success(), "the sync failed");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a summary");
    let parts = summary["resources"].as_array().expect("resources");
    let records = parts.iter().filter_map(|part| part["records_read"].as_f64()).sum();
    Synced { records, seconds, peak, processor }
}

fn peak_mib(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}

fn processor_seconds(id: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the name in brackets; the 12th and 13th of those are user and system time in hundredths of a second.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}
