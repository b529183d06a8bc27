//! How fast requests may go: a rate of our own where one is set, and as many at a time as the portal grants. The credits
//! they cost are `credits`' business, how many the portal grants is learnt by `concurrency`, and how many in a second, if it
//! refuses for that, by `rate`.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::concurrency::Concurrency;
use super::rate::Rate;

/// Lets requests through at the configured rate, and no more at a time than the portal grants.
pub(super) struct Limits {
    configured: Option<RateLimiter<NotKeyed, InMemoryState, Timer, NoOpMiddleware<Duration>>>,
    timer: Timer,
    /// First come, first served: nobody starves.
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    concurrency: Concurrency,
    rate: Rate,
    /// Most requests at a time of this program, and how many runs share them.
    most: u32,
    runs: u32,
    /// Permits that exist, taken or not.
    permits: u32,
    traffic: Traffic,
    seats: u32,
}

/// What is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that have been sent and are not answered, or wait for their moment within the rate.
    pub in_flight: u32,
    /// Requests that may be in flight by now.
    pub allowed: u32,
    /// Requests that the portal refused because too many were in flight.
    pub refused: u64,
}

/// The clock of tokio's timers, so that rate and waits follow the same, possibly virtual, time.
#[derive(Debug, Clone)]
struct Timer {
    start: Instant,
}

impl Clock for Timer {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Limits {
    pub(super) fn new(most: u32, requests_per_second: Option<u32>) -> Self {
        let timer = Timer { start: Instant::now() };
        // Evenly spaced: a bucket that begins full would let twice the rate through in the first second.
        let configured = requests_per_second.map(|requests| {
            let quota = Quota::per_second(NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN));
            RateLimiter::direct_with_clock(quota.allow_burst(NonZeroU32::MIN), timer.clone())
        });
        let concurrency = Concurrency::new(most);
        let permits = concurrency.allowed();
        let traffic = Traffic::default();
        let state = State { concurrency, rate: Rate::default(), most, runs: 1, permits, traffic, seats: 0 };
        Self { configured, timer, permits: Semaphore::new(permits as usize), state: Mutex::new(state) }
    }

