//! From configuration to working parts: the client of a portal, the warehouse of an address. The one `match` on the
//! kind of database is here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::auth::{self, Cache, Credentials, Tokens};
use crate::clock::Clock;
use crate::config::{self, Config, Inputs, WarehouseUrl};
use crate::error::Error;
use crate::http::{Client, Patience, Priority, Settings};
use crate::ledger::Purpose;
use crate::resource::{self, Resource};
use crate::transport::{Network, Transport};
use crate::warehouse::{self, Postgres, SqlWarehouse, Sqlite};

use super::Global;

/// Reads the configuration: defaults, file, environment with `.env`, and `flags` that name settings.
pub(super) fn config(global: &Global, flags: Vec<(&'static str, String)>) -> Result<Config, Error> {
    let working_dir = working_dir()?;
    // `vars_os` and not `vars`, which panics on a variable that is no Unicode; none of ours is such a one.
    let mut environment: BTreeMap<_, _> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut from_dot_env = BTreeSet::new();
    for (name, value) in dot_env(&working_dir.join(".env"))? {
        if let Entry::Vacant(place) = environment.entry(name) {
            from_dot_env.insert(place.key().clone());
            place.insert(value);
        }
    }
    let flag_file = global.config.clone();
    Ok(Config::load(&Inputs { flag_file, environment, dot_env: from_dot_env, flags, working_dir })?)
}

/// The folder whose `.env` and `deskhouse.toml` are read.
pub(super) fn working_dir() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(|source| Error::System { doing: "find the working folder".into(), source })
}

fn dot_env(path: &std::path::Path) -> Result<Vec<(String, String)>, Error> {
    let entries = match dotenvy::from_path_iter(path) {
        Ok(entries) => entries,
        Err(error) if error.not_found() => return Ok(Vec::new()),
        Err(_) => return Err(unreadable_dot_env()),
    };
    // The parser's own message repeats the line, which may hold a secret.
    entries.collect::<Result<_, _>>().map_err(|_| unreadable_dot_env())
}

fn unreadable_dot_env() -> Error {
    Error::Usage {
        message: "the file .env of the working folder cannot be read".into(),
        hint: "each line is NAME=value; a value with blanks or `#` stands in single quotes".into(),
    }
}

/// A client for the configured portal. Nothing is sent yet.
pub(super) fn client(config: &Config, clock: &Clock) -> Result<Arc<Client>, Error> {
    client_with(config, credentials(config)?, clock)
}

/// A client for the configured portal that asks for nothing more important than this.
pub(super) fn client_for(config: &Config, priority: Priority, clock: &Clock) -> Result<Arc<Client>, Error> {
    build(config, credentials(config)?, priority, clock)
}

/// A client for the configured portal that signs in with these credentials.
pub(super) fn client_with(config: &Config, credentials: Credentials, clock: &Clock) -> Result<Arc<Client>, Error> {
    build(config, credentials, Priority::Main, clock)
}

fn build(config: &Config, credentials: Credentials, priority: Priority, clock: &Clock) -> Result<Arc<Client>, Error> {
    let transport: Arc<dyn Transport> = Arc::new(Network::new()?);
    let tokens = tokens(config, Arc::clone(&transport), credentials, clock);
    let settings = Settings {
        servers: config.zoho.servers(),
        org_id: config.zoho.org_id.clone(),
        concurrency: config.limits.concurrency,
        requests_per_second: config.limits.requests_per_second,
        reserve: config.limits.credit_reserve,
        daily_credits: config.limits.daily_credits,
        priority,
        patience: Patience { tries: config.limits.tries },
        random: rand::random,
    };
    Ok(Arc::new(Client::new(transport, tokens, clock.clone(), settings)))
}

/// Access tokens for these credentials, shared with other processes.
pub(super) fn tokens(
    config: &Config,
    transport: Arc<dyn Transport>,
    credentials: Credentials,
    clock: &Clock,
) -> Tokens {
    let cache = Cache::folder(config.state.dir.clone());
    Tokens::new(transport, config.zoho.accounts_url.clone(), credentials, cache, clock.clone())
}

