//! How many requests at a time the portal is given. Pure: it learns from answers, and knows neither clock nor queue;
//! waiting for a turn is left to `limits`.
//!
//! What a portal grants depends on its edition, and others use it too (Zoho's page on API limits; 429
//! `TOO_MANY_REQUESTS`). So it begins low, or with what the last run was granted, and doubles each round of good answers
//! until the first refusal, or until answers get slower. From there it grows by one a round, halves at a refusal, and
//! afterwards stays below where it was refused, but for a rare look whether more is granted by now.

use std::time::Duration;

/// Requests at a time to begin with: fewer than the five that the smallest edition grants.
const FIRST: u32 = 4;

/// A round of answers that took longer than the quickest one by this factor is a portal under load: no growth.
const CLIMBED: f64 = 1.5;

/// The quickest round is forgotten by so much a round, or one lucky round would hold the growth up for good.
const FORGET: f64 = 1.01;

/// Good answers after which it is tried whether the portal grants one more than it last refused: at most one refusal in so
/// many requests. Where others had used the portal up for a while, what they left is taken back as slowly.
const TRY_AGAIN_AFTER: u32 = 500;

/// The number of requests at a time, as it is learnt.
#[derive(Debug, Clone)]
pub(super) struct Concurrency {
    /// Never more than this: the configuration's or the edition's.
    most: u32,
    allowed: u32,
    /// As many as were granted when more were refused.
    granted: u32,
    /// How often it was halved. A refusal of a request from before the last time says nothing new.
    era: u32,
    round: Round,
    /// Mean time of the quickest round, in seconds.
    quickest: Option<f64>,
    good_since_refusal: u32,
    /// Neither refused nor slowed down yet.
    doubles: bool,
    /// Most that were ever allowed without a refusal.
    reached: u32,
}

/// Good answers since the number last changed.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    answers: u32,
    seconds: f64,
}

