//! The locks of runs: what one has claimed, no other may claim. The system holds them and gives them back when the
//! process ends, however it ends, so a lock is never stale; who holds it is told by the ledger.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::{Error, lock_file};
use crate::ledger::Purpose;

/// Exclusive use of a part of a warehouse file, until dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock beside the database file; `None` when another process holds it.
    pub(super) fn take(database: &Path, claim: &str) -> Result<Option<Self>, Error> {
        let mut name = database.as_os_str().to_owned();
        name.push(".");
        if claim != Purpose::Sync.word() {
            name.push(format!("{}.", claim.replace(' ', "-")));
        }
        name.push("lock");
        let path = Path::new(&name);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| lock_file(path.to_owned(), &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(lock_file(path.to_owned(), &error)),
        }
    }
}
