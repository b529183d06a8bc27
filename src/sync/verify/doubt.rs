//! What the portal shows and the warehouse holds as deleted, or the other way round: only the record itself tells which of
//! them is right, so each is asked for alone, and what comes of it lands batch by batch.

use std::collections::{HashMap, HashSet};
use std::mem;

use bytestring::ByteString;

use super::Early;
use super::compare::{Comparer, Looked};
use crate::extract::{self, Single};
use crate::ledger::{Reason, Sight, Tombstone};
use crate::record::Record;
use crate::sync::alone;
use crate::warehouse::Warehouse;

/// What is to be asked for alone.
#[derive(Default)]
pub(super) struct Doubts {
    /// Records that are shown and held as deleted.
    risen: Vec<Record>,
    /// Rows that are held and were not shown, and where.
    vanished: Vec<(String, Looked)>,
}

impl<W: Warehouse> Comparer<'_, W> {
    /// Takes in what was shown and what was not. A range holds few of them, so they wait until it is worth asking for them
    /// together.
    pub(super) async fn doubt(
        &mut self,
        records: Vec<Record>,
        vanished: Vec<String>,
        looked: Looked,
    ) -> Result<(), Early> {
        let ids = records.iter().filter_map(|record| Some(record.keys().id.as_deref()?.into())).collect();
        let deleted: HashSet<ByteString> =
            self.context.warehouse.deleted(self.resource, ids).await?.into_iter().collect();
        let is_deleted = |record: &Record| record.keys().id.as_deref().is_some_and(|id| deleted.contains(id));
        self.doubts.risen.extend(records.into_iter().filter(is_deleted));
        self.doubts.vanished.extend(vanished.into_iter().map(|id| (id, looked)));
        if self.doubts.risen.len() + self.doubts.vanished.len() < alone::BATCH {
            return Ok(());
        }
        self.ask_what_is_doubted().await
    }

    /// Asks for all of it.
    pub(super) async fn ask_what_is_doubted(&mut self) -> Result<(), Early> {
        let Doubts { risen, vanished } = mem::take(&mut self.doubts);
        self.raise(risen).await?;
        self.bury(vanished).await
    }

    /// What is shown and still held as deleted is shown although it has gone, or came back with an old time: the record
    /// itself tells which.
    pub(super) async fn raise(&mut self, records: Vec<Record>) -> Result<(), Early> {
        let (client, resource) = (self.context.client, self.resource);
        let mut shown: HashMap<ByteString, Record> =
            records.into_iter().filter_map(|record| Some((record.keys().id.as_deref()?.into(), record))).collect();
        let deleted = shown.keys().cloned().collect();
        let ask = |id: ByteString| async move {
            let single = extract::single(client, resource, &id).await?;
            Ok((id, single))
        };
        alone::each(self.context, deleted, ask, async |singles: Vec<(ByteString, Single)>| {
            // Spam that is shown has not gone.
            let is_there = |single: &Single| matches!(single, Single::Alive(_) | Single::Spam(_));
            let there = singles.into_iter().filter(|(_, single)| is_there(single));
            let risen: Vec<_> = there.filter_map(|(id, _)| shown.remove(&id)).collect();
            if risen.is_empty() { Ok(()) } else { self.land(risen, Vec::new(), Sight::Read).await }
        })
        .await
    }

    /// Asks for each of these and marks those that are gone.
    pub(super) async fn bury(&mut self, vanished: Vec<(String, Looked)>) -> Result<(), Early> {
        let (client, resource) = (self.context.client, self.resource);
        let ask = |(id, looked): (String, Looked)| async move {
            let single = extract::single(client, resource, &id).await?;
            // What is in the bin, or nowhere, may have been merged: only its history tells.
            let merged_into = match &single {
                Single::Trashed | Single::NotFound => extract::merged_into(client, resource, &id).await?,
                Single::Merged(other) => Some(other.clone()),
                Single::Alive(_) | Single::Spam(_) | Single::Hidden => None,
            };
            Ok((id, looked, single, merged_into))
        };
        alone::each(self.context, vanished, ask, async |singles| {
            let (mut elsewhere, mut gone) = (Vec::new(), Vec::new());
            for (id, looked, single, merged_into) in singles {
                let Some(reason) = self.reason(single, looked, &mut elsewhere) else { continue };
                let reason = if merged_into.is_some() { Reason::Merged } else { reason };
                self.compared.mark(reason);
                let tombstone = Tombstone { merged_into, ..Tombstone::new(reason, client.portal_now()) };
                gone.push((ByteString::from(id), tombstone));
            }
            match elsewhere.is_empty() && gone.is_empty() {
                true => Ok(()),
                false => self.land(elsewhere, gone, Sight::Read).await,
            }
        })
        .await
    }

    /// Why a record that was not shown is gone; `None` where it is not, or nobody knows.
    fn reason(&mut self, single: Single, looked: Looked, elsewhere: &mut Vec<Record>) -> Option<Reason> {
        match single {
            Single::Alive(record) if self.is_elsewhere(&record, looked) => elsewhere.push(record),
            Single::Hidden => self.compared.hidden += 1,
            // Spam in the archive has not gone either, as long as that shows it, which is compared last.
            Single::Spam(record)
                if looked != Looked::InArchive && (self.is_archived(&record) || self.is_elsewhere(&record, looked)) =>
            {
                elsewhere.push(record);
            }
            // The search shows it, and more of it than the record alone: the list had not all.
            Single::Alive(_) | Single::Spam(_) if looked == Looked::InList => {}
            Single::Alive(_) => self.compared.unseen += 1,
            Single::Spam(_) => return Some(Reason::Spam),
            Single::Trashed => return Some(Reason::Trashed),
            Single::Merged(_) => return Some(Reason::Merged),
            Single::NotFound => return Some(Reason::Gone),
        }
        None
    }
}
