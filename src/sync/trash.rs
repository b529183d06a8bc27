//! The recycle bin at the end of a run: after all pages, so that what a lagging index showed once more is marked too. What
//! a tombstone makes of a row is decided by the warehouse.

use tokio::time::Instant;

use super::Event;
use super::context::Context;
use super::stream::{End, Halt, settle};
use crate::extract::{self, Bin};
use crate::ledger::{Counts, RECYCLE_BIN, ResourceOutcome, State};
use crate::resource;
use crate::warehouse::{Found, Warehouse};

/// New rows of what has a bin.
pub(super) fn inserted(ends: &[End]) -> u64 {
    let has_bin = |name| resource::find(name).is_some_and(|resource| resource.has_bin);
    ends.iter().filter(|end| has_bin(end.outcome.resource)).map(|end| end.outcome.counts.inserted).sum()
}

/// What reads the bin.
pub(super) struct Trash<'a, W> {
    pub(super) context: Context<'a, W>,
}

impl<W: Warehouse> Trash<'_, W> {
    /// Reads what has been deleted since the last time and marks it; adds what was marked to how the resources
    /// ended.
    pub(super) async fn run(&self, ends: &mut [End]) -> End {
        let start = Instant::now();
        let mut counts = Counts::default();
        let halt = self.read_and_mark(ends, &mut counts).await.err();
        let (usage, seconds) = (self.context.client.usage_of(RECYCLE_BIN), start.elapsed().as_secs_f64());
        let mut outcome = ResourceOutcome::complete(RECYCLE_BIN, counts, usage, seconds);
        let stop = halt.map(|halt| settle(halt, &mut outcome));
        if outcome.state != State::Complete {
            self.context.observer.see(&Event::ResourceFinished { outcome: &outcome });
        }
        End { outcome, stop }
    }

    /// Reads it once more if a comparison has brought rows, of which there were so many `before`: they may be in it.
    /// `None` where it did not, or where nobody has read the bin so far, which the next sync does.
    pub(super) async fn run_for_new(&self, ends: &mut [End], before: u64) -> Option<End> {
        if inserted(ends) == before || matches!(self.context.warehouse.feed_read_until(RECYCLE_BIN).await, Ok(None)) {
            return None;
        }
        Some(self.run(ends).await)
    }

    async fn read_and_mark(&self, ends: &mut [End], counts: &mut Counts) -> Result<(), Halt> {
        let read_until = self.context.warehouse.feed_read_until(RECYCLE_BIN).await?;
        // Once more by as much as the index lags: what it still showed after the last reading is marked now.
        let since = read_until.map(|until| until - self.context.plan.overlap);
        let now = self.context.client.portal_now();
        let (mut bin, mut binned) = (Bin::new(since), Vec::new());
        while let Some(page) = self.context.ask(bin.next(self.context.client)).await? {
            binned.extend(page);
        }
        let nameless = bin.nameless;
        counts.read = binned.len() as u64 + nameless;
        // Every table and not only those of this run: the bookmark is one for all.
        let with_bin = || resource::ALL.iter().filter(|resource| resource.has_bin);
        let found = with_bin()
            .map(|resource| Found { gone: binned.clone(), ..Found::new(resource, self.context.run, now) })
            .collect();
        // What was deleted and cannot be told is looked for again, so the bookmark does not pass it by.
        let read_until = (nameless == 0).then_some((RECYCLE_BIN, now));
        let landed = self.context.warehouse.land_found(found, read_until).await?;
        for (resource, landed) in with_bin().zip(landed) {
            if let Some(end) = ends.iter_mut().find(|end| end.outcome.resource == resource.name) {
                end.outcome.counts += landed.counts;
            }
        }
        if nameless > 0 {
            let (resource, read) = (RECYCLE_BIN, counts.read);
            return Err(Halt::Read(extract::Error::SomeUnreadable { resource, count: nameless, read }));
        }
        Ok(())
    }
}
