//! The text of statements about resource tables. One text for every database, in the words that [`super::dialect`]
//! spells: `{name}` is a table, `?` a value.

use crate::resource::{Kind, Resource};

/// Our own columns, behind those of the definition.
pub(super) const OWN: [&str; 5] = ["_raw", "_hash", "_synced_at", "_deleted_at", "_run_id"];

/// Quotes an identifier. Definitions hold plain snake case; quoting keeps words like `status` or `position` safe.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names of all columns, in table order.
pub(super) fn columns(resource: &Resource) -> impl Iterator<Item = &'static str> {
    resource.columns.iter().map(|column| column.name).chain(OWN)
}

/// The key and the fingerprint of the rows in a list of keys.
pub(super) fn held(resource: &Resource) -> (String, [Kind; 2]) {
    let id = quoted(resource.columns[0].name);
    let sql = format!("select {id}, _hash from {{{}}} where {id} in [?]", resource.name);
    (sql, [Kind::Text, Kind::Integer])
}

/// The end of an insert: what happens when the key is there already. A row older than the one held does not overwrite it.
pub(super) fn on_conflict(resource: &Resource) -> String {
    let (id, cursor) = (quoted(resource.columns[0].name), quoted(resource.feed.cursor()));
    let sets: Vec<_> =
        columns(resource).skip(1).map(|name| format!("{name} = excluded.{name}", name = quoted(name))).collect();
    format!(
        " on conflict ({id}) do update set {} where held.{cursor} is null or excluded.{cursor} is null or excluded.{cursor} >= held.{cursor}",
        sets.join(", ")
    )
}

/// The start of an insert, up to the values.
pub(super) fn insert_into(resource: &Resource) -> String {
    let names: Vec<_> = columns(resource).map(quoted).collect();
    format!("insert into {{{}}} as held ({}) ", resource.name, names.join(", "))
}
