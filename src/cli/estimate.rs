//! `deskhouse estimate`: what a run would cost, before anything is spent.

use chrono::{DateTime, Utc};
use clap::Args;

use super::backfill::RangeOptions;
use super::wiring::{self, on_any};
use super::{World, print, sync};
use crate::config::{self, Config};
use crate::error::{Class, Error};
use crate::http::{Client, Priority};
use crate::report;
use crate::sync::{Estimate, Held, Pace, Plan, estimate, greet};
use crate::warehouse::{self, Warehouse as _};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Resources to estimate [default: `sync.resources`, or all]
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Estimate a backfill of a range instead of the next sync
    #[arg(long, requires_all = ["from", "to"])]
    backfill: bool,
    #[command(flatten)]
    range: RangeOptions,
    /// Where history begins [default: `sync.start_date`, or the beginning]
    #[arg(long, value_name = "DATE", conflicts_with = "backfill")]
    start_date: Option<String>,
    /// Warehouse that would be filled [default: `warehouse.url`]
    #[arg(long, value_name = "URL")]
    warehouse: Option<String>,
    /// Print the estimate as one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    if !options.backfill && options.range.is_given() {
        return Err(Error::Usage {
            message: "`--from` and `--to` are the range of a backfill".into(),
            hint: "add `--backfill`, or leave them out for what the next sync costs".into(),
        });
    }
    let mut flags = Vec::new();
    flags.extend(options.start_date.map(|date| ("sync.start_date", date)));
    flags.extend(options.warehouse.map(|url| ("warehouse.url", url)));
    let config = wiring::config(&world.global, flags)?;
    let plan = sync::plan(&config, "estimate", &options.resources)?;
    let plan = if options.backfill { options.range.of(plan, !options.resources.is_empty())? } else { plan };
    let found = of_plan(world, &config, &plan).await?;
    print(&if options.json { report::estimate_json(&found).to_string() } else { report::estimate(&found) })?;
    let is_whole = found.all().all(|cost| cost.error.is_none());
    Ok(if is_whole { Class::Done } else { Class::Partial })
}

/// What carrying out a plan would cost.
pub(super) async fn of_plan(world: &World, config: &Config, plan: &Plan) -> Result<Estimate, Error> {
    let priority = if plan.backfill.is_some() { Priority::Backfill } else { Priority::Main };
    let client = wiring::client_for(config, priority, &world.clock)?;
    let (now, edition) = greet(plan, &client).await?;
    let held = held(config, plan, &client, now).await?;
    let config::Limits { concurrency, requests_per_second, .. } = config.limits;
    let pace = Pace { concurrency, requests_per_second, edition };
    Ok(estimate(plan, &held, &client, pace).await.map_err(crate::sync::Error::Http)?)
}

/// What a run would find in the warehouse. Learns from the ledger what was spent today and what the portal had left, as a run
/// would.
async fn held(config: &Config, plan: &Plan, client: &Client, now: DateTime<Utc>) -> Result<Held, Error> {
    match wiring::warehouse_to_read(&config.warehouse).await {
        Err(warehouse::Error::Open { trouble: warehouse::Trouble::Missing, .. }) => Ok(Held::nothing(plan, now)),
        opened => on_any!(opened?, warehouse => {
            // One that no run has filled has no ledger.
            let held = if warehouse.status().await?.org_id.is_some() {
                let day = client.credit_day_start();
                client.remember_today(day, warehouse.today(day).await?);
                Held::of(&warehouse, plan, now).await?
            } else {
                Held::nothing(plan, now)
            };
            warehouse.close().await;
            Ok(held)
        }),
    }
}
