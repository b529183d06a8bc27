//! The books of what requests cost: per resource and path, from the prices that the portal states, and what has to stay:
//! the reserve that is left to others, and the ceiling that this program was given. Pure; the day's end comes from the data
//! centre's clock, which the caller reads.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::config::Reserve;
use crate::ledger::{Booking, Usage};

/// How important a request is when credits are short, the most important first.
///
/// Each leaves a share of what may be spent in a day to those before it. So the order needs no plan and holds between
/// processes too: a backfill that runs all day stops while tonight's sync can still be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// What is new in the main resources.
    #[default]
    Main,
    /// What was deleted.
    Tombstones,
    /// What hangs on other records.
    Children,
    /// Explicit ranges of history.
    Backfill,
    /// Comparing with the portal what is already there.
    Verify,
}

impl Priority {
    /// Share of what may be spent in a day that is kept for more important work, in percent.
    const fn kept(self) -> u64 {
        match self {
            Self::Main => 0,
            Self::Tombstones => 2,
            Self::Children => 5,
            Self::Backfill => 10,
            Self::Verify => 15,
        }
    }
}

/// What keeps a request from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// The portal has no credits left.
    Gone,
    /// What is left is reserved.
    Reserve {
        /// Credits that the portal has left.
        left: u64,
        /// Credits that are left to others.
        reserve: u64,
        /// Credits that are kept for more important work.
        kept: u64,
    },
    /// This program has spent what it may spend in a day.
    Ceiling {
        /// What it has spent today, in all its runs.
        spent: u64,
        /// What it may spend.
        ceiling: u64,
        /// Credits of these that are kept for more important work.
        kept: u64,
    },
}

/// Credits that may be spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// For the rest of the day.
    pub today: Option<u64>,
    /// On a whole day.
    pub a_day: Option<u64>,
}

