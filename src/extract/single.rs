//! Single records and numbers of them: what a comparison with the portal asks. What an answer means for a row is left to
//! `sync::verify`.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Error;
use super::weight::Weight;
use super::words::{range, record};
use crate::http::{self, Client, Priority, Reply, Request};
use crate::ledger::Range;
use crate::record::{Keys, Record};
use crate::resource::Resource;

/// One record by its id.
#[derive(Debug)]
pub enum Single {
    /// It is there.
    Alive(Record),
    /// It is there and says that it is spam, which a search may hide, or not.
    Spam(Record),
    /// It is there and says that it is in the recycle bin.
    Trashed,
    /// Another record answers in its place: it was merged into the one of this id.
    Merged(String),
    /// There is no such record.
    NotFound,
    /// It may not be seen, so that nothing is known of it.
    Hidden,
}

impl Single {
    /// The record, if it can be read; otherwise why not.
    pub fn record(self) -> Result<Record, &'static str> {
        match self {
            Self::Alive(record) | Self::Spam(record) => Ok(record),
            Self::Trashed => Err("it is in the recycle bin"),
            Self::Merged(_) => Err("it was merged into another record"),
            Self::NotFound => Err("it was not found (404)"),
            Self::Hidden => Err("it may not be seen alone, or the answer is no record"),
        }
    }
}

/// Asks for one record.
pub async fn single(client: &Client, resource: &'static Resource, id: &str) -> Result<Single, Error> {
    let request = Request::new(resource.name, &resource.record_path(id));
    let Reply { response, outcome } = client.send(&request).await;
    match outcome {
        Ok(()) => {}
        Err(http::Error::NotFound { .. }) => return Ok(Single::NotFound),
        Err(http::Error::NotGranted { .. }) => return Ok(Single::Hidden),
        Err(error) => return Err(error.into()),
    }
    let body = response.map(::http::Response::into_body).unwrap_or_default();
    Ok(told(resource, id, String::from_utf8_lossy(&body).into_owned()))
}

/// What an answer tells of the record that was asked for: nothing, where it cannot be read as one.
fn told(resource: &'static Resource, id: &str, text: String) -> Single {
    let Ok(raw) = serde_json::value::RawValue::from_string(text) else { return Single::Hidden };
    let record = record(resource, raw);
    let (Some(fields), Some(found)) = (record.fields(), record.keys().id.as_deref()) else { return Single::Hidden };
    if found != id {
        // An id of Zoho's, and not whatever else may stand there.
        let is_id = found.len() > 5 && found.bytes().all(|byte| byte.is_ascii_digit());
        return if is_id { Single::Merged(found.to_owned()) } else { Single::Hidden };
    }
    match ["isTrashed", "isDeleted", "isSpam"].map(|name| fields.flag(name)) {
        [Ok(true), ..] | [_, Ok(true), _] => Single::Trashed,
        [Ok(false), Ok(false), Ok(true)] => Single::Spam(record),
        [Ok(false), Ok(false), Ok(false)] => Single::Alive(record),
        // It may be any of these.
        _ => Single::Hidden,
    }
}

/// Ranges that a comparison asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Range of created time. Both bounds are sent 1 ms further out.
    pub created: Range,
    /// Range of modified time, where not all of history is meant.
    pub modified: Option<Range>,
}

impl Asked {
    /// Whether a record with these keys is meant. One that does not tell when it was created or changed may be.
    pub fn finds(&self, keys: &Keys) -> bool {
        let is_in =
            |range: Range, time: Option<DateTime<Utc>>| time.is_none_or(|time| range.from <= time && time <= range.to);
        is_in(self.created, keys.created) && self.modified.is_none_or(|range| is_in(range, keys.modified))
    }

    fn request(&self, resource: &'static Resource) -> Request {
        let millisecond = TimeDelta::milliseconds(1);
        let wide = |from: DateTime<Utc>, to| range(&Range { from: from - millisecond, to: to + millisecond });
        let request = Request::new(resource.name, resource.path)
            .priority(Priority::Verify)
            .with("createdTimeRange", wide(self.created.from, self.created.to));
        match self.modified.zip(resource.feed.range()) {
            Some((modified, range)) => request.with(range, wide(modified.from, modified.to)),
            None => request,
        }
    }
}

