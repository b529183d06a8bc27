//! Feeds with a range of modified time: `/search` paths and filtered lists. Puts the walk's questions into the
//! portal's words and hands the answers back; what is done about an answer that cannot be believed is in `settle`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::ask::{Ask, PageAsk};
use super::departments::departments;
use super::page::{Page, joined};
use super::rules::{Rules, Stuck};
use super::walk::Walk;
use super::weight::Weight;
use super::words::{range, record};
use super::{Error, agents};
use crate::http::{self, Answer, Client, Priority, Problem, Request};
use crate::ledger::{History, Key, Range, Window};
use crate::record::Record;
use crate::resource::{Resource, Split};

/// Reads windows of one resource, several at a time.
pub struct Reader {
    pub(super) client: Arc<Client>,
    pub(super) resource: &'static Resource,
    /// Range of modified time besides that of the windows, where these are of created time.
    modified: Option<Range>,
    priority: Priority,
    /// Limits learnt in one window hold for the next.
    rules: Mutex<Rules>,
    weight: Weight,
    /// Ranges of which records stayed hidden.
    pub(super) hidden: Mutex<Vec<Range>>,
    departments: OnceCell<Vec<String>>,
    agents: OnceCell<Vec<String>>,
}

/// Refusals that one page may take to learn from: a limit and a cap, each corrected once.
const MOST_LESSONS: u32 = 4;

/// Types of a status: each status of a portal has one of them (zoho/zohodesk-oas, `Search.json`).
const STATUS_TYPES: [&str; 3] = ["${OPEN}", "${ONHOLD}", "${CLOSED}"];

/// Stands for nobody among the values of a filter (zoho/zohodesk-oas, `Search.json`).
const NOBODY: &str = "${Empty}";

impl Reader {
    /// A reader of `resource`.
    pub fn new(client: Arc<Client>, resource: &'static Resource) -> Self {
        Self {
            client,
            resource,
            modified: None,
            priority: Priority::default(),
            rules: Mutex::new(Rules::new(resource)),
            weight: Weight::default(),
            hidden: Mutex::default(),
            departments: OnceCell::new(),
            agents: OnceCell::new(),
        }
    }

    /// A reader of windows of created time for a comparison, of what changed within a range.
    pub fn comparing(client: Arc<Client>, resource: &'static Resource, modified: Option<Range>) -> Self {
        Self { modified, priority: Priority::Verify, ..Self::new(client, resource) }
    }

    /// Takes up a window.
    pub fn walk(&self, window: &Window) -> Walk {
        Walk::new(*self.rules(), window)
    }

    /// In how many parts a window with so many records left is worth reading side by side.
    pub fn parts(&self, records: u64) -> usize {
        self.rules().parts(records)
    }

