//! deskhouse beside what people use instead: the loop that one writes in an afternoon, and dlt. Each reads the tickets of
//! one look-alike portal, with its default settings, into a new SQLite file and a new Postgres database, and has to end
//! with all of them. The Python programs get an environment of their own below `target`, the first time from the network.
//!
//!     cargo bench --bench peers -- --tickets 50000 --runs 5 --latency 120ms±40ms [--sqlite | --postgres]
//!                                  [--only deskhouse,plain,dlt]

#[path = "../../it/support/postgres.rs"]
#[allow(dead_code, reason = "written for the tests, which use all of it")]
mod postgres;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use postgres::Cluster;
use sqlx::{Connection, PgConnection};
use support::portal::Portal;
use support::program::{self, Ran};
use support::{Figures, argument, flag, text};

/// This folder.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/peers");

/// Rows that a page has at most.
const PAGE: usize = 100;

#[derive(Clone, Copy, PartialEq)]
enum Peer {
    Deskhouse,
    Plain,
    Dlt,
}

impl Peer {
    const ALL: [Self; 3] = [Self::Deskhouse, Self::Plain, Self::Dlt];

    fn name(self) -> &'static str {
        match self {
            Self::Deskhouse => "deskhouse",
            Self::Plain => "plain",
            Self::Dlt => "dlt",
        }
    }

    /// Requests that it has in flight at most.
    fn permits(self) -> usize {
        match self {
            Self::Deskhouse => 8,
            Self::Plain | Self::Dlt => 1,
        }
    }

    fn run(self, folder: &Path, python: &Path, environment: &[(String, String)]) -> Ran {
        let script = match self {
            Self::Deskhouse => return program::sync(folder, &["tickets"], environment),
            Self::Plain => "plain.py",
            Self::Dlt => "with_dlt.py",
        };
        let mut command = program::command(python, folder, environment);
        // What dlt remembers of one database must not meet the next one, and it leaves a file at home. The warnings are
        // of its own use of SQLAlchemy.
        command
            .env("DLT_DATA_DIR", folder)
            .env("HOME", folder)
            .args(["-W", "ignore"])
            .arg(Path::new(HERE).join(script));
        program::run(command)
    }
}

/// What all of them are measured with.
struct Race {
    tickets: usize,
    /// Mean time of a request, in seconds.
    latency: f64,
    peers: Vec<Peer>,
    python: PathBuf,
    figures: Figures,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (tickets, runs) = (argument("--tickets", 50_000), argument("--runs", 5));
    let latency = text("--latency").unwrap_or_else(|| "120ms±40ms".into());
    let only = text("--only").unwrap_or_else(|| Peer::ALL.map(Peer::name).join(","));
    let named = |name: &str| Peer::ALL.into_iter().find(|peer| peer.name() == name).expect("deskhouse, plain or dlt");
    let peers: Vec<_> = only.split(',').map(named).collect();
    let python = if peers == [Peer::Deskhouse] { PathBuf::new() } else { python() };
    let mut race = Race { tickets, latency: mean(&latency), peers, python, figures: Figures::default() };
    println!("{tickets} tickets, {latency} a request, {runs} runs\n");
    for _ in 0..runs {
        // A portal gives ten tokens in ten minutes: enough for a round.
        let portal = Portal::start(tickets, &["--latency", &latency, "--concurrency", "10"]);
        for peer in race.peers.clone() {
            if !flag("--postgres") {
                race.on_sqlite(&portal, peer);
            }
            if !flag("--sqlite") {
                race.on_postgres(&portal, peer).await;
            }
        }
        portal.end();
    }
    for engine in ["sqlite", "postgres"] {
        for peer in [Peer::Plain, Peer::Dlt] {
            let records = |peer: Peer| format!("{engine}, {}: records", peer.name());
            let name = format!("{engine}: records/s of deskhouse / {}", peer.name());
            race.figures.ratio(&name, &records(Peer::Deskhouse), &records(peer));
        }
    }
    race.figures.report("peers");
}

impl Race {
    fn on_sqlite(&mut self, portal: &Portal, peer: Peer) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("warehouse.db");
        let ran = self.run(portal, peer, &format!("sqlite:{}", file.display()));
        let database = rusqlite::Connection::open(file).expect("the file");
        let held = database.query_row("select count(*) from tickets", [], |row| row.get(0)).expect("a number");
        self.measured("sqlite", peer, &ran, held);
    }

    async fn on_postgres(&mut self, portal: &Portal, peer: Peer) {
        let server = Cluster::start();
        // The server asks for no password, but dlt does.
        let url = server.new_database().await.replace("deskhouse@", "deskhouse:any@");
        let ran = self.run(portal, peer, &url);
        let mut database = PgConnection::connect(&url).await.expect("the server answers");
        let table = if peer == Peer::Plain { "tickets" } else { "zoho_desk.tickets" };
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let held = sqlx::query_scalar(count).fetch_one(&mut database).await.expect("a number");
        database.close().await.expect("an orderly end");
        self.measured("postgres", peer, &ran, held);
    }

    fn run(&self, portal: &Portal, peer: Peer, url: &str) -> Ran {
        let folder = tempfile::tempdir().expect("a folder");
        let mut environment = portal.environment.clone();
        environment.push(("DATABASE_URL".into(), url.to_owned()));
        peer.run(folder.path(), &self.python, &environment)
    }

    fn measured(&mut self, engine: &str, peer: Peer, ran: &Ran, held: i64) {
        let name = |what: &str| format!("{engine}, {}: {what}", peer.name());
        assert_eq!(held, self.tickets as i64, "{}", name("tickets held"));
        let (figures, tickets) = (&mut self.figures, self.tickets as f64);
        let told = |what: &str| ran.summary[what].as_f64().expect("a number");
        figures.add(name("records"), "records/s", tickets / ran.seconds);
        figures.add(name("peak memory"), "MiB", ran.peak);
        figures.add(name("processor time"), "s per million records", ran.processor * 1e6 / tickets);
        figures.add(name("requests"), "requests", told("requests"));
        figures.add(name("credits"), "credits", told("credits"));
        // No program is faster than the pages that hold rows, so many at a time.
        let bound = self.tickets.div_ceil(PAGE) as f64 / peer.permits() as f64 * self.latency;
        if bound > 0.0 {
            figures.add(name("wall / bound"), "ratio", ran.seconds / bound);
        }
    }
}

/// The mean of a latency such as `120ms±40ms` or `120±40ms`, in seconds.
fn mean(latency: &str) -> f64 {
    let mean = latency.split(['±', '+']).next().unwrap_or_default();
    let unit = latency.trim_start_matches(|letter: char| !letter.is_alphabetic());
    let time = humantime::parse_duration;
    time(mean).or_else(|_| time(&format!("{mean}{unit}"))).expect("a time such as 120ms±40ms").as_secs_f64()
}

/// A Python that has what the peers need.
fn python() -> PathBuf {
    let requirements = Path::new(HERE).join("requirements.txt");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench/peers");
    let (python, installed) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let read = |file: &Path| std::fs::read_to_string(file).ok();
    if read(&installed) != read(&requirements) {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements));
        // Last: what was cut short is made again.
        std::fs::copy(&requirements, &installed).expect("a note of what is installed");
    }
    python
}

fn succeed(command: &mut Command) {
    assert!(command.status().expect("it starts").success(), "it failed: {command:?}");
}
