//! The handle by which a test or a command holds a sandbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::accounts::Code;
use crate::articles;
use crate::departures::{Departed, Departure};
use crate::directory::Shape;
use crate::faults::Fault;
use crate::journal::Logged;
use crate::record::{Content, Module, Record, key_of, millis};
use crate::rendering::{self, Show};
use crate::settings::Settings;
use crate::state::State;
use crate::tickets;

/// What places a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: String,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// Whether it is in the archive; of a planted one this is not known.
    pub is_archived: bool,
}

/// A portal with its accounts server. Clones are handles to the same portal.
///
/// A module is named by its path: `tickets`, `accounts`, `contacts`, `products`, `tasks`, `calls`, `events` or `articles`.
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

    /// The truth of the translations of all articles, as they are listed; the `id` of each is its article's.
    pub fn translations(&self) -> Vec<Value> {
        let state = self.state();
        let articles = state.shelf(Module::Articles).live.records.values();
        let made = articles.filter_map(|article| Some((article, article.made()?)));
        let texts = made.flat_map(|(article, made)| articles::translations(&state.cast, article, made));
        texts.map(|text| serde_json::from_str(&text).unwrap_or_default()).collect()
    }

    /// The truth in the words in which a search or a list row tells it: the rows of [`Sandbox::records`] as text.
    pub fn rows(&self, module: &str) -> Vec<String> {
        let module = named(module);
        let state = self.state();
        let records = state.shelf(module).live.records.values();
        records.map(|record| rendering::render(&state.cast, module, record, &Show::Row)).collect()
    }

    /// The truth in short: of the rows of [`Sandbox::records`] only what places each, without making them.
    pub fn placed(&self, module: &str) -> Vec<Placed> {
        let module = named(module);
        let state = self.state();
        let placed = |record: &Arc<Record>| Placed {
            id: record.key.to_string(),
            modified: DateTime::from_timestamp_millis(record.modified).unwrap_or_default(),
            is_archived: module == Module::Tickets
                && record.made().is_some_and(|made| tickets::archived(&state.cast, record, made)),
        };
        state.shelf(module).live.records.values().map(placed).collect()
    }

    /// The truth of a short list, such as `departments`: its rows as the list shows them.
    ///
    /// Like the two methods that change one, it panics at the name of another path.
    pub fn list(&self, path: &str) -> Vec<Value> {
        self.state().directory.rows(listed(path))
    }

    /// Puts a row into a short list, in the place of the one with the same key or at the end. `value` is that of the
    /// parameter that the list is asked for with, and empty where it takes none.
    pub fn put_in_list(&self, path: &str, value: &str, row: Value) {
        let Value::Object(row) = row else { panic!("a row is an object") };
        self.state().directory.put(listed(path), value, row);
    }

    /// Takes the row with this key out of a short list.
    pub fn take_from_list(&self, path: &str, key: &str) {
        self.state().directory.remove(listed(path), key);
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

    /// Waits until a request for this path has arrived since the log was last cleared, answered or not.
    pub async fn wait_for_request_of(&self, path: &str) {
        let mut arrived = self.state().journal.watch();
        while !self.requests().iter().any(|request| request.path == path) {
            // This handle keeps the sender alive.
            let _ = arrived.changed().await;
        }
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

    /// Purges random records without a trace and answers with their ids.
    pub fn delete(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().purge(named(module), count))
    }

    /// Moves random records to the recycle bin and answers with their ids.
    pub fn trash(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().trash(named(module), count))
    }

    /// Brings records back from the recycle bin, as many as there are at most, and answers with their ids.
    pub fn restore(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().restore(named(module), count))
    }

    /// Purges records from the recycle bin and answers with their ids.
    pub fn purge_bin(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().purge_bin(named(module), count))
    }

    /// Deletes random records as spam, which bypasses the bin, and answers with their ids.
    pub fn delete_spam(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().delete_spam(named(module), count))
    }

    /// Merges random records into another one of the module, and answers with the ids of those that are gone.
    pub fn merge(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().merge(named(module), count))
    }

    /// Moves random records to another department and answers with their ids.
    pub fn move_department(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().move_department(named(module), count))
    }

    /// Archives random records and answers with their ids. Only tickets show it.
    pub fn archive(&self, module: &str, count: usize) -> Vec<String> {
        texts(self.state().archive(named(module), count))
    }

    /// The truth: every record that has left, and where it went. One that was restored has not.
    pub fn departed(&self, module: &str) -> Vec<Departed> {
        let module = named(module);
        let state = self.state();
        let told = |one: &Departure| Departed {
            id: one.record.key.to_string(),
            at: DateTime::from_timestamp_millis(one.at).unwrap_or_default(),
            leaving: one.leaving.clone(),
        };
        state.departures.all().filter(|one| one.module == module).map(told).collect()
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

fn listed(path: &str) -> &'static Shape {
    Shape::of(path).unwrap_or_else(|| panic!("the sandbox has no short list `{path}`"))
}

fn texts(keys: Vec<u64>) -> Vec<String> {
    keys.into_iter().map(|key| key.to_string()).collect()
}
