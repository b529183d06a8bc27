//! How fast requests may go: a rate of our own, and as many at a time as the portal grants. The credits they cost are
//! `credits`' business.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Lets requests through at the configured rate, and no more at a time than configured.
#[derive(Debug)]
pub(super) struct Limits {
    /// Requests that may begin within any second.
    rate: usize,
    /// When the last of them began, as many as the rate.
    begun: Mutex<VecDeque<Instant>>,
    permits: Semaphore,
}

const SECOND: Duration = Duration::from_secs(1);

impl Limits {
    pub(super) fn new(concurrency: u32, requests_per_second: u32) -> Self {
        Self {
            rate: requests_per_second.max(1) as usize,
            begun: Mutex::default(),
            permits: Semaphore::new(concurrency.max(1) as usize),
        }
    }

    /// Waits for a turn; the request is in flight as long as the permit lives.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        let permit = self.permits.acquire().await.unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
        while let Err(free) = self.begin() {
            tokio::time::sleep_until(free).await;
        }
        permit
    }

    /// Begins a request, or says when there is room for one. A bucket of tokens would let twice the rate through in the
    /// first second; the times themselves keep every second to it.
    fn begin(&self) -> Result<(), Instant> {
        let now = Instant::now();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len() >= self.rate
            && let Some(free) = begun.front().map(|oldest| *oldest + SECOND)
        {
            if now < free {
                return Err(free);
            }
            begun.pop_front();
        }
        begun.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_rate_wait_for_the_next_second() {
        let limits = Limits::new(50, 10);
        let start = Instant::now();
        for _ in 0..30 {
            drop(limits.turn().await);
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((1.9..2.1).contains(&seconds), "30 requests at 10 a second took {seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_granted() {
        let limits = Limits::new(2, 100);
        let (_first, _second) = (limits.turn().await, limits.turn().await);
        assert!(tokio::time::timeout(Duration::from_secs(60), limits.turn()).await.is_err());
    }
}
