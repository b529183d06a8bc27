//! What a run would cost, before anything is spent: a count for each range that it would read, a look at each list of which
//! nothing is known, and arithmetic. The rest is not asked for, so the answer is as good as the counts. What a run asks for
//! is told part by part in `parts`, how much there is of it is found out in `sizes`, and what the warehouse holds already in
//! `held`.

mod held;
mod parts;
mod ranges;
mod sizes;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

pub use held::{Held, Work};
pub use parts::Part;

use super::{Error, Plan, portal};
use crate::http::{self, Budget, Client, Edition};
use crate::ledger::{RECYCLE_BIN, Usage};
use crate::resource::Feed;
use parts::Prices;
use sizes::Sizes;

/// What one resource would cost, or what is read beside them for all.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Its name.
    pub resource: &'static str,
    /// Records to be read; none where it could not be asked.
    pub records: Option<u64>,
    /// What its requests are for; none where it could not be asked.
    pub parts: Option<Vec<Part>>,
    /// Why it could not be asked.
    pub error: Option<String>,
    /// Keys of some of the records.
    sample: Vec<String>,
}

impl Cost {
    fn of(resource: &'static str, mut parts: Vec<Part>) -> Self {
        // One part is told in any case.
        let mut is_first = true;
        parts.retain(|part| std::mem::take(&mut is_first) || part.usage.requests > 0);
        Self { resource, records: None, parts: Some(parts), error: None, sample: Vec::new() }
    }

    fn unknown(resource: &'static str, error: Option<String>) -> Self {
        Self { resource, records: None, parts: None, error, sample: Vec::new() }
    }

    /// Requests and credits of all parts.
    pub fn usage(&self) -> Option<Usage> {
        self.parts.as_ref().map(|parts| sum(parts.iter().map(|part| part.usage)))
    }
}

/// What a run would cost.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// One a resource, in the order of the plan.
    pub resources: Vec<Cost>,
    /// What is asked for beside them for all resources.
    pub feeds: Vec<Cost>,
    /// Requests and credits of all that could be counted.
    pub total: Usage,
    /// Time that a request takes, in seconds, as observed.
    pub latency: f64,
    /// Time of the whole run, in seconds, if the credits suffice.
    pub seconds: f64,
    /// Credits that may be spent today.
    pub today: Option<u64>,
    /// Credits that may be spent on each later day.
    pub a_day: Option<u64>,
    /// The edition, where it is a known one.
    pub edition: Option<&'static str>,
    /// Credit days that it takes.
    pub days: Option<u64>,
    /// What the estimate itself has cost.
    pub spent: Usage,
}

impl Estimate {
    /// All costs: resources, then what is asked for beside them.
    pub fn all(&self) -> impl Iterator<Item = &Cost> {
        self.resources.iter().chain(&self.feeds)
    }
}

/// How a run would ask.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Requests at a time.
    pub concurrency: u32,
    /// Requests in a second, where there is such a limit.
    pub requests_per_second: Option<u32>,
    /// What the portal grants, where its edition is a known one.
    pub edition: Option<Edition>,
}

impl Pace {
    /// Requests at a time that are allowed and granted.
    fn at_once(&self) -> u32 {
        self.edition.map_or(self.concurrency, |edition| edition.concurrency.min(self.concurrency)).max(1)
    }
}

/// Finds the portal, as a run would, and gives its time and its edition.
pub async fn greet(plan: &Plan, client: &Client) -> Result<(DateTime<Utc>, Option<Edition>), Error> {
    let portal = portal::greet(client, plan.org_id.as_ref()).await?;
    Ok((client.portal_now(), portal.edition))
}

/// Estimates what a run takes that begins with what the warehouse holds. A request for most resources, and a few where that
/// does not tell; the client has greeted the portal and asked for nothing else.
pub async fn estimate(plan: &Plan, held: &Held, client: &Client, pace: Pace) -> Result<Estimate, http::Error> {
    let (greeting, start) = (client.usage(), Instant::now());
    let sizes = Sizes { plan, client, now: client.portal_now(), at_once: pace.at_once() };
    let mut resources: Vec<Cost> = Vec::new();
    for work in &held.work {
        resources.push(known(work.resource.name, sizes.of(work, &resources).await)?);
    }
    // A run greets the portal as this estimate has.
    let mut feeds = vec![Cost::of("portal", vec![Part { name: "greeting", usage: greeting }])];
    // What is asked for explicitly is no occasion to look for anything else.
    if plan.backfill.is_none() {
        feeds.push(known(RECYCLE_BIN, sizes.of_bin(held.bin_is_read).await)?);
        if held.comparison > 0 {
            feeds.push(Cost::of("comparison", vec![Prices::default().pages("tonight's part", held.comparison)]));
        }
    }
    let spent = client.usage();
    let latency = start.elapsed().as_secs_f64() / (spent.requests - greeting.requests).max(1) as f64;
    let total = sum(resources.iter().chain(&feeds).filter_map(Cost::usage));
    let Budget { today, a_day } = client.budget();
    Ok(Estimate {
        seconds: seconds(&held.work, &resources, total, latency, pace),
        resources,
        feeds,
        latency,
        today,
        a_day,
        edition: pace.edition.map(|edition| edition.name),
        days: today.zip(a_day).and_then(|(today, a_day)| days(total.credits, today, a_day)),
        spent,
        total,
    })
}

/// What could be asked, or why not; an error that no question gets past.
fn known(resource: &'static str, asked: Result<Cost, http::Error>) -> Result<Cost, http::Error> {
    match asked {
        Err(error) if error.ends_all() => Err(error),
        Err(error) => Ok(Cost::unknown(resource, Some(error.to_string()))),
        Ok(cost) => Ok(cost),
    }
}

fn sum(usages: impl Iterator<Item = Usage>) -> Usage {
    let mut total = Usage::default();
    for usage in usages {
        total += usage;
    }
    total
}

/// Seconds of the whole run: resources are read side by side, as many requests at a time as are allowed and granted; one
/// whose records are not counted is read by a single walk, and all wait for that.
fn seconds(work: &[Work], resources: &[Cost], total: Usage, latency: f64, pace: Pace) -> f64 {
    let requests = total.requests as f64;
    let single = work.iter().zip(resources).filter(|(work, _)| matches!(work.resource.feed, Feed::Filtered { .. }));
    let longest = single.filter_map(|(_, cost)| cost.usage()).map(|usage| usage.requests).max().unwrap_or_default();
    (requests * latency / f64::from(pace.at_once()))
        .max(pace.requests_per_second.map_or(0.0, |most| requests / f64::from(most.max(1))))
        .max(longest as f64 * latency)
}

/// Credit days that so many credits take; none when no day gives any.
fn days(credits: u64, today: u64, a_day: u64) -> Option<u64> {
    match credits.saturating_sub(today) {
        0 => Some(1),
        _ if a_day == 0 => None,
        rest => Some(1 + rest.div_ceil(a_day)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_today_takes_whole_days() {
        assert_eq!(days(100, 100, 50), Some(1));
        assert_eq!(days(101, 100, 50), Some(2));
        assert_eq!(days(251, 100, 50), Some(5));
        assert_eq!(days(1, 0, 0), None);
        assert_eq!(days(0, 0, 0), Some(1));
    }
}
