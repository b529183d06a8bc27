//! A list that is read whole: its pages land as they come, and what it does not have is marked as gone once it is sure
//! that it was all of it. How it is paged is decided in `extract`, what a tombstone makes of a row by the warehouse.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytestring::ByteString;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};

use super::Event;
use super::alone;
use super::context::Context;
use super::stream::Halt;
use crate::extract::{self, ListPage, ListReader, PartReader, Single};
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
    /// Whether what a run has read is taken for read that was stopped minutes ago.
    pub(super) goes_on: bool,
}

/// What a list has shown.
#[derive(Default)]
struct Seen {
    ids: HashSet<ByteString>,
    /// A record did not tell which one it is: it might be any of those that are held.
    nameless: bool,
    /// Those that were not there any more when they were asked for alone.
    left: HashSet<ByteString>,
    /// Some were taken as a run has read them that was stopped minutes ago.
    passed_over: bool,
}

/// What tells which records of a list have changed and have to be read by themselves.
struct Changes {
    how: Detail,
    /// Times of change of the rows that are held.
    held: HashMap<String, DateTime<Utc>>,
    /// Rows that a run has read alone which was stopped minutes ago: a run that is stopped again and again would pay for
    /// them each time.
    just_read: HashSet<String>,
    /// What changed before this was there when the list was last read.
    read_until: Option<DateTime<Utc>>,
    /// The list has come to what changed before that.
    is_older: bool,
}

