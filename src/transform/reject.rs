//! Records that fit no row. They are kept with their reason; how many a run tolerates is left to `sync`.

use bytestring::ByteString;
use xxhash_rust::xxh3;

use crate::record::Record;
use crate::record::read::Misfit;

/// Levels of nesting that SQLite's JSON functions read; Postgres gives up some thousands of levels later, and with it
/// the whole batch.
pub(super) const MOST_NESTING: usize = 1_000;

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
    /// A field is not what its column says.
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
        let id = record.keys().id.clone().filter(|id| !id.trim().is_empty());
        let id = id.unwrap_or_else(|| format!("unnamed-{:016x}", xxh3::xxh3_64(record.raw().as_bytes())));
        let raw = match reason {
            Reason::TooDeep => serde_json::Value::from(&**record.raw()).to_string().into(),
            _ => record.raw().clone(),
        };
        Self { id, reason, raw }
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
