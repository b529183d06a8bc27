//! What a night costs in which nothing happened, beside a large table: time, memory and requests, without a comparison with
//! the portal, with the slice of one that a run makes by itself, and with a whole turn of it.
//!
//!     cargo bench --bench night -- --tickets 300000 --runs 3 [--sqlite | --postgres]

#[path = "../it/support/postgres.rs"]
#[allow(dead_code, reason = "written for the tests, which use all of it")]
mod postgres;
mod support;

use std::net::{Ipv4Addr, SocketAddr};

use desk_sandbox::{Sandbox, Settings};
use postgres::Cluster;
use support::program::{self, environment};
use support::{Figures, argument, flag};

/// Nights, and the credits that each may compare for.
const NIGHTS: [(&str, u64); 3] = [("idle night", 0), ("with a slice", 200), ("with a whole turn", 100_000)];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (tickets, runs) = (argument("--tickets", 300_000), argument("--runs", 3));
    println!("{tickets} tickets, {runs} runs\n");
    let mut figures = Figures::default();
    for _ in 0..runs {
        if !flag("--postgres") {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite:{}", folder.path().join("warehouse.db").display());
            nights(tickets, "sqlite", url, &mut figures).await;
        }
        if !flag("--sqlite") {
            let server = Cluster::start();
            let url = server.new_database().await;
            nights(tickets, "postgres", url, &mut figures).await;
        }
    }
    for engine in ["sqlite", "postgres"] {
        let name = |night: &str, what: &str| format!("{engine}: {night}: {what}");
        for (night, _) in &NIGHTS[1..] {
            let title = name(night, "memory / without");
            figures.ratio(&title, &name(night, "peak memory"), &name(NIGHTS[0].0, "peak memory"));
        }
    }
    figures.report("night");
}

async fn nights(tickets: usize, engine: &str, url: String, figures: &mut Figures) {
    let sandbox = Sandbox::new(Settings {
        tickets,
        daily_credits: 1_000_000_000,
        // The portal's nights pass in no time, and tokens are counted by the clock of the machine.
        token_lifetime: chrono::Duration::days(1_000),
        ..Settings::default()
    });
    let server = sandbox.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free port");
    let signed_in = environment(&server.url, &sandbox.settings(), &url);
    let sync = async |credits: u64| {
        let mut environment = signed_in.clone();
        environment.push(("DESKHOUSE_SYNC__VERIFY_BUDGET".into(), credits.to_string()));
        let run = move || {
            let state = tempfile::tempdir().expect("a folder");
            program::sync(state.path(), &[], &environment)
        };
        tokio::task::spawn_blocking(run).await.expect("the run ends")
    };
    sync(0).await;
    for (night, credits) in NIGHTS {
        sandbox.advance(chrono::Duration::days(1));
        sandbox.clear_requests();
        let ran = sync(credits).await;
        let requests = sandbox.requests().iter().filter(|request| request.path.starts_with("/api/")).count();
        figures.add(format!("{engine}: {night}: time"), "ms", ran.seconds * 1_000.0);
        figures.add(format!("{engine}: {night}: peak memory"), "MiB", ran.peak);
        figures.add(format!("{engine}: {night}: requests"), "requests", requests as f64);
    }
    server.stop().await;
}
