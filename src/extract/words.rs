//! Requests of searches and lists in the portal's words, and the records of their answers.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;

use super::list;
use crate::http::Request;
use crate::ledger::{Key, Range};
use crate::record::Record;
use crate::resource::{self, Feed, Resource};

/// One record of this resource, as it came.
pub fn record(resource: &Resource, raw: Box<RawValue>) -> Record {
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
