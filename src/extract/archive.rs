//! The list of archived records of one department: all of it, or only how long it is. Which of them are worth reading one
//! by one is decided by `sync`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::Error;
use crate::http::{self, Client, Priority, Request};
use crate::record::Record;
use crate::resource::{Archive, Resource};

/// Rows in one answer; the largest `limit` of the path (zoho/zohodesk-oas, `Ticket.json`).
const ROWS: usize = 100;

/// The largest `from` of the path (zoho/zohodesk-oas, `Ticket.json`): a department shows 5,000 and not one more.
const CEILING: usize = 4_999;

/// What a department shows of its archive.
#[derive(Debug, Default)]
pub struct Archived {
    /// Ids, each once.
    pub ids: Vec<String>,
    /// Why there may be more than these.
    pub gap: Option<Gap>,
}

/// Why not all of an archive can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// It may not be seen.
    Refused,
    /// It is longer than a list can be.
    Ceiling,
}

/// The archived records of a department that were created `since` then: a list does not tell when one last changed. The
/// list has no order that is documented and maybe counts from 1, so it is stepped through by rows received, and ends where
/// a page brings nothing new.
pub async fn archived(
    client: &Client,
    resource: &'static Resource,
    archive: &Archive,
    department: &str,
    since: Option<DateTime<Utc>>,
) -> Result<Archived, Error> {
    let (mut found, mut seen) = (Archived::default(), HashSet::new());
    let mut from = 0;
    while from <= CEILING {
        let rows = ROWS.min(CEILING + 1 - from);
        let answer = match client.get(&page(resource, archive, department, from, rows)).await {
            Ok(answer) => answer,
            Err(http::Error::NotGranted { .. }) if from == 0 => {
                found.gap = Some(Gap::Refused);
                return Ok(found);
            }
            // A lower ceiling than is documented.
            Err(http::Error::Unprocessable { .. }) if from > 0 => break,
            Err(error) => return Err(error.into()),
        };
        from += answer.records.len();
        let before = seen.len();
        for keys in answer.records.into_iter().map(|record| Record::new(record).keys().clone()) {
            let is_meant = since.is_none_or(|since| keys.created.is_none_or(|created| created >= since));
            found.ids.extend(keys.id.filter(|id| seen.insert(id.clone()) && is_meant));
        }
        if seen.len() == before {
            return Ok(found);
        }
    }
    found.gap = Some(Gap::Ceiling);
    Ok(found)
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
/// `None` where it may not be seen, or no list reaches that far. `first` is the number of its first row.
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
    if from > CEILING {
        return Ok(None);
    }
    match client.get(&page(resource, archive, department, from, ROWS)).await {
        Ok(answer) => Ok(Some(answer.records.len() as i64 - i64::from(held > 0))),
        Err(http::Error::NotGranted { .. } | http::Error::Unprocessable { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn page(resource: &'static Resource, archive: &Archive, department: &str, from: usize, rows: usize) -> Request {
    Request::new(resource.name, archive.path)
        .priority(Priority::Tombstones)
        .with("departmentId", department)
        .with("from", from.to_string())
        .with("limit", rows.to_string())
}