    /// Waits for a turn; the request is in flight as long as it lives.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let permit = self.permits.acquire().await.unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
        self.state().traffic.in_flight += 1;
        let mut turn = Turn { limits: self, permit: Some(permit), era: 0, sent: Instant::now() };
        while let Some(Err(early)) = self.configured.as_ref().map(RateLimiter::check) {
            tokio::time::sleep(early.wait_time_from(self.timer.now())).await;
        }
        while let Err(wait) = self.send_now() {
            tokio::time::sleep(wait).await;
        }
        turn.begin();
        turn
    }

    fn send_now(&self) -> Result<(), Duration> {
        let now = self.timer.now();
        self.state().rate.send(now)
    }

    /// A seat among those that ask at the same time, whether or not one is free.
    pub(super) fn seat(&self) -> Seat<'_> {
        self.state().seats += 1;
        Seat(self)
    }

    /// A seat, if there are few askers for the requests that the portal grants at a time. There are a quarter more seats
    /// than requests: while one asker makes rows of its page, another one asks.
    pub(super) fn free_seat(&self) -> Option<Seat<'_>> {
        let mut state = self.state();
        let allowed = state.concurrency.allowed();
        (state.seats < allowed + allowed / 4).then(|| {
            state.seats += 1;
            Seat(self)
        })
    }

    /// Lets no more than so many requests of this program through at a time from now on.
    pub(super) fn bound(&self, most: u32) {
        self.change(|state| state.most = most);
    }

    /// Lets this run have its part of them from now on.
    pub(super) fn share_among(&self, runs: u32) {
        self.change(|state| state.runs = runs.max(1));
    }

    /// Begins with so many requests at a time, which an earlier run was granted.
    pub(super) fn begin_with(&self, granted: u32) {
        self.change(|state| state.concurrency.begin_with(granted));
    }

    /// What the next run may begin with.
    pub(super) fn learnt(&self) -> Option<u32> {
        self.state().concurrency.learnt()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let bound = state.most.div_ceil(state.runs);
        state.concurrency.bound(bound);
        self.fit(&mut state);
    }

    /// Makes as many permits as are allowed, or takes away those that nobody holds; the others go when they come back.
    fn fit(&self, state: &mut State) {
        let allowed = state.concurrency.allowed();
        if state.permits > allowed {
            state.permits -= self.permits.forget_permits((state.permits - allowed) as usize) as u32;
        }
        if state.permits < allowed {
            self.permits.add_permits((allowed - state.permits) as usize);
            state.permits = allowed;
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        let state = self.state();
        Traffic { allowed: state.concurrency.allowed(), ..state.traffic }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's turn.
pub(super) struct Turn<'a> {
    limits: &'a Limits,
    /// None only while it is given back.
    permit: Option<SemaphorePermit<'a>>,
    era: u32,
    sent: Instant,
}

impl Turn<'_> {
    /// The request is sent now.
    pub(super) fn begin(&mut self) {
        (self.era, self.sent) = (self.limits.state().concurrency.era(), Instant::now());
    }

    /// The request was answered well.
    pub(super) fn good(&self) {
        let full = self.limits.permits.available_permits() == 0;
        let mut state = self.limits.state();
        state.concurrency.good(self.sent.elapsed(), full);
        state.rate.good();
    }

    /// The request was refused, because too many were in flight, or came in a second.
    pub(super) fn refused(&self) {
        let now = self.limits.timer.now();
        let mut state = self.limits.state();
        state.traffic.refused += 1;
        let at_once = state.concurrency.allowed();
        if !state.rate.refused(now, at_once) {
            state.concurrency.refused(self.era);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.limits.state();
        state.traffic.in_flight -= 1;
        let allowed = state.concurrency.allowed();
        if let Some(permit) = self.permit.take().filter(|_| state.permits > allowed) {
            permit.forget();
            state.permits -= 1;
        }
        self.limits.fit(&mut state);
    }
}

/// Somebody who asks one request after the other.
pub struct Seat<'a>(&'a Limits);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.state().seats -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_evenly_over_each_second() {
        let limits = Limits::new(50, Some(10));
        let start = Instant::now();
        for _ in 0..30 {
            drop(limits.turn().await);
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((2.8..3.0).contains(&seconds), "30 requests at 10 a second took {seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_granted() {
        let limits = Limits::new(2, None);
        let (_first, _second) = (limits.turn().await, limits.turn().await);
        assert!(tokio::time::timeout(Duration::from_secs(60), limits.turn()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_takes_permits_away_as_they_come_back() {
        let limits = Limits::new(8, None);
        while limits.traffic().allowed < 8 {
            let turns: Vec<_> =
                futures_util::future::join_all((0..limits.traffic().allowed).map(|_| limits.turn())).await;
            turns.iter().for_each(Turn::good);
        }
        let turns = futures_util::future::join_all((0..8).map(|_| limits.turn())).await;
        turns[0].refused();
        turns[1].refused();
        drop(turns);
        assert_eq!(limits.traffic(), Traffic { in_flight: 0, allowed: 4, refused: 2 });
        let _held = futures_util::future::join_all((0..4).map(|_| limits.turn())).await;
        assert!(tokio::time::timeout(Duration::from_secs(60), limits.turn()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn seats_are_a_quarter_more_than_requests_at_a_time() {
        let limits = Limits::new(8, None);
        let _first = limits.seat();
        let mut others: Vec<_> = std::iter::from_fn(|| limits.free_seat()).collect();
        assert_eq!((others.len() + 1, limits.traffic().allowed), (5, 4));
        others.pop();
        assert!(limits.free_seat().is_some());
    }
}
