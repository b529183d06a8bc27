//! One resource of a run: windows are read page by page on one side (`walks`) and landed on the other, with a few pages
//! between them, so that reading and landing overlap and memory stays bounded.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::children::Children;
use super::context::Context;
use super::detail;
use super::list::Listing;
use super::rejects;
use super::walks::{Known, Waiting, Walks};
use super::{Backfill, Error, Event, PAGES_WAITING};
use crate::extract::{self, Unread};
use crate::http::{self, Priority};
use crate::ledger::{Brake, Counts, History, Key, Progress, ResourceOutcome, State, Window, WindowId};
use crate::resource::{Feed, List, Resource};
use crate::transform::{Reject, Row};
use crate::warehouse::{self, Batch, Part, Warehouse};

/// Records after which a batch takes no further page in: larger ones land no faster and take more memory.
const RECORDS_PER_BATCH: u64 = 1_000;

/// Records after which a transaction is closed although more pages wait. Each writes the pages of the indexes that it
/// touched, which are nearly the same ones in the next; much larger ones gain little and are a longer way back when one
/// is cut off.
const RECORDS_PER_COMMIT: u64 = 5_000;

/// One resource of a run.
pub(super) struct Stream<'a, W> {
    pub(super) context: Context<'a, W>,
    pub(super) resource: &'static Resource,
}

/// How a stream ended.
pub(super) struct End {
    pub(super) outcome: ResourceOutcome,
    pub(super) stop: Option<Stop>,
}

/// Why a stream ended before all its windows were read.
pub(super) enum Stop {
    /// Asked to.
    Shutdown,
    /// This resource cannot go on; others may.
    Failed(extract::Error),
    /// The credits are used up.
    OutOfCredits(http::Error),
    /// No stream can go on.
    Fatal(Error),
}

/// What ends reading early, with its reason.
pub(super) enum Halt {
    Shutdown,
    Read(extract::Error),
    Warehouse(Error),
}

