//! A list that is read whole: its pages land as they come, and what it does not have is marked as gone once it is sure
//! that it was all of it. How it is paged is decided in `extract`, what a tombstone makes of a row by the warehouse.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;

use super::Event;
use super::alone;
use super::context::Context;
use super::stream::Halt;
use crate::extract::{self, ListPage, ListReader, Single};
use crate::ledger::{Brake, Counts};
use crate::record::Record;
use crate::resource::{Detail, List, Resource};
use crate::transform::{Mapper, Reject, Row};
use crate::warehouse::{Complete, Extent, Found, Missing, Warehouse};

/// What reads one list and lands it.
pub(super) struct Listing<'a, W> {
    pub(super) context: Context<'a, W>,
    pub(super) resource: &'static Resource,
    pub(super) list: List,
    pub(super) brake: Brake,
    /// Whether each cell is held to its record.
    pub(super) closely: bool,
}

/// What a list has shown.
#[derive(Default)]
struct Seen {
    ids: HashSet<ByteString>,
    /// A record did not tell which one it is: it might be any of those that are held.
    nameless: bool,
    /// Those that were not there any more when they were asked for alone.
    left: HashSet<ByteString>,
}

/// What tells which records of a list have changed and have to be read by themselves.
struct Changes {
    how: Detail,
    /// Times of change of the rows that are held.
    held: HashMap<String, DateTime<Utc>>,
    /// What changed before this was there when the list was last read.
    read_until: Option<DateTime<Utc>>,
    /// The list has come to what changed before that.
    is_older: bool,
}

