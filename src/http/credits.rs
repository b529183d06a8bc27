//! The books of what requests cost: per resource and path, from the prices that the portal states, and what has to stay:
//! the reserve that is left to others, and the ceiling that this program was given. Pure; the day's end comes from the data
//! centre's clock, which the caller reads.
//!
//! What a request costs is only known from its answer. So the price that is expected of it is held before it is sent, and
//! counts until the answer comes: neither reserve nor ceiling is passed, however many requests are under way.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Priority;
use crate::config::Reserve;
use crate::ledger::{Booking, Usage};

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

/// A price that is held for a request under way.
#[derive(Debug)]
pub struct Hold {
    /// Requests are numbered in the order in which they are sent.
    number: u64,
    price: u64,
    /// Credit day on which it was sent.
    day: DateTime<Utc>,
}

/// Why no price is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It depends on what is under way: ask again when something of it has ended.
    Later,
    /// The request may not be sent today.
    Short(Shortage),
}

/// What an answer says about credits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    /// What the request has cost.
    pub weight: Option<u64>,
    /// What the portal has left.
    pub left: Option<u64>,
    /// Credit day of the answer, on the portal's clock.
    pub day: Option<DateTime<Utc>>,
    /// Whether it may have cost something though no weight is told.
    pub is_doubtful: bool,
}

/// What is waiting to be written for an account.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    usage: Usage,
    possible: u64,
    weight: Option<u64>,
}

/// Share of what an edition gives, in percent, of which a portal must have been seen to have so much left: one that has
/// less all day was given something else than its edition's name tells, as trials are.
const PLAUSIBLE: u64 = 5;

/// Credits of a page of a list or a search, by the number of rows before it, and of a record alone (Zoho's page on API
/// credits, 2026).
const CREDITS_BY_DEPTH: [(u64, u64); 4] = [(2_000, 3), (10_000, 10), (100_000, 50), (u64::MAX, 100)];

/// What is expected of a request before any answer has told its price. A record alone is documented to cost 1, but not all
/// who asked for one paid so little.
pub fn documented_price(depth: u64) -> u64 {
    CREDITS_BY_DEPTH.iter().find(|(deepest, _)| depth <= *deepest).map_or(100, |(_, credits)| *credits)
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
    /// Most that any run has seen left, whichever day it was.
    ever: Option<u64>,
    /// What the portal's edition gives a day.
    edition: Option<u64>,
    left: Option<u64>,
    usage: BTreeMap<&'static str, Usage>,
    /// What is not in the ledger yet.
    pending: BTreeMap<Account, Entry>,
    /// What all runs have spent today, this one included, and what they may have spent.
    today: u64,
    /// What the ledger last said of that, and how many runs were at work.
    confirmed: (u64, u64),
    /// Prices that are held for what is under way.
    held: u64,
    under_way: u64,
    /// Number of the next request.
    next: u64,
    /// Prices of requests whose answer was lost, by the number of the first request that was sent after that: its answer
    /// tells what is left with these paid or not.
    lost: BTreeMap<u64, u64>,
    /// What requests to a path, so deep, have cost at most.
    prices: BTreeMap<(String, u64), u64>,
}

