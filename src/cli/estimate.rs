//! `deskhouse estimate`: what a run would cost, before anything is spent.

use clap::Args;

use super::backfill::RangeOptions;
use super::wiring::{self, on_any};
use super::{World, print, sync};
use crate::config::{self, Config};
use crate::error::{Class, Error};
use crate::http::{Client, Priority};
use crate::ledger::History;
use crate::report;
use crate::resource::Resource;
use crate::sync::{Backfill, Pace, Plan, Work, estimate, greet};
use crate::warehouse::{self, Due, Warehouse as _};

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
    let is_whole = found.resources.iter().all(|cost| cost.error.is_none());
    Ok(if is_whole { Class::Done } else { Class::Partial })
}

/// What carrying out a plan would cost.
pub(super) async fn of_plan(world: &World, config: &Config, plan: &Plan) -> Result<crate::sync::Estimate, Error> {
    let priority = if plan.backfill.is_some() { Priority::Backfill } else { Priority::Main };
    let client = wiring::client_for(config, priority, &world.clock)?;
    let (now, edition) = greet(plan, &client).await?;
    recall(config, &client).await?;
    let mut work = Vec::new();
    for resource in &plan.resources {
        work.push(work_of(config, plan, resource, now).await?);
    }
    let config::Limits { concurrency, requests_per_second, .. } = config.limits;
    let pace = Pace { concurrency, requests_per_second, edition };
    Ok(estimate(plan, &work, &client, pace).await.map_err(crate::sync::Error::Http)?)
}

/// Learns from the ledger what was spent today and what the portal had left, as a run would.
async fn recall(config: &Config, client: &Client) -> Result<(), Error> {
    match wiring::warehouse_to_read(&config.warehouse).await {
        Err(warehouse::Error::Open { trouble: warehouse::Trouble::Missing, .. }) => Ok(()),
        opened => on_any!(opened?, warehouse => {
            // One that no run has filled has no ledger.
            if warehouse.status().await?.org_id.is_some() {
                let day = client.credit_day_start();
                client.remember_today(day, warehouse.today(day).await?);
            }
            warehouse.close().await;
            Ok(())
        }),
    }
}

/// What a run would read of a resource. A warehouse that is not there yet holds nothing.
async fn work_of(
    config: &Config,
    plan: &Plan,
    resource: &'static Resource,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Work, Error> {
    let mut due = 0;
    let held = match wiring::warehouse_to_read(&config.warehouse).await {
        Err(warehouse::Error::Open { trouble: warehouse::Trouble::Missing, .. }) => None,
        opened => on_any!(opened?, warehouse => {
            let held = match (warehouse.status().await?.org_id, plan.backfill) {
                (None, _) => None,
                (Some(_), Some(Backfill { key, range })) => Some(warehouse.left_of_range(resource, key, range).await?),
                (Some(_), None) => {
                    let history = warehouse.history(resource).await?;
                    let mut ranges = history.ranges_to_read(plan.start_date, now, plan.overlap);
                    ranges.extend(history.open.iter().map(crate::ledger::Window::rest));
                    due = warehouse.parents(resource, Due::Changed, usize::MAX).await?.len() as u64;
                    Some(ranges)
                }
            };
            warehouse.close().await;
            held
        }),
    };
    let ranges = held.unwrap_or_else(|| match plan.backfill {
        Some(Backfill { range, .. }) => vec![range],
        None => History::default().ranges_to_read(plan.start_date, now, plan.overlap),
    });
    Ok(Work { resource, ranges, due })
}
