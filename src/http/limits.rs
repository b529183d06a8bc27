//! How fast requests may go: a rate of our own, and as many at a time as the portal grants. The credits they cost are
//! `credits`' business.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Lets requests through at the configured rate, and no more at a time than configured.
pub(super) struct Limits {
    rate: RateLimiter<NotKeyed, InMemoryState, Timer, NoOpMiddleware<Duration>>,
    timer: Timer,
    permits: Semaphore,
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
    pub(super) fn new(concurrency: u32, requests_per_second: u32) -> Self {
        let timer = Timer { start: Instant::now() };
        // Evenly spaced: a bucket that begins full would let twice the rate through in the first second.
        let quota = Quota::per_second(NonZeroU32::new(requests_per_second).unwrap_or(NonZeroU32::MIN))
            .allow_burst(NonZeroU32::MIN);
        Self {
            rate: RateLimiter::direct_with_clock(quota, timer.clone()),
            timer,
            permits: Semaphore::new(concurrency.max(1) as usize),
        }
    }

    /// Waits for a turn; the request is in flight as long as the permit lives.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        let permit = self.permits.acquire().await.unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
        while let Err(early) = self.rate.check() {
            tokio::time::sleep(early.wait_time_from(self.timer.now())).await;
        }
        permit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_evenly_over_each_second() {
        let limits = Limits::new(50, 10);
        let start = Instant::now();
        for _ in 0..30 {
            drop(limits.turn().await);
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((2.8..3.0).contains(&seconds), "30 requests at 10 a second took {seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_granted() {
        let limits = Limits::new(2, 100);
        let (_first, _second) = (limits.turn().await, limits.turn().await);
        assert!(tokio::time::timeout(Duration::from_secs(60), limits.turn()).await.is_err());
    }
}
