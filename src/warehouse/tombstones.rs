//! What is known of records that are gone, on its way into the tables, and what is found outside of any window. Which of
//! two facts is to be believed is decided in `ledger::tombstone`; who finds them is the business of `sync`.

use std::collections::{HashMap, HashSet};

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::Landed;
use super::children::Parent;
use super::dialect::{Dialect, Held, Stamp};
use super::error::{Error, Trouble};
use super::queue::{self, Owing};
use super::sql::{Open, SqlWarehouse, is_older};
use super::statement::{TOMBSTONE, quoted};
use super::value::{Value, storable};
use crate::ledger::{Brake, Counts, RECYCLE_BIN, Reason, RunId, Sight, Tombstone};
use crate::resource::{self, Kind, Resource};
use crate::transform::{Reject, Row};

/// What was found of a resource outside of its windows: pages of a list, single records, records that are gone.
#[derive(Debug, Clone)]
pub struct Found {
    /// Resource of all of it.
    pub resource: &'static Resource,
    /// Run that found it.
    pub run: RunId,
    /// Records received.
    pub read: u64,
    /// Those that fit.
    pub rows: Vec<Row>,
    /// Those that do not.
    pub rejects: Vec<Reject>,
    /// Ids of records that are gone. One that is not held leaves nothing behind.
    pub gone: Vec<(ByteString, Tombstone)>,
    /// Rows that stay as they are held and owe their details still, and why.
    pub owing: Vec<Owing>,
    /// Parents whose lists of these have been read to their end.
    pub parents: Vec<Parent>,
    /// When it was read, on the portal's clock.
    pub at: DateTime<Utc>,
    /// Whether a row that is held counts as the record only if each of its cells does: somebody may have altered one.
    pub closely: bool,
    /// How it is known that the rows are there.
    pub sight: Sight,
}

impl Found {
    /// Nothing yet, of a list that is read whole or of single records.
    pub fn new(resource: &'static Resource, run: RunId, at: DateTime<Utc>) -> Self {
        let (rows, rejects, gone, owing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (parents, sight) = (Vec::new(), Sight::Read);
        Self { resource, run, read: 0, rows, rejects, gone, owing, parents, at, closely: false, sight }
    }

    /// Takes in what became of a record.
    pub fn take(&mut self, mapped: Result<Row, Reject>) {
        match mapped {
            Ok(row) => self.rows.push(row),
            Err(reject) => self.rejects.push(reject),
        }
    }
}

/// A list that was read to its end: whatever it does not hold is gone.
#[derive(Debug, Clone)]
pub struct Complete {
    /// Resource that was read.
    pub resource: &'static Resource,
    /// Run that read it.
    pub run: RunId,
    /// Keys of all its records.
    pub ids: HashSet<ByteString>,
    /// When it was read, on the portal's clock.
    pub at: DateTime<Utc>,
    /// When what is missing is too much to believe.
    pub brake: Brake,
}

/// What a complete list came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// What is missing has been marked.
    Marked(Counts),
    /// Nothing was marked: too much is missing.
    TooMany {
        /// Rows that are held alive.
        held: u64,
        /// Those of them that the list does not have.
        missing: u64,
    },
}

/// What becomes of one row that was read.
pub(super) enum Fate {
    /// Its key is not there.
    Fresh(Row),
    /// It replaces what is there.
    Changed(Row),
    /// It tells that what is there is gone, or is there again, and is an older version in all else.
    Turned(ByteString, Option<Tombstone>),
    /// What is there is as good.
    Unchanged,
}

/// Rows that die and rise with a batch, for their parts.
#[derive(Default)]
pub(super) struct Turns {
    pub(super) died: Vec<String>,
    pub(super) risen: Vec<(String, Tombstone)>,
}

impl Turns {
    /// A row of which nothing could be written neither dies nor rises.
    pub(super) fn forget(&mut self, id: &str) {
        self.died.retain(|died| died != id);
        self.risen.retain(|(risen, _)| risen != id);
    }

