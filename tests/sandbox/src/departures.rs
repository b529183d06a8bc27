//! Records that have left: into the recycle bin, as spam, into another record, or without a trace. What is told of each
//! afterwards is decided in `leavings`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::cast::{AGENTS, DEPARTMENTS};
use crate::record::{Content, Made, Module, Record};
use crate::state::State;

/// Where a record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Into the recycle bin, where it still is.
    Trashed {
        /// Id of the agent who did it.
        by: String,
    },
    /// Deleted as spam, past the bin.
    Spam,
    /// Merged into another record.
    Merged {
        /// Its id.
        into: String,
    },
    /// Purged, from the bin or past it.
    Purged,
}

/// A record that has left, as a test may ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// Its id.
    pub id: String,
    /// When it left; a purge from the bin does not change that.
    pub at: DateTime<Utc>,
    /// Where to.
    pub leaving: Leaving,
}

#[derive(Clone, Debug)]
pub(crate) struct Departure {
    pub(crate) module: Module,
    pub(crate) record: Arc<Record>,
    /// In milliseconds.
    pub(crate) at: i64,
    pub(crate) leaving: Leaving,
    pub(crate) agent: u8,
}

/// Everything that has left, by module and key.
#[derive(Debug, Default)]
pub(crate) struct Departures(BTreeMap<(u8, u64), Departure>);

impl Departures {
    pub(crate) fn get(&self, module: Module, key: u64) -> Option<&Departure> {
        self.0.get(&(module as u8, key))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Departure> {
        self.0.values()
    }

    /// What is in the recycle bin now.
    pub(crate) fn bin(&self) -> impl Iterator<Item = &Departure> {
        self.all().filter(|departure| matches!(departure.leaving, Leaving::Trashed { .. }))
    }
}

impl State {
    /// Takes records away; `leaving` says where one goes that this agent sends.
    fn depart(&mut self, module: Module, keys: &[u64], leaving: impl Fn(String) -> Leaving) {
        let at = self.second();
        for key in keys {
            let Some(record) = self.shelf(module).live.get(*key).cloned() else { continue };
            let agent = self.dice.below(u64::from(AGENTS)) as u8;
            let leaving = leaving(self.cast.agent_id(agent).to_string());
            let departure = Departure { module, record, at, leaving, agent };
            let stays = match &departure.leaving {
                Leaving::Trashed { .. } => self.settings.trashed_in_search,
                Leaving::Merged { .. } => self.settings.merged_in_search,
                Leaving::Spam | Leaving::Purged => false,
            };
            self.departures.0.insert((module as u8, *key), departure);
            if stays {
                self.shelf_mut(module).hide(*key);
            } else {
                self.put(module, *key, None);
            }
        }
    }

    pub(crate) fn trash(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        self.depart(module, &keys, |by| Leaving::Trashed { by });
        keys
    }

    /// Brings records back from the bin; by the settings as if they had been changed, or with their old time.
    pub(crate) fn restore(&mut self, module: Module, count: usize) -> Vec<u64> {
        let second = self.second();
        let keys = self.binned(module, count);
        for key in &keys {
            let Some(departure) = self.departures.0.remove(&(module as u8, *key)) else { continue };
            let mut record = Record::clone(&departure.record);
            if self.settings.restoring_is_a_change {
                record.modified = second;
            }
            self.put(module, *key, Some(record));
        }
        keys
    }

    /// Purges records without a trace.
    pub(crate) fn purge(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        self.depart(module, &keys, |_| Leaving::Purged);
        keys
    }

    /// Empties a part of the bin.
    pub(crate) fn purge_bin(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.binned(module, count);
        for key in &keys {
            if let Some(departure) = self.departures.0.get_mut(&(module as u8, *key)) {
                departure.leaving = Leaving::Purged;
            }
            self.put(module, *key, None);
        }
        keys
    }

    pub(crate) fn delete_spam(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        self.depart(module, &keys, |_| Leaving::Spam);
        keys
    }

    /// Merges records, each into one that stays and counts as changed by it.
    pub(crate) fn merge(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        let stays = self.made_keys(module).into_iter().find(|key| !keys.contains(key));
        let Some(stays) = stays else { return Vec::new() };
        self.depart(module, &keys, |_| Leaving::Merged { into: stays.to_string() });
        self.edit_all(module, vec![stays]);
        keys
    }

    pub(crate) fn move_department(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        let keys = self.edit_all(module, keys);
        self.change(module, &keys, |made| made.department = (made.department + 1) % DEPARTMENTS);
        keys
    }

    /// Archives records. Their modified time stays.
    pub(crate) fn archive(&mut self, module: Module, count: usize) -> Vec<u64> {
        let keys = self.random_keys(module, count);
        self.change(module, &keys, |made| made.archived = true);
        keys
    }

    fn change(&mut self, module: Module, keys: &[u64], change: impl Fn(&mut Made)) {
        for key in keys {
            let Some(record) = self.shelf(module).live.get(*key) else { continue };
            let Some(mut made) = record.made().copied() else { continue };
            change(&mut made);
            let record = Record { content: Content::Made(made), ..Record::clone(record) };
            self.put(module, *key, Some(record));
        }
    }

    fn binned(&mut self, module: Module, count: usize) -> Vec<u64> {
        let mut keys: Vec<u64> =
            self.departures.bin().filter(|one| one.module == module).map(|one| one.record.key).collect();
        while keys.len() > count {
            keys.swap_remove(self.dice.below(keys.len() as u64) as usize);
        }
        keys
    }
}