impl<W: Warehouse> Stream<'_, W> {
    /// Reads and lands every window, and tells how it went.
    pub(super) async fn run(&self) -> End {
        let start = Instant::now();
        let (mut counts, mut unread) = (Counts::default(), Vec::new());
        let halt = self.read_and_land(&mut counts, &mut unread).await.err();
        let halt = match halt {
            Some(Halt::Warehouse(_)) => halt,
            // What a sync that runs beside it has set aside is no business of a backfill.
            _ if self.context.plan.backfill.is_some() => halt,
            // The first load has ended, or pauses.
            _ => self.context.warehouse.make_indexes(self.resource).await.err().map(Halt::from).or(halt),
        };
        let (name, usage) = (self.resource.name, self.context.client.usage_of(self.resource.name));
        let mut outcome = ResourceOutcome::complete(name, counts, usage, start.elapsed().as_secs_f64());
        let mut stop = halt.map(|halt| settle(halt, &mut outcome));
        if outcome.state == State::Complete && !unread.is_empty() {
            outcome.lacks(told(&unread));
        }
        outcome.admit_rejects();
        match self.standing().await {
            Ok((complete_until, open_windows)) => {
                (outcome.complete_until, outcome.open_windows) = (complete_until, open_windows);
            }
            Err(error) => {
                stop.get_or_insert(Stop::Fatal(error.into()));
            }
        }
        End { outcome, stop }
    }

    /// The bookmark, and the number of windows that are still to be read.
    async fn standing(&self) -> Result<(Option<DateTime<Utc>>, u64), warehouse::Error> {
        let history = self.context.warehouse.history(self.resource).await?;
        let open = match self.context.plan.backfill {
            Some(_) => self.context.warehouse.open_backfill(self.resource).await?,
            None => history.open,
        };
        Ok((history.bookmark.and_then(|bookmark| bookmark.complete_until), open.len() as u64))
    }

    async fn read_and_land(&self, counts: &mut Counts, unread: &mut Vec<Unread>) -> Result<(), Halt> {
        rejects::read_again(self.context, self.resource, counts).await?;
        if let Feed::List(list) = self.resource.feed {
            return self.listing(list).read_and_land(counts).await;
        }
        if self.resource.feed == Feed::Children {
            let mut children = Children::new(self.context, self.resource, Brake::USUAL, Priority::Children);
            let read = children.read().await;
            *counts += children.counts;
            return read;
        }
        if let Some(Backfill { range, key }) = self.context.plan.backfill {
            let windows = self.context.warehouse.plan_backfill(self.context.run, self.resource, key, range).await?;
            let windows = self.taken_up(windows).await?;
            return self.read_and_land_windows(windows, counts, unread).await;
        }
        detail::ask_again(self.context, self.resource, counts).await?;
        let history = self.history().await?;
        let open = self.taken_up(history.open.clone()).await?;
        if history.unfinished_first(self.context.started_at, self.context.plan.overlap) {
            self.read_and_land_windows(open, counts, unread).await?;
            let history = self.history().await?;
            return self.read_and_land_windows(self.windows(&history, Vec::new()).await?, counts, unread).await;
        }
        let mut windows = self.windows(&history, open).await?;
        // What is new comes before what was left.
        windows.sort_by_key(|waiting| std::cmp::Reverse(waiting.window.range.to));
        self.read_and_land_windows(windows, counts, unread).await
    }

    fn listing(&self, list: List) -> Listing<'_, W> {
        let (context, resource) = (self.context, self.resource);
        Listing { context, resource, list, brake: Brake::USUAL, closely: false, goes_on: true }
    }

    async fn history(&self) -> Result<History, Halt> {
        Ok(self.context.warehouse.history(self.resource).await?)
    }

    /// The windows that are left to read, with new ones for what none has covered yet, up to the start of this run.
    async fn windows(&self, history: &History, mut left: Vec<Waiting>) -> Result<Vec<Waiting>, Halt> {
        let Context { plan, started_at, run, warehouse, .. } = self.context;
        let ranges = history.ranges_to_read(plan.start_date, started_at, plan.overlap);
        let Some(bookmark) = history.planned(&ranges) else { return Ok(left) };
        // What is read after the first time begins at a row that is held, so that no answer can be empty and true.
        let held = match (&history.bookmark, ranges.first()) {
            (Some(_), Some(newest)) => warehouse.newest(self.resource, newest.from).await?,
            _ => None,
        };
        // What unfinished windows will read behind that row, years maybe, would be read and paid twice; no more of it than
        // each run reads again is.
        let held = held.filter(|held| {
            history
                .open
                .iter()
                .map(Window::rest)
                .all(|rest| rest.to < held.at || (rest.from > held.at && rest.to - rest.from <= plan.overlap))
        });
        let windows = warehouse.plan(run, self.resource, bookmark, &ranges).await?;
        left.extend(self.taken_up(windows).await?);
        if let Some(held) = held {
            let behind = left.iter_mut().filter(|waiting| waiting.window.range.from > held.at);
            for waiting in behind.filter(|waiting| matches!(waiting.known, Known::Nothing)) {
                waiting.known = Known::Held(held.clone());
            }
        }
        Ok(left)
    }

    /// Windows, and what the ledger and the tables know of them.
    async fn taken_up(&self, windows: Vec<Window>) -> Result<Vec<Waiting>, Halt> {
        let mut waiting = Vec::new();
        for window in windows {
            let known = if window.is_part || window.is_begun() { Known::PartOfSome } else { Known::Nothing };
            // Where nobody counts what is left, only the row that reading stopped at tells a true answer from an empty one.
            let tells = window.is_begun() && window.key == Key::Modified && !self.resource.feed.is_counted();
            let held = match tells {
                true => self.context.warehouse.newest(self.resource, window.rest().from).await?,
                false => None,
            };
            let known = held.filter(|held| held.at == window.rest().from).map_or(known, Known::Held);
            waiting.push(Waiting { window, known });
        }
        Ok(waiting)
    }

    async fn read_and_land_windows(
        &self,
        windows: Vec<Waiting>,
        counts: &mut Counts,
        unread: &mut Vec<Unread>,
    ) -> Result<(), Halt> {
        let (sender, receiver) = mpsc::channel(PAGES_WAITING);
        let read = async {
            let walks = Walks::new(self, windows, sender);
            walks.read().await
        };
        let (read, landed) = tokio::join!(read, self.land(receiver, counts));
        // When landing fails, reading only notices that nobody takes its pages.
        landed.map_err(Halt::Warehouse)?;
        unread.extend(read?);
        Ok(())
    }

    pub(super) fn batch(
        &self,
        window: WindowId,
        since: Progress,
        progress: Progress,
        records: Vec<Result<Row, Reject>>,
    ) -> Batch {
        let read = records.len() as u64;
        let (mut rows, mut rejects) = (Vec::with_capacity(records.len()), Vec::new());
        for record in records {
            match record {
                Ok(row) => rows.push(row),
                Err(reject) => rejects.push(reject),
            }
        }
        Batch {
            resource: self.resource,
            run: self.context.run,
            parts: vec![Part { window, read, since, progress }],
            rows,
            rejects,
            at: self.context.client.portal_now(),
            overlap: self.context.plan.overlap,
        }
    }

    /// Lands what waits, in one transaction for as long as pages come faster than they land.
    async fn land(&self, mut pages: mpsc::Receiver<Batch>, counts: &mut Counts) -> Result<(), Error> {
        while let Some(first) = pages.recv().await {
            let (mut first, mut records) = (Some(first), 0);
            let batches = std::iter::from_fn(|| {
                let next =
                    first.take().or_else(|| if records < RECORDS_PER_COMMIT { pages.try_recv().ok() } else { None });
                let batch = filled(next?, &mut pages);
                records += batch.read();
                Some(batch)
            });
            let landed = self.context.warehouse.land(batches).await?;
            *counts += landed.counts;
            self.context.observer.see(&Event::Landed { resource: self.resource.name, counts: landed.counts });
        }
        Ok(())
    }
}

