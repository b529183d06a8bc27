//! What fits no row: rows that the database refuses, of which all goes in that can, and the table that tells of what is
//! left over until a later reading fits. Why a value does not fit before the database sees it, `transform` says.

use bytestring::ByteString;

use super::dialect::{Dialect, Stamp};
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::statement::quoted;
use super::value::{Value, storable};
use crate::ledger::RunId;
use crate::resource::{self, Kind, Resource};
use crate::transform::{Cell, Reason, Reject, Row, Unread};

/// This version, whose readers could not read what the table of rejects holds of it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Values of earlier versions that are tried again at once.
const TRIED_AT_ONCE: i64 = 1_000;

impl<D: Dialect> SqlWarehouse<D> {
    /// Writes rows, and of those that the database refuses what it does not. Gives those of which nothing could be written,
    /// and for each of the others whose cells are not there which ones these are.
    pub(super) async fn write_what_fits(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        fresh: Vec<Row>,
        changed: Vec<Row>,
        stamp: Stamp,
    ) -> Result<(Vec<Reject>, Vec<(ByteString, Unread)>), Trouble> {
        let told = |row: &Row| row.unread.iter().map(|unread| (row.id.clone(), unread.clone())).collect::<Vec<_>>();
        let mut unread: Vec<_> = fresh.iter().chain(&changed).flat_map(told).collect();
        let is_fresh: Vec<ByteString> = fresh.iter().map(|row| row.id.clone()).collect();
        let mut rejects = Vec::new();
        for (row, code) in self.dialect.write(open, resource, fresh, changed, stamp).await? {
            let is_fresh = is_fresh.contains(&row.id);
            match self.write_bit_by_bit(open, resource, &row, is_fresh, stamp).await? {
                Some(refused) => unread.extend(refused.into_iter().map(|unread| (row.id.clone(), unread))),
                None => {
                    unread.retain(|(id, _)| *id != row.id);
                    rejects.push(Reject::refused(resource, &row, code));
                }
            }
        }
        Ok((rejects, unread))
    }

    /// Writes what of a row the database takes: its key and its time, and then as many of the other cells together as it
    /// does not refuse. Gives the cells that it does; nothing where not even the key can be written.
    async fn write_bit_by_bit(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        row: &Row,
        is_fresh: bool,
        stamp: Stamp,
    ) -> Result<Option<Vec<Unread>>, Trouble> {
        let cursor = resource.cursor().map(|(place, _)| place);
        let is_bare = |place: usize| place == 0 || Some(place) == cursor;
        // Not the fingerprint of what was read, so that the rest of it is tried again whenever it is read.
        let mut kept = Row { hash: !row.hash, ..row.clone() };
        let mut others = Vec::new();
        for (place, cell) in kept.cells.iter_mut().enumerate() {
            if !is_bare(place) && *cell != Cell::Null {
                *cell = Cell::Null;
                others.push(place);
            }
        }
        let (fresh, changed) =
            if is_fresh { (vec![kept.clone()], Vec::new()) } else { (Vec::new(), vec![kept.clone()]) };
        if !self.dialect.write(open, resource, fresh, changed, stamp).await?.is_empty() {
            return Ok(None);
        }
        let (mut untried, mut refused) = (vec![others], Vec::new());
        while let Some(places) = untried.pop() {
            let mut candidate = kept.clone();
            for place in &places {
                candidate.cells[*place] = row.cells[*place].clone();
            }
            let written = self.dialect.write(open, resource, Vec::new(), vec![candidate.clone()], stamp).await?;
            match (written.into_iter().next(), places.as_slice()) {
                (None, _) => kept = candidate,
                (Some((_, code)), [place]) => {
                    let (name, reason) = (resource.columns[*place].name, Reason::Refused(code).to_string());
                    refused.push(Unread::new(name, reason, &row.cells[*place].json()));
                }
                (Some(_), places) => {
                    let (left, right) = places.split_at(places.len() / 2);
                    untried.extend([right.to_vec(), left.to_vec()]);
                }
            }
        }
        Ok(Some(refused))
    }

    /// Notes whole records that fit no row.
    pub(super) async fn land_rejects(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        rejects: Vec<Reject>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        for Reject { id, reason, raw } in rejects {
            let (reason, raw) = (reason.to_string(), Some(raw.to_string()));
            self.note(open, resource, [&id, "", &reason], None, raw, stamp).await?;
        }
        Ok(())
    }

    /// Notes values that are not in their rows.
    pub(super) async fn land_unread(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        cells: Vec<(ByteString, Unread)>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        for (id, Unread { column, reason, value }) in cells {
            self.note(open, resource, [&id, column, &reason], Some(value), None, stamp).await?;
        }
        Ok(())
    }

    async fn note(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        named: [&str; 3],
        value: Option<String>,
        raw: Option<String>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        let sql = "insert into {deskhouse_rejects}
            (resource, record_id, column_name, reason, value, raw, version, run_id, seen_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?)
            on conflict (resource, record_id, column_name) do update set reason = excluded.reason, value = excluded.value,
            raw = excluded.raw, version = excluded.version, run_id = excluded.run_id, seen_at = excluded.seen_at";
        let mut values: Vec<Value> = vec![resource.name.into()];
        values.extend(named.map(Value::from));
        values.extend([Value::Text(value.map(storable)), Value::Json(raw), VERSION.into()]);
        values.extend([stamp.run.0.into(), stamp.synced_at.into()]);
        self.execute(open, sql, values).await?;
        Ok(())
    }

