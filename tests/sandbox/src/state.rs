//! Everything about a sandbox that changes, behind one lock.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time;

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::cast::Cast;
use crate::departures::Departures;
use crate::dice::Dice;
use crate::directory::Directory;
use crate::falsehoods::Told;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::record::{Content, Module, Record};
use crate::settings::{Clock, Settings};
use crate::shelf::Shelf;
use crate::world;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) cast: Arc<Cast>,
    shelves: [Shelf; Module::ALL.len()],
    /// What the clock was advanced by.
    advanced: Duration,
    pub(crate) accounts: Accounts,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) in_flight: u32,
    pub(crate) peak_in_flight: u32,
    /// When the Desk requests of the last second were taken.
    taken: VecDeque<Instant>,
    /// The day whose credits are counted, and how many are gone.
    spent: (NaiveDate, u64),
    desk_requests: u64,
    /// Who was subscribed to a mailing list: the list's key and the address.
    pub(crate) subscribers: Vec<(String, String)>,
    pub(crate) departures: Departures,
    pub(crate) directory: Directory,
    pub(crate) dice: Dice,
    /// What was told that is not true.
    pub(crate) told: Told,
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        let cast = world::cast(&settings);
        let shelves = Module::ALL.map(|module| Shelf::new(world::records(&cast, &settings, module)));
        Self {
            shelves,
            advanced: Duration::zero(),
            accounts: Accounts::new(&settings),
            faults: Faults::default(),
            journal: Journal::default(),
            in_flight: 0,
            peak_in_flight: 0,
            taken: VecDeque::new(),
            spent: (NaiveDate::default(), 0),
            desk_requests: 0,
            subscribers: Vec::new(),
            departures: Departures::default(),
            directory: Directory::new(&cast),
            dice: Dice::of(&[settings.seed, 40]),
            told: Told::default(),
            cast: Arc::new(cast),
            settings,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        let base = match self.settings.clock {
            Clock::Real => Utc::now(),
            Clock::Fixed(moment) => moment,
        };
        base + self.advanced
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.advanced += by;
    }

    pub(crate) fn shelf(&self, module: Module) -> &Shelf {
        &self.shelves[module as usize]
    }

    pub(crate) fn shelf_mut(&mut self, module: Module) -> &mut Shelf {
        &mut self.shelves[module as usize]
    }

    /// Lets the index hear of every change that is old enough.
    pub(crate) fn settle(&mut self) {
        let (now, lag) = (self.now().timestamp_millis(), self.settings.index_lag.num_milliseconds());
        for shelf in &mut self.shelves {
            shelf.settle(now, lag);
        }
    }

    /// Whether one more Desk request is taken within this second.
    pub(crate) fn takes_one_more(&mut self) -> bool {
        let Some(most) = self.settings.requests_per_second else { return true };
        let now = Instant::now();
        self.taken.retain(|taken| now < *taken + time::Duration::from_secs(1));
        let takes = self.taken.len() < most as usize;
        if takes {
            self.taken.push_back(now);
        }
        takes
    }

    /// How long the next Desk request takes.
    pub(crate) fn pause(&mut self) -> time::Duration {
        let jitter = self.settings.latency_jitter;
        if jitter.is_zero() {
            return self.settings.latency;
        }
        (self.settings.latency + jitter.mul_f64(2.0 * self.dice.fraction())).saturating_sub(jitter)
    }

    /// Counts a Desk request, and changes the world when it is its turn.
    pub(crate) fn desk_request(&mut self) {
        self.desk_requests += 1;
        let due =
            self.settings.change_every.is_some_and(|every| self.desk_requests.is_multiple_of(u64::from(every.max(1))));
        if !due {
            return;
        }
        self.advance(Duration::seconds(1));
        let module = Module::ALL[self.dice.below(Module::ALL.len() as u64) as usize];
        match self.dice.below(100) {
            0..=69 => self.edit(module, 1),
            70..=84 => self.create(module, 1),
            _ => self.purge(module, 1),
        };
    }

    pub(crate) fn edit(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        self.edit_all(module, keys)
    }

    /// Edits records spread over the whole history.
    pub(crate) fn mass_edit(&mut self, module: Module, count: usize) -> Vec<u64> {
        let all: Vec<u64> = self.made_keys(module);
        let count = count.min(all.len());
        let keys = (0..count).map(|number| all[number * all.len() / count]).collect();
        self.edit_all(module, keys)
    }

    pub(crate) fn edit_all(&mut self, module: Module, keys: Vec<u64>) -> Vec<u64> {
        let second = self.second();
        for key in &keys {
            let Some(record) = self.shelf(module).live.get(*key) else { continue };
            let Some(made) = record.made() else { continue };
            let made = world::edited(&self.cast, module, *made);
            let record = Record { modified: second, content: Content::Made(made), ..Record::clone(record) };
            self.put(module, *key, Some(record));
        }
        keys
    }

    pub(crate) fn create(&mut self, module: Module, count: usize) -> Vec<u64> {
        let second = self.second();
        let create = |_| {
            let serial = self.next_serial(module);
            let record = world::record(&self.cast, module, serial, second, second);
            let key = record.key;
            self.put(module, key, Some(record));
            key
        };
        (0..count).map(create).collect()
    }

    /// The serial number of a new record, which nobody else gets.
    pub(crate) fn next_serial(&mut self, module: Module) -> u32 {
        let shelf = &mut self.shelves[module as usize];
        shelf.next += 1;
        shelf.next - 1
    }

    pub(crate) fn put(&mut self, module: Module, key: u64, record: Option<Record>) {
        let now = self.now().timestamp_millis();
        self.shelves[module as usize].set(key, record, now);
    }

    /// Different records by chance. Planted ones are left alone: they are to be seen as they were given.
    pub(crate) fn random_keys(&mut self, module: Module, count: usize) -> Vec<u64> {
        let live = &self.shelves[module as usize].live;
        if count * 2 > live.records.len() {
            let mut keys = self.made_keys(module);
            while keys.len() > count {
                keys.swap_remove(self.dice.below(keys.len() as u64) as usize);
            }
            return keys;
        }
        let mut keys = BTreeSet::new();
        // Planted records are few, so a bounded number of throws is enough.
        for _ in 0..count * 20 {
            if keys.len() == count {
                break;
            }
            let place = self.dice.below(live.by_created.len() as u64) as usize;
            keys.extend(
                live.by_created
                    .nth(place)
                    .map(|(_, key)| key)
                    .filter(|key| live.get(*key).is_some_and(|record| record.made().is_some())),
            );
        }
        keys.into_iter().collect()
    }

    pub(crate) fn made_keys(&self, module: Module) -> Vec<u64> {
        self.shelf(module)
            .live
            .records
            .values()
            .filter(|record| record.made().is_some())
            .map(|record| record.key)
            .collect()
    }

    /// Now, to the second, which is as fine as Zoho's times are.
    pub(crate) fn second(&self) -> i64 {
        self.now().timestamp() * 1_000
    }

    fn spent_today(&self) -> u64 {
        if self.spent.0 == self.now().date_naive() { self.spent.1 } else { 0 }
    }

    pub(crate) fn credits_left(&self) -> u64 {
        self.settings.daily_credits.saturating_sub(self.spent_today())
    }

    pub(crate) fn credits_cover(&self, weight: u64) -> bool {
        self.credits_left() >= weight
    }

    /// Takes the credits and answers with what is left.
    pub(crate) fn spend(&mut self, weight: u64) -> u64 {
        self.spent = (self.now().date_naive(), self.spent_today() + weight);
        self.credits_left()
    }

    /// When the day's credits come back.
    pub(crate) fn seconds_to_midnight(&self) -> i64 {
        let now = self.now();
        let midnight =
            now.date_naive().checked_add_days(Days::new(1)).map(|day| day.and_time(NaiveTime::MIN).and_utc());
        midnight.map_or(0, |midnight| (midnight - now).num_seconds().max(1))
    }
}
