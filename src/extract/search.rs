//! Feeds with a range of modified time: `/search` paths and filtered lists. Puts the walk's questions into the
//! portal's words and hands the answers back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use super::ask::{Ask, PageAsk};
use super::departments::departments;
use super::list;
use super::walk::{Rules, Walk};
use super::{Error, Stuck};
use crate::http::{self, Client, Request};
use crate::ledger::{Key, Progress, Range, Window};
use crate::record::Record;
use crate::resource::{self, Feed, Resource};

/// Reads windows of one resource, several at a time.
pub struct Reader {
    client: Arc<Client>,
    resource: &'static Resource,
    /// Limits learnt in one window hold for the next.
    rules: Mutex<Rules>,
    departments: OnceCell<Vec<String>>,
}

/// One page and how far the window has been read with it.
#[derive(Debug)]
pub struct Page {
    /// Its records.
    pub records: Vec<Record>,
    /// Where the walk stands after it.
    pub progress: Progress,
    /// Records of the window that are still to come, if the portal counts them.
    pub remaining: Option<u64>,
}

/// Refusals that one page may take to learn from: a limit and a cap, each corrected once.
const MOST_LESSONS: u32 = 4;

impl Reader {
    /// A reader of `resource`.
    pub fn new(client: Arc<Client>, resource: &'static Resource) -> Self {
        Self { client, resource, rules: Mutex::new(Rules::new(resource)), departments: OnceCell::new() }
    }

    /// Takes up a window.
    pub fn walk(&self, window: &Window) -> Walk {
        Walk::new(*self.rules(), window)
    }

    /// The next page of the walk; `None` when the window is done.
    pub async fn next(&self, walk: &mut Walk) -> Result<Option<Page>, Error> {
        let mut lessons = 0;
        loop {
            walk.know(*self.rules()).map_err(|stuck| self.stuck(stuck))?;
            let ask = match walk.ask() {
                None => return Ok(None),
                Some(Ask::Departments) => {
                    let departments = self.departments().await?;
                    walk.departments(departments).map_err(|stuck| self.stuck(stuck))?;
                    continue;
                }
                Some(Ask::Page(ask)) => ask,
            };
            match self.client.get(&self.request(&ask)).await {
                Ok(answer) => {
                    let records: Vec<_> = answer.records.into_iter().map(|raw| record(self.resource, raw)).collect();
                    let keys: Vec<_> = records.iter().map(Record::keys).collect();
                    walk.learn(&keys, answer.count).map_err(|stuck| self.stuck(stuck))?;
                    let passed = u64::from(ask.from) + records.len() as u64;
                    // Only the outermost order counts the window; an instant that is cut apart counts itself.
                    let remaining = answer.count.filter(|_| ask.is_whole).map(|count| count.saturating_sub(passed));
                    return Ok(Some(Page { records, progress: walk.progress(), remaining }));
                }
                Err(http::Error::Unprocessable { request, code, problem, fields }) => {
                    lessons += 1;
                    if lessons > MOST_LESSONS || walk.refused(&problem).is_err() {
                        return Err(http::Error::Unprocessable { request, code, problem, fields }.into());
                    }
                    let mut rules = self.rules();
                    *rules = rules.and(walk.rules());
                    tracing::debug!(resource = self.resource.name, ?problem, "learnt a limit");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn request(&self, ask: &PageAsk) -> Request {
        let order = match ask.order {
            Key::Modified => self.resource.time_field(),
            Key::Created => "createdTime",
        };
        let mut request = Request::new(self.resource.name, self.resource.path)
            .with("sortBy", order)
            .with("from", (ask.from + self.resource.first_row).to_string())
            .with("limit", ask.limit.to_string());
        if let Some((modified, parameter)) = ask.modified.as_ref().zip(self.resource.feed.range()) {
            request = request.with(parameter, range(modified));
        }
        if let Some(created) = &ask.created {
            request = request.with("createdTimeRange", range(created));
        }
        if let Some(department) = &ask.department {
            request = request.with("departmentId", department.as_str());
        }
        request
    }

    /// Ids of all departments; asked for once, since only an instant with thousands of records needs them.
    async fn departments(&self) -> Result<Vec<String>, Error> {
        let ask = || async {
            let departments = departments(&self.client, self.resource.name).await?;
            Ok::<_, Error>(departments.into_iter().map(|department| department.id).collect())
        };
        self.departments.get_or_try_init(ask).await.cloned()
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stuck(&self, stuck: Stuck) -> Error {
        Error::Stuck { resource: self.resource.name, stuck }
    }
}

/// One record of a page of this resource.
pub(super) fn record(resource: &Resource, raw: Box<RawValue>) -> Record {
    Record::with_keys(raw, resource.key_field(), resource.time_field())
}

/// The cheapest request that a resource takes, for whether it may be read: one row, of the hour before
/// `now` where a range can be given.
pub fn probe(resource: &'static Resource, now: DateTime<Utc>) -> Request {
    if let Feed::List(of) = &resource.feed {
        return list::probe(resource, of);
    }
    // Whoever may read the one may read the other.
    if let Some(parent) = resource::parent_of(resource).filter(|_| resource.feed == Feed::Children) {
        return Request { resource: resource.name, ..probe(parent, now) };
    }
    let hour = Range { from: now - TimeDelta::hours(1), to: now };
    row(resource, Key::Modified, &hour, 0)
}

/// The cheapest request about a range: one row of it, after so many others.
pub(super) fn row(resource: &'static Resource, key: Key, of: &Range, offset: u32) -> Request {
    rows(resource, key, of).with("from", (offset + resource.first_row).to_string()).with("limit", "1")
}

/// A request for the records of a range, without saying which of them.
pub(super) fn rows(resource: &'static Resource, key: Key, of: &Range) -> Request {
    let parameter = match key {
        Key::Modified => resource.feed.range(),
        Key::Created => Some("createdTimeRange"),
    };
    // A list that takes no range is asked for as it is.
    let request = Request::new(resource.name, resource.path);
    match parameter {
        Some(parameter) => request.with(parameter, range(of)),
        None => request,
    }
}

/// A range in the portal's form: `yyyy-MM-ddTHH:mm:ss.SSSZ`, twice, with a comma.
pub(super) fn range(range: &Range) -> String {
    let iso = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    format!("{},{}", iso(range.from), iso(range.to))
}
