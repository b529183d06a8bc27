//! From a record to a typed row. Lenient about how Zoho writes a value, strict about what it is: a record that does not
//! fit becomes a reject and keeps its text. Writing rows is left to `warehouse`.

mod cell;
mod reject;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3;

pub use cell::Cell;
pub use reject::{Reason, Reject};

use crate::record::Record;
use crate::resource::{Kind, Resource};

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
    /// A character was replaced that database text cannot hold.
    pub mended: bool,
}

/// Turns records of one resource into rows.
#[derive(Debug)]
pub struct Mapper {
    resource: &'static Resource,
    /// Which columns are read from a field of the record.
    fields: HashMap<&'static str, Vec<Target>>,
    cursor: usize,
    keep_raw: bool,
    seed: u64,
}

#[derive(Debug)]
struct Target {
    column: usize,
    kind: Kind,
    /// Path below the field; empty for the field itself.
    below: Vec<&'static str>,
}

impl Mapper {
    /// A mapper for `resource`; with `keep_raw`, rows carry the record as received.
    pub fn new(resource: &'static Resource, keep_raw: bool) -> Self {
        let mut fields: HashMap<&'static str, Vec<Target>> = HashMap::new();
        // A row is written again when its columns are defined differently, or `_raw` is switched on or off.
        let mut shape = format!("{keep_raw}");
        for (column, definition) in resource.columns.iter().enumerate() {
            let mut path = definition.pointer.split('/').skip(1);
            let field = path.next().unwrap_or_default();
            let target = Target { column, kind: definition.kind, below: path.collect() };
            fields.entry(field).or_default().push(target);
            shape.push_str(&format!(" {} {} {:?}", definition.name, definition.pointer, definition.kind));
        }
        let seed = xxh3::xxh3_64(shape.as_bytes());
        Self { resource, fields, cursor: resource.cursor().0, keep_raw, seed }
    }

    /// The record as a row, or as a reject that says why it is none.
    pub fn row(&self, record: Record) -> Result<Row, Reject> {
        if reject::nests_too_deep(record.raw()) {
            return Err(Reject::new(Reason::TooDeep, record));
        }
        let mut mended = false;
        let cells = match self.cells(record.raw(), &mut mended) {
            Ok(cells) => cells,
            Err(reason) => return Err(Reject::new(reason, record)),
        };
        let Some(Cell::Text(id)) = cells.first().filter(|id| !id.is_empty_text()).cloned() else {
            return Err(Reject::new(Reason::NoId, record));
        };
        let cursor = match cells.get(self.cursor) {
            Some(Cell::Timestamp(time)) => Some(*time),
            _ => None,
        };
        let hash = xxh3::xxh3_64_with_seed(record.raw().as_bytes(), self.seed).cast_signed();
        let raw = self.keep_raw.then(|| record.raw().clone());
        Ok(Row { id, cursor, cells, raw, hash, mended })
    }

    fn cells(&self, raw: &ByteString, mended: &mut bool) -> Result<Vec<Cell>, Reason> {
        let mut misfit = None;
        let seed = CellsSeed { mapper: self, record: raw, mended, misfit: &mut misfit };
        let cells = seed.deserialize(&mut serde_json::Deserializer::from_str(raw));
        match (cells, misfit) {
            (_, Some(misfit)) => Err(misfit),
            (Ok(cells), None) => Ok(cells),
            (Err(_), None) => Err(Reason::NotAnObject),
        }
    }

    fn read(&self, target: &Target, record: &ByteString, json: &str, mended: &mut bool) -> Result<Cell, Reason> {
        Cell::read(target.kind, record, json, mended)
            .map_err(|misfit| Reason::Misfit { pointer: self.resource.columns[target.column].pointer, misfit })
    }
}

/// Reads the fields that the definition names and passes over the others.
struct CellsSeed<'a> {
    mapper: &'a Mapper,
    /// The text that is being read.
    record: &'a ByteString,
    mended: &'a mut bool,
    misfit: &'a mut Option<Reason>,
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
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let Some(targets) = self.mapper.fields.get(name.as_ref()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let json = map.next_value::<&RawValue>()?.get();
            for target in targets {
                let Some(json) = below(json, &target.below) else { continue };
                match self.mapper.read(target, self.record, json, self.mended) {
                    Ok(cell) => cells[target.column] = cell,
                    Err(reason) => *self.misfit = Some(reason),
                }
            }
        }
        Ok(cells)
    }
}

/// The value at a path inside a JSON object; nothing where the path leads nowhere.
fn below<'a>(mut json: &'a str, path: &[&str]) -> Option<&'a str> {
    for name in path {
        let object: HashMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(json).ok()?;
        json = object.get(*name)?.get();
    }
    Some(json)
}

#[cfg(test)]
mod tests {
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
}
