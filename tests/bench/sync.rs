//! A first sync from end to end: the program, the look-alike portal in another process that answers without delay, and a
//! database. Records a second, peak memory, processor time.
//!
//!     cargo bench --bench sync -- --tickets 200000 --runs 5 [--sqlite | --postgres]

#[path = "../it/support/postgres.rs"]
#[allow(dead_code, reason = "written for the tests, which use all of it")]
mod postgres;
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::portal::{PROGRAM, Portal};
use support::{Figures, argument, flag};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (tickets, runs) = (argument("--tickets", 200_000), argument("--runs", 5));
    let portal = Portal::start(tickets, &["--concurrency", "50"]);
    let mut figures = Figures::default();
    println!("{tickets} tickets, {runs} runs\n");
    for _ in 0..runs {
        if !flag("--postgres") {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite:{}", folder.path().join("warehouse.db").display());
            sync(&portal, &url, "sqlite", &mut figures);
        }
        if !flag("--sqlite") {
            sync(&portal, &postgres::new_database().await, "postgres", &mut figures);
        }
    }
    figures.report("sync");
    portal.end();
}

fn sync(portal: &Portal, url: &str, engine: &str, figures: &mut Figures) {
    let state = tempfile::tempdir().expect("a folder");
    let start = Instant::now();
    let mut process = Command::new(PROGRAM)
        .args(["-q", "sync", "--json"])
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
    let (mut peak, mut seconds) = (0.0_f64, 0.0_f64);
    // The system counts both for as long as the process lives; the last look is at most a few milliseconds old.
    while process.try_wait().expect("the program's state").is_none() {
        peak = peak_mib(id).unwrap_or(peak);
        seconds = processor_seconds(id).unwrap_or(seconds);
        std::thread::sleep(Duration::from_millis(10));
    }
    let wall = start.elapsed().as_secs_f64();
    let output = process.wait_with_output().expect("the program has ended");
    assert!(output.status.success(), "the sync failed");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a summary");
    let parts = summary["resources"].as_array().expect("resources");
    let records: f64 = parts.iter().filter_map(|part| part["records_read"].as_f64()).sum();
    figures.add(format!("{engine}: records"), "records/s", records / wall);
    figures.add(format!("{engine}: peak memory"), "MiB", peak);
    figures.add(format!("{engine}: processor time"), "s per million records", seconds * 1e6 / records);
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
