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
use tokio::time::Instant;

use super::concurrency::Concurrency;
use super::gate::{Gate, Permit};
use super::rate::Rate;
use crate::ledger::Sharing;

/// Time after which a run that has a part of the requests lets those come first that have none.
const TURN: Duration = Duration::from_secs(3);

/// Precedences that are told apart among those who ask.
const PRECEDENCES: usize = 4;

/// Lets requests through at the configured rate, and no more at a time than the portal grants.
pub(super) struct Limits {
    configured: Option<RateLimiter<NotKeyed, InMemoryState, Timer, NoOpMiddleware<Duration>>>,
    timer: Timer,
    gate: Gate,
    state: Mutex<State>,
}

struct State {
    concurrency: Concurrency,
    rate: Rate,
    /// What this run may make of the requests that runs beside each other share, and since when it may make any.
    share: u32,
    shares_since: Option<Instant>,
    /// Permits that exist, taken or not.
    permits: u32,
    traffic: Traffic,
    /// Those who ask one request after the other, by the precedence of what they ask.
    seats: [u32; PRECEDENCES],
}

impl State {
    /// Requests that may be in flight now.
    fn allowed(&self) -> u32 {
        self.concurrency.allowed().min(self.share)
    }
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
        let state = State {
            concurrency,
            rate: Rate::default(),
            share: u32::MAX,
            shares_since: None,
            permits,
            traffic,
            seats: [0; PRECEDENCES],
        };
        Self { configured, timer, gate: Gate::new(permits as usize), state: Mutex::new(state) }
    }

    /// Waits for a turn, which comes the sooner the lower the precedence is, and among equals the sooner the party began;
    /// the request is in flight as long as it lives.
    pub(super) async fn turn(&self, precedence: u8, party: &'static str) -> Turn<'_> {
        let permit = self.gate.acquire(precedence, party).await;
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
    pub(super) fn seat(&self, precedence: u8) -> Seat<'_> {
        self.state().seats[place(precedence)] += 1;
        Seat { limits: self, precedence }
    }

    /// A seat, if there are few askers for the requests that the portal grants at a time; those whose turn comes later are
    /// in nobody's way. There are a quarter more seats than requests: while one asker makes rows of its page, another one
    /// asks.
    pub(super) fn free_seat(&self, precedence: u8) -> Option<Seat<'_>> {
        let mut state = self.state();
        let allowed = state.allowed();
        let taken: u32 = state.seats[..=place(precedence)].iter().sum();
        (taken < allowed + allowed / 4).then(|| {
            state.seats[place(precedence)] += 1;
            Seat { limits: self, precedence }
        })
    }

    /// Lets no more than so many requests of this program through at a time from now on.
    pub(super) fn bound(&self, most: u32) {
        self.change(|state| state.concurrency.bound(most));
    }

    /// Lets this run make so many at a time beside others from now on. Those that are under way and more than that are
    /// waited for.
    pub(super) fn share(&self, requests: u32) {
        self.change(|state| {
            state.share = requests;
            state.shares_since = state.shares_since.or_else(|| Some(Instant::now())).filter(|_| requests > 0);
        });
    }

    /// What this run would make alone, and what it makes or may begin of the requests that it shares.
    pub(super) fn sharing(&self) -> Sharing {
        let mut state = self.state();
        self.fit(&mut state);
        Sharing {
            wanted: state.concurrency.most(),
            held: state.permits.max(state.share),
            had_turn: state.shares_since.is_some_and(|since| since.elapsed() >= TURN),
        }
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
        self.fit(&mut state);
    }

    /// Makes as many permits as are allowed, or takes away those that nobody holds; the others go when they come back.
    fn fit(&self, state: &mut State) {
        let allowed = state.allowed();
        if state.permits > allowed {
            state.permits -= self.gate.take_away((state.permits - allowed) as usize) as u32;
        }
        if state.permits < allowed {
            self.gate.add((allowed - state.permits) as usize);
            state.permits = allowed;
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        let state = self.state();
        Traffic { allowed: state.allowed(), ..state.traffic }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's turn.
pub(super) struct Turn<'a> {
    limits: &'a Limits,
    /// None only while it is given back.
    permit: Option<Permit<'a>>,
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
        let mut state = self.limits.state();
        // Where others have the rest, nothing is learnt of what the portal would grant.
        let full = self.limits.gate.free() == 0 && state.share >= state.concurrency.allowed();
        state.concurrency.good(self.sent.elapsed(), full);
        state.rate.good();
    }

    /// The request was refused, because too many were in flight, or came in a second.
    pub(super) fn refused(&self) {
        let now = self.limits.timer.now();
        let mut state = self.limits.state();
        state.traffic.refused += 1;
        let at_once = state.concurrency.allowed().min(state.permits);
        if !state.rate.refused(now, at_once) {
            state.concurrency.refused(self.era, at_once);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.limits.state();
        state.traffic.in_flight -= 1;
        let allowed = state.allowed();
        if let Some(permit) = self.permit.take().filter(|_| state.permits > allowed) {
            permit.forget();
            state.permits -= 1;
        }
        self.limits.fit(&mut state);
    }
}

/// Somebody who asks one request after the other.
pub struct Seat<'a> {
    limits: &'a Limits,
    precedence: u8,
}

