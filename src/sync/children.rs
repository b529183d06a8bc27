//! Lists below the records of another resource: those of the parents that have changed since their list was last read.
//! Which these are, the ledger knows; so a run that is stopped goes on with what is left of them. What a list does not have
//! is marked as gone.

use std::cell::Cell;
use std::collections::HashSet;
use std::future;
use std::pin::pin;
use std::sync::Arc;

use bytestring::ByteString;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Event;
use super::alone;
use super::context::Context;
use super::list;
use super::stream::Halt;
use super::verify::{Compared, Hand};
use crate::extract::{self, ListReader, Single, Weight};
use crate::http::{self, Priority};
use crate::ledger::{Brake, Counts, Reason, Tombstone};
use crate::resource::{self, Resource};
use crate::transform::{Mapper, Reject, Row};
use crate::warehouse::{Due, Extent, Found, Parent, Warehouse};

/// Parents that are asked of the ledger at once.
const PARENTS_AT_ONCE: usize = 500;

/// Lists that wait for their turn at once; how many are under way is the client's decision.
const LISTS_AT_ONCE: usize = 16;

/// The same for a comparison, which is to stop when its credits are spent and does not hurry.
const LISTS_BESIDE: usize = 4;

/// Lists that are landed together: what a run that is cut off has to ask for again.
const LISTS_PER_COMMIT: usize = 25;

/// Refusals after one another that make it likely that the next one would be refused as well.
const MOST_REFUSALS: usize = 3;

/// What reads the lists of one resource and lands them.
pub(super) struct Children<'a, W> {
    context: Context<'a, W>,
    resource: &'static Resource,
    parent: &'static Resource,
    mapper: Arc<Mapper>,
    weight: Arc<Weight>,
    brake: Brake,
    priority: Priority,
    pub(super) counts: Counts,
    pub(super) compared: Compared,
    /// Parents whose lists could not be read.
    refused: HashSet<String>,
    /// Why the first of them could not.
    first_refusal: Option<String>,
    refusals_in_a_row: usize,
    /// Rows that lists do not have, and the parents of these: marked and noted when all lists are read, so that nothing is
    /// marked where too much is missing.
    missing: Vec<ByteString>,
    lacking: Vec<Parent>,
}

/// What came of the list of one parent.
enum Listed {
    /// All of it.
    Whole(Vec<Result<Row, Reject>>),
    /// The parent has left; its parts go with it when that is known.
    ParentGone,
    /// It may not be read, or cannot be.
    Refused(extract::Error),
}

impl<'a, W: Warehouse> Children<'a, W> {
    pub(super) fn new(context: Context<'a, W>, resource: &'static Resource, brake: Brake, priority: Priority) -> Self {
        Self {
            context,
            resource,
            parent: resource::parent_of(resource).unwrap_or(resource),
            mapper: Arc::new(Mapper::new(resource, context.plan.keep_raw)),
            weight: Arc::default(),
            brake,
            priority,
            counts: Counts::default(),
            compared: Compared::default(),
            refused: HashSet::new(),
            first_refusal: None,
            refusals_in_a_row: 0,
            missing: Vec::new(),
            lacking: Vec::new(),
        }
    }

    /// Reads the lists of all parents that have changed. The bookmark is that of the parents.
    pub(super) async fn read(&mut self) -> Result<(), Halt> {
        self.read_due(Due::Changed, || true).await?;
        self.all_read()?;
        let Context { warehouse, client, run, .. } = self.context;
        let history = warehouse.history(self.parent).await?;
        if let Some(until) = history.bookmark.and_then(|bookmark| bookmark.complete_until) {
            let nothing = vec![Found::new(self.resource, run, client.portal_now())];
            warehouse.land_found(nothing, Some((self.resource.name, until))).await?;
        }
        Ok(())
    }

    /// Reads the lists of all parents, changed or not; or only says how many there are.
    pub(super) async fn compare(&mut self, hand: Hand) -> Result<(), Halt> {
        let Context { warehouse, client, run, .. } = self.context;
        self.compared.held = self.held().await?;
        match hand {
            Hand::Look => {
                self.compared.estimate = warehouse.count(Extent::all(self.parent), None).await?;
                Ok(())
            }
            Hand::Mend => {
                self.read_due(Due::ReadBefore(client.portal_now() + TimeDelta::days(1), run), || true).await?;
                self.all_read()
            }
        }
    }

    /// Reads the lists that were read longest ago, for as long as `may_go_on`. A turn is known by its beginning, which is
    /// given back until all have been read since; `None` then.
    pub(super) async fn part(
        &mut self,
        turn: Option<DateTime<Utc>>,
        may_go_on: impl FnMut() -> bool,
    ) -> Result<Option<DateTime<Utc>>, Halt> {
        let turn = turn.unwrap_or_else(|| self.context.client.portal_now());
        let is_whole = self.read_due(Due::ReadBefore(turn, self.context.run), may_go_on).await?;
        self.all_read()?;
        Ok((!is_whole).then_some(turn))
    }

