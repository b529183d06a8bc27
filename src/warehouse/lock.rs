//! The run lock: one run at a time. The system holds it and gives it back when the process ends, however it ends, so a
//! lock is never stale; who holds it is told by the ledger.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::{Error, lock_file};

/// Exclusive use of a warehouse file, until dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock beside the database file; `None` when another process holds it.
    pub(super) fn take(database: &Path) -> Result<Option<Self>, Error> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
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
