//! `deskhouse backfill`: an explicit range of time. It has windows of its own, so that it can run beside the nightly job,
//! stops and resumes by itself, and moves no bookmark.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::{Args, ValueEnum};

use super::sync::{self, Manner};
use super::{World, wiring};
use crate::error::{Class, Error};
use crate::http::Priority;
use crate::ledger::{Key, Range};
use crate::resource::{Resource, Split};
use crate::sync::{Backfill, Plan};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Resources to read [default: `sync.resources`, or all]
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    #[command(flatten)]
    range: RangeOptions,
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

/// An explicit range, as it is typed.
#[derive(Debug, Args)]
pub(super) struct RangeOptions {
    /// First day, or a time as 2024-01-31T08:00:00Z; days are UTC's
    #[arg(long, value_name = "DATE", value_parser = begin)]
    from: Option<DateTime<Utc>>,
    /// Last day, or a time; a day is read to its end
    #[arg(long, value_name = "DATE", value_parser = end)]
    to: Option<DateTime<Utc>>,
    /// Time that the range is one of
    #[arg(long, value_enum, default_value_t = By::Modified, value_name = "TIME")]
    by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Time of creation
    Created,
    /// Time of the last change
    Modified,
}

pub(super) async fn run(world: &World, options: Options) -> Result<Class, Error> {
    let flags = options.warehouse.map(|url| ("warehouse.url", url)).into_iter().collect();
    let config = wiring::config(&world.global, flags)?;
    let plan = sync::plan(&config, "backfill", &options.resources)?;
    let plan = options.range.of(plan, !options.resources.is_empty())?;
    let (until_done, json) = (options.until_done, options.json);
    sync::carry_out(world, &config, &plan, Manner { priority: Priority::Backfill, until_done, json }).await
}

impl RangeOptions {
    pub(super) fn is_given(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// The plan with this range in it. A resource that cannot be read by it is left out, unless it was named.
    pub(super) fn of(&self, plan: Plan, named: bool) -> Result<Plan, Error> {
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Err(Error::Usage {
                message: "a backfill needs a range".into(),
                hint: "give its first and its last day: `--from 2024-01-01 --to 2024-12-31`".into(),
            });
        };
        if from > to {
            return Err(Error::Usage {
                message: "the range ends before it begins".into(),
                hint: "`--from` is the earlier day".into(),
            });
        }
        let key = match self.by {
            By::Created => Key::Created,
            By::Modified => Key::Modified,
        };
        let can_be_read = |resource: &&&'static Resource| match key {
            Key::Modified => resource.feed.range().is_some(),
            Key::Created => resource.splits.first() == Some(&Split::CreatedTime),
        };
        let resources: Vec<_> = plan.resources.iter().filter(can_be_read).copied().collect();
        let refused = plan.resources.iter().find(|resource| !can_be_read(resource));
        if let Some(resource) = refused.filter(|_| named) {
            let name = resource.name;
            let (message, hint) = match resource.feed.range() {
                Some(_) => (
                    format!("Zoho does not search {name} by time of creation"),
                    "leave `--by created` away, or name other resources",
                ),
                None => (format!("{name} is a list that is read whole by each sync"), "name other resources"),
            };
            return Err(Error::Usage { message, hint: hint.into() });
        }
        let backfill = Backfill { range: Range::new(from, to), key };
        Ok(Plan { resources, backfill: Some(backfill), ..plan })
    }
}

fn begin(text: &str) -> Result<DateTime<Utc>, &'static str> {
    time(text, TimeDelta::zero())
}

fn end(text: &str) -> Result<DateTime<Utc>, &'static str> {
    time(text, TimeDelta::days(1) - TimeDelta::milliseconds(1))
}

/// A time, or `into_day` after the midnight that begins a day.
fn time(text: &str, into_day: TimeDelta) -> Result<DateTime<Utc>, &'static str> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let day =
        text.parse::<NaiveDate>().map_err(|_| "expected a day as 2024-01-31, or a time as 2024-01-31T08:00:00Z")?;
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc() + into_day)
}
