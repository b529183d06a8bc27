//! Archived records: listed department by department, and those that are not held as archived read one by one. A search may
//! leave them out, and nobody knows whether a record that is archived gets a new time. What a stopped run has read is held
//! as archived, and not read again.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::alone;
use super::context::Context;
use super::stream::Halt;
use crate::extract::{self, ArchiveList, Department, Gap, Single};
use crate::ledger::Counts;
use crate::resource::{Archive, Resource};
use crate::transform::Mapper;
use crate::warehouse::{Found, Warehouse};

/// Time between two readings of an archive by a nightly run. Where the search hides archived records, a comparison tells of
/// those that were held before; the list brings the others, and what was archived where the search goes on showing it.
const TURN: TimeDelta = TimeDelta::days(28);

/// Archived records that the search is asked for, to learn whether it shows them: several, since one may be gone.
const SAMPLE: i64 = 10;

/// Whether a nightly run reads an archive that was last read then.
pub(super) fn is_due(read_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    read_until.is_none_or(|until| now - until >= TURN)
}

/// What reads an archive.
pub(super) struct Shelves<'a, W> {
    pub(super) context: Context<'a, W>,
}

/// The archive of one department.
pub(super) struct Shelf {
    pub(super) department: Department,
    /// Ids that the warehouse holds as archived and alive.
    pub(super) held: Vec<String>,
    /// How many rows more the portal shows of it, as far as one page tells; `None` where that takes all of it.
    pub(super) more: Option<i64>,
}

