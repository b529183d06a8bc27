//! What an answer means: status first, body second, since bodies can be HTML, empty, cut short or an error under 200.
//! Pure; whether to try again is left to `retry`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::read;
use crate::transport;

/// A good answer of a list.
#[derive(Debug, Default)]
pub struct Answer {
    /// The records under `data`; none for an empty answer (204).
    pub records: Vec<Box<RawValue>>,
    /// How many records match, this page and all after it included. Searches say so, other lists do not.
    pub count: Option<u64>,
}

/// Why one attempt gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection, no answer in time, a server error, or a body that is not what it should be.
    Transient(Cause),
    /// Too many calls of this portal at the same time.
    Concurrency,
    /// The portal's credits of the day are used up; the seconds until there are more, if it said so.
    CreditsGone(Option<u64>),
    /// The access token is not accepted.
    Unauthorized,
    /// The answer points elsewhere.
    Redirect,
    /// The request will never work as it is.
    Refused(Refusal),
}

/// What a transient failure was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Status(u16),
    NotJson,
    Transport(String),
}

impl Cause {
    /// Why there was no whole answer, with its cause.
    pub(super) fn of(error: &transport::Error) -> Self {
        let source = std::error::Error::source(error);
        Self::Transport(source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}")))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => {
                let reason = ::http::StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
                write!(f, "{status} {}", reason.unwrap_or("of unknown meaning"))
            }
            Self::NotJson => f.write_str("an answer that is not JSON or was cut short"),
            Self::Transport(error) => f.write_str(error),
        }
    }
}

/// A refusal of the request itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Zoho's `errorCode`, or nothing where there is none that looks like one.
    pub(super) code: String,
    pub(super) problem: Problem,
}

/// What a 422 says about a parameter, so that the caller can mend the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// `The value passed for field 'limit' exceeds the range of '1-100'.`
    Range {
        /// Parameter.
        field: String,
        /// Largest value that is taken.
        largest: u32,
    },
    /// `Max search result iterable is 5000`: `from` and `limit` together reach beyond that row.
    Depth(u32),
    /// Anything else.
    Other,
}

/// Reads status, headers and body.
pub(super) fn classify(response: &::http::Response<Bytes>) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    match status {
        204 => return Ok(Answer::default()),
        200..=299 => {}
        300..=399 => return Err(Failure::Redirect),
        401 => return Err(Failure::Unauthorized),
        408 | 500..=599 => return Err(Failure::Transient(Cause::Status(status))),
        _ => return Err(refusal(status, response)),
    }
    // A byte that is no UTF-8 must not cost the page: it becomes U+FFFD, as it would in any text of the database.
    let body = String::from_utf8_lossy(response.body());
    match serde_json::from_str::<Envelope>(&body) {
        Ok(Envelope { code: Some(_), records: None, .. }) => Err(refusal(status, response)),
        Ok(envelope) => Ok(Answer { records: envelope.records.unwrap_or_default(), count: envelope.count }),
        Err(_) => Err(Failure::Transient(Cause::NotJson)),
    }
}

fn refusal(status: u16, response: &::http::Response<Bytes>) -> Failure {
    let body: ErrorBody = serde_json::from_slice(response.body()).unwrap_or_default();
    let code = body.code.unwrap_or_default();
    match (status, code.as_str()) {
        // An error under status 200 is known by its code alone.
        (_, "THRESHOLD_EXCEEDED") => Failure::CreditsGone(header(response, "retry-after")),
        (429, _) | (_, "TOO_MANY_REQUESTS") => Failure::Concurrency,
        (200, "INVALID_OAUTH" | "UNAUTHORIZED") => Failure::Unauthorized,
        (200, "INTERNAL_SERVER_ERROR") => Failure::Transient(Cause::Status(500)),
        _ => {
            let looks_like_a_code =
                code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            let problem = Problem::read(body.message.as_deref().unwrap_or_default());
            Failure::Refused(Refusal { status, code: if looks_like_a_code { code } else { String::new() }, problem })
        }
    }
}

