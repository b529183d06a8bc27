//! The conductor: the only place where reading, typing and landing meet. One run on one page; what one resource does
//! is in `stream`, what people see of it is left to `report`.

mod after;
mod alone;
mod apart;
mod archive;
mod books;
mod children;
mod context;
mod detail;
mod error;
mod estimate;
mod list;
mod observe;
mod patience;
mod portal;
mod rejects;
mod stream;
mod tally;
mod trash;
mod verify;
mod walks;

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use estimate::{Cost, Estimate, Held, Pace, Part, Work, estimate, greet};
pub use observe::{Event, Observer, Silent};
pub use portal::which;
pub use verify::{Compared, Depth, Hand, Manner, verify};

use crate::config::OrgId;
use crate::http::Client;
use crate::ledger::{History, Key, Range, ResourceOutcome, RunEnd, RunId, State, Usage};
use crate::resource::{self, Feed, Resource};
use crate::warehouse::Warehouse;
use after::After;
use context::Context;
use stream::{End, Stop, Stream};

/// Pages of a resource that may wait for landing. Each walk that finds no room keeps its page until there is, so with eight
/// walks twice as many wait in all. Four times as many took 20 to 40 MiB more, and nothing landed faster.
const PAGES_WAITING: usize = 8;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Command that was given.
    pub command: &'static str,
    /// Resources to read, in this order where order matters.
    pub resources: Vec<&'static Resource>,
    /// Portal; found out if the sign-in reaches only one.
    pub org_id: Option<OrgId>,
    /// Where history begins.
    pub start_date: DateTime<Utc>,
    /// An explicit range to read instead of what is new.
    pub backfill: Option<Backfill>,
    /// How much is read again, because the search index lags behind.
    pub overlap: TimeDelta,
    /// Whether rows carry the record as received.
    pub keep_raw: bool,
    /// Credits that a run may spend on comparing a part of the warehouse with the portal; 0 for none.
    pub verify_budget: u64,
    /// Resources whose rows are completed by the record read alone.
    pub detail: Vec<&'static Resource>,
    /// Who runs it.
    pub holder: String,
}

impl Plan {
    /// Whether rows of this resource are completed by the record read alone because somebody wants it so.
    fn asks_details(&self, resource: &Resource) -> bool {
        resource.has_detail() && self.detail.iter().any(|named| named.name == resource.name)
    }
}

/// An explicit range of time, for which no bookmark moves.
#[derive(Debug, Clone, Copy)]
pub struct Backfill {
    /// The range.
    pub range: Range,
    /// What it is a range of.
    pub key: Key,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its number.
    pub run: RunId,
    /// How it ended.
    pub state: State,
    /// Start, on the portal's clock.
    pub started_at: DateTime<Utc>,
    /// End, on the portal's clock.
    pub finished_at: DateTime<Utc>,
    /// Time from the first request to the last commit; the portal's clock only knows seconds.
    pub seconds: f64,
    /// One a resource, in the order of the plan.
    pub resources: Vec<ResourceOutcome>,
    /// What was read beside them for all resources, such as the recycle bin.
    pub feeds: Vec<ResourceOutcome>,
    /// What the run cost.
    pub usage: Usage,
    /// Credits that the portal has left.
    pub credits_left: Option<u64>,
    /// Why it stopped before its end, and when it can go on.
    pub out_of_credits: Option<crate::http::Error>,
    /// Resources that failed, and why.
    pub failures: Vec<(&'static str, crate::extract::Error)>,
}

impl Outcome {
    /// Of a run that has just begun.
    fn begun(run: RunId, started_at: DateTime<Utc>) -> Self {
        Self {
            run,
            state: State::Running,
            started_at,
            finished_at: started_at,
            seconds: 0.0,
            resources: Vec::new(),
            feeds: Vec::new(),
            usage: Usage::default(),
            credits_left: None,
            out_of_credits: None,
            failures: Vec::new(),
        }
    }

    /// Takes down how everything ended. Gives the failure after which nothing could go on: that of `first_to_fail`, where
    /// it is known which of several was the first.
    fn take(&mut self, ends: Vec<End>, feeds: Vec<End>, first_to_fail: Option<&'static str>) -> Option<Error> {
        let is_fatal = |end: &&End| matches!(end.stop, Some(Stop::Fatal(_)));
        let first_to_fail =
            first_to_fail.or_else(|| ends.iter().chain(&feeds).find(is_fatal).map(|end| end.outcome.resource));
        let mut fatal = None;
        for (kind, ends) in [(&mut self.resources, ends), (&mut self.feeds, feeds)] {
            for End { mut outcome, stop } in ends {
                // Whichever stage has met them.
                outcome.admit_rejects();
                match stop {
                    Some(Stop::Fatal(error)) if first_to_fail == Some(outcome.resource) => fatal = Some(error),
                    Some(Stop::Fatal(_)) => {}
                    Some(Stop::OutOfCredits(error)) => self.out_of_credits = Some(error),
                    Some(Stop::Failed(error)) => self.failures.push((outcome.resource, error)),
                    Some(Stop::Shutdown) | None => {}
                }
                kind.push(outcome);
            }
        }
        self.state = if fatal.is_some() { State::Failed } else { overall(self.all()) };
        fatal
    }

    /// Takes down when it ended and what it cost, in the ledger too. What went wrong before comes first.
    async fn close<W: Warehouse>(
        mut self,
        client: &Client,
        warehouse: &W,
        start_of_run: Instant,
        booked: Result<(), Error>,
        fatal: Option<Error>,
    ) -> Result<Self, Error> {
        self.finished_at = client.portal_now();
        self.seconds = start_of_run.elapsed().as_secs_f64();
        self.usage = client.usage();
        self.credits_left = client.credits_left();
        let all: Vec<_> = self.all().cloned().collect();
        let closed = warehouse.finish_run(self.run, &run_end(&self, client.most_credits()), &all).await;
        match fatal {
            Some(error) => Err(error),
            None => booked.and(closed.map_err(Error::from)).map(|()| self),
        }
    }