    /// Reads lists until none is due, or may not be begun; gives whether none is due.
    async fn read_due(&mut self, due: Due, mut may_go_on: impl FnMut() -> bool) -> Result<bool, Halt> {
        loop {
            let most = PARENTS_AT_ONCE + self.refused.len() + self.lacking.len();
            let mut parents = self.context.warehouse.parents(self.resource, due, most).await?;
            parents.retain(|parent| !self.refused.contains(&parent.id) && !self.lacking.contains(parent));
            if parents.is_empty() {
                self.mark_missing().await?;
                return Ok(true);
            }
            let (mut is_cut, ended) = (false, Cell::new(false));
            let reader = self.reader();
            let at_once = if self.priority == Priority::Verify { LISTS_BESIDE } else { LISTS_AT_ONCE };
            let may_begin = stream::iter(parents).take_while(|_| {
                is_cut = !ended.get() && !may_go_on();
                future::ready(!is_cut && !ended.get())
            });
            // What is under way at a failure is paid for, and is read to its end or until patience is over.
            let lists = may_begin.map(|parent| reader.list(parent, false)).buffer_unordered(at_once);
            let lists = lists.inspect(|listed| ended.set(ended.get() || listed.is_err()));
            // Reading and landing go on side by side: a list may be read once more while it is landed, and has to get its
            // turn. Nothing waits for long, since a batch of parents ends.
            alone::taken(lists, LISTS_PER_COMMIT, async |listed| self.land(listed).await).await?;
            if is_cut {
                self.mark_missing().await?;
                return Ok(false);
            }
        }
    }

    /// Lands what some lists came to.
    async fn land(&mut self, listed: Vec<(Parent, Listed)>) -> Result<(), Halt> {
        let Context { warehouse, client, run, .. } = self.context;
        let parents = listed.iter().map(|(parent, _)| parent.id.clone()).collect();
        let held = warehouse.parts(self.resource, parents).await?;
        let mut found = Found::new(self.resource, run, client.portal_now());
        let mut whole = Vec::new();
        for (parent, listed) in self.proved(listed, &held).await? {
            match listed {
                Listed::Whole(rows) => whole.push((parent, rows)),
                Listed::ParentGone => found.parents.push(parent),
                Listed::Refused(error) => self.refuse(parent, error)?,
            }
        }
        self.refusals_in_a_row = if whole.is_empty() { self.refusals_in_a_row } else { 0 };
        let (mut seen, mut parents) = (HashSet::new(), Vec::new());
        for (parent, rows) in whole {
            found.read += rows.len() as u64;
            seen.extend(rows.iter().map(id));
            for row in rows {
                found.take(row);
            }
            parents.push(parent);
        }
        let is_whole: HashSet<&str> = parents.iter().map(|parent| &*parent.id).collect();
        let lacks = |(id, of): &(String, String)| is_whole.contains(&**of) && !seen.contains(id.as_str());
        let missing = held.into_iter().filter(lacks);
        let (missing, of): (Vec<ByteString>, HashSet<String>) = missing.map(|(id, of)| (id.into(), of)).unzip();
        self.compared.ranges += parents.len() as u64;
        self.compared.differing += of.len() as u64;
        self.compared.found += found.read;
        self.missing.extend(missing);
        let (lacking, whole): (Vec<_>, Vec<_>) = parents.into_iter().partition(|parent| of.contains(&parent.id));
        self.lacking.extend(lacking);
        found.parents.extend(whole);
        self.write(found).await
    }

    /// Marks what lists do not have as gone, unless it is too much to be believed.
    async fn mark_missing(&mut self) -> Result<(), Halt> {
        if self.lacking.is_empty() {
            return Ok(());
        }
        let (resource, held, missing) = (self.resource.name, self.held().await?, self.missing.len() as u64);
        if self.brake.stops(held, missing) {
            return Err(Halt::Read(extract::Error::Doubtful { resource, held, missing }));
        }
        let Context { client, run, .. } = self.context;
        let tombstone = Tombstone::new(Reason::Gone, client.portal_now());
        let gone = self.missing.drain(..).map(|id| (id, tombstone.clone())).collect();
        let parents = std::mem::take(&mut self.lacking);
        self.write(Found { gone, parents, ..Found::new(self.resource, run, client.portal_now()) }).await
    }

    async fn write(&mut self, found: Found) -> Result<(), Halt> {
        for landed in self.context.warehouse.land_found(vec![found], None).await? {
            self.counts += landed.counts;
            let event = Event::Landed { resource: self.resource.name, counts: landed.counts };
            self.context.observer.see(&event);
        }
        Ok(())
    }

