//! Records that fit no row. They are kept with their reason; how many a run tolerates is left to `sync`.

use xxhash_rust::xxh3;

use crate::record::Record;
use crate::record::read::Misfit;

/// A record that fits no row.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Zoho's id, or a name made from the text where there is none.
    pub id: String,
    /// Why.
    pub reason: Reason,
    /// The record as received.
    pub raw: Box<str>,
}

/// Why a record fits no row. Its text repeats the one value that does not fit, so it belongs into the warehouse and not
/// into a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The record is no JSON object.
    #[error("the record is not an object")]
    NotAnObject,
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
        Self { id, reason, raw: record.into_raw() }
    }
}
