//! One resource beside the portal: numbers of records by ranges of created time, which never changes, closing in on ranges
//! whose numbers differ until a page holds one. What is missing is landed; what is too much is asked for by its id before
//! it is marked. Where a range is cut, the warehouse says.
//!
//! Numbers and pages come from the search index, which lags; records that were created within the overlap are left out,
//! and what is younger than that in either direction is settled by asking for the record itself.

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use chrono::{DateTime, TimeDelta, Utc};

use super::doubt::Doubts;
use super::records::read;
use super::{Compared, Depth, Early, Hand, Manner};
use crate::extract::{self, Asked, Reader, Single};
use crate::ledger::{Counts, Key, Range, Sight, Tombstone};
use crate::record::Record;
use crate::resource::{Feed, Resource};
use crate::sync::archive::Shelves;
use crate::sync::context::Context;
use crate::transform::Mapper;
use crate::warehouse::{Extent, Found, Warehouse};

/// Ranges that a table is cut into at first. Each costs a request whether anything differs or not, and saves some where
/// something does.
const RANGES: u64 = 24;

/// Records in a range, where they are fewer than would make as many ranges.
const LEAST_EACH: u64 = 1_000;

/// A resource that is being compared.
pub(super) struct Comparer<'a, W> {
    pub(super) context: Context<'a, W>,
    pub(super) manner: Manner,
    pub(super) resource: &'static Resource,
    pub(super) mapper: Mapper,
    pub(super) reader: Arc<Reader>,
    pub(super) extent: Extent,
    /// Whether searches show some of the archived records that are held.
    shows_archived: bool,
    pub(super) counts: Counts,
    pub(super) compared: Compared,
    /// Rows that the portal did not show, so far.
    pub(super) vanished: u64,
    /// What only the records themselves can tell, of several ranges: they are asked for together.
    pub(super) doubts: Doubts,
}

/// A range and what is known of it on the other side.
struct Open {
    range: Range,
    found: Option<u64>,
}

/// Where a record was not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// In a range of created time, or in a list that has none.
    At(Option<Range>),
    /// In the archive of its department.
    InArchive,
    /// In the plain list, which is not the search: that may show it.
    InList,
}

/// Rows of a range whose numbers are compared, of so many.
pub(super) fn each(held: u64) -> u64 {
    held.div_ceil(RANGES).max(LEAST_EACH)
}

impl<'a, W: Warehouse> Comparer<'a, W> {
    pub(super) fn new(context: Context<'a, W>, manner: Manner, resource: &'static Resource) -> Self {
        Self {
            context,
            manner,
            resource,
            mapper: Mapper::new(resource, context.plan.keep_raw),
            reader: Arc::new(Reader::comparing(Arc::clone(context.client), resource, None)),
            extent: Extent::all(resource),
            shows_archived: false,
            counts: Counts::default(),
            compared: Compared::default(),
            vanished: 0,
            doubts: Doubts::default(),
        }
    }

    /// Compares all of it.
    pub(super) async fn whole(&mut self) -> Result<(), Early> {
        let Some(whole) = self.prepare().await? else { return self.list().await };
        let open = match self.manner.depth {
            Depth::Counts => self.numbers(whole).await?,
            Depth::Records => {
                self.all_records(whole).await?;
                Vec::new()
            }
        };
        self.believe(self.compared.surplus)?;
        if self.manner.hand == Hand::Mend {
            for one in open {
                self.close_in(one).await?;
            }
        }
        self.ask_what_is_doubted().await?;
        self.bin().await?;
        // What was archived meanwhile is in the archive's list only.
        let archived = self.archive().await;
        if !matches!(archived, Err(Early::Halt(_))) {
            self.beside_the_search().await?;
        }
        archived
    }

    /// Compares the numbers of all ranges; gives those that differ.
    async fn numbers(&mut self, whole: Range) -> Result<Vec<Open>, Early> {
        let mut open = Vec::new();
        for range in self.ranges(whole, each(self.compared.held)).await? {
            open.extend(self.count(range).await?);
        }
        Ok(open)
    }

    /// The ranges of about so many rows each that a range is cut into, oldest first.
    pub(super) async fn ranges(&self, whole: Range, each: u64) -> Result<Vec<Range>, Early> {
        let (mut ranges, mut left) = (Vec::new(), Some(whole));
        while let Some(rest) = left {
            let range;
            (range, left) = self.context.warehouse.part(self.extent, rest, each).await?;
            ranges.push(range);
        }
        Ok(ranges)
    }

    /// Looks for what came back from the bin where no number tells of it.
    async fn bin(&mut self) -> Result<(), Early> {
        match self.extent.binned_since.filter(|_| self.manner.hand == Hand::Mend) {
            Some(since) => self.look_into_bin(since).await,
            None => Ok(()),
        }
    }

