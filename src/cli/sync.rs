//! `deskhouse sync`: the nightly job.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::wait::Wait;
use super::wiring::{self, on_any};
use super::{World, print, signals};
use crate::config::Config;
use crate::error::{Class, Error, http_hint, resource_hint};
use crate::http::{self, Priority};
use crate::ledger::{Purpose, State};
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
    /// When the credits of the day are spent, wait for the next credit day and go on
    #[arg(long)]
    until_done: bool,
    /// Print the summary as one JSON document
    #[arg(long)]
    json: bool,
}

/// Before any record: the product began in 2016, its predecessor in 2010, and what was imported may be older.
const BEGINNING: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).expect("2000-01-01");

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let mut flags = Vec::new();
    flags.extend(options.start_date.map(|date| ("sync.start_date", date)));
    flags.extend(options.warehouse.map(|url| ("warehouse.url", url)));
    let config = wiring::config(&world.global, flags)?;
    let plan = plan(&config, "sync", &options.resources)?;
    let (until_done, json) = (options.until_done, options.json);
    carry_out(world, &config, &plan, Manner { priority: Priority::Main, until_done, json }).await
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// How important it is when credits are short.
    pub(super) priority: Priority,
    /// Whether it waits for the next credit day instead of stopping.
    pub(super) until_done: bool,
    /// Whether the summary is for a script.
    pub(super) json: bool,
}

/// Carries a plan out and reports it.
pub(super) async fn carry_out(world: &World, config: &Config, plan: &Plan, manner: Manner) -> Result<Class, Error> {
    let purpose = if plan.backfill.is_some() { Purpose::Backfill } else { Purpose::Sync };
    let claims = purpose.claims(plan.resources.iter().map(|resource| resource.name));
    let (mut shutdown, mut skew) = (None, None);
    loop {
        // Everything that can fail without a request fails first.
        let client = wiring::client_for(config, manner.priority, &world.clock)?;
        if let Some(skew) = skew {
            // The day that was waited for has begun on the portal's clock.
            client.set_skew(skew);
        }
        // Not held while waiting: another run may use the day's credits meanwhile.
        let warehouse = wiring::warehouse_for(&config.warehouse, claims.clone(), &world.clock).await?;
        let shutdown = shutdown.get_or_insert_with(|| signals::shutdown(&world.log));
        let observer = world.observer();
        let ended = on_any!(warehouse, warehouse => {
            let ended = sync::sync(plan, Arc::clone(&client), &warehouse, observer.as_ref(), shutdown).await;
            warehouse.close().await;
            ended
        });
        // Bars would be drawn over the summary.
        drop(observer);
        let until = goes_on_at(&ended).filter(|_| manner.until_done);
        match (&ended, manner.json, until) {
            (Ok(outcome), true, None) => print(&report::summary_json(outcome).to_string())?,
            // A script gets one document: the last one.
            (_, true, Some(_)) | (Err(_), ..) => {}
            (Ok(outcome), false, _) => print(&report::summary(outcome))?,
        }
        let Some(until) = until else {
            let outcome = ended?;
            warn(&world.log, &outcome);
            return Ok(outcome.state.into());
        };
        skew = client.skew();
        let wait = Wait::new(until, client.portal_now(), rand::random());
        if !wait.pass(world.countdown().as_ref(), shutdown).await {
            world.log.warn("interrupted while waiting for credits; the next run goes on where this one stopped");
            return Ok(Class::Interrupted);
        }
    }
}

/// When a run that was short of credits can go on.
fn goes_on_at(ended: &Result<Outcome, sync::Error>) -> Option<DateTime<Utc>> {
    let error = match ended {
        Ok(outcome) if outcome.state == State::Interrupted => None,
        Ok(outcome) => outcome.out_of_credits.as_ref(),
        // There was not enough for the first request.
        Err(sync::Error::Http(error)) => Some(error),
        Err(_) => None,
    };
    match error? {
        http::Error::OutOfCredits { until, .. } => Some(*until),
        _ => None,
    }
}

/// What a run with this configuration is to do.
pub(super) fn plan(config: &Config, command: &'static str, resources: &[String]) -> Result<Plan, Error> {
    let named = if resources.is_empty() { config.sync.resources.as_deref().unwrap_or_default() } else { resources };
    let detail = &config.sync.detail;
    Ok(Plan {
        command,
        resources: wiring::resources(named)?,
        org_id: config.zoho.org_id.clone(),
        start_date: config.sync.start_date.unwrap_or(BEGINNING),
        backfill: None,
        overlap: TimeDelta::from_std(config.sync.overlap).unwrap_or(TimeDelta::MAX),
        keep_raw: config.warehouse.raw,
        verify_budget: config.sync.verify_budget.into(),
        detail: if detail.is_empty() { Vec::new() } else { wiring::resources(detail)? },
        holder: holder(),
    })
}

/// Says on stderr what is not complete, and what to do.
pub(super) fn warn(log: &Log, outcome: &Outcome) {
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