/// How many records a search finds. One row is asked for, as no fewer can be.
pub async fn matching(client: &Client, resource: &'static Resource, asked: &Asked) -> Result<u64, Error> {
    let request = asked.request(resource).with("from", resource.first_row.to_string()).with("limit", "1");
    let answer = client.get(&request).await?;
    match answer.count {
        Some(count) => Ok(count),
        None if answer.records.is_empty() => Ok(0),
        None => Err(Error::NotCounted { resource: resource.name }),
    }
}

/// Those of these records that a search shows, by their ids; a page of them at most, and in several where one is too heavy.
/// None where it does not take so many ids.
pub async fn shown(
    client: &Client,
    resource: &'static Resource,
    ids: &[String],
) -> Result<HashMap<String, Record>, Error> {
    shown_for(client, Priority::Tombstones, resource, ids).await
}

/// The same where it is as important as this.
pub async fn shown_for(
    client: &Client,
    priority: Priority,
    resource: &'static Resource,
    ids: &[String],
) -> Result<HashMap<String, Record>, Error> {
    let (weight, mut found, mut left) = (Weight::default(), HashMap::new(), ids);
    while !left.is_empty() {
        let rows = weight.rows().map_or(left.len(), |rows| left.len().min(rows as usize));
        let (asked, rest) = left.split_at(rows);
        let limit = u32::try_from(rows).unwrap_or(u32::MAX);
        let request = Request::new(resource.name, resource.path)
            .priority(priority)
            .with("id", asked.join(","))
            .with("from", resource.first_row.to_string())
            .with("limit", limit.to_string());
        let answer = match client.get(&Request { tries_if_heavy: weight.tries(limit), ..request }).await {
            Ok(answer) => answer,
            Err(http::Error::Unprocessable { .. }) => return Ok(HashMap::new()),
            Err(error) if error.is_heavy() && weight.was_too_heavy(limit) => continue,
            Err(error) => return Err(error.into()),
        };
        weight.was_good(resource.page_limit);
        let records = answer.records.into_iter().map(|raw| record(resource, raw));
        let by_id = records.filter_map(|record| Some((record.keys().id.clone()?, record)));
        // A page may hold others as well, where a portal does not look at ids.
        found.extend(by_id.filter(|(id, _)| asked.contains(id)));
        left = rest;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    fn told_as(json: &str) -> String {
        let tickets = resource::find("tickets").expect("a resource");
        match told(tickets, "7", json.to_owned()) {
            Single::Merged(other) => format!("Merged into {other}"),
            told => format!("{told:?}").split(['(', ' ']).next().expect("a word").to_owned(),
        }
    }

    #[test]
    fn a_record_alone_tells_what_it_is_whatever_else_it_holds() {
        let half = r#""subject":"a\ud83d","\udc00":1"#;
        assert_eq!(told_as(&format!(r#"{{"id":"7",{half}}}"#)), "Alive");
        assert_eq!(told_as(&format!(r#"{{"id":7,{half},"isTrashed":null,"isSpam":false}}"#)), "Alive");
        for flag in ["true", "\"true\"", "\"TRUE\"", "1"] {
            assert_eq!(told_as(&format!(r#"{{"id":"7",{half},"isTrashed":{flag}}}"#)), "Trashed", "{flag}");
            assert_eq!(told_as(&format!(r#"{{"id":"7",{half},"isDeleted":{flag}}}"#)), "Trashed", "{flag}");
            assert_eq!(told_as(&format!(r#"{{"id":"7",{half},"isSpam":{flag}}}"#)), "Spam", "{flag}");
        }
    }

    #[test]
    fn another_record_in_its_place_is_what_it_was_merged_into() {
        assert_eq!(told_as(r#"{"id":"4000000123","subject":"a\ud83d","isTrashed":true}"#), "Merged into 4000000123");
        assert_eq!(told_as(r#"{"id":4000000123}"#), "Merged into 4000000123");
    }

    #[test]
    fn what_cannot_be_read_is_neither_alive_nor_gone() {
        for json in [
            "",
            "null",
            "[]",
            "\"x\"",
            "<html>",
            r#"{"id":"7""#,
            r#"{"id":"8"}"#,
            "{}",
            r#"{"id":"x"}"#,
            r#"{"id":"7","isTrashed":"maybe"}"#,
        ] {
            assert_eq!(told_as(json), "Hidden", "{json}");
        }
    }
}
