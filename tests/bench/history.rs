//! How long a history takes with default settings through a portal that is as far away as a real one, against what its
//! limits allow at best: the pages that hold rows, so many at a time; and what the nights after it cost.
//!
//!     cargo bench --bench history -- --tickets 200000 --runs 3 [--granted 10] [--alone]
//!
//! With `--alone` nothing but tickets is read.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use desk_sandbox::{Logged, Sandbox, Settings};
use support::program::{self, Ran, environment};
use support::{Figures, argument, flag};

/// Time that each request takes, and by how much that varies.
const LATENCY: Duration = Duration::from_millis(120);
const JITTER: Duration = Duration::from_millis(40);

/// `limits.concurrency`, unless it is set.
const PERMITS: u32 = 8;

/// The most that a first sync of so many tickets may take, as a multiple of what the limits allow at best. What it takes
/// to begin weighs less the longer it is.
const BOUNDS: [(usize, f64); 3] = [(20_000, 1.25), (50_000, 1.15), (200_000, 1.05)];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (tickets, runs) = (argument("--tickets", 200_000), argument("--runs", 3));
    let granted = argument("--granted", 10) as u32;
    println!(
        "{tickets} tickets, {} ms +- {} ms a request, {granted} at a time are granted, {runs} runs\n",
        LATENCY.as_millis(),
        JITTER.as_millis()
    );
    let mut figures = Figures::default();
    for _ in 0..runs {
        history(tickets, granted, &mut figures).await;
    }
    if let Some((_, bound)) = BOUNDS.into_iter().find(|(most, _)| tickets <= *most) {
        figures.at_most("wall / that", bound);
    }
    figures.at_most("refused / requests", 0.005);
    figures.at_most("the last 90 days whole / their share of the time", 1.3);
    figures.report("history");
}

async fn history(tickets: usize, granted: u32, figures: &mut Figures) {
    let sandbox = Sandbox::new(Settings {
        tickets,
        latency: LATENCY,
        latency_jitter: JITTER,
        concurrency: granted,
        daily_credits: 1_000_000_000,
        ..Settings::default()
    });
    let server = sandbox.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free port");
    let settings = sandbox.settings();
    let house = House { url: &server.url, settings: &settings, folder: tempfile::tempdir().expect("a folder") };
    let since = sandbox.now() - chrono::Duration::days(90);
    let newest = sandbox.placed("tickets").iter().filter(|placed| placed.modified >= since).count();
    let since = since.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let (ran, newest_whole) = tokio::join!(house.sync(), house.whole_since(since, newest as i64));
    let (wall, rows) = (ran.seconds, ran.sum("rows_inserted"));

    let log = sandbox.requests();
    let requests = log.iter().filter(|request| request.path.starts_with("/api/")).count() as f64;
    let refused = log.iter().filter(|request| request.status == 429).count() as f64;
    let credits: u64 = log.iter().map(|request| request.credits).sum();
    // A question for one row is one for their number, or for the first of them.
    let holds_rows = |request: &&Logged| request.records > 0 && !request.query.split('&').any(|pair| pair == "limit=1");
    let pages = log.iter().filter(holds_rows).count() as f64;
    let permits = f64::from(granted.min(PERMITS));
    let bound = pages * LATENCY.as_secs_f64() / permits;
    // The look-alike shares the machine with the program, and works on top of the latency.
    let answers: f64 = log.iter().map(|request| request.took.as_secs_f64()).sum();
    figures.add("wall time", "s", wall);
    figures.add("pages that hold rows x latency / permits", "s", bound);
    figures.add("wall / that", "ratio", wall / bound);
    figures.add("requests / pages that hold rows", "ratio", requests / pages);
    figures.add("time that the answers took / permits", "s", answers / permits);
    figures.add("wall / that time", "ratio", wall / (answers / permits));
    let share = newest as f64 / tickets as f64;
    figures.add("the last 90 days: share of the tickets", "ratio", share);
    figures.add("the last 90 days whole / their share of the time", "ratio", newest_whole / (share * wall));
    figures.add("requests", "requests", requests);
    figures.add("requests / (rows / 100)", "ratio", requests / (rows / 100.0));
    figures.add("credits / request", "ratio", credits as f64 / requests);
    figures.add("refused / requests", "ratio", refused / requests);
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
    folder: tempfile::TempDir,
}

impl House<'_> {
    async fn sync(&self) -> Ran {
        let warehouse = format!("sqlite:{}", self.database().display());
        let mut environment = environment(self.url, self.settings, &warehouse);
        // What a comparison costs is another story.
        environment.push(("DESKHOUSE_SYNC__VERIFY_BUDGET".to_owned(), "0".to_owned()));
        let folder = self.folder.path().to_owned();
        let resources: &[&str] = if flag("--alone") { &["tickets"] } else { &[] };
        let run = move || program::sync(&folder, resources, &environment);
        tokio::task::spawn_blocking(run).await.expect("the run ends")
    }

    /// Seconds until so many tickets are held that last changed since then.
    async fn whole_since(&self, since: String, tickets: i64) -> f64 {
        let (start, database) = (Instant::now(), self.database());
        let look = move || {
            while held_since(&database, &since).unwrap_or_default() < tickets {
                std::thread::sleep(Duration::from_millis(20));
            }
            start.elapsed().as_secs_f64()
        };
        tokio::task::spawn_blocking(look).await.expect("they come")
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

/// None for as long as there is no table.
fn held_since(database: &std::path::Path, since: &str) -> rusqlite::Result<i64> {
    let database = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.query_row("select count(*) from tickets where modified_time >= ?", [since], |row| row.get(0))
}
