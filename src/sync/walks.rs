//! The reading side of a stream: windows are walked, several at a time where the portal grants it, and their pages go to
//! the side that lands them.
//!
//! A walk can only ask for one page after the other, so a long history is read by many of them. Nobody plans this: a walk
//! that has much left to read and sees that another request could be in flight gives the newer half of the rest away. The
//! new window is in the ledger before it is read, so that a run that stops resumes with the windows that there are.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use super::context::Context;
use super::detail::Details;
use super::stream::{Halt, Stream};
use super::{Event, PAGES_WAITING};
use crate::extract::{Page, Reader, Walk};
use crate::http::Seat;
use crate::ledger::{Progress, Window, WindowId};
use crate::warehouse::{Batch, Warehouse};

/// How long a page that was asked for may take when the run is asked to stop: it is paid for, and worth waiting a moment.
const GRACE: Duration = Duration::from_secs(2);

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
    waiting: VecDeque<Window>,
    /// Windows that are being read, and how many of their records are still to come, if the portal counts them.
    remaining: HashMap<WindowId, Option<u64>>,
}

/// A window that is being read.
struct Reading<'a> {
    id: WindowId,
    walk: Walk,
    /// How far the window has been read, as the last page said.
    since: Progress,
    _seat: Seat<'a>,
}

/// What came of one page: the walk, if it goes on, and another one that took a part of it.
type Step<'a> = Result<[Option<Reading<'a>>; 2], Halt>;

impl<'a, W: Warehouse> Walks<'a, W> {
    pub(super) fn new(stream: &'a Stream<'a, W>, windows: Vec<Window>, pages: mpsc::Sender<Batch>) -> Self {
        let state = State { waiting: windows.into(), remaining: HashMap::new() };
        Self {
            details: Details::new(stream),
            reader: Reader::new(Arc::clone(stream.context.client), stream.resource),
            pages,
            state: Mutex::new(state),
            ended: AtomicBool::new(false),
            stream,
        }
    }

    /// Reads every window to its end. What fails first is what it fails with; what was being read by then is kept.
    pub(super) async fn read(&self) -> Result<(), Halt> {
        let mut steps = FuturesUnordered::new();
        let mut halt = None;
        loop {
            while halt.is_none()
                && let Some(reading) = self.next_waiting(steps.is_empty())
            {
                steps.push(self.step(reading));
            }
            match steps.next().await {
                None => return halt.map_or(Ok(()), Err),
                Some(Ok(readings)) => steps.extend(readings.into_iter().flatten().map(|reading| self.step(reading))),
                Some(Err(error)) => {
                    self.ended.store(true, Ordering::Relaxed);
                    halt.get_or_insert(error);
                }
            }
        }
    }

    /// Takes up the next window that waits, if there is a seat for it; the first one of a resource takes its turn among
    /// the others in any case.
    fn next_waiting(&self, is_first: bool) -> Option<Reading<'a>> {
        let mut state = self.state();
        if state.waiting.is_empty() || self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let client = self.stream.context.client;
        let seat = if is_first { client.seat() } else { client.free_seat()? };
        let window = state.waiting.pop_front()?;
        Some(self.take_up(&mut state, &window, seat))
    }

    fn take_up(&self, state: &mut State, window: &Window, seat: Seat<'a>) -> Reading<'a> {
        state.remaining.insert(window.id, None);
        self.stream.context.observer.see(&Event::WindowStarted {
            resource: self.stream.resource.name,
            windows: state.waiting.len() + state.remaining.len(),
            from: window.range.from,
            to: window.range.to,
        });
        let (walk, since) = (self.reader.walk(window), window.progress.clone());
        Reading { id: window.id, walk, since, _seat: seat }
    }

    /// Reads one page.
    async fn step(&self, mut reading: Reading<'a>) -> Step<'a> {
        let stopped = self.stream.context.stopped;
        if stopped.is_cancelled() {
            return Err(Halt::Shutdown);
        }
        if self.ended.load(Ordering::Relaxed) {
            return Ok([None, None]);
        }
        let out_of_patience = async {
            stopped.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let page = tokio::select! {
            biased;
            page = self.reader.next(&mut reading.walk) => page.map_err(Halt::Read)?,
            () = out_of_patience => return Err(Halt::Shutdown),
        };
        let Some(page) = page else {
            self.state().remaining.remove(&reading.id);
            return Ok([None, None]);
        };
        self.tell(&reading, &page);
        let (remaining, progress) = (page.remaining, page.progress);
        let rows = tokio::select! {
            biased;
            () = self.stream.context.stopped.cancelled() => return Err(Halt::Shutdown),
            rows = self.details.rows(reading.id, page.records) => rows?,
        };
        let since = std::mem::replace(&mut reading.since, progress.clone());
        let batch = self.stream.batch(reading.id, since, progress, rows);
        if self.pages.send(batch).await.is_err() {
            // Landing has failed, and says why.
            self.ended.store(true, Ordering::Relaxed);
            return Ok([None, None]);
        }
        let newer = match remaining {
            Some(remaining) => self.split(&mut reading, remaining).await?,
            None => None,
        };
        Ok([newer, Some(reading)])
    }

    /// Gives the newer half of what a walk has left to another one, if that could ask at the same time: no window waits,
    /// the portal grants another request, and pages do not come faster than they land already.
    async fn split(&self, reading: &mut Reading<'a>, remaining: u64) -> Result<Option<Reading<'a>>, Halt> {
        let lands_in_time = self.pages.capacity() > PAGES_WAITING / 2;
        if !lands_in_time || !self.state().waiting.is_empty() || self.ended.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let Some(given) = reading.walk.newer_half(remaining) else { return Ok(None) };
        let Some(seat) = self.stream.context.client.free_seat() else { return Ok(None) };
        let Context { warehouse, run, .. } = self.stream.context;
        let window = warehouse.split(run, self.stream.resource, reading.id, given).await?;
        reading.walk.give_away(given);
        Ok(Some(self.take_up(&mut self.state(), &window, seat)))
    }

    fn tell(&self, reading: &Reading<'_>, page: &Page) {
        let remaining = {
            let mut state = self.state();
            state.remaining.insert(reading.id, page.remaining);
            state.remaining.values().copied().flatten().reduce(|one, other| one + other)
        };
        self.stream.context.tell_page(self.stream.resource.name, page.records.len(), remaining);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
