//! What the warehouse holds already, as far as it decides what a run asks for. Nothing is asked of the portal here.

use chrono::{DateTime, Utc};

use crate::ledger::{History, Key, RECYCLE_BIN, Range, Window};
use crate::resource::{Feed, Resource};
use crate::sync::archive;
use crate::sync::verify;
use crate::sync::{Backfill, Plan};
use crate::warehouse::{self, Dialect, Due, Extent, SqlWarehouse, Warehouse};

/// What a run finds in the warehouse.
#[derive(Debug, Clone)]
pub struct Held {
    /// One a resource, in the order of the plan.
    pub work: Vec<Work>,
    /// Whether the recycle bin was read before.
    pub(super) bin_is_read: bool,
    /// Requests of tonight's comparison.
    pub(super) comparison: u64,
}

/// What a run would read of one resource.
#[derive(Debug, Clone)]
pub struct Work {
    /// The resource.
    pub resource: &'static Resource,
    /// Ranges of time that are not read yet.
    pub(super) ranges: Vec<Range>,
    /// Whether it is read for the first time.
    pub(super) is_first: bool,
    /// Rows that are held alive.
    pub(super) rows: u64,
    /// Rows that are held and with which the newest range begins.
    pub(super) again: u64,
    /// Parents that are held and whose lists are due.
    pub(super) due: u64,
    /// Rows that lack their details.
    pub(super) owing: u64,
    /// Whether it is time to read its archive.
    pub(super) archive_is_due: bool,
}

impl Held {
    /// Of a warehouse that is not there yet, or that no run has filled.
    pub fn nothing(plan: &Plan, now: DateTime<Utc>) -> Self {
        let work = plan.resources.iter().map(|resource| Work::first(resource, plan, now)).collect();
        Self { work, bin_is_read: false, comparison: 0 }
    }

    /// Of a warehouse that a run has filled.
    pub async fn of<D: Dialect>(
        warehouse: &SqlWarehouse<D>,
        plan: &Plan,
        now: DateTime<Utc>,
    ) -> Result<Self, warehouse::Error> {
        let mut held = Self::nothing(plan, now);
        for work in &mut held.work {
            match plan.backfill {
                Some(Backfill { key, range }) => work.is_left(warehouse, key, range).await?,
                None => work.is_next(warehouse, plan, now).await?,
            }
        }
        if plan.backfill.is_none() {
            held.bin_is_read = warehouse.feed_read_until(RECYCLE_BIN).await?.is_some();
            held.comparison = verify::expected(warehouse, plan, now).await?;
        }
        Ok(held)
    }
}

impl Work {
    fn first(resource: &'static Resource, plan: &Plan, now: DateTime<Utc>) -> Self {
        let ranges = match plan.backfill {
            Some(Backfill { range, .. }) => vec![range],
            None => History::default().ranges_to_read(plan.start_date, now, plan.overlap),
        };
        let archive_is_due = resource.archive.is_some() && plan.backfill.is_none();
        Self { resource, ranges, is_first: true, rows: 0, again: 0, due: 0, owing: 0, archive_is_due }
    }

    /// What a backfill finds.
    async fn is_left<D: Dialect>(
        &mut self,
        warehouse: &SqlWarehouse<D>,
        key: Key,
        range: Range,
    ) -> Result<(), warehouse::Error> {
        self.ranges = warehouse.left_of_range(self.resource, key, range).await?;
        Ok(())
    }

    /// What a sync finds.
    async fn is_next<W: Warehouse>(
        &mut self,
        warehouse: &W,
        plan: &Plan,
        now: DateTime<Utc>,
    ) -> Result<(), warehouse::Error> {
        let history = warehouse.history(self.resource).await?;
        self.is_first = history.bookmark.is_none();
        self.ranges = history.ranges_to_read(plan.start_date, now, plan.overlap);
        if let (Some(newest), false) = (self.ranges.first(), self.is_first) {
            let held = warehouse.newest(self.resource, newest.from).await?;
            self.again = held.map_or(0, |held| held.ids.len() as u64);
        }
        self.ranges.extend(history.open.iter().map(Window::rest));
        if let Feed::List(_) = self.resource.feed {
            self.rows = warehouse.count(Extent::all(self.resource), None).await?;
        }
        self.due = warehouse.parents(self.resource, Due::Changed, usize::MAX).await?.len() as u64;
        if plan.asks_details(self.resource) {
            self.owing = warehouse.owing(self.resource).await?.len() as u64;
        }
        if let Some(of) = self.resource.archive {
            self.archive_is_due = archive::is_due(warehouse.feed_read_until(of.name).await?, now);
        }
        Ok(())
    }
}
