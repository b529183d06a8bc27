//! What an answer means: status first, body second, since bodies can be HTML, empty, cut short or an error under 200.
//! Pure; whether to try again is left to `retry`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
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
    /// There was no connection, so that nothing was sent.
    Unsent(Cause),
    /// No answer in time, a server error, or a body that is not what it should be. What was asked may have been done.
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

impl Failure {
    /// Why there was no whole answer, with its cause.
    pub(super) fn of(error: &transport::Error) -> Self {
        let source = std::error::Error::source(error);
        let cause = Cause::Transport(source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}")));
        match error {
            transport::Error::Connect(_) | transport::Error::Request(_) => Self::Unsent(cause),
            transport::Error::Timeout | transport::Error::Cut(_) | transport::Error::TooLarge => Self::Transient(cause),
        }
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
    /// Which fields of a body were not taken, such as "`/contactId` is missing".
    pub(super) fields: Vec<String>,
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

/// Reads a page of a list: status, headers and body.
pub(super) fn page(response: &::http::Response<Bytes>) -> Result<Answer, Failure> {
    check_status(response)?;
    if response.status() == ::http::StatusCode::NO_CONTENT {
        return Ok(Answer::default());
    }
    // A byte that is no UTF-8 must not cost the page: it becomes U+FFFD, as it would in any text of the database.
    let body = String::from_utf8_lossy(response.body());
    match serde_json::from_str::<Envelope>(&body) {
        Ok(Envelope { code: Some(_), records: None, .. }) => Err(refusal(response)),
        Ok(envelope) => Ok(Answer { records: envelope.records.unwrap_or_default(), count: envelope.count }),
        Err(_) => Err(Failure::Transient(Cause::NotJson)),
    }
}

/// Whether an answer is a good one, whatever it holds.
pub(super) fn anything(response: &::http::Response<Bytes>) -> Result<(), Failure> {
    check_status(response)?;
    let body = ErrorBody::of(response);
    // Campaigns refuses under status 200 with `"status":"error"` and a number (its "Error codes" page, 2026).
    let is_error = body.status == "error" && !body.message.is_empty() && !["", "0"].contains(&body.code.as_str());
    if body.is_of_desk || is_error { Err(refusal(response)) } else { Ok(()) }
}

fn check_status(response: &::http::Response<Bytes>) -> Result<(), Failure> {
    match response.status().as_u16() {
        200..=299 => Ok(()),
        300..=399 => Err(Failure::Redirect),
        // CRM calls a missing scope 401 (seen by users of its version 8, 2026); a new token would have the same scopes.
        401 if ErrorBody::of(response).code != "OAUTH_SCOPE_MISMATCH" => Err(Failure::Unauthorized),
        status @ (408 | 500..=599) => Err(Failure::Transient(Cause::Status(status))),
        _ => Err(refusal(response)),
    }
}

fn refusal(response: &::http::Response<Bytes>) -> Failure {
    let status = response.status().as_u16();
    let body = ErrorBody::of(response);
    match (status, body.code.as_str()) {
        // An error under status 200 is known by its code alone.
        (_, "THRESHOLD_EXCEEDED") => Failure::CreditsGone(header(response, "retry-after")),
        (429, _) | (_, "TOO_MANY_REQUESTS") => Failure::Concurrency,
        (200, "INVALID_OAUTH" | "UNAUTHORIZED") => Failure::Unauthorized,
        (200, "INTERNAL_SERVER_ERROR") => Failure::Transient(Cause::Status(500)),
        _ => {
            let looks_like_a_code = body.code.len() <= 40
                && body.code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
            let code = if looks_like_a_code { body.code } else { String::new() };
            Failure::Refused(Refusal { status, code, problem: Problem::read(&body.message), fields: body.fields })
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

/// What the body of a refusal says. Empty where it is no JSON, or says nothing.
#[derive(Default)]
struct ErrorBody {
    code: String,
    message: String,
    status: String,
    /// See [`Refusal::fields`].
    fields: Vec<String>,
    /// Whether the code stands where Desk puts it.
    is_of_desk: bool,
}

impl ErrorBody {
    fn of(response: &::http::Response<Bytes>) -> Self {
        // A file that was asked for can be long, and is no object.
        let is_object = response.body().iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let Some(Value::Object(body)) = is_object.then(|| serde_json::from_slice(response.body()).ok()).flatten()
        else {
            return Self::default();
        };
        let text = |names: &[&str]| match names.iter().find_map(|name| body.get(*name)) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let fields = body.get("errors").and_then(Value::as_array);
        Self {
            // Desk says `errorCode`, CRM `code`, and Campaigns has both `code` and `Code`.
            code: text(&["errorCode", "code", "Code"]),
            message: text(&["message"]),
            status: text(&["status"]),
            fields: fields.into_iter().flatten().filter_map(refused_field).collect(),
            is_of_desk: body.contains_key("errorCode"),
        }
    }
}

/// Which field, and what is wrong with it. Zoho's sentence about it goes no further: it can repeat what was sent.
fn refused_field(error: &Value) -> Option<String> {
    let (name, kind) = (error["fieldName"].as_str()?, error["errorType"].as_str()?);
    let is_plain = |text: &str, more: &[char]| {
        (1..=60).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
    };
    (is_plain(name, &['/', '_', '-']) && is_plain(kind, &[])).then(|| format!("`{name}` is {kind}"))
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
        page(&response.expect("a response"))
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
        assert_eq!(page(&response.expect("a response")).expect("an answer").records.len(), 1);
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

    #[test]
    fn refusals_of_other_products_are_known_too() {
        let judged = |status: u16, body: &str| {
            let response = ::http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes()));
            match anything(&response.expect("a response")) {
                Err(Failure::Refused(Refusal { code, .. })) => Some(code),
                Err(other) => panic!("not a refusal: {other:?}"),
                Ok(()) => None,
            }
        };
        let refused = |code: &str| Some(code.to_owned());
        assert_eq!(judged(200, r#"{"message":"No such list.","status":"error","code":"2501"}"#), refused("2501"));
        assert_eq!(judged(200, r#"{"message":"Subscribed.","status":"success","code":"0"}"#), None);
        assert_eq!(judged(401, r#"{"code":"OAUTH_SCOPE_MISMATCH","status":"error"}"#), refused("OAUTH_SCOPE_MISMATCH"));
        assert_eq!(judged(400, r#"{"code":57,"message":"m"}"#), refused("57"));
        // A record whose status is called so is no refusal, and neither is what is no JSON.
        assert_eq!(judged(200, r#"{"id":"1","status":"error","subject":"s"}"#), None);
        assert_eq!(judged(200, "a,b\n1,2"), None);
    }

    #[test]
    fn fields_that_are_not_taken_are_named_without_what_was_sent() {
        let body = r#"{"errorCode":"INVALID_DATA","message":"m","errors":[
            {"fieldName":"/contactId","errorType":"missing","errorMessage":"jane@example.com"},
            {"fieldName":"/cf/cf_region","errorType":"invalid"},
            {"fieldName":"jane@example.com","errorType":"invalid"},
            {"fieldName":"/email"}]}"#;
        match failed(422, body) {
            Failure::Refused(Refusal { fields, .. }) => {
                assert_eq!(fields, ["`/contactId` is missing", "`/cf/cf_region` is invalid"]);
            }
            other => panic!("not refused: {other:?}"),
        }
    }
}
