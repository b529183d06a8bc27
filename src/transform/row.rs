//! A row as it is landed, and what is told beside it. How a record becomes one is in `transform`.

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::{Cell, Unread};
use crate::ledger::Tombstone;
use crate::resource::Resource;

/// A record typed for its table.
#[derive(Debug, Clone)]
pub struct Row {
    /// Key.
    pub id: ByteString,
    /// When the record last changed, if it says so.
    pub cursor: Option<DateTime<Utc>>,
    /// One cell a column, in the order of the definition.
    pub cells: Vec<Cell>,
    /// The record as received; none when the warehouse is not to keep it.
    pub raw: Option<ByteString>,
    /// Fingerprint of the record and of the way it is typed: equal means that the row need not be written again.
    pub hash: i64,
    /// Values that are null here because they could not be read.
    pub unread: Vec<Unread>,
    /// A character was replaced that database text cannot hold.
    pub mended: bool,
    /// The record says of itself that it is in the recycle bin.
    pub is_trashed: bool,
    /// Whether it has the columns that only the record read alone tells.
    pub details: Details,
    /// What is known of its deletion; none while it is alive. Settled when it is landed, beside what is held.
    pub tombstone: Option<Box<Tombstone>>,
}

/// Whether a row has the columns that only the record read alone tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Details {
    /// Nobody asked for them, or what is held has them already.
    #[default]
    Unasked,
    /// It has them.
    Had,
    /// They were asked for and not had, for this reason, and are to be asked for again.
    Owed(String),
}

impl Row {
    /// Takes the value of a column out of the row.
    pub fn lose(&mut self, column: usize, name: &'static str, reason: String) {
        let cell = std::mem::replace(&mut self.cells[column], Cell::Null);
        self.unread.push(Unread::new(name, reason, &cell.json()));
    }

    /// Whether a column of it holds true.
    pub fn is_true(&self, resource: &Resource, column: &str) -> bool {
        let place = resource.columns.iter().position(|held| held.name == column);
        place.and_then(|place| self.cells.get(place)) == Some(&Cell::Boolean(true))
    }
}
