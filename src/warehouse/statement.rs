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

/// What a statement selects, as it is written, or the name that it gives to it.
pub(super) fn selected(sql: &str) -> Vec<&str> {
    let list = sql.trim_start().strip_prefix("select ").unwrap_or_default();
    let list = list.strip_prefix("distinct ").unwrap_or(list);
    let (mut depth, mut start, mut names) = (0_usize, 0, Vec::new());
    for (place, character) in list.char_indices() {
        let is_end = depth == 0 && list[place..].split_whitespace().next() == Some("from");
        if is_end || (depth == 0 && character == ',') {
            let item = list[start..place].trim();
            names.push(item.rsplit_once(" as ").map_or(item, |(_, name)| name));
            start = place + 1;
        }
        match character {
            _ if is_end => return names,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    names.push(list[start..].trim());
    names
}

/// Names of all columns, in table order.
pub(super) fn columns(resource: &Resource) -> impl Iterator<Item = &'static str> {
    resource.columns.iter().map(|column| column.name).chain(OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_tells_what_it_selects() {
        let sql = "select id, coalesce(a, (select b from c)) as d, max(e)\n    from {t} where f in (1, 2)";
        assert_eq!(selected(sql), ["id", "d", "max(e)"]);
        assert_eq!(selected("select distinct a, b"), ["a", "b"]);
    }
}