impl<W: Warehouse> Listing<'_, W> {
    /// Reads all of it. The bookmark moves only when nothing is left to doubt.
    pub(super) async fn read_and_land(&self, counts: &mut Counts) -> Result<(), Halt> {
        let mut reader = ListReader::new(Arc::clone(self.context.client), self.resource, self.list);
        let mut seen = Seen::default();
        let history = self.context.warehouse.history(self.resource).await?;
        if history.bookmark.is_none() {
            reader.prove();
        } else if self.held().await?.is_empty() {
            reader.may_be_empty();
        }
        let mut changes = match self.list.detail {
            None => None,
            Some(how) => {
                let held = self.context.warehouse.times(self.resource, how.time).await?;
                let read_until = history.bookmark.and_then(|bookmark| bookmark.complete_until);
                let read_until = read_until.map(|until| until - self.context.plan.overlap);
                Some(Changes { how, held, read_until, is_older: false })
            }
        };
        self.read_pages(&mut reader, &mut seen, &mut changes, counts).await?;
        // A list that has grown may have grown beyond the page.
        if counts.inserted > 0 || seen.ids.len().is_multiple_of(extract::USUAL_CAP) {
            reader.prove();
            self.read_pages(&mut reader, &mut seen, &mut changes, counts).await?;
        }
        // Nothing is gone because one answer was shorter than it should have been, and what left while the list was read is
        // not in it any more.
        for id in &seen.left {
            seen.ids.remove(id);
        }
        if self.held().await?.iter().any(|id| !seen.ids.contains(id.as_str())) {
            let mut again = ListReader::new(Arc::clone(self.context.client), self.resource, self.list);
            again.prove();
            self.read_pages(&mut again, &mut seen, &mut changes, counts).await?;
        }
        if seen.nameless {
            return Err(Halt::Read(extract::Error::NoKeys { resource: self.resource.name }));
        }
        let (resource, run, brake) = (self.resource, self.context.run, self.brake);
        let complete = Complete { resource, run, ids: seen.ids, at: self.context.client.portal_now(), brake };
        match self.context.warehouse.mark_missing(complete).await? {
            Missing::Marked(marked) => *counts += marked,
            Missing::TooMany { held, missing } => {
                return Err(Halt::Read(extract::Error::Doubtful { resource: resource.name, held, missing }));
            }
        }
        let nothing = vec![Found::new(resource, run, self.context.client.portal_now())];
        self.context.warehouse.land_found(nothing, Some((resource.name, self.context.started_at))).await?;
        Ok(())
    }

    /// Reads all of it and lands nothing. Gives how many rows the list does not have, and how many records have no row.
    pub(super) async fn look(&self) -> Result<(u64, u64), Halt> {
        let mut reader = ListReader::new(Arc::clone(self.context.client), self.resource, self.list);
        reader.prove();
        let (mapper, mut seen) = (Mapper::new(self.resource, false), Seen::default());
        while let Some(page) = self.page(&mut reader).await? {
            self.found(rows(&mapper, page), &mut seen);
        }
        let held = self.held().await?;
        let surplus = held.iter().filter(|id| !seen.ids.contains(id.as_str())).count();
        Ok((surplus as u64, (seen.ids.len() + surplus - held.len()) as u64))
    }

    async fn read_pages(
        &self,
        reader: &mut ListReader,
        seen: &mut Seen,
        changes: &mut Option<Changes>,
        counts: &mut Counts,
    ) -> Result<(), Halt> {
        let mapper = Mapper::new(self.resource, self.context.plan.keep_raw);
        while let Some(page) = self.page(reader).await? {
            let records = page.records.len();
            let (rows, halt) = match changes {
                Some(changes) => self.details(&mapper, changes, page.records, seen).await?,
                None => (rows(&mapper, page), None),
            };
            self.context.tell_page(self.resource.name, records, None);
            let found = self.found(rows, seen);
            for landed in self.context.warehouse.land_found(vec![found], None).await? {
                *counts += landed.counts;
                self.context.observer.see(&Event::Landed { resource: self.resource.name, counts: landed.counts });
            }
            // What was read of the page by then has been paid for, and has landed.
            if let Some(halt) = halt {
                return Err(halt);
            }
        }
        Ok(())
    }

    async fn page(&self, reader: &mut ListReader) -> Result<Option<ListPage>, Halt> {
        self.context.ask(reader.next()).await
    }

    /// Reads each record by itself that is new or has changed, and gives the rows of these, and why not all of them were
    /// read.
    async fn details(
        &self,
        mapper: &Mapper,
        changes: &mut Changes,
        records: Vec<Record>,
        seen: &mut Seen,
    ) -> Result<(Vec<Result<Row, Reject>>, Option<Halt>), Halt> {
        // As it would be fingerprinted if nothing had changed.
        let fingerprint = |record: &Record| {
            let id = record.keys().id.as_deref().unwrap_or_default();
            let time = record.keys().modified.or_else(|| changes.held.get(id).copied());
            (ByteString::from(id), mapper.fingerprint_at(record, time))
        };
        let fingerprints = records.iter().map(fingerprint).collect();
        let unchanged = self.context.warehouse.unchanged(self.resource, fingerprints).await?;
        // What has changed for certain is asked for together; whether the others are, the answers before them tell.
        let records: Vec<_> = records.into_iter().zip(unchanged).collect();
        let certain = records.iter().filter(|(_, looks_unchanged)| !looks_unchanged);
        let certain: Vec<_> = certain.filter_map(|(record, _)| record.keys().id.clone()).collect();
        let certain = certain.into_iter().filter(|id| !seen.ids.contains(id.as_str())).collect();
        let (mut known, halt) = self.alone(certain).await;
        let mut rows = Vec::new();
        for (record, looks_unchanged) in records {
            let Some(id) = record.keys().id.clone() else {
                rows.push(mapper.row(record));
                continue;
            };
            // A page begins with the last record of the one before.
            if seen.ids.contains(id.as_str()) {
                continue;
            }
            if looks_unchanged && (changes.is_older || !changes.how.newest_first) {
                seen.ids.insert(id.into());
                continue;
            }
            let single = match known.remove(&id) {
                Some(single) => single,
                None if halt.is_some() => continue,
                None => self.context.ask(extract::single(self.context.client, self.resource, &id)).await?,
            };
            let has_left = matches!(single, Single::NotFound);
            rows.push(match single.record() {
                Ok(whole) => {
                    let time = record.keys().modified.or(whole.keys().modified);
                    changes.is_older |= changes.read_until.zip(time).is_some_and(|(until, time)| time < until);
                    mapper.completed_at(record, &whole, time)
                }
                // The list has it; what it tells is better than nothing.
                Err(reason) => {
                    seen.left.extend(has_left.then(|| id.into()));
                    mapper.owing(record, reason)
                }
            });
        }
        Ok((rows, halt))
    }

    /// Asks for each of these alone; with what was answered, why not all of them were.
    async fn alone(&self, ids: Vec<String>) -> (HashMap<String, Single>, Option<Halt>) {
        let (client, resource) = (self.context.client, self.resource);
        let (mut known, mut halt) = (HashMap::new(), None);
        let asked = alone::each(self.context, ids, |id: String| async move {
            let single = extract::single(client, resource, &id).await?;
            Ok((id, single))
        });
        let mut asked = pin!(asked);
        while let Some(batch) = asked.next().await {
            known.extend(alone::answers(batch, &mut halt));
        }
        (known, halt)
    }

    /// Sorts what a page has come to, and adds the keys of its records to those that were seen.
    fn found(&self, rows: Vec<Result<Row, Reject>>, seen: &mut Seen) -> Found {
        let mut found = Found::new(self.resource, self.context.run, self.context.client.portal_now());
        found.read = rows.len() as u64;
        // What was completed by the record read alone is not in the list.
        found.closely = self.closely && self.list.detail.is_none();
        for row in rows {
            match row {
                Ok(row) => {
                    seen.ids.insert(row.id.clone());
                    found.rows.push(row);
                }
                // What does not fit is there all the same.
                Err(reject) => {
                    seen.nameless |= reject.is_nameless();
                    seen.ids.insert(reject.id.as_str().into());
                    found.rejects.push(reject);
                }
            }
        }
        found
    }

    /// Keys of the rows that are held alive.
    async fn held(&self) -> Result<Vec<String>, Halt> {
        Ok(self.context.warehouse.ids(Extent::all(self.resource), None).await?)
    }
}

/// The rows of a page as it is.
fn rows(mapper: &Mapper, page: ListPage) -> Vec<Result<Row, Reject>> {
    page.records.into_iter().map(|record| mapper.row_of(record, page.given)).collect()
}