impl Seat<'_> {
    /// What is asked from now on has this precedence.
    pub fn change(&mut self, precedence: u8) {
        let mut state = self.limits.state();
        state.seats[place(self.precedence)] -= 1;
        state.seats[place(precedence)] += 1;
        self.precedence = precedence;
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.limits.state().seats[place(self.precedence)] -= 1;
    }
}

fn place(precedence: u8) -> usize {
    usize::from(precedence).min(PRECEDENCES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_evenly_over_each_second() {
        let limits = Limits::new(50, Some(10));
        let start = Instant::now();
        for _ in 0..30 {
            drop(limits.turn(0, "tickets").await);
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((2.8..3.0).contains(&seconds), "30 requests at 10 a second took {seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_granted() {
        let limits = Limits::new(2, None);
        let (_first, _second) = (limits.turn(0, "tickets").await, limits.turn(0, "tickets").await);
        assert!(tokio::time::timeout(Duration::from_secs(60), limits.turn(0, "tickets")).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_takes_permits_away_as_they_come_back() {
        let limits = Limits::new(8, None);
        while limits.traffic().allowed < 8 {
            let turns: Vec<_> =
                futures_util::future::join_all((0..limits.traffic().allowed).map(|_| limits.turn(0, "tickets"))).await;
            turns.iter().for_each(Turn::good);
        }
        let turns = futures_util::future::join_all((0..8).map(|_| limits.turn(0, "tickets"))).await;
        turns[0].refused();
        turns[1].refused();
        drop(turns);
        assert_eq!(limits.traffic(), Traffic { in_flight: 0, allowed: 4, refused: 2 });
        let _held = futures_util::future::join_all((0..4).map(|_| limits.turn(0, "tickets"))).await;
        assert!(tokio::time::timeout(Duration::from_secs(60), limits.turn(0, "tickets")).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_to_others_is_held_until_it_is_answered() {
        let limits = Limits::new(4, None);
        let mut turns = futures_util::future::join_all((0..4).map(|_| limits.turn(0, "tickets"))).await;
        limits.share(1);
        let sharing = |held| Sharing { wanted: 4, held, had_turn: false };
        assert_eq!(limits.sharing(), sharing(4));
        turns.truncate(2);
        assert_eq!(limits.sharing(), sharing(2));
        limits.share(0);
        turns.clear();
        assert_eq!((limits.sharing(), limits.traffic().allowed), (sharing(0), 0));
        assert!(tokio::time::timeout(TURN, limits.turn(0, "tickets")).await.is_err());
        limits.share(3);
        assert_eq!(limits.sharing(), sharing(3));
        let turns = futures_util::future::join_all((0..3).map(|_| limits.turn(0, "tickets"))).await;
        assert!(tokio::time::timeout(TURN, limits.turn(0, "tickets")).await.is_err());
        assert!(limits.sharing().had_turn);
        drop(turns);
    }

    /// A part of what the portal grants says nothing of how much it grants.
    #[tokio::test(start_paused = true)]
    async fn a_part_teaches_nothing_of_the_whole() {
        let limits = Limits::new(20, None);
        limits.begin_with(12);
        limits.share(2);
        for _ in 0..50 {
            futures_util::future::join_all((0..2).map(|_| limits.turn(0, "tickets"))).await.iter().for_each(Turn::good);
        }
        limits.share(20);
        assert_eq!(limits.traffic().allowed, 12);
        limits.share(6);
        futures_util::future::join_all((0..6).map(|_| limits.turn(0, "tickets"))).await[0].refused();
        limits.share(20);
        assert_eq!(limits.traffic().allowed, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn seats_are_a_quarter_more_than_requests_at_a_time() {
        let limits = Limits::new(8, None);
        let _first = limits.seat(0);
        let mut others: Vec<_> = std::iter::from_fn(|| limits.free_seat(0)).collect();
        assert_eq!((others.len() + 1, limits.traffic().allowed), (5, 4));
        others.pop();
        assert!(limits.free_seat(0).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_what_comes_later_takes_no_seat_from_others() {
        let limits = Limits::new(8, None);
        let mut later: Vec<_> = std::iter::from_fn(|| limits.free_seat(3)).collect();
        assert_eq!(later.len(), 5);
        let first: Vec<_> = std::iter::from_fn(|| limits.free_seat(1)).collect();
        assert_eq!(first.len(), 5);
        assert!(limits.free_seat(3).is_none());
        later[0].change(0);
        drop(first);
        assert_eq!(std::iter::from_fn(|| limits.free_seat(1)).collect::<Vec<_>>().len(), 4);
    }
}
