//! What fits no row: whole records, and single cells of those that do. They are kept with their reason; what they mean for
//! a run is left to `sync`.

use bytestring::ByteString;
use xxhash_rust::xxh3;

use super::Row;
use crate::record::Record;
use crate::record::read::Misfit;
use crate::resource::Resource;

/// Levels of nesting that SQLite's JSON functions read; Postgres gives up some thousands of levels later, and with it
/// the whole batch.
pub(super) const MOST_NESTING: usize = 1_000;

/// Bytes of the longest key: Zoho's have 18 digits, and an index of Postgres takes 2,704 bytes for all that it holds.
pub(super) const MOST_ID: usize = 1_000;

/// Characters that are kept of a value that cannot be read.
const MOST_VALUE: usize = 1_000;

/// A value that is null in its row, because it is not what its column holds, or because the database refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Column that it belongs into.
    pub column: &'static str,
    /// Why it is not there.
    pub reason: String,
    /// The value as JSON, or the start of one that is long.
    pub value: String,
}

impl Unread {
    /// A value, as JSON, that is not in its row for a reason.
    pub fn new(column: &'static str, reason: String, value: &str) -> Self {
        let mut kept: String = value.chars().take(MOST_VALUE).collect();
        if kept.len() < value.len() {
            kept.push('…');
        }
        Self { column, reason, value: kept }
    }
}

/// A record that fits no row.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Zoho's id, or a name made from the text where there is none.
    pub id: String,
    /// Why.
    pub reason: Reason,
    /// The record as received.
    pub raw: ByteString,
}

/// Why a record fits no row. Its text repeats the one value that does not fit, so it belongs into the warehouse and not
/// into a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The record is no JSON object.
    #[error("the record is not an object")]
    NotAnObject,
    /// The record nests deeper than databases read JSON. Its text is kept as one JSON string.
    #[error("the record nests deeper than {MOST_NESTING} levels")]
    TooDeep,
    /// The record has no key.
    #[error("the record has no id")]
    NoId,
    /// The record's key is longer than a key of a table can be.
    #[error("the record's id is longer than {MOST_ID} bytes")]
    LongId,
    /// The database refuses each row that could be made of the record.
    #[error("the database refuses it (code {0})")]
    Refused(String),
    /// A field without which nothing can be said of the record is not what its column says.
    #[error("field `{pointer}` {misfit}")]
    Misfit {
        /// JSON pointer of the field.
        pointer: &'static str,
        /// What was expected and found.
        misfit: Misfit,
    },
}

impl Reject {
    pub(super) fn new(reason: Reason, record: Record) -> Self {
        let sum = |text: &str| xxh3::xxh3_64(text.as_bytes());
        let id = match record.keys().id.clone().filter(|id| !id.trim().is_empty()) {
            None => format!("unnamed-{:016x}", sum(record.raw())),
            // It is a key of the table of rejects as well.
            Some(id) if id.len() > MOST_ID => {
                format!("{}…{:016x}", id.chars().take(100).collect::<String>(), sum(&id))
            }
            Some(id) => id,
        };
        let raw = match reason {
            Reason::TooDeep => serde_json::Value::from(&**record.raw()).to_string().into(),
            _ => record.raw().clone(),
        };
        Self { id, reason, raw }
    }

    /// A row that the database refuses whatever is left out of it.
    pub fn refused(resource: &Resource, row: &Row, code: String) -> Self {
        let cells = || resource.columns.iter().zip(&row.cells);
        let json = || cells().map(|(column, cell)| format!("\"{}\":{}", column.name, cell.json())).collect::<Vec<_>>();
        let raw = row.raw.clone().unwrap_or_else(|| format!("{{{}}}", json().join(",")).into());
        Self { id: row.id.to_string(), reason: Reason::Refused(code), raw }
    }

    /// Whether the record does not tell which one it is.
    pub fn is_nameless(&self) -> bool {
        self.id.starts_with("unnamed-")
    }
}

/// Whether JSON nests too deep to be kept as JSON.
pub(super) fn nests_too_deep(json: &str) -> bool {
    // No text nests deeper than it has brackets, and counting those is next to nothing for every other record.
    json.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MOST_NESTING && depth(json) > MOST_NESTING
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_text_only() {
        assert_eq!(depth(r#"{"a":[[1],{"b":"[[[[\"[["}]}"#), 3);
        let many = "[],".repeat(MOST_NESTING + 1);
        assert!(!nests_too_deep(&format!("[{many}1]")));
        assert!(nests_too_deep(&"[".repeat(MOST_NESTING + 1)));
    }
}
