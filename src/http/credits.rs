//! The books of what requests cost: per resource, from the prices that the portal states, and the reserve that is left
//! to others. Pure; the day's end comes from the data centre's clock, which the caller reads.

use std::collections::BTreeMap;

use crate::config::Reserve;
use crate::ledger::Usage;

/// What has been spent, and what is left.
#[derive(Debug)]
pub struct Credits {
    reserve: Reserve,
    /// Most that was seen left today, by this run or by an earlier one.
    most: Option<u64>,
    left: Option<u64>,
    usage: BTreeMap<&'static str, Usage>,
}

impl Credits {
    /// Empty books.
    pub fn new(reserve: Reserve) -> Self {
        Self { reserve, most: None, left: None, usage: BTreeMap::new() }
    }

    /// Tells what the portal had left when an earlier run of the same credit day looked, so that a reserve in percent
    /// means the same all day.
    pub fn remember(&mut self, most: u64) {
        self.most = Some(self.most.map_or(most, |held| held.max(most)));
    }

    /// Books one answered request. Both numbers come from headers and may be missing: the weight is then taken as 0
    /// credits, since a guess would make the books look surer than they are.
    pub fn book(&mut self, resource: &'static str, weight: Option<u64>, left: Option<u64>) {
        let usage = self.usage.entry(resource).or_default();
        usage.requests += 1;
        usage.credits += weight.unwrap_or_default();
        if let Some(left) = left {
            self.see(left);
        }
    }

    fn see(&mut self, left: u64) {
        // Answers overtake each other; within a day the number only falls.
        self.left = Some(self.left.map_or(left, |held| held.min(left)));
        self.most = Some(self.most.map_or(left, |most| most.max(left)));
    }

    /// Begins a new credit day: what was left yesterday says nothing about today.
    pub fn turn_day(&mut self) {
        self.left = None;
        self.most = None;
    }

    /// Notes that there are none left.
    pub fn exhaust(&mut self) {
        self.left = Some(0);
    }

    /// Credits left today, as last seen.
    pub fn left(&self) -> Option<u64> {
        self.left
    }

    /// Most credits seen left today.
    pub fn most(&self) -> Option<u64> {
        self.most
    }

    /// Credits that must stay.
    pub fn reserve(&self) -> u64 {
        match self.reserve {
            Reserve::Credits(credits) => credits,
            Reserve::Percent(percent) => self.most.map_or(0, |most| most.saturating_mul(percent.into()) / 100),
        }
    }

    /// Whether the next request would use what is reserved.
    pub fn is_spent(&self) -> bool {
        self.left.is_some_and(|left| left == 0 || left <= self.reserve())
    }

    /// What one resource has cost.
    pub fn of(&self, resource: &str) -> Usage {
        self.usage.get(resource).copied().unwrap_or_default()
    }

    /// What everything has cost.
    pub fn total(&self) -> Usage {
        let mut total = Usage::default();
        for usage in self.usage.values() {
            total += *usage;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_share_of_the_day_and_not_of_what_a_later_run_finds() {
        let mut credits = Credits::new(Reserve::Percent(20));
        credits.remember(1000);
        credits.book("tickets", Some(3), Some(210));
        assert_eq!(credits.reserve(), 200);
        assert!(!credits.is_spent());
        credits.book("tickets", Some(3), Some(200));
        assert!(credits.is_spent());
    }

    #[test]
    fn nothing_is_spent_before_the_portal_has_said_a_number() {
        assert!(!Credits::new(Reserve::Credits(500)).is_spent());
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_raise_what_is_left() {
        let mut credits = Credits::new(Reserve::Credits(0));
        credits.book("tickets", Some(3), Some(97));
        credits.book("contacts", Some(3), Some(100));
        assert_eq!(credits.left(), Some(97));
        assert_eq!(credits.total(), Usage { requests: 2, credits: 6 });
        assert_eq!(credits.of("contacts"), Usage { requests: 1, credits: 3 });
    }
}
