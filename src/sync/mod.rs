//! The conductor: the only place where reading, typing and landing meet. One run on one page; what one resource does
//! is in `stream`, what people see of it is left to `report`.

mod error;
mod observe;
mod portal;
mod queue;
mod stream;

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use observe::{Event, Observer, Silent};
pub use portal::which;

use crate::config::OrgId;
use crate::http::Client;
use crate::ledger::{ResourceOutcome, RunEnd, RunId, RunStart, State, Usage};
use crate::resource::Resource;
use crate::warehouse::Warehouse;
use stream::{Stop, Stream};

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
    /// How much is read again, because the search index lags behind.
    pub overlap: TimeDelta,
    /// Whether rows carry the record as received.
    pub keep_raw: bool,
    /// Who runs it.
    pub holder: String,
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
    /// What the run cost.
    pub usage: Usage,
    /// Credits that the portal has left.
    pub credits_left: Option<u64>,
    /// Why it stopped before its end, and when it can go on.
    pub out_of_credits: Option<crate::http::Error>,
    /// Resources that failed, and why.
    pub failures: Vec<(&'static str, crate::extract::Error)>,
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
    let org_id = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Err(Error::Interrupted),
        greeting = portal::greet(&client, plan.org_id.as_ref()) => greeting?,
    };
    let started_at = client.portal_now();
    let start = RunStart { command: plan.command, org_id: org_id.to_string(), started_at, holder: plan.holder.clone() };
    let run = warehouse.begin_run(&start).await?;
    if let Some(most) = warehouse.most_credits(client.credit_day_start()).await? {
        client.remember_credits(most);
    }
    observer.see(&Event::RunStarted { run, started_at });

    // A fatal failure of one stream stops the others as a signal would, between two pages.
    let stopped = shutdown.child_token();
    // The first one counts: what fails after it, on the same connection or the same disk, may be no more than its echo.
    let first_to_fail = OnceLock::new();
    let (client, stopped, first_to_fail) = (&client, &stopped, &first_to_fail);
    let streams = plan.resources.iter().map(|resource| {
        let stream = Stream { plan, run, started_at, resource, client, warehouse, observer, stopped };
        async move {
            let end = stream.run().await;
            if matches!(end.stop, Some(Stop::Fatal(_))) {
                first_to_fail.get_or_init(|| resource.name);
                stopped.cancel();
            }
            observer.see(&Event::ResourceFinished { outcome: &end.outcome });
            end
        }
    });
    let ends = join_all(streams).await;

    let mut outcome = Outcome {
        run,
        state: State::Complete,
        started_at,
        finished_at: client.portal_now(),
        seconds: start_of_run.elapsed().as_secs_f64(),
        resources: Vec::with_capacity(ends.len()),
        usage: client.usage(),
        credits_left: client.credits_left(),
        out_of_credits: None,
        failures: Vec::new(),
    };
    let mut fatal = None;
    for end in ends {
        match end.stop {
            Some(Stop::Fatal(error)) if first_to_fail.get() == Some(&end.outcome.resource) => fatal = Some(error),
            Some(Stop::Fatal(_)) => {}
            Some(Stop::OutOfCredits(error)) => outcome.out_of_credits = Some(error),
            Some(Stop::Failed(error)) => outcome.failures.push((end.outcome.resource, error)),
            Some(Stop::Shutdown) | None => {}
        }
        outcome.resources.push(end.outcome);
    }
    outcome.state = match &fatal {
        Some(_) => State::Failed,
        None => overall(&outcome.resources),
    };
    let closed = warehouse.finish_run(run, &run_end(&outcome, client.most_credits()), &outcome.resources).await;
    match fatal {
        Some(error) => Err(error),
        None => closed.map(|()| outcome).map_err(Error::from),
    }
}

/// The state of a run from those of its resources: a signal first, then what needs a person, then what needs a day.
fn overall(resources: &[ResourceOutcome]) -> State {
    let any = |state| resources.iter().any(|outcome| outcome.state == state);
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
