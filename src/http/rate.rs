//! How many requests in a second the portal is given, where it refuses although few are in flight. Pure: time is handed in;
//! waiting for a turn is left to `limits`.
//!
//! No source knows of such a limit, so none is kept until the portal refuses. Then requests are spaced evenly, at less than
//! what was asked in the second before, and now and then it is tried whether a little more is granted.

use std::collections::VecDeque;
use std::time::Duration;

/// Requests at a time that are too few to be refused for their number: the smallest edition grants five.
const FEW: u32 = 2;

/// The second in which requests are counted, and in which one refusal says what the next ones say too.
const SECOND: Duration = Duration::from_secs(1);

/// Share of what was refused that is tried next.
const LESS: f64 = 0.8;

/// By how much the rate is raised when it is tried whether more is granted.
const MORE: f64 = 1.05;

/// Good answers after which that is tried.
const TRY_AGAIN_AFTER: u32 = 500;

/// The rate, as it is learnt.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate {
    /// Requests in a second; none as long as the portal has not refused for their number.
    allowed: Option<f64>,
    /// When the requests of the last second were sent.
    sent: VecDeque<Duration>,
    /// From when on the next one may be sent.
    next: Duration,
    lowered: Option<Duration>,
    good_since: u32,
}

impl Rate {
    /// Sends a request now, or tells how long to wait before asking again.
    pub(super) fn send(&mut self, now: Duration) -> Result<(), Duration> {
        if let Some(allowed) = self.allowed {
            if now < self.next {
                return Err(self.next - now);
            }
            self.next = now + SECOND.div_f64(allowed);
        }
        while self.sent.front().is_some_and(|sent| now >= *sent + SECOND) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        Ok(())
    }

    /// A good answer.
    pub(super) fn good(&mut self) {
        self.good_since += 1;
        if self.good_since >= TRY_AGAIN_AFTER {
            self.good_since = 0;
            self.allowed = self.allowed.map(|allowed| allowed * MORE);
        }
    }

    /// The portal refused a request, with so many allowed in flight at most. Tells whether it was for the rate.
    pub(super) fn refused(&mut self, now: Duration, at_once: u32) -> bool {
        if self.lowered.is_some_and(|lowered| now < lowered + SECOND) {
            return true;
        }
        let asked = match self.allowed {
            Some(allowed) => allowed,
            None if at_once <= FEW => self.sent.iter().filter(|sent| now < **sent + SECOND).count() as f64,
            None => return false,
        };
        self.allowed = Some((asked * LESS).max(1.0));
        (self.lowered, self.good_since) = (Some(now), 0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A portal that grants so many in a second, asked one request after the other that takes so long: refusals, and good
    /// answers, in so many seconds.
    fn ask(rate: &mut Rate, granted: usize, takes: Duration, from: u64, seconds: u64) -> (u32, u32) {
        let (mut now, end) = (Duration::from_secs(from), Duration::from_secs(from + seconds));
        let (mut arrived, mut refused, mut good) = (VecDeque::new(), 0, 0);
        while now < end {
            if let Err(wait) = rate.send(now) {
                now += wait;
                continue;
            }
            arrived.retain(|at| now < *at + SECOND);
            if arrived.len() < granted {
                arrived.push_back(now);
                rate.good();
                good += 1;
            } else {
                rate.refused(now, 1);
                refused += 1;
            }
            now += takes;
        }
        (refused, good)
    }

    #[test]
    fn a_portal_that_does_not_refuse_is_asked_as_fast_as_can_be() {
        let mut rate = Rate::default();
        assert_eq!(ask(&mut rate, 1_000, Duration::from_millis(2), 0, 10), (0, 5_000));
    }

    #[test]
    fn a_rate_that_is_refused_is_learnt() {
        for granted in [5, 20, 70] {
            let (mut rate, takes) = (Rate::default(), Duration::from_millis(4));
            ask(&mut rate, granted, takes, 0, 60);
            let (refused, good) = ask(&mut rate, granted, takes, 60, 1_000);
            assert!(refused * 200 <= good, "{refused} refused, {good} good at {granted} a second");
            assert!(good as usize >= granted * 1_000 * 6 / 10, "{good} good at {granted} a second");
        }
    }

    #[test]
    fn many_in_flight_are_refused_for_their_number() {
        let mut rate = Rate::default();
        assert!(!rate.refused(Duration::ZERO, FEW + 1));
        assert!(rate.refused(Duration::ZERO, FEW));
    }
}
