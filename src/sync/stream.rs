//! One resource of a run: windows are read page by page on one side and landed on the other, with a few pages between
//! them, so that reading and landing overlap and memory stays bounded.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::queue::Queue;
use super::{Error, Event, Observer, Plan};
use crate::extract::{self, Page, Reader};
use crate::http::{self, Client};
use crate::ledger::{Counts, History, Progress, ResourceOutcome, RunId, State, Window, WindowId};
use crate::resource::Resource;
use crate::transform::Mapper;
use crate::warehouse::{Batch, Warehouse};

/// Pages that may wait for landing.
const PAGES_WAITING: usize = 8;

/// Records after which a transaction is closed although more pages wait. Each writes the pages of the indexes that it
/// touched, which are nearly the same ones in the next; much larger ones gain little and are a longer way back when one
/// is cut off.
const RECORDS_PER_COMMIT: u64 = 5_000;

/// Rejects that end a resource as incomplete: at least so many, and more than one in so many records. A few odd records
/// are the portal's; many are a misunderstanding of ours.
const MANY_REJECTS: (u64, u64) = (10, 20);

/// One resource of a run.
pub(super) struct Stream<'a, W> {
    pub(super) plan: &'a Plan,
    pub(super) run: RunId,
    pub(super) started_at: DateTime<Utc>,
    pub(super) resource: &'static Resource,
    pub(super) client: &'a Arc<Client>,
    pub(super) warehouse: &'a W,
    pub(super) observer: &'a dyn Observer,
    pub(super) stopped: &'a CancellationToken,
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
enum Halt {
    Shutdown,
    Read(extract::Error),
    Warehouse(Error),
}

impl<W: Warehouse> Stream<'_, W> {
    /// Reads and lands every window, and tells how it went.
    pub(super) async fn run(&self) -> End {
        let start = Instant::now();
        let mut counts = Counts::default();
        let halt = self.read_and_land(&mut counts).await.err();
        let mut outcome = ResourceOutcome {
            resource: self.resource.name,
            state: State::Complete,
            counts,
            usage: self.client.usage_of(self.resource.name),
            seconds: start.elapsed().as_secs_f64(),
            complete_until: None,
            open_windows: 0,
            error: None,
        };
        let mut stop = halt.map(|halt| settle(halt, &mut outcome));
        if outcome.state == State::Complete && has_many_rejects(counts) {
            outcome.state = State::Partial;
            outcome.error = Some(format!("{} of {} records fit no row", counts.rejected, counts.read));
        }
        match self.warehouse.history(self.resource).await {
            Ok(history) => {
                outcome.complete_until = history.bookmark.and_then(|bookmark| bookmark.complete_until);
                outcome.open_windows = history.open.len() as u64;
            }
            Err(error) => {
                stop.get_or_insert(Stop::Fatal(error.into()));
            }
        }
        End { outcome, stop }
    }

    async fn read_and_land(&self, counts: &mut Counts) -> Result<(), Halt> {
        let history = self.history().await?;
        if history.unfinished_first(self.started_at, self.plan.overlap) {
            self.read_and_land_windows(history.open, counts).await?;
            let history = self.history().await?;
            return self.read_and_land_windows(self.new_windows(&history).await?, counts).await;
        }
        let mut windows = self.new_windows(&history).await?;
        windows.extend(history.open);
        // What is new comes before what was left.
        windows.sort_by_key(|window| std::cmp::Reverse(window.range.to));
        self.read_and_land_windows(windows, counts).await
    }

    async fn history(&self) -> Result<History, Halt> {
        self.warehouse.history(self.resource).await.map_err(|error| Halt::Warehouse(error.into()))
    }

    /// Makes windows for what no window has covered yet, up to the start of this run.
    async fn new_windows(&self, history: &History) -> Result<Vec<Window>, Halt> {
        let ranges = history.ranges_to_read(self.plan.start_date, self.started_at, self.plan.overlap);
        let Some(bookmark) = history.planned(&ranges) else { return Ok(Vec::new()) };
        let windows = self.warehouse.plan(self.run, self.resource, bookmark, &ranges).await;
        windows.map_err(|error| Halt::Warehouse(error.into()))
    }

    async fn read_and_land_windows(&self, windows: Vec<Window>, counts: &mut Counts) -> Result<(), Halt> {
        let (sender, receiver) = mpsc::channel(PAGES_WAITING);
        let (read, landed) = tokio::join!(self.read(windows, sender), self.land(receiver, counts));
        // When landing fails, reading only notices that nobody takes its pages.
        landed.map_err(Halt::Warehouse)?;
        read
    }

    async fn read(&self, windows: Vec<Window>, sender: mpsc::Sender<Batch>) -> Result<(), Halt> {
        let mapper = Mapper::new(self.resource, self.plan.keep_raw);
        let mut reader = Reader::new(Arc::clone(self.client), self.resource);
        let count = windows.len();
        for (index, window) in windows.into_iter().enumerate() {
            let resource = self.resource.name;
            let (from, to) = (window.range.from, window.range.to);
            self.observer.see(&Event::WindowStarted { resource, windows: count - index, from, to });
            let mut walk = reader.walk(&window);
            let mut since = window.progress.clone();
            loop {
                let page = tokio::select! {
                    biased;
                    () = self.stopped.cancelled() => return Err(Halt::Shutdown),
                    page = reader.next(&mut walk) => page.map_err(Halt::Read)?,
                };
                let Some(page) = page else { break };
                self.observer.see(&Event::PageRead {
                    resource,
                    records: page.records.len() as u64,
                    remaining: page.remaining,
                    usage: self.client.usage_of(resource),
                    credits_left: self.client.credits_left(),
                });
                let batch = self.batch(&mapper, window.id, since, page);
                since = batch.progress.clone();
                if sender.send(batch).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn batch(&self, mapper: &Mapper, window: WindowId, since: Progress, page: Page) -> Batch {
        let read = page.records.len() as u64;
        let (mut rows, mut rejects) = (Vec::with_capacity(page.records.len()), Vec::new());
        for record in page.records {
            match mapper.row(record) {
                Ok(row) => rows.push(row),
                Err(reject) => rejects.push(reject),
            }
        }
        Batch {
            resource: self.resource,
            run: self.run,
            window,
            read,
            rows,
            rejects,
            since,
            progress: page.progress,
            at: self.client.portal_now(),
            overlap: self.plan.overlap,
        }
    }

    /// Lands what waits, in one transaction for as long as pages come faster than they land.
    async fn land(&self, receiver: mpsc::Receiver<Batch>, counts: &mut Counts) -> Result<(), Error> {
        let mut queue = Queue::new(receiver);
        while let Some(first) = queue.next().await {
            let mut records = first.read;
            let rest = std::iter::from_fn(|| {
                let batch = if records < RECORDS_PER_COMMIT { queue.waiting() } else { None }?;
                records += batch.read;
                Some(batch)
            });
            let landed = self.warehouse.land(std::iter::once(first).chain(rest)).await?;
            *counts += landed.counts;
            self.observer.see(&Event::Landed { resource: self.resource.name, counts: landed.counts });
        }
        Ok(())
    }
}

/// What a halt means: for the resource, in its outcome; for the run, in the answer.
fn settle(halt: Halt, outcome: &mut ResourceOutcome) -> Stop {
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
        Halt::Read(error) => (State::Failed, Some(error.to_string()), Stop::Failed(error)),
    };
    outcome.state = state;
    outcome.error = error;
    stop
}

fn has_many_rejects(counts: Counts) -> bool {
    let (least, one_in) = MANY_REJECTS;
    counts.rejected >= least && counts.rejected * one_in > counts.read
}