impl Problem {
    /// Reads the texts that were seen live (2026). The message itself goes no further: it can hold customer
    /// data.
    fn read(message: &str) -> Self {
        if let Some((_, rest)) = message.split_once("iterable is ")
            && let Ok(rows) = rest.trim_end_matches('.').trim().parse()
        {
            return Self::Depth(rows);
        }
        let mut quoted = message.split('\'').skip(1).step_by(2);
        match (message.contains("exceeds the range"), quoted.next(), quoted.next()) {
            (true, Some(field), Some(range)) => match range.rsplit_once('-').map(|(_, largest)| largest.parse()) {
                Some(Ok(largest)) => Self::Range { field: field.to_owned(), largest },
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// A header's value, if it is there and can be read.
pub(super) fn header<T: FromStr>(response: &::http::Response<Bytes>, name: &str) -> Option<T> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The portal's clock, to the second.
pub(super) fn date(response: &::http::Response<Bytes>) -> Option<DateTime<Utc>> {
    let value = response.headers().get(::http::header::DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(value).ok().map(|date| date.with_timezone(&Utc))
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(rename = "errorCode")]
    code: Option<String>,
    message: Option<String>,
}

/// The object around the records of a list.
#[derive(Default)]
struct Envelope {
    records: Option<Vec<Box<RawValue>>>,
    count: Option<u64>,
    code: Option<IgnoredAny>,
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "data" => envelope.records = map.next_value()?,
                "count" => {
                    let count = read::integer(map.next_value::<&RawValue>()?.get()).unwrap_or_default();
                    envelope.count = count.and_then(|count| u64::try_from(count).ok());
                }
                "errorCode" => envelope.code = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(status: u16, body: &str) -> Result<Answer, Failure> {
        let response = ::http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes()));
        classify(&response.expect("a response"))
    }

    fn failed(status: u16, body: &str) -> Failure {
        classified(status, body).expect_err("a failure")
    }

    #[test]
    fn a_page_gives_its_records_and_their_count() {
        let answer = classified(200, r#"{"data":[{"id":"1"},{"id":"2"}],"count":"17","more":{}}"#).expect("an answer");
        assert_eq!(answer.records.len(), 2);
        assert_eq!(answer.count, Some(17));
    }

    #[test]
    fn an_empty_answer_is_an_empty_page() {
        assert!(classified(204, "").expect("an answer").records.is_empty());
        assert!(classified(200, r#"{"data":[]}"#).expect("an answer").records.is_empty());
    }

    #[test]
    fn a_page_that_is_no_json_or_cut_short_is_transient() {
        for body in ["<!doctype html><p>hello", "", r#"{"data":[{"id":"1"},{"id":"#, "[]"] {
            assert_eq!(failed(200, body), Failure::Transient(Cause::NotJson), "{body}");
        }
    }

    #[test]
    fn a_body_with_a_broken_byte_is_still_a_page() {
        let response =
            ::http::Response::builder().status(200).body(Bytes::from_static(b"{\"data\":[{\"id\":\"a\xff\"}]}"));
        assert_eq!(classify(&response.expect("a response")).expect("an answer").records.len(), 1);
    }

    #[test]
    fn an_error_under_status_200_is_an_error() {
        assert_eq!(failed(200, r#"{"errorCode":"THRESHOLD_EXCEEDED","message":"m"}"#), Failure::CreditsGone(None));
        assert_eq!(failed(200, r#"{"errorCode":"INVALID_OAUTH"}"#), Failure::Unauthorized);
        assert!(matches!(failed(200, r#"{"errorCode":"SCOPE_MISMATCH"}"#), Failure::Refused(_)));
    }

    #[test]
    fn the_two_kinds_of_429_are_told_apart() {
        assert_eq!(failed(429, r#"{"errorCode":"THRESHOLD_EXCEEDED"}"#), Failure::CreditsGone(None));
        assert_eq!(failed(429, r#"{"errorCode":"TOO_MANY_REQUESTS"}"#), Failure::Concurrency);
        assert_eq!(failed(429, "slow down"), Failure::Concurrency);
    }

    #[test]
    fn what_a_422_teaches_is_read_from_its_text() {
        let problem = |message: &str| match failed(
            422,
            &serde_json::json!({"errorCode": "UNPROCESSABLE_ENTITY", "message": message}).to_string(),
        ) {
            Failure::Refused(refusal) => refusal.problem,
            other => panic!("not refused: {other:?}"),
        };
        let range = |field: &str, largest| Problem::Range { field: field.into(), largest };
        assert_eq!(problem("The value passed for field 'limit' exceeds the range of '1-50'."), range("limit", 50));
        assert_eq!(problem("The value passed for field 'from' exceeds the range of '0-4999'."), range("from", 4999));
        assert_eq!(problem("Max search result iterable is 5000"), Problem::Depth(5000));
        assert_eq!(problem("Extra query parameter 'sortOrder' is present in the input."), Problem::Other);
    }

    #[test]
    fn a_code_that_does_not_look_like_one_is_not_repeated() {
        match failed(400, r#"{"errorCode":"jane@example.com is unknown"}"#) {
            Failure::Refused(refusal) => assert_eq!(refusal.code, ""),
            other => panic!("not refused: {other:?}"),
        }
    }
}
