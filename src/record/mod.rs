//! One record as Zoho sent it: its text, and the few keys that paging needs before anything else is known of it.
//! Typing the whole record is left to `transform`, which uses the same readers.

mod fields;
pub mod read;

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use fields::Name;
pub use fields::{Fields, text};

/// One JSON value of a page, kept as the text that was received.
#[derive(Debug, Clone)]
pub struct Record {
    raw: ByteString,
    keys: Keys,
}

/// What paging needs to know of a record. Every part may be missing: a portal's profile can hide a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Zoho's id.
    pub id: Option<String>,
    /// When it last changed: `modifiedTime`, or what its resource has in its place.
    pub modified: Option<DateTime<Utc>>,
    /// `createdTime`.
    pub created: Option<DateTime<Utc>>,
}

impl Record {
    /// Takes the text of one JSON value, whose keys have their usual names. A value that is no object has no keys.
    pub fn new(raw: Box<RawValue>) -> Self {
        Self::with_keys(raw, "id", "modifiedTime")
    }

    /// The same where the keys are in other fields.
    pub fn with_keys(raw: Box<RawValue>, id: &str, modified: &str) -> Self {
        let raw = ByteString::from(String::from(Box::<str>::from(raw)));
        let mut json = serde_json::Deserializer::from_str(&raw);
        let keys = KeysSeed { id, modified }.deserialize(&mut json).unwrap_or_default();
        Self { raw, keys }
    }

    /// The text as received. What is cut out of it shares its memory.
    pub fn raw(&self) -> &ByteString {
        &self.raw
    }

    /// This record with the fields of another reading of it that it lacks. What both have stays as it is here. Gives
    /// nothing where one of them is no object.
    pub fn completed_by(&self, other: &Self) -> Option<Self> {
        let (own, others) = (self.fields()?, other.fields()?);
        let body = self.raw.trim_end().strip_suffix('}')?;
        let mut text = body.trim_end().to_owned();
        for (name, value) in others.iter().filter(|(name, _)| !own.has(name)) {
            if !text.ends_with('{') {
                text.push(',');
            }
            text.push_str(&format!("{}:{}", serde_json::to_string(name).ok()?, value));
        }
        text.push('}');
        Some(Self { raw: text.into(), keys: self.keys.clone() })
    }

    /// Its fields; `None` where it is no object.
    pub fn fields(&self) -> Option<Fields<'_>> {
        Fields::of(&self.raw)
    }

    /// The keys that paging needs.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}

/// Names of the fields that hold the keys.
struct KeysSeed<'a> {
    id: &'a str,
    modified: &'a str,
}

impl<'de> DeserializeSeed<'de> for KeysSeed<'_> {
    type Value = Keys;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Keys, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for KeysSeed<'_> {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Keys::default();
        let mut mended = false;
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            let (is_modified, is_created) = (name == self.modified, name == "createdTime");
            if name == self.id {
                let id = read::text(map.next_value::<&RawValue>()?.get(), &mut mended);
                keys.id = id.map(Cow::into_owned);
            } else if is_modified || is_created {
                let time = read::timestamp(map.next_value::<&RawValue>()?.get()).unwrap_or_default();
                keys.modified = if is_modified { time } else { keys.modified };
                keys.created = if is_created { time } else { keys.created };
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(json: &str) -> Keys {
        Record::new(RawValue::from_string(json.to_owned()).expect("valid JSON")).keys
    }

    #[test]
    fn keys_are_read_whatever_stands_around_them() {
        let read =
            keys(r#"{"a":{"id":"x"},"id":7,"modifiedTime":"2026-01-02T03:04:05.000Z","cf":{"é\ud800":1},"\ud800":2}"#);
        assert_eq!(read.id.as_deref(), Some("7"));
        assert_eq!(read.modified.map(|time| time.timestamp()), Some(1_767_323_045));
        assert_eq!(read.created, None);
    }

    #[test]
    fn keys_may_have_other_names() {
        let json = r#"{"id":"1","translationId":"2","createdTime":"2026-01-02T03:04:05.000Z"}"#;
        let raw = RawValue::from_string(json.to_owned()).expect("valid JSON");
        let read = Record::with_keys(raw, "translationId", "createdTime").keys;
        assert_eq!(read.id.as_deref(), Some("2"));
        assert_eq!((read.modified, read.created), (read.created, read.modified));
        assert!(read.created.is_some());
    }

    #[test]
    fn a_record_takes_from_another_reading_what_it_lacks() {
        let record = |json: &str| Record::new(RawValue::from_string(json.to_owned()).expect("valid JSON"));
        let completed =
            |one: &str, other: &str| record(one).completed_by(&record(other)).map(|both| both.raw.to_string());
        let row = r#"{"id":"7","subject":null,"cf":{"a":1} } "#;
        let alone = r#"{"id":"7","subject":"x","tags":["é"],"cf":{"a":2},"answer":"}"}"#;
        let both = r#"{"id":"7","subject":null,"cf":{"a":1},"answer":"}","tags":["é"]}"#;
        assert_eq!(completed(row, alone).as_deref(), Some(both));
        assert_eq!(completed("{}", r#"{"a":1}"#).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(completed("[]", "{}"), None);
        assert_eq!(completed("{}", "7"), None);
    }

    #[test]
    fn a_value_that_is_no_object_has_no_keys() {
        assert_eq!(keys("[1,2]"), Keys::default());
    }
}
