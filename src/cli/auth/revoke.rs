//! `deskhouse auth revoke`: ends a sign-in at Zoho, and takes it out of where it is kept.

use std::sync::Arc;

use clap::Args;

use crate::auth::{self, Accounts, Grant, Storage};
use crate::cli::{World, print, wiring};
use crate::config::{Config, RefreshToken, Source};
use crate::error::{Class, Error};
use crate::transport::{Network, Transport};

#[derive(Debug, Args)]
pub(super) struct Options {}

pub(super) async fn run(world: &World, _options: &Options) -> Result<Class, Error> {
    let config = wiring::config(&world.global, Vec::new())?;
    let credentials = wiring::credentials(&config)?;
    let Grant::RefreshToken(token) = &credentials.grant else {
        return Err(Error::Usage {
            message: "with client credentials there is no refresh token to revoke".into(),
            hint: "delete the client in the API console; its access tokens end within the hour".into(),
        });
    };
    let transport: Arc<dyn Transport> = Arc::new(Network::new()?);
    let accounts = Accounts::new(Arc::clone(&transport), config.zoho.accounts_url.clone(), world.clock.clone());
    accounts.revoke(&credentials.client, token).await?;
    print(&format!("revoked at {}, with every access token made from it", accounts.host()))?;
    wiring::tokens(&config, transport, credentials.clone(), &world.clock).forget().await?;
    for place in places(&config, &credentials.client.id)? {
        place.forget()?;
        world.say(&format!("taken out of {}", place.shown()));
    }
    if let Some(name) = exported(&config) {
        world.log.warn(&format!("the environment variable {name} still holds the token, which is worth nothing now"));
    }
    Ok(Class::Done)
}

/// Where the token is kept, as far as deskhouse can take it out.
fn places(config: &Config, client_id: &str) -> Result<Vec<Storage>, Error> {
    let mut places = Vec::new();
    let dot_env = wiring::working_dir()?.join(".env");
    if config.zoho.refresh_token == Some(RefreshToken::Keyring) {
        places.push(Storage::Keyring {
            account: auth::account(client_id, &config.zoho.accounts_url),
            dot_env: dot_env.clone(),
        });
    }
    match config.sources.of("zoho.refresh_token") {
        None | Some(Source::Default | Source::Flag) => {}
        Some(Source::File { .. }) => places.extend(config.sources.file.clone().map(Storage::ConfigFile)),
        Some(_) if exported(config).is_some() => {}
        Some(_) => places.push(Storage::DotEnv(dot_env)),
    }
    Ok(places)
}

/// The variable that gives the token, if it was set by somebody else than the `.env` file.
fn exported(config: &Config) -> Option<&str> {
    match config.sources.of("zoho.refresh_token") {
        Some(Source::Environment { name }) if std::env::var_os(name).is_some() => Some(name),
        _ => None,
    }
}
