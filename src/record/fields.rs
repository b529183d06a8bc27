//! The fields of one JSON object that Zoho sent, read one by one: one that holds half an emoji costs neither the others nor
//! the object. What an object is worth without a field is left to the caller.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::read::{self, Misfit};

/// The fields of an object by their names, each as the text that was received.
#[derive(Debug, Default)]
pub struct Fields<'a>(BTreeMap<Cow<'a, str>, &'a str>);

impl<'a> Fields<'a> {
    /// The fields of this JSON text; `None` where it is no object, of which nothing is known then.
    pub fn of(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// A field's JSON; null where it is missing.
    pub fn json(&self, name: &str) -> &'a str {
        self.0.get(name).copied().unwrap_or("null")
    }

    /// Whether there is a field of this name, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Names and JSON of all fields, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, json)| (name.as_ref(), *json))
    }

    /// Text, or a number as it is written. `None` for what is empty, null, or made of parts.
    pub fn text(&self, name: &str) -> Option<String> {
        text(self.json(name))
    }

    /// Whether a flag is set; one that is missing or null is not.
    pub fn flag(&self, name: &str) -> Result<bool, Misfit> {
        Ok(read::boolean(self.json(name))?.unwrap_or(false))
    }

    /// An instant; `None` where it is missing or null.
    pub fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Misfit> {
        read::timestamp(self.json(name))
    }

    /// The fields of a field that is an object.
    pub fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.json(name))
    }

    /// The values of a field that is an array, each as the text that was received.
    pub fn list(&self, name: &str) -> Option<Vec<&'a str>> {
        let values: Vec<&RawValue> = serde_json::from_str(self.json(name)).ok()?;
        Some(values.into_iter().map(RawValue::get).collect())
    }
}

/// One value as text; see [`Fields::text`].
pub fn text(json: &str) -> Option<String> {
    if json.starts_with(['{', '[']) {
        return None;
    }
    read::text(json, &mut false).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(Name(name)) = map.next_key()? {
                    fields.0.insert(name, map.next_value::<&RawValue>()?.get());
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(All)
    }
}

/// The name of a field, whatever it is made of: where a name is asked for as text, half an emoji in it ends the object.
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(read::text(json, &mut false).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_emoji_costs_neither_the_other_fields_nor_its_own() {
        let json = r#"{"id":7,"na\ud83dme":"x","subject":"a\ud83d","nul":"\u0000","in":{"id":"8","\udc00":1},"at":"2026-01-02T03:04:05.000Z"}"#;
        let fields = Fields::of(json).expect("an object");
        assert_eq!(fields.text("id").as_deref(), Some("7"));
        assert_eq!(fields.text("subject").as_deref(), Some("a\u{fffd}"));
        assert_eq!(fields.text("nul").as_deref(), Some("\u{fffd}"));
        assert_eq!(fields.text("na\u{fffd}me").as_deref(), Some("x"));
        assert_eq!(fields.object("in").and_then(|inner| inner.text("id")).as_deref(), Some("8"));
        assert_eq!(fields.time("at").map(|time| time.map(|time| time.timestamp())), Ok(Some(1_767_323_045)));
        assert_eq!((fields.text("in"), fields.text("none")), (None, None));
    }

    #[test]
    fn flags_come_in_more_than_one_form_and_one_that_cannot_be_read_is_not_taken_for_unset() {
        let fields = Fields::of(r#"{"a":true,"b":"TRUE","c":1,"d":false,"e":null,"f":"maybe"}"#).expect("an object");
        for set in ["a", "b", "c"] {
            assert_eq!(fields.flag(set), Ok(true), "{set}");
        }
        for unset in ["d", "e", "none"] {
            assert_eq!(fields.flag(unset), Ok(false), "{unset}");
        }
        assert!(fields.flag("f").is_err());
    }

    #[test]
    fn what_is_no_object_has_no_fields_to_be_empty() {
        for json in ["null", "[]", "7", "\"x\"", "", "<html>", "{\"id\":"] {
            assert!(Fields::of(json).is_none(), "{json}");
        }
        assert_eq!(
            Fields::of(r#"{"a":["\ud800",{"b":1}]}"#).and_then(|fields| fields.list("a")).map(|list| list.len()),
            Some(2)
        );
    }
}
