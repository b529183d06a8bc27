//! What a run does once the pages of all resources are landed: the archive, then the recycle bin, which has to come after
//! everything that may show a record that is gone, then a count of what the portal has, and a slice of the comparison with it.

use super::archive::Shelves;
use super::context::Context;
use super::detail;
use super::stream::{End, settle};
use super::tally::Counter;
use super::trash::{self, Trash};
use super::verify;
use crate::ledger::{Counts, State};
use crate::resource::{self, Feed, Resource};
use crate::warehouse::Warehouse;

/// What the stages after the pages work with.
pub(super) struct After<'a, W> {
    pub(super) context: Context<'a, W>,
}

impl<W: Warehouse> After<'_, W> {
    /// Does all of it and adds to how the resources ended; gives how the feeds ended that belong to none of them.
    ///
    /// A run that was stopped for a signal or for want of credits has pages to read first.
    pub(super) async fn run(&self, ends: &mut [End]) -> Vec<End> {
        let goes_on = |end: &End| !matches!(end.outcome.state, State::Interrupted | State::OutOfCredits);
        if !ends.iter().all(goes_on) || self.context.stopped.is_cancelled() {
            return Vec::new();
        }
        self.read_archives(ends).await;
        let trash = Trash { context: self.context };
        let mut bin = trash.run(ends).await;
        if goes_on(&bin) {
            let counter = Counter { context: self.context };
            let differing = counter.count(ends).await;
            let first: Vec<_> = differing.iter().map(|difference| difference.resource).collect();
            let before = trash::inserted(ends);
            self.compare(ends, &first).await;
            if let Some(again) = trash.run_for_new(ends, before).await {
                let read = bin.outcome.counts;
                bin = again;
                bin.outcome.counts += read;
            }
            counter.recount(ends, differing).await;
        }
        self.tell_what_is_owed(ends).await;
        vec![bin]
    }

    async fn read_archives(&self, ends: &mut [End]) {
        for end in complete(ends) {
            let Some(resource) = resource::find(end.outcome.resource) else { continue };
            let mut counts = Counts::default();
            let read = Shelves { context: self.context }.read(resource, &mut counts).await;
            end.outcome.counts += counts;
            end.outcome.usage = self.context.client.usage_of(resource.name);
            match read {
                Ok(None) => {}
                Ok(Some(gap)) => end.outcome.lacks(gap),
                Err(halt) => end.stop = Some(settle(halt, &mut end.outcome)),
            }
        }
    }

    /// What lacks its details now, when it is known what has left, is not complete.
    async fn tell_what_is_owed(&self, ends: &mut [End]) {
        for end in ends.iter_mut().filter(|end| matches!(end.outcome.state, State::Complete | State::Partial)) {
            let Some(resource) = resource::find(end.outcome.resource) else { continue };
            match detail::owed(self.context, resource).await {
                Ok(None) => {}
                Ok(Some(owed)) => end.outcome.lacks(owed),
                Err(error) => end.stop = Some(settle(error.into(), &mut end.outcome)),
            }
        }
    }

    async fn compare(&self, ends: &mut [End], first: &[&'static Resource]) {
        let resources = complete(ends).filter_map(|end| resource::find(end.outcome.resource));
        // A list that was read whole has just been compared.
        let resources = resources.filter(|resource| !matches!(resource.feed, Feed::List(_))).collect();
        for (counts, End { outcome, stop }) in verify::slice(self.context, resources, first).await {
            let Some(held) = ends.iter_mut().find(|held| held.outcome.resource == outcome.resource) else { continue };
            held.outcome.counts += counts;
            held.outcome.usage = outcome.usage;
            // Nobody asked for a comparison tonight: it goes on when there are credits for it.
            if outcome.state == State::OutOfCredits {
                continue;
            }
            // That all of tonight's slice is the same does not make a row of a record that fits none.
            if outcome.state != State::Complete {
                (held.outcome.state, held.outcome.error, held.stop) = (outcome.state, outcome.error, stop);
            }
        }
    }
}

/// Those that were read to their end. A record that fits no row is no reason to leave the others alone.
fn complete(ends: &mut [End]) -> impl Iterator<Item = &mut End> {
    ends.iter_mut().filter(|end| end.stop.is_none())
}
