//! The plain list of what is there and not archived, one department at a time: a second witness beside a search, which may
//! go on showing what has left. It tells ids and no changes; what it does not have is asked for by `sync::verify`.

use chrono::{DateTime, TimeDelta, Utc};

use super::Error;
use super::pages::Pages;
use crate::http::{self, Client, Priority, Request};
use crate::record::Record;
use crate::resource::Resource;

/// Rows in one answer; the largest `limit` of the path (zoho/zohodesk-oas, `Ticket.json`).
const ROWS: u32 = 100;

/// Rows that can be reached: those who have tried say that no list goes on behind this number.
pub const PLAIN_REACH: u32 = 5_000;

/// A department, newest record first.
pub struct PlainList {
    pages: Pages,
    /// What was created since then is listed, if it is there: all of it at first, and less where the list is longer than it
    /// can be, or may not be seen.
    pub since: DateTime<Utc>,
    oldest: Option<DateTime<Utc>>,
}

impl PlainList {
    /// At the newest record.
    pub fn new(resource: &'static Resource, path: &str, department: &str) -> Self {
        let request = Request::new(resource.name, path)
            .priority(Priority::Verify)
            .with("departmentId", department)
            .with("sortBy", "-createdTime");
        let mut pages = Pages::new(request, ROWS).reaching(PLAIN_REACH);
        pages.prove();
        Self { pages, since: DateTime::UNIX_EPOCH, oldest: None }
    }

    /// Ids of the next page; `None` at the end.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Vec<String>>, Error> {
        let records = match self.pages.next(client).await {
            Ok(Some(records)) => records,
            Ok(None) if self.pages.has_ceiling() => {
                // The rest of the last second may be behind the end.
                self.since = self.oldest.unwrap_or(client.portal_now()) + TimeDelta::seconds(1);
                return Ok(None);
            }
            Ok(None) => return Ok(None),
            Err(Error::Http(http::Error::NotGranted { .. })) => {
                self.since = client.portal_now();
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let created = records.iter().filter_map(|record| record.keys().created);
        self.oldest = created.chain(self.oldest).min();
        Ok(Some(records.iter().map(Record::keys).filter_map(|keys| keys.id.clone()).collect()))
    }
}