    /// Compares archives, now that nothing else differs: what was put there while it was held has changed no number, and
    /// maybe no time. A list does not tell which of its rows changed since the start date, and a length does not tell of a
    /// row that came while another one went.
    async fn archive(&mut self) -> Result<(), Early> {
        let Some(archive) = self.resource.archive else { return Ok(()) };
        let (shelves, mut gaps) = (Shelves { context: self.context }, Vec::new());
        let (mut vanished, mut shown) = (Vec::new(), HashSet::new());
        let is_deep = self.manner.depth == Depth::Records && self.manner.hand == Hand::Mend;
        let by_length = !is_deep && self.extent.since.is_none();
        for shelf in shelves.differing(self.resource, archive, by_length, self.shows_archived).await? {
            if self.manner.hand == Hand::Look {
                let (held, more) = (shelf.held.len() as u64, shelf.more.unwrap_or_default());
                self.compared.differing += u64::from(more != 0);
                self.compared.estimate += held.div_ceil(u64::from(self.resource.page_limit)) + 1 + more.unsigned_abs();
                continue;
            }
            let (ids, gap) = shelves.list(self.resource, archive, &shelf.department, self.extent.since).await?;
            let here: HashSet<&String> = ids.iter().collect();
            if gap.is_none() {
                vanished.extend(shelf.held.into_iter().filter(|id| !here.contains(id)));
            }
            gaps.extend(gap.and_then(|gap| gap.lacks(self.shows_archived)));
            shown.extend(ids.iter().cloned());
            self.compared.hidden += shelves.land(self.resource, archive, ids, &mut self.counts).await?;
        }
        // What is shown by another department has moved there, and is held as archived already.
        let (moved, vanished): (Vec<_>, Vec<_>) = vanished.into_iter().partition(|id| shown.contains(id));
        self.compared.hidden += shelves.land_all(self.resource, archive, &moved, &mut self.counts).await?;
        if !vanished.is_empty() {
            self.vanished += vanished.len() as u64;
            self.believe(self.vanished)?;
            let vanished = vanished.into_iter().map(|id| (id, Looked::InArchive)).collect();
            self.bury(vanished).await?;
        }
        if gaps.is_empty() { Ok(()) } else { Err(Early::Doubt(gaps.join("; "))) }
    }

    /// Compares ranges from `from` on, oldest first, for as long as `may_go_on`; gives where it stands, `None` at the end.
    pub(super) async fn part(
        &mut self,
        from: Option<DateTime<Utc>>,
        mut may_go_on: impl FnMut() -> bool,
    ) -> Result<Option<DateTime<Utc>>, Early> {
        let Some(whole) = self.prepare().await? else {
            self.list().await?;
            return Ok(None);
        };
        let rest = Range { from: from.unwrap_or(whole.from).clamp(whole.from, whole.to), to: whole.to };
        let mut left = Some(rest);
        while let Some(rest) = left {
            let range;
            (range, left) = self.context.warehouse.part(self.extent, rest, each(self.compared.held)).await?;
            if let Some(one) = self.count(range).await? {
                self.believe(self.compared.surplus)?;
                self.close_in(one).await?;
            }
            if range.to < whole.to && !may_go_on() {
                self.ask_what_is_doubted().await?;
                return Ok(Some(range.to + TimeDelta::milliseconds(1)));
            }
        }
        self.ask_what_is_doubted().await?;
        self.bin().await?;
        self.archive().await?;
        Ok(None)
    }

