//! Details: what only a record read alone tells, asked for the rows that are new or changed. Which columns these are, the
//! definition says; how the two readings become one row, `transform`.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytestring::ByteString;
use futures_util::StreamExt;
use futures_util::future::try_join_all;

use super::alone;
use super::apart::apart;
use super::context::Context;
use super::stream::{Halt, Stream};
use crate::extract;
use crate::ledger::{Counts, WindowId};
use crate::record::Record;
use crate::resource::{Feed, List, Resource};
use crate::transform::{Mapper, Reject, Row};
use crate::warehouse::{self, Found, Owing, Warehouse};

/// Records of a page that were completed, by key and fingerprint of what the page showed.
type Completed = HashMap<(ByteString, i64), Record>;

/// Makes rows of the pages of a stream, completed where the plan asks for it.
pub(super) struct Details<'a, W> {
    stream: &'a Stream<'a, W>,
    mapper: Arc<Mapper>,
    is_asked: bool,
    /// Details of the last page of each window, by key and fingerprint. A walk reads the last moment of a page again,
    /// and by then the page may still wait for landing.
    last: Mutex<HashMap<WindowId, Completed>>,
}

impl<'a, W: Warehouse> Details<'a, W> {
    pub(super) fn new(stream: &'a Stream<'a, W>) -> Self {
        let (resource, plan) = (stream.resource, stream.context.plan);
        let is_asked = plan.asks_details(resource);
        let mapper = if is_asked { Mapper::with_details } else { Mapper::new };
        Self { stream, mapper: Arc::new(mapper(resource, plan.keep_raw)), is_asked, last: Mutex::default() }
    }

    /// The rows of a page. One that is held as it is needs no request: it is not written again either.
    pub(super) async fn rows(&self, window: WindowId, records: Vec<Record>) -> Result<Vec<Result<Row, Reject>>, Halt> {
        if !self.is_asked {
            let mapper = Arc::clone(&self.mapper);
            return Ok(apart(move || records.into_iter().map(|record| mapper.row(record)).collect()).await);
        }
        let keys: Vec<(ByteString, i64)> = records
            .iter()
            .map(|record| (record.keys().id.as_deref().unwrap_or_default().into(), self.mapper.fingerprint(record)))
            .collect();
        let held = self.stream.context.warehouse.unchanged(self.stream.resource, keys.clone()).await?;
        let mut known = self.lock().remove(&window).unwrap_or_default();
        let wanted = keys.iter().zip(held).map(|(key, is_held)| {
            let known = known.remove(key);
            async move {
                match known {
                    Some(detail) => Ok(Some(Ok(detail))),
                    None if is_held || key.0.is_empty() => Ok(None),
                    None => self.read(&key.0).await.map(Some),
                }
            }
        });
        let details = try_join_all(wanted.collect::<Vec<_>>()).await?;
        let found = keys.into_iter().zip(&details);
        let found = found.filter_map(|(key, detail)| Some((key, detail.as_ref()?.as_ref().ok()?.clone()))).collect();
        self.lock().insert(window, found);
        let row = |(record, detail): (Record, Option<Result<Record, &str>>)| match detail {
            Some(Ok(detail)) => self.mapper.completed(record, &detail),
            Some(Err(reason)) => self.mapper.owing(record, reason),
            None => self.mapper.row(record),
        };
        Ok(records.into_iter().zip(details).map(row).collect())
    }

    /// A record alone. One that has left meanwhile, or may not be seen alone, stays as the page shows it and owes the rest.
    async fn read(&self, id: &str) -> Result<Result<Record, &'static str>, Halt> {
        let single = extract::single(self.stream.context.client, self.stream.resource, id).await;
        Ok(single.map_err(Halt::Read)?.record())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WindowId, Completed>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks again for the details that rows of earlier runs owe, and lands those that are had. Lists that are read whole need
/// no such thing: they show these rows again.
pub(super) async fn ask_again<W: Warehouse>(
    context: Context<'_, W>,
    resource: &'static Resource,
    counts: &mut Counts,
) -> Result<(), Halt> {
    if !context.plan.asks_details(resource) {
        return Ok(());
    }
    let (client, mapper) = (context.client, Mapper::with_details(resource, context.plan.keep_raw));
    for owing in context.warehouse.owing(resource).await?.chunks(alone::BATCH) {
        let ids: Vec<_> = owing.iter().map(|owing| owing.id.clone()).collect();
        // A search tells what the record alone does not.
        let mut shown = context.ask(extract::shown(client, resource, &ids)).await?;
        let asked = alone::each(context, ids, |id: String| async move {
            let single = extract::single(client, resource, &id).await?;
            Ok((id, single))
        });
        let (mut asked, mut halt) = (pin!(asked), None);
        while let Some(batch) = asked.next().await {
            let mut found = Found::new(resource, context.run, client.portal_now());
            for (id, single) in alone::answers(batch, &mut halt) {
                let row = match (single.record(), shown.remove(&id)) {
                    (Ok(whole), Some(record)) => mapper.completed(record, &whole),
                    (Ok(whole), None) => mapper.completed(whole.clone(), &whole),
                    (Err(reason), Some(record)) => mapper.owing(record, reason),
                    (Err(reason), None) => {
                        found.owing.push(Owing { id, reason: reason.to_owned() });
                        continue;
                    }
                };
                found.read += 1;
                found.take(row);
            }
            for landed in context.warehouse.land_found(vec![found], None).await? {
                *counts += landed.counts;
            }
        }
        if let Some(halt) = halt {
            return Err(halt);
        }
    }
    Ok(())
}

/// One sentence about the rows of a resource that lack their details; none where none does.
pub(super) async fn owed<W: Warehouse>(
    context: Context<'_, W>,
    resource: &'static Resource,
) -> Result<Option<String>, warehouse::Error> {
    let is_asked =
        context.plan.asks_details(resource) || matches!(resource.feed, Feed::List(List { detail: Some(_), .. }));
    if !is_asked {
        return Ok(None);
    }
    let owing = context.warehouse.owing(resource).await?;
    Ok(owing.first().map(|first| {
        format!(
            "{} rows lack the columns that only the record read alone tells, and are asked for again; the first one, {}: {}",
            owing.len(),
            first.id,
            first.reason
        )
    }))
}