impl Concurrency {
    pub(super) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self {
            most,
            allowed: FIRST.min(most),
            granted: most,
            era: 0,
            round: Round::default(),
            quickest: None,
            good_since_refusal: 0,
            doubles: true,
            reached: 0,
        }
    }

    /// Begins with what an earlier run was granted. Nothing of this run's own is forgotten for that.
    pub(super) fn begin_with(&mut self, granted: u32) {
        if self.era == 0 && self.reached == 0 {
            self.allowed = granted.clamp(1, self.most);
            self.doubles = false;
        }
    }

    /// What the next run may begin with; none before a round of good answers.
    pub(super) fn learnt(&self) -> Option<u32> {
        match (self.era, self.reached) {
            (0, 0) => None,
            (0, reached) => Some(reached),
            _ => Some(self.granted.min(self.most)),
        }
    }

    /// Requests that may be in flight now.
    pub(super) fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Most requests at a time.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// Sets the number that is never passed. What the portal was found to grant stands.
    pub(super) fn bound(&mut self, most: u32) {
        self.most = most.max(1);
        self.allowed = self.allowed.min(self.most);
    }

    /// Which time between two halvings this is; a request remembers in which it was sent.
    pub(super) fn era(&self) -> u32 {
        self.era
    }

    /// A good answer after `time`. `full` tells that no more requests could have been in flight: what is not used up need
    /// not grow.
    pub(super) fn good(&mut self, time: Duration, full: bool) {
        self.good_since_refusal += 1;
        if self.good_since_refusal >= TRY_AGAIN_AFTER && self.granted < self.most {
            self.granted += 1;
            self.good_since_refusal = 0;
        }
        self.round.answers += 1;
        self.round.seconds += time.as_secs_f64();
        if self.round.answers < self.allowed {
            return;
        }
        let mean = self.round.seconds / f64::from(self.round.answers);
        self.round = Round::default();
        let climbs = self.quickest.is_some_and(|quickest| mean > quickest * CLIMBED);
        self.quickest = Some(self.quickest.map_or(mean, |quickest| mean.min(quickest * FORGET)));
        self.doubles &= !climbs;
        self.reached = self.reached.max(self.allowed);
        let most = self.granted.min(self.most);
        if full && !climbs && self.allowed < most {
            self.allowed = if self.doubles { (self.allowed * 2).min(most) } else { self.allowed + 1 };
        }
    }

    /// The portal refused a request that was sent in `era`, because too many were in flight: `at_once` of ours could be.
    pub(super) fn refused(&mut self, era: u32, at_once: u32) {
        if era != self.era {
            return;
        }
        self.era += 1;
        self.doubles = false;
        self.granted = at_once.saturating_sub(1).max(1);
        self.allowed = (at_once / 2).max(1);
        self.round = Round::default();
        self.good_since_refusal = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bound_that_comes_and_goes_leaves_what_was_learnt() {
        let mut concurrency = Concurrency::new(8);
        let grow = |concurrency: &mut Concurrency| {
            (0..200).for_each(|_| concurrency.good(Duration::from_millis(100), true));
            concurrency.allowed()
        };
        assert_eq!(grow(&mut concurrency), 8);
        concurrency.bound(4);
        assert_eq!((concurrency.allowed(), grow(&mut concurrency)), (4, 4));
        concurrency.bound(8);
        assert_eq!(grow(&mut concurrency), 8);
        concurrency.refused(concurrency.era(), 8);
        concurrency.bound(4);
        concurrency.bound(8);
        assert!(grow(&mut concurrency) <= 7);
    }

    const QUICK: Duration = Duration::from_millis(100);

    /// A portal that grants so many at a time, asked as fast as is allowed, one round after the other: how often it
    /// refused, in so many requests.
    fn ask(concurrency: &mut Concurrency, granted: u32, requests: u32) -> u32 {
        let (mut asked, mut refusals) = (0, 0);
        while asked < requests {
            let (at_once, era) = (concurrency.allowed(), concurrency.era());
            for number in 0..at_once {
                if number < granted {
                    concurrency.good(QUICK, true);
                } else {
                    concurrency.refused(era, at_once);
                    refusals += 1;
                }
            }
            asked += at_once;
        }
        refusals
    }

    #[test]
    fn it_begins_low_and_grows_to_what_is_configured() {
        let mut concurrency = Concurrency::new(10);
        assert_eq!(concurrency.allowed(), FIRST);
        ask(&mut concurrency, 50, 60);
        assert_eq!(concurrency.allowed(), 10);
    }

    #[test]
    fn it_doubles_until_the_first_refusal() {
        let mut concurrency = Concurrency::new(50);
        let rounds = [4, 8, 16, 32].map(|_| {
            let allowed = concurrency.allowed();
            ask(&mut concurrency, 50, allowed);
            allowed
        });
        assert_eq!((rounds, concurrency.allowed()), ([4, 8, 16, 32], 50));
        let mut concurrency = Concurrency::new(50);
        ask(&mut concurrency, 20, 4 + 8 + 16 + 32);
        assert_eq!(concurrency.allowed(), 16);
        ask(&mut concurrency, 20, 16);
        assert_eq!(concurrency.allowed(), 17);
    }

    #[test]
    fn it_begins_with_what_the_last_run_was_granted() {
        let mut first = Concurrency::new(50);
        assert_eq!(first.learnt(), None);
        ask(&mut first, 7, 3_000);
        let mut next = Concurrency::new(50);
        next.begin_with(first.learnt().expect("it was found out"));
        assert_eq!(next.allowed(), 7);
        assert_eq!(ask(&mut next, 7, 400), ask(&mut first, 7, 400).min(60));
        let mut refused = Concurrency::new(50);
        refused.refused(refused.era(), refused.allowed());
        refused.begin_with(7);
        assert_eq!(refused.allowed(), 2);
    }

    #[test]
    fn it_settles_below_what_the_portal_refuses() {
        let mut concurrency = Concurrency::new(50);
        ask(&mut concurrency, 7, 300);
        let refusals = ask(&mut concurrency, 7, 10_000);
        assert!(refusals <= 10_000 / TRY_AGAIN_AFTER, "{refusals} refusals in 10,000 requests");
        assert!((3..=8).contains(&concurrency.allowed()), "{}", concurrency.allowed());
    }

    #[test]
    fn one_burst_of_refusals_halves_once() {
        let mut concurrency = Concurrency::new(10);
        ask(&mut concurrency, 50, 60);
        let era = concurrency.era();
        for _ in 0..5 {
            concurrency.refused(era, 10);
        }
        assert_eq!(concurrency.allowed(), 5);
    }

    #[test]
    fn it_does_not_grow_while_answers_get_slower() {
        let mut concurrency = Concurrency::new(10);
        ask(&mut concurrency, 50, 3);
        let before = concurrency.allowed();
        for step in 2..20 {
            for _ in 0..before {
                concurrency.good(QUICK * step, true);
            }
        }
        assert_eq!(concurrency.allowed(), before);
    }

    #[test]
    fn it_does_not_grow_where_it_is_not_used_up() {
        let mut concurrency = Concurrency::new(10);
        for _ in 0..100 {
            concurrency.good(QUICK, false);
        }
        assert_eq!(concurrency.allowed(), FIRST);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(most in 1u32..60, events in prop::collection::vec((0u64..1_000, any::<bool>()), 0..400)) {
            let mut concurrency = Concurrency::new(most);
            for (milliseconds, refused) in events {
                if refused {
                    concurrency.refused(concurrency.era(), concurrency.allowed());
                } else {
                    concurrency.good(Duration::from_millis(milliseconds), true);
                }
                prop_assert!((1..=most).contains(&concurrency.allowed()));
            }
        }
    }
}
