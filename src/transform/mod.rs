//! From a record to a typed row. Lenient about how Zoho writes a value, strict about what it is: a cell that cannot be read
//! is null and told of beside the row; a record of which the key or the time of its change cannot be read becomes a reject
//! and keeps its text. Writing rows is left to `warehouse`.

mod cell;
mod reject;
mod row;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3;

pub use cell::Cell;
use reject::MOST_ID;
pub use reject::{Reason, Reject, Unread};
pub use row::{Details, Row};

use crate::record::Record;
use crate::record::read::{Misfit, Name};
use crate::resource::{Kind, Resource};

/// Turns records of one resource into rows.
#[derive(Debug)]
pub struct Mapper {
    resource: &'static Resource,
    /// Which columns are read from a field of the record.
    fields: HashMap<&'static str, Vec<Target>>,
    /// Columns that are read from a parameter of the request.
    given: Vec<(usize, &'static str)>,
    cursor: Option<usize>,
    keep_raw: bool,
    seed: u64,
}

#[derive(Debug)]
struct Target {
    column: usize,
    kind: Kind,
    /// It holds keys of another table, by which an index finds it.
    is_key: bool,
    /// Path below the field; empty for the field itself.
    below: Vec<&'static str>,
}

impl Target {
    /// The cell, unless it is a key of another table and longer than one can be.
    fn fitting(&self, cell: Cell, json: &str) -> Result<Cell, Misfit> {
        match &cell {
            Cell::Text(id) if self.is_key && id.len() > MOST_ID => Err(Misfit::new("an id", json)),
            _ => Ok(cell),
        }
    }
}

impl Mapper {
    /// A mapper for `resource`; with `keep_raw`, rows carry the record as received.
    pub fn new(resource: &'static Resource, keep_raw: bool) -> Self {
        Self::of_shape(resource, keep_raw, format!("{keep_raw}"))
    }

    /// A mapper for rows that are completed by the record read alone.
    pub fn with_details(resource: &'static Resource, keep_raw: bool) -> Self {
        Self::of_shape(resource, keep_raw, format!("{keep_raw} with details"))
    }

    fn of_shape(resource: &'static Resource, keep_raw: bool, mut shape: String) -> Self {
        let mut fields: HashMap<&'static str, Vec<Target>> = HashMap::new();
        // A row is written again when its columns are defined differently, or `_raw` is switched on or off.
        let mut given = Vec::new();
        for (column, definition) in resource.columns.iter().enumerate() {
            if let Some(parameter) = definition.pointer.strip_prefix('?') {
                given.push((column, parameter));
                continue;
            }
            let mut path = definition.pointer.split('/').skip(1);
            let field = path.next().unwrap_or_default();
            let (kind, is_key) = (definition.kind, definition.refers.is_some());
            let target = Target { column, kind, is_key, below: path.collect() };
            fields.entry(field).or_default().push(target);
            shape.push_str(&format!(" {} {} {:?}", definition.name, definition.pointer, definition.kind));
        }
        let seed = xxh3::xxh3_64(shape.as_bytes());
        Self { resource, fields, given, cursor: resource.cursor().map(|(index, _)| index), keep_raw, seed }
    }

    /// The record as a row, or as a reject that says why it is none.
    pub fn row(&self, record: Record) -> Result<Row, Reject> {
        self.row_of(record, None)
    }

