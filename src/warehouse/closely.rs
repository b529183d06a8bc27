//! Looking closely: whether the cells that are held of a record are those that it would land, whatever its fingerprint
//! says. Somebody may have altered one in the table. When it is worth the look, `sync::verify` decides.

use std::collections::{HashMap, HashSet};

use bytestring::ByteString;
use serde_json::Value as Json;

use super::dialect::{Dialect, Held};
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::statement::quoted;
use super::value::Value;
use crate::resource::{Column, Kind, Resource};
use crate::transform::{Cell, Row};

impl<D: Dialect> SqlWarehouse<D> {
    /// Keys of the rows that are held as written from the same record, and of which a cell is another by now.
    pub(super) async fn find_altered(
        &self,
        resource: &'static Resource,
        rows: Vec<Row>,
    ) -> Result<Vec<ByteString>, Error> {
        let doing = Error::doing("compare cells");
        let mut open = self.begin("compare cells").await?;
        let keys = rows.iter().map(|row| row.id.clone()).collect();
        let held = self.dialect.held(&mut open, resource, keys).await.map_err(&doing)?;
        let is_same = |(row, held): &(Row, Option<Held>)| {
            held.as_ref().is_some_and(|held| held.hash.is_none_or(|hash| hash == row.hash) && held.tombstone.is_none())
        };
        let same: Vec<Row> = rows.into_iter().zip(held).filter(is_same).map(|(row, _)| row).collect();
        let altered = self.altered(&mut open, resource, &same).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        Ok(altered.into_iter().collect())
    }

    /// Keys of the rows of which a cell that is held is another than the one in the row. Those that are not held are none.
    pub(super) async fn altered(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        rows: &[Row],
    ) -> Result<HashSet<ByteString>, Trouble> {
        // What only details or the request tell is not in a page.
        let is_shown = |column: &Column| !column.is_detail && !column.pointer.starts_with('?');
        let shown: Vec<_> = resource.columns.iter().enumerate().filter(|(_, column)| is_shown(column)).collect();
        let name = |column: &Column| match column.kind {
            Kind::Json => format!("cast({} as text)", quoted(column.name)),
            _ => quoted(column.name),
        };
        let names: Vec<_> = shown.iter().map(|(_, column)| name(column)).collect();
        let kinds: Vec<_> = shown.iter().map(|(_, column)| column.kind).collect();
        let sql = format!("select {} from {{{}}} where {} in [?]", names.join(", "), resource.name, names[0]);
        let keys = || Value::Texts(rows.iter().map(|row| row.id.to_string()).collect());
        let held = self.dialect.fetch(open, &sql, vec![keys()], &kinds).await?;
        let rows: HashMap<&str, &Row> = rows.iter().map(|row| (&*row.id, row)).collect();
        let mut differing: Vec<(ByteString, &str)> = Vec::new();
        for cells in held {
            let Some(Cell::Text(key)) = cells.first() else { continue };
            let Some(row) = rows.get(&**key) else { continue };
            let pairs = shown.iter().zip(&cells);
            let differs = pairs.filter(|((place, _), held)| !is_equal(&row.cells[*place], held));
            differing.extend(differs.map(|((_, column), _)| (key.clone(), column.name)));
        }
        if differing.is_empty() {
            return Ok(HashSet::new());
        }
        // A cell that the database has refused is null for as long as it does.
        let sql = "select record_id, column_name from {deskhouse_rejects} where resource = ? and record_id in [?]";
        let refused = self.fetch(open, sql, vec![resource.name.into(), keys()], &[Kind::Text; 2]).await?;
        let refused = refused.into_iter().map(|mut cells| Ok((cells.text()?, cells.text()?)));
        let refused = refused.collect::<Result<HashSet<(String, String)>, Trouble>>()?;
        let is_known = |(key, column): &(ByteString, &str)| refused.contains(&(key.to_string(), (*column).to_owned()));
        Ok(differing.into_iter().filter(|pair| !is_known(pair)).map(|(key, _)| key).collect())
    }
}

/// Whether a cell that is held is the one that was written. JSON may have been written down in other words.
fn is_equal(cell: &Cell, held: &Cell) -> bool {
    match (cell, held) {
        (Cell::Json(cell), Cell::Text(held) | Cell::Json(held)) => {
            cell == held
                || match (serde_json::from_str(cell), serde_json::from_str(held)) {
                    (Ok(cell), Ok(held)) => is_same_json(&cell, &held),
                    _ => false,
                }
        }
        (cell, held) => cell == held,
    }
}

fn is_same_json(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_json(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            let has_same =
                |(name, value): (&String, &Json)| other.get(name).is_some_and(|other| is_same_json(value, other));
            one.len() == other.len() && one.iter().all(has_same)
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_in_other_words() {
        let json = |text: &str| Cell::Json(text.into());
        let held = |text: &str| Cell::Text(text.into());
        assert!(is_equal(&json(r#"{"a":1e2,"b":[1.50,null]}"#), &held(r#"{"b": [1.50, null], "a": 100}"#)));
        assert!(is_equal(&json(r#"{"a":1,"a":2}"#), &held(r#"{"a": 2}"#)));
        for other in [r#"{"a": 1}"#, r#"{"a": 2, "b": 1}"#, "[]", "{"] {
            assert!(!is_equal(&json(r#"{"a":2}"#), &held(other)), "{other}");
        }
        assert!(is_equal(&Cell::Null, &Cell::Null) && !is_equal(&Cell::Integer(1), &Cell::Text("1".into())));
    }
}
