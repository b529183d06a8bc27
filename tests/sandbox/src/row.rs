//! Writes JSON objects field by field. Rows are made again for every answer, so this goes without a tree of values.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Timelike};

/// A JSON object under construction.
#[derive(Debug)]
pub(crate) struct Row {
    text: String,
}

impl Row {
    pub(crate) fn new() -> Self {
        Self { text: String::from("{") }
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        escape(&mut self.text, name);
        self.text.push(':');
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        escape(&mut self.text, value);
    }

    /// Text, or null.
    pub(crate) fn maybe<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) {
        match value.into() {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn null(&mut self, name: &str) {
        self.raw(name, "null");
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// A JSON value as it stands.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.push_str(json);
    }

    /// A number as the API shows most of them: between quotes.
    pub(crate) fn number(&mut self, name: &str, value: impl Into<Option<u64>>) {
        match value.into() {
            Some(value) => {
                self.name(name);
                let _ = write!(self.text, "\"{value}\"");
            }
            None => self.null(name),
        }
    }

    pub(crate) fn plain_number(&mut self, name: &str, value: u64) {
        self.name(name);
        let _ = write!(self.text, "{value}");
    }

    /// A time in milliseconds as ISO text.
    pub(crate) fn time(&mut self, name: &str, millis: impl Into<Option<i64>>) {
        let Some(time) = millis.into().and_then(DateTime::from_timestamp_millis) else { return self.null(name) };
        self.name(name);
        let _ = write!(
            self.text,
            "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\"",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.timestamp_subsec_millis()
        );
    }

    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.text.push('{');
        fill(self);
        self.text.push('}');
    }

    /// An array of finished JSON values.
    pub(crate) fn array(&mut self, name: &str, objects: impl IntoIterator<Item = String>) {
        self.name(name);
        self.text.push('[');
        for (place, object) in objects.into_iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            self.text.push_str(&object);
        }
        self.text.push(']');
    }
}

/// A JSON string of this text.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    escape(&mut quoted, text);
    quoted
}

fn escape(into: &mut String, text: &str) {
    into.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|sign: char| matches!(sign, '"' | '\\') || sign < ' ') {
        into.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => into.push_str("\\\""),
            b'\\' => into.push_str("\\\\"),
            b'\n' => into.push_str("\\n"),
            b'\r' => into.push_str("\\r"),
            b'\t' => into.push_str("\\t"),
            other => {
                let _ = write!(into, "\\u{other:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    into.push_str(rest);
    into.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let hostile = "a \"quote\", a \\ and\na\ttab\u{1}, \u{1f600} and \u{5d0}";
        let mut row = Row::new();
        row.text("id", "1");
        row.maybe("text", hostile);
        row.maybe("nothing", None);
        row.flag("flag", true);
        row.number("count", 7);
        row.plain_number("plain", 8);
        row.time("at", 1_700_000_000_123);
        row.object("inner", |inner| inner.text("name", "x"));
        row.object("empty", |_| ());
        row.array("list", [quoted("a"), quoted("b")]);
        let read: Value = serde_json::from_str(&row.finish()).expect("the row is JSON");
        assert_eq!(
            read,
            json!({"id": "1", "text": hostile, "nothing": null, "flag": true, "count": "7", "plain": 8,
                   "at": "2023-11-14T22:13:20.123Z", "inner": {"name": "x"}, "empty": {}, "list": ["a", "b"]})
        );
    }
}
