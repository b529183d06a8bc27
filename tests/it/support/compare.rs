//! Whether a warehouse holds what a portal holds, field by field. The expectation is made here from the portal's own
//! records, with none of the readers that are under test.

use std::collections::BTreeSet;

use chrono::DateTime;
use deskhouse::resource::{self, Feed, Kind};
use serde_json::Value;

use super::{Database, Portal};

/// Resources whose tables are compared.
pub(crate) const ALL: [&str; 8] =
    ["accounts", "contacts", "products", "tickets", "tasks", "calls", "events", "articles"];

/// Resources beside these whose records come, change and go, without being asked for by their time of change.
pub(crate) const BESIDE: [&str; 3] = ["contracts", "article_translations", "article_feedback"];

/// Holds the tables of all of these to the portal: the same keys, and every field of every record.
pub(crate) async fn assert_same(portal: &Portal, database: &Database) {
    for resource in ALL {
        let (missing, surplus) = assert_fields(portal, database, resource).await;
        assert!(
            missing.is_empty(),
            "{resource}: {} records are missing, {:?} among them",
            missing.len(),
            missing.first()
        );
        assert!(
            surplus.is_empty(),
            "{resource}: {} rows are too many, {:?} among them",
            surplus.len(),
            surplus.first()
        );
    }
}

/// Compares the fields of the records that are on both sides; gives the keys that only the portal and only the database
/// has.
pub(crate) async fn assert_fields(portal: &Portal, database: &Database, name: &str) -> (Vec<String>, Vec<String>) {
    let definition = resource::find(name).expect("a resource");
    let mut rows = database.rows(definition).await;
    let mut missing = Vec::new();
    let records = match definition.feed {
        Feed::Children => portal.sandbox.translations(),
        Feed::Search { .. } | Feed::Filtered { .. } if ALL.contains(&name) => portal.sandbox.records(name),
        _ => portal.sandbox.list(definition.path.trim_start_matches('/')),
    };
    let key = definition.columns[0].pointer;
    for record in records {
        let id = record.pointer(key).and_then(Value::as_str).expect("an id").to_owned();
        let Some(row) = rows.remove(&id) else {
            missing.push(id);
            continue;
        };
        for column in definition.columns.iter().filter(|column| column.pointer.starts_with('/')) {
            let expected = record.pointer(column.pointer).and_then(|value| canonical(column.kind, value));
            let found = row[column.name].as_deref();
            let same = match (&expected, found) {
                (Some(expected), Some(found)) if column.kind == Kind::Json => parsed(expected) == parsed(found),
                (expected, found) => expected.as_deref() == found,
            };
            assert!(same, "{name} {id}: {} should be {expected:?}, but is {found:?}", column.name);
        }
        if let Some(parent) = definition.part() {
            assert_eq!(row[parent.name].as_deref(), record["id"].as_str(), "{name} {id}: whose part it is");
        }
        let raw = row["_raw"].as_deref().expect("the record as received");
        assert_eq!(parsed(raw), record, "{name} {id}: _raw");
    }
    (missing, rows.into_keys().collect::<BTreeSet<_>>().into_iter().collect())
}

/// The text that both engines give for a value of this kind.
fn canonical(kind: Kind, value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match kind {
        Kind::Text => Some(text),
        Kind::Json => Some(value.to_string()),
        _ if text.is_empty() => None,
        Kind::Boolean => Some(if text == "true" { "1" } else { "0" }.to_owned()),
        Kind::Timestamp => {
            let time = DateTime::parse_from_rfc3339(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            Some(time.to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        }
        Kind::Integer | Kind::Real | Kind::Date => Some(text),
    }
}

fn parsed(json: &str) -> Value {
    // Half an emoji, which no reader of values takes: the look-alike writes no whole one as an escape.
    let whole = json.replace("\\ud83d", "\u{fffd}");
    serde_json::from_str(&whole).unwrap_or_else(|error| panic!("{error} in {json}"))
}