    /// Decides on a row that was seen in this way and at that time, beside what is held of it.
    pub(super) fn fate(&mut self, mut row: Row, held: Option<Held>, sight: Sight, at: DateTime<Utc>) -> Fate {
        let found_trashed = || Box::new(Tombstone::new(Reason::Trashed, at));
        let Some(held) = held else {
            row.tombstone = row.is_trashed.then(found_trashed);
            return Fate::Fresh(row);
        };
        let is_old = is_older(row.cursor, held.cursor);
        let is_news = held.hash != Some(row.hash) && !is_old;
        match held.tombstone {
            None if row.is_trashed && found_trashed().counts_after(held.cursor) => {
                self.died.push(row.id.to_string());
                if is_old {
                    return Fate::Turned(row.id, Some(*found_trashed()));
                }
                row.tombstone = Some(found_trashed());
                Fate::Changed(row)
            }
            Some(tombstone) if !row.is_trashed && tombstone.is_undone_by(row.cursor, sight, at) => {
                self.risen.push((row.id.to_string(), *tombstone));
                if is_old { Fate::Turned(row.id, None) } else { Fate::Changed(row) }
            }
            tombstone if is_news => {
                row.tombstone = tombstone;
                Fate::Changed(row)
            }
            _ => Fate::Unchanged,
        }
    }
}

impl<D: Dialect> SqlWarehouse<D> {
    /// Marks records as gone; gives the number of rows that were alive until now.
    pub(super) async fn bury(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        gone: Vec<(ByteString, Tombstone)>,
        stamp: Stamp,
    ) -> Result<u64, Trouble> {
        let mut latest: HashMap<ByteString, Tombstone> = HashMap::with_capacity(gone.len());
        for (id, tombstone) in gone {
            // As the rows have it that were read.
            let id = if id.contains('\0') { storable(id.to_string()).into() } else { id };
            if latest.get(&id).is_none_or(|other| tombstone.replaces(other)) {
                latest.insert(id, tombstone);
            }
        }
        let keys: Vec<ByteString> = latest.keys().cloned().collect();
        let held = self.dialect.held(open, resource, keys.clone()).await?;
        let (mut turns, mut count) = (Turns::default(), 0);
        for (id, held) in keys.into_iter().zip(held) {
            let (Some(held), Some(tombstone)) = (held, latest.remove(&id)) else { continue };
            let marks = match &held.tombstone {
                None => tombstone.counts_after(held.cursor),
                Some(other) => tombstone.replaces(other),
            };
            if marks {
                self.mark(open, resource, &id, Some(tombstone), stamp).await?;
            }
            if !marks {
                continue;
            }
            turns.died.push(id.to_string());
            match held.tombstone {
                None => count += 1,
                // Parts that went with it then go with it now.
                Some(other) => turns.risen.push((id.to_string(), *other)),
            }
        }
        self.turn_parts(open, resource, turns, stamp).await?;
        Ok(count)
    }

    /// Marks a row as gone, or as there again.
    pub(super) async fn mark(
        &self,
        open: &mut Open<D>,
        resource: &Resource,
        id: &str,
        tombstone: Option<Tombstone>,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        let set = TOMBSTONE.map(|name| format!("{name} = ?")).join(", ");
        let key = quoted(resource.columns[0].name);
        let sql = format!("update {{{}}} set {set}, _synced_at = ?, _run_id = ? where {key} = ?", resource.name);
        let (deleted_at, reason) =
            tombstone.as_ref().map(|held| (held.deleted_at, held.reason.word().to_owned())).unzip();
        let (deleted_by, merged_into) = tombstone.map_or((None, None), |held| (held.deleted_by, held.merged_into));
        let values = vec![
            deleted_at.into(),
            deleted_by.into(),
            reason.into(),
            merged_into.into(),
            stamp.synced_at.into(),
            stamp.run.0.into(),
            id.into(),
        ];
        self.execute(open, &sql, values).await?;
        Ok(())
    }

    /// Parts of a record go with it, and come back with it unless they had gone before.
    pub(super) async fn turn_parts(
        &self,
        open: &mut Open<D>,
        whole: &'static Resource,
        turns: Turns,
        stamp: Stamp,
    ) -> Result<(), Trouble> {
        let whole_key = quoted(whole.columns[0].name);
        let parts = resource::ALL.iter().filter_map(|part| {
            let column = part.part().filter(|column| column.refers == Some(whole.name))?;
            Some((part, quoted(column.name)))
        });
        for (part, key) in parts {
            let (name, whole) = (part.name, whole.name);
            for (id, tombstone) in &turns.risen {
                let set = TOMBSTONE.map(|column| format!("{column} = null")).join(", ");
                let sql = format!(
                    "update {{{name}}} set {set}, _synced_at = ?, _run_id = ? where {key} = ? and _deleted_at = ?"
                );
                let values =
                    vec![stamp.synced_at.into(), stamp.run.0.into(), id.as_str().into(), tombstone.deleted_at.into()];
                self.execute(open, &sql, values).await?;
            }
            if !turns.died.is_empty() {
                let of_whole = |column| {
                    format!(
                        "{column} = (select {column} from {{{whole}}} as whole where whole.{whole_key} = {{{name}}}.{key})"
                    )
                };
                let set = TOMBSTONE.map(of_whole).join(", ");
                let sql = format!(
                    "update {{{name}}} set {set}, _synced_at = ?, _run_id = ? where {key} in [?] and _deleted_at is null"
                );
                let ids = Value::Texts(turns.died.clone());
                self.execute(open, &sql, vec![stamp.synced_at.into(), stamp.run.0.into(), ids]).await?;
            }
        }
        Ok(())
    }

