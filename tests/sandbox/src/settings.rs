//! What a sandbox can be told: the size of its world, its limits and its clock.

use std::time;

use chrono::{DateTime, Duration, Utc};

use crate::falsehoods::Falsehoods;

/// Everything that shapes a sandbox. The fields up to `clock` shape the world, which is built once, in
/// [`Sandbox::new`](crate::Sandbox::new); the others may be changed with [`Sandbox::configure`](crate::Sandbox::configure).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Two worlds of the same seed and the same sizes hold the same records.
    pub seed: u64,
    /// How many tickets the world begins with; every other module scales with it.
    pub tickets: usize,
    /// How many articles it has, besides one for every 200 tickets.
    pub articles: usize,
    /// How far back created times go.
    pub years: u32,
    /// For each number, that many tickets share one modified second in the past. Each is capped to a quarter of the tickets.
    pub mass_edits: Vec<usize>,
    /// For each number, that many tickets share one created and one modified second, as a bulk import leaves them.
    pub same_instant: Vec<usize>,
    /// Of a hundred versions of records, so many have a value that is none of its field, such as a time in the year 20224.
    pub unreadable: u64,
    /// Of so many records, one has half an emoji at the start of its name: subject, title, or what else names it.
    pub half_emojis: Option<u64>,
    /// The organization's id.
    pub org_id: String,
    /// What the world believes the time is.
    pub clock: Clock,
    /// The edition that the organization tells.
    pub edition: String,
    /// Which of the twelve agents the tokens stand for: 0 is an administrator of all departments, any other an agent of
    /// one or two. Records are shown alike to all; opening a ticket elsewhere is refused.
    pub agent: u8,
    /// The key of the mailing list that can be subscribed to.
    pub list_key: String,
    /// The largest `from` of a search; `from` and `limit` together may not pass it by more than one.
    pub from_cap: u32,
    /// Whether the two ends of a time range belong to it.
    pub bounds: Bounds,
    /// How long after it happened a change shows in searches and in filtered articles, an hour at most. Where it grows,
    /// what had shown is gone again, as with an index that is held in several copies.
    pub index_lag: Duration,
    /// Whether a search shows archived tickets. The vendor does not say.
    pub archived_in_search: bool,
    /// Whether a record that comes back from the recycle bin counts as changed. The vendor does not say.
    pub restoring_is_a_change: bool,
    /// Whether a search goes on showing what is put into the recycle bin from now on. The vendor does not say.
    pub trashed_in_search: bool,
    /// The same for what is merged into another record.
    pub merged_in_search: bool,
    /// What is told of a single record that is in the bin or was spam.
    pub farewell: Farewell,
    /// What is told of a single record that was merged into another one.
    pub merged: Merged,
    /// Number of the newest event of a history. The vendor does not say.
    pub history_base: u32,
    /// Departments whose archive may not be seen, by id.
    pub refused_departments: Vec<String>,
    /// Paths below `/api/v1/` of what the edition does not have, such as `teams`.
    pub missing_features: Vec<String>,
    /// Number of the first row of those lists, the archive's among them, of which the vendor does not say it.
    pub list_base: u32,
    /// Rows that a page of a short list has at most, whatever limit was asked for.
    pub list_cap: u32,
    /// Good answers that are not true.
    pub falsehoods: Falsehoods,
    /// Rows of a page that the portal can give before its gateway gives up with 504.
    pub heaviest_page: u32,
    /// How long each Desk request takes.
    pub latency: time::Duration,
    /// By how much the latency varies, evenly, in both directions.
    pub latency_jitter: time::Duration,
    /// How many Desk requests may be in flight; one more is answered with 429.
    pub concurrency: u32,
    /// How many Desk requests may arrive in a second; one more is answered with 429. The vendor tells of no such limit.
    pub requests_per_second: Option<u32>,
    /// What a day's requests may cost together, from midnight to midnight UTC.
    pub daily_credits: u64,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// Before every n-th Desk request is carried out, the clock moves by a second and a random record is edited,
    /// created or deleted. Requests that a fault or the concurrency limit answers do not count.
    pub change_every: Option<u32>,
    /// The client id that the accounts server knows.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The refresh token that buys access tokens.
    pub refresh_token: String,
    /// What the access tokens allow.
    pub scopes: Vec<String>,
    /// Where the client may have people sent back to.
    pub redirect_uris: Vec<String>,
    /// The data centre, as the way back from a consent names it.
    pub location: String,
    /// What the accounts server speaks to who asks too often.
    pub language: Language,
}

/// A language of the accounts server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// As in the documents.
    English,
    /// As it was recorded in 2025.
    Chinese,
}

/// What is told of a single record that is in the bin or was spam. The vendor does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The record with a flag.
    Flagged,
    /// That there is none.
    NotFound,
}

/// What is told of a single record that was merged into another one. The vendor does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// That there is none.
    NotFound,
    /// That there is none, but its history is told.
    History,
    /// The record with the flag of a deletion, and its history.
    Flagged,
    /// The record that it was merged into; that one's history too.
    Winner,
}

impl Merged {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NotFound, Self::History, Self::Flagged, Self::Winner];
}

/// Whether the ends of a time range belong to it. The vendor does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// A record at either end is found.
    Inclusive,
    /// A record at either end is not found.
    Exclusive,
}

/// What the world believes the time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's time, plus what the sandbox was advanced by. The world ends at the last midnight UTC.
    Real,
    /// This moment, plus what the sandbox was advanced by. The world ends here.
    Fixed(DateTime<Utc>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            tickets: 5_000,
            articles: 60,
            years: 4,
            mass_edits: vec![350, 1_200],
            same_instant: Vec::new(),
            unreadable: 0,
            half_emojis: None,
            org_id: "600000001".into(),
            clock: Clock::Real,
            edition: "ENTERPRISE".into(),
            agent: 0,
            list_key: "3z0sandboxlist".into(),
            from_cap: 4_999,
            bounds: Bounds::Inclusive,
            index_lag: Duration::zero(),
            archived_in_search: true,
            restoring_is_a_change: false,
            trashed_in_search: false,
            merged_in_search: false,
            farewell: Farewell::Flagged,
            merged: Merged::History,
            history_base: 1,
            refused_departments: Vec::new(),
            missing_features: Vec::new(),
            list_base: 0,
            list_cap: u32::MAX,
            falsehoods: Falsehoods::default(),
            heaviest_page: u32::MAX,
            latency: time::Duration::ZERO,
            latency_jitter: time::Duration::ZERO,
            concurrency: 10,
            requests_per_second: None,
            daily_credits: 1_000_000,
            token_lifetime: Duration::hours(1),
            change_every: None,
            client_id: "1000.SANDBOXCLIENT".into(),
            client_secret: "sandbox-secret-0a1b2c".into(),
            refresh_token: "1000.sandbox-refresh.0123456789abcdef".into(),
            scopes: DEFAULT_SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            redirect_uris: vec!["http://localhost:8478/callback".into()],
            location: "us".into(),
            language: Language::English,
        }
    }
}

const DEFAULT_SCOPES: [&str; 15] = [
    "Desk.tickets.READ",
    "Desk.search.READ",
    "Desk.contacts.READ",
    "Desk.tasks.READ",
    "Desk.activities.tasks.READ",
    "Desk.calls.READ",
    "Desk.activities.calls.READ",
    "Desk.events.READ",
    "Desk.activities.events.READ",
    "Desk.products.READ",
    "Desk.articles.READ",
    "Desk.basic.READ",
    "Desk.settings.READ",
    "Desk.tickets.CREATE",
    "ZohoCampaigns.contact.CREATE-UPDATE",
];
