//! Details: what only a record read alone tells, asked for the rows that are new or changed. Which columns these are, the
//! definition says; how the two readings become one row, `transform`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytestring::ByteString;
use futures_util::future::try_join_all;

use super::apart::apart;
use super::stream::{Halt, Stream};
use crate::extract::{self, Single};
use crate::ledger::WindowId;
use crate::record::Record;
use crate::transform::{Mapper, Reject, Row};
use crate::warehouse::Warehouse;

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
        let is_asked = resource.has_detail() && plan.detail.iter().any(|named| named.name == resource.name);
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
                    Some(detail) => Ok(Some(detail)),
                    None if is_held || key.0.is_empty() => Ok(None),
                    None => self.read(&key.0).await,
                }
            }
        });
        let details = try_join_all(wanted.collect::<Vec<_>>()).await?;
        let found = keys.into_iter().zip(&details);
        let found = found.filter_map(|(key, detail)| detail.clone().map(|detail| (key, detail))).collect();
        self.lock().insert(window, found);
        let row = |(record, detail): (Record, Option<Record>)| match detail {
            Some(detail) => self.mapper.completed(record, &detail),
            None => self.mapper.row(record),
        };
        Ok(records.into_iter().zip(details).map(row).collect())
    }

    /// A record alone. One that has left meanwhile, or may not be seen alone, stays as the page shows it.
    async fn read(&self, id: &str) -> Result<Option<Record>, Halt> {
        match extract::single(self.stream.context.client, self.stream.resource, id).await.map_err(Halt::Read)? {
            Single::Alive(record) | Single::Spam(record) => Ok(Some(record)),
            Single::Trashed | Single::NotFound | Single::Hidden => Ok(None),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WindowId, Completed>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
