//! What a search goes on showing although it has left, which no number tells: what was merged into another record, above
//! all. The plain list beside the search does not have it, and the record itself tells what became of it.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta};

use super::compare::{Comparer, Looked};
use super::{Depth, Early, Hand};
use crate::extract::{self, PlainList};
use crate::ledger::Range;
use crate::sync::context::Context;
use crate::warehouse::{Extent, Warehouse};

impl<W: Warehouse> Comparer<'_, W> {
    /// Asks for what is held and is not in the plain list. That takes as many pages as the search, so that only who looks at
    /// every record looks there as well.
    pub(super) async fn beside_the_search(&mut self) -> Result<(), Early> {
        let is_deep = self.manner.depth == Depth::Records && self.manner.hand == Hand::Mend;
        let Some(path) = self.resource.plain.filter(|_| is_deep) else { return Ok(()) };
        let Context { client, warehouse, plan, .. } = self.context;
        let until = client.portal_now() - plan.overlap;
        let (mut there, mut since) = (HashSet::new(), DateTime::UNIX_EPOCH + TimeDelta::days(1));
        for department in self.context.ask(extract::departments(client, self.resource.name)).await? {
            let mut list = PlainList::new(self.resource, path, &department.id);
            while let Some(ids) = self.context.ask(list.next(client)).await? {
                there.extend(ids);
            }
            since = since.max(list.since);
        }
        if since >= until {
            return Ok(());
        }
        let extent = Extent { without_archived: true, binned_since: None, ..self.extent };
        let held = warehouse.ids(extent, Some(Range::new(since, until))).await?;
        let vanished: Vec<_> =
            held.into_iter().filter(|id| !there.contains(id)).map(|id| (id, Looked::InList)).collect();
        self.believe(vanished.len() as u64)?;
        self.bury(vanished).await
    }
}