impl<W: Warehouse> Listing<'_, W> {
    /// Reads all of it. The bookmark moves only when nothing is left to doubt.
    pub(super) async fn read_and_land(&self, counts: &mut Counts) -> Result<(), Halt> {
        let Context { plan, started_at, .. } = self.context;
        let history = self.context.warehouse.history(self.resource).await?;
        if self.goes_on && history.has_just_been_read(started_at, plan.overlap) {
            return Ok(());
        }
        let mut reader = ListReader::new(Arc::clone(self.context.client), self.resource, self.list);
        let mut seen = Seen::default();
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
                let just_read = self.just_read().await?;
                Some(Changes { how, held, just_read, read_until, is_older: false })
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
        // The next run asks for what may have changed since it was passed over.
        let behind = if seen.passed_over { self.context.plan.overlap } else { TimeDelta::zero() };
        let read_until = self.context.started_at - behind;
        self.context.warehouse.land_found(nothing, Some((resource.name, read_until))).await?;
        Ok(())
    }

    /// Rows that were written since a run has last come to the end of the list, minutes ago.
    async fn just_read(&self) -> Result<HashSet<String>, Halt> {
        if !self.goes_on {
            return Ok(HashSet::new());
        }
        let Context { warehouse, plan, started_at, .. } = self.context;
        Ok(warehouse.written(self.resource, started_at - plan.overlap).await?.into_iter().collect())
    }

    /// Reads all of it and lands nothing. Gives how many rows the list does not have, and how many records have no row.
    pub(super) async fn look(&self) -> Result<(u64, u64), Halt> {
        let mut reader = ListReader::new(Arc::clone(self.context.client), self.resource, self.list);
        reader.prove();
        let (mapper, mut seen) = (Mapper::new(self.resource, false), Seen::default());
        let mut pages = pin!(pages(self.context, &mut reader));
        while let Some(page) = pages.try_next().await? {
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
        let (mut pages, mut halt) = (pin!(pages(self.context, reader)), None);
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                // What was asked for beside it is paid, and lands first.
                Err(failure) => {
                    halt.get_or_insert(failure);
                    continue;
                }
            };
            self.context.tell_page(self.resource.name, page.records.len(), None);
            match changes {
                Some(changes) => self.details(&mapper, changes, page.records, seen, counts).await?,
                None => self.land(rows(&mapper, page), seen, counts).await?,
            }
        }
        halt.map_or(Ok(()), Err)
    }

    async fn land(&self, rows: Vec<Result<Row, Reject>>, seen: &mut Seen, counts: &mut Counts) -> Result<(), Halt> {
        let found = self.found(rows, seen);
        for landed in self.context.warehouse.land_found(vec![found], None).await? {
            *counts += landed.counts;
            self.context.observer.see(&Event::Landed { resource: self.resource.name, counts: landed.counts });
        }
        Ok(())
    }

    /// Reads each record of a page by itself that is new or has changed, and lands these as they come.
    async fn details(
        &self,
        mapper: &Mapper,
        changes: &mut Changes,
        records: Vec<Record>,
        seen: &mut Seen,
        counts: &mut Counts,
    ) -> Result<(), Halt> {
        // As it would be fingerprinted if nothing had changed.
        let fingerprint = |record: &Record| {
            let id = record.keys().id.as_deref().unwrap_or_default();
            let time = record.keys().modified.or_else(|| changes.held.get(id).copied());
            (ByteString::from(id), mapper.fingerprint_at(record, time))
        };
        let fingerprints = records.iter().map(fingerprint).collect();
        let unchanged = self.context.warehouse.unchanged(self.resource, fingerprints).await?;
        let (mut certain, mut others, mut nameless) = (Vec::new(), Vec::new(), Vec::new());
        for ((place, record), looks_unchanged) in records.into_iter().enumerate().zip(unchanged) {
            match record.keys().id.clone() {
                None => nameless.push(mapper.row(record)),
                // A page begins with the last record of the one before.
                Some(id) if seen.ids.contains(id.as_str()) => {}
                Some(id) if looks_unchanged => others.push((place, id, record)),
                Some(id) => certain.push((place, id, record)),
            }
        }
        self.land(nameless, seen, counts).await?;
        // What has changed for certain is asked for together; whether the others are, the answers before them tell.
        let (client, resource, mut first_older) = (self.context.client, self.resource, None);
        let ask = |(place, id, record): (usize, String, Record)| async move {
            let single = extract::single(client, resource, &id).await?;
            Ok((place, id, record, single))
        };
        alone::each(self.context, certain, ask, async |singles: Vec<(usize, String, Record, Single)>| {
            let mut rows = Vec::with_capacity(singles.len());
            for (place, id, record, single) in singles {
                let (row, is_older) = completed(mapper, changes, record, &id, single, seen);
                first_older = first_older.into_iter().chain(is_older.then_some(place)).min();
                rows.push(row);
            }
            self.land(rows, seen, counts).await
        })
        .await?;
        for (place, id, record) in others {
            changes.is_older |= first_older.is_some_and(|first| first < place);
            if changes.is_older || !changes.how.newest_first {
                seen.ids.insert(id.into());
                continue;
            }
            if changes.just_read.contains(&id) {
                seen.passed_over = true;
                seen.ids.insert(id.into());
                continue;
            }
            let single = self.context.ask(extract::single(client, resource, &id)).await?;
            let (row, is_older) = completed(mapper, changes, record, &id, single, seen);
            changes.is_older |= is_older;
            self.land(vec![row], seen, counts).await?;
        }
        changes.is_older |= first_older.is_some();
        Ok(())
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

/// The pages of a list, as they come; those of the values of its parameter side by side. After a failure nothing more is
/// asked for; what was under way by then still comes.
pub(super) fn pages<'r, W>(
    context: Context<'r, W>,
    reader: &'r mut ListReader,
) -> impl Stream<Item = Result<ListPage, Halt>> {
    let failed = Arc::new(AtomicBool::new(false));
    let of_one = move |part| {
        let failed = Arc::clone(&failed);
        let next = move |mut part: PartReader<'r>| {
            let failed = Arc::clone(&failed);
            async move {
                if failed.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let page = context.ask(part.next()).await;
                failed.fetch_or(page.is_err(), Ordering::Relaxed);
                Ok(page?.map(|page| (page, part)))
            }
        };
        Box::pin(stream::try_unfold(part, next))
    };
    stream::iter(reader.parts().map(of_one)).flatten_unordered(None)
}

/// The row of a record that was read alone, and whether it is older than the last reading of the list.
fn completed(
    mapper: &Mapper,
    changes: &Changes,
    record: Record,
    id: &str,
    single: Single,
    seen: &mut Seen,
) -> (Result<Row, Reject>, bool) {
    let has_left = matches!(single, Single::NotFound);
    match single.record() {
        Ok(whole) => {
            let time = record.keys().modified.or(whole.keys().modified);
            let is_older = changes.read_until.zip(time).is_some_and(|(until, time)| time < until);
            (mapper.completed_at(record, &whole, time), is_older)
        }
        // The list has it; what it tells is better than nothing.
        Err(reason) => {
            seen.left.extend(has_left.then(|| id.into()));
            (mapper.owing(record, reason), false)
        }
    }
}

/// The rows of a page as it is.
fn rows(mapper: &Mapper, page: ListPage) -> Vec<Result<Row, Reject>> {
    page.records.into_iter().map(|record| mapper.row_of(record, page.given)).collect()
}
