//! The reading side of a stream: windows are walked, several at a time where the portal grants it, and their pages go to
//! the side that lands them.
//!
//! A walk can only ask for one page after the other, so a long history is read by many of them. Nobody plans this: a walk
//! that has much left to read and sees that other requests could be in flight gives the newer parts of the rest away. A
//! new window is in the ledger before it is read, so that a run that stops resumes with the windows that there are. The
//! newest history comes first, of all resources: what asks for an older part lets what asks for a newer one go first.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use super::context::Context;
use super::detail::Details;
use super::stream::{Halt, Stream};
use super::{Event, PAGES_WAITING};
use crate::extract::{self, Expectation, Page, Reader, Unread, Walk};
use crate::http::Seat;
use crate::ledger::{History, Progress, Range, Window, WindowId};
use crate::transform::{Reject, Row};
use crate::warehouse::{Batch, Newest, Warehouse};

/// Windows that a run makes of one resource to read around what the portal does not give: enough to close in on a few
/// records of many years, second by second.
const MOST_AROUND: u32 = 64;

/// A window that is to be read, and what is known of its records.
pub(super) struct Waiting {
    pub(super) window: Window,
    pub(super) known: Known,
}

/// What is known of a window before it is read.
pub(super) enum Known {
    /// Nothing: it may be empty.
    Nothing,
    /// It is a part of a range that holds records.
    PartOfSome,
    /// These records, last changed before it, are held: reading begins at them, since an answer that shows none of
    /// them contradicts itself.
    Held(Newest),
}

/// The windows of a stream while they are read.
pub(super) struct Walks<'a, W> {
    stream: &'a Stream<'a, W>,
    details: Details<'a, W>,
    reader: Reader,
    pages: mpsc::Sender<Batch>,
    state: Mutex<State>,
    /// One walk has failed, or nobody takes the pages any more: the others stop at the end of their page.
    ended: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Windows that nobody reads yet, the next one first.
    waiting: VecDeque<Waiting>,
    /// Windows that are being read, and how many records are still to come in each, where the portal has counted them.
    active: HashMap<WindowId, Option<u64>>,
    /// Windows that were made to read around something.
    around: u32,
    unread: Vec<Unread>,
}

/// A window that is being read.
struct Reading<'a> {
    id: WindowId,
    walk: Walk,
    /// How far the window has been read, as the last page said.
    since: Progress,
    seat: Seat<'a>,
}

/// What came of one page: the walk, if it goes on, and others that took a part of it.
type Step<'a> = Result<Vec<Reading<'a>>, Halt>;

impl<'a, W: Warehouse> Walks<'a, W> {
    pub(super) fn new(stream: &'a Stream<'a, W>, windows: Vec<Waiting>, pages: mpsc::Sender<Batch>) -> Self {
        Self {
            details: Details::new(stream),
            reader: Reader::new(Arc::clone(stream.context.client), stream.resource),
            pages,
            state: Mutex::new(State { waiting: windows.into(), ..State::default() }),
            ended: AtomicBool::new(false),
            stream,
        }
    }

    /// Reads every window to its end; gives what the portal did not let be read of them. What fails first is what it fails
    /// with; what was being read by then is kept.
    pub(super) async fn read(&self) -> Result<Vec<Unread>, Halt> {
        let mut steps = FuturesUnordered::new();
        let mut halt = None;
        loop {
            while halt.is_none()
                && let Some(reading) = self.next_waiting(steps.is_empty())
            {
                steps.push(self.step(reading));
            }
            match steps.next().await {
                None => return halt.map_or_else(|| Ok(std::mem::take(&mut self.state().unread)), Err),
                Some(Ok(readings)) => steps.extend(readings.into_iter().map(|reading| self.step(reading))),
                Some(Err(error)) => {
                    self.ended.store(true, Ordering::Relaxed);
                    halt.get_or_insert(error);
                }
            }
        }
    }

