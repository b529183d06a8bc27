//! From configuration to working parts: the client of a portal, the warehouse of an address. The one `match` on the
//! kind of database is here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::auth::{Cache, Credentials, Tokens};
use crate::clock::Clock;
use crate::config::{self, Config, Inputs, WarehouseUrl};
use crate::error::Error;
use crate::http::{Client, Patience, Settings};
use crate::resource::{self, Resource};
use crate::transport::{Network, Transport};
use crate::warehouse::{self, Postgres, SqlWarehouse, Sqlite};

use super::Global;

/// Reads the configuration: defaults, file, environment with `.env`, and `flags` that name settings.
pub(super) fn config(global: &Global, flags: Vec<(&'static str, String)>) -> Result<Config, Error> {
    let working_dir =
        std::env::current_dir().map_err(|source| Error::System { doing: "find the working folder".into(), source })?;
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
    let config::Credentials { client_id, client_secret, refresh_token } = config.zoho.credentials()?;
    let credentials = Credentials {
        client_id: client_id.to_owned(),
        client_secret: client_secret.clone(),
        refresh_token: refresh_token.clone(),
    };
    let transport: Arc<dyn Transport> = Arc::new(Network::new()?);
    let tokens = Tokens::new(
        Arc::clone(&transport),
        config.zoho.accounts_url.clone(),
        credentials,
        Cache::folder(config.state.dir.clone()),
        clock.clone(),
    );
    let settings = Settings {
        servers: config.zoho.servers(),
        org_id: config.zoho.org_id.clone(),
        concurrency: config.limits.concurrency,
        requests_per_second: config.limits.requests_per_second,
        reserve: config.limits.credit_reserve,
        patience: Patience { tries: config.limits.tries },
    };
    Ok(Arc::new(Client::new(transport, tokens, clock.clone(), settings)))
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

/// Opens the warehouse for a run: holds the lock, brings the schema up to date.
pub(super) async fn warehouse(config: &config::Warehouse, clock: &Clock) -> Result<AnyWarehouse, warehouse::Error> {
    Ok(match &config.url {
        WarehouseUrl::Memory | WarehouseUrl::Sqlite { .. } => {
            AnyWarehouse::Sqlite(SqlWarehouse::open(Sqlite::open(&config.url).await?, clock.now()).await?)
        }
        WarehouseUrl::Postgres { .. } => {
            let dialect = Postgres::open(&config.url, &config.schema).await?;
            AnyWarehouse::Postgres(SqlWarehouse::open(dialect, clock.now()).await?)
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
