//! One record as Zoho sent it: its text, and the few keys that paging needs before anything else is known of it.
//! Typing the whole record is left to `transform`, which uses the same readers.

pub mod read;

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

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
    /// `modifiedTime`.
    pub modified: Option<DateTime<Utc>>,
    /// `createdTime`.
    pub created: Option<DateTime<Utc>>,
}

impl Record {
    /// Takes the text of one JSON value. A value that is no object has no keys.
    pub fn new(raw: Box<RawValue>) -> Self {
        let raw = ByteString::from(String::from(Box::<str>::from(raw)));
        let keys = serde_json::Deserializer::from_str(&raw);
        let keys = { KeysSeed }.deserialize(&mut { keys }).unwrap_or_default();
        Self { raw, keys }
    }

    /// The text as received. What is cut out of it shares its memory.
    pub fn raw(&self) -> &ByteString {
        &self.raw
    }

    /// The keys that paging needs.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}

struct KeysSeed;

impl<'de> DeserializeSeed<'de> for KeysSeed {
    type Value = Keys;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Keys, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for KeysSeed {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Keys::default();
        let mut mended = false;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "id" => {
                    let id = read::text(map.next_value::<&RawValue>()?.get(), &mut mended);
                    keys.id = id.map(Cow::into_owned);
                }
                "modifiedTime" => {
                    keys.modified = read::timestamp(map.next_value::<&RawValue>()?.get()).unwrap_or_default();
                }
                "createdTime" => {
                    keys.created = read::timestamp(map.next_value::<&RawValue>()?.get()).unwrap_or_default();
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
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
        let read = keys(r#"{"a":{"id":"x"},"id":7,"modifiedTime":"2026-01-02T03:04:05.000Z","cf":{"é\ud800":1}}"#);
        assert_eq!(read.id.as_deref(), Some("7"));
        assert_eq!(read.modified.map(|time| time.timestamp()), Some(1_767_323_045));
        assert_eq!(read.created, None);
    }

    #[test]
    fn a_value_that_is_no_object_has_no_keys() {
        assert_eq!(keys("[1,2]"), Keys::default());
    }
}