    /// Takes up the next window that waits, if there is a seat for it; the first one of a resource takes its turn among the
    /// others in any case.
    fn next_waiting(&self, is_first: bool) -> Option<Reading<'a>> {
        let mut state = self.state();
        if self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let (client, age) = (self.stream.context.client, self.age(state.waiting.front()?.window.range.to));
        let seat = if is_first { client.seat(age) } else { client.free_seat(age)? };
        let waiting = state.waiting.pop_front()?;
        Some(self.take_up(&mut state, waiting, seat))
    }

    /// Which part of history it is: those that a first run makes windows of.
    fn age(&self, to: DateTime<Utc>) -> u8 {
        History::age(self.stream.context.started_at, to)
    }

    fn take_up(&self, state: &mut State, waiting: Waiting, seat: Seat<'a>) -> Reading<'a> {
        let Waiting { window, known } = waiting;
        state.active.insert(window.id, None);
        self.stream.context.observer.see(&Event::WindowStarted {
            resource: self.stream.resource.name,
            windows: state.waiting.len() + state.active.len(),
            from: window.range.from,
            to: window.range.to,
        });
        let walk = self.reader.walk(&window);
        let walk = match known {
            Known::Nothing => walk,
            Known::PartOfSome => walk.expecting(Expectation::part_of_some()),
            Known::Held(Newest { at, ids }) => walk.from_held(at, ids),
        };
        Reading { id: window.id, walk, since: window.progress, seat }
    }

    /// Reads one page.
    async fn step(&self, mut reading: Reading<'a>) -> Step<'a> {
        let context = self.stream.context;
        if context.stopped.is_cancelled() {
            return Err(Halt::Shutdown);
        }
        if self.ended.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let page = match context.ask(self.reader.next(&mut reading.walk)).await {
            Ok(Some(page)) => page,
            Ok(None) => {
                self.state().active.remove(&reading.id);
                return Ok(Vec::new());
            }
            Err(Halt::Read(extract::Error::Stuck { stuck, .. })) if stuck.is_of_an_instant() => {
                let at = reading.walk.rest().from;
                let unread =
                    Unread { range: Range { from: at, to: at }, records: None, cause: Some(stuck.to_string()) };
                self.hand_on(&mut reading).await?;
                return Ok(self.leave(reading, unread));
            }
            Err(halt) => {
                self.land_doubted(&mut reading).await?;
                return Err(halt);
            }
        };
        self.tell(&reading, &page);
        let Page { records, progress, remaining, unread } = page;
        let land = async |rows| self.land_apart(&reading, rows).await;
        let rows = self.details.rows(reading.id, records, land).await?;
        let since = std::mem::replace(&mut reading.since, progress.clone());
        let batch = self.stream.batch(reading.id, since, progress, rows);
        if self.pages.send(batch).await.is_err() {
            // Landing has failed, and says why.
            self.ended.store(true, Ordering::Relaxed);
            return Ok(Vec::new());
        }
        if let Some(unread) = unread {
            return if self.hand_on(&mut reading).await? { Ok(vec![reading]) } else { Ok(self.leave(reading, unread)) };
        }
        let mut readings = self.split(&mut reading, remaining.unwrap_or_default()).await?;
        readings.push(reading);
        Ok(readings)
    }

    /// Lands what was shown and is doubted where there is no more time or are no more credits to find out about it: the window
    /// stays where it is.
    async fn land_doubted(&self, reading: &mut Reading<'a>) -> Result<(), Halt> {
        let records = reading.walk.take_doubted();
        if records.is_empty() {
            return Ok(());
        }
        let rows = self.details.rows(reading.id, records, async |rows| self.land_apart(reading, rows).await).await?;
        self.land_apart(reading, rows).await
    }

    /// Lands rows while the window stays where it is.
    async fn land_apart(&self, reading: &Reading<'_>, rows: Vec<Result<Row, Reject>>) -> Result<(), Halt> {
        let batch = self.stream.batch(reading.id, reading.since.clone(), reading.since.clone(), rows);
        // Where landing has failed, it says why itself.
        self.pages.send(batch).await.or(Ok(()))
    }

    /// Gives the newer parts of what a walk has left to others, if those could ask at the same time: the portal grants
    /// more requests, no newer window waits, and pages do not come faster than they land already.
    async fn split(&self, reading: &mut Reading<'a>, remaining: u64) -> Result<Vec<Reading<'a>>, Halt> {
        let lands_in_time = self.pages.capacity() > PAGES_WAITING / 2;
        let mut readings = Vec::new();
        if self.reader.parts(remaining) < 2 || self.ended.load(Ordering::Relaxed) {
            return Ok(readings);
        }
        // The newest history first: the older parts of it wait.
        let mut newer = History::parts(self.stream.context.started_at, reading.walk.rest());
        newer.pop();
        for given in newer {
            let waiting = self.give(reading, given).await?;
            self.wait(waiting);
        }
        let rest = reading.walk.rest();
        let age = self.age(rest.to);
        reading.seat.change(age);
        if !lands_in_time || self.is_behind(rest) {
            return Ok(readings);
        }
        let client = self.stream.context.client;
        let others = self.reader.parts(remaining).saturating_sub(1);
        let seats: Vec<Seat<'a>> = std::iter::from_fn(|| client.free_seat(age)).take(others).collect();
        let mut parts = seats.len() as u32 + 1;
        for seat in seats {
            let Some(given) = reading.walk.newest_of(parts) else { break };
            let waiting = self.give(reading, given).await?;
            readings.push(self.take_up(&mut self.state(), waiting, seat));
            parts -= 1;
        }
        Ok(readings)
    }

    /// Lets a window wait behind those that are newer.
    fn wait(&self, waiting: Waiting) {
        let windows = &mut self.state().waiting;
        let place = windows.partition_point(|other| other.window.range.to > waiting.window.range.to);
        windows.insert(place, waiting);
    }

    /// Whether a newer window waits.
    fn is_behind(&self, rest: Range) -> bool {
        self.state().waiting.front().is_some_and(|waiting| waiting.window.range.to > rest.to)
    }

    /// Hands what can be read without what this walk cannot read to another one; false where there is no such part.
    async fn hand_on(&self, reading: &mut Reading<'a>) -> Result<bool, Halt> {
        let Some(given) = reading.walk.beyond() else { return Ok(false) };
        {
            let mut state = self.state();
            if state.around >= MOST_AROUND {
                return Ok(false);
            }
            state.around += 1;
        }
        let waiting = self.give(reading, given).await?;
        self.wait(waiting);
        Ok(true)
    }

    /// Makes a window of a part of what a walk has left, which holds records.
    async fn give(&self, reading: &mut Reading<'a>, given: Range) -> Result<Waiting, Halt> {
        let Context { warehouse, run, .. } = self.stream.context;
        let window = warehouse.split(run, self.stream.resource, reading.id, given).await?;
        reading.walk.give_away(given);
        if let Some(remaining) = self.state().active.get_mut(&reading.id) {
            *remaining = None;
        }
        Ok(Waiting { window, known: Known::PartOfSome })
    }

    /// Leaves a window as it is, for the next run to try.
    fn leave(&self, reading: Reading<'a>, unread: Unread) -> Vec<Reading<'a>> {
        let mut state = self.state();
        state.active.remove(&reading.id);
        state.unread.push(unread);
        Vec::new()
    }

    fn tell(&self, reading: &Reading<'_>, page: &Page) {
        let remaining = {
            let mut state = self.state();
            if let Some(remaining) = state.active.get_mut(&reading.id) {
                *remaining = page.remaining;
            }
            state.active.values().copied().flatten().reduce(|one, other| one + other)
        };
        self.stream.context.tell_page(self.stream.resource.name, page.records.len(), remaining);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
