//! Whether and when a failed attempt is made again. Pure; waiting is left to the client.

use std::time::Duration;

use super::answer::Failure;

/// How long one request is kept up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts, the first included.
    pub tries: u32,
}

/// Wait before the second attempt; doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Patience {
    /// How long to wait before another attempt, or `None` when it is enough. `tries` were made; `chance` is a random
    /// number in 0..1, so that waiting clients do not come back at the same moment.
    ///
    /// A request that writes is made again only where it was surely not carried out: a second ticket is worse than an
    /// error.
    pub(super) fn wait(self, failure: &Failure, only_reads: bool, tries: u32, chance: f64) -> Option<Duration> {
        let worth_it = match failure {
            Failure::Unsent(_) | Failure::Concurrency => true,
            Failure::Transient(_) => only_reads,
            _ => false,
        };
        if !worth_it || tries >= self.tries {
            return None;
        }
        let full = FIRST_WAIT.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST_WAIT);
        // At least half: a wait of nearly nothing would spend an attempt.
        Some(full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Cause, Problem, Refusal};
    use super::*;

    const PATIENCE: Patience = Patience { tries: 4 };

    #[test]
    fn waits_double_and_end() {
        let failure = Failure::Transient(Cause::Status(503));
        let waits: Vec<_> = (1..=4).map(|tries| PATIENCE.wait(&failure, true, tries, 1.0)).collect();
        let milliseconds = |value| Some(Duration::from_millis(value));
        assert_eq!(waits, [milliseconds(500), milliseconds(1000), milliseconds(2000), None]);
        assert_eq!(Patience { tries: 99 }.wait(&failure, true, 50, 1.0), Some(LONGEST_WAIT));
    }

    #[test]
    fn a_refusal_is_never_tried_again() {
        let refusal =
            Failure::Refused(Refusal { status: 403, code: String::new(), problem: Problem::Other, fields: Vec::new() });
        for failure in [refusal, Failure::CreditsGone(None), Failure::Redirect, Failure::Unauthorized] {
            assert_eq!(PATIENCE.wait(&failure, true, 1, 0.5), None, "{failure:?}");
        }
    }

    #[test]
    fn what_writes_is_tried_again_only_where_it_was_not_carried_out() {
        let cause = Cause::Status(503);
        assert_eq!(PATIENCE.wait(&Failure::Transient(cause.clone()), false, 1, 0.5), None);
        for failure in [Failure::Unsent(cause), Failure::Concurrency] {
            assert!(PATIENCE.wait(&failure, false, 1, 0.5).is_some(), "{failure:?}");
        }
    }
}
