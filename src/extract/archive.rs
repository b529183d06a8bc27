//! The list of archived records of one department: all of it, or only how long it is. Which of them are worth reading one
//! by one is decided by `sync`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::Error;
use super::pages::Pages;
use crate::http::{self, Client, Priority, Request};
use crate::record::Record;
use crate::resource::{Archive, Resource};

/// Rows in one answer; the largest `limit` of the path (zoho/zohodesk-oas, `Ticket.json`).
pub(super) const ROWS: u32 = 100;

/// Rows of a department that can be reached: `from` ends at 4,999 (zoho/zohodesk-oas, `Ticket.json`), so that it shows
/// 5,000 and not one more.
pub const ARCHIVE_REACH: usize = 5_000;

/// Why not all of an archive can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// It may not be seen.
    Refused,
    /// It is longer than a list can be.
    Ceiling,
}

/// The archived records of a department that were created since a start date: a list does not tell when one last changed.
/// It has no order that is documented, so that only a page with nothing new is its end.
pub struct ArchiveList {
    pages: Pages,
    since: Option<DateTime<Utc>>,
    seen: HashSet<String>,
    /// Why there may be more than was listed.
    pub gap: Option<Gap>,
}

impl ArchiveList {
    /// At the beginning of the list.
    pub fn new(resource: &'static Resource, archive: &Archive, department: &str, since: Option<DateTime<Utc>>) -> Self {
        let mut pages = Pages::new(request(resource, archive, department), ROWS).reaching(ARCHIVE_REACH as u32);
        pages.prove();
        Self { pages, since, seen: HashSet::new(), gap: None }
    }

    /// Records that were listed so far.
    pub fn listed(&self) -> usize {
        self.seen.len()
    }

    /// Ids of the next page that no page before has had; `None` at the end.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Vec<String>>, Error> {
        let records = match self.pages.next(client).await {
            Ok(Some(records)) => records,
            Ok(None) => {
                self.gap = self.pages.has_ceiling().then_some(Gap::Ceiling);
                return Ok(None);
            }
            Err(Error::Http(http::Error::NotGranted { .. })) if self.seen.is_empty() => {
                self.gap = Some(Gap::Refused);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        for keys in records.iter().map(Record::keys) {
            let is_meant = self.since.is_none_or(|since| keys.created.is_none_or(|created| created >= since));
            ids.extend(keys.id.clone().filter(|id| self.seen.insert(id.clone()) && is_meant));
        }
        Ok(Some(ids))
    }
}

/// Whether the list counts its rows from 1 and not from 0: then row 1 is the first again. It takes a department with two
/// rows to tell.
pub async fn first_of_archive(
    client: &Client,
    resource: &'static Resource,
    archive: &Archive,
    department: &str,
) -> Result<usize, Error> {
    let mut first = Vec::new();
    for from in [0, 1] {
        let answer = client.get(&page(resource, archive, department, from, 1)).await?;
        first.push(answer.records.into_iter().next().and_then(|record| Record::new(record).keys().id.clone()));
    }
    Ok(usize::from(first[0].is_some() && first[0] == first[1]))
}

/// How many rows more than `held` a department shows of its archive, as far as one page tells: -1 for any number fewer.
/// `None` where it may not be seen, no list reaches that far or the page is too heavy. `first` is the number of its first row.
pub async fn beyond_archive(
    client: &Client,
    resource: &'static Resource,
    archive: &Archive,
    department: &str,
    held: usize,
    first: usize,
) -> Result<Option<i64>, Error> {
    // The last row that is held should be the last of the list.
    let from = (first + held).saturating_sub(1);
    if from >= ARCHIVE_REACH {
        return Ok(None);
    }
    let request = page(resource, archive, department, from, ROWS);
    match client.get(&Request { tries_if_heavy: Some(2), ..request }).await {
        Ok(answer) => Ok(Some(answer.records.len() as i64 - i64::from(held > 0))),
        Err(http::Error::NotGranted { .. } | http::Error::Unprocessable { .. }) => Ok(None),
        // There are more than it can give at once: a list that is read takes smaller pages.
        Err(error) if error.is_heavy() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn page(resource: &'static Resource, archive: &Archive, department: &str, from: usize, rows: u32) -> Request {
    request(resource, archive, department).with("from", from.to_string()).with("limit", rows.to_string())
}

/// The request for any page of the archive of a department.
pub(super) fn request(resource: &'static Resource, archive: &Archive, department: &str) -> Request {
    Request::new(resource.name, archive.path).priority(Priority::Tombstones).with("departmentId", department)
}