    /// Reads a list once more that lacks rows which are held, since a page may have been shorter than it should have been;
    /// and takes one for unreadable that has records which do not tell which ones they are.
    async fn proved(
        &self,
        listed: Vec<(Parent, Listed)>,
        held: &[(String, String)],
    ) -> Result<Vec<(Parent, Listed)>, Halt> {
        let mut proved = Vec::with_capacity(listed.len());
        for (parent, mut listed) in listed {
            if let Listed::Whole(rows) = &listed {
                let seen: HashSet<ByteString> = rows.iter().map(id).collect();
                let lacks = |(id, of): &(String, String)| *of == parent.id && !seen.contains(id.as_str());
                if held.iter().any(lacks) {
                    listed = self.reader().list(parent.clone(), true).await?.1;
                }
            }
            if let Listed::Whole(rows) = &listed
                && rows.iter().any(|row| row.as_ref().is_err_and(Reject::is_nameless))
            {
                listed = Listed::Refused(extract::Error::NoKeys { resource: self.resource.name });
            }
            proved.push((parent, listed));
        }
        Ok(proved)
    }

    /// Remembers a refusal; gives it back where it is likely that all others would be refused as well.
    fn refuse(&mut self, parent: Parent, error: extract::Error) -> Result<(), Halt> {
        self.refusals_in_a_row += 1;
        self.first_refusal.get_or_insert_with(|| error.to_string());
        self.refused.insert(parent.id);
        if self.refusals_in_a_row < MOST_REFUSALS { Ok(()) } else { Err(Halt::Read(error)) }
    }

    /// An error where some lists could not be read.
    fn all_read(&self) -> Result<(), Halt> {
        let Some(first) = self.first_refusal.clone() else { return Ok(()) };
        let (resource, parents, count) = (self.resource.name, self.parent.name, self.refused.len() as u64);
        Err(Halt::Read(extract::Error::SomeRefused { resource, parents, count, first }))
    }

    /// Number of rows that are held alive.
    async fn held(&self) -> Result<u64, Halt> {
        Ok(self.context.warehouse.count(Extent::all(self.resource), None).await?)
    }

    fn reader(&self) -> Reader<'a, W> {
        let (resource, parent) = (self.resource, self.parent);
        let (mapper, weight) = (Arc::clone(&self.mapper), Arc::clone(&self.weight));
        Reader { context: self.context, resource, parent, mapper, weight, priority: self.priority }
    }
}

/// Reads lists; apart from what lands them, since both go on at the same time.
struct Reader<'a, W> {
    context: Context<'a, W>,
    resource: &'static Resource,
    parent: &'static Resource,
    mapper: Arc<Mapper>,
    weight: Arc<Weight>,
    priority: Priority,
}

impl<W: Warehouse> Reader<'_, W> {
    /// Reads all of the list of one parent; with `prove`, until a page brings nothing new.
    async fn list(&self, parent: Parent, prove: bool) -> Result<(Parent, Listed), Halt> {
        let client = Arc::clone(self.context.client);
        let mut reader = ListReader::below(client, self.resource, &parent.id, self.priority, &self.weight);
        if prove {
            reader.prove();
        }
        let given = self.resource.part().map(|column| column.pointer.trim_start_matches('?'));
        let (mut rows, mut pages) = (Vec::new(), pin!(list::pages(self.context, &mut reader)));
        loop {
            match pages.try_next().await {
                Ok(Some(page)) => {
                    self.context.tell_page(self.resource.name, page.records.len(), None);
                    let given = given.map(|name| (name, parent.id.as_str()));
                    rows.extend(page.records.into_iter().map(|record| self.mapper.row_of(record, given)));
                }
                Ok(None) => return Ok((parent, Listed::Whole(rows))),
                Err(halt) => {
                    let listed = self.failed(&parent, halt).await?;
                    return Ok((parent, listed));
                }
            }
        }
    }

    /// What it means for a parent that its list was not read; gives back what concerns all of them.
    async fn failed(&self, parent: &Parent, halt: Halt) -> Result<Listed, Halt> {
        match halt {
            Halt::Read(extract::Error::Http(http::Error::NotFound { request })) => {
                let single = extract::single(self.context.client, self.parent, &parent.id);
                Ok(match self.context.ask(single).await? {
                    Single::NotFound | Single::Merged(_) | Single::Trashed | Single::Spam(_) => Listed::ParentGone,
                    Single::Alive(_) | Single::Hidden => Listed::Refused(http::Error::NotFound { request }.into()),
                })
            }
            Halt::Read(extract::Error::Http(error))
                if error.ends_all() && !matches!(error, http::Error::Spent { .. }) =>
            {
                Err(Halt::Read(error.into()))
            }
            Halt::Read(error) => Ok(Listed::Refused(error)),
            halt => Err(halt),
        }
    }
}

fn id(row: &Result<Row, Reject>) -> ByteString {
    match row {
        Ok(row) => row.id.clone(),
        Err(reject) => reject.id.as_str().into(),
    }
}
