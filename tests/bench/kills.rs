//! What it costs that a first sync is killed again and again, against one that is left alone: requests that are made once
//! more. Each life makes so many requests and is killed in the middle of an answer.
//!
//!     cargo bench --bench kills -- --tickets 20000 --kills 20 --runs 3

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use desk_sandbox::{Logged, Sandbox, Settings};
use support::program::{self, environment};
use support::{Figures, argument};

/// Time that each request takes, and by how much that varies: longer than landing, as a portal's answers are, so that what
/// is lost to a kill is what was in flight.
const LATENCY: Duration = Duration::from_millis(60);
const JITTER: Duration = Duration::from_millis(20);

/// The greeting, and what was in flight.
const REPEATED: f64 = 2.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (tickets, kills, runs) = (argument("--tickets", 20_000), argument("--kills", 20), argument("--runs", 3));
    println!("{tickets} tickets, {kills} kills, {runs} runs\n");
    let mut figures = Figures::default();
    for _ in 0..runs {
        for at_a_time in [1, 8] {
            killed(tickets, kills, at_a_time, &mut figures).await;
        }
    }
    for at_a_time in [1, 8] {
        figures.at_most(&name(at_a_time, "made once more a kill, but for those in flight"), REPEATED - 1.0);
    }
    figures.at_most(&name(1, "made once more a kill"), REPEATED);
    figures.report("kills");
}

fn name(at_a_time: u32, what: &str) -> String {
    format!("{at_a_time} at a time: {what}")
}

async fn killed(tickets: usize, kills: usize, at_a_time: u32, figures: &mut Figures) {
    let alone = Portal::start(tickets, at_a_time).await;
    alone.sync().await;
    let needed = alone.requests().len();
    alone.end().await;

    let portal = Portal::start(tickets, at_a_time).await;
    let (mut made, mut in_flight) = (0, 0);
    for _ in 0..kills {
        let cut_off = portal.sync_until(needed / (kills + 1)).await;
        let requests = portal.requests();
        made += requests.len();
        in_flight += if cut_off { requests.iter().filter(|request| request.status == 0).count() } else { 0 };
        portal.sandbox.clear_requests();
    }
    portal.sync().await;
    made += portal.requests().len();
    portal.end().await;
    let a_kill = |requests: f64| requests / kills as f64;
    let again = made as f64 - needed as f64;
    figures.add(name(at_a_time, "requests of a sync that is left alone"), "requests", needed as f64);
    figures.add(name(at_a_time, "made once more a kill"), "ratio", a_kill(again));
    figures.add(name(at_a_time, "in flight at a kill"), "ratio", a_kill(in_flight as f64));
    let title = name(at_a_time, "made once more a kill, but for those in flight");
    figures.add(title, "ratio", a_kill(again - in_flight as f64));
}

/// A portal, and the folder of the program that reads it.
struct Portal {
    sandbox: Sandbox,
    server: desk_sandbox::Server,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Portal {
    async fn start(tickets: usize, at_a_time: u32) -> Self {
        let sandbox = Sandbox::new(Settings {
            tickets,
            latency: LATENCY,
            latency_jitter: JITTER,
            daily_credits: 1_000_000_000,
            ..Settings::default()
        });
        let server = sandbox.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let warehouse = format!("sqlite:{}", folder.path().join("warehouse.db").display());
        let mut environment = environment(&server.url, &sandbox.settings(), &warehouse);
        environment.extend([
            ("DESKHOUSE_LIMITS__CONCURRENCY".to_owned(), at_a_time.to_string()),
            ("DESKHOUSE_SYNC__VERIFY_BUDGET".to_owned(), "0".to_owned()),
        ]);
        Self { sandbox, server, environment, folder }
    }

    async fn sync(&self) {
        let (folder, environment) = (self.folder.path().to_owned(), self.environment.clone());
        let run = move || program::sync(&folder, &[], &environment);
        tokio::task::spawn_blocking(run).await.expect("the run ends");
    }

    /// Starts a sync and kills it when so many requests have come; false where it ended before.
    async fn sync_until(&self, requests: usize) -> bool {
        let mut process = program::start(self.folder.path(), &[], &self.environment);
        let ended = loop {
            let come = tokio::time::timeout(Duration::from_millis(50), self.sandbox.wait_for_requests(requests));
            if come.await.is_ok() {
                break false;
            }
            if process.try_wait().expect("the program's state").is_some() {
                break true;
            }
        };
        process.kill().expect("the program is killed");
        process.wait().expect("the program has ended");
        !ended
    }

    fn requests(&self) -> Vec<Logged> {
        self.sandbox.requests().into_iter().filter(|request| request.path.starts_with("/api/")).collect()
    }

    async fn end(self) {
        self.server.stop().await;
    }
}
