//! The client with which a simulated process asks the portal of its world.

use std::sync::Arc;

use deskhouse::auth::{self, Cache, Credentials, Tokens};
use deskhouse::clock::Clock;
use deskhouse::config::{DataCenter, OrgId, Reserve, Secret, Servers};
use deskhouse::http::{Client, Patience, Priority, Settings};
use deskhouse::transport::Transport;
use url::Url;

use super::scenario::RESERVE;
use super::world::World;

/// A client of this world by this clock, with tokens of this cache; `change` says what is unlike the usual settings.
pub(crate) fn client(
    world: &World,
    transport: Arc<dyn Transport>,
    clock: Clock,
    tokens: Cache,
    change: impl FnOnce(&mut Settings),
) -> Arc<Client> {
    let portal = world.sandbox.settings();
    let url = || Url::parse("http://127.0.0.1/").expect("an address");
    let credentials = Credentials {
        client: auth::Client {
            id: portal.client_id.clone(),
            secret: Secret::new(&portal.client_secret).expect("a secret"),
        },
        grant: auth::Grant::RefreshToken(Secret::new(&portal.refresh_token).expect("a secret")),
    };
    let tokens = Tokens::new(Arc::clone(&transport), url(), credentials, tokens, clock.clone());
    let mut settings = Settings {
        servers: Servers::at(DataCenter::Uk, url()),
        org_id: OrgId::parse(&portal.org_id).ok(),
        concurrency: world.scenario.concurrency,
        requests_per_second: None,
        reserve: Reserve::Percent(RESERVE),
        daily_credits: None,
        priority: Priority::Main,
        patience: Patience { tries: 8 },
        random: || 0.5,
    };
    change(&mut settings);
    Arc::new(Client::new(transport, tokens, clock, settings))
}
