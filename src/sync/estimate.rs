//! What a run would cost, before anything is spent: a count for each range that it would read, and arithmetic. The rest
//! is not asked for, so the answer is as good as the counts.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::{Error, Plan, portal};
use crate::extract;
use crate::http::{self, Budget, Client, Edition};
use crate::ledger::{Key, Range, Usage};
use crate::resource::{self, CREDITS_OF_ONE, Feed, List, Resource};

/// What one resource would cost.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Its name.
    pub resource: &'static str,
    /// Records to be read; none where it could not be asked.
    pub records: Option<u64>,
    /// Requests and credits; none where it could not be asked.
    pub usage: Option<Usage>,
    /// Why it could not be asked.
    pub error: Option<String>,
}

/// What a run would cost.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// One a resource, in the order of the plan.
    pub resources: Vec<Cost>,
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

/// Finds the portal, as a run would, and gives its time and its edition.
pub async fn greet(plan: &Plan, client: &Client) -> Result<(DateTime<Utc>, Option<Edition>), Error> {
    let portal = portal::greet(client, plan.org_id.as_ref()).await?;
    Ok((client.portal_now(), portal.edition))
}

/// Ranges that are counted for one resource: what a stopped run left can be dozens of windows, and each count is a request.
const MOST_COUNTS: usize = 4;

/// What a run would read of one resource.
#[derive(Debug, Clone)]
pub struct Work {
    /// The resource.
    pub resource: &'static Resource,
    /// Ranges of time that are not read yet.
    pub ranges: Vec<Range>,
    /// Parents that are held and whose lists are due.
    pub due: u64,
}

/// Estimates what reading this takes. A few requests a resource, and one for most; the client's books are the estimate's
/// own.
pub async fn estimate(plan: &Plan, work: &[Work], client: &Client, pace: Pace) -> Result<Estimate, http::Error> {
    let greeted = client.usage();
    let (mut resources, start): (Vec<Cost>, _) = (Vec::new(), Instant::now());
    for Work { resource, ranges, due } in work {
        let priced = |requests: u64| Usage { requests, credits: requests * u64::from(resource.credits_per_request()) };
        let cost = |usage| Cost { resource: resource.name, records: None, usage, error: None };
        resources.push(match resource.feed {
            // Read whole each time, mostly a page.
            Feed::List(List { each, .. }) => cost(Some(priced(each.map_or(1, |(_, values)| values.len() as u64)))),
            // One for each parent that is new or has changed.
            Feed::Children => {
                let parent = resource::parent_of(resource).map(|parent| parent.name);
                let parent = resources.iter().find(|cost| Some(cost.resource) == parent);
                cost(match parent {
                    Some(parent) => parent.records.map(|records| priced(due + records)),
                    None => Some(priced(*due)),
                })
            }
            Feed::Search { .. } | Feed::Filtered { .. } => of_ranges(plan, client, resource, ranges).await?,
        });
    }
    let spent = client.usage();
    let latency = start.elapsed().as_secs_f64() / (spent.requests - greeted.requests).max(1) as f64;
    let mut total = Usage::default();
    for usage in resources.iter().filter_map(|cost| cost.usage) {
        total += usage;
    }
    let Budget { today, a_day } = client.budget();
    Ok(Estimate {
        seconds: seconds(work, &resources, total, latency, pace),
        resources,
        latency,
        today,
        a_day,
        edition: pace.edition.map(|edition| edition.name),
        days: today.zip(a_day).and_then(|(today, a_day)| days(total.credits, today, a_day)),
        spent,
        total,
    })
}

/// What reading these ranges of a resource takes, and each record by itself where details are asked for.
async fn of_ranges(
    plan: &Plan,
    client: &Client,
    resource: &'static Resource,
    ranges: &[Range],
) -> Result<Cost, http::Error> {
    let cost = Cost { resource: resource.name, records: None, usage: None, error: None };
    let records = match count(client, resource, plan.backfill.map_or(Key::Modified, |range| range.key), ranges).await {
        Ok(records) => records,
        Err(error) if error.ends_all() => return Err(error),
        Err(error) => return Ok(Cost { error: Some(error.to_string()), ..cost }),
    };
    let requests = pages(records, ranges.len() as u64, resource.page_limit);
    // Walks stay where a page is cheapest, and so is the price of a count.
    let booked = client.usage_of(resource.name);
    let credits = (requests * booked.credits).checked_div(booked.requests).unwrap_or_default();
    let mut usage = Usage { requests, credits };
    if plan.detail.iter().any(|named| named.name == resource.name) {
        usage += Usage { requests: records, credits: records * CREDITS_OF_ONE };
    }
    Ok(Cost { records: Some(records), usage: Some(usage), ..cost })
}