    /// Learns what can be compared; gives the range of created time, or `None` where the resource has only a list.
    async fn prepare(&mut self) -> Result<Option<Range>, Early> {
        let history = self.context.warehouse.history(self.resource).await?;
        if history.bookmark.is_none() || !history.open.is_empty() {
            return Err(Early::Doubt("it has not been read to its end yet; run `deskhouse sync` first".into()));
        }
        self.extent.since = history.start();
        let modified = self.asked(Range::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH)).modified;
        self.reader = Arc::new(Reader::comparing(Arc::clone(self.context.client), self.resource, modified));
        let (sample, is_searched) = Shelves { context: self.context }.sample(self.resource).await?;
        self.shows_archived = is_searched;
        self.extent.without_archived = !is_searched && self.has_any(&sample).await?;
        let until = self.context.client.portal_now() - self.context.plan.overlap;
        let whole = Range::new(DateTime::UNIX_EPOCH + TimeDelta::days(1), until);
        self.compared.held = self.context.warehouse.count(self.extent, Some(whole)).await?;
        self.extent.binned_since = self.shows_bin_since().await?;
        Ok(matches!(self.resource.feed, Feed::Search { .. }).then_some(whole))
    }

    /// Whether any of these records is there: where searches show none of them, they hide archived records then.
    async fn has_any(&self, archived: &[String]) -> Result<bool, Early> {
        for id in archived {
            if let Single::Alive(_) | Single::Spam(_) = self.single(id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compares numbers; gives the range back if they differ.
    async fn count(&mut self, range: Range) -> Result<Option<Open>, Early> {
        let held = self.context.warehouse.count(self.extent, Some(range)).await?;
        let mut found = self.found(range).await?;
        if found < held {
            // A portal may have had a bad moment, and what is too much would be asked for one by one.
            found = self.found(range).await?;
        }
        // What was purged from the bin is no row too many.
        let alive = match self.extent.binned_since.filter(|_| found != held) {
            Some(_) => self.context.warehouse.count(self.alive(), Some(range)).await?,
            None => held,
        };
        let compared = &mut self.compared;
        compared.ranges += 1;
        compared.found += found;
        if found == held {
            return Ok(None);
        }
        compared.differing += 1;
        compared.surplus += alive.saturating_sub(found);
        compared.lacking += found.saturating_sub(held);
        // One request halves the range, until a page holds it; then the page, and for each record that is too many itself.
        let levels = held.max(found).div_ceil(u64::from(self.resource.page_limit)).max(1).ilog2() + 1;
        compared.estimate += held.abs_diff(found) * (u64::from(levels) + 4);
        Ok(Some(Open { range, found: Some(found) }))
    }

    /// Halves a range that differs until its records fit a page.
    async fn close_in(&mut self, one: Open) -> Result<(), Early> {
        let mut open = vec![one];
        while let Some(Open { range, found }) = open.pop() {
            let found = match found {
                Some(found) => found,
                None => self.found(range).await?,
            };
            let held = self.context.warehouse.count(self.extent, Some(range)).await?;
            if found == held {
                continue;
            }
            let fits = found.max(held) <= u64::from(self.resource.page_limit);
            let halves = if fits { None } else { self.context.warehouse.halves(self.extent, range).await? };
            let Some((left, right)) = halves else {
                let records = read(self.context, &self.reader, Key::Created, range).await?;
                self.records(range, records).await?;
                continue;
            };
            let in_left = self.found(left).await?;
            open.push(Open { range: right, found: found.checked_sub(in_left) });
            open.push(Open { range: left, found: Some(in_left) });
        }
        Ok(())
    }

    async fn found(&self, created: Range) -> Result<u64, Early> {
        let asked = self.asked(created);
        Ok(self.context.ask(extract::matching(self.context.client, self.resource, &asked)).await?)
    }

    /// The rows that are compared, without those that are held as being in the bin.
    pub(super) fn alive(&self) -> Extent {
        Extent { binned_since: None, ..self.extent }
    }

    fn asked(&self, created: Range) -> Asked {
        // What changes while we look is meant too.
        let until = self.context.client.portal_now() + TimeDelta::days(1);
        Asked { created, modified: self.extent.since.map(|since| Range::new(since, until)) }
    }

    /// Whether a record is alive where nobody looked: in the archive or out of it, or created at another time than is held.
    pub(super) fn is_elsewhere(&self, record: &Record, looked: Looked) -> bool {
        let range = match looked {
            Looked::At(range) => range,
            Looked::InArchive => return true,
            Looked::InList => return self.is_archived(record),
        };
        let outside = range.is_some_and(|range| {
            record.keys().created.is_some_and(|created| created < range.from || created > range.to)
        });
        (self.extent.without_archived && self.is_archived(record)) || outside
    }

    pub(super) fn is_archived(&self, record: &Record) -> bool {
        let Some(archive) = self.resource.archive else { return false };
        self.mapper.row(record.clone()).is_ok_and(|row| row.is_true(self.resource, archive.flag))
    }

    pub(super) async fn land(
        &mut self,
        records: Vec<Record>,
        gone: Vec<(ByteString, Tombstone)>,
        sight: Sight,
    ) -> Result<(), Early> {
        let mut found =
            Found { gone, sight, ..Found::new(self.resource, self.context.run, self.context.client.portal_now()) };
        found.read = records.len() as u64;
        found.closely = self.manner.depth == Depth::Records;
        for record in records {
            found.take(self.mapper.row(record));
        }
        for landed in self.context.warehouse.land_found(vec![found], None).await? {
            self.counts += landed.counts;
            self.compared.altered += landed.counts.altered;
            if self.manner.depth == Depth::Records {
                self.compared.lacking += landed.counts.rejected;
            }
        }
        Ok(())
    }

    /// Stops where more rows are too many than can be believed.
    pub(super) fn believe(&self, too_many: u64) -> Result<(), Early> {
        let held = self.compared.held;
        if !self.manner.brake.stops(held, too_many) {
            return Ok(());
        }
        Err(Early::Doubt(format!(
            "the portal does not show {too_many} of {held} rows, which is too much to believe; nothing more was marked \
             (`deskhouse verify --believe` does it all the same)"
        )))
    }

    async fn single(&self, id: &str) -> Result<Single, Early> {
        Ok(self.context.ask(extract::single(self.context.client, self.resource, id)).await?)
    }
}
