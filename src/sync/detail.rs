//! Details: what only a record read alone tells, asked for the rows that are new or changed. Which columns these are, the
//! definition says; how the two readings become one row, `transform`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytestring::ByteString;

use super::alone;
use super::apart::apart;
use super::context::Context;
use super::stream::{Halt, Stream};
use crate::extract::{self, Single};
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

    /// The rows of a page. One that is held as it is needs no request: it is not written again either. Those that do are
    /// given to `land` as they come, since each is paid for; the others are given back.
    pub(super) async fn rows(
        &self,
        window: WindowId,
        records: Vec<Record>,
        mut land: impl AsyncFnMut(Vec<Result<Row, Reject>>) -> Result<(), Halt>,
    ) -> Result<Vec<Result<Row, Reject>>, Halt> {
        if !self.is_asked {
            let mapper = Arc::clone(&self.mapper);
            return Ok(apart(move || records.into_iter().map(|record| mapper.row(record)).collect()).await);
        }
        let Context { client, warehouse, .. } = self.stream.context;
        let resource = self.stream.resource;
        let keys: Vec<(ByteString, i64)> = records
            .iter()
            .map(|record| (record.keys().id.as_deref().unwrap_or_default().into(), self.mapper.fingerprint(record)))
            .collect();
        let held = warehouse.unchanged(resource, keys.clone()).await?;
        let mut known = self.lock().remove(&window).unwrap_or_default();
        let (mut rows, mut wanted, mut had) = (Vec::new(), Vec::new(), Completed::new());
        for ((record, key), is_held) in records.into_iter().zip(keys).zip(held) {
            match known.remove(&key) {
                Some(detail) => {
                    rows.push(self.mapper.completed(record, &detail));
                    had.insert(key, detail);
                }
                None if is_held || key.0.is_empty() => rows.push(self.mapper.row(record)),
                None => wanted.push((key, record)),
            }
        }
        let ask = |(key, record): ((ByteString, i64), Record)| async move {
            let single = extract::single(client, resource, &key.0).await?;
            Ok((key, record, single))
        };
        alone::each(self.stream.context, wanted, ask, async |singles: Vec<_>| {
            let completed =
                singles.into_iter().map(|(key, record, single): (_, Record, Single)| match single.record() {
                    Ok(detail) => {
                        let row = self.mapper.completed(record, &detail);
                        had.insert(key, detail);
                        row
                    }
                    // One that has left meanwhile, or may not be seen alone, stays as the page shows it and owes the rest.
                    Err(reason) => self.mapper.owing(record, reason),
                });
            land(completed.collect()).await
        })
        .await?;
        self.lock().insert(window, had);
        Ok(rows)
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
        let ask = |id: String| async move {
            let single = extract::single(client, resource, &id).await?;
            Ok((id, single))
        };
        alone::each(context, ids, ask, async |singles| {
            let mut found = Found::new(resource, context.run, client.portal_now());
            for (id, single) in singles {
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
            Ok::<_, Halt>(())
        })
        .await?;
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