    /// What fits now is no longer a reject: a record of which there is a row, and all cells of a row that is written.
    pub(super) async fn forget_rejects(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        fitting: Vec<String>,
        written: Vec<String>,
    ) -> Result<(), Trouble> {
        // Most resources have none, and a list of keys costs more than to ask.
        let sql = "select count(*) from (select 1 from {deskhouse_rejects} where resource = ? limit 1) as any_reject";
        let mut any = self.fetch(open, sql, vec![resource.name.into()], &[Kind::Integer]).await?;
        if any.first_mut().map_or(Ok(0), |cells| cells.count())? == 0 {
            return Ok(());
        }
        for (which, ids) in [("=", fitting), ("<>", written)] {
            let sql = format!(
                "delete from {{deskhouse_rejects}} where resource = ? and column_name {which} '' and record_id in [?]"
            );
            self.execute(open, &sql, vec![resource.name.into(), Value::Texts(ids)]).await?;
        }
        Ok(())
    }

    /// Reads the values again that an earlier version could not read, and puts those into their rows that this one can.
    pub(super) async fn read_again(&self, open: &mut Open<D>, run: RunId) -> Result<(), Trouble> {
        let sql = "select resource, record_id, column_name, value, seen_at from {deskhouse_rejects}
            where version <> ? and column_name <> '' order by resource, record_id, column_name limit ?";
        let kinds = [Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Timestamp];
        loop {
            let rows = self.fetch(open, sql, vec![VERSION.into(), TRIED_AT_ONCE.into()], &kinds).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for mut cells in rows {
                let (name, id, column) = (cells.text()?, cells.text()?, cells.text()?);
                let (value, seen_at) = (cells.text_or_null()?, cells.timestamp()?);
                let key = || vec![name.as_str().into(), id.as_str().into(), column.as_str().into()];
                let place = "where resource = ? and record_id = ? and column_name = ?";
                let stamp = Stamp { synced_at: seen_at, run };
                if self.put_back(open, &name, &id, &column, value.as_deref(), stamp).await? {
                    let forget = format!("delete from {{deskhouse_rejects}} {place}");
                    self.execute(open, &forget, key()).await?;
                } else {
                    let sql = format!("update {{deskhouse_rejects}} set version = ? {place}");
                    let values = [VERSION.into()].into_iter().chain(key()).collect();
                    self.execute(open, &sql, values).await?;
                }
            }
        }
    }

    /// Puts a value into its row, if it can be read; says whether it could.
    async fn put_back(
        &self,
        open: &mut Open<D>,
        resource: &str,
        id: &str,
        column: &str,
        value: Option<&str>,
        stamp: Stamp,
    ) -> Result<bool, Trouble> {
        let definition = resource::find(resource)
            .and_then(|found| Some((found, found.columns.iter().find(|known| known.name == column)?)));
        let Some(((resource, column), value)) = definition.zip(value) else { return Ok(false) };
        let value = match Cell::of_json(column.kind, value) {
            Some(Cell::Integer(value)) => Value::from(value),
            Some(Cell::Real(value)) => value.into(),
            Some(Cell::Boolean(value)) => value.into(),
            Some(Cell::Timestamp(time)) => time.into(),
            // What else can be misread has no readers that learn: a date is an instant, and JSON is what it is.
            _ => return Ok(false),
        };
        let (set, key) = (quoted(column.name), quoted(resource.columns[0].name));
        let sql = format!("update {{{}}} set {set} = ?, _run_id = ?, _synced_at = ? where {key} = ?", resource.name);
        self.execute(open, &sql, vec![value, stamp.run.0.into(), stamp.synced_at.into(), id.into()]).await?;
        Ok(true)
    }

    /// Whole records that an earlier version could not read, as they were received, oldest first; `most` at most. They count
    /// as tried by this one.
    pub(super) async fn take_rejected(&self, resource: &'static Resource, most: i64) -> Result<Vec<String>, Error> {
        let doing = Error::doing("read rejects");
        let mut open = self.begin("read rejects").await?;
        let sql = "select cast(raw as text), record_id from {deskhouse_rejects}
            where resource = ? and column_name = '' and version <> ? order by seen_at, record_id limit ?";
        let values = vec![resource.name.into(), VERSION.into(), most.into()];
        let rows = self.fetch(&mut open, sql, values, &[Kind::Text; 2]).await.map_err(&doing)?;
        let mut records = Vec::with_capacity(rows.len());
        for mut cells in rows {
            let (raw, id) = (cells.text().map_err(&doing)?, cells.text().map_err(&doing)?);
            let tried = "update {deskhouse_rejects} set version = ?
                where resource = ? and record_id = ? and column_name = ''";
            let values = vec![VERSION.into(), resource.name.into(), id.as_str().into()];
            self.execute(&mut open, tried, values).await.map_err(&doing)?;
            records.push(raw);
        }
        D::commit(open).await.map_err(&doing)?;
        Ok(records)
    }
}
