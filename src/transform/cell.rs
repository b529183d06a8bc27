//! One typed value. How it is read is `record::read`'s business, how it is bound to a statement `warehouse`'s.

use std::borrow::Cow;

use bytestring::ByteString;
use chrono::{DateTime, NaiveDate, Utc};

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
            Kind::Json => read::json(json, mended).map(shared).map(Self::Json),
            Kind::Integer => read::integer(json)?.map(Self::Integer),
            Kind::Real => read::real(json)?.map(Self::Real),
            Kind::Boolean => read::boolean(json)?.map(Self::Boolean),
            Kind::Date => read::date(json)?.map(Self::Date),
            Kind::Timestamp => read::timestamp(json)?.map(Self::Timestamp),
        };
        Ok(cell.unwrap_or(Self::Null))
    }

    pub(super) fn is_empty_text(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}
