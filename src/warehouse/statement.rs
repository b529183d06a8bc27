//! The text of statements about resource tables. One text for every database, in the words that [`super::dialect`]
//! spells: `{name}` is a table, `?` a value.

use crate::resource::Resource;

/// Our own columns, behind those of the definition.
pub(super) const OWN: [&str; 8] =
    ["_raw", "_hash", "_synced_at", "_deleted_at", "_run_id", "_deleted_by", "_deleted_reason", "_merged_into"];

/// What tells of a tombstone, in the order in which it is read and written.
pub(super) const TOMBSTONE: [&str; 4] = ["_deleted_at", "_deleted_by", "_deleted_reason", "_merged_into"];

/// Quotes an identifier. Definitions hold plain snake case; quoting keeps words like `status` or `position` safe.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names of all columns, in table order.
pub(super) fn columns(resource: &Resource) -> impl Iterator<Item = &'static str> {
    resource.columns.iter().map(|column| column.name).chain(OWN)
}
