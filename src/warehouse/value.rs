//! Values on their way into and out of statements: typed even when they are empty, since Postgres wants to know what a
//! null is a null of. How each database writes them is `dialect`'s business.

use chrono::{DateTime, Utc};

use crate::transform::Cell;

/// A value bound to a statement.
#[derive(Debug, Clone)]
pub enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Real(Option<f64>),
    Boolean(bool),
    Timestamp(Option<DateTime<Utc>>),
    Json(String),
    /// A list of texts, for `in {list}`.
    Texts(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u64> for Value {
    /// Counters beyond what a `bigint` holds stay at its end.
    fn from(value: u64) -> Self {
        Self::Integer(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        Self::Integer(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(Some(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Timestamp(Some(value))
    }
}

impl From<Option<DateTime<Utc>>> for Value {
    fn from(value: Option<DateTime<Utc>>) -> Self {
        Self::Timestamp(value)
    }
}

/// Reads the cells of a fetched row in order.
pub(super) struct Cells(std::vec::IntoIter<Cell>);

impl Cells {
    pub(super) fn new(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    pub(super) fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Cell::Text(text) | Cell::Json(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Cell::Integer(value)) => Some(value),
            _ => None,
        }
    }

    /// A counter; 0 where there is none.
    pub(super) fn count(&mut self) -> u64 {
        self.integer().and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
    }

    pub(super) fn boolean(&mut self) -> bool {
        matches!(self.0.next(), Some(Cell::Boolean(true)))
    }

    pub(super) fn timestamp(&mut self) -> Option<DateTime<Utc>> {
        match self.0.next() {
            Some(Cell::Timestamp(time)) => Some(time),
            _ => None,
        }
    }
}
