//! What a run is told: defaults < file < environment < flags, read once, checked whole, every mistake at once.
//! Pure but for reading one file: environment, flags and working folder are handed in, and no clock is read.
//! Which resources exist is up to `resource` (the CLI checks the names); whether secrets work is up to `auth`.

mod error;
mod file;
mod grant;
mod layers;
mod product;
mod region;
mod secret;
pub mod setting;
mod value;
mod warehouse_url;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use chrono::{DateTime, Utc};
use url::Url;

pub use self::{
    error::{Error, Fault, Problem, Source},
    grant::{Client, Credentials, Grant, GrantType, RefreshToken},
    product::{DESK, Product, Servers},
    region::DataCenter,
    secret::Secret,
    value::{OrgId, Refused, Reserve, moment},
    warehouse_url::WarehouseUrl,
};
use self::{
    layers::{Layers, Noted},
    setting::Setting,
};

/// What the world outside says; the CLI gathers it.
#[derive(Clone, Default)]
pub struct Inputs {
    /// `--config`.
    pub flag_file: Option<PathBuf>,
    /// The environment, with what `.env` adds to it. Not printable, since secrets are in it.
    pub environment: BTreeMap<String, String>,
    /// Names of the environment that `.env` has given.
    pub dot_env: BTreeSet<String>,
    /// Flags that set a setting: its name (`warehouse.url`) and the text given. Of several, the last counts.
    pub flags: Vec<(&'static str, String)>,
    /// The folder that relative paths start from.
    pub working_dir: PathBuf,
}

/// All settings, checked. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The portal and how to sign in.
    pub zoho: Zoho,
    /// Where the tables are.
    pub warehouse: Warehouse,
    /// What to copy.
    pub sync: Sync,
    /// How hard to press.
    pub limits: Limits,
    /// What is remembered outside of the warehouse.
    pub state: State,
    /// Where every value comes from.
    pub sources: Sources,
}

/// The portal and how to sign in.
#[derive(Clone, Debug)]
pub struct Zoho {
    /// Where the portal lives.
    pub data_center: DataCenter,
    /// The portal's id; guards against a token of another portal.
    pub org_id: Option<OrgId>,
    /// Who asks.
    pub client_id: Option<String>,
    /// The client's password.
    pub client_secret: Option<Secret>,
    /// How access tokens are obtained.
    pub grant: GrantType,
    /// What access tokens are made from.
    pub refresh_token: Option<RefreshToken>,
    /// Scopes to ask for beside those of the resources.
    pub scopes: Vec<String>,
    /// Where tokens are asked for: the data centre's or the override. Its path is `/`.
    pub accounts_url: Url,
    /// Where Desk answers: the data centre's or the override. Its path is `/`: `/api/v1` is not in it.
    pub desk_url: Url,
    /// Where all of Zoho's other products answer instead of the data centre's servers. Its path is `/`.
    pub products_url: Option<Url>,
}

/// Where the tables are.
#[derive(Clone, Debug)]
pub struct Warehouse {
    /// The database.
    pub url: WarehouseUrl,
    /// Postgres schema; plain enough to stand in SQL without quotes.
    pub schema: String,
    /// Whether each record is kept as received.
    pub raw: bool,
}

/// What to copy.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Names of resources, each once; not checked against those that exist. None means all.
    pub resources: Option<Vec<String>>,
    /// Where the first run begins. None means the beginning.
    pub start_date: Option<DateTime<Utc>>,
    /// How much of the last run's time is read again; 31 days at most.
    pub overlap: Duration,
    /// Credits that a run spends on comparing a part of the warehouse with the portal.
    pub verify_budget: u32,
    /// Names of resources whose rows are completed by the record read alone; not checked against those that exist.
    pub detail: Vec<String>,
}

/// How hard to press.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests in flight at most, 1 to 50.
    pub concurrency: u32,
    /// Requests begun in a second at most, 1 to 1,000. None means as fast as answers come.
    pub requests_per_second: Option<u32>,
    /// API credits that are left to others.
    pub credit_reserve: Reserve,
    /// API credits that this program spends in a day at most, in all its runs. None means up to the reserve.
    pub daily_credits: Option<u64>,
    /// How often a failing request is sent in all, 1 to 20.
    pub tries: u32,
}

