//! The recycle bin of a portal, newest first: what was deleted, when and by whom. Which rows that concerns is left to
//! `sync` and the warehouse.

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::Error;
use crate::http::{Client, Priority, Request};
use crate::ledger::{Reason, Tombstone};
use crate::record::Record;

/// Who pays for it, and its name in the ledger.
pub const RECYCLE_BIN: &str = "recycle_bin";

/// Largest `limit` of the path (zoho/zohodesk-oas, `RecycleBin.json`).
const ROWS: usize = 100;

/// A page that does not hold the last row of the one before means that rows have left the bin meanwhile. As often as
/// this it is read again from its top.
const MOST_RESTARTS: u32 = 5;

/// A record in the bin.
pub type Binned = (ByteString, Tombstone);

/// What the bin holds.
#[derive(Debug, Default)]
pub struct Bin {
    /// Records, newest first.
    pub rows: Vec<Binned>,
    /// Rows that do not tell which record they are of: each may be any of those that are held.
    pub nameless: u64,
}

/// What was deleted since `since`, and maybe some before: all modules in one list, since ids are unique in a portal and
/// the bin's names of the modules are documented in two spellings.
///
/// Whether `from` counts from 0 or from 1 is not known for certain, so each page begins at the last row of the one before,
/// which has to come again: on it, or right behind the row before it.
pub async fn recycle_bin(client: &Client, since: Option<DateTime<Utc>>) -> Result<Bin, Error> {
    let mut restarts = 0;
    loop {
        match once(client, since).await? {
            Some(found) => {
                let nameless = found.iter().filter(|row| row.is_none()).count() as u64;
                return Ok(Bin { rows: found.into_iter().flatten().collect(), nameless });
            }
            None if restarts < MOST_RESTARTS => restarts += 1,
            None => return Err(Error::Unsettled { resource: RECYCLE_BIN }),
        }
    }
}

/// The bin from its top, with `None` for a row that names no record; `None` when it moved under us.
async fn once(client: &Client, since: Option<DateTime<Utc>>) -> Result<Option<Vec<Option<Binned>>>, Error> {
    let mut found: Vec<Option<Binned>> = Vec::new();
    let mut is_sorted = true;
    loop {
        let from = found.iter().rposition(Option::is_some).unwrap_or(0);
        let request = Request::new(RECYCLE_BIN, "/recycleBin")
            .priority(Priority::Tombstones)
            .with("sortBy", "-deletedTime")
            .with("from", from.to_string())
            .with("limit", ROWS.to_string());
        let answer = client.get(&request).await?;
        let now = client.portal_now();
        let page: Vec<_> = answer.records.into_iter().map(|record| binned(&Record::new(record), now)).collect();
        let anchor = found.get(from).cloned().flatten().map(|(id, _)| id);
        let new = match &anchor {
            None => 0,
            Some(anchor) => match page.iter().position(|row| row.as_ref().is_some_and(|(id, _)| id == anchor)) {
                Some(place) => place + 1,
                None => return Ok(None),
            },
        };
        let before = found.len();
        found.truncate(from + usize::from(anchor.is_some()));
        found.extend(page.into_iter().skip(new));
        let times: Vec<_> =
            found[from.min(found.len())..].iter().flatten().map(|(_, tombstone)| tombstone.deleted_at).collect();
        // An order that is not kept proves nothing about what comes behind.
        is_sorted &= times.is_sorted_by(|newer, older| newer >= older);
        let is_old = |time: &DateTime<Utc>| since.is_some_and(|since| *time < since);
        if found.len() == before || (is_sorted && times.last().is_some_and(is_old)) {
            return Ok(Some(found));
        }
    }
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