    /// The same for a record of a list that was asked for with the parameter `given`.
    pub fn row_of(&self, record: Record, given: Option<(&str, &str)>) -> Result<Row, Reject> {
        if reject::nests_too_deep(record.raw()) {
            return Err(Reject::new(Reason::TooDeep, record));
        }
        let (mut mended, mut is_trashed) = (false, false);
        let (mut cells, misfits) = match self.cells(record.raw(), &mut mended, &mut is_trashed) {
            Ok(read) => read,
            Err(reason) => return Err(Reject::new(reason, record)),
        };
        // Without its time nobody knows which of two versions is the newer one.
        let (decisive, unread): (Vec<_>, Vec<_>) =
            misfits.into_iter().partition(|(column, ..)| Some(*column) == self.cursor);
        if let Some((column, misfit, _)) = decisive.into_iter().next() {
            let pointer = self.resource.columns[column].pointer;
            return Err(Reject::new(Reason::Misfit { pointer, misfit }, record));
        }
        let unread = unread.into_iter().map(|(column, misfit, value)| {
            let definition = &self.resource.columns[column];
            Unread::new(definition.name, format!("field `{}` {misfit}", definition.pointer), &value)
        });
        let unread = unread.collect();
        for (column, parameter) in &self.given {
            if let Some((_, value)) = given.filter(|(name, _)| name == parameter) {
                cells[*column] = Cell::Text(ByteString::from(value));
            }
        }
        let Some(Cell::Text(id)) = cells.first().filter(|id| !id.is_empty_text()).cloned() else {
            return Err(Reject::new(Reason::NoId, record));
        };
        if id.len() > MOST_ID {
            return Err(Reject::new(Reason::LongId, record));
        }
        let cursor = match self.cursor.and_then(|index| cells.get(index)) {
            Some(Cell::Timestamp(time)) => Some(*time),
            _ => None,
        };
        let hash = self.fingerprint(&record);
        let raw = self.keep_raw.then(|| record.raw().clone());
        let details = Details::Unasked;
        Ok(Row { id, cursor, cells, raw, hash, unread, mended, is_trashed, details, tombstone: None })
    }

    /// The fingerprint of a record's row.
    pub fn fingerprint(&self, record: &Record) -> i64 {
        self.fingerprint_at(record, None)
    }

    /// The same for a record that is known to have changed at that time, where the record does not tell it.
    pub fn fingerprint_at(&self, record: &Record, time: Option<DateTime<Utc>>) -> i64 {
        let time = time.map_or(0, |time| time.timestamp_millis().cast_unsigned());
        xxh3::xxh3_64_with_seed(record.raw().as_bytes(), self.seed.wrapping_add(time)).cast_signed()
    }

    /// The record, completed by the same one read alone. The fingerprint stays that of the record as the search or the
    /// list shows it, so that it can be told from the next page whether anything has changed.
    pub fn completed(&self, record: Record, detail: &Record) -> Result<Row, Reject> {
        self.completed_at(record, detail, None)
    }

    /// The same for a record that is known to have changed at that time.
    pub fn completed_at(&self, record: Record, detail: &Record, time: Option<DateTime<Utc>>) -> Result<Row, Reject> {
        let hash = self.fingerprint_at(&record, time);
        let whole = record.completed_by(detail).unwrap_or(record);
        Ok(Row { hash, details: Details::Had, ..self.row(whole)? })
    }

    /// The record without the details that were asked for, and why they were not had. Its fingerprint is another one than
    /// if it were completed, so that it is not taken for that.
    pub fn owing(&self, record: Record, reason: &str) -> Result<Row, Reject> {
        let row = self.row(record)?;
        Ok(Row { hash: !row.hash, details: Details::Owed(reason.to_owned()), ..row })
    }

    fn cells(
        &self,
        raw: &ByteString,
        mended: &mut bool,
        is_trashed: &mut bool,
    ) -> Result<(Vec<Cell>, Misfits), Reason> {
        let mut misfits = Vec::new();
        let seed = CellsSeed { mapper: self, record: raw, mended, is_trashed, misfits: &mut misfits };
        match seed.deserialize(&mut serde_json::Deserializer::from_str(raw)) {
            Ok(cells) => Ok((cells, misfits)),
            Err(_) => Err(Reason::NotAnObject),
        }
    }
}

/// Values that cannot be read as what their columns hold: column, what is wrong, and the JSON text.
type Misfits = Vec<(usize, Misfit, String)>;

/// Reads the fields that the definition names and passes over the others.
struct CellsSeed<'a> {
    mapper: &'a Mapper,
    /// The text that is being read.
    record: &'a ByteString,
    mended: &'a mut bool,
    is_trashed: &'a mut bool,
    misfits: &'a mut Misfits,
}

