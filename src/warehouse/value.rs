//! Values on their way into and out of statements: typed even when they are empty, since Postgres wants to know what a
//! null is a null of. How each database writes them is `dialect`'s business.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::error::Trouble;
use super::statement;
use crate::transform::Cell;

/// A value bound to a statement.
#[derive(Debug, Clone)]
pub enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Real(Option<f64>),
    Boolean(bool),
    Timestamp(Option<DateTime<Utc>>),
    Json(Option<String>),
    /// A list of texts, for `in {list}`.
    Texts(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(storable(text.to_owned())))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(storable))
    }
}

/// A text as a database can hold it: none of Postgres has a NUL, and what a portal says in an error may.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
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

/// Reads the cells of a fetched row in order. What is there and cannot be read is an error that says where and what: a
/// ledger in which something is passed over says that it has been done.
pub(super) struct Cells {
    /// The statement, for the names in it.
    sql: Arc<str>,
    /// What the statement asked for.
    asked: Option<String>,
    first: Option<Cell>,
    cells: std::vec::IntoIter<Cell>,
}

impl Cells {
    /// The rows that a statement with these values has given.
    pub(super) fn of(sql: &str, values: &[Value], rows: Vec<Vec<Cell>>) -> impl Iterator<Item = Self> + use<> {
        let sql: Arc<str> = sql.into();
        let asked = values.iter().find_map(|value| match value {
            Value::Text(text) => text.clone(),
            _ => None,
        });
        rows.into_iter().map(move |cells| {
            let first = cells.first().cloned();
            Self { sql: Arc::clone(&sql), asked: asked.clone(), first, cells: cells.into_iter() }
        })
    }

    pub(super) fn text(&mut self) -> Result<String, Trouble> {
        self.must("a text", Self::text_of)
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<String>, Trouble> {
        self.may("a text", Self::text_of)
    }

    /// One of the words of a list.
    pub(super) fn word<T>(&mut self, of: impl Fn(&str) -> Option<T>) -> Result<T, Trouble> {
        self.must("a word that this version knows", |cell| Self::text_of(cell).and_then(|word| of(&word)))
    }

    pub(super) fn word_or_null<T>(&mut self, of: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Trouble> {
        self.may("a word that this version knows", |cell| Self::text_of(cell).and_then(|word| of(&word)))
    }

    pub(super) fn integer(&mut self) -> Result<i64, Trouble> {
        self.must("an integer", Self::integer_of)
    }

    /// A counter.
    pub(super) fn count(&mut self) -> Result<u64, Trouble> {
        self.must("a number of things", Self::count_of)
    }

    pub(super) fn count_or_null(&mut self) -> Result<Option<u64>, Trouble> {
        self.may("a number of things", Self::count_of)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Trouble> {
        self.must("true or false", |cell| match cell {
            Cell::Boolean(value) => Some(*value),
            _ => None,
        })
    }

    pub(super) fn timestamp(&mut self) -> Result<DateTime<Utc>, Trouble> {
        self.must("a timestamp", Self::time_of)
    }

    pub(super) fn timestamp_or_null(&mut self) -> Result<Option<DateTime<Utc>>, Trouble> {
        self.may("a timestamp", Self::time_of)
    }

    fn text_of(cell: &Cell) -> Option<String> {
        match cell {
            Cell::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn integer_of(cell: &Cell) -> Option<i64> {
        match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        }
    }

    fn count_of(cell: &Cell) -> Option<u64> {
        Self::integer_of(cell).and_then(|value| u64::try_from(value).ok())
    }

    fn time_of(cell: &Cell) -> Option<DateTime<Utc>> {
        match cell {
            Cell::Timestamp(time) => Some(*time),
            _ => None,
        }
    }

    fn must<T>(&mut self, expected: &'static str, read: impl FnOnce(&Cell) -> Option<T>) -> Result<T, Trouble> {
        let cell = self.cells.next().unwrap_or(Cell::Null);
        read(&cell).ok_or_else(|| self.unreadable(expected, &cell))
    }

    fn may<T>(&mut self, expected: &'static str, read: impl FnOnce(&Cell) -> Option<T>) -> Result<Option<T>, Trouble> {
        match self.cells.next() {
            None | Some(Cell::Null) => Ok(None),
            Some(cell) => read(&cell).map(Some).ok_or_else(|| self.unreadable(expected, &cell)),
        }
    }

    /// Says which cell it was. What stands in a table of records belongs to no log.
    fn unreadable(&self, expected: &'static str, cell: &Cell) -> Trouble {
        const SHOWN: usize = 60;
        let table = self.sql.split(['{', '}']).nth(1).unwrap_or("the answer");
        let names = statement::selected(&self.sql);
        let place = names.len().saturating_sub(self.cells.len() + 1);
        let column = names.get(place).copied().unwrap_or("a column");
        let first = self.first.as_ref().filter(|_| place > 0).map(Cell::json);
        let row: Vec<String> = self.asked.iter().cloned().chain(first).collect();
        let found = match cell {
            Cell::Null => "nothing".to_owned(),
            _ if !table.starts_with("deskhouse_") => "another value".to_owned(),
            cell => cell.json().chars().take(SHOWN).collect(),
        };
        let of = if row.is_empty() { String::new() } else { format!(" of ({})", row.join(", ")) };
        Trouble::Unreadable(format!("`{column}`{of} in {table} should be {expected}, but is {found}"))
    }
}