/// A page and those that wait behind it, as one batch: many rows land faster than few, whichever windows they are of.
fn filled(mut batch: Batch, pages: &mut mpsc::Receiver<Batch>) -> Batch {
    while batch.read() < RECORDS_PER_BATCH
        && let Ok(page) = pages.try_recv()
    {
        batch.append(page);
    }
    batch
}

/// Ranges that are told one by one.
const MOST_TOLD: usize = 3;

/// Says what the portal did not let be read.
fn told(unread: &[Unread]) -> String {
    let ranges: Vec<String> = unread.iter().take(MOST_TOLD).map(Unread::to_string).collect();
    let more = match unread.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        more => format!("; and {more} more ranges"),
    };
    format!("the portal has and does not give {}{more}; the next run asks for them again", ranges.join("; "))
}

/// What a halt means: for the resource, in its outcome; for the run, in the answer.
pub(super) fn settle(halt: Halt, outcome: &mut ResourceOutcome) -> Stop {
    let (state, error, stop) = match halt {
        Halt::Shutdown => (State::Interrupted, None, Stop::Shutdown),
        Halt::Warehouse(error) => (State::Failed, Some(error.to_string()), Stop::Fatal(error)),
        Halt::Read(extract::Error::Http(error)) => match error {
            http::Error::OutOfCredits { .. } => {
                (State::OutOfCredits, Some(error.to_string()), Stop::OutOfCredits(error))
            }
            http::Error::SignIn(_) | http::Error::OtherPortal { .. } | http::Error::Redirected { .. } => {
                (State::Failed, Some(error.to_string()), Stop::Fatal(error.into()))
            }
            error => (State::Failed, Some(error.to_string()), Stop::Failed(error.into())),
        },
        Halt::Read(
            error @ (extract::Error::Doubtful { .. }
            | extract::Error::SomeRefused { .. }
            | extract::Error::SomeUnreadable { .. }),
        ) => (State::Partial, Some(error.to_string()), Stop::Failed(error)),
        Halt::Read(error) => (State::Failed, Some(error.to_string()), Stop::Failed(error)),
    };
    outcome.state = state;
    outcome.error = error;
    stop
}