/// Records of all ranges. Where fewer may be counted than there are, the parts of a range that are not meant are taken to
/// hold as many records a day as the others.
async fn count(client: &Client, resource: &'static Resource, key: Key, ranges: &[Range]) -> Result<u64, http::Error> {
    let mut records = 0;
    for Counted { range, meant } in few(ranges) {
        let found = extract::count(client, resource, key, range).await?;
        let share = meant.as_seconds_f64() / (range.to - range.from).max(meant).as_seconds_f64().max(0.001);
        records += (found as f64 * share).round() as u64;
    }
    Ok(records)
}

/// A range that is counted in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    range: Range,
    /// How much of it is to be read.
    meant: TimeDelta,
}

/// The ranges without the joints between them, and no more than may be counted: those that lie closest together are then
/// counted as one, with what lies between them.
fn few(ranges: &[Range]) -> Vec<Counted> {
    let gap = |newer: &Counted, older: &Range| newer.range.from - older.to;
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.to));
    let mut few: Vec<Counted> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match few.last_mut() {
            Some(newer) if gap(newer, &range) <= TimeDelta::milliseconds(1) => {
                newer.range.from = newer.range.from.min(range.from);
                newer.meant = newer.range.to - newer.range.from;
            }
            _ => few.push(Counted { range, meant: range.to - range.from }),
        }
    }
    while few.len() > MOST_COUNTS
        && let Some(place) = (1..few.len()).min_by_key(|place| gap(&few[place - 1], &few[*place].range))
    {
        let older = few.remove(place);
        few[place - 1].range.from = older.range.from;
        few[place - 1].meant += older.meant;
    }
    few
}

/// Pages of so many records in so many windows: each begins with the last record of the one before it, and the last one of
/// a window is on average half full.
fn pages(records: u64, windows: u64, limit: u32) -> u64 {
    (records.div_ceil(u64::from(limit.max(2) - 1)) + windows / 2).max(windows)
}

/// Seconds of the whole run: resources are read side by side, as many requests at a time as are allowed and granted; one
/// whose records are not counted is read by a single walk, and all wait for that.
fn seconds(work: &[Work], resources: &[Cost], total: Usage, latency: f64, pace: Pace) -> f64 {
    let at_once = pace.edition.map_or(pace.concurrency, |edition| edition.concurrency.min(pace.concurrency));
    let requests = total.requests as f64;
    let single = work.iter().zip(resources).filter(|(work, _)| matches!(work.resource.feed, Feed::Filtered { .. }));
    let longest = single.filter_map(|(_, cost)| cost.usage).map(|usage| usage.requests).max().unwrap_or_default();
    (requests * latency / f64::from(at_once.max(1)))
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

    #[test]
    fn a_window_takes_a_page_even_when_it_is_empty() {
        assert_eq!([0, 98, 99, 9_900].map(|records| pages(records, 1, 100)), [1, 1, 1, 100]);
        assert_eq!(pages(0, 20, 100), 20);
    }

    fn range(from: i64, to: i64) -> Range {
        let at = |minutes| DateTime::from_timestamp(minutes * 60, 0).expect("a time in range");
        Range::new(at(from), at(to))
    }

    fn whole(from: i64, to: i64) -> Counted {
        Counted { range: range(from, to), meant: TimeDelta::minutes(to - from) }
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_counted_once() {
        assert_eq!(few(&[range(20, 30), range(0, 10), range(10, 20)]), [whole(0, 30)]);
        assert_eq!(few(&[range(5, 30), range(0, 10)]), [whole(0, 30)]);
        assert_eq!(few(&[range(0, 10), range(20, 30)]), [whole(20, 30), whole(0, 10)]);
    }

    #[test]
    fn many_windows_are_counted_in_a_few_requests_and_none_is_left_out() {
        let windows: Vec<_> = (0..20).map(|number| range(number * 100, number * 100 + 50 + number)).collect();
        let few = few(&windows);
        assert_eq!(few.len(), MOST_COUNTS);
        let within =
            |window: &Range, counted: &Counted| counted.range.from <= window.from && window.to <= counted.range.to;
        assert!(windows.iter().all(|window| few.iter().any(|counted| within(window, counted))));
        let meant: TimeDelta = few.iter().map(|counted| counted.meant).sum();
        assert_eq!(meant, windows.iter().map(|window| window.to - window.from).sum());
    }
}
