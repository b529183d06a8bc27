//! A module's records twice over: as they are, and as the search index knows them, which may lag behind.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::ordered::Ordered;
use crate::record::Record;

/// Records by key, by modified time and by created time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collection {
    pub(crate) records: BTreeMap<u64, Arc<Record>>,
    pub(crate) by_modified: Ordered,
    pub(crate) by_created: Ordered,
}

impl Collection {
    fn new(records: Vec<Record>) -> Self {
        Self {
            by_modified: Ordered::new(records.iter().map(|record| (record.modified, record.key)).collect()),
            by_created: Ordered::new(records.iter().map(|record| (record.created, record.key)).collect()),
            records: records.into_iter().map(|record| (record.key, Arc::new(record))).collect(),
        }
    }

    pub(crate) fn get(&self, key: u64) -> Option<&Arc<Record>> {
        self.records.get(&key)
    }

    fn set(&mut self, key: u64, record: Option<Arc<Record>>) {
        let old = match record {
            Some(new) => {
                let (created, modified) = (new.created, new.modified);
                let old = self.records.insert(key, new);
                self.forget(key, old);
                self.by_created.insert((created, key));
                self.by_modified.insert((modified, key));
                return;
            }
            None => self.records.remove(&key),
        };
        self.forget(key, old);
    }

    fn forget(&mut self, key: u64, old: Option<Arc<Record>>) {
        if let Some(old) = old {
            self.by_created.remove((old.created, key));
            self.by_modified.remove((old.modified, key));
        }
    }
}

/// How long a change may be taken back from the index, in milliseconds: no lag is longer.
const LONGEST_LAG: i64 = 3_600_000;

/// A change and what the index is to hold of the record: after it, as long as it has not heard of it; before it, from then
/// on.
#[derive(Debug)]
struct Change {
    happened: i64,
    key: u64,
    record: Option<Arc<Record>>,
}

/// One module.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) live: Collection,
    pub(crate) index: Collection,
    /// Changes that the index has not heard of yet, and those that it has heard of lately.
    pending: VecDeque<Change>,
    heard: VecDeque<Change>,
    /// The serial number of the next record made.
    pub(crate) next: u32,
}

impl Shelf {
    pub(crate) fn new(records: Vec<Record>) -> Self {
        let next = records.len() as u32;
        let live = Collection::new(records);
        Self { index: live.clone(), live, pending: VecDeque::new(), heard: VecDeque::new(), next }
    }

    /// Puts a record, or with `None` removes it. The index hears of it through [`Shelf::settle`].
    pub(crate) fn set(&mut self, key: u64, record: Option<Record>, now: i64) {
        let record = record.map(Arc::new);
        self.live.set(key, record.clone());
        self.pending.push_back(Change { happened: now, key, record });
    }

    /// Removes a record of which the index is not told.
    pub(crate) fn hide(&mut self, key: u64) {
        self.live.set(key, None);
    }

    /// Lets the index know every change that happened at least `lag` milliseconds ago, and none that is younger: where the
    /// lag has grown, another copy of it answers, which has not heard of them.
    pub(crate) fn settle(&mut self, now: i64, lag: i64) {
        while let Some(change) = self.pending.pop_front_if(|change| change.happened + lag <= now) {
            let before = self.index.get(change.key).cloned();
            self.index.set(change.key, change.record);
            self.heard.push_back(Change { record: before, ..change });
        }
        while let Some(change) = self.heard.pop_back_if(|change| change.happened + lag > now) {
            let after = self.index.get(change.key).cloned();
            self.index.set(change.key, change.record);
            self.pending.push_front(Change { record: after, ..change });
        }
        while self.heard.pop_front_if(|change| change.happened + LONGEST_LAG < now).is_some() {}
    }
}
