//! Compares the warehouse with the portal and mends what differs: all of it on command, a slice of it each night. Here is
//! the order of resources and how a run of it ends; how one resource is compared is in `compare`.

mod beside;
mod binned;
mod compare;
mod doubt;
mod listed;
mod records;
mod slice;

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::children::Children;
use super::context::Context;
use super::detail;
use super::list::Listing;
use super::stream::{End, Halt, Stop, settle};
use super::trash::Trash;
use super::{Error, Observer, Outcome, Plan, books, portal};
use crate::http::{Client, Priority};
use crate::ledger::{Brake, Counts, Reason, ResourceOutcome, State};
use crate::resource::{Feed, Resource};
use crate::warehouse::Warehouse;
use compare::Comparer;
pub(super) use slice::{expected, slice};

/// How a comparison is made.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How closely it looks.
    pub depth: Depth,
    /// What it does about what it finds.
    pub hand: Hand,
    /// When more rows would be marked deleted than can be believed.
    pub brake: Brake,
}

/// How closely a comparison looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// At numbers of records, and at records where numbers differ.
    Counts,
    /// At all records: equal numbers can hide one that is missing and another one that is too many.
    Records,
}

/// What a comparison does about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Mends it.
    Mend,
    /// Counts, tells, and stops before it looks at records.
    Look,
}

/// What a comparison of one resource came to.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// Rows that were held alive at its beginning.
    pub held: u64,
    /// Records that the portal has.
    pub found: u64,
    /// Ranges of created time whose numbers were compared.
    pub ranges: u64,
    /// Those of them in which they differ.
    pub differing: u64,
    /// By how many rows more than the portal the warehouse has, range by range.
    pub surplus: u64,
    /// By how many it has fewer.
    pub lacking: u64,
    /// Rows of which a cell was another than the record's, although the record was the same.
    pub altered: u64,
    /// Rows that were marked, by reason.
    pub marked: Vec<(Reason, u64)>,
    /// Records that are there although the search does not show them.
    pub unseen: u64,
    /// Records that may not be seen, so that nothing was marked.
    pub hidden: u64,
    /// Requests that looking at what differs may take.
    pub estimate: u64,
}

impl Compared {
    fn mark(&mut self, reason: Reason) {
        match self.marked.iter_mut().find(|(held, _)| *held == reason) {
            Some((_, count)) => *count += 1,
            None => self.marked.push((reason, 1)),
        }
    }
}

/// Why a comparison of one resource ended early.
enum Early {
    Halt(Halt),
    /// Nothing is wrong with the portal or the warehouse, but with what one says of the other.
    Doubt(String),
}