/// Credit day, resource and path.
type Account = (DateTime<Utc>, &'static str, String);

/// What has been spent, and what is left.
#[derive(Debug)]
pub struct Credits {
    reserve: Reserve,
    ceiling: Option<u64>,
    /// When the credit day began.
    day: DateTime<Utc>,
    /// Most that was seen left today, by this run or by an earlier one.
    most: Option<u64>,
    left: Option<u64>,
    usage: BTreeMap<&'static str, Usage>,
    /// What is not in the ledger yet.
    pending: BTreeMap<Account, (Usage, Option<u64>)>,
    /// What all runs have spent today, this one included.
    today: u64,
}

impl Credits {
    /// Empty books of the credit day that began at `day`. `ceiling` is what this program may spend in a day.
    pub fn new(reserve: Reserve, ceiling: Option<u64>, day: DateTime<Utc>) -> Self {
        Self {
            reserve,
            ceiling,
            day,
            most: None,
            left: None,
            usage: BTreeMap::new(),
            pending: BTreeMap::new(),
            today: 0,
        }
    }

    /// Tells what the portal had left when an earlier run of the same credit day looked, so that a reserve in percent
    /// means the same all day.
    pub fn remember(&mut self, most: u64) {
        self.most = Some(self.most.map_or(most, |held| held.max(most)));
    }

    /// Books one answered request. Both numbers come from headers and may be missing: the weight is then taken as 0
    /// credits, since a guess would make the books look surer than they are. `endpoint` is none for what the ledger does not
    /// hold.
    pub fn book(&mut self, resource: &'static str, endpoint: Option<String>, weight: Option<u64>, left: Option<u64>) {
        let cost = Usage { requests: 1, credits: weight.unwrap_or_default() };
        *self.usage.entry(resource).or_default() += cost;
        self.today += cost.credits;
        if let Some(endpoint) = endpoint {
            let (usage, last) = self.pending.entry((self.day, resource, endpoint)).or_default();
            *usage += cost;
            *last = weight.or(*last);
        }
        if let Some(left) = left {
            self.see(left);
        }
    }

    /// What is to be written into the ledger, in the order of its key.
    pub fn take_bookings(&mut self) -> Vec<Booking> {
        let booking = |((day, resource, endpoint), (usage, weight))| Booking { day, resource, endpoint, usage, weight };
        std::mem::take(&mut self.pending).into_iter().map(booking).collect()
    }

    /// Tells what the ledger says that all runs have spent on a credit day.
    pub fn confirm(&mut self, day: DateTime<Utc>, spent: u64) {
        if day == self.day {
            let pending = self.pending.iter().filter(|((booked, ..), _)| *booked == day);
            self.today = spent + pending.map(|(_, (usage, _))| usage.credits).sum::<u64>();
        }
    }

    fn see(&mut self, left: u64) {
        // Answers overtake each other; within a day the number only falls.
        self.left = Some(self.left.map_or(left, |held| held.min(left)));
        self.most = Some(self.most.map_or(left, |most| most.max(left)));
    }

    /// Begins a new credit day: what was left yesterday says nothing about today.
    pub fn turn_day(&mut self, day: DateTime<Utc>) {
        self.day = day;
        self.left = None;
        self.most = None;
        self.today = 0;
    }

    /// When the credit day began.
    pub fn day(&self) -> DateTime<Utc> {
        self.day
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

    /// What keeps the next request of this priority from being sent, if anything does.
    pub fn shortage(&self, priority: Priority) -> Option<Shortage> {
        let share = |credits: u64| credits.saturating_mul(priority.kept()) / 100;
        let reserve = self.reserve();
        let kept = share(self.most.unwrap_or_default().saturating_sub(reserve));
        match self.left {
            Some(0) => return Some(Shortage::Gone),
            Some(left) if left <= reserve + kept => return Some(Shortage::Reserve { left, reserve, kept }),
            _ => {}
        }
        let ceiling = self.ceiling?;
        let kept = share(ceiling);
        (self.today >= ceiling - kept).then_some(Shortage::Ceiling { spent: self.today, ceiling, kept })
    }

    /// Credits that work of this priority may still spend today, and on a whole day; none where the portal has not said a
    /// number and nothing else bounds it.
    pub fn budget(&self, priority: Priority) -> Budget {
        let after = |credits: u64| credits.saturating_sub(credits.saturating_mul(priority.kept()) / 100);
        let reserve = self.reserve();
        let whole = self.most.map(|most| after(most.saturating_sub(reserve)));
        let kept = whole.zip(self.most).map_or(0, |(whole, most)| most.saturating_sub(reserve) - whole);
        let left = self.left.map(|left| left.saturating_sub(reserve + kept));
        let ceiling = self.ceiling.map(after);
        let lesser = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Budget {
            today: lesser(left, ceiling.map(|ceiling| ceiling.saturating_sub(self.today))),
            a_day: lesser(whole, ceiling),
        }
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

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(number * 86_400, 0).expect("a time in range")
    }

    fn books(reserve: Reserve, ceiling: Option<u64>) -> Credits {
        Credits::new(reserve, ceiling, day(0))
    }

    fn book(credits: &mut Credits, resource: &'static str, weight: u64, left: Option<u64>) {
        credits.book(resource, Some(format!("/{resource}")), Some(weight), left);
    }

    #[test]
    fn the_reserve_is_a_share_of_the_day_and_not_of_what_a_later_run_finds() {
        let mut credits = books(Reserve::Percent(20), None);
        credits.remember(1000);
        book(&mut credits, "tickets", 3, Some(210));
        assert_eq!(credits.reserve(), 200);
        assert_eq!(credits.shortage(Priority::Main), None);
        book(&mut credits, "tickets", 3, Some(200));
        assert_eq!(credits.shortage(Priority::Main), Some(Shortage::Reserve { left: 200, reserve: 200, kept: 0 }));
    }

    #[test]
    fn nothing_is_spent_before_the_portal_has_said_a_number() {
        assert_eq!(books(Reserve::Credits(500), None).shortage(Priority::Verify), None);
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_raise_what_is_left() {
        let mut credits = books(Reserve::Credits(0), None);
        book(&mut credits, "tickets", 3, Some(97));
        book(&mut credits, "contacts", 3, Some(100));
        assert_eq!(credits.left(), Some(97));
        assert_eq!(credits.total(), Usage { requests: 2, credits: 6 });
        assert_eq!(credits.of("contacts"), Usage { requests: 1, credits: 3 });
    }

    #[test]
    fn less_important_work_stops_earlier() {
        let all = [Priority::Main, Priority::Tombstones, Priority::Children, Priority::Backfill, Priority::Verify];
        let mut credits = books(Reserve::Credits(200), Some(1_000));
        credits.remember(1_200);
        let mut stopped = Vec::new();
        for left in (200..=1_200).rev() {
            book(&mut credits, "tickets", 0, Some(left));
            for priority in all {
                if credits.shortage(priority).is_some() && !stopped.contains(&(priority, left)) {
                    stopped.push((priority, left));
                }
            }
        }
        let first = |priority| stopped.iter().find(|(stopped, _)| *stopped == priority).map(|(_, left)| *left);
        assert_eq!(all.map(first), [200, 220, 250, 300, 350].map(Some));
        let mut credits = books(Reserve::Credits(0), Some(1_000));
        credits.confirm(day(0), 900);
        let kept = Shortage::Ceiling { spent: 900, ceiling: 1_000, kept: 100 };
        assert_eq!(credits.shortage(Priority::Backfill), Some(kept));
        assert_eq!(credits.shortage(Priority::Main), None);
    }

    #[test]
    fn a_budget_is_what_can_be_spent_until_a_shortage() {
        let mut credits = books(Reserve::Credits(200), Some(500));
        assert_eq!(credits.budget(Priority::Main), Budget { today: Some(500), a_day: Some(500) });
        credits.remember(1_200);
        book(&mut credits, "tickets", 50, Some(330));
        assert_eq!(credits.budget(Priority::Main), Budget { today: Some(130), a_day: Some(500) });
        assert_eq!(credits.budget(Priority::Backfill), Budget { today: Some(30), a_day: Some(450) });
        assert_eq!(books(Reserve::Percent(20), None).budget(Priority::Main), Budget::default());
    }

    #[test]
    fn the_ceiling_counts_other_runs_and_begins_anew_each_day() {
        let mut credits = books(Reserve::Credits(0), Some(100));
        credits.confirm(day(0), 90);
        book(&mut credits, "tickets", 7, None);
        assert_eq!(credits.shortage(Priority::Main), None);
        let taken = credits.take_bookings();
        book(&mut credits, "tickets", 3, None);
        let spent = Shortage::Ceiling { spent: 100, ceiling: 100, kept: 0 };
        assert_eq!(credits.shortage(Priority::Main), Some(spent));
        // Another process has spent as well; what is not written yet is not in the ledger's number.
        credits.confirm(day(0), 104);
        assert_eq!(credits.shortage(Priority::Main), Some(Shortage::Ceiling { spent: 107, ceiling: 100, kept: 0 }));
        assert_eq!(taken.iter().map(|booking| booking.usage.credits).collect::<Vec<_>>(), [7]);
        credits.turn_day(day(1));
        assert_eq!(credits.shortage(Priority::Main), None);
        assert_eq!(credits.take_bookings()[0].day, day(0), "what was spent yesterday stays yesterday's");
    }
}
