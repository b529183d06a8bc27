//! The portal that is read, and time: the portal's clock follows the timers of the runtime, which are virtual.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use desk_sandbox::Sandbox;
use deskhouse::ledger::Brake;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::scenario::{PLENTY, Scenario};

/// A portal and everything that chance does to it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) sandbox: Sandbox,
    state: Arc<Mutex<State>>,
}

struct State {
    dice: StdRng,
    /// Up to when the portal's clock has followed.
    followed: Instant,
    /// How far the machine's clock is beside the portal's.
    skew: TimeDelta,
    /// No more failures and no more changes: what has happened is to be read now.
    settled: bool,
    /// Requests that nobody waited for to the end since this was last asked.
    dropped: u64,
    /// By day, the most credits that an answer told of as left.
    seen: BTreeMap<NaiveDate, u64>,
    /// How many rows left each list.
    left: HashMap<&'static str, u64>,
    /// Records that came back from the recycle bin, perhaps with the time of change that they had before.
    restored: HashSet<String>,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let sandbox = Sandbox::new(scenario.settings.clone());
        let state = State {
            dice: scenario.dice(),
            followed: Instant::now(),
            skew: scenario.skew,
            settled: false,
            dropped: 0,
            seen: BTreeMap::new(),
            left: HashMap::new(),
            restored: HashSet::new(),
        };
        Self { scenario: Arc::new(scenario), sandbox, state: Arc::new(Mutex::new(state)) }
    }

    /// The portal's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let mut state = self.state();
        let now = Instant::now();
        let passed = now - state.followed;
        state.followed = now;
        drop(state);
        self.sandbox.advance(TimeDelta::from_std(passed).unwrap_or_default());
        self.sandbox.now()
    }

    /// The machine's time.
    pub(crate) fn machine_time(&self) -> DateTime<Utc> {
        self.now() + self.state().skew
    }

    /// Somebody sets the machine's clock.
    pub(crate) fn set_the_clock(&self) {
        let skew = self.throw(Scenario::skew);
        self.state().skew = skew;
    }

    /// Lets time pass in which nothing runs.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.now();
        self.sandbox.advance(time);
    }

    pub(crate) fn throw<T>(&self, throw: impl FnOnce(&mut StdRng) -> T) -> T {
        throw(&mut self.state().dice)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.state().settled
    }

    /// From here on nothing changes and nothing fails; the index has heard of everything.
    pub(crate) fn settle(&self) {
        self.state().settled = true;
        self.sandbox.configure(|settings| {
            settings.index_lag = TimeDelta::zero();
            settings.daily_credits = PLENTY;
        });
    }

    /// Tells of a request that nobody waits for any more.
    pub(crate) fn drop_one(&self) {
        self.state().dropped += 1;
    }

    /// How many nobody waited for to the end since this was last asked.
    pub(crate) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state().dropped)
    }

    /// An answer arrives that tells how many credits are left.
    pub(crate) fn show_left(&self, left: u64) {
        let day = self.sandbox.now().date_naive();
        let mut state = self.state();
        let seen = state.seen.entry(day).or_default();
        *seen = left.max(*seen);
    }

    /// By day, the most credits that anybody knows to have been left.
    pub(crate) fn seen_left(&self) -> BTreeMap<NaiveDate, u64> {
        self.state().seen.clone()
    }

    /// Whether a record has ever come back from the recycle bin.
    pub(crate) fn was_restored(&self, id: &str) -> bool {
        self.state().restored.contains(id)
    }

    /// Somebody works in the portal.
    pub(crate) fn change(&self) {
        if self.throw(|dice| dice.random_ratio(1, 20)) {
            return self.change_a_list();
        }
        let modules: Vec<_> = self.scenario.modules().collect();
        let (module, kind, many) = self.throw(|dice| {
            (modules[dice.random_range(0..modules.len())], dice.random_range(0..100), dice.random_range(1..260))
        });
        let sandbox = &self.sandbox;
        match kind {
            0..=54 => sandbox.edit(module, 1),
            55..=71 => sandbox.create(module, 1),
            72..=79 => sandbox.trash(module, 1),
            80..=84 => {
                let restored = sandbox.restore(module, 1);
                self.state().restored.extend(restored.iter().cloned());
                restored
            }
            85..=87 => sandbox.delete(module, 1),
            88 => sandbox.purge_bin(module, 1),
            89..=90 => sandbox.delete_spam(module, 1),
            91..=92 => sandbox.merge("tickets", 1),
            93..=94 => sandbox.move_department(module, 1),
            95..=97 => sandbox.archive("tickets", 1),
            _ => sandbox.mass_edit(module, many),
        };
        self.change_the_lag();
    }

    /// The index takes its time, now more and now less: what showed a moment ago may not show now.
    pub(crate) fn change_the_lag(&self) {
        let lag = self.scenario.lag;
        let lag = self.throw(|dice| lag * dice.random_range(0..=100) / 100);
        self.sandbox.configure(|settings| settings.index_lag = lag);
    }

    /// Somebody comes, goes or has another name.
    fn change_a_list(&self) {
        let lists: Vec<_> = self.scenario.lists().collect();
        if lists.is_empty() {
            return;
        }
        let (list, kind, place, number) = self.throw(|dice| {
            let number = dice.random_range(0..1_000_000_000_u64);
            (lists[dice.random_range(0..lists.len())], dice.random_range(0..4), dice.random_range(0..1_000), number)
        });
        let rows = self.sandbox.list(list);
        let mut row = rows[place % rows.len()].clone();
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        match kind {
            0 if rows.len() > 2 && self.may_leave(list) => return self.sandbox.take_from_list(list, &id),
            1 => row["id"] = format!("7{number:017}").into(),
            _ => row["name"] = format!("Name {number}").into(),
        }
        self.sandbox.put_in_list(list, "", row);
    }

    /// More than a few at once would not be believed.
    fn may_leave(&self, list: &'static str) -> bool {
        let mut state = self.state();
        let left = state.left.entry(list).or_default();
        *left += 1;
        *left <= Brake::USUAL.floor
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
