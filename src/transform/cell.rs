//! One typed value. How it is read is `record::read`'s business, how it is bound to a statement `warehouse`'s.

use chrono::{DateTime, NaiveDate, Utc};

use crate::record::read::{self, Misfit};
use crate::resource::Kind;

/// A typed value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value: missing, null, or empty text where no text is wanted.
    Null,
    /// Text.
    Text(String),
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
    Json(String),
}

impl Cell {
    /// Reads the JSON text of one value as `kind`.
    pub(super) fn read(kind: Kind, json: &str, mended: &mut bool) -> Result<Self, Misfit> {
        let cell = match kind {
            Kind::Text => read::text(json, mended).map(Self::Text),
            Kind::Json => read::json(json, mended).map(|json| Self::Json(json.into_owned())),
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
