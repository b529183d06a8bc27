//! Records beside rows, one by one: all of them where a comparison is deep or a resource has only a list, those of a page
//! where numbers differ.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::stream::{self, StreamExt};

use super::compare::{Comparer, Looked};
use super::{Depth, Early, Hand};
use crate::extract::{self, Reader};
use crate::http;
use crate::ledger::{Key, Range, Sight, Usage, Window};
use crate::record::Record;
use crate::resource::{self, Feed, Resource};
use crate::sync::alone;
use crate::sync::context::Context;
use crate::sync::observe::Event;
use crate::warehouse::{self, Extent, Warehouse};

/// Tells what comparing all records takes, before it is begun; `greeted` is the time that the greeting took, which tells how
/// far away the portal is.
pub(super) async fn tell_what_is_expected<W: Warehouse>(context: Context<'_, W>, greeted: Duration) {
    let mut requests = 0;
    for resource in &context.plan.resources {
        // It is worth no more than a sentence: what cannot be counted now fails where it is compared.
        let Ok(of_it) = expected_of(context.warehouse, resource).await else { return };
        requests += of_it;
    }
    let Context { client, observer, .. } = context;
    let latency = greeted.as_secs_f64() / client.usage().requests.max(1) as f64;
    let time = Duration::from_secs_f64(requests as f64 * latency / f64::from(client.traffic().allowed.max(1)));
    let usage = Usage { requests, credits: requests * http::documented_price(0) };
    observer.see(&Event::Expected { usage, time });
}

/// Requests that comparing all records of a resource takes where nothing differs.
async fn expected_of<W: Warehouse>(warehouse: &W, resource: &'static Resource) -> Result<u64, warehouse::Error> {
    let count = |of| warehouse.count(Extent::all(of), None);
    let held = count(resource).await?;
    let pages = |rows| resource.pages_of(rows);
    Ok(match (resource.feed, resource::parent_of(resource)) {
        (Feed::Children, Some(parent)) => count(parent).await?,
        (Feed::Children, None) => 0,
        (Feed::List(_), _) if resource.page_limit == 0 => 1,
        (Feed::List(_) | Feed::Filtered { .. }, _) => pages(held) + 1,
        (Feed::Search { .. }, _) => {
            let archives = warehouse.shelf_lengths(resource).await?;
            let in_archives: u64 = archives.values().map(|length| pages(*length) + 1).sum();
            let departments = match resource::departments_of(resource).filter(|_| resource.plain.is_some()) {
                Some(departments) => count(departments).await?.max(1),
                None => 0,
            };
            let beside = pages(held.min(departments * u64::from(extract::PLAIN_REACH))) + departments;
            held.div_ceil(rows_at_once(resource)) + in_archives + beside
        }
    })
}

/// Records of a range of which all are read: a page, with a little room for what the warehouse lacks.
fn rows_at_once(resource: &Resource) -> u64 {
    u64::from(resource.page_limit) * 4 / 5
}

impl<W: Warehouse> Comparer<'_, W> {
    /// Compares the records of all ranges. Many are read at a time, and what they hold lands in their order.
    pub(super) async fn all_records(&mut self, whole: Range) -> Result<(), Early> {
        let (context, reader) = (self.context, Arc::clone(&self.reader));
        let reader = &*reader;
        // All of them first: while a page lands, nobody would go on with a question to the warehouse, and it waits for its end.
        let ranges = self.ranges(whole, rows_at_once(self.resource)).await?;
        let read = alone::in_order(stream::iter(ranges), |range| async move {
            Ok((range, read(context, reader, Key::Created, range).await?))
        });
        let (mut read, mut early) = (pin!(read), None);
        while let Some(answer) = read.next().await {
            match answer {
                Ok((range, records)) => self.records(range, records).await?,
                // What is under way has been paid for.
                Err(failure) => early = early.or(Some(failure)),
            }
        }
        early.map_or(Ok(()), Err)
    }

    /// Compares the records of a range.
    pub(super) async fn records(&mut self, range: Range, records: Vec<Record>) -> Result<(), Early> {
        if self.manner.depth == Depth::Records {
            self.compared.ranges += 1;
            self.compared.found += records.len() as u64;
        }
        self.settle(records, Some(range)).await
    }

    /// Compares all records of a resource that has only a list.
    pub(super) async fn list(&mut self) -> Result<(), Early> {
        let until = self.context.client.portal_now() + TimeDelta::days(1);
        let mut records =
            read(self.context, &self.reader, Key::Modified, Range::new(DateTime::UNIX_EPOCH, until)).await?;
        if let Some(since) = self.extent.since {
            records.retain(|record| record.keys().modified.is_none_or(|modified| modified >= since));
        }
        self.extent.without_archived = false;
        self.compared.held = self.context.warehouse.count(self.extent, None).await?;
        self.compared.found = records.len() as u64;
        self.compared.ranges = 1;
        self.settle(records, None).await?;
        self.ask_what_is_doubted().await
    }

    /// Lands what is shown, and has what is held and not shown asked for.
    async fn settle(&mut self, records: Vec<Record>, range: Option<Range>) -> Result<(), Early> {
        let shown: HashSet<String> = records.iter().filter_map(|record| record.keys().id.clone()).collect();
        let held = self.context.warehouse.ids(self.alive(), range).await?;
        let (there, vanished): (Vec<_>, Vec<_>) = held.into_iter().partition(|id| shown.contains(id));
        if self.manner.hand == Hand::Look {
            // One that fits no row is missing, whether it tells which one it is or not.
            let nameless = records.iter().filter(|record| record.keys().id.is_none()).count();
            let (lost, new) = (vanished.len() as u64, (shown.len() - there.len() + nameless) as u64);
            self.compared.surplus += lost;
            self.compared.lacking += new;
            let altered = self.altered(&records).await?;
            self.compared.altered += altered;
            self.compared.differing += u64::from(lost + new + altered > 0);
            return Ok(());
        }
        self.vanished += vanished.len() as u64;
        self.believe(self.vanished)?;
        self.land(records.clone(), Vec::new(), Sight::Shown).await?;
        self.doubt(records, vanished, Looked::At(range)).await
    }

    /// Number of the records that are held as they are, but for a cell that somebody has altered in the table.
    async fn altered(&self, records: &[Record]) -> Result<u64, Early> {
        let rows = records.iter().filter_map(|record| self.mapper.row(record.clone()).ok()).collect();
        Ok(self.context.warehouse.altered(self.resource, rows).await?.len() as u64)
    }
}

/// Reads all records of a range as a sync would, and lands nothing.
pub(super) async fn read<W>(
    context: Context<'_, W>,
    reader: &Reader,
    key: Key,
    range: Range,
) -> Result<Vec<Record>, Early> {
    let mut walk = reader.walk(&Window::of(key, range));
    let (mut records, mut seen) = (Vec::new(), HashSet::new());
    while let Some(page) = context.ask(reader.next(&mut walk)).await? {
        // A page repeats the last records of the one before.
        let mut is_new = |record: &Record| record.keys().id.clone().is_none_or(|id| seen.insert(id));
        records.extend(page.records.into_iter().filter(|record| is_new(record)));
        if let Some(unread) = page.unread {
            return Err(Early::Doubt(format!("the portal has and does not give {unread}; nothing was marked for it")));
        }
    }
    Ok(records)
}