    /// The next page of the walk; `None` when the window is done.
    pub async fn next(&self, walk: &mut Walk) -> Result<Option<Page>, Error> {
        let mut lessons = 0;
        loop {
            walk.know(*self.rules(), self.weight.rows()).map_err(|stuck| self.stuck(stuck))?;
            let ask = match walk.ask() {
                None => return Ok(None),
                Some(Ask::Values(split)) => {
                    let values = self.values(split).await?;
                    walk.values(values).map_err(|stuck| self.stuck(stuck))?;
                    continue;
                }
                Some(Ask::Page(ask)) => ask,
            };
            match self.page(&ask).await {
                Ok(answer) => {
                    self.weight.was_good(self.resource.page_limit);
                    return self.learn(walk, ask, answer).await.map(Some);
                }
                Err(http::Error::Unprocessable { problem: Problem::Other, .. }) if !ask.cut_by.is_empty() => {
                    // A value that the portal does not take holds nothing; whether anything is missing then, the sum tells.
                    walk.believe(0).map_err(|stuck| self.stuck(stuck))?;
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
                Err(error) if error.is_heavy() => {
                    if !self.weight.was_too_heavy(ask.limit) {
                        return Ok(Some(self.unreadable(walk, &error)));
                    }
                    tracing::debug!(
                        resource = self.resource.name,
                        rows = self.weight.rows(),
                        "asking for less at once"
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Asks for one page.
    pub(super) async fn page(&self, ask: &PageAsk) -> Result<Answer, http::Error> {
        let request = self.request(ask);
        self.client.get(&Request { tries_if_heavy: self.weight.tries(ask.limit), ..request }).await
    }

    /// Takes a page in.
    async fn learn(&self, walk: &mut Walk, ask: PageAsk, answer: Answer) -> Result<Page, Error> {
        let count = answer.count;
        let records = self.records(answer);
        let keys: Vec<_> = records.iter().map(Record::keys).collect();
        match walk.learn(&keys, count).map_err(|stuck| self.stuck(stuck))? {
            None => Ok(self.taken(walk, &ask, records, count)),
            // Rare and large: every page that is not doubted would carry it.
            Some(doubt) => {
                walk.doubts(&records);
                let page = Box::pin(self.settle(walk, ask, records, doubt)).await?;
                // What any of the answers has shown is there, whichever of them is believed.
                Ok(Page { records: joined(page.records, walk.take_doubted()), ..page })
            }
        }
    }

    /// A page that the walk has learnt from.
    pub(super) fn taken(&self, walk: &Walk, ask: &PageAsk, records: Vec<Record>, count: Option<u64>) -> Page {
        let passed = u64::from(ask.from) + records.len() as u64;
        // Only the outermost order counts the window; an instant that is cut apart counts itself.
        let remaining = count.filter(|_| ask.is_whole).map(|count| count.saturating_sub(passed));
        Page { records, progress: walk.progress(), remaining, unread: None }
    }

    pub(super) fn records(&self, answer: Answer) -> Vec<Record> {
        answer.records.into_iter().map(|raw| record(self.resource, raw)).collect()
    }

    fn request(&self, ask: &PageAsk) -> Request {
        let order = match ask.order {
            Key::Modified => self.resource.time_field(),
            Key::Created => "createdTime",
        };
        let direction = if ask.is_descending { "-" } else { "" };
        let mut request = Request::new(self.resource.name, self.resource.path)
            .priority(self.priority)
            .with("sortBy", format!("{direction}{order}"))
            .with("from", (ask.from + self.resource.first_row).to_string())
            .with("limit", ask.limit.to_string());
        // The newest history first, of all resources.
        if let Some(range) = ask.modified.as_ref().or(ask.created.as_ref()) {
            request = request.precedence(History::age(self.client.portal_now(), range.to));
        }
        let modified = ask.modified.as_ref().or(self.modified.as_ref());
        if let Some((modified, parameter)) = modified.zip(self.resource.feed.range()) {
            request = request.with(parameter, range(modified));
        }
        if let Some(created) = &ask.created {
            request = request.with("createdTimeRange", range(created));
        }
        for (split, value) in &ask.cut_by {
            request = match split {
                Split::CreatedTime => request,
                Split::Department => request.with("departmentId", value.as_str()),
                Split::Status => request.with("status", value.as_str()),
                Split::Assignee => request.with("assigneeId", value.as_str()),
            };
        }
        request
    }

    /// Values of a filter; asked for once, since only an instant with thousands of records needs them.
    async fn values(&self, split: Split) -> Result<Vec<String>, Error> {
        match split {
            Split::CreatedTime => Ok(Vec::new()),
            Split::Status => Ok(STATUS_TYPES.map(str::to_owned).to_vec()),
            Split::Department => {
                let ask = || async {
                    let departments = departments(&self.client, self.resource.name).await?;
                    Ok::<_, Error>(departments.into_iter().map(|department| department.id).collect())
                };
                self.departments.get_or_try_init(ask).await.cloned()
            }
            Split::Assignee => {
                let ask = || async {
                    let mut agents = agents(&self.client, self.resource.name).await?;
                    agents.push(NOBODY.to_owned());
                    Ok::<_, Error>(agents)
                };
                self.agents.get_or_try_init(ask).await.cloned()
            }
        }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stuck(&self, stuck: Stuck) -> Error {
        Error::Stuck { resource: self.resource.name, stuck }
    }
}
