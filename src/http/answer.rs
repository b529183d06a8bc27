//! What an answer means: status first, body second, since bodies can be HTML, empty, cut short or an error under 200.
//! Pure; whether to try again is left to `retry`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::{Fields, read};
use crate::transport;

/// A good answer of a list.
#[derive(Debug, Default)]
pub struct Answer {
    /// The records; none for an empty answer (204).
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
    /// A page with more records than anybody asked for.
    Oversized {
        /// As many as were asked for, or are ever seen where no number is asked for.
        expected: u64,
        /// Records that are in it.
        found: u64,
    },
}

/// Records of a page for which no number was asked. No such list is longer in any portal that was seen.
const EXPECTED: u64 = 5_000;

/// A body of a refusal, or of anything that might be one, is read up to here.
const LARGEST_ERROR: usize = 1 << 20;

/// What a transient failure was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Status(u16),
    NotJson,
    NoList,
    Timeout,
    TooLarge,
    Transport(String),
}

impl Cause {
    /// Whether less may be had where this much was not: the portal took too long for it, or sent more than is read.
    pub(super) fn is_heavy(&self) -> bool {
        matches!(self, Self::Timeout | Self::TooLarge | Self::Status(408 | 504))
    }
}

impl Failure {
    /// Why there was no whole answer, with its cause.
    pub(super) fn of(error: &transport::Error) -> Self {
        let source = std::error::Error::source(error);
        let cause = Cause::Transport(source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}")));
        match error {
            transport::Error::Connect(_) | transport::Error::Request(_) => Self::Unsent(cause),
            transport::Error::Cut(_) => Self::Transient(cause),
            transport::Error::Timeout => Self::Transient(Cause::Timeout),
            transport::Error::TooLarge => Self::Transient(Cause::TooLarge),
        }
    }

    /// Whether a request for less may fare better.
    pub(super) fn is_heavy(&self) -> bool {
        matches!(self, Self::Transient(cause) if cause.is_heavy())
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
            Self::NoList => f.write_str("an answer without a list of records"),
            Self::Timeout => write!(f, "{}", transport::Error::Timeout),
            Self::TooLarge => write!(f, "{}", transport::Error::TooLarge),
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

/// Reads a page of a list: status, headers and body. The array of records is called `records`, or else `data`, and holds
/// about as many as were `asked` for: of more than twice as many, none is kept.
pub(super) fn page(response: &::http::Response<Bytes>, records: &str, asked: Option<u64>) -> Result<Answer, Failure> {
    check_status(response)?;
    if response.status() == ::http::StatusCode::NO_CONTENT {
        return Ok(Answer::default());
    }
    // A byte that is no UTF-8 must not cost the page: it becomes U+FFFD, as it would in any text of the database.
    let body = match std::str::from_utf8(response.body()) {
        Ok(body) => Cow::Borrowed(body),
        // Slower than to find out that all of it is.
        Err(_) => String::from_utf8_lossy(response.body()),
    };
    let mut json = serde_json::Deserializer::from_str(&body);
    let expected = asked.unwrap_or(EXPECTED);
    let most = expected.saturating_mul(2);
    let envelope = EnvelopeSeed { records, most }.deserialize(&mut json);
    match envelope.and_then(|envelope| json.end().map(|()| envelope)) {
        Ok(Envelope { code: Some(_), records: None, .. }) => Err(refusal(response)),
        // Not an empty page: that one says so.
        Ok(Envelope { is_list: false, .. }) => Err(Failure::Transient(Cause::NoList)),
        Ok(Envelope { found, .. }) if found > most => Err(Failure::Oversized { expected, found }),
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

/// Whether the portal refused because too many requests were in flight.
pub(super) fn is_crowded(response: &::http::Response<Bytes>) -> bool {
    response.status() == 429 && refusal(response) == Failure::Concurrency
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
        // A file that was asked for can be long, and is no object; no refusal is long.
        let is_object = response.body().iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let is_short = response.body().len() <= LARGEST_ERROR;
        let body = std::str::from_utf8(response.body()).ok().filter(|_| is_object && is_short);
        let Some(body) = body.and_then(Fields::of) else { return Self::default() };
        let text = |names: &[&str]| {
            let name = names.iter().find(|name| body.has(name));
            name.and_then(|name| body.text(name)).unwrap_or_default()
        };
        let errors = body.list("errors").unwrap_or_default();
        Self {
            // Desk says `errorCode`, CRM `code`, and Campaigns has both `code` and `Code`.
            code: text(&["errorCode", "code", "Code"]),
            message: text(&["message"]),
            status: text(&["status"]),
            fields: errors.into_iter().filter_map(refused_field).collect(),
            is_of_desk: body.has("errorCode"),
        }
    }
}

/// Which field, and what is wrong with it. Zoho's sentence about it goes no further: it can repeat what was sent.
fn refused_field(error: &str) -> Option<String> {
    let error = Fields::of(error)?;
    let (name, kind) = (error.text("fieldName")?, error.text("errorType")?);
    let is_plain = |text: &str, more: &[char]| {
        (1..=60).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
    };
    (is_plain(&name, &['/', '_', '-']) && is_plain(&kind, &[])).then(|| format!("`{name}` is {kind}"))
}

/// The object around the records of a list.
#[derive(Default)]
struct Envelope {
    records: Option<Vec<Box<RawValue>>>,
    count: Option<u64>,
    code: Option<IgnoredAny>,
    /// There is an array of records, or a null in its place.
    is_list: bool,
    /// Records in it, kept or not.
    found: u64,
}

struct EnvelopeSeed<'a> {
    records: &'a str,
    /// More records are counted, and not kept.
    most: u64,
}

/// The array of records, or a null in its place: those that are kept, and how many there are.
struct RecordsSeed {
    most: u64,
}

impl<'de> DeserializeSeed<'de> for RecordsSeed {
    type Value = (Option<Vec<Box<RawValue>>>, u64);

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordsSeed {
    type Value = (Option<Vec<Box<RawValue>>>, u64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok((None, 0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut records, mut found) = (Vec::new(), 0);
        while found < self.most {
            let Some(record) = seq.next_element()? else { return Ok((Some(records), found)) };
            records.push(record);
            found += 1;
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        Ok((Some(records), found))
    }
}

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_> {
    type Value = Envelope;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Envelope, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_> {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                name if name == self.records || name == "data" => {
                    (envelope.records, envelope.found) = map.next_value_seed(RecordsSeed { most: self.most })?;
                    envelope.is_list = true;
                }
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
#[path = "answer_tests.rs"]
mod tests;