    /// How everything that was read ended: resources, then feeds.
    pub fn all(&self) -> impl Iterator<Item = &ResourceOutcome> {
        self.resources.iter().chain(&self.feeds)
    }
}

/// Brings the warehouse up to date. Stops early, with everything kept, when `shutdown` is cancelled.
pub async fn sync<W: Warehouse>(
    plan: &Plan,
    client: Arc<Client>,
    warehouse: &W,
    observer: &dyn Observer,
    shutdown: &CancellationToken,
) -> Result<Outcome, Error> {
    let start_of_run = Instant::now();
    let (run, started_at) = portal::begin(plan, &client, warehouse, shutdown).await?;
    observer.see(&Event::RunStarted { run, started_at });

    // A fatal failure of one stream stops the others as a signal would, between two pages.
    let stopped = shutdown.child_token();
    // The first one counts: what fails after it, on the same connection or the same disk, may be no more than its echo.
    let first_to_fail = OnceLock::new();
    let (client, stopped, first_to_fail) = (&client, &stopped, &first_to_fail);
    let context = Context { plan, run, started_at, client, warehouse, observer, stopped };
    let stream = |resource: &'static Resource| async move {
        let end = Stream { context, resource }.run().await;
        if matches!(end.stop, Some(Stop::Fatal(_))) {
            first_to_fail.get_or_init(|| resource.name);
            stopped.cancel();
        }
        observer.see(&Event::ResourceFinished { outcome: &end.outcome });
        end
    };
    let is_planned = |resource: &Resource| plan.resources.iter().any(|planned| planned.name == resource.name);
    let waits_for = |resource: &Resource| resource::parent_of(resource).filter(|parent| is_planned(parent));
    // What hangs on records is read when those have landed, and while other resources are still read.
    let family = |head: &'static Resource| async move {
        let mut ends = vec![stream(head).await];
        let hangs_on_it = |resource: &&Resource| waits_for(resource).is_some_and(|parent| parent.name == head.name);
        ends.extend(join_all(plan.resources.iter().copied().filter(hangs_on_it).map(stream)).await);
        ends
    };
    let reading = async {
        let heads = plan.resources.iter().copied().filter(|resource| waits_for(resource).is_none());
        let (first, then) = in_turn(context, heads.collect()).await;
        let mut ends = join_all(first.into_iter().map(family)).await;
        ends.extend(join_all(then.into_iter().map(family)).await);
        let mut ends: Vec<End> = ends.into_iter().flatten().collect();
        let place = |end: &End| plan.resources.iter().position(|resource| resource.name == end.outcome.resource);
        ends.sort_by_key(place);
        let feeds = match plan.backfill {
            // What is asked for explicitly is no occasion to look for anything else.
            Some(_) => Vec::new(),
            None => Box::pin(After { context }.run(&mut ends)).await,
        };
        (ends, feeds)
    };
    let ((ends, feeds), booked) = books::kept(client, warehouse, run, stopped, Box::pin(reading)).await;

    let mut outcome = Outcome::begun(run, started_at);
    let fatal = outcome.take(ends, feeds, first_to_fail.get().copied());
    outcome.close(client, warehouse, start_of_run, booked, fatal).await
}

/// What is read first, and what waits for it: where a run that was stopped minutes ago has left windows, what it read to
/// its end is looked at once these are read. A run that is stopped again and again would pay for it each time.
async fn in_turn<W: Warehouse>(
    context: Context<'_, W>,
    heads: Vec<&'static Resource>,
) -> (Vec<&'static Resource>, Vec<&'static Resource>) {
    let Context { plan, started_at, warehouse, .. } = context;
    if plan.backfill.is_some() {
        return (heads, Vec::new());
    }
    // A list knows by itself that it has just been read. A ledger that cannot be read is told by the stream that needs it.
    let history = async |resource: &&'static Resource| match resource.feed {
        Feed::List(_) => History::default(),
        _ => warehouse.history(resource).await.unwrap_or_default(),
    };
    let histories = join_all(heads.iter().map(history)).await;
    if !histories.iter().any(|history| history.unfinished_first(started_at, plan.overlap)) {
        return (heads, Vec::new());
    }
    let (then, first): (Vec<_>, Vec<_>) =
        heads.into_iter().zip(histories).partition(|(_, history)| history.has_just_been_read(started_at, plan.overlap));
    let resources = |part: Vec<(&'static Resource, _)>| part.into_iter().map(|(resource, _)| resource).collect();
    (resources(first), resources(then))
}

/// The state of a run from those of its resources: a signal first, then what needs a person, then what needs a day.
fn overall<'a>(outcomes: impl Iterator<Item = &'a ResourceOutcome>) -> State {
    let states: Vec<_> = outcomes.map(|outcome| outcome.state).collect();
    let any = |state| states.contains(&state);
    if any(State::Interrupted) {
        State::Interrupted
    } else if any(State::Failed) || any(State::Partial) {
        State::Partial
    } else if any(State::OutOfCredits) {
        State::OutOfCredits
    } else {
        State::Complete
    }
}

fn run_end(outcome: &Outcome, credits_most: Option<u64>) -> RunEnd {
    RunEnd {
        state: outcome.state,
        finished_at: outcome.finished_at,
        usage: outcome.usage,
        credits_left: outcome.credits_left,
        credits_most,
    }
}
