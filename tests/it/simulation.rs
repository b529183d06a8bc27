//! Whole runs inside one process: the engine, the look-alike portal without a socket, and SQLite.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use desk_sandbox::{Sandbox, Settings};
use deskhouse::auth::{self, Cache, Credentials, Tokens};
use deskhouse::clock::Clock;
use deskhouse::config::{DataCenter, OrgId, Reserve, Secret, Servers, WarehouseUrl};
use deskhouse::http::{self, Client, Patience};
use deskhouse::ledger::State;
use deskhouse::resource;
use deskhouse::sync::{self, Plan, Silent};
use deskhouse::transport::Transport;
use deskhouse::warehouse::{SqlWarehouse, Sqlite};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::support::in_process::InProcess;

fn client(sandbox: &Sandbox) -> Arc<Client> {
    let settings = sandbox.settings();
    let url = || Url::parse("http://127.0.0.1/").expect("an address");
    let clock = Clock::new({
        let sandbox = sandbox.clone();
        move || sandbox.now()
    });
    let credentials = Credentials {
        client: auth::Client {
            id: settings.client_id.clone(),
            secret: Secret::new(&settings.client_secret).expect("a secret"),
        },
        grant: auth::Grant::RefreshToken(Secret::new(&settings.refresh_token).expect("a secret")),
    };
    let transport: Arc<dyn Transport> = Arc::new(InProcess(sandbox.clone()));
    let tokens = Tokens::new(Arc::clone(&transport), url(), credentials, Cache::memory(), clock.clone());
    let settings = http::Settings {
        servers: Servers::at(DataCenter::Us, url()),
        org_id: OrgId::parse(&settings.org_id).ok(),
        concurrency: 8,
        requests_per_second: None,
        reserve: Reserve::Percent(20),
        daily_credits: None,
        priority: deskhouse::http::Priority::Main,
        patience: Patience { tries: 8 },
        random: rand::random,
    };
    Arc::new(Client::new(transport, tokens, clock, settings))
}

fn plan() -> Plan {
    Plan {
        command: "sync",
        resources: resource::ALL.to_vec(),
        org_id: None,
        start_date: "2000-01-01T00:00:00Z".parse().expect("a time"),
        backfill: None,
        overlap: TimeDelta::minutes(15),
        keep_raw: true,
        verify_budget: 60,
        detail: Vec::new(),
        holder: "a test".into(),
    }
}

async fn warehouse() -> SqlWarehouse<Sqlite> {
    let url = WarehouseUrl::parse("sqlite::memory:", None, Path::new("/")).expect("an address");
    SqlWarehouse::open(Sqlite::open(&url).await.expect("it opens"), chrono::Utc::now()).await.expect("it migrates")
}

#[tokio::test]
async fn a_portal_without_a_socket_is_read_whole_and_then_not_again() {
    let sandbox = Sandbox::new(Settings { tickets: 1_000, ..Settings::default() });
    let warehouse = warehouse().await;
    let running = CancellationToken::new();
    let first = sync::sync(&plan(), client(&sandbox), &warehouse, &Silent, &running).await.expect("a run");
    assert_eq!(first.state, State::Complete);
    let by_time =
        |name: &str| resource::find(name).is_some_and(|resource| resource.feed.cursor() == Some("modified_time"));
    for outcome in first.resources.iter().filter(|outcome| by_time(outcome.resource)) {
        assert_eq!(outcome.counts.inserted, sandbox.records(outcome.resource).len() as u64, "{}", outcome.resource);
    }
    sandbox.edit("tickets", 7);
    let second = sync::sync(&plan(), client(&sandbox), &warehouse, &Silent, &running).await.expect("a run");
    let changed: u64 = second.resources.iter().map(|outcome| outcome.counts.inserted + outcome.counts.updated).sum();
    assert_eq!(changed, 7);
}

#[tokio::test]
async fn a_run_that_is_stopped_before_the_portal_answers_begins_nothing() {
    let sandbox = Sandbox::new(Settings { tickets: 10, ..Settings::default() });
    let stopped = CancellationToken::new();
    stopped.cancel();
    let outcome = sync::sync(&plan(), client(&sandbox), &warehouse().await, &Silent, &stopped).await;
    assert!(matches!(outcome, Err(sync::Error::Interrupted)));
    assert_eq!(sandbox.requests().len(), 0);
}
