//! Feeds with a range of modified time: `/search` paths and filtered lists. Puts the walk's questions into the
//! portal's words and hands the answers back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::departments::departments;
use super::walk::{Ask, Key, PageAsk, Rules, Walk};
use super::{Error, Stuck};
use crate::http::{self, Client, Request};
use crate::ledger::{Progress, Range, Window};
use crate::record::Record;
use crate::resource::Resource;

/// Reads windows of one resource.
pub struct Reader {
    client: Arc<Client>,
    resource: &'static Resource,
    /// Limits learnt in one window hold for the next.
    rules: Rules,
    departments: Vec<String>,
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
        Self { client, resource, rules: Rules::new(resource), departments: Vec::new() }
    }

    /// Takes up a window.
    pub fn walk(&self, window: &Window) -> Walk {
        Walk::new(self.rules, window)
    }

    /// The next page of the walk; `None` when the window is done.
    pub async fn next(&mut self, walk: &mut Walk) -> Result<Option<Page>, Error> {
        let mut lessons = 0;
        loop {
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
                    let records: Vec<_> = answer.records.into_iter().map(Record::new).collect();
                    let keys: Vec<_> = records.iter().map(Record::keys).collect();
                    walk.learn(&keys, answer.count).map_err(|stuck| self.stuck(stuck))?;
                    self.rules = walk.rules();
                    let passed = u64::from(ask.from) + records.len() as u64;
                    // Only the outermost order counts the window; an instant that is cut apart counts itself.
                    let whole = ask.created.is_none();
                    let remaining = answer.count.filter(|_| whole).map(|count| count.saturating_sub(passed));
                    return Ok(Some(Page { records, progress: walk.progress(), remaining }));
                }
                Err(http::Error::Unprocessable { request, code, problem, fields }) => {
                    lessons += 1;
                    if lessons > MOST_LESSONS || walk.refused(&problem).is_err() {
                        return Err(http::Error::Unprocessable { request, code, problem, fields }.into());
                    }
                    tracing::debug!(resource = self.resource.name, ?problem, "learnt a limit");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn request(&self, ask: &PageAsk) -> Request {
        let order = match ask.order {
            Key::Modified => "modifiedTime",
            Key::Created => "createdTime",
        };
        let mut request = Request::new(self.resource.name, self.resource.path)
            .with(self.resource.feed.range(), range(&ask.modified))
            .with("sortBy", order)
            .with("from", (ask.from + self.resource.first_row).to_string())
            .with("limit", ask.limit.to_string());
        if let Some(created) = &ask.created {
            request = request.with("createdTimeRange", range(created));
        }
        if let Some(department) = &ask.department {
            request = request.with("departmentId", department.as_str());
        }
        request
    }

    /// Ids of all departments; asked for once, since only an instant with thousands of records needs them.
    async fn departments(&mut self) -> Result<Vec<String>, Error> {
        if self.departments.is_empty() {
            let departments = departments(&self.client, self.resource.name).await?;
            self.departments = departments.into_iter().map(|department| department.id).collect();
        }
        Ok(self.departments.clone())
    }

    fn stuck(&self, stuck: Stuck) -> Error {
        Error::Stuck { resource: self.resource.name, stuck }
    }
}

/// The cheapest request that a resource takes, for whether it may be read: one row of the hour before `now`.
pub fn probe(resource: &'static Resource, now: DateTime<Utc>) -> Request {
    let hour = Range { from: now - TimeDelta::hours(1), to: now };
    Request::new(resource.name, resource.path)
        .with(resource.feed.range(), range(&hour))
        .with("from", resource.first_row.to_string())
        .with("limit", "1")
}

/// A range in the portal's form: `yyyy-MM-ddTHH:mm:ss.SSSZ`, twice, with a comma.
fn range(range: &Range) -> String {
    let iso = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    format!("{},{}", iso(range.from), iso(range.to))
}
