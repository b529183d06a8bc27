//! Waiting for the next credit day. What is shown meanwhile is left to `report`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::report::Countdown;

/// Longest time by which a wait is stretched at random, so that not everybody asks in the first second of a day.
const LONGEST_JITTER: Duration = Duration::from_secs(120);

/// The portal's clock is known to the second.
const SECOND: Duration = Duration::from_secs(1);

/// A wait for the moment at which credits are back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    until: DateTime<Utc>,
    length: Duration,
}

impl Wait {
    /// A wait from `now` to `until`, both on the portal's clock, and a little longer: by up to a sixtieth, as `random` says,
    /// which is a number from 0 up to 1.
    pub(super) fn new(until: DateTime<Utc>, now: DateTime<Utc>, random: f64) -> Self {
        let length = (until - now).to_std().unwrap_or_default();
        let jitter = LONGEST_JITTER.min(length / 60).mul_f64(random);
        Self { until, length: length + SECOND + jitter }
    }

    /// Waits, and shows how long it will be; false when it was asked to stop.
    pub(super) async fn pass(self, countdown: &dyn Countdown, stopped: &CancellationToken) -> bool {
        let end = Instant::now() + self.length;
        let mut pace = tokio::time::interval(SECOND);
        loop {
            tokio::select! {
                biased;
                () = stopped.cancelled() => break,
                () = tokio::time::sleep_until(end) => break,
                _ = pace.tick() => countdown.show(self.until, end - Instant::now()),
            }
        }
        countdown.end();
        !stopped.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What was shown, up to the moment at which somebody asks for an end.
    #[derive(Default)]
    struct Shown {
        left: Mutex<Vec<Duration>>,
        stops_at: Option<(Duration, CancellationToken)>,
    }

    impl Countdown for Shown {
        fn show(&self, _until: DateTime<Utc>, left: Duration) {
            self.left.lock().expect("not poisoned").push(left);
            if let Some((_, stopped)) = self.stops_at.as_ref().filter(|(moment, _)| left <= *moment) {
                stopped.cancel();
            }
        }

        fn end(&self) {}
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time in range")
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_behind_the_moment_and_counts_down_to_it() {
        for (random, longest) in [(0.0, 7_201.0), (0.999, 7_321.0)] {
            let (shown, start) = (Shown::default(), Instant::now());
            assert!(Wait::new(at(7_200), at(0), random).pass(&shown, &CancellationToken::new()).await);
            let took = start.elapsed().as_secs_f64();
            assert!(took > 7_200.0 && took <= longest + 0.01, "{took} s");
            let shown = shown.left.into_inner().expect("not poisoned");
            assert!(shown.len() >= 7_200 && shown.is_sorted_by(|before, after| before > after));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_it_at_once() {
        let (stopped, start) = (CancellationToken::new(), Instant::now());
        let wait = Wait::new(at(7_200), at(0), 0.5);
        let stops_at = Some((wait.length - Duration::from_secs(100), stopped.clone()));
        assert!(!wait.pass(&Shown { stops_at, ..Shown::default() }, &stopped).await);
        assert_eq!(start.elapsed().as_secs(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_that_has_passed_takes_a_second() {
        let start = Instant::now();
        assert!(Wait::new(at(0), at(50), 0.9).pass(&Shown::default(), &CancellationToken::new()).await);
        assert_eq!(start.elapsed().as_secs(), 1);
    }
}
