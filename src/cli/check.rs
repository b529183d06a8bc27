//! `deskhouse check`: whether a run would work, without one. It reads, and changes nothing but the token cache.

use clap::Args;

use super::wiring::{self, on_any};
use super::{World, print};
use crate::check::{self, Findings, Portal};
use crate::config::{Config, OrgId, Reserve};
use crate::error::{Class, Error};
use crate::ledger::Today;
use crate::report;
use crate::resource::{self, Resource};
use crate::warehouse::Warehouse;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Warehouse to look at [default: `warehouse.url`]
    #[arg(long, value_name = "URL")]
    warehouse: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// How often a request is sent that gets no answer. A run has more patience; a person waits.
const TRIES: u32 = 3;

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let flags = options.warehouse.map(|url| ("warehouse.url", url)).into_iter().collect();
    let findings = match wiring::config(&world.global, flags) {
        Ok(config) => check_all(world, &config).await,
        Err(error) => check::mistakes(&error),
    };
    let (list, class) = (findings.list(), findings.class());
    let text = match options.json {
        true => report::findings_json(list, class.exit_code()).to_string(),
        false => report::findings(list),
    };
    print(&text)?;
    Ok(class)
}

async fn check_all(world: &World, config: &Config) -> Findings {
    let mut findings = check::settings(config);
    let named = config.sync.resources.as_deref().unwrap_or_default();
    let resources = wiring::resources(named).unwrap_or_else(|error| {
        findings.append(check::mistakes(&error));
        resource::ALL.to_vec()
    });
    let warehouse = wiring::warehouse_to_read(&config.warehouse).await;
    let today = match &warehouse {
        Ok(warehouse) => {
            let day_start = config.zoho.data_center.credit_day_start(world.clock.now());
            // Without a ledger nothing is known, and what else is wrong is a finding of its own.
            on_any!(warehouse, warehouse => warehouse.today(day_start).await).unwrap_or_default()
        }
        Err(_) => Today::default(),
    };
    let (portal, org_id) = check_portal(world, config, &resources, today.most).await;
    findings.append(portal);
    let url = &config.warehouse.url;
    findings.append(match warehouse {
        Ok(warehouse) => on_any!(warehouse, warehouse => {
            let found = check::warehouse(&warehouse, url, org_id.as_ref()).await;
            warehouse.close().await;
            found
        }),
        Err(error) => check::absent(url, error),
    });
    findings.append(check::place(url));
    findings
}

async fn check_portal(
    world: &World,
    config: &Config,
    resources: &[&'static Resource],
    most_credits: Option<u64>,
) -> (Findings, Option<OrgId>) {
    let mut asking = config.clone();
    // Whoever looks why nothing works at the reserve has to be answered there.
    asking.limits.credit_reserve = Reserve::Credits(0);
    asking.limits.tries = asking.limits.tries.min(TRIES);
    match wiring::client(&asking, &world.clock) {
        Ok(client) => Portal { client: &client, config, resources, most_credits }.check().await,
        Err(error) => (check::unasked(resources, error), config.zoho.org_id.clone()),
    }
}
