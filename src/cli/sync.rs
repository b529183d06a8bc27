//! `deskhouse sync`: the nightly job.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::wiring::{self, on_any};
use super::{World, print, signals};
use crate::config::Config;
use crate::error::{Class, Error, http_hint, resource_hint};
use crate::report::{self, Log};
use crate::sync::{self, Outcome, Plan};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Resources to read [default: `sync.resources`, or all]
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Where history begins [default: `sync.start_date`, or the beginning]
    #[arg(long, value_name = "DATE")]
    start_date: Option<String>,
    /// Warehouse to fill [default: `warehouse.url`]
    #[arg(long, value_name = "URL")]
    warehouse: Option<String>,
    /// Print the summary as one JSON document
    #[arg(long)]
    json: bool,
}

/// No Zoho Desk portal is older; the product began in 2016 and its predecessor in 2010.
const BEGINNING: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).expect("2000-01-01");

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let mut flags = Vec::new();
    flags.extend(options.start_date.map(|date| ("sync.start_date", date)));
    flags.extend(options.warehouse.map(|url| ("warehouse.url", url)));
    let config = wiring::config(&world.global, flags)?;
    let plan = plan(&config, "sync", &options.resources)?;
    // Everything that can fail without a request fails first.
    let client = wiring::client(&config, &world.clock)?;
    let warehouse = wiring::warehouse(&config.warehouse, &world.clock).await?;
    let shutdown = signals::shutdown(&world.log);
    let observer = world.observer();
    let outcome = on_any!(warehouse, warehouse => {
        let outcome = sync::sync(&plan, Arc::clone(&client), &warehouse, observer.as_ref(), &shutdown).await;
        warehouse.close().await;
        outcome
    })?;
    let text = if options.json { report::summary_json(&outcome).to_string() } else { report::summary(&outcome) };
    print(&text)?;
    warn(&world.log, &outcome);
    Ok(outcome.state.into())
}

/// What a run with this configuration is to do.
pub(super) fn plan(config: &Config, command: &'static str, resources: &[String]) -> Result<Plan, Error> {
    let named = if resources.is_empty() { config.sync.resources.as_deref().unwrap_or_default() } else { resources };
    Ok(Plan {
        command,
        resources: wiring::resources(named)?,
        org_id: config.zoho.org_id.clone(),
        start_date: config.sync.start_date.unwrap_or(BEGINNING),
        overlap: TimeDelta::from_std(config.sync.overlap).unwrap_or(TimeDelta::MAX),
        keep_raw: config.warehouse.raw,
        holder: holder(),
    })
}

/// Says on stderr what is not complete, and what to do.
fn warn(log: &Log, outcome: &Outcome) {
    for sentence in report::advice(outcome) {
        log.warn(&sentence);
    }
    let failures = outcome.failures.iter().filter_map(|(resource, error)| resource_hint(resource, error));
    let mut hints: Vec<_> = outcome.out_of_credits.iter().filter_map(http_hint).chain(failures).collect();
    hints.dedup();
    for hint in hints {
        log.hint(&hint);
    }
}

/// Who runs this, for the next run that finds the warehouse taken.
fn holder() -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("this host").to_owned();
    format!("process {} on {host}", std::process::id())
}
