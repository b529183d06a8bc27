//! The slice of a comparison that a nightly run makes: what was compared longest ago, for a few credits, so that a whole
//! turn happens every few weeks by itself.

use chrono::{DateTime, TimeDelta, Utc};

use super::compare::{Comparer, each};
use super::{Compared, Depth, Early, End, Hand, Manner, end};
use crate::http::{self, Client, Priority};
use crate::ledger::{Brake, Counts, RunId};
use crate::resource::{self, Feed, Resource};
use crate::sync::Plan;
use crate::sync::children::Children;
use crate::sync::context::Context;
use crate::warehouse::{self, Check, Extent, Warehouse};

/// Time between two slices of one resource: a run in the afternoon makes none after one in the night.
const NIGHT: TimeDelta = TimeDelta::hours(20);

/// Compares slices of these resources, each as far as `plan.verify_budget` credits for all of them go, but at least one
/// range of the first; before all others those of which a count says that they differ. Gives how each of those ended that
/// was begun.
pub(in crate::sync) async fn slice<W: Warehouse>(
    context: Context<'_, W>,
    resources: Vec<&'static Resource>,
    first: &[&'static Resource],
) -> Vec<(Counts, End)> {
    let Context { plan, run, client, warehouse, stopped, .. } = context;
    let now = client.portal_now();
    let spent_before = client.usage().credits;
    let is_left = || client.usage().credits - spent_before < plan.verify_budget;
    let mut ends = Vec::new();
    let mut due: Vec<(DateTime<Utc>, &'static Resource, Check)> = Vec::new();
    for resource in resources {
        match last_check(warehouse, run, resource, now).await {
            Ok(held) if first.iter().any(|first| first.name == resource.name) => {
                let fresh = Check { reached_at: None, turn_began_at: now, turn_ended_at: None, checked_at: now };
                due.push((DateTime::UNIX_EPOCH, resource, held.unwrap_or(fresh)));
            }
            Ok(Some(check)) if now - check.checked_at >= NIGHT => due.push((check.checked_at, resource, check)),
            Ok(_) => {}
            Err(early) => ends.push(ended(resource, client, Counts::default(), Some(early))),
        }
    }
    // Oldest first; among equals in the order of the plan.
    due.sort_by_key(|(checked_at, ..)| *checked_at);
    for (_, resource, check) in due {
        if !is_left() || stopped.is_cancelled() {
            break;
        }
        let (part, counts, compared) = part(context, resource, check.reached_at, is_left).await;
        let early = match part {
            Ok(reached_at) => {
                let check = match reached_at {
                    Some(_) => Check { reached_at, checked_at: now, ..check },
                    None => Check { reached_at, turn_began_at: now, turn_ended_at: Some(now), checked_at: now },
                };
                warehouse.save_check(resource, run, check).await.err().map(Early::from)
            }
            Err(early) => Some(early),
        };
        ends.push((counts, end(resource, client, tokio::time::Instant::now(), counts, &compared, early)));
    }
    ends
}

/// Requests that the slice of a run takes which begins now, as far as its credits go: a count of each range, and what tells
/// whether searches show what is archived.
pub(in crate::sync) async fn expected<W: Warehouse>(
    warehouse: &W,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<u64, warehouse::Error> {
    let mut requests = 0;
    for resource in plan.resources.iter().filter(|resource| !matches!(resource.feed, Feed::List(_))) {
        if warehouse.check(resource).await?.is_none_or(|check| now - check.checked_at < NIGHT) {
            continue;
        }
        let held = |of| warehouse.count(Extent::all(of), None);
        requests += match (resource.feed, resource::parent_of(resource)) {
            (Feed::Children, Some(parent)) => held(parent).await?,
            (Feed::Filtered { .. }, _) => resource.pages_of(held(resource).await?) + 2,
            _ => {
                let rows = held(resource).await?;
                rows.div_ceil(each(rows)).max(1)
            }
        };
        // Whether searches show what is archived; the list of departments and where its rows begin; a page of each.
        if resource.archive.is_some() {
            requests += 5 + warehouse.shelf_lengths(resource).await?.len() as u64;
        }
    }
    Ok(requests.min(plan.verify_budget.div_ceil(http::documented_price(0))))
}

/// Compares a part of one resource; gives where it stands, `None` at the end.
async fn part<W: Warehouse>(
    context: Context<'_, W>,
    resource: &'static Resource,
    from: Option<DateTime<Utc>>,
    may_go_on: impl FnMut() -> bool,
) -> (Result<Option<DateTime<Utc>>, Early>, Counts, Compared) {
    if resource.feed == Feed::Children {
        let mut children = Children::new(context, resource, Brake::USUAL, Priority::Verify);
        let reached = children.part(from, may_go_on).await.map_err(Early::Halt);
        return (reached, children.counts, children.compared);
    }
    let manner = Manner { depth: Depth::Counts, hand: Hand::Mend, brake: Brake::USUAL };
    let mut comparer = Comparer::new(context, manner, resource);
    let reached = comparer.part(from, may_go_on).await;
    (reached, comparer.counts, comparer.compared)
}

/// When the resource was last compared. One that never was has just been read for the first time: its turn begins now.
async fn last_check<W: Warehouse>(
    warehouse: &W,
    run: RunId,
    resource: &'static Resource,
    now: DateTime<Utc>,
) -> Result<Option<Check>, Early> {
    let held = warehouse.check(resource).await?;
    if held.is_none() {
        let check = Check { reached_at: None, turn_began_at: now, turn_ended_at: None, checked_at: now };
        warehouse.save_check(resource, run, check).await?;
    }
    Ok(held)
}

fn ended(resource: &'static Resource, client: &Client, counts: Counts, early: Option<Early>) -> (Counts, End) {
    let compared = super::Compared::default();
    (counts, end(resource, client, tokio::time::Instant::now(), counts, &compared, early))
}