/// What is remembered outside of the warehouse.
#[derive(Clone, Debug)]
pub struct State {
    /// Folder of the token cache; may not exist yet.
    pub dir: PathBuf,
}

/// Where every value comes from, for `deskhouse check`.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// Every setting of the table, in its order.
    pub origins: Vec<Origin>,
}

/// Where one value comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The setting.
    pub setting: &'static Setting,
    /// Its value as given, with what may not be seen as `***`; none when it is unset.
    pub shown: Option<String>,
    /// The layer that gave it.
    pub source: Source,
}

impl Sources {
    /// Where the value of a setting such as `warehouse.url` comes from.
    pub fn of(&self, name: &str) -> Option<&Source> {
        self.origins.iter().find(|origin| origin.setting.name() == name).map(|origin| &origin.source)
    }
}

impl Config {
    /// The configuration that the inputs add up to, or every mistake in them.
    ///
    /// A value that a higher layer replaces is not checked: a flag must be able to get around a bad line. Secrets may
    /// be missing; the commands that need them ask for [`Zoho::credentials`].
    pub fn load(inputs: &Inputs) -> Result<Self, Error> {
        let mut layers = Layers::new();
        let file = match file::read(inputs.flag_file.as_deref(), &inputs.environment, &inputs.working_dir) {
            Ok(file) => file,
            Err(problem) => {
                layers.add_problem(*problem);
                None
            }
        };
        if let Some(file) = &file {
            layers.add_file(file);
        }
        layers.add_environment(&inputs.environment, &inputs.dot_env);
        layers.add_flags(&inputs.flags);

        // All sections are read before any of them is unwrapped, so that each can note its mistakes.
        let zoho = zoho(&mut layers);
        let warehouse = warehouse(&mut layers, inputs);
        let sync = sync(&mut layers);
        let limits = limits(&mut layers);
        let state = state(&mut layers, inputs);

        let origin = |setting: &'static Setting| Origin {
            setting,
            shown: layers.shown(setting),
            source: layers.source(&setting.name()),
        };
        let origins = setting::ALL.iter().map(origin).collect();
        let sources = Sources { file: file.map(|file| file.path), origins };
        match (zoho, warehouse, sync, limits, state, Error::of(layers.into_problems())) {
            (Ok(zoho), Ok(warehouse), Ok(sync), Ok(limits), Ok(state), None) => {
                Ok(Self { zoho, warehouse, sync, limits, state, sources })
            }
            (.., error) => Err(error.expect("a section fails only after it has noted a mistake")),
        }
    }
}

fn zoho(layers: &mut Layers) -> Result<Zoho, Noted> {
    let some_secret = |text: &str| Secret::new(text).ok_or_else(|| Refused::new("text"));
    let data_center = layers.must("zoho.data_center", DataCenter::parse);
    let org_id = layers.read("zoho.org_id", OrgId::parse);
    let client_id = layers.read("zoho.client_id", value::word);
    let client_secret = layers.read("zoho.client_secret", some_secret);
    let grant = layers.must("zoho.grant", GrantType::parse);
    let refresh_token = layers.read("zoho.refresh_token", |text| some_secret(text).map(RefreshToken::of));
    let scopes = layers.names("zoho.scopes");
    let accounts_url = layers.read("zoho.accounts_url", |text| value::server(text, "/oauth/v2/token"));
    let desk_url = layers.read("zoho.desk_url", |text| value::server(text, "/api/v1"));
    let products_url = layers.read("zoho.products_url", |text| value::server(text, ""));

    let (data_center, scopes) = (data_center?, scopes?.unwrap_or_default());
    if let (Some(refused), Some(setting)) = (grant::refused_scope(&scopes), Setting::named("zoho.scopes")) {
        layers.refuse(setting, layers.source("zoho.scopes"), refused, "something else".to_owned());
    }
    let (accounts_url, desk_url, products_url) = (accounts_url?, desk_url?, products_url?);
    check_data_center(layers, "zoho.accounts_url", accounts_url.as_ref(), data_center);
    check_data_center(layers, "zoho.desk_url", desk_url.as_ref(), data_center);
    check_data_center(layers, "zoho.products_url", products_url.as_ref(), data_center);
    Ok(Zoho {
        data_center,
        org_id: org_id?,
        client_id: client_id?,
        client_secret: client_secret?,
        grant: grant?,
        refresh_token: refresh_token?,
        scopes,
        accounts_url: accounts_url.unwrap_or_else(|| data_center.accounts_url()),
        desk_url: desk_url.unwrap_or_else(|| data_center.desk_url()),
        products_url,
    })
}

