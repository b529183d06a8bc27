//! How long a history takes through a portal that is as far away as a real one, against what its limits allow at best: so
//! many requests, so many at a time; and what the nights after it cost.
//!
//!     cargo bench --bench history -- --tickets 200000 --runs 3 [--at-a-time 10]

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use desk_sandbox::{Sandbox, Settings};
use support::portal::PROGRAM;
use support::{Figures, argument};
use tokio::process::Command;

/// Time that each request takes, and by how much that varies.
const LATENCY: Duration = Duration::from_millis(120);
const JITTER: Duration = Duration::from_millis(40);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (tickets, runs) = (argument("--tickets", 200_000), argument("--runs", 3));
    let at_a_time = argument("--at-a-time", 10) as u32;
    println!(
        "{tickets} tickets, {} ms +- {} ms a request, {at_a_time} at a time, {runs} runs\n",
        LATENCY.as_millis(),
        JITTER.as_millis()
    );
    let mut figures = Figures::default();
    for _ in 0..runs {
        history(tickets, at_a_time, &mut figures).await;
    }
    figures.report("history");
}

async fn history(tickets: usize, at_a_time: u32, figures: &mut Figures) {
    let sandbox = Sandbox::new(Settings {
        tickets,
        latency: LATENCY,
        latency_jitter: JITTER,
        concurrency: at_a_time,
        daily_credits: 1_000_000_000,
        ..Settings::default()
    });
    let server = sandbox.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free port");
    let settings = sandbox.settings();
    let house =
        House { url: &server.url, settings: &settings, at_a_time, folder: tempfile::tempdir().expect("a folder") };
    let start = Instant::now();
    let summary = house.sync().await;
    let wall = start.elapsed().as_secs_f64();
    let parts = summary["resources"].as_array().expect("resources");
    let rows: f64 = parts.iter().filter_map(|part| part["rows_inserted"].as_f64()).sum();

    let log = sandbox.requests();
    let requests = log.iter().filter(|request| request.path.starts_with("/api/")).count() as f64;
    let refused = log.iter().filter(|request| request.status == 429).count() as f64;
    let credits: u64 = log.iter().map(|request| request.credits).sum();
    let bound = requests * LATENCY.as_secs_f64() / f64::from(at_a_time);
    // The look-alike shares the machine with the program, and works on top of the latency.
    let answers: f64 = log.iter().map(|request| request.took.as_secs_f64()).sum();
    figures.add("wall time", "s", wall);
    figures.add("requests x latency / at a time", "s", bound);
    figures.add("wall / that", "ratio", wall / bound);
    figures.add("time that the answers took / at a time", "s", answers / f64::from(at_a_time));
    figures.add("wall / that time", "ratio", wall / (answers / f64::from(at_a_time)));
    figures.add("requests", "requests", requests);
    figures.add("requests / (rows / 100)", "ratio", requests / (rows / 100.0));
    figures.add("credits / request", "ratio", credits as f64 / requests);
    figures.add("refused", "ratio", refused / requests);
    figures.add("most in flight", "requests", f64::from(sandbox.peak_in_flight()));
    let windows = house.windows();
    let pages = of_tickets(&sandbox);
    figures.add("tickets: requests", "requests", pages);
    figures.add("tickets: windows", "windows", windows);
    figures.add("tickets: (requests - windows) / (rows / 100)", "ratio", (pages - windows) / (tickets as f64 / 100.0));

    // A night in which nothing happened, and one after a busy day.
    for (name, changes) in [("idle night: tickets' requests", 0), ("night of 1,000 changes: tickets' requests", 1_000)]
    {
        sandbox.advance(chrono::Duration::hours(10));
        for _ in 0..changes {
            sandbox.edit("tickets", 1);
            sandbox.advance(chrono::Duration::seconds(4));
        }
        sandbox.advance(chrono::Duration::hours(13));
        sandbox.clear_requests();
        house.sync().await;
        figures.add(name, "requests", of_tickets(&sandbox));
        let all = sandbox.requests().iter().filter(|request| request.path.starts_with("/api/")).count();
        figures.add(name.replace("tickets'", "all"), "requests", all as f64);
    }
    server.stop().await;
}

fn of_tickets(sandbox: &Sandbox) -> f64 {
    sandbox.requests().iter().filter(|request| request.path == "/api/v1/tickets/search").count() as f64
}

/// Where the program runs.
struct House<'a> {
    url: &'a str,
    settings: &'a Settings,
    at_a_time: u32,
    folder: tempfile::TempDir,
}

impl House<'_> {
    async fn sync(&self) -> serde_json::Value {
        let folder = self.folder.path();
        let output = Command::new(PROGRAM)
            .args(["-q", "sync", "--json"])
            .env_clear()
            .env("DESKHOUSE_ZOHO__ACCOUNTS_URL", self.url)
            .env("DESKHOUSE_ZOHO__DESK_URL", self.url)
            .env("ZOHO_CLIENT_ID", &self.settings.client_id)
            .env("ZOHO_CLIENT_SECRET", &self.settings.client_secret)
            .env("ZOHO_REFRESH_TOKEN", &self.settings.refresh_token)
            .env("DATABASE_URL", format!("sqlite:{}", self.database().display()))
            .env("DESKHOUSE_STATE__DIR", folder)
            .env("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "1000")
            .env("DESKHOUSE_LIMITS__CONCURRENCY", self.at_a_time.to_string())
            // What a comparison costs is another story.
            .env("DESKHOUSE_SYNC__VERIFY_BUDGET", "0")
            .current_dir(folder)
            .kill_on_drop(true)
            .output()
            .await
            .expect("the program runs");
        assert!(output.status.success(), "the sync failed: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a summary")
    }

    fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("warehouse.db")
    }

    /// Windows that the tickets were read in.
    fn windows(&self) -> f64 {
        let database = rusqlite::Connection::open(self.database()).expect("the warehouse");
        let sql = "select count(*) from deskhouse_windows where resource = 'tickets'";
        database.query_row(sql, [], |row| row.get(0)).expect("a number")
    }
}
