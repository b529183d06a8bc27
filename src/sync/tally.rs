//! The count at the end of a run: what the portal has of each search resource, in one request, beside the rows that are
//! held. What differs and is not explained is compared first, and told. What explains it is decided by `ledger::Tally`.

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;

use super::archive::Shelves;
use super::context::Context;
use super::stream::{End, Halt, Stop};
use crate::extract::{self, Asked};
use crate::ledger::{Range, Reason, State, Verdict};
use crate::resource::{self, Resource};
use crate::warehouse::{Counted, Extent, Warehouse};

/// Times that a count is asked for again which is far from what is held: the portal may have had a bad moment.
const MOST_AGAIN: u32 = 2;

/// Records that have left, the last ones, that a search is asked for to explain a count.
const MOST_DEPARTED: usize = 2_000;

/// What counts resources.
pub(super) struct Counter<'a, W> {
    pub(super) context: Context<'a, W>,
}

/// A count that nothing explains.
pub(super) struct Difference {
    pub(super) resource: &'static Resource,
    counted: Counted,
    verdict: Verdict,
}

impl<W: Warehouse> Counter<'_, W> {
    /// Counts the resources that were read to their end; gives what differs. Nobody asked for a count: it is left out where
    /// there are no credits for it or the portal does not count.
    pub(super) async fn count(&self, ends: &mut [End]) -> Vec<Difference> {
        let complete = ends.iter_mut().filter(|end| end.outcome.state == State::Complete);
        let counted = complete.filter_map(|end| {
            let resource = resource::find(end.outcome.resource).filter(|resource| resource.feed.is_counted())?;
            Some(self.taken(end, resource))
        });
        join_all(counted).await.into_iter().flatten().collect()
    }

    /// Counts these again, and takes what still differs down in how their resources ended.
    pub(super) async fn recount(&self, ends: &mut [End], differing: Vec<Difference>) {
        for difference in differing {
            let name = difference.resource.name;
            let Some(end) = ends.iter_mut().find(|end| end.outcome.resource == name) else { continue };
            if end.outcome.state != State::Complete {
                continue;
            }
            let Some(Difference { counted, verdict, .. }) = self.taken(end, difference.resource).await else {
                continue;
            };
            if let Verdict::Lacking(records) = verdict {
                end.outcome.lacks(format!(
                    "the portal counts {} records that were created until {} UTC, {} rows of them are held, and nothing \
                     explains why {records} are not; the next comparison begins with them",
                    counted.portal,
                    counted.created_until.format("%Y-%m-%d %H:%M"),
                    counted.held,
                ));
            }
        }
    }

    async fn taken(&self, end: &mut End, resource: &'static Resource) -> Option<Difference> {
        let found = self.differs(resource).await;
        end.outcome.usage = self.context.client.usage_of(resource.name);
        match found {
            Ok(difference) => difference,
            // It is worth no more than it costs.
            Err(Halt::Read(error)) => {
                tracing::debug!(resource = resource.name, %error, "not counted");
                None
            }
            Err(Halt::Warehouse(error)) => {
                (end.outcome.state, end.outcome.error) = (State::Failed, Some(error.to_string()));
                end.stop = Some(Stop::Fatal(error));
                None
            }
            Err(Halt::Shutdown) => None,
        }
    }

    async fn differs(&self, resource: &'static Resource) -> Result<Option<Difference>, Halt> {
        let Context { client, warehouse, plan, run, started_at, .. } = self.context;
        // What was created later the index may know, or not.
        let created_until = started_at - plan.overlap;
        let since = warehouse.history(resource).await?.start();
        let extent = Extent { since, ..Extent::all(resource) };
        let tally = warehouse.tally(extent, created_until).await?;
        let tomorrow = client.portal_now() + TimeDelta::days(1);
        let asked = Asked {
            created: Range::new(DateTime::UNIX_EPOCH, created_until),
            modified: since.map(|since| Range::new(since, tomorrow)),
        };
        let mut again = 0;
        let (portal, mut verdict) = loop {
            let portal = self.context.ask(extract::matching(client, resource, &asked)).await?;
            let verdict = tally.verdict(portal);
            let is_worth_asking = matches!(verdict, Verdict::Surplus(_) | Verdict::Ambiguous) && again < MOST_AGAIN;
            if !is_worth_asking {
                break (portal, verdict);
            }
            again += 1;
        };
        if verdict == Verdict::Ambiguous {
            let shows_archived = Shelves { context: self.context }.is_searched(resource).await?;
            verdict = tally.knowing(shows_archived).verdict(portal);
        }
        if let Verdict::Lacking(_) = verdict {
            let shown = self.shown_of_departed(resource, &asked).await?;
            verdict = tally.verdict_showing(shown, portal);
        }
        if let Verdict::Lacking(lacking) = verdict {
            // What was changed before it was read is in a range that the next run reads.
            let moved = Asked { modified: Some(Range::new(started_at - TimeDelta::seconds(1), tomorrow)), ..asked };
            if self.context.ask(extract::matching(client, resource, &moved)).await? >= lacking {
                verdict = Verdict::Explained("some changed while they were read".into());
            }
        }
        let (explanation, differs) = match &verdict {
            Verdict::Equal => (None, false),
            Verdict::Explained(reason) => (Some(reason.clone()), false),
            Verdict::Lacking(_) | Verdict::Surplus(_) | Verdict::Ambiguous => (None, true),
        };
        let at = client.portal_now();
        let counted = Counted { at, created_until, portal, held: tally.alive, explanation, differs };
        warehouse.save_counted(resource, run, counted.clone()).await?;
        Ok(differs.then_some(Difference { resource, counted, verdict }))
    }

    /// How many of the records that are held as gone a search for these goes on showing.
    async fn shown_of_departed(&self, resource: &'static Resource, asked: &Asked) -> Result<u64, Halt> {
        let Context { client, warehouse, .. } = self.context;
        let until = asked.created.to;
        let since = DateTime::UNIX_EPOCH;
        let departed = warehouse.departed(resource, &Reason::ALL, since, until, MOST_DEPARTED).await?;
        let mut shown = 0;
        for ids in departed.chunks(resource.page_limit as usize) {
            let records = self.context.ask(extract::shown(client, resource, ids)).await?;
            shown += records.values().filter(|record| asked.finds(record.keys())).count() as u64;
        }
        Ok(shown)
    }
}