impl<'de> DeserializeSeed<'de> for CellsSeed<'_> {
    type Value = Vec<Cell>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Cell>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for CellsSeed<'_> {
    type Value = Vec<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Cell>, A::Error> {
        let mut cells = vec![Cell::Null; self.mapper.resource.columns.len()];
        while let Some(Name(name)) = map.next_key()? {
            // Flags of single records; whether a list ever shows a record that has one set, Zoho does not say.
            let is_flag = matches!(name.as_ref(), "isTrashed" | "isDeleted");
            let targets = self.mapper.fields.get(name.as_ref());
            if targets.is_none() && !is_flag {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let json = map.next_value::<&RawValue>()?.get();
            *self.is_trashed |= is_flag && matches!(json, "true" | "\"true\"");
            for target in targets.into_iter().flatten() {
                let Some(json) = below(json, &target.below) else { continue };
                // A name may come twice, and the later value counts.
                self.misfits.retain(|(column, ..)| *column != target.column);
                let cell = Cell::read(target.kind, self.record, json, self.mended);
                cells[target.column] = match cell.and_then(|cell| target.fitting(cell, json)) {
                    Ok(cell) => cell,
                    Err(misfit) => {
                        self.misfits.push((target.column, misfit, json.to_owned()));
                        Cell::Null
                    }
                };
            }
        }
        Ok(cells)
    }
}

