//! One typed value. How it is read is `record::read`'s business, how it is bound to a statement `warehouse`'s.

use std::borrow::Cow;

use bytestring::ByteString;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::value::RawValue;

use crate::record::read::{self, Misfit};
use crate::resource::Kind;

/// A typed value of a column. Texts share the memory of the record that they were read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value: missing, null, or empty text where no text is wanted.
    Null,
    /// Text.
    Text(ByteString),
    /// Integer.
    Integer(i64),
    /// Real number.
    Real(f64),
    /// True or false.
    Boolean(bool),
    /// Calendar date.
    Date(NaiveDate),
    /// Instant, in whole milliseconds.
    Timestamp(DateTime<Utc>),
    /// JSON text.
    Json(ByteString),
}

impl Cell {
    /// Reads the JSON text of one value, a part of `record`, as `kind`.
    pub(super) fn read(kind: Kind, record: &ByteString, json: &str, mended: &mut bool) -> Result<Self, Misfit> {
        let shared = |text: Cow<'_, str>| match text {
            Cow::Borrowed(part) => record.slice_ref(part),
            Cow::Owned(text) => text.into(),
        };
        let cell = match kind {
            Kind::Text => read::text(json, mended).map(shared).map(Self::Text),
            Kind::Json => read::json(json, mended)?.map(shared).map(Self::Json),
            Kind::Integer => read::integer(json)?.map(Self::Integer),
            Kind::Real => read::real(json)?.map(Self::Real),
            Kind::Boolean => read::boolean(json)?.map(Self::Boolean),
            Kind::Date => read::date(json)?.map(Self::Date),
            Kind::Timestamp => read::timestamp(json)?.map(Self::Timestamp),
        };
        Ok(cell.unwrap_or(Self::Null))
    }

    /// The JSON text of a value of its own, to be read as `kind`; none where it cannot be.
    pub fn of_json(kind: Kind, json: &str) -> Option<Self> {
        // Nobody has looked yet at whether a part of what was kept is JSON.
        let value: &RawValue = serde_json::from_str(json).ok()?;
        let text = ByteString::from(value.get());
        Self::read(kind, &text, &text, &mut false).ok()
    }

    /// The value as JSON.
    pub fn json(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => "null".into(),
            Self::Text(value) => text(value),
            Self::Integer(value) => value.to_string(),
            Self::Real(value) => value.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Date(date) => text(&date.to_string()),
            Self::Timestamp(time) => text(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            Self::Json(json) => json.to_string(),
        }
    }

    pub(super) fn is_empty_text(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}