    /// Has the recycle bin looked into again for rows of which the tables knew nothing when it was read, and which only a
    /// search shows: they may have been in it by then.
    pub(super) async fn take_back_bin(&self, open: &mut Open<D>, since: DateTime<Utc>) -> Result<(), Trouble> {
        let sql = "update {deskhouse_bookmarks} set read_until = ? where resource = ? and read_until > ?";
        self.execute(open, sql, vec![since.into(), RECYCLE_BIN.into(), since.into()]).await?;
        Ok(())
    }

    async fn land_found_in(&self, open: &mut Open<D>, found: Found) -> Result<Counts, Trouble> {
        let stamp = Stamp { synced_at: found.at, run: found.run };
        let rejected = found.rejects.len() as u64;
        self.dialect.alone(open, found.resource.name).await?;
        let counts = self.land_rows(open, found.resource, found.rows, stamp, found.sight, found.closely).await?;
        self.land_rejects(open, found.resource, found.rejects, stamp).await?;
        self.note_details(open, found.resource, queue::details_owed(found.owing), stamp).await?;
        let buried = self.bury(open, found.resource, found.gone, stamp).await?;
        let (deleted, rejected) = (counts.deleted + buried, counts.rejected + rejected);
        let counts = Counts { read: found.read, rejected, deleted, ..counts };
        self.note_parents(open, found.resource, found.parents, stamp).await?;
        self.count(open, found.resource.name, counts, stamp).await?;
        Ok(counts)
    }

    pub(super) async fn write_found(
        &self,
        found: Vec<Found>,
        read_until: Option<(&'static str, DateTime<Utc>)>,
    ) -> Result<Vec<Landed>, Error> {
        let doing = Error::doing("land what was found");
        let mut open = self.begin("land what was found").await?;
        let mut landed = Vec::with_capacity(found.len());
        let run = found.first().map(|found| found.run);
        for one in found {
            let counts = self.land_found_in(&mut open, one).await.map_err(&doing)?;
            landed.push(Landed { counts, complete_until: None });
        }
        if let (Some((feed, until)), Some(run)) = (read_until, run) {
            let sql = "insert into {deskhouse_bookmarks} (resource, read_since, read_until, complete_until, run_id, updated_at)
                values (?, ?, ?, ?, ?, ?)
                on conflict (resource) do update set read_until = excluded.read_until,
                complete_until = excluded.complete_until, run_id = excluded.run_id, updated_at = excluded.updated_at";
            let until = || Value::from(until);
            let values = vec![feed.into(), until(), until(), until(), run.0.into(), until()];
            self.execute(&mut open, sql, values).await.map_err(&doing)?;
        }
        D::commit(open).await.map_err(&doing)?;
        Ok(landed)
    }

    pub(super) async fn bury_missing(&self, complete: Complete) -> Result<Missing, Error> {
        let doing = Error::doing("mark what is missing");
        let mut open = self.begin("mark what is missing").await?;
        let Complete { resource, run, ids, at, brake } = complete;
        let key = quoted(resource.columns[0].name);
        let sql = format!("select {key} from {{{}}} where _deleted_at is null", resource.name);
        let held = self.fetch(&mut open, &sql, Vec::new(), &[Kind::Text]).await.map_err(&doing)?;
        let held: Vec<String> =
            held.into_iter().map(|mut cells| cells.text()).collect::<Result<_, _>>().map_err(&doing)?;
        let missing: Vec<_> = held.iter().filter(|id| !ids.contains(id.as_str())).collect();
        let (all, lost) = (held.len() as u64, missing.len() as u64);
        if brake.stops(all, lost) {
            return Ok(Missing::TooMany { held: all, missing: lost });
        }
        let tombstone = Tombstone::new(Reason::Gone, at);
        let gone = missing.into_iter().map(|id| (id.as_str().into(), tombstone.clone())).collect();
        let counts = self.land_found_in(&mut open, Found { gone, ..Found::new(resource, run, at) }).await;
        let counts = counts.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        Ok(Missing::Marked(counts))
    }
}
