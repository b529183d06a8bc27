//! Rows in Postgres' binary COPY format: the fastest way in, since the server neither parses text nor plans a statement
//! for it. Which rows go that way is decided by `postgres`.
//!
//! The format is described in the manual of COPY, "Binary Format": a signature, then for each row the number of its
//! fields and for each field its length and its bytes, big-endian throughout.

use chrono::{DateTime, NaiveDate, Utc};

use crate::resource::{Column, Kind};
use crate::transform::{Cell, Row};
use crate::warehouse::dialect::Stamp;
use crate::warehouse::statement::OWN;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: i16 = -1;
const NULL: i32 = -1;

/// Days and microseconds are counted from here.
const EPOCH: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).expect("2000-01-01");

/// Bytes after which a part of the stream is worth sending.
const PART: usize = 256 * 1024;

/// Rows as a COPY stream: the columns of the definition, then [`OWN`].
pub(super) struct Stream {
    columns: &'static [Column],
    stamp: Stamp,
    out: Vec<u8>,
    is_sent: bool,
}

impl Stream {
    pub(super) fn new(columns: &'static [Column], stamp: Stamp) -> Self {
        Self { columns, stamp, out: Vec::from(SIGNATURE), is_sent: false }
    }

    /// Adds a row; gives the next part of the stream when there is enough of it.
    pub(super) fn add(&mut self, row: &Row) -> Option<&[u8]> {
        if std::mem::take(&mut self.is_sent) {
            self.out.clear();
        }
        let out = &mut self.out;
        let fields = i16::try_from(self.columns.len() + OWN.len()).unwrap_or(i16::MAX);
        out.extend_from_slice(&fields.to_be_bytes());
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            field(out, column.kind, cell);
        }
        match &row.raw {
            Some(raw) => bytes_field(out, raw.as_bytes()),
            None => null(out),
        }
        bytes_field(out, &row.hash.to_be_bytes());
        bytes_field(out, &microseconds(self.stamp.synced_at).to_be_bytes());
        let tombstone = row.tombstone.as_deref();
        match tombstone {
            Some(tombstone) => bytes_field(out, &microseconds(tombstone.deleted_at).to_be_bytes()),
            None => null(out),
        }
        bytes_field(out, &self.stamp.run.0.to_be_bytes());
        let told =
            tombstone.map(|told| [told.deleted_by.as_deref(), Some(told.reason.word()), told.merged_into.as_deref()]);
        for text in told.unwrap_or_default() {
            match text {
                Some(text) => bytes_field(out, text.as_bytes()),
                None => null(out),
            }
        }
        self.is_sent = out.len() >= PART;
        self.is_sent.then_some(out.as_slice())
    }

    /// The last part.
    pub(super) fn end(mut self) -> Vec<u8> {
        if self.is_sent {
            self.out.clear();
        }
        self.out.extend_from_slice(&TRAILER.to_be_bytes());
        self.out
    }
}

fn field(out: &mut Vec<u8>, kind: Kind, cell: &Cell) {
    match cell {
        Cell::Null => null(out),
        Cell::Text(text) => bytes_field(out, text.as_bytes()),
        // `jsonb` begins with the version of its format.
        Cell::Json(text) if kind == Kind::Json => {
            length(out, text.len() + 1);
            out.push(1);
            out.extend_from_slice(text.as_bytes());
        }
        Cell::Json(text) => bytes_field(out, text.as_bytes()),
        Cell::Integer(value) => bytes_field(out, &value.to_be_bytes()),
        Cell::Real(value) => bytes_field(out, &value.to_be_bytes()),
        Cell::Boolean(value) => bytes_field(out, &[u8::from(*value)]),
        Cell::Date(date) => bytes_field(out, &days(*date).to_be_bytes()),
        Cell::Timestamp(time) => bytes_field(out, &microseconds(*time).to_be_bytes()),
    }
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&NULL.to_be_bytes());
}

fn bytes_field(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn length(out: &mut Vec<u8>, length: usize) {
    // A page is at most 64 MiB, and so is every field of it.
    out.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
}

fn microseconds(time: DateTime<Utc>) -> i64 {
    (time - EPOCH).num_microseconds().unwrap_or(i64::MAX)
}

fn days(date: NaiveDate) -> i32 {
    i32::try_from((date - EPOCH.date_naive()).num_days()).unwrap_or(i32::MAX)
}