/// A token of one data centre is nothing but a 401 in another. After other mistakes the data centre itself is in doubt,
/// so that nothing is said about it.
fn check_data_center(layers: &mut Layers, name: &str, url: Option<&Url>, data_center: DataCenter) {
    let host = url.and_then(Url::host_str).unwrap_or_default();
    let (Some(other), Some(setting)) = (DataCenter::of_host(host), Setting::named(name)) else { return };
    if other != data_center && layers.is_clean() {
        let (own, other) = (data_center.code(), other.code());
        let refused = Refused::new(format!("a server of the data centre `{own}`"))
            .with_hint(format!("leave `{}` out and set `data_center = \"{other}\"`", setting.key));
        layers.refuse(setting, layers.source(name), refused, format!("`{host}`, a server of `{other}`"));
    }
}

fn warehouse(layers: &mut Layers, inputs: &Inputs) -> Result<Warehouse, Noted> {
    let home = file::home(&inputs.environment);
    let parse = |text: &str| WarehouseUrl::parse(text, home.as_deref(), &inputs.working_dir);
    let url = layers.must("warehouse.url", parse);
    let schema = layers.must("warehouse.schema", value::schema);
    let raw = layers.must("warehouse.raw", value::boolean);
    Ok(Warehouse { url: url?, schema: schema?, raw: raw? })
}

fn sync(layers: &mut Layers) -> Result<Sync, Noted> {
    let resources = layers.names("sync.resources");
    let start_date = layers.read("sync.start_date", moment);
    let overlap = layers.must("sync.overlap", value::overlap);
    let verify_budget = layers.number("sync.verify_budget");
    let detail = layers.names("sync.detail");
    Ok(Sync {
        resources: resources?,
        start_date: start_date?,
        overlap: overlap?,
        verify_budget: verify_budget?,
        detail: detail?.unwrap_or_default(),
    })
}

fn limits(layers: &mut Layers) -> Result<Limits, Noted> {
    let concurrency = layers.number("limits.concurrency");
    let requests_per_second = layers.number_if_set("limits.requests_per_second");
    let credit_reserve = layers.must("limits.credit_reserve", Reserve::parse);
    let daily_credits = layers.read("limits.daily_credits", value::credits);
    let tries = layers.number("limits.tries");
    Ok(Limits {
        concurrency: concurrency?,
        requests_per_second: requests_per_second?,
        credit_reserve: credit_reserve?,
        daily_credits: daily_credits?,
        tries: tries?,
    })
}

fn state(layers: &mut Layers, inputs: &Inputs) -> Result<State, Noted> {
    let home = file::home(&inputs.environment);
    let parse = |text: &str| value::path(text, home.as_deref(), &inputs.working_dir);
    let given = layers.read("state.dir", parse)?;
    let dir = given.or_else(|| file::state_dir(&inputs.environment)).ok_or_else(|| {
        layers.add_problem(Problem {
            hint: Some("set `DESKHOUSE_STATE__DIR` to a folder that outlives the run".to_owned()),
            ..missing("state.dir")
        });
        Noted
    })?;
    Ok(State { dir })
}

fn missing(name: &str) -> Problem {
    Problem { source: Source::Default, key: Some(name.to_owned()), fault: Fault::Missing, hint: None }
}

#[cfg(test)]
mod tests;