/// The value at a path inside a JSON object; nothing where the path leads nowhere.
fn below<'a>(mut json: &'a str, path: &[&str]) -> Option<&'a str> {
    for name in path {
        let object: HashMap<Name<'a>, &'a RawValue> = serde_json::from_str(json).ok()?;
        json = object.get(&Name(Cow::Borrowed(*name)))?.get();
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resource;

    fn tickets() -> Mapper {
        Mapper::new(resource::find("tickets").expect("a resource"), true)
    }

    fn record(json: &str) -> Record {
        Record::new(RawValue::from_string(json.to_owned()).expect("valid JSON"))
    }

    fn cell<'a>(row: &'a Row, name: &str) -> &'a Cell {
        let columns = resource::find("tickets").expect("a resource").columns;
        &row.cells[columns.iter().position(|column| column.name == name).expect("a column")]
    }

    #[test]
    fn fields_become_cells_of_their_kind_wherever_they_stand() {
        let json = r#"{"cf":{"cf_a":[1,"x"]},"threadCount":"12","lastThread":{"channel":"Email","direction":"in"},
            "isSpam":"false","id":4000000000123456789,"modifiedTime":1767323045117,"newField":{}}"#;
        let row = tickets().row(record(json)).expect("a row");
        assert_eq!(row.id, "4000000000123456789");
        assert_eq!(cell(&row, "thread_count"), &Cell::Integer(12));
        assert_eq!(cell(&row, "is_spam"), &Cell::Boolean(false));
        assert_eq!(cell(&row, "last_thread_channel"), &Cell::Text("Email".into()));
        assert_eq!(cell(&row, "custom_fields"), &Cell::Json(r#"{"cf_a":[1,"x"]}"#.into()));
        assert_eq!(cell(&row, "subject"), &Cell::Null);
        assert_eq!(row.cursor, DateTime::from_timestamp_millis(1_767_323_045_117));
        assert_eq!(row.raw.as_deref(), Some(json));
    }

    #[test]
    fn a_record_that_does_not_fit_says_where_and_keeps_its_text() {
        let json = r#"{"id":"7","modifiedTime":"yesterday"}"#;
        let reject = tickets().row(record(json)).expect_err("a reject");
        assert_eq!(reject.id, "7");
        assert_eq!(&*reject.raw, json);
        assert_eq!(reject.reason.to_string(), "field `/modifiedTime` should be a timestamp, but is \"yesterday\"");
    }

    #[test]
    fn a_cell_that_cannot_be_read_costs_itself_only() {
        let json = r#"{"id":"7","subject":"x","modifiedTime":"2026-01-02T03:04:05.000Z","threadCount":"many",
            "dueDate":"20224-03-01T00:00:00.000Z","isSpam":[],"cf":{"cf_a":1e400000},"\ud800":1,"status":"Open"}"#;
        let json = json.replace("\"status\"", &format!("\"contactId\":\"{}\",\"status\"", "7".repeat(10_000)));
        let row = tickets().row(record(&json)).expect("a row");
        assert_eq!(cell(&row, "subject"), &Cell::Text("x".into()));
        assert_eq!(cell(&row, "status"), &Cell::Text("Open".into()));
        assert_eq!(cell(&row, "due_date"), &Cell::Null);
        let told: Vec<_> = row.unread.iter().map(|unread| (unread.column, unread.value.as_str())).collect();
        let long = format!("\"{}…", "7".repeat(999));
        let expected = [
            ("thread_count", "\"many\""),
            ("due_date", "\"20224-03-01T00:00:00.000Z\""),
            ("is_spam", "[]"),
            ("custom_fields", r#"{"cf_a":1e400000}"#),
            ("contact_id", &*long),
        ];
        assert_eq!(told, expected);
        assert_eq!(row.unread[0].reason, "field `/threadCount` should be an integer, but is \"many\"");
        // The later one of two values counts, whatever the first was.
        let twice = tickets().row(record(r#"{"id":"7","threadCount":"many","threadCount":3}"#)).expect("a row");
        assert_eq!((twice.unread.len(), cell(&twice, "thread_count")), (0, &Cell::Integer(3)));
    }

    #[test]
    fn a_key_that_no_index_takes_is_no_key() {
        let json = format!(r#"{{"id":"{}"}}"#, "é7".repeat(5_000));
        let reject = tickets().row(record(&json)).expect_err("a reject");
        assert_eq!(reject.reason, Reason::LongId);
        assert!(reject.id.len() < MOST_ID && !reject.is_nameless(), "{}", reject.id);
    }

    #[test]
    fn what_has_no_id_or_is_no_object_is_rejected_under_a_name_of_its_own() {
        for json in [r#"{"id":null}"#, r#"{"id":""}"#, r#"{"subject":"x"}"#, "[1]", "7", "null"] {
            let reject = tickets().row(record(json)).expect_err("a reject");
            assert!(reject.id.starts_with("unnamed-"), "{json}: {}", reject.id);
        }
    }

    #[test]
    fn the_fingerprint_follows_the_record_and_the_way_it_is_typed() {
        let hash = |keep_raw, json| {
            let mapper = Mapper::new(resource::find("tickets").expect("a resource"), keep_raw);
            mapper.row(record(json)).expect("a row").hash
        };
        let json = r#"{"id":"7","subject":"a"}"#;
        assert_eq!(hash(true, json), hash(true, json));
        assert_ne!(hash(true, json), hash(false, json));
        assert_ne!(hash(true, json), hash(true, r#"{"id":"7","subject":"b"}"#));
    }

    #[test]
    fn a_lone_surrogate_costs_a_character_and_not_the_record() {
        let row = tickets().row(record(r#"{"id":"7","subject":"a\ud800b","cf":{"x":"\u0000"}}"#)).expect("a row");
        assert_eq!(cell(&row, "subject"), &Cell::Text("a\u{fffd}b".into()));
        assert_eq!(cell(&row, "custom_fields"), &Cell::Json("{\"x\":\"\u{fffd}\"}".into()));
        assert!(row.mended);
    }

    /// Any JSON, as deep as a few levels.
    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
            "[0-9T:.Z-]{0,30}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map("[a-zA-Z_]{1,12}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Any values in any fields become a whole row or a reject that says why.
        #[test]
        fn any_record_is_a_row_or_a_reject(
            place in 0..resource::ALL.len(), id in 1u64.., values in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..12),
        ) {
            let resource = resource::ALL[place];
            let mut object = serde_json::Map::new();
            for (index, value) in values {
                let pointer = resource.columns[index.index(resource.columns.len())].pointer;
                let field = pointer.split('/').nth(1).unwrap_or("unknown");
                object.insert(field.to_owned(), value);
            }
            object.insert(resource.key_field().to_owned(), id.to_string().into());
            let json = serde_json::Value::Object(object).to_string();
            let record = Record::with_keys(RawValue::from_string(json).expect("JSON"), resource.key_field(), resource.time_field());
            match Mapper::new(resource, true).row(record) {
                Ok(row) => {
                    prop_assert_eq!(row.cells.len(), resource.columns.len());
                    prop_assert_eq!(row.id, id.to_string());
                }
                Err(reject) => prop_assert!(!reject.reason.to_string().is_empty()),
            }
        }
    }
}
