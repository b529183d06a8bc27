//! A search that shows what is in the recycle bin: its numbers are those of the rows that are alive and of those in the bin
//! together, and do not tell when one of these came back. The bin tells that.

use std::collections::HashSet;

use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::Early;
use super::compare::Comparer;
use crate::extract::{self, Bin};
use crate::http;
use crate::ledger::{KEPT_IN_BIN, Reason};
use crate::resource::Feed;
use crate::sync::alone;
use crate::sync::stream::Halt;
use crate::warehouse::Warehouse;

/// Records in the bin that the search is asked for. Some may have come back, so that most of them have to be shown.
const SAMPLE: usize = 10;

impl<W: Warehouse> Comparer<'_, W> {
    /// Since when what was put into the bin is shown by searches; `None` where they hide it, or nobody knows.
    pub(super) async fn shows_bin_since(&self) -> Result<Option<DateTime<Utc>>, Early> {
        if !matches!(self.resource.feed, Feed::Search { .. }) || !self.resource.has_bin {
            return Ok(None);
        }
        let since = self.context.client.portal_now() - KEPT_IN_BIN;
        // The newest ones might be shown because the index lags.
        let until = self.context.client.portal_now() - self.context.plan.overlap;
        let sample = self.context.warehouse.departed(self.resource, &[Reason::Trashed], since, until, SAMPLE).await?;
        if sample.is_empty() {
            return Ok(None);
        }
        let shown = self.context.ask(extract::shown(self.context.client, self.resource, &sample)).await?.len();
        Ok((shown * 2 > sample.len()).then_some(since))
    }

    /// Asks for what is held as being in the bin and is not in it any more.
    pub(super) async fn look_into_bin(&mut self, since: DateTime<Utc>) -> Result<(), Early> {
        let until = self.context.client.portal_now();
        let held = self.context.warehouse.departed(self.resource, &[Reason::Trashed], since, until, usize::MAX).await?;
        let in_bin = self.in_bin(since).await?;
        let left: Vec<String> = held.into_iter().filter(|id| !in_bin.contains(id.as_str())).collect();
        for ids in left.chunks(alone::BATCH) {
            let shown = self.context.ask(extract::shown(self.context.client, self.resource, ids)).await?;
            self.raise(shown.into_values().collect()).await?;
        }
        Ok(())
    }

    /// Everything that was put into the bin since then; nothing where it may not be seen.
    async fn in_bin(&self, since: DateTime<Utc>) -> Result<HashSet<ByteString>, Early> {
        let (mut bin, mut found) = (Bin::new(Some(since)), HashSet::new());
        loop {
            match self.context.ask(bin.next(self.context.client)).await {
                Ok(Some(page)) => found.extend(page.into_iter().map(|(id, _)| id)),
                Ok(None) => return Ok(found),
                Err(Halt::Read(extract::Error::Http(http::Error::NotGranted { .. }))) => return Ok(HashSet::new()),
                Err(halt) => return Err(halt.into()),
            }
        }
    }
}
