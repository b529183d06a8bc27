//! Rows on their way into SQLite: one prepared statement, run again and again.
//!
//! An insert of many rows at once saves nothing here, since there is no server to talk to: it makes SQLite hold every
//! value of the statement at the same time, and lands a third fewer rows a second than a statement that takes one row
//! and is run again while its memory is still warm. A list in one JSON value, taken apart by `json_each`, lands a tenth.
//! That is why the driver is rusqlite: one that talks to its thread for each statement, as sqlx does, cannot do this.

use std::collections::HashSet;

use bytestring::ByteString;
use chrono::{DateTime, Datelike, Timelike, Utc};
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Statement, ToSql};

use super::{cell, trouble};
use crate::resource::{Kind, Resource};
use crate::transform::{Cell, Row};
use crate::warehouse::dialect::Stamp;
use crate::warehouse::error::Trouble;
use crate::warehouse::statement::{self, OWN, quoted};

/// What a query with one place for a key gives for each of these keys.
pub(super) fn by_key(
    connection: &Connection,
    sql: &str,
    keys: &[ByteString],
    kinds: &[Kind],
) -> rusqlite::Result<Vec<Option<Vec<Cell>>>> {
    let mut query = connection.prepare_cached(sql)?;
    let cells = |row: &rusqlite::Row<'_>| {
        kinds.iter().enumerate().map(|(index, kind)| cell(row, index, *kind)).collect::<Result<_, _>>()
    };
    keys.iter().map(|key| query.query_row([&**key], cells).optional()).collect()
}

/// The code of a refusal that concerns what a row holds, and nothing else that goes wrong.
fn refused<T>(done: rusqlite::Result<T>) -> rusqlite::Result<Result<T, String>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(error) => match trouble(&error) {
            Trouble::Refused(code) => Ok(Err(code)),
            _ => Err(error),
        },
    }
}

/// Inserts rows whose keys are not there; gives back those that are refused.
pub(super) fn insert(
    connection: &Connection,
    resource: &'static Resource,
    rows: Vec<Row>,
    stamp: Stamp,
) -> rusqlite::Result<Vec<(Row, String)>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = statement::columns(resource).map(quoted).collect();
    let places = vec!["?"; names.len()].join(", ");
    let sql = format!("insert into {} ({}) values ({places})", quoted(resource.name), names.join(", "));
    let mut insert = connection.prepare_cached(&sql)?;
    let synced_at = iso(stamp.synced_at);
    // A statement that fails leaves nothing behind, so that the next row needs no more than its turn.
    let mut culprits = Vec::new();
    for row in rows {
        if let Err(code) = refused(write(&mut insert, &row, &synced_at, stamp.run.0))? {
            culprits.push((row, code));
        }
    }
    Ok(culprits)
}

/// Updates rows whose keys are there; gives back those that are refused.
///
/// SQLite writes the entry of each index anew whose column an update names, changed or not, and most of what people do to
/// a ticket changes none but the time. So the first statement names none of the others and asks that they be the same;
/// the second one is for what the first has not found.
pub(super) fn update(
    connection: &Connection,
    resource: &'static Resource,
    rows: Vec<Row>,
    stamp: Stamp,
) -> rusqlite::Result<Vec<(Row, String)>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let indexed =
        "select distinct entry.name from pragma_index_list(?) as list join pragma_index_info(list.name) as entry
        where list.origin = 'c'";
    let mut indexed = connection.prepare_cached(indexed)?;
    let indexed: HashSet<String> = indexed.query_map([resource.name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let is_kept = |name: &str| Some(name) != resource.feed.cursor() && indexed.contains(name);
    let places = || statement::columns(resource).zip(1..).skip(1);
    let set = |(name, place): (&str, usize)| format!("{} = ?{place}", quoted(name));
    let same = |(name, place): (&str, usize)| format!(" and {} is ?{place}", quoted(name));
    let statement = |sets: Vec<String>, conditions: Vec<String>| {
        let (table, id) = (quoted(resource.name), quoted(resource.columns[0].name));
        let sets = sets.join(", ");
        connection.prepare_cached(&format!("update {table} set {sets} where {id} = ?1{}", conditions.concat()))
    };
    let mut beside_indexes = statement(
        places().filter(|(name, _)| !is_kept(name)).map(set).collect(),
        places().filter(|(name, _)| is_kept(name)).map(same).collect(),
    )?;
    let mut whole = statement(places().map(set).collect(), Vec::new())?;
    let synced_at = iso(stamp.synced_at);
    let mut culprits = Vec::new();
    for row in rows {
        let written = match write(&mut beside_indexes, &row, &synced_at, stamp.run.0) {
            Ok(0) => write(&mut whole, &row, &synced_at, stamp.run.0),
            written => written,
        };
        if let Err(code) = refused(written)? {
            culprits.push((row, code));
        }
    }
    Ok(culprits)
}

/// Runs a statement with a row: the columns of the definition, then [`OWN`].
fn write(statement: &mut Statement<'_>, row: &Row, synced_at: &str, run: i64) -> rusqlite::Result<usize> {
    for (index, cell) in row.cells.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, cell)?;
    }
    let tombstone = row.tombstone.as_deref();
    let deleted_at = tombstone.map(|told| iso(told.deleted_at));
    let [deleted_by, reason, merged_into] = tombstone
        .map(|told| [told.deleted_by.as_deref(), Some(told.reason.word()), told.merged_into.as_deref()])
        .unwrap_or_default();
    let own: [&dyn ToSql; OWN.len()] =
        [&row.raw.as_deref(), &row.hash, &synced_at, &deleted_at, &run, &deleted_by, &reason, &merged_into];
    for (index, value) in own.into_iter().enumerate() {
        statement.raw_bind_parameter(row.cells.len() + index + 1, value)?;
    }
    statement.raw_execute()
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => Null.into(),
            Self::Text(text) | Self::Json(text) => ToSqlOutput::Borrowed((&**text).into()),
            Self::Integer(value) => (*value).into(),
            Self::Real(value) => (*value).into(),
            Self::Boolean(value) => (*value).into(),
            Self::Date(date) => date.to_string().into(),
            Self::Timestamp(time) => iso(*time).into(),
        })
    }
}

/// The text form of instants in SQLite: ISO 8601 in UTC with milliseconds, so that text order is time order. Readers let
/// only four-digit years in. By hand, since a ticket has ten of them and chrono would read its format string each time.
pub(super) fn iso(time: DateTime<Utc>) -> String {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |end: usize, mut number: u32| {
        let mut place = end;
        while number > 0 {
            place -= 1;
            text[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(4, time.year().clamp(0, 9999).unsigned_abs());
    put(7, time.month());
    put(10, time.day());
    put(13, time.hour());
    put(16, time.minute());
    put(19, time.second());
    put(23, time.timestamp_subsec_millis().min(999));
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn instants_are_written_as_chrono_would(milliseconds in -62_135_596_800_000i64..253_402_300_800_000) {
            let time = DateTime::from_timestamp_millis(milliseconds).expect("a time in range");
            prop_assert_eq!(iso(time), time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }
    }
}
