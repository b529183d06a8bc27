//! How much there is to read: a count of each range, and a look at each list of which the warehouse does not tell.

use chrono::{DateTime, Utc};

use super::held::Work;
use super::parts::{self, Part, Prices};
use super::{Cost, ranges};
use crate::extract::{self, Length};
use crate::http::{self, Client, Priority};
use crate::ledger::{History, Key, RECYCLE_BIN, Range, Usage};
use crate::record::Record;
use crate::resource::{self, Archive, Feed, List, Resource};
use crate::sync::Plan;

/// Rows of a page of the recycle bin and of archives.
const ROWS: u32 = 100;

/// Requests that teach how many rows a page may have.
const LESSONS: &str = "limits learnt";

/// Records of the archive of a department that the search is asked for, the newest of those that were seen.
const ASKED_FOR: usize = 10;

/// Parents whose lists are looked at.
const SAMPLE: usize = 3;

/// What is in the ranges of a resource.
#[derive(Default)]
struct Found {
    records: u64,
    /// Pages of all windows.
    pages: u64,
    lessons: Usage,
    prices: Prices,
    /// Keys of some of the records.
    sample: Vec<String>,
}

/// Asks for sizes.
pub(super) struct Sizes<'a> {
    pub(super) plan: &'a Plan,
    pub(super) client: &'a Client,
    pub(super) now: DateTime<Utc>,
    /// Requests at a time.
    pub(super) at_once: u32,
}

