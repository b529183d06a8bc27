//! What the stories of these tests are told with: a portal, a house that syncs it, a database to look into.

pub(crate) mod browser;
pub(crate) mod compare;
pub(crate) mod database;
pub(crate) mod discreet;
pub(crate) mod house;
pub(crate) mod in_process;
pub(crate) mod keyring;
pub(crate) mod landing;
pub(crate) mod ledger;
pub(crate) mod old;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod warehouse;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use chrono::{DateTime, Utc};
use desk_sandbox::{Clock, Sandbox, Server, Settings};

pub(crate) use database::{Database, Engine};
pub(crate) use house::{House, Ran};

/// Where the clock of every portal stands when a test begins.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-06-15T12:00:00Z".parse().expect("a time")
}

/// What a sign-in asks for, where every resource is to be read.
pub(crate) const SCOPES: &[&str] = &[
    "Desk.tickets.READ",
    "Desk.contacts.READ",
    "Desk.tasks.READ",
    "Desk.articles.READ",
    "Desk.search.READ",
    "Desk.basic.READ",
    "Desk.settings.READ",
    "Desk.calls.READ",
    "Desk.activities.calls.READ",
    "Desk.events.READ",
    "Desk.activities.events.READ",
    "Desk.products.READ",
];

/// A look-alike portal behind a real socket.
pub(crate) struct Portal {
    pub(crate) sandbox: Sandbox,
    pub(crate) server: Server,
}

impl Portal {
    /// A portal with these settings whose clock stands still at [`noon`] unless a test moves it.
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::serve(Settings { clock: Clock::Fixed(noon()), ..settings }).await
    }

    /// A portal whose clock is the machine's, plus what a test moves it by.
    pub(crate) async fn on_real_time(settings: Settings) -> Self {
        Self::serve(Settings { clock: Clock::Real, ..settings }).await
    }

    async fn serve(settings: Settings) -> Self {
        let sandbox = Sandbox::new(Settings { concurrency: 50, ..settings });
        let server = sandbox.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free port");
        Self { sandbox, server }
    }

    /// A portal with this many tickets.
    pub(crate) async fn with_tickets(tickets: usize) -> Self {
        Self::start(Settings { tickets, ..Settings::default() }).await
    }

    /// Requests to the Desk API since the log was cleared.
    pub(crate) fn api_requests(&self) -> Vec<desk_sandbox::Logged> {
        self.sandbox.requests().into_iter().filter(|request| request.path.starts_with("/api/")).collect()
    }

    /// Requests to the Desk API since the log was cleared, and clears it.
    pub(crate) fn take_api_requests(&self) -> Vec<desk_sandbox::Logged> {
        let requests = self.api_requests();
        self.sandbox.clear_requests();
        requests
    }

    /// Requests to the Desk API since the log was cleared that were sent before in the same words.
    pub(crate) fn repeated_requests(&self) -> usize {
        let requests = self.api_requests();
        let distinct: BTreeSet<_> = requests.iter().map(|request| (&request.path, &request.query)).collect();
        requests.len() - distinct.len()
    }

    /// Requests for one resource since the log was cleared.
    pub(crate) fn requests_for(&self, path: &str) -> usize {
        self.api_requests().iter().filter(|request| request.path == format!("/api/v1{path}")).count()
    }
}

/// Tells each story once and runs it on every engine: `name::on_sqlite`, `name::on_postgres`.
macro_rules! on_every_engine {
    ($($(#[doc = $doc:literal])* async fn $name:ident($engine:ident: Engine) $story:block)*) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn story($engine: Engine) $story

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                Box::pin(story(Engine::Sqlite)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                Box::pin(story(Engine::Postgres)).await;
            }
        }
    )*};
}
pub(crate) use on_every_engine;