impl Credits {
    /// Empty books of the credit day that began at `day`. `ceiling` is what this program may spend in a day.
    pub fn new(reserve: Reserve, ceiling: Option<u64>, day: DateTime<Utc>) -> Self {
        Self {
            reserve,
            ceiling,
            day,
            most: None,
            ever: None,
            edition: None,
            left: None,
            usage: BTreeMap::new(),
            pending: BTreeMap::new(),
            today: 0,
            confirmed: (0, 1),
            held: 0,
            under_way: 0,
            next: 0,
            lost: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }

    /// Tells what the portal had left when an earlier run of the same credit day looked, so that a reserve in percent
    /// means the same all day.
    pub fn remember(&mut self, most: u64) {
        self.most = Some(self.most.map_or(most, |held| held.max(most)));
    }

    /// Tells the most that any run has seen left, on whichever day.
    pub fn remember_ever(&mut self, most: u64) {
        self.ever = self.ever.max(Some(most));
    }

    /// Tells what the portal's edition gives a day.
    pub fn remember_edition(&mut self, credits: u64) {
        self.edition = Some(credits);
    }

    /// Holds the price of a request to `endpoint` that is about to be sent, with so many rows before its first one.
    pub fn hold(&mut self, endpoint: &str, depth: u64, priority: Priority) -> Result<Hold, Denial> {
        let price = self.price(endpoint, depth);
        if let Some(shortage) = self.shortage_of(price, priority) {
            return Err(Denial::Short(shortage));
        }
        // Before the portal has said a number, one request is as much as may be risked.
        let is_blind = self.left.is_none() && self.under_way > 0;
        if is_blind || self.shortage_of(price + self.held, priority).is_some() {
            return Err(Denial::Later);
        }
        if self.passes_its_part(price + self.held, priority) {
            let nothing_will_change = self.held == 0 && self.today == self.confirmed.0;
            let short = || self.ceiling_shortage(priority).map_or(Denial::Later, Denial::Short);
            return Err(if nothing_will_change { short() } else { Denial::Later });
        }
        (self.held, self.under_way, self.next) = (self.held + price, self.under_way + 1, self.next + 1);
        Ok(Hold { number: self.next - 1, price, day: self.day })
    }

    /// What is expected of a request: the dearest of its kind so far, or what is documented.
    fn price(&self, endpoint: &str, depth: u64) -> u64 {
        let documented = documented_price(depth);
        match self.prices.get(&(endpoint.to_owned(), documented)) {
            // What is documented for a page does not hold for a record alone.
            Some(seen) if endpoint.ends_with("{id}") => (*seen).max(1),
            Some(seen) => (*seen).max(documented),
            None => documented,
        }
    }

    /// The request was not sent, or it certainly has cost nothing.
    pub fn release(&mut self, hold: &Hold) {
        self.held = self.held.saturating_sub(hold.price);
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The request was sent, and nobody knows whether the portal has counted it.
    pub fn lose(&mut self, hold: &Hold, resource: &'static str, endpoint: String) {
        self.release(hold);
        *self.lost.entry(self.next).or_default() += hold.price;
        self.doubt(hold.price, hold.day, resource, endpoint);
    }

    /// Notes what may have been spent. Whether it was, no later answer tells: others spend too.
    fn doubt(&mut self, price: u64, day: DateTime<Utc>, resource: &'static str, endpoint: String) {
        self.pending.entry((day, resource, endpoint)).or_default().possible += price;
        self.today += price;
    }

    /// The request was answered. What the answer does not say is not guessed in the books, but counts as possible.
    pub fn settle(&mut self, hold: &Hold, resource: &'static str, endpoint: String, depth: u64, told: Told) {
        self.release(hold);
        let Told { weight, left, day, is_doubtful } = told;
        let day = day.unwrap_or(hold.day);
        if day > self.day || (day < self.day && hold.day == self.day) {
            // The portal's midnight came earlier or later than our clock says.
            self.turn_day(day);
        }
        let cost = Usage { requests: 1, credits: weight.unwrap_or_default() };
        *self.usage.entry(resource).or_default() += cost;
        if day == self.day {
            self.today += cost.credits;
        }
        let entry = self.pending.entry((day, resource, endpoint.clone())).or_default();
        entry.usage += cost;
        entry.weight = weight.or(entry.weight);
        match weight {
            Some(weight) => {
                let price = self.prices.entry((endpoint, documented_price(depth))).or_default();
                *price = (*price).max(weight);
            }
            None if is_doubtful => self.doubt(hold.price, day, resource, endpoint),
            None => {}
        }
        match (left, weight) {
            // What was left yesterday says nothing about today.
            _ if day != self.day => {}
            (Some(left), _) => {
                self.lost.retain(|first, _| *first > hold.number);
                self.see(left);
            }
            (None, Some(weight)) => self.left = self.left.map(|left| left.saturating_sub(weight)),
            (None, None) if is_doubtful => *self.lost.entry(self.next).or_default() += hold.price,
            (None, None) => {}
        }
    }

    /// Counts an answered request that costs no credits of Desk.
    pub fn count(&mut self, resource: &'static str) {
        *self.usage.entry(resource).or_default() += Usage { requests: 1, credits: 0 };
    }

    /// What is to be written into the ledger, in the order of its key.
    pub fn take_bookings(&mut self) -> Vec<Booking> {
        let booking = |((day, resource, endpoint), Entry { usage, possible, weight })| Booking {
            day,
            resource,
            endpoint,
            usage,
            possible,
            weight,
        };
        std::mem::take(&mut self.pending).into_iter().map(booking).collect()
    }

    /// Tells what the ledger says that all runs have spent on a credit day, and how many are at work.
    pub fn confirm(&mut self, day: DateTime<Utc>, spent: u64, runs: u64) {
        if day == self.day {
            self.confirmed = (spent, runs.max(1));
            let pending = self.pending.iter().filter(|((booked, ..), _)| *booked == day);
            self.today = spent + pending.map(|(_, entry)| entry.usage.credits + entry.possible).sum::<u64>();
        }
    }

    /// Tells what the portal says is left.
    pub fn see(&mut self, left: u64) {
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
        self.confirmed.0 = 0;
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

    /// The portal's day: what its edition gives, if that can be, and at least what was seen left.
    fn whole_day(&self) -> Option<u64> {
        let seen = self.most.max(self.ever);
        let is_plausible = |edition: &u64| seen.is_some_and(|seen| seen >= edition.saturating_mul(PLAUSIBLE) / 100);
        self.most.max(self.edition.filter(is_plausible))
    }

    /// Credits that must stay.
    pub fn reserve(&self) -> u64 {
        match self.reserve {
            Reserve::Credits(credits) => credits,
            Reserve::Percent(percent) => self.whole_day().map_or(0, |day| day.saturating_mul(percent.into()) / 100),
        }
    }

    /// What keeps the next request of this priority from being sent, if anything does.
    pub fn shortage(&self, priority: Priority) -> Option<Shortage> {
        self.shortage_of(documented_price(0), priority)
    }

    /// What keeps requests of this price together from being sent, if anything does.
    fn shortage_of(&self, price: u64, priority: Priority) -> Option<Shortage> {
        let reserve = self.reserve();
        let kept = priority.share(self.whole_day().unwrap_or_default().saturating_sub(reserve));
        // Before the portal has said a number, what an earlier run of the day saw less all that was spent since.
        let (left, lost) = match self.left {
            Some(left) => (Some(left), self.lost.values().sum()),
            None => (self.most.map(|most| most.saturating_sub(self.today)), 0),
        };
        match left {
            Some(left) if left < price + lost + reserve + kept => {
                return Some(match reserve + kept {
                    0 => Shortage::Gone,
                    _ if left == 0 => Shortage::Gone,
                    _ => Shortage::Reserve { left, reserve, kept },
                });
            }
            _ => {}
        }
        let ceiling = self.ceiling?;
        let kept = priority.share(ceiling);
        if self.today + price > ceiling - kept { self.ceiling_shortage(priority) } else { None }
    }

    fn ceiling_shortage(&self, priority: Priority) -> Option<Shortage> {
        self.ceiling.map(|ceiling| Shortage::Ceiling { spent: self.today, ceiling, kept: priority.share(ceiling) })
    }

    /// Whether requests of this price pass what this run may spend until the ledger is asked again. What others spend until
    /// then is not known, so that those at work share what is left.
    fn passes_its_part(&self, price: u64, priority: Priority) -> bool {
        let (spent, runs) = self.confirmed;
        self.ceiling.is_some_and(|ceiling| {
            let room = (ceiling - priority.share(ceiling)).saturating_sub(spent);
            self.today + price > spent + room / runs
        })
    }

    /// Credits that work of this priority may still spend today, and on a whole day; none where the portal has not said a
    /// number and nothing else bounds it.
    pub fn budget(&self, priority: Priority) -> Budget {
        let after = |credits: u64| credits.saturating_sub(priority.share(credits));
        let reserve = self.reserve();
        let whole = self.whole_day().map(|day| after(day.saturating_sub(reserve)));
        let kept = whole.zip(self.whole_day()).map_or(0, |(whole, day)| day.saturating_sub(reserve) - whole);
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
#[path = "credits_tests.rs"]
mod tests;
