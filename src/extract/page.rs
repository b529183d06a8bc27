//! What a reader of windows gives: a page, and what it could not read.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::ledger::{Progress, Range};
use crate::record::Record;

/// One page and how far the window has been read with it.
#[derive(Debug)]
pub struct Page {
    /// Its records.
    pub records: Vec<Record>,
    /// Where the walk stands after it.
    pub progress: Progress,
    /// Records of the window that are still to come, if the portal counts them.
    pub remaining: Option<u64>,
    /// What the walk cannot read: its window is not done, and asking again would give the same.
    pub unread: Option<Unread>,
}

/// A range that holds records which the portal does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Where they are.
    pub range: Range,
    /// How many, as far as the portal counts.
    pub records: Option<u64>,
    /// Why they could not be read, where the portal said so.
    pub cause: Option<String>,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { from, to } = self.range;
        match self.records {
            Some(1) => f.write_str("1 record")?,
            Some(records) => write!(f, "{records} records")?,
            None => f.write_str("records")?,
        }
        let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S").to_string();
        write!(f, " between {} and {} UTC", time(from), time(to))?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}

/// These records, and those of the others that are not among them.
pub(super) fn joined(mut records: Vec<Record>, others: Vec<Record>) -> Vec<Record> {
    let seen: HashSet<_> = records.iter().filter_map(|record| record.keys().id.clone()).collect();
    let is_new = |record: &Record| record.keys().id.as_ref().is_none_or(|id| !seen.contains(id));
    records.extend(others.into_iter().filter(is_new));
    records
}