/// What is presented for access tokens, fetched from the keyring where the configuration says so.
pub(super) fn credentials(config: &Config) -> Result<Credentials, Error> {
    let config::Credentials { client, grant } = config.zoho.credentials()?;
    let grant = match grant {
        config::Grant::RefreshToken(token) => {
            let account = auth::account(client.id, &config.zoho.accounts_url);
            auth::Grant::RefreshToken(auth::refresh_token(token, &account)?)
        }
        config::Grant::ClientCredentials(org_id) => {
            auth::Grant::ClientCredentials { org_id: org_id.clone(), scopes: scopes(config, &[])? }
        }
    };
    Ok(Credentials { client: auth::Client { id: client.id.to_owned(), secret: client.secret.clone() }, grant })
}

/// The scopes of a sign-in: those of the resources of these names, or of those that are configured, and the configured
/// others. One that Zoho does not know would void a whole consent, so none is guessed.
pub(super) fn scopes(config: &Config, names: &[String]) -> Result<Vec<String>, Error> {
    let names = if names.is_empty() { config.sync.resources.as_deref().unwrap_or_default() } else { names };
    let of_resources = resource::scopes(&resources(names)?);
    let mut scopes: Vec<String> = of_resources.into_iter().map(str::to_owned).collect();
    for scope in &config.zoho.scopes {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    Ok(scopes)
}

/// The resources of that name, in the order in which they are defined; all when none is named.
pub(super) fn resources(names: &[String]) -> Result<Vec<&'static Resource>, Error> {
    let known = || resource::ALL.iter().map(|resource| resource.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = names.iter().find(|name| resource::find(name).is_none()) {
        return Err(Error::Usage {
            message: format!("there is no resource `{unknown}`"),
            hint: format!("resources are {}", known()),
        });
    }
    let asked = |resource: &&&Resource| names.is_empty() || names.iter().any(|name| name == resource.name);
    Ok(resource::ALL.iter().filter(asked).copied().collect())
}

/// The warehouse of an address, whichever database it is.
pub(super) enum AnyWarehouse {
    Sqlite(SqlWarehouse<Sqlite>),
    Postgres(SqlWarehouse<Postgres>),
}

/// Opens the warehouse for a sync: holds its lock, brings the schema up to date.
pub(super) async fn warehouse(config: &config::Warehouse, clock: &Clock) -> Result<AnyWarehouse, warehouse::Error> {
    warehouse_for(config, Purpose::Sync.claims([]), clock).await
}

/// Opens the warehouse for a run that claims this.
pub(super) async fn warehouse_for(
    config: &config::Warehouse,
    claims: Vec<String>,
    clock: &Clock,
) -> Result<AnyWarehouse, warehouse::Error> {
    Ok(match &config.url {
        WarehouseUrl::Memory | WarehouseUrl::Sqlite { .. } => {
            AnyWarehouse::Sqlite(SqlWarehouse::open_for(Sqlite::open(&config.url).await?, claims, clock.now()).await?)
        }
        WarehouseUrl::Postgres { .. } => {
            let dialect = Postgres::open(&config.url, &config.schema).await?;
            AnyWarehouse::Postgres(SqlWarehouse::open_for(dialect, claims, clock.now()).await?)
        }
    })
}

/// Opens the warehouse for reading, beside a run that may hold it.
pub(super) async fn warehouse_to_read(config: &config::Warehouse) -> Result<AnyWarehouse, warehouse::Error> {
    Ok(match &config.url {
        WarehouseUrl::Memory | WarehouseUrl::Sqlite { .. } => {
            AnyWarehouse::Sqlite(SqlWarehouse::open_to_read(Sqlite::open_to_read(&config.url).await?))
        }
        WarehouseUrl::Postgres { .. } => {
            AnyWarehouse::Postgres(SqlWarehouse::open_to_read(Postgres::open(&config.url, &config.schema).await?))
        }
    })
}

/// Runs the same expression on whichever warehouse it is.
macro_rules! on_any {
    ($any:expr, $warehouse:ident => $body:expr) => {
        match $any {
            $crate::cli::wiring::AnyWarehouse::Sqlite($warehouse) => $body,
            $crate::cli::wiring::AnyWarehouse::Postgres($warehouse) => $body,
        }
    };
}
pub(super) use on_any;
