//! The recycle bin of a portal, newest first: what was deleted, when and by whom. Which rows that concerns is left to
//! `sync` and the warehouse.

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::Error;
use super::pages::Pages;
use crate::http::{Client, Priority, Request};
use crate::ledger::{RECYCLE_BIN, Reason, Tombstone};
use crate::record::Record;

/// Largest `limit` of the path (zoho/zohodesk-oas, `RecycleBin.json`).
pub(super) const ROWS: u32 = 100;

/// A record in the bin.
pub type Binned = (ByteString, Tombstone);

/// What was deleted since a time, and maybe some before: all modules in one list, since ids are unique in a portal and
/// the bin's names of the modules are documented in two spellings.
pub struct Bin {
    pages: Pages,
    since: Option<DateTime<Utc>>,
    /// When the last row of the page before was deleted, for as long as the order is kept. One that is not proves nothing
    /// about what comes behind.
    last: Option<DateTime<Utc>>,
    is_sorted: bool,
    /// Rows so far that do not tell which record they are of: each may be any of those that are held.
    pub nameless: u64,
}

impl Bin {
    /// At the newest row.
    pub fn new(since: Option<DateTime<Utc>>) -> Self {
        let mut pages = Pages::new(request(), ROWS);
        pages.prove();
        Self { pages, since, last: None, is_sorted: true, nameless: 0 }
    }

    /// The next page, which repeats the last row of the one before; `None` behind what was deleted since.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Vec<Binned>>, Error> {
        let is_old = |time: DateTime<Utc>| self.since.is_some_and(|since| time < since);
        if self.is_sorted && self.last.is_some_and(is_old) {
            return Ok(None);
        }
        let Some(records) = self.pages.next(client).await? else { return Ok(None) };
        let now = client.portal_now();
        let page: Vec<Binned> = records.iter().filter_map(|record| binned(record, now)).collect();
        self.nameless += (records.len() - page.len()) as u64;
        let times = page.iter().map(|(_, tombstone)| tombstone.deleted_at);
        self.is_sorted &= times.clone().is_sorted_by(|newer, older| newer >= older);
        self.last = times.last().or(self.last);
        Ok(Some(page))
    }
}

/// The request for any page of the bin.
pub(super) fn request() -> Request {
    Request::new(RECYCLE_BIN, "/recycleBin").priority(Priority::Tombstones).with("sortBy", "-deletedTime")
}

/// A row of the bin; none where it has no id. One without a time, or with one that cannot be read, counts as deleted `now`.
fn binned(record: &Record, now: DateTime<Utc>) -> Option<Binned> {
    let fields = record.fields()?;
    let id = record.keys().id.as_deref().filter(|id| !id.is_empty())?.into();
    let deleted_at = fields.time("deletedTime").unwrap_or_default().unwrap_or(now);
    let deleted_by =
        fields.text("deletedById").or_else(|| fields.object("deletedBy").and_then(|agent| agent.text("id")));
    Some((id, Tombstone { deleted_by, ..Tombstone::new(Reason::Trashed, deleted_at) }))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn row(json: &str) -> Option<Binned> {
        let record = Record::new(RawValue::from_string(json.to_owned()).expect("valid JSON"));
        binned(&record, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_row_tells_when_and_who() {
        let (id, tombstone) =
            row(r#"{"id":"7","type":["Tickets"],"deletedTime":"2026-01-02T03:04:05.000Z","deletedById":12}"#)
                .expect("a row");
        assert_eq!(id, "7");
        assert_eq!(tombstone.deleted_at.timestamp(), 1_767_323_045);
        assert_eq!(tombstone.deleted_by.as_deref(), Some("12"));
        let half = r#"{"id":"7","displayName":"a\ud83d","deletedTime":"2026-01-02T03:04:05.000Z","deletedById":"12"}"#;
        assert_eq!(row(half).expect("a row"), (id, tombstone));
        let (_, tombstone) = row(r#"{"id":7,"deletedTime":null,"deletedBy":{"id":"12"}}"#).expect("a row");
        assert_eq!(tombstone.deleted_at, DateTime::UNIX_EPOCH);
        assert_eq!(tombstone.deleted_by.as_deref(), Some("12"));
        assert!(row(r#"{"deletedById":"1"}"#).is_none());
    }
}