impl From<Halt> for Early {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<crate::warehouse::Error> for Early {
    fn from(error: crate::warehouse::Error) -> Self {
        Self::Halt(error.into())
    }
}

/// How the comparison of one resource ended, for the ledger.
fn end(
    resource: &'static Resource,
    client: &Client,
    start: Instant,
    counts: Counts,
    compared: &Compared,
    early: Option<Early>,
) -> End {
    let (usage, seconds) = (client.usage_of(resource.name), start.elapsed().as_secs_f64());
    let mut outcome = ResourceOutcome::complete(resource.name, counts, usage, seconds);
    let stop = match early {
        Some(Early::Halt(halt)) => Some(settle(halt, &mut outcome)),
        Some(Early::Doubt(doubt)) => {
            outcome.lacks(doubt);
            None
        }
        None if compared.hidden > 0 => {
            outcome
                .lacks(format!("{} records may not be seen, so nobody knows whether they are gone", compared.hidden));
            None
        }
        None => None,
    };
    End { outcome, stop }
}

/// Compares one resource, in the way that its feed allows.
async fn compare<W: Warehouse>(
    context: Context<'_, W>,
    manner: Manner,
    resource: &'static Resource,
) -> (Counts, Compared, Option<Early>) {
    match resource.feed {
        Feed::List(list) => {
            let closely = manner.depth == Depth::Records;
            let listing = Listing { context, resource, list, brake: manner.brake, closely, goes_on: false };
            let mut counts = Counts::default();
            let (compared, early) = listed::compare(&listing, manner.hand, &mut counts).await;
            (counts, compared, early)
        }
        Feed::Children => {
            let mut children = Children::new(context, resource, manner.brake, Priority::Verify);
            let early = children.compare(manner.hand).await.err().map(Early::Halt);
            (children.counts, children.compared, early)
        }
        Feed::Search { .. } | Feed::Filtered { .. } => {
            let mut comparer = Comparer::new(context, manner, resource);
            let early = comparer.whole().await.err();
            (comparer.counts, comparer.compared, early)
        }
    }
}

/// What lacks its details is asked for once more; what lacks them then is not as it should be.
async fn ask_what_is_owed<W: Warehouse>(
    context: Context<'_, W>,
    resource: &'static Resource,
    counts: &mut Counts,
) -> Result<(), Early> {
    detail::ask_again(context, resource, counts).await?;
    detail::owed(context, resource).await?.map_or(Ok(()), |owed| Err(Early::Doubt(owed)))
}

/// What a search shows and the tables lacked may be in the recycle bin.
async fn look_for_new_in_bin<W: Warehouse>(
    context: Context<'_, W>,
    ends: &mut [End],
    found: &mut [Compared],
) -> Option<End> {
    let deleted = |ends: &[End]| ends.iter().map(|end| end.outcome.counts.deleted).collect::<Vec<_>>();
    let before = deleted(ends);
    let bin = Trash { context }.run_for_new(ends, 0).await;
    for (compared, (now, before)) in found.iter_mut().zip(deleted(ends).into_iter().zip(before)) {
        (before..now).for_each(|_| compared.mark(Reason::Trashed));
    }
    bin
}

/// Compares resources with the portal, one after the other. Stops early, with everything kept, when `shutdown` is
/// cancelled. What was found comes beside the outcome, one for each resource that was begun.
pub async fn verify<W: Warehouse>(
    plan: &Plan,
    manner: Manner,
    client: Arc<Client>,
    warehouse: &W,
    observer: &dyn Observer,
    shutdown: &CancellationToken,
) -> Result<(Outcome, Vec<Compared>), Error> {
    let start_of_run = Instant::now();
    let (run, started_at) = portal::begin(plan, &client, warehouse, shutdown).await?;
    let stopped = &shutdown.child_token();
    let (client, mut outcome) = (&client, Outcome::begun(run, started_at));
    let context = Context { plan, run, started_at, client, warehouse, observer, stopped };
    let (mut found, mut ends) = (Vec::new(), Vec::new());
    let greeted = start_of_run.elapsed();
    let comparing = async {
        if manner.depth == Depth::Records {
            records::tell_what_is_expected(context, greeted).await;
        }
        for resource in &plan.resources {
            let start = Instant::now();
            let (mut counts, compared, mut early) = compare(context, manner, resource).await;
            if early.is_none() && manner.hand == Hand::Mend {
                early = ask_what_is_owed(context, resource, &mut counts).await.err();
            }
            let ended = end(resource, client, start, counts, &compared, early);
            let goes_on = !matches!(ended.stop, Some(Stop::OutOfCredits(_) | Stop::Fatal(_)));
            found.push(compared);
            ends.push(ended);
            if !goes_on || stopped.is_cancelled() {
                return None;
            }
        }
        look_for_new_in_bin(context, &mut ends, &mut found).await
    };
    let (bin, booked) = books::kept(client, warehouse, run, stopped, Box::pin(comparing)).await;
    let fatal = outcome.take(ends, bin.into_iter().collect(), None);
    // Asked to stop between two resources: the others were to be compared as well.
    if matches!(outcome.state, State::Complete | State::Partial)
        && stopped.is_cancelled()
        && found.len() < plan.resources.len()
    {
        outcome.state = State::Interrupted;
    }
    outcome.close(client, warehouse, start_of_run, booked, fatal).await.map(|outcome| (outcome, found))
}