impl<W: Warehouse> Shelves<'_, W> {
    /// Reads the archive of a resource, if it has one and it is time; gives a sentence about what cannot be read.
    pub(super) async fn read(&self, resource: &'static Resource, counts: &mut Counts) -> Result<Option<String>, Halt> {
        let Some(archive) = resource.archive else { return Ok(None) };
        let now = self.context.client.portal_now();
        let read_until = self.context.warehouse.feed_read_until(archive.name).await?;
        if !is_due(read_until, now) {
            return Ok(None);
        }
        // What the search has just shown needs no list.
        let is_searched = self.is_searched(resource).await?;
        let is_known = read_until.is_none() && is_searched;
        let (mut gaps, mut hidden) = (Vec::new(), 0);
        if !is_known {
            let since = self.context.warehouse.history(resource).await?.start();
            for department in self.departments(resource).await? {
                let (ids, gap) = self.list(resource, archive, &department, since).await?;
                gaps.extend(gap.and_then(|gap| gap.lacks(is_searched)));
                hidden += self.land(resource, archive, ids, counts).await?;
            }
        }
        if hidden > 0 {
            gaps.push(format!("{hidden} records of the archive may not be seen alone"));
        }
        // What may not be seen alone today is asked for again by the next run.
        if hidden == 0 {
            self.done(resource, archive, now).await?;
        }
        Ok((!gaps.is_empty()).then(|| gaps.join("; ")))
    }

    /// Whether searches show archived records; not known to, where none is held.
    pub(super) async fn is_searched(&self, resource: &'static Resource) -> Result<bool, Halt> {
        Ok(self.sample(resource).await?.1)
    }

    /// Some of the archived records that are held, and whether searches show any of them.
    pub(super) async fn sample(&self, resource: &'static Resource) -> Result<(Vec<String>, bool), Halt> {
        let sample = self.context.warehouse.archived(resource, SAMPLE).await?;
        if sample.is_empty() {
            return Ok((sample, false));
        }
        let shown = self.context.ask(extract::shown(self.context.client, resource, &sample)).await?;
        Ok((sample, !shown.is_empty()))
    }

    async fn departments(&self, resource: &'static Resource) -> Result<Vec<Department>, Halt> {
        self.context.ask(extract::departments(self.context.client, resource.name)).await
    }

    /// Lists the archive of a department, from a start date on: its ids, each once, and what it does not show.
    pub(super) async fn list(
        &self,
        resource: &'static Resource,
        archive: &Archive,
        department: &Department,
        since: Option<DateTime<Utc>>,
    ) -> Result<(Vec<String>, Option<Unlisted>), Halt> {
        let (mut list, mut ids) = (ArchiveList::new(resource, archive, &department.id, since), Vec::new());
        while let Some(page) = self.context.ask(list.next(self.context.client)).await? {
            ids.extend(page);
        }
        Ok((ids, Unlisted::of(department, &list)))
    }

    /// The archives whose length is not what the warehouse holds of them: a request each, whatever they hold. All of them
    /// where they are not compared by their length. Of one that is longer than a list the list tells nothing that a search
    /// has not shown, if searches show archived records.
    pub(super) async fn differing(
        &self,
        resource: &'static Resource,
        archive: &Archive,
        by_length: bool,
        is_searched: bool,
    ) -> Result<Vec<Shelf>, Halt> {
        let (client, mut first) = (self.context.client, None);
        let lengths = self.context.warehouse.shelf_lengths(resource).await?;
        let mut shelves = Vec::new();
        for department in self.departments(resource).await? {
            let mut shelf = Shelf { held: Vec::new(), department, more: None };
            if by_length {
                let id = &shelf.department.id;
                let length = lengths.get(id).map_or(Ok(0), |length| usize::try_from(*length)).unwrap_or(usize::MAX);
                if is_searched && length >= extract::ARCHIVE_REACH {
                    continue;
                }
                if first.is_none() && length > 1 {
                    let row = extract::first_of_archive(client, resource, archive, id);
                    first = Some(self.context.ask(row).await?);
                }
                let beyond = extract::beyond_archive(client, resource, archive, id, length, first.unwrap_or_default());
                shelf.more = self.context.ask(beyond).await?;
            }
            if shelf.more != Some(0) {
                shelf.held = self.context.warehouse.shelf(resource, &shelf.department.id).await?;
                shelves.push(shelf);
            }
        }
        Ok(shelves)
    }

    /// Reads and lands those of the ids that are not held as archived; gives how many of them may not be seen.
    pub(super) async fn land(
        &self,
        resource: &'static Resource,
        archive: &Archive,
        ids: Vec<String>,
        counts: &mut Counts,
    ) -> Result<u64, Halt> {
        let wanted = self.context.warehouse.not_archived(resource, ids).await?;
        self.land_all(resource, archive, &wanted, counts).await
    }

    /// Reads and lands all of the ids; gives how many of them may not be seen.
    pub(super) async fn land_all(
        &self,
        resource: &'static Resource,
        archive: &Archive,
        ids: &[String],
        counts: &mut Counts,
    ) -> Result<u64, Halt> {
        let mut hidden = 0;
        for ids in ids.chunks(alone::BATCH) {
            hidden += self.land_batch(resource, archive, ids, counts).await?;
        }
        Ok(hidden)
    }

    /// A search tells more of a record than the record itself, and of a hundred at once. It may not know yet that one is
    /// archived.
    async fn land_batch(
        &self,
        resource: &'static Resource,
        archive: &Archive,
        ids: &[String],
        counts: &mut Counts,
    ) -> Result<u64, Halt> {
        let (client, mapper) = (self.context.client, Mapper::new(resource, self.context.plan.keep_raw));
        let mut found = Found::new(resource, self.context.run, client.portal_now());
        let shown = self.context.ask(extract::shown(client, resource, ids)).await?;
        found.rows.extend(shown.into_values().filter_map(|record| mapper.row(record).ok()));
        // That it is shown brings nothing back to life that is held as deleted; that it is read alone does.
        let keys = ids.iter().map(|id| id.as_str().into()).collect();
        let deleted: HashSet<_> = self.context.warehouse.deleted(resource, keys).await?.into_iter().collect();
        found.rows.retain(|row| row.is_true(resource, archive.flag) && !deleted.contains(&row.id));
        let shown: HashSet<_> = found.rows.iter().map(|row| row.id.to_string()).collect();
        let rest = ids.iter().filter(|id| !shown.contains(*id)).cloned().collect();
        self.write(found, counts).await?;
        let (ask, mut hidden) = (async |id: String| extract::single(client, resource, &id).await, 0);
        alone::each(self.context, rest, ask, async |singles| {
            let mut found = Found::new(resource, self.context.run, client.portal_now());
            for single in singles {
                match single {
                    Single::Alive(record) | Single::Spam(record) => found.take(mapper.row(record)),
                    // What has left between the list and now is no record of the archive any more.
                    Single::Trashed | Single::Merged(_) | Single::NotFound => {}
                    Single::Hidden => hidden += 1,
                }
            }
            self.write(found, counts).await
        })
        .await?;
        Ok(hidden)
    }

    async fn write(&self, mut found: Found, counts: &mut Counts) -> Result<(), Halt> {
        found.read = (found.rows.len() + found.rejects.len()) as u64;
        for landed in self.context.warehouse.land_found(vec![found], None).await? {
            *counts += landed.counts;
        }
        Ok(())
    }

    async fn done(&self, resource: &'static Resource, archive: &Archive, now: DateTime<Utc>) -> Result<(), Halt> {
        let nothing = Found::new(resource, self.context.run, now);
        self.context.warehouse.land_found(vec![nothing], Some((archive.name, now))).await?;
        Ok(())
    }
}

/// What the list of an archive does not show.
pub(super) struct Unlisted {
    gap: Gap,
    sentence: String,
}

impl Unlisted {
    fn of(department: &Department, list: &ArchiveList) -> Option<Self> {
        let name = if department.name.is_empty() { &department.id } else { &department.name };
        let gap = list.gap?;
        let sentence = match gap {
            Gap::Refused => format!("the archive of department {name} may not be seen"),
            Gap::Ceiling => format!(
                "the archive of department {name} is longer than the {} records that Zoho lists of it",
                list.listed()
            ),
        };
        Some(Self { gap, sentence })
    }

    /// Says what rows may be lacking for it: none where a search shows archived records and the list is too long only.
    pub(super) fn lacks(self, is_searched: bool) -> Option<String> {
        (!is_searched || self.gap != Gap::Ceiling).then_some(self.sentence)
    }
}
