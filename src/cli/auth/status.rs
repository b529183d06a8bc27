//! `deskhouse auth status`: who is signed in, where, with what, and for how long.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use super::portal::{Portals, known_as, person};
use crate::auth::Grant;
use crate::cli::{World, print, wiring};
use crate::config::RefreshToken;
use crate::error::{Class, Error};
use crate::report::Table;
use crate::sync;
use crate::transport::Network;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(world: &World, options: &Options) -> Result<Class, Error> {
    let config = wiring::config(&world.global, Vec::new())?;
    let credentials = wiring::credentials(&config)?;
    let client = wiring::client_with(&config, credentials.clone(), &world.clock)?;
    // Asked first, since it is what makes the token whose standing is then told; refused or not, the rest is told too.
    let portals = Portals::ask(&client).await;
    let person = person(&client, config.zoho.org_id.as_ref(), &portals).await;
    let tokens = wiring::tokens(&config, std::sync::Arc::new(Network::new()?), credentials.clone(), &world.clock);
    let standing = tokens.standing().await?;

    let (data_center, accounts) = (config.zoho.data_center.code(), config.zoho.accounts_url.as_str());
    let source = config.sources.of("zoho.refresh_token").map(ToString::to_string).unwrap_or_default();
    let kept = match (&credentials.grant, &config.zoho.refresh_token) {
        (Grant::ClientCredentials { .. }, _) => "nowhere: client credentials need none".to_owned(),
        (_, Some(RefreshToken::Keyring)) => format!("the keyring of the system, says {source}"),
        _ => source,
    };
    let reached: &[_] = portals.as_ref().map_or(&[], |portals| &portals.0);
    if options.json {
        let portals: Vec<_> = reached.iter().map(|portal| json!({"org_id": portal.id, "name": portal.name})).collect();
        let document = json!({
            "signed_in": standing.expires_at.is_some(),
            "person": person.and_then(Result::ok).map(|agent| json!({
                "name": agent.name,
                "email": agent.email,
                "role": agent.role,
                "profile": agent.profile,
            })),
            "portals": portals,
            "org_id": config.zoho.org_id.as_ref().map(ToString::to_string),
            "data_center": data_center,
            "accounts_url": accounts,
            "client_id": credentials.client.id,
            "grant": config.zoho.grant.word(),
            "refresh_token_kept_in": kept,
            "access_token_expires_at": standing.expires_at,
            "scopes": standing.scopes,
            "token_requests_left": standing.requests_left,
            "blocked_until": standing.blocked_until,
        });
        print(&document.to_string())?;
    } else {
        let mut table = Table::new(&["what", "as it stands"]);
        let scopes = if standing.scopes.is_empty() { "not told by Zoho".into() } else { standing.scopes.join(",") };
        let utc = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC");
        let access_token = standing.expires_at.map_or_else(|| "none".into(), |end| format!("good until {}", utc(end)));
        let requests = match standing.blocked_until {
            Some(until) => format!("none until {}: Zoho blocks them", utc(until)),
            None => format!("{} left in these 10 minutes", standing.requests_left),
        };
        let person = match &person {
            Some(Ok(agent)) => known_as(agent),
            Some(Err(error)) => format!("not told: {error}"),
            None => "not told".into(),
        };
        for (what, how) in [
            ("person", person),
            ("portal", portals.as_ref().map_or_else(|_| "not reached".into(), Portals::sentence)),
            ("data centre", format!("{data_center} ({accounts})")),
            ("client", credentials.client.id.clone()),
            ("grant", config.zoho.grant.word().to_owned()),
            ("refresh token", kept),
            ("access token", access_token),
            ("scopes", scopes),
            ("token requests", requests),
        ] {
            table.row([what.to_owned(), how]);
        }
        print(&table.text())?;
    }
    let portals = portals.map_err(sync::Error::Http)?;
    for warning in portals.warnings(config.zoho.org_id.as_ref()) {
        world.log.warn(&warning);
    }
    Ok(Class::Done)
}