impl Sizes<'_> {
    /// What reading a resource takes; `read` are those before it.
    pub(super) async fn of(&self, work: &Work, read: &[Cost]) -> Result<Cost, http::Error> {
        match work.resource.feed {
            Feed::List(list) => self.of_list(work, &list).await,
            Feed::Children => self.of_children(work, read).await,
            Feed::Search { .. } | Feed::Filtered { .. } => self.of_ranges(work).await,
        }
    }

    /// Windows of a search or of a filtered list, and what a run asks for once they are read.
    async fn of_ranges(&self, work: &Work) -> Result<Cost, http::Error> {
        let resource = work.resource;
        let Found { records, pages, lessons, prices, sample } = self.windows(work).await?;
        let mut parts = vec![prices.pages("pages", pages), Part { name: LESSONS, usage: lessons }];
        if self.plan.asks_details(resource) {
            parts.push(prices.singles("details", records));
        }
        let shown = prices.pages("owed details", work.owing.div_ceil(u64::from(ROWS)));
        parts.push(shown.and(&prices.singles("", work.owing)));
        if let Some(archive) = resource.archive.filter(|_| work.archive_is_due) {
            parts.push(self.of_archive(work, archive, prices).await?);
        }
        if resource.feed.is_counted() && self.plan.backfill.is_none() {
            parts.push(prices.pages("count at the end", 1));
        }
        Ok(Cost { records: Some(records), sample, ..Cost::of(resource.name, parts) })
    }

    /// Records of all ranges, and pages of the windows that a run makes of them. Where fewer may be counted than there are,
    /// the parts of a range that are not meant are taken to hold as many records a day as the others.
    async fn windows(&self, work: &Work) -> Result<Found, http::Error> {
        let resource = work.resource;
        let key = self.plan.backfill.map_or(Key::Modified, |backfill| backfill.key);
        let counted = ranges::few(&work.ranges);
        let is_each = counted.len() == work.ranges.len();
        let mut all = Found::default();
        for (place, ranges::Counted { range, meant }) in counted.into_iter().enumerate() {
            let Length { rows, page: limit, lessons, price, seen } =
                extract::count(self.client, resource, key, range).await?;
            let share = meant.as_seconds_f64() / (range.to - range.from).max(meant).as_seconds_f64().max(0.001);
            let found = (rows as f64 * share).round() as u64;
            let shown = if place == 0 { found + work.again } else { found };
            all.pages += match resource.feed.is_counted() {
                true if parts::is_cut(found, limit) => {
                    parts::of_walks(self.by_age(resource, key, range, found).await?, limit, self.at_once)
                }
                true => parts::of_window(shown, limit),
                // One that begins at a row that is held shows it and nothing else.
                false if shown > 0 && found == 0 => 2,
                false => parts::of_uncounted(shown, limit),
            };
            if place == 0 {
                // Windows of a resource learn from each other.
                (all.lessons, all.prices) = (lessons, Prices { page: price });
            }
            all.records += found;
            all.sample
                .extend(seen.iter().filter_map(|record| record.keys().id.clone()).take(SAMPLE - all.sample.len()));
        }
        let windows = work.ranges.len() as u64;
        all.pages = windows.max(all.pages + if is_each { 0 } else { windows / 2 });
        Ok(all)
    }

    /// How many of the `found` records of a range lie in each of the parts that a run cuts it into. All but the oldest part
    /// are counted together, as if each day of them held as many.
    async fn by_age(
        &self,
        resource: &'static Resource,
        key: Key,
        range: Range,
        found: u64,
    ) -> Result<Vec<u64>, http::Error> {
        let mut newer = History::parts(self.now, range);
        newer.pop();
        let Some(from) = newer.last().map(|part| part.from) else { return Ok(vec![found]) };
        let all = Range { from, ..range };
        let recent = extract::count(self.client, resource, key, all).await?.rows.min(found);
        let seconds = |of: &Range| (of.to - of.from).as_seconds_f64();
        let share = |part: &Range| (recent as f64 * seconds(part) / seconds(&all).max(1.0)).round() as u64;
        Ok(newer.iter().map(share).chain([found - recent]).collect())
    }

    /// A list that is read whole each time.
    async fn of_list(&self, work: &Work, list: &List) -> Result<Cost, http::Error> {
        let (resource, limit) = (work.resource, work.resource.page_limit);
        let lists = list.each.map_or(1, |(_, values)| values.len() as u64);
        // A list for each value of a parameter would take as many looks as reading it: they are taken to fit a page.
        let found = match work.is_first && limit > 0 && lists == 1 {
            true => Some(extract::list_length(self.client, resource, list).await?),
            false => None,
        };
        let rows = if work.is_first { found.as_ref().map(|found| found.rows) } else { Some(work.rows) };
        let limit = found.as_ref().map_or(limit, |found| found.page);
        let prices = found.as_ref().map_or_else(Prices::default, |found| Prices { page: found.price });
        let lessons = found.map(|found| found.lessons).unwrap_or_default();
        let (pages, proof) = match (work.is_first, rows) {
            (true, rows) => parts::of_proven_list(rows.unwrap_or(1), limit),
            (false, Some(0) | None) => (1, 0),
            (false, Some(rows)) => {
                let is_proven = limit > 0 && rows.is_multiple_of(extract::USUAL_CAP as u64);
                (parts::of_list(rows.div_ceil(lists), limit), u64::from(is_proven))
            }
        };
        let pages = prices.offsets("pages", pages, limit).times(lists);
        let lessons = Part { name: LESSONS, usage: lessons };
        let mut parts = vec![pages, lessons, prices.pages("proof of the end", proof * lists)];
        if let Some(detail) = list.detail {
            // Whether the newest has changed, only it tells.
            let known = u64::from(detail.newest_first && work.rows > 0);
            parts.push(prices.singles("details", if work.is_first { rows.unwrap_or_default() } else { known }));
        }
        Ok(Cost { records: rows, ..Cost::of(resource.name, parts) })
    }

    /// A list for each parent that is new or has changed. Those of a few tell how many requests one takes: an empty one is
    /// asked for once more.
    async fn of_children(&self, work: &Work, read: &[Cost]) -> Result<Cost, http::Error> {
        let resource = work.resource;
        let parent = resource::parent_of(resource).map(|parent| parent.name);
        let Some(parent) = read.iter().find(|cost| Some(cost.resource) == parent) else {
            return Ok(Cost::of(resource.name, vec![Prices::default().pages("lists", work.due)]));
        };
        let Some(changed) = parent.records else { return Ok(Cost::unknown(resource.name, None)) };
        let (mut pages, mut prices) = (Vec::new(), Prices::default());
        for id in &parent.sample {
            pages.push(match extract::length_below(self.client, resource, id).await {
                Ok(Length { rows, page, price, .. }) => {
                    prices = Prices { page: price };
                    if rows == 0 { 2 } else { parts::of_list(rows, page) }
                }
                // The parent has left, and is asked for to know it.
                Err(http::Error::NotFound { .. }) => 2,
                Err(error) => return Err(error),
            });
        }
        let lists = work.due + changed;
        let requests = (lists * pages.iter().sum::<u64>()).checked_div(pages.len() as u64).unwrap_or(lists);
        Ok(Cost::of(resource.name, vec![prices.pages("lists", requests)]))
    }

    /// The archive: a look whether searches show what is archived, and where they do not the lists of all departments and
    /// each record alone.
    async fn of_archive(&self, work: &Work, archive: &Archive, prices: Prices) -> Result<Part, http::Error> {
        const NAME: &str = "archive";
        let (client, resource) = (self.client, work.resource);
        let departments = extract::department_length(client, resource.name).await?;
        let (mut is_shown, mut all) = (None, prices.pages(NAME, 0));
        for department in departments.seen.iter().filter_map(|record| record.keys().id.clone()) {
            let length = match extract::archive_length(client, resource, archive, &department).await {
                Ok(length) => length,
                Err(http::Error::NotGranted { .. }) => {
                    all = all.and(&prices.pages("", 1));
                    continue;
                }
                Err(error) => return Err(error),
            };
            if is_shown != Some(false) && length.rows > 0 && work.is_first {
                let (shown, are_read) = self.shown(resource, &length.seen).await?;
                if are_read {
                    return Ok(prices.pages(NAME, 1));
                }
                is_shown = Some(shown);
            }
            let (pages, proof) = parts::of_proven_list(length.rows, length.page);
            all = all.and(&prices.offsets("", pages + proof, length.page));
            // What was read before, or has just been, is held as archived.
            if work.is_first && is_shown == Some(false) {
                let meant = self.meant(&length);
                all = all.and(&prices.pages("", meant.div_ceil(u64::from(ROWS)))).and(&prices.singles("", meant));
            }
        }
        let (pages, proof) = parts::of_proven_list(departments.rows, departments.page);
        Ok(all.and(&prices.pages("", pages + proof)))
    }

    /// Records of an archive that were created since the start date, as far as those tell that were seen.
    fn meant(&self, archive: &Length) -> u64 {
        let is_meant = |record: &&Record| record.keys().created.is_none_or(|created| created >= self.plan.start_date);
        let meant = archive.seen.iter().filter(is_meant).count() as u64;
        (archive.rows * meant).div_ceil(archive.seen.len().max(1) as u64)
    }

    /// Whether the search shows some of these archived records, and whether a run finds any of them by its time of change.
    async fn shown(&self, resource: &'static Resource, archived: &[Record]) -> Result<(bool, bool), http::Error> {
        let mut newest: Vec<_> = archived.iter().map(Record::keys).collect();
        newest.sort_by_key(|keys| std::cmp::Reverse(keys.created));
        let ids: Vec<_> = newest.into_iter().filter_map(|keys| keys.id.clone()).take(ASKED_FOR).collect();
        match extract::shown_for(self.client, Priority::Main, resource, &ids).await {
            Ok(shown) => {
                let is_read = |record: &Record| record.keys().modified.is_none_or(|time| time >= self.plan.start_date);
                Ok((!shown.is_empty(), shown.values().any(is_read)))
            }
            Err(extract::Error::Http(error)) => Err(error),
            Err(_) => Ok((false, false)),
        }
    }

    /// The recycle bin: all of it the first time, later what came into it since.
    pub(super) async fn of_bin(&self, is_read: bool) -> Result<Cost, http::Error> {
        // Its newest page goes back behind the last time.
        if is_read {
            return Ok(Cost::of(RECYCLE_BIN, vec![Prices::default().pages("pages", 1)]));
        }
        let Length { rows, page, lessons, price, .. } = extract::bin_length(self.client).await?;
        let (prices, (pages, proof)) = (Prices { page: price }, parts::of_proven_list(rows, page));
        let pages = prices.offsets("pages", pages, page);
        let lessons = Part { name: LESSONS, usage: lessons };
        Ok(Cost::of(RECYCLE_BIN, vec![pages, lessons, prices.pages("proof of the end", proof)]))
    }
}
