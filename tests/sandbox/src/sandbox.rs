//! The handle by which a test or a command holds a sandbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::accounts::Code;
use crate::faults::Fault;
use crate::journal::Logged;
use crate::record::{Content, Module, Record, key_of, millis};
use crate::rendering;
use crate::settings::Settings;
use crate::state::State;

/// A portal with its accounts server. Clones are handles to the same portal.
///
/// A module is named by its path: `tickets`, `contacts`, `tasks` or `articles`.
/// Every method that takes one panics at another name, since only a mistake in a test can bring it there.
#[derive(Clone, Debug)]
pub struct Sandbox {
    state: Arc<Mutex<State>>,
}

impl Sandbox {
    /// Builds a world. The same settings build the same world; under [`Clock::Real`](crate::Clock::Real), for a day.
    pub fn new(settings: Settings) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(settings))) }
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Changes settings. What shaped the world when it was built no longer does.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// The time by the sandbox's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.state().now()
    }

    /// Moves the sandbox's clock.
    pub fn advance(&self, by: Duration) {
        self.state().advance(by);
    }

    /// The truth: every record that exists now, as a search or a list row shows it, ascending by id.
    /// Planted text that is no JSON for `serde_json` comes as a string.
    pub fn records(&self, module: &str) -> Vec<Value> {
        let module = named(module);
        let (cast, records) = {
            let state = self.state();
            (Arc::clone(&state.cast), state.shelf(module).live.records.values().cloned().collect::<Vec<_>>())
        };
        records.iter().map(|record| rendering::value(&cast, module, record)).collect()
    }

    /// Every request since the log was last cleared, in the order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.state().journal.entries()
    }

    /// Clears the log of requests and the peak of requests in flight.
    pub fn clear_requests(&self) {
        let mut state = self.state();
        state.journal.clear();
        state.peak_in_flight = state.in_flight;
    }

    /// Waits until so many requests have arrived since the log was last cleared, answered or not.
    pub async fn wait_for_requests(&self, count: usize) {
        let mut arrived = self.state().journal.watch();
        // This handle keeps the sender alive, so the wait ends with the count and in no other way.
        let _ = arrived.wait_for(|arrived| *arrived >= count).await;
    }

    /// The most Desk requests that were in flight at once, refused ones among them.
    pub fn peak_in_flight(&self) -> u32 {
        self.state().peak_in_flight
    }

    /// What is left of today's credits.
    pub fn credits_left(&self) -> u64 {
        self.state().credits_left()
    }

    /// How many token requests there have been in all.
    pub fn token_requests(&self) -> usize {
        self.state().accounts.requests
    }

    /// Who was subscribed to a mailing list of Campaigns, in order: the list's key and the address.
    pub fn subscribers(&self) -> Vec<(String, String)> {
        self.state().subscribers.clone()
    }

    /// Queues faults for the paths that begin so. Each request uses up one of the longest prefix that has any.
    pub fn fault(&self, path_prefix: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.queue(path_prefix, faults);
    }

    /// Edits random records now and answers with their ids, ascending.
    pub fn edit(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().edit(named(module), count))
    }

    /// Creates records now and answers with their ids.
    pub fn create(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().create(named(module), count))
    }

    /// Deletes random records for good and answers with their ids.
    pub fn delete(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().delete(named(module), count))
    }

    /// Edits records of all ages in one second and answers with their ids.
    pub fn mass_edit(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().mass_edit(named(module), count))
    }

    /// Plants a record, which is shown as it is, in every place. It replaces the record of its id.
    ///
    /// # Panics
    /// When the record has no `id`, or no `modifiedTime` that can be placed. Without a `createdTime` that can be, it
    /// counts as created when it was modified.
    pub fn put(&self, module: &str, record: Value) {
        let id = match &record["id"] {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            other => panic!("a planted record needs an id, but has {other}"),
        };
        let modified =
            millis(&record["modifiedTime"]).expect("a planted record needs a modifiedTime that can be placed");
        let created = millis(&record["createdTime"]).unwrap_or(modified);
        self.plant(module, &id, created, modified, &record.to_string());
    }

    /// Plants a text in the place of a record, whatever it says.
    pub fn put_raw(&self, module: &str, id: &str, modified: DateTime<Utc>, json: String) {
        let modified = modified.timestamp_millis();
        self.plant(module, id, modified, modified, &json);
    }

    fn plant(&self, module: &str, id: &str, created: i64, modified: i64, json: &str) {
        let key = key_of(id);
        self.state().put(
            named(module),
            key,
            Some(Record { key, created, modified, content: Content::Planted(json.into()) }),
        );
    }

    /// What the API console gives for a self client: a code for these scopes that lives so long and works once.
    pub fn self_client_code(&self, scopes: &[&str], lifetime: Duration) -> String {
        let mut state = self.state();
        let (text, now) = (state.accounts.secret(), state.now());
        state.accounts.give_out(Code {
            text: text.clone(),
            end: now + lifetime,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            redirect_uri: None,
            challenge: None,
            lasting: true,
        });
        text
    }

    /// The refresh tokens that work, oldest first.
    pub fn refresh_tokens(&self) -> Vec<String> {
        self.state().accounts.refresh_tokens()
    }

    /// Revokes every refresh token, and with it every access token.
    pub fn revoke(&self) {
        self.state().accounts.revoke();
    }

    /// Makes every access token stale.
    pub fn expire_tokens(&self) {
        self.state().accounts.expire();
    }

    /// A panic elsewhere does not hide the state from a test that wants to report it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(module: &str) -> Module {
    Module::named(module).unwrap_or_else(|| panic!("the sandbox has no module `{module}`"))
}

fn texts(keys: Vec<u64>) -> Vec<String> {
    keys.into_iter().map(|key| key.to_string()).collect()
}
